/* timing.h - seconds a call: batches of calls long enough for the clock, median and fastest over the batches. */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H
#include <math.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
  double median, fastest;
} bench_time;

static inline double bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline bench_time bench_run(void (*fn)(void *), void *user, double seconds) {
  enum { MOST = 1000 };
  double t[MOST], start = bench_now(), one;
  fn(user); /* warm up */
  one = bench_now() - start;
  int calls = one > 1e-3 ? 1 : (int)(1e-3 / (one + 1e-9)) + 1, n = 0;
  start = bench_now();
  while (n < MOST && (n < 5 || bench_now() - start < seconds)) {
    double from = bench_now();
    for (int k = 0; k < calls; k++) fn(user);
    t[n++] = (bench_now() - from) / calls;
  }
  qsort(t, (size_t)n, sizeof *t, bench_order);
  return (bench_time){t[n / 2], t[0]};
}

/* standard normal numbers for test data: splitmix64 (Steele, Lea and Flood 2014) and Box-Muller */
static inline double bench_uniform(unsigned long long *s) {
  unsigned long long z = (*s += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}
static inline double bench_normal(unsigned long long *s) {
  double r = sqrt(-2 * log(bench_uniform(s)));
  return r * cos(6.283185307179586 * bench_uniform(s));
}
#endif
