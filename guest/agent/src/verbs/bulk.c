// See bulk.h. Whether a file can be written and read like this is known when it is tried: EINVAL says no.
#include "bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <sys/stat.h>
#include <unistd.h>

static alignas(4096) uint8_t buffer[BULK_CHUNK];
static size_t chunk = sizeof buffer;

void bulk_limit(size_t size) { chunk = size; }

static bool set_direct(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    return fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

static int write_at(int fd, size_t size, uint64_t at)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, buffer + done, size - done, (off_t)(at + done));
        if (n < 0 && errno != EINTR)
            return errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int bulk_write(int fd, const struct io_source *source, uint64_t *bytes)
{
    ssize_t n;
    for (*bytes = 0; (n = source->read(source->context, buffer, chunk)) > 0; *bytes += (uint64_t)n) {
        bool direct = (size_t)n == chunk && set_direct(fd, true);
        int error = write_at(fd, (size_t)n, *bytes);
        if (direct)
            set_direct(fd, false);
        if (direct && error == EINVAL)
            error = write_at(fd, (size_t)n, *bytes);
        if (error)
            return error;
    }
    return n < 0 ? errno : 0;
}

struct bulk_reader bulk_reader(int fd)
{
    struct stat st;
    bool large = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= BULK_CHUNK;
    return (struct bulk_reader){.fd = fd, .direct = large && set_direct(fd, true)};
}

ssize_t bulk_read(struct bulk_reader *reader, uint64_t most, const void **data)
{
    size_t size = most < chunk ? (size_t)most : chunk;
    ssize_t n;
    *data = buffer;
    if (reader->direct) {
        n = io_read(reader->fd, buffer, chunk);
        if (n >= 0)
            return (size_t)n < size ? n : (ssize_t)size;
        if (errno != EINVAL)
            return -1;
        reader->direct = false;
        set_direct(reader->fd, false);
    }
    return io_read(reader->fd, buffer, size);
}

ssize_t bulk_whole(int fd, size_t size, const void **data)
{
    size_t done = 0, most = size > 0 && size < sizeof buffer ? size : sizeof buffer;
    ssize_t n = 1;
    *data = buffer;
    while (n > 0 && done < most) {
        n = io_read(fd, buffer + done, most - done);
        done += n > 0 ? (size_t)n : 0;
    }
    if (n >= 0 && done < sizeof buffer)
        return (ssize_t)done;
    errno = n < 0 ? errno : EFBIG;
    return -1;
}
