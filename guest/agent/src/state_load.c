// Takes over the state of the agent that this binary replaces. Its writer is trusted, its version may be older.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"
#include "link.h"
#include "message.h"
#include "port.h"
#include "state.h"
#include "stream_core.h"
#include "upgrade.h"

static uint64_t number(struct fields fields, uint16_t tag, uint64_t fallback)
{
    struct field field;
    uint64_t value;

    return fields_find(fields, tag, &field) && field_u64(&field, &value) ? value : fallback;
}

static int descriptor(struct fields fields, uint16_t tag)
{
    int fd = (int)(int64_t)number(fields, tag, UINT64_MAX);

    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

static void get_bytes(struct fields fields, uint16_t tag, void *to, size_t size)
{
    struct field field;

    if (fields_find(fields, tag, &field) && field.length == size)
        memcpy(to, field.value, size);
}

static bool get_ring(struct fields fields, uint16_t tag, uint64_t from, struct ring *ring)
{
    struct field field;

    ring->from = ring->to = from;
    if (!fields_find(fields, tag, &field))
        return true;
    return field.length <= STREAM_WINDOW && ring_append(ring, field.value, field.length);
}

static struct stream *load_stream(struct agent *agent, struct fields fields)
{
    uint64_t flags = number(fields, 3, 0);
    struct stream *stream = stream_restore(agent, (uint32_t)number(fields, 1, 0), (unsigned)number(fields, 2, 0));

    if (!stream)
        return NULL;
    stream->kept = flags & STATE_KEPT;
    stream->foreign = flags & STATE_FOREIGN;
    stream->awaiting = true;
    stream->out.finished = flags & STATE_OUT_FINISHED;
    stream->out.fin_sent = stream->out.fin_acked = flags & STATE_OUT_FIN_ACKED;
    stream->in.fin = flags & STATE_IN_FIN;
    stream->in.discard = flags & STATE_IN_DISCARD;
    stream->out.sent = number(fields, 5, 0);
    stream->out.limit = number(fields, 6, 0);
    stream->in.limit = number(fields, 9, 0);
    if (!get_ring(fields, 7, number(fields, 4, 0), &stream->out.ring) || !get_ring(fields, 10, number(fields, 8, 0), &stream->in.ring))
        return NULL; // out of memory: state_load fails as a whole
    return stream;
}

static bool load_exec(struct agent *agent, struct fields fields)
{
    uint64_t flags = number(fields, 4, 0);
    struct spawned spawned = {.in = descriptor(fields, 8), .out = descriptor(fields, 9), .err = descriptor(fields, 10)};
    char id[EXEC_ID_MAX + 1] = {0};
    struct field field;
    struct stream *first, *second;
    struct exec *exec;

    if (!fields_find(fields, 1, &field) || field.length > EXEC_ID_MAX)
        return false;
    memcpy(id, field.value, field.length);
    exec = exec_new(agent, id);
    if (!exec)
        return false;
    exec->stream = (uint32_t)number(fields, 2, 0);
    exec->child.pid = (pid_t)number(fields, 3, 0);
    exec->tty = flags & STATE_TTY;
    exec->ended = flags & STATE_ENDED;
    exec->exited = flags & STATE_EXITED;
    exec->status = (int)number(fields, 5, 0);
    exec->started_ns = number(fields, 6, 0);
    exec->session = number(fields, 7, 0) ? agent->session_number : agent->session_number - 1;
    first = stream_find(agent, exec->stream);
    second = exec->tty ? NULL : stream_find(agent, exec->stream + 1);
    exec_wire(exec, &spawned, first, second);
    exec->out.left = number(fields, 11, UINT64_MAX);
    exec->err.left = number(fields, 12, UINT64_MAX);
    if (!exec->ended)
        loop_watch_child(agent->loop, &exec->child);
    else if (!exec->exited)
        loop_arm(agent->loop, &exec->grace, EXEC_GRACE_MS);
    if (first && exec->in.watch.fd >= 0)
        sink_ready(&exec->in);
    return true;
}

static void load_link(struct agent *agent, struct fields fields)
{
    int fd = descriptor(fields, 1);
    struct link *link = fd >= 0 ? link_new(agent, fd, (enum link_kind)number(fields, 2, LINK_CONNECTION)) : NULL;

    if (!link || !number(fields, 3, 0))
        return;
    agent->active = link; // only to be told to begin again
    epoch_lost(link);
    agent->active = NULL;
}

static bool load_control(struct agent *agent, struct fields state, const struct fields *fields)
{
    struct assembly *assembly = &agent->assembly;
    struct field field;

    agent->control = load_stream(agent, *fields);
    if (!agent->control)
        return false;
    messages_watch(agent);
    assembly->skip = number(state, 17, 0);
    if (fields_find(state, 16, &field) && field.length > 0) {
        assembly->head_length = field.length < MESSAGE_HEADER ? field.length : MESSAGE_HEADER;
        memcpy(assembly->head, field.value, assembly->head_length);
        if (assembly->head_length == MESSAGE_HEADER) {
            assembly->body = malloc((size_t)get32(assembly->head) + 1);
            assembly->body_length = field.length - MESSAGE_HEADER;
            if (!assembly->body || assembly->body_length > get32(assembly->head))
                return false;
            memcpy(assembly->body, field.value + MESSAGE_HEADER, assembly->body_length);
        }
    }
    if (fields_find(state, 18, &field))
        out_raw(&agent->outbox, field.value, field.length);
    return true;
}

static bool load_field(struct agent *agent, struct fields state, const struct field *field)
{
    struct fields inner = {field->value, field->length};
    uint64_t value;

    switch (field->tag) {
    case 10:
        load_link(agent, inner);
        return true;
    case 11:
        port_restore_listener(agent, descriptor(inner, 1), (enum port_kind)number(inner, 2, 0));
        return true;
    case 12:
        return load_control(agent, state, &inner);
    case 13:
        return load_stream(agent, inner) != NULL;
    case 14:
        return load_exec(agent, inner);
    case 15:
        if (field_u64(field, &value)) {
            fcntl((int)value, F_SETFD, FD_CLOEXEC);
            drain_start(agent, (int)value);
        }
        return true;
    default:
        return true;
    }
}

static int load_environment(struct agent *agent, struct fields state)
{
    char **list = calloc(state.length / 8 + 1, sizeof *list);
    struct field field;
    size_t count = 0;
    int error = list ? 0 : -ENOMEM;

    while (!error && fields_next(&state, &field, NULL)) {
        if (field.tag != 7)
            continue;
        list[count] = strndup((const char *)field.value, field.length);
        if (!list[count++])
            error = -ENOMEM;
    }
    if (!error && count)
        error = agent_set_environment(agent, list);
    for (size_t i = 0; list && i < count; i++)
        free(list[i]);
    free(list);
    return error;
}

int state_load(struct agent *agent, struct fields state)
{
    struct fields rest = state;
    struct field field;
    int error;

    if (number(state, 1, 0) != UPGRADE_STATE_VERSION)
        return -EPROTO;
    agent->options.role = (enum agent_role)number(state, 2, ROLE_TEST);
    agent->epoch = number(state, 3, 0);
    agent->has_session = fields_find(state, 4, &field);
    agent->session_number = 1;
    get_bytes(state, 4, agent->session, SESSION_SIZE);
    get_bytes(state, 5, agent->boot, SESSION_SIZE);
    error = load_environment(agent, state);
    agent->init_started = number(state, 9, 0);
    agent_watch_init(agent, descriptor(state, 8));
    while (!error && fields_next(&rest, &field, NULL)) {
        if (!load_field(agent, state, &field))
            error = -ENOMEM;
    }
    agent->next_stream = number(state, 6, agent->next_stream);
    return error;
}
