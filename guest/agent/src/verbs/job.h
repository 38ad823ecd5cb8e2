// Work that may block, done in a forked child: files, tar, sync. The loop only moves bytes between the pipe that it shares
// with the child and a stream.
#ifndef VERBS_JOB_H
#define VERBS_JOB_H

#include <stdint.h>

#include "shared_pipe.h"
#include "verbs.h"

enum { JOB_VALUES = 8, JOB_TEXT = 4200 };

// What the child tells when it is done.
struct job_result {
    int32_t error; // 0 or a positive errno
    uint64_t values[JOB_VALUES];
    char text[JOB_TEXT]; // the answer's text, or what `answer` makes of it
};

enum job_flow { JOB_ALONE, JOB_TO_HOST, JOB_FROM_HOST };

struct job_spec {
    // In the child. `data` is written for JOB_TO_HOST, read to its end for JOB_FROM_HOST, else NULL.
    void (*run)(const void *argument, struct shared_pipe *data, struct job_result *result);
    const void *argument; // lives as long as the request
    // In the agent, after success: puts the answer's fields. May be NULL.
    void (*answer)(struct request *request, const struct job_result *result);
    enum job_flow flow;
    uint32_t stream;
    uint64_t window;
};

// Starts the child and answers the request when it has ended. Returns what a verb's handler returns.
int job_start(struct request *request, const struct job_spec *spec);

#endif
