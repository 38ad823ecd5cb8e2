// SIGNAL with scope 1: everything that a command started and that can still be found, by session and by descent.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#define PROCESSES_MAX 4096

struct process {
    pid_t pid, parent, session;
    bool ours;
};

static bool read_process(pid_t pid, struct process *process)
{
    char path[64], text[512];
    const char *after;
    ssize_t got;
    int fd, parent, group, session;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return false;
    text[got] = 0;
    after = strrchr(text, ')'); // the name before it may contain anything
    if (!after || sscanf(after + 1, " %*c %d %d %d", &parent, &group, &session) != 3)
        return false;
    *process = (struct process){.pid = pid, .parent = parent, .session = session};
    return true;
}

static size_t list_processes(struct process *list)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    while (directory && count < PROCESSES_MAX && (entry = readdir(directory))) {
        pid_t pid = atoi(entry->d_name);
        if (pid > 0 && read_process(pid, &list[count]))
            count++;
    }
    if (directory)
        closedir(directory);
    return count;
}

static void mark(struct process *list, size_t count, const struct exec *exec)
{
    bool again = true;

    for (size_t i = 0; i < count; i++)
        list[i].ours = list[i].session == exec->child.pid;
    while (again) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < count && !list[i].ours; j++)
                again |= list[i].ours = list[j].ours && list[j].pid == list[i].parent;
        }
    }
}

// The number may have been given to another process since it was listed: compare again once a pidfd holds it.
static int send(const struct process *seen, int number)
{
    struct process now;
    int error = -ESRCH, fd = (int)syscall(SYS_pidfd_open, seen->pid, 0);

    if (fd < 0)
        return -errno;
    if (read_process(seen->pid, &now) && now.session == seen->session)
        error = syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) < 0 ? -errno : 0;
    close(fd);
    return error;
}

int exec_signal_all(struct exec *exec, int number)
{
    struct process *list = calloc(PROCESSES_MAX, sizeof *list), leader;
    size_t count;
    int error = -ESRCH;

    if (!list)
        return -ENOMEM;
    // A session keeps its number from being reused as long as it has members, so a process that bears the number of
    // an ended command is a stranger, and the session is his.
    if (!exec->ended || !read_process(exec->child.pid, &leader)) {
        count = list_processes(list);
        mark(list, count, exec);
        for (size_t i = 0; i < count; i++) {
            if (list[i].ours && send(&list[i], number) == 0)
                error = 0;
        }
    }
    free(list);
    return error;
}
