// Parses the kernel command line into the init role's parameters. Pure: reads text, touches nothing.
// Words that are not ours (the kernel's, systemd's) are passed over; a word of ours that is wrong is an error,
// because booting with half of what the host asked for is worse than saying so.
#include "cmdline.h"

#include <stdio.h>
#include <string.h>

struct text_ref {
    const char *at;
    size_t length;
};

// The kernel ends a word at white space outside double quotes.
static const char *next_word(const char *at, struct text_ref *word)
{
    while (*at == ' ' || *at == '\t' || *at == '\n')
        at++;
    word->at = at;
    bool quoted = false;
    while (*at != '\0' && (quoted || (*at != ' ' && *at != '\t' && *at != '\n'))) {
        if (*at == '"')
            quoted = !quoted;
        at++;
    }
    word->length = (size_t)(at - word->at);
    return at;
}

static bool is_word(struct text_ref word, const char *name)
{
    return word.length == strlen(name) && memcmp(word.at, name, word.length) == 0;
}

// If the word is NAME=VALUE, gives the value without the quotes around it.
static bool value_of(struct text_ref word, const char *name, struct text_ref *value)
{
    size_t n = strlen(name);
    if (word.length > 0 && word.at[0] == '"') {
        word.at++;
        word.length--;
        if (word.length > 0 && word.at[word.length - 1] == '"')
            word.length--;
    }
    if (word.length <= n || memcmp(word.at, name, n) != 0 || word.at[n] != '=')
        return false;
    value->at = word.at + n + 1;
    value->length = word.length - n - 1;
    if (value->length > 0 && value->at[0] == '"') {
        value->at++;
        value->length--;
        if (value->length > 0 && value->at[value->length - 1] == '"')
            value->length--;
    }
    return true;
}

struct parse {
    char *why;
    size_t why_size;
    bool failed;
};

static void fail(struct parse *parse, const char *name, const char *problem)
{
    if (parse->failed)
        return;
    parse->failed = true;
    snprintf(parse->why, parse->why_size, "the kernel parameter %s %s", name, problem);
}

static void copy(struct parse *parse, const char *name, struct text_ref value, char *to, size_t size)
{
    if (value.length >= size) {
        fail(parse, name, "is too long");
        return;
    }
    memcpy(to, value.at, value.length);
    to[value.length] = '\0';
}

static void copy_path(struct parse *parse, const char *name, struct text_ref value, char *to, size_t size)
{
    if (value.length == 0 || value.at[0] != '/')
        fail(parse, name, "is not an absolute path");
    else
        copy(parse, name, value, to, size);
}

static void take_work(struct parse *parse, struct text_ref value, struct boot_params *out)
{
    const char *colon = memchr(value.at, ':', value.length);
    if (colon == NULL) {
        fail(parse, "banger.work", "has no mount point (DEVICE:PATH)");
        return;
    }
    struct text_ref device = {value.at, (size_t)(colon - value.at)};
    struct text_ref path = {colon + 1, value.length - device.length - 1};
    copy_path(parse, "banger.work", device, out->work_device, sizeof out->work_device);
    copy_path(parse, "banger.work", path, out->work_path, sizeof out->work_path);
}

static void take_init(struct parse *parse, struct text_ref value, struct boot_params *out)
{
    if (is_word(value, "auto"))
        out->init = INIT_AUTO;
    else if (is_word(value, "none"))
        out->init = INIT_NONE;
    else {
        out->init = INIT_PATH;
        copy_path(parse, "banger.init", value, out->init_path, sizeof out->init_path);
    }
}

static void take_power(struct parse *parse, struct text_ref value, struct boot_params *out)
{
    if (is_word(value, "auto"))
        out->power = POWER_AUTO;
    else if (is_word(value, "acpi"))
        out->power = POWER_ACPI;
    else if (is_word(value, "reset"))
        out->power = POWER_RESET;
    else
        fail(parse, "banger.poweroff", "is neither acpi nor reset");
}

static void take_wait(struct parse *parse, struct text_ref value, struct boot_params *out)
{
    unsigned seconds = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.at[i] < '0' || value.at[i] > '9' || seconds > 600) {
            fail(parse, "banger.configure", "is not a number of seconds");
            return;
        }
        seconds = seconds * 10 + (unsigned)(value.at[i] - '0');
    }
    out->identity_wait_s = seconds;
}

static void take_word(struct parse *parse, struct text_ref word, struct boot_params *out)
{
    struct text_ref value;
    if (is_word(word, "ro"))
        out->root_readonly = true;
    else if (is_word(word, "rw"))
        out->root_readonly = false;
    else if (is_word(word, "banger.debug"))
        out->debug = true;
    else if (value_of(word, "root", &value))
        copy_path(parse, "root", value, out->root, sizeof out->root);
    else if (value_of(word, "rootfstype", &value))
        copy(parse, "rootfstype", value, out->root_type, sizeof out->root_type);
    else if (value_of(word, "rootflags", &value))
        copy(parse, "rootflags", value, out->root_flags, sizeof out->root_flags);
    else if (value_of(word, "banger.work", &value))
        take_work(parse, value, out);
    else if (value_of(word, "banger.modules", &value))
        copy_path(parse, "banger.modules", value, out->modules_device, sizeof out->modules_device);
    else if (value_of(word, "banger.init", &value))
        take_init(parse, value, out);
    else if (value_of(word, "banger.poweroff", &value))
        take_power(parse, value, out);
    else if (value_of(word, "banger.configure", &value))
        take_wait(parse, value, out);
}

int cmdline_parse(const char *text, struct boot_params *out, char *why, size_t why_size)
{
    *out = (struct boot_params){.root_type = "ext4", .init = INIT_AUTO, .power = POWER_AUTO};
    struct parse parse = {.why = why, .why_size = why_size};
    struct text_ref word;
    for (const char *at = next_word(text, &word); word.length > 0; at = next_word(at, &word)) {
        // What follows is for the image's init.
        if (is_word(word, "--"))
            break;
        take_word(&parse, word, out);
    }
    return parse.failed ? -1 : 0;
}
