// Streams from below: what arrives for them and what they have to send. For the core's own files.
#ifndef AGENT_STREAM_CORE_H
#define AGENT_STREAM_CORE_H

#include "core.h"
#include "frame.h"
#include "ring.h"

struct out_half {
    struct ring ring; // from = acknowledged, to = written
    uint64_t sent;
    uint64_t limit;
    bool finished; // FIN follows `written`
    bool fin_held; // a FIN alone waits for company
    bool fin_sent;
    bool fin_acked;
};

struct in_half {
    struct ring ring;   // from = consumed, to = received
    uint64_t acked;     // `received` as last told to the host
    uint64_t limit;     // as last told to the host
    bool fin;           // FIN follows `received`
    bool discard;       // nobody reads: what comes is consumed at once
    bool ack_due;
};

struct stream {
    struct stream *next;
    struct agent *agent;
    struct request *request; // the unanswered request that opened it
    uint32_t number;
    unsigned halves;
    uint32_t window; // bytes, of each half
    const struct stream_events *events; // NULL once released
    void *context;
    struct out_half out;
    struct in_half in;
    bool awaiting; // sends nothing until the host's ACK of this epoch
    bool foreign;  // of an older session, and the present host has not joined it
    bool kept;     // a command's: survives the end of the session
    bool dying;    // its reset is being told: the owner can do nothing more with it
    bool starved;  // its owner found no space, and wants to hear of some
};

struct stream *stream_find(struct agent *agent, uint32_t number);
struct stream *stream_control_new(struct agent *agent);
struct stream *stream_restore(struct agent *agent, uint32_t number, unsigned halves);
void stream_keep(struct stream *stream, bool kept);
// Where output continues for a host that joins.
uint64_t stream_unacknowledged(const struct stream *stream);
// The host's half counts as finished: the command that would read it is gone.
void stream_end_input(struct stream *stream);

void stream_forget_if_done(struct stream *stream);
void stream_destroy(struct stream *stream);         // silently
void stream_kill(struct stream *stream, int error); // telling its owner
void streams_epoch_began(struct agent *agent, bool resumed);
void streams_session_ended(struct agent *agent);
void streams_request_gone(struct request *request, bool reset);
void stream_queue_reset(struct agent *agent, uint32_t number, uint32_t error);

// deliver.c: false is a protocol error.
bool deliver_frame(struct agent *agent, const struct frame *frame);
// The port is drained: what is not acknowledged yet is soon.
void deliver_idle(struct agent *agent);
// Something is sent anyway: what waits to be acknowledged goes with it.
void deliver_acks_due(struct agent *agent);

// sender.c: puts frames of the open epoch into `to`; 0 when there is nothing to send.
size_t sender_compose(struct agent *agent, uint8_t *to, size_t room);

#endif
