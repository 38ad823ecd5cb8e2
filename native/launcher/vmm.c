/*
 * Starts the VMM as a direct child, in the best isolation that the host allows, and knows for certain whether
 * it was executed: a failing child sends its fault over a close-on-exec socket, and silence means success.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"

#define MAX_RUNGS 4

enum attempt { STARTED, RETREAT, FAILED };

/* A fork into new namespaces: one call, so that either all of them exist or nothing does. */
static pid_t fork_into(unsigned namespaces) {
  return (pid_t)syscall(SYS_clone, (unsigned long)namespaces | SIGCHLD, NULL, NULL, NULL, 0UL);
}

static void await(pid_t pid) {
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
}

/* Reads what the child has to say; 0 bytes: it executed the VMM. */
static enum attempt hear(int talk, pid_t pid, struct fault *fault) {
  struct child_fault message = { 0 };
  ssize_t n;
  do n = read(talk, &message, sizeof message);
  while (n < 0 && errno == EINTR);
  if (n == 0) return STARTED;
  if (n == (ssize_t)sizeof message) {
    await(pid);
    *fault = message.fault;
    return message.isolation ? RETREAT : FAILED;
  }
  fail(fault, n < 0 ? errno : EPROTO, "cannot hear from the VMM's child");
  kill(pid, SIGKILL);
  await(pid);
  return FAILED;
}

static enum attempt attempt(struct child_plan *plan, pid_t *pid, struct fault *fault) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
    fail(fault, errno, "cannot make a socket pair");
    return FAILED;
  }
  plan->talk = ends[1];
  *pid = fork_into(plan->namespaces);
  if (*pid == 0) {
    close(ends[0]);
    child_run(plan);
  }
  int err = errno;
  close(ends[1]);
  enum attempt result;
  if (*pid < 0) {
    fail(fault, err, plan->namespaces ? "the host refuses new namespaces" : "cannot fork");
    result = plan->namespaces ? RETREAT : FAILED;
  } else {
    result = hear(ends[0], *pid, fault);
  }
  close(ends[0]);
  return result;
}

/* Keeps the first reason: it is about the best isolation, the later ones only about what it was replaced by. */
static void note_reason(struct vmm *vmm, const struct fault *fault) {
  if (vmm->reason[0] == '\0')
    snprintf(vmm->reason, sizeof vmm->reason, "%.100s: %s", fault->what, strerror(fault->err));
}

static int climb_down(struct child_plan *plan, struct vmm *vmm, struct fault *fault) {
  unsigned rungs[MAX_RUNGS];
  size_t count = isolation_ladder(plan->options->isolate, rungs);
  if (plan->options->isolate && count == 1)
    snprintf(vmm->reason, sizeof vmm->reason, "no namespaces in /proc/self/ns: /proc is not mounted, or the kernel has none");
  for (size_t i = 0; i < count; i++) {
    plan->namespaces = rungs[i];
    enum attempt result = attempt(plan, &vmm->pid, fault);
    if (result == FAILED) return -1;
    if (result == STARTED) {
      vmm->namespaces = rungs[i];
      return 0;
    }
    note_reason(vmm, fault);
  }
  return -1;
}

int vmm_start(const struct options *options, int dirfd, const struct lock *lock, struct vmm *vmm, struct fault *fault) {
  int out[2] = { -1, -1 };
  int err[2] = { -1, -1 };
  if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) return fail(fault, errno, "cannot make a pipe");
  struct child_plan plan = {
    .options = options, .dirfd = dirfd, .out = out[1], .err = err[1], .lock = lock->vmm, .uid = geteuid(), .gid = getegid(),
  };
  int result = climb_down(&plan, vmm, fault);
  close(out[1]);
  close(err[1]);
  vmm->out = out[0];
  vmm->err = err[0];
  fcntl(vmm->out, F_SETFL, O_NONBLOCK);
  fcntl(vmm->err, F_SETFL, O_NONBLOCK);
  return result;
}
