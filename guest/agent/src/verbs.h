// What a verb is and how it answers. The table is verbs.c; a verb lives in its own file and touches the core only through this header,
// stream.h, loop.h, fields.h and agent.h.
#ifndef AGENT_VERBS_H
#define AGENT_VERBS_H

#include "fields.h"

struct agent;

struct request {
    struct agent *agent;
    uint32_t number;
    uint16_t type;
    bool malformed;       // set by the request_* readers; check it once after reading: `if (request->malformed) return -EINVAL;`
    struct fields fields; // valid as long as the request is
    struct out answer;    // put the answer's fields (3 and up) here before request_answer
    void *state;          // the verb's
    // Called at most once, when a request without an answer is cancelled or its session ends. Free the state, release nothing of the
    // request itself, do not answer; streams opened for the request are already reset (without their reset callback).
    void (*cancelled)(struct request *request);
    struct request *next; // the core's, as all below
    void *memory;
};

struct verb {
    uint16_t type;
    const char *capability; // named in HELLO; NULL if it goes without saying
    // A negative errno is answered for the verb; 0 says that it has been answered, or will be by request_answer later.
    int (*handle)(struct request *request);
};

extern const struct verb verbs[];
extern const size_t verb_count;

// Readers. Text is NUL-terminated and lives as long as the request.
uint64_t request_u64(struct request *request, uint16_t tag, uint64_t fallback);
const char *request_text(struct request *request, uint16_t tag, const char *fallback);
// All values of a repeated text as a NULL-terminated list. When malformed is set, it ends before the first one that is none, or is NULL.
char **request_texts(struct request *request, uint16_t tag, size_t *count);
// All values of a repeated tag, one by one: start with rest = request->fields. A struct is read with field_struct and struct_text.
bool request_each(struct request *request, uint16_t tag, struct fields *rest, struct field *field);
void *request_memory(struct request *request, size_t size); // zeroed, freed with the request; NULL when out of memory

// Within a struct value: sets request->malformed like the readers above.
struct fields field_struct(struct request *request, const struct field *field);
const char *struct_text(struct request *request, struct fields fields, uint16_t tag, const char *fallback);

// Answers and frees the request. error is 0 or a positive errno; text may be NULL. Streams opened for it live on until they
// are finished or reset; with an error they are reset at once (without their reset callback).
void request_answer(struct request *request, int error, const char *text);

// An event to the host; dropped when there is no session. Frees the fields.
void agent_event(struct agent *agent, uint16_t type, struct out *fields);

#endif
