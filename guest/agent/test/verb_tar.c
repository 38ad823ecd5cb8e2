// Trees through tar and back: against GNU tar in both directions, against archives that try to get out, and against
// noise.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/host.h"
#include "verbs/tar_decode.h"
#include "verbs/tree.h"

static char base[64];

static void shell(const char *script)
{
    char command[2048];
    snprintf(command, sizeof command, "cd %s && export LC_ALL=C && %s", base, script);
    int status = system(command);
    if (status != 0)
        fprintf(stderr, "status 0x%x: %s\n", status, command);
    CHECK(status == 0);
}

static int open_in(const char *name, int flags)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", base, name);
    int fd = open(path, flags | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    return fd;
}

static int put(void *fd, const void *data, size_t size) { return io_write(*(int *)fd, data, size); }

static ssize_t get(void *fd, void *data, size_t size) { return io_read_full(*(int *)fd, data, size); }

static int pack(const char *directory, char *const *members, bool follow, const char *archive)
{
    struct tree_count count = {0};
    int from = open_in(directory, O_PATH | O_DIRECTORY), out = open_in(archive, O_WRONLY | O_CREAT | O_TRUNC);
    int error = tree_pack(from, members, follow, &(struct io_sink){.write = put, .context = &out}, &count);
    struct stat st;
    CHECK(fstat(out, &st) == 0 && (error || (uint64_t)st.st_size == count.bytes));
    close(from);
    close(out);
    return error;
}

static int unpack(const char *archive, const char *directory, struct tree_count *count)
{
    *count = (struct tree_count){0};
    int in = open_in(archive, O_RDONLY), to = open_in(directory, O_RDONLY | O_DIRECTORY);
    mode_t mask = umask(022);
    int error = tree_unpack(to, getuid() == 0, &(struct io_source){.read = get, .context = &in}, count);
    umask(mask);
    close(in);
    close(to);
    return error;
}

// A tree with everything that tar can say.
static void make_tree(void)
{
    shell("mkdir -p tree/dir/sub tree/empty && printf hello > tree/dir/file && ln tree/dir/file tree/dir/hard"
          " && ln -s dir/file tree/link && ln -s $(printf '%0150d' 7) tree/long-link && mkfifo tree/pipe"
          " && : > tree/nothing && head -c 1000000 /dev/urandom > tree/big && printf x > tree/$(printf '%0200d' 1)"
          " && mkdir -p tree/$(printf '%0120d' 2)/$(printf '%0120d' 3) && printf y > tree/$(printf '%0120d' "
          "2)/$(printf '%0120d' 3)/z"
          " && chmod 0750 tree/dir && chmod 0600 tree/big && touch -d '2001-02-03 04:05:06.123456789' tree/dir/file"
          " && touch -d '1969-12-31 23:59:58.25 UTC' tree/nothing && touch -d '2030-01-01 00:00:00.5' tree/empty && "
          "printf 'a\\nb' > \"tree/new"
          "\nline\"");
    // The root itself was made by the test, not by the archive.
    FILE *script = fdopen(open_in("list.sh", O_WRONLY | O_CREAT), "w");
    fputs("cd \"$1\" && find . -mindepth 1 -printf '%P|%y|%m|%l|%n|%T@\\n' | sort\n", script);
    CHECK(fclose(script) == 0);
}

static void same_trees(const char *left, const char *right)
{
    char script[512];
    snprintf(script, sizeof script,
             "diff -r --no-dereference -x pipe %s %s && sh list.sh %s > l && sh list.sh %s > r && diff l r", left,
             right, left, right);
    shell(script);
}

static void against_gnu_tar(void)
{
    struct tree_count count;
    make_tree();
    CHECK(pack("tree", NULL, false, "ours.tar") == 0);
    shell("mkdir gnu && tar -xpf ours.tar -C gnu");
    same_trees("tree", "gnu");
    static const char *const formats[] = {"posix", "gnu", "pax"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char script[256];
        snprintf(script, sizeof script, "rm -rf out && mkdir out && tar --format=%s -cf theirs.tar -C tree .",
                 formats[i]);
        shell(script);
        CHECK(unpack("theirs.tar", "out", &count) == 0);
        // GNU's own format has no fractions of seconds.
        if (strcmp(formats[i], "gnu") != 0)
            same_trees("tree", "out");
        else
            shell("diff -r --no-dereference -x pipe tree out");
    }
    shell("rm -rf out && mkdir out");
    CHECK(unpack("ours.tar", "out", &count) == 0 && count.entries > 10);
    same_trees("tree", "out");
    // Over what is there already; its directories keep their own times, unless owners are kept.
    CHECK(unpack("ours.tar", "out", &count) == 0);
    if (getuid() == 0)
        same_trees("tree", "out");
    else
        shell("diff -r --no-dereference -x pipe tree out");
}

