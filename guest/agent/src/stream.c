// The verbs' side of streams. See stream.h.
#include "stream_core.h"

#include <errno.h>
#include <stdlib.h>

struct stream *stream_find(struct agent *agent, uint32_t number)
{
    struct stream *stream = agent->streams;

    if (number == 0)
        return agent->control;
    while (stream && stream->number != number)
        stream = stream->next;
    return stream;
}

struct stream *stream_restore(struct agent *agent, uint32_t number, unsigned halves)
{
    struct stream *stream = calloc(1, sizeof *stream);
    struct stream **link = &agent->streams;

    if (!stream)
        return NULL;
    stream->agent = agent;
    stream->number = number;
    stream->halves = halves;
    stream->window = STREAM_WINDOW;
    stream->out.finished = stream->out.fin_sent = stream->out.fin_acked = !(halves & STREAM_OUT);
    stream->in.fin = !(halves & STREAM_IN);
    if (number == 0)
        return stream;
    while (*link)
        link = &(*link)->next;
    *link = stream;
    agent->stream_count++;
    if (agent->next_stream <= number)
        agent->next_stream = ((uint64_t)number | 1) + 1;
    return stream;
}

struct stream *stream_control_new(struct agent *agent)
{
    struct stream *stream = stream_restore(agent, 0, STREAM_IN | STREAM_OUT);

    if (stream)
        stream->out.limit = stream->in.limit = STREAM_WINDOW;
    return stream;
}

struct stream *stream_open(struct request *request, uint32_t number, unsigned halves, uint64_t window, int *error)
{
    struct agent *agent = request->agent;
    struct stream *stream = NULL;

    *error = EINVAL;
    if (number == 0)
        return NULL;
    if (number & 1) {
        struct stream *first = stream_find(agent, number - 1);
        if (number == 1 || !first || first->request != request)
            return NULL;
    }
    *error = EEXIST;
    if (stream_find(agent, number))
        return NULL;
    *error = agent->stream_count < STREAMS_MAX ? ENOMEM : EMFILE;
    if (*error == ENOMEM)
        stream = stream_restore(agent, number, halves);
    if (!stream)
        return NULL;
    *error = 0;
    stream->request = request;
    stream->out.limit = window;
    stream->in.ack_due = (halves & STREAM_IN) != 0;
    return stream;
}

void stream_set_events(struct stream *stream, const struct stream_events *events, void *context)
{
    stream->events = events;
    stream->context = context;
}

void stream_widen(struct stream *stream) { stream->window = STREAM_WINDOW_WIDE; }

void *stream_context(const struct stream *stream) { return stream->context; }

uint32_t stream_number(const struct stream *stream) { return stream->number; }

void stream_keep(struct stream *stream, bool kept)
{
    stream->kept = kept;
    stream->request = NULL;
}

uint64_t stream_unacknowledged(const struct stream *stream) { return stream->out.ring.from; }

size_t stream_space(const struct stream *stream)
{
    if (stream->out.finished)
        return 0;
    return stream->window - (size_t)(stream->out.ring.to - stream->out.ring.from);
}

uint8_t *stream_reserve(struct stream *stream, size_t *size)
{
    struct ring *ring = &stream->out.ring;
    size_t used = (size_t)(ring->to - ring->from);
    uint8_t *at = NULL;

    *size = 0;
    if (stream_space(stream) > 0) {
        at = ring_free(ring, size);
        if (*size < 4096 && ring->capacity < stream->window && ring_reserve(ring, used + 4096))
            at = ring_free(ring, size);
    }
    stream->starved = *size == 0;
    return *size ? at : NULL;
}

void stream_commit(struct stream *stream, size_t size) { stream->out.ring.to += size; }

size_t stream_write(struct stream *stream, const void *data, size_t size)
{
    size_t space = stream_space(stream);
    size_t taken = size < space ? size : space;

    if (taken && !ring_append(&stream->out.ring, data, taken))
        taken = 0;
    stream->starved = taken < size;
    return taken;
}

void stream_finish(struct stream *stream) { stream->out.finished = true; }

size_t stream_peek(struct stream *stream, const uint8_t **data)
{
    size_t size;

    *data = ring_at(&stream->in.ring, stream->in.ring.from, &size);
    return size;
}

void stream_consume(struct stream *stream, size_t size)
{
    struct in_half *in = &stream->in;

    ring_drop(&in->ring, in->ring.from + size);
    if (in->ring.from + stream->window - in->limit >= stream->window / 4 && !in->fin)
        in->ack_due = true;
}

bool stream_ended(const struct stream *stream) { return stream->in.fin && stream->in.ring.from == stream->in.ring.to; }

void stream_end_input(struct stream *stream)
{
    ring_drop(&stream->in.ring, stream->in.ring.to);
    stream->in.discard = true;
    stream->in.fin = true;
    stream->in.ack_due = false;
    stream->halves &= ~(unsigned)STREAM_IN;
}

void stream_release(struct stream *stream)
{
    if (stream->dying)
        return;
    stream->events = NULL;
    stream->request = NULL;
    stream->kept = false;
    stream->out.finished = true;
    stream->in.discard = true;
    stream_consume(stream, (size_t)(stream->in.ring.to - stream->in.ring.from));
    stream_forget_if_done(stream);
}

void stream_reset(struct stream *stream, int error)
{
    if (stream->dying)
        return;
    stream_queue_reset(stream->agent, stream->number, (uint32_t)error);
    stream_destroy(stream);
}
