// The verbs through the protocol, against the real agent: files, trees, forwards, ports, and what happens when they
// fail.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/host.h"

enum {
    STAT = 0x10,
    READ = 0x11,
    WRITE = 0x12,
    TAR_OUT = 0x13,
    TAR_IN = 0x14,
    FORWARD = 0x20,
    STATS = 0x30,
    SYNC = 0x31,
    POWEROFF = 0x32,
    PORTS = 0x34,
    CANCEL = 0x41,
    WINDOW = 262144
};

static char base[64];

static const char *in_base(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", base, name);
    return to;
}

static struct fields ask(struct host *host, uint16_t type, struct out *fields, uint64_t *error)
{
    uint32_t request = host_request(host, type, fields);
    return host_answer(host, request, error);
}

static uint32_t begin_read(struct host *host, const char *path, uint32_t stream, uint64_t from, uint64_t count)
{
    struct out out = {0};
    out_text(&out, 1, path);
    out_u64(&out, 2, stream);
    out_u64(&out, 3, WINDOW);
    if (from)
        out_u64(&out, 4, from);
    if (count)
        out_u64(&out, 5, count);
    host_stream(host, stream)->keep = true;
    return host_request(host, READ, &out);
}

static uint32_t begin_write(struct host *host, const char *path, uint32_t stream, uint64_t flags)
{
    struct out out = {0};
    out_text(&out, 1, path);
    out_u64(&out, 2, stream);
    out_u64(&out, 3, 0640);
    out_u64(&out, 6, flags);
    return host_request(host, WRITE, &out);
}

static void files(struct host *host)
{
    static uint8_t data[700001];
    uint64_t error;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    uint32_t request = begin_write(host, in_base("file"), 2, 1 | 2);
    host_send(host, 2, data, sizeof data);
    host_stream(host, 2)->finish = true;
    struct fields answer = host_answer(host, request, &error);
    CHECK(error == 0 && host_u64(answer, 3) == sizeof data);

    struct out out = {0};
    out_text(&out, 1, in_base("file"));
    answer = ask(host, STAT, &out, &error);
    CHECK(error == 0 && host_u64(answer, 3) == (S_IFREG | 0640) && host_u64(answer, 4) == sizeof data);
    CHECK(host_u64(answer, 5) == getuid());

    request = begin_read(host, in_base("file"), 4, 0, 0);
    host_answer(host, request, &error);
    host_wait_fin(host, 4);
    struct host_stream *got = host_stream(host, 4);
    CHECK(error == 0 && got->got.length == sizeof data && !memcmp(got->got.data, data, sizeof data));

    request = begin_read(host, in_base("file"), 6, 700000, 100);
    host_answer(host, request, &error);
    host_wait_fin(host, 6);
    CHECK(error == 0 && host_stream(host, 6)->got.length == 1 && host_stream(host, 6)->got.data[0] == data[700000]);
}

static void failures(struct host *host)
{
    uint64_t error;
    uint32_t request = begin_read(host, in_base("nothing"), 8, 0, 0);
    host_answer(host, request, &error);
    CHECK(error == ENOENT);
    request = begin_write(host, in_base("file"), 10, 4);
    host_stream(host, 10)->finish = true;
    host_answer(host, request, &error);
    CHECK(error == EEXIST);
    struct out out = {0};
    out_text(&out, 1, in_base("nothing"));
    ask(host, STAT, &out, &error);
    CHECK(error == ENOENT);
    struct out empty = {0};
    ask(host, STAT, &empty, &error);
    CHECK(error == EINVAL);
    // A test's machine is not powered off.
    struct out none = {0};
    ask(host, POWEROFF, &none, &error);
    CHECK(error == EPERM);
}

// When memory runs out a transfer goes first: neither the agent, whose end would lose every command, nor a command.
static void expendable(struct host *host)
{
    uint64_t error;
    uint32_t request = begin_read(host, "/proc/self/oom_score_adj", 60, 0, 0);
    host_answer(host, request, &error);
    host_wait_fin(host, 60);
    struct host_stream *got = host_stream(host, 60);
    CHECK(error == 0 && got->got.length == 5 && !memcmp(got->got.data, "1000\n", 5));
}

