// The test host's pipe: epochs, streams, loss. Requests are in calls.c.
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

_Noreturn void test_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    exit(1);
}

uint64_t digest_add(uint64_t digest, const uint8_t *data, size_t size)
{
    while (size--)
        digest = (digest ^ *data++) * 0x100000001b3ULL;
    return digest;
}

struct host_stream *host_stream(struct host *host, uint32_t number)
{
    struct host_stream *stream = host->streams;

    while (stream < host->streams + HOST_STREAMS && stream->known && stream->number != number)
        stream++;
    CHECK(stream < host->streams + HOST_STREAMS);
    if (!stream->known) {
        *stream = (struct host_stream){.number = number, .known = true, .keep = true, .digest = 0xcbf29ce484222325ULL, .granted = HOST_WINDOW};
        stream->limit = number == 0 ? HOST_WINDOW : 0;
    }
    return stream;
}

static void put_bytes(struct host *host, const uint8_t *data, size_t size)
{
    while (size && host->fd >= 0) {
        size_t part = host->throttle ? 1 : size;
        ssize_t put;
        if (host->cut_after && host->moved + part > host->cut_after)
            part = (size_t)(host->cut_after - host->moved);
        if (part == 0) {
            host_disconnect(host);
            host->cuts++;
            host->replay = true;
            return;
        }
        put = send(host->fd, data, part, MSG_NOSIGNAL);
        if (put < 0) {
            CHECK(errno == EPIPE || errno == ECONNRESET);
            host_disconnect(host);
            return;
        }
        for (ssize_t i = 0; i < put; i++)
            host->old[host->old_length++ % sizeof host->old] = data[i];
        host->moved += (uint64_t)put;
        data += put;
        size -= (size_t)put;
    }
}

static void put_frame(struct host *host, struct frame frame, const uint8_t *payload, size_t size)
{
    static uint8_t bytes[FRAME_MAX];

    frame.payload = payload;
    frame.length = (uint32_t)size;
    put_bytes(host, bytes, frame_encode(bytes, &frame, host->epoch));
}

static void put_ack(struct host *host, struct host_stream *stream)
{
    uint8_t limit[8];

    if (stream->granted < stream->received + HOST_WINDOW)
        stream->granted = stream->received + HOST_WINDOW;
    put64(limit, stream->granted);
    stream->ack_due = false;
    put_frame(host, (struct frame){.type = FRAME_ACK, .flag = stream->fin, .stream = stream->number, .offset = stream->received}, limit, sizeof limit);
}

static void on_hello(void *context, const struct frame *frame)
{
    struct host *host = context;
    struct fields fields = {frame->payload, frame->length};
    struct field field;

    CHECK(fields_valid(fields));
    CHECK(fields_find(fields, 3, &field) && field.length == 16);
    if (frame->offset != host->epoch || memcmp(field.value, host->session, 16) != 0)
        return;
    if (fields_find(fields, 9, &field)) {
        host->refused = host_u64(fields, 9) + 1;
        host->open = false;
        return;
    }
    CHECK(host_u64(fields, 1) == 1 && host_u64(fields, 2) == host->epoch);
    CHECK(fields_find(fields, 4, &field) && field.length < sizeof host->build);
    memcpy(host->build, field.value, field.length);
    CHECK(fields_find(fields, 6, &field) && field.length == 16);
    memcpy(host->boot, field.value, 16);
    host->resumed = host_u64(fields, 7);
    host->next_stream = host_u64(fields, 8);
    host->receiver.epoch = host->epoch;
    host->receiver.scanning = false;
    host->open = true;
    host->acks_held = host->resumed;
    for (struct host_stream *stream = host->streams; stream < host->streams + HOST_STREAMS && stream->known; stream++)
        stream->out_awaiting = host->resumed;
    if (host->resumed)
        put_ack(host, &host->streams[0]);
}

