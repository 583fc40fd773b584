/* test_laws.c - the laws of differentiation on random programs: sums, products, maxima, stencils, subscripts that are
 * data, conditions, recurrences in both directions. For each: derivatives are linear, products and compositions follow
 * their rules, forward = reverse = d(..) = finite differences, mixed partials commute, the Hessian is symmetric and the
 * Jacobian of the gradient, sparse matrices have the entries of dense ones, and derivatives of derivatives agree with
 * differences up to order 4.
 * test_laws [programs [seed]] */
#include "../unit/api_common.h"
#include <stdarg.h>
#include <stdbool.h>

enum { ROWS = 6, COLS = 4, PARAMS = 2 + COLS, OUT_MAX = 400 };

/* ---- random programs ---- */

static char text[1 << 16];
static size_t length;

static void put(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text + length, sizeof text - length, fmt, ap);
  va_end(ap);
  if (n > 0 && length + (size_t)n < sizeof text) length += (size_t)n;
}
static int below(int n) { return (int)(uniform() * n); }

typedef struct {
  const char *row[4], *col[4]; /* index names in scope, over 0..ROWS-1 and 0..COLS-1 */
  int nrow, ncol;
  const char *step; /* h[t-1] or h[t+1] within the recurrence */
  int recurrence;   /* h exists */
  const char *only; /* within a function: its argument, and nothing else */
} scope;

static void leaf(const scope *s) {
  if (s->only) {
    put(below(3) ? "%s" : "0.7", s->only);
    return;
  }
  const char *i = s->nrow ? s->row[below(s->nrow)] : NULL, *j = s->ncol ? s->col[below(s->ncol)] : NULL;
  for (;;) switch (below(13)) {
      case 0: put("%.2f", 3 * uniform() - 1.5); return;
      case 1: put("a"); return;
      case 2: put("b"); return;
      case 3: put("v[%d]", below(COLS)); return;
      case 4:
        if (!i) break;
        put("y[%s]", i);
        return;
      case 5:
        if (!i) break;
        put("v[k[%s]]", i);
        return;
      case 6:
        if (!j) break;
        put("v[%s]", j);
        return;
      case 7:
        if (!i || !j) break;
        put("M[%s, %s]", i, j);
        return;
      case 8:
        if (!i) break;
        put("M[%s, k[%s]]", i, i);
        return;
      case 9:
        if (!s->step) break;
        put("%s", s->step);
        return;
      case 10:
        if (!s->recurrence || !i) break;
        put("h[%s]", i);
        return;
      case 11:
        if (!s->recurrence) break;
        put("h[%d]", below(ROWS));
        return;
      case 12:
        if (!i) break;
        put("u[%s, %d]", i, below(2));
        return;
    }
}

static void expression(const scope *s, int depth);
static void call(const scope *s, int depth, const char *before, const char *after) {
  put("%s", before);
  expression(s, depth);
  put("%s", after);
}
static void two(const scope *s, int depth, const char *before, const char *between, const char *after) {
  call(s, depth, before, between);
  call(s, depth, "", after);
}

/* sum(i: y[i] * ..) has its range from the subscript, sum(i in 0..5: ..) says it */
static void binder(const scope *s, int depth, const char *name, bool row, const char *before, const char *after) {
  static const char *const names[2][4] = {{"p", "q", "r", "s"}, {"i", "j", "l", "m"}};
  scope inner = *s;
  if ((row ? s->nrow : s->ncol) == 2) {
    leaf(s);
    return;
  }
  const char *x = row ? (inner.row[inner.nrow] = names[1][s->nrow]) : (inner.col[inner.ncol] = names[0][s->ncol]);
  if (row) inner.nrow++;
  else inner.ncol++;
  if (below(2)) put("%s(%s in 0..%d: %s", name, x, (row ? ROWS : COLS) - 1, before);
  else put("%s(%s: 0 * %s[%s] + %s", name, x, row ? "y" : "v", x, before);
  expression(&inner, depth);
  put("%s)", after);
}

