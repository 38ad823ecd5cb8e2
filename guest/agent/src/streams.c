// The set of streams: how each of them lives through epochs, sessions and requests.
#include "stream_core.h"

#include <errno.h>
#include <stdlib.h>

void stream_destroy(struct stream *stream)
{
    for (struct stream **link = &stream->agent->streams; *link; link = &(*link)->next) {
        if (*link == stream) {
            *link = stream->next;
            stream->agent->stream_count--;
            break;
        }
    }
    ring_clear(&stream->out.ring);
    ring_clear(&stream->in.ring);
    free(stream);
}

void stream_forget_if_done(struct stream *stream)
{
    // While a verb holds it the pointer must stay good, and the host's last ACK must have been answered.
    if (stream->events || stream->kept || stream->number == 0)
        return;
    if (stream->out.fin_acked && stream_ended(stream) && !stream->in.ack_due)
        stream_destroy(stream);
}

void stream_queue_reset(struct agent *agent, uint32_t number, uint32_t error)
{
    for (unsigned i = 0; i < agent->reset_count; i++) {
        if (agent->resets[i].stream == number)
            return;
    }
    // When there are too many the host's next ACK on the dead stream asks again.
    if (agent->reset_count < sizeof agent->resets / sizeof agent->resets[0])
        agent->resets[agent->reset_count++] = (struct reset_due){number, error};
}

static void epoch_began(struct stream *stream, bool waits)
{
    stream->awaiting = waits;
    stream->in.ack_due = false;
    stream->out.fin_sent = stream->out.fin_acked;
}

void streams_epoch_began(struct agent *agent, bool resumed)
{
    agent->reset_count = 0;
    agent->hold_acks = resumed;
    agent->resent_until = agent->control->out.sent;
    epoch_began(agent->control, resumed);
    agent->control->in.ack_due = resumed;
    for (struct stream *stream = agent->streams; stream; stream = stream->next) {
        epoch_began(stream, true);
        stream->in.ack_due = resumed && !stream->foreign;
    }
}

void stream_kill(struct stream *stream, int error)
{
    const struct stream_events *events = stream->events;

    stream->dying = true;
    stream->events = NULL;
    if (events && events->reset)
        events->reset(stream, error);
    stream_destroy(stream);
}

void streams_session_ended(struct agent *agent)
{
    struct stream *stream = agent->streams;

    if (agent->control)
        stream_destroy(agent->control);
    agent->control = NULL;
    while (stream) {
        if (stream->kept) {
            stream->foreign = true;
            stream = stream->next;
            continue;
        }
        stream_kill(stream, ECONNRESET);
        stream = agent->streams; // the callback may have changed the list
        while (stream && stream->kept && stream->foreign)
            stream = stream->next;
    }
}

void streams_request_gone(struct request *request, bool reset)
{
    struct stream *stream = request->agent->streams;

    while (stream) {
        struct stream *next = stream->next;
        if (stream->request == request) {
            stream->request = NULL;
            if (reset)
                stream_reset(stream, ECANCELED);
        }
        stream = next;
    }
}
