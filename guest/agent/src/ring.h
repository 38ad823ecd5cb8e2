// Bytes at absolute offsets, from `from` up to `to`, in a buffer that grows up to one window.
#ifndef AGENT_RING_H
#define AGENT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint64_t from;
    uint64_t to;
    uint8_t *data;
    size_t capacity; // 0 or a power of two
};

bool ring_reserve(struct ring *ring, size_t size); // makes space for `size` bytes in all (at most a window)
// The contiguous free span behind `to`, the contiguous bytes at offset `at`.
uint8_t *ring_free(struct ring *ring, size_t *size);
const uint8_t *ring_at(const struct ring *ring, uint64_t at, size_t *size);
bool ring_append(struct ring *ring, const uint8_t *data, size_t size);
void ring_copy(const struct ring *ring, uint64_t at, uint8_t *to, size_t size);
void ring_drop(struct ring *ring, uint64_t until); // gives memory back when it becomes empty
void ring_clear(struct ring *ring);

#endif
