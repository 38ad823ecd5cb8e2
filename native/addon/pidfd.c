/* Processes by descriptor: a number can pass to another process, a pidfd cannot. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"

napi_value pidfd_open_(napi_env env, napi_callback_info info) {
  napi_value argument;
  int64_t pid;
  if (!take_arguments(env, info, 1, &argument) || !take_whole(env, argument, "pid", 1, INT32_MAX, &pid)) return NULL;
  long fd = syscall(SYS_pidfd_open, (pid_t)pid, 0U); /* close-on-exec by itself */
  return fd < 0 ? throw_errno(env, errno, "pidfd_open") : make_number(env, fd);
}

napi_value pidfd_send_signal_(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int64_t signo;
  int fd;
  if (!take_arguments(env, info, 2, arguments) || !take_fd(env, arguments[0], &fd) ||
      !take_whole(env, arguments[1], "signo", 0, 64, &signo))
    return NULL;
  if (syscall(SYS_pidfd_send_signal, fd, (int)signo, NULL, 0U) < 0) return throw_errno(env, errno, "pidfd_send_signal");
  return NULL;
}
