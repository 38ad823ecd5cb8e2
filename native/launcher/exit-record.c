/*
 * DIR/exit.json, how the VMM ended: there whole or not there at all. It carries the nonce of the run, so that
 * a record of an earlier run is never taken for this one's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher.h"

#define NAME "exit.json"
#define TEMPORARY "exit.json.tmp"

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

void exit_record_remove(int dirfd) {
  unlinkat(dirfd, TEMPORARY, 0);
  unlinkat(dirfd, NAME, 0);
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

void exit_record_write(int dirfd, const char *nonce, int status) {
  char text[256];
  int length = render(text, sizeof text, nonce, status);
  unlinkat(dirfd, TEMPORARY, 0);
  int fd = openat(dirfd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return;
  ssize_t n;
  do n = write(fd, text, (size_t)length);
  while (n < 0 && errno == EINTR);
  bool whole = n == length && fsync(fd) == 0;
  close(fd);
  if (whole && renameat(dirfd, TEMPORARY, dirfd, NAME) == 0) fsync(dirfd);
  else unlinkat(dirfd, TEMPORARY, 0);
}
