/* The reference evaluator against plain C and closed forms. */
#include "back/back.h"
#include "check.h"
#include "ir/ir.h"

static cx_ctx *c;
static cx_arena *a;
static double *out[8];

/* reads the graph, runs it on the inputs and leaves its outputs in out; the status when it throws */
static cx_status run(const char *text, const double *const *in, int nin) {
  static double nothing[100];
  for (int i = 0; i < 8; i++) out[i] = nothing;
  if (a) cx_arena_free(a);
  a = cx_arena_new(c);
  cx_diag_clear(c);
  cx_graph *g = cx_graph_read(c, a, cx_source_add(c, "test.ir", text, strlen(text)));
  CHECK(g != NULL);
  if (!g) {
    fprintf(stderr, "%s", cx_diag_render(c, a, 0, false));
    return CX_E_PROGRAM;
  }
  cx_array array[8];
  int k = 0;
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    if (e->kind == EQ_INPUT && k < nin) array[k] = cx_array_dense(in[k], e->rank, dim), k++;
  }
  cx_frame f;
  CX_TRY(c, f) {
    cx_ref_run(g, a, array, out);
    CX_END(c, f);
    return CX_OK;
  }
  return f.status;
}

static void test_arrays(void) {
  static const double X[6] = {1, 2, 3, 4, 5, 6}, w[3] = {0.5, -1, 2};
  const double *in[2] = {X, w};
  CHECK(run("input const X[i0 < 2, i1 < 3]\ninput w[i0 < 3]\n"
            "z[i0 < 2] = sum(i1 < 3) X[i0, i1] * w[i1]\n"
            "p = prod(i0 < 2, i1 < 3) X[i0, i1]\nm = max(i0 < 2, i1 < 3) -X[i0, i1]\nn = min(i0 < 3) w[i0]\n"
            "am[i0 < 2] = argmax(i1 < 3) mod(X[i0, i1], 5)\nan = argmin(i0 < 2, i1 < 3) (X[i0, i1] - 5)^2\n"
            "T[i0 < 3, i1 < 2] = X[i1, i0]\nout[i0 < 5] = w[i0 - 1] + X[i0, 1]\n"
            "output z\noutput p\noutput m\noutput n\noutput am\noutput an\noutput T\noutput out\n",
            in, 2) == CX_OK);
  CHECK(out[0][0] == 0.5 - 2 + 6 && out[0][1] == 2 - 5 + 12);
  CHECK(out[1][0] == 720);
  CHECK(out[2][0] == -1);
  CHECK(out[3][0] == -1);
  CHECK(out[4][0] == 2 && out[4][1] == 0);
  CHECK(out[5][0] == 4); /* row-major number of [1, 1] */
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 2; j++) CHECK(out[6][i * 2 + j] == X[j * 3 + i]);
  /* what lies outside is 0 */
  CHECK(out[7][0] == 2 && out[7][1] == 0.5 + 5 && out[7][2] == -1 && out[7][3] == 2 && out[7][4] == 0);
}

static void test_meaning(void) {
  static const double x[4] = {4, NAN, -INFINITY, 7};
  const double *in[1] = {x};
  CHECK(run("input x[i0 < 4]\n"
            "a[i0 < 6] = x[i0 / 2]\n"                       /* 0, 0.5, 1, 1.5, 2, 2.5: halves to even */
            "b[i0 < 4] = if x[i0] == x[i0] then 1 else 0\n" /* NaN is not equal */
            "c = sum(i0 < 0) x[i0]\nd = prod(i0 < 0) x[i0]\ne = max(i0 < 0) x[i0]\nf = argmax(i0 < 0) x[i0]\n"
            "g = (if 0 then log(-1) else 3) + x[x[1]] + x[1 / 0] + x[-1 / 0]\n"
            "h = argmax(i0 < 3) mod(i0, 2) * 0\n" /* ties: the first */
            "output a\noutput b\noutput c\noutput d\noutput e\noutput f\noutput g\noutput h\n",
            in, 1) == CX_OK);
  CHECK(out[0][0] == 4 && out[0][1] == 4 && isnan(out[0][2]) && out[0][3] == -INFINITY && out[0][4] == -INFINITY &&
        out[0][5] == -INFINITY);
  CHECK(out[1][0] == 1 && out[1][1] == 0 && out[1][2] == 1);
  CHECK(out[2][0] == 0 && out[3][0] == 1 && out[4][0] == -INFINITY && out[5][0] == 0);
  CHECK(out[6][0] == 3 && out[7][0] == 0);
}

