// STAT, READ: one file by its path, as root. Each runs in a child, because a path may lead to a file system that hangs.
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bulk.h"
#include "job.h"

struct stat_argument {
    const char *path;
    bool follow;
};

static void run_stat(const void *argument, struct shared_pipe *data, struct job_result *result)
{
    const struct stat_argument *ask = argument;
    struct stat st;
    (void)data;
    if (fstatat(AT_FDCWD, ask->path, &st, ask->follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
        result->error = errno;
        return;
    }
    const uint64_t values[] = {st.st_mode,
                               (uint64_t)st.st_size,
                               st.st_uid,
                               st.st_gid,
                               (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec,
                               st.st_rdev};
    memcpy(result->values, values, sizeof values);
    if (!S_ISLNK(st.st_mode))
        return;
    ssize_t n = readlink(ask->path, result->text, sizeof result->text - 1);
    if (n < 0)
        result->error = errno;
    else
        result->text[n] = '\0';
}

static void answer_stat(struct request *request, const struct job_result *result)
{
    for (uint16_t i = 0; i < 5; i++)
        out_u64(&request->answer, (uint16_t)(3 + i), result->values[i]);
    if (S_ISLNK(result->values[0]))
        out_text(&request->answer, 8, result->text);
    if (S_ISBLK(result->values[0]) || S_ISCHR(result->values[0]))
        out_u64(&request->answer, 9, result->values[5]);
}

int stat_verb(struct request *request)
{
    struct stat_argument *ask = request_memory(request, sizeof *ask);
    if (!ask)
        return -ENOMEM;
    ask->path = request_text(request, 1, NULL);
    ask->follow = request_u64(request, 2, 0) != 0;
    if (request->malformed || !ask->path)
        return -EINVAL;
    return job_start(request, &(struct job_spec){.run = run_stat, .argument = ask, .answer = answer_stat});
}

struct read_argument {
    const char *path;
    uint64_t from;
    uint64_t count;
};

static void run_read(const void *argument, struct shared_pipe *data, struct job_result *result)
{
    const struct read_argument *ask = argument;
    int fd = open(ask->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || (ask->from > 0 && lseek(fd, (off_t)ask->from, SEEK_SET) < 0)) {
        result->error = errno;
        return;
    }
    struct bulk_reader reader = bulk_reader(fd);
    const void *bytes;
    for (uint64_t left = ask->count; left > 0;) {
        ssize_t n = bulk_read(&reader, left, &bytes);
        if (n < 0 || (n > 0 && shared_pipe_write(data, bytes, (size_t)n) != 0))
            result->error = errno;
        if (n <= 0 || result->error)
            return;
        left -= (uint64_t)n;
    }
}

int read_verb(struct request *request)
{
    struct read_argument *ask = request_memory(request, sizeof *ask);
    if (!ask)
        return -ENOMEM;
    ask->path = request_text(request, 1, NULL);
    ask->from = request_u64(request, 4, 0);
    ask->count = request_u64(request, 5, UINT64_MAX);
    struct job_spec spec = {.run = run_read,
                            .argument = ask,
                            .flow = JOB_TO_HOST,
                            .stream = (uint32_t)request_u64(request, 2, 0),
                            .window = request_u64(request, 3, 0)};
    if (request->malformed || !ask->path || ask->from > INT64_MAX)
        return -EINVAL;
    return job_start(request, &spec);
}
