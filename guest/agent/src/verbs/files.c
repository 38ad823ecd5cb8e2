// STAT, READ, WRITE: one file by its path, as root. Each runs in a child, because a path may lead to a file system that
// hangs.
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "io.h"
#include "job.h"

struct stat_argument {
    const char *path;
    bool follow;
};

static void run_stat(const void *argument, int data, struct job_result *result)
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

static void run_read(const void *argument, int data, struct job_result *result)
{
    const struct read_argument *ask = argument;
    int fd = open(ask->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || (ask->from > 0 && lseek(fd, (off_t)ask->from, SEEK_SET) < 0)) {
        result->error = errno;
        return;
    }
    static char buffer[IO_CHUNK];
    for (uint64_t left = ask->count; left > 0;) {
        ssize_t n = read(fd, buffer, left < sizeof buffer ? (size_t)left : sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || (n > 0 && io_write(data, buffer, (size_t)n) != 0))
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

struct write_argument {
    const char *path;
    uint64_t mode, uid, gid; // UINT64_MAX: not asked for
    uint64_t flags;
};

enum { WRITE_CREATE = 1, WRITE_TRUNCATE = 2, WRITE_EXCLUSIVE = 4 };

static int open_for_write(const struct write_argument *ask)
{
    int flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
    if (ask->flags & WRITE_CREATE)
        flags |= O_CREAT;
    if (ask->flags & WRITE_TRUNCATE)
        flags |= O_TRUNC;
    if (ask->flags & WRITE_EXCLUSIVE)
        flags |= O_CREAT | O_EXCL;
    return open(ask->path, flags, ask->mode == UINT64_MAX ? 0644 : (mode_t)(ask->mode & 0777));
}

static int set_owner_and_mode(int fd, const struct write_argument *ask)
{
    // An owner that is not asked for stays (-1); the mode comes last, because a change of owner clears set-uid.
    if ((ask->uid != UINT64_MAX || ask->gid != UINT64_MAX) && fchown(fd, (uid_t)ask->uid, (gid_t)ask->gid) != 0)
        return -1;
    return ask->mode == UINT64_MAX ? 0 : fchmod(fd, (mode_t)(ask->mode & 07777));
}

static void run_write(const void *argument, int data, struct job_result *result)
{
    const struct write_argument *ask = argument;
    static char buffer[IO_CHUNK];
    int fd = open_for_write(ask);
    if (fd < 0) {
        result->error = errno;
        return;
    }
    for (ssize_t n; !result->error && (n = io_read(data, buffer, sizeof buffer)) != 0;) {
        if (n < 0 || io_write(fd, buffer, (size_t)n) != 0)
            result->error = errno;
        else
            result->values[0] += (uint64_t)n;
    }
    if (!result->error && set_owner_and_mode(fd, ask) != 0)
        result->error = errno;
    // Pipes and devices cannot be synced, and need not be.
    if (!result->error && fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
        result->error = errno;
    if (close(fd) != 0 && !result->error)
        result->error = errno;
}

static void answer_write(struct request *request, const struct job_result *result)
{
    out_u64(&request->answer, 3, result->values[0]);
}

int write_verb(struct request *request)
{
    struct write_argument *ask = request_memory(request, sizeof *ask);
    if (!ask)
        return -ENOMEM;
    ask->path = request_text(request, 1, NULL);
    ask->mode = request_u64(request, 3, UINT64_MAX);
    ask->uid = request_u64(request, 4, UINT64_MAX);
    ask->gid = request_u64(request, 5, UINT64_MAX);
    ask->flags = request_u64(request, 6, 0);
    struct job_spec spec = {.run = run_write,
                            .argument = ask,
                            .answer = answer_write,
                            .flow = JOB_FROM_HOST,
                            .stream = (uint32_t)request_u64(request, 2, 0)};
    if (request->malformed || !ask->path)
        return -EINVAL;
    return job_start(request, &spec);
}
