// SYNC, POWEROFF, GROW: the machine as a whole.
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent.h"
#include "init/power.h"
#include "init/signals.h"
#include "job.h"
#include "loop.h"

#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

static void run_sync(const void *argument, struct shared_pipe *data, struct job_result *result)
{
    (void)argument, (void)data, (void)result;
    sync();
}

int sync_verb(struct request *request)
{
    return job_start(request, &(struct job_spec){.run = run_sync});
}

enum { POWEROFF_ASK = 0, POWEROFF_NOW = 1, POWEROFF_REBOOT = 2 };

static bool init_is_systemd(void)
{
    struct stat st;
    return stat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

// An init that is not ours and not systemd knows its own command; what it does not understand, the agent does itself.
static void ask_init(bool restart)
{
    static const char *const places[] = {"/sbin", "/usr/sbin", "/bin", "/usr/bin"};
    const char *name = restart ? "reboot" : "poweroff";
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", places[i], name);
        execl(path, name, (char *)NULL);
    }
    sync();
    power_end(restart ? POWER_REBOOT : POWER_OFF_NOW);
}

// In a child, which begins when the parent lets go of the pipe: the answer has left by then.
static _Noreturn void go_down(enum agent_role role, uint64_t mode, int gate)
{
    char byte;
    (void)!read(gate, &byte, 1);
    sync();
    if (mode == POWEROFF_NOW)
        power_end(POWER_OFF_NOW);
    bool restart = mode == POWEROFF_REBOOT;
    if (role == ROLE_PID1)
        kill(1, restart ? SIGINT : SIGTERM);
    else if (init_is_systemd())
        kill(1, restart ? SYSTEMD_REBOOT : SYSTEMD_POWEROFF);
    else
        ask_init(restart);
    _exit(0);
}

struct power {
    struct child child;
    struct task task;
    int gate;
};

static void ended(struct child *child, int status)
{
    struct power *power = child->context;
    (void)status;
    free(power);
}

static void open_gate(struct task *task)
{
    struct power *power = task->context;
    close(power->gate);
}

int poweroff_verb(struct request *request)
{
    uint64_t mode = request_u64(request, 1, 0);
    struct agent *agent = request->agent;
    int gate[2];
    if (request->malformed || mode > POWEROFF_REBOOT)
        return -EINVAL;
    if (agent_role(agent) == ROLE_TEST)
        return -EPERM;
    struct power *power = calloc(1, sizeof *power);
    if (!power)
        return -ENOMEM;
    *power = (struct power){.child = {.ended = ended, .context = power}, .task = {.run = open_gate, .context = power}};
    if (pipe2(gate, O_CLOEXEC) != 0 || (power->child.pid = loop_fork()) < 0) {
        int error = errno;
        free(power);
        return -error;
    }
    if (power->child.pid == 0) {
        close(gate[1]);
        go_down(agent_role(agent), mode, gate[0]);
    }
    close(gate[0]);
    power->gate = gate[1];
    loop_watch_child(agent_loop(agent), &power->child);
    request_answer(request, 0, NULL);
    loop_queue(agent_loop(agent), &power->task);
    return 0;
}

static int device_bytes(dev_t device, uint64_t *bytes)
{
    char path[64], line[32];
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/size", major(device), minor(device));
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    bool ok = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    *bytes = ok ? strtoull(line, NULL, 10) * 512 : 0;
    return ok ? 0 : -EIO;
}

static void run_grow(const void *argument, struct shared_pipe *data, struct job_result *result)
{
    const char *mount_point = argument;
    struct stat st;
    struct statvfs fs;
    uint64_t bytes = 0, blocks;
    (void)data;
    int fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || fstatvfs(fd, &fs) != 0) {
        result->error = errno;
        return;
    }
    int error = device_bytes(st.st_dev, &bytes);
    blocks = error ? 0 : bytes / fs.f_frsize;
    if (error || (ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) != 0 && (error = -errno))) {
        result->error = -error;
        snprintf(result->text, sizeof result->text, "growing the file system at %.200s: %s", mount_point,
                 strerror(-error));
        return;
    }
    result->values[0] = blocks * fs.f_frsize;
}

static void answer_grow(struct request *request, const struct job_result *result)
{
    out_u64(&request->answer, 3, result->values[0]);
}

int grow_verb(struct request *request)
{
    const char *mount_point = request_text(request, 1, NULL);
    if (request->malformed || !mount_point)
        return -EINVAL;
    return job_start(request, &(struct job_spec){.run = run_grow, .argument = mount_point, .answer = answer_grow});
}
