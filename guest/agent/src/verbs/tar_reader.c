// Reading members from untrusted bytes: ustar, pax, GNU long names, base-256 numbers. Sizes are checked before memory
// is taken.
#include "tar.h"

#include <stdlib.h>
#include <string.h>

static int fail(struct tar_reader *reader, const char *why)
{
    reader->why = why;
    return -1;
}

static ssize_t take(struct tar_reader *reader, void *data, size_t size)
{
    ssize_t n = reader->read(reader->context, data, size);
    if (n > 0)
        reader->bytes += (uint64_t)n;
    return n;
}

static bool number(const uint8_t *field, size_t size, uint64_t *value)
{
    size_t i = 0;
    *value = 0;
    if (field[0] == 0x80) {
        for (i = 1; i < size; i++) {
            if (*value >> 55)
                return false;
            *value = *value << 8 | field[i];
        }
        return true;
    }
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    return i == size || field[i] == ' ' || field[i] == '\0';
}

static bool checksum_is_right(const uint8_t block[TAR_BLOCK])
{
    uint64_t wanted;
    uint32_t plain = 8 * ' ';
    int32_t with_sign = 8 * ' ';
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        if (i >= 148 && i < 156)
            continue;
        plain += block[i];
        with_sign += (int8_t)block[i];
    }
    return number(block + 148, 8, &wanted) && (wanted == plain || (int64_t)wanted == with_sign);
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

static bool is_key(const struct pax_record *record, const char *key)
{
    return record->key_length == strlen(key) && !memcmp(record->key, key, record->key_length);
}

static bool pax_number(const struct pax_record *record, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < record->value_length; i++) {
        char c = record->value[i];
        if (c < '0' || c > '9' || *value > UINT64_MAX / 10 - 1)
            return false;
        *value = *value * 10 + (uint64_t)(c - '0');
    }
    return record->value_length > 0;
}

static bool pax_time(const struct pax_record *record, int64_t *seconds, uint32_t *ns)
{
    const char *at = record->value, *end = at + record->value_length;
    bool negative = at < end && *at == '-';
    if (negative)
        at++;
    uint64_t whole = 0;
    uint32_t part = 0;
    for (; at < end && *at >= '0' && *at <= '9' && whole < (1ull << 55); at++)
        whole = whole * 10 + (uint64_t)(*at - '0');
    if (at < end && *at++ == '.') {
        uint32_t unit = 100000000;
        for (; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10)
            part += unit * (uint32_t)(*at - '0');
    }
    *seconds = negative ? -(int64_t)whole - (part ? 1 : 0) : (int64_t)whole;
    *ns = negative && part ? 1000000000 - part : part;
    return at == end;
}

// A record's value as a string: the newline behind it becomes the end. False if there is a NUL within.
static bool pax_text(const struct pax_record *record, const char **text)
{
    ((char *)record->value)[record->value_length] = '\0';
    *text = record->value;
    return record->value_length > 0 && !memchr(record->value, 0, record->value_length);
}

static int apply_pax(struct tar_reader *reader, struct tar_entry *entry)
{
    const char *at = reader->pax;
    size_t left = reader->pax_length;
    struct pax_record record;
    int step;
    while ((step = pax_next(&at, &left, &record)) > 0) {
        bool ok = true;
        if (is_key(&record, "path"))
            ok = pax_text(&record, &entry->path);
        else if (is_key(&record, "linkpath"))
            ok = pax_text(&record, &entry->link);
        else if (is_key(&record, "size"))
            ok = pax_number(&record, &entry->size);
        else if (is_key(&record, "uid"))
            ok = pax_number(&record, &entry->uid);
        else if (is_key(&record, "gid"))
            ok = pax_number(&record, &entry->gid);
        else if (is_key(&record, "mtime"))
            ok = pax_time(&record, &entry->mtime, &entry->mtime_ns);
        else if (record.key_length > 11 && !memcmp(record.key, "GNU.sparse.", 11))
            return fail(reader, "sparse members are not supported");
        if (!ok)
            return fail(reader, "a pax record is malformed");
    }
    return step < 0 ? fail(reader, "a pax header is malformed") : 0;
}

static int decode(struct tar_reader *reader, const uint8_t block[TAR_BLOCK], struct tar_entry *entry)
{
    uint64_t mode, mtime, major = 0, minor = 0;
    *entry = (struct tar_entry){.type = (char)block[156], .path = reader->name, .link = reader->linkname};
    bool ok = number(block + 100, 8, &mode) && number(block + 108, 8, &entry->uid) &&
              number(block + 116, 8, &entry->gid) && number(block + 124, 12, &entry->size);
    // A negative time in base 256 has its first byte 0xff; nothing depends on it.
    if (!number(block + 136, 12, &mtime))
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
    if (!number(block + 329, 8, &major) || !number(block + 337, 8, &minor))
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
    if (reader->pax && apply_pax(reader, entry) != 0)
        return -1;
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
        if (!checksum_is_right(block))
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
