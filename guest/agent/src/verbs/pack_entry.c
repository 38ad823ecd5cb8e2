// Members into the archive: headers, extended attributes, content.
#include "tree_pack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

int pack_fail(struct pack *pack, const char *what)
{
    int error = errno ? errno : EIO;
    if (!pack->count->why[0])
        snprintf(pack->count->why, sizeof pack->count->why, "%s: %s", what, strerror(error));
    return error;
}

int pack_flush(struct pack *pack)
{
    size_t held = pack->held;
    pack->held = 0;
    return io_write(pack->out, pack->buffer, held) != 0 ? pack_fail(pack, "writing the archive") : 0;
}

int pack_emit(struct pack *pack, const void *data, size_t size)
{
    const char *at = data;
    pack->count->bytes += size;
    for (size_t part; size > 0; at += part, size -= part) {
        part = sizeof pack->buffer - pack->held;
        if (part > size)
            part = size;
        memcpy(pack->buffer + pack->held, at, part);
        pack->held += part;
        int error = pack->held == sizeof pack->buffer ? pack_flush(pack) : 0;
        if (error)
            return error;
    }
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

int pack_emit_content(struct pack *pack, int fd, uint64_t size)
{
    static char buffer[IO_CHUNK];
    for (uint64_t left = size; left > 0;) {
        size_t want = left < sizeof buffer ? (size_t)left : sizeof buffer;
        ssize_t n = io_read(fd, buffer, want);
        if (n < 0)
            return pack_fail(pack, pack->path.data);
        if (n == 0)
            memset(buffer, 0, (size_t)(n = (ssize_t)want));
        int error = pack_emit(pack, buffer, (size_t)n);
        if (error)
            return error;
        left -= (uint64_t)n;
    }
    return emit_padding(pack, size);
}
