// /run/initramfs/shutdown: what systemd executes as PID 1 at the very end, in the tmpfs, with the image's root at
// /oldroot. It ends the agent, lets go of the disks and ends the machine in the way that this VMM notices.
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "power.h"
#include "agent.h"

int shutdown_main(int argc, char **argv)
{
    boot_catch_crashes();
    (void)!chdir("/");
    power_end_processes(0, 0);
    power_release_disks();
    power_end(argc > 1 && strcmp(argv[1], "reboot") == 0 ? POWER_REBOOT : POWER_OFF_NOW);
}
