// Frames: the only shape that bytes on the pipe have. Pure; knows of no stream.
#ifndef AGENT_FRAME_H
#define AGENT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER 24u
#define FRAME_TRAILER 4u
#define FRAME_PAYLOAD_MAX 65536u
#define FRAME_MAX (FRAME_HEADER + FRAME_PAYLOAD_MAX + FRAME_TRAILER)
#define MARKER_SIZE 16u

enum { FRAME_HELLO = 1, FRAME_DATA = 2, FRAME_ACK = 3, FRAME_RESET = 4 };
enum { FLAG_FIN = 1 };

struct frame {
    uint8_t type;
    uint8_t flag;
    uint32_t stream;
    uint64_t offset;
    uint32_t length;
    const uint8_t *payload;
};

enum frame_result { FRAME_MORE, FRAME_BAD_HEADER, FRAME_BAD_TRAILER, FRAME_WHOLE };

extern const uint8_t frame_marker[MARKER_SIZE];

// Writes header + payload + trailer; `to` has room for length + 28. Returns that number.
size_t frame_encode(uint8_t *to, const struct frame *frame, uint64_t epoch);
// Only header and trailer, around a payload that already lies at to + FRAME_HEADER.
size_t frame_wrap(uint8_t *to, const struct frame *frame, uint64_t epoch);
// *used is the size of the frame when it is whole or its trailer is bad. The payload points into data.
enum frame_result frame_decode(const uint8_t *data, size_t size, uint64_t epoch, struct frame *frame, size_t *used);
// Looks for marker + HELLO. True: *hello is set. *used may be thrown away in any case.
bool frame_scan(const uint8_t *data, size_t size, struct frame *hello, size_t *used);

#endif
