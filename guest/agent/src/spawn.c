// See spawn.h. Everything between fork and execve is in child(); it allocates nothing.
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loop.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_RANGE_MARK 4u // CLOSE_RANGE_CLOEXEC

static _Noreturn void fail(int report, enum spawn_stage stage, int error)
{
    struct spawn_failure failure = {stage, (uint32_t)error};
    ssize_t put = write(report, &failure, sizeof failure);
    (void)put;
    _exit(127);
}

static void close_others(int report)
{
    struct rlimit limit;

    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_MARK) == 0)
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
        limit.rlim_cur = 65536;
    for (int fd = 3; fd < (int)limit.rlim_cur; fd++) {
        if (fd != report)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

static void enter_directory(const struct spawn *spawn, int report)
{
    if (spawn->cwd) {
        if (chdir(spawn->cwd) < 0)
            fail(report, SPAWN_DIRECTORY, errno);
    } else if (chdir(spawn->user->home) < 0 && chdir("/") < 0) {
        fail(report, SPAWN_DIRECTORY, errno);
    }
}

static _Noreturn void child(const struct spawn *spawn, const int standard[3], int report)
{
    extern char **environ;

    setsid();
    // The ends are above 2: the agent has 0, 1 and 2 open.
    for (int i = 0; i < 3; i++) {
        if (dup2(standard[i], i) < 0)
            fail(report, SPAWN_SETUP, errno);
    }
    if (spawn->tty && ioctl(0, TIOCSCTTY, 0) < 0)
        fail(report, SPAWN_SETUP, errno);
    close_others(report);
    loop_score("0");
    umask(022);
    if (geteuid() == 0 && setgroups(spawn->user->group_count, spawn->user->groups) < 0)
        fail(report, SPAWN_USER, errno);
    if (setresgid(spawn->user->gid, spawn->user->gid, spawn->user->gid) < 0 || setresuid(spawn->user->uid, spawn->user->uid, spawn->user->uid) < 0)
        fail(report, SPAWN_USER, errno);
    enter_directory(spawn, report);
    environ = spawn->environment;
    execvp(spawn->arguments[0], spawn->arguments);
    fail(report, SPAWN_EXEC, errno);
}

// Pairs: [0] ours, [1] the child's.
struct ends {
    int ours[3];
    int theirs[3];
    int report[2];
};

static void close_all(int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        if (fds[i] < 0)
            continue;
        for (int j = i + 1; j < count; j++) {
            if (fds[j] == fds[i])
                fds[j] = -1;
        }
        close(fds[i]);
        fds[i] = -1;
    }
}

static int open_pipe(int *ours, int *theirs, bool input)
{
    int pair[2];

    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    *ours = pair[input ? 1 : 0];
    *theirs = pair[input ? 0 : 1];
    fcntl(*ours, F_SETFL, fcntl(*ours, F_GETFL) | O_NONBLOCK);
    return 0;
}

static int open_ends(const struct spawn *spawn, struct ends *ends)
{
    int error;

    if (spawn->tty) {
        error = pty_open(spawn->rows, spawn->columns, spawn->user, &ends->ours[1], &ends->theirs[0]);
        if (error)
            return error;
        ends->theirs[1] = ends->theirs[2] = ends->theirs[0];
        ends->ours[0] = fcntl(ends->ours[1], F_DUPFD_CLOEXEC, 3);
        return ends->ours[0] < 0 ? -errno : 0;
    }
    if (spawn->has_stdin)
        error = open_pipe(&ends->ours[0], &ends->theirs[0], true);
    else
        error = (ends->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0 ? -errno : 0;
    if (!error)
        error = open_pipe(&ends->ours[1], &ends->theirs[1], false);
    if (!error)
        error = open_pipe(&ends->ours[2], &ends->theirs[2], false);
    return error;
}

int spawn(const struct spawn *spawn, struct spawned *spawned)
{
    struct ends ends = {{-1, -1, -1}, {-1, -1, -1}, {-1, -1}};
    int error = open_ends(spawn, &ends);

    if (!error && pipe2(ends.report, O_CLOEXEC) < 0)
        error = -errno;
    if (!error) {
        fcntl(ends.report[0], F_SETFL, O_NONBLOCK);
        spawned->pid = loop_fork();
        if (spawned->pid == 0)
            child(spawn, ends.theirs, ends.report[1]);
        if (spawned->pid < 0)
            error = -errno;
    }
    close_all(ends.theirs, 3);
    close_all(&ends.report[1], 1);
    if (error) {
        close_all(ends.ours, 3);
        close_all(ends.report, 1);
        return error;
    }
    spawned->in = ends.ours[0];
    spawned->out = ends.ours[1];
    spawned->err = ends.ours[2];
    spawned->report = ends.report[0];
    return 0;
}
