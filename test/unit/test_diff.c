/* Differentiation: forward mode, reverse mode and directional derivatives against each other and against Ridders'
 * difference quotients of the reference evaluator's values, before and after the passes. */
#include "diff_common.h"

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

static void tests(void) {
  for (size_t i = 0; i < sizeof program / sizeof *program && check_failed < 12; i++) {
    a = cx_arena_new(ctx);
    derivatives(program[i].name, program[i].text, program[i].leaves, program[i].flags);
    second(program[i].name, program[i].text, program[i].leaves);
    cx_arena_free(a);
  }
  test_random();
}

int main(void) { return in_context(tests); }
