// SSH: who may come in as root, and the keys by which the machine proves itself.
#include "configure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

enum { KEYS_MAX = 262144 };

#define BLOCK_BEGIN "# banger: managed from here\n"
#define BLOCK_END "# banger: to here\n"

static size_t append(char *text, size_t length, const char *more, size_t n)
{
    if (n >= KEYS_MAX - length)
        return length;
    memcpy(text + length, more, n);
    return length + n;
}

// Keeps what the user wrote around our lines; replaces those between the marks.
static size_t keep_others(const char *old, char *text)
{
    const char *begin = strstr(old, BLOCK_BEGIN);
    if (!begin) {
        size_t length = append(text, 0, old, strlen(old));
        return length > 0 && text[length - 1] != '\n' ? append(text, length, "\n", 1) : length;
    }
    size_t length = append(text, 0, old, (size_t)(begin - old));
    const char *end = strstr(begin, BLOCK_END);
    return end ? append(text, length, end + strlen(BLOCK_END), strlen(end + strlen(BLOCK_END))) : length;
}

static int put_keys(char *const *keys)
{
    static char old[KEYS_MAX], text[KEYS_MAX];
    if (mkdir("/root/.ssh", 0700) != 0 && errno != EEXIST)
        return -errno;
    struct stat st;
    if (lstat("/root/.ssh", &st) != 0 || !S_ISDIR(st.st_mode))
        return -ENOTDIR;
    chmod("/root/.ssh", 0700);
    if (get_file("/root/.ssh/authorized_keys", old, sizeof old) < 0)
        old[0] = '\0';
    size_t length = keep_others(old, text);
    length = append(text, length, BLOCK_BEGIN, strlen(BLOCK_BEGIN));
    for (; *keys; keys++) {
        length = append(text, length, *keys, strcspn(*keys, "\r\n"));
        length = append(text, length, "\n", 1);
    }
    length = append(text, length, BLOCK_END, strlen(BLOCK_END));
    return put_file("/root/.ssh/authorized_keys", text, length, 0600);
}

int configure_authorized_keys(struct request *request)
{
    size_t count;
    char **keys = request_texts(request, 9, &count);
    if (request->malformed || count == 0)
        return 0;
    if (agent_role(request->agent) == ROLE_TEST)
        return -EPERM;
    int result = put_keys(keys);
    return result < 0 ? result : 1;
}

static bool is_file_name(const char *name)
{
    return name && name[0] && name[0] != '.' && strlen(name) < 100 && !strchr(name, '/');
}

// A running sshd has read the keys of another life; one that has not started needs nothing.
static void reload_sshd(void)
{
    char text[32], path[48], name[16] = "";
    if (get_file("/run/sshd.pid", text, sizeof text) <= 0)
        return;
    int pid = atoi(text), fd = pid > 1 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (fd < 0)
        return;
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    if (get_file(path, name, sizeof name) > 0 && !strcmp(name, "sshd\n"))
        syscall(SYS_pidfd_send_signal, fd, SIGHUP, NULL, 0);
    close(fd);
}

static int put_host_key(struct request *request, const struct field *field, bool *changed)
{
    char path[160];
    struct fields key = field_struct(request, field);
    const char *name = struct_text(request, key, 1, NULL);
    const char *private_key = struct_text(request, key, 2, NULL), *public_key = struct_text(request, key, 3, NULL);
    if (request->malformed || !is_file_name(name) || !private_key)
        return -EINVAL;
    snprintf(path, sizeof path, "/etc/ssh/%s", name);
    int result = put_file(path, private_key, strlen(private_key), 0600);
    *changed = *changed || result > 0;
    if (result < 0 || !public_key)
        return result;
    strcat(path, ".pub");
    return put_file(path, public_key, strlen(public_key), 0644);
}

int configure_host_keys(struct request *request)
{
    struct fields rest = request->fields;
    struct field field;
    bool changed = false;
    int result = 0;
    while (request_each(request, 10, &rest, &field)) {
        if (agent_role(request->agent) == ROLE_TEST)
            return -EPERM;
        // An image without an SSH server keeps being one.
        if (access("/etc/ssh", W_OK) != 0)
            return 0;
        int one = put_host_key(request, &field, &changed);
        if (one < 0)
            return one;
        result = 1;
    }
    if (changed)
        reload_sshd();
    return result;
}
