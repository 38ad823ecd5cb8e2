/*
 * banger-launcher: the parent of one VMM, for the whole life of it. It is started, reports one line, and from
 * then on needs nobody: it keeps the console, the machine's lock and in the end the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stamp.h"
#include "supervise.h"

static const struct lock NO_LOCK = { -1, -1 };

/* Descriptors 0 to 2 always exist afterwards, so that nothing opened later is mistaken for them. */
static void settle_descriptors(void) {
  int fd;
  close_from(3);
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= 2);
  if (fd > 2) close(fd);
}

static int print_version(void) {
  return puts("banger-launcher " LAUNCHER_BUILD) >= 0 && fflush(stdout) == 0 ? 0 : 1;
}

static int print_tsc(void) {
  unsigned long khz = tsc_khz();
  printf("%lu\n", khz);
  return fflush(stdout) == 0 && khz > 0 ? 0 : 1;
}

static int probe_isolation(struct options *options) {
  struct vmm vmm = { 0 };
  struct fault fault = { 0 };
  options->isolate = true;
  if (vmm_start(options, -1, &NO_LOCK, &vmm, &fault) < 0) {
    report_fault(1, &fault);
    return 1;
  }
  while (waitpid(vmm.pid, NULL, 0) < 0 && errno == EINTR) continue;
  report_isolation(1, &vmm);
  return 0;
}

/* What the launcher holds besides the VMM. */
struct hold {
  int dirfd;
  int signals;
  int record;
  struct lock lock;
};

static int start(struct options *options, struct hold *hold, struct vmm *vmm, struct fault *fault) {
  hold->signals = signals_open(fault);
  if (hold->signals < 0 || lock_take(hold->dirfd, &hold->lock, fault) < 0) return -1;
  hold->record = exit_record_reserve(hold->dirfd);
  if (hold->record < 0) return fail(fault, errno, "cannot write in the machine's directory");
  if (listeners_open(hold->dirfd, options, fault) == 0 && vmm_start(options, hold->dirfd, &hold->lock, vmm, fault) == 0) {
    listeners_close(options); /* a connection is the VMM's business, and refused when it is gone */
    return 0;
  }
  listeners_abandon(hold->dirfd, options);
  exit_record_abandon(hold->dirfd, hold->record);
  return -1;
}

/* A starter that was killed while it waited counts the start as failed, so it must be. */
static int take_back(const struct hold *hold, const struct vmm *vmm) {
  kill(vmm->pid, SIGKILL);
  while (waitpid(vmm->pid, NULL, 0) < 0 && errno == EINTR) continue;
  exit_record_abandon(hold->dirfd, hold->record);
  return 1;
}

static int run(struct options *options, int dirfd) {
  struct fault fault = { 0 };
  struct vmm vmm = { 0 };
  struct hold hold = { .dirfd = dirfd, .lock = NO_LOCK };
  struct supervisor supervisor;
  int report = daemonize();
  if (report < 0) return 1; /* the starter's side says that nothing was reported */
  if (start(options, &hold, &vmm, &fault) < 0) {
    report_fault(report, &fault);
    return 1;
  }
  close(hold.lock.vmm);
  supervisor_begin(&supervisor, &vmm, options, dirfd, hold.signals);
  if (!report_started(report, &vmm)) return take_back(&hold, &vmm);
  close(report);
  supervisor_run(&supervisor);
  exit_record_write(dirfd, hold.record, options->nonce, supervisor.status);
  return exit_code(supervisor.status);
}

int main(int argc, char **argv) {
  struct options options;
  struct fault fault = { 0 };
  signals_reset();
  settle_descriptors();
  if (options_parse(&options, argc, argv, &fault) < 0) {
    report_fault(1, &fault);
    return 2;
  }
  if (options.mode == MODE_VERSION) return print_version();
  if (options.mode == MODE_MEASURE_TSC) return print_tsc();
  if (options.mode == MODE_PROBE_ISOLATION) return probe_isolation(&options);
  int dirfd = open(options.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dirfd < 0) {
    fail(&fault, errno, "cannot open the machine's directory %.200s", options.dir);
    report_fault(1, &fault);
    return 1;
  }
  return run(&options, dirfd);
}
