// Turns the bytes of one pipe into frames: knows the position, or scans for HELLO. Never reads a descriptor.
#ifndef AGENT_RECEIVER_H
#define AGENT_RECEIVER_H

#include "frame.h"

#define RECEIVER_SIZE (MARKER_SIZE + FRAME_MAX)

struct receiver {
    bool scanning;
    uint64_t epoch; // of the frames that are accepted while not scanning
    // A HELLO was found. To open an epoch it sets `epoch` and clears `scanning`.
    void (*hello)(void *context, const struct frame *hello);
    bool (*frame)(void *context, const struct frame *frame); // false: a protocol error
    void (*lost)(void *context);                             // the position was lost just now
    void *context;
    size_t length;
    uint8_t buffer[RECEIVER_SIZE];
};

void receiver_scan(struct receiver *receiver); // forgets what it has and scans
uint8_t *receiver_space(struct receiver *receiver, size_t *size);
void receiver_filled(struct receiver *receiver, size_t size);

#endif
