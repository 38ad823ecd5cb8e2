// CONFIGURE and its steps. Each step is idempotent, and tolerant: what fails is named in the answer and stops nothing
// else.
#ifndef VERBS_CONFIGURE_H
#define VERBS_CONFIGURE_H

#include <sys/types.h>

#include "verbs.h"

int configure_verb(struct request *request);

// Steps: 1 applied, 0 nothing was asked for, or a negative errno. A malformed field sets request->malformed.
int configure_hostname(struct request *request);
int configure_machine_id(struct request *request);
int configure_clock(struct request *request);
int configure_entropy(struct request *request);
int configure_network(struct request *request);
int configure_resolver(struct request *request);
int configure_authorized_keys(struct request *request);
int configure_host_keys(struct request *request);
int configure_environment(struct request *request);

// Puts the content into a file of the image: atomically; over it by a bind mount where the root is read-only. Nothing
// is written if it is the same already. A link is replaced, not followed. 1 written, 0 the same, or a negative errno.
int put_file(const char *path, const char *text, size_t length, mode_t mode);
// A whole file of at most `size` - 1 bytes, NUL-terminated; -1 if there is none.
ssize_t get_file(const char *path, char *text, size_t size);

#endif
