/*
 * The VMM's side of the fork: from a copy of the launcher to a confined VMM. Whatever fails is sent to the
 * launcher, which alone reports. Must not return, and must leave the VMM no descriptor but 0, 1, 2 and its lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

static void give_up(const struct child_plan *plan, bool isolation, const struct fault *fault) __attribute__((noreturn));

static void give_up(const struct child_plan *plan, bool isolation, const struct fault *fault) {
  struct child_fault message = { .isolation = isolation, .fault = *fault };
  send(plan->talk, &message, sizeof message, MSG_NOSIGNAL);
  _exit(127);
}

static int set_limits(const struct options *options, struct fault *fault) {
  for (size_t i = 0; i < options->limit_count; i++) {
    const struct limit *limit = &options->limits[i];
    struct rlimit both = { .rlim_cur = limit->value, .rlim_max = limit->value };
    if (setrlimit(limit->resource, &both) < 0)
      return fail(fault, errno, "cannot set --%s to %llu", limit->name, (unsigned long long)limit->value);
  }
  return 0;
}

/* Out of the way of the numbers that the VMM's own descriptors get. */
static int raise_descriptor(int *fd) {
  *fd = fcntl(*fd, F_DUPFD_CLOEXEC, 16);
  return *fd;
}

/* Onto its number, without CLOEXEC: dup2 onto itself would leave it set. */
static int place(int fd, int number) {
  return fd == number ? fcntl(number, F_SETFD, 0) : dup2(fd, number);
}

/* First all out of the way of each other, then onto the numbers that the VMM was promised. */
static int place_listeners(const struct options *options, struct fault *fault) {
  int raised[MAX_LISTENERS];
  for (size_t i = 0; i < options->listener_count; i++) {
    raised[i] = fcntl(options->listeners[i].fd, F_DUPFD_CLOEXEC, 16);
    if (raised[i] < 0) return fail(fault, errno, "cannot place the VMM's sockets");
  }
  for (size_t i = 0; i < options->listener_count; i++)
    if (place(raised[i], VMM_LISTENER_FD + (int)i) < 0) return fail(fault, errno, "cannot place the VMM's sockets");
  return 0;
}

/* The VMM's descriptors: /dev/null, the two pipes, its lock, its sockets. All others carry CLOEXEC. */
static int set_descriptors(struct child_plan *plan, struct fault *fault) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return fail(fault, errno, "cannot open /dev/null");
  if (raise_descriptor(&plan->talk) < 0 || raise_descriptor(&plan->dirfd) < 0 || dup2(null, 0) < 0 ||
      dup2(plan->out, 1) < 0 || dup2(plan->err, 2) < 0)
    return fail(fault, errno, "cannot place the VMM's descriptors");
  if (place(plan->lock, VMM_LOCK_FD) < 0) return fail(fault, errno, "cannot place the VMM's lock");
  return place_listeners(plan->options, fault);
}

/*
 * Tied to the launcher's life. After the prctl the socket tells whether the launcher died before it: getppid
 * would say 0 inside a PID namespace.
 */
static int die_with_launcher(const struct child_plan *plan, struct fault *fault) {
  struct pollfd launcher = { .fd = plan->talk };
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return fail(fault, errno, "cannot tie the VMM to its launcher");
  if (poll(&launcher, 1, 0) > 0) _exit(127);
  return 0;
}

static void set_environment(const char *nonce) {
  static char variable[96];
  static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
  static char *environment[] = { path, locale, variable, NULL };
  extern char **environ;
  snprintf(variable, sizeof variable, "BANGER_NONCE=%s", nonce);
  environ = environment;
}

static void exec_vmm(const struct child_plan *plan, struct fault *fault) {
  const struct options *options = plan->options;
  if (options->chdir && fchdir(plan->dirfd) < 0) {
    fail(fault, errno, "cannot enter the machine's directory");
    return;
  }
  set_environment(options->nonce);
  execvp(options->argv[0], options->argv);
  fail(fault, errno, "cannot execute %.200s", options->argv[0]);
}

void child_run(struct child_plan *plan) {
  struct fault fault = { 0 };
  umask(077);
  signals_reset();
  if (plan->options->isolate && isolation_enter(plan->namespaces, plan->uid, plan->gid, &fault) < 0)
    give_up(plan, true, &fault);
  if (!plan->options->argv) _exit(0);
  if (set_descriptors(plan, &fault) < 0 || set_limits(plan->options, &fault) < 0) give_up(plan, false, &fault);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
    fail(&fault, errno, "cannot set no_new_privs");
    give_up(plan, false, &fault);
  }
  /* after everything that changes credentials, because those changes clear it */
  if (die_with_launcher(plan, &fault) < 0) give_up(plan, false, &fault);
  exec_vmm(plan, &fault);
  give_up(plan, false, &fault);
}
