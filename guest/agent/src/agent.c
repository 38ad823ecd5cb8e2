// The agent's life: made from options or from the state of the one it replaces, run, taken apart.
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "exec.h"
#include "link.h"
#include "message.h"
#include "port.h"
#include "stream_core.h"
#include "upgrade.h"

struct loop *agent_loop(struct agent *agent) { return agent->loop; }
enum agent_role agent_role(const struct agent *agent) { return agent->options.role; }

void agent_watch_session(struct agent *agent, struct session_watch *watch)
{
    watch->next = agent->session_watches;
    agent->session_watches = watch;
}

void agent_tell_session_ended(struct agent *agent)
{
    while (agent->session_watches) {
        struct session_watch *watch = agent->session_watches;
        agent->session_watches = watch->next;
        watch->ended(watch);
    }
}

static void free_list(char **list)
{
    for (char **entry = list; entry && *entry; entry++)
        free(*entry);
    free(list);
}

int agent_set_environment(struct agent *agent, char *const *list)
{
    size_t count = 0;
    char **copy;

    while (list[count])
        count++;
    copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = strdup(list[i]);
        if (!copy[i]) {
            free_list(copy);
            copy = NULL;
        }
    }
    if (!copy)
        return -ENOMEM;
    free_list(agent->environment);
    agent->environment = copy;
    return 0;
}

void agent_announce_init(struct agent *agent)
{
    struct out out = {0};

    if (!agent->init_started || !agent->control)
        return;
    out_text(&out, 1, "started");
    agent_event(agent, 0x102, &out);
}

static void init_pipe(struct watch *watch, uint32_t events)
{
    struct agent *agent = watch->context;
    char byte;

    (void)events;
    if (read(watch->fd, &byte, 1) > 0)
        return;
    loop_del(agent->loop, watch);
    close(watch->fd);
    watch->fd = -1;
    agent->init_started = true;
    agent_announce_init(agent);
}

void agent_watch_init(struct agent *agent, int fd)
{
    agent->init_watch = (struct watch){.fd = fd, .ready = init_pipe, .context = agent};
    if (fd >= 0)
        loop_add_fd(agent->loop, &agent->init_watch, EPOLLIN);
}

static void after_turn(void *context)
{
    links_turn(context);
    upgrade_turn(context);
}

struct agent *agent_new(const struct agent_options *options)
{
    struct agent *agent = calloc(1, sizeof *agent);

    if (!agent)
        return NULL;
    agent->options = *options;
    agent->next_stream = 2;
    agent->init_watch.fd = -1;
    agent->loop = loop_new();
    agent->port = calloc(1, sizeof *agent->port);
    if (!agent->loop || !agent->port || getrandom(agent->boot, sizeof agent->boot, GRND_NONBLOCK | GRND_INSECURE) != sizeof agent->boot) {
        loop_free(agent->loop);
        free(agent->port);
        free(agent);
        return NULL;
    }
    agent->port->agent = agent;
    agent->port->uevents.fd = agent->port->vsock.fd = agent->port->unix_socket.fd = -1;
    loop_on_turn(agent->loop, after_turn, agent);
    if (options->orphan)
        loop_on_orphan(agent->loop, options->orphan, options->context);
    return agent;
}

void agent_free(struct agent *agent)
{
    agent->active = NULL;
    agent_tell_session_ended(agent);
    messages_session_ended(agent);
    while (agent->execs)
        exec_free(agent->execs);
    for (struct stream *stream = agent->streams; stream; stream = stream->next)
        stream->kept = false;
    streams_session_ended(agent);
    drains_free(agent);
    links_free(agent);
    port_free(agent);
    free_list(agent->environment);
    if (agent->init_watch.fd >= 0)
        close(agent->init_watch.fd);
    loop_free(agent->loop);
    free(agent);
}

static void prepare_process(const struct agent_options *options)
{
    int fd;

    // Descriptors 0 to 2 must be taken, or a pipe to a command would be one of them.
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= 2 && (fcntl(fd, F_SETFD, 0), true));
    if (fd > 2)
        close(fd);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_NAME, "banger-agent");
    if (options->role == ROLE_TEST)
        return;
    if (!loop_score("-900"))
        perror("banger-agent: oom_score_adj");
}

int agent_main(const struct agent_options *options)
{
    struct agent *agent;
    int error;

    prepare_process(options);
    agent = agent_new(options);
    if (!agent) {
        perror("banger-agent: start");
        return 1;
    }
    if (options->state_fd >= 0)
        error = upgrade_restore(agent, options->state_fd);
    else
        agent_watch_init(agent, options->init_fd), error = 0;
    if (!error)
        error = port_start(agent);
    if (!error && options->started)
        error = options->started(agent, options->context);
    if (!error)
        loop_run(agent->loop);
    fprintf(stderr, "banger-agent: start: %s\n", strerror(-error));
    agent_free(agent);
    return 1;
}
