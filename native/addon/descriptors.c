/* Plain descriptors: close one, lock the file behind one, open one beneath another. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"

napi_value close_fd(napi_env env, napi_callback_info info) {
  napi_value argument;
  struct waits *waits;
  int fd;
  if (!take_arguments(env, info, 1, &argument) || !take_fd(env, argument, &fd)) return NULL;
  napi_get_instance_data(env, (void **)&waits);
  waits_cancel(waits, fd);
  /* Linux has closed it even when it says EINTR */
  if (close(fd) < 0 && errno != EINTR) return throw_errno(env, errno, "close");
  return NULL;
}

/* On the whole file, tied to the open file description: it ends with the last descriptor of it. */
napi_value ofd_lock(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  bool exclusive;
  int fd;
  if (!take_arguments(env, info, 2, arguments) || !take_fd(env, arguments[0], &fd) ||
      !take_boolean(env, arguments[1], "exclusive", &exclusive))
    return NULL;
  struct flock whole = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
  bool locked = fcntl(fd, F_OFD_SETLK, &whole) == 0;
  if (!locked && errno != EAGAIN && errno != EACCES) return throw_errno(env, errno, "fcntl");
  napi_get_boolean(env, locked, &result);
  return result;
}

napi_value openat2_(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  char path[PATH_MAX];
  int64_t dirfd, flags, mode, resolve;
  if (!take_arguments(env, info, 5, arguments) || !take_whole(env, arguments[0], "dirfd", AT_FDCWD, INT32_MAX, &dirfd) ||
      !take_path(env, arguments[1], path, sizeof path) ||
      !take_whole(env, arguments[2], "flags", 0, UINT32_MAX, &flags) ||
      !take_whole(env, arguments[3], "mode", 0, 07777, &mode) ||
      !take_whole(env, arguments[4], "resolve", 0, UINT32_MAX, &resolve))
    return NULL;
  struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC, .mode = (uint64_t)mode, .resolve = (uint64_t)resolve };
  long fd;
  do fd = syscall(SYS_openat2, (int)dirfd, path, &how, sizeof how);
  while (fd < 0 && errno == EINTR);
  return fd < 0 ? throw_errno(env, errno, "openat2") : make_number(env, fd);
}
