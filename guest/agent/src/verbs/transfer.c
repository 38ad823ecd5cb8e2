// TAR_OUT and TAR_IN: directory trees as streams, packed and unpacked in a child.
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job.h"
#include "tree.h"

struct tar_argument {
    const char *directory;
    char **members;
    uint64_t flags;
};

enum { OUT_FOLLOW_NAMED = 1, IN_KEEP_OWNERS = 1, IN_MAKE_DIRECTORY = 2 };

static void fill_result(struct job_result *result, int error, const struct tree_count *count)
{
    result->error = error;
    result->values[0] = count->entries;
    result->values[1] = count->bytes;
    if (error)
        snprintf(result->text, sizeof result->text, "%s", count->why);
}

static void answer_counts(struct request *request, const struct job_result *result)
{
    out_u64(&request->answer, 3, result->values[0]);
    out_u64(&request->answer, 4, result->values[1]);
}

static int write_pipe(void *pipe, const void *data, size_t size) { return shared_pipe_write(pipe, data, size); }

static ssize_t read_pipe(void *pipe, void *data, size_t size) { return shared_pipe_read(pipe, data, size); }

static void run_out(const void *argument, struct shared_pipe *data, struct job_result *result)
{
    const struct tar_argument *ask = argument;
    const struct io_sink out = {.write = write_pipe, .context = data};
    struct tree_count count = {0};
    // A descriptor for each level of the tree.
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){4096, 4096});
    int fd = open(ask->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        result->error = errno;
        return;
    }
    int error = tree_pack(fd, ask->members, (ask->flags & OUT_FOLLOW_NAMED) != 0, &out, &count);
    fill_result(result, error, &count);
}

static void run_in(const void *argument, struct shared_pipe *data, struct job_result *result)
{
    const struct tar_argument *ask = argument;
    const struct io_source in = {.read = read_pipe, .context = data};
    struct tree_count count = {0};
    if ((ask->flags & IN_MAKE_DIRECTORY) && mkdir(ask->directory, 0755) != 0 && errno != EEXIST) {
        result->error = errno;
        return;
    }
    int fd = open(ask->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        result->error = errno;
        return;
    }
    int error = tree_unpack(fd, (ask->flags & IN_KEEP_OWNERS) != 0, &in, &count);
    fill_result(result, error, &count);
}

int tar_out_verb(struct request *request)
{
    struct tar_argument *ask = request_memory(request, sizeof *ask);
    size_t count;
    if (!ask)
        return -ENOMEM;
    ask->directory = request_text(request, 1, NULL);
    ask->members = request_texts(request, 2, &count);
    ask->flags = request_u64(request, 5, 0);
    struct job_spec spec = {.run = run_out,
                            .argument = ask,
                            .answer = answer_counts,
                            .flow = JOB_TO_HOST,
                            .stream = (uint32_t)request_u64(request, 3, 0),
                            .window = request_u64(request, 4, 0)};
    if (request->malformed || !ask->directory)
        return -EINVAL;
    return job_start(request, &spec);
}

int tar_in_verb(struct request *request)
{
    struct tar_argument *ask = request_memory(request, sizeof *ask);
    if (!ask)
        return -ENOMEM;
    ask->directory = request_text(request, 1, NULL);
    ask->flags = request_u64(request, 3, 0);
    struct job_spec spec = {.run = run_in,
                            .argument = ask,
                            .answer = answer_counts,
                            .flow = JOB_FROM_HOST,
                            .stream = (uint32_t)request_u64(request, 2, 0)};
    if (request->malformed || !ask->directory)
        return -EINVAL;
    return job_start(request, &spec);
}
