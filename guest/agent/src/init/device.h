#ifndef BANGER_INIT_DEVICE_H
#define BANGER_INIT_DEVICE_H

// Waits until the block device can be opened, at most until CLOCK_MONOTONIC reaches `deadline_ms`. Returns 0 or -1.
int device_wait(const char *path, long long deadline_ms);

#endif
