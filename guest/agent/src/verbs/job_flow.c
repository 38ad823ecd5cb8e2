// Moves bytes between a job's pipe and its stream, never more than the other side takes.
#include "job_flow.h"

#include <errno.h>
#include <unistd.h>

static void to_host(struct job *job)
{
    for (;;) {
        size_t size;
        uint8_t *into = stream_reserve(job->stream, &size);
        if (!size) {
            loop_mod(job->loop, &job->data, 0);
            return;
        }
        ssize_t n = read(job->data.fd, into, size);
        if (n > 0) {
            stream_commit(job->stream, (size_t)n);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            loop_mod(job->loop, &job->data, EPOLLIN);
            return;
        }
        job_close_data(job);
        job_maybe_finish(job);
        return;
    }
}

static void from_host(struct job *job)
{
    const uint8_t *bytes;
    for (size_t size; job->data.fd >= 0 && (size = stream_peek(job->stream, &bytes)) > 0;) {
        ssize_t n = write(job->data.fd, bytes, size);
        if (n > 0) {
            stream_consume(job->stream, (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            loop_mod(job->loop, &job->data, EPOLLOUT);
            return;
        } else if (errno != EINTR) {
            job_close_data(job); // the child has given up and will say why
        }
    }
    if (job->data.fd < 0)
        return;
    if (stream_ended(job->stream))
        job_close_data(job);
    else
        loop_mod(job->loop, &job->data, 0);
}

void job_data_ready(struct watch *watch, uint32_t events)
{
    struct job *job = watch->context;
    (void)events;
    if (!job->stream)
        return;
    if (job->spec.flow == JOB_TO_HOST)
        to_host(job);
    else
        from_host(job);
}

static void on_input(struct stream *stream)
{
    struct job *job = stream_context(stream);
    if (job->data.fd >= 0)
        from_host(job);
}

static void on_writable(struct stream *stream)
{
    struct job *job = stream_context(stream);
    if (job->data.fd >= 0)
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
