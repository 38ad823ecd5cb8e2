// Streams as verbs see them: a bounded, ordered byte sequence each way that survives a lost pipe. The resending, credit and
// acknowledging below it are no business of a verb.
#ifndef AGENT_STREAM_H
#define AGENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_WINDOW 262144u       // bytes, the window and buffer of one half
#define STREAM_WINDOW_WIDE 1048576u // of one that carries files

struct agent;
struct request;
struct stream;

enum { STREAM_IN = 1, STREAM_OUT = 2 }; // host→agent, agent→host; a half that is not used counts as finished on both ends

struct stream_events {
    void (*input)(struct stream *stream);            // bytes or FIN came: peek, consume, ended
    void (*writable)(struct stream *stream);         // space came back after stream_space was smaller than wanted
    void (*reset)(struct stream *stream, int error); // dead; the pointer is invalid after this returns
};

// Opens stream `number` for a request. window is the host's first credit (the request's window field; ignored without STREAM_OUT).
// NULL with *error = EINVAL (0, or odd without N-1), EEXIST (in use), EMFILE (1024 at once), ENOMEM.
// An odd number (N+1) may be opened only while N is open for the same request.
struct stream *stream_open(struct request *request, uint32_t number, unsigned halves, uint64_t window, int *error);
void stream_set_events(struct stream *stream, const struct stream_events *events, void *context);
// For a stream that carries files, before it carries anything: two processes and a device lie between its ends.
void stream_widen(struct stream *stream);
void *stream_context(const struct stream *stream);
uint32_t stream_number(const struct stream *stream);

// Agent→host. Read from the source straight into the buffer: reserve, read at most *size bytes, commit. *size 0: full, wait for writable.
size_t stream_space(const struct stream *stream);
uint8_t *stream_reserve(struct stream *stream, size_t *size); // NULL with *size 0 when full or out of memory
void stream_commit(struct stream *stream, size_t size);
size_t stream_write(struct stream *stream, const void *data, size_t size); // bytes taken, fewer when full
void stream_finish(struct stream *stream);                                 // FIN after what was written

// Host→agent. What is not consumed holds the host back.
size_t stream_peek(struct stream *stream, const uint8_t **data); // contiguous bytes, possibly fewer than there are
void stream_consume(struct stream *stream, size_t size);
bool stream_ended(const struct stream *stream); // FIN came and everything before it was consumed

// The verb has done with it: no more callbacks, the pointer is invalid. Output is finished and still delivered; input is thrown away.
void stream_release(struct stream *stream);
// As stream_release, but dead at once on both ends.
void stream_reset(struct stream *stream, int error);

#endif
