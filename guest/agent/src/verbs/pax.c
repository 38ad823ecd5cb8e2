// pax records: `LENGTH key=value\n`, LENGTH counting itself.
#include "tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pax_next(const char **at, size_t *left, struct pax_record *record)
{
    if (*left == 0)
        return 0;
    const char *p = *at, *end = *at + *left;
    size_t length = 0;
    while (p < end && *p >= '0' && *p <= '9' && length <= TAR_PAX_MAX)
        length = length * 10 + (size_t)(*p++ - '0');
    if (p == *at || p == end || *p != ' ' || length > *left || length < (size_t)(p - *at) + 3)
        return -1;
    const char *last = *at + length - 1;
    p++;
    const char *equals = memchr(p, '=', (size_t)(last - p));
    // NUL, where a reader has made a string of the value in place.
    if ((*last != '\n' && *last != '\0') || !equals || equals == p)
        return -1;
    *record = (struct pax_record){p, (size_t)(equals - p), equals + 1, (size_t)(last - equals - 1)};
    *at += length;
    *left -= length;
    return 1;
}

bool buffer_append(struct text_buffer *buffer, const void *data, size_t length)
{
    if (length > buffer->capacity - buffer->length) {
        size_t capacity = (buffer->length + length) * 2;
        char *grown = realloc(buffer->data, capacity);
        if (!grown)
            return false;
        buffer->data = grown;
        buffer->capacity = capacity;
    }
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    return true;
}

static size_t digits(size_t n)
{
    size_t count = 1;
    while (n >= 10)
        n /= 10, count++;
    return count;
}

bool pax_append(struct text_buffer *buffer, const char *key, const void *value, size_t value_length)
{
    char head[320];
    size_t rest = strlen(key) + value_length + 3;
    size_t length = rest + digits(rest);
    length = rest + digits(length);
    int n = snprintf(head, sizeof head, "%zu %s=", length, key);
    return n < (int)sizeof head && buffer_append(buffer, head, (size_t)n) &&
           buffer_append(buffer, value, value_length) && buffer_append(buffer, "\n", 1);
}
