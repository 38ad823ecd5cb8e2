/*
 * pidfdWait: a promise for the end of a process, on the event loop, without a thread.
 *
 * Each wait polls a duplicate of the caller's descriptor, so that several waits can share one and closing it
 * early is safe: closeFd cancels its waits. While one is pending it keeps the loop alive, afterwards nothing does.
 *
 *   pending --readable--> settled --uv_close--> freed       pending --closeFd--> settled --> …
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "addon.h"

struct wait {
  uv_poll_t poll;
  struct waits *waits;
  struct wait *next;
  napi_deferred deferred;
  napi_async_context context;
  int given; /* the caller's descriptor */
  int own;   /* our duplicate of it */
};

struct waits {
  napi_env env;
  struct wait *pending;
  size_t closing;
  napi_async_cleanup_hook_handle teardown; /* set: the environment waits for us to end */
};

static void finish_teardown(struct waits *waits) {
  if (!waits->teardown || waits->pending || waits->closing > 0) return;
  napi_async_cleanup_hook_handle handle = waits->teardown;
  free(waits);
  napi_remove_async_cleanup_hook(handle);
}

static void on_closed(uv_handle_t *handle) {
  struct wait *wait = handle->data;
  struct waits *waits = wait->waits;
  close(wait->own);
  free(wait);
  waits->closing--;
  finish_teardown(waits);
}

static void unlink_and_close(struct wait *wait) {
  struct wait **at = &wait->waits->pending;
  while (*at != wait) at = &(*at)->next;
  *at = wait->next;
  wait->waits->closing++;
  uv_close((uv_handle_t *)&wait->poll, on_closed);
}

static void settle(struct wait *wait, int err) {
  napi_env env = wait->waits->env;
  napi_deferred deferred = wait->deferred;
  napi_value undefined;
  unlink_and_close(wait);
  napi_async_destroy(env, wait->context);
  napi_get_undefined(env, &undefined);
  if (err == 0) napi_resolve_deferred(env, deferred, undefined);
  else napi_reject_deferred(env, deferred, make_error(env, err, "pidfd_wait"));
}

/* The callback scope makes Node run the promise's reactions when it closes. */
static void on_readable(uv_poll_t *poll, int status, int events) {
  struct wait *wait = poll->data;
  napi_env env = wait->waits->env;
  napi_handle_scope handles;
  napi_callback_scope callback;
  napi_value resource;
  (void)events;
  napi_open_handle_scope(env, &handles);
  napi_create_object(env, &resource);
  napi_open_callback_scope(env, resource, wait->context, &callback);
  settle(wait, status < 0 ? -status : 0);
  napi_close_callback_scope(env, callback);
  napi_close_handle_scope(env, handles);
}

/* Starts polling; returns 0 or an errno, after which the wait is not linked and owns no handle. */
static int begin(struct wait *wait) {
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(wait->waits->env, &loop) != napi_ok) return EINVAL;
  wait->own = fcntl(wait->given, F_DUPFD_CLOEXEC, 0);
  if (wait->own < 0) return errno;
  int err = uv_poll_init(loop, &wait->poll, wait->own);
  if (err < 0) {
    close(wait->own);
    return -err;
  }
  wait->poll.data = wait;
  wait->next = wait->waits->pending;
  wait->waits->pending = wait;
  uv_poll_start(&wait->poll, UV_READABLE, on_readable);
  return 0;
}

napi_value pidfd_wait(napi_env env, napi_callback_info info) {
  napi_value argument, promise, name;
  struct waits *waits;
  int fd;
  if (!take_arguments(env, info, 1, &argument) || !take_fd(env, argument, &fd)) return NULL;
  napi_get_instance_data(env, (void **)&waits);
  struct wait *wait = calloc(1, sizeof *wait);
  if (!wait) return throw_errno(env, ENOMEM, "pidfd_wait");
  wait->waits = waits;
  wait->given = fd;
  napi_create_promise(env, &wait->deferred, &promise);
  int err = begin(wait);
  if (err != 0) {
    napi_reject_deferred(env, wait->deferred, make_error(env, err, "pidfd_wait"));
    free(wait);
    return promise;
  }
  napi_create_string_utf8(env, "banger:pidfdWait", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &wait->context);
  return promise;
}

void waits_cancel(struct waits *waits, int fd) {
  for (struct wait *wait = waits->pending, *next; wait; wait = next) {
    next = wait->next;
    if (wait->given == fd) settle(wait, ECANCELED);
  }
}

/* The environment goes (a worker ends): close the handles, touch no JavaScript. */
static void on_teardown(napi_async_cleanup_hook_handle handle, void *data) {
  struct waits *waits = data;
  waits->teardown = handle;
  while (waits->pending) unlink_and_close(waits->pending);
  finish_teardown(waits);
}

struct waits *waits_create(napi_env env) {
  struct waits *waits = calloc(1, sizeof *waits);
  if (!waits) return NULL;
  waits->env = env;
  if (napi_add_async_cleanup_hook(env, on_teardown, waits, NULL) == napi_ok) return waits;
  free(waits);
  return NULL;
}
