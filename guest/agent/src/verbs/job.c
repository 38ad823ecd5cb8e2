// A job: one child, one pipe, one stream. The child inherits nothing but its pipe ends (it must not hold the port
// open), and a cancelled request kills it. The parent is its only waiter, so its pid is its own until `ended` was
// called.
#include "job_flow.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

enum { PIPE_BYTES = 1 << 18 };

void job_close_data(struct job *job)
{
    if (job->data.fd < 0)
        return;
    loop_del(job->loop, &job->data);
    close(job->data.fd);
    job->data.fd = -1;
}

static void free_job(struct job *job)
{
    job_close_data(job);
    close(job->result_fd);
    free(job);
}

static void read_result(struct job *job, struct job_result *result)
{
    size_t length = 0;
    memset(result, 0, sizeof *result);
    for (ssize_t n;
         length < sizeof *result && (n = read(job->result_fd, (char *)result + length, sizeof *result - length)) > 0;)
        length += (size_t)n;
    result->text[JOB_TEXT - 1] = '\0';
    if (length == sizeof *result && !job->stream_error)
        return;
    memset(result, 0, sizeof *result);
    result->error = job->stream_error ? job->stream_error : EIO;
    if (WIFSIGNALED(job->status) && !job->stream_error)
        snprintf(result->text, sizeof result->text, "the worker process died of signal %d", WTERMSIG(job->status));
}

// Both the child and its output are at their end.
static void finish(struct job *job)
{
    struct job_result result;
    read_result(job, &result);
    if (job->stream && result.error)
        stream_reset(job->stream, result.error);
    else if (job->stream)
        stream_release(job->stream);
    struct request *request = job->request;
    if (request) {
        if (!result.error && job->spec.answer)
            job->spec.answer(request, &result);
        bool is_text = result.error || !job->spec.answer;
        request_answer(request, result.error, is_text && result.text[0] ? result.text : NULL);
    }
    free_job(job);
}

void job_maybe_finish(struct job *job)
{
    if (job->ended && (job->spec.flow != JOB_TO_HOST || job->data.fd < 0 || !job->stream))
        finish(job);
}

static void child_ended(struct child *child, int status)
{
    struct job *job = child->context;
    job->ended = true;
    job->status = status;
    job_maybe_finish(job);
}

void job_stop_child(struct job *job, int error)
{
    if (!job->stream_error)
        job->stream_error = error;
    // Killed first: it must not take the closed pipe for the end of the content.
    if (!job->ended)
        kill(job->child.pid, SIGKILL);
    job_close_data(job);
}

static void cancelled(struct request *request)
{
    struct job *job = request->state;
    job->request = NULL;
    job->stream = NULL;
    job_stop_child(job, ECANCELED);
    job_maybe_finish(job);
}

static _Noreturn void run_child(const struct job_spec *spec, int data, int result_fd)
{
    static struct job_result result;
    // Only 3 and 4 stay: what else the agent has open must not be kept open by a child.
    int keep_result = fcntl(result_fd, F_DUPFD, 10);
    int keep_data = data < 0 ? -1 : fcntl(data, F_DUPFD, 10);
    dup2(keep_result, 3);
    if (keep_data >= 0)
        dup2(keep_data, 4);
    syscall(SYS_close_range, keep_data < 0 ? 4 : 5, ~0u, 0);
    spec->run(spec->argument, keep_data < 0 ? -1 : 4, &result);
    for (size_t done = 0; done < sizeof result;) {
        ssize_t n = write(3, (char *)&result + done, sizeof result - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    _exit(0);
}

static int open_pipes(const struct job_spec *spec, int result[2], int data[2])
{
    data[0] = data[1] = -1;
    if (pipe2(result, O_CLOEXEC) != 0)
        return -errno;
    if (spec->flow == JOB_ALONE || pipe2(data, O_CLOEXEC) == 0)
        return 0;
    int error = errno;
    close(result[0]);
    close(result[1]);
    return -error;
}

static void close_two(int fds[2])
{
    if (fds[0] >= 0)
        close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
}

static int open_stream(struct job *job)
{
    if (job->spec.flow == JOB_ALONE)
        return 0;
    int error = 0;
    unsigned half = job->spec.flow == JOB_TO_HOST ? STREAM_OUT : STREAM_IN;
    job->stream = stream_open(job->request, job->spec.stream, half, job->spec.window, &error);
    return job->stream ? 0 : -error;
}

static void begin(struct job *job, int mine)
{
    struct request *request = job->request;
    request->state = job;
    request->cancelled = cancelled;
    loop_watch_child(job->loop, &job->child);
    if (mine < 0)
        return;
    fcntl(mine, F_SETFL, O_NONBLOCK);
    fcntl(mine, F_SETPIPE_SZ, PIPE_BYTES);
    job->data.fd = mine;
    loop_add_fd(job->loop, &job->data, job->spec.flow == JOB_TO_HOST ? EPOLLIN : EPOLLOUT);
    stream_set_events(job->stream, job->spec.flow == JOB_TO_HOST ? &job_writes : &job_reads, job);
}

int job_start(struct request *request, const struct job_spec *spec)
{
    int result[2], data[2];
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return -ENOMEM;
    *job = (struct job){.request = request, .loop = agent_loop(request->agent), .spec = *spec, .result_fd = -1};
    job->data = (struct watch){.fd = -1, .ready = job_data_ready, .context = job};
    job->child = (struct child){.ended = child_ended, .context = job};
    int error = open_pipes(spec, result, data);
    if (error) {
        free(job);
        return error;
    }
    bool out = spec->flow == JOB_TO_HOST;
    error = open_stream(job);
    if (!error && (job->child.pid = loop_fork()) == 0)
        run_child(spec, out ? data[1] : data[0], result[1]);
    if (!error && job->child.pid < 0)
        error = -errno;
    if (error) {
        if (job->stream)
            stream_reset(job->stream, -error);
        close_two(result);
        close_two(data);
        free(job);
        return error;
    }
    close(result[1]);
    job->result_fd = result[0];
    int theirs = out ? data[1] : data[0];
    if (theirs >= 0)
        close(theirs);
    begin(job, out ? data[0] : data[1]);
    return 0;
}
