// EXEC: starting a command or joining one. Its streams are exec_streams.c, its end exec_end.c.
#include "exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stream_core.h"

enum { EXEC_TTY = 1, EXEC_STDIN = 2, EXEC_EMPTY = 4 };

static void answer_started(struct exec *exec, struct request *request, bool joined)
{
    struct stream *first = stream_find(exec->agent, exec->stream), *second = stream_find(exec->agent, exec->stream + 1);

    out_u64(&request->answer, 3, (uint64_t)exec->child.pid);
    out_u64(&request->answer, 4, joined);
    out_u64(&request->answer, 5, exec->stream);
    out_u64(&request->answer, 6, first ? stream_unacknowledged(first) : 0);
    out_u64(&request->answer, 7, second && !exec->tty ? stream_unacknowledged(second) : 0);
    request_answer(request, 0, NULL);
}

/* ENOENT is for a command that is not there, and for nothing else */
static int refusal(uint32_t stage, int error)
{
    if (stage != SPAWN_EXEC && error == ENOENT)
        return stage == SPAWN_DIRECTORY ? ENOTDIR : EINVAL;
    return error ? error : EIO;
}

static void refuse(struct exec *exec, const struct spawn_failure *failure)
{
    static const char *const what[] = {[SPAWN_SETUP] = "cannot set up", [SPAWN_USER] = "cannot become the user of",
                                       [SPAWN_DIRECTORY] = "cannot enter the directory of", [SPAWN_EXEC] = "cannot execute"};
    struct request *request = exec->request;
    uint32_t stage = failure->stage >= SPAWN_SETUP && failure->stage <= SPAWN_EXEC ? failure->stage : SPAWN_SETUP;
    struct stream *second = stream_find(exec->agent, exec->stream + 1), *first = stream_find(exec->agent, exec->stream);
    char text[160];

    if (second && second->context == exec)
        stream_reset(second, ECANCELED);
    if (first)
        stream_reset(first, ECANCELED);
    if (stage == SPAWN_EXEC && failure->error == ENOENT)
        snprintf(text, sizeof text, "no such command: %.100s", exec->command);
    else
        snprintf(text, sizeof text, "%s %.100s: %s", what[stage], exec->command, strerror((int)failure->error));
    exec->request = NULL;
    exec_free(exec);
    if (request)
        request_answer(request, refusal(stage, (int)failure->error), text);
}

void exec_start_known(struct exec *exec)
{
    struct request *request = exec->request;
    struct spawn_failure failure;
    bool joined;
    ssize_t got;

    if (exec->report.fd < 0)
        return;
    got = read(exec->report.fd, &failure, sizeof failure);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    loop_del(exec->agent->loop, &exec->report);
    close(exec->report.fd);
    exec->report.fd = -1;
    if (got == (ssize_t)sizeof failure) {
        refuse(exec, &failure);
        return;
    }
    free(exec->command);
    exec->command = NULL;
    exec->request = NULL;
    if (!request)
        return;
    joined = exec->session != exec->agent->session_number;
    exec->session = exec->agent->session_number;
    answer_started(exec, request, joined);
}

static void report_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    exec_start_known(watch->context);
}

// The session ended while it started: the command goes on, and can be joined.
static void start_forgotten(struct request *request)
{
    struct exec *exec = request->state;
    exec->request = NULL;
}

static int join(struct exec *exec, struct request *request)
{
    bool told = exec->session == exec->agent->session_number;

    if (exec->request)
        return -EBUSY; // asked twice before the first was answered
    if (exec->report.fd >= 0) { // the host that asked first did not live to see it start
        exec->request = request;
        request->state = exec;
        request->cancelled = start_forgotten;
        return 0;
    }
    exec->session = exec->agent->session_number;
    answer_started(exec, request, true);
    if (exec->exited && !told)
        exec_send_exited(exec);
    return 0;
}

static bool good_id(const char *id)
{
    size_t length = strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz");
    return length > 0 && length <= EXEC_ID_MAX && id[length] == 0;
}

static int open_streams(struct request *request, uint64_t number, uint64_t flags, struct stream **first, struct stream **second)
{
    uint64_t window = request_u64(request, 3, 0);
    int error;

    if (number > UINT32_MAX - 1 || number & 1 || request->malformed)
        return -EINVAL;
    *first = stream_open(request, (uint32_t)number, STREAM_OUT | (flags & EXEC_STDIN ? STREAM_IN : 0), window, &error);
    if (*first && !(flags & EXEC_TTY))
        *second = stream_open(request, (uint32_t)number + 1, STREAM_OUT, window, &error);
    return -error; // what was opened goes with the request
}

static int start(struct request *request, const char *id, uint64_t flags)
{
    struct user user;
    struct spawn wanted = {.user = &user, .tty = flags & EXEC_TTY, .has_stdin = flags & EXEC_STDIN};
    struct spawned spawned = {.err = -1};
    struct stream *first = NULL, *second = NULL;
    struct exec *exec;
    size_t count;
    int error;

    wanted.arguments = request_texts(request, 4, &count);
    wanted.cwd = request_text(request, 6, NULL);
    wanted.rows = (unsigned)request_u64(request, 9, 0);
    wanted.columns = (unsigned)request_u64(request, 10, 0);
    error = user_find(request_text(request, 7, "root"), &user);
    if (request->malformed || !count)
        return -EINVAL;
    if (error) {
        request_answer(request, error == -ENOENT ? EINVAL : -error, "no such user or group");
        return 0;
    }
    wanted.environment = exec_environment(request, &user, flags & EXEC_EMPTY);
    if (!wanted.environment)
        return request->malformed ? -EINVAL : -ENOMEM;
    error = open_streams(request, request_u64(request, 2, 0), flags, &first, &second);
    if (error)
        return error;
    exec = exec_new(request->agent, id);
    if (!exec)
        return -EAGAIN;
    exec->command = strdup(wanted.arguments[0]);
    error = exec->command ? spawn(&wanted, &spawned) : -ENOMEM;
    if (error) {
        exec_free(exec);
        return error;
    }
    exec->tty = wanted.tty;
    exec->stream = stream_number(first);
    exec->child.pid = spawned.pid;
    exec->request = request;
    request->state = exec;
    request->cancelled = start_forgotten;
    loop_watch_child(exec->agent->loop, &exec->child);
    exec_wire(exec, &spawned, first, second);
    exec->report = (struct watch){.fd = spawned.report, .ready = report_ready, .context = exec};
    loop_add_fd(exec->agent->loop, &exec->report, EPOLLIN);
    return 0;
}

int exec_verb(struct request *request)
{
    const char *id = request_text(request, 1, "");
    uint64_t flags = request_u64(request, 8, 0);
    struct exec *exec;

    if (request->malformed || !good_id(id))
        return -EINVAL;
    exec = exec_find(request->agent, id);
    return exec ? join(exec, request) : start(request, id, flags);
}
