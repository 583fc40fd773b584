/* Differentiation: forward mode, reverse mode and directional derivatives against each other and against Ridders'
 * difference quotients of the reference evaluator's values, before and after the passes; the form of the adjoints. */
#include "back/back.h"
#include "check.h"
#include "pass/pass.h"

static cx_ctx *ctx;
static cx_arena *a;       /* of the present test */
static const char *place; /* its name, for messages */
static uint64_t state = 88172645463325252u;
static uint64_t bits(void) { return state ^= state << 13, state ^= state >> 7, state ^= state << 17; }
static double unit(void) { return (double)(bits() >> 11) * 0x1p-53; }
static uint32_t below(uint32_t n) { return (uint32_t)(bits() >> 32) % n; }

static cx_graph *read_text(const char *text) {
  cx_graph *g = cx_graph_read(ctx, a, cx_source_add(ctx, "test", text, strlen(text)));
  if (!g) {
    fprintf(stderr, "%s:\n%s%s\n", place, cx_diag_render(ctx, a, cx_diag_count(ctx) - 1, false), text);
    cx_throw(ctx, CX_E_PROGRAM);
  }
  return g;
}
static int64_t count(const cx_eq *e) {
  int64_t n = 1;
  for (int k = 0; k < e->rank; k++) n *= e->dim[k].n;
  return n;
}
static uint32_t find(const cx_graph *g, const char *name) {
  for (int i = 0; i < g->neq; i++)
    if (!strcmp(g->eq[i]->name, name)) return (uint32_t)i;
  fprintf(stderr, "%s: no equation %s\n", place, name);
  cx_throw(ctx, CX_E_PROGRAM);
}
static char *needed(const cx_graph *g) { return cx_graph_text(cx_extract(g, a, g->out, g->nout, NULL), a); }
static void bad(const char *what, const char *text) {
  check_failed++;
  fprintf(stderr, "%s: %s\n%s\n", place, what, text ? text : "");
}
static void well_formed(const cx_graph *g, const char *after) {
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

static double *set(values *in, const char *name, int64_t n) {
  for (int i = 0; i < in->n; i++)
    if (!strcmp(in->v[i].name, name)) return in->v[i].at;
  in->v[in->n] = (value){name, CX_NEW_N(a, double, n + 1), n};
  return in->v[in->n++].at;
}
static double draw(const cx_eq *e) {
  double lo = isfinite(e->lo) ? e->lo : -1.2, hi = isfinite(e->hi) ? e->hi : lo + 2.4;
  return e->integer ? lo + floor(unit() * (hi - lo + 1) * 0.9999999) : lo + unit() * (hi - lo);
}
static void draw_inputs(const cx_graph *g, values *in) {
  for (int i = 0; i < g->neq; i++)
    if (g->eq[i]->kind == EQ_INPUT) {
      double *p = set(in, g->eq[i]->name, count(g->eq[i]));
      for (int64_t k = 0; k < count(g->eq[i]); k++) p[k] = draw(g->eq[i]);
    }
}
static double **run(cx_graph *g, values *in) {
  cx_array *x = CX_NEW_N(a, cx_array, g->neq + 1);
  double **out = CX_NEW_N(a, double *, g->nout + 1);
  int n = 0;
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    for (int k = 0; k < e->rank; k++) dim[k] = e->dim[k].n;
    x[n++] = cx_array_dense(set(in, e->name, count(e)), e->rank, dim);
  }
  cx_ref_run(g, a, x, out);
  return out;
}
/* all outputs one after the other, by tier 0 */
static double *compiled(cx_graph *g, values *in) {
  cx_array *constant = CX_NEW_N(a, cx_array, g->neq + 1);
  const void **x = CX_NEW_N(a, const void *, g->neq + 1);
  void **out = CX_NEW_N(a, void *, g->nout + 1);
  int nc = 0, nx = 0;
  int64_t n = 0;
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    for (int k = 0; k < e->rank; k++) dim[k] = e->dim[k].n;
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
static double *flat(cx_graph *g, values *in, int64_t *n) {
  double **out = run(g, in);
  *n = 0;
  for (int k = 0; k < g->nout; k++) *n += count(g->eq[g->out[k]]);
  double *r = CX_NEW_N(a, double, *n + 1), *p = r;
  for (int k = 0; k < g->nout; k++)
    for (int64_t i = 0; i < count(g->eq[g->out[k]]); i++) *p++ = out[k][i];
  return r;
}
static void compare(const char *what, const double *x, const double *y, int64_t n, double tol, const cx_graph *g) {
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
static void ridders(cx_graph *g, values *in, const char *x, const double *d, double h, double *r, double *err) {
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

/* ---- one program: y by each leaf, in every way ---- */
enum { NO_FD = 1 };

/* Adds to g the Jacobians by the leaves, the gradients of sum(y * cot) and the derivative along `dir`; as outputs. */
static void differentiate(cx_graph *g, const char *const *leaf, int n) {
  uint32_t y = find(g, "y"), x[8], dir[8], grad[8];
  g->nout = 0;
  cx_eq *cot = cx_eq_new(g, cx_intern_z(ctx, "cot"), EQ_INPUT);
  cot->rank = g->eq[y]->rank;
  memcpy(cot->dim, g->eq[y]->dim, sizeof cot->dim);
  for (int k = 0; k < n; k++) {
    x[k] = find(g, leaf[k]);
    cx_eq *d = cx_eq_new(g, cx_intern_z(ctx, cx_format(a, "dir_%s", leaf[k])), EQ_INPUT);
    d->rank = g->eq[x[k]]->rank;
    memcpy(d->dim, g->eq[x[k]]->dim, sizeof d->dim);
    dir[k] = d->id;
  }
  for (int k = 0; k < n; k++) cx_graph_output(g, cx_diff_forward(g, y, x[k], 0));
  cx_diff_reverse(g, y, cot->id, x, n, grad);
  for (int k = 0; k < n; k++) cx_graph_output(g, grad[k]);
  cx_graph_output(g, cx_diff_jvp(g, y, x, dir, n));
  well_formed(g, "differentiation");
}

static cx_graph *derivatives(const char *name, const char *text, const char *leaves, int flags) {
  static const char *const stage[] = {"derivatives", "prepared, then derivatives", "derivatives after all passes"};
  place = name;
  const char *leaf[8];
  int n = 0;
  for (char *s = cx_strdup(a, leaves, strlen(leaves)); (s = strtok(s, " ")) != NULL; s = NULL) leaf[n++] = s;
  cx_graph *g[3], *plain = read_text(text);
  cx_eq *y = plain->eq[find(plain, "y")];
  for (int s = 0; s < 3; s++) {
    g[s] = read_text(text);
    cx_graph_output(g[s], find(g[s], "y"));
    if (s) cx_prepare(g[s]);
    differentiate(g[s], leaf, n);
    if (s == 2) cx_prepare(g[s]), cx_run_passes(g[s], NULL), well_formed(g[s], "the passes");
  }
  plain->nout = 0;
  cx_graph_output(plain, y->id);
  for (int trial = 0; trial < 2; trial++) {
    values in = {.n = 0};
    draw_inputs(plain, &in);
    double *cot = set(&in, "cot", count(y)), *first = NULL;
    for (int64_t k = 0; k < count(y); k++) cot[k] = draw(y);
    for (int s = 0; s < 3; s++) {
      for (int k = 0; k < n; k++) {
        int64_t m = count(g[s]->eq[find(g[s], leaf[k])]);
        double *d = set(&in, cx_format(a, "dir_%s", leaf[k]), m);
        for (int64_t j = 0; j < m && !s; j++) d[j] = unit() * 2 - 1;
      }
      int64_t total;
      double *all = flat(g[s], &in, &total);
      if (first) {
        compare(stage[s], all, first, total, 1e-10, g[s]);
        if (s == 2)
          compare("tier 0", compiled(cx_extract(g[s], a, g[s]->out, g[s]->nout, NULL), &in), first, total, 1e-10, g[s]);
        continue;
      }
      first = all;
      double **out = run(g[s], &in);
      int64_t ny = count(y);
      double *along = CX_NEW_N(a, double, ny + 1);
      for (int k = 0; k < n; k++) {
        int64_t nx = count(plain->eq[find(plain, leaf[k])]);
        double *back = CX_NEW_N(a, double, nx + 1), *dir = set(&in, cx_format(a, "dir_%s", leaf[k]), nx);
        for (int64_t i = 0; i < ny; i++)
          for (int64_t j = 0; j < nx; j++) {
            back[j] += cot[i] * out[k][i * nx + j];
            along[i] += dir[j] * out[k][i * nx + j];
          }
        compare(cx_format(a, "reverse by %s against forward", leaf[k]), out[n + k], back, nx, 1e-11, g[s]);
        double *unit_dir = CX_NEW_N(a, double, nx + 1), *r = CX_NEW_N(a, double, ny + 1),
               *err = CX_NEW_N(a, double, ny + 1);
        for (int64_t j = 0; j < nx && !(flags & NO_FD) && !trial && j < 12; j++) {
          unit_dir[j] = 1;
          ridders(plain, &in, leaf[k], unit_dir, 0.02, r, err);
          unit_dir[j] = 0;
          for (int64_t i = 0; i < ny; i++) {
            check_count++;
            double x = out[k][i * nx + j], tol = 1e-7 * fmax(1, fabs(r[i])) + 10 * err[i];
            if (isnan(x) ? isnan(r[i]) : fabs(x - r[i]) <= tol && tol < 1e-3 * fmax(1, fabs(r[i]))) continue;
            bad(cx_format(a, "d y[%lld] / d %s[%lld] is %.12g, difference quotient %.12g +- %.1g", (long long)i,
                          leaf[k], (long long)j, x, r[i], err[i]),
                needed(g[s]));
            break;
          }
        }
      }
      compare("along a direction against forward", out[2 * n], along, ny, 1e-11, g[s]);
    }
    if (check_failed > 12) break;
  }
  return g[2];
}

static const struct {
  const char *name, *text, *leaves;
  int flags;
} program[] = {
    {"several sums",
     "input A[i0 < 3, i1 < 4]\ninput x[i0 < 4]\n"
     "y[i0 < 3] = sum(i1 < 4, i2 < 4) sin(A[i0, i1] * x[i2]) * x[i1]\n",
     "A x", 0},
    {"sum of everything", "input A[i0 < 3, i1 < 4]\ny = sum(i0 < 3, i1 < 4) exp(A[i0, i1]) * A[i0, 3 - i1]\n", "A", 0},
    {"product", "input x[i0 < 5]\ninput s\ny = prod(i0 < 5) x[i0] + s\n", "x s", 0},
    {"products along rows", "input A[i0 < 3, i1 < 4]\ny[i0 < 3] = prod(i1 < 4) 1 + A[i0, i1] * A[i0, 3 - i1]\n", "A",
     0},
    {"product over two indices",
     "input A[i0 < 2, i1 < 3]\ninput x[i0 < 2]\n"
     "y[i0 < 2] = prod(i1 < 2, i2 < 3) A[i1, i2] + x[i0]\n",
     "A x", 0},
    {"one zero among factors",
     "input x[i0 < 5]\n"
     "y = prod(i0 < 5) x[i0] * (if i0 == 2 then 0 else 1) + (if i0 == 2 then x[i0] - x[i0] else 0)\n",
     "x", 0},
    {"maximum", "input A[i0 < 3, i1 < 4]\ny[i0 < 3] = max(i1 < 4) A[i0, i1] * (1 + i1)\n", "A", 0},
    {"minimum over two indices",
     "input A[i0 < 3, i1 < 4]\ninput s\n"
     "y = min(i0 < 3, i1 < 4) s * A[i0, i1] + sin(A[i0, 3 - i1])\n",
     "A s", 0},
    {"maximum over three indices",
     "input A[i0 < 2, i1 < 3, i2 < 2]\n"
     "y = max(i0 < 2, i1 < 3, i2 < 2) A[i0, i1, i2] * A[1 - i0, i1, i2]\n",
     "A", 0},
    {"argmax is a step", "input x[i0 < 5]\nm = argmax(i0 < 5) x[i0]\ny[i0 < 2] = x[m] * i0 + x[m - 1] ^ 2\n", "x", 0},
    {"max of max", "input A[i0 < 4, i1 < 3]\nm[i0 < 4] = max(i1 < 3) A[i0, i1] ^ 2\ny = min(i0 < 4) m[i0] * A[i0, 0]\n",
     "A", 0},
    {"subscripts from data, some outside",
     "input x[i0 < 5]\ninput const k[i0 < 7] integer bounds -2 .. 6\n"
     "y[i0 < 7] = exp(x[k[i0]]) + x[k[i0] + 1] * x[k[6 - i0]]\n",
     "x", 0},
    {"data in both subscripts",
     "input P[i0 < 4, i1 < 3]\ninput const u[i0 < 6] integer bounds 0 .. 3\n"
     "input const v[i0 < 6] integer bounds 0 .. 2\n"
     "y = sum(i0 < 6) log(2 + P[u[i0], v[i0]] ^ 2) * P[u[i0], 0]\n",
     "P", 0},
    {"data subscript of an intermediate",
     "input x[i0 < 4]\ninput const k[i0 < 6] integer bounds 0 .. 3\n"
     "z[i0 < 4] = sin(x[i0]) * x[3 - i0]\n"
     "w[i0 < 6] = z[k[i0]] ^ 2\ny[i0 < 4] = sum(i1 < 6) w[i1] * (k[i1] == i0)\n",
     "x", 0},
    {"stencil", "input u[i0 < 7]\ny[i0 < 7] = u[i0 - 1] - 2 * u[i0] + u[i0 + 1] + u[i0] ^ 3\n", "u", 0},
    {"stencil in two dimensions",
     "input u[i0 < 4, i1 < 5]\n"
     "y[i0 < 4, i1 < 5] = u[i0 - 1, i1] * u[i0, i1 + 1] - u[i0 + 1, i1 - 1]\n",
     "u", 0},
    {"convolution", "input u[i0 < 8]\ninput w[i0 < 3]\ny[i0 < 6] = sum(i1 < 3) w[i1] * u[i0 + i1]\n", "u w", 0},
    {"convolution in two dimensions",
     "input u[i0 < 5, i1 < 5]\ninput w[i0 < 2, i1 < 2]\n"
     "y[i0 < 4, i1 < 4] = sum(i2 < 2, i3 < 2) w[i2, i3] * sin(u[i0 + i2, i1 + i3])\n",
     "u w", 0},
    {"convolution with padding",
     "input u[i0 < 6]\ninput w[i0 < 3]\ny[i0 < 6] = tanh(sum_[i0])\n"
     "sum_[i0 < 6] = sum(i1 < 3) w[i1] * u[i0 + i1 - 1]\n",
     "u w", 0},
    {"stride 2", "input u[i0 < 9]\ninput w[i0 < 3]\ny[i0 < 4] = sum(i1 < 3) w[i1] * u[2 * i0 + i1] ^ 2\n", "u w", 0},
    {"stride 2, dilation 3", "input u[i0 < 12]\ny[i0 < 4] = sum(i1 < 3) u[2 * i0 + 3 * i1] * u[3 * i1]\n", "u", 0},
    {"strided without a sum", "input u[i0 < 9]\ny[i0 < 6] = u[2 * i0] * u[2 * i0 + 1] + u[3 * i0]\n", "u", 0},
    {"diagonal", "input A[i0 < 4, i1 < 4]\ny[i0 < 4] = exp(A[i0, i0]) * A[i0, 3 - i0] + A[0, i0]\n", "A", 0},
    {"diagonal above the first", "input A[i0 < 4, i1 < 5]\ny = sum(i0 < 4) A[i0, i0 + 1] * A[i0, i0]\n", "A", 0},
    {"backwards", "input x[i0 < 6]\ny[i0 < 6] = x[5 - i0] * x[i0] + x[3 - i0]\n", "x", 0},
    {"sum of two indices read twice", "input x[i0 < 6]\ny = sum(i0 < 3, i1 < 4) x[i0 + i1] * x[i0] * x[2 - i0 + i1]\n",
     "x", 0},
    {"triangle",
     "input x[i0 < 5]\nc[i0 < 5] = sum(i1 < 5) if i1 <= i0 then x[i1] ^ 2 else 0\n"
     "y[i0 < 5] = exp(-c[i0]) * c[4]\n",
     "x", 0},
    {"broadcast over an idle index", "input x[i0 < 3]\ninput s\ny[i0 < 2, i1 < 3] = s * x[i1] + i0\n", "x s", 0},
    {"transposed product",
     "input A[i0 < 3, i1 < 2]\nB[i0 < 2, i1 < 3] = A[i1, i0]\n"
     "y[i0 < 3, i1 < 3] = sum(i2 < 2) A[i0, i2] * B[i2, i1]\n",
     "A", 0},
    {"softmax",
     "input z[i0 < 3, i1 < 4]\ninput const l[i0 < 3] integer bounds 0 .. 3\n"
     "S[i0 < 3] = sum(i1 < 4) exp(z[i0, i1])\n"
     "p[i0 < 3, i1 < 4] = exp(z[i0, i1]) / S[i0]\ny = sum(i0 < 3) -log(p[i0, l[i0]])\n",
     "z", 0},
    {"attention",
     "input Q[i0 < 3, i1 < 2]\ninput K[i0 < 4, i1 < 2]\ninput V[i0 < 4, i1 < 2]\n"
     "s[i0 < 3, i1 < 4] = sum(i2 < 2) Q[i0, i2] * K[i1, i2]\n"
     "n[i0 < 3] = sum(i1 < 4) exp(s[i0, i1])\nw[i0 < 3, i1 < 4] = exp(s[i0, i1]) / n[i0]\n"
     "y[i0 < 3, i1 < 2] = sum(i2 < 4) w[i0, i2] * V[i2, i1]\n",
     "Q K V", 0},
    {"two layers, pooling",
     "input W[i0 < 4, i1 < 3]\ninput b[i0 < 4]\ninput x[i0 < 2, i1 < 3]\n"
     "h[i0 < 2, i1 < 4] = sum(i2 < 3) W[i1, i2] * x[i0, i2] + b[i1]\n"
     "r[i0 < 2, i1 < 4] = max(h[i0, i1], 0.1 * h[i0, i1])\n"
     "y[i0 < 2, i1 < 2] = max(i2 < 2) r[i0, 2 * i1 + i2]\n",
     "W b x", 0},
    /* recurrences */
    {"ascending, initial value",
     "input s0\ninput x[i0 < 5]\n"
     "y[i0 < 5] = if i0 == 0 then s0 else tanh(y[i0 - 1] + x[i0])\n",
     "s0 x", 0},
    {"descending", "input x[i0 < 5]\ninput w\ny[i0 < 5] = if i0 == 4 then x[4] else w * sin(y[i0 + 1]) * x[i0]\n",
     "x w", 0},
    {"two terms back",
     "input x[i0 < 6]\ninput w[i0 < 2]\n"
     "y[i0 < 6] = if i0 < 2 then x[i0] else w[0] * y[i0 - 1] + w[1] * sin(y[i0 - 2]) + x[i0]\n",
     "x w", 0},
    {"zero before the start", "input x[i0 < 5]\ninput w\ny[i0 < 5] = tanh(w * y[i0 - 1] + x[i0])\n", "x w", 0},
    {"last value alone", "input x[i0 < 5]\ninput w\ns[i0 < 5] = w * tanh(s[i0 - 1]) + x[i0]\ny = s[4] ^ 2\n", "x w", 0},
    {"mutual, with a batch",
     "input x[i0 < 2, i1 < 4]\ninput w[i0 < 4]\n"
     "c[i0 < 2, i1 < 4] = logistic(w[0] * h[i0, i1 - 1] + x[i0, i1]) * c[i0, i1 - 1] + tanh(w[1] * h[i0, i1 - 1] + "
     "x[i0, i1])\n"
     "h[i0 < 2, i1 < 4] = logistic(w[2] * x[i0, i1] + w[3]) * tanh(c[i0, i1])\ny[i0 < 2] = h[i0, 3]\n",
     "x w", 0},
    {"through a sum",
     "input W[i0 < 3, i1 < 3]\ninput x[i0 < 4, i1 < 3]\n"
     "z[i0 < 4, i1 < 3] = sum(i2 < 3) W[i1, i2] * s[i0 - 1, i2]\ns[i0 < 4, i1 < 3] = tanh(z[i0, i1] + x[i0, i1])\n"
     "y = sum(i0 < 3) s[3, i0] * s[2, i0]\n",
     "W x", 0},
    {"a sum over earlier states",
     "input x[i0 < 5]\ninput w[i0 < 2]\n"
     "y[i0 < 5] = sum(i1 < 2) if i0 - 1 - i1 < 0 then x[i0] / 2 else w[i1] * sin(y[i0 - 1 - i1])\n",
     "x w", 0},
    {"time is the second index",
     "input x[i0 < 3, i1 < 4]\n"
     "y[i0 < 3, i1 < 4] = if i1 == 0 then x[i0, 0] else y[i0, i1 - 1] * x[2 - i0, i1] + sin(x[i0, i1 - 1])\n",
     "x", 0},
    {"product in a recurrence",
     "input x[i0 < 4, i1 < 3]\np[i0 < 4] = prod(i1 < 3) s[i0 - 1] + x[i0, i1]\n"
     "s[i0 < 4] = sin(p[i0]) + x[i0, 0]\ny = s[3]\n",
     "x", 0},
    {"maximum in a recurrence",
     "input x[i0 < 4, i1 < 3]\n"
     "p[i0 < 4, i1 < 3] = x[i0, i1] * (if i0 == 0 then 1 else m[i0 - 1])\nm[i0 < 4] = max(i1 < 3) p[i0, i1]\n"
     "y = m[3]\n",
     "x", 0},
    /* branches */
    {"the other branch is infinite",
     "input x[i0 < 5]\n"
     "y[i0 < 5] = if i0 == 2 then log(x[i0] + 3) else sin(log(x[i0 - 2] * (i0 == 2) + 2))\n",
     "x", 0},
    {"a maximum of two",
     "input x[i0 < 4]\nz[i0 < 4] = max(x[i0], x[3 - i0] * 0.3) + min(x[i0], 0.1) + abs(x[i0])\n"
     "y[i0 < 4] = z[i0] * x[1]\n",
     "x", 0},
    {"every smooth op",
     "input x[i0 < 3] bounds 0.2 .. 0.8\n"
     "y[i0 < 3] = lgamma(x[i0]) + atan2(x[i0], x[2 - i0]) + hypot(x[i0], 1) + xlogy(x[i0], x[0]) + erf(x[i0]) "
     "+ x[i0] ^ x[1] + mod(x[i0], 3) + log1mexp(x[i0]) + norm_quantile(x[i0]) + softplus(x[i0]) / cbrt(x[i0]) + "
     "digamma(x[i0] + 1)\n",
     "x", 0},
    {"no path", "input x[i0 < 3]\ninput u[i0 < 2]\ny[i0 < 3] = x[i0] ^ 2\n", "u x", 0},
    {"sizes 0 and 1", "input x[i0 < 1]\ninput u[i0 < 0]\ny[i0 < 1] = sum(i1 < 0) u[i1] * x[i0]\n", "x u", 0},
};

/* ---- branches that must not show, ties, empty reductions: known answers ---- */
typedef struct {
  const char *name, *text;
  double x[6];
  double grad[6];
} known;
static const known exact[] = {
    /* gradient of the sum of y by x, at x */
    {"log of what is not taken",
     "input x[i0 < 3]\ny[i0 < 3] = if 0 < x[i0] then log(x[i0]) else 0\n",
     {0, 2, -1},
     {0, 0.5, 0}},
    {"the same through an equation",
     "input x[i0 < 3]\nl[i0 < 3] = log(x[i0])\n"
     "y[i0 < 3] = if 0 < x[i0] then l[i0] else 0\n",
     {0, 2, -1},
     {0, 0.5, 0}},
    {"root of a clipped value",
     "input x[i0 < 3]\nc[i0 < 3] = if 0 < x[i0] then x[i0] else 0\n"
     "y[i0 < 3] = if 0 < x[i0] then sqrt(c[i0]) else 0\n",
     {0, 4, -1},
     {0, 0.25, 0}},
    {"two guarded uses of one logarithm",
     "input x[i0 < 3]\n"
     "y[i0 < 3] = (if 0 < x[i0] then log(x[i0]) else 0) + (if 1 < x[i0] then 2 * log(x[i0]) else 0)\n",
     {0, 2, 0.5},
     {0, 1.5, 2}},
    {"the same, shared by an equation",
     "input x[i0 < 3]\nl[i0 < 3] = log(x[i0])\n"
     "y[i0 < 3] = (if 0 < x[i0] then l[i0] else 0) + (if 1 < x[i0] then 2 * l[i0] else 0)\n",
     {0, 2, 0.5},
     {0, 1.5, 2}},
    {"an element that is not read",
     "input x[i0 < 3]\nl[i0 < 3] = log(x[i0])\ny[i0 < 2] = l[i0 + 1]\n",
     {0, 2, 4},
     {0, 0.5, 0.25}},
    {"an element that is not the maximum",
     "input x[i0 < 3]\nl[i0 < 3] = log(x[i0])\ny = max(i0 < 3) l[i0]\n",
     {0, 2, 4},
     {0, 0, 0.25}},
    {"picked by data",
     "input x[i0 < 3]\nl[i0 < 3] = 1 / x[i0]\nk[i0 < 1] = argmax(i1 < 3) x[i1]\n"
     "y[i0 < 1] = l[k[i0]]\n",
     {0, 2, 4},
     {0, 0, -0.0625}},
    {"two steps behind a branch",
     "input x[i0 < 3]\nr[i0 < 3] = sqrt(x[i0])\nl[i0 < 3] = r[i0] * 2 + 1\n"
     "y[i0 < 3] = if 0 < x[i0] then l[i0] else 7\n",
     {0, 4, 0.25},
     {0, 0.5, 2}},
    {"a branch in a recurrence",
     "input x[i0 < 3]\ns[i0 < 3] = if x[i0] == 0 then s[i0 - 1] else s[i0 - 1] + log(x[i0])\n"
     "y = s[2]\n",
     {0, 2, 4},
     {0, 0.5, 0.25}},
    {"ties go to the first", "input x[i0 < 4]\ny = max(i0 < 4) x[i0]\n", {1, 3, 3, 2}, {0, 1, 0, 0}},
    {"ties over two indices", "input x[i0 < 4]\ny = min(i0 < 2, i1 < 2) x[2 * i0 + i1]\n", {5, 3, 3, 4}, {0, 1, 0, 0}},
    {"two zeros among factors", "input x[i0 < 4]\ny = prod(i0 < 4) x[i0]\n", {0, 3, 0, 2}, {0, 0, 0, 0}},
    {"one zero among factors", "input x[i0 < 4]\ny = prod(i0 < 4) x[i0]\n", {5, 3, 0, 2}, {0, 0, 30, 0}},
    {"one zero among factors over two indices",
     "input x[i0 < 4]\ny = prod(i0 < 2, i1 < 2) x[i0 + 2 * i1]\n",
     {5, 3, 0, 2},
     {0, 0, 30, 0}},
    {"an empty maximum",
     "input x[i0 < 2]\nm = max(i0 < 0) x[0] * i0 + x[1]\ny = if m < 0 then x[0] else m\n",
     {2, 3},
     {1, 0}},
    {"reads outside are constant", "input x[i0 < 3]\ny[i0 < 3] = x[i0 + 1] * 2 + x[i0 - 2]\n", {1, 2, 3}, {1, 2, 2}},
    {"square root of a square sum at zero",
     "input x[i0 < 2]\nS = sum(i0 < 2) x[i0] ^ 2\n"
     "y = if S == 0 then 0 else sqrt(S)\n",
     {0, 0},
     {0, 0}},
};

static void test_exact(void) {
  for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
    a = cx_arena_new(ctx);
    const known *e = &exact[i];
    for (int way = 0; way < 4; way++) { /* reverse, forward, each plain and after the passes */
      place = e->name;
      cx_graph *g = read_text(e->text);
      uint32_t y = find(g, "y"), x = find(g, "x"), d;
      int64_t nx = count(g->eq[x]), ny = count(g->eq[y]);
      if (way & 1) cx_graph_output(g, y), cx_prepare(g), g->nout = 0;
      if (way & 2) d = cx_diff_forward(g, y, x, 0);
      else {
        cx_eq *one = cx_eq_new(g, NULL, EQ_CALC);
        one->rank = g->eq[y]->rank;
        memcpy(one->dim, g->eq[y]->dim, sizeof one->dim);
        one->body = cx_const(g, 1);
        cx_diff_reverse(g, y, one->id, &x, 1, &d);
      }
      cx_graph_output(g, d);
      well_formed(g, "differentiation");
      if (way & 1) cx_prepare(g), cx_run_passes(g, NULL);
      values in = {.n = 0};
      memcpy(set(&in, "x", nx), e->x, (size_t)nx * sizeof(double));
      int64_t n;
      double *r = flat(g, &in, &n), grad[6] = {0};
      for (int64_t k = 0; k < n; k++) grad[k % nx] += r[k];
      CHECK(n == (way & 2 ? ny * nx : nx));
      compare(way & 2 ? "forward" : "reverse", grad, e->grad, nx, 1e-14, g);
      if (!(way & 1)) continue;
      r = compiled(cx_extract(g, a, g->out, 1, NULL), &in);
      memset(grad, 0, sizeof grad);
      for (int64_t k = 0; k < n; k++) grad[k % nx] += r[k];
      compare("tier 0", grad, e->grad, nx, 1e-14, g);
    }
    cx_arena_free(a);
  }
}

/* ---- second derivatives of sum(y * cot), five ways ---- */
static void second(const char *name, const char *text, const char *leaves) {
  place = cx_format(a, "%s, second derivatives", name);
  const char *leaf[8];
  int n = 0;
  for (char *s = cx_strdup(a, leaves, strlen(leaves)); (s = strtok(s, " ")) != NULL; s = NULL) leaf[n++] = s;
  values in = {.n = 0};
  double *first = NULL;
  for (int stage = 0; stage < 2; stage++) {
    cx_graph *g = read_text(text);
    uint32_t y = find(g, "y"), x[8], dir[8], grad[8], again[8];
    cx_graph_output(g, y);
    if (stage) cx_prepare(g);
    cx_eq *cot = cx_eq_new(g, cx_intern_z(ctx, "cot"), EQ_INPUT);
    cot->rank = g->eq[y]->rank;
    memcpy(cot->dim, g->eq[y]->dim, sizeof cot->dim);
    for (int k = 0; k < n; k++) {
      x[k] = find(g, leaf[k]);
      cx_eq *d = cx_eq_new(g, cx_intern_z(ctx, cx_format(a, "dir_%s", leaf[k])), EQ_INPUT);
      d->rank = g->eq[x[k]]->rank;
      memcpy(d->dim, g->eq[x[k]]->dim, sizeof d->dim);
      dir[k] = d->id;
    }
    if (!stage) draw_inputs(g, &in);
    cx_diff_reverse(g, y, cot->id, x, n, grad);
    if (stage) cx_prepare(g);
    g->nout = 0;
    for (int k = 0; k < n; k++) /* Hessian blocks, and their products with dir by forward and by reverse mode */
      for (int j = 0; j < n; j++) cx_graph_output(g, cx_diff_forward(g, grad[k], x[j], 0));
    for (int k = 0; k < n; k++) cx_graph_output(g, cx_diff_jvp(g, grad[k], x, dir, n));
    for (int k = 0; k < n; k++) {
      cx_diff_reverse(g, grad[k], dir[k], x, n, again);
      for (int j = 0; j < n; j++) cx_graph_output(g, again[j]);
    }
    uint32_t jvp = cx_diff_jvp(g, y, x, dir, n);
    cx_diff_reverse(g, jvp, cot->id, x, n, again);
    for (int j = 0; j < n; j++) cx_graph_output(g, again[j]);
    well_formed(g, "the second differentiation");
    if (stage) cx_prepare(g), cx_run_passes(g, NULL), well_formed(g, "the passes");
    int64_t total;
    double *all = flat(g, &in, &total);
    if (first) {
      compare("after the passes", all, first, total, 1e-9, g);
      compare("tier 0", compiled(cx_extract(g, a, g->out, g->nout, NULL), &in), first, total, 1e-9, g);
      return;
    }
    first = all;
    double **out = run(g, &in);
    int64_t size[8];
    double *d[8];
    for (int k = 0; k < n; k++) size[k] = count(g->eq[x[k]]), d[k] = set(&in, cx_format(a, "dir_%s", leaf[k]), size[k]);
    for (int k = 0; k < n; k++) {
      double *hv = CX_NEW_N(a, double, size[k] + 1);
      for (int j = 0; j < n; j++) {
        const double *H = out[k * n + j], *T = out[j * n + k];
        for (int64_t p = 0; p < size[k]; p++)
          for (int64_t q = 0; q < size[j]; q++) {
            hv[p] += H[p * size[j] + q] * d[j][q];
            CHECK_NEAR(H[p * size[j] + q], T[q * size[k] + p], 1e-10);
          }
        double *row = CX_NEW_N(a, double, size[j] + 1);
        for (int64_t p = 0; p < size[k]; p++)
          for (int64_t q = 0; q < size[j]; q++) row[q] += H[p * size[j] + q] * d[k][p];
        compare("reverse of reverse", out[n * n + n + k * n + j], row, size[j], 1e-10, g);
      }
      compare("forward of reverse", out[n * n + k], hv, size[k], 1e-10, g);
      compare("reverse of forward", out[n * n + n + n * n + k], hv, size[k], 1e-10, g);
      if (check_failed > 12) return;
    }
    /* the Hessian itself against difference quotients of the gradient */
    for (int j = 0; j < n && stage == 0; j++) {
      cx_graph *h = read_text(text);
      uint32_t by[8], gr[8];
      for (int k = 0; k < n; k++) by[k] = find(h, leaf[k]);
      cx_eq *c = cx_eq_new(h, cx_intern_z(ctx, "cot"), EQ_INPUT);
      c->rank = cot->rank;
      memcpy(c->dim, cot->dim, sizeof c->dim);
      cx_diff_reverse(h, find(h, "y"), c->id, by, n, gr);
      cx_graph_output(h, gr[0]);
      double *r = CX_NEW_N(a, double, size[0] + 1), *err = CX_NEW_N(a, double, size[0] + 1),
             *hd = CX_NEW_N(a, double, size[0] + 1);
      ridders(h, &in, leaf[j], d[j], 0.02, r, err);
      for (int64_t p = 0; p < size[0]; p++) {
        for (int64_t q = 0; q < size[j]; q++) hd[p] += out[j][p * size[j] + q] * d[j][q];
        check_count++;
        if (isnan(r[p]) || fabs(hd[p] - r[p]) > 1e-6 * fmax(1, fabs(r[p])) + 10 * err[p])
          bad(cx_format(a, "second derivative %lld by %s is %.12g, difference quotient %.12g", (long long)p, leaf[j],
                        hd[p], r[p]),
              NULL);
      }
    }
  }
}

/* ---- derivatives up to the fourth by one number: closed forms ---- */
static double p6(double x, int k) {
  double c = 1;
  for (int i = 0; i < k; i++) c *= 6 - i;
  return c * pow(x, 6 - k);
}
static double s2(double x, int k) { return pow(2, k) * sin(2 * x + k * acos(0)); }
static double inverse(double x, int k) { return (k & 1 ? -1 : 1) * tgamma(k + 1) / pow(1 + x, k + 1); }
static double ex(double x, int k) { return 3 * pow(0.5, k) * exp(0.5 * x); }
static double sums(double x, int k) {
  double s = 0;
  for (int j = 0; j < 4; j++) s += pow(j - 1, k) * exp((j - 1) * x);
  return s;
}
static double soft(double x, int k) { /* log(1 + e^x) */
  double s = 1 / (1 + exp(-x)), d = s * (1 - s);
  return k == 0 ? log1p(exp(x)) : k == 1 ? s : k == 2 ? d : k == 3 ? d * (1 - 2 * s) : d * (1 - 6 * d);
}
static double gauss(double x, int k) { /* exp(-x^2 / 2): Hermite polynomials */
  double h = k == 0 ? 1 : k == 1 ? -x : k == 2 ? x * x - 1 : k == 3 ? 3 * x - x * x * x : x * x * x * x - 6 * x * x + 3;
  return h * exp(-x * x / 2);
}
static const struct {
  const char *name, *text;
  double (*f)(double x, int k);
} orders[] = {
    {"power", "input x\ny = x ^ 6\n", p6},
    {"power by multiplication", "input x\nu = x * x\nv = u * x\ny = v * v\n", p6},
    {"power as a product", "input x\ny = prod(i0 < 6) x\n", p6},
    {"power as a product over two indices", "input x\ny = prod(i0 < 2, i1 < 3) x\n", p6},
    {"power as a recurrence", "input x\ns[i0 < 6] = if i0 == 0 then x else s[i0 - 1] * x\ny = s[5]\n", p6},
    {"power as a descending recurrence", "input x\ns[i0 < 6] = if i0 == 5 then x else s[i0 + 1] * x\ny = s[0]\n", p6},
    {"sine", "input x\ny = 2 * sin(x) * cos(x)\n", s2},
    {"inverse", "input x\ny = 1 / (1 + x)\n", inverse},
    {"exponential", "input x\ny = 3 * sqrt(exp(x))\n", ex},
    {"sum of exponentials", "input x\ny = sum(i0 < 4) exp((i0 - 1) * x)\n", sums},
    {"softplus as a log-sum-exp", "input x\nS = sum(i0 < 2) exp(i0 * x)\ny = log(S)\n", soft},
    {"softplus", "input x\ny = softplus(x)\n", soft},
    {"softplus as a maximum", "input x\nz[i0 < 2] = if i0 == 1 then log(1 + exp(x)) else -9\ny = max(i0 < 2) z[i0]\n",
     soft},
    {"density", "input x\ny = exp(-x ^ 2 / 2)\n", gauss},
    {"density as a branch", "input x\ny = if 100 < x then log(-1) else 1 / sqrt(exp(x * x))\n", gauss},
};

static void test_orders(void) {
  for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
    for (int way = 0; way < 32; way++) { /* bit k: order k + 1 by reverse mode; bit 4: prepared in between */
      a = cx_arena_new(ctx);
      place = orders[i].name;
      cx_graph *g = read_text(orders[i].text);
      uint32_t x = find(g, "x"), y = find(g, "y");
      bool with = way >> 4;
      cx_graph_output(g, y);
      for (int k = 0; k < 4; k++) {
        if (with) cx_prepare(g);
        if (way >> k & 1) cx_diff_reverse(g, y, CX_NO_COT, &x, 1, &y);
        else y = cx_diff_forward(g, y, x, 0);
        cx_graph_output(g, y);
      }
      if (with) cx_run_passes(g, NULL);
      well_formed(g, "four differentiations");
      for (int t = 0; t < 3; t++) {
        values in = {.n = 0};
        double at = set(&in, "x", 1)[0] = 0.3 + 0.55 * t - (i == 6 ? 1 : 0);
        double **out = run(g, &in);
        for (int k = 0; k <= 4; k++) {
          double want = orders[i].f(at, k);
          check_count++;
          if (!(fabs(out[k][0] - want) <= 2e-12 * fmax(1, fabs(want))))
            bad(cx_format(a, "derivative %d (way %d) at %g is %.17g, expected %.17g", k, way, at, out[k][0], want),
                k < 3 ? needed(g) : NULL);
        }
      }
      cx_arena_free(a);
      if (check_failed > 12) return;
    }
}

/* ---- leaves ---- */
static void test_leaves(void) {
  a = cx_arena_new(ctx);
  place = "leaves";
  cx_graph *g = read_text(
      "input x[i0 < 3]\ninput z0[i0 < 3]\nz[i0 < 3] = x[i0] ^ 2\ny[i0 < 3] = z[i0] * x[2 - i0]\n"
      "u = sum(i0 < 3) y[i0] * z0[i0]\n");
  uint32_t x = find(g, "x"), y = find(g, "y"), z = find(g, "z"), z0 = find(g, "z0"), u = find(g, "u"), out[2],
           both[2] = {x, z};
  cx_graph_output(g, cx_diff_forward(g, y, y, 0)); /* the identity */
  cx_graph_output(g, cx_diff_forward(g, y, z, 0)); /* an equation as a leaf */
  cx_graph_output(g, cx_diff_forward(g, z, y, 0)); /* nothing */
  CHECK(cx_diff_jvp(g, y, &y, &z0, 1) == z0);
  cx_diff_reverse(g, u, CX_NO_COT, both, 2, out); /* x apart from z: a leaf is cut */
  cx_graph_output(g, out[0]);
  cx_graph_output(g, out[1]);
  cx_diff_reverse(g, y, z0, &y, 1, out);
  cx_graph_output(g, out[0]);
  cx_diff_reverse(g, u, CX_NO_COT, &u, 1, out);
  cx_graph_output(g, out[0]);
  uint32_t twice[2] = {x, x};
  cx_diff_reverse(g, u, CX_NO_COT, twice, 2, out); /* named twice: the same */
  CHECK(out[0] == out[1]);
  well_formed(g, "differentiation");
  for (int pass = 0; pass < 2; pass++) {
    values in = {.n = 0};
    memcpy(set(&in, "x", 3), (double[]){1, 2, 3}, 24);
    memcpy(set(&in, "z0", 3), (double[]){5, 7, 11}, 24);
    double **o = run(g, &in);
    compare("identity", o[0], (double[]){1, 0, 0, 0, 1, 0, 0, 0, 1}, 9, 0, NULL);
    compare("by an equation", o[1], (double[]){3, 0, 0, 0, 2, 0, 0, 0, 1}, 9, 0, NULL);
    compare("no path", o[2], (double[]){0, 0, 0, 0, 0, 0, 0, 0, 0}, 9, 0, NULL);
    compare("x beside z", o[3], (double[]){99, 28, 5}, 3, 0, NULL);
    compare("z beside x", o[4], (double[]){15, 14, 11}, 3, 0, NULL);
    compare("by itself", o[5], (double[]){5, 7, 11}, 3, 0, NULL);
    compare("a scalar by itself", o[6], (double[]){1}, 1, 0, NULL);
    if (!pass) cx_prepare(g), cx_run_passes(g, NULL);
  }
  cx_arena_free(a);
}

/* instances side by side: the blocks on the diagonal of the whole Jacobian */
static void test_batch(void) {
  static const struct {
    const char *text;
    int batch;
  } t[] = {
      {"input x[i0 < 3, i1 < 4]\ninput w[i0 < 4]\ny[i0 < 3] = sum(i1 < 4) sin(x[i0, i1] * w[i1]) * x[i0, 3 - i1]\n", 1},
      {"input x[i0 < 3, i1 < 4]\nz[i0 < 3, i1 < 4] = exp(x[i0, i1]) + x[i0, i1 - 1]\nS[i0 < 3] = sum(i1 < 4) z[i0, i1]\n"
       "y[i0 < 3, i1 < 2] = z[i0, 2 * i1] / S[i0]\n",
       1},
      {"input x[i0 < 3]\nz[i0 < 3] = sin(x[i0])\ny[i0 < 3, i1 < 2] = z[i0] ^ (i1 + 2)\n", 1},
      {"input x[i0 < 2, i1 < 3]\ny[i0 < 2, i1 < 3] = exp(x[i0, i1] ^ 2) / x[i0, i1]\n", 2},
      {"input x[i0 < 2, i1 < 3, i2 < 2]\ny[i0 < 2, i1 < 3] = prod(i2 < 2) x[i0, i1, i2] + i2\n", 2},
      {"input x[i0 < 3, i1 < 4]\ns[i0 < 3, i1 < 4] = tanh(s[i0, i1 - 1] * 2 + x[i0, i1])\n"
       "y[i0 < 3] = max(i1 < 4) s[i0, i1]\n",
       1},
  };
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    a = cx_arena_new(ctx);
    place = "instances";
    cx_graph *g = read_text(t[i].text);
    uint32_t x = find(g, "x"), y = find(g, "y");
    cx_graph_output(g, cx_diff_forward(g, y, x, 0));
    cx_graph_output(g, cx_diff_forward(g, y, x, t[i].batch));
    well_formed(g, "differentiation");
    for (int pass = 0; pass < 2; pass++) {
      values in = {.n = 0};
      draw_inputs(g, &in);
      double **o = run(g, &in);
      int64_t instances = 1;
      for (int k = 0; k < t[i].batch; k++) instances *= g->eq[x]->dim[k].n;
      int64_t ny = count(g->eq[y]) / instances, nx = count(g->eq[x]) / instances;
      CHECK(count(g->eq[g->out[1]]) == instances * ny * nx);
      for (int64_t b = 0; b < instances; b++)
        for (int64_t p = 0; p < ny; p++)
          for (int64_t q = 0; q < nx; q++)
            CHECK_NEAR(o[1][(b * ny + p) * nx + q], o[0][((b * ny + p) * instances + b) * nx + q], 1e-10);
      if (!pass) cx_prepare(g), cx_run_passes(g, NULL);
    }
    cx_arena_free(a);
  }
}

/* ---- the form of adjoints: gathers over the window, no sum over what an equality fixes ---- */
static void test_forms(void) {
  static const struct {
    const char *name, *text, *leaf, *has, *not ;
    bool second;
  } t[] = {
      {"shift", "input x[i0 < 50]\ny = sum(i0 < 49) sin(x[i0 + 1])\n", "x", "if 1 <= i0", "sum(", false},
      {"reversal", "input x[i0 < 50]\nz[i0 < 50] = sin(x[49 - i0])\ny = sum(i0 < 50) z[i0] ^ 2\n", "x", NULL, "sum(",
       false},
      {"stencil", "input x[i0 < 50]\nz[i0 < 50] = x[i0 - 1] * x[i0 + 1] - 2 * x[i0]\ny = sum(i0 < 50) exp(z[i0])\n",
       "x", "x[i0 - 2]", "sum(", false},
      {"convolution",
       "input x[i0 < 50]\ninput w[i0 < 3]\nz[i0 < 48] = sum(i1 < 3) w[i1] * x[i0 + i1]\n"
       "y = sum(i0 < 48) sin(z[i0])\n",
       "x", "sum(i1 < 3)", "sum(i1 < 48)", false},
      {"convolution by its kernel",
       "input x[i0 < 50]\ninput w[i0 < 3]\nz[i0 < 48] = sum(i1 < 3) w[i1] * x[i0 + i1]\n"
       "y = sum(i0 < 48) sin(z[i0])\n",
       "w", "sum(i1 < 48)", "==", false},
      {"convolution in two dimensions",
       "input x[i0 < 20, i1 < 30]\ninput w[i0 < 3, i1 < 5]\n"
       "z[i0 < 18, i1 < 26] = sum(i2 < 3, i3 < 5) w[i2, i3] * x[i0 + i2, i1 + i3]\n"
       "y = sum(i0 < 18, i1 < 26) sin(z[i0, i1])\n",
       "x", "sum(i2 < 3, i3 < 5)", "==", false},
      {"stride",
       "input x[i0 < 51]\ninput w[i0 < 3]\nz[i0 < 25] = sum(i1 < 3) w[i1] * x[2 * i0 + i1]\n"
       "y = sum(i0 < 25) sin(z[i0])\n",
       "x", "sum(i1 < 2)", "sum(i1 < 25)", false},
      {"strided read", "input x[i0 < 50]\nz[i0 < 25] = sin(x[2 * i0])\ny = sum(i0 < 25) z[i0] ^ 2\n", "x", "mod(i0, 2)",
       "sum(", false},
      {"pooling", "input x[i0 < 50]\nz[i0 < 25] = max(i1 < 2) x[2 * i0 + i1]\ny = sum(i0 < 25) z[i0] ^ 2\n", "x", NULL,
       "sum(", false},
      {"transpose",
       "input x[i0 < 20, i1 < 30]\nz[i0 < 30, i1 < 20] = sin(x[i1, i0])\n"
       "y = sum(i0 < 30, i1 < 20) z[i0, i1] ^ 2\n",
       "x", NULL, "sum(", false},
      {"diagonal", "input x[i0 < 20, i1 < 20]\ny = sum(i0 < 20) sin(x[i0, i0])\n", "x", "i0 == i1", "sum(", false},
      {"matrix product",
       "input x[i0 < 20, i1 < 30]\ninput B[i0 < 30, i1 < 10]\n"
       "z[i0 < 20, i1 < 10] = sum(i2 < 30) x[i0, i2] * B[i2, i1]\ny = sum(i0 < 20, i1 < 10) sin(z[i0, i1])\n",
       "x", "sum(i2 < 10)", "==", false},
      {"recurrence", "input x[i0 < 50]\nz[i0 < 50] = tanh(z[i0 - 1] + x[i0])\ny = z[49]\n", "x", "i0 + 1]", "sum(",
       false},
      {"time shift in a layer",
       "input x[i0 < 20, i1 < 3]\ninput W[i0 < 3, i1 < 3]\n"
       "z[i0 < 20, i1 < 3] = sum(i2 < 3) W[i1, i2] * s[i0 - 1, i2]\n"
       "s[i0 < 20, i1 < 3] = tanh(z[i0, i1] + x[i0, i1])\ny = sum(i0 < 3) s[19, i0]\n",
       "x", "sum(i2 < 3)", "sum(i2 < 20", false},
      {"chained Rosenbrock", "input x[i0 < 50]\ny = sum(i0 < 49) 100 * (x[i0 + 1] - x[i0] ^ 2) ^ 2 + (1 - x[i0]) ^ 2\n",
       "x", NULL, "sum(", false},
      {"gather by data",
       "input x[i0 < 50]\ninput const k[i0 < 20] integer bounds 0 .. 49\n"
       "y = sum(i0 < 20) sin(x[k[i0]])\n",
       "x", "i0 == k[i1]", NULL, false},
      {"second derivative of a stencil", "input x[i0 < 50]\ny = sum(i0 < 49) exp(x[i0] * x[i0 + 1])\n", "x", "i0 == i1",
       "sum(", true},
  };
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    a = cx_arena_new(ctx);
    place = t[i].name;
    cx_graph *g = read_text(t[i].text);
    uint32_t x = find(g, t[i].leaf), y = find(g, "y"), d;
    cx_graph_output(g, y);
    cx_prepare(g);
    cx_diff_reverse(g, y, CX_NO_COT, &x, 1, &d);
    if (t[i].second) d = cx_diff_forward(g, d, x, 0);
    g->nout = 0;
    cx_graph_output(g, d);
    cx_prepare(g);
    cx_run_passes(g, NULL);
    /* the equation of the derivative alone, without what computes the values */
    g = cx_extract(g, a, g->out, g->nout, NULL);
    cx_buf b = {.arena = a};
    char *s = cx_graph_text(g, a), *line;
    for (line = strtok(s, "\n"); line; line = strtok(NULL, "\n"))
      if (strncmp(line, "input", 5) && strncmp(line, "y ", 2) && strncmp(line, "z[", 2) && strncmp(line, "s[", 2))
        cx_putf(&b, "%s\n", line);
    check_count++;
    if ((t[i].has && !strstr(b.at, t[i].has)) || (t[i].not &&strstr(b.at, t[i].not )))
      bad(cx_format(a, "asked for \"%s\" and no \"%s\" in", t[i].has ? t[i].has : "", t[i].not ? t[i].not : ""), b.at);
    cx_arena_free(a);
  }
}

