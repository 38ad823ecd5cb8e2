// See user.h. fgetpwent and fgetgrent only parse; getpwnam would also ask a daemon.
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_number(const char *text, unsigned long *number)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return *end == 0 && errno == 0 && *number < 0xffffffffUL;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static int find_in_passwd(const char *name, struct user *user)
{
    unsigned long number;
    bool numeric = is_number(name, &number);
    FILE *file = fopen("/etc/passwd", "re");
    struct passwd *entry;

    while (file && (entry = fgetpwent(file))) {
        // A name wins over a number only where it is one: no user may be called "0".
        if (numeric ? entry->pw_uid != number : strcmp(entry->pw_name, name) != 0)
            continue;
        user->uid = entry->pw_uid;
        user->gid = entry->pw_gid;
        copy(user->name, sizeof user->name, entry->pw_name);
        copy(user->home, sizeof user->home, entry->pw_dir && *entry->pw_dir ? entry->pw_dir : "/");
        copy(user->shell, sizeof user->shell, entry->pw_shell && *entry->pw_shell ? entry->pw_shell : "/bin/sh");
        fclose(file);
        return 0;
    }
    if (file)
        fclose(file);
    // An image without /etc/passwd still has a root.
    if (!numeric && strcmp(name, "root") != 0)
        return -ENOENT;
    user->uid = numeric ? (uid_t)number : 0;
    user->gid = 0;
    copy(user->name, sizeof user->name, user->uid == 0 ? "root" : "");
    copy(user->home, sizeof user->home, user->uid == 0 ? "/root" : "/");
    copy(user->shell, sizeof user->shell, "/bin/sh");
    return 0;
}

static int find_group(const char *name, gid_t *gid)
{
    unsigned long number;
    FILE *file;
    struct group *entry;

    if (is_number(name, &number)) {
        *gid = (gid_t)number;
        return 0;
    }
    file = fopen("/etc/group", "re");
    while (file && (entry = fgetgrent(file))) {
        if (strcmp(entry->gr_name, name) != 0)
            continue;
        *gid = entry->gr_gid;
        fclose(file);
        return 0;
    }
    if (file)
        fclose(file);
    return -ENOENT;
}

static void find_supplementary(struct user *user)
{
    FILE *file = *user->name ? fopen("/etc/group", "re") : NULL;
    struct group *entry;

    while (file && (entry = fgetgrent(file)) && user->group_count < USER_GROUPS_MAX) {
        for (char **member = entry->gr_mem; member && *member; member++) {
            if (!strcmp(*member, user->name) && entry->gr_gid != user->gid) {
                user->groups[user->group_count++] = entry->gr_gid;
                break;
            }
        }
    }
    if (file)
        fclose(file);
}

int user_find(const char *text, struct user *user)
{
    char name[256];
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    int error;

    memset(user, 0, sizeof *user);
    if (length >= sizeof name)
        return -ENOENT;
    memcpy(name, text, length);
    name[length] = 0;
    error = find_in_passwd(length ? name : "root", user);
    if (error)
        return error;
    user->groups[user->group_count++] = user->gid;
    if (!colon) {
        find_supplementary(user);
        return 0;
    }
    error = find_group(colon + 1, &user->gid);
    user->groups[0] = user->gid;
    return error;
}
