// Reaping: SIGCHLD by signalfd, waitpid(-1), dispatch by pid; processes that nobody named are reaped silently.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_private.h"

static void reap(struct loop *loop)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child **link = &loop->children;
        while (*link && (*link)->pid != pid)
            link = &(*link)->next;
        if (*link) {
            struct child *child = *link;
            *link = child->next;
            child->ended(child, status);
        } else if (loop->orphan) {
            loop->orphan(loop->orphan_context, pid, status);
        }
    }
}

static void signalled(struct watch *watch, uint32_t events)
{
    struct signalfd_siginfo info[16];

    (void)events;
    while (read(watch->fd, info, sizeof info) > 0)
        continue; // one signal may stand for many children, so only the wait below counts
    reap(watch->context);
}

int children_open(struct loop *loop)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    loop->signals = (struct watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = signalled, .context = loop};
    if (loop->signals.fd < 0)
        return -errno;
    return loop_add_fd(loop, &loop->signals, EPOLLIN);
}

void children_close(struct loop *loop)
{
    if (loop->signals.fd > 0)
        close(loop->signals.fd);
}

void loop_watch_child(struct loop *loop, struct child *child)
{
    child->next = loop->children;
    loop->children = child;
}

void loop_forget_child(struct loop *loop, struct child *child)
{
    for (struct child **link = &loop->children; *link; link = &(*link)->next) {
        if (*link == child) {
            *link = child->next;
            return;
        }
    }
}

void loop_on_orphan(struct loop *loop, void (*reaped)(void *context, pid_t pid, int status), void *context)
{
    loop->orphan = reaped;
    loop->orphan_context = context;
}

// The system call itself, because libc refuses the signals that it keeps for threads, and those may be ignored, too.
static void reset_dispositions(void)
{
    static const struct {
        unsigned long handler, flags, restorer, mask[2];
    } standard;

    for (int number = 1; number < 65; number++)
        syscall(SYS_rt_sigaction, number, &standard, NULL, 8);
}

pid_t loop_fork(void)
{
    sigset_t all, none;
    pid_t pid;

    // Blocked across the fork: a signal must not find the parent's dispositions in the child.
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, &none);
    pid = fork();
    if (pid != 0) {
        int saved = errno;
        sigprocmask(SIG_SETMASK, &none, NULL);
        errno = saved;
        return pid;
    }
    reset_dispositions();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return 0;
}

bool loop_score(const char *score)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool put = write(fd, score, strlen(score)) > 0;
    close(fd);
    return put;
}
