// See shared_pipe.h. Each side counts its own bytes; who waits says for how many, and is woken once when they are there.
#include "shared_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct shared_memory {
    _Atomic uint64_t read, written;
    _Atomic bool ended;
    _Atomic size_t reader_wants, writer_wants; // bytes, or space for them; 0: does not wait
    size_t capacity;
    uint8_t bytes[];
};

static size_t size_of(size_t capacity) { return sizeof(struct shared_memory) + capacity; }

int shared_pipe_open(struct shared_pipe ends[2], size_t capacity)
{
    int wakes[2];
    struct shared_memory *memory =
        mmap(NULL, size_of(capacity), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wakes) != 0) {
        int error = -errno;
        munmap(memory, size_of(capacity));
        return error;
    }
    memory->capacity = capacity;
    memory->reader_wants = 1; // who only listens has not said so yet
    for (int i = 0; i < 2; i++)
        ends[i] = (struct shared_pipe){.memory = memory, .wake = wakes[i]};
    return 0;
}

void shared_pipe_close(struct shared_pipe *end)
{
    if (end->memory)
        munmap(end->memory, size_of(end->memory->capacity));
    if (end->wake >= 0)
        close(end->wake);
    *end = (struct shared_pipe){.wake = -1};
}

static size_t filled(struct shared_memory *memory)
{
    return (size_t)(atomic_load(&memory->written) - atomic_load(&memory->read));
}

// A byte that does not fit is one of many that the other has not looked at.
static void wake(struct shared_pipe *end, _Atomic size_t *wants, size_t there)
{
    size_t wanted = atomic_load(wants);
    if (wanted == 0 || there < wanted)
        return;
    atomic_store(wants, 0);
    send(end->wake, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void wake_reader(struct shared_pipe *end)
{
    struct shared_memory *memory = end->memory;
    wake(end, &memory->reader_wants, atomic_load(&memory->ended) ? SIZE_MAX : filled(memory));
}

static void wake_writer(struct shared_pipe *end)
{
    wake(end, &end->memory->writer_wants, end->memory->capacity - filled(end->memory));
}

static size_t span(const struct shared_memory *memory, size_t start, size_t size)
{
    size_t left = memory->capacity - start;
    return size < left ? size : left;
}

static size_t put(struct shared_memory *memory, const uint8_t *data, size_t size)
{
    uint64_t at = atomic_load(&memory->written);
    size_t room = memory->capacity - filled(memory), start = (size_t)(at % memory->capacity), first;
    if (size > room)
        size = room;
    first = span(memory, start, size);
    memcpy(memory->bytes + start, data, first);
    memcpy(memory->bytes, data + first, size - first);
    atomic_store(&memory->written, at + size);
    return size;
}

static size_t take(struct shared_memory *memory, uint8_t *data, size_t size)
{
    uint64_t at = atomic_load(&memory->read);
    size_t there = filled(memory), start = (size_t)(at % memory->capacity), first;
    if (size > there)
        size = there;
    first = span(memory, start, size);
    memcpy(data, memory->bytes + start, first);
    memcpy(data + first, memory->bytes, size - first);
    atomic_store(&memory->read, at + size);
    return size;
}

bool shared_pipe_heard(struct shared_pipe *end)
{
    char bytes[64];
    ssize_t n;
    do
        n = recv(end->wake, bytes, sizeof bytes, MSG_DONTWAIT);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 && errno == EAGAIN;
}

// Until woken; false when the other is gone.
static bool wait(struct shared_pipe *end)
{
    char bytes[64];
    ssize_t n;
    do
        n = recv(end->wake, bytes, sizeof bytes, 0);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

// Each side says what it waits for before it looks for the last time, and the other looks after it has changed something.
static bool await_bytes(struct shared_pipe *end, size_t wanted)
{
    struct shared_memory *memory = end->memory;
    for (bool gone = false;; gone = gone || !wait(end)) {
        atomic_store(&memory->reader_wants, wanted);
        if (filled(memory) >= wanted || atomic_load(&memory->ended) || gone) {
            atomic_store(&memory->reader_wants, 0);
            return filled(memory) > 0 || atomic_load(&memory->ended);
        }
    }
}

ssize_t shared_pipe_read_some(struct shared_pipe *end, void *data, size_t size)
{
    if (!await_bytes(end, 1)) {
        errno = EPIPE;
        return -1;
    }
    size = take(end->memory, data, size);
    wake_writer(end);
    return (ssize_t)size;
}

ssize_t shared_pipe_read(struct shared_pipe *end, void *data, size_t size)
{
    size_t done = 0, half = end->memory->capacity / 2;
    while (done < size) {
        size_t wanted = size - done < half ? size - done : half;
        if (filled(end->memory) < wanted && !await_bytes(end, wanted)) {
            errno = EPIPE;
            return -1;
        }
        size_t n = take(end->memory, (uint8_t *)data + done, size - done);
        wake_writer(end);
        if (n == 0)
            break;
        done += n;
    }
    return (ssize_t)done;
}

static bool await_space(struct shared_pipe *end)
{
    struct shared_memory *memory = end->memory;
    for (bool gone = false;; gone = gone || !wait(end)) {
        atomic_store(&memory->writer_wants, memory->capacity / 2);
        if (gone || filled(memory) <= memory->capacity / 2) {
            atomic_store(&memory->writer_wants, 0);
            return !gone;
        }
    }
}

int shared_pipe_write(struct shared_pipe *end, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t n = put(end->memory, (const uint8_t *)data + done, size - done);
        wake_reader(end);
        done += n;
        if (done < size && !await_space(end)) {
            errno = EPIPE;
            return -1;
        }
    }
    return 0;
}

size_t shared_pipe_put(struct shared_pipe *end, const void *data, size_t size)
{
    struct shared_memory *memory = end->memory;
    for (size_t done = 0;;) {
        done += put(memory, (const uint8_t *)data + done, size - done);
        wake_reader(end);
        atomic_store(&memory->writer_wants, done < size ? memory->capacity / 4 : 0);
        if (done == size || memory->capacity - filled(memory) < memory->capacity / 4)
            return done;
    }
}

size_t shared_pipe_take(struct shared_pipe *end, void *data, size_t size)
{
    struct shared_memory *memory = end->memory;
    for (size_t done = 0;;) {
        done += take(memory, (uint8_t *)data + done, size - done);
        wake_writer(end);
        atomic_store(&memory->reader_wants, done < size);
        if (done == size || filled(memory) == 0)
            return done;
    }
}

void shared_pipe_end(struct shared_pipe *end)
{
    atomic_store(&end->memory->ended, true);
    wake_reader(end);
}

bool shared_pipe_ended(const struct shared_pipe *end)
{
    return atomic_load(&end->memory->ended) && filled(end->memory) == 0;
}
