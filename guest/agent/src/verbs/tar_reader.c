// Reading members from untrusted bytes: ustar, pax, GNU long names, base-256 numbers. Sizes are checked before memory
// is taken.
#include "tar_decode.h"

#include <stdlib.h>
#include <string.h>

static int fail(struct tar_reader *reader, const char *why)
{
    reader->why = why;
    return -1;
}

static ssize_t take(struct tar_reader *reader, void *data, size_t size)
{
    ssize_t n = reader->source.read(reader->source.context, data, size);
    if (n > 0)
        reader->bytes += (uint64_t)n;
    return n;
}

static void copy_name(char *to, const uint8_t *field, size_t size)
{
    size_t n = strnlen((const char *)field, size);
    memcpy(to, field, n);
    to[n] = '\0';
}

// Skips what is left of the content before.
static int skip_content(struct tar_reader *reader)
{
    static uint8_t drop[65536];
    uint64_t left = reader->left + reader->padding;
    while (left > 0) {
        size_t want = left < sizeof drop ? (size_t)left : sizeof drop;
        if (take(reader, drop, want) != (ssize_t)want)
            return fail(reader, "the archive ends within a file");
        left -= want;
    }
    reader->left = reader->padding = 0;
    return 0;
}

static bool is_zero(const uint8_t block[TAR_BLOCK])
{
    for (size_t i = 0; i < TAR_BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

// Takes the whole content as text with a NUL behind it.
static int take_text(struct tar_reader *reader, char **text, size_t *length)
{
    if (reader->left > TAR_PAX_MAX)
        return fail(reader, "an extended header is too large");
    size_t size = (size_t)reader->left;
    free(*text);
    *text = malloc(size + 1);
    if (!*text)
        return fail(reader, "out of memory");
    if (take(reader, *text, size) != (ssize_t)size)
        return fail(reader, "the archive ends within an extended header");
    (*text)[size] = '\0';
    *length = size;
    reader->left = 0;
    return skip_content(reader);
}

static int decode(struct tar_reader *reader, const uint8_t block[TAR_BLOCK], struct tar_entry *entry)
{
    uint64_t mode, mtime, major = 0, minor = 0;
    *entry = (struct tar_entry){.type = (char)block[156], .path = reader->name, .link = reader->linkname};
    bool ok = tar_number(block + 100, 8, &mode) && tar_number(block + 108, 8, &entry->uid) &&
              tar_number(block + 116, 8, &entry->gid) && tar_number(block + 124, 12, &entry->size);
    // A negative time in base 256 has its first byte 0xff; nothing depends on it.
    if (!tar_number(block + 136, 12, &mtime))
        mtime = 0;
    if (!ok)
        return fail(reader, "a header holds a malformed number");
    copy_name(reader->name, block, 100);
    copy_name(reader->linkname, block + 157, 100);
    if (!memcmp(block + 257, "ustar", 6) && block[345]) {
        copy_name(reader->prefixed, block + 345, 155);
        strcat(strcat(reader->prefixed, "/"), reader->name);
        entry->path = reader->prefixed;
    }
    if (!tar_number(block + 329, 8, &major) || !tar_number(block + 337, 8, &minor))
        major = minor = 0;
    entry->mode = (uint32_t)(mode & 07777);
    entry->mtime = (int64_t)mtime;
    entry->major = (uint32_t)major;
    entry->minor = (uint32_t)minor;
    if (entry->type == '\0' || entry->type == '7')
        entry->type = '0';
    return 0;
}

static void set_content(struct tar_reader *reader, uint64_t size)
{
    reader->left = size;
    reader->padding = (uint32_t)(-size & (TAR_BLOCK - 1));
}

// The header's own size rules what follows it; only a file's content may be longer than that, by a pax record.
static int finish_entry(struct tar_reader *reader, struct tar_entry *entry)
{
    if (reader->long_path)
        entry->path = reader->long_path;
    if (reader->long_link)
        entry->link = reader->long_link;
    const char *wrong = reader->pax ? tar_apply_pax(reader->pax, reader->pax_length, entry) : NULL;
    if (wrong)
        return fail(reader, wrong);
    entry->pax = reader->pax;
    entry->pax_length = reader->pax_length;
    if (entry->size > (uint64_t)INT64_MAX - TAR_BLOCK)
        return fail(reader, "a file is too large");
    // Old archives mark a directory by the slash alone.
    size_t n = strlen(entry->path);
    if (entry->type == '0' && n > 0 && entry->path[n - 1] == '/')
        entry->type = '5';
    if (entry->type == 'S')
        return fail(reader, "sparse members are not supported");
    if (entry->type != '0')
        entry->size = entry->type >= '1' && entry->type <= '6' ? 0 : entry->size;
    set_content(reader, entry->size);
    return 1;
}

static void forget_extended(struct tar_reader *reader)
{
    free(reader->long_path);
    free(reader->long_link);
    free(reader->pax);
    reader->long_path = reader->long_link = reader->pax = NULL;
    reader->pax_length = 0;
}

int tar_next(struct tar_reader *reader, struct tar_entry *entry)
{
    uint8_t block[TAR_BLOCK];
    size_t ignored;
    if (skip_content(reader) != 0)
        return -1;
    forget_extended(reader);
    for (;;) {
        ssize_t n = take(reader, block, sizeof block);
        if (n != sizeof block)
            return fail(reader, "the archive ends early");
        if (is_zero(block))
            return 0;
        if (!tar_checksum_is_right(block))
            return fail(reader, "a header's checksum is wrong");
        if (decode(reader, block, entry) != 0)
            return -1;
        if (entry->type != 'x' && entry->type != 'g' && entry->type != 'L' && entry->type != 'K')
            return finish_entry(reader, entry);
        set_content(reader, entry->size);
        int result = 0;
        if (entry->type == 'x')
            result = take_text(reader, &reader->pax, &reader->pax_length);
        else if (entry->type == 'L')
            result = take_text(reader, &reader->long_path, &ignored);
        else if (entry->type == 'K')
            result = take_text(reader, &reader->long_link, &ignored);
        else
            result = skip_content(reader);
        if (result != 0)
            return -1;
    }
}

ssize_t tar_content(struct tar_reader *reader, void *data, size_t size)
{
    if (size > reader->left)
        size = (size_t)reader->left;
    if (size == 0)
        return 0;
    ssize_t n = take(reader, data, size);
    if (n != (ssize_t)size)
        return fail(reader, "the archive ends within a file");
    reader->left -= (uint64_t)n;
    return n;
}

void tar_reader_close(struct tar_reader *reader)
{
    forget_extended(reader);
}
