// Messages on stream 0: assembling the host's, sending ours.
#ifndef AGENT_MESSAGE_H
#define AGENT_MESSAGE_H

#include "core.h"

#define MESSAGE_HEADER 12u
#define MESSAGE_FIELDS_MAX 262144u

void messages_session_began(struct agent *agent);
void messages_session_ended(struct agent *agent);
void messages_watch(struct agent *agent); // stream 0 was replaced or restored
void messages_resume(struct agent *agent); // takes requests that waited
void message_send(struct agent *agent, uint16_t type, uint32_t request, const struct out *fields);

// request.c
void request_begin(struct agent *agent, uint16_t type, uint32_t number, uint8_t *body, size_t length); // takes body
void requests_cancel_all(struct agent *agent, struct request *but, bool answered);
int request_cancel_verb(struct request *request);

#endif
