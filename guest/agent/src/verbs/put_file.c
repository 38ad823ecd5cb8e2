// Files of the image that identity needs: replaced as a whole, so that a reader never sees half of one.
#include "configure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

ssize_t get_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    ssize_t n = io_read_full(fd, text, size - 1);
    close(fd);
    if (n >= 0)
        text[n] = '\0';
    return n;
}

static bool is_same(const char *path, const char *text, size_t length, mode_t mode)
{
    char part[4096];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool same =
        fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)length && (st.st_mode & 07777) == mode;
    for (size_t at = 0; same && at < length;) {
        ssize_t n = io_read(fd, part, sizeof part);
        same = n > 0 && (size_t)n <= length - at && !memcmp(part, text + at, (size_t)n);
        at += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return same;
}

static int write_new(const char *path, const char *text, size_t length, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int error = io_write(fd, text, length) != 0 || fchmod(fd, mode) != 0 ? -errno : 0;
    close(fd);
    if (error)
        unlink(path);
    return error;
}

// On a read-only root: the content lives in /run, mounted over the file.
static int cover(const char *path, const char *text, size_t length, mode_t mode)
{
    char copy[256];
    mkdir("/run/banger/etc", 0755);
    snprintf(copy, sizeof copy, "/run/banger/etc/%s", strrchr(path, '/') + 1);
    int error = write_new(copy, text, length, mode);
    if (error)
        return error;
    return mount(copy, path, NULL, MS_BIND, NULL) != 0 ? -errno : 1;
}

// A file that is a mount point cannot be replaced.
static int overwrite(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    int error = io_write(fd, text, length) != 0 ? -errno : 1;
    close(fd);
    return error;
}

int put_file(const char *path, const char *text, size_t length, mode_t mode)
{
    char fresh[256];
    if (is_same(path, text, length, mode))
        return 0;
    if (snprintf(fresh, sizeof fresh, "%s.banger-new", path) >= (int)sizeof fresh)
        return -ENAMETOOLONG;
    int error = write_new(fresh, text, length, mode);
    if (error == -EROFS)
        return cover(path, text, length, mode);
    if (error)
        return error;
    if (rename(fresh, path) == 0)
        return 1;
    error = -errno;
    unlink(fresh);
    return error == -EBUSY ? overwrite(path, text, length) : error;
}
