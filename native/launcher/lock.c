/*
 * The machine's lock: open-file-description locks on two bytes of DIR/lock.
 *
 * The launcher holds byte 0. Byte 1 belongs to a second description, which the VMM inherits: a launcher that
 * is killed frees byte 0 moments before its VMM is really gone, and until then nobody may start another VMM on
 * the same disks. So whoever can lock the whole file knows that neither process lives.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "launcher.h"

#define VMM_WAIT_SECONDS 5

static void on_alarm(int signo) {
  (void)signo; /* it only has to interrupt the wait */
}

static int set_lock(int fd, off_t byte, int command) {
  struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
  return fcntl(fd, command, &range);
}

static int open_lock(int dirfd, struct fault *fault) {
  int fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  return fd < 0 ? fail(fault, errno, "cannot open the machine's lock file") : fd;
}

static int refuse(int err, const char *holder, struct fault *fault) {
  if (err == EAGAIN || err == EACCES || err == EINTR)
    return fail(fault, EAGAIN, "the machine is locked: its %s is still running", holder);
  return fail(fault, err, "cannot lock the machine");
}

/* The VMM of a launcher that was just killed needs a moment to die; the kernel tells when it has. */
static int wait_for_vmm(int fd) {
  struct sigaction interrupt = { .sa_handler = on_alarm };
  sigaction(SIGALRM, &interrupt, NULL);
  alarm(VMM_WAIT_SECONDS);
  int result = set_lock(fd, 1, F_OFD_SETLKW);
  int err = errno;
  alarm(0);
  signal(SIGALRM, SIG_DFL);
  errno = err;
  return result;
}

int lock_take(int dirfd, struct lock *lock, struct fault *fault) {
  lock->own = open_lock(dirfd, fault);
  if (lock->own < 0) return -1;
  if (set_lock(lock->own, 0, F_OFD_SETLK) < 0) return refuse(errno, "launcher", fault);
  lock->vmm = open_lock(dirfd, fault);
  if (lock->vmm < 0) return -1;
  return wait_for_vmm(lock->vmm) < 0 ? refuse(errno, "VMM", fault) : 0;
}
