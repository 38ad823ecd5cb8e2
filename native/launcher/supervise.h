/* The launcher's part after the start of the VMM; see supervise.c. */
#ifndef BANGER_SUPERVISE_H
#define BANGER_SUPERVISE_H

#include "capped-log.h"
#include "launcher.h"

struct stream {
  int fd; /* -1: it has ended */
  struct capped_log log;
};

struct supervisor {
  pid_t pid;
  bool is_init;
  bool terminating;
  bool ended;
  int status; /* as waitpid gives it, once ended */
  unsigned grace_ms;
  int signals;
  int timer;
  struct stream streams[2];
};

/* Opens the log files; who knows of the VMM may rely on them. */
void supervisor_begin(struct supervisor *it, const struct vmm *vmm, const struct options *options, int dirfd, int signals);

/* Returns when the VMM has ended and its output is written. */
void supervisor_run(struct supervisor *it);

#endif
