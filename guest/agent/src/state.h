// Numbers in the saved state that both its writer and its reader need.
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

enum {
    STATE_KEPT = 1,
    STATE_FOREIGN = 2,
    STATE_OUT_FINISHED = 4,
    STATE_OUT_FIN_ACKED = 8,
    STATE_IN_FIN = 16,
    STATE_IN_DISCARD = 32,
};

enum { STATE_TTY = 1, STATE_ENDED = 2, STATE_EXITED = 4 };

#endif
