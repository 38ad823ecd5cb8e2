// WRITE: the content of one file by its path, as root; in a child, because a path may lead to a file system that hangs.
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aside.h"
#include "bulk.h"
#include "io.h"
#include "job.h"

struct write_argument {
    const char *path;
    uint64_t mode, uid, gid; // UINT64_MAX: not asked for
    uint64_t flags;
};

enum { WRITE_CREATE = 1, WRITE_TRUNCATE = 2, WRITE_EXCLUSIVE = 4, WRITE_WHOLE = 8 };

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
        return errno;
    return ask->mode == UINT64_MAX || fchmod(fd, (mode_t)(ask->mode & 07777)) == 0 ? 0 : errno;
}

// Pipes and devices cannot be synced, and need not be.
static int sync_file(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
}

// As it comes: who reads what is written here may wait for it.
static int copy(const struct io_source *from, int to, uint64_t *bytes)
{
    static char buffer[IO_CHUNK];
    for (ssize_t n; (n = from->read(from->context, buffer, sizeof buffer)) != 0; *bytes += (uint64_t)n)
        if (n < 0 || io_write(to, buffer, (size_t)n) != 0)
            return errno;
    return 0;
}

static int write_in_place(const struct write_argument *ask, const struct io_source *from, uint64_t *bytes)
{
    int fd = open_for_write(ask);
    if (fd < 0)
        return errno;
    int error = copy(from, fd, bytes);
    if (!error)
        error = set_owner_and_mode(fd, ask);
    if (!error)
        error = sync_file(fd);
    if (close(fd) != 0 && !error)
        error = errno;
    return error;
}

// What is there keeps its owner and mode, unless others are asked for.
static void keep_metadata(struct write_argument *ask, const struct stat *there)
{
    if (ask->mode == UINT64_MAX)
        ask->mode = there ? there->st_mode & 0777 : 0644;
    if (there && ask->uid == UINT64_MAX)
        ask->uid = there->st_uid;
    if (there && ask->gid == UINT64_MAX)
        ask->gid = there->st_gid;
}

static ssize_t read_file(void *fd, void *data, size_t size) { return io_read(*(int *)fd, data, size); }

static int name_file(struct aside *file, const struct write_argument *ask, const char *leaf)
{
    const struct io_source whole = {.read = read_file, .context = &file->fd};
    uint64_t copied = 0;
    int error = aside_name(file, leaf);
    if (error != EBUSY)
        return error;
    // A file that is mounted over cannot be replaced, only written to.
    return lseek(file->fd, 0, SEEK_SET) < 0 ? errno : write_in_place(ask, &whole, &copied);
}

static ssize_t read_pipe(void *pipe, void *data, size_t size) { return shared_pipe_read(pipe, data, size); }

static ssize_t read_some(void *pipe, void *data, size_t size) { return shared_pipe_read_some(pipe, data, size); }

// `made` tells whether another file could be made at all: if not, nothing was read yet.
static int write_aside(const struct write_argument *ask, char *path, struct shared_pipe *from, uint64_t *bytes, bool *made)
{
    struct aside file;
    char *slash = strrchr(path, '/');
    if (!slash || !slash[1])
        return EISDIR;
    *slash = '\0';
    int parent = open(slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return errno;
    int error = aside_open(&file, parent);
    *made = !error;
    if (error)
        return error;
    error = bulk_write(file.fd, &(struct io_source){.read = read_pipe, .context = from}, bytes);
    if (!error)
        error = set_owner_and_mode(file.fd, ask);
    if (!error)
        error = sync_file(file.fd);
    if (!error)
        error = name_file(&file, ask, slash + 1);
    int closed = aside_close(&file);
    return error ? error : closed;
}

// Only a file can be had whole: what goes to a device or a pipe has arrived when it is written. So has what goes to /proc and
// /sys, and to a file that is mounted into a file system that is not written to.
static int write_whole(const struct write_argument *asked, struct shared_pipe *from, uint64_t *bytes)
{
    const struct io_source as_it_comes = {.read = read_some, .context = from};
    char path[PATH_MAX];
    struct stat there;
    struct write_argument ask = *asked;
    bool known = stat(ask.path, &there) == 0, made = true;
    if (known ? !S_ISREG(there.st_mode) : errno != ENOENT || lstat(ask.path, &there) == 0)
        return write_in_place(&ask, &as_it_comes, bytes);
    keep_metadata(&ask, known ? &there : NULL);
    if (known ? !realpath(ask.path, path) : strlen(ask.path) >= sizeof path)
        return known ? errno : ENAMETOOLONG;
    if (!known)
        strcpy(path, ask.path);
    int error = write_aside(&ask, path, from, bytes, &made);
    bool closed = error == EACCES || error == EPERM || error == EROFS;
    return known && !made && closed ? write_in_place(asked, &as_it_comes, bytes) : error;
}

static void run_write(const void *argument, struct shared_pipe *data, struct job_result *result)
{
    const struct write_argument *ask = argument;
    const struct io_source from = {.read = read_some, .context = data};
    bool whole = (ask->flags & WRITE_WHOLE) && (ask->flags & WRITE_CREATE) && !(ask->flags & WRITE_EXCLUSIVE);
    result->error = whole ? write_whole(ask, data, result->values) : write_in_place(ask, &from, result->values);
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
