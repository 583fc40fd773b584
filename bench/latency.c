/* latency.c - one sample at a time through a network read from a model file: `latency MODEL DATA FILE SIZE...`, where
 * DATA is what the program calls its samples, FILE has SAMPLES of them in doubles, and SIZE... is the shape of one. Prints
 * the microseconds of processor time a prediction takes (the median over batches), then the first sample's
 * probabilities. latency_torch.py does the same with the same weights and samples. */
#include <calx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 200, BATCHES = 25, MOST = 1024, PARAMS = 1 << 18 };

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
  static double sample[SAMPLES * MOST], out[MOST], first[MOST], x[PARAMS], shape[MOST];
  double t[BATCHES];
  int64_t dim[8] = {1}, n = 1;
  if (argc < 5 || argc > 10) return 2;
  const char *data = argv[2];
  int rank = argc - 3;
  for (int k = 1; k < rank; k++) n *= dim[k] = atoll(argv[k + 3]);
  if (n < 1 || n > MOST) return 2;
  FILE *from = fopen(argv[3], "rb");
  if (!from || fread(sample, sizeof *sample, (size_t)(SAMPLES * n), from) != (size_t)(SAMPLES * n)) {
    fprintf(stderr, "%s: not %d samples\n", argv[3], SAMPLES);
    return 1;
  }
  fclose(from);
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  calx_fn *f;
  calx_work *w;
  if (!c) return 1;
  if (calx_open(c, argv[1], &m) || calx_bind(m, data, CALX_F64, rank, dim, NULL, shape) || calx_start(m, 1, x) ||
      calx_predictor(m, "p", SIZE_MAX, x, 1, &data, &f) || calx_work_new(f, &w)) {
    fprintf(stderr, "%s", calx_error(c));
    return 1;
  }
  for (int b = -1; b < BATCHES; b++) { /* the first is to warm up */
    double start = cpu();
    for (int s = 0; s < SAMPLES; s++) calx_eval(f, w, sample + s * n, s ? out : first);
    if (b >= 0) t[b] = (cpu() - start) / SAMPLES;
  }
  qsort(t, BATCHES, sizeof *t, order);
  printf("%.3f", 1e6 * t[BATCHES / 2]);
  for (int64_t k = 0; k < calx_fn_outputs(f); k++) printf(" %.9g", first[k]);
  printf("\n");
  calx_free(c);
  return 0;
}
