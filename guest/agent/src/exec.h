// Commands: started, joined, signalled, ended, released. One struct exec per id, from EXEC to RELEASE.
#ifndef AGENT_EXEC_H
#define AGENT_EXEC_H

#include "core.h"
#include "pump.h"
#include "spawn.h"

#define EXEC_ID_MAX 32u
#define EXECS_MAX 256u
#define EXEC_HOLD_MS 5u     // the end of output and EXITED mostly come together, and are one write then
#define EXEC_GRACE_MS 1000u // how long output may follow the end of the process while others hold the pipes

struct exec {
    struct exec *next;
    struct agent *agent;
    char id[EXEC_ID_MAX + 1];
    uint32_t stream; // N
    bool tty;
    uint64_t started_ns; // CLOCK_REALTIME
    uint64_t session;    // agent->session_number of the host that last asked with EXEC

    struct request *request; // while it starts
    struct watch report;     // fd -1 once it is known how the start went
    char *command;           // while it starts: for the text of an answer
    struct child child;
    bool ended;   // the process was reaped
    int status;   // of waitpid
    bool exited;  // and the output ended: EXITED was sent
    struct timer grace;
    struct timer hold; // until the end of its output is sent though it has not ended
    struct sink in;
    struct source out, err;
};

struct exec *exec_find(struct agent *agent, const char *id);
struct exec *exec_new(struct agent *agent, const char *id);
void exec_free(struct exec *exec);
void exec_wire(struct exec *exec, const struct spawned *spawned, struct stream *first, struct stream *second);
void exec_start_known(struct exec *exec); // reads the report if it is there
void exec_send_exited(struct exec *exec);
// Complete environment of a command, in the request's memory; NULL when malformed or out of memory.
char **exec_environment(struct request *request, const struct user *user, bool empty);
int exec_signal_all(struct exec *exec, int number); // everything that it started; 0 or a negative errno

int exec_verb(struct request *request);
int exec_signal_verb(struct request *request);
int exec_resize_verb(struct request *request);
int exec_release_verb(struct request *request);
int exec_list_verb(struct request *request);

// drain.c: reads and drops what comes from a pipe that outlived its command.
void drain_start(struct agent *agent, int fd);
void drains_free(struct agent *agent);

struct drain {
    struct watch watch;
    struct agent *agent;
    struct drain *next;
};

#endif
