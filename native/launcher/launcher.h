/*
 * What the launcher's parts share: options, a failure with its cause, and the running VMM.
 * Nothing here may allocate; every buffer has a fixed size, so the launcher cannot grow.
 */
#ifndef BANGER_LAUNCHER_H
#define BANGER_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#define MAX_LIMITS 4
#define MAX_LISTENERS 4
#define MAX_LISTENER_NAME 64

/* the descriptor under which the VMM keeps its half of the machine's lock */
#define VMM_LOCK_FD 3
/* the first of the listening sockets that it inherits, in the order of the command line */
#define VMM_LISTENER_FD 4

enum mode { MODE_RUN, MODE_VERSION, MODE_MEASURE_TSC, MODE_PROBE_ISOLATION };

struct limit {
  int resource;
  const char *name;
  rlim_t value;
};

/* A socket that the VMM is to listen on. */
struct listener {
  const char *name; /* in the machine's directory */
  int fd;           /* -1 until it is open */
};

struct options {
  enum mode mode;
  const char *dir;
  const char *nonce;
  off_t console_cap; /* bytes, of each of console.log and console.log.1 */
  unsigned grace_ms; /* between SIGTERM and SIGKILL */
  bool isolate;
  bool chdir;
  struct limit limits[MAX_LIMITS];
  size_t limit_count;
  struct listener listeners[MAX_LISTENERS];
  size_t listener_count;
  char **argv; /* of the VMM */
};

/* A failure: what was being done, and errno (0: none applies). */
struct fault {
  int err;
  char what[256];
};

/* The running VMM. `out` and `err` are the reading ends of its stdout and stderr. */
struct vmm {
  pid_t pid;
  unsigned namespaces; /* CLONE_NEW* in force */
  int out;
  int err;
  char reason[160]; /* why isolation is less than asked for; empty: it is not */
};

/* Both descriptions of the lock file: the launcher's byte and the VMM's byte. */
struct lock {
  int own;
  int vmm;
};

/* fault.c: always returns -1, so that a failing function can return it */
int fail(struct fault *fault, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* options.c */
int options_parse(struct options *options, int argc, char **argv, struct fault *fault);

/* daemonize.c: returns in the daemon with the descriptor for its report; never returns in the starter's child */
int daemonize(void);
void close_from(unsigned first);

/* signals.c: a signalfd for SIGTERM, SIGINT and SIGCHLD */
void signals_reset(void);
int signals_open(struct fault *fault);

/* lock.c */
int lock_take(int dirfd, struct lock *lock, struct fault *fault);

/* listeners.c: close lets go of the launcher's copies; abandon removes the sockets too */
int listeners_open(int dirfd, struct options *options, struct fault *fault);
void listeners_close(struct options *options);
void listeners_abandon(int dirfd, struct options *options);

/* isolate.c */
size_t isolation_ladder(bool wanted, unsigned *rungs);
int isolation_enter(unsigned namespaces, uid_t uid, gid_t gid, struct fault *fault);
const char *isolation_name(size_t index, unsigned *flag);

/* vmm.c: options->argv == NULL probes the isolation and runs nothing */
int vmm_start(const struct options *options, int dirfd, const struct lock *lock, struct vmm *vmm, struct fault *fault);

/* child.c: the VMM's side of the fork */
struct child_plan {
  const struct options *options;
  int dirfd;
  int out;
  int err;
  int lock;
  int talk; /* socket to the launcher: a fault is sent over it, exec closes it */
  unsigned namespaces;
  uid_t uid;
  gid_t gid;
};

/* What a child that could not exec says; `isolation` means that a lesser isolation may work. */
struct child_fault {
  bool isolation;
  struct fault fault;
};

void child_run(struct child_plan *plan) __attribute__((noreturn));

/* report.c: false when nobody is there to read it */
bool report_started(int fd, const struct vmm *vmm);
void report_isolation(int fd, const struct vmm *vmm);
void report_fault(int fd, const struct fault *fault);

/* exit-record.c: removes the last run's record and reserves room for this one's; -1: no room */
int exit_record_reserve(int dirfd);
void exit_record_abandon(int dirfd, int record);
void exit_record_write(int dirfd, int record, const char *nonce, int status);
int exit_code(int status);

/* tsc.c: 0 when the time stamp counter cannot be used as a clock */
unsigned long tsc_khz(void);

#endif
