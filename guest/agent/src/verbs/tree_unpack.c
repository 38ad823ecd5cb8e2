// An archive into a directory. Every parent is resolved by openat2 beneath the directory, so neither `..` nor a link
// that the archive or the guest put in the way leads out; the last component is never followed, except to a directory
// that is there already.
#include "tree_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int fail(struct unpack *unpack, const char *path, int error, const char *why)
{
    if (!unpack->count->why[0])
        snprintf(unpack->count->why, sizeof unpack->count->why, "%.100s: %s", path, why ? why : strerror(error));
    return error;
}

int tree_open_beneath(int base, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, base, path, &how, sizeof how);
}

bool tree_clean_path(const char *from, char to[PATH_SIZE])
{
    size_t n = 0;
    if (*from == '/')
        return false;
    while (*from) {
        size_t part = strcspn(from, "/");
        if (part == 2 && from[0] == '.' && from[1] == '.')
            return false;
        if (part > 0 && !(part == 1 && from[0] == '.')) {
            if (n + part + 2 > PATH_SIZE)
                return false;
            if (n > 0)
                to[n++] = '/';
            memcpy(to + n, from, part);
            n += part;
        }
        from += part;
        while (*from == '/')
            from++;
    }
    to[n] = '\0';
    return true;
}

int tree_open_parent(struct unpack *unpack, const char *path, const char **leaf)
{
    char parent[PATH_SIZE];
    const char *slash = strrchr(path, '/');
    *leaf = slash ? slash + 1 : path;
    if (!slash)
        return tree_open_beneath(unpack->base, ".", O_PATH | O_DIRECTORY);
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    int fd = tree_open_beneath(unpack->base, parent, O_PATH | O_DIRECTORY);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    const char *name;
    int above = tree_open_parent(unpack, parent, &name);
    if (above < 0)
        return -1;
    int made = mkdirat(above, name, 0755);
    int saved = errno;
    close(above);
    errno = saved;
    if (made != 0 && errno != EEXIST)
        return -1;
    return tree_open_beneath(unpack->base, parent, O_PATH | O_DIRECTORY);
}

static int unpack_entry(struct unpack *unpack, const struct tar_entry *entry)
{
    char path[PATH_SIZE];
    const char *leaf;
    if (!tree_clean_path(entry->path, path))
        return fail(unpack, entry->path, EXDEV, "the archive names a path outside of the directory");
    if (path[0] == '\0')
        return 0;
    int parent = tree_open_parent(unpack, path, &leaf);
    if (parent < 0)
        return fail(unpack, path, errno, errno == EXDEV ? "a link leads out of the directory" : NULL);
    int error = tree_make_member(unpack, entry, path, parent, leaf);
    close(parent);
    if (error == EEXIST && entry->type == '0')
        return fail(unpack, path, error, "a device is in its place");
    if (error)
        return fail(unpack, path, error, error == EBADMSG ? unpack->reader.why : NULL);
    unpack->count->entries++;
    return 0;
}

static void finish_directories(struct unpack *unpack)
{
    while (unpack->made) {
        struct made_directory *made = unpack->made;
        int fd = tree_open_beneath(unpack->base, made->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = made->mtime, .tv_nsec = made->mtime_ns}};
        if (fd >= 0) {
            futimens(fd, times);
            close(fd);
        }
        unpack->made = made->next;
        free(made);
    }
}

int tree_unpack(int directory, bool keep_owners, const struct io_source *in, struct tree_count *count)
{
    static struct unpack unpack;
    static char rest[IO_CHUNK];
    unpack = (struct unpack){.base = directory, .keep_owners = keep_owners, .count = count};
    unpack.reader = (struct tar_reader){.source = *in};
    umask(0);
    struct tar_entry entry;
    int error = 0, step;
    while (!error && (step = tar_next(&unpack.reader, &entry)) > 0)
        error = unpack_entry(&unpack, &entry);
    if (!error && step < 0)
        error = fail(&unpack, "tar", EBADMSG, unpack.reader.why);
    // Writers fill the last record with zeros; they are read, so that the sender is not cut off.
    for (ssize_t n; !error && (n = in->read(in->context, rest, sizeof rest)) > 0;)
        unpack.reader.bytes += (uint64_t)n;
    finish_directories(&unpack);
    count->bytes = unpack.reader.bytes;
    tar_reader_close(&unpack.reader);
    return error;
}