static void take_messages(struct host *host)
{
    struct host_stream *control = &host->streams[0];

    while (control->got.length >= 12) {
        size_t length = 12 + get32(control->got.data);
        struct host_answer *message = &host->messages[host->message_count % 256];
        if (control->got.length < length)
            return;
        out_clear(&message->fields);
        message->type = get16(control->got.data + 4);
        message->request = get32(control->got.data + 8);
        out_raw(&message->fields, control->got.data + 12, length - 12);
        CHECK(fields_valid((struct fields){message->fields.data, message->fields.length}));
        host->message_count++;
        memmove(control->got.data, control->got.data + length, control->got.length - length);
        control->got.length -= length;
    }
}

static bool on_data(struct host *host, struct host_stream *stream, const struct frame *frame)
{
    uint64_t end = frame->offset + frame->length;

    CHECK(frame->offset <= stream->received); // no gap within an epoch
    CHECK(end <= stream->granted);
    if (end > stream->received) {
        size_t skip = (size_t)(stream->received - frame->offset);
        CHECK(!stream->fin);
        stream->digest = digest_add(stream->digest, frame->payload + skip, frame->length - skip);
        if (stream->keep)
            out_raw(&stream->got, frame->payload + skip, frame->length - skip);
        stream->received = end;
    }
    if (frame->flag & FLAG_FIN) {
        CHECK(end == stream->received);
        stream->fin = true;
    }
    stream->ack_due = true;
    if (stream->number == 0)
        take_messages(host);
    return true;
}

static bool on_frame(void *context, const struct frame *frame)
{
    struct host *host = context;
    struct host_stream *stream = host_stream(host, frame->stream);

    switch (frame->type) {
    case FRAME_DATA:
        return on_data(host, stream, frame);
    case FRAME_ACK:
        CHECK(frame->length == 8);
        CHECK(frame->offset <= stream->send.length || stream->joined);
        if (frame->offset > stream->acked)
            stream->acked = frame->offset;
        if (get64(frame->payload) > stream->limit)
            stream->limit = get64(frame->payload);
        if (frame->flag & FLAG_FIN && stream->finish)
            stream->fin_acked = true;
        if (stream->out_awaiting) {
            stream->out_awaiting = false;
            stream->sent = stream->acked;
            stream->fin_sent = false;
        }
        return true;
    case FRAME_RESET:
        CHECK(frame->length == 8);
        stream->reset = get64(frame->payload) + 1;
        return true;
    default:
        CHECK(!"a known type");
        return false;
    }
}

static void on_lost(void *context)
{
    struct host *host = context;
    host->open = false; // the agent's marker at a frame boundary, or worse: the HELLO behind it tells
}

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
    host->receiver.hello = on_hello;
    host->receiver.frame = on_frame;
    host->receiver.lost = on_lost;
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
    put_bytes(host, zeros, sizeof zeros);
    put_bytes(host, bytes, MARKER_SIZE + frame_encode(bytes + MARKER_SIZE, &frame, 0));
    out_clear(&out);
}

void host_connect(struct host *host)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    host->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, host->path);
    CHECK(connect(host->fd, (struct sockaddr *)&address, sizeof address) == 0);
    // What a virtio-serial device does: bytes of the life before arrive first.
    if (host->replay)
        put_bytes(host, host->old, host->old_length < sizeof host->old ? host->old_length % sizeof host->old : 1000 + host->cuts % 3000);
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
        put_frame(host, frame, stream->send.data + stream->sent, size);
        stream->sent += size;
        stream->fin_sent |= frame.flag;
    }
}

static void send_all(struct host *host)
{
    struct host_stream *control = &host->streams[0];

    if (control->ack_due)
        put_ack(host, control);
    send_stream(host, control);
    if (host->acks_held && !control->out_awaiting && control->sent == control->send.length) {
        host->acks_held = false;
        for (int i = 1; i < HOST_STREAMS && host->streams[i].known; i++)
            host->streams[i].ack_due = !host->streams[i].reset;
    }
    for (int i = 1; i < HOST_STREAMS && host->open && !host->acks_held && host->streams[i].known; i++) {
        if (host->streams[i].ack_due && !host->streams[i].hold)
            put_ack(host, &host->streams[i]);
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
