// What packing shares between its files: the archive as it grows.
#ifndef VERBS_TREE_PACK_H
#define VERBS_TREE_PACK_H

#include <sys/types.h>

#include "tar.h"
#include "tree.h"

enum { LINK_SLOTS = 1 << 12 };

struct seen_link {
    struct seen_link *next;
    dev_t device;
    ino_t inode;
    char path[];
};

struct pack {
    const struct io_sink *out;
    struct tree_count *count;
    struct text_buffer path; // of the current member, NUL-terminated
    struct seen_link *links[LINK_SLOTS];
    size_t held;
    char buffer[IO_CHUNK]; // not written yet: a write for each header would be most of the time of small files
};

// Notes the first failure, by errno, and returns it.
int pack_fail(struct pack *pack, const char *what);
int pack_emit(struct pack *pack, const void *data, size_t size);
int pack_flush(struct pack *pack);
// The member's headers; `records` holds its attributes and takes what else does not fit into ustar.
int pack_emit_entry(struct pack *pack, const struct tar_entry *entry, struct text_buffer *records);
// A file of less than BULK_CHUNK: its headers with the size that it turns out to have, and its content.
int pack_emit_small(struct pack *pack, int fd, struct tar_entry *entry, struct text_buffer *records);
// So many bytes of the file, whatever it has by now.
int pack_emit_content(struct pack *pack, int fd, uint64_t size);
void pack_collect_attributes(int fd, struct text_buffer *records);

#endif
