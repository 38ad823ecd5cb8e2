// The content of large files, a mebibyte at a time and past the page cache, where the file system knows how: what goes through the
// cache costs an emulated processor more than all else on its way.
#ifndef VERBS_BULK_H
#define VERBS_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io.h"

enum { BULK_CHUNK = 1 << 20 };

// From now on at most so many bytes at a time, a multiple of a page and no more than BULK_CHUNK.
void bulk_limit(size_t size);

// Puts all that the source has into the empty file. 0 or an errno, which may be the source's.
int bulk_write(int fd, const struct io_source *source, uint64_t *bytes);

struct bulk_reader {
    int fd;
    bool direct;
};

struct bulk_reader bulk_reader(int fd);
// What there is, at most `most` and a chunk, valid until the next call; 0 at the end, or -1.
ssize_t bulk_read(struct bulk_reader *reader, uint64_t most, const void **data);

// All of a file that ends before a chunk is full, whatever is said of its size: 0 beneath /proc, a page beneath /sys. Reads no
// further than that size if it is not 0. -1 with errno, EFBIG if there is more. Valid until the next call of any of these.
ssize_t bulk_whole(int fd, size_t size, const void **data);

#endif
