// Network interfaces: finding one by its hardware address, switching it on.
#include "netlink.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool read_line(const char *name, const char *item, char *line, int size)
{
    char path[320];
    snprintf(path, sizeof path, "/sys/class/net/%s/%s", name, item);
    FILE *file = fopen(path, "re");
    bool ok = file && fgets(line, size, file);
    if (file)
        fclose(file);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

int net_find_interface(const char *mac)
{
    char line[64];
    int best = 0;
    DIR *dir = opendir("/sys/class/net");
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "lo"))
            continue;
        if (mac ? !read_line(entry->d_name, "address", line, sizeof line) || strcasecmp(line, mac) != 0
                : !read_line(entry->d_name, "device/uevent", line, sizeof line))
            continue;
        int index = (int)if_nametoindex(entry->d_name);
        if (index > 0 && (best == 0 || index < best))
            best = index;
    }
    closedir(dir);
    return best;
}

int net_set_up(int interface)
{
    struct ifreq request = {0};
    if (!if_indextoname((unsigned)interface, request.ifr_name))
        return -errno;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = ioctl(fd, SIOCGIFFLAGS, &request) != 0 ? -errno : 0;
    if (!error && !(request.ifr_flags & IFF_UP)) {
        request.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &request) != 0)
            error = -errno;
    }
    close(fd);
    return error;
}
