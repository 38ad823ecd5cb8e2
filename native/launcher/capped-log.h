/* A log file of bounded size with one older generation, NAME and NAME.1. */
#ifndef BANGER_CAPPED_LOG_H
#define BANGER_CAPPED_LOG_H

#include <stddef.h>
#include <sys/types.h>

struct capped_log {
  int dirfd;
  const char *name;
  const char *older;
  off_t cap; /* bytes of each generation */
  int fd;    /* -1: to be opened by the next write */
  off_t size;
};

void capped_log_start(struct capped_log *log);
void capped_log_write(struct capped_log *log, const char *bytes, size_t length);

#endif
