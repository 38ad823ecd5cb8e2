// The agent's state as fields, for the binary that takes over. The form is docs/protocol/agent.md §6 and frozen; state_load.c reads it.
#include "exec.h"
#include "link.h"
#include "port.h"
#include "state.h"
#include "stream_core.h"
#include "upgrade.h"

static void put_ring(struct out *out, uint16_t tag, const struct ring *ring)
{
    size_t mark = out_begin(out, tag), size;
    const uint8_t *bytes;

    for (uint64_t at = ring->from; (bytes = ring_at(ring, at, &size)); at += size)
        out_raw(out, bytes, size);
    out_end(out, mark);
}

static void put_stream(struct out *out, uint16_t tag, const struct stream *stream)
{
    size_t mark = out_begin(out, tag);
    uint64_t flags = 0;

    flags |= stream->kept ? STATE_KEPT : 0;
    flags |= stream->foreign ? STATE_FOREIGN : 0;
    flags |= stream->out.finished ? STATE_OUT_FINISHED : 0;
    flags |= stream->out.fin_acked ? STATE_OUT_FIN_ACKED : 0;
    flags |= stream->in.fin ? STATE_IN_FIN : 0;
    flags |= stream->in.discard ? STATE_IN_DISCARD : 0;
    out_u64(out, 1, stream->number);
    out_u64(out, 2, stream->halves);
    out_u64(out, 3, flags);
    out_u64(out, 4, stream->out.ring.from);
    out_u64(out, 5, stream->out.sent);
    out_u64(out, 6, stream->out.limit);
    put_ring(out, 7, &stream->out.ring);
    out_u64(out, 8, stream->in.ring.from);
    out_u64(out, 9, stream->in.limit);
    put_ring(out, 10, &stream->in.ring);
    out_end(out, mark);
}

static void put_fd(struct out *out, uint16_t tag, int fd, void (*each)(int fd))
{
    if (fd < 0)
        return;
    out_u64(out, tag, (uint64_t)fd);
    each(fd);
}

static void put_pipe(struct out *out, uint16_t tag, int fd, uint64_t kind, bool active, void (*each)(int fd))
{
    size_t mark;

    if (fd < 0)
        return;
    mark = out_begin(out, tag);
    put_fd(out, 1, fd, each);
    out_u64(out, 2, kind);
    out_u64(out, 3, active);
    out_end(out, mark);
}

static void put_exec(struct out *out, const struct exec *exec, void (*each)(int fd))
{
    size_t mark = out_begin(out, 14);

    out_text(out, 1, exec->id);
    out_u64(out, 2, exec->stream);
    out_u64(out, 3, (uint64_t)exec->child.pid);
    out_u64(out, 4, (exec->tty ? STATE_TTY : 0u) | (exec->ended ? STATE_ENDED : 0u) | (exec->exited ? STATE_EXITED : 0u));
    out_u64(out, 5, (uint64_t)(unsigned)exec->status);
    out_u64(out, 6, exec->started_ns);
    out_u64(out, 7, exec->session == exec->agent->session_number);
    put_fd(out, 8, exec->in.watch.fd, each);
    put_fd(out, 9, exec->out.watch.fd, each);
    put_fd(out, 10, exec->err.watch.fd, each);
    out_u64(out, 11, exec->out.left);
    out_u64(out, 12, exec->err.left);
    out_end(out, mark);
}

static void put_assembly(struct out *out, const struct assembly *assembly)
{
    size_t mark = out_begin(out, 16);

    out_raw(out, assembly->head, assembly->head_length);
    out_raw(out, assembly->body, assembly->body_length);
    out_end(out, mark);
    out_u64(out, 17, assembly->skip);
}

void state_save(struct agent *agent, struct out *out, void (*each)(int fd))
{
    out_u64(out, 1, UPGRADE_STATE_VERSION);
    out_u64(out, 2, agent->options.role);
    out_u64(out, 3, agent->epoch);
    if (agent->has_session)
        out_bytes(out, 4, agent->session, SESSION_SIZE);
    out_bytes(out, 5, agent->boot, SESSION_SIZE);
    out_u64(out, 6, agent->next_stream);
    for (char **entry = agent->environment; entry && *entry; entry++)
        out_text(out, 7, *entry);
    put_fd(out, 8, agent->init_watch.fd, each);
    out_u64(out, 9, agent->init_started);
    for (const struct link *link = agent->links; link; link = link->next)
        put_pipe(out, 10, link->dead ? -1 : link->watch.fd, link->kind, link == agent->active, each);
    put_pipe(out, 11, agent->port->vsock.fd, PORT_VSOCK, false, each);
    put_pipe(out, 11, agent->port->unix_socket.fd, PORT_UNIX, false, each);
    if (agent->control)
        put_stream(out, 12, agent->control);
    for (const struct stream *stream = agent->streams; stream; stream = stream->next)
        put_stream(out, 13, stream);
    for (const struct exec *exec = agent->execs; exec; exec = exec->next)
        put_exec(out, exec, each);
    for (const struct drain *drain = agent->drains; drain; drain = drain->next)
        put_fd(out, 15, drain->watch.fd, each);
    put_assembly(out, &agent->assembly);
    out_bytes(out, 18, agent->outbox.data + agent->outbox_sent, agent->outbox.length - agent->outbox_sent);
}
