/*
 * DIR/exit.json, how the VMM ended: there whole or not there at all. It carries the nonce of the run, so that
 * a record of an earlier run is never taken for this one's. Its block is reserved at the start, so that it can be
 * written on a disk that the guest has filled.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher.h"

#define NAME "exit.json"
#define TEMPORARY "exit.json.tmp"
#define RESERVED 256 /* bytes, more than any record has */

static const char *const SIGNALS[] = {
  [SIGHUP] = "SIGHUP", [SIGINT] = "SIGINT", [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL", [SIGTRAP] = "SIGTRAP",
  [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE", [SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1",
  [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2", [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
  [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ", [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGIO] = "SIGIO",
  [SIGPWR] = "SIGPWR", [SIGSYS] = "SIGSYS",
};

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void exit_record_abandon(int dirfd, int fd) {
  if (fd < 0) return;
  close(fd);
  unlinkat(dirfd, TEMPORARY, 0);
}

int exit_record_reserve(int dirfd) {
  char blank[RESERVED];
  memset(blank, ' ', sizeof blank);
  unlinkat(dirfd, NAME, 0);
  unlinkat(dirfd, TEMPORARY, 0);
  int fd = openat(dirfd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || pwrite(fd, blank, sizeof blank, 0) == (ssize_t)sizeof blank) return fd;
  exit_record_abandon(dirfd, fd);
  errno = ENOSPC;
  return -1;
}

static int render(char *text, size_t size, const char *nonce, int status) {
  struct timespec now;
  char how[64];
  clock_gettime(CLOCK_REALTIME, &now);
  long long at = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  if (WIFEXITED(status)) {
    snprintf(how, sizeof how, "\"status\":%d,\"signal\":null", WEXITSTATUS(status));
  } else {
    int signo = WTERMSIG(status);
    const char *name = (size_t)signo < sizeof SIGNALS / sizeof *SIGNALS ? SIGNALS[signo] : NULL;
    if (name) snprintf(how, sizeof how, "\"status\":null,\"signal\":\"%s\"", name);
    else snprintf(how, sizeof how, "\"status\":null,\"signal\":\"SIG%d\"", signo);
  }
  return snprintf(text, size, "{%s,\"at\":%lld,\"nonce\":\"%s\"}\n", how, at, nonce);
}

void exit_record_write(int dirfd, int fd, const char *nonce, int status) {
  char text[RESERVED];
  int length = render(text, sizeof text, nonce, status);
  ssize_t n;
  if (fd < 0) return;
  do n = pwrite(fd, text, (size_t)length, 0);
  while (n < 0 && errno == EINTR);
  if (n == length && ftruncate(fd, length) == 0 && fsync(fd) == 0 && renameat(dirfd, TEMPORARY, dirfd, NAME) == 0) {
    close(fd);
    fsync(dirfd);
  } else {
    exit_record_abandon(dirfd, fd);
  }
}
