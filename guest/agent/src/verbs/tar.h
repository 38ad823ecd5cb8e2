// The tar format: ustar headers and pax records, both directions. Bytes only: no file is touched here.
#ifndef VERBS_TAR_H
#define VERBS_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "io.h"

enum { TAR_BLOCK = 512, TAR_PAX_MAX = 1 << 20 };

// One member. Strings belong to whoever filled it: the reader's are valid until its next step.
struct tar_entry {
    char type; // '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' directory, '6' pipe
    const char *path;
    const char *link;
    uint32_t mode; // permission bits with set-uid and the like
    uint64_t uid, gid, size;
    int64_t mtime; // seconds
    uint32_t mtime_ns;
    uint32_t major, minor;
    const char *pax; // records of the member's own pax header, for extended attributes; NULL without one
    size_t pax_length;
};

struct pax_record {
    const char *key;
    size_t key_length;
    const char *value;
    size_t value_length;
};

// Steps through pax records: 1 a record, 0 the end, -1 malformed.
int pax_next(const char **at, size_t *left, struct pax_record *record);
// Appends `LENGTH key=value\n`. False when out of memory.
struct text_buffer {
    char *data;
    size_t length, capacity;
};
bool buffer_append(struct text_buffer *buffer, const void *data, size_t length);
bool pax_append(struct text_buffer *buffer, const char *key, const void *value, size_t value_length);

// Fills one header block. What does not fit into ustar was put into pax records before; here it is cut.
void tar_encode_header(const struct tar_entry *entry, uint8_t block[TAR_BLOCK]);
// The pax records that the member needs; nothing if ustar holds it all. False when out of memory.
bool tar_encode_pax(const struct tar_entry *entry, struct text_buffer *records);

// Reads members from a source of bytes. Any input ends in members, the end, or an error with its reason.
struct tar_reader {
    struct io_source source;
    uint64_t left;                                // bytes of the current content
    uint32_t padding;                             // behind it
    uint64_t bytes;                               // taken from the source
    const char *why;                              // after -1
    char name[101], linkname[101], prefixed[257]; // of the header
    char *long_path, *long_link, *pax;            // owned
    size_t pax_length;
};

int tar_next(struct tar_reader *reader, struct tar_entry *entry);        // 1, 0 at the end, -1
ssize_t tar_content(struct tar_reader *reader, void *data, size_t size); // 0 at the end, -1
void tar_reader_close(struct tar_reader *reader);

#endif
