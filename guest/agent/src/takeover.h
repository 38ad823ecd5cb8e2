// An upgrade under way, between its acceptance (upgrade.c) and the execution (takeover.c).
#ifndef AGENT_TAKEOVER_H
#define AGENT_TAKEOVER_H

#include "loop.h"
#include "upgrade.h"

struct upgrade {
    struct request *request; // until it is answered
    struct agent *agent;
    struct stream *stream;
    int binary; // memfd
    uint64_t size;
    uint64_t written;
    struct child trial;
    bool trying;
    struct timer deadline; // of the trial, then of the flush
    bool late;
};

void upgrade_free(struct upgrade *upgrade);
void upgrade_execute(int binary, const char *option, const char *value); // returns only if it fails

#endif
