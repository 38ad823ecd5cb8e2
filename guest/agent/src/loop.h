// The event loop: descriptors, timers and children of one thread, on epoll. Nothing that runs in it may block: what
// takes long forks a child. Callbacks may add and delete any watch, timer or child, their own included.
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

struct loop;

// A descriptor; the owner keeps the struct alive until loop_del_fd, and closes the descriptor after it.
struct watch {
    int fd;
    void (*ready)(struct watch *watch, uint32_t events);
    void *context;
    uint32_t events; // the loop's: what is asked for now, 0 while it is not in the epoll set
    bool added;      // the loop's
};

// A moment; fires once.
struct timer {
    void (*due)(struct timer *timer);
    void *context;
    uint64_t at_ms;     // the loop's: CLOCK_MONOTONIC, `ms`
    struct timer *next; // the loop's
    bool armed;         // the loop's
};

// A process that the agent forked. `ended` gets the status of waitpid; the pid is free for reuse afterwards.
struct child {
    pid_t pid;
    void (*ended)(struct child *child, int status);
    void *context;
    struct child *next; // the loop's
};

// Work for the next turn, before the loop sleeps again.
struct task {
    void (*run)(struct task *task);
    void *context;
    struct task *next; // the loop's
    bool queued;       // the loop's
};

struct loop *loop_new(void);
void loop_free(struct loop *loop);

// 0, or a negative errno. Events as for epoll; level-triggered unless EPOLLET is asked for. With events 0 nothing is reported, not
// even a hang-up.
int loop_add_fd(struct loop *loop, struct watch *watch, uint32_t events);
int loop_mod(struct loop *loop, struct watch *watch, uint32_t events);
void loop_del(struct loop *loop, struct watch *watch);

void loop_arm(struct loop *loop, struct timer *timer, uint64_t after_ms);
void loop_disarm(struct loop *loop, struct timer *timer);

void loop_queue(struct loop *loop, struct task *task);
void loop_unqueue(struct loop *loop, struct task *task);

// The loop owns waitpid(-1): nothing else may wait. Forking and watching in one turn loses no exit.
void loop_watch_child(struct loop *loop, struct child *child);
void loop_forget_child(struct loop *loop, struct child *child);
// Told of every reaped process that no child struct names.
void loop_on_orphan(struct loop *loop, void (*reaped)(void *context, pid_t pid, int status), void *context);

// `after` runs at the end of every turn (one at most).
void loop_on_turn(struct loop *loop, void (*after)(void *context), void *context);
_Noreturn void loop_run(struct loop *loop);
void loop_turn(struct loop *loop, int timeout_ms);

// Forks with default signal dispositions and an empty mask in the child. The child must end in exec or _exit.
pid_t loop_fork(void);
// How soon this process is killed when the memory is gone: -1000 never, 1000 first. False with errno.
bool loop_score(const char *score);

#endif
