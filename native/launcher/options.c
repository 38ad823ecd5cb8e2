/* Reads the command line, strictly: an unknown or repeated-by-mistake option is an error, never a guess. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "launcher.h"

#define DEFAULT_CONSOLE_CAP (1 << 20)
#define MIN_CONSOLE_CAP 4096
#define MAX_CONSOLE_CAP (1LL << 40)
#define DEFAULT_GRACE_MS 5000
#define MAX_GRACE_MS 600000
#define MAX_NONCE 64

enum { OPT_DIR = 1, OPT_NONCE, OPT_CAP, OPT_GRACE, OPT_AS, OPT_FSIZE, OPT_NOFILE, OPT_CORE, OPT_ISOLATE, OPT_CHDIR, OPT_LISTEN,
       OPT_VERSION, OPT_TSC, OPT_PROBE };

static const struct option TABLE[] = {
  { "dir", required_argument, NULL, OPT_DIR },
  { "nonce", required_argument, NULL, OPT_NONCE },
  { "console-cap", required_argument, NULL, OPT_CAP },
  { "term-grace", required_argument, NULL, OPT_GRACE },
  { "rlimit-as", required_argument, NULL, OPT_AS },
  { "rlimit-fsize", required_argument, NULL, OPT_FSIZE },
  { "rlimit-nofile", required_argument, NULL, OPT_NOFILE },
  { "rlimit-core", required_argument, NULL, OPT_CORE },
  { "isolate", required_argument, NULL, OPT_ISOLATE },
  { "chdir", no_argument, NULL, OPT_CHDIR },
  { "listen", required_argument, NULL, OPT_LISTEN },
  { "version", no_argument, NULL, OPT_VERSION },
  { "measure-tsc", no_argument, NULL, OPT_TSC },
  { "probe-isolation", no_argument, NULL, OPT_PROBE },
  { NULL, 0, NULL, 0 },
};

static int number(const char *text, long long min, long long max, long long *value) {
  char *end;
  errno = 0;
  *value = strtoll(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && text[0] >= '0' && text[0] <= '9' && *value >= min && *value <= max
           ? 0 : -1;
}

/* Nonce and names go into argv, environment, JSON and paths unescaped, so their alphabet is narrow. */
static bool name_is_plain(const char *name) {
  size_t length = strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-");
  return length > 0 && length <= MAX_NONCE && name[length] == '\0';
}

static int add_limit(struct options *options, int resource, const char *name, struct fault *fault) {
  long long value;
  if (number(optarg, 0, 1LL << 62, &value) < 0) return fail(fault, EINVAL, "--%s: bad number %.40s", name, optarg);
  for (size_t i = 0; i < options->limit_count; i++) {
    if (options->limits[i].resource == resource) {
      options->limits[i].value = (rlim_t)value;
      return 0;
    }
  }
  options->limits[options->limit_count++] = (struct limit){ resource, name, (rlim_t)value };
  return 0;
}

/* A plain name, so that the socket is in the machine's directory and nowhere else. */
static int add_listener(struct options *options, const char *name, struct fault *fault) {
  if (options->listener_count == MAX_LISTENERS) return fail(fault, EINVAL, "--listen: more than %d", MAX_LISTENERS);
  if (!name_is_plain(name) || name[0] == '.' || strlen(name) > MAX_LISTENER_NAME)
    return fail(fault, EINVAL, "--listen: not a plain name: %.40s", name);
  options->listeners[options->listener_count++] = (struct listener){ name, -1 };
  return 0;
}

static int take_limit(struct options *options, int which, struct fault *fault) {
  switch (which) {
    case OPT_AS: return add_limit(options, RLIMIT_AS, "rlimit-as", fault);
    case OPT_FSIZE: return add_limit(options, RLIMIT_FSIZE, "rlimit-fsize", fault);
    case OPT_NOFILE: return add_limit(options, RLIMIT_NOFILE, "rlimit-nofile", fault);
    default: return add_limit(options, RLIMIT_CORE, "rlimit-core", fault);
  }
}

static int take(struct options *options, int which, struct fault *fault) {
  long long value;
  switch (which) {
    case OPT_DIR: options->dir = optarg; return 0;
    case OPT_NONCE: options->nonce = optarg; return 0;
    case OPT_CHDIR: options->chdir = true; return 0;
    case OPT_LISTEN: return add_listener(options, optarg, fault);
    case OPT_VERSION: options->mode = MODE_VERSION; return 0;
    case OPT_TSC: options->mode = MODE_MEASURE_TSC; return 0;
    case OPT_PROBE: options->mode = MODE_PROBE_ISOLATION; return 0;
    case OPT_CAP:
      if (number(optarg, MIN_CONSOLE_CAP, MAX_CONSOLE_CAP, &value) < 0)
        return fail(fault, EINVAL, "--console-cap: bad number of bytes %.40s", optarg);
      options->console_cap = value;
      return 0;
    case OPT_GRACE:
      if (number(optarg, 1, MAX_GRACE_MS, &value) < 0)
        return fail(fault, EINVAL, "--term-grace: bad number of milliseconds %.40s", optarg);
      options->grace_ms = (unsigned)value;
      return 0;
    case OPT_ISOLATE:
      options->isolate = strcmp(optarg, "auto") == 0;
      if (!options->isolate && strcmp(optarg, "none") != 0)
        return fail(fault, EINVAL, "--isolate: %.40s is neither none nor auto", optarg);
      return 0;
    default: return take_limit(options, which, fault);
  }
}

static int check_run(const struct options *options, struct fault *fault) {
  if (!options->dir) return fail(fault, EINVAL, "--dir is missing");
  if (!options->nonce) return fail(fault, EINVAL, "--nonce is missing");
  if (!name_is_plain(options->nonce)) return fail(fault, EINVAL, "--nonce: 1 to %d of A-Za-z0-9._-", MAX_NONCE);
  if (!options->argv || !options->argv[0]) return fail(fault, EINVAL, "no VMM after --");
  /* A relative path would mean another file after the change of directory. */
  if (options->argv[0][0] != '/' && strchr(options->argv[0], '/'))
    return fail(fault, EINVAL, "the VMM must be an absolute path or a bare name: %.120s", options->argv[0]);
  return 0;
}

int options_parse(struct options *options, int argc, char **argv, struct fault *fault) {
  int which;
  *options = (struct options){ .mode = MODE_RUN, .console_cap = DEFAULT_CONSOLE_CAP, .grace_ms = DEFAULT_GRACE_MS };
  /* A core dump is the guest's whole memory. */
  options->limits[options->limit_count++] = (struct limit){ RLIMIT_CORE, "rlimit-core", 0 };
  opterr = 0;
  while ((which = getopt_long(argc, argv, "+", TABLE, NULL)) != -1) {
    if (which == '?') return fail(fault, EINVAL, "bad or incomplete option: %.120s", argv[optind - 1]);
    if (take(options, which, fault) < 0) return -1;
  }
  if (options->mode != MODE_RUN) return 0;
  if (optind > 1 && strcmp(argv[optind - 1], "--") == 0) options->argv = argv + optind;
  return check_run(options, fault);
}