// Bytes that the agent shares with its workers.
static uint64_t shared_with_workers(int pid)
{
    char path[64], line[512];
    unsigned long long from, to;
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "r");
    CHECK(maps);
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "/dev/zero (deleted)") && sscanf(line, "%llx-%llx", &from, &to) == 2)
            sum += to - from;
    fclose(maps);
    return sum;
}

// A hundred copies at once must not have the memory of a small machine: those behind the first few are narrow, and as right.
static void many(struct host *host, int pid)
{
    enum { MANY = 24, FIRST = 200, THEN = 300, FILE_SIZE = 700001 };
    uint32_t requests[MANY];
    uint64_t error;
    CHECK(close(creat(in_base("large"), 0600)) == 0 && truncate(in_base("large"), 4 << 20) == 0);
    for (uint32_t i = 0; i < MANY; i++) {
        struct out out = {0};
        out_text(&out, 1, in_base("large"));
        out_u64(&out, 2, FIRST + 2 * i);
        out_u64(&out, 3, 1); // it is not to end
        requests[i] = host_request(host, READ, &out);
    }
    struct out out = {0};
    out_text(&out, 1, base);
    ask(host, STAT, &out, &error); // begun after them
    uint64_t shared = shared_with_workers(pid);
    CHECK(error == 0 && shared > MANY << 16 && shared < 6 << 20);
    for (uint32_t i = 0; i < MANY; i++) {
        struct out which = {0};
        out_u64(&which, 1, requests[i]);
        ask(host, CANCEL, &which, &error);
        host_answer(host, requests[i], &error);
        CHECK(error == ECANCELED);
    }
    for (uint32_t i = 0; i < MANY; i++)
        requests[i] = begin_read(host, in_base("file"), THEN + 2 * i, 0, 0);
    for (uint32_t i = 0; i < MANY; i++) {
        host_answer(host, requests[i], &error);
        host_wait_fin(host, THEN + 2 * i);
        struct host_stream *got = host_stream(host, THEN + 2 * i);
        CHECK(error == 0 && got->got.length == FILE_SIZE);
        for (size_t at = 0; at < FILE_SIZE; at++)
            CHECK(got->got.data[at] == (uint8_t)(at * 7 + at / 251));
    }
}

// As the kernel does when it has no memory left.
static void killed(struct host *host, int pid)
{
    char script[128];
    uint64_t error;
    CHECK(mkfifo(in_base("killed"), 0600) == 0);
    uint32_t request = begin_read(host, in_base("killed"), 62, 0, 0);
    struct out out = {0};
    out_text(&out, 1, base);
    ask(host, STAT, &out, &error); // begun after it, and ended
    snprintf(script, sizeof script, "kill -9 $(cat /proc/%d/task/%d/children)", pid, pid);
    CHECK(error == 0 && system(script) == 0);
    host_answer(host, request, &error);
    CHECK(error == ENOMEM);
}

// A pipe without a writer blocks the child for ever; the request can still be ended.
static void cancelled(struct host *host)
{
    uint64_t error;
    CHECK(mkfifo(in_base("pipe"), 0600) == 0);
    uint32_t request = begin_read(host, in_base("pipe"), 12, 0, 0);
    struct out out = {0};
    out_u64(&out, 1, request);
    ask(host, CANCEL, &out, &error);
    CHECK(error == 0);
    host_answer(host, request, &error);
    CHECK(error == ECANCELED);
}

static void trees(struct host *host)
{
    uint64_t error;
    char script[256];
    snprintf(script, sizeof script,
             "cd %s && mkdir -p from/sub && echo one > from/one && ln -s one from/two && echo three > from/sub/three",
             base);
    CHECK(system(script) == 0);
    struct out out = {0};
    out_text(&out, 1, in_base("from"));
    out_u64(&out, 3, 14);
    out_u64(&out, 4, WINDOW);
    host_stream(host, 14)->keep = true;
    struct fields answer = ask(host, TAR_OUT, &out, &error);
    host_wait_fin(host, 14);
    struct host_stream *archive = host_stream(host, 14);
    CHECK(error == 0 && host_u64(answer, 3) == 5 && host_u64(answer, 4) == archive->got.length);

    struct out in = {0};
    out_text(&in, 1, in_base("to"));
    out_u64(&in, 2, 16);
    out_u64(&in, 3, 2);
    uint32_t request = host_request(host, TAR_IN, &in);
    host_send(host, 16, archive->got.data, archive->got.length);
    host_stream(host, 16)->finish = true;
    answer = host_answer(host, request, &error);
    CHECK(error == 0 && host_u64(answer, 4) == archive->got.length);
    snprintf(script, sizeof script, "cd %s && diff -r --no-dereference from to", base);
    CHECK(system(script) == 0);

    struct out bad = {0};
    out_text(&bad, 1, in_base("to"));
    out_u64(&bad, 2, 18);
    request = host_request(host, TAR_IN, &bad);
    char noise[2048];
    memset(noise, 'x', sizeof noise);
    host_send(host, 18, noise, sizeof noise);
    host_answer(host, request, &error);
    CHECK(error == EBADMSG);
}

