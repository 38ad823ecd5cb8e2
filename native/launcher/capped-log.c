/*
 * Writes guest output to disk so that a flood costs at most two times the cap and a full disk costs only output.
 * Must never block or fail its caller: what cannot be written is dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "capped-log.h"

/* O_NOFOLLOW and O_NONBLOCK: the VMM can write in this directory and might plant a link or a FIFO. */
static int open_fresh(struct capped_log *log) {
  log->fd = openat(log->dirfd, log->name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  log->size = 0;
  return log->fd;
}

static void rotate(struct capped_log *log) {
  if (log->fd >= 0) close(log->fd);
  log->fd = -1;
  renameat(log->dirfd, log->name, log->dirfd, log->older); /* when it fails, the truncation keeps the cap */
}

/* What an earlier run left becomes the older generation, so that NAME speaks of this run only. */
void capped_log_start(struct capped_log *log) {
  log->fd = -1;
  rotate(log);
  open_fresh(log);
}

void capped_log_write(struct capped_log *log, const char *bytes, size_t length) {
  while (length > 0) {
    if (log->size >= log->cap) rotate(log);
    if (log->fd < 0 && open_fresh(log) < 0) return;
    off_t room = log->cap - log->size;
    ssize_t n = write(log->fd, bytes, (off_t)length < room ? length : (size_t)room);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    bytes += n;
    length -= (size_t)n;
    log->size += n;
  }
}
