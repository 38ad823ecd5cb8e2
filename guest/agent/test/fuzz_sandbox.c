// Where the fuzz target may do what it likes: a process in namespaces of its own that is root of nothing but them, in an empty file system
// of 16 MiB without programs, and with no network. What only the kernel as a whole has (clock, power, other disks) is refused there, or faked.
#include "fuzz_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/power.h"

#define NEW_ROOT "/tmp"

static const char *directory = "/";

// A write-back of every disk of the host, thousands of times.
void __wrap_sync(void);
void __wrap_sync(void) {}

// In a child, as the real one.
void power_end(enum power_mode mode)
{
    (void)mode;
    _exit(0);
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "fuzz sandbox: %s: %s\n", what, strerror(errno));
    exit(SANDBOX_MISSING);
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        fail(path);
    close(fd);
}

static void become_root(uid_t uid, gid_t gid)
{
    char map[64];

    put("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    put("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    put("/proc/self/gid_map", map);
}

static int removed(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type;
    if (at->level > 0)
        (void)!remove(path); // /proc is in use, and stays
    return 0;
}

void sandbox_clean(void)
{
    static const char *const folders[] = {"/etc", "/etc/ssh", "/root", "/run", "/tmp", "/dev", "/sys"};

    kill(-1, SIGKILL); // all that this namespace has, but for ourselves
    while (waitpid(-1, NULL, 0) > 0)
        continue;
    nftw("/", removed, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        mkdir(folders[i], 0755);
    put("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nada:x:1:1::/tmp:/bin/sh\n");
    put("/etc/group", "root:x:0:\nada:x:1:root\n");
    if (chdir(directory) < 0)
        fail("chdir");
}

static void furnish(bool keep_directory)
{
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("none", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=755") < 0)
        fail("mount");
    mkdir(NEW_ROOT "/proc", 0755);
    mkdir(NEW_ROOT "/work", 0755);
    if (keep_directory && mount(".", NEW_ROOT "/work", NULL, MS_BIND | MS_REC, NULL) < 0)
        fail("mount of the working directory");
    directory = keep_directory ? "/work" : "/";
    if (mount("none", NEW_ROOT "/proc", "proc", 0, NULL) < 0)
        fail("mount of /proc");
    if (chroot(NEW_ROOT) < 0)
        fail("chroot");
    sandbox_clean();
}

void sandbox_enter(bool keep_directory)
{
    uid_t uid = geteuid();
    sigset_t child;
    gid_t gid = getegid();
    int status;
    pid_t pid;

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
        fail("unshare");
    become_root(uid, gid);
    pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, NULL); // in the threads of libFuzzer, too: the agent awaits it by signalfd
        furnish(keep_directory);
        return;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status))
        fprintf(stderr, "fuzz: ended by signal %d\n", WTERMSIG(status));
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1); // no exit handlers: a namespace without its first process makes no more of them
}
