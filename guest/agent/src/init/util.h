#ifndef BANGER_INIT_UTIL_H
#define BANGER_INIT_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Reads a small file as text, NUL-terminated; more than `size - 1` bytes are cut. Returns the length or -1.
ssize_t file_read(const char *path, char *to, size_t size);
// Writes a whole existing file (a sysctl, a /proc knob).
int file_poke(const char *path, const char *text);
// Creates the file and its content, replacing what is there.
int file_copy(const char *from, const char *to, unsigned mode);
// Milliseconds of CLOCK_MONOTONIC.
long long monotonic_ms(void);

#endif
