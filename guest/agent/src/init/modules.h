#ifndef BANGER_INIT_MODULES_H
#define BANGER_INIT_MODULES_H

// Loads the modules that the initramfs carries, in the order of its list. What fails is reported and passed over.
void modules_load(const char *directory);
// Loads one module file (plain or compressed) with parameters. Returns 0, also if it was there already, or -1 with
// errno.
int module_load_file(const char *path, const char *parameters);
// Frees the memory that the module files take in the initramfs.
void modules_discard(const char *directory);

#endif
