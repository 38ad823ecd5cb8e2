// Between a command's descriptors and its streams.
#include "exec.h"
#include "stream_core.h"

static void first_input(struct stream *stream) { sink_ready(&((struct exec *)stream_context(stream))->in); }
static void first_writable(struct stream *stream) { source_ready(&((struct exec *)stream_context(stream))->out); }
static void second_writable(struct stream *stream) { source_ready(&((struct exec *)stream_context(stream))->err); }

// The host wants no more of it: our ends are closed, which a terminal's processes hear as a hang-up.
static void drop(struct source *source)
{
    bool was_ended = source->ended;

    source_close(source);
    source->stream = NULL;
    if (!was_ended)
        source->done(source, false);
}

static void first_reset(struct stream *stream, int error)
{
    struct exec *exec = stream_context(stream);

    (void)error;
    sink_close(&exec->in);
    exec->in.stream = NULL;
    drop(&exec->out);
}

static void second_reset(struct stream *stream, int error)
{
    struct exec *exec = stream_context(stream);

    (void)error;
    drop(&exec->err);
}

static const struct stream_events first_events = {.input = first_input, .writable = first_writable, .reset = first_reset};
static const struct stream_events second_events = {.writable = second_writable, .reset = second_reset};

void exec_wire(struct exec *exec, const struct spawned *spawned, struct stream *first, struct stream *second)
{
    struct loop *loop = exec->agent->loop;

    sink_start(&exec->in, loop, spawned->in, first, exec->tty);
    if (first) {
        stream_keep(first, true);
        stream_set_events(first, &first_events, exec);
    }
    if (spawned->out >= 0)
        source_start(&exec->out, loop, spawned->out, first);
    if (second) {
        stream_keep(second, true);
        stream_set_events(second, &second_events, exec);
    }
    if (spawned->err >= 0)
        source_start(&exec->err, loop, spawned->err, second);
}
