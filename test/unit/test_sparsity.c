/* Sparse Jacobians and Hessians against the dense ones: the same entries, no more places than there should be, and
 * patterns that do not depend on the number of points. */
#include "graphs.h"
#include "pass/sparsity.h"

static cx_arena *a;

/* random inputs within their bounds; the graph's constant ones first, then the others */
static void draw(const cx_graph *g, cx_array *all, cx_array *constant, const void **variable) {
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    double *p = CX_NEW_N(a, double, count(e) + 1);
    cx_eq_sizes(e, dim);
    for (int64_t k = 0; k < count(e); k++) {
      double lo = isfinite(e->lo) ? e->lo : 0.3, hi = isfinite(e->hi) ? e->hi : 1.4;
      p[k] = e->integer ? lo + floor(unit() * (hi - lo + 1) * 0.9999999) : lo + unit() * (hi - lo);
    }
    *all = cx_array_dense(p, e->rank, dim);
    if (e->constant) *constant++ = *all;
    else *variable++ = p;
    all++;
  }
}

typedef struct {
  const char *name, *text;
  bool hessian; /* of y by x; else the Jacobian */
  int terms;    /* 0: dense */
  int64_t entries;
  bool exact; /* every entry is a place of its own */
} program;

static const program programs[] = {
    {"elementwise", "input x[i0 < 9]\ny[i0 < 9] = sin(x[i0]) * x[i0]\n", false, 1, 9, true},
    {"elementwise through equations",
     "input x[i0 < 9]\nu[i0 < 9] = sin(x[i0])\nv[i0 < 9] = u[i0] * exp(u[i0])\n"
     "y[i0 < 9] = v[i0] / (u[i0] + x[i0])\n",
     false, 1, 9, true},
    {"chain", "input x[i0 < 9]\ny[i0 < 8] = x[i0 + 1] - sin(x[i0])\n", false, 2, 16, true},
    {"chain with a boundary", "input x[i0 < 9]\ny[i0 < 9] = x[i0] - (if i0 == 0 then 1 else x[i0 - 1] ^ 2)\n", false, 2,
     17, true},
    {"stencil", "input x[i0 < 9]\ny[i0 < 9] = x[i0 - 1] * x[i0 + 1] - 2 * x[i0] ^ 2\n", false, 3, 25, true},
    {"stencil of a stencil",
     "input x[i0 < 12]\nu[i0 < 12] = x[i0 - 1] * x[i0 + 1] - 2 * x[i0] ^ 2\n"
     "y[i0 < 12] = u[i0 - 1] * u[i0] + exp(u[i0 + 1])\n",
     false, 5, 12 + 11 + 11 + 10 + 10, true},
    {"grid", "input x[i0 < 5, i1 < 6]\ny[i0 < 5, i1 < 6] = x[i0 - 1, i1] + x[i0, i1 + 1] ^ 2 - 4 * sin(x[i0, i1])\n",
     false, 3, 30 + 24 + 25, true},
    {"convolution",
     "input x[i0 < 12]\ninput w[i0 < 3]\ny[i0 < 10] = exp(c[i0])\n"
     "c[i0 < 10] = sum(i1 < 3) w[i1] * x[i0 + i1]\n",
     false, 1, 30, true},
    {"convolution with stride",
     "input x[i0 < 21]\ninput w[i0 < 3]\n"
     "y[i0 < 10] = sum(i1 < 3) w[i1] * x[2 * i0 + i1] ^ 2\n",
     false, 1, 30, true},
    {"convolution with padding", "input x[i0 < 12]\ninput w[i0 < 3]\ny[i0 < 12] = sum(i1 < 3) w[i1] * x[i0 + i1 - 1]\n",
     false, 1, 36, false},
    {"reversal", "input x[i0 < 9]\ny[i0 < 9] = exp(x[8 - i0])\n", false, 1, 9, true},
    {"transpose", "input x[i0 < 3, i1 < 4]\ny[i0 < 4, i1 < 3] = exp(x[i1, i0])\n", false, 1, 12, true},
    {"diagonal of a matrix", "input x[i0 < 5, i1 < 5]\ny[i0 < 5] = x[i0, i0] ^ 2\n", false, 1, 5, true},
    {"one column", "input x[i0 < 9]\ny[i0 < 9] = x[3] ^ 2 * i0\n", false, 1, 9, true},
    {"rows of a matrix", "input x[i0 < 6, i1 < 4]\ny[i0 < 6] = sum(i1 < 4) sin(x[i0, i1])\n", false, 1, 24, true},
    {"softmax rows",
     "input x[i0 < 6, i1 < 4]\nS[i0 < 6] = sum(i1 < 4) exp(x[i0, i1])\n"
     "y[i0 < 6, i1 < 4] = exp(x[i0, i1]) / S[i0]\n",
     false, 2, 24 + 96, false},
    {"triangle", "input x[i0 < 6]\nc[i0 < 6] = sum(i1 < 6) if i1 <= i0 then x[i1] ^ 2 else 0\ny[i0 < 6] = c[i0]\n",
     false, 0, 0, false},
    {"branches by value",
     "input x[i0 < 9]\n"
     "y[i0 < 8] = if x[i0] < 0.7 then x[i0 + 1] ^ 2 else log(x[i0]) * x[i0 + 1]\n",
     false, 2, 16, true},
    {"columns by data", "input x[i0 < 7]\ninput const k[i0 < 12] integer bounds 0 .. 6\ny[i0 < 12] = sin(x[k[i0]])\n",
     false, 1, 12, true},
    {"columns by data, some outside",
     "input x[i0 < 7]\ninput const k[i0 < 12] integer bounds -2 .. 8\n"
     "y[i0 < 12] = sin(x[k[i0]]) + k[i0]\n",
     false, 1, 12, false},
    {"bundle adjustment",
     "input x[i0 < 5, i1 < 3]\ninput X[i0 < 6, i1 < 3]\n"
     "input const cam[i0 < 14] integer bounds 0 .. 4\n"
     "input const pt[i0 < 14] integer bounds 0 .. 5\nd[i0 < 14, i1 < 3] = X[pt[i0], i1] - x[cam[i0], i1]\n"
     "s[i0 < 14] = sum(i1 < 3) d[i0, i1] ^ 2\ny[i0 < 14, i1 < 2] = d[i0, i1] / s[i0] + d[i0, 2]\n",
     false, 3, 84 + 28 + 28, false},
    {"through data twice",
     "input x[i0 < 30]\ninput const k[i0 < 12] integer bounds 0 .. 29\n"
     "input const l[i0 < 9] integer bounds 0 .. 11\n"
     "u[i0 < 12] = exp(x[k[i0]])\ny[i0 < 9] = u[l[i0]] ^ 2 + x[i0]\n",
     false, 2, 18, false},
    {"columns by values", "input x[i0 < 7]\nm = argmax(i0 < 7) x[i0]\ny[i0 < 7] = x[m] * x[i0]\n", false, 0, 0, false},
    {"dense",
     "input x[i0 < 5]\ninput A[i0 < 5, i1 < 5]\ny[i0 < 5] = tanh(z[i0])\n"
     "z[i0 < 5] = sum(i1 < 5) A[i0, i1] * x[i1]\n",
     false, 0, 0, false},
    {"recurrence", "input x[i0 < 5]\ny[i0 < 5] = tanh(y[i0 - 1] + x[i0])\n", false, 0, 0, false},
    {"a diagonal matrix as a factor",
     "input x[i0 < 6]\nD[i0 < 6, i1 < 6] = if i0 == i1 then exp(x[i0]) else 0\n"
     "y[i0 < 6] = sum(i1 < 6) D[i0, i1] * x[i1] ^ 2\n",
     false, 1, 6, true},
    /* Hessians */
    {"separable", "input x[i0 < 9]\ny = sum(i0 < 9) exp(x[i0]) * x[i0]\n", true, 1, 9, true},
    {"chained Rosenbrock", "input x[i0 < 9]\ny = sum(i0 < 8) 100 * (x[i0 + 1] - x[i0] ^ 2) ^ 2 + (1 - x[i0]) ^ 2\n",
     true, 3, 25, true},
    {"chained Rosenbrock through residuals",
     "input x[i0 < 9]\nr[i0 < 8] = 10 * (x[i0 + 1] - x[i0] ^ 2)\n"
     "y = sum(i0 < 8) r[i0] ^ 2 + (1 - x[i0]) ^ 2\n",
     true, 3, 25, true},
    {"three in a row", "input x[i0 < 9]\ny = sum(i0 < 7) sin(x[i0] * x[i0 + 1] * x[i0 + 2])\n", true, 5,
     9 + 8 + 8 + 7 + 7, true},
    {"grid energy",
     "input x[i0 < 5, i1 < 6]\n"
     "y = sum(i0 < 4, i1 < 5) sqrt(1 + (x[i0 + 1, i1] - x[i0, i1]) ^ 2 + (x[i0, i1 + 1] - x[i0, i1]) ^ 2)\n",
     true, 7, -1, false},
    {"springs by data",
     "input x[i0 < 40]\ninput const p[i0 < 20] integer bounds 0 .. 39\n"
     "input const q[i0 < 20] integer bounds 0 .. 39\n"
     "y = sum(i0 < 20) exp(x[p[i0]] - x[q[i0]])\n",
     true, 4, 80, false},
    {"logarithms of what is not taken",
     "input x[i0 < 6]\nl[i0 < 6] = log(x[i0] - 1)\n"
     "y = sum(i0 < 6) if 1 < x[i0] then l[i0] * x[i0] else x[i0] ^ 3\n",
     true, 1, 6, true},
    {"softmax loss",
     "input x[i0 < 5, i1 < 3]\ninput const l[i0 < 5] integer bounds 0 .. 2\n"
     "S[i0 < 5] = sum(i1 < 3) exp(x[i0, i1])\n"
     "y = sum(i0 < 5) log(S[i0]) - x[i0, l[i0]]\n",
     true, 2, 60, false},
};

