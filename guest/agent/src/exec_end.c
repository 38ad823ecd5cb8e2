// The life of struct exec, and how a command ends: process, then output, then EXITED.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exec.h"
#include "stream_core.h"

struct exec *exec_find(struct agent *agent, const char *id)
{
    struct exec *exec = agent->execs;

    while (exec && strcmp(exec->id, id) != 0)
        exec = exec->next;
    return exec;
}

void exec_send_exited(struct exec *exec)
{
    struct out out = {0};

    out_text(&out, 1, exec->id);
    if (WIFSIGNALED(exec->status))
        out_u64(&out, 3, (uint64_t)WTERMSIG(exec->status));
    else
        out_u64(&out, 2, (uint64_t)WEXITSTATUS(exec->status));
    agent_event(exec->agent, 0x100, &out);
}

static void hold_ends(struct exec *exec, bool held)
{
    for (uint32_t number = exec->stream; number <= exec->stream + 1; number++) {
        struct stream *stream = exec->stream ? stream_find(exec->agent, number) : NULL;
        if (stream && stream_context(stream) == exec)
            stream->out.fin_held = held;
    }
}

static void hold_over(struct timer *timer) { hold_ends(timer->context, false); }

static void exited(struct exec *exec)
{
    if (!exec->ended && !exec->hold.armed) {
        hold_ends(exec, true);
        loop_arm(exec->agent->loop, &exec->hold, EXEC_HOLD_MS);
    }
    if (!exec->ended || !exec->out.ended || !exec->err.ended || exec->exited)
        return;
    loop_disarm(exec->agent->loop, &exec->hold);
    hold_ends(exec, false);
    exec->exited = true;
    loop_disarm(exec->agent->loop, &exec->grace);
    // A host of another session hears of it when it joins.
    if (exec->session == exec->agent->session_number)
        exec_send_exited(exec);
}

static void source_done(struct source *source, bool open)
{
    struct exec *exec = source->context;

    if (open && !exec->tty && source->watch.fd >= 0) {
        drain_start(exec->agent, source->watch.fd);
        source->watch.fd = -1;
    } else if (source->watch.fd >= 0) {
        close(source->watch.fd);
        source->watch.fd = -1;
    }
    exited(exec);
}

static void grace_over(struct timer *timer)
{
    struct exec *exec = timer->context;

    source_last_call(&exec->out);
    source_last_call(&exec->err);
}

static void child_ended(struct child *child, int status)
{
    struct exec *exec = child->context;

    exec->ended = true;
    exec->status = status;
    sink_close(&exec->in);
    if (exec->in.stream) {
        stream_end_input(exec->in.stream);
        exec->in.stream = NULL;
    }
    if (exec->report.fd >= 0) {
        // Whatever kept it from executing was written before it ended; exec may be gone after this.
        exec_start_known(exec);
        return;
    }
    exited(exec);
}

static void arm_if_ended(struct child *child, int status)
{
    struct exec *exec = child->context;
    struct agent *agent = exec->agent;
    char id[EXEC_ID_MAX + 1];

    memcpy(id, exec->id, sizeof id);
    child_ended(child, status);
    exec = exec_find(agent, id);
    if (exec && exec->ended && !exec->exited)
        loop_arm(agent->loop, &exec->grace, EXEC_GRACE_MS);
}

struct exec *exec_new(struct agent *agent, const char *id)
{
    struct exec *exec;
    struct timespec now;
    unsigned count = 0;

    for (exec = agent->execs; exec; exec = exec->next)
        count++;
    exec = count < EXECS_MAX ? calloc(1, sizeof *exec) : NULL;
    if (!exec)
        return NULL;
    clock_gettime(CLOCK_REALTIME, &now);
    exec->agent = agent;
    strncpy(exec->id, id, EXEC_ID_MAX);
    exec->started_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    exec->session = agent->session_number;
    exec->report.fd = exec->in.watch.fd = exec->out.watch.fd = exec->err.watch.fd = -1;
    exec->out.ended = exec->err.ended = true;
    exec->out.done = exec->err.done = source_done;
    exec->out.context = exec->err.context = exec;
    exec->child.ended = arm_if_ended;
    exec->child.context = exec;
    exec->grace.due = grace_over;
    exec->grace.context = exec;
    exec->hold.due = hold_over;
    exec->hold.context = exec;
    exec->next = agent->execs;
    agent->execs = exec;
    return exec;
}

static void let_go(struct agent *agent, uint32_t number, struct exec *exec)
{
    struct stream *stream = stream_find(agent, number);

    if (stream && stream_context(stream) == exec && stream->kept) {
        stream_end_input(stream);
        stream_release(stream);
    }
}

void exec_free(struct exec *exec)
{
    struct agent *agent = exec->agent;

    for (struct exec **link = &agent->execs; *link; link = &(*link)->next) {
        if (*link == exec) {
            *link = exec->next;
            break;
        }
    }
    if (!exec->ended)
        loop_forget_child(agent->loop, &exec->child);
    loop_disarm(agent->loop, &exec->grace);
    loop_disarm(agent->loop, &exec->hold);
    sink_close(&exec->in);
    source_close(&exec->out);
    source_close(&exec->err);
    if (exec->stream) {
        let_go(agent, exec->stream, exec);
        let_go(agent, exec->stream + 1, exec);
    }
    free(exec->command);
    free(exec);
}
