// One pipe to a host: a virtio-serial port, or a connection over vsock (in tests a Unix socket). Moves bytes between the descriptor and
// receiver or sender, within a budget per turn.
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include "core.h"
#include "receiver.h"
#include "stream_core.h"

enum link_kind { LINK_PORT = 1, LINK_CONNECTION = 2 };
enum hello_kind { HELLO_NONE, HELLO_WELCOME, HELLO_AGAIN };

struct link {
    struct watch watch;
    struct task more;
    struct agent *agent;
    struct link *next;
    enum link_kind kind;
    bool blocked; // the last write was refused
    bool dead;    // freed at the end of the turn
    enum hello_kind hello; // to be sent before anything else
    uint64_t hello_epoch;
    uint8_t hello_session[SESSION_SIZE];
    size_t tx_at;
    size_t tx_length;
    uint8_t tx[FRAME_MAX];
    struct receiver receiver;
};

struct link *link_new(struct agent *agent, int fd, enum link_kind kind); // takes the descriptor, also when it fails
void link_close(struct link *link);
void link_forget_unsent(struct link *link);
bool link_idle(const struct link *link); // nothing waits to be written
void links_turn(struct agent *agent);    // send, and free what died
void links_free(struct agent *agent);

// epoch.c
void epoch_hello(struct link *link, const struct frame *frame);
void epoch_lost(struct link *link);
size_t epoch_hello_bytes(struct link *link, uint8_t *to, size_t room);

#endif
