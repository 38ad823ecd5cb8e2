// Listening sockets in /proc/net/tcp and tcp6, and whose they are.
#ifndef VERBS_PROC_NET_H
#define VERBS_PROC_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listener {
    uint16_t port;
    char address[46];
    uint64_t inode;
    int pid; // 0: unknown
    char name[32];
};

// Reads one line of /proc/net/tcp (v6: tcp6). True if it is a listening socket.
bool proc_net_line(const char *line, bool v6, struct listener *listener);
// All listeners, ordered by port, address and inode; at most `room`.
size_t proc_net_read(struct listener *list, size_t room);
// Finds the processes that hold the sockets.
void proc_net_owners(struct listener *list, size_t count);

#endif
