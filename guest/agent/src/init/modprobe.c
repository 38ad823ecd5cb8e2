// The kernel's modprobe for images without kmod: `modprobe -q -- NAME`, NAME being a module or an alias. Resolves
// through modules.alias and modules.dep of the running kernel and loads dependencies first. Soft dependencies that come
// before are honoured; blacklists and install commands are an image's own affair, and an image that has them has kmod.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <unistd.h>

#include "agent.h"
#include "alias.h"
#include "modules.h"

enum { LINE_SIZE = 16384, DEPTH = 8 };

static char directory[160];

static FILE *open_index(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return fopen(path, "re");
}

static bool is_builtin(const char *module)
{
    char line[1024];
    bool found = false;
    FILE *file = open_index("modules.builtin");
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = module_path_is(line, strcspn(line, "\r\n"), module);
    fclose(file);
    return found;
}

// Loads the words of a modules.dep line, last first: a module's path, then what it needs, nearest first.
static int load_words(char *words)
{
    char path[512], *colon = strchr(words, ':');
    int result = 0;
    if (colon == NULL)
        return -1;
    *colon = ' ';
    for (size_t end = strlen(words); end > 0;) {
        while (end > 0 && strchr(" \r\n", words[end - 1]) != NULL)
            end--;
        size_t start = end;
        while (start > 0 && strchr(" \r\n", words[start - 1]) == NULL)
            start--;
        if (start == end)
            break;
        snprintf(path, sizeof path, "%s/%.*s", words[start] == '/' ? "" : directory, (int)(end - start), words + start);
        result = module_load_file(path, "");
        end = start;
    }
    return result;
}

// 0 loaded, 1 there is no such module, -1 with errno.
static int load_module(const char *module)
{
    static char line[LINE_SIZE];
    if (is_builtin(module))
        return 0;
    FILE *file = open_index("modules.dep");
    if (file == NULL)
        return 1;
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        size_t length = strcspn(line, ":");
        found = line[length] == ':' && module_path_is(line, length, module);
    }
    fclose(file);
    return found ? load_words(line) : 1;
}

static int load_name(const char *name, int depth);

// `softdep NAME pre: A B post: C`: what stands behind `pre:` is loaded first, and may fail.
static void load_soft_dependencies(const char *module, int depth)
{
    char line[1024], *rest = NULL;
    FILE *file = open_index("modules.softdep");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        char *word = strtok_r(line, " \t\r\n", &rest);
        if (word == NULL || strcmp(word, "softdep") != 0)
            continue;
        word = strtok_r(NULL, " \t\r\n", &rest);
        if (word == NULL || !alias_matches(word, module))
            continue;
        bool before = false;
        while ((word = strtok_r(NULL, " \t\r\n", &rest)) != NULL) {
            size_t n = strlen(word);
            if (word[n - 1] == ':')
                before = strcmp(word, "pre:") == 0;
            else if (before)
                load_name(word, depth + 1);
        }
    }
    fclose(file);
}

// Every module that the alias stands for is tried; one that loads is success.
static int load_alias(const char *name, int depth)
{
    char line[1024], module[128];
    int result = 1;
    FILE *file = open_index("modules.alias");
    if (file == NULL)
        return 1;
    while (fgets(line, sizeof line, file) != NULL) {
        if (!alias_line(line, name, module, sizeof module))
            continue;
        load_soft_dependencies(module, depth);
        int one = load_module(module);
        if (result != 0)
            result = one;
    }
    fclose(file);
    return result;
}

static int load_name(const char *name, int depth)
{
    if (depth > DEPTH)
        return 1;
    load_soft_dependencies(name, depth);
    int result = load_module(name);
    return result == 1 ? load_alias(name, depth) : result;
}

int modprobe_main(int argc, char **argv)
{
    int at = 1;
    bool quiet = false;
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (strcmp(argv[at], "-q") == 0)
            quiet = true;
    }
    struct utsname system;
    if (at >= argc || uname(&system) != 0)
        return 1;
    snprintf(directory, sizeof directory, "/lib/modules/%s", system.release);
    int result = load_name(argv[at], 0);
    if (result == 0)
        return 0;
    if (!quiet)
        fprintf(stderr, "modprobe: %s: %s\n", argv[at], result == 1 ? "not found" : strerror(errno));
    return 1;
}
