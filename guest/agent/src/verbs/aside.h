// A file that is written beside the place where it is to be, and has its name there only when it is whole. Whoever sends
// it may be gone at any moment, and its writer may be killed: the kernel removes what never got a name.
#ifndef VERBS_ASIDE_H
#define VERBS_ASIDE_H

struct aside {
    int fd;        // open for reading and writing, mode 0600
    int parent;    // the directory; its owner's to close
    char part[40]; // the name meanwhile, where the file system knows no nameless files; else empty
};

// 0 or an errno.
int aside_open(struct aside *file, int parent);
// Gives it the name, instead of whatever file or link has that now; EEXIST if it is a device. 0 or an errno; the file is the caller's to drop.
int aside_name(struct aside *file, const char *leaf);
// Closes it; without a name it is gone. 0 or an errno of the closing.
int aside_close(struct aside *file);

#endif
