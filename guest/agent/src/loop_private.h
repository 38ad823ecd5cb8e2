// What loop.c and child.c share.
#ifndef AGENT_LOOP_PRIVATE_H
#define AGENT_LOOP_PRIVATE_H

#include "loop.h"

#define LOOP_BATCH 64

struct loop {
    int epoll_fd;
    struct epoll_event batch[LOOP_BATCH];
    int batch_size; // events of the batch under way; -1 after a failed wait
    struct timer *timers;
    struct task *tasks;
    struct task *running;
    struct watch signals; // SIGCHLD
    struct child *children;
    void (*orphan)(void *context, pid_t pid, int status);
    void *orphan_context;
    void (*after)(void *context);
    void *after_context;
};

int children_open(struct loop *loop);
void children_close(struct loop *loop);

#endif
