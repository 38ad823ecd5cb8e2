// CONFIGURE: who this machine is. One call serves a cold boot, a restore and a fork, so every step may be repeated.
#include "configure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "init/handover.h"

struct step {
    const char *name;
    int (*run)(struct request *request);
};

// Entropy first: keys and identifiers made from now on must not be another machine's.
static const struct step steps[] = {
    {"entropy", configure_entropy},
    {"clock", configure_clock},
    {"environment", configure_environment},
    {"hostname", configure_hostname},
    {"machine-id", configure_machine_id},
    {"host-keys", configure_host_keys},
    {"network", configure_network},
    {"resolver", configure_resolver},
    {"authorized-keys", configure_authorized_keys},
};

int configure_environment(struct request *request)
{
    size_t count;
    char **list = request_texts(request, 11, &count);
    if (request->malformed)
        return -EINVAL;
    if (count == 0)
        return 0;
    int error = agent_set_environment(request->agent, list);
    return error ? error : 1;
}

// PID 1 may be holding the image's init back until the machine knows who it is.
static void announce(void)
{
    int fd = open(AGENT_CONFIGURED, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
}

int configure_verb(struct request *request)
{
    char failures[512] = "";
    size_t length = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int result = steps[i].run(request);
        if (request->malformed)
            return -EINVAL;
        if (result > 0)
            out_text(&request->answer, 3, steps[i].name);
        if (result >= 0 || length >= sizeof failures)
            continue;
        int n = snprintf(failures + length, sizeof failures - length, "%s%s: %s", length ? "; " : "", steps[i].name,
                         strerror(-result));
        length += (size_t)n;
    }
    if (agent_role(request->agent) != ROLE_TEST)
        announce();
    request_answer(request, 0, failures[0] ? failures : NULL);
    return 0;
}
