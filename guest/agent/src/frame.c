// Encoding, decoding and scanning of frames. See frame.h.
#include "frame.h"

#include <string.h>

#include "crc32.h"
#include "fields.h"

const uint8_t frame_marker[MARKER_SIZE] = {0x00, 'B', 'A', 'N', 'G', 'E', 'R', 0xff, 0xfe, 0x0d, 0x0a, 0x1a, 'H', 'E', 'L', '1'};

static uint32_t header_check(const uint8_t *header, uint64_t epoch)
{
    return crc32_epoch(header, 20, header[4] == FRAME_HELLO ? 0 : (uint32_t)epoch);
}

size_t frame_wrap(uint8_t *to, const struct frame *frame, uint64_t epoch)
{
    uint32_t check;

    put32(to, frame->length);
    to[4] = frame->type;
    to[5] = frame->flag;
    put16(to + 6, 0);
    put32(to + 8, frame->stream);
    put64(to + 12, frame->offset);
    check = header_check(to, epoch);
    put32(to + 20, check);
    put32(to + FRAME_HEADER + frame->length, ~check);
    return FRAME_HEADER + frame->length + FRAME_TRAILER;
}

size_t frame_encode(uint8_t *to, const struct frame *frame, uint64_t epoch)
{
    if (frame->length)
        memcpy(to + FRAME_HEADER, frame->payload, frame->length);
    return frame_wrap(to, frame, epoch);
}

enum frame_result frame_decode(const uint8_t *data, size_t size, uint64_t epoch, struct frame *frame, size_t *used)
{
    uint32_t check;

    *used = 0;
    if (size < FRAME_HEADER)
        return FRAME_MORE;
    frame->length = get32(data);
    check = get32(data + 20);
    if (frame->length > FRAME_PAYLOAD_MAX || check != header_check(data, epoch))
        return FRAME_BAD_HEADER;
    if (size < FRAME_HEADER + frame->length + FRAME_TRAILER)
        return FRAME_MORE;
    *used = FRAME_HEADER + frame->length + FRAME_TRAILER;
    frame->type = data[4];
    frame->flag = data[5];
    frame->stream = get32(data + 8);
    frame->offset = get64(data + 12);
    frame->payload = data + FRAME_HEADER;
    if (get32(frame->payload + frame->length) != ~check)
        return FRAME_BAD_TRAILER;
    return FRAME_WHOLE;
}

bool frame_scan(const uint8_t *data, size_t size, struct frame *hello, size_t *used)
{
    size_t at = 0, length;

    for (;;) {
        const uint8_t *found = memmem(data + at, size - at, frame_marker, MARKER_SIZE);
        if (!found) {
            // The last bytes may be the beginning of a marker.
            *used = size - at < MARKER_SIZE ? at : size - (MARKER_SIZE - 1);
            return false;
        }
        at = (size_t)(found - data);
        switch (frame_decode(found + MARKER_SIZE, size - at - MARKER_SIZE, 0, hello, &length)) {
        case FRAME_MORE:
            *used = at;
            return false;
        case FRAME_WHOLE:
            if (hello->type == FRAME_HELLO) {
                *used = at + MARKER_SIZE + length;
                return true;
            }
            break;
        case FRAME_BAD_HEADER:
        case FRAME_BAD_TRAILER:
            break;
        }
        at++; // the bytes behind a false marker may hold the true one
    }
}
