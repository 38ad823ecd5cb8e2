// What a header's fields say. Shared by the reader and its tests.
#ifndef VERBS_TAR_DECODE_H
#define VERBS_TAR_DECODE_H

#include "tar.h"

// Octal, or base 256 with the first byte 0x80. False if it is neither, or too large.
bool tar_number(const uint8_t *field, size_t size, uint64_t *value);
bool tar_checksum_is_right(const uint8_t block[TAR_BLOCK]);
// Changes the entry by the records, whose values become strings in place. NULL, or what is wrong.
const char *tar_apply_pax(char *records, size_t left, struct tar_entry *entry);

#endif
