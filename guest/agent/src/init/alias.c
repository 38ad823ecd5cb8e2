// How modules are named: aliases with patterns, `-` and `_` alike, files with suffixes. Pure text.
#include "alias.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

// `a-b` and `a_b` are one module. Writes the form with `_`.
static void normalize(const char *name, char *to, size_t size)
{
    size_t n = 0;
    bool in_class = false;
    for (; *name != '\0' && n + 1 < size; name++) {
        if (*name == '[')
            in_class = true;
        else if (*name == ']')
            in_class = false;
        // Within [a-z] the dash is a range.
        to[n++] = *name == '-' && !in_class ? '_' : *name;
    }
    to[n] = '\0';
}

bool alias_matches(const char *pattern, const char *name)
{
    char a[512], b[512];
    normalize(pattern, a, sizeof a);
    normalize(name, b, sizeof b);
    return fnmatch(a, b, 0) == 0;
}

bool alias_line(const char *line, const char *name, char *module, size_t size)
{
    char pattern[512], target[128];
    if (sscanf(line, "alias %511s %127s", pattern, target) != 2 || !alias_matches(pattern, name))
        return false;
    snprintf(module, size, "%s", target);
    return true;
}

bool module_path_is(const char *path, size_t length, const char *name)
{
    const char *base = path;
    for (size_t i = 0; i < length; i++)
        if (path[i] == '/')
            base = path + i + 1;
    size_t n = length - (size_t)(base - path);
    size_t wanted = strlen(name);
    if (n < wanted + 3 || strncmp(base + wanted, ".ko", 3) != 0)
        return false;
    if (n > wanted + 3 && base[wanted + 3] != '.')
        return false;
    for (size_t i = 0; i < wanted; i++) {
        char a = base[i] == '-' ? '_' : base[i], b = name[i] == '-' ? '_' : name[i];
        if (a != b)
            return false;
    }
    return true;
}
