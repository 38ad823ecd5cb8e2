// UPGRADE of a running agent in the middle of a command's output, there and back between two builds; and binaries that are none.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/host.h"

static uint32_t upgrade(struct host *host, uint32_t stream, const char *path)
{
    static uint8_t bytes[1 << 16];
    FILE *file = fopen(path, "r");
    struct out out = {0};
    size_t size, got;

    CHECK(file);
    fseek(file, 0, SEEK_END);
    size = (size_t)ftell(file);
    rewind(file);
    host_stream(host, stream)->fin = true;
    out_u64(&out, 1, stream);
    out_u64(&out, 2, size);
    while ((got = fread(bytes, 1, sizeof bytes, file)) > 0)
        host_send(host, stream, bytes, got);
    fclose(file);
    host_stream(host, stream)->finish = true;
    return host_request(host, 0x40, &out);
}

static void wait_for_new_epoch(struct host *host, uint64_t epoch)
{
    while (host->epoch == epoch || !host->open)
        host_step(host, 20);
    CHECK(host->resumed);
}

static void rejects(struct host *host)
{
    uint64_t error;

    host_answer(host, upgrade(host, 2, "/etc/passwd"), &error);
    CHECK(error == ENOEXEC);
    host_answer(host, upgrade(host, 4, "/bin/false"), &error);
    CHECK(error == ENOEXEC);
}

static void runs_on(struct host *host, int pid, const char *path, unsigned round)
{
    struct host_stream *numbers, *echo, *terminal;
    uint32_t first = 10 + round * 20, request;
    uint8_t boot[16];
    char id[4][16], link[64], exe[256] = {0};
    uint64_t epoch;

    for (int i = 0; i < 4; i++)
        snprintf(id[i], sizeof id[i], "u%u%d", round, i);
    host_stream(host, first)->hold = true; // or it might be through before the others have begun
    host_exec(host, id[0], first, 0, "seq 1 200000; exit 6");
    host_exec(host, id[1], first + 2, 2, "read x; echo $x; exit 7");
    host_exec(host, id[2], first + 4, 3, "read x; stty size; exit 8");
    request = host_exec(host, id[3], first + 6, 0, "echo done; exit 9");
    numbers = host_stream(host, first), echo = host_stream(host, first + 2), terminal = host_stream(host, first + 4);
    host_answer(host, request, NULL);
    host_event(host, 0x100, id[3]);
    while (numbers->received < 200000)
        host_step(host, 20);
    CHECK(!numbers->fin);
    numbers->hold = false;
    memcpy(boot, host->boot, sizeof boot);
    epoch = host->epoch;
    host_answer(host, upgrade(host, first + 10, path), NULL);
    wait_for_new_epoch(host, epoch);
    CHECK(!memcmp(boot, host->boot, sizeof boot));
    snprintf(link, sizeof link, "/proc/%d/exe", pid);
    CHECK(pid == 0 || (readlink(link, exe, sizeof exe - 1) > 0 && strstr(exe, "memfd:banger-agent")));
    host_send(host, first + 2, "still here\n", 11);
    host_send(host, first + 4, "x\n", 2);
    CHECK(host_u64(host_event(host, 0x100, id[0]), 2) == 6);
    host_wait_fin(host, first);
    CHECK(numbers->digest == digest_of_numbers(200000, NULL));
    CHECK(host_u64(host_event(host, 0x100, id[1]), 2) == 7);
    CHECK(echo->got.length == 11 && !memcmp(echo->got.data, "still here\n", 11));
    CHECK(host_u64(host_event(host, 0x100, id[2]), 2) == 8);
    CHECK(memmem(terminal->got.data, terminal->got.length, "24 80", 5));
    // The one that had ended before is still known until it is released.
    CHECK(host_u64(host_answer(host, host_exec(host, id[3], first + 12, 0, "no"), NULL), 4) == 1);
    for (int i = 0; i < 4; i++) {
        struct out out = {0};
        out_text(&out, 1, id[i]);
        host_answer(host, host_request(host, 0x05, &out), NULL);
    }
}

int main(void)
{
    struct agent_process process;
    struct host *host;

    agent_process_start(&process);
    host = host_new(process.path);
    host_connect(host);
    rejects(host);
    runs_on(host, process.pid, getenv("AGENT_SHIPPED"), 0);
    runs_on(host, process.pid, getenv("AGENT"), 1);
    runs_on(host, process.pid, getenv("AGENT_SHIPPED"), 2);
    host_free(host);
    agent_process_stop(&process);
    return 0;
}
