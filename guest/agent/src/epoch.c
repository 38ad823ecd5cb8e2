// HELLO in both directions: opening epochs, beginning and continuing sessions.
#include <string.h>

#include "link.h"
#include "message.h"
#include "stamp.h"

// False unless it is a HELLO of a host that makes sense.
static bool parse(const struct frame *frame, uint64_t *epoch, const uint8_t **session)
{
    struct fields fields = {frame->payload, frame->length};
    struct field field;

    if (!fields_valid(fields) || frame->stream != 0)
        return false;
    if (!fields_find(fields, 2, &field) || !field_u64(&field, epoch) || *epoch != frame->offset)
        return false;
    if (!fields_find(fields, 3, &field) || field.length != SESSION_SIZE)
        return false;
    *session = field.value;
    return true;
}

static void begin_session(struct agent *agent, const uint8_t *session)
{
    messages_session_ended(agent);
    streams_session_ended(agent);
    agent_tell_session_ended(agent);
    memcpy(agent->session, session, SESSION_SIZE);
    agent->session_number++;
    agent->control = stream_control_new(agent);
    agent->has_session = agent->control != NULL;
}

void epoch_hello(struct link *link, const struct frame *frame)
{
    struct agent *agent = link->agent;
    const uint8_t *session;
    uint64_t epoch;
    bool resumed;

    if (!parse(frame, &epoch, &session))
        return;
    link->hello_epoch = epoch;
    memcpy(link->hello_session, session, SESSION_SIZE);
    if (epoch <= agent->epoch) {
        link->hello = HELLO_AGAIN;
        return;
    }
    if (agent->active && agent->active != link) {
        if (agent->active->kind == LINK_CONNECTION)
            link_close(agent->active);
        else
            receiver_scan(&agent->active->receiver);
    }
    resumed = agent->has_session && !memcmp(agent->session, session, SESSION_SIZE);
    if (!resumed)
        begin_session(agent, session);
    if (!agent->has_session)
        return; // out of memory: the host tries again
    agent->epoch = epoch;
    agent->resumed = resumed;
    agent->active = link;
    link->hello = HELLO_WELCOME;
    link_forget_unsent(link);
    link->receiver.epoch = epoch;
    link->receiver.scanning = false;
    streams_epoch_began(agent, resumed);
    if (!resumed)
        messages_session_began(agent);
}

void epoch_lost(struct link *link)
{
    if (link->agent->active != link || !link->agent->has_session)
        return;
    link->hello = HELLO_AGAIN;
    link->hello_epoch = link->agent->epoch;
    memcpy(link->hello_session, link->agent->session, SESSION_SIZE);
}

static void put_capabilities(struct out *out)
{
    for (size_t i = 0; i < verb_count; i++) {
        bool named = !verbs[i].capability;
        for (size_t j = 0; j < i && !named; j++)
            named = verbs[j].capability && !strcmp(verbs[j].capability, verbs[i].capability);
        if (!named)
            out_text(out, 5, verbs[i].capability);
    }
}

size_t epoch_hello_bytes(struct link *link, uint8_t *to, size_t room)
{
    struct agent *agent = link->agent;
    struct out out = {0};
    struct frame frame = {.type = FRAME_HELLO, .offset = link->hello_epoch};
    size_t size = 0;

    out_u64(&out, 1, 1);
    out_u64(&out, 2, link->hello_epoch);
    out_bytes(&out, 3, link->hello_session, SESSION_SIZE);
    out_text(&out, 4, AGENT_BUILD);
    put_capabilities(&out);
    out_bytes(&out, 6, agent->boot, SESSION_SIZE);
    out_u64(&out, 7, link->hello == HELLO_WELCOME && agent->resumed);
    out_u64(&out, 8, agent->next_stream);
    if (link->hello == HELLO_AGAIN)
        out_u64(&out, 9, agent->epoch);
    out_text(&out, 10, agent->options.role == ROLE_BESIDE_INIT ? "beside-init" : "pid1");
    if (!out.failed && MARKER_SIZE + FRAME_HEADER + out.length + FRAME_TRAILER <= room) {
        frame.length = (uint32_t)out.length;
        frame.payload = out.data;
        memcpy(to, frame_marker, MARKER_SIZE);
        size = MARKER_SIZE + frame_encode(to + MARKER_SIZE, &frame, 0);
        link->hello = HELLO_NONE;
    }
    out_clear(&out);
    return size;
}
