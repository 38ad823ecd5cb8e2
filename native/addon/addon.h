/*
 * What the addon's parts share: strict arguments, errors with `code` and `syscall`, and the table of functions.
 * Every function here is a thin wrapper of one call of the system; decisions belong to TypeScript.
 */
#ifndef BANGER_ADDON_H
#define BANGER_ADDON_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct waits;

/* arguments.c: false after throwing a TypeError. Numbers must be whole and in range; nothing is coerced. */
bool take_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values);
bool take_whole(napi_env env, napi_value value, const char *name, int64_t min, int64_t max, int64_t *whole);
bool take_fd(napi_env env, napi_value value, int *fd);
bool take_boolean(napi_env env, napi_value value, const char *name, bool *boolean);
bool take_path(napi_env env, napi_value value, char *path, size_t size);

/* errors.c: an Error as Node's own are: "ENOENT: no such file or directory, openat2" */
napi_value make_error(napi_env env, int err, const char *syscall);
napi_value throw_errno(napi_env env, int err, const char *syscall);
napi_value make_number(napi_env env, int64_t number);

/* the functions themselves */
napi_value peer_credentials(napi_env env, napi_callback_info info);
napi_value pidfd_open_(napi_env env, napi_callback_info info);
napi_value pidfd_send_signal_(napi_env env, napi_callback_info info);
napi_value pidfd_wait(napi_env env, napi_callback_info info);
napi_value close_fd(napi_env env, napi_callback_info info);
napi_value ofd_lock(napi_env env, napi_callback_info info);
napi_value openat2_(napi_env env, napi_callback_info info);
napi_value trim_heap(napi_env env, napi_callback_info info);

/* pidfd-wait.c: the waits of one environment */
struct waits *waits_create(napi_env env);
void waits_cancel(struct waits *waits, int fd);

#endif
