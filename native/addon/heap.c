/* The heap beneath V8's, where what sockets read and what buffers hold lies. */
#include <malloc.h>

#include "addon.h"

/* glibc keeps free pages for ever when one in use lies above them */
napi_value trim_heap(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  malloc_trim(0);
  return NULL;
}
