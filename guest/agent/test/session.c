// Sessions: a new host joins what the old one left; epochs that are too small are refused; what a host resets ends.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "support/host.h"

// What §5 says about joining: offsets from the answer, then ACK.
static struct host_stream *join(struct host *host, uint32_t number, uint64_t offset)
{
    struct host_stream *stream = host_stream(host, number);

    stream->joined = true;
    stream->received = offset;
    stream->granted = offset + HOST_WINDOW;
    stream->ack_due = true;
    return stream;
}

static void joins(struct host *host)
{
    uint32_t request = host_exec(host, "j1", 2, 2, "seq 1 150000; cat; exit 4");
    struct host_stream *old = host_stream(host, 2), *stream;
    struct fields answer;
    uint64_t digest, received, pid;

    host_send(host, 2, "first ", 6);
    pid = host_u64(host_answer(host, request, NULL), 3);
    while (old->received < 300000)
        host_step(host, 20);
    host_step(host, 0); // its ACK goes out with this
    for (int i = 0; i < 3; i++) {
        digest = old->digest, received = old->received;
        host_disconnect(host);
        host_new_session(host);
        host_connect(host);
        CHECK(!host->resumed && host->next_stream >= 4);
        answer = host_answer(host, host_exec(host, "j1", (uint32_t)host->next_stream, 2, "not this one"), NULL);
        CHECK(host_u64(answer, 3) == pid && host_u64(answer, 4) == 1 && host_u64(answer, 5) == 2);
        // The old host may have died before its last acknowledgement came through.
        CHECK(host_u64(answer, 6) <= received && host_u64(answer, 7) == 0);
        stream = join(host, 2, host_u64(answer, 6));
        join(host, 3, 0);
        if (stream->received == received)
            stream->digest = digest;
        else
            stream->keep = true;
        while (stream->received < 300000 + (uint64_t)(i + 1) * 150000 && !stream->fin)
            host_step(host, 20);
        old = stream;
        if (i == 2) {
            CHECK(stream->acked == 6);
            stream->send.length = 0;
            host_send(host, 2, "first second\n", 13); // the first six were acknowledged to the one before
            stream->sent = 6;
            stream->finish = true;
        }
    }
    CHECK(host_u64(host_event(host, 0x100, "j1"), 2) == 4);
    host_wait_fin(host, 2);
    // 1..150000 is 938,895 bytes long; the input follows.
    CHECK(stream->received == 938895 + 13);
}

static void exited_is_told_again(struct host *host)
{
    struct out out = {0};

    host_disconnect(host);
    host_new_session(host);
    host_connect(host);
    host_answer(host, host_exec(host, "j1", 90, 0, "x"), NULL);
    CHECK(host_u64(host_event(host, 0x100, "j1"), 2) == 4);
    out_text(&out, 1, "j1");
    host_answer(host, host_request(host, 0x05, &out), NULL);
}

static void small_epochs_are_refused(struct host *host)
{
    uint64_t epoch = host->epoch;

    host->epoch -= 50;
    host_hello(host); // the test host answers the refusal by a greater one
    while (!host->open)
        host_step(host, 20);
    CHECK(host->epoch > epoch && host->resumed);
}

static void reset_closes_the_pipe(struct host *host)
{
    struct host_stream *stream;
    uint8_t frame[64], error[8] = {EPIPE};
    struct frame reset = {.type = FRAME_RESET, .stream = 20, .length = 8, .payload = error};

    host_answer(host, host_exec(host, "r1", 20, 0, "trap '' PIPE; while echo x; do :; done 2>/dev/null; exit 9"), NULL);
    stream = host_stream(host, 20);
    while (stream->received < 1000)
        host_step(host, 20);
    stream->reset = 1;
    CHECK(send(host->fd, frame, frame_encode(frame, &reset, host->epoch), 0) > 0);
    CHECK(host_u64(host_event(host, 0x100, "r1"), 2) == 9);
}

static void unread_output_holds_back(struct host *host)
{
    struct host_stream *stream;
    uint32_t request = host_exec(host, "h1", 24, 0, "seq 1 150000");

    stream = host_stream(host, 24);
    stream->hold = true;
    host_answer(host, request, NULL);
    while (stream->received < HOST_WINDOW) // `window` of the request
        host_step(host, 20);
    for (int i = 0; i < 20; i++)
        host_step(host, 5);
    CHECK(stream->received == HOST_WINDOW && !host_has_event(host, 0x100, "h1"));
    stream->hold = false;
    host_wait_fin(host, 24);
    host_event(host, 0x100, "h1");
    CHECK(stream->digest == digest_of_numbers(150000, NULL));
}

static void malformed_is_answered(struct host *host)
{
    struct out out = {0};
    uint64_t error;

    out_bytes(&out, 1, "abc", 3); // text where RESIZE wants it, but rows of three bytes
    out_bytes(&out, 2, "abc", 3);
    host_answer(host, host_request(host, 0x04, &out), &error);
    CHECK(error == EINVAL || error == ENOENT);
    out_raw(&out, "\1\0\0\0\xff\xff\0\0", 8);
    host_answer(host, host_request(host, 0x03, &out), &error);
    CHECK(error == EINVAL);
    for (int i = 0; i < 300000 / 8; i++)
        out_raw(&out, "\1\0\0\0\0\0\0\0", 8);
    host_answer(host, host_request(host, 0x03, &out), &error);
    CHECK(error == EMSGSIZE);
    host_answer(host, host_request(host, 0x06, &out), NULL);
}

static void garbage_loses_the_position(struct host *host)
{
    uint64_t epoch = host->epoch;

    CHECK(send(host->fd, "this is no frame at all, is it?", 31, 0) == 31);
    while (host->epoch == epoch || !host->open)
        host_step(host, 20);
    CHECK(host->resumed);
    struct out out = {0};
    host_answer(host, host_request(host, 0x06, &out), NULL);
}

static void one_byte_at_a_time(struct host *host)
{
    struct host_stream *stream;

    host->throttle = true;
    host_hello(host);
    while (!host->open)
        host_step(host, 20);
    host_answer(host, host_exec(host, "t1", 30, 2, "cat"), NULL);
    host_send(host, 30, "slowly", 6);
    stream = host_stream(host, 30);
    stream->finish = true;
    host_wait_fin(host, 30);
    CHECK(stream->got.length == 6);
    host->throttle = false;
}

int main(void)
{
    struct agent_process process;
    struct host *host;

    agent_process_start(&process);
    host = host_new(process.path);
    host_connect(host);
    joins(host);
    exited_is_told_again(host);
    small_epochs_are_refused(host);
    reset_closes_the_pipe(host);
    unread_output_holds_back(host);
    malformed_is_answered(host);
    garbage_loses_the_position(host);
    one_byte_at_a_time(host);
    host_free(host);
    agent_process_stop(&process);
    return 0;
}
