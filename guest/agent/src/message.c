// See message.h. While answers find no space in stream 0, no further request is taken.
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream_core.h"

#define OUTBOX_PAUSE 65536u // bytes waiting for space at which requests wait, too

static void flush(struct agent *agent)
{
    struct out *outbox = &agent->outbox;

    agent->outbox_sent += stream_write(agent->control, outbox->data + agent->outbox_sent, outbox->length - agent->outbox_sent);
    if (agent->outbox_sent == outbox->length) {
        out_clear(outbox);
        agent->outbox_sent = 0;
    }
}

void message_send(struct agent *agent, uint16_t type, uint32_t request, const struct out *fields)
{
    uint8_t head[MESSAGE_HEADER] = {0};
    struct out *outbox = &agent->outbox;
    size_t before = outbox->length;

    if (!agent->control)
        return;
    put32(head, (uint32_t)fields->length);
    put16(head + 4, type);
    put32(head + 8, request);
    out_raw(outbox, head, sizeof head);
    out_raw(outbox, fields->data, fields->length);
    if (outbox->failed) { // out of memory: never half a message
        outbox->length = before;
        outbox->failed = false;
    }
    if (outbox->length)
        flush(agent);
}

static size_t take(void *to, size_t *have, size_t want, const uint8_t *data, size_t size)
{
    size_t taken = want - *have < size ? want - *have : size;

    memcpy((uint8_t *)to + *have, data, taken);
    *have += taken;
    return taken;
}

static void refuse(struct agent *agent, const uint8_t *head, int error)
{
    struct out out = {0};

    out_u64(&out, 1, (uint64_t)error);
    message_send(agent, get16(head + 4) | 0x8000, get32(head + 8), &out);
    out_clear(&out);
}

// Takes some of the bytes; runs the request when they complete a message.
static size_t assemble(struct agent *agent, const uint8_t *data, size_t size)
{
    struct assembly *a = &agent->assembly;
    uint8_t head[MESSAGE_HEADER], *body;
    size_t taken = 0, length;

    if (a->skip) {
        taken = a->skip < size ? (size_t)a->skip : size;
        a->skip -= taken;
        return taken;
    }
    if (a->head_length < MESSAGE_HEADER) {
        taken = take(a->head, &a->head_length, MESSAGE_HEADER, data, size);
        if (a->head_length < MESSAGE_HEADER)
            return taken;
        length = get32(a->head);
        a->body = length <= MESSAGE_FIELDS_MAX ? malloc(length + 1) : NULL;
        a->body_length = 0;
        if (!a->body) {
            a->skip = length;
            a->head_length = 0;
            refuse(agent, a->head, length <= MESSAGE_FIELDS_MAX ? ENOMEM : EMSGSIZE);
            return taken;
        }
    }
    length = get32(a->head);
    taken += take(a->body, &a->body_length, length, data + taken, size - taken);
    if (a->body_length < length)
        return taken;
    memcpy(head, a->head, sizeof head);
    body = a->body;
    *a = (struct assembly){0};
    request_begin(agent, get16(head + 4), get32(head + 8), body, length);
    return taken;
}

static void input(struct stream *control)
{
    struct agent *agent = control->agent;
    const uint8_t *data;
    size_t size;

    while (!agent->upgrade && agent->outbox.length - agent->outbox_sent < OUTBOX_PAUSE && (size = stream_peek(control, &data)) > 0)
        stream_consume(control, assemble(agent, data, size));
}

static void writable(struct stream *control)
{
    flush(control->agent);
    input(control);
}

static const struct stream_events control_events = {.input = input, .writable = writable};

void messages_watch(struct agent *agent)
{
    stream_set_events(agent->control, &control_events, agent);
}

void messages_resume(struct agent *agent)
{
    if (agent->control)
        input(agent->control);
}

void messages_session_ended(struct agent *agent)
{
    requests_cancel_all(agent, NULL, false);
    free(agent->assembly.body);
    agent->assembly = (struct assembly){0};
    out_clear(&agent->outbox);
    agent->outbox_sent = 0;
}

void messages_session_began(struct agent *agent)
{
    messages_watch(agent);
    agent_announce_init(agent);
}

void agent_event(struct agent *agent, uint16_t type, struct out *fields)
{
    if (!fields->failed)
        message_send(agent, type, 0, fields);
    out_clear(fields);
}
