// Terminals of commands. No path under /dev/pts is trusted: the slave is opened through the master.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "spawn.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

int pty_resize(int master, unsigned rows, unsigned columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    return ioctl(master, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int pty_open(unsigned rows, unsigned columns, const struct user *user, int *master, int *slave)
{
    int unlock = 0, error;

    *slave = -1;
    *master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (*master < 0)
        return -errno;
    if (ioctl(*master, TIOCSPTLCK, &unlock) == 0)
        *slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0) {
        error = -errno;
        close(*master);
        return error;
    }
    // As login does: programs of the user may open /dev/tty and the terminal by name.
    if (fchown(*slave, user->uid, (gid_t)-1) == 0)
        fchmod(*slave, 0620);
    pty_resize(*master, rows ? rows : 24, columns ? columns : 80);
    return 0;
}

pid_t pty_foreground(int master)
{
    pid_t group;
    return ioctl(master, TIOCGPGRP, &group) < 0 ? -errno : group;
}

char pty_end_of_file(int master)
{
    struct termios settings;

    if (tcgetattr(master, &settings) < 0 || settings.c_cc[VEOF] == _POSIX_VDISABLE)
        return 0;
    return (char)settings.c_cc[VEOF];
}
