#ifndef BANGER_INIT_ALIAS_H
#define BANGER_INIT_ALIAS_H

#include <stdbool.h>
#include <stddef.h>

// Matches as modprobe does: shell patterns, with `-` and `_` the same.
bool alias_matches(const char *pattern, const char *name);

// If the line of modules.alias gives a module for `name`, stores the module's name.
bool alias_line(const char *line, const char *name, char *module, size_t size);

// If the path of modules.dep (`kernel/a/b-c.ko.xz`) is that of the module `name`.
bool module_path_is(const char *path, size_t length, const char *name);

#endif
