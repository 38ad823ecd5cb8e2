// Blocking input and output for jobs: whole buffers, EINTR hidden.
#ifndef VERBS_IO_H
#define VERBS_IO_H

#include <stddef.h>
#include <sys/types.h>

enum { IO_CHUNK = 1 << 17 };

// Where bytes come from: all of `size`, fewer only at the end, or -1 with errno.
struct io_source {
    ssize_t (*read)(void *context, void *data, size_t size);
    void *context;
};

// Where bytes go to: all of them (0), or -1 with errno.
struct io_sink {
    int (*write)(void *context, const void *data, size_t size);
    void *context;
};

int io_write(int fd, const void *data, size_t size);
ssize_t io_read(int fd, void *data, size_t size);      // what there is, 0 at the end, or -1
ssize_t io_read_full(int fd, void *data, size_t size); // fewer than `size` only at the end

#endif
