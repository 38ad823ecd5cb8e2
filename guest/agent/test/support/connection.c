// The test host's connections: opening, HELLO, the turn of its loop.
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void host_new_session(struct host *host)
{
    for (int i = 0; i < HOST_STREAMS; i++) {
        out_clear(&host->streams[i].send);
        out_clear(&host->streams[i].got);
        host->streams[i].known = false;
    }
    for (int i = 0; i < 256; i++)
        out_clear(&host->messages[i].fields);
    host->message_count = 0;
    CHECK(getrandom(host->session, 16, 0) == 16);
    host_stream(host, 0);
}

struct host *host_new(const char *path)
{
    struct host *host = calloc(1, sizeof *host);
    struct timespec now;

    CHECK(host);
    clock_gettime(CLOCK_REALTIME, &now);
    host->path = path;
    host->fd = -1;
    host->epoch = (uint64_t)now.tv_sec * 1000;
    host->next_request = 1;
    host->receiver.hello = host_on_hello;
    host->receiver.frame = host_on_frame;
    host->receiver.lost = host_on_lost;
    host->receiver.context = host;
    host_new_session(host);
    return host;
}

void host_free(struct host *host)
{
    host_disconnect(host);
    host_new_session(host);
    free(host);
}

void host_disconnect(struct host *host)
{
    if (host->fd >= 0)
        close(host->fd);
    host->fd = -1;
    host->open = false;
}

void host_hello(struct host *host)
{
    static const uint8_t zeros[FRAME_MAX];
    uint8_t bytes[256];
    struct out out = {0};
    struct frame frame = {.type = FRAME_HELLO};

    host->epoch++;
    if (host->refused > host->epoch)
        host->epoch = host->refused;
    host->refused = 0;
    host->open = false;
    receiver_scan(&host->receiver);
    frame.offset = host->epoch;
    out_u64(&out, 1, 1);
    out_u64(&out, 2, host->epoch);
    out_bytes(&out, 3, host->session, 16);
    out_text(&out, 4, "test+host");
    frame.payload = out.data;
    frame.length = (uint32_t)out.length;
    memcpy(bytes, frame_marker, MARKER_SIZE);
    host_put_bytes(host, zeros, sizeof zeros);
    host_put_bytes(host, bytes, MARKER_SIZE + frame_encode(bytes + MARKER_SIZE, &frame, 0));
    out_clear(&out);
}

void host_connect(struct host *host)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    host->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, host->path);
    for (int left = 1000; connect(host->fd, (struct sockaddr *)&address, sizeof address) < 0; left--) {
        CHECK(errno == ECONNREFUSED && left); // a socket has its name a moment before it listens
        poll(NULL, 0, 10);
    }
    // What a virtio-serial device does: bytes of the life before arrive first.
    if (host->replay)
        host_put_bytes(host, host->old, host->old_length < sizeof host->old ? host->old_length % sizeof host->old : 1000 + host->cuts % 3000);
    host_hello(host);
    for (int i = 0; i < 2000 && !host->open && host->fd >= 0; i++) {
        host_step(host, 10);
        if (host->refused)
            host_hello(host);
    }
    CHECK(host->open || host->fd < 0);
}

static void send_stream(struct host *host, struct host_stream *stream)
{
    while (!stream->out_awaiting && !stream->reset && host->open) {
        uint64_t until = stream->send.length < stream->limit ? stream->send.length : stream->limit;
        size_t size = until > stream->sent ? (size_t)(until - stream->sent) : 0;
        struct frame frame = {.type = FRAME_DATA, .stream = stream->number, .offset = stream->sent};
        if (size > 20000)
            size = 20000;
        frame.flag = stream->finish && !stream->fin_sent && stream->sent + size == stream->send.length;
        if (size == 0 && !frame.flag)
            return;
        host_put_frame(host, frame, stream->send.data + stream->sent, size);
        stream->sent += size;
        stream->fin_sent |= frame.flag;
    }
}

static void send_all(struct host *host)
{
    struct host_stream *control = &host->streams[0];

    if (control->ack_due)
        host_put_ack(host, control);
    send_stream(host, control);
    if (host->acks_held && !control->out_awaiting && control->sent == control->send.length) {
        host->acks_held = false;
        for (int i = 1; i < HOST_STREAMS && host->streams[i].known; i++)
            host->streams[i].ack_due = !host->streams[i].reset;
    }
    for (int i = 1; i < HOST_STREAMS && host->open && !host->acks_held && host->streams[i].known; i++) {
        if (host->streams[i].ack_due && !host->streams[i].hold)
            host_put_ack(host, &host->streams[i]);
        send_stream(host, &host->streams[i]);
    }
}

void host_step(struct host *host, int timeout_ms)
{
    struct pollfd poller = {.fd = host->fd, .events = POLLIN};

    if (host->fd < 0) {
        host->cut_after = 0; // the caller may set the next one
        host_connect(host);
        return;
    }
    if (host->open)
        send_all(host);
    poller.fd = host->fd;
    if (host->fd < 0 || poll(&poller, 1, timeout_ms) <= 0)
        return;
    size_t size;
    uint8_t *to = receiver_space(&host->receiver, &size);
    ssize_t got = recv(host->fd, to, size < 30000 ? size : 30000, 0);
    if (got <= 0) {
        host_disconnect(host);
        return;
    }
    host->moved += (uint64_t)got;
    if (host->cut_after && host->moved >= host->cut_after) {
        // These bytes are lost, and whatever the socket still holds.
        host_disconnect(host);
        host->cuts++;
        host->replay = true;
        return;
    }
    receiver_filled(&host->receiver, (size_t)got);
    if (host->refused && host->fd >= 0)
        host_hello(host);
}
