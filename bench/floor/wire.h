/*
 * Just enough of docs/protocol/agent.md to say HELLO, ask for one command and hear how it ended. The agent is
 * trusted here: it is ours, and nothing depends on this program but a number.
 */
#ifndef FLOOR_WIRE_H
#define FLOOR_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_PAYLOAD = 65536, HEADER = 24, TRAILER = 4 };
enum { FRAME_HELLO = 1, FRAME_DATA = 2 };
enum { MESSAGE_EXEC = 0x02, MESSAGE_EXEC_ANSWER = 0x8002, MESSAGE_EXITED = 0x100 };

struct frame {
  uint32_t length;
  uint8_t type;
  uint32_t stream;
  const unsigned char *payload;
};

/* Bytes that are received and not yet taken. */
struct input {
  unsigned char bytes[4 * MAX_PAYLOAD];
  size_t count;
};

/* The zeros, the marker and HELLO; returns how many bytes they are. */
size_t put_greeting(unsigned char *to, uint64_t epoch);

/* EXEC of `true` as the first message of the control stream. */
size_t put_exec_true(unsigned char *to, uint64_t epoch);

/* Takes what is before the marker, and the marker. 0: it has not come yet. */
int take_marker(struct input *input);

/* 1: a whole frame is at the head, and stays there until drop_frame; 0: not yet; -1: no frame. */
int peek_frame(const struct input *input, struct frame *frame);
void drop_frame(struct input *input, const struct frame *frame);

/* Takes the first message of what the control stream has brought. 1: there was one; `type` and field `tag` of it. */
int take_message(struct input *control, uint16_t tag, uint16_t *type, uint64_t *value);

#endif
