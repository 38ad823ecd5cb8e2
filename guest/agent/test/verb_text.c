// What the verbs read from elsewhere: socket tables, addresses, pax records, tar numbers. And noise.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/host.h"
#include "verbs/netlink.h"
#include "verbs/proc_net.h"
#include "verbs/tar_decode.h"

static void socket_tables(void)
{
    struct listener listener;
    CHECK(proc_net_line(
        "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 "
        "ffff 100 0 0 10 0\n",
        false, &listener));
    CHECK(listener.port == 3000 && listener.inode == 12345 && !strcmp(listener.address, "127.0.0.1"));
    CHECK(proc_net_line(
        "  12: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 "
        "00:00000000 00000000  1000        0 777 1 ffff 100 0 0 10 0\n",
        true, &listener));
    CHECK(listener.port == 8080 && listener.inode == 777 && !strcmp(listener.address, "::1"));
    // Established, and headings.
    CHECK(!proc_net_line(
        "   1: 0100007F:0BB8 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 1 1\n", false,
        &listener));
    CHECK(!proc_net_line(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n", false,
        &listener));
    CHECK(!proc_net_line("   0: 0100007F:0BB8 00000000:0000 0A 0:0 0:0 0 0 0 1\n", true, &listener));
}

static void addresses(void)
{
    struct net_address address;
    CHECK(net_parse("10.0.2.15/24", &address) && address.family == AF_INET && address.prefix == 24 &&
          address.bytes[3] == 15);
    CHECK(net_parse("10.0.2.2", &address) && address.prefix == 32 && net_size(&address) == 4);
    CHECK(net_parse("fd00::2/64", &address) && address.family == AF_INET6 && address.prefix == 64);
    CHECK(net_parse("0.0.0.0/0", &address) && address.prefix == 0);
    CHECK(!net_parse("10.0.2.15/33", &address) && !net_parse("10.0.2/24", &address) && !net_parse("", &address));
    CHECK(!net_parse("10.0.2.15/", &address) && !net_parse("10.0.2.15/2x", &address) && !net_parse("::/129", &address));
}

static void pax_records(void)
{
    struct text_buffer buffer = {0};
    char value[2000];
    memset(value, 'v', sizeof value);
    // Lengths around the points where the length's own digits grow.
    for (size_t n = 0; n < 120; n++)
        CHECK(pax_append(&buffer, "key", value, n));
    for (size_t n = 980; n < 1005; n++)
        CHECK(pax_append(&buffer, "key", value, n));
    const char *at = buffer.data;
    size_t left = buffer.length;
    struct pax_record record;
    for (size_t n = 0; n < 1005; n = n == 119 ? 980 : n + 1) {
        CHECK(pax_next(&at, &left, &record) == 1);
        CHECK(record.key_length == 3 && record.value_length == n);
    }
    CHECK(pax_next(&at, &left, &record) == 0);
    free(buffer.data);
    static const char *const bad[] = {"9 a=b\n", "6 a=b ", "x", "5 a=\n", "3 =\n", "99999999999999999999 a=b\n",
                                      "4 a\n",   "6  =b\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        at = bad[i];
        left = strlen(bad[i]);
        int step = pax_next(&at, &left, &record);
        CHECK(step <= 0 || record.key_length > 0);
    }
}

static void numbers(void)
{
    uint64_t value;
    CHECK(tar_number((const uint8_t *)"0000644\0", 8, &value) && value == 0644);
    CHECK(tar_number((const uint8_t *)"   644 \0", 8, &value) && value == 0644);
    CHECK(tar_number((const uint8_t *)"\200\0\0\0\0\0\0\2\0\0\0\0", 12, &value) && value == 0x200000000);
    CHECK(!tar_number((const uint8_t *)"\200\377\377\377\377\377\377\377\377\377\377\377", 12, &value));
    CHECK(!tar_number((const uint8_t *)"12x45678", 8, &value));
    CHECK(tar_number((const uint8_t *)"\0\0\0\0\0\0\0\0", 8, &value) && value == 0);
}

static void noise(void)
{
    static const char alphabet[] = "0123456789ABCDEFabcdef:. =\n/";
    srand(2);
    for (int round = 0; round < 30000; round++) {
        char text[200];
        size_t length = (size_t)rand() % (sizeof text - 1);
        for (size_t i = 0; i < length; i++)
            text[i] = rand() % 8 ? alphabet[(size_t)rand() % (sizeof alphabet - 1)] : (char)rand();
        text[length] = '\0';
        struct listener listener;
        struct net_address address;
        (void)proc_net_line(text, round & 1, &listener);
        (void)net_parse(text, &address);
        char *copy = malloc(length + 1);
        memcpy(copy, text, length + 1);
        const char *at = copy;
        size_t left = length;
        struct pax_record record;
        while (pax_next(&at, &left, &record) > 0)
            continue;
        struct tar_entry entry = {0};
        (void)tar_apply_pax(copy, length, &entry);
        free(copy);
    }
}

int main(void)
{
    socket_tables();
    addresses();
    pax_records();
    numbers();
    noise();
    return 0;
}
