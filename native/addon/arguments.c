/* Arguments from JavaScript, taken strictly: a NaN that became descriptor 0 would be a security bug. */
#include <math.h>
#include <string.h>
#include <stdio.h>

#include "addon.h"

static bool refuse(napi_env env, const char *name, const char *expected) {
  char message[128];
  snprintf(message, sizeof message, "The \"%s\" argument must be %s", name, expected);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return false;
}

bool take_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  /* absent ones arrive as undefined, and are refused by their type */
  return napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok;
}

bool take_whole(napi_env env, napi_value value, const char *name, int64_t min, int64_t max, int64_t *whole) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= (double)min && number <= (double)max) ||
      number != trunc(number))
    return refuse(env, name, "a whole number in range");
  *whole = (int64_t)number;
  return true;
}

bool take_fd(napi_env env, napi_value value, int *fd) {
  int64_t whole;
  if (!take_whole(env, value, "fd", 0, INT32_MAX, &whole)) return false;
  *fd = (int)whole;
  return true;
}

bool take_boolean(napi_env env, napi_value value, const char *name, bool *boolean) {
  return napi_get_value_bool(env, value, boolean) == napi_ok || refuse(env, name, "a boolean");
}

bool take_path(napi_env env, napi_value value, char *path, size_t size) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return refuse(env, "path", "a string");
  if (length >= size) return refuse(env, "path", "shorter than PATH_MAX");
  napi_get_value_string_utf8(env, value, path, size, &length);
  return strlen(path) == length || refuse(env, "path", "without null bytes");
}
