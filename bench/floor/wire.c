#include <string.h>

#include "wire.h"

enum { PREAMBLE = HEADER + MAX_PAYLOAD + TRAILER, MARKER = 16, MESSAGE_HEAD = 12, FIELD_HEAD = 8 };

static const unsigned char marker[MARKER] = {
  0x00, 0x42, 0x41, 0x4e, 0x47, 0x45, 0x52, 0xff, 0xfe, 0x0d, 0x0a, 0x1a, 0x48, 0x45, 0x4c, 0x31,
};

static void put(unsigned char *to, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const unsigned char *from, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; i++) value |= (uint64_t)from[i] << (8 * i);
  return value;
}

static uint32_t checksum(const unsigned char *bytes, size_t count, uint32_t epoch) {
  uint32_t c = 0xffffffffu ^ epoch;
  for (size_t i = 0; i < count; i++) {
    c ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? (c >> 1) ^ 0xedb88320u : c >> 1;
  }
  return c ^ 0xffffffffu;
}

/* The payload is in its place already. */
static size_t seal(unsigned char *frame, uint8_t type, size_t payload, uint64_t offset, uint32_t epoch) {
  memset(frame, 0, HEADER);
  put(frame, payload, 4);
  frame[4] = type;
  put(frame + 12, offset, 8);
  uint32_t check = checksum(frame, 20, epoch);
  put(frame + 20, check, 4);
  put(frame + HEADER + payload, ~check, 4);
  return HEADER + payload + TRAILER;
}

static size_t put_field(unsigned char *to, uint16_t tag, const void *value, size_t length) {
  put(to, tag, 2);
  put(to + 2, 0, 2);
  put(to + 4, length, 4);
  memcpy(to + FIELD_HEAD, value, length);
  return FIELD_HEAD + length;
}

static size_t put_number(unsigned char *to, uint16_t tag, uint64_t value) {
  unsigned char bytes[8];
  put(bytes, value, 8);
  return put_field(to, tag, bytes, sizeof bytes);
}

size_t put_greeting(unsigned char *to, uint64_t epoch) {
  unsigned char *frame = to + PREAMBLE + MARKER;
  unsigned char *at = frame + HEADER;
  memset(to, 0, PREAMBLE);
  memcpy(to + PREAMBLE, marker, MARKER);
  at += put_number(at, 1, 1);
  at += put_number(at, 2, epoch);
  at += put_field(at, 3, "floor-of-a-bench", 16);
  at += put_field(at, 4, "floor", 5);
  return PREAMBLE + MARKER + seal(frame, FRAME_HELLO, (size_t)(at - frame - HEADER), epoch, 0);
}

size_t put_exec_true(unsigned char *to, uint64_t epoch) {
  unsigned char *message = to + HEADER;
  unsigned char *fields = message + MESSAGE_HEAD;
  unsigned char *at = fields;
  at += put_field(at, 1, "floor", 5);
  at += put_number(at, 2, 2);      /* stream */
  at += put_number(at, 3, 262144); /* window */
  at += put_field(at, 4, "true", 4);
  put(message, (uint64_t)(at - fields), 4);
  put(message + 4, MESSAGE_EXEC, 2);
  put(message + 6, 0, 2);
  put(message + 8, 1, 4); /* request */
  return seal(to, FRAME_DATA, (size_t)(at - message), 0, (uint32_t)epoch);
}

static void drop(struct input *input, size_t count) {
  memmove(input->bytes, input->bytes + count, input->count - count);
  input->count -= count;
}

int take_marker(struct input *input) {
  for (size_t i = 0; i + MARKER <= input->count; i++) {
    if (memcmp(input->bytes + i, marker, MARKER) != 0) continue;
    drop(input, i + MARKER);
    return 1;
  }
  return 0;
}

int peek_frame(const struct input *input, struct frame *frame) {
  if (input->count < HEADER) return 0;
  frame->length = (uint32_t)get(input->bytes, 4);
  if (frame->length > MAX_PAYLOAD) return -1;
  if (input->count < (size_t)HEADER + frame->length + TRAILER) return 0;
  frame->type = input->bytes[4];
  frame->stream = (uint32_t)get(input->bytes + 8, 4);
  frame->payload = input->bytes + HEADER;
  return get(input->bytes + 20, 4) == (~get(frame->payload + frame->length, 4) & 0xffffffffu) ? 1 : -1;
}

void drop_frame(struct input *input, const struct frame *frame) {
  drop(input, (size_t)HEADER + frame->length + TRAILER);
}

int take_message(struct input *control, uint16_t tag, uint16_t *type, uint64_t *value) {
  if (control->count < MESSAGE_HEAD) return 0;
  size_t length = (size_t)get(control->bytes, 4);
  if (control->count < MESSAGE_HEAD + length) return 0;
  *type = (uint16_t)get(control->bytes + 4, 2);
  *value = 0;
  for (size_t at = MESSAGE_HEAD; at + FIELD_HEAD <= MESSAGE_HEAD + length;) {
    const unsigned char *field = control->bytes + at;
    size_t size = (size_t)get(field + 4, 4);
    if (get(field, 2) == tag && size == 8 && at + FIELD_HEAD + 8 <= MESSAGE_HEAD + length) *value = get(field + FIELD_HEAD, 8);
    at += FIELD_HEAD + size;
  }
  drop(control, MESSAGE_HEAD + length);
  return 1;
}
