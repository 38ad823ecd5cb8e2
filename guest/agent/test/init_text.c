// The init role's parsers: kernel command line, module aliases. Pure text, and noise.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/alias.h"
#include "init/cmdline.h"
#include "support/host.h"

static struct boot_params parsed(const char *text)
{
    struct boot_params params;
    char why[160] = "";
    if (cmdline_parse(text, &params, why, sizeof why) != 0) {
        fprintf(stderr, "%s: %s\n", text, why);
        CHECK(!"parses");
    }
    return params;
}

static void refuses(const char *text, const char *reason)
{
    struct boot_params params;
    char why[160] = "";
    CHECK(cmdline_parse(text, &params, why, sizeof why) == -1);
    CHECK(strstr(why, reason) != NULL);
}

static void command_line(void)
{
    struct boot_params params = parsed("");
    CHECK(!params.root[0] && !strcmp(params.root_type, "ext4") && !params.root_readonly);
    CHECK(!params.work_device[0] && !params.modules_device[0] && params.init == INIT_AUTO && !params.debug);

    params = parsed("console=ttyS0 root=/dev/vdx ro rootfstype=xfs rootflags=noatime,data=x rw ro "
                    "banger.work=/dev/vdb:/root banger.modules=/dev/vdc banger.init=none banger.poweroff=reset "
                    "banger.configure=15 banger.debug quiet\n");
    CHECK(!strcmp(params.root, "/dev/vdx") && !strcmp(params.root_type, "xfs") && params.root_readonly);
    CHECK(!strcmp(params.root_flags, "noatime,data=x"));
    CHECK(!strcmp(params.work_device, "/dev/vdb") && !strcmp(params.work_path, "/root"));
    CHECK(!strcmp(params.modules_device, "/dev/vdc") && params.init == INIT_NONE && params.power == POWER_RESET);
    CHECK(params.identity_wait_s == 15 && params.debug);

    params = parsed("banger.init=\"/opt/my init\" \"rootflags=a b\" systemd.unit=x root=/dev/vdb -- root=/dev/vdc");
    CHECK(params.init == INIT_PATH && !strcmp(params.init_path, "/opt/my init"));
    CHECK(!strcmp(params.root_flags, "a b") && !strcmp(params.root, "/dev/vdb"));
    // A word that only begins like ours is somebody else's.
    CHECK(!parsed("banger.debugger rooted=/x banger.working=1").debug);

    refuses("banger.work=/dev/vdb", "no mount point");
    refuses("banger.work=/dev/vdb:root", "absolute");
    refuses("root=UUID=1", "root is not an absolute path");
    refuses("banger.init=sh", "absolute");
    refuses("banger.poweroff=maybe", "neither");
    refuses("banger.configure=1s", "number of seconds");
    refuses("rootfstype=0123456789012345678901234567890123456789", "too long");
}

static void aliases(void)
{
    char module[64] = "";
    CHECK(alias_matches("virtio:d00000002v*", "virtio:d00000002v00001AF4"));
    CHECK(!alias_matches("virtio:d00000002v*", "virtio:d00000001v00001AF4"));
    CHECK(alias_matches("fs-overlay", "fs_overlay") && alias_matches("a[0-9]b", "a5b"));
    CHECK(alias_line("alias fs-overlay overlay\n", "fs-overlay", module, sizeof module) && !strcmp(module, "overlay"));
    CHECK(!alias_line("alias fs-overlay\n", "fs-overlay", module, sizeof module));
    CHECK(!alias_line("# Aliases extracted from modules.\n", "Aliases", module, sizeof module));
    static const char path[] = "kernel/net/netfilter/nf-tables.ko.xz";
    CHECK(module_path_is(path, strlen(path), "nf_tables") && module_path_is(path, strlen(path) - 3, "nf-tables"));
    CHECK(!module_path_is(path, strlen(path), "tables") && !module_path_is(path, strlen(path), "nf_tables_x"));
    CHECK(!module_path_is("a.ko", 4, "") && !module_path_is("", 0, "a"));
}

static void noise(void)
{
    static const char *const words[] = {
        "banger.work=", "banger.init=", "root=", "\"", " ", ":", "/", "ro", "--", "=", "\n", "banger.configure=9"};
    srand(1);
    for (int round = 0; round < 20000; round++) {
        char text[256] = "", why[160];
        struct boot_params params;
        for (int i = rand() % 12; i > 0; i--) {
            if (rand() % 4)
                strcat(text, words[(size_t)rand() % (sizeof words / sizeof *words)]);
            else
                strncat(text, (char[2]){(char)(1 + rand() % 255), 0}, 1);
        }
        (void)cmdline_parse(text, &params, why, sizeof why);
        char module[8];
        (void)alias_line(text, text, module, sizeof module);
        (void)module_path_is(text, strlen(text), "virtio");
    }
}

int main(void)
{
    command_line();
    aliases();
    noise();
    return 0;
}
