// The machine's name and number: hostname, /etc/hosts, machine-id.
#include "configure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

enum { HOSTS_MAX = 65536 };

static bool is_host_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");
    return n > 0 && n <= 64 && name[n] == '\0' && name[0] != '-' && name[0] != '.';
}

// 127.0.1.1 is the line of the machine's own name; all others are the image's and stay.
static int put_hosts(const char *name)
{
    static char old[HOSTS_MAX], text[HOSTS_MAX + 512];
    size_t length = 0;
    bool has_localhost = false;
    if (get_file("/etc/hosts", old, sizeof old) < 0)
        old[0] = '\0';
    for (char *line = old; *line;) {
        size_t n = strcspn(line, "\n");
        has_localhost = has_localhost || !strncmp(line, "127.0.0.1", 9);
        if (strncmp(line, "127.0.1.1", 9) != 0) {
            memcpy(text + length, line, n);
            length += n;
            text[length++] = '\n';
        }
        line += n + (line[n] == '\n');
    }
    if (!has_localhost)
        length +=
            (size_t)snprintf(text + length, 128, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    length += (size_t)snprintf(text + length, 128, "127.0.1.1\t%s\n", name);
    return put_file("/etc/hosts", text, length, 0644);
}

int configure_hostname(struct request *request)
{
    char line[80];
    const char *name = request_text(request, 1, NULL);
    if (request->malformed || !name)
        return 0;
    if (!is_host_name(name))
        return -EINVAL;
    if (agent_role(request->agent) == ROLE_TEST)
        return -EPERM;
    if (sethostname(name, strlen(name)) != 0)
        return -errno;
    int length = snprintf(line, sizeof line, "%s\n", name);
    int file = put_file("/etc/hostname", line, (size_t)length, 0644);
    int hosts = put_hosts(name);
    return file < 0 ? file : hosts < 0 ? hosts : 1;
}

// systemd reads it once, when it starts. Where it came first and has mounted a number of its own over the file, that
// one is written.
int configure_machine_id(struct request *request)
{
    char line[40];
    const char *id = request_text(request, 2, NULL);
    if (request->malformed || !id)
        return 0;
    if (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32)
        return -EINVAL;
    if (agent_role(request->agent) == ROLE_TEST)
        return -EPERM;
    int length = snprintf(line, sizeof line, "%s\n", id);
    int result = put_file("/etc/machine-id", line, (size_t)length, 0444);
    return result < 0 ? result : 1;
}