static int listen_on_loopback(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 4) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void forwards(struct host *host)
{
    uint64_t error;
    uint16_t port;
    char buffer[64];
    int listener = listen_on_loopback(&port);
    struct out out = {0};
    out_u64(&out, 1, port);
    out_u64(&out, 2, 20);
    out_u64(&out, 3, WINDOW);
    host_stream(host, 20)->keep = true;
    ask(host, FORWARD, &out, &error);
    CHECK(error == 0);
    int peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
    // Our half ends; theirs goes on.
    host_send(host, 20, "question", 8);
    host_stream(host, 20)->finish = true;
    size_t length = 0;
    for (ssize_t n = 1; n != 0;) {
        host_step(host, 10);
        n = recv(peer, buffer + length, sizeof buffer - length, MSG_DONTWAIT);
        CHECK(n >= 0 || errno == EAGAIN);
        length += n > 0 ? (size_t)n : 0;
    }
    CHECK(length == 8 && !memcmp(buffer, "question", 8));
    CHECK(write(peer, "answer", 6) == 6);
    close(peer);
    host_wait_fin(host, 20);
    CHECK(host_stream(host, 20)->got.length == 6 && !memcmp(host_stream(host, 20)->got.data, "answer", 6));
    close(listener);
    struct out refused = {0};
    out_u64(&refused, 1, port);
    out_u64(&refused, 2, 22);
    out_u64(&refused, 3, WINDOW);
    out_text(&refused, 4, "127.0.0.1");
    ask(host, FORWARD, &refused, &error);
    CHECK(error == ECONNREFUSED);
}

static bool names_port(struct fields answer, uint16_t port)
{
    struct field field;
    bool malformed = false;
    while (fields_next(&answer, &field, &malformed)) {
        if (field.tag == 3 && host_u64((struct fields){field.value, field.length}, 1) == port)
            return true;
    }
    return false;
}

static void ports(struct host *host)
{
    uint64_t error;
    uint16_t first, second;
    int one = listen_on_loopback(&first);
    struct out out = {0};
    out_u64(&out, 1, 1);
    CHECK(names_port(ask(host, PORTS, &out, &error), first) && error == 0);
    int two = listen_on_loopback(&second);
    // Other programs of the machine may come and go meanwhile.
    CHECK(names_port(host_event(host, 0x101, NULL), second));
    close(one);
    close(two);
}

static void statistics(struct host *host)
{
    uint64_t error;
    struct out out = {0}, none = {0};
    struct fields answer = ask(host, STATS, &out, &error);
    CHECK(error == 0 && host_u64(answer, 3) > 0 && host_u64(answer, 7) > host_u64(answer, 8) &&
          host_u64(answer, 10) >= host_u64(answer, 9));
    ask(host, SYNC, &none, &error);
    CHECK(error == 0);
}

int main(void)
{
    struct agent_process process;
    char script[128];
    strcpy(base, "/tmp/banger-verb-test.XXXXXX");
    CHECK(mkdtemp(base));
    agent_process_start(&process);
    struct host *host = host_new(process.path);
    host_connect(host);
    files(host);
    failures(host);
    expendable(host);
    many(host, process.pid);
    killed(host, process.pid);
    cancelled(host);
    trees(host);
    forwards(host);
    statistics(host);
    ports(host);
    host_free(host);
    agent_process_stop(&process);
    snprintf(script, sizeof script, "rm -rf %s", base);
    return system(script);
}
