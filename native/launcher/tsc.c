/*
 * The rate of the time stamp counter, measured against CLOCK_MONOTONIC_RAW, for a guest kernel that cannot
 * calibrate it on a starved host. Being preempted between two samples does no harm, only inside a sample, so
 * each sample brackets the clock between two counter reads and the tightest of many brackets is kept.
 */
#include <stdbool.h>
#include <time.h>

#include "launcher.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>

#define SAMPLES 6
#define BRACKETS 64
#define PAUSE_NS 6000000L
#define BUDGET_NS 50000000LL
/* estimates that differ by more than this, in parts of the rate, are not trusted */
#define TOLERANCE 1e-4

struct sample {
  long long ns;
  unsigned long long tsc;
  unsigned long long width; /* TSC ticks between the reads around the clock's */
};

static bool tsc_is_invariant(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(d & (1U << 4))) return false;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1U << 8));
}

static long long raw_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static unsigned long long ticks(void) {
  _mm_lfence();
  unsigned long long value = __rdtsc();
  _mm_lfence();
  return value;
}

static struct sample take_sample(void) {
  struct sample best = { .width = ~0ULL };
  for (int i = 0; i < BRACKETS; i++) {
    unsigned long long before = ticks();
    long long ns = raw_ns();
    unsigned long long width = ticks() - before;
    if (width < best.width) best = (struct sample){ .ns = ns, .tsc = before + width / 2, .width = width };
  }
  return best;
}

/* Ticks per millisecond between two samples, and by which part of it that can be wrong at most. */
static double rate(const struct sample *from, const struct sample *to, double *error) {
  double span = (double)(to->tsc - from->tsc);
  *error = (double)(from->width + to->width) / 2 / span;
  return span * 1e6 / (double)(to->ns - from->ns);
}

unsigned long tsc_khz(void) {
  struct sample samples[SAMPLES];
  const struct timespec pause = { .tv_nsec = PAUSE_NS };
  int count = 0;
  if (!tsc_is_invariant()) return 0;
  do {
    if (count > 0) nanosleep(&pause, NULL);
    samples[count++] = take_sample();
  } while (count < SAMPLES && (count < 3 || samples[count - 1].ns - samples[0].ns < BUDGET_NS));
  double best = 0, best_error = 1, second = 0, second_error = 1;
  for (int i = 0; i < count; i++) {
    for (int j = i + 1; j < count; j++) {
      double error, value = rate(&samples[i], &samples[j], &error);
      if (error < best_error) {
        second = best, second_error = best_error;
        best = value, best_error = error;
      } else if (error < second_error) {
        second = value, second_error = error;
      }
    }
  }
  double apart = (best > second ? best - second : second - best) / best;
  if (best_error > TOLERANCE || apart > TOLERANCE) return 0;
  return (unsigned long)(best + 0.5);
}

#else
unsigned long tsc_khz(void) {
  return 0;
}
#endif
