// What extraction shares between its files: resolving beneath the directory, and making one member.
#ifndef VERBS_TREE_UNPACK_H
#define VERBS_TREE_UNPACK_H

#include "tar.h"
#include "tree.h"

enum { PATH_SIZE = 4096 };

// A directory that was made here gets its time at the end: what is put into it changes it.
struct made_directory {
    struct made_directory *next;
    int64_t mtime;
    uint32_t mtime_ns;
    char path[];
};

struct unpack {
    int base;
    bool keep_owners;
    struct tar_reader reader;
    struct tree_count *count;
    struct made_directory *made;
};

// Opens beneath the directory, whatever links there are.
int tree_open_beneath(int base, const char *path, int flags);
// Brings `a/./b//c/` to `a/b/c`, and the directory itself to "". False for what would lead out, or is too long.
bool tree_clean_path(const char *from, char to[PATH_SIZE]);
// Opens the directory of `path`, making what is missing, and gives the last component.
int tree_open_parent(struct unpack *unpack, const char *path, const char **leaf);

// Makes the member `leaf` in the open directory `parent`. 0 or an errno.
int tree_make_member(struct unpack *unpack, const struct tar_entry *entry, const char *path, int parent,
                     const char *leaf);

#endif
