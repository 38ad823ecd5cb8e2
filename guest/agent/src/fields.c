// Reading and writing of fields. See fields.h.
#include "fields.h"

#include <stdlib.h>
#include <string.h>

#define HEAD 8 // bytes of tag, zero and length

bool fields_next(struct fields *rest, struct field *field, bool *malformed)
{
    if (rest->length == 0)
        return false;
    if (rest->length < HEAD || get32(rest->at + 4) > rest->length - HEAD) {
        if (malformed)
            *malformed = true;
        rest->length = 0;
        return false;
    }
    field->tag = get16(rest->at);
    field->length = get32(rest->at + 4);
    field->value = rest->at + HEAD;
    rest->at += HEAD + field->length;
    rest->length -= HEAD + field->length;
    return true;
}

bool fields_valid(struct fields all)
{
    struct field field;
    bool malformed = false;

    while (fields_next(&all, &field, &malformed))
        continue;
    return !malformed;
}

bool fields_find(struct fields all, uint16_t tag, struct field *found)
{
    while (fields_next(&all, found, NULL)) {
        if (found->tag == tag)
            return true;
    }
    return false;
}

bool field_u64(const struct field *field, uint64_t *value)
{
    if (field->length != 8)
        return false;
    *value = get64(field->value);
    return true;
}

// Length of the well-formed UTF-8 sequence at p, 0 if there is none (also for NUL).
static size_t utf8_length(const uint8_t *p, size_t left)
{
    uint32_t code, least;
    size_t length;

    if (p[0] < 0x80)
        return p[0] != 0;
    if (p[0] >= 0xc2 && p[0] < 0xe0)
        length = 2, least = 0x80, code = p[0] & 0x1f;
    else if (p[0] >= 0xe0 && p[0] < 0xf0)
        length = 3, least = 0x800, code = p[0] & 0x0f;
    else if (p[0] >= 0xf0 && p[0] < 0xf5)
        length = 4, least = 0x10000, code = p[0] & 0x07;
    else
        return 0;
    if (left < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    return length;
}

bool field_is_text(const struct field *field)
{
    size_t at = 0;

    while (at < field->length) {
        size_t step = utf8_length(field->value + at, field->length - at);
        if (!step)
            return false;
        at += step;
    }
    return true;
}

static uint8_t *grow(struct out *out, size_t size)
{
    size_t capacity = out->capacity ? out->capacity : 128;
    uint8_t *data;

    if (out->failed)
        return NULL;
    while (capacity < out->length + size)
        capacity *= 2;
    if (capacity != out->capacity) {
        data = realloc(out->data, capacity);
        if (!data) {
            out->failed = true;
            return NULL;
        }
        out->data = data;
        out->capacity = capacity;
    }
    data = out->data + out->length;
    out->length += size;
    return data;
}

void out_raw(struct out *out, const void *data, size_t length)
{
    uint8_t *to = grow(out, length);
    if (to && length)
        memcpy(to, data, length);
}

size_t out_begin(struct out *out, uint16_t tag)
{
    size_t mark = out->length;
    uint8_t *head = grow(out, HEAD);

    if (head) {
        memset(head, 0, HEAD);
        put16(head, tag);
    }
    return mark;
}

void out_end(struct out *out, size_t mark)
{
    if (!out->failed)
        put32(out->data + mark + 4, (uint32_t)(out->length - mark - HEAD));
}

void out_bytes(struct out *out, uint16_t tag, const void *value, size_t length)
{
    size_t mark = out_begin(out, tag);
    out_raw(out, value, length);
    out_end(out, mark);
}

void out_u64(struct out *out, uint16_t tag, uint64_t value)
{
    uint8_t bytes[8];
    put64(bytes, value);
    out_bytes(out, tag, bytes, sizeof bytes);
}

void out_textn(struct out *out, uint16_t tag, const char *text, size_t length)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t mark = out_begin(out, tag);

    while (length) {
        size_t step = utf8_length(at, length);
        if (step)
            out_raw(out, at, step);
        else
            out_raw(out, "\xef\xbf\xbd", 3), step = 1;
        at += step;
        length -= step;
    }
    out_end(out, mark);
}

void out_text(struct out *out, uint16_t tag, const char *text)
{
    out_textn(out, tag, text, strlen(text));
}

void out_clear(struct out *out)
{
    free(out->data);
    *out = (struct out){0};
}
