// The end of the machine: processes, disks, power. Shared by PID 1, systemd's shutdown hook and the POWEROFF verb.
// QEMU's microvm ends on an ACPI power-off; Firecracker has none and ends on a reset (`reboot=k`).
#include "power.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmdline.h"
#include "mounts.h"
#include "processes.h"
#include "util.h"

static bool has_virtio_port(void)
{
    DIR *ports = opendir("/sys/class/virtio-ports");
    if (ports == NULL)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(ports)) != NULL;)
        found = entry->d_name[0] != '.';
    closedir(ports);
    return found;
}

static bool power_by_acpi(void)
{
    static char text[4096];
    struct boot_params params;
    char why[128];
    if (file_read("/proc/cmdline", text, sizeof text) >= 0 && cmdline_parse(text, &params, why, sizeof why) == 0) {
        if (params.power == POWER_ACPI)
            return true;
        if (params.power == POWER_RESET)
            return false;
    }
    return has_virtio_port();
}

void power_end(enum power_mode mode)
{
    // A reset ends every VMM that is told not to restart, so it is also what remains when a power-off returns.
    if (mode == POWER_OFF_NOW && power_by_acpi())
        reboot(RB_POWER_OFF);
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

void power_end_processes(int keep, int grace_ms)
{
    long long deadline = monotonic_ms() + grace_ms;
    if (processes_signal(keep, SIGTERM) > 0)
        processes_wait(keep, deadline);
    // A process that forks while it is being killed needs another round.
    for (int round = 0; round < 20 && processes_signal(keep, SIGKILL) > 0; round++)
        processes_wait(keep, monotonic_ms() + 500);
}

void power_release_disks(void)
{
    sync();
    mounts_release();
    sync();
}
