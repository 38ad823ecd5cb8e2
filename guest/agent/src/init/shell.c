// The shell of last resort: when the root cannot be mounted there is no program to run, so its commands are built in.
// Offered only with banger.debug. It reads, looks and mounts; it has no quoting, no pipes and no ambition.
#include "shell.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

enum { MAX_WORDS = 8, READ_ALL = 3 };

static void complain(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
}

static void list_directory(char **words, int count)
{
    const char *path = count > 1 ? words[1] : ".";
    DIR *dir = opendir(path);
    if (dir == NULL) {
        complain(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat st;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        printf("%06o %10lld %s\n", st.st_mode, (long long)st.st_size, entry->d_name);
    }
    closedir(dir);
}

static void show_file(char **words, int count)
{
    FILE *file = count > 1 ? fopen(words[1], "re") : NULL;
    if (file == NULL) {
        complain(count > 1 ? words[1] : "cat FILE");
        return;
    }
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, file)) > 0;)
        fwrite(buffer, 1, n, stdout);
    fclose(file);
}

static void mount_device(char **words, int count)
{
    char proc[] = "/proc/mounts", *show[] = {words[0], proc};
    if (count == 1)
        show_file(show, 2);
    else if (count < 3)
        puts("mount DEVICE DIRECTORY [TYPE] [OPTIONS]");
    else if (mount(words[1], words[2], count > 3 ? words[3] : "ext4", 0, count > 4 ? words[4] : NULL) != 0)
        complain("mount");
}

static void show_kernel_log(char **words, int count)
{
    (void)words, (void)count;
    static char text[1 << 18];
    int n = klogctl(READ_ALL, text, sizeof text);
    if (n < 0)
        complain("dmesg");
    else
        fwrite(text, 1, (size_t)n, stdout);
}

static void change_directory(char **words, int count)
{
    if (chdir(count > 1 ? words[1] : "/") != 0)
        complain("cd");
}

struct command {
    const char *name;
    void (*run)(char **words, int count);
};

static const struct command commands[] = {{"ls", list_directory},
                                          {"cat", show_file},
                                          {"mount", mount_device},
                                          {"dmesg", show_kernel_log},
                                          {"cd", change_directory}};

// Returns false when the shell is to end.
static bool run_line(char *line)
{
    char *words[MAX_WORDS], *rest = NULL;
    int count = 0;
    for (char *word = strtok_r(line, " \t\r\n", &rest); word != NULL && count < MAX_WORDS;
         word = strtok_r(NULL, " \t\r\n", &rest))
        words[count++] = word;
    if (count == 0)
        return true;
    if (strcmp(words[0], "reboot") == 0 || strcmp(words[0], "poweroff") == 0 || strcmp(words[0], "exit") == 0)
        return false;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(words[0], commands[i].name) == 0) {
            commands[i].run(words, count);
            return true;
        }
    puts("ls, cat, cd, mount, dmesg, poweroff");
    return true;
}

void shell_run(void)
{
    console_attach();
    puts("banger: a shell of last resort; `help` lists what it knows, `poweroff` ends the machine");
    char line[512];
    for (;;) {
        fputs("banger# ", stdout);
        fflush(stdout);
        if (fgets(line, sizeof line, stdin) == NULL || !run_line(line))
            break;
    }
    fflush(stdout);
}
