// EXEC and its relatives against the real binary: what a command gets, what it gives, how it ends.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "support/host.h"

static bool got(struct host *host, uint32_t stream, const char *text)
{
    struct out *out = &host_stream(host, stream)->got;
    bool same = out->length == strlen(text) && (!out->length || !memcmp(out->data, text, out->length));

    if (!same)
        fprintf(stderr, "stream %u: %.*s", stream, (int)out->length, out->data ? (char *)out->data : "");
    return same;
}

static bool contains(struct host *host, uint32_t stream, const char *text)
{
    struct out *out = &host_stream(host, stream)->got;
    return memmem(out->data ? (char *)out->data : "", out->length, text, strlen(text)) != NULL;
}

static void streams_and_status(struct host *host)
{
    uint32_t request = host_exec(host, "a1", 2, 2, "cat; echo oops >&2; exit 7");

    host_send(host, 2, "over and\nout\n", 13);
    host_stream(host, 2)->finish = true;
    CHECK(host_u64(host_answer(host, request, NULL), 5) == 2);
    CHECK(host_u64(host_event(host, 0x100, "a1"), 2) == 7);
    host_wait_fin(host, 2);
    host_wait_fin(host, 3);
    CHECK(got(host, 2, "over and\nout\n"));
    CHECK(got(host, 3, "oops\n"));
}

static void surroundings(struct host *host)
{
    host_answer(host, host_exec(host, "b1", 4, 0, "umask; ls -l /proc/self/fd | grep -c ' [0-9] -> '; grep -E 'SigBlk|SigIgn' /proc/self/status; "
                                "cat /proc/self/oom_score_adj; readlink /proc/self/fd/0; echo $HOME $USER; [ \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$ ] && echo leader"), NULL);
    host_event(host, 0x100, "b1");
    host_wait_fin(host, 4);
    // ls itself opens the directory as the fourth.
    CHECK(got(host, 4, "0022\n4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n/dev/null\n/root root\nleader\n"));
}

static void signals(struct host *host)
{
    struct out out = {0};

    host_answer(host, host_exec(host, "c1", 6, 0, "echo up; sleep 100 & wait"), NULL);
    while (!contains(host, 6, "up\n"))
        host_step(host, 20);
    out_text(&out, 1, "c1");
    out_u64(&out, 2, SIGTERM);
    host_answer(host, host_request(host, 0x03, &out), NULL);
    CHECK(host_u64(host_event(host, 0x100, "c1"), 3) == SIGTERM);
}

static void signal_everything(struct host *host)
{
    struct out out = {0};

    host_answer(host, host_exec(host, "c2", 8, 0, "setsid sh -c 'echo up; exec sleep 100' & wait"), NULL);
    while (!contains(host, 8, "up\n"))
        host_step(host, 20);
    out_text(&out, 1, "c2");
    out_u64(&out, 2, SIGKILL);
    out_u64(&out, 3, 1);
    host_answer(host, host_request(host, 0x03, &out), NULL);
    CHECK(host_u64(host_event(host, 0x100, "c2"), 3) == SIGKILL);
    host_wait_fin(host, 8); // the one in its own session is gone too, or the pipe would stay open… for the grace
}

static void terminal(struct host *host)
{
    struct out out = {0};
    uint32_t request = host_exec(host, "d1", 10, 3, "stty size; read x; echo \"<$x>\"; stty size; cat; echo bye");

    host_answer(host, request, NULL);
    while (!contains(host, 10, "24 80\r\n"))
        host_step(host, 20);
    out_text(&out, 1, "d1");
    out_u64(&out, 2, 50);
    out_u64(&out, 3, 132);
    host_answer(host, host_request(host, 0x04, &out), NULL);
    host_send(host, 10, "hello\n", 6);
    while (!contains(host, 10, "<hello>\r\n50 132\r\n"))
        host_step(host, 20);
    host_stream(host, 10)->finish = true;
    CHECK(host_u64(host_event(host, 0x100, "d1"), 2) == 0);
    host_wait_fin(host, 10);
    CHECK(contains(host, 10, "bye\r\n"));
}

static void terminal_interrupt(struct host *host)
{
    host_answer(host, host_exec(host, "d2", 12, 3, "trap 'echo caught; exit 3' INT; echo up; while :; do sleep 0.1; done"), NULL);
    while (!contains(host, 12, "up\r\n"))
        host_step(host, 20);
    host_send(host, 12, "\003", 1);
    CHECK(host_u64(host_event(host, 0x100, "d2"), 2) == 3);
}

static uint64_t refused(struct host *host, uint32_t stream, const char *id, const char *program, const char *cwd, const char *user)
{
    struct out out = {0};
    uint64_t error;

    out_text(&out, 1, id);
    out_u64(&out, 2, stream);
    out_u64(&out, 3, HOST_WINDOW);
    out_text(&out, 4, program);
    if (cwd)
        out_text(&out, 6, cwd);
    if (user)
        out_text(&out, 7, user);
    host_answer(host, host_request(host, 0x02, &out), &error);
    return error;
}

