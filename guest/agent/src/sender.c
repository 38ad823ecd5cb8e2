// What to send next: RESET and ACK, then stream 0, then the other streams in turn.
#include "stream_core.h"

#include <string.h>

#define CHUNK 32768u // bytes of payload; larger ones would hold control messages back

static size_t send_number(uint8_t *to, struct frame frame, uint64_t value, uint64_t epoch)
{
    uint8_t payload[8];

    put64(payload, value);
    frame.length = sizeof payload;
    frame.payload = payload;
    return frame_encode(to, &frame, epoch);
}

static size_t send_ack(struct stream *stream, uint8_t *to)
{
    struct in_half *in = &stream->in;

    in->ack_due = false;
    in->acked = in->ring.to;
    in->limit = in->ring.from + stream->window;
    return send_number(to, (struct frame){.type = FRAME_ACK, .flag = in->fin ? FLAG_FIN : 0, .stream = stream->number, .offset = in->ring.to},
                       in->limit, stream->agent->epoch);
}

static bool has_data(const struct stream *stream)
{
    const struct out_half *out = &stream->out;

    if (stream->awaiting)
        return false;
    if (out->finished && !out->fin_sent && out->sent == out->ring.to)
        return !out->fin_held;
    return out->sent < out->ring.to && out->sent < out->limit;
}

static size_t send_data(struct stream *stream, uint8_t *to, size_t room)
{
    struct out_half *out = &stream->out;
    struct frame frame = {.type = FRAME_DATA, .stream = stream->number, .offset = out->sent};
    uint64_t until = out->ring.to < out->limit ? out->ring.to : out->limit;
    size_t size = until > out->sent ? (size_t)(until - out->sent) : 0;

    if (size > CHUNK)
        size = CHUNK;
    if (size > room - FRAME_HEADER - FRAME_TRAILER)
        size = room - FRAME_HEADER - FRAME_TRAILER;
    ring_copy(&out->ring, out->sent, to + FRAME_HEADER, size);
    out->sent += size;
    if (out->finished && out->sent == out->ring.to) {
        frame.flag = FLAG_FIN;
        out->fin_sent = true;
    }
    frame.length = (uint32_t)size;
    return frame_wrap(to, &frame, stream->agent->epoch);
}

static struct stream *ack_waits(struct agent *agent)
{
    struct stream *stream = agent->streams;

    if (agent->control->in.ack_due)
        return agent->control;
    if (agent->hold_acks)
        return NULL;
    while (stream && !stream->in.ack_due)
        stream = stream->next;
    return stream;
}

// The first stream with data; it goes to the end, so that the next has its turn.
static struct stream *take_turn(struct agent *agent)
{
    struct stream **link = &agent->streams, *stream;

    while (*link && !has_data(*link))
        link = &(*link)->next;
    stream = *link;
    if (!stream || !stream->next)
        return stream;
    *link = stream->next;
    while (*link)
        link = &(*link)->next;
    *link = stream;
    stream->next = NULL;
    return stream;
}

static size_t send_one(struct agent *agent, uint8_t *to, size_t room)
{
    struct stream *stream;
    size_t size;

    if (agent->reset_count && !agent->hold_acks) {
        struct reset_due due = agent->resets[--agent->reset_count];
        return send_number(to, (struct frame){.type = FRAME_RESET, .stream = due.stream}, due.error, agent->epoch);
    }
    if ((stream = ack_waits(agent))) {
        size = send_ack(stream, to);
        stream_forget_if_done(stream);
        return size;
    }
    if (has_data(agent->control)) {
        size = send_data(agent->control, to, room);
        if (agent->hold_acks && agent->control->out.sent >= agent->resent_until)
            agent->hold_acks = false;
        return size;
    }
    if ((stream = take_turn(agent)))
        return send_data(stream, to, room);
    return 0;
}

size_t sender_compose(struct agent *agent, uint8_t *to, size_t room)
{
    size_t used = 0, size;

    // Room for a little data at least, so that no frame is needlessly small.
    while (room - used >= 4096 && (size = send_one(agent, to + used, room - used)) > 0) {
        used += size;
        if (agent->ack_later.armed)
            deliver_acks_due(agent);
    }
    return used;
}
