/*
 * The most memory that a program ever had.
 *
 *   peak FILE PROGRAM ARGUMENT...
 *
 * Runs it with our standard streams, writes its peak in bytes to FILE, and exits as it did.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int status = 0;
  struct rusage usage;
  pid_t pid = argc < 3 ? -1 : fork();
  if (pid == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
    fprintf(stderr, "usage: peak FILE PROGRAM ARGUMENT...\n");
    return 2;
  }
  FILE *file = fopen(argv[1], "w");
  if (!file || fprintf(file, "%ld\n", usage.ru_maxrss * 1024) < 0 || fclose(file) != 0) {
    perror(argv[1]);
    return 2;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
