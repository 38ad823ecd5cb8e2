// Directory trees to and from tar, in blocking calls for a job. No path of a tree or an archive leads out of the
// directory given.
#ifndef VERBS_TREE_H
#define VERBS_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "io.h"

struct tree_count {
    uint64_t entries;
    uint64_t bytes; // of the archive
    char why[160];  // after a failure
};

// Writes the members (NULL: everything) of the directory. 0 or an errno.
int tree_pack(int directory, char *const *members, bool follow_named, const struct io_sink *out, struct tree_count *count);

// Extracts an archive into the directory, reading `in` to its end. 0 or an errno.
int tree_unpack(int directory, bool keep_owners, const struct io_source *in, struct tree_count *count);

#endif
