// The table of verbs: one line each, in the order of their numbers.
#include "verbs.h"

#include "exec.h"
#include "upgrade.h"

const struct verb verbs[] = {
    {0x02, NULL, exec_verb},
    {0x03, NULL, exec_signal_verb},
    {0x04, NULL, exec_resize_verb},
    {0x05, NULL, exec_release_verb},
    {0x06, NULL, exec_list_verb},
    {0x40, "upgrade", upgrade_verb},
};

const size_t verb_count = sizeof verbs / sizeof verbs[0];
