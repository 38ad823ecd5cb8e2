/*
 * One end of a bare port: as many bytes as it takes, in a loop, and nothing else.
 *
 *   port send PATH BYTES       writes them, then waits for one byte
 *   port receive PATH BYTES    reads them, then writes one byte
 *
 * PATH is a character device, in a machine, or a Unix socket, on the host. Both print the milliseconds from the first byte
 * to the last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char buffer[64 << 10];

static void die(const char *what) {
  fprintf(stderr, "port: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int open_end(const char *path) {
  struct stat st;
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (stat(path, &st) != 0) die(path);
  int socket_end = S_ISSOCK(st.st_mode);
  int fd = socket_end ? socket(AF_UNIX, SOCK_STREAM, 0) : open(path, O_RDWR);
  if (fd < 0) die(path);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (socket_end && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die(path);
  return fd;
}

static void send_bytes(int fd, long long count) {
  while (count > 0) {
    size_t size = count < (long long)sizeof buffer ? (size_t)count : sizeof buffer;
    ssize_t n = write(fd, buffer, size);
    if (n < 0 && errno != EINTR) die("writing");
    if (n > 0) count -= n;
  }
}

/* Returns when the first came. A port whose other end is not there yet reads as ended. */
static double receive_bytes(int fd, long long count) {
  double first = 0;
  while (count > 0) {
    size_t size = count < (long long)sizeof buffer ? (size_t)count : sizeof buffer;
    ssize_t n = read(fd, buffer, size);
    if (n < 0 && errno != EINTR) die("reading");
    if (n == 0) usleep(1000);
    if (n > 0) count -= n;
    if (n > 0 && first == 0) first = now_ms();
  }
  return first;
}

int main(int argc, char **argv) {
  long long count = argc == 4 ? atoll(argv[3]) : 0;
  if (count < 1) {
    fprintf(stderr, "usage: port send|receive PATH BYTES\n");
    return 2;
  }
  int fd = open_end(argv[2]);
  double start = now_ms();
  if (strcmp(argv[1], "send") == 0) {
    send_bytes(fd, count);
    receive_bytes(fd, 1);
  } else {
    start = receive_bytes(fd, count);
    send_bytes(fd, 1);
  }
  printf("%.3f\n", now_ms() - start);
  return 0;
}