static void expression(const scope *s, int depth) {
  if (depth <= 0) {
    leaf(s);
    return;
  }
  depth--;
  int kind = below(s->only ? 12 : 22);
  switch (kind) {
    case 0: two(s, depth, "(", " + ", ")"); return;
    case 1: two(s, depth, "(", " - ", ")"); return;
    case 2: two(s, depth, "", " * ", ""); return;
    case 3: two(s, depth, "(", ") / (2 + cos(", "))"); return;
    case 4: call(s, depth, "tanh(", ")"); return;
    case 5: call(s, depth, "sin(", ")"); return;
    case 6: call(s, depth, "exp(-(", ")^2)"); return;
    case 7: call(s, depth, "log(1 + (", ")^2)"); return;
    case 8: call(s, depth, "sqrt(1 + (", ")^2)"); return;
    case 9: call(s, depth, "logistic(", ")"); return;
    case 10: call(s, depth, "tanh(", ")^2"); return;
    case 11: two(s, depth, "exp(tanh(", ") * 0.5 + sin(", "))"); return;
    case 12: binder(s, depth, "sum", true, "0.5 * (", ")"); return;
    case 13: binder(s, depth, "sum", false, "0.5 * (", ")"); return;
    case 14: binder(s, depth, "mean", true, "", ""); return;
    case 15: binder(s, depth, "prod", false, "1 + 0.3 * tanh(", ")"); return;
    case 16: binder(s, depth, "max", below(2), "", ""); return;
    case 17: binder(s, depth, "min", true, "", ""); return;
    case 18:
      put("sum(z in 0..%d: (v[z + 1] - v[z])^2 * ", COLS - 2);
      expression(s, depth - 1);
      put(")");
      return; /* stencil */
    case 19: put("sum(z in 0..2: y[2 * z] * v[z + 1] * u[5 - z, 1])"); return;
    case 20:
      if (!s->nrow) {
        leaf(s);
        return;
      }
      put("(if y[%s] > 0 then ", s->row[0]);
      two(s, depth, "", " else ", ")");
      return;
    default: two(s, depth, "max(", ", ", ")"); return;
  }
}

static void program(int depth) {
  length = 0;
  scope none = {0}, row = {.row = {"i"}, .nrow = 1}, step = {.row = {"t"}, .nrow = 1}, arg = {.only = "x"};
  put("data M[n, %d], y[n], k[n] : int(0..3)\nparam a, b, v[%d]\n", COLS, COLS);
  call(&arg, 3, "F(x) = x + ", "\n");
  put("u[i, c] = tanh(y[i] + (c + 1) * v[k[i]] + a * M[i, c])\n");
  int kind = below(4);
  if (kind) {
    static const char *const first[4] = {"", "h[0] = ", "h[5] = ", "h[0] = "}, *const at[4] = {"", "h[t-1]", "h[t+1]",
                                                                                               "h[t-1]"};
    call(&none, depth - 1, first[kind], "\n");
    step.step = at[kind];
    put("h[t] = tanh(0.9 * %s + 0.1 * y[t] + ", at[kind]);
    if (kind == 3) put("0.3 * %s * (if t > 1 then h[t-2] else b) + ", at[kind]);
    call(&step, depth - 1, "", ")\n");
  }
  none.recurrence = row.recurrence = kind;
  call(&none, depth, "f = a * v[1] + ", "\n");
  call(&none, depth, "g = b + ", "\n");
  call(&row, depth - 1, "V[i] = y[i] * a + ", "\n");
  put("minimize f\n");
}

/* ---- laws ---- */

static calx_ctx *c;
static calx_model *m;
static int wrong, conclusive, differences;

static calx_fn *function(const char *expression, bool jacobian) {
  calx_fn *f;
  calx_status s = jacobian ? calx_jacobian(m, expression, SIZE_MAX, &f) : calx_function(m, expression, SIZE_MAX, &f);
  if (s == CALX_OK && calx_fn_outputs(f) <= OUT_MAX) return f;
  fprintf(stderr, "%s\n%s", expression, calx_error(c));
  wrong++;
  return NULL;
}

static bool values(const char *expression, bool jacobian, const double *x, double *out) {
  calx_fn *f = function(expression, jacobian);
  bool ok = f && at(f, x, out) == CALX_OK;
  wrong += f && !ok;
  calx_fn_free(f);
  return ok;
}

static double size_of(const double *v, int n) {
  double s = 1;
  for (int k = 0; k < n; k++) s = fmax(s, fabs(v[k]));
  return s;
}

static void equal(const char *law, const double *x, const double *y, int n, double tol) {
  double s = fmax(size_of(x, n), size_of(y, n));
  check_count++;
  for (int k = 0; k < n; k++)
    if (!(fabs(x[k] - y[k]) <= tol * s)) {
      fprintf(stderr, "%s: element %d is %.17g, expected %.17g\n", law, k, x[k], y[k]);
      wrong++;
      return;
    }
}

