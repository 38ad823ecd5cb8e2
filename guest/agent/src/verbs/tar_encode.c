// Writing members: a ustar header, with pax records before it for what ustar cannot say.
#include "tar.h"

#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 100, LARGEST_ID = 2097151 };
#define LARGEST_SIZE 077777777777ull

static void octal(uint8_t *field, size_t size, uint64_t value)
{
    field[size - 1] = 0;
    for (size_t i = size - 1; i-- > 0; value >>= 3)
        field[i] = (uint8_t)('0' + (value & 7));
}

static void text(uint8_t *field, const char *value)
{
    if (value)
        memcpy(field, value, strnlen(value, NAME_SIZE));
}

void tar_encode_header(const struct tar_entry *entry, uint8_t block[TAR_BLOCK])
{
    memset(block, 0, TAR_BLOCK);
    text(block, entry->path);
    octal(block + 100, 8, entry->mode & 07777);
    octal(block + 108, 8, entry->uid > LARGEST_ID ? 0 : entry->uid);
    octal(block + 116, 8, entry->gid > LARGEST_ID ? 0 : entry->gid);
    octal(block + 124, 12, entry->size > LARGEST_SIZE ? 0 : entry->size);
    octal(block + 136, 12, entry->mtime < 0 || entry->mtime > (int64_t)LARGEST_SIZE ? 0 : (uint64_t)entry->mtime);
    block[156] = (uint8_t)entry->type;
    text(block + 157, entry->link);
    memcpy(block + 257, "ustar\00000", 8);
    octal(block + 329, 8, entry->major);
    octal(block + 337, 8, entry->minor);
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
    block[155] = ' ';
}

static bool number_record(struct text_buffer *records, const char *key, uint64_t value)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    return pax_append(records, key, digits, (size_t)n);
}

static bool time_record(struct text_buffer *records, const struct tar_entry *entry)
{
    char digits[40];
    long long seconds = entry->mtime;
    unsigned ns = entry->mtime_ns;
    const char *sign = "";
    // Nanoseconds count forward; the decimal fraction of a time before 1970 counts back.
    if (seconds < 0) {
        sign = "-";
        seconds = ns ? -(seconds + 1) : -seconds;
        ns = ns ? 1000000000 - ns : 0;
    }
    int n = snprintf(digits, sizeof digits, "%s%lld.%09u", sign, seconds, ns);
    return pax_append(records, "mtime", digits, (size_t)n);
}

bool tar_encode_pax(const struct tar_entry *entry, struct text_buffer *records)
{
    bool ok = true;
    size_t path = strlen(entry->path), link = entry->link ? strlen(entry->link) : 0;
    if (path > NAME_SIZE)
        ok = ok && pax_append(records, "path", entry->path, path);
    if (link > NAME_SIZE)
        ok = ok && pax_append(records, "linkpath", entry->link, link);
    if (entry->size > LARGEST_SIZE)
        ok = ok && number_record(records, "size", entry->size);
    if (entry->uid > LARGEST_ID)
        ok = ok && number_record(records, "uid", entry->uid);
    if (entry->gid > LARGEST_ID)
        ok = ok && number_record(records, "gid", entry->gid);
    if (entry->mtime_ns || entry->mtime < 0 || entry->mtime > (int64_t)LARGEST_SIZE)
        ok = ok && time_record(records, entry);
    return ok;
}