static void test_recurrences(void) {
  CHECK(
      run("f[i0 < 50] = if i0 < 2 then 1 else f[i0 - 1] + f[i0 - 2]\n"                     /* Fibonacci */
          "b[i0 < 9] = if i0 == 8 then 1 else 2 * b[i0 + 1]\n"                             /* downwards: 2^(8 - t) */
          "C[i0 < 9, i1 < 9] = if i1 == 0 then 1 else C[i0 - 1, i1] + C[i0 - 1, i1 - 1]\n" /* Pascal's triangle */
          "q[i0 < 200] = q[i0 - 1] + 0.1 * v[i0]\n" /* a spring, symplectic Euler from (1, 0) */
          "v[i0 < 200] = if i0 == 0 then -0.1 * (1 + 0) else v[i0 - 1] - 0.1 * (1 + q[i0 - 1])\n"
          "s[i0 < 9] = sum(i1 < 3) (if i0 == 0 then i1 == 0 else s[i0 - 1 - i1])\n" /* tribonacci */
          "L[i0 < 3, i1 < 9] = sum(i2 < 3) (if i1 == 0 then (if i2 == 0 then i0 else 0) else L[i2, i1 - 1] * (i2 <= i0))\n"
          "output f\noutput b\noutput C\noutput q\noutput s\noutput L\n",
          NULL, 0) == CX_OK);
  CHECK(out[0][49] == 12586269025.0); /* the 50th Fibonacci number, OEIS A000045 */
  CHECK(out[1][0] == 256);
  CHECK(out[2][8 * 9 + 4] == 70); /* C(8, 4) */
  double q = 1, v = 0;
  for (int t = 0; t < 200; t++) {
    v -= 0.1 * q;
    q += 0.1 * v;
    CHECK_NEAR(out[3][t], q - 1, 1e-12);
  }
  static const double tribonacci[9] = {1, 1, 2, 4, 7, 13, 24, 44, 81}; /* OEIS A000073 from a(2) */
  for (int i = 0; i < 9; i++) CHECK(out[4][i] == tribonacci[i]);
  double L[3] = {0, 1, 2};
  for (int t = 1; t < 9; t++) L[2] += L[1] + L[0], L[1] += L[0];
  for (int i = 0; i < 3; i++) CHECK(out[5][i * 9 + 8] == L[i]);
}

/* logistic regression and its softmax twin, against the formulas in C */
static void test_model(void) {
  enum { N = 40, D = 3 };
  double X[N * D], y[N], w[D] = {0.3, -0.7, 1.1};
  unsigned s = 7;
  for (int i = 0; i < N * D; i++) s = s * 1664525u + 1013904223u, X[i] = (double)(s >> 8) / (1 << 23) - 1;
  for (int i = 0; i < N; i++) s = s * 1664525u + 1013904223u, y[i] = s >> 31;
  const double *in[3] = {X, y, w};
  CHECK(
      run("input const X[i0 < 40 (n), i1 < 3 (d)]\ninput const y[i0 < 40 (n)] integer bounds 0..1\ninput w[i0 < 3 (d)]\n"
          "z[i0 < 40 (n)] = sum(i1 < 3 (d)) X[i0, i1] * w[i1]\n"
          "loss = sum(i0 < 40 (n)) softplus(z[i0]) - y[i0] * z[i0]\noutput loss\n",
          in, 3) == CX_OK);
  double loss = 0;
  for (int i = 0; i < N; i++) {
    double z = 0;
    for (int j = 0; j < D; j++) z += X[i * D + j] * w[j];
    loss -= y[i] != 0 ? log(1 / (1 + exp(-z))) : log(1 - 1 / (1 + exp(-z)));
  }
  CHECK_NEAR(out[0][0], loss, 1e-13);
}

