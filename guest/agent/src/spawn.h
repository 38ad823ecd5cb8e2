// Starting one program as a user, on pipes or a terminal. The child reports why it could not through a pipe that a successful execve closes.
#ifndef AGENT_SPAWN_H
#define AGENT_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user.h"

enum spawn_stage { SPAWN_SETUP = 1, SPAWN_USER, SPAWN_DIRECTORY, SPAWN_EXEC };

struct spawn_failure {
    uint32_t stage;
    uint32_t error;
};

struct spawn {
    char **arguments;
    char **environment; // complete
    const char *cwd;    // NULL: the home, or / if that cannot be entered
    const struct user *user;
    bool tty;
    bool has_stdin; // without it /dev/null
    unsigned rows, columns;
};

struct spawned {
    pid_t pid;
    int in, out, err; // our ends, non-blocking; -1 where there is none; with a terminal `out` is its master, `in` a duplicate
    int report;       // end of file: executed; else one struct spawn_failure
};

// 0, or a negative errno when nothing was started.
int spawn(const struct spawn *spawn, struct spawned *spawned);

// pty.c
int pty_open(unsigned rows, unsigned columns, const struct user *user, int *master, int *slave);
int pty_resize(int master, unsigned rows, unsigned columns);
pid_t pty_foreground(int master);  // process group, or a negative errno
char pty_end_of_file(int master);  // the character that types end of file, 0 if it is off

#endif
