// Pipes that processes still write to after their command ended: read and dropped, so that they do not die of SIGPIPE.
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "exec.h"

#define DRAINS_MAX 256

static void drain_end(struct drain *drain)
{
    struct drain **link = &drain->agent->drains;

    while (*link != drain)
        link = &(*link)->next;
    *link = drain->next;
    loop_del(drain->agent->loop, &drain->watch);
    close(drain->watch.fd);
    free(drain);
}

static void ready(struct watch *watch, uint32_t events)
{
    char bytes[16384];
    ssize_t got = read(watch->fd, bytes, sizeof bytes);

    (void)events;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        drain_end(watch->context);
}

void drain_start(struct agent *agent, int fd)
{
    struct drain *drain = NULL;
    int count = 0;

    for (struct drain *other = agent->drains; other; other = other->next)
        count++;
    if (count < DRAINS_MAX)
        drain = calloc(1, sizeof *drain);
    if (!drain) {
        close(fd);
        return;
    }
    drain->agent = agent;
    drain->watch = (struct watch){.fd = fd, .ready = ready, .context = drain};
    drain->next = agent->drains;
    agent->drains = drain;
    loop_add_fd(agent->loop, &drain->watch, EPOLLIN);
}

void drains_free(struct agent *agent)
{
    while (agent->drains)
        drain_end(agent->drains);
}
