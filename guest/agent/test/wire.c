// Frames, scanning and fields against the golden bytes: whole, one byte at a time, and cut at random.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "support/host.h"

#define BYTES_MAX (1u << 18)

struct seen {
    struct frame frames[16];
    uint32_t crc[16];
    int count;
    bool lost;
    bool hello_found;
    struct receiver receiver;
};

static void note(struct seen *seen, const struct frame *frame)
{
    CHECK(seen->count < 16);
    seen->frames[seen->count] = *frame;
    seen->crc[seen->count++] = crc32_epoch(frame->payload, frame->length, 0);
}

static void on_hello(void *context, const struct frame *frame)
{
    struct seen *seen = context;
    seen->hello_found = true;
    if (!seen->lost) // a HELLO behind a lost position is the next life's
        note(seen, frame);
}

static bool on_frame(void *context, const struct frame *frame)
{
    note(context, frame);
    return true;
}

static void on_lost(void *context) { ((struct seen *)context)->lost = true; }

static size_t read_hex(const char *name, uint8_t *to, size_t zeros)
{
    char path[512];
    FILE *file;
    unsigned byte;
    size_t size = zeros;

    memset(to, 0, zeros);
    snprintf(path, sizeof path, "%s/%s.hex", getenv("GOLDEN"), name);
    file = fopen(path, "r");
    CHECK(file);
    while (fscanf(file, "%2x", &byte) == 1)
        to[size++] = (uint8_t)byte;
    fclose(file);
    CHECK(size < BYTES_MAX);
    return size;
}

static void feed(struct seen *seen, const uint8_t *data, size_t size, size_t most)
{
    while (size) {
        size_t space, part;
        uint8_t *to = receiver_space(&seen->receiver, &space);
        part = most ? most : (size_t)rand() % 40000 + 1;
        part = part < space ? part : space;
        part = part < size ? part : size;
        memcpy(to, data, part);
        receiver_filled(&seen->receiver, part);
        data += part;
        size -= part;
    }
}

static struct seen *receive(const uint8_t *data, size_t size, const char *kind, uint64_t epoch, size_t most)
{
    static struct seen seen;

    memset(&seen, 0, sizeof seen);
    seen.receiver.hello = on_hello;
    seen.receiver.frame = on_frame;
    seen.receiver.lost = on_lost;
    seen.receiver.context = &seen;
    receiver_scan(&seen.receiver);
    seen.receiver.scanning = !strcmp(kind, "scan");
    seen.receiver.epoch = epoch;
    feed(&seen, data, size, most);
    return &seen;
}

struct expected {
    char name[64], kind[16];
    uint64_t epoch;
    size_t zeros;
    long lost_at;
    struct frame frames[16];
    uint32_t crc[16];
    int count;
};

static void compare(const struct expected *expected, const struct seen *seen)
{
    // Frames of a type from the future are skipped by whoever dispatches them, so they are seen here.
    if (seen->count != expected->count || seen->lost != (expected->lost_at >= 0))
        fprintf(stderr, "case %s: %d frames, lost %d\n", expected->name, seen->count, seen->lost);
    CHECK(seen->count == expected->count && seen->lost == (expected->lost_at >= 0));
    for (int i = 0; i < seen->count; i++) {
        const struct frame *a = &seen->frames[i], *b = &expected->frames[i];
        CHECK(a->type == b->type && a->flag == b->flag && a->stream == b->stream && a->offset == b->offset && a->length == b->length);
        CHECK(seen->crc[i] == expected->crc[i]);
    }
}

static void check_encoding(const struct expected *expected, const uint8_t *data, const struct seen *seen)
{
    static uint8_t bytes[FRAME_MAX];
    size_t at = 0;

    if (strcmp(expected->kind, "frames") != 0)
        return;
    for (int i = 0; i < seen->count; i++) {
        struct frame frame = seen->frames[i];
        frame.payload = data + at + FRAME_HEADER;
        size_t size = frame_encode(bytes, &frame, expected->epoch);
        CHECK(!memcmp(bytes, data + at, size));
        at += size;
    }
}

static void check_pipe_case(const struct expected *expected)
{
    static uint8_t data[BYTES_MAX];
    size_t size = read_hex(expected->name, data, expected->zeros);
    const struct seen *seen = receive(data, size, expected->kind, expected->epoch, RECEIVER_SIZE);

    compare(expected, seen);
    check_encoding(expected, data, seen);
    compare(expected, receive(data, size, expected->kind, expected->epoch, 1));
    for (int i = 0; i < 20; i++)
        compare(expected, receive(data, size, expected->kind, expected->epoch, 0));
}

