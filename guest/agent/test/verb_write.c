// Files that arrive over the protocol: whole or not at all, whatever was there, and whenever the sender goes.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/host.h"

enum { WRITE = 0x12, TAR_IN = 0x14, CANCEL = 0x41, CREATE = 1, TRUNCATE = 2, WHOLE = 8, SIZE = 300000 };

static char base[64];
static uint8_t data[SIZE];

static bool says(const char *script, const char *expected)
{
    char line[256], got[256] = "";
    snprintf(line, sizeof line, "cd %s && { %s; }", base, script);
    FILE *out = popen(line, "r");
    CHECK(out);
    size_t n = fread(got, 1, sizeof got - 1, out);
    got[n] = '\0';
    pclose(out);
    if (strcmp(got, expected))
        fprintf(stderr, "%s: %s", script, got);
    return !strcmp(got, expected);
}

static uint32_t begin_write(struct host *host, const char *name, uint32_t stream, uint64_t flags)
{
    char path[128];
    struct out out = {0};
    snprintf(path, sizeof path, "%s/%s", base, name);
    out_text(&out, 1, path);
    out_u64(&out, 2, stream);
    out_u64(&out, 6, flags);
    return host_request(host, WRITE, &out);
}

static uint64_t write_all(struct host *host, const char *name, uint32_t stream)
{
    uint64_t error;
    uint32_t request = begin_write(host, name, stream, CREATE | TRUNCATE | WHOLE);
    host_send(host, stream, "new\n", 4);
    host_stream(host, stream)->finish = true;
    host_answer(host, request, &error);
    return error;
}

static void cancel(struct host *host, uint32_t request)
{
    uint64_t error;
    struct out out = {0};
    out_u64(&out, 1, request);
    host_answer(host, host_request(host, CANCEL, &out), &error);
    host_answer(host, request, &error);
    CHECK(error == ECANCELED);
}

static void wait_until_taken(struct host *host, uint32_t stream)
{
    while (host_stream(host, stream)->acked < SIZE)
        host_step(host, 10);
}

static void replaced(struct host *host)
{
    CHECK(says("echo old >kept && chmod 751 kept && ln -s kept link && ln kept other && ln -s nothing loose", ""));
    CHECK(write_all(host, "fresh", 2) == 0 && says("stat -c %a fresh; cat fresh", "644\nnew\n"));
    CHECK(write_all(host, "kept", 4) == 0 && says("stat -c %a kept; cat kept other", "751\nnew\nold\n"));
    CHECK(says("echo old >kept", "") && write_all(host, "link", 6) == 0 && says("readlink link; cat kept", "kept\nnew\n"));
    CHECK(write_all(host, "loose", 8) == 0 && says("readlink loose; cat nothing", "nothing\nnew\n"));
    CHECK(says("mkdir sub", "") && write_all(host, "sub", 10) == EISDIR);
    CHECK(write_all(host, "away/file", 12) == ENOENT);
    CHECK(says("ls -A | tr '\\n' ' '", "fresh kept link loose nothing other sub "));
}

static void device(struct host *host)
{
    CHECK(says("ln -s /dev/null null", "") && write_all(host, "null", 14) == 0);
    CHECK(says("readlink null; rm null", "/dev/null\n"));
}

// Beneath /proc no other file can be made and renamed: this one is the worker's own name.
static void in_place_only(struct host *host)
{
    CHECK(write_all(host, "../../proc/self/comm", 22) == 0);
    CHECK(write_all(host, "../../proc/self/none", 24) != 0);
}

static void interrupted(struct host *host)
{
    uint32_t request = begin_write(host, "kept", 16, CREATE | TRUNCATE | WHOLE);
    host_send(host, 16, data, SIZE);
    wait_until_taken(host, 16);
    CHECK(says("cat kept", "new\n"));
    cancel(host, request);
    CHECK(says("cat kept; ls -A | grep -c part", "new\n0\n"));
}

static void interrupted_archive(struct host *host)
{
    struct out out = {0};
    uint8_t *header = data; // of a file of 1 MB, of which not all will come
    snprintf((char *)header, 100, "kept");
    memcpy(header + 100, "0000644\0000000000\0000000000\00000004000000\00000000000000\0        0", 57);
    memcpy(header + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
    out_text(&out, 1, base);
    out_u64(&out, 2, 18);
    uint32_t request = host_request(host, TAR_IN, &out);
    host_send(host, 18, data, SIZE);
    wait_until_taken(host, 18);
    cancel(host, request);
    CHECK(says("cat kept; ls -A | grep -c part", "new\n0\n"));
}

static void full(struct host *host)
{
    if (geteuid() != 0 || !says("mkdir small && mount -t tmpfs -o size=64k none small 2>&1", "")) {
        puts("    a full file system: left out, it needs root and a mount");
        CHECK(!getenv("REQUIRE_VM"));
        return;
    }
    uint64_t error;
    CHECK(says("echo old >small/kept", ""));
    uint32_t request = begin_write(host, "small/kept", 20, CREATE | TRUNCATE | WHOLE);
    host_send(host, 20, data, SIZE);
    host_stream(host, 20)->finish = true;
    host_answer(host, request, &error);
    CHECK(error == ENOSPC && says("cat small/kept; ls -A small; umount small", "old\nkept\n"));
}

int main(void)
{
    struct agent_process process;
    char script[128];
    strcpy(base, "/tmp/banger-write-test.XXXXXX");
    CHECK(mkdtemp(base));
    agent_process_start(&process);
    struct host *host = host_new(process.path);
    host_connect(host);
    replaced(host);
    device(host);
    in_place_only(host);
    interrupted(host);
    interrupted_archive(host);
    full(host);
    host_free(host);
    agent_process_stop(&process);
    snprintf(script, sizeof script, "rm -rf %s", base);
    return system(script);
}
