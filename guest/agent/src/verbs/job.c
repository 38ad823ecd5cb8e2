// A job: one child, one pipe, one stream. The child inherits nothing but its ends of them (it must not hold the port
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
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "bulk.h"

enum {
    WIDE_PIPE = 1 << 20,
    NARROW_PIPE = 1 << 16,
    WIDE_COST = 4 << 20, // bytes that a wide job may hold: the pipe, the stream's buffer, the child's, and the child
    WIDE_MOST = 4
};

// Jobs with a pipe. Those behind the first few are narrow: they share one port and one disk and would be no faster, and a
// hundred wide ones would have all the memory of a small machine.
static unsigned flowing;

static bool may_be_wide(void)
{
    struct sysinfo info;
    return flowing < WIDE_MOST && sysinfo(&info) == 0 &&
           (uint64_t)info.totalram * info.mem_unit / 8 >= (flowing + 1ull) * WIDE_COST;
}

void job_close_data(struct job *job)
{
    if (job->wake.fd < 0)
        return;
    loop_del(job->loop, &job->wake);
    job->wake.fd = -1;
    shared_pipe_close(&job->data);
}

static void free_job(struct job *job)
{
    job_close_data(job);
    close(job->result_fd);
    flowing -= job->spec.flow != JOB_ALONE;
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
    if (!WIFSIGNALED(job->status) || job->stream_error)
        return;
    int number = WTERMSIG(job->status);
    // Nobody else kills it, and it is the first that the kernel kills.
    if (number == SIGKILL)
        result->error = ENOMEM;
    snprintf(result->text, sizeof result->text, "the worker process died of signal %d%s", number,
             number == SIGKILL ? ", as when the machine has no memory left" : "");
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
    if (job->ended && (job->spec.flow != JOB_TO_HOST || job->wake.fd < 0 || !job->stream))
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

static _Noreturn void run_child(const struct job *job, struct shared_pipe *data, int result_fd)
{
    static struct job_result result;
    const struct job_spec *spec = &job->spec;
    // Only 3 and 4 stay: what else the agent has open must not be kept open by a child.
    int keep_result = fcntl(result_fd, F_DUPFD, 10);
    int keep_wake = data ? fcntl(data->wake, F_DUPFD, 10) : -1;
    dup2(keep_result, 3);
    if (data)
        data->wake = dup2(keep_wake, 4);
    syscall(SYS_close_range, data ? 5 : 4, ~0u, 0);
    // A transfer can be begun again; the agent holds the commands, and the commands are what the machine is for.
    loop_score("1000");
    if (!job->wide)
        bulk_limit(NARROW_PIPE);
    spec->run(spec->argument, data, &result);
    if (spec->flow == JOB_TO_HOST)
        shared_pipe_end(data);
    for (size_t done = 0; done < sizeof result;) {
        ssize_t n = write(3, (char *)&result + done, sizeof result - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    _exit(0);
}

// The ends of a pipe that is not needed are closed ones.
static int open_pipes(const struct job *job, int result[2], struct shared_pipe data[2])
{
    data[0] = data[1] = (struct shared_pipe){.wake = -1};
    if (pipe2(result, O_CLOEXEC) != 0)
        return -errno;
    int error = job->spec.flow == JOB_ALONE ? 0 : shared_pipe_open(data, job->wide ? WIDE_PIPE : NARROW_PIPE);
    if (error) {
        close(result[0]);
        close(result[1]);
    }
    return error;
}

static int open_stream(struct job *job)
{
    if (job->spec.flow == JOB_ALONE)
        return 0;
    int error = 0;
    unsigned half = job->spec.flow == JOB_TO_HOST ? STREAM_OUT : STREAM_IN;
    job->stream = stream_open(job->request, job->spec.stream, half, job->spec.window, &error);
    if (job->stream && job->wide)
        stream_widen(job->stream);
    return job->stream ? 0 : -error;
}

static void begin(struct job *job)
{
    struct request *request = job->request;
    request->state = job;
    request->cancelled = cancelled;
    loop_watch_child(job->loop, &job->child);
    if (job->spec.flow == JOB_ALONE)
        return;
    flowing++;
    job->wake.fd = job->data.wake;
    loop_add_fd(job->loop, &job->wake, EPOLLIN);
    stream_set_events(job->stream, job->spec.flow == JOB_TO_HOST ? &job_writes : &job_reads, job);
}

int job_start(struct request *request, const struct job_spec *spec)
{
    int result[2];
    struct shared_pipe data[2];
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return -ENOMEM;
    *job = (struct job){.request = request, .loop = agent_loop(request->agent), .spec = *spec, .result_fd = -1};
    job->wide = may_be_wide();
    job->wake = (struct watch){.fd = -1, .ready = job_wake_ready, .context = job};
    job->child = (struct child){.ended = child_ended, .context = job};
    int error = open_pipes(job, result, data);
    if (error) {
        free(job);
        return error;
    }
    error = open_stream(job);
    if (!error && (job->child.pid = loop_fork()) == 0)
        run_child(job, spec->flow == JOB_ALONE ? NULL : &data[1], result[1]);
    if (!error && job->child.pid < 0)
        error = -errno;
    close(result[1]);
    if (spec->flow != JOB_ALONE)
        close(data[1].wake); // the memory is one
    if (error) {
        if (job->stream)
            stream_reset(job->stream, -error);
        close(result[0]);
        shared_pipe_close(&data[0]);
        free(job);
        return error;
    }
    job->result_fd = result[0];
    job->data = data[0];
    begin(job);
    return 0;
}
