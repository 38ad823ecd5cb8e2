/* Failed system calls as JavaScript errors, in the form of Node's own, so that callers branch on `code` alike. */
#include <stdio.h>
#include <uv.h>

#include "addon.h"

static void set_text(napi_env env, napi_value object, const char *key, const char *text) {
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, object, key, value);
}

napi_value make_number(napi_env env, int64_t number) {
  napi_value value;
  napi_create_int64(env, number, &value);
  return value;
}

napi_value make_error(napi_env env, int err, const char *syscall) {
  char text[160], name[32], reason[96];
  napi_value message, error;
  uv_err_name_r(-err, name, sizeof name);
  uv_strerror_r(-err, reason, sizeof reason);
  snprintf(text, sizeof text, "%s: %s, %s", name, reason, syscall);
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, NULL, message, &error);
  napi_set_named_property(env, error, "errno", make_number(env, -err));
  set_text(env, error, "code", name);
  set_text(env, error, "syscall", syscall);
  return error;
}

napi_value throw_errno(napi_env env, int err, const char *syscall) {
  napi_throw(env, make_error(env, err, syscall));
  return NULL;
}
