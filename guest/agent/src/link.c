// See link.h. Edge-triggered: a virtio-serial port reports a hang-up for as long as the host is away.
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_BUDGET 262144u  // bytes per turn
#define WRITE_BUDGET 524288u // bytes per turn

void link_forget_unsent(struct link *link)
{
    link->tx_at = link->tx_length = 0;
}

bool link_idle(const struct link *link)
{
    return link->hello == HELLO_NONE && link->tx_at == link->tx_length;
}

void link_close(struct link *link)
{
    if (link->dead)
        return;
    loop_del(link->agent->loop, &link->watch);
    loop_unqueue(link->agent->loop, &link->more);
    close(link->watch.fd);
    link->dead = true;
    if (link->agent->active == link)
        link->agent->active = NULL;
}

// End of file or an error. Of a port it says nothing: it reports that the host left late, on another way than the bytes, possibly when the next
// host's HELLO was already read and answered. What a host that comes sends first puts everything right.
static void hang_up(struct link *link, bool gone)
{
    if (link->kind == LINK_CONNECTION || gone)
        link_close(link);
    else
        link->blocked = true;
}

static void read_some(struct link *link)
{
    size_t budget = READ_BUDGET;

    while (!link->dead && budget > 0) {
        size_t size;
        uint8_t *to = receiver_space(&link->receiver, &size);
        ssize_t got = read(link->watch.fd, to, size < budget ? size : budget);
        if (got > 0) {
            budget -= (size_t)got;
            receiver_filled(&link->receiver, (size_t)got);
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else if (got < 0 && errno == EAGAIN) {
            if (link->agent->active == link)
                deliver_idle(link->agent);
            return;
        } else {
            hang_up(link, got < 0 && errno == ENODEV);
            return;
        }
    }
    if (!link->dead)
        loop_queue(link->agent->loop, &link->more);
}

static void ready(struct watch *watch, uint32_t events)
{
    struct link *link = watch->context;

    (void)events;
    link->blocked = false;
    read_some(link);
}

static void more(struct task *task)
{
    read_some(task->context);
}

static size_t compose(struct link *link)
{
    link->tx_at = 0;
    if (link->hello != HELLO_NONE)
        return epoch_hello_bytes(link, link->tx, sizeof link->tx);
    if (link->agent->active != link || link->receiver.scanning)
        return 0;
    return sender_compose(link->agent, link->tx, sizeof link->tx);
}

static void write_some(struct link *link)
{
    size_t budget = WRITE_BUDGET;

    while (!link->dead && !link->blocked) {
        ssize_t put;
        if (link->tx_at == link->tx_length && (link->tx_length = compose(link)) == 0)
            return;
        if (budget == 0) {
            loop_queue(link->agent->loop, &link->more);
            return;
        }
        put = write(link->watch.fd, link->tx + link->tx_at, link->tx_length - link->tx_at);
        if (put >= 0) {
            link->tx_at += (size_t)put;
            budget -= (size_t)put < budget ? (size_t)put : budget;
        } else if (errno == EAGAIN) {
            link->blocked = true;
        } else if (errno != EINTR) {
            hang_up(link, errno == ENODEV);
            return;
        }
    }
}

static void on_hello(void *context, const struct frame *hello) { epoch_hello(context, hello); }

static void on_lost(void *context) { epoch_lost(context); }

static bool on_frame(void *context, const struct frame *frame)
{
    struct link *link = context;
    return link->agent->active == link && deliver_frame(link->agent, frame);
}

struct link *link_new(struct agent *agent, int fd, enum link_kind kind)
{
    struct link *link = calloc(1, sizeof *link);

    if (!link) {
        close(fd);
        return NULL;
    }
    link->agent = agent;
    link->kind = kind;
    link->watch = (struct watch){.fd = fd, .ready = ready, .context = link};
    link->more = (struct task){.run = more, .context = link};
    link->receiver.hello = on_hello;
    link->receiver.frame = on_frame;
    link->receiver.lost = on_lost;
    link->receiver.context = link;
    receiver_scan(&link->receiver);
    if (loop_add_fd(agent->loop, &link->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
        close(fd);
        free(link);
        return NULL;
    }
    link->next = agent->links;
    agent->links = link;
    return link;
}

void links_turn(struct agent *agent)
{
    struct link **at = &agent->links;

    for (struct link *link = agent->links; link; link = link->next)
        write_some(link);
    while (*at) {
        struct link *link = *at;
        if (!link->dead) {
            at = &link->next;
            continue;
        }
        *at = link->next;
        free(link);
    }
}

void links_free(struct agent *agent)
{
    for (struct link *link = agent->links; link; link = link->next)
        link_close(link);
    links_turn(agent);
}
