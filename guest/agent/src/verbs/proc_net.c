// Listening TCP sockets and their processes, by /proc alone: sock_diag is a module that an image may not have.
#include "proc_net.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TCP_LISTENING = 0x0a };

// Groups of 8 hexadecimal digits, each a 32-bit number in the machine's own order.
static bool parse_address(const char *hex, bool v6, char *text, size_t size)
{
    uint32_t words[4];
    for (int i = 0; i < (v6 ? 4 : 1); i++)
        if (sscanf(hex + 8 * i, "%8x", &words[i]) != 1)
            return false;
    return inet_ntop(v6 ? AF_INET6 : AF_INET, words, text, (socklen_t)size) != NULL;
}

bool proc_net_line(const char *line, bool v6, struct listener *listener)
{
    char hex[40];
    unsigned port, state;
    unsigned long long inode;
    memset(listener, 0, sizeof *listener);
    if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x %*s %*s %*s %*u %*d %llu", hex, &port, &state,
               &inode) != 4)
        return false;
    if (strlen(hex) != (v6 ? 32 : 8) || state != TCP_LISTENING || port == 0 || port > 65535)
        return false;
    listener->port = (uint16_t)port;
    listener->inode = inode;
    return parse_address(hex, v6, listener->address, sizeof listener->address);
}

static size_t read_table(const char *path, bool v6, struct listener *list, size_t room)
{
    char line[512];
    size_t count = 0;
    FILE *file = fopen(path, "re");
    while (file && count < room && fgets(line, sizeof line, file))
        if (proc_net_line(line, v6, &list[count]))
            count++;
    if (file)
        fclose(file);
    return count;
}

static int by_port(const void *left, const void *right)
{
    const struct listener *a = left, *b = right;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    int order = strcmp(a->address, b->address);
    return order ? order : a->inode < b->inode ? -1 : a->inode > b->inode;
}

size_t proc_net_read(struct listener *list, size_t room)
{
    size_t count = read_table("/proc/net/tcp", false, list, room);
    count += read_table("/proc/net/tcp6", true, list + count, room - count);
    qsort(list, count, sizeof *list, by_port);
    return count;
}

static void take_name(int pid, char *name, size_t size)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(name, (int)size, file))
        name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
}

// Marks what this process holds; returns how many.
static size_t scan_process(int pid, struct listener *list, size_t count)
{
    char path[64], target[64];
    size_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        unsigned long long inode;
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        if (n <= 0)
            continue;
        target[n] = '\0';
        if (sscanf(target, "socket:[%llu]", &inode) != 1)
            continue;
        for (size_t i = 0; i < count; i++) {
            if (list[i].inode != inode || list[i].pid)
                continue;
            list[i].pid = pid;
            take_name(pid, list[i].name, sizeof list[i].name);
            found++;
        }
    }
    closedir(dir);
    return found;
}

void proc_net_owners(struct listener *list, size_t count)
{
    size_t left = count;
    DIR *proc = opendir("/proc");
    if (!proc)
        return;
    for (struct dirent *entry; left > 0 && (entry = readdir(proc));) {
        int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
        // PID 1 of a systemd machine holds the sockets of others; it counts only where nobody else does.
        if (pid > 1)
            left -= scan_process(pid, list, count);
    }
    closedir(proc);
    if (left > 0)
        scan_process(1, list, count);
}
