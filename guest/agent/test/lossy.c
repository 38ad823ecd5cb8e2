// The channel cut and rejoined at every point, with bytes lost and old ones replayed: nothing of a command is lost, doubled or reordered.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/host.h"

#define LARGEST 200000 // of the numbers that the large commands print

static void connect_again(struct host *host)
{
    while (!host->open)
        host_connect(host);
}

// One small command, the pipe cut after `point` bytes counted from the connection: through HELLO, EXEC, output, EXITED and RELEASE.
static bool cut_small(struct host *host, unsigned round, uint64_t point)
{
    char id[16];
    uint32_t stream = 2 + 2 * round, request;
    struct out out = {0};
    struct fields exited;
    unsigned cuts = host->cuts;

    host_disconnect(host);
    host_new_session(host);
    host->moved = 0;
    host->replay = false;
    host->cut_after = point;
    snprintf(id, sizeof id, "s%u", round);
    request = host_exec(host, id, stream, 2, "cat; echo err >&2; exit 5");
    host_send(host, stream, "abc", 3);
    host_stream(host, stream)->finish = true;
    host_connect(host);
    CHECK(host_u64(host_answer(host, request, NULL), 5) == stream);
    exited = host_event(host, 0x100, id);
    CHECK(host_u64(exited, 2) == 5);
    host_wait_fin(host, stream);
    host_wait_fin(host, stream + 1);
    CHECK(host_stream(host, stream)->got.length == 3 && host_stream(host, stream + 1)->got.length == 4);
    out_text(&out, 1, id);
    host_answer(host, host_request(host, 0x05, &out), NULL);
    host->cut_after = 0;
    return host->cuts > cuts; // the point lay within the exchange
}

static void every_point(struct host *host)
{
    unsigned round = 0;
    uint64_t point = 1;

    // Within the preamble one byte is like another; behind it each counts.
    while (cut_small(host, ++round, point)) {
        point += point < FRAME_MAX - 1 ? 16391 : 1;
        connect_again(host);
    }
    CHECK(round > 200);
    printf("    %u points, up to byte %u\n", round, (unsigned)point);
}

static void large(struct host *host, unsigned seed)
{
    uint64_t size, digest = digest_of_numbers(LARGEST, &size), in_size;
    uint64_t in_digest = digest_of_numbers(LARGEST / 4, &in_size);
    struct host_stream *out, *err, *echo;
    uint32_t first = 100000 + seed * 8;
    char id[3][16], line[16];

    host_disconnect(host);
    host_new_session(host);
    host->moved = host->cut_after = 0;
    for (int i = 0; i < 3; i++)
        snprintf(id[i], sizeof id[i], "l%ux%d", seed, i);
    host_exec(host, id[0], first, 0, "seq 1 200000; exit 11");
    host_exec(host, id[1], first + 2, 0, "seq 1 200000 >&2; kill -9 $$");
    host_exec(host, id[2], first + 4, 2, "cat");
    out = host_stream(host, first), err = host_stream(host, first + 3), echo = host_stream(host, first + 4);
    out->keep = err->keep = echo->keep = false;
    for (int i = 1; i <= LARGEST / 4; i++)
        host_send(host, first + 4, line, (size_t)snprintf(line, sizeof line, "%d\n", i));
    echo->finish = true;
    while (!out->fin || !err->fin || !echo->fin || !host_has_event(host, 0x100, id[0]) || !host_has_event(host, 0x100, id[1]) || !host_has_event(host, 0x100, id[2])) {
        if (!host->cut_after)
            host->cut_after = host->moved + FRAME_MAX + (uint64_t)rand() % 400000;
        host_step(host, 20);
    }
    CHECK(out->received == size && out->digest == digest);
    CHECK(err->received == size && err->digest == digest);
    CHECK(echo->received == in_size && echo->digest == in_digest);
    CHECK(host_u64(host_event(host, 0x100, id[0]), 2) == 11);
    CHECK(host_u64(host_event(host, 0x100, id[1]), 3) == 9);
    CHECK(host_u64(host_event(host, 0x100, id[2]), 2) == 0);
    host->cut_after = 0;
    connect_again(host);
    for (int i = 0; i < 3; i++) {
        struct out request = {0};
        out_text(&request, 1, id[i]);
        host_answer(host, host_request(host, 0x05, &request), NULL);
    }
}

int main(void)
{
    struct agent_process process;
    struct host *host;

    srand(7);
    agent_process_start(&process);
    host = host_new(process.path);
    for (unsigned seed = 0; seed < 4; seed++)
        large(host, seed);
    printf("    %u cuts in large outputs\n", host->cuts);
    CHECK(host->cuts > 20);
    host_free(host);
    agent_process_stop(&process);
    setenv("AGENT", getenv("AGENT_SHIPPED"), 1); // hundreds of processes: the sanitized one forks slowly
    agent_process_start(&process);
    host = host_new(process.path);
    every_point(host);
    host_free(host);
    agent_process_stop(&process);
    return 0;
}
