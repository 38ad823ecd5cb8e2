/*
 * What a command costs the guest itself: forks, executes and awaits a program again and again.
 *
 *   spawn TIMES PROGRAM ARGUMENT...
 *
 * Prints the nanoseconds of each, one a line. Runs inside a machine, as the agent's child.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long long)t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int run(char **argv) {
  int status = 0;
  pid_t pid = fork();
  if (pid < 0) return -1;
  if (pid == 0) {
    execvp(argv[0], argv);
    _exit(127);
  }
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return status;
}

int main(int argc, char **argv) {
  int times = argc > 2 ? atoi(argv[1]) : 0;
  if (times < 1) {
    fprintf(stderr, "usage: spawn TIMES PROGRAM ARGUMENT...\n");
    return 2;
  }
  for (int i = 0; i < times; i++) {
    long long start = now_ns();
    int status = run(argv + 2);
    long long end = now_ns();
    if (status != 0) {
      fprintf(stderr, "spawn: %s did not end with 0\n", argv[2]);
      return 1;
    }
    printf("%lld\n", end - start);
  }
  return 0;
}
