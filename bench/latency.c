/* latency.c - one sample at a time through a network read from a model file: `latency MODEL` prints the microseconds of
 * processor time a prediction takes (the median over batches of a thousand), then the first sample's probabilities.
 * latency_torch.py does the same with the same weights and samples. */
#include <calx.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PIXELS = 784, CLASSES = 10, SAMPLES = 1000, BATCHES = 25 };

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static int order(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  static double sample[SAMPLES][PIXELS], out[SAMPLES][CLASSES], x[1 << 17];
  static float shape[PIXELS];
  double t[BATCHES];
  for (int s = 0; s < SAMPLES; s++)
    for (int k = 0; k < PIXELS; k++) sample[s][k] = ((uint32_t)(s * PIXELS + k) * 2654435761u >> 24) & 255;
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  calx_fn *f;
  calx_work *w;
  if (argc < 2 || !c) return 2;
  if (calx_open(c, argv[1], &m) || calx_bind(m, "image", CALX_F32, 2, (int64_t[]){1, PIXELS}, NULL, shape) ||
      calx_start(m, 1, x) || calx_predictor(m, "p", SIZE_MAX, x, 1, (const char *[]){"image"}, &f) ||
      calx_work_new(f, &w)) {
    fprintf(stderr, "%s", calx_error(c));
    return 1;
  }
  for (int b = -1; b < BATCHES; b++) { /* the first is to warm up */
    double from = cpu();
    for (int s = 0; s < SAMPLES; s++) calx_eval(f, w, sample[s], out[s]);
    if (b >= 0) t[b] = (cpu() - from) / SAMPLES;
  }
  qsort(t, BATCHES, sizeof *t, order);
  printf("%.3f", 1e6 * t[BATCHES / 2]);
  for (int k = 0; k < CLASSES; k++) printf(" %.7g", out[0][k]);
  printf("\n");
  calx_free(c);
  return 0;
}
