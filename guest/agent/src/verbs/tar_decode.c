// Numbers, checksums and pax records of untrusted headers. Pure.
#include "tar_decode.h"

#include <string.h>

bool tar_number(const uint8_t *field, size_t size, uint64_t *value)
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

bool tar_checksum_is_right(const uint8_t block[TAR_BLOCK])
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
    return tar_number(block + 148, 8, &wanted) && (wanted == plain || (int64_t)wanted == with_sign);
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

const char *tar_apply_pax(char *records, size_t left, struct tar_entry *entry)
{
    const char *at = records;
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
            return "sparse members are not supported";
        if (!ok)
            return "a pax record is malformed";
    }
    return step < 0 ? "a pax header is malformed" : NULL;
}
