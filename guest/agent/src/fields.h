// Fields (tag, length, value): reading with bounds, writing into a growing buffer. Knows nothing of messages' meaning.
#ifndef AGENT_FIELDS_H
#define AGENT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field {
    uint16_t tag;
    uint32_t length;
    const uint8_t *value;
};

// A view of encoded fields; reading never changes or keeps it.
struct fields {
    const uint8_t *at;
    size_t length;
};

// Steps to the next field; false at the end, or with *malformed set.
bool fields_next(struct fields *rest, struct field *field, bool *malformed);
// Every field lies within the bounds.
bool fields_valid(struct fields all);
// The first field with that tag. The view must be valid (messages are when a verb sees them; struct values are not).
bool fields_find(struct fields all, uint16_t tag, struct field *found);

bool field_u64(const struct field *field, uint64_t *value); // false unless 8 bytes
bool field_is_text(const struct field *field);              // UTF-8 without NUL

// A buffer of fields under construction; a failed allocation is remembered, and checked once at the end.
struct out {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool failed;
};

void out_bytes(struct out *out, uint16_t tag, const void *value, size_t length);
void out_u64(struct out *out, uint16_t tag, uint64_t value);
// Bytes that are no UTF-8 are replaced by U+FFFD: the host ends the channel on malformed text.
void out_text(struct out *out, uint16_t tag, const char *text);
void out_textn(struct out *out, uint16_t tag, const char *text, size_t length);
// A struct: fields written between begin and end are its value.
size_t out_begin(struct out *out, uint16_t tag);
void out_end(struct out *out, size_t mark);
void out_raw(struct out *out, const void *data, size_t length); // not a field
void out_clear(struct out *out);                                // frees

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t get32(const uint8_t *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static inline uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }
static inline void put16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8); }
static inline void put32(uint8_t *p, uint32_t v) { put16(p, (uint16_t)v), put16(p + 2, (uint16_t)(v >> 16)); }
static inline void put64(uint8_t *p, uint64_t v) { put32(p, (uint32_t)v), put32(p + 4, (uint32_t)(v >> 32)); }

#endif
