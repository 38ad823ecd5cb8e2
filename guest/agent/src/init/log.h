#ifndef BANGER_INIT_LOG_H
#define BANGER_INIT_LOG_H

#include <stdbool.h>

// To the kernel's log, which `quiet` keeps off the console.
void boot_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
// To the console as well.
void boot_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Whether boot_fatal offers the debug shell before it powers off.
void boot_set_debug(bool debug);
// Prints `banger: fatal: …` as the console's last line, then ends the machine. Never returns: PID 1 must not exit.
_Noreturn void boot_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));
// From now on a crash of this process prints a fatal line and powers off, where the kernel would panic silently.
void boot_catch_crashes(void);
// In a child of PID 1, whose crash is its own affair.
void boot_ignore_crashes(void);

// Opens the console as descriptors 0, 1 and 2; without one, /dev/null.
void console_attach(void);

#endif
