// PID 1 for images without an init. It does little so that it cannot fail: mounts, a live agent, reaping, and the way
// down. It never exits; a crash of the agent costs its channel, not the machine.
// Signals: SIGTERM, SIGUSR2, SIGPWR and systemd's SIGRTMIN+4 power off; SIGINT (Ctrl-Alt-Del) and SIGRTMIN+5 restart.
#include "pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"
#include "log.h"
#include "power.h"
#include "signals.h"
#include "util.h"

enum { GRACE_MS = 5000, RESTART_DELAY_MS = 1000 };

static void set_host_name(void)
{
    char name[65];
    if (file_read("/etc/hostname", name, sizeof name) > 0)
        name[strcspn(name, " \t\r\n")] = '\0';
    else
        name[0] = '\0';
    if (name[0] == '\0')
        strcpy(name, "localhost");
    sethostname(name, strlen(name));
}

static void set_up_system(void)
{
    static const char *const links[][2] = {
        {"/proc/self/fd", "/dev/fd"}, {"fd/0", "/dev/stdin"}, {"fd/1", "/dev/stdout"}, {"fd/2", "/dev/stderr"}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        (void)!symlink(links[i][0], links[i][1]);
    mkdir("/dev/mqueue", 01777);
    mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate");
    mkdir("/run/lock", 01777);
    chmod("/run/lock", 01777);
    // Namespaces that containers make must be able to keep their mounts to themselves; shared is what systemd sets too.
    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
    set_host_name();
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("HOME", "/root", 1);
    // Ctrl-Alt-Del comes here as SIGINT and does not reset the machine behind our back.
    reboot(RB_DISABLE_CAD);
}

static _Noreturn void go_down(pid_t agent, enum power_mode mode)
{
    boot_info("%s", mode == POWER_REBOOT ? "restarting" : "powering off");
    // The agent stays to the end: it reports how the commands ended.
    power_end_processes(agent, GRACE_MS);
    power_end_processes(0, 0);
    power_release_disks();
    power_end(mode);
}

static sigset_t handled_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    const int numbers[] = {SIGCHLD, SIGTERM, SIGINT,           SIGPWR,        SIGUSR1,
                           SIGUSR2, SIGHUP,  SYSTEMD_POWEROFF, SYSTEMD_REBOOT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&set, numbers[i]);
    return set;
}

static void on_signal(int number, pid_t agent)
{
    if (number == SIGTERM || number == SIGUSR2 || number == SIGPWR || number == SYSTEMD_POWEROFF)
        go_down(agent, POWER_OFF_NOW);
    if (number == SIGINT || number == SYSTEMD_REBOOT)
        go_down(agent, POWER_REBOOT);
}

// Reaps everything that ended; returns whether the agent was among it.
static bool reap(pid_t agent)
{
    bool agent_ended = false;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != agent)
            continue;
        agent_ended = true;
        boot_warn("the agent ended with status 0x%x and is started again", status);
    }
    return agent_ended;
}

void pid1_run(char **argv)
{
    const struct agent_options options = {.role = ROLE_PID1, .state_fd = -1, .init_fd = -1};
    sigset_t signals = handled_signals();
    sigprocmask(SIG_BLOCK, &signals, NULL);
    set_up_system();
    pid_t agent = agent_start(argv, &options, -1);
    long long started = monotonic_ms();
    for (;;) {
        long long wait = agent > 0 ? 3600000 : started + RESTART_DELAY_MS - monotonic_ms();
        if (wait < 0)
            wait = 0;
        struct timespec timeout = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000};
        int number = sigtimedwait(&signals, NULL, &timeout);
        if (number > 0 && number != SIGCHLD)
            on_signal(number, agent);
        if (reap(agent))
            agent = -1;
        // One that ends at once is not started again in a tight loop.
        if (agent > 0 || monotonic_ms() < started + RESTART_DELAY_MS)
            continue;
        agent = agent_start(argv, &options, -1);
        started = monotonic_ms();
    }
}
