// The agent as a whole: how a role starts it, and what verbs may ask it.
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop.h"

struct agent;

enum agent_role { ROLE_TEST, ROLE_PID1, ROLE_BESIDE_INIT };

struct agent_options {
    enum agent_role role;
    const char *socket; // ROLE_TEST: path of a Unix socket to listen on, in place of virtio-serial and vsock
    int state_fd;       // the state of the agent that this binary replaces, or -1
    // Beside a foreign init: the read end of a pipe whose only other end PID 1 holds close-on-exec. Its end of file
    // means that the image's init was executed (event INIT). -1 if there is none.
    int init_fd;
    // Called once before the loop runs; as PID 1 the place to block and watch signals. May be NULL.
    int (*started)(struct agent *agent, void *context);
    void (*orphan)(void *context, pid_t pid, int status); // a reaped process that the agent did not start; may be NULL
    void *context;
};

// Comes back, with 1, only if it can not start. Sets SIGPIPE to ignored and blocks SIGCHLD in this process.
int agent_main(const struct agent_options *options);

struct loop *agent_loop(struct agent *agent);
enum agent_role agent_role(const struct agent *agent);

// CONFIGURE's environment, `K=V`, the start of every command's; copied, kept through an upgrade. 0 or a negative errno.
int agent_set_environment(struct agent *agent, char *const *list);

// Told when a session ends (another host, or the same one without its memory): end what was promised to the old one, such as events.
// Once: who promises again watches again.
struct session_watch {
    void (*ended)(struct session_watch *watch);
    struct session_watch *next; // the core's
};
void agent_watch_session(struct agent *agent, struct session_watch *watch);

// Roles, in src/init. init_resumed fills the hooks in when an upgraded binary takes over.
int init_main(int argc, char **argv);
int modprobe_main(int argc, char **argv);
int shutdown_main(int argc, char **argv);
void init_resumed(struct agent_options *options);

#endif
