/*
 * Listening sockets in the machine's directory, made before the VMM exists and handed over to it: a client can connect
 * as soon as the launcher has reported, and never has to ask whether the VMM is there yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher.h"

#define BACKLOG 8

/* The directory is entered for the bind: its path may be longer than an address may be. */
static int bind_in(int dirfd, int fd, const char *name) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (back < 0 || fchdir(dirfd) < 0) {
    if (back >= 0) close(back);
    return -1;
  }
  memcpy(address.sun_path, name, strlen(name) + 1);
  mode_t mask = umask(0177);
  int result = bind(fd, (const struct sockaddr *)&address, sizeof address);
  int err = errno;
  umask(mask);
  if (fchdir(back) < 0) result = -1;
  close(back);
  errno = err;
  return result;
}

static int open_one(int dirfd, struct listener *listener, struct fault *fault) {
  if (unlinkat(dirfd, listener->name, 0) < 0 && errno != ENOENT)
    return fail(fault, errno, "cannot remove the old socket %.60s", listener->name);
  listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener->fd < 0) return fail(fault, errno, "cannot make a socket");
  if (bind_in(dirfd, listener->fd, listener->name) < 0 || listen(listener->fd, BACKLOG) < 0)
    return fail(fault, errno, "cannot listen on %.60s", listener->name);
  return 0;
}

int listeners_open(int dirfd, struct options *options, struct fault *fault) {
  for (size_t i = 0; i < options->listener_count; i++)
    if (open_one(dirfd, &options->listeners[i], fault) < 0) return -1;
  return 0;
}

void listeners_close(struct options *options) {
  for (size_t i = 0; i < options->listener_count; i++) {
    if (options->listeners[i].fd >= 0) close(options->listeners[i].fd);
    options->listeners[i].fd = -1;
  }
}

void listeners_abandon(int dirfd, struct options *options) {
  listeners_close(options);
  for (size_t i = 0; i < options->listener_count; i++) unlinkat(dirfd, options->listeners[i].name, 0);
}
