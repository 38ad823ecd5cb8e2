// Reading a request's fields. What is malformed is remembered in the request. See verbs.h.
#include <string.h>

#include "verbs.h"

static char *copy_text(struct request *request, const struct field *field)
{
    char *text = field_is_text(field) ? request_memory(request, (size_t)field->length + 1) : NULL;

    if (text)
        memcpy(text, field->value, field->length);
    else
        request->malformed = true;
    return text;
}

static uint64_t struct_u64(struct request *request, struct fields fields, uint16_t tag, uint64_t fallback)
{
    struct field field;
    uint64_t value = fallback;

    if (fields_find(fields, tag, &field) && !field_u64(&field, &value))
        request->malformed = true;
    return value;
}

const char *struct_text(struct request *request, struct fields fields, uint16_t tag, const char *fallback)
{
    struct field field;
    const char *text;

    if (!fields_find(fields, tag, &field))
        return fallback;
    text = copy_text(request, &field);
    return text ? text : fallback;
}

struct fields field_struct(struct request *request, const struct field *field)
{
    struct fields fields = {field->value, field->length};

    if (fields_valid(fields))
        return fields;
    request->malformed = true;
    return (struct fields){0};
}

uint64_t request_u64(struct request *request, uint16_t tag, uint64_t fallback)
{
    return struct_u64(request, request->fields, tag, fallback);
}

const char *request_text(struct request *request, uint16_t tag, const char *fallback)
{
    return struct_text(request, request->fields, tag, fallback);
}

bool request_each(struct request *request, uint16_t tag, struct fields *rest, struct field *field)
{
    while (fields_next(rest, field, &request->malformed)) {
        if (field->tag == tag)
            return true;
    }
    return false;
}

char **request_texts(struct request *request, uint16_t tag, size_t *count)
{
    struct fields rest = request->fields;
    struct field field;
    char **list;
    size_t number = 0;

    while (request_each(request, tag, &rest, &field))
        number++;
    if (count)
        *count = number;
    list = request_memory(request, (number + 1) * sizeof *list);
    if (!list) {
        request->malformed = true;
        return NULL;
    }
    rest = request->fields;
    for (size_t i = 0; request_each(request, tag, &rest, &field); i++) {
        list[i] = copy_text(request, &field);
        if (!list[i])
            return list;
    }
    return list;
}
