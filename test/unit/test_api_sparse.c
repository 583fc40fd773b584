/* Sparse matrices through the C API: the same as the dense ones entry by entry, and, where a dense one would not fit, a
 * Hessian times a vector against differences of the gradient. */
#include "api_common.h"

static calx_ctx *c;

/* expr NULL: the Hessian. nnz: how many entries are expected */
static void same(const char *name, calx_model *m, const char *expr, int64_t nnz, double tol) {
  calx_fn *dense, *sparse;
  calx_status s = expr ? calx_jacobian(m, expr, SIZE_MAX, &dense) : calx_hessian(m, &dense);
  if (!s) s = expr ? calx_jacobian_sparse(m, expr, SIZE_MAX, &sparse) : calx_hessian_sparse(m, &sparse);
  check_count++;
  if (s) {
    check_failed++;
    fprintf(stderr, "%s: %s\n", name, calx_error(c));
    return;
  }
  int64_t n = calx_fn_inputs(dense), size = calx_fn_outputs(dense), entries = calx_fn_outputs(sparse);
  double *x = calloc((size_t)n + 1, sizeof *x), *v = calloc((size_t)entries + 1, sizeof *v);
  double *D = calloc((size_t)size + 1, sizeof *D), *S = calloc((size_t)size + 1, sizeof *S);
  int64_t *row = calloc((size_t)entries + 1, sizeof *row), *col = calloc((size_t)entries + 1, sizeof *col);
  for (int64_t k = 0; k < n; k++) x[k] = 0.2 + uniform();
  CHECK(calx_sparsity(sparse, row, col) == CALX_OK);
  CHECK(at(dense, x, D) == CALX_OK && at(sparse, x, v) == CALX_OK);
  for (int64_t k = 0; k < entries; k++) {
    CHECK(row[k] >= 0 && row[k] < size / n && col[k] >= 0 && col[k] < n);
    if (row[k] >= 0 && row[k] < size / n && col[k] >= 0 && col[k] < n) S[row[k] * n + col[k]] += v[k];
  }
  check_count++;
  if (entries != nnz) {
    check_failed++;
    fprintf(stderr, "%s: %d entries of %d, expected %d\n", name, (int)entries, (int)size, (int)nnz);
  }
  for (int64_t k = 0; k < size; k++) {
    check_count++;
    if (fabs(S[k] - D[k]) <= tol * fmax(1, fabs(D[k]))) continue;
    check_failed++;
    fprintf(stderr, "%s: [%d, %d] is %.17g, dense %.17g\n", name, (int)(k / n), (int)(k % n), S[k], D[k]);
    break;
  }
  CHECK(calx_sparsity(dense, row, col) == CALX_E_USAGE);
  free(x), free(D), free(S), free(v), free(row), free(col);
  calx_fn_free(dense);
  calx_fn_free(sparse);
}

static void test_small(void) {
  calx_model *m = compile(c,
                          "param x[30]\nminimize sum(i: 100 * (x[i+1] - x[i]^2)^2 + (1 - x[i])^2)\n"
                          "r[i] = x[i+1] - sin(x[i])\ne = exp(x) * x\n");
  same("chained Rosenbrock", m, NULL, 3 * 30 - 2, 1e-13);
  same("chain", m, "r", 2 * 29, 1e-14);
  same("elementwise", m, "e", 30, 1e-14);
  same("two expressions", m, "e, r", 30 + 2 * 29, 1e-14);
  /* the Lagrangian of Luksan and Vlcek's problem 5.1 (Report V767, 1999), multipliers as data */
  m = compile(c,
              "data u[n]\nparam x[40]\n"
              "c[i] = 3 * x[i+1]^3 + 2 * x[i+2] - 5 + sin(x[i+1] - x[i+2]) * sin(x[i+1] + x[i+2]) + 4 * x[i+1]"
              " - x[i] * exp(x[i] - x[i+1]) - 3\n"
              "minimize sum(i: 100 * (x[i]^2 - x[i+1])^2 + (x[i] - 1)^2) + sum(i: u[i] * c[i])\n");
  double u[38];
  for (int k = 0; k < 38; k++) u[k] = uniform() - 0.5;
  CHECK(calx_bind(m, "u", CALX_F64, 1, (int64_t[]){38}, NULL, u) == CALX_OK);
  same("Luksan-Vlcek", m, NULL, 3 * 40 - 2, 1e-12);
  same("its constraints", m, "c", 3 * 38, 1e-13);
  /* two params: blocks, one of them without entries */
  m = compile(
      c,
      "param a[12], b[9]\nf[i in 0..8] = a[i]^2 * b[i]\nminimize sum(i: f[i]) + sum(i: exp(a[i]))\ng[i] = b[i] * 3\n");
  same("blocks", m, "f, g", 9 + 9 + 9, 1e-14);
  same("blocks of a Hessian", m, NULL, 12 + 9 + 9, 1e-13);
  m = compile(c, "param A[4, 5], s\nr[i] = s * sum(j: A[i, j])\n");
  same("rows, and a full column", m, "r", 4 * 5 + 4, 1e-14);
  m = compile(c, "precision single\nparam x[20]\nminimize sum(i: (x[i+1] - x[i]^2)^2)\n");
  same("single", m, NULL, 3 * 20 - 2, 1e-4);
}

