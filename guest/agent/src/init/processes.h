#ifndef BANGER_INIT_PROCESSES_H
#define BANGER_INIT_PROCESSES_H

// Signals every user-space process but this one, PID 1 and `keep`. Returns how many there were.
int processes_signal(int keep, int number);
// Waits until none of them is left or CLOCK_MONOTONIC reaches `deadline_ms`, reaping this process's children.
void processes_wait(int keep, long long deadline_ms);

#endif
