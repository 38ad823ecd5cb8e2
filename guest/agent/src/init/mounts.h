#ifndef BANGER_INIT_MOUNTS_H
#define BANGER_INIT_MOUNTS_H

#include <stdbool.h>

// Unmounts every file system on a device, last mounted first; what is busy becomes read-only.
void mounts_release(void);

// Mounts on `path` beneath the directory `root_fd`, never following a link out of it; makes the directory if it is
// missing.
int mount_beneath(int root_fd, const char *path, unsigned mode, const char *source, const char *type,
                  unsigned long flags, const char *data);
// Moves an existing mount there.
int mount_move_beneath(int root_fd, const char *path, const char *from);

#endif
