/* calx_bench.c - calx through its public interface, one thread. `calx_bench kernels|ratio|first`, run in the folder of
 * the models (bench/run does). Times are the processor's, medians; what is compared takes turns. */
#include <calx.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "timing.h"
#ifdef BENCH_KERNELS
#include "kernels.h"
#endif

static double cpu(void) { /* what else runs on the machine does not count */
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* medians of calls that take turns, each turn some milliseconds long */
enum { TURNS = 25, SIDES = 2 };
typedef struct {
  void (*fn)(void *);
  void *user;
} side;
static void take_turns(const side *s, double median[SIDES]) {
  double t[SIDES][TURNS];
  int calls[SIDES];
  for (int k = 0; k < SIDES; k++) {
    s[k].fn(s[k].user); /* warm up */
    double start = cpu();
    s[k].fn(s[k].user);
    calls[k] = (int)(5e-3 / (cpu() - start + 1e-9)) + 1;
  }
  for (int turn = 0; turn < TURNS; turn++)
    for (int k = 0; k < SIDES; k++) {
      double start = cpu();
      for (int j = 0; j < calls[k]; j++) s[k].fn(s[k].user);
      t[k][turn] = (cpu() - start) / calls[k];
    }
  for (int k = 0; k < SIDES; k++) {
    qsort(t[k], TURNS, sizeof(double), bench_order);
    median[k] = t[k][TURNS / 2];
  }
}

/* ---- the models and their data ---- */

typedef struct {
  const char *name;
  calx_type type;
  int rank;
  int64_t dim[2];
  const void *p;
} array;
typedef struct {
  const char *name; /* of the file, without .calx */
  const char *what;
  int64_t rows[2]; /* of `first` */
  int64_t cols;    /* of the first array, 0: a vector */
  array data[2];
  int ndata;
} model;

enum { LOGISTIC, GMM, MLP, RECURRENCE, MODELS };
static const model models[MODELS] = {
    [LOGISTIC] = {.name = "logistic", .what = "logistic regression, d = 20", .rows = {1000, 1000000}, .cols = 20},
    [GMM] = {.name = "gmm", .what = "Gaussian mixture, d = 8, K = 10", .rows = {1000, 1000000}, .cols = 8},
    [MLP] = {.name = "mlp", .what = "network 784-128-10, single", .rows = {1000, 100000}, .cols = 784},
    [RECURRENCE] = {.name = "recurrence", .what = "recurrence, 16 states", .rows = {1000, 100000}, .cols = 8},
};

static void *get(size_t n, size_t size) {
  void *p = calloc(n + 1, size);
  if (p) return p;
  fputs("out of memory\n", stderr);
  exit(1);
}

/* normal numbers and labels, for `rows` rows */
static model with_data(int which, int64_t rows) {
  model m = models[which];
  unsigned long long seed = 1;
  size_t n = (size_t)rows, count = n * (size_t)m.cols;
  if (which == MLP) { /* bytes, as images are */
    uint8_t *image = get(count, 1), *label = get(n, 1);
    for (size_t k = 0; k < count; k++) image[k] = (uint8_t)(256 * bench_uniform(&seed));
    for (size_t k = 0; k < n; k++) label[k] = (uint8_t)(10 * bench_uniform(&seed));
    m.data[0] = (array){"image", CALX_U8, 2, {rows, m.cols}, image};
    m.data[1] = (array){"label", CALX_U8, 1, {rows}, label};
    m.ndata = 2;
    return m;
  }
  double *x = get(count, sizeof *x), *y = get(n, sizeof *y);
  for (size_t k = 0; k < count; k++) x[k] = which == RECURRENCE ? 2 * bench_uniform(&seed) - 1 : bench_normal(&seed);
  for (size_t k = 0; k < n; k++) y[k] = which == LOGISTIC ? (double)(bench_uniform(&seed) < 0.5) : bench_uniform(&seed);
  m.data[0] = (array){which == LOGISTIC ? "X" : which == GMM ? "x" : "u", CALX_F64, 2, {rows, m.cols}, x};
  m.data[1] = (array){"y", CALX_F64, 1, {rows}, y};
  m.ndata = which == GMM ? 1 : 2;
  return m;
}

static void drop(const model *m) {
  for (int k = 0; k < m->ndata; k++) free((void *)(uintptr_t)m->data[k].p);
}

static char *read_text(const char *name) {
  static char text[1 << 14];
  char path[64];
  snprintf(path, sizeof path, "%s.calx", name);
  FILE *f = fopen(path, "rb");
  if (!f) perror(path), exit(1);
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  return text;
}

static void need(calx_ctx *c, calx_status s) {
  if (s == CALX_OK) return;
  fputs(calx_error(c), stderr);
  exit(1);
}

static calx_model *open_model(calx_ctx *c, const model *m) {
  calx_model *made;
  need(c, calx_compile(c, read_text(m->name), SIZE_MAX, &made));
  for (int k = 0; k < m->ndata; k++)
    need(c, calx_bind(made, m->data[k].name, m->data[k].type, m->data[k].rank, m->data[k].dim, NULL, m->data[k].p));
  return made;
}

typedef struct {
  calx_ctx *c;
  calx_fn *f;
  calx_work *w;
  double *x, *out;
} call;
static void run_calx(void *user) {
  call *k = user;
  if (calx_eval(k->f, k->w, k->x, k->out) != CALX_OK) fputs(calx_work_error(k->w), stderr), exit(1);
}

static call ready(calx_ctx *c, calx_fn *f) {
  call k = {.c = c,
            .f = f,
            .x = get((size_t)calx_fn_inputs(f), sizeof(double)),
            .out = get((size_t)calx_fn_outputs(f), sizeof(double))};
  unsigned long long seed = 7;
  need(c, calx_work_new(f, &k.w));
  for (int64_t j = 0; j < calx_fn_inputs(f); j++)
    k.x[j] = 0.3 * bench_normal(&seed) / sqrt(1 + (double)(calx_fn_inputs(f) > 10000) * 400);
  return k;
}

/* ---- sections ---- */

#ifdef BENCH_KERNELS
typedef struct {
  void *model;
  const double *theta;
  double *gradient, value;
} kernel;
static void run_logistic(void *u) {
  kernel *k = u;
  k->value = logistic_gradient(k->model, k->theta, k->gradient);
}
static void run_gmm(void *u) {
  kernel *k = u;
  k->value = gmm_gradient(k->model, k->theta, k->gradient);
}

static int kernels(void) {
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq")) {
    puts("skipped: this processor has no AVX-512");
    return 0;
  }
  enum { N = 10000 };
  static const double target[2] = {1.5, 3};
  int wrong = 0;
  printf("%-44s %10s %12s %8s %8s\n", "value + gradient, double, N = 10000, us", "calx", "hand AVX-512", "ratio",
         "target");
  for (int which = LOGISTIC; which <= GMM; which++) {
    model m = with_data(which, N);
    calx_ctx *c = calx_new(NULL, NULL);
    calx_fn *f;
    need(c, calx_gradient(open_model(c, &m), &f));
    call k = ready(c, f);
    size_t n = (size_t)calx_fn_inputs(f);
    kernel hand = {.theta = k.x, .gradient = get(n, sizeof(double))};
    hand.model = which == GMM ? (void *)gmm_new(N, m.data[0].p)
                              : (void *)logistic_new(N, (size_t)m.cols, m.data[0].p, m.data[1].p);
    if (!hand.model) return 1;
    double t[SIDES], off = 0;
    take_turns((side[]){{run_calx, &k}, {which == GMM ? run_gmm : run_logistic, &hand}}, t);
    off = fabs(k.out[0] - hand.value) / fabs(hand.value);
    for (size_t j = 0; j < n; j++)
      off = fmax(off, fabs(k.out[1 + j] - hand.gradient[j]) / fmax(1, fabs(hand.gradient[j])));
    printf("%-44s %10.1f %12.1f %8.2f %8.1f%s\n", m.what, 1e6 * t[0], 1e6 * t[1], t[0] / t[1], target[which],
           off < 1e-9 ? "" : "  DIFFER");
    wrong |= !(off < 1e-9);
    if (which == GMM) gmm_free(hand.model);
    else logistic_free(hand.model);
    free(hand.gradient), free(k.x), free(k.out);
    calx_free(c);
    drop(&m);
  }
  return wrong;
}
#else
static int kernels(void) {
  puts("skipped: the hand-written kernels need x86-64");
  return 0;
}
#endif