/* observations of points by cameras: columns that data choose */
static void test_bundle(void) {
  enum { N = 60 };
  int32_t cam[N], point[N];
  for (int k = 0; k < N; k++) cam[k] = (int)(uniform() * 5), point[k] = (int)(uniform() * 12);
  calx_model *m =
      compile(c,
              "data cam[n] : int, point[n] : int\nparam C[5, 4], X[12, 3]\n"
              "d[k, j in 0..2] = X[point[k], j] - C[cam[k], j]\nr2[k] = (d[k, 0]^2 + d[k, 1]^2) / d[k, 2]^2\n"
              "r[k, j in 0..1] = C[cam[k], 3] * (1 + 0.1 * r2[k]) * d[k, j] / d[k, 2]\n"
              "minimize sum(k, j: r[k, j]^2)\n");
  if (!m) return;
  CHECK(calx_bind(m, "cam", CALX_I32, 1, (int64_t[]){N}, NULL, cam) == CALX_OK);
  CHECK(calx_bind(m, "point", CALX_I32, 1, (int64_t[]){N}, NULL, point) == CALX_OK);
  calx_fn *f;
  CHECK(calx_jacobian_sparse(m, "r", SIZE_MAX, &f) == CALX_OK);
  int64_t entries = calx_fn_outputs(f);
  CHECK(entries <= 2 * N * 9); /* a row has 7 columns of 56, two of them in two terms */
  same("bundle adjustment", m, "r", entries, 1e-12);
  /* where a condition on the data fails there is no entry */
  m = compile(c, "data k[n] : int\nparam x[15]\ny[i] = exp(x[k[i]]) + (if k[i] < 3 then x[0] else 0)\n");
  static const int32_t k[8] = {0, 14, 11, 3, 1, 2, 2, 9};
  CHECK(calx_bind(m, "k", CALX_I32, 1, (int64_t[]){8}, NULL, k) == CALX_OK);
  same("conditions on data", m, "y", 8 + 4, 1e-14);
}

/* 100 000 points: the pattern, and H v against (gradient(x + h v) - gradient(x - h v)) / 2 h */
static void test_large(void) {
  enum { N = 100000 };
  calx_model *m = compile(c, "param x[100000]\nminimize sum(i: 100 * (x[i+1] - x[i]^2)^2 + (1 - x[i])^2)\n");
  calx_fn *H, *g;
  CHECK(calx_hessian_sparse(m, &H) == CALX_OK && calx_gradient(m, &g) == CALX_OK);
  int64_t n = calx_fn_outputs(H);
  CHECK(n == 3 * (int64_t)N - 2);
  double *x = malloc((N * 5 + 2) * sizeof *x), *v = x + N, *hv = v + N, *up = hv + N, *down = up + N + 1;
  double *value = malloc((size_t)n * sizeof *value);
  int64_t *row = malloc((size_t)n * sizeof *row), *col = malloc((size_t)n * sizeof *col);
  for (int i = 0; i < N; i++) x[i] = i % 2 ? 1 : -1.2, v[i] = uniform() - 0.5, hv[i] = 0;
  CHECK(calx_sparsity(H, row, col) == CALX_OK && at(H, x, value) == CALX_OK);
  for (int64_t k = 0; k < n; k++) hv[row[k]] += value[k] * v[col[k]];
  double h = 1e-4, worst = 0;
  for (int i = 0; i < N; i++) x[i] += h * v[i];
  CHECK(at(g, x, up) == CALX_OK);
  for (int i = 0; i < N; i++) x[i] -= 2 * h * v[i];
  CHECK(at(g, x, down) == CALX_OK);
  for (int i = 0; i < N; i++) {
    double d = (up[i + 1] - down[i + 1]) / (2 * h);
    worst = fmax(worst, fabs(d - hv[i]) / fmax(1, fabs(hv[i])));
  }
  CHECK(worst < 1e-5);
  free(x), free(value), free(row), free(col);
}

static calx_status everything(calx_ctx *mine) {
  static const int32_t k[6] = {0, 4, 2, 2, 1, 3};
  double x[5] = {1, 2, 3, 4, 5}, v[64];
  calx_model *m;
  calx_fn *f;
  calx_status s = calx_compile(mine,
                               "data k[n] : int\nparam x[5]\n"
                               "minimize sum(i: if k[i] < 4 then exp(x[k[i]] * x[0]) else 0)\n",
                               SIZE_MAX, &m);
  if (!s) s = calx_bind(m, "k", CALX_I32, 1, (int64_t[]){6}, NULL, k);
  if (!s) s = calx_hessian_sparse(m, &f);
  return s ? s : calx_fn_outputs(f) <= 64 ? at(f, x, v) : CALX_E_USAGE;
}

int main(void) {
  c = calx_new(NULL, NULL);
  test_small();
  test_bundle();
  test_large();
  every_allocation_fails(everything);
  calx_free(c);
  return CHECK_DONE();
}
