// Between descriptors and streams: a source fills the agent→host half from a pipe or terminal, a sink empties the host→agent half into one.
#ifndef AGENT_PUMP_H
#define AGENT_PUMP_H

#include "loop.h"
#include "stream.h"

struct source {
    struct loop *loop;
    struct watch watch;
    struct stream *stream; // NULL: dead, or never there
    uint64_t left;         // bytes still to be read, UINT64_MAX while that is open
    bool ended;
    // The end of the output was put into the stream. `open` tells that other processes still hold the other end of the descriptor.
    void (*done)(struct source *source, bool open);
    void *context;
};

void source_start(struct source *source, struct loop *loop, int fd, struct stream *stream);
void source_ready(struct source *source); // space came back
void source_last_call(struct source *source); // what is there now is the rest
void source_close(struct source *source);     // at once, without FIN

struct sink {
    struct loop *loop;
    struct watch watch; // fd -1: closed
    struct stream *stream;
    bool tty;
};

void sink_start(struct sink *sink, struct loop *loop, int fd, struct stream *stream, bool tty);
void sink_ready(struct sink *sink); // input came
void sink_close(struct sink *sink);

#endif
