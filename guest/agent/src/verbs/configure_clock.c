// The clock and the random generator: what a restored or forked machine has in common with another one until it is
// told.
#include "configure.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

enum { NANOSECONDS = 1000000000, ENTROPY_MAX = 4096, CLOSE_ENOUGH_NS = 5000000 };

#ifndef RNDRESEEDCRNG
#define RNDRESEEDCRNG _IO('R', 0x07)
#endif

int configure_clock(struct request *request)
{
    struct timespec now;
    uint64_t wanted = request_u64(request, 3, 0);
    if (request->malformed || !wanted)
        return 0;
    if (wanted > INT64_MAX)
        return -EINVAL;
    if (agent_role(request->agent) == ROLE_TEST)
        return -EPERM;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t off = (int64_t)wanted - (now.tv_sec * (int64_t)NANOSECONDS + now.tv_nsec);
    // A step of less than the message took would only make the clock jump.
    if (off < CLOSE_ENOUGH_NS && off > -CLOSE_ENOUGH_NS)
        return 1;
    struct timespec set = {.tv_sec = (time_t)(wanted / NANOSECONDS), .tv_nsec = (long)(wanted % NANOSECONDS)};
    return clock_settime(CLOCK_REALTIME, &set) != 0 ? -errno : 1;
}

int configure_entropy(struct request *request)
{
    struct field field;
    if (!fields_find(request->fields, 4, &field) || field.length == 0)
        return 0;
    if (field.length > ENTROPY_MAX)
        return -EINVAL;
    struct rand_pool_info *pool = request_memory(request, sizeof *pool + field.length);
    int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (!pool || fd < 0)
        return pool ? -errno : -ENOMEM;
    pool->entropy_count = (int)field.length * 8;
    pool->buf_size = (int)field.length;
    memcpy(pool->buf, field.value, field.length);
    // Added entropy is not used before the generator's next reseeding, which may be minutes away.
    int result = ioctl(fd, RNDADDENTROPY, pool) != 0 || ioctl(fd, RNDRESEEDCRNG) != 0 ? -errno : 1;
    explicit_bzero(pool, sizeof *pool + field.length);
    close(fd);
    return result;
}
