#ifndef BANGER_INIT_SHELL_H
#define BANGER_INIT_SHELL_H

// The shell of last resort on the console: a few built-in commands, until `reboot`, `poweroff` or end of input.
void shell_run(void);

#endif
