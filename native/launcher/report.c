/* The launcher's one line of JSON. Paths can hold anything, so every string is escaped. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher.h"

/* Writes TEXT as a JSON string; bytes that are not ASCII become U+FFFD, since nothing says they are UTF-8. */
static void json_string(FILE *out, const char *text) {
  fputc('"', out);
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
    else if (c < 0x20 || c == 0x7f) fprintf(out, "\\u%04x", c);
    else if (c > 0x7f) fputs("\\ufffd", out);
    else fputc(c, out);
  }
  fputc('"', out);
}

/* Field 22 of /proc/PID/stat in clock ticks since boot; the name before it may hold spaces and brackets. */
static unsigned long long start_ticks(pid_t pid) {
  char path[48], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return 0;
  text[n] = '\0';
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  return at ? strtoull(at + 1, NULL, 10) : 0;
}

static void isolation_members(FILE *out, const struct vmm *vmm) {
  const char *name, *comma = "";
  unsigned flag;
  fputs("\"isolation\":[", out);
  for (size_t i = 0; (name = isolation_name(i, &flag)); i++) {
    if (!(vmm->namespaces & flag)) continue;
    fprintf(out, "%s\"%s\"", comma, name);
    comma = ",";
  }
  fputs("],\"reason\":", out);
  if (vmm->reason[0]) json_string(out, vmm->reason);
  else fputs("null", out);
}

/* The line is built in memory and written at once: a reader never sees half of it. */
struct line {
  char text[4096];
  FILE *out;
};

static FILE *line_open(struct line *line) {
  line->out = fmemopen(line->text, sizeof line->text, "w");
  return line->out;
}

static bool line_send(struct line *line, int fd) {
  long length = ftell(line->out);
  fclose(line->out);
  for (long sent = 0; sent < length;) {
    ssize_t n = write(fd, line->text + sent, (size_t)(length - sent));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    sent += n;
  }
  return true;
}

bool report_started(int fd, const struct vmm *vmm) {
  struct line line;
  FILE *out = line_open(&line);
  if (!out) return false;
  fprintf(out, "{\"launcher\":%d,\"launcherStart\":%llu,", getpid(), start_ticks(getpid()));
  fprintf(out, "\"vmm\":%d,\"vmmStart\":%llu,", vmm->pid, start_ticks(vmm->pid));
  isolation_members(out, vmm);
  fputs("}\n", out);
  return line_send(&line, fd);
}

void report_isolation(int fd, const struct vmm *vmm) {
  struct line line;
  FILE *out = line_open(&line);
  if (!out) return;
  fputc('{', out);
  isolation_members(out, vmm);
  fputs("}\n", out);
  line_send(&line, fd);
}

void report_fault(int fd, const struct fault *fault) {
  struct line line;
  FILE *out = line_open(&line);
  if (!out) return;
  fputs("{\"error\":", out);
  json_string(out, fault->what);
  fprintf(out, ",\"errno\":%d}\n", fault->err);
  line_send(&line, fd);
}
