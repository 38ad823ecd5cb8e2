/* Who is at the other end of a Unix socket, as the kernel recorded it when the connection was made. */
#include <errno.h>
#include <sys/socket.h>

#include "addon.h"

napi_value peer_credentials(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  struct ucred peer;
  socklen_t size = sizeof peer;
  int fd;
  if (!take_arguments(env, info, 1, &argument) || !take_fd(env, argument, &fd)) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return throw_errno(env, errno, "getsockopt");
  /* what the kernel says of a socket that is not a connected Unix one: nobody */
  if (peer.uid == (uid_t)-1) return throw_errno(env, ENOTCONN, "getsockopt");
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "pid", make_number(env, peer.pid));
  napi_set_named_property(env, result, "uid", make_number(env, peer.uid));
  napi_set_named_property(env, result, "gid", make_number(env, peer.gid));
  return result;
}
