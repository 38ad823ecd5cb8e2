/* Signal dispositions: what a starter ignored or blocked must reach neither the launcher nor its VMM. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

/* By the system call, because the C library hides the signals that it keeps for threads. */
void signals_reset(void) {
  static const unsigned long default_action[8];
  sigset_t none;
  for (long signo = 1; signo < 65; signo++) syscall(SYS_rt_sigaction, signo, default_action, NULL, 8L);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

int signals_open(struct fault *fault) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd < 0 ? fail(fault, errno, "cannot make a signalfd") : fd;
}
