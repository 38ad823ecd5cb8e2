#ifndef BANGER_INIT_POWER_H
#define BANGER_INIT_POWER_H

enum power_mode { POWER_OFF_NOW, POWER_REBOOT };

// Ends the machine at once; whoever calls has synced. Does not return: if the kernel refuses, this process sleeps for
// ever.
_Noreturn void power_end(enum power_mode mode);

// Ends every process but this one and `keep` (0: none): SIGTERM, at most `grace_ms`, then SIGKILL.
void power_end_processes(int keep, int grace_ms);

// Syncs, then unmounts what can be unmounted and makes the rest read-only.
void power_release_disks(void);

#endif
