// Which role this process has: by the options of an agent, by the name it was called with, by being PID 1.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "stamp.h"
#include "upgrade.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int usage(void)
{
    fprintf(stderr, "banger-agent " AGENT_BUILD "\n"
                    "usage: banger-agent --socket PATH | --state FD | --accepts VERSION | --version\n"
                    "called as init, modprobe or shutdown it takes that role\n");
    return 2;
}

static int agent_role_main(int argc, char **argv)
{
    struct agent_options options = {.role = ROLE_TEST, .state_fd = -1, .init_fd = -1};

    if (argc != 3)
        return usage();
    if (!strcmp(argv[1], "--socket")) {
        options.socket = argv[2];
    } else if (!strcmp(argv[1], "--state")) {
        options.state_fd = atoi(argv[2]);
        if (upgrade_read_role(options.state_fd, &options.role) == 0 && options.role != ROLE_TEST)
            init_resumed(&options);
    } else if (!strcmp(argv[1], "--accepts")) {
        return atoi(argv[2]) == UPGRADE_STATE_VERSION ? 0 : 1;
    } else {
        return usage();
    }
    return agent_main(&options);
}

int main(int argc, char **argv)
{
    const char *name = argc > 0 ? base_name(argv[0]) : "";

    if (argc > 1 && !strncmp(argv[1], "--", 2) && strcmp(name, "modprobe") != 0) {
        if (!strcmp(argv[1], "--version"))
            return puts(AGENT_BUILD) < 0;
        return agent_role_main(argc, argv);
    }
    if (!strcmp(name, "modprobe"))
        return modprobe_main(argc, argv);
    if (!strcmp(name, "shutdown"))
        return shutdown_main(argc, argv);
    if (!strcmp(name, "init") || getpid() == 1)
        return init_main(argc, argv);
    return usage();
}