static int ratio(void) {
  static const int64_t rows[MODELS] = {10000, 10000, 64, 1000};
  printf("%-44s %12s %12s %8s %8s\n", "cost of the gradient", "gradient us", "value us", "ratio", "target");
  for (int which = 0; which < MODELS; which++) {
    model m = with_data(which, rows[which]);
    calx_ctx *c = calx_new(NULL, NULL);
    calx_model *made = open_model(c, &m);
    calx_fn *g, *v;
    need(c, calx_gradient(made, &g));
    need(c, calx_value(made, &v));
    call kg = ready(c, g), kv = ready(c, v);
    double t[SIDES];
    take_turns((side[]){{run_calx, &kg}, {run_calx, &kv}}, t);
    char what[80];
    snprintf(what, sizeof what, "%s, N = %lld", m.what, (long long)rows[which]);
    printf("%-44s %12.1f %12.1f %8.2f %8.1f\n", what, 1e6 * t[0], 1e6 * t[1], t[0] / t[1], 3.0);
    free(kg.x), free(kg.out), free(kv.x), free(kv.out);
    calx_free(c);
    drop(&m);
  }
  return 0;
}

static double median_of(double *t, int n) {
  qsort(t, (size_t)n, sizeof *t, bench_order);
  return t[n / 2];
}

