/*
 * The smallest HTTP server that keeps connections: `GET /N` is answered with N bytes.
 *
 *   server PORT
 *
 * Runs inside a machine; a process for each connection, so that nothing is measured but the way to it.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char zeros[64 << 10];

static int write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t n = write(fd, bytes, count);
    if (n <= 0) return -1;
    bytes += n;
    count -= (size_t)n;
  }
  return 0;
}

static int answer(int fd, long long count) {
  char head[128];
  int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n", count);
  /* head and body of a small answer in one write */
  if (count <= 1024) {
    char small[2048];
    memcpy(small, head, (size_t)length);
    memset(small + length, 'x', (size_t)count);
    return write_all(fd, small, (size_t)length + (size_t)count);
  }
  if (write_all(fd, head, (size_t)length) != 0) return -1;
  for (; count > 0; count -= (long long)sizeof zeros)
    if (write_all(fd, zeros, count < (long long)sizeof zeros ? (size_t)count : sizeof zeros) != 0) return -1;
  return 0;
}

static void serve(int fd) {
  char head[8192];
  size_t length = 0;
  for (ssize_t n; (n = read(fd, head + length, sizeof head - 1 - length)) > 0;) {
    head[length += (size_t)n] = 0;
    if (!strstr(head, "\r\n\r\n")) continue;
    int is_get = strncmp(head, "GET /", 5) == 0; /* anything else is a probe */
    if (answer(fd, is_get ? atoll(head + 5) : 0) != 0) return;
    length = 0;
  }
}

int main(int argc, char **argv) {
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(argc == 2 ? atoi(argv[1]) : 0)) };
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (argc != 2 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 64) != 0) return 1;
  signal(SIGCHLD, SIG_IGN);
  puts("listening");
  fflush(stdout);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fork() == 0) {
      close(listener);
      serve(fd);
      _exit(0);
    }
    close(fd);
  }
}
