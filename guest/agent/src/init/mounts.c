// Mounting beneath a root that is not ours, and letting go of everything at the end. Paths inside an image are resolved
// by openat2 with RESOLVE_IN_ROOT: an image whose /lib is an absolute link gets the mount inside itself.
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_in_root(int root_fd, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
}

// Opens the directory, making each missing component on the way with `mode`.
static int open_or_make(int root_fd, const char *path, unsigned mode)
{
    int fd = open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    char parent[512];
    if (strlen(path) >= sizeof parent) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(parent, path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL || slash[1] == '\0') {
        errno = EINVAL;
        return -1;
    }
    *slash = '\0';
    int parent_fd = parent[0] == '\0' ? dup(root_fd) : open_or_make(root_fd, parent, 0755);
    if (parent_fd < 0)
        return -1;
    int made = mkdirat(parent_fd, slash + 1, mode);
    int saved = errno;
    close(parent_fd);
    errno = saved;
    if (made != 0 && errno != EEXIST)
        return -1;
    return open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
}

static int mount_on(int root_fd, const char *path, unsigned mode, const char *source, const char *type,
                    unsigned long flags, const char *data)
{
    int fd = open_or_make(root_fd, path, mode);
    if (fd < 0)
        return -1;
    char target[40];
    snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
    int result = mount(source, target, type, flags, data);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

int mount_beneath(int root_fd, const char *path, unsigned mode, const char *source, const char *type,
                  unsigned long flags, const char *data)
{
    return mount_on(root_fd, path, mode, source, type, flags, data);
}

int mount_move_beneath(int root_fd, const char *path, const char *from)
{
    return mount_on(root_fd, path, 0755, from, NULL, MS_MOVE, NULL);
}

// mountinfo writes space, tab, newline and backslash as \ooo.
static void unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] != '\0' && at[3] != '\0') {
            *to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            at += 3;
        } else
            *to++ = *at;
    }
    *to = '\0';
}

static bool is_virtual(const char *type)
{
    static const char *const types[] = {"proc",     "sysfs",   "devtmpfs", "devpts",     "tmpfs",   "ramfs",
                                        "cgroup",   "cgroup2", "mqueue",   "securityfs", "debugfs", "tracefs",
                                        "configfs", "bpf",     "pstore",   "hugetlbfs",  "rootfs"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static void release_one(char *line)
{
    char path[4096], type[64];
    const char *dash = strstr(line, " - ");
    if (dash == NULL || sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1 || sscanf(dash + 3, "%63s", type) != 1)
        return;
    if (is_virtual(type))
        return;
    unescape(path);
    if (strcmp(path, "/") == 0 || umount2(path, UMOUNT_NOFOLLOW) != 0)
        mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

void mounts_release(void)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (file == NULL)
        return;
    char **lines = NULL, *line = NULL;
    size_t count = 0, room = 0, size = 0;
    while (getline(&line, &size, file) > 0) {
        if (count == room) {
            char **grown = realloc(lines, (room = room * 2 + 64) * sizeof *lines);
            if (grown == NULL)
                break;
            lines = grown;
        }
        if ((lines[count] = strdup(line)) != NULL)
            count++;
    }
    fclose(file);
    while (count > 0) {
        release_one(lines[--count]);
        free(lines[count]);
    }
    free(lines);
    free(line);
}
