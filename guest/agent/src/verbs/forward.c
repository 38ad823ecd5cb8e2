// FORWARD: a TCP connection within the machine, both halves of which are one stream. Each direction ends on its own;
// the connection is gone when both have ended.
#include "forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "loop.h"
#include "stream.h"

struct forward {
    struct loop *loop;
    struct request *request; // until it is answered
    struct stream *stream;
    struct watch socket;
    uint16_t port;
    bool try_v6; // 127.0.0.1 refused: ::1 is next
    bool connected;
    bool in_ended;  // nothing more to send into the socket
    bool out_ended; // nothing more to read from it
};

static void free_forward(struct forward *forward)
{
    if (forward->socket.fd >= 0) {
        loop_del(forward->loop, &forward->socket);
        close(forward->socket.fd);
    }
    free(forward);
}

static void fail(struct forward *forward, int error)
{
    stream_reset(forward->stream, error);
    if (forward->request)
        request_answer(forward->request, error, NULL);
    free_forward(forward);
}

static void finish_if_done(struct forward *forward)
{
    if (!forward->in_ended || !forward->out_ended)
        return;
    stream_release(forward->stream);
    free_forward(forward);
}

// From the socket into the stream. False when the forward is gone.
static bool pull(struct forward *forward, uint32_t *wanted)
{
    while (!forward->out_ended) {
        size_t size;
        uint8_t *into = stream_reserve(forward->stream, &size);
        if (!size)
            return true;
        ssize_t n = read(forward->socket.fd, into, size);
        if (n > 0) {
            stream_commit(forward->stream, (size_t)n);
        } else if (n == 0) {
            stream_finish(forward->stream);
            forward->out_ended = true;
        } else if (errno == EAGAIN) {
            *wanted |= EPOLLIN;
            return true;
        } else if (errno != EINTR) {
            fail(forward, errno);
            return false;
        }
    }
    return true;
}

static bool push(struct forward *forward, uint32_t *wanted)
{
    const uint8_t *bytes;
    for (size_t size; !forward->in_ended && (size = stream_peek(forward->stream, &bytes)) > 0;) {
        ssize_t n = send(forward->socket.fd, bytes, size, MSG_NOSIGNAL);
        if (n > 0) {
            stream_consume(forward->stream, (size_t)n);
        } else if (errno == EAGAIN) {
            *wanted |= EPOLLOUT;
            return true;
        } else if (errno != EINTR) {
            fail(forward, errno);
            return false;
        }
    }
    if (!forward->in_ended && stream_ended(forward->stream)) {
        shutdown(forward->socket.fd, SHUT_WR);
        forward->in_ended = true;
    }
    return true;
}

static void move(struct forward *forward)
{
    uint32_t wanted = 0;
    if (!pull(forward, &wanted) || !push(forward, &wanted))
        return;
    loop_mod(forward->loop, &forward->socket, wanted);
    finish_if_done(forward);
}

static int connect_to(struct forward *forward, const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(fd, address, size) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        return -error;
    }
    forward->socket.fd = fd;
    return loop_add_fd(forward->loop, &forward->socket, EPOLLOUT);
}

static int connect_v6(struct forward *forward, const struct in6_addr *address)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(forward->port), .sin6_addr = *address};
    return connect_to(forward, (struct sockaddr *)&to, sizeof to);
}

static int connect_v4(struct forward *forward, struct in_addr address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(forward->port), .sin_addr = address};
    return connect_to(forward, (struct sockaddr *)&to, sizeof to);
}

static void connect_ended(struct forward *forward)
{
    int error = 0;
    getsockopt(forward->socket.fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    if (error && forward->try_v6) {
        forward->try_v6 = false;
        loop_del(forward->loop, &forward->socket);
        close(forward->socket.fd);
        forward->socket.fd = -1;
        // What 127.0.0.1 said is the answer, if there is no ::1 at all.
        if (connect_v6(forward, &in6addr_loopback) == 0)
            return;
    }
    if (error) {
        fail(forward, error);
        return;
    }
    struct request *request = forward->request;
    forward->connected = true;
    forward->request = NULL;
    request_answer(request, 0, NULL);
    move(forward);
}

static void socket_ready(struct watch *watch, uint32_t events)
{
    struct forward *forward = watch->context;
    (void)events;
    if (forward->connected)
        move(forward);
    else
        connect_ended(forward);
}

static void stream_moved(struct stream *stream)
{
    struct forward *forward = stream_context(stream);
    if (forward->connected)
        move(forward);
}

static void stream_was_reset(struct stream *stream, int error)
{
    struct forward *forward = stream_context(stream);
    // The peer must not take a broken transfer for a finished one.
    struct linger hard = {.l_onoff = 1};
    if (forward->socket.fd >= 0)
        setsockopt(forward->socket.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (forward->request)
        request_answer(forward->request, error ? error : ECONNRESET, NULL);
    free_forward(forward);
}

static void cancelled(struct request *request)
{
    free_forward(request->state);
}

static const struct stream_events events = {.input = stream_moved, .writable = stream_moved, .reset = stream_was_reset};

static int begin(struct forward *forward, const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (!address) {
        forward->try_v6 = true;
        v4.s_addr = htonl(INADDR_LOOPBACK);
        return connect_v4(forward, v4);
    }
    if (inet_pton(AF_INET, address, &v4) == 1)
        return connect_v4(forward, v4);
    if (inet_pton(AF_INET6, address, &v6) == 1)
        return connect_v6(forward, &v6);
    return -EINVAL;
}

int forward_verb(struct request *request)
{
    uint64_t port = request_u64(request, 1, 0), number = request_u64(request, 2, 0),
             window = request_u64(request, 3, 0);
    const char *address = request_text(request, 4, NULL);
    if (request->malformed || port == 0 || port > 65535 || number > UINT32_MAX)
        return -EINVAL;
    struct forward *forward = calloc(1, sizeof *forward);
    if (!forward)
        return -ENOMEM;
    *forward = (struct forward){.loop = agent_loop(request->agent), .request = request, .port = (uint16_t)port};
    forward->socket = (struct watch){.fd = -1, .ready = socket_ready, .context = forward};
    int error = 0;
    forward->stream = stream_open(request, (uint32_t)number, STREAM_IN | STREAM_OUT, window, &error);
    if (!forward->stream) {
        free(forward);
        return -error;
    }
    error = begin(forward, address);
    if (error) {
        stream_reset(forward->stream, -error);
        free_forward(forward);
        return error;
    }
    stream_set_events(forward->stream, &events, forward);
    request->state = forward;
    request->cancelled = cancelled;
    return 0;
}
