// UPGRADE: the new binary into a memfd, and a trial of it in a child. What follows is takeover.c.
#include "upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "stream_core.h"
#include "takeover.h"

#define BINARY_MAX (64u << 20) // bytes
#define TRIAL_MS 10000u
#define FLUSH_MS 2000u

void upgrade_free(struct upgrade *upgrade)
{
    struct loop *loop = upgrade->agent->loop;

    if (upgrade->trying) {
        kill(upgrade->trial.pid, SIGKILL); // ours and not reaped: the number is still its own
        loop_forget_child(loop, &upgrade->trial);
    }
    loop_disarm(loop, &upgrade->deadline);
    if (upgrade->agent->upgrade == upgrade)
        upgrade->agent->upgrade = NULL;
    close(upgrade->binary);
    free(upgrade);
}

static void give_up(struct upgrade *upgrade, int error, const char *text)
{
    struct request *request = upgrade->request;

    upgrade_free(upgrade);
    request_answer(request, error, text);
}

static void accepted(struct upgrade *upgrade)
{
    struct agent *agent = upgrade->agent;
    struct stream *stream = agent->streams;

    requests_cancel_all(agent, upgrade->request, true);
    while (stream) { // what lives in a verb's memory cannot be handed over
        struct stream *next = stream->next;
        if (stream->events && !stream->kept && stream != upgrade->stream) {
            stream_queue_reset(agent, stream->number, ECANCELED);
            stream_kill(stream, ECANCELED);
            next = agent->streams;
        }
        stream = next;
    }
    stream_release(upgrade->stream);
    request_answer(upgrade->request, 0, NULL);
    upgrade->request = NULL;
    agent->upgrade = upgrade;
    loop_arm(agent->loop, &upgrade->deadline, FLUSH_MS);
}

static void trial_ended(struct child *child, int status)
{
    struct upgrade *upgrade = child->context;

    upgrade->trying = false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        accepted(upgrade);
    else
        give_up(upgrade, ENOEXEC, "the new agent does not run here or does not take this one's state");
}

static void late(struct timer *timer)
{
    struct upgrade *upgrade = timer->context;

    if (upgrade->request)
        give_up(upgrade, ENOEXEC, "the new agent does not answer");
    else
        upgrade->late = true;
}

static void try_binary(struct upgrade *upgrade)
{
    char version[16];
    pid_t pid;

    snprintf(version, sizeof version, "%d", UPGRADE_STATE_VERSION);
    pid = loop_fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3 && null >= 0; fd++)
            dup2(null, fd);
        upgrade_execute(upgrade->binary, "--accepts", version);
        _exit(1);
    }
    if (pid < 0) {
        give_up(upgrade, errno, NULL);
        return;
    }
    upgrade->trial = (struct child){.pid = pid, .ended = trial_ended, .context = upgrade};
    upgrade->trying = true;
    loop_watch_child(upgrade->agent->loop, &upgrade->trial);
    loop_arm(upgrade->agent->loop, &upgrade->deadline, TRIAL_MS);
}

static void input(struct stream *stream)
{
    struct upgrade *upgrade = stream_context(stream);
    const uint8_t *data;
    size_t size;

    while ((size = stream_peek(stream, &data)) > 0) {
        ssize_t put = upgrade->written + size <= upgrade->size ? write(upgrade->binary, data, size) : -1;
        if (put <= 0) {
            give_up(upgrade, upgrade->written + size <= upgrade->size ? errno : EFBIG, NULL);
            return;
        }
        upgrade->written += (uint64_t)put;
        stream_consume(stream, (size_t)put);
    }
    if (!stream_ended(stream) || upgrade->trying)
        return;
    if (upgrade->written != upgrade->size)
        give_up(upgrade, EINVAL, "fewer bytes came than were announced");
    else
        try_binary(upgrade);
}

static void reset(struct stream *stream, int error)
{
    give_up(stream_context(stream), error > 0 ? error : ECANCELED, NULL);
}

static void cancelled(struct request *request) { upgrade_free(request->state); }

int upgrade_verb(struct request *request)
{
    static const struct stream_events events = {.input = input, .reset = reset};
    uint64_t number = request_u64(request, 1, 0), size = request_u64(request, 2, 0);
    struct upgrade *upgrade;
    int error;

    if (request->malformed || number > UINT32_MAX || size == 0 || size > BINARY_MAX)
        return -EINVAL;
    upgrade = calloc(1, sizeof *upgrade);
    if (!upgrade)
        return -ENOMEM;
    *upgrade = (struct upgrade){.request = request, .agent = request->agent, .size = size};
    upgrade->deadline = (struct timer){.due = late, .context = upgrade};
    upgrade->binary = memfd_create("banger-agent", MFD_CLOEXEC);
    upgrade->stream = upgrade->binary >= 0 ? stream_open(request, (uint32_t)number, STREAM_IN, 0, &error) : (error = errno, NULL);
    if (!upgrade->stream) {
        if (upgrade->binary >= 0)
            close(upgrade->binary);
        free(upgrade);
        return -error;
    }
    request->state = upgrade;
    request->cancelled = cancelled;
    stream_set_events(upgrade->stream, &events, upgrade);
    return 0;
}
