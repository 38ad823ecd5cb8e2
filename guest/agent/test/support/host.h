// A host for tests: drives the real agent binary over its Unix socket, and loses the pipe when told to. Every failure ends the program.
#ifndef TEST_HOST_H
#define TEST_HOST_H

#include "fields.h"
#include "receiver.h"

#define HOST_STREAMS 64
#define HOST_WINDOW 262144u

struct host_stream {
    uint32_t number;
    bool known;
    bool hold;       // sends no ACK
    bool joined;     // another host sent its first bytes
    struct out send; // everything that was ever to be sent
    uint64_t acked, sent, limit;
    bool finish, fin_acked, fin_sent, out_awaiting;
    struct out got; // everything received, when kept
    bool keep;
    uint64_t received, granted;
    uint64_t digest; // of everything received
    bool fin, ack_due;
    uint64_t reset; // errno + 1
};

struct host_answer {
    uint16_t type;
    uint32_t request;
    struct out fields;
};

struct host {
    const char *path;
    int fd;
    uint8_t session[16];
    uint64_t epoch;
    bool open, resumed, acks_held;
    uint64_t refused; // field 9 of the last refusal + 1
    char build[128];
    uint8_t boot[16];
    uint64_t next_stream;
    struct host_stream streams[HOST_STREAMS]; // [0] is the control stream
    struct host_answer messages[256];
    unsigned message_count;
    uint32_t next_request;
    uint64_t cut_after; // bytes moved until the pipe is lost, 0 never
    uint64_t moved;
    unsigned cuts;
    bool replay; // the next connection begins with old bytes
    bool throttle; // write single bytes
    uint8_t old[4096]; // bytes written lately, for replay
    size_t old_length;
    struct receiver receiver;
};

_Noreturn void test_fail(const char *file, int line, const char *what);
#define CHECK(condition) ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, #condition))

// The agent under test: $AGENT, with `--socket PATH` in a new directory.
struct agent_process {
    int pid;
    char directory[64];
    char path[96];
};
void agent_process_start(struct agent_process *process);
void agent_process_stop(struct agent_process *process);

struct host *host_new(const char *path);
void host_free(struct host *host);
void host_new_session(struct host *host); // forgets all but the number of the epoch
void host_connect(struct host *host);     // connects and opens an epoch
void host_hello(struct host *host);       // opens another one on the same connection
void host_disconnect(struct host *host);
void host_step(struct host *host, int timeout_ms);

struct host_stream *host_stream(struct host *host, uint32_t number); // made when it is new
void host_send(struct host *host, uint32_t stream, const void *data, size_t size);
uint32_t host_request(struct host *host, uint16_t type, struct out *fields);
// Waits up to 20 s; the message stays the host's.
struct fields host_answer(struct host *host, uint32_t request, uint64_t *error);
struct fields host_event(struct host *host, uint16_t type, const char *id);
bool host_has_event(struct host *host, uint16_t type, const char *id);

// Between host.c and connection.c.
void host_put_bytes(struct host *host, const uint8_t *data, size_t size);
void host_put_frame(struct host *host, struct frame frame, const uint8_t *payload, size_t size);
void host_put_ack(struct host *host, struct host_stream *stream);
void host_on_hello(void *context, const struct frame *frame);
bool host_on_frame(void *context, const struct frame *frame);
void host_on_lost(void *context);

uint64_t host_u64(struct fields fields, uint16_t tag);
uint64_t digest_add(uint64_t digest, const uint8_t *data, size_t size);
uint64_t digest_of_numbers(int last, uint64_t *size); // of what `seq 1 LAST` prints, with its size unless that is NULL

// EXEC of `sh -c script` (or of the arguments, when script is NULL) on a new stream pair.
uint32_t host_exec(struct host *host, const char *id, uint32_t stream, uint64_t flags, const char *script);
void host_wait_fin(struct host *host, uint32_t stream);

#endif
