// Who a command runs as, from the image's own files. No name service is asked.
#ifndef AGENT_USER_H
#define AGENT_USER_H

#include <stddef.h>
#include <sys/types.h>

#define USER_GROUPS_MAX 256

struct user {
    uid_t uid;
    gid_t gid;
    gid_t groups[USER_GROUPS_MAX];
    size_t group_count;
    char name[256]; // empty when /etc/passwd does not list the number
    char home[1024];
    char shell[1024];
};

// `name`, `uid` or either with `:group`. 0, or a negative errno.
int user_find(const char *text, struct user *user);

#endif