/* a primitive: the square root of every element, which refuses negative ones */
static bool roots_shape(const cx_eq *const *arg, cx_eq *result, const char **why) {
  (void)why;
  result->rank = arg[0]->rank;
  memcpy(result->dim, arg[0]->dim, sizeof result->dim);
  return true;
}
static size_t roots_scratch(const cx_eq *const *arg) { return (size_t)arg[0]->dim[0].n; }
static int roots_eval(const cx_eq *result, const cx_eq *const *arg, const double *const *in, double *to,
                      double *scratch, const char **why) {
  (void)arg;
  for (int64_t i = 0; i < result->dim[0].n; i++) {
    if (in[0][i] < 0) {
      *why = "negative";
      return 1;
    }
    scratch[i] = in[0][i];
  }
  for (int64_t i = 0; i < result->dim[0].n; i++) to[i] = sqrt(scratch[i]);
  return 0;
}

static void test_primitive(void) {
  static const cx_prim roots = {
      .name = "roots", .nargs = 1, .shape = roots_shape, .eval = roots_eval, .scratch_size = roots_scratch};
  for (volatile int negative = 0; negative < 2; negative++) {
    cx_arena_free(a);
    a = cx_arena_new(c);
    cx_diag_clear(c);
    cx_graph *g = cx_graph_new(c, a);
    cx_eq *z = cx_eq_new(g, NULL, EQ_CALC), *r = cx_eq_new(g, cx_intern_z(c, "r"), EQ_PRIM),
          *x = cx_eq_new(g, NULL, EQ_INPUT);
    x->rank = r->rank = z->rank = 1;
    x->dim[0].n = r->dim[0].n = z->dim[0].n = 3;
    r->prim = &roots;
    r->nprim_arg = 1;
    r->prim_arg[0] = x->id;
    const cx_node *i = cx_index(g, 0);
    z->body = cx_op2(g, OP_add, cx_load(g, r->id, &i, 1), cx_const(g, 1));
    cx_graph_output(g, z->id);
    CHECK(cx_verify(g) == NULL);
    double in[3] = {4, negative ? -9 : 9, 16};
    int64_t three = 3;
    cx_array array = cx_array_dense(in, 1, &three);
    cx_frame f;
    CX_TRY(c, f) {
      cx_ref_run(g, a, &array, out);
      CX_END(c, f);
      CHECK(!negative && out[0][0] == 3 && out[0][1] == 4 && out[0][2] == 5);
    } else CHECK(negative && f.status == CX_E_RUNTIME && strstr(cx_diag_get(c, 0).message, "`r`: negative"));
  }
}

static void test_refusals(void) {
  static const double x[1] = {1};
  const double *in[1] = {x};
  CHECK(run("x[i0 < 1000000000000] = 1\noutput x\n", NULL, 0) == CX_E_RUNTIME);
  CHECK(strstr(cx_diag_get(c, 0).message, "too large for the reference evaluator"));
  CHECK(run("x[i0 < 1000000000] = 1\ny[i0 < 1000000000] = 1\noutput x\n", NULL, 0) == CX_E_RUNTIME);
  CHECK(run("x = x\noutput x\n", NULL, 0) == CX_E_PROGRAM);
  CHECK(run("x[i0 < 0, i1 < 4000000000] = 1\nz = sum(i0 < 0) x[i0, 0]\noutput z\n", in, 0) == CX_OK && out[0][0] == 0);
  CHECK(run("input x\nz[i0 < 1, i1 < 1] = x\noutput z\n", in, 1) == CX_OK && out[0][0] == 1);
}

int main(void) {
  c = cx_ctx_new(NULL, NULL);
  test_arrays();
  test_meaning();
  test_recurrences();
  test_model();
  test_primitive();
  test_refusals();
  cx_arena_free(a);
  cx_ctx_free(c);
  return CHECK_DONE();
}
