// See ring.h.
#include "ring.h"

#include <stdlib.h>
#include <string.h>

#define RING_LEAST 4096u
#define RING_KEEP 65536u   // bytes; a larger buffer is given back when it becomes empty
#define RING_MOST 262144u  // bytes; what is larger than the above is this large
#define RING_SPARES 4

// Large buffers that nobody uses. The kernel's, new each time, would cost a page fault for every page: more than what they carry.
static uint8_t *spares[RING_SPARES];
static unsigned spare_count;

static uint8_t *take_buffer(size_t capacity)
{
    return capacity == RING_MOST && spare_count > 0 ? spares[--spare_count] : malloc(capacity);
}

static void give_buffer(uint8_t *data, size_t capacity)
{
    if (capacity == RING_MOST && spare_count < RING_SPARES)
        spares[spare_count++] = data;
    else
        free(data);
}

bool ring_reserve(struct ring *ring, size_t size)
{
    size_t capacity = ring->capacity ? ring->capacity : RING_LEAST;
    struct ring larger = *ring;

    while (capacity < size)
        capacity = capacity < RING_KEEP || size > RING_MOST ? capacity * 2 : RING_MOST;
    if (capacity == ring->capacity)
        return true;
    larger.data = take_buffer(capacity);
    larger.capacity = capacity;
    if (!larger.data)
        return false;
    larger.to = larger.from;
    while (larger.to < ring->to) {
        size_t span;
        const uint8_t *bytes = ring_at(ring, larger.to, &span);
        size_t space;
        uint8_t *to = ring_free(&larger, &space);
        span = span < space ? span : space;
        memcpy(to, bytes, span);
        larger.to += span;
    }
    give_buffer(ring->data, ring->capacity);
    *ring = larger;
    return true;
}

uint8_t *ring_free(struct ring *ring, size_t *size)
{
    size_t used = (size_t)(ring->to - ring->from);
    size_t start;

    *size = 0;
    if (!ring->capacity)
        return NULL;
    start = (size_t)ring->to & (ring->capacity - 1);
    *size = ring->capacity - used;
    if (*size > ring->capacity - start)
        *size = ring->capacity - start;
    return ring->data + start;
}

const uint8_t *ring_at(const struct ring *ring, uint64_t at, size_t *size)
{
    size_t start;

    *size = (size_t)(ring->to - at);
    if (*size == 0)
        return NULL;
    start = (size_t)at & (ring->capacity - 1);
    if (*size > ring->capacity - start)
        *size = ring->capacity - start;
    return ring->data + start;
}

bool ring_append(struct ring *ring, const uint8_t *data, size_t size)
{
    if (!ring_reserve(ring, (size_t)(ring->to - ring->from) + size))
        return false;
    while (size) {
        size_t span;
        uint8_t *to = ring_free(ring, &span);
        span = span < size ? span : size;
        memcpy(to, data, span);
        ring->to += span;
        data += span;
        size -= span;
    }
    return true;
}

void ring_copy(const struct ring *ring, uint64_t at, uint8_t *to, size_t size)
{
    while (size) {
        size_t span;
        const uint8_t *bytes = ring_at(ring, at, &span);
        span = span < size ? span : size;
        memcpy(to, bytes, span);
        at += span;
        to += span;
        size -= span;
    }
}

void ring_drop(struct ring *ring, uint64_t until)
{
    ring->from = until;
    if (ring->from == ring->to && ring->capacity > RING_KEEP)
        ring_clear(ring);
}

void ring_clear(struct ring *ring)
{
    give_buffer(ring->data, ring->capacity);
    ring->data = NULL;
    ring->capacity = 0;
    ring->from = ring->to;
}
