// Hands the machine to the image: the agent first, so that it answers while the image's init is still starting, then
// the image's init in this process. The agent beside a foreign init keeps a name that begins with '@', which tells
// systemd's shutdown not to kill or await it.
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "pid1.h"
#include "util.h"

extern char **environ;

// systemd makes a unit of each mount that it finds, and would unmount ours while it still uses them itself, with a red
// line on the console. Its very last step, which unmounts everything, is early enough.
static void leave_mounts_to_the_end(int run)
{
    static const char *const steps[] = {"systemd", "systemd/system"};
    static const char *const units[] = {"usr-lib-modules", "lib-modules", "root"};
    static const char text[] = "[Unit]\nDefaultDependencies=no\n";
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        mkdirat(run, steps[i], 0755);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        char path[96];
        snprintf(path, sizeof path, "systemd/system/%s.mount.d", units[i]);
        mkdirat(run, path, 0755);
        strcat(path, "/banger.conf");
        int fd = openat(run, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
            continue;
        (void)!write(fd, text, sizeof text - 1);
        close(fd);
    }
}

void handover_install(int root)
{
    char base[40], path[128], other[128];
    // /run of the new root may be reached by a link; it was resolved safely when it was mounted.
    int run = openat(root, "run", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (run < 0)
        boot_fatal("cannot open /run: %s", strerror(errno));
    snprintf(base, sizeof base, "/proc/self/fd/%d", run);
    mkdirat(run, "banger", 0755);
    mkdirat(run, "initramfs", 0755);
    snprintf(path, sizeof path, "%s/banger/agent", base);
    if (file_copy("/proc/self/exe", path, 0755) != 0)
        boot_fatal("cannot copy the agent to /run: %s", strerror(errno));
    symlinkat("agent", run, "banger/modprobe");
    snprintf(other, sizeof other, "%s/initramfs/shutdown", base);
    if (link(path, other) != 0)
        boot_warn("cannot install the shutdown hook: %s", strerror(errno));
    leave_mounts_to_the_end(run);
    close(run);
}

static void loopback_up(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    struct ifreq request = {.ifr_name = "lo"};
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags |= IFF_UP;
        ioctl(fd, SIOCSIFFLAGS, &request);
    }
    close(fd);
}

static void offer_modprobe(void)
{
    static const char *const own[] = {"/sbin/modprobe", "/usr/sbin/modprobe", "/bin/modprobe", "/usr/bin/modprobe"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (access(own[i], X_OK) == 0)
            return;
    file_poke("/proc/sys/kernel/modprobe", AGENT_MODPROBE);
}

// systemd looks at the first byte of the command line. The kernel reads the text in place, and only from memory that
// was written at run time.
static void name_process(char **argv)
{
    static char title[16];
    strcpy(title, "@banger-agent");
    if (prctl(PR_SET_MM, PR_SET_MM_ARG_START, (unsigned long)title, 0, 0) != 0 ||
        prctl(PR_SET_MM, PR_SET_MM_ARG_END, (unsigned long)(title + strlen(title) + 1), 0, 0) != 0)
        argv[0][0] = '@';
    prctl(PR_SET_NAME, "banger-agent");
}

static void leave_init_behind(void)
{
    boot_ignore_crashes();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, 0);
    dup2(log >= 0 ? log : null, 1);
    dup2(log >= 0 ? log : null, 2);
}

pid_t agent_start(char **argv, const struct agent_options *options, int other_end)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (other_end >= 0)
        close(other_end);
    leave_init_behind();
    name_process(argv);
    _exit(agent_main(options) & 0xff);
}

void init_resumed(struct agent_options *options)
{
    // PID 1 is a process of its own, so an upgraded agent takes over nothing of its work.
    options->started = NULL;
    options->orphan = NULL;
}

static const char *choose_init(const struct boot_params *params)
{
    static const char *const usual[] = {"/sbin/init", "/lib/systemd/systemd", "/etc/init", "/bin/init"};
    if (params->init == INIT_NONE)
        return NULL;
    if (params->init == INIT_PATH) {
        struct stat st;
        if (stat(params->init_path, &st) != 0 || access(params->init_path, X_OK) != 0)
            boot_fatal("the image's init %s cannot be executed: %s", params->init_path, strerror(errno));
        return params->init_path;
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        struct stat st;
        if (stat(usual[i], &st) == 0 && S_ISREG(st.st_mode) && access(usual[i], X_OK) == 0)
            return usual[i];
    }
    return NULL;
}

static int watch_for_identity(void)
{
    int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (events >= 0)
        inotify_add_watch(events, AGENT_DIRECTORY, IN_CREATE | IN_MOVED_TO);
    return events;
}

// systemd reads the machine-id once, sshd its host keys: the host may ask that they are there before either starts.
static void wait_for_identity(int events, long long deadline_ms)
{
    while (access(AGENT_CONFIGURED, F_OK) != 0) {
        long long left = deadline_ms - monotonic_ms();
        struct pollfd wait = {.fd = events, .events = POLLIN};
        char drop[1024];
        if (left <= 0 || events < 0) {
            boot_info("the host has not said who this machine is; starting its init without");
            break;
        }
        poll(&wait, 1, (int)left);
        while (read(events, drop, sizeof drop) > 0)
            continue;
    }
    close(events);
}

static _Noreturn void become_init(const struct boot_params *params, const char *path, char **argv)
{
    int identity = params->identity_wait_s > 0 ? watch_for_identity() : -1;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        boot_fatal("cannot make a pipe: %s", strerror(errno));
    struct agent_options options = {.role = ROLE_BESIDE_INIT, .state_fd = -1, .init_fd = ends[0]};
    if (agent_start(argv, &options, ends[1]) < 0)
        boot_fatal("cannot start the agent: %s", strerror(errno));
    close(ends[0]);
    if (params->identity_wait_s > 0)
        wait_for_identity(identity, monotonic_ms() + params->identity_wait_s * 1000LL);
    console_attach();
    argv[0] = (char *)path;
    // The other end of the pipe closes by this exec: that is how the agent learns of it.
    execve(path, argv, environ);
    boot_fatal("cannot execute the image's init %s: %s", path, strerror(errno));
}

void handover(const struct boot_params *params, char **argv)
{
    offer_modprobe();
    loopback_up();
    console_attach();
    const char *path = choose_init(params);
    boot_info("handing over to %s", path == NULL ? "nobody: the image has no init" : path);
    if (path == NULL)
        pid1_run(argv);
    become_init(params, path, argv);
}
