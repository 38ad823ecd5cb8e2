// Kernel modules from the initramfs. A module that does not load must not stop the boot: another one may carry the
// disk.
#include "modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

enum { COMPRESSED_FILE = 4 };

static int is_compressed(const char *path)
{
    size_t n = strlen(path);
    return n < 3 || strcmp(path + n - 3, ".ko") != 0;
}

int module_load_file(const char *path, const char *parameters)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    long result = syscall(SYS_finit_module, fd, parameters, is_compressed(path) ? COMPRESSED_FILE : 0);
    int saved = errno;
    close(fd);
    errno = saved;
    return result == 0 || errno == EEXIST ? 0 : -1;
}

void modules_load(const char *directory)
{
    char path[512], name[256];
    snprintf(path, sizeof path, "%s/load", directory);
    FILE *list = fopen(path, "re");
    if (list == NULL) {
        boot_info("no list of modules in the initramfs");
        return;
    }
    while (fgets(name, sizeof name, list) != NULL) {
        name[strcspn(name, "\r\n")] = '\0';
        if (name[0] == '\0' || name[0] == '#')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, name);
        if (module_load_file(path, "") != 0)
            boot_warn("cannot load the module %s: %s", name, strerror(errno));
    }
    fclose(list);
}

void modules_discard(const char *directory)
{
    DIR *dir = opendir(directory);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat st;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}