/* a sparse matrix, added up */
static void dense_of(calx_status made, calx_fn *f, const double *x, double *J, int n) {
  static double v[1 << 14];
  static int64_t row[1 << 14], col[1 << 14];
  memset(J, 0, (size_t)n * sizeof *J);
  int64_t entries = made == CALX_OK ? calx_fn_outputs(f) : 0;
  if (made != CALX_OK || entries > 1 << 14 || calx_sparsity(f, row, col) != CALX_OK || at(f, x, v) != CALX_OK) {
    fprintf(stderr, "sparse: %s", calx_error(c));
    wrong++;
    return;
  }
  for (int64_t k = 0; k < entries; k++) {
    if (row[k] < 0 || col[k] < 0 || col[k] >= PARAMS || row[k] * PARAMS + col[k] >= n) wrong++;
    else J[row[k] * PARAMS + col[k]] += v[k];
  }
}

/* J against central differences of f with two steps. Where these disagree (a kink nearby) they prove nothing. */
static void differs(const char *law, calx_fn *f, const double *x, const double *J) {
  int64_t n = calx_fn_inputs(f), rows = calx_fn_outputs(f);
  static double d[2][OUT_MAX * PARAMS], v[4][OUT_MAX];
  double p[PARAMS];
  calx_work *w;
  if (rows > OUT_MAX || calx_work_new(f, &w) != CALX_OK) {
    wrong++;
    return;
  }
  memcpy(p, x, sizeof p);
  for (int turn = 0; turn < 2; turn++)
    for (int64_t j = 0; j < n; j++) {
      double h = turn ? 1e-3 : 2e-3;
      for (int k = 0; k < 4; k++) {
        static const double step[4] = {1, -1, 2, -2};
        p[j] = x[j] + step[k] * h;
        if (calx_eval(f, w, p, v[k]) != CALX_OK) wrong++;
      }
      p[j] = x[j];
      for (int64_t i = 0; i < rows; i++)
        d[turn][i * n + j] = (8 * (v[0][i] - v[1][i]) - (v[2][i] - v[3][i])) / (12 * h);
    }
  calx_work_free(w);
  double s = size_of(d[1], (int)(n * rows));
  for (int64_t k = 0; k < n * rows; k++) {
    double unsure = fabs(d[0][k] - d[1][k]);
    differences++;
    if (unsure > 1e-4 * s) continue;
    conclusive++;
    if (!(fabs(J[k] - d[1][k]) <= 1e-7 * s + 2 * unsure)) {
      fprintf(stderr, "%s: element %d is %.12g, by differences %.12g (steps differ by %.1e)\n", law, (int)k, J[k],
              d[1][k], unsure);
      wrong++;
      break;
    }
  }
  check_count++;
}

static void laws(const double *x) {
  double out[OUT_MAX], J[OUT_MAX * PARAMS], want[OUT_MAX], H[PARAMS * PARAMS];
  calx_fn *f;
  /* value and gradient in reverse; forward; by d(..); by differences */
  if (calx_gradient(m, &f) != CALX_OK || at(f, x, out) != CALX_OK) {
    fprintf(stderr, "%s", calx_error(c));
    wrong++;
    return;
  }
  double *gradient = out + 1;
  if (!isfinite(size_of(out, 1 + PARAMS))) wrong++;
  if (values("f", true, x, J)) equal("forward = reverse", J, gradient, PARAMS, 1e-11);
  if (values("d(f, a), d(f, b), d(f, v)", false, x, J)) equal("d(f, ..) = reverse", J, gradient, PARAMS, 1e-11);
  calx_fn *value = function("f", false);
  if (value) differs("gradient", value, x, gradient);

  /* the Hessian: the Jacobian of the gradient, symmetric, and d(d(f, v), v) */
  calx_fn *h;
  if (calx_hessian(m, &h) != CALX_OK || at(h, x, H) != CALX_OK) {
    fprintf(stderr, "%s", calx_error(c));
    wrong++;
  } else {
    memcpy(J, gradient, PARAMS * sizeof *J);
    memcpy(J + PARAMS, H, sizeof H);
    differs("Hessian", f, x, J);
    for (int i = 0; i < PARAMS; i++)
      for (int j = 0; j < PARAMS; j++) J[j * PARAMS + i] = H[i * PARAMS + j];
    equal("Hessian symmetric", J, H, PARAMS * PARAMS, 1e-11);
    calx_fn *entries;
    calx_status made = calx_hessian_sparse(m, &entries);
    dense_of(made, entries, x, J, PARAMS * PARAMS);
    equal("sparse Hessian", J, H, PARAMS * PARAMS, 1e-11);
    if (values("d(d(f, v), v)", false, x, J)) {
      for (int i = 0; i < COLS; i++)
        for (int j = 0; j < COLS; j++) want[i * COLS + j] = H[(2 + i) * PARAMS + 2 + j];
      equal("d(d(f, v), v)", J, want, COLS * COLS, 1e-10);
    }
    if (values("d(d(f, a), b), d(d(f, b), a)", false, x, J)) {
      want[0] = want[1] = H[1];
      equal("mixed partials", J, want, 2, 1e-10);
    }
  }

  /* linearity, product, quotient, chain */
  if (values("f, g, d(f, v), d(g, v), d(2 * f - 3 * g, v), d(f * g, v), d(f / (1 + g^2), v), d(F(f), v), F'(f)", false,
             x, out)) {
    double fv = out[0], gv = out[1], *df = out + 2, *dg = df + COLS, *lin = dg + COLS, *prod = lin + COLS,
           *quot = prod + COLS, *chain = quot + COLS, inner = chain[COLS], q = 1 + gv * gv;
    for (int j = 0; j < COLS; j++) want[j] = 2 * df[j] - 3 * dg[j];
    equal("linearity", lin, want, COLS, 1e-11);
    for (int j = 0; j < COLS; j++) want[j] = df[j] * gv + fv * dg[j];
    equal("product rule", prod, want, COLS, 1e-11);
    for (int j = 0; j < COLS; j++) want[j] = df[j] / q - fv * 2 * gv * dg[j] / (q * q);
    equal("quotient rule", quot, want, COLS, 1e-11);
    for (int j = 0; j < COLS; j++) want[j] = inner * df[j];
    equal("chain rule", chain, want, COLS, 1e-11);
  }

  /* vectors: the Jacobian by differences; its transpose by a sum with weights */
  if (values("V", true, x, J) && (f = function("V", false))) {
    differs("Jacobian", f, x, J);
    double S[ROWS * PARAMS];
    calx_fn *entries;
    calx_status made = calx_jacobian_sparse(m, "V", SIZE_MAX, &entries);
    dense_of(made, entries, x, S, ROWS * PARAMS);
    equal("sparse Jacobian", S, J, ROWS * PARAMS, 1e-11);
    if (values("d(sum(i: y[i] * V[i]), a), d(sum(i: y[i] * V[i]), b), d(sum(i: y[i] * V[i]), v), y", false, x, out)) {
      memset(want, 0, PARAMS * sizeof *want);
      for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < PARAMS; j++) want[j] += out[PARAMS + i] * J[i * PARAMS + j];
      equal("vector-Jacobian product", out, want, PARAMS, 1e-11);
    }
  }
}

