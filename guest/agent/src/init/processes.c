// All processes of the machine, for ending them. A process is held by pidfd between being looked at and being
// signalled or waited for, so a number that was given to somebody else is never hit. Kernel threads are left alone.
#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

enum { AT_ONCE = 256, KERNEL_THREAD = 0x00200000 };

// What is left to end: a living process that is not a kernel thread.
static bool is_living_user_process(int pid, bool *has_terminal)
{
    char path[32], stat[512], state;
    unsigned flags;
    int terminal;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (file_read(path, stat, sizeof stat) <= 0)
        return false;
    // The name may hold spaces and parentheses; the last one closes it.
    const char *rest = strrchr(stat, ')');
    if (rest == NULL || sscanf(rest + 1, " %c %*d %*d %*d %d %*d %u", &state, &terminal, &flags) != 3)
        return false;
    *has_terminal = terminal != 0;
    return state != 'Z' && state != 'X' && (flags & KERNEL_THREAD) == 0;
}

static void reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

// Opens at most AT_ONCE processes; returns how many.
static int open_processes(int keep, struct pollfd *fds, bool *has_terminal)
{
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return 0;
    int count = 0;
    for (struct dirent *entry; count < AT_ONCE && (entry = readdir(proc)) != NULL;) {
        int pid = atoi(entry->d_name);
        if (pid <= 1 || pid == keep || pid == getpid())
            continue;
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd < 0)
            continue;
        if (is_living_user_process(pid, &has_terminal[count]))
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        else
            close(fd);
    }
    closedir(proc);
    return count;
}

static void close_all(struct pollfd *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i].fd);
}

int processes_signal(int keep, int number)
{
    static struct pollfd fds[AT_ONCE];
    static bool has_terminal[AT_ONCE];
    reap();
    int count = open_processes(keep, fds, has_terminal);
    for (int i = 0; i < count; i++) {
        syscall(SYS_pidfd_send_signal, fds[i].fd, number, NULL, 0);
        // An interactive shell ignores SIGTERM, and a stopped process would sleep through it.
        if (has_terminal[i])
            syscall(SYS_pidfd_send_signal, fds[i].fd, SIGHUP, NULL, 0);
        syscall(SYS_pidfd_send_signal, fds[i].fd, SIGCONT, NULL, 0);
    }
    close_all(fds, count);
    return count;
}

// Waits for one of them to end; returns false at the deadline.
static bool wait_for_one(struct pollfd *fds, int count, long long deadline_ms)
{
    long long left = deadline_ms - monotonic_ms();
    if (left <= 0)
        return false;
    int ready = poll(fds, (nfds_t)count, (int)left);
    return ready > 0 || (ready < 0 && errno == EINTR);
}

void processes_wait(int keep, long long deadline_ms)
{
    static struct pollfd fds[AT_ONCE];
    static bool has_terminal[AT_ONCE];
    for (;;) {
        reap();
        int count = open_processes(keep, fds, has_terminal);
        bool more = count > 0 && wait_for_one(fds, count, deadline_ms);
        close_all(fds, count);
        if (!more)
            return;
    }
}
