// What the test host sends and does with what it gets. Connections are connection.c, requests calls.c.
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

uint64_t digest_of_numbers(int last, uint64_t *size)
{
    uint64_t digest = 0xcbf29ce484222325ULL;
    char line[16];

    if (size)
        *size = 0;
    for (int i = 1; i <= last; i++) {
        int length = snprintf(line, sizeof line, "%d\n", i);
        digest = digest_add(digest, (uint8_t *)line, (size_t)length);
        if (size)
            *size += (uint64_t)length;
    }
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

void host_put_bytes(struct host *host, const uint8_t *data, size_t size)
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

void host_put_frame(struct host *host, struct frame frame, const uint8_t *payload, size_t size)
{
    static uint8_t bytes[FRAME_MAX];

    frame.payload = payload;
    frame.length = (uint32_t)size;
    host_put_bytes(host, bytes, frame_encode(bytes, &frame, host->epoch));
}

void host_put_ack(struct host *host, struct host_stream *stream)
{
    uint8_t limit[8];

    if (stream->granted < stream->received + HOST_WINDOW)
        stream->granted = stream->received + HOST_WINDOW;
    put64(limit, stream->granted);
    stream->ack_due = false;
    host_put_frame(host, (struct frame){.type = FRAME_ACK, .flag = stream->fin, .stream = stream->number, .offset = stream->received}, limit, sizeof limit);
}

void host_on_hello(void *context, const struct frame *frame)
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
        host_put_ack(host, &host->streams[0]);
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

bool host_on_frame(void *context, const struct frame *frame)
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

void host_on_lost(void *context)
{
    struct host *host = context;
    host->open = false; // the agent's marker at a frame boundary, or worse: the HELLO behind it tells
}