static void named_members(void)
{
    char file[] = "dir/file", link[] = "link", missing[] = "missing";
    char *two[] = {file, link, NULL}, *one[] = {link, NULL}, *none[] = {missing, NULL};
    CHECK(pack("tree", two, false, "two.tar") == 0);
    shell("tar -tvf two.tar | grep -q 'link -> dir/file' && [ $(tar -tf two.tar | wc -l) = 2 ]");
    CHECK(pack("tree", one, true, "one.tar") == 0);
    shell("tar -xOf one.tar link | grep -q hello");
    CHECK(pack("tree", none, false, "none.tar") == ENOENT);
}

// What the kernel makes when it is read has no size before.
static void sizes_that_lie(void)
{
    char version[] = "version", *one[] = {version, NULL};
    shell("ln -s /proc/version version");
    CHECK(pack(".", one, true, "version.tar") == 0);
    shell("tar -xOf version.tar version | cmp - /proc/version");
}

// Writes an archive of headers alone (and five bytes for a file), the last of which tries to get out.
static void forge(const char *archive, const struct tar_entry *entries, size_t count)
{
    static const char zeros[1024];
    int fd = open_in(archive, O_WRONLY | O_CREAT | O_TRUNC);
    for (size_t i = 0; i < count; i++) {
        uint8_t block[TAR_BLOCK];
        struct text_buffer records = {0};
        CHECK(tar_encode_pax(&entries[i], &records));
        CHECK(records.length == 0);
        tar_encode_header(&entries[i], block);
        CHECK(write(fd, block, sizeof block) == sizeof block);
        if (entries[i].size > 0)
            CHECK(write(fd, "EVIL\n", 5) == 5 && write(fd, zeros, 507) == 507);
    }
    CHECK(write(fd, zeros, sizeof zeros) == sizeof zeros);
    close(fd);
}

static void stays_inside(void)
{
    struct tree_count count;
    struct tar_entry file = {.type = '0', .mode = 0644, .size = 5}, up = file, absolute = file, through = file,
                     over = file;
    struct tar_entry outward = {.type = '2', .path = "out", .link = "..", .mode = 0777}, rooted = outward;
    struct tar_entry hard = {.type = '1', .path = "hard", .link = "../secret"}, inward = outward;
    up.path = "a/../../evil";
    absolute.path = "/tmp/banger-evil";
    through.path = "out/evil";
    over.path = "out";
    rooted.link = "/";
    inward.link = "real";
    shell("rm -rf jail && mkdir jail && printf secret > secret");
    forge("up.tar", &up, 1);
    CHECK(unpack("up.tar", "jail", &count) == EXDEV && strstr(count.why, "outside"));
    forge("absolute.tar", &absolute, 1);
    CHECK(unpack("absolute.tar", "jail", &count) == EXDEV);
    forge("through.tar", (struct tar_entry[]){outward, through}, 2);
    CHECK(unpack("through.tar", "jail", &count) == EXDEV && strstr(count.why, "a link leads out"));
    forge("rooted.tar", (struct tar_entry[]){rooted, through}, 2);
    CHECK(unpack("rooted.tar", "jail", &count) == EXDEV);
    forge("hard.tar", &hard, 1);
    CHECK(unpack("hard.tar", "jail", &count) == EXDEV);
    shell("[ ! -e evil ] && [ $(cat secret) = secret ] && [ ! -e /tmp/banger-evil ]");
    // A link that stays inside is a way; a link where a file comes is replaced.
    forge("inward.tar", (struct tar_entry[]){{.type = '5', .path = "real", .mode = 0755}, inward, through}, 3);
    CHECK(unpack("inward.tar", "jail", &count) == 0);
    shell("grep -q EVIL jail/real/evil && [ -L jail/out ]");
    shell("rm jail/out && ln -s ../secret jail/out");
    forge("over.tar", &over, 1);
    CHECK(unpack("over.tar", "jail", &count) == 0);
    shell("[ $(cat secret) = secret ] && [ ! -L jail/out ] && grep -q EVIL jail/out");
}

static void modes_are_tamed(void)
{
    struct tree_count count = {0};
    struct tar_entry program = {.type = '0', .path = "program", .mode = 06755, .size = 5, .uid = 12345};
    struct tar_entry device = {.type = '3', .path = "device", .mode = 0666, .major = 1, .minor = 3};
    forge("suid.tar", (struct tar_entry[]){program, device}, 2);
    shell("rm -rf plain && mkdir plain && chmod 0711 plain");
    int in = open_in("suid.tar", O_RDONLY), to = open_in("plain", O_RDONLY | O_DIRECTORY);
    mode_t mask = umask(022);
    CHECK(tree_unpack(to, false, &(struct io_source){.read = get, .context = &in}, &count) == 0);
    umask(mask);
    close(in);
    close(to);
    shell(
        "[ $(stat -c %a plain/program) = 755 ] && [ ! -e plain/device ] && [ $(stat -c %u plain/program) = $(id -u) ]");
    shell("[ $(stat -c %a plain) = 711 ]");
}

