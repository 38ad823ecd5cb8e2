// Blocking reads and writes, whole or reported.
#include "io.h"

#include <errno.h>
#include <unistd.h>

int io_write(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

ssize_t io_read(int fd, void *data, size_t size)
{
    ssize_t n;
    do
        n = read(fd, data, size);
    while (n < 0 && errno == EINTR);
    return n;
}

ssize_t io_read_full(int fd, void *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = io_read(fd, (char *)data + done, size - done);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}
