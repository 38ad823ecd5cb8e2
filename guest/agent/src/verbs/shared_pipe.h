// A pipe in memory that two processes share. The kernel's own takes a page for every 4 KiB and copies them twice: on an
// emulated processor as dear as the port that the bytes come through.
#ifndef VERBS_SHARED_PIPE_H
#define VERBS_SHARED_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct shared_memory;

// One end: of the process that writes, or of the one that reads.
struct shared_pipe {
    struct shared_memory *memory;
    int wake; // readable when there is something to look at, at its end when the other process has closed its end or died
};

// Both ends, for a fork in between; at most `capacity` bytes, a power of two, are between them. 0 or a negative errno.
int shared_pipe_open(struct shared_pipe ends[2], size_t capacity);
void shared_pipe_close(struct shared_pipe *end);

// Blocking. All of `size`, or fewer when they are the last ones, or -1 with EPIPE when the other is gone without an end.
ssize_t shared_pipe_read(struct shared_pipe *end, void *data, size_t size);
// Blocking. What there is, 0 at the end, or -1.
ssize_t shared_pipe_read_some(struct shared_pipe *end, void *data, size_t size);
// Blocking. All of it (0), or -1 with EPIPE.
int shared_pipe_write(struct shared_pipe *end, const void *data, size_t size);

// At once: bytes moved. After fewer than asked for, `wake` tells when there is more, or space for more.
size_t shared_pipe_put(struct shared_pipe *end, const void *data, size_t size);
size_t shared_pipe_take(struct shared_pipe *end, void *data, size_t size);
// Takes in what `wake` has told. False when the other process is gone: nothing will be told any more.
bool shared_pipe_heard(struct shared_pipe *end);

// The writer says that nothing more comes.
void shared_pipe_end(struct shared_pipe *end);
// The end was told, and everything before it was read.
bool shared_pipe_ended(const struct shared_pipe *end);

#endif
