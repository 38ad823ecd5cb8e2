// Moves bytes between a job's pipe and its stream, never more than the other side takes.
#include "job_flow.h"

#include <errno.h>

static void to_host(struct job *job)
{
    for (;;) {
        size_t size;
        uint8_t *into = stream_reserve(job->stream, &size);
        if (!size)
            return;
        size_t n = shared_pipe_take(&job->data, into, size);
        if (n > 0) {
            stream_commit(job->stream, n);
            continue;
        }
        if (job->deaf || shared_pipe_ended(&job->data)) {
            job_close_data(job);
            job_maybe_finish(job);
        }
        return;
    }
}

static void from_host(struct job *job)
{
    const uint8_t *bytes;
    for (size_t size; (size = stream_peek(job->stream, &bytes)) > 0;) {
        size_t n = shared_pipe_put(&job->data, bytes, size);
        stream_consume(job->stream, n);
        if (n < size)
            return;
    }
    if (!stream_ended(job->stream))
        return;
    shared_pipe_end(&job->data);
    job_close_data(job);
}

// A child that reads and is gone has given up, and will say why.
void job_wake_ready(struct watch *watch, uint32_t events)
{
    struct job *job = watch->context;
    (void)events;
    if (!shared_pipe_heard(&job->data)) {
        loop_del(job->loop, &job->wake);
        job->deaf = true;
    }
    if (!job->stream)
        return;
    if (job->spec.flow == JOB_TO_HOST)
        to_host(job);
    else if (job->deaf)
        job_close_data(job);
    else
        from_host(job);
}

static void on_input(struct stream *stream)
{
    struct job *job = stream_context(stream);
    if (job->wake.fd >= 0)
        from_host(job);
}

static void on_writable(struct stream *stream)
{
    struct job *job = stream_context(stream);
    if (job->wake.fd >= 0)
        to_host(job);
}

static void on_reset(struct stream *stream, int error)
{
    struct job *job = stream_context(stream);
    job->stream = NULL;
    job_stop_child(job, error ? error : ECONNRESET);
    job_maybe_finish(job);
}

const struct stream_events job_reads = {.input = on_input, .reset = on_reset};
const struct stream_events job_writes = {.writable = on_writable, .reset = on_reset};
