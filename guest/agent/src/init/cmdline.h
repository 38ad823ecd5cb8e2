#ifndef BANGER_INIT_CMDLINE_H
#define BANGER_INIT_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

enum init_choice { INIT_AUTO, INIT_NONE, INIT_PATH };
enum power_choice { POWER_AUTO, POWER_ACPI, POWER_RESET };

// What the kernel command line asks of the init role. Paths are absolute.
struct boot_params {
    char root[128]; // empty: there is none, and the machine is what the initramfs holds
    char root_type[32];
    char root_flags[256];
    bool root_readonly;
    char work_device[128]; // empty: no work disk
    char work_path[256];
    char modules_device[128]; // empty: no modules disk
    enum init_choice init;
    char init_path[256];
    enum power_choice power;
    unsigned identity_wait_s; // how long the image's init is held back for the host's CONFIGURE; 0: not at all
    bool debug;
};

// Fills `out` from the text of /proc/cmdline. Returns 0, or -1 with one line of explanation in `why`.
int cmdline_parse(const char *text, struct boot_params *out, char *why, size_t why_size);

#endif
