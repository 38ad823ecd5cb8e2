// A job's inside: shared by its life (job.c) and the bytes that it moves (job_flow.c).
#ifndef VERBS_JOB_FLOW_H
#define VERBS_JOB_FLOW_H

#include "job.h"
#include "loop.h"
#include "stream.h"

struct job {
    struct request *request; // NULL once it was cancelled
    struct stream *stream;   // NULL without one, or once it is gone
    struct loop *loop;
    struct job_spec spec;
    struct child child;
    struct shared_pipe data; // to the child, or from it
    struct watch wake;       // of `data`; fd -1 once closed
    int result_fd;
    int status;
    int stream_error;
    bool wide; // with large buffers
    bool ended;
    bool deaf; // the child has closed its end: what is in the pipe is all
};

void job_close_data(struct job *job);
void job_stop_child(struct job *job, int error);
// Answers and frees the job, if the child and its output are both at their end.
void job_maybe_finish(struct job *job);

void job_wake_ready(struct watch *watch, uint32_t events);
extern const struct stream_events job_reads, job_writes;

#endif
