// CRC-32 (IEEE, reflected), salted with the epoch.
#ifndef AGENT_CRC32_H
#define AGENT_CRC32_H

#include <stddef.h>
#include <stdint.h>

// Initial value 0xffffffff ^ epoch, final xor 0xffffffff.
uint32_t crc32_epoch(const uint8_t *data, size_t length, uint32_t epoch);

#endif
