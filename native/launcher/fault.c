/* Builds failures. Must not print: who reports them knows where they go. */
#include <stdarg.h>
#include <stdio.h>

#include "launcher.h"

int fail(struct fault *fault, int err, const char *format, ...) {
  va_list args;
  fault->err = err;
  va_start(args, format);
  vsnprintf(fault->what, sizeof fault->what, format, args);
  va_end(args);
  return -1;
}
