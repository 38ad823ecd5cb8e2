#ifndef BANGER_INIT_HANDOVER_H
#define BANGER_INIT_HANDOVER_H

#include <sys/types.h>

#include "agent.h"
#include "cmdline.h"

#define AGENT_DIRECTORY "/run/banger"
#define AGENT_PATH AGENT_DIRECTORY "/agent"
// Made by the agent when it has applied its first CONFIGURE.
#define AGENT_CONFIGURED AGENT_DIRECTORY "/configured"
#define AGENT_MODPROBE AGENT_DIRECTORY "/modprobe"

// Puts the running binary on the new root's /run: as the agent, as modprobe and as systemd's shutdown hook.
void handover_install(int root);

// Forks the agent, which closes `other_end` (-1: none). `argv` is this process's own, for its name. Returns the pid or
// -1.
pid_t agent_start(char **argv, const struct agent_options *options, int other_end);

// In the new root: starts the agent, then becomes the image's init, or PID 1 itself where there is none.
_Noreturn void handover(const struct boot_params *params, char **argv);

#endif
