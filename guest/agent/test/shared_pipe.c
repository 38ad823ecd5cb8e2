// The pipe between two processes: every byte in order whatever the sizes, an end that is told, and one that is not.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/host.h"
#include "verbs/shared_pipe.h"

enum { BYTES = 12 << 20, MOST = 3 << 20, WIDE = 1 << 20, NARROW = 1 << 16 }; // more than fits, at once and in all

static uint8_t data[MOST];

static uint8_t byte_at(uint64_t offset) { return (uint8_t)(offset * 2654435761u >> 13); }

static size_t some(uint64_t left)
{
    static const size_t sizes[] = {1, 511, 4096, 100000, 1 << 20, MOST};
    size_t size = sizes[rand() % 6] - (size_t)(rand() % 2);
    return size == 0 ? 1 : size < left ? size : (size_t)left;
}

static void send_all(struct shared_pipe *end, uint64_t bytes, bool at_once)
{
    for (uint64_t at = 0; at < bytes;) {
        size_t size = some(bytes - at), put = size;
        for (size_t i = 0; i < size; i++)
            data[i] = byte_at(at + i);
        if (!at_once)
            CHECK(shared_pipe_write(end, data, size) == 0);
        else
            for (put = 0; put < size && (put += shared_pipe_put(end, data + put, size - put)) < size;)
                CHECK(read(end->wake, (char[64]){0}, 64) > 0);
        at += put;
    }
    shared_pipe_end(end);
}

// 0 at the end.
static size_t receive(struct shared_pipe *end, size_t size, bool at_once)
{
    size_t got;
    if (!at_once)
        return (size_t)(rand() % 2 ? shared_pipe_read(end, data, size) : shared_pipe_read_some(end, data, size));
    while ((got = shared_pipe_take(end, data, size)) == 0 && !shared_pipe_ended(end))
        CHECK(read(end->wake, (char[64]){0}, 64) > 0);
    return got;
}

static void receive_all(struct shared_pipe *end, uint64_t bytes, bool at_once)
{
    uint64_t at = 0;
    for (size_t size, got; size = some(bytes), (got = receive(end, size, at_once)) > 0; at += got) {
        CHECK(got <= size);
        for (size_t i = 0; i < got; i++)
            CHECK(data[i] == byte_at(at + i));
    }
    CHECK(at == bytes && shared_pipe_ended(end));
}

// The child is the one that blocks, as in a job; the other side moves what there is.
static void passes(bool child_writes, unsigned seed)
{
    struct shared_pipe ends[2];
    int status;
    CHECK(shared_pipe_open(ends, seed % 2 ? WIDE : NARROW) == 0);
    pid_t pid = fork();
    struct shared_pipe *mine = &ends[pid == 0], *theirs = &ends[pid != 0];
    close(theirs->wake);
    srand(seed + (pid == 0));
    if (child_writes == (pid == 0))
        send_all(mine, BYTES, pid != 0);
    else
        receive_all(mine, BYTES, pid != 0);
    if (pid == 0)
        _exit(0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(!shared_pipe_heard(mine));
    shared_pipe_close(mine);
}

// What was written is read, and then it is no end that was meant.
static void writer_dies(void)
{
    struct shared_pipe ends[2];
    CHECK(shared_pipe_open(ends, WIDE) == 0);
    if (fork() == 0) {
        CHECK(shared_pipe_write(&ends[1], "half", 4) == 0);
        _exit(0);
    }
    close(ends[1].wake);
    CHECK(shared_pipe_read_some(&ends[0], data, 100) == 4 && !memcmp(data, "half", 4));
    CHECK(shared_pipe_read(&ends[0], data, 100) == -1 && errno == EPIPE);
    CHECK(!shared_pipe_ended(&ends[0]));
    shared_pipe_close(&ends[0]);
    wait(NULL);
}

static void reader_dies(void)
{
    struct shared_pipe ends[2];
    CHECK(shared_pipe_open(ends, WIDE) == 0);
    if (fork() == 0) {
        CHECK(shared_pipe_read(&ends[1], data, 10) == 10);
        _exit(0);
    }
    close(ends[1].wake);
    CHECK(shared_pipe_write(&ends[0], data, MOST) == -1 && errno == EPIPE);
    shared_pipe_close(&ends[0]);
    wait(NULL);
}

int main(void)
{
    for (unsigned seed = 1; seed <= 5; seed++) {
        passes(true, seed);
        passes(false, seed);
    }
    writer_dies();
    reader_dies();
    return 0;
}
