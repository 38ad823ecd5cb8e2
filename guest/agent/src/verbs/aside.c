// See aside.h.
#include "aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_name(char name[40])
{
    static uint64_t count;
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = (uint64_t)getpid() << 32 | ++count;
    snprintf(name, 40, ".banger-%016llx.part", (unsigned long long)random);
}

int aside_open(struct aside *file, int parent)
{
    *file = (struct aside){.parent = parent};
    file->fd = openat(parent, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (file->fd >= 0)
        return 0;
    // What a file system without nameless files, or a kernel without them, says.
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
        return errno;
    make_name(file->part);
    file->fd = openat(parent, file->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd >= 0)
        return 0;
    file->part[0] = '\0';
    return errno;
}

static int link_as(const struct aside *file, const char *leaf)
{
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
    return linkat(AT_FDCWD, self, file->parent, leaf, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

// What leads elsewhere is no older content of a file: a machine is not what it was without its /dev/null.
static bool is_device(const struct aside *file, const char *leaf)
{
    struct stat st;
    return fstatat(file->parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

int aside_name(struct aside *file, const char *leaf)
{
    if (!file->part[0]) {
        int error = link_as(file, leaf);
        if (error != EEXIST)
            return error;
        // A link replaces nothing, a rename does.
        make_name(file->part);
        error = link_as(file, file->part);
        if (error) {
            file->part[0] = '\0';
            return error;
        }
    }
    if (is_device(file, leaf))
        return EEXIST;
    if (renameat(file->parent, file->part, file->parent, leaf) != 0)
        return errno;
    file->part[0] = '\0';
    return 0;
}

int aside_close(struct aside *file)
{
    if (file->part[0])
        unlinkat(file->parent, file->part, 0);
    return close(file->fd) == 0 ? 0 : errno;
}
