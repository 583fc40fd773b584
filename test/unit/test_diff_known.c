/* Differentiation with known answers: branches, ties and empty reductions, closed forms up to the fourth order, equations
 * as leaves, instances side by side. */
#include "diff_common.h"

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

static void tests(void) {
  test_exact();
  test_orders();
  test_leaves();
  test_batch();
}

int main(void) { return in_context(tests); }