/* an expression that the gradient needs at several places is computed once for each */
static void test_shared_shifts(void) {
  static const char *const text[] = {
      "input x[i0 < 50]\ny = sum(i0 < 49) exp(x[i0] - x[i0 + 1])\n",
      "input x[i0 < 50]\nr[i0 < 48] = exp(x[i0 + 1] * x[i0]) - x[i0 + 2]\ny = sum(i0 < 48) r[i0] ^ 2\n",
      "input x[i0 < 9, i1 < 8]\ny = sum(i0 < 8, i1 < 7) exp(x[i0, i1] * x[i0 + 1, i1] + x[i0, i1 + 1])\n",
  };
  for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
    a = cx_arena_new(ctx);
    place = "shared shifts";
    cx_graph *g = read_text(text[i]);
    uint32_t x = find(g, "x"), y = find(g, "y"), d;
    cx_graph_output(g, y);
    cx_prepare(g);
    cx_diff_reverse(g, y, CX_NO_COT, &x, 1, &d);
    cx_graph_output(g, d);
    cx_run_passes(g, NULL);
    well_formed(g, "the passes");
    int times = 0;
    for (const char *s = needed(g); (s = strstr(s, "exp(")) != NULL; s++) times++;
    check_count++;
    if (times != 1) bad(cx_format(a, "%d exponentials in", times), needed(g));
    cx_arena_free(a);
  }
}

