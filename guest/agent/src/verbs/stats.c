// STATS: load, memory, processor and disks, read from /proc. Only file systems on block devices are asked: those cannot
// hang on a network.
#include "stats.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

enum { DISKS_MAX = 64 };

static void put_memory(struct out *out)
{
    char line[128];
    unsigned long long kib;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "MemTotal: %llu", &kib) == 1)
            out_u64(out, 7, kib * 1024);
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
            out_u64(out, 8, kib * 1024);
    }
    if (file)
        fclose(file);
}

static void put_processor(struct out *out)
{
    // user nice system idle iowait irq softirq steal; guest time is within user
    unsigned long long t[8] = {0}, total = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (!file)
        return;
    int n = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6],
                   &t[7]);
    fclose(file);
    for (int i = 0; i < n; i++)
        total += t[i];
    unsigned long long tick_ms = 1000ull / (unsigned long long)sysconf(_SC_CLK_TCK);
    out_u64(out, 9, (total - t[3] - t[4]) * tick_ms);
    out_u64(out, 10, total * tick_ms);
}

static void put_disk(struct out *out, const char *mount_point, dev_t *seen, size_t *count)
{
    struct stat st;
    struct statvfs fs;
    if (*count == DISKS_MAX || stat(mount_point, &st) != 0 || statvfs(mount_point, &fs) != 0)
        return;
    for (size_t i = 0; i < *count; i++)
        if (seen[i] == st.st_dev)
            return;
    seen[(*count)++] = st.st_dev;
    size_t mark = out_begin(out, 11);
    out_text(out, 1, mount_point);
    out_u64(out, 2, (uint64_t)fs.f_blocks * fs.f_frsize);
    out_u64(out, 3, (uint64_t)fs.f_bavail * fs.f_frsize);
    out_u64(out, 4, fs.f_files);
    out_u64(out, 5, fs.f_favail);
    out_end(out, mark);
}

static void put_disks(struct out *out)
{
    dev_t seen[DISKS_MAX];
    size_t count = 0;
    FILE *mounts = setmntent("/proc/mounts", "re");
    if (!mounts)
        return;
    for (struct mntent *entry; (entry = getmntent(mounts));)
        if (!strncmp(entry->mnt_fsname, "/dev/", 5) && strncmp(entry->mnt_type, "fuse", 4) != 0)
            put_disk(out, entry->mnt_dir, seen, &count);
    endmntent(mounts);
}

int stats_verb(struct request *request)
{
    struct out *out = &request->answer;
    struct timespec up;
    struct sysinfo info;
    clock_gettime(CLOCK_BOOTTIME, &up);
    out_u64(out, 3, (uint64_t)up.tv_sec * 1000 + (uint64_t)up.tv_nsec / 1000000);
    if (sysinfo(&info) != 0)
        return -errno;
    for (uint16_t i = 0; i < 3; i++)
        out_u64(out, (uint16_t)(4 + i), (uint64_t)info.loads[i] * 100 / 65536);
    put_memory(out);
    put_processor(out);
    put_disks(out);
    out_u64(out, 12, info.procs);
    request_answer(request, 0, NULL);
    return 0;
}
