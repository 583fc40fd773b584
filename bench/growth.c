/* growth.c - time and memory by number of rows: logistic regression with 20 features, the data bound where they lie.
 *
 *   growth [largest]            a table: rows, data, time to the first gradient, time a gradient, peak memory
 *   growth npy FOLDER ROWS      writes the same data as FOLDER/X.npy (doubles) and FOLDER/y.npy (bytes)
 *
 * Every size runs in a process of its own, so that the peak is its own. "beyond" is the peak less the data and less
 * what the process held before the model, over the data: 1 is one copy. */
#include <calx.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "timing.h"

enum { D = 20 };
static const char text[] =
    "data X[n, d], y[n] : int(0..1)\n"
    "param w[d], b\n"
    "eta[i] = sum(j: X[i, j] * w[j]) + b\n"
    "minimize sum(i: log(1 + exp(eta[i])) - y[i] * eta[i]) + sum(j: w[j]^2) / 2 + b^2 / 2\n";

static void make(unsigned long long *seed, double *X, uint8_t *y, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double eta = 0;
    for (int j = 0; j < D; j++) { /* uniform: the time to make 10^7 rows matters here, their law does not */
      X[i * D + j] = 4 * bench_uniform(seed) - 2;
      eta += X[i * D + j] * (j - 9.5) / 10;
    }
    y[i] = bench_uniform(seed) < 1 / (1 + exp(-eta));
  }
}

static double cpu(void) { /* of this process: what else runs on the machine does not count */
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
  calx_fn *f;
  calx_work *w;
  double x[D + 1], out[D + 2];
} call;
static void gradient(void *user) {
  call *c = user;
  if (calx_eval(c->f, c->w, c->x, c->out)) _exit(1);
}

static double peak_mb(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)r.ru_maxrss / 1024;
}

static int measure(int64_t n) {
  unsigned long long seed = 1;
  double *X = malloc((size_t)n * D * sizeof *X), data = (double)n * (D * 8 + 1) / 1048576;
  uint8_t *y = malloc((size_t)n);
  if (!X || !y) return 1;
  make(&seed, X, y, n);
  double before = peak_mb(), start = cpu();
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m = NULL;
  call k = {0};
  if (calx_compile(c, text, SIZE_MAX, &m) || calx_bind(m, "X", CALX_F64, 2, (int64_t[]){n, D}, NULL, X) ||
      calx_bind(m, "y", CALX_U8, 1, (int64_t[]){n}, NULL, y) || calx_gradient(m, &k.f) || calx_work_new(k.f, &k.w)) {
    fputs(calx_error(c), stderr);
    return 1;
  }
  for (int j = 0; j <= D; j++) k.x[j] = 0.1 * j - 1;
  gradient(&k);
  double first = cpu() - start, fastest = INFINITY;
  for (int turn = 0; turn < 7; turn++) {
    int calls = n > 100000 ? 1 : (int)(1000000 / n);
    double from = cpu();
    for (int j = 0; j < calls; j++) gradient(&k);
    fastest = fmin(fastest, (cpu() - from) / calls);
  }
  double own = peak_mb() - before;
  printf("%10lld %10.1f %14.1f %12.3f %10.2f %10.1f %10.2f\n", (long long)n, data, 1e3 * first, 1e3 * fastest,
         1e9 * fastest / (double)n, own, own / data);
  calx_free(c);
  free(X);
  free(y);
  return 0;
}

/* NPY 1.0: magic, version, length of the header, the header padded to 64 bytes */
static FILE *npy(const char *folder, const char *name, const char *descr, const char *shape) {
  char path[4096], head[118];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "wb");
  if (!f) return NULL;
  memset(head, ' ', sizeof head);
  int n = snprintf(head, sizeof head, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
  head[n] = ' ', head[sizeof head - 1] = '\n';
  fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f);
  fwrite(head, 1, sizeof head, f);
  return f;
}

static int write_files(const char *folder, int64_t n) {
  enum { PART = 4096 };
  static double X[PART * D];
  static uint8_t y[PART];
  char shape[2][40];
  snprintf(shape[0], sizeof shape[0], "%lld, %d", (long long)n, D);
  snprintf(shape[1], sizeof shape[1], "%lld,", (long long)n);
  FILE *fx = npy(folder, "X.npy", "<f8", shape[0]), *fy = npy(folder, "y.npy", "|u1", shape[1]);
  if (!fx || !fy) return perror(folder), 1;
  unsigned long long seed = 1;
  for (int64_t i = 0; i < n; i += PART) {
    int64_t k = n - i < PART ? n - i : PART;
    make(&seed, X, y, k);
    fwrite(X, sizeof *X, (size_t)k * D, fx);
    fwrite(y, 1, (size_t)k, fy);
  }
  int bad = ferror(fx) | ferror(fy);
  return (fclose(fx) | fclose(fy) | bad) != 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "npy")) return write_files(argv[2], (int64_t)atof(argv[3]));
  double largest = argc > 1 ? atof(argv[1]) : 1e7;
  puts("logistic regression, 20 features, one thread, seconds of the processor");
  printf("%10s %10s %14s %12s %10s %10s %10s\n", "rows", "data MB", "text to 1st ms", "gradient ms", "ns/row",
         "beyond MB", "beyond");
  for (int64_t n = 10000; (double)n <= largest; n *= 10) {
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
      int bad = measure(n);
      fflush(stdout);
      _exit(bad);
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status) return 1;
  }
  return 0;
}
