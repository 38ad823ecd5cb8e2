// A directory into a pax archive. A file that vanishes meanwhile is passed over; a large one that shrinks is filled
// with zeros, as its size was promised. Sockets cannot be archived and are passed over.
#include "tree_pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bulk.h"

enum { DEPTH_MAX = 400 };

// A hard link to a member that is in the archive already, by that member's path.
static const char *earlier_link(struct pack *pack, const struct stat *st)
{
    if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
        return NULL;
    struct seen_link **slot = &pack->links[(st->st_ino ^ st->st_dev) % LINK_SLOTS];
    for (struct seen_link *link = *slot; link; link = link->next)
        if (link->inode == st->st_ino && link->device == st->st_dev)
            return link->path;
    struct seen_link *link = malloc(sizeof *link + strlen(pack->path.data) + 1);
    if (!link)
        return NULL;
    *link = (struct seen_link){.next = *slot, .device = st->st_dev, .inode = st->st_ino};
    strcpy(link->path, pack->path.data);
    *slot = link;
    return NULL;
}

static struct tar_entry describe(const struct pack *pack, const struct stat *st)
{
    struct tar_entry entry = {.path = pack->path.data,
                              .mode = st->st_mode & 07777,
                              .uid = st->st_uid,
                              .gid = st->st_gid,
                              .mtime = st->st_mtim.tv_sec,
                              .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
                              .major = major(st->st_rdev),
                              .minor = minor(st->st_rdev)};
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        entry.type = '0';
        break;
    case S_IFLNK:
        entry.type = '2';
        break;
    case S_IFCHR:
        entry.type = '3';
        break;
    case S_IFBLK:
        entry.type = '4';
        break;
    case S_IFDIR:
        entry.type = '5';
        break;
    case S_IFIFO:
        entry.type = '6';
        break;
    default:
        break;
    }
    return entry;
}

static int pack_file(struct pack *pack, int fd, struct tar_entry *entry, struct text_buffer *records)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return pack_fail(pack, entry->path);
    entry->size = (uint64_t)st.st_size;
    pack_collect_attributes(fd, records);
    if (entry->size < BULK_CHUNK)
        return pack_emit_small(pack, fd, entry, records);
    int error = pack_emit_entry(pack, entry, records);
    return error ? error : pack_emit_content(pack, fd, entry->size);
}

static int pack_children(struct pack *pack, int fd, int depth);

static bool append_name(struct pack *pack, const char *name)
{
    bool slash = pack->path.length > 0 && pack->path.data[pack->path.length - 1] != '/';
    bool ok = (!slash || buffer_append(&pack->path, "/", 1)) && buffer_append(&pack->path, name, strlen(name) + 1);
    if (ok)
        pack->path.length--;
    return ok;
}

static int pack_directory(struct pack *pack, int fd, struct tar_entry *entry, struct text_buffer *records, int depth)
{
    pack_collect_attributes(fd, records);
    if (!append_name(pack, "/"))
        return pack_fail(pack, "out of memory");
    // "d//": append_name puts a slash before the one that it is given.
    size_t n = strlen(pack->path.data);
    if (n > 1 && pack->path.data[n - 2] == '/')
        pack->path.data[--pack->path.length] = '\0';
    entry->path = pack->path.data;
    int error = pack_emit_entry(pack, entry, records);
    return error ? error : pack_children(pack, fd, depth);
}

static int pack_other(struct pack *pack, int parent, const char *name, struct tar_entry *entry,
                      struct text_buffer *records)
{
    static char target[4096];
    if (entry->type == 0)
        return 0;
    if (entry->type == '2') {
        ssize_t n = readlinkat(parent, name, target, sizeof target - 1);
        if (n < 0)
            return errno == ENOENT ? 0 : pack_fail(pack, entry->path);
        target[n] = '\0';
        entry->link = target;
    }
    return pack_emit_entry(pack, entry, records);
}

// The member `name` in `parent`; pack->path is its path in the archive.
static int pack_member(struct pack *pack, int parent, const char *name, bool follow, int depth)
{
    struct stat st;
    struct text_buffer records = {0};
    if (fstatat(parent, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT && depth > 0 ? 0 : pack_fail(pack, pack->path.data);
    struct tar_entry entry = describe(pack, &st);
    const char *link = earlier_link(pack, &st);
    int error;
    if (link) {
        entry.type = '1';
        entry.link = link;
        error = pack_emit_entry(pack, &entry, &records);
    } else if (entry.type == '0' || entry.type == '5') {
        int flags = O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW) |
                    (entry.type == '5' ? O_DIRECTORY : 0);
        int fd = openat(parent, name, flags);
        if (fd < 0)
            return errno == ENOENT && depth > 0 ? 0 : pack_fail(pack, pack->path.data);
        error = entry.type == '0' ? pack_file(pack, fd, &entry, &records)
                                  : pack_directory(pack, fd, &entry, &records, depth);
        close(fd);
    } else {
        error = pack_other(pack, parent, name, &entry, &records);
    }
    free(records.data);
    return error;
}

static int pack_children(struct pack *pack, int fd, int depth)
{
    if (depth >= DEPTH_MAX) {
        errno = ELOOP;
        return pack_fail(pack, pack->path.data);
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir)
        return pack_fail(pack, pack->path.data);
    int error = 0;
    for (struct dirent *item; !error && (item = readdir(dir));) {
        if (!strcmp(item->d_name, ".") || !strcmp(item->d_name, ".."))
            continue;
        size_t length = pack->path.length;
        if (!append_name(pack, item->d_name))
            error = pack_fail(pack, "out of memory");
        else
            error = pack_member(pack, fd, item->d_name, false, depth + 1);
        pack->path.length = length;
        pack->path.data[length] = '\0';
    }
    closedir(dir);
    return error;
}

static void forget_links(struct pack *pack)
{
    for (size_t i = 0; i < LINK_SLOTS; i++) {
        while (pack->links[i]) {
            struct seen_link *link = pack->links[i];
            pack->links[i] = link->next;
            free(link);
        }
    }
}

int tree_pack(int directory, char *const *members, bool follow_named, const struct io_sink *out, struct tree_count *count)
{
    static const char end[2 * TAR_BLOCK];
    static char all[] = ".", *const everything[] = {all, NULL};
    static struct pack pack;
    memset(&pack, 0, sizeof pack);
    pack.out = out;
    pack.count = count;
    int error = 0;
    for (char *const *member = members && members[0] ? members : everything; *member && !error; member++) {
        pack.path.length = 0;
        if (!append_name(&pack, *member))
            error = pack_fail(&pack, "out of memory");
        else
            error = pack_member(&pack, directory, *member, follow_named, 0);
    }
    if (!error)
        error = pack_emit(&pack, end, sizeof end);
    if (!error)
        error = pack_flush(&pack);
    free(pack.path.data);
    forget_links(&pack);
    return error;
}