/* "ready": text parsed, data bound, checked and laid out, gradient compiled. What grows with the rows there is the pass
 * over the data, so a plain copy of them stands beside it. */
static int first(void) {
  enum { TIMES = 5 };
  volatile char keep = 0;
  printf("%-36s %9s %10s %12s %12s %12s\n", "text to first gradient, ms", "rows", "ready", "1st gradient", "a gradient",
         "data copied");
  for (int which = 0; which < MODELS; which++)
    for (int s = 0; s < 2; s++) {
      int64_t n = models[which].rows[s];
      model m = with_data(which, n);
      size_t bytes = 0;
      for (int k = 0; k < m.ndata; k++)
        bytes += (size_t)(m.data[k].dim[0] * (m.data[k].rank > 1 ? m.data[k].dim[1] : 1)) *
                 (m.data[k].type == CALX_U8 ? 1 : 8);
      double built[TIMES], once[TIMES], again[TIMES], copied[TIMES];
      int times = n > 10000 ? 3 : TIMES;
      for (int turn = 0; turn < times; turn++) {
        double start = cpu();
        calx_ctx *c = calx_new(NULL, NULL);
        calx_fn *f;
        need(c, calx_gradient(open_model(c, &m), &f));
        built[turn] = cpu() - start;
        call k = ready(c, f);
        start = cpu();
        run_calx(&k);
        once[turn] = cpu() - start;
        start = cpu();
        run_calx(&k);
        again[turn] = cpu() - start;
        free(k.x), free(k.out);
        calx_free(c);
        char *to = malloc(bytes);
        start = cpu();
        if (to)
          memcpy(to, m.data[0].p, (size_t)(m.data[0].dim[0] * m.data[0].dim[1]) * (m.data[0].type == CALX_U8 ? 1 : 8));
        copied[turn] = cpu() - start;
        keep = to && to[bytes / 2]; /* or the copy is not made */
        free(to);
        (void)keep;
      }
      printf("%-36s %9lld %10.2f %12.2f %12.2f %12.2f\n", m.what, (long long)n, 1e3 * median_of(built, times),
             1e3 * median_of(once, times), 1e3 * median_of(again, times), 1e3 * median_of(copied, times));
      fflush(stdout);
      drop(&m);
    }
  puts("target: ready + 1st gradient within 20 ms at 1000 rows; what grows with the rows is the pass over the data");
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "kernels")) return kernels();
  if (!strcmp(what, "ratio")) return ratio();
  if (!strcmp(what, "first")) return first();
  fputs("calx_bench kernels|ratio|first\n", stderr);
  return 2;
}
