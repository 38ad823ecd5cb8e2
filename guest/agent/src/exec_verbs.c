// SIGNAL, RESIZE, RELEASE and EXECS.
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "exec.h"

// The command that field 1 names; NULL with *error.
static struct exec *named(struct request *request, int *error)
{
    const char *id = request_text(request, 1, "");
    struct exec *exec = request->malformed ? NULL : exec_find(request->agent, id);

    *error = request->malformed ? -EINVAL : exec ? 0 : -ENOENT;
    return exec;
}

static int signal_foreground(struct exec *exec, int number)
{
    pid_t group = exec->child.pid;

    if (exec->ended)
        return -ESRCH; // the number may belong to another process by now
    if (exec->tty && exec->out.watch.fd >= 0) {
        pid_t foreground = pty_foreground(exec->out.watch.fd);
        if (foreground > 0)
            group = foreground;
    }
    return kill(-group, number) < 0 ? -errno : 0;
}

int exec_signal_verb(struct request *request)
{
    uint64_t number = request_u64(request, 2, 0), scope = request_u64(request, 3, 0);
    int error;
    struct exec *exec = named(request, &error);

    if (!exec)
        return error;
    if (request->malformed || number >= _NSIG || scope > 1)
        return -EINVAL;
    if (exec->report.fd >= 0)
        return -EBUSY; // not executed yet: it has neither group nor dispositions of its own
    error = scope ? exec_signal_all(exec, (int)number) : signal_foreground(exec, (int)number);
    if (!error)
        request_answer(request, 0, NULL);
    return error;
}

int exec_resize_verb(struct request *request)
{
    uint64_t rows = request_u64(request, 2, 0), columns = request_u64(request, 3, 0);
    int error;
    struct exec *exec = named(request, &error);

    if (!exec)
        return error;
    if (request->malformed || rows > 65535 || columns > 65535)
        return -EINVAL;
    if (!exec->tty)
        return -ENOTTY;
    // A terminal that is gone needs no size.
    if (exec->out.watch.fd >= 0)
        error = pty_resize(exec->out.watch.fd, (unsigned)rows, (unsigned)columns);
    if (!error)
        request_answer(request, 0, NULL);
    return error;
}

int exec_release_verb(struct request *request)
{
    int error;
    struct exec *exec = named(request, &error);

    if (exec && !exec->exited)
        return -EBUSY;
    if (exec)
        exec_free(exec);
    if (exec || error == -ENOENT) { // repeated after an answer that was lost: done already
        request_answer(request, 0, NULL);
        return 0;
    }
    return error;
}

int exec_list_verb(struct request *request)
{
    for (struct exec *exec = request->agent->execs; exec; exec = exec->next) {
        size_t mark = out_begin(&request->answer, 3);
        out_text(&request->answer, 1, exec->id);
        out_u64(&request->answer, 2, exec->stream);
        out_u64(&request->answer, 3, (uint64_t)exec->child.pid);
        out_u64(&request->answer, 4, exec->exited);
        out_u64(&request->answer, 5, exec->exited && !WIFSIGNALED(exec->status) ? (uint64_t)WEXITSTATUS(exec->status) : 0);
        out_u64(&request->answer, 6, exec->exited && WIFSIGNALED(exec->status) ? (uint64_t)WTERMSIG(exec->status) : 0);
        out_u64(&request->answer, 7, exec->started_ns);
        out_end(&request->answer, mark);
    }
    request_answer(request, 0, NULL);
    return 0;
}
