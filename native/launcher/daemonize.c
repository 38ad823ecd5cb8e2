/*
 * Leaves the starter: new session, no terminal, nothing inherited but a pipe for the one-line report.
 * The process the starter spawned stays only to copy that line to its stdout and exit accordingly.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

void close_from(unsigned first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  long open_max = sysconf(_SC_OPEN_MAX);
  for (unsigned fd = first; (long)fd < open_max; fd++) close((int)fd);
}

static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, bytes, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; /* the starter is gone; the daemon does not care */
    bytes += n;
    length -= (size_t)n;
  }
}

/* Copies the report and tells by its first member whether it is good news. */
static void relay(int report) {
  static const char SILENT[] = "{\"error\":\"the launcher ended before it reported\",\"errno\":0}\n";
  char line[4096];
  size_t length = 0;
  while (length < sizeof line) {
    ssize_t n = read(report, line + length, sizeof line - length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    length += (size_t)n;
  }
  bool complete = length > 0 && line[length - 1] == '\n';
  if (complete) write_all(1, line, length);
  else write_all(1, SILENT, sizeof SILENT - 1);
  _exit(complete && strncmp(line, "{\"launcher\"", 11) == 0 ? 0 : 1);
}

static void stdio_to_null(void) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; fd++) dup2(null, fd);
  if (null > 2) close(null);
}

int daemonize(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  signal(SIGPIPE, SIG_IGN);
  pid_t child = fork();
  if (child < 0) return -1;
  if (child > 0) {
    close(ends[1]);
    relay(ends[0]);
  }
  close(ends[0]);
  setsid();
  signal(SIGHUP, SIG_IGN);
  umask(077);
  stdio_to_null();
  return chdir("/") < 0 ? -1 : ends[1];
}
