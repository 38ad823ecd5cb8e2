// epoll, timers, tasks. Children are in child.c.
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "loop_private.h"

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0 || children_open(loop) < 0) {
        loop_free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    children_close(loop);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    free(loop);
}

int loop_mod(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    int op = !events ? EPOLL_CTL_DEL : watch->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (events == watch->events)
        return 0;
    // Out of the set altogether, because epoll reports hang-ups that nobody asked for.
    if (epoll_ctl(loop->epoll_fd, op, watch->fd, &event) < 0)
        return -errno;
    watch->events = events;
    watch->added = events != 0;
    return 0;
}

int loop_add_fd(struct loop *loop, struct watch *watch, uint32_t events)
{
    watch->events = 0;
    watch->added = false;
    return loop_mod(loop, watch, events);
}

void loop_del(struct loop *loop, struct watch *watch)
{
    loop_mod(loop, watch, 0);
    for (int i = 0; i < loop->batch_size; i++) {
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
    }
}

void loop_arm(struct loop *loop, struct timer *timer, uint64_t after_ms)
{
    struct timer **link = &loop->timers;

    loop_disarm(loop, timer);
    timer->at_ms = now_ms() + after_ms;
    timer->armed = true;
    while (*link && (*link)->at_ms <= timer->at_ms)
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
}

void loop_disarm(struct loop *loop, struct timer *timer)
{
    struct timer **link = &loop->timers;

    if (!timer->armed)
        return;
    while (*link != timer)
        link = &(*link)->next;
    *link = timer->next;
    timer->armed = false;
}

void loop_queue(struct loop *loop, struct task *task)
{
    struct task **link = &loop->tasks;

    if (task->queued)
        return;
    while (*link)
        link = &(*link)->next;
    task->next = NULL;
    task->queued = true;
    *link = task;
}

void loop_unqueue(struct loop *loop, struct task *task)
{
    struct task **lists[] = {&loop->tasks, &loop->running};

    if (!task->queued)
        return;
    for (int i = 0; i < 2; i++) {
        for (struct task **link = lists[i]; *link; link = &(*link)->next) {
            if (*link == task) {
                *link = task->next;
                task->queued = false;
                return;
            }
        }
    }
}

void loop_on_turn(struct loop *loop, void (*after)(void *context), void *context)
{
    loop->after = after;
    loop->after_context = context;
}

static int wait_ms(const struct loop *loop, int timeout_ms)
{
    uint64_t now = now_ms();

    if (loop->tasks)
        return 0;
    if (!loop->timers)
        return timeout_ms;
    if (loop->timers->at_ms <= now)
        return 0;
    now = loop->timers->at_ms - now;
    if (now > 3600000)
        now = 3600000;
    return timeout_ms < 0 || now < (uint64_t)timeout_ms ? (int)now : timeout_ms;
}

static void run_timers(struct loop *loop)
{
    uint64_t now = now_ms();

    while (loop->timers && loop->timers->at_ms <= now) {
        struct timer *timer = loop->timers;
        loop_disarm(loop, timer);
        timer->due(timer);
    }
}

static void run_tasks(struct loop *loop)
{
    // Tasks queued by these tasks wait for the next turn, so that descriptors get theirs.
    loop->running = loop->tasks;
    loop->tasks = NULL;
    while (loop->running) {
        struct task *task = loop->running;
        loop->running = task->next;
        task->queued = false;
        task->run(task);
    }
}

void loop_turn(struct loop *loop, int timeout_ms)
{
    loop->batch_size = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, wait_ms(loop, timeout_ms));
    for (int i = 0; i < loop->batch_size; i++) {
        struct watch *watch = loop->batch[i].data.ptr;
        if (watch && watch->added)
            watch->ready(watch, loop->batch[i].events);
    }
    loop->batch_size = 0;
    run_timers(loop);
    run_tasks(loop);
    if (loop->after)
        loop->after(loop->after_context);
}

void loop_run(struct loop *loop)
{
    for (;;)
        loop_turn(loop, -1);
}
