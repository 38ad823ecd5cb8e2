/*
 * The machine's lock: open-file-description locks on two bytes of DIR/lock.
 *
 * The launcher holds byte 0. Byte 1 belongs to a second description, which the VMM inherits: a launcher that
 * is killed frees byte 0 moments before its VMM is really gone, and until then nobody may start another VMM on
 * the same disks. So whoever can lock the whole file knows that neither process lives.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "launcher.h"

static int lock_byte(int dirfd, off_t byte, struct fault *fault) {
  int fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail(fault, errno, "cannot open the machine's lock file");
  struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
  if (fcntl(fd, F_OFD_SETLK, &range) == 0) return fd;
  int err = errno;
  close(fd);
  if (err == EAGAIN || err == EACCES)
    return fail(fault, EAGAIN, "the machine is locked: its %s is still running", byte == 0 ? "launcher" : "VMM");
  return fail(fault, err, "cannot lock the machine");
}

int lock_take(int dirfd, struct lock *lock, struct fault *fault) {
  lock->own = lock_byte(dirfd, 0, fault);
  if (lock->own < 0) return -1;
  lock->vmm = lock_byte(dirfd, 1, fault);
  return lock->vmm < 0 ? -1 : 0;
}
