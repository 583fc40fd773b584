/* passes.h - what tests of passes share: the values before and after, and the text of what is left. */
#ifndef PASSES_H
#define PASSES_H
#include "graphs.h"
#include "pass/pass.h"
#include <stdlib.h>

static inline cx_graph *read_text(cx_arena *a, const char *text) {
  return cx_graph_read(ctx, a, cx_source_add(ctx, "test", text, strlen(text)));
}

/* random values within the bounds of each input; scale: their size */
static inline cx_array *inputs(const cx_graph *g, cx_arena *a, double scale) {
  cx_array *in = CX_NEW_N(a, cx_array, g->neq + 1);
  int n = 0;
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    if (e->kind != EQ_INPUT) continue;
    int64_t size = count(e), dim[CX_MAX_RANK];
    double *p = CX_NEW_N(a, double, size + 1);
    for (int64_t k = 0; k < size; k++) {
      double x = (2 * unit() - 1) * scale;
      if (isfinite(e->lo) && isfinite(e->hi)) x = e->lo + unit() * (e->hi - e->lo + (e->integer ? 1 : 0)) * 0.9999999;
      else if (isfinite(e->lo)) x = e->lo + fabs(x);
      p[k] = e->integer ? floor(x) : x;
    }
    cx_eq_sizes(e, dim);
    in[n++] = cx_array_dense(p, e->rank, dim);
  }
  return in;
}

static inline void run_passes(cx_graph *g, const char *names) { /* "simplify stabilise" */
  char word[32];
  for (int used; sscanf(names, "%31s%n", word, &used) == 1; names += used)
    for (int i = 0; i < cx_npasses; i++)
      if (!strcmp(cx_passes[i].name, word)) {
        cx_passes[i].run(g);
        const char *wrong = cx_verify(g);
        check_count++;
        if (wrong) check_failed++, fprintf(stderr, "after %s: %s\n", word, wrong);
      }
}

/* what the outputs need, as text */
static inline char *needed(const cx_graph *g, cx_arena *a) {
  return cx_graph_text(cx_extract(g, a, g->out, g->nout, NULL), a);
}

/* what a pass learns of values is no change of form */
static inline char *without_bounds(char *text) {
  for (char *p; (p = strstr(text, " bounds ")) != NULL;) {
    size_t n = 8 + strcspn(p + 8, " \n");
    memmove(p, p + n, strlen(p + n) + 1);
  }
  for (char *p; (p = strstr(text, " integer")) != NULL;) memmove(p, p + 8, strlen(p + 8) + 1);
  return text;
}

static inline bool close_to(double x, double y, double tol) {
  return x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= tol * fmax(1, fabs(y));
}

/* the outputs before and after the passes; text: shown when they differ */
static inline cx_graph *same_values(const char *file, int line, const char *text, const char *passes, double scale,
                                    double tol) {
  cx_arena *a = cx_ctx_arena(ctx);
  cx_graph *before = read_text(a, text), *after = read_text(a, text);
  run_passes(after, passes);
  for (int trial = 0; trial < 4; trial++) {
    cx_array *in = inputs(before, a, scale);
    double *x[8], *y[8];
    cx_ref_run(before, a, in, x);
    cx_ref_run(after, a, in, y);
    for (int k = 0; k < before->nout; k++)
      for (int64_t i = 0; i < count(before->eq[before->out[k]]); i++) {
        check_count++;
        if (!isnan(x[k][i]) && !close_to(y[k][i], x[k][i], tol)) {
          check_failed++;
          fprintf(stderr, "%s:%d: output %d[%d]: %.17g before %s, %.17g after:\n%s\n", file, line, k, (int)i, x[k][i],
                  passes, y[k][i], needed(after, a));
          return after;
        }
      }
  }
  cx_graph *again = read_text(a, text);
  run_passes(again, passes);
  run_passes(again, strrchr(passes, ' ') ? strrchr(passes, ' ') : passes); /* every pass is idempotent */
  CHECK_STR(without_bounds(needed(again, a)), without_bounds(needed(after, a)));
  return after;
}
#define SAME_VALUES(text, passes) same_values(__FILE__, __LINE__, text, passes, 2, 1e-11)
static inline bool has(const cx_graph *g, const char *part) {
  return strstr(without_bounds(needed(g, cx_ctx_arena(ctx))), part) != NULL;
}
#define HAS(g, part)                                                                                        \
  do {                                                                                                      \
    check_count++;                                                                                          \
    if (!has(g, part)) {                                                                                    \
      check_failed++;                                                                                       \
      fprintf(stderr, "%s:%d: no \"%s\" in\n%s\n", __FILE__, __LINE__, part, needed(g, cx_ctx_arena(ctx))); \
    }                                                                                                       \
  } while (0)
#define HAS_NOT(g, part)                                                                                 \
  do {                                                                                                   \
    check_count++;                                                                                       \
    if (has(g, part)) {                                                                                  \
      check_failed++;                                                                                    \
      fprintf(stderr, "%s:%d: \"%s\" in\n%s\n", __FILE__, __LINE__, part, needed(g, cx_ctx_arena(ctx))); \
    }                                                                                                    \
  } while (0)

/* the first value of output 0 on given inputs */
static inline double value_at(const cx_graph *g, const double *const *data) {
  cx_arena *a = cx_ctx_arena(ctx);
  cx_array *in = CX_NEW_N(a, cx_array, g->neq + 1);
  int n = 0;
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    in[n] = cx_array_dense(data[n], e->rank, dim);
    n++;
  }
  double *out[8];
  cx_ref_run(g, a, in, out);
  return out[0][0];
}

static const char softmax[] =
    "input z[i0 < 3, i1 < 4]\n"
    "input const label[i0 < 3] integer bounds 0 .. 3\n"
    "S[i0 < 3] = sum(i1 < 4) exp(z[i0, i1])\n"
    "p[i0 < 3, i1 < 4] = exp(z[i0, i1]) / S[i0]\n"
    "loss = sum(i0 < 3) -(log(p[i0, label[i0]]) / 3)\n"
    "output loss\n";
#endif
