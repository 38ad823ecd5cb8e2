// Making one member of an archive in its directory: nothing that is there is written through, and no link is followed.
#include "tree_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "aside.h"
#include "bulk.h"

static uint32_t wanted_mode(const struct unpack *unpack, const struct tar_entry *entry)
{
    if (unpack->keep_owners)
        return entry->mode;
    // Without its owner a set-uid bit would mean another user than it did.
    return entry->mode & (entry->type == '5' ? 01777 : 0777);
}

static void set_attributes(const struct unpack *unpack, const struct tar_entry *entry, int fd)
{
    const char *at = entry->pax;
    size_t left = entry->pax_length;
    struct pax_record record;
    while (at && pax_next(&at, &left, &record) > 0) {
        char name[300];
        if (record.key_length <= 13 || record.key_length - 13 >= sizeof name || memcmp(record.key, "SCHILY.xattr.", 13))
            continue;
        memcpy(name, record.key + 13, record.key_length - 13);
        name[record.key_length - 13] = '\0';
        if (unpack->keep_owners || !strncmp(name, "user.", 5))
            fsetxattr(fd, name, record.value, record.value_length, 0);
    }
}

static int set_metadata(const struct unpack *unpack, const struct tar_entry *entry, int fd)
{
    if (unpack->keep_owners && fchown(fd, (uid_t)entry->uid, (gid_t)entry->gid) != 0)
        return errno;
    if (fchmod(fd, wanted_mode(unpack, entry)) != 0)
        return errno;
    // After the owner, whose change would clear capabilities.
    set_attributes(unpack, entry, fd);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = entry->mtime, .tv_nsec = entry->mtime_ns}};
    futimens(fd, times);
    return 0;
}

static ssize_t read_content(void *reader, void *data, size_t size)
{
    ssize_t n = tar_content(reader, data, size);
    if (n < 0)
        errno = EBADMSG;
    return n;
}

static int make_file(struct unpack *unpack, const struct tar_entry *entry, int parent, const char *leaf)
{
    const struct io_source content = {.read = read_content, .context = &unpack->reader};
    struct aside file;
    uint64_t bytes;
    int error = aside_open(&file, parent);
    if (error)
        return error;
    error = bulk_write(file.fd, &content, &bytes);
    if (!error)
        error = set_metadata(unpack, entry, file.fd);
    if (!error)
        error = aside_name(&file, leaf);
    int closed = aside_close(&file);
    return error ? error : closed;
}

static void remember_directory(struct unpack *unpack, const struct tar_entry *entry, const char *path)
{
    struct made_directory *made = malloc(sizeof *made + strlen(path) + 1);
    if (!made)
        return;
    *made = (struct made_directory){.next = unpack->made, .mtime = entry->mtime, .mtime_ns = entry->mtime_ns};
    strcpy(made->path, path);
    unpack->made = made;
}

// A directory that exists, or a link to one beneath, stays as it is: extracting into /tmp must not change /tmp.
static int make_directory(struct unpack *unpack, const struct tar_entry *entry, const char *path, int parent,
                          const char *leaf)
{
    bool made = mkdirat(parent, leaf, 0700) == 0;
    if (!made && errno == EEXIST) {
        int there = tree_open_beneath(unpack->base, path, O_PATH | O_DIRECTORY);
        if (there >= 0)
            close(there);
        else if (unlinkat(parent, leaf, 0) == 0)
            made = mkdirat(parent, leaf, 0700) == 0;
        if (there >= 0 && !unpack->keep_owners)
            return 0;
        if (there < 0 && !made)
            return errno;
    } else if (!made) {
        return errno;
    }
    int fd = openat(parent, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    // A link to a directory, under keep_owners.
    if (fd < 0)
        return errno == ENOTDIR || errno == ELOOP ? 0 : errno;
    int error = set_metadata(unpack, entry, fd);
    close(fd);
    if (!error)
        remember_directory(unpack, entry, path);
    return error;
}

static int make_link(struct unpack *unpack, const struct tar_entry *entry, int parent, const char *leaf)
{
    char target[PATH_SIZE];
    const char *name;
    if (!tree_clean_path(entry->link, target) || target[0] == '\0')
        return EXDEV;
    int from = tree_open_parent(unpack, target, &name);
    if (from < 0)
        return errno;
    int error = linkat(from, name, parent, leaf, 0) != 0 ? errno : 0;
    close(from);
    return error;
}

static void set_time(const struct tar_entry *entry, int parent, const char *leaf)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = entry->mtime, .tv_nsec = entry->mtime_ns}};
    utimensat(parent, leaf, times, AT_SYMLINK_NOFOLLOW);
}

static int make_special(const struct unpack *unpack, const struct tar_entry *entry, int parent, const char *leaf)
{
    mode_t type = entry->type == '6' ? S_IFIFO : entry->type == '3' ? S_IFCHR : S_IFBLK;
    // A device is a door to the machine; only who restores a whole tree with its owners means it.
    if (type != S_IFIFO && !unpack->keep_owners)
        return 0;
    if (mknodat(parent, leaf, type | 0600, makedev(entry->major, entry->minor)) != 0)
        return errno;
    if (unpack->keep_owners && fchownat(parent, leaf, (uid_t)entry->uid, (gid_t)entry->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (fchmodat(parent, leaf, wanted_mode(unpack, entry), 0) != 0)
        return errno;
    set_time(entry, parent, leaf);
    return 0;
}

static int make_symbolic(const struct unpack *unpack, const struct tar_entry *entry, int parent, const char *leaf)
{
    if (symlinkat(entry->link, parent, leaf) != 0)
        return errno;
    if (unpack->keep_owners)
        fchownat(parent, leaf, (uid_t)entry->uid, (gid_t)entry->gid, AT_SYMLINK_NOFOLLOW);
    set_time(entry, parent, leaf);
    return 0;
}

int tree_make_member(struct unpack *unpack, const struct tar_entry *entry, const char *path, int parent,
                     const char *leaf)
{
    if (entry->type == '5')
        return make_directory(unpack, entry, path, parent, leaf);
    // Replaced, not written through: what is there may be a link, or another name of a file elsewhere.
    if (entry->type != '0' && unlinkat(parent, leaf, 0) != 0 && errno != ENOENT && errno != EISDIR)
        return errno;
    switch (entry->type) {
    case '0':
        return make_file(unpack, entry, parent, leaf);
    case '1':
        return make_link(unpack, entry, parent, leaf);
    case '2':
        return make_symbolic(unpack, entry, parent, leaf);
    case '3':
    case '4':
    case '6':
        return make_special(unpack, entry, parent, leaf);
    default:
        return 0;
    }
}
