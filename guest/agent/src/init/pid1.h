#ifndef BANGER_INIT_PID1_H
#define BANGER_INIT_PID1_H

// PID 1 of an image without an init: sets the system up, keeps the agent running, reaps, powers off when asked.
_Noreturn void pid1_run(char **argv);

#endif