static int sparse_ones; /* programs that were found sparse */
static void one(const program *p, bool prepared) {
  a = cx_arena_new(ctx);
  cx_graph *g = cx_graph_read(ctx, a, cx_source_add(ctx, p->name, p->text, strlen(p->text)));
  if (!g) {
    check_failed++;
    fputs(cx_diag_render(ctx, a, cx_diag_count(ctx) - 1, false), stderr);
    return;
  }
  uint32_t x = find(g, "x"), jac = find(g, "y");
  cx_graph_output(g, jac);
  if (prepared) cx_prepare(g);
  if (p->hessian) cx_diff_reverse(g, jac, CX_NO_COT, &x, 1, &jac);
  g->out[0] = jac;
  if (prepared) cx_prepare(g);
  int row_rank = g->eq[jac]->rank;
  jac = cx_diff_forward(g, jac, x, 0);
  g->out[0] = jac;
  if (prepared) cx_prepare(g);
  cx_sparse s;
  bool sparse = cx_sparse_of(g, jac, row_rank, &s);
  sparse_ones += sparse;
  const char *why = cx_verify(g);
  check_count++;
  if (why) check_failed++, fprintf(stderr, "%s: malformed: %s\n", p->name, why);
  CHECK(s.rows * s.cols == count(g->eq[jac]));
  check_count++;
  bool as_said =
      (p->terms < 0 || (s.n == p->terms && sparse == (p->terms > 0))) && (p->entries <= 0 || s.entries == p->entries);
  if (!as_said) {
    check_failed++;
    fprintf(stderr, "%s%s: %d terms, %d entries (dense: %d), expected %d, %d\n", p->name, prepared ? ", prepared" : "",
            s.n, (int)s.entries, (int)(s.rows * s.cols), p->terms, (int)p->entries);
    for (int i = 0; i < s.n; i++) {
      fprintf(stderr, "value %s: %s\n", g->eq[s.term[i].value]->name, cx_node_text(g, a, g->eq[s.term[i].value]->body));
      fprintf(stderr, "row %s\n", cx_node_text(g, a, g->eq[s.term[i].row]->body));
      fprintf(stderr, "col %s\n", cx_node_text(g, a, g->eq[s.term[i].col]->body));
    }
  }
  for (int i = 0; i < s.n; i++) {
    cx_graph_output(g, s.term[i].value);
    cx_graph_output(g, s.term[i].row);
    cx_graph_output(g, s.term[i].col);
  }
  cx_array *in = CX_NEW_N(a, cx_array, g->neq + 1), *constant = CX_NEW_N(a, cx_array, g->neq + 1);
  const void **variable = CX_NEW_N(a, const void *, g->neq + 1);
  draw(g, in, constant, variable);
  int64_t cells = s.rows * s.cols;
  for (int way = 0; way < 3 && sparse; way++) { /* reference evaluator, after the passes, compiled */
    double **out = CX_NEW_N(a, double *, g->nout);
    if (way == 1) cx_prepare(g), cx_run_passes(g, NULL);
    if (way < 2) cx_ref_run(g, a, in, out);
    else {
      const char *trouble = "";
      cx_exec *exec = cx_exec_new(a, g, constant, &(cx_exec_opt){.threads = 1});
      for (int k = 0; k < g->nout; k++) out[k] = CX_NEW_N(a, double, count(g->eq[g->out[k]]) + 1);
      CHECK(cx_exec_run(exec, cx_work_new(a, exec), variable, (void *const *)out, &trouble) == 0);
    }
    double *sum = CX_NEW_N(a, double, cells + 1);
    int *times = CX_NEW_N(a, int, cells + 1), nothing = 0, twice = 0;
    for (int i = 0; i < s.n; i++) {
      const double *v = out[1 + 3 * i], *r = out[2 + 3 * i], *c = out[3 + 3 * i];
      for (int64_t t = 0; t < s.term[i].n; t++) {
        if (r[t] < 0) {
          nothing++;
          CHECK(v[t] == 0 && c[t] == -1);
          continue;
        }
        CHECK(r[t] < (double)s.rows && c[t] >= 0 && c[t] < (double)s.cols);
        int64_t cell = (int64_t)r[t] * s.cols + (int64_t)c[t];
        sum[cell] += v[t];
        if (times[cell]++) twice++;
        if (s.term[i].affine) {
          int64_t row = s.term[i].row0, col = s.term[i].col0, rest = t;
          for (int k = s.term[i].rank - 1; k >= 0; k--) {
            row += s.term[i].row_step[k] * (rest % s.term[i].size[k]);
            col += s.term[i].col_step[k] * (rest % s.term[i].size[k]);
            rest /= s.term[i].size[k];
          }
          CHECK(row == (int64_t)r[t] && col == (int64_t)c[t]);
        }
      }
    }
    check_count++;
    if (p->exact && (nothing || twice)) {
      check_failed++;
      fprintf(stderr, "%s: %d places are none, %d are taken twice\n", p->name, nothing, twice);
    }
    for (int64_t k = 0; k < cells; k++) {
      check_count++;
      if (fabs(sum[k] - out[0][k]) <= 1e-11 * fmax(1, fabs(out[0][k]))) continue;
      check_failed++;
      fprintf(stderr, "%s: [%d, %d] is %.17g, dense %.17g (way %d)\n", p->name, (int)(k / s.cols), (int)(k % s.cols),
              sum[k], out[0][k], way);
      break;
    }
  }
  cx_arena_free(a);
}

