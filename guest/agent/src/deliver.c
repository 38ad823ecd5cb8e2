// Frames of the open epoch on their way in: DATA into streams, ACK to the sending halves, RESET to the owners.
#include "stream_core.h"

#include <errno.h>

#define ACK_LATER_MS 20u

static bool deliver_data(struct agent *agent, struct stream *stream, const struct frame *frame)
{
    struct in_half *in = &stream->in;
    uint64_t received = in->ring.to, end = frame->offset + frame->length;
    bool fin = frame->flag & FLAG_FIN;

    (void)agent;
    if (!(stream->halves & STREAM_IN))
        return in->discard; // input that the end of its reader overtook
    if (frame->offset > received || end < frame->offset || end > in->limit)
        return false;
    if (in->fin && (end > received || (fin && end != received)))
        return false;
    if (fin && end < received)
        return false;
    if (end > received) {
        uint32_t skip = (uint32_t)(received - frame->offset);
        if (!ring_append(&in->ring, frame->payload + skip, frame->length - skip))
            return false; // out of memory: the host sends it again in the next epoch
    }
    if (fin) {
        in->fin = true;
        in->ack_due = true;
    }
    if (in->discard)
        stream_consume(stream, (size_t)(in->ring.to - in->ring.from));
    else if (stream->events && stream->events->input && (end > received || fin))
        stream->events->input(stream);
    return true;
}

static bool deliver_ack(struct agent *agent, struct stream *stream, const struct frame *frame)
{
    struct out_half *out = &stream->out;
    uint64_t limit;

    if (frame->length != 8)
        return false;
    if (!(stream->halves & STREAM_OUT))
        return true;
    if (frame->offset > out->sent)
        return false;
    limit = get64(frame->payload);
    if (limit > out->limit)
        out->limit = limit;
    if (frame->offset > out->ring.from)
        ring_drop(&out->ring, frame->offset);
    if (frame->flag & FLAG_FIN && out->finished && out->ring.from == out->ring.to)
        out->fin_sent = out->fin_acked = true;
    if (stream->awaiting) {
        stream->awaiting = false;
        out->sent = out->ring.from;
        out->fin_sent = out->fin_acked;
    }
    if (stream->foreign) {
        stream->foreign = false;
        stream->in.ack_due = (stream->halves & STREAM_IN) != 0;
    }
    if (stream == agent->control && agent->hold_acks && out->sent >= agent->resent_until)
        agent->hold_acks = false;
    if (stream->starved && stream->events && stream->events->writable && stream_space(stream) > 0) {
        stream->starved = false;
        stream->events->writable(stream);
        return true; // the stream may be gone
    }
    stream_forget_if_done(stream);
    return true;
}

static bool deliver_reset(struct stream *stream, const struct frame *frame)
{
    if (frame->length != 8 || stream->number == 0)
        return false;
    stream_kill(stream, (int)get64(frame->payload));
    return true;
}

bool deliver_frame(struct agent *agent, const struct frame *frame)
{
    struct stream *stream;

    if (frame->type != FRAME_DATA && frame->type != FRAME_ACK && frame->type != FRAME_RESET)
        return true;
    stream = stream_find(agent, frame->stream);
    if (!stream) {
        if (frame->type != FRAME_RESET)
            stream_queue_reset(agent, frame->stream, EBADF);
        return true;
    }
    if (frame->type == FRAME_DATA)
        return deliver_data(agent, stream, frame);
    if (frame->type == FRAME_ACK)
        return deliver_ack(agent, stream, frame);
    return deliver_reset(stream, frame);
}

static bool untold(const struct stream *stream)
{
    return stream->in.ring.to != stream->in.acked && !stream->foreign && stream->halves & STREAM_IN;
}

void deliver_acks_due(struct agent *agent)
{
    loop_disarm(agent->loop, &agent->ack_later);
    if (!agent->control)
        return;
    if (untold(agent->control))
        agent->control->in.ack_due = true;
    for (struct stream *stream = agent->streams; stream; stream = stream->next) {
        if (untold(stream))
            stream->in.ack_due = true;
    }
}

static void waited(struct timer *timer) { deliver_acks_due(timer->context); }

// A write to the port costs more than a small command does, and takes the processor from it.
void deliver_idle(struct agent *agent)
{
    struct stream *stream = agent->streams;

    if (!agent->control || agent->ack_later.armed)
        return;
    while (stream && !untold(stream))
        stream = stream->next;
    if (!stream && !untold(agent->control))
        return;
    agent->ack_later.due = waited;
    agent->ack_later.context = agent;
    loop_arm(agent->loop, &agent->ack_later, ACK_LATER_MS);
}
