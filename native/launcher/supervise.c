/*
 * The launcher's life after the start: drain the VMM's output, pass on termination, see the VMM end.
 *
 *   running --SIGTERM/SIGINT--> terminating (SIGTERM sent) --grace over--> killed (SIGKILL sent) --> ended
 *
 * In a PID namespace the VMM is process 1, for which the kernel discards signals that have no handler: if the
 * VMM catches SIGTERM (QEMU does) it gets SIGTERM, otherwise SIGKILL at once. Signals go to a child that has
 * not been reaped, whose number therefore cannot have passed to another process.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise.h"

#define VMM_LOG_CAP (256 << 10)
/* after the VMM's end: a pipe holds at most this much, more can only come from a stray child of it */
#define DRAIN_BUDGET (1 << 20)

/* One read, so that no stream and no signal waits for a flood to end. Returns bytes read, 0 when there is no more. */
static size_t pump(struct stream *stream) {
  static char buffer[64 << 10];
  ssize_t n = read(stream->fd, buffer, sizeof buffer);
  if (n > 0) {
    capped_log_write(&stream->log, buffer, (size_t)n);
    return (size_t)n;
  }
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
  close(stream->fd);
  stream->fd = -1; /* poll ignores it from now on */
  return 0;
}

/* Whether SIGTERM reaches a handler or a signalfd of the process. */
static bool catches_term(pid_t pid) {
  char path[48], text[4096], *field;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "re");
  if (!file) return true;
  size_t n = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[n] = '\0';
  unsigned long long caught = 0, blocked = 0;
  if ((field = strstr(text, "\nSigBlk:"))) blocked = strtoull(field + 8, NULL, 16);
  if ((field = strstr(text, "\nSigCgt:"))) caught = strtoull(field + 8, NULL, 16);
  return ((caught | blocked) >> (SIGTERM - 1)) & 1;
}

static void terminate(struct supervisor *it) {
  if (it->terminating) return;
  it->terminating = true;
  if (it->is_init && !catches_term(it->pid)) {
    kill(it->pid, SIGKILL);
    return;
  }
  struct itimerspec once = { .it_value = { it->grace_ms / 1000, (long)(it->grace_ms % 1000) * 1000000 } };
  kill(it->pid, SIGTERM);
  timerfd_settime(it->timer, 0, &once, NULL);
}

static void take_signals(struct supervisor *it) {
  struct signalfd_siginfo info;
  while (read(it->signals, &info, sizeof info) == (ssize_t)sizeof info)
    if (info.ssi_signo != SIGCHLD) terminate(it);
  if (waitpid(it->pid, &it->status, WNOHANG) == it->pid) it->ended = true;
}

static void take_timer(struct supervisor *it) {
  unsigned long long expirations;
  if (read(it->timer, &expirations, sizeof expirations) > 0) kill(it->pid, SIGKILL);
}

static void start_stream(struct stream *stream, int fd, struct capped_log log) {
  stream->fd = fd;
  stream->log = log;
  capped_log_start(&stream->log);
}

void supervisor_begin(struct supervisor *it, const struct vmm *vmm, const struct options *options, int dirfd, int signals) {
  *it = (struct supervisor){
    .pid = vmm->pid,
    .is_init = (vmm->namespaces & CLONE_NEWPID) != 0,
    .grace_ms = options->grace_ms,
    .signals = signals,
    .timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
  };
  start_stream(&it->streams[0], vmm->out,
               (struct capped_log){ .dirfd = dirfd, .name = "console.log", .older = "console.log.1", .cap = options->console_cap });
  start_stream(&it->streams[1], vmm->err,
               (struct capped_log){ .dirfd = dirfd, .name = "vmm.log", .older = "vmm.log.1", .cap = VMM_LOG_CAP });
}

void supervisor_run(struct supervisor *it) {
  while (!it->ended) {
    struct pollfd fds[] = {
      { .fd = it->signals, .events = POLLIN },
      { .fd = it->timer, .events = POLLIN },
      { .fd = it->streams[0].fd, .events = POLLIN },
      { .fd = it->streams[1].fd, .events = POLLIN },
    };
    if (poll(fds, 4, -1) < 0) continue;
    for (int i = 0; i < 2; i++)
      if (fds[2 + i].revents) pump(&it->streams[i]);
    if (fds[1].revents) take_timer(it);
    if (fds[0].revents) take_signals(it);
  }
  for (int i = 0; i < 2; i++)
    for (size_t total = 0, n = 1; it->streams[i].fd >= 0 && n > 0 && total < DRAIN_BUDGET; total += n)
      n = pump(&it->streams[i]);
}