/* each order against differences of the one before */
static void orders(const double *x) {
  static const char *const by_a[] = {"f", "d(f, a)", "d(d(f, a), a)", "d(d(d(f, a), a), a)",
                                     "d(d(d(d(f, a), a), a), a)"};
  double J[PARAMS], next;
  for (int k = 0; k < 4; k++) {
    calx_fn *f = function(by_a[k], false);
    if (!f || !values(by_a[k], true, x, J)) continue;
    differs(by_a[k], f, x, J);
    if (values(by_a[k + 1], false, x, &next)) equal(by_a[k + 1], &next, J, 1, 1e-9);
    calx_fn_free(f);
  }
}

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 60;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  double M[ROWS * COLS], y[ROWS], x[PARAMS];
  int32_t k[ROWS];
  for (int turn = 0; turn < n; turn++) {
    random_state = seed + (uint64_t)turn;
    bool high = turn % 3 == 2; /* small programs, high orders */
    program(high ? 2 : 4);
    for (int i = 0; i < ROWS * COLS; i++) M[i] = 2 * uniform() - 1;
    for (int i = 0; i < ROWS; i++) y[i] = 2 * uniform() - 1, k[i] = below(COLS);
    for (int i = 0; i < PARAMS; i++) x[i] = 2 * uniform() - 1;
    int before = wrong;
    c = calx_new(NULL, NULL);
    if (calx_compile(c, text, SIZE_MAX, &m) != CALX_OK ||
        calx_bind(m, "M", CALX_F64, 2, (int64_t[]){ROWS, COLS}, NULL, M) != CALX_OK ||
        calx_bind(m, "y", CALX_F64, 1, (int64_t[]){ROWS}, NULL, y) != CALX_OK ||
        calx_bind(m, "k", CALX_I32, 1, (int64_t[]){ROWS}, NULL, k) != CALX_OK) {
      fprintf(stderr, "%s", calx_error(c));
      wrong++;
    } else if (high) orders(x);
    else laws(x);
    if (wrong > before) {
      fprintf(stderr, "in program %llu:\n%s\n", (unsigned long long)(seed + (uint64_t)turn), text);
      check_failed++;
    }
    calx_free(c);
  }
  printf("%d programs, %d of %d differences conclusive\n", n, conclusive, differences);
  CHECK(conclusive > 0.97 * differences);
  return CHECK_DONE();
}
