// PORTS: which TCP ports somebody listens on, once or as events. The kernel announces no listening socket, so while the
// host watches, the table is read once a second, and an event is sent when it has changed: at most one a second.
#include "ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "loop.h"
#include "proc_net.h"

enum { PORTS_EVENT = 0x101, LISTENERS_MAX = 1024, INTERVAL_MS = 1000 };

struct table {
    size_t count;
    struct listener list[LISTENERS_MAX];
};

static struct {
    struct agent *agent; // NULL until the first watch of a session
    bool watching;
    struct timer timer;
    struct session_watch session;
    struct table *last;
} ports;

static bool same(const struct table *a, const struct table *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].inode != b->list[i].inode || a->list[i].port != b->list[i].port ||
            strcmp(a->list[i].address, b->list[i].address) != 0)
            return false;
    return true;
}

static void put(struct out *out, const struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct listener *listener = &table->list[i];
        size_t mark = out_begin(out, 3);
        out_u64(out, 1, listener->port);
        out_text(out, 2, listener->address);
        if (listener->pid)
            out_u64(out, 3, (uint64_t)listener->pid);
        if (listener->name[0])
            out_text(out, 4, listener->name);
        out_end(out, mark);
    }
}

static void look(struct timer *timer)
{
    struct table *now = calloc(1, sizeof *now);
    loop_arm(agent_loop(ports.agent), timer, INTERVAL_MS);
    if (!now)
        return;
    now->count = proc_net_read(now->list, LISTENERS_MAX);
    if (same(now, ports.last)) {
        free(now);
        return;
    }
    proc_net_owners(now->list, now->count);
    free(ports.last);
    ports.last = now;
    struct out out = {0};
    put(&out, now);
    agent_event(ports.agent, PORTS_EVENT, &out);
    out_clear(&out);
}

static void stop_watching(void)
{
    if (!ports.watching)
        return;
    ports.watching = false;
    loop_disarm(agent_loop(ports.agent), &ports.timer);
    free(ports.last);
    ports.last = NULL;
}

static void session_ended(struct session_watch *watch)
{
    (void)watch;
    stop_watching();
    ports.agent = NULL;
}

static void start_watching(struct agent *agent, struct table *table)
{
    if (!ports.agent) {
        ports.agent = agent;
        ports.timer = (struct timer){.due = look};
        ports.session = (struct session_watch){.ended = session_ended};
        agent_watch_session(agent, &ports.session);
    }
    stop_watching();
    ports.watching = true;
    ports.last = table;
    loop_arm(agent_loop(agent), &ports.timer, INTERVAL_MS);
}

int ports_verb(struct request *request)
{
    uint64_t watch = request_u64(request, 1, UINT64_MAX);
    if (request->malformed)
        return -EINVAL;
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return -ENOMEM;
    table->count = proc_net_read(table->list, LISTENERS_MAX);
    proc_net_owners(table->list, table->count);
    put(&request->answer, table);
    if (watch == 1)
        start_watching(request->agent, table);
    else
        free(table);
    if (watch == 0)
        stop_watching();
    request_answer(request, 0, NULL);
    return 0;
}
