// Requests: from the message to the verb, and back with the answer. See verbs.h.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "stream_core.h"

struct block {
    struct block *next;
    uint8_t bytes[];
};

void *request_memory(struct request *request, size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);

    if (!block)
        return NULL;
    block->next = request->memory;
    request->memory = block;
    return block->bytes;
}

static void request_free(struct request *request)
{
    struct agent *agent = request->agent;
    struct block *block = request->memory;

    for (struct request **link = &agent->requests; *link; link = &(*link)->next) {
        if (*link == request) {
            *link = request->next;
            agent->request_count--;
            break;
        }
    }
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    out_clear(&request->answer);
    free((void *)request->fields.at);
    free(request);
}

void request_answer(struct request *request, int error, const char *text)
{
    struct out out = {0};

    if (request->answer.failed && !error)
        error = ENOMEM;
    if (error)
        out_u64(&out, 1, (uint64_t)error);
    if (text)
        out_text(&out, 2, text);
    if (!error)
        out_raw(&out, request->answer.data, request->answer.length);
    message_send(request->agent, request->type | 0x8000, request->number, &out);
    out_clear(&out);
    streams_request_gone(request, error != 0);
    request_free(request);
}

static void cancel(struct request *request, bool answered)
{
    streams_request_gone(request, true);
    if (request->cancelled)
        request->cancelled(request);
    if (answered)
        request_answer(request, ECANCELED, NULL);
    else
        request_free(request);
}

void requests_cancel_all(struct agent *agent, struct request *but, bool answered)
{
    struct request *request = agent->requests;

    while (request) {
        if (request == but) {
            request = request->next;
            continue;
        }
        cancel(request, answered);
        request = agent->requests;
    }
}

int request_cancel_verb(struct request *request)
{
    uint64_t number = request_u64(request, 1, 0);
    struct request *other = request->agent->requests;

    if (request->malformed)
        return -EINVAL;
    while (other && other->number != number)
        other = other->next;
    // One that was answered meanwhile is no error: the answer is on its way.
    if (other && other != request)
        cancel(other, true);
    request_answer(request, 0, NULL);
    return 0;
}

static const struct verb *find_verb(uint16_t type)
{
    for (size_t i = 0; i < verb_count; i++) {
        if (verbs[i].type == type)
            return &verbs[i];
    }
    return NULL;
}

static int admit(struct agent *agent, const struct request *request)
{
    if (request->number == 0 || !fields_valid(request->fields))
        return EINVAL;
    for (struct request *other = agent->requests; other; other = other->next) {
        if (other != request && other->number == request->number)
            return EINVAL;
    }
    if (!find_verb(request->type))
        return ENOSYS;
    return agent->request_count > REQUESTS_MAX ? EAGAIN : 0;
}

void request_begin(struct agent *agent, uint16_t type, uint32_t number, uint8_t *body, size_t length)
{
    struct request *request = calloc(1, sizeof *request);
    int error;

    if (!request) {
        free(body);
        return;
    }
    *request = (struct request){.agent = agent, .type = type, .number = number, .fields = {body, length}, .next = agent->requests};
    agent->requests = request;
    agent->request_count++;
    error = admit(agent, request);
    if (error) {
        request_answer(request, error, NULL);
        return;
    }
    error = find_verb(type)->handle(request);
    if (error < 0)
        request_answer(request, -error, NULL);
}
