/* api_common.h - what the tests of the C API share: an allocator that counts and can fail, programs and functions that
 * must compile, evaluation in one call, finite differences. */
#ifndef API_COMMON_H
#define API_COMMON_H
#include "calx.h"
#include "check.h"
#include <stdlib.h>

typedef struct {
  size_t live, blocks, calls; /* bytes and blocks now, requests so far */
  size_t fail_at;             /* this request fails, counted from 1; 0: none */
  int lies;                   /* sizes that do not agree with what was given out */
} counter;

static inline void *counting(void *user, void *ptr, size_t old_size, size_t new_size) {
  counter *c = user;
  size_t *was = ptr ? (size_t *)ptr - 8 : NULL; /* 64 bytes before each block hold its size */
  if (was && *was != old_size) c->lies++;
  if (new_size && ++c->calls == c->fail_at) return NULL;
  size_t *now = NULL;
  if (new_size) {
    if (!(now = malloc(new_size + 64))) return NULL;
    *now = new_size;
    c->live += new_size;
    c->blocks++;
    if (was) memcpy(now + 8, was + 8, old_size < new_size ? old_size : new_size);
  }
  if (was) {
    c->live -= *was;
    c->blocks--;
    free(was);
  }
  return now ? now + 8 : NULL;
}

/* f at x into out, with a work of its own */
static inline calx_status at(calx_fn *f, const double *x, double *out) {
  calx_work *w;
  calx_status s = calx_work_new(f, &w);
  if (s == CALX_OK) s = calx_eval(f, w, x, out);
  calx_work_free(w);
  return s;
}

/* nothing after a call that must succeed makes sense when it failed */
#define OK(call)                                                                \
  do {                                                                          \
    if ((call) == CALX_OK) {                                                    \
      check_count++;                                                            \
      break;                                                                    \
    }                                                                           \
    fprintf(stderr, "%s:%d: %s\n%s", __FILE__, __LINE__, #call, calx_error(c)); \
    exit(1);                                                                    \
  } while (0)

static inline calx_model *compile(calx_ctx *c, const char *text) {
  calx_model *m;
  OK(calx_compile(c, text, SIZE_MAX, &m)); /* the message quotes the text */
  return m;
}

static inline calx_fn *function_of(calx_ctx *c, calx_model *m, const char *expression) {
  calx_fn *f;
  OK(calx_function(m, expression, SIZE_MAX, &f));
  return f;
}

/* the value of an expression of one output */
static inline double value_of(calx_ctx *c, calx_model *m, const char *expression, const double *x) {
  calx_fn *f = function_of(c, m, expression);
  double out = NAN;
  CHECK(calx_fn_outputs(f) == 1);
  OK(at(f, x, &out));
  calx_fn_free(f);
  return out;
}

/* an error: its status, and words its text must have */
static inline int fails(calx_ctx *c, calx_status got, calx_status want, const char *word) {
  const char *text = calx_error(c);
  if (got == want && strstr(text, word)) return 1;
  fprintf(stderr, "status %d, expected %d with `%s`; the error is:\n%s\n", (int)got, (int)want, word, text);
  return 0;
}

/* run with each request for memory failing in turn (at growing steps): it says so, nothing is lost, and in the end it
 * works. */
static inline void every_allocation_fails(calx_status (*run)(calx_ctx *c)) {
  int done = 0;
  for (size_t k = 1; k < 100000 && !done; k += 1 + k / 16) {
    counter n = {.fail_at = k};
    calx_ctx *c = calx_new(counting, &n);
    calx_status s = c ? run(c) : CALX_E_RUNTIME;
    done = s == CALX_OK && n.calls < k;
    CHECK(s == CALX_OK || s == CALX_E_RUNTIME);
    if (c) calx_free(c);
    CHECK(n.live == 0 && n.blocks == 0 && n.lies == 0);
  }
  CHECK(done);
}

/* The matrix of f's outputs by its inputs: central differences of fourth order. Worst deviation of J from it, relative
 * to max(1, |.|). */
static inline double jacobian_error(calx_fn *f, const double *x0, const double *J) {
  int64_t n = calx_fn_inputs(f), m = calx_fn_outputs(f);
  double *x = malloc((size_t)(n + 4 * m + 1) * sizeof *x), *v = x + n, worst = 0;
  calx_work *w;
  if (calx_work_new(f, &w) != CALX_OK) return INFINITY;
  memcpy(x, x0, (size_t)n * sizeof *x);
  for (int64_t j = 0; j < n; j++) {
    static const double step[4] = {1, -1, 2, -2};
    double h = 1e-3 * fmax(1, fabs(x0[j]));
    for (int k = 0; k < 4; k++) {
      x[j] = x0[j] + step[k] * h;
      if (calx_eval(f, w, x, v + k * m) != CALX_OK) worst = INFINITY;
    }
    x[j] = x0[j];
    for (int64_t i = 0; i < m; i++) {
      double d = (8 * (v[i] - v[m + i]) - (v[2 * m + i] - v[3 * m + i])) / (12 * h),
             e = fabs(J[i * n + j] - d) / fmax(1, fabs(d));
      if (!(e <= worst)) worst = e;
    }
  }
  calx_work_free(w);
  free(x);
  return worst;
}

static uint64_t random_state = 1;
static inline double uniform(void) { /* splitmix64 (Steele, Lea and Flood 2014) */
  uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}
#endif
