/* peak.c - what one core of this machine can do at best, for the table of bench/run roofline: multiplications and
 * additions a second in single precision, and bytes a second of d = a + b over arrays that lie in the first cache, in the
 * second and in memory. Prints GFLOP/s and three times GB/s. The best of many short turns: other programs run beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef float vec __attribute__((vector_size(64)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { SUMS = 12, STEPS = 20000, TURNS = 60 };
static double products(void) {
  vec s[SUMS], x = (vec){0} + 0.999f, y = (vec){0} + 0.001f;
  double best = 1e9;
  volatile float sink;
  for (int t = 0; t < TURNS; t++) {
    double start = now();
    for (int k = 0; k < SUMS; k++) s[k] = y * (float)k;
    for (int n = 0; n < STEPS; n++) {
#pragma GCC unroll 12
      for (int k = 0; k < SUMS; k++) s[k] = s[k] * x + y;
    }
    double took = now() - start;
    for (int k = 1; k < SUMS; k++) s[0] += s[k];
    sink = s[0][0];
    if (took < best) best = took;
  }
  (void)sink;
  return 2.0 * sizeof(vec) / sizeof(float) * SUMS * STEPS / best * 1e-9;
}

static double bytes(size_t each) { /* of each of three arrays */
  size_t n = each / sizeof(vec), calls = (size_t)(3 << 22) / each + 1;
  vec *a = aligned_alloc(64, 3 * n * sizeof *a), *b = a + n, *d = b + n;
  double best = 1e9;
  if (!a) exit(1);
  for (size_t k = 0; k < 3 * n; k++) a[k] = (vec){0} + (float)(k % 5);
  for (int t = 0; t < TURNS; t++) {
    double start = now();
    for (size_t c = 0; c < calls; c++) {
      for (size_t k = 0; k < n; k++) d[k] = a[k] + b[k];
      __asm__ volatile("" : : "r"(d) : "memory");
    }
    double took = now() - start;
    if (took < best) best = took;
  }
  free(a);
  return 3.0 * (double)(n * sizeof *a) * (double)calls / best * 1e-9;
}

int main(void) {
  printf("%.0f %.0f %.0f %.0f\n", products(), bytes(8 << 10), bytes(192 << 10), bytes(32 << 20));
  return 0;
}
