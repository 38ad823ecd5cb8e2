// The table of verbs: one line each, in the order of their numbers.
#include "verbs.h"

#include "exec.h"
#include "message.h"
#include "upgrade.h"
#include "verbs/configure.h"
#include "verbs/files.h"
#include "verbs/forward.h"
#include "verbs/machine.h"
#include "verbs/ports.h"
#include "verbs/stats.h"
#include "verbs/transfer.h"

const struct verb verbs[] = {
    {0x01, "configure", configure_verb},
    {0x02, NULL, exec_verb},
    {0x03, NULL, exec_signal_verb},
    {0x04, NULL, exec_resize_verb},
    {0x05, NULL, exec_release_verb},
    {0x06, NULL, exec_list_verb},
    {0x10, "files", stat_verb},
    {0x11, NULL, read_verb},
    {0x12, NULL, write_verb},
    {0x13, "tar", tar_out_verb},
    {0x14, NULL, tar_in_verb},
    {0x20, "forward", forward_verb},
    {0x30, "stats", stats_verb},
    {0x31, "sync", sync_verb},
    {0x32, "poweroff", poweroff_verb},
    {0x33, "grow", grow_verb},
    {0x34, "ports", ports_verb},
    {0x40, "upgrade", upgrade_verb},
    {0x41, NULL, request_cancel_verb},
};

const size_t verb_count = sizeof verbs / sizeof verbs[0];
