// Where the init role speaks: the kernel's log for what went well, the console for what did not. The host shows the
// console's last lines to the user, so a fatal cause is one plain line and is drained before the machine ends.
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "power.h"
#include "shell.h"

enum { LINE_SIZE = 512 };

static bool debug_shell;

void boot_set_debug(bool debug)
{
    debug_shell = debug;
}

static int open_console(int flags)
{
    int fd = open("/dev/console", flags | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        fd = open("/dev/ttyS0", flags | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        fd = open("/dev/hvc0", flags | O_NOCTTY | O_CLOEXEC);
    return fd;
}

static void write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text += n;
        length -= (size_t)n;
    }
}

static void console_write(const char *text)
{
    int fd = open_console(O_WRONLY);
    if (fd < 0)
        return;
    write_all(fd, text, strlen(text));
    tcdrain(fd);
    close(fd);
}

void console_attach(void)
{
    int fd = open_console(O_RDWR);
    if (fd < 0)
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    for (int target = 0; target <= 2; target++)
        dup2(fd, target);
    if (fd > 2)
        close(fd);
}

static void write_kernel_log(const char *line)
{
    int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    write_all(fd, line, strlen(line));
    close(fd);
}

void boot_info(const char *format, ...)
{
    char line[LINE_SIZE];
    int n = snprintf(line, sizeof line, "<6>banger: ");
    va_list args;
    va_start(args, format);
    vsnprintf(line + n, sizeof line - (size_t)n, format, args);
    va_end(args);
    write_kernel_log(line);
}

static void say(const char *label, const char *format, va_list args)
{
    char line[LINE_SIZE];
    // \r\n: the console is raw, and a line must begin at its margin even after half a line of somebody else's.
    int n = snprintf(line, sizeof line, "\r\nbanger: %s", label);
    n += vsnprintf(line + n, sizeof line - (size_t)n - 3, format, args);
    if (n > (int)sizeof line - 4)
        n = (int)sizeof line - 4;
    memcpy(line + n, "\r\n", 3);
    console_write(line);
}

void boot_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

void boot_fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("fatal: ", format, args);
    va_end(args);
    if (debug_shell)
        shell_run();
    sync();
    power_end(POWER_OFF_NOW);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    // Only the processor's word counts; the same signal from `kill` is nobody's crash.
    if (info->si_code <= 0)
        return;
    signal(number, SIG_DFL);
    // Only what is safe in a signal handler: the descriptor may be the only thing that still works.
    static const char text[] = "\r\nbanger: fatal: PID 1 crashed, signal ";
    char digits[6] = {(char)('0' + number / 10), (char)('0' + number % 10), '\r', '\n'};
    int fd = open_console(O_WRONLY);
    if (fd >= 0) {
        write_all(fd, text, sizeof text - 1);
        write_all(fd, digits, 4);
        tcdrain(fd);
    }
    power_end(POWER_OFF_NOW);
}

static void set_crash_handler(struct sigaction action)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

void boot_catch_crashes(void)
{
    static char stack[16384];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternative, NULL);
    set_crash_handler((struct sigaction){.sa_sigaction = on_crash, .sa_flags = SA_ONSTACK | SA_SIGINFO});
}

void boot_ignore_crashes(void)
{
    set_crash_handler((struct sigaction){.sa_handler = SIG_DFL});
}