/* random residuals and energies of neighbours, multiples, picked places and conditions, one or two equations deep */
static void random_program(cx_buf *b, program *p) {
  static const char *const at[] = {"i0",     "i0",    "i0 + 1",  "i0 - 2",      "11 - i0", "k[i0]",
                                   "2 * i0", "l[i0]", "i0 + i1", "i0 - i1 + 1", "5"};
  static const char *const form[] = {"sin(%s)",
                                     "%s * %s",
                                     "%s - exp(%s)",
                                     "%s / (1 + %s ^ 2)",
                                     "(if i0 < 7 then %s else %s ^ 2)",
                                     "(if %s < 0.8 then %s else 2 * %s)",
                                     "(if k[i0] == i0 then %s else 0)",
                                     "%s ^ 2 * %s * w[i0]"};
  p->hessian = bits() % 2;
  cx_puts(b,
          "input x[i0 < 12]\ninput const k[i0 < 12] integer bounds -1 .. 12\n"
          "input const l[i0 < 12] integer bounds 0 .. 11\n"
          "input w[i0 < 12]\n");
  int deep = (int)(bits() % 3);
  for (int e = 0; e <= deep; e++) {
    bool last = e == deep, sum = bits() % 3 == 0, scalar = last && p->hessian;
    if (scalar) cx_puts(b, sum ? "y = sum(i0 < 12, i1 < 3) " : "y = sum(i0 < 12) ");
    else cx_putf(b, "%c[i0 < 12] = %s", last ? 'y' : 'u' + e, sum ? "sum(i1 < 3) " : "");
    int terms = 1 + (int)(bits() % 2);
    for (int t = 0; t < terms; t++) {
      if (t) cx_puts(b, " + ");
      for (const char *f = form[bits() % (sizeof form / sizeof *form)]; *f; f++) {
        if (*f != '%') {
          cx_put(b, f, 1);
          continue;
        }
        f++;
        cx_putf(b, "%c[%s]", e && bits() % 3 ? 'u' + (int)(bits() % (uint64_t)e) : 'x',
                at[(bits() >> 8) % (sum ? 11 : 8)]);
      }
    }
    cx_puts(b, "\n");
  }
  p->terms = p->entries = -1;
  p->text = b->at;
}