/* ---- random programs ---- */
/* Factors of each equation read earlier ones (or itself one step back) at affine, data-given and constant places. */
static void random_text(cx_buf *b, bool smooth) {
  static const char *const shape[] = {"", "[i0 < 4]", "[i0 < 4, i1 < 3]"};
  static const char *const red[] = {"", "", "sum", "sum", "prod", "max", "prod", "min"};
  static const int nover[] = {0, 0, 1, 2, 1, 1, 2, 2};
  static const char *const form[] = {"sin(%s)",
                                     "tanh(%s) * %s",
                                     "%s * %s",
                                     "%s - %s / 2",
                                     "exp(tanh(%s))",
                                     "%s / (2 + cos(%s))",
                                     "logistic(%s) + %s * %s",
                                     "log(1.5 + %s ^ 2)",
                                     "(if i0 < 2 then %s else tanh(%s))",
                                     "(if %s < -90 then log(-2) else sqrt(1.2 + sin(%s)))",
                                     "-%s ^ 2 * %s",
                                     "max(%s, %s)"};
  int rank[12] = {0, 1, 2, 1, 1}, n = 5;
  cx_puts(b,
          "input e0\ninput e1[i0 < 4]\ninput e2[i0 < 4, i1 < 3]\ninput const e3[i0 < 4] integer bounds -1 .. 4\n"
          "input e4[i0 < 4]\n");
  int total = n + 2 + (int)below(4);
  for (; n < total; n++) {
    bool last = n == total - 1, cycle = !last && below(4) == 0;
    int r = cycle  ? 1 + (int)below(2)
            : last ? (int)below(2)
                   : (int)below(3),
        o = (int)below(smooth ? 5 : 8), slots = r + nover[o];
    if (cycle) o = (int)below(2) * 2, slots = r + nover[o];
    rank[n] = r;
    if (last) cx_putf(b, "y%s = ", shape[r]);
    else cx_putf(b, "e%d%s = ", n, shape[r]);
    if (nover[o]) cx_putf(b, "%s(i%d < %d", red[o], r, o == 2 || o >= 4 ? 3 : 2);
    if (nover[o] == 2) cx_putf(b, ", i%d < 2", r + 1);
    if (nover[o]) cx_puts(b, ") ");
    const char *f = form[below(smooth ? 11 : 12)];
    if (!slots && strstr(f, "i0")) f = form[0];
    bool self = cycle;
    cx_puts(b, cycle ? "tanh(" : "(");
    for (; *f; f++) {
      if (*f != '%') {
        cx_put(b, f, 1);
        continue;
      }
      f++;
      int e = self ? n : (int)below((uint32_t)n);
      if (e == 3) e = 4;
      if (e != n && n > 5 && below(2)) e = n - 1;
      cx_putf(b, "e%d", e);
      for (int k = 0; k < rank[e]; k++) {
        cx_puts(b, k ? ", " : "[");
        int s = slots ? (int)below((uint32_t)slots) : -1, s2 = slots ? (int)below((uint32_t)slots) : -1;
        if (self) cx_putf(b, k ? (slots > 1 ? "i1" : "1") : "i0 - 1");
        else switch (s < 0 ? 0 : below(9)) {
            case 0: cx_putf(b, "%d", (int)below(4)); break;
            case 1: cx_putf(b, "i%d + 1", s); break;
            case 2: cx_putf(b, "3 - i%d", s); break;
            case 3: cx_putf(b, "i%d + i%d", s, s2); break;
            case 4: cx_putf(b, "2 * i%d - 1", s); break;
            case 5: cx_putf(b, "e3[i%d]", s); break;
            case 6: cx_putf(b, "i%d - i%d", s, s2); break;
            default: cx_putf(b, "i%d", s);
          }
      }
      if (rank[e]) cx_puts(b, "]");
      self = false;
    }
    cx_puts(b, ")");
    if (o) cx_putf(b, " * 0.5");
    cx_puts(b, "\n");
  }
}

