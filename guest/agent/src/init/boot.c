// The initramfs's /init: from the kernel's hand-over to the image's own init, or to being PID 1 where an image has
// none, or where there is no image. The image is never modified: the agent, its links and its state live on the tmpfs at /run.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmdline.h"
#include "device.h"
#include "handover.h"
#include "log.h"
#include "modules.h"
#include "mounts.h"
#include "agent.h"
#include "util.h"

enum { DEVICE_DEADLINE_MS = 10000 };

#define NEW_ROOT "/newroot"

static void mount_early(void)
{
    static const char *const directories[] = {"/dev", "/proc", "/sys", NEW_ROOT};
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        mkdir(directories[i], 0755);
    mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
    console_attach();
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 && errno != EBUSY)
        boot_fatal("cannot mount /proc: %s", strerror(errno));
    if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 && errno != EBUSY)
        boot_fatal("cannot mount /sys: %s", strerror(errno));
}

static void read_parameters(struct boot_params *params)
{
    static char text[4096];
    char why[160];
    if (file_read("/proc/cmdline", text, sizeof text) < 0)
        boot_fatal("cannot read the kernel command line: %s", strerror(errno));
    if (cmdline_parse(text, params, why, sizeof why) != 0)
        boot_fatal("%s", why);
    boot_set_debug(params->debug);
}

static int mount_root(const struct boot_params *params)
{
    if (device_wait(params->root, monotonic_ms() + DEVICE_DEADLINE_MS) != 0)
        boot_fatal("the root disk %s did not appear within %d s", params->root, DEVICE_DEADLINE_MS / 1000);
    unsigned long flags = params->root_readonly ? MS_RDONLY : 0;
    if (mount(params->root, NEW_ROOT, params->root_type, flags, params->root_flags) != 0)
        boot_fatal("cannot mount the root disk %s as %s: %s", params->root, params->root_type, strerror(errno));
    int fd = open(NEW_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        boot_fatal("cannot open the mounted root: %s", strerror(errno));
    return fd;
}

static void mount_work(int root, const struct boot_params *params)
{
    if (params->work_device[0] == '\0')
        return;
    if (device_wait(params->work_device, monotonic_ms() + DEVICE_DEADLINE_MS) != 0)
        boot_fatal("the work disk %s did not appear within %d s", params->work_device, DEVICE_DEADLINE_MS / 1000);
    // Going on without it would write the user's files to a disk that a reset of the root throws away.
    if (mount_beneath(root, params->work_path, 0700, params->work_device, "ext4", 0, NULL) != 0)
        boot_fatal("cannot mount the work disk %s on %s: %s", params->work_device, params->work_path, strerror(errno));
}

static void mount_modules(int root, const struct boot_params *params)
{
    if (params->modules_device[0] == '\0')
        return;
    unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV;
    if (device_wait(params->modules_device, monotonic_ms() + DEVICE_DEADLINE_MS) != 0)
        boot_warn("the modules disk %s did not appear within %d s", params->modules_device, DEVICE_DEADLINE_MS / 1000);
    else if (mount_beneath(root, "/lib/modules", 0755, params->modules_device, "ext4", flags, NULL) != 0)
        boot_warn("cannot mount the modules disk on /lib/modules: %s", strerror(errno));
}

// These survive into the image's own init, which finds them mounted and leaves them.
static void mount_system(int root)
{
    if (mount_beneath(root, "/run", 0755, "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=25%") != 0)
        boot_fatal("cannot mount /run: %s", strerror(errno));
    if (mount_move_beneath(root, "/dev", "/dev") != 0)
        boot_fatal("cannot move /dev into the root: %s", strerror(errno));
    mount_beneath(root, "/dev/pts", 0755, "devpts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666");
    mount_beneath(root, "/dev/shm", 01777, "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    if (mount_move_beneath(root, "/sys", "/sys") != 0)
        boot_fatal("cannot move /sys into the root: %s", strerror(errno));
}

// Last, because resolving a mount point goes through /proc/self/fd.
static void move_proc(int root)
{
    if (mount_move_beneath(root, "/proc", "/proc") != 0)
        boot_fatal("cannot move /proc into the root: %s", strerror(errno));
}

static void enter_root(void)
{
    // What the initramfs holds stays in memory for ever: let go of it by name, never by walking a tree.
    modules_discard("/modules");
    unlink("/init");
    if (chdir(NEW_ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
        boot_fatal("cannot enter the root: %s", strerror(errno));
}

// Without a root disk the machine is its initramfs: PID 1 and the agent. It has nothing to run, but it answers, which is
// the proof that guests run on this host at all.
static _Noreturn void stay(const struct boot_params *params, char **argv)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        boot_fatal("cannot open the initramfs: %s", strerror(errno));
    if (mount_beneath(root, "/run", 0755, "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=25%") != 0)
        boot_fatal("cannot mount /run: %s", strerror(errno));
    handover_install(root);
    close(root);
    modules_discard("/modules");
    handover(params, argv);
}

int init_main(int argc, char **argv)
{
    (void)argc;
    struct boot_params params;
    boot_catch_crashes();
    umask(022);
    mount_early();
    read_parameters(&params);
    modules_load("/modules");
    if (params.root[0] == '\0')
        stay(&params, argv);
    int root = mount_root(&params);
    mount_work(root, &params);
    mount_modules(root, &params);
    mount_system(root);
    handover_install(root);
    move_proc(root);
    close(root);
    enter_root();
    handover(&params, argv);
}
