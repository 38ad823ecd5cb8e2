// See pump.h.
#include "pump.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "spawn.h"

#define READ_MOST 65536u // bytes per turn and descriptor

static void source_end(struct source *source, bool open)
{
    source->ended = true;
    loop_del(source->loop, &source->watch);
    if (source->stream)
        stream_finish(source->stream);
    source->done(source, open);
}

static void source_read(struct source *source)
{
    size_t size = 0;
    uint8_t *to;
    ssize_t got;

    if (source->ended || !source->stream)
        return;
    if (source->left == 0) {
        source_end(source, true);
        return;
    }
    to = stream_reserve(source->stream, &size);
    if (!to) {
        loop_mod(source->loop, &source->watch, 0); // the stream's writable callback brings it back
        return;
    }
    if (size > READ_MOST)
        size = READ_MOST;
    if (size > source->left)
        size = (size_t)source->left;
    got = read(source->watch.fd, to, size);
    if (got > 0) {
        stream_commit(source->stream, (size_t)got);
        if (source->left != UINT64_MAX)
            source->left -= (uint64_t)got;
        if (source->left == 0)
            source_end(source, true);
        return;
    }
    if (got < 0 && errno == EINTR)
        return;
    if (got < 0 && errno == EAGAIN) {
        if (source->left != UINT64_MAX)
            source_end(source, true);
        return;
    }
    source_end(source, false); // a terminal without a process reads as EIO
}

static void source_event(struct watch *watch, uint32_t events)
{
    (void)events;
    source_read(watch->context);
}

void source_start(struct source *source, struct loop *loop, int fd, struct stream *stream)
{
    source->loop = loop;
    source->stream = stream;
    source->left = UINT64_MAX;
    source->ended = false;
    source->watch = (struct watch){.fd = fd, .ready = source_event, .context = source};
    loop_add_fd(loop, &source->watch, EPOLLIN);
}

void source_ready(struct source *source)
{
    if (!source->ended)
        loop_mod(source->loop, &source->watch, EPOLLIN);
}

void source_last_call(struct source *source)
{
    int waiting = 0;

    if (source->ended)
        return;
    ioctl(source->watch.fd, FIONREAD, &waiting);
    source->left = waiting > 0 ? (uint64_t)waiting : 0;
    if (source->left == 0)
        source_end(source, true);
}

void source_close(struct source *source)
{
    if (source->watch.fd < 0)
        return;
    loop_del(source->loop, &source->watch);
    close(source->watch.fd);
    source->watch.fd = -1;
    source->ended = true;
    source->stream = NULL;
}

static void sink_write(struct sink *sink)
{
    const uint8_t *data;
    size_t size;

    while (sink->watch.fd >= 0 && (size = stream_peek(sink->stream, &data)) > 0) {
        ssize_t put = write(sink->watch.fd, data, size);
        if (put > 0) {
            stream_consume(sink->stream, (size_t)put);
        } else if (put < 0 && errno == EAGAIN) {
            loop_mod(sink->loop, &sink->watch, EPOLLOUT);
            return;
        } else if (put == 0 || errno != EINTR) {
            sink_close(sink); // nobody reads any more; what still comes is thrown away
        }
    }
    if (sink->watch.fd >= 0)
        loop_mod(sink->loop, &sink->watch, 0);
    else
        while ((size = stream_peek(sink->stream, &data)) > 0)
            stream_consume(sink->stream, size);
    if (stream_ended(sink->stream) && sink->watch.fd >= 0) {
        char end = sink->tty ? pty_end_of_file(sink->watch.fd) : 0;
        if (end && write(sink->watch.fd, &end, 1) < 0 && errno == EAGAIN) {
            loop_mod(sink->loop, &sink->watch, EPOLLOUT);
            return;
        }
        sink_close(sink);
    }
}

static void sink_event(struct watch *watch, uint32_t events)
{
    (void)events;
    sink_write(watch->context);
}

void sink_start(struct sink *sink, struct loop *loop, int fd, struct stream *stream, bool tty)
{
    sink->loop = loop;
    sink->stream = stream;
    sink->tty = tty;
    sink->watch = (struct watch){.fd = fd, .ready = sink_event, .context = sink};
}

void sink_ready(struct sink *sink)
{
    if (sink->stream)
        sink_write(sink);
}

void sink_close(struct sink *sink)
{
    if (sink->watch.fd < 0)
        return;
    loop_del(sink->loop, &sink->watch);
    close(sink->watch.fd);
    sink->watch.fd = -1;
}
