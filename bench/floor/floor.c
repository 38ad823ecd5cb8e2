/*
 * The floor: how soon a machine answers its first command when nothing of banger stands between.
 *
 *   floor DIRECTORY VMM ARGUMENT...
 *
 * Starts the VMM as the launcher would (console on 1, sockets qmp.sock and agent.sock listening on 4 and 5), says
 * HELLO, runs `true`, and ends the VMM. Prints two numbers, ms: until the command was answered, and until the
 * VMM was gone. What goes wrong is told on standard error, with exit status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum { DEADLINE_MS = 300000, FIRST_SOCKET = 4 };

static pid_t vmm = -1;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void end_vmm(void) {
  if (vmm <= 0) return;
  kill(vmm, SIGKILL); /* our child, and not waited for: the number is its own */
  while (waitpid(vmm, NULL, 0) < 0 && errno == EINTR) continue;
  vmm = -1;
}

static void die(const char *what) {
  fprintf(stderr, "floor: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  end_vmm();
  exit(1);
}

static int checked(int result, const char *what) {
  if (result < 0) die(what);
  return result;
}

static struct sockaddr_un address_of(const char *name) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
  return address;
}

static int listen_at(const char *name) {
  struct sockaddr_un address = address_of(name);
  unlink(name);
  int fd = checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  checked(bind(fd, (struct sockaddr *)&address, sizeof address), name);
  checked(listen(fd, 4), name);
  return fd;
}

static int file_at(const char *name, int flags) {
  return checked(open(name, flags | O_CLOEXEC, 0600), name);
}

static void become_vmm(char **argv, const int files[3], const int sockets[2]) {
  int kept[2];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < 2; i++) kept[i] = fcntl(sockets[i], F_DUPFD, 16); /* out of the way of what is put below */
  for (int i = 0; i < 3; i++) dup2(files[i], i);
  for (int i = 0; i < 2; i++) dup2(kept[i], FIRST_SOCKET + i);
  for (int i = 0; i < 2; i++) close(kept[i]);
  execvp(argv[0], argv);
  _exit(127);
}

/* Returns a connection to the agent's port; it waits in the VMM's queue until the guest opens the port. */
static int start_vmm(char **argv) {
  int files[3] = {
    file_at("/dev/null", O_RDONLY),
    file_at("console.log", O_WRONLY | O_CREAT | O_TRUNC),
    file_at("vmm.log", O_WRONLY | O_CREAT | O_TRUNC),
  };
  int sockets[2] = { listen_at("qmp.sock"), listen_at("agent.sock") };
  vmm = checked(fork(), "fork");
  if (vmm == 0) become_vmm(argv, files, sockets);
  for (int i = 0; i < 3; i++) close(files[i]);
  struct sockaddr_un address = address_of("agent.sock");
  int agent = checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  checked(connect(agent, (struct sockaddr *)&address, sizeof address), "connecting to agent.sock");
  for (int i = 0; i < 2; i++) close(sockets[i]); /* a VMM that is gone hangs up */
  return agent;
}

static void send_all(int fd, const unsigned char *bytes, size_t count) {
  while (count > 0) {
    ssize_t n = send(fd, bytes, count, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) die("sending to the agent");
    bytes += n;
    count -= (size_t)n;
  }
}

static void receive(int fd, struct input *input, double deadline) {
  struct pollfd ready = { .fd = fd, .events = POLLIN };
  int left = (int)(deadline - now_ms());
  errno = 0;
  if (left <= 0 || poll(&ready, 1, left) == 0) die("the agent did not answer in time");
  ssize_t n = recv(fd, input->bytes + input->count, sizeof input->bytes - input->count, 0);
  if (n < 0 && errno == EINTR) return;
  if (n <= 0) die("the VMM hung up; see console.log and vmm.log");
  input->count += (size_t)n;
}

static void next_frame(int fd, struct input *input, struct frame *frame, double deadline) {
  for (;;) {
    int there = peek_frame(input, frame);
    errno = 0;
    if (there < 0) die("what the agent sent is no frame");
    if (there > 0) return;
    receive(fd, input, deadline);
  }
}

/* 1 when the command has ended. */
static int hear(struct input *control, const struct frame *frame) {
  uint16_t type;
  uint64_t value;
  if (frame->type != FRAME_DATA || frame->stream != 0) return 0;
  if (control->count + frame->length > sizeof control->bytes) die("the agent says too much");
  memcpy(control->bytes + control->count, frame->payload, frame->length);
  control->count += frame->length;
  errno = 0;
  while (control->count > 0) {
    struct input before = *control;
    if (!take_message(control, 1, &type, &value)) return 0;
    if (type == MESSAGE_EXEC_ANSWER && value != 0) die("the agent refused the command");
    if (type != MESSAGE_EXITED) continue;
    take_message(&before, 2, &type, &value);
    if (value != 0) die("the command failed");
    return 1;
  }
  return 0;
}

static void first_command(int agent, double deadline) {
  static struct input input, control;
  static unsigned char output[2 * MAX_PAYLOAD];
  struct frame frame;
  struct timespec wall;
  clock_gettime(CLOCK_REALTIME, &wall);
  uint64_t epoch = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
  send_all(agent, output, put_greeting(output, epoch));
  while (!take_marker(&input)) receive(agent, &input, deadline);
  next_frame(agent, &input, &frame, deadline);
  if (frame.type != FRAME_HELLO) die("the agent did not say HELLO");
  drop_frame(&input, &frame);
  send_all(agent, output, put_exec_true(output, epoch));
  for (int ended = 0; !ended;) {
    next_frame(agent, &input, &frame, deadline);
    ended = hear(&control, &frame);
    drop_frame(&input, &frame);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: floor DIRECTORY VMM ARGUMENT...\n");
    return 2;
  }
  checked(chdir(argv[1]), argv[1]);
  double start = now_ms();
  int agent = start_vmm(argv + 2);
  first_command(agent, start + DEADLINE_MS);
  double answered = now_ms();
  end_vmm();
  printf("%.3f %.3f\n", answered - start, now_ms() - start);
  return 0;
}
