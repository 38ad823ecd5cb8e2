// The agent's state, for the core's own files. Verbs and roles use agent.h, verbs.h and stream.h instead.
#ifndef AGENT_CORE_H
#define AGENT_CORE_H

#include "agent.h"
#include "stream.h"
#include "verbs.h"

#define SESSION_SIZE 16u
#define STREAMS_MAX 1024u
#define REQUESTS_MAX 256u

struct link;
struct exec;
struct drain;
struct port;

struct reset_due {
    uint32_t stream;
    uint32_t error;
};

// One message of the host under assembly.
struct assembly {
    uint8_t head[12];
    size_t head_length;
    uint8_t *body;
    size_t body_length;
    uint64_t skip; // bytes of an overlong message that are still to be thrown away
};

struct agent {
    struct agent_options options;
    struct loop *loop;
    struct port *port;

    uint64_t epoch; // the last one accepted, 0 before the first
    uint8_t session[SESSION_SIZE];
    bool has_session;
    bool resumed;            // the open epoch continues its session
    uint64_t session_number; // counts sessions, to know what belongs to an earlier one
    uint8_t boot[SESSION_SIZE];
    struct link *links;
    struct link *active; // the one that carries the open epoch

    struct stream *control;
    struct stream *streams; // all but control, in sending order
    unsigned stream_count;
    uint64_t next_stream;
    bool hold_acks;        // resuming: stream 0 comes first
    uint64_t resent_until; // hold_acks ends when stream 0 was sent up to here again
    struct timer ack_later; // the port is drained, and the host does not wait for what it could hear
    struct reset_due resets[256];
    unsigned reset_count;

    struct assembly assembly;
    struct out outbox; // messages that found no space in stream 0
    size_t outbox_sent;
    struct request *requests;
    unsigned request_count;

    struct exec *execs;
    struct drain *drains;
    char **environment;
    struct session_watch *session_watches;
    struct watch init_watch;
    bool init_started;
    struct upgrade *upgrade; // one is accepted: requests wait until it is done
};

struct agent *agent_new(const struct agent_options *options);
void agent_free(struct agent *agent);
void agent_tell_session_ended(struct agent *agent); // its watches, which then are none
void agent_watch_init(struct agent *agent, int fd);
void agent_announce_init(struct agent *agent); // the event INIT, if it is true

#endif