static void test_random(void) {
  for (int i = 0; i < 400 && check_failed < 3; i++) {
    a = cx_arena_new(ctx);
    cx_buf b = {.arena = a};
    bool smooth = i % 2;
    random_text(&b, smooth);
    const char *name = cx_format(a, "random %d\n%s", i, b.at);
    derivatives(name, b.at, "e0 e1 e2 e4", smooth ? 0 : NO_FD);
    if (smooth && i % 4 == 1) second(name, b.at, "e0 e1 e4");
    cx_arena_free(a);
  }
}

int main(void) {
  ctx = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(ctx, f) {
    for (size_t i = 0; i < sizeof program / sizeof *program && check_failed < 12; i++) {
      a = cx_arena_new(ctx);
      derivatives(program[i].name, program[i].text, program[i].leaves, program[i].flags);
      second(program[i].name, program[i].text, program[i].leaves);
      cx_arena_free(a);
    }
    test_exact();
    test_orders();
    test_leaves();
    test_batch();
    test_forms();
    test_shared_shifts();
    test_random();
    CX_END(ctx, f);
  }
  else {
    check_failed++;
    fprintf(stderr, "%s\n", place ? place : "");
    for (int i = 0; i < cx_diag_count(ctx); i++) fputs(cx_diag_render(ctx, cx_ctx_arena(ctx), i, false), stderr);
  }
  cx_ctx_free(ctx);
  return CHECK_DONE();
}
