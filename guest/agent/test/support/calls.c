// The test host's requests, and the agent process under test.
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void agent_process_start(struct agent_process *process)
{
    const char *binary = getenv("AGENT");
    struct pollfd poller = {.events = POLLIN};

    // A machine's agent channel in place of a process here: the same tests over a real virtio-serial port.
    process->pid = 0;
    if (getenv("AGENT_SOCKET")) {
        snprintf(process->path, sizeof process->path, "%s", getenv("AGENT_SOCKET"));
        return;
    }
    CHECK(binary);
    strcpy(process->directory, "/tmp/banger-agent-test.XXXXXX");
    CHECK(mkdtemp(process->directory));
    snprintf(process->path, sizeof process->path, "%s/agent", process->directory);
    poller.fd = inotify_init1(IN_CLOEXEC);
    CHECK(inotify_add_watch(poller.fd, process->directory, IN_CREATE) >= 0);
    process->pid = fork();
    CHECK(process->pid >= 0);
    if (process->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(binary, binary, "--socket", process->path, (char *)NULL);
        _exit(127);
    }
    CHECK(poll(&poller, 1, 10000) == 1); // the socket exists; host_connect waits until it listens
    close(poller.fd);
}

void agent_process_stop(struct agent_process *process)
{
    int status;

    if (!process->pid)
        return;
    kill(process->pid, SIGTERM);
    CHECK(waitpid(process->pid, &status, 0) == process->pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM); // it did not die of anything else
    unlink(process->path);
    rmdir(process->directory);
}

uint64_t host_u64(struct fields fields, uint16_t tag)
{
    struct field field;
    uint64_t value = 0;

    if (fields_find(fields, tag, &field))
        CHECK(field_u64(&field, &value));
    return value;
}

void host_send(struct host *host, uint32_t number, const void *data, size_t size)
{
    out_raw(&host_stream(host, number)->send, data, size);
}

uint32_t host_request(struct host *host, uint16_t type, struct out *fields)
{
    uint8_t head[12] = {0};

    put32(head, (uint32_t)fields->length);
    put16(head + 4, type);
    put32(head + 8, host->next_request);
    host_send(host, 0, head, sizeof head);
    host_send(host, 0, fields->data, fields->length);
    out_clear(fields);
    return host->next_request++;
}

static struct host_answer *find(struct host *host, uint16_t type, uint32_t request, const char *id)
{
    for (unsigned i = 0; i < 256; i++) {
        struct host_answer *message = &host->messages[i];
        struct fields fields = {message->fields.data, message->fields.length};
        struct field field;
        if (i >= host->message_count || message->request != request || (!request && message->type != type))
            continue;
        if (!id || (fields_find(fields, 1, &field) && field.length == strlen(id) && !memcmp(field.value, id, field.length)))
            return message;
    }
    return NULL;
}

static struct fields await(struct host *host, uint16_t type, uint32_t request, const char *id)
{
    uint64_t deadline = now_ms() + 20000;
    struct host_answer *message;

    while (!(message = find(host, type, request, id))) {
        CHECK(now_ms() < deadline);
        host_step(host, 20);
    }
    return (struct fields){message->fields.data, message->fields.length};
}

struct fields host_answer(struct host *host, uint32_t request, uint64_t *error)
{
    struct fields fields = await(host, 0, request, NULL);
    uint64_t code = host_u64(fields, 1);

    if (error)
        *error = code;
    else
        CHECK(code == 0);
    return fields;
}

struct fields host_event(struct host *host, uint16_t type, const char *id) { return await(host, type, 0, id); }

bool host_has_event(struct host *host, uint16_t type, const char *id) { return find(host, type, 0, id) != NULL; }

uint32_t host_exec(struct host *host, const char *id, uint32_t stream, uint64_t flags, const char *script)
{
    struct out out = {0};

    host_stream(host, stream);
    if (!(flags & 1))
        host_stream(host, stream + 1);
    out_text(&out, 1, id);
    out_u64(&out, 2, stream);
    out_u64(&out, 3, HOST_WINDOW);
    out_text(&out, 4, "/bin/sh");
    out_text(&out, 4, "-c");
    out_text(&out, 4, script);
    out_u64(&out, 8, flags);
    return host_request(host, 0x02, &out);
}

void host_wait_fin(struct host *host, uint32_t stream)
{
    uint64_t deadline = now_ms() + 20000;

    while (!host_stream(host, stream)->fin) {
        CHECK(now_ms() < deadline);
        host_step(host, 20);
    }
}