// A text with a NUL in it is no text: not in an argument, not in a variable.
static void refused_texts(struct host *host)
{
    for (uint16_t tag = 4; tag <= 5; tag++) {
        struct out out = {0};
        uint64_t error;

        out_text(&out, 1, "e7");
        out_u64(&out, 2, 26);
        out_u64(&out, 3, HOST_WINDOW);
        out_text(&out, 4, "true");
        out_bytes(&out, tag, "A=b\0c", 5);
        host_answer(host, host_request(host, 0x02, &out), &error);
        CHECK(error == EINVAL);
    }
}

static void refusals(struct host *host)
{
    CHECK(refused(host, 14, "e1", "/no/such/program", NULL, NULL) == ENOENT);
    CHECK(refused(host, 16, "e2", "no-such-program", NULL, NULL) == ENOENT);
    CHECK(refused(host, 18, "e3", "/etc/passwd", NULL, NULL) == EACCES);
    CHECK(refused(host, 20, "e4", "true", "/no/such/directory", NULL) == ENOTDIR);
    CHECK(refused(host, 22, "e5", "true", NULL, "nosuchuser") == EINVAL);
    CHECK(refused(host, 24, "Bad Id", "true", NULL, NULL) == EINVAL);
    CHECK(refused(host, 25, "e6", "true", NULL, NULL) == EINVAL);
    CHECK(refused(host, 26, "e1", "true", NULL, NULL) == 0); // a refused id is free again
    CHECK(refused(host, 28, "e1", "false", NULL, NULL) == 0);
    CHECK(host_u64(host_event(host, 0x100, "e1"), 2) == 0); // the second one joined
}

static void other_user(struct host *host)
{
    struct out out = {0};

    host_stream(host, 30), host_stream(host, 31);
    out_text(&out, 1, "f1");
    out_u64(&out, 2, 30);
    out_u64(&out, 3, HOST_WINDOW);
    out_text(&out, 4, "sh");
    out_text(&out, 4, "-c");
    out_text(&out, 4, "id -u; id -g; id -G; echo $HOME:$X");
    out_text(&out, 5, "X=y");
    out_text(&out, 7, "4242:77");
    host_answer(host, host_request(host, 0x02, &out), NULL);
    host_event(host, 0x100, "f1");
    host_wait_fin(host, 30);
    CHECK(got(host, 30, "4242\n77\n77\n/:y\n"));
}

static void background_keeps_running(struct host *host)
{
    // The pipe stays open after the end of the shell; the stream ends all the same, and the writer lives on.
    host_answer(host, host_exec(host, "g1", 32, 0, "(sleep 1.5; echo late; echo $? > /tmp/banger-agent-late.$$; mv /tmp/banger-agent-late.$$ $0) & echo early"), NULL);
    CHECK(host_u64(host_event(host, 0x100, "g1"), 2) == 0);
    host_wait_fin(host, 32);
    CHECK(got(host, 32, "early\n"));
}

static void output_ends_first(struct host *host)
{
    struct out out = {0};

    // A FIN waits for EXITED only a moment.
    host_answer(host, host_exec(host, "h1", 34, 0, "echo said; exec >&- 2>&-; exec sleep 100"), NULL);
    host_wait_fin(host, 34);
    host_wait_fin(host, 35);
    CHECK(got(host, 34, "said\n") && !host_has_event(host, 0x100, "h1"));
    out_text(&out, 1, "h1");
    out_u64(&out, 2, 15);
    host_answer(host, host_request(host, 0x03, &out), NULL);
    CHECK(host_u64(host_event(host, 0x100, "h1"), 3) == 15);
}

static void release_and_list(struct host *host)
{
    struct out out = {0};
    struct fields answer;
    struct field field;
    uint64_t error;

    out_text(&out, 1, "a1");
    host_answer(host, host_request(host, 0x05, &out), NULL);
    out_text(&out, 1, "a1");
    host_answer(host, host_request(host, 0x05, &out), NULL);
    answer = host_answer(host, host_request(host, 0x06, &out), NULL);
    CHECK(fields_find(answer, 3, &field));
    out_text(&out, 1, "a1");
    out_u64(&out, 2, 15);
    host_answer(host, host_request(host, 0x03, &out), &error);
    CHECK(error == ENOENT);
    host_answer(host, host_request(host, 0x7777, &out), &error);
    CHECK(error == ENOSYS);
}

int main(void)
{
    struct agent_process process;
    struct host *host;

    agent_process_start(&process);
    host = host_new(process.path);
    host_connect(host);
    CHECK(!host->resumed && strchr(host->build, '+'));
    streams_and_status(host);
    surroundings(host);
    signals(host);
    signal_everything(host);
    terminal(host);
    terminal_interrupt(host);
    refusals(host);
    refused_texts(host);
    other_user(host);
    background_keeps_running(host);
    output_ends_first(host);
    release_and_list(host);
    host_free(host);
    agent_process_stop(&process);
    return 0;
}
