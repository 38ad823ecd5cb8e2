// The fuzz target without libFuzzer: mutations of a small corpus for a few seconds, the same ones every time.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUT_MAX 4096
#define INPUTS_MAX 64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t corpus[INPUTS_MAX][INPUT_MAX];
static size_t sizes[INPUTS_MAX];
static unsigned count;
static uint64_t state = 0x9e3779b97f4a7c15ULL;

static unsigned next_random(unsigned below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (unsigned)(state >> 33) % below;
}

static void load(const char *directory)
{
    DIR *entries = opendir(directory);
    struct dirent *entry;
    char path[1024];

    while (entries && count < INPUTS_MAX && (entry = readdir(entries))) {
        FILE *file;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        file = fopen(path, "r");
        if (file)
            sizes[count] = fread(corpus[count], 1, INPUT_MAX, file), count++, fclose(file);
    }
    if (entries)
        closedir(entries);
}

static size_t mutate(uint8_t *to)
{
    unsigned from = next_random(count), other = next_random(count);
    size_t size = sizes[from];

    memcpy(to, corpus[from], size);
    for (unsigned i = next_random(12); i > 0 && size > 4; i--) {
        size_t at = next_random((unsigned)size);
        switch (next_random(4)) {
        case 0:
            to[at] = (uint8_t)next_random(256);
            break;
        case 1:
            to[at] ^= (uint8_t)(1 << next_random(8));
            break;
        case 2: // cut
            memmove(to + at, to + at + 1, size - at - 1);
            size--;
            break;
        default: // splice
            if (sizes[other] > 0 && size + sizes[other] <= INPUT_MAX) {
                memmove(to + at + sizes[other], to + at, size - at);
                memcpy(to + at, corpus[other], sizes[other]);
                size += sizes[other];
            }
        }
    }
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t input[INPUT_MAX];
    time_t end;
    unsigned runs = 0;

    load(argc > 1 ? argv[1] : ".");
    if (count == 0)
        return 2;
    LLVMFuzzerInitialize(NULL, NULL);
    end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 3);
    for (unsigned i = 0; i < count; i++)
        LLVMFuzzerTestOneInput(corpus[i], sizes[i]);
    for (; time(NULL) < end; runs++)
        LLVMFuzzerTestOneInput(input, mutate(input));
    printf("    %u inputs\n", runs);
    return 0;
}
