/*
 * The addon's closed list of functions. It holds what Node cannot do and nothing else; each addition needs
 * a reason, because it is loaded into the daemon and the root helper.
 */
#include "addon.h"

static napi_property_descriptor method(const char *name, napi_callback callback) {
  return (napi_property_descriptor){ .utf8name = name, .method = callback, .attributes = napi_enumerable };
}

NAPI_MODULE_INIT() {
  struct waits *waits = waits_create(env);
  const napi_property_descriptor methods[] = {
    method("peerCredentials", peer_credentials),
    method("pidfdOpen", pidfd_open_),
    method("pidfdSendSignal", pidfd_send_signal_),
    method("pidfdWait", pidfd_wait),
    method("closeFd", close_fd),
    method("ofdLock", ofd_lock),
    method("openat2", openat2_),
    method("trimHeap", trim_heap),
  };
  if (!waits || napi_set_instance_data(env, waits, NULL, NULL) != napi_ok ||
      napi_define_properties(env, exports, sizeof methods / sizeof *methods, methods) != napi_ok) {
    napi_throw_error(env, NULL, "banger.node could not be initialised");
    return NULL;
  }
  return exports;
}
