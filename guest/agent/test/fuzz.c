// Arbitrary bytes and arbitrary well-framed messages into an agent in this process, with all of its verbs and their effects: it is in a sandbox.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz_sandbox.h"
#include "loop_private.h"
#include "link.h"
#include "message.h"
#include "stream_core.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __real_forward_verb(struct request *request);
int __wrap_forward_verb(struct request *request);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argv;
    sandbox_enter(argc != NULL); // libFuzzer reads and writes its files as it goes
    return 0;
}

static void echo(struct stream *stream)
{
    const uint8_t *bytes;
    size_t size;

    while ((size = stream_peek(stream, &bytes)) > 0 && (size = stream_write(stream, bytes, size)) > 0)
        stream_consume(stream, size);
    if (stream_ended(stream))
        stream_release(stream);
}

static const struct stream_events echo_events = {.input = echo, .writable = echo};

// Opens a stream pair, answers at once (field 3 = 0), later or never: what FORWARD, READ and WRITE do with the core.
static int echo_verb(struct request *request)
{
    uint32_t number = (uint32_t)request_u64(request, 1, 0);
    uint64_t when = request_u64(request, 3, 0);
    struct stream *stream, *second;
    int error;

    request_texts(request, 4, NULL);
    if (request->malformed)
        return -EINVAL;
    stream = stream_open(request, number, STREAM_IN | STREAM_OUT, request_u64(request, 2, 0), &error);
    if (!stream)
        return -error;
    stream_set_events(stream, &echo_events, NULL);
    second = stream_open(request, number + 1, STREAM_OUT, 1000, &error);
    if (second && stream_write(second, "second", 6) == 6)
        stream_release(second);
    if (when == 0)
        request_answer(request, 0, "opened");
    return when == 1 ? -EIO : 0;
}

// Nothing listens in the sandbox, so a FORWARD without field 9 is an echo.
int __wrap_forward_verb(struct request *request) { return request_u64(request, 9, 0) ? __real_forward_verb(request) : echo_verb(request); }

static uint64_t epoch;

static void put_hello(struct out *out, uint8_t session)
{
    uint8_t bytes[256], id[SESSION_SIZE] = {session};
    struct out fields = {0};
    struct frame frame = {.type = FRAME_HELLO, .offset = ++epoch};

    out_u64(&fields, 2, epoch);
    out_bytes(&fields, 3, id, sizeof id);
    frame.payload = fields.data;
    frame.length = (uint32_t)fields.length;
    out_raw(out, frame_marker, MARKER_SIZE);
    out_raw(out, bytes, frame_encode(bytes, &frame, 0));
    out_clear(&fields);
}

// One operation: a byte for what, some for its numbers, the rest is payload.
static size_t operation(struct out *out, const uint8_t *data, size_t size)
{
    static uint8_t bytes[FRAME_MAX];
    struct frame frame = {.type = data[0] % 4 + 1, .flag = data[0] >> 4 & 1, .stream = data[1] % 8, .offset = data[2]};
    size_t length = data[0] & 0x20 ? data[3] * 8u : data[3];

    if (length > size - 4)
        length = size - 4;
    if (data[0] & 0x80) { // whatever it is
        out_raw(out, data + 4, length);
    } else if (frame.type == FRAME_HELLO) {
        put_hello(out, data[1] % 3);
    } else {
        if (data[0] & 0x40)
            frame.offset <<= data[2] % 56;
        frame.payload = data + 4;
        frame.length = (uint32_t)length;
        out_raw(out, bytes, frame_encode(bytes, &frame, epoch));
    }
    return 4 + length;
}

static void drain(int end)
{
    static uint8_t sink[65536];

    while (recv(end, sink, sizeof sink, 0) > 0)
        continue;
}

static void feed(struct agent *agent, int end, const struct out *input)
{
    for (size_t at = 0; at < input->length;) {
        ssize_t put = send(end, input->data + at, input->length - at, MSG_NOSIGNAL);
        at += put > 0 ? (size_t)put : 0;
        for (int i = 0; i < 3; i++)
            loop_turn(agent->loop, 0);
        drain(end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // With the other role every verb has its effects.
    struct agent_options options = {.role = size & 1 ? ROLE_TEST : ROLE_BESIDE_INIT, .state_fd = -1, .init_fd = -1};
    struct agent *agent = agent_new(&options);
    struct out input = {0};
    int ends[2];

    if (!agent || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        abort();
    link_new(agent, ends[0], LINK_PORT);
    epoch = 0;
    put_hello(&input, 0);
    while (size >= 4) {
        size_t used = operation(&input, data, size);
        data += used;
        size -= used;
    }
    feed(agent, ends[1], &input);
    for (int i = 0; i < 4; i++) { // what was begun in a child may end
        loop_turn(agent->loop, agent->loop->children ? 1 : 0);
        drain(ends[1]);
    }
    // Another host: all that is still promised to this one ends, and with its children nothing of it is left.
    input.length = 0;
    put_hello(&input, 9);
    feed(agent, ends[1], &input);
    kill(-1, SIGKILL);
    for (int i = 0; i < 1000 && agent->loop->children; i++)
        loop_turn(agent->loop, 5);
    close(ends[1]);
    loop_turn(agent->loop, 0);
    out_clear(&input);
    agent_free(agent);
    sandbox_clean();
    return 0;
}