static void test_random(void) {
  for (int i = 0; i < 300 && check_failed < 5; i++) {
    cx_arena *mine = cx_arena_new(ctx);
    cx_buf b = {.arena = mine};
    program p = {0};
    random_program(&b, &p);
    p.name = cx_format(mine, "random %d\n%s", i, p.text);
    one(&p, i % 2);
    cx_arena_free(mine);
  }
  CHECK(sparse_ones > 100);
}

/* the same number of terms and equations for 10 points and for 10 million */
static void test_sizes(void) {
  int terms[2], equations[2];
  for (int big = 0; big < 2; big++) {
    a = cx_arena_new(ctx);
    int n = big ? 10000000 : 10;
    char *text = cx_format(a,
                           "input x[i0 < %d]\n"
                           "y = sum(i0 < %d) 100 * (x[i0 + 1] - x[i0] ^ 2) ^ 2 + (1 - x[i0]) ^ 2\n",
                           n, n - 1);
    cx_graph *g = cx_graph_read(ctx, a, cx_source_add(ctx, "large", text, strlen(text)));
    uint32_t x = find(g, "x"), y = find(g, "y"), d;
    cx_graph_output(g, y);
    cx_prepare(g);
    cx_diff_reverse(g, y, CX_NO_COT, &x, 1, &d);
    g->out[0] = d = cx_diff_forward(g, d, x, 0);
    cx_prepare(g);
    cx_sparse s;
    CHECK(cx_sparse_of(g, d, 1, &s));
    CHECK(s.entries == 3 * (int64_t)n - 2);
    for (int i = 0; i < s.n; i++) CHECK(s.term[i].affine && s.term[i].rank == 1);
    terms[big] = s.n;
    equations[big] = g->neq;
    cx_arena_free(a);
  }
  CHECK(terms[0] == terms[1] && equations[0] == equations[1]);
}

static void tests(void) {
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    for (int prepared = 0; prepared < 2; prepared++) one(&programs[i], prepared);
  test_random();
  test_sizes();
}

int main(void) { return in_context(tests); }
