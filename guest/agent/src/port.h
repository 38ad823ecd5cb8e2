// Finding the pipes to the host: the virtio-serial port by name, vsock port 1005, in tests a Unix socket.
#ifndef AGENT_PORT_H
#define AGENT_PORT_H

#include "core.h"

enum port_kind { PORT_VSOCK = 1, PORT_UNIX = 2 };

struct port {
    struct agent *agent;
    struct watch uevents;
    struct watch vsock;
    struct watch unix_socket;
};

int port_start(struct agent *agent);
// The listener's descriptor of an upgraded agent.
void port_restore_listener(struct agent *agent, int fd, enum port_kind kind);
void port_free(struct agent *agent);

#endif
