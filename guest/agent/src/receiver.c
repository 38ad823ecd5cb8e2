// See receiver.h. A whole frame always fits the buffer, so that there is always space to read into.
#include "receiver.h"

#include <string.h>

void receiver_scan(struct receiver *receiver)
{
    receiver->scanning = true;
    receiver->length = 0;
}

uint8_t *receiver_space(struct receiver *receiver, size_t *size)
{
    *size = sizeof receiver->buffer - receiver->length;
    return receiver->buffer + receiver->length;
}

static void lose(struct receiver *receiver)
{
    receiver->scanning = true;
    receiver->lost(receiver->context);
}

// Bytes used; 0 when it takes more to go on. *again is set when it is worth another look.
static size_t step(struct receiver *receiver, const uint8_t *data, size_t size, bool *again)
{
    struct frame frame;
    size_t used;

    *again = true;
    if (receiver->scanning) {
        *again = frame_scan(data, size, &frame, &used);
        if (*again)
            receiver->hello(receiver->context, &frame);
        return used;
    }
    switch (frame_decode(data, size, receiver->epoch, &frame, &used)) {
    case FRAME_MORE:
        *again = false;
        break;
    case FRAME_WHOLE:
        if (frame.type == FRAME_HELLO || !receiver->frame(receiver->context, &frame))
            lose(receiver);
        break;
    case FRAME_BAD_HEADER:
    case FRAME_BAD_TRAILER:
        lose(receiver);
        break;
    }
    return used;
}

void receiver_filled(struct receiver *receiver, size_t size)
{
    size_t at = 0;
    bool again = true;

    receiver->length += size;
    while (again)
        at += step(receiver, receiver->buffer + at, receiver->length - at, &again);
    receiver->length -= at;
    // A port gives 4 KiB at a time: most of what comes is not yet a frame, and musl would move it onto itself, byte by byte.
    if (at > 0)
        memmove(receiver->buffer, receiver->buffer + at, receiver->length);
}