static void devices_stay(void)
{
    struct tree_count count = {0};
    struct tar_entry file = {.type = '0', .path = "null", .mode = 0644, .size = 5};
    forge("null.tar", &file, 1);
    shell("mkdir dev && { mknod dev/null c 1 3 2>&- || { touch dev/null && mount --bind /dev/null dev/null; }; }");
    CHECK(unpack("null.tar", "dev", &count) == EEXIST && strstr(count.why, "a device is in its place"));
    shell("[ -c dev/null ] && [ \"$(ls -A dev)\" = null ] && { umount dev/null 2>&- || true; }");
}

static void large_sizes(void)
{
    // Beyond 8 GiB a size needs a pax record; the reader is asked about headers alone.
    struct tar_entry entry = {.type = '0',
                              .path = "huge",
                              .size = 9ull << 30,
                              .uid = 3000000,
                              .mtime = -5,
                              .mtime_ns = 250000000},
                     back = {0};
    struct text_buffer records = {0};
    CHECK(tar_encode_pax(&entry, &records));
    back.path = "";
    CHECK(tar_apply_pax(records.data, records.length, &back) == NULL);
    CHECK(back.size == 9ull << 30 && back.uid == 3000000 && back.mtime == -5 && back.mtime_ns == 250000000);
    free(records.data);
}

struct memory {
    const uint8_t *at;
    size_t left;
};

static ssize_t read_memory(void *context, void *data, size_t size)
{
    struct memory *memory = context;
    size_t n = size < memory->left ? size : memory->left;
    memcpy(data, memory->at, n);
    memory->at += n;
    memory->left -= n;
    return (ssize_t)n;
}

static void read_all(const uint8_t *data, size_t size)
{
    struct memory memory = {data, size};
    struct tar_reader reader = {.source = {.read = read_memory, .context = &memory}};
    struct tar_entry entry;
    char content[3000];
    while (tar_next(&reader, &entry) > 0) {
        CHECK(entry.path && strlen(entry.path) <= TAR_PAX_MAX);
        if (entry.size & 1)
            (void)tar_content(&reader, content, sizeof content);
    }
    tar_reader_close(&reader);
}

// Flips bytes of a real archive and repairs the checksums, so that the noise gets past them.
static void noise(void)
{
    shell("tar --format=gnu -cf g.tar -C tree --exclude=big . && tar --format=posix -cf p.tar -C tree --exclude=big . "
          "&& cat p.tar g.tar > n.tar");
    static uint8_t original[1 << 18], changed[1 << 18];
    int fd = open_in("n.tar", O_RDONLY);
    ssize_t size = read(fd, original, sizeof original);
    close(fd);
    CHECK(size > 10000);
    srand(3);
    for (int round = 0; round < 3000; round++) {
        memcpy(changed, original, (size_t)size);
        for (int i = 1 + rand() % 8; i > 0; i--)
            changed[rand() % size] = (uint8_t)rand();
        for (ssize_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
            unsigned sum = 8 * ' ';
            if (memcmp(changed + at + 257, "ustar", 5) != 0)
                continue;
            for (int i = 0; i < TAR_BLOCK; i++)
                sum += i < 148 || i >= 156 ? changed[at + i] : 0;
            snprintf((char *)changed + at + 148, 8, "%06o", sum);
        }
        read_all(changed, (size_t)(rand() % 4 ? size : rand() % size));
    }
}

// What ends early leaves no half file under its name, and what had the name before.
static void cut_off(void)
{
    struct tree_count count;
    shell("mkdir -p one cut && printf old > cut/file && head -c 300000 /dev/urandom > one/file");
    CHECK(pack("one", NULL, false, "one.tar") == 0);
    shell("head -c 100000 one.tar > cut.tar");
    CHECK(unpack("cut.tar", "cut", &count) != 0);
    shell("test \"$(cat cut/file)\" = old && test \"$(ls -A cut)\" = file");
}

int main(void)
{
    strcpy(base, "/tmp/banger-tar-test.XXXXXX");
    CHECK(mkdtemp(base));
    against_gnu_tar();
    named_members();
    sizes_that_lie();
    stays_inside();
    modes_are_tamed();
    devices_stay();
    large_sizes();
    cut_off();
    noise();
    shell("cd / && rm -rf \"$OLDPWD\"");
    return 0;
}
