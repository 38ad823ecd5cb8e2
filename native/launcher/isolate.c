/*
 * Namespaces for the VMM: which ones, in which order of retreat, and what is done inside them.
 *
 * The user namespace maps the caller's uid and gid to themselves, for root too: capabilities then never reach
 * beyond it, while /dev/kvm and the caller's own files work as before. The rest is owned by it: an empty network
 * (loopback down), so that a VMM's user-mode network reaches nothing; a PID namespace, so that the VMM can
 * neither see nor signal the caller's other processes, and nothing it forks outlives it; mounts in which /proc
 * shows only the VMM and /proc and /sys are read-only, because uid 0 needs no capability to write them.
 * In the end every capability is dropped. Unix sockets by path are files, and keep working.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

static const struct {
  const char *name;
  const char *file;
  unsigned flag;
} NAMESPACES[] = {
  { "user", "/proc/self/ns/user", CLONE_NEWUSER }, { "net", "/proc/self/ns/net", CLONE_NEWNET },
  { "mount", "/proc/self/ns/mnt", CLONE_NEWNS },   { "ipc", "/proc/self/ns/ipc", CLONE_NEWIPC },
  { "uts", "/proc/self/ns/uts", CLONE_NEWUTS },    { "pid", "/proc/self/ns/pid", CLONE_NEWPID },
};

const char *isolation_name(size_t index, unsigned *flag) {
  if (index >= sizeof NAMESPACES / sizeof *NAMESPACES) return NULL;
  *flag = NAMESPACES[index].flag;
  return NAMESPACES[index].name;
}

/* What this kernel was built with. */
static unsigned isolation_supported(void) {
  unsigned supported = 0;
  for (size_t i = 0; i < sizeof NAMESPACES / sizeof *NAMESPACES; i++)
    if (access(NAMESPACES[i].file, F_OK) == 0) supported |= NAMESPACES[i].flag;
  return supported;
}

/* The sets to try, best first; the last one is always empty. */
size_t isolation_ladder(bool wanted, unsigned *rungs) {
  size_t count = 0;
  unsigned all = wanted ? isolation_supported() : 0;
  if (all != 0) {
    rungs[count++] = all;
    rungs[count++] = all & ~(unsigned)CLONE_NEWPID;
    /* in a chroot, or with user namespaces turned off, real root can still make the others */
    if (geteuid() == 0) rungs[count++] = all & ~(unsigned)CLONE_NEWUSER;
  }
  rungs[count++] = 0;
  return count;
}

static int put(const char *path, const char *text, int length, struct fault *fault) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail(fault, errno, "%s", path);
  ssize_t n = write(fd, text, (size_t)length);
  int err = errno;
  close(fd);
  return n == length ? 0 : fail(fault, n < 0 ? err : EIO, "%s", path);
}

static int map_ids(uid_t uid, gid_t gid, struct fault *fault) {
  char line[48];
  if (put("/proc/self/setgroups", "deny", 4, fault) < 0 && fault->err != ENOENT) return -1;
  if (put("/proc/self/uid_map", line, snprintf(line, sizeof line, "%u %u 1", uid, uid), fault) < 0) return -1;
  return put("/proc/self/gid_map", line, snprintf(line, sizeof line, "%u %u 1", gid, gid), fault);
}

/* Best effort: kernels before 5.12 lack the call, and the capabilities dropped later matter more. */
static void read_only_tree(const char *path) {
#ifdef SYS_mount_setattr
  struct { unsigned long long set, clear, propagation, userns; } attributes = { .set = 1 /* MOUNT_ATTR_RDONLY */ };
  syscall(SYS_mount_setattr, AT_FDCWD, path, 0x8000 /* AT_RECURSIVE */, &attributes, sizeof attributes);
#else
  (void)path;
#endif
}

static void settle_mounts(unsigned namespaces) {
  /* In a chroot that is no mount point this fails; then anything mounted here could appear on the host. */
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return;
  /* A container that masks parts of /proc forbids a fresh one; the old one then stays. */
  if (namespaces & CLONE_NEWPID) mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  read_only_tree("/proc");
  read_only_tree("/sys");
}

static int drop_capabilities(struct fault *fault) {
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
  /* These need CAP_SETPCAP, which an ordinary user lacks and then needs not give up. */
  prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED, 0, 0, 0);
  for (unsigned long cap = 0; cap < 64; cap++) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (syscall(SYS_capset, &header, none) < 0) return fail(fault, errno, "cannot drop capabilities");
  return 0;
}

int isolation_enter(unsigned namespaces, uid_t uid, gid_t gid, struct fault *fault) {
  if ((namespaces & CLONE_NEWUSER) && map_ids(uid, gid, fault) < 0) return -1;
  if (namespaces & CLONE_NEWNS) settle_mounts(namespaces);
  return drop_capabilities(fault);
}
