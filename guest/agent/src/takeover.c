// The moment of an upgrade: state into a memfd, execve of the new binary, and on the other side the state out of it again.
#include "takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec.h"
#include "link.h"
#include "message.h"
#include "stream_core.h"

void upgrade_execute(int binary, const char *option, const char *value)
{
    extern char **environ;
    char *arguments[] = {(char *)"@banger-agent", (char *)option, (char *)value, NULL};

    syscall(SYS_execveat, binary, "", arguments, environ, AT_EMPTY_PATH);
}

static void inherit(int fd) { fcntl(fd, F_SETFD, 0); }
static void keep_private(int fd) { fcntl(fd, F_SETFD, FD_CLOEXEC); }

static bool ready_to_go(const struct agent *agent)
{
    for (const struct exec *exec = agent->execs; exec; exec = exec->next) {
        if (exec->report.fd >= 0)
            return false; // how its start went is not known yet; it is in a moment
    }
    if (agent->upgrade->late || !agent->active)
        return true;
    return link_idle(agent->active) && agent->outbox.length == 0 && agent->control->out.sent == agent->control->out.ring.to;
}

static int save(struct agent *agent)
{
    struct out state = {0};
    int fd = memfd_create("banger-agent-state", 0);

    state_save(agent, &state, inherit);
    for (size_t at = 0; fd >= 0 && at < state.length;) {
        ssize_t put = write(fd, state.data + at, state.length - at);
        if (put <= 0) {
            close(fd);
            fd = -1;
        } else {
            at += (size_t)put;
        }
    }
    if (state.failed && fd >= 0) {
        close(fd);
        fd = -1;
    }
    out_clear(&state);
    return fd;
}

void upgrade_turn(struct agent *agent)
{
    struct out unused = {0};
    char number[16];
    int fd;

    if (!agent->upgrade || !ready_to_go(agent))
        return;
    fd = save(agent);
    if (fd >= 0) {
        snprintf(number, sizeof number, "%d", fd);
        upgrade_execute(agent->upgrade->binary, "--state", number);
        close(fd);
    }
    // Still the old one: the host sees it by the build in the HELLO that it gets now.
    state_save(agent, &unused, keep_private);
    out_clear(&unused);
    upgrade_free(agent->upgrade);
    if (agent->active)
        epoch_lost(agent->active);
    messages_resume(agent);
}

static int read_state(int fd, struct out *state)
{
    off_t size = lseek(fd, 0, SEEK_END);

    if (size <= 0 || lseek(fd, 0, SEEK_SET) < 0)
        return -EINVAL;
    state->data = malloc((size_t)size);
    if (!state->data)
        return -ENOMEM;
    while (state->length < (size_t)size) {
        ssize_t got = read(fd, state->data + state->length, (size_t)size - state->length);
        if (got <= 0)
            return -EIO;
        state->length += (size_t)got;
    }
    return 0;
}

int upgrade_read_role(int state_fd, enum agent_role *role)
{
    struct out state = {0};
    struct field field;
    uint64_t value = ROLE_TEST;
    int error = read_state(state_fd, &state);

    if (!error && fields_find((struct fields){state.data, state.length}, 2, &field) && field_u64(&field, &value))
        *role = (enum agent_role)value;
    out_clear(&state);
    return error;
}

int upgrade_restore(struct agent *agent, int state_fd)
{
    struct out state = {0};
    int error = read_state(state_fd, &state);

    if (!error)
        error = fields_valid((struct fields){state.data, state.length}) ? state_load(agent, (struct fields){state.data, state.length}) : -EINVAL;
    out_clear(&state);
    close(state_fd);
    raise(SIGCHLD); // blocked: makes the loop look for children that ended meanwhile
    return error;
}
