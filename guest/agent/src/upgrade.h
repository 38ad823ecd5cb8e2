// Replacing the agent's binary while it runs: the state goes through a memfd, descriptors and children through execve.
#ifndef AGENT_UPGRADE_H
#define AGENT_UPGRADE_H

#include "agent.h"
#include "verbs.h"

#define UPGRADE_STATE_VERSION 1

int upgrade_verb(struct request *request);
int upgrade_read_role(int state_fd, enum agent_role *role); // 0, or a negative errno
int upgrade_restore(struct agent *agent, int state_fd);     // takes the descriptor
void upgrade_turn(struct agent *agent);                    // re-executes when the time has come

// state_save.c, in the form of docs/protocol/agent.md §6. Every descriptor that the state names is told to `each`.
void state_save(struct agent *agent, struct out *state, void (*each)(int fd));
// state_load.c
int state_load(struct agent *agent, struct fields state);

#endif
