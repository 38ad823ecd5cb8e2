// Waits for block devices by the kernel's own announcement. The node appears in devtmpfs a moment before the device can
// be opened, and the uevent follows both; so the test is an open, and the wake-up is the uevent.
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

static int listen_for_uevents(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (fd < 0)
        return -1;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool is_ready(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    struct stat st;
    bool ready = fstat(fd, &st) == 0 && S_ISBLK(st.st_mode);
    close(fd);
    return ready;
}

int device_wait(const char *path, long long deadline_ms)
{
    if (is_ready(path))
        return 0;
    int events = listen_for_uevents();
    bool ready = false;
    // Looked at again after subscribing: it may have come in between.
    while (!(ready = is_ready(path))) {
        long long left = deadline_ms - monotonic_ms();
        if (left <= 0)
            break;
        struct pollfd wait = {.fd = events, .events = POLLIN};
        poll(&wait, events >= 0 ? 1 : 0, (int)left);
        char drop[4096];
        while (events >= 0 && recv(events, drop, sizeof drop, 0) > 0)
            continue;
    }
    if (events >= 0)
        close(events);
    return ready ? 0 : -1;
}
