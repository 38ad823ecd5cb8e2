// Members into the archive: headers, extended attributes, content.
#include "tree_pack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "bulk.h"

int pack_fail(struct pack *pack, const char *what)
{
    int error = errno ? errno : EIO;
    if (!pack->count->why[0])
        snprintf(pack->count->why, sizeof pack->count->why, "%s: %s", what, strerror(error));
    return error;
}

static int put(struct pack *pack, const void *data, size_t size)
{
    return pack->out->write(pack->out->context, data, size) != 0 ? pack_fail(pack, "writing the archive") : 0;
}

int pack_flush(struct pack *pack)
{
    size_t held = pack->held;
    pack->held = 0;
    return put(pack, pack->buffer, held);
}

int pack_emit(struct pack *pack, const void *data, size_t size)
{
    int error = 0;
    pack->count->bytes += size;
    if (size > sizeof pack->buffer - pack->held)
        error = pack_flush(pack);
    if (error || size > sizeof pack->buffer)
        return error ? error : put(pack, data, size);
    memcpy(pack->buffer + pack->held, data, size);
    pack->held += size;
    return 0;
}

static int emit_padding(struct pack *pack, uint64_t size)
{
    static const char zeros[TAR_BLOCK];
    size_t rest = (size_t)(-size & (TAR_BLOCK - 1));
    return rest ? pack_emit(pack, zeros, rest) : 0;
}

int pack_emit_entry(struct pack *pack, const struct tar_entry *entry, struct text_buffer *records)
{
    uint8_t block[TAR_BLOCK];
    int error = 0;
    if (!tar_encode_pax(entry, records))
        return pack_fail(pack, "out of memory");
    if (records->length > 0) {
        struct tar_entry header = {.type = 'x', .path = "./PaxHeaders/member", .mode = 0644, .size = records->length};
        tar_encode_header(&header, block);
        error = pack_emit(pack, block, sizeof block);
        if (!error)
            error = pack_emit(pack, records->data, records->length);
        if (!error)
            error = emit_padding(pack, records->length);
    }
    tar_encode_header(entry, block);
    if (!error)
        error = pack_emit(pack, block, sizeof block);
    pack->count->entries++;
    return error;
}

// What belongs to the kernel's own bookkeeping on this machine and means nothing elsewhere.
static bool is_local_attribute(const char *name)
{
    return !strncmp(name, "trusted.", 8) || !strcmp(name, "security.selinux") || !strcmp(name, "security.ima") ||
           !strcmp(name, "security.evm");
}

void pack_collect_attributes(int fd, struct text_buffer *records)
{
    static char names[65536], value[65536];
    ssize_t length = flistxattr(fd, names, sizeof names);
    for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        char key[300];
        ssize_t n = is_local_attribute(name) ? -1 : fgetxattr(fd, name, value, sizeof value);
        snprintf(key, sizeof key, "SCHILY.xattr.%.255s", name);
        if (n >= 0 && !strchr(name, '='))
            pax_append(records, key, value, (size_t)n);
    }
}

int pack_emit_small(struct pack *pack, int fd, struct tar_entry *entry, struct text_buffer *records)
{
    const void *data;
    ssize_t n = bulk_whole(fd, (size_t)entry->size, &data);
    // What has no size and cannot be read, as much of /proc, is as empty as it looks.
    if (n < 0 && (entry->size > 0 || errno == EFBIG))
        return pack_fail(pack, entry->path);
    entry->size = n > 0 ? (uint64_t)n : 0;
    int error = pack_emit_entry(pack, entry, records);
    if (!error)
        error = pack_emit(pack, data, (size_t)entry->size);
    return error ? error : emit_padding(pack, entry->size);
}

int pack_emit_content(struct pack *pack, int fd, uint64_t size)
{
    static const char zeros[4096];
    struct bulk_reader reader = bulk_reader(fd);
    const void *data;
    for (uint64_t left = size; left > 0;) {
        ssize_t n = bulk_read(&reader, left, &data);
        if (n < 0)
            return pack_fail(pack, pack->path.data);
        if (n == 0) {
            data = zeros;
            n = left < sizeof zeros ? (ssize_t)left : (ssize_t)sizeof zeros;
        }
        int error = pack_emit(pack, data, (size_t)n);
        if (error)
            return error;
        left -= (uint64_t)n;
    }
    return emit_padding(pack, size);
}
