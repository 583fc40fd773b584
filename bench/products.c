/* products.c - products of square matrices by calx and, where it is installed, by OpenBLAS, turn by turn: A B, A B', A' B
 * in both precisions. `products [threads]`; one thread by processor time, more by the clock on the wall. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "back/back.h"
#include "timing.h"
#ifdef BENCH_OPENBLAS
#include <cblas.h>
void openblas_set_num_threads(int);
#endif

static double clock_of(bool one) {
  struct timespec t;
  clock_gettime(one ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *numbers(bool single, size_t n, unsigned long long seed) {
  double *p = malloc(n * sizeof *p);
  if (!p) exit(1);
  for (size_t i = 0; i < n; i++) {
    double x = bench_uniform(&seed) - 0.5;
    if (single) ((float *)(void *)p)[i] = (float)x;
    else p[i] = x;
  }
  return p;
}

enum { PLAIN, RIGHT_TURNED, LEFT_TURNED, FORMS };
static void peer(bool single, int form, int n, const void *a, const void *b, void *c) {
#ifdef BENCH_OPENBLAS
  CBLAS_TRANSPOSE ta = form == LEFT_TURNED ? CblasTrans : CblasNoTrans;
  CBLAS_TRANSPOSE tb = form == RIGHT_TURNED ? CblasTrans : CblasNoTrans;
  if (single) cblas_sgemm(CblasRowMajor, ta, tb, n, n, n, 1, a, n, b, n, 0, c, n);
  else cblas_dgemm(CblasRowMajor, ta, tb, n, n, n, 1, a, n, b, n, 0, c, n);
#else
  (void)single, (void)form, (void)n, (void)a, (void)b, (void)c;
#endif
}

/* seconds a product, medians over turns */
static void measure(bool single, int form, int n, int threads, double median[2]) {
  static const char *const body[FORMS] = {"a[i0, i2] * b[i2, i1]", "a[i0, i2] * b[i1, i2]", "a[i2, i0] * b[i2, i1]"};
  enum { TURNS = 9 };
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  if (!c) exit(1);
  cx_arena *m = cx_ctx_arena(c);
  cx_frame f;
  CX_TRY(c, f) {
    const char *text = cx_format(m,
                                 "input a[i0 < %d, i1 < %d]\ninput b[i0 < %d, i1 < %d]\n"
                                 "c[i0 < %d, i1 < %d] = sum(i2 < %d) %s\noutput c\n",
                                 n, n, n, n, n, n, n, body[form]);
    cx_graph *g = cx_graph_read(c, m, cx_source_add(c, "product", text, strlen(text)));
    cx_exec *x = cx_exec_new(m, g, NULL, &(cx_exec_opt){.threads = threads, .single = single});
    cx_work *w = cx_work_new(m, x);
    size_t size = (size_t)n * (size_t)n;
    void *a = numbers(single, size, 1), *b = numbers(single, size, 2), *out = numbers(single, size, 3);
    double t[2][TURNS];
    int calls = (int)(1e8 / (2.0 * n * n * n)) + 1;
    const char *why;
    for (int turn = -1; turn < TURNS; turn++) /* the first warms up */
      for (int side = 0; side < 2; side++) {
        double start = clock_of(threads == 1);
        for (int k = 0; k < calls; k++) {
          if (side) peer(single, form, n, a, b, out);
          else cx_exec_run(x, w, (const void *[]){a, b}, (void *[]){out}, &why);
        }
        if (turn >= 0) t[side][turn] = (clock_of(threads == 1) - start) / calls;
      }
    for (int side = 0; side < 2; side++) {
      qsort(t[side], TURNS, sizeof(double), bench_order);
      median[side] = t[side][TURNS / 2];
    }
    free(a), free(b), free(out);
    CX_END(c, f);
  } else exit(1);
  cx_ctx_free(c);
}

int main(int argc, char **argv) {
  static const char *const name[FORMS] = {"A B", "A B'", "A' B"};
  int threads = argc > 1 ? atoi(argv[1]) : 1;
#ifdef BENCH_OPENBLAS
  openblas_set_num_threads(threads);
  printf("%-36s %10s %12s %8s\n", "products of matrices, GFLOP/s", "calx", "OpenBLAS", "ratio");
#else
  printf("%-36s %10s\n", "products of matrices, GFLOP/s", "calx");
#endif
  for (int single = 0; single < 2; single++)
    for (int form = 0; form < FORMS; form++)
      for (int n = 64; n <= 2048; n *= 2) {
        double t[2], work = 2e-9 * n * n * n;
        char what[64];
        measure(single, form, n, threads, t);
        snprintf(what, sizeof what, "%s, %d, %s, %d thread%s", name[form], n, single ? "single" : "double", threads,
                 threads == 1 ? "" : "s");
#ifdef BENCH_OPENBLAS
        printf("%-36s %10.1f %12.1f %8.2f\n", what, work / t[0], work / t[1], t[1] / t[0]);
#else
        printf("%-36s %10.1f\n", what, work / t[0]);
#endif
        fflush(stdout);
      }
  return 0;
}
