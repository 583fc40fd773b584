/* diff_common.h - what the tests of differentiation share: graphs as text, inputs by name, all outputs by the reference
 * evaluator and by tier 0, difference quotients. */
#ifndef DIFF_COMMON_H
#define DIFF_COMMON_H
#include "graphs.h"
#include "pass/pass.h"

static cx_arena *a; /* of the present test */

static inline cx_graph *read_text(const char *text) {
  cx_graph *g = cx_graph_read(ctx, a, cx_source_add(ctx, "test", text, strlen(text)));
  if (!g) {
    fprintf(stderr, "%s:\n%s%s\n", place, cx_diag_render(ctx, a, cx_diag_count(ctx) - 1, false), text);
    cx_throw(ctx, CX_E_PROGRAM);
  }
  return g;
}
static inline char *needed(const cx_graph *g) { return cx_graph_text(cx_extract(g, a, g->out, g->nout, NULL), a); }
static inline void bad(const char *what, const char *text) {
  check_failed++;
  fprintf(stderr, "%s: %s\n%s\n", place, what, text ? text : "");
}
static inline void well_formed(const cx_graph *g, const char *after) {
  const char *why = cx_verify(g);
  check_count++;
  if (why) bad(cx_format(a, "malformed after %s: %s", after, why), NULL);
}

/* ---- inputs by name ---- */
typedef struct {
  const char *name;
  double *at;
  int64_t n;
} value;
typedef struct {
  value v[64];
  int n;
} values;

static inline double *set(values *in, const char *name, int64_t n) {
  for (int i = 0; i < in->n; i++)
    if (!strcmp(in->v[i].name, name)) return in->v[i].at;
  in->v[in->n] = (value){name, CX_NEW_N(a, double, n + 1), n};
  return in->v[in->n++].at;
}
static inline double draw(const cx_eq *e) {
  double lo = isfinite(e->lo) ? e->lo : -1.2, hi = isfinite(e->hi) ? e->hi : lo + 2.4;
  return e->integer ? lo + floor(unit() * (hi - lo + 1) * 0.9999999) : lo + unit() * (hi - lo);
}
static inline void draw_inputs(const cx_graph *g, values *in) {
  for (int i = 0; i < g->neq; i++)
    if (g->eq[i]->kind == EQ_INPUT) {
      double *p = set(in, g->eq[i]->name, count(g->eq[i]));
      for (int64_t k = 0; k < count(g->eq[i]); k++) p[k] = draw(g->eq[i]);
    }
}
static inline double **run(cx_graph *g, values *in) {
  cx_array *x = CX_NEW_N(a, cx_array, g->neq + 1);
  double **out = CX_NEW_N(a, double *, g->nout + 1);
  int n = 0;
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    x[n++] = cx_array_dense(set(in, e->name, count(e)), e->rank, dim);
  }
  cx_ref_run(g, a, x, out);
  return out;
}
/* all outputs one after the other, by tier 0 */
static inline double *compiled(cx_graph *g, values *in) {
  cx_array *constant = CX_NEW_N(a, cx_array, g->neq + 1);
  const void **x = CX_NEW_N(a, const void *, g->neq + 1);
  void **out = CX_NEW_N(a, void *, g->nout + 1);
  int nc = 0, nx = 0;
  int64_t n = 0;
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    double *p = set(in, e->name, count(e));
    if (e->constant) constant[nc++] = cx_array_dense(p, e->rank, dim);
    else x[nx++] = p;
  }
  for (int k = 0; k < g->nout; k++) n += count(g->eq[g->out[k]]);
  double *r = CX_NEW_N(a, double, n + 1), *p = r;
  for (int k = 0; k < g->nout; k++) out[k] = p, p += count(g->eq[g->out[k]]);
  const char *why = "";
  cx_exec *exec = cx_exec_new(a, g, constant, &(cx_exec_opt){.threads = 1});
  if (cx_exec_run(exec, cx_work_new(a, exec), x, out, &why)) bad(cx_format(a, "tier 0: %s", why), NULL);
  return r;
}
/* all outputs one after the other */
static inline double *flat(cx_graph *g, values *in, int64_t *n) {
  double **out = run(g, in);
  *n = 0;
  for (int k = 0; k < g->nout; k++) *n += count(g->eq[g->out[k]]);
  double *r = CX_NEW_N(a, double, *n + 1), *p = r;
  for (int k = 0; k < g->nout; k++)
    for (int64_t i = 0; i < count(g->eq[g->out[k]]); i++) *p++ = out[k][i];
  return r;
}
static inline void compare(const char *what, const double *x, const double *y, int64_t n, double tol,
                           const cx_graph *g) {
  for (int64_t i = 0; i < n; i++) {
    check_count++;
    if (x[i] == y[i] || (isnan(x[i]) && isnan(y[i])) || fabs(x[i] - y[i]) <= tol * fmax(1, fabs(y[i]))) continue;
    bad(cx_format(a, "%s: [%lld] is %.17g, expected %.17g", what, (long long)i, x[i], y[i]), g ? needed(g) : NULL);
    return;
  }
}

/* ---- Ridders' difference quotient along direction d of input x, of every output at once ----
 * Ridders, Accurate computation of F'(x) and F'(x) F''(x), Adv. Eng. Softw. 4 (1982): central differences at steps
 * that shrink, extrapolated; the entry with the smallest estimated error is taken. */
static inline void ridders(cx_graph *g, values *in, const char *x, const double *d, double h, double *r, double *err) {
  enum { N = 9 };
  value *v = NULL;
  for (int i = 0; i < in->n; i++)
    if (!strcmp(in->v[i].name, x)) v = &in->v[i];
  double *keep = v->at, *moved = CX_NEW_N(a, double, v->n + 1), *t[N][N] = {{0}};
  int64_t n = 0;
  v->at = moved;
  for (int i = 0; i < N; i++, h /= 1.6) {
    double *f[2];
    for (int s = 0; s < 2; s++) {
      for (int64_t k = 0; k < v->n; k++) moved[k] = keep[k] + (s ? -h : h) * d[k];
      f[s] = flat(g, in, &n);
    }
    for (int64_t k = 0; k < n; k++) f[0][k] = (f[0][k] - f[1][k]) / (2 * h);
    t[0][i] = f[0];
    double fac = 1.6 * 1.6;
    for (int j = 1; j <= i; j++, fac *= 1.6 * 1.6) {
      t[j][i] = CX_NEW_N(a, double, n + 1);
      for (int64_t k = 0; k < n; k++) {
        t[j][i][k] = (t[j - 1][i][k] * fac - t[j - 1][i - 1][k]) / (fac - 1);
        double e = fmax(fabs(t[j][i][k] - t[j - 1][i][k]), fabs(t[j][i][k] - t[j - 1][i - 1][k]));
        if (i == 1 || e < err[k]) err[k] = e, r[k] = t[j][i][k];
      }
    }
  }
  v->at = keep;
}
#endif