static void check_message(const char *name, const char *lines, unsigned type, unsigned request, int malformed)
{
    static uint8_t data[BYTES_MAX];
    size_t size = read_hex(name, data, 0);
    struct fields fields = {data + 12, size - 12};
    struct field field;
    bool bad = false;
    unsigned tag, length, crc;
    int used;
    struct out again = {0};

    CHECK(get32(data) == size - 12 && get16(data + 4) == type && get32(data + 8) == request);
    CHECK(fields_valid(fields) == !malformed);
    while (!malformed && fields_next(&fields, &field, &bad)) {
        CHECK(sscanf(lines, " field %u %u %u%n", &tag, &length, &crc, &used) == 3);
        lines += used;
        CHECK(field.tag == tag && field.length == length && crc32_epoch(field.value, length, 0) == crc);
        out_bytes(&again, field.tag, field.value, field.length);
    }
    CHECK(malformed || (again.length == size - 12 && (!again.length || !memcmp(again.data, data + 12, again.length))));
    out_clear(&again);
}

static int check_golden(void)
{
    static char text[1 << 16];
    char path[512], kind[16], *line;
    FILE *file;
    int cases = 0;

    snprintf(path, sizeof path, "%s/index.txt", getenv("GOLDEN"));
    file = fopen(path, "r");
    CHECK(file);
    CHECK(fread(text, 1, sizeof text - 1, file) < sizeof text - 1);
    fclose(file);
    for (line = text; *line;) {
        struct expected expected = {0};
        unsigned type, request;
        int used, malformed;
        CHECK(sscanf(line, " case %63s %15s %" SCNu64 " %zu %ld%n", expected.name, kind, &expected.epoch, &expected.zeros, &expected.lost_at, &used) == 5);
        memcpy(expected.kind, kind, sizeof kind);
        line += used;
        cases++;
        if (sscanf(line, " message %u %u %d%n", &type, &request, &malformed, &used) == 3) {
            check_message(expected.name, line + used, type, request, malformed);
        } else {
            struct frame *frame = expected.frames;
            while (sscanf(line, " frame %hhu %hhu %u %" SCNu64 " %u %u%n", &frame->type, &frame->flag, &frame->stream, &frame->offset, &frame->length,
                          &expected.crc[expected.count], &used) == 6) {
                line += used;
                frame++;
                expected.count++;
            }
            check_pipe_case(&expected);
        }
        line = strstr(line, "\ncase ");
        if (!line)
            break;
    }
    return cases;
}

static void check_text(void)
{
    static const struct {
        const char *bytes;
        unsigned length;
        bool good;
        const char *sent;
    } cases[] = {
        {"gr\xc3\xbc\xc3\x9f", 6, true, "gr\xc3\xbc\xc3\x9f"},
        {"\xe2\x82\xac\xf0\x9f\x98\x80", 7, true, "\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\xff" "b", 3, false, "a\xef\xbf\xbd" "b"},
        {"\xc0\xaf", 2, false, "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", 3, false, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", 4, false, NULL},
        {"cut\xe2\x82", 5, false, "cut\xef\xbf\xbd\xef\xbf\xbd"},
        {"a\0b", 3, false, NULL},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct field field = {.length = cases[i].length, .value = (const uint8_t *)cases[i].bytes};
        struct out out = {0};
        CHECK(field_is_text(&field) == cases[i].good);
        out_textn(&out, 1, cases[i].bytes, cases[i].length);
        if (cases[i].sent)
            CHECK(out.length == 8 + strlen(cases[i].sent) && !memcmp(out.data + 8, cases[i].sent, out.length - 8));
        out_clear(&out);
    }
}

// Whatever came before, cut wherever: the preamble ends it, and the HELLO behind it is found.
static void check_preamble(void)
{
    static uint8_t data[BYTES_MAX], hello[BYTES_MAX];
    size_t hello_size = read_hex("hello-host", hello, FRAME_MAX), size = read_hex("largest", data, 0);

    for (int i = 0; i < 300; i++) {
        size_t cut = i < 60 ? (size_t)i : (size_t)rand() % size;
        struct seen *seen = receive(data, cut, "frames", 0x19912345678, RECEIVER_SIZE);
        CHECK(!seen->lost && seen->count == 0);
        feed(seen, hello, hello_size, 0);
        CHECK(seen->lost && seen->count == 0 && seen->hello_found);
    }
}

int main(void)
{
    srand(1);
    CHECK(crc32_epoch((const uint8_t *)"123456789", 9, 0) == 0xcbf43926);
    CHECK(check_golden() > 20);
    check_text();
    check_preamble();
    return 0;
}
