// See port.h. Devices that appear later announce themselves as kernel events; nothing polls.
#include "port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/vm_sockets.h>

#include "link.h"

#define PORT_NAME "banger.agent.0"
#define PORT_DIRECTORY "/sys/class/virtio-ports"
#define VSOCK_PORT 1005u // below 1024: other users of the guest cannot take it
#define LINKS_MAX 8

static bool is_ours(const char *device)
{
    char path[300], name[64] = {0};
    int fd;
    ssize_t got;

    snprintf(path, sizeof path, PORT_DIRECTORY "/%s/name", device);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, name, sizeof name - 1);
    close(fd);
    return got > 0 && (name[strcspn(name, "\n")] = 0, !strcmp(name, PORT_NAME));
}

static void find_serial(struct agent *agent)
{
    DIR *directory;
    struct dirent *entry;

    for (struct link *link = agent->links; link; link = link->next) {
        if (link->kind == LINK_PORT && !link->dead)
            return;
    }
    directory = opendir(PORT_DIRECTORY);
    while (directory && (entry = readdir(directory))) {
        char path[300];
        int fd;
        if (entry->d_name[0] == '.' || !is_ours(entry->d_name))
            continue;
        snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0 && link_new(agent, fd, LINK_PORT))
            break;
    }
    if (directory)
        closedir(directory);
}

// A peer that connects and says nothing must not keep the host out.
static void make_room(struct agent *agent)
{
    struct link *oldest = NULL;
    int count = 0;

    for (struct link *link = agent->links; link; link = link->next) {
        count += link->kind == LINK_CONNECTION && !link->dead;
        if (link->kind == LINK_CONNECTION && !link->dead && link != agent->active)
            oldest = link;
    }
    if (count >= LINKS_MAX && oldest)
        link_close(oldest);
}

static void accept_one(struct watch *watch, uint32_t events)
{
    struct port *port = watch->context;
    struct sockaddr_vm peer = {0};
    socklen_t size = sizeof peer;
    bool vsock = watch == &port->vsock;
    int fd = accept4(watch->fd, vsock ? (struct sockaddr *)&peer : NULL, vsock ? &size : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0)
        return;
    // Any process of the guest can connect through the local CID.
    if (vsock && (peer.svm_family != AF_VSOCK || peer.svm_cid != VMADDR_CID_HOST)) {
        close(fd);
        return;
    }
    make_room(port->agent);
    link_new(port->agent, fd, LINK_CONNECTION);
}

static int listen_on(struct port *port, struct watch *watch, int fd, const struct sockaddr *address, socklen_t size)
{
    if (fd < 0)
        return -errno;
    if ((address && bind(fd, address, size) < 0) || listen(fd, 8) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    *watch = (struct watch){.fd = fd, .ready = accept_one, .context = port};
    return loop_add_fd(port->agent->loop, watch, EPOLLIN);
}

static void listen_vsock(struct port *port)
{
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VSOCK_PORT};

    if (port->vsock.fd < 0 &&
        listen_on(port, &port->vsock, socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), (struct sockaddr *)&address, sizeof address) < 0)
        port->vsock.fd = -1;
}

static int listen_unix(struct port *port, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    unlink(path);
    return listen_on(port, &port->unix_socket, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), (struct sockaddr *)&address, sizeof address);
}

static void uevent(struct watch *watch, uint32_t events)
{
    struct port *port = watch->context;
    char text[8192];

    (void)events;
    while (recv(watch->fd, text, sizeof text, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
        continue; // what it says does not matter: looking is cheap, and it may have been told before we listened
    find_serial(port->agent);
    listen_vsock(port);
}

static int listen_uevents(struct port *port)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    port->uevents = (struct watch){.fd = fd, .ready = uevent, .context = port};
    return loop_add_fd(port->agent->loop, &port->uevents, EPOLLIN);
}

void port_restore_listener(struct agent *agent, int fd, enum port_kind kind)
{
    struct port *port = agent->port;

    listen_on(port, kind == PORT_VSOCK ? &port->vsock : &port->unix_socket, fd, NULL, 0);
}

int port_start(struct agent *agent)
{
    struct port *port = agent->port;
    int error;

    if (agent->options.role == ROLE_TEST)
        return port->unix_socket.fd < 0 && agent->options.socket ? listen_unix(port, agent->options.socket) : 0;
    error = listen_uevents(port);
    find_serial(agent);
    listen_vsock(port);
    return error;
}

void port_free(struct agent *agent)
{
    struct watch *watches[] = {&agent->port->uevents, &agent->port->vsock, &agent->port->unix_socket};

    for (int i = 0; i < 3; i++) {
        if (watches[i]->fd < 0)
            continue;
        loop_del(agent->loop, watches[i]);
        close(watches[i]->fd);
    }
    free(agent->port);
}
