// The environment of a command: CONFIGURE's, then the user's, then the request's; later ones win.
#include <stdio.h>
#include <string.h>

#include "exec.h"

#define ROOT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define USER_PATH "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

static void set(char **list, char *entry)
{
    const char *equals = strchr(entry, '=');
    size_t length = equals ? (size_t)(equals - entry) + 1 : strlen(entry);

    while (*list && strncmp(*list, entry, length) != 0)
        list++;
    *list = entry;
}

static bool has(char **list, const char *prefix)
{
    while (*list && strncmp(*list, prefix, strlen(prefix)) != 0)
        list++;
    return *list != NULL;
}

static bool set_text(struct request *request, char **list, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 1;
    char *entry = request_memory(request, size);

    if (!entry)
        return false;
    snprintf(entry, size, "%s%s", name, value);
    set(list, entry);
    return true;
}

static bool set_user(struct request *request, char **list, const struct user *user)
{
    if (!set_text(request, list, "HOME=", user->home) || !set_text(request, list, "SHELL=", user->shell))
        return false;
    if (*user->name && (!set_text(request, list, "USER=", user->name) || !set_text(request, list, "LOGNAME=", user->name)))
        return false;
    return has(list, "PATH=") || set_text(request, list, user->uid == 0 ? ROOT_PATH : USER_PATH, "");
}

char **exec_environment(struct request *request, const struct user *user, bool empty)
{
    size_t asked_count, base_count = 0;
    char **asked = request_texts(request, 5, &asked_count);
    char **base = empty ? NULL : request->agent->environment;
    char **list;

    while (base && base[base_count])
        base_count++;
    list = request_memory(request, (asked_count + base_count + 6) * sizeof *list);
    if (request->malformed || !asked || !list)
        return NULL;
    for (size_t i = 0; i < base_count; i++)
        set(list, base[i]);
    if (!empty && !set_user(request, list, user))
        return NULL;
    for (size_t i = 0; i < asked_count; i++)
        set(list, asked[i]);
    return list;
}
