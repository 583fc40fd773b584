/* Passes together: gradients through the prepared form and every pass, and random graphs. */
#include "passes.h"

/* gradients: through the prepared form and every pass, against those of the form as it was read */
static void same_gradients(const char *text, const char *const *leaf, double scale, double tol, const char *label) {
  cx_arena *a = cx_ctx_arena(ctx);
  cx_graph *g[2] = {read_text(a, text), read_text(a, text)};
  int n = 0;
  for (int side = 0; side < 2; side++) {
    uint32_t id[4], out[4];
    if (side) cx_prepare(g[side]);
    for (n = 0; leaf[n]; n++)
      for (int i = 0; i < g[side]->neq; i++)
        if (!strcmp(g[side]->eq[i]->name, leaf[n])) id[n] = (uint32_t)i;
    cx_diff_reverse(g[side], g[side]->out[0], CX_NO_COT, id, n, out);
    for (int k = 0; k < n; k++) cx_graph_output(g[side], out[k]);
    if (side) cx_run_passes(g[side], NULL);
    const char *wrong = cx_verify(g[side]);
    CHECK(!wrong);
  }
  for (int trial = 0; trial < 3; trial++) {
    cx_array *in = inputs(g[0], a, scale);
    double *x[8], *y[8];
    cx_ref_run(g[0], a, in, x);
    cx_ref_run(g[1], a, in, y);
    for (int k = 0; k < g[0]->nout; k++)
      for (int64_t i = 0; i < count(g[0]->eq[g[0]->out[k]]); i++) {
        check_count++;
        bool bad = scale < 100 ? !isnan(x[k][i]) && !close_to(y[k][i], x[k][i], tol) : !isfinite(y[k][i]);
        if (!bad) continue;
        check_failed++;
        fprintf(stderr, "%s: output %d[%d]: %.17g as read, %.17g prepared:\n%s\n", label, k, (int)i, x[k][i], y[k][i],
                needed(g[1], a));
        return;
      }
  }
}
#define SAME_GRADIENTS(text, scale, ...) \
  same_gradients(text, (const char *const[]){__VA_ARGS__, NULL}, scale, 1e-9, #__VA_ARGS__)

static void test_gradients(void) {
  static const char bernoulli[] =
      "input const X[i0 < 30, i1 < 3]\ninput const y[i0 < 30] integer bounds 0 .. 1\ninput w[i0 < 3]\n"
      "z[i0 < 30] = sum(i1 < 3) X[i0, i1] * w[i1]\np[i0 < 30] = 1 / (1 + exp(-z[i0]))\n"
      "L = sum(i0 < 30) y[i0] * log(p[i0]) + (1 - y[i0]) * log(1 - p[i0])\noutput L\n";
  static const char mixture[] =
      "input const x[i0 < 9, i1 < 2]\ninput a[i0 < 4]\ninput m[i0 < 4, i1 < 2]\n"
      "q[i0 < 9, i1 < 4] = sum(i2 < 2) (x[i0, i2] - m[i1, i2]) ^ 2\nA = sum(i0 < 4) exp(a[i0])\nw[i0 < 4] = exp(a[i0]) / A\n"
      "S[i0 < 9] = sum(i1 < 4) w[i1] * exp(-0.5 * q[i0, i1])\nL = sum(i0 < 9) log(S[i0])\noutput L\n";
  static const char attention[] =
      "input Q[i0 < 3, i1 < 2]\ninput K[i0 < 4, i1 < 2]\ninput V[i0 < 4, i1 < 2]\n"
      "s[i0 < 3, i1 < 4] = sum(i2 < 2) Q[i0, i2] * K[i1, i2]\nS[i0 < 3] = sum(i1 < 4) exp(s[i0, i1])\n"
      "w[i0 < 3, i1 < 4] = exp(s[i0, i1]) / S[i0]\no[i0 < 3, i1 < 2] = sum(i2 < 4) w[i0, i2] * V[i2, i1]\n"
      "L = sum(i0 < 3, i1 < 2) o[i0, i1] ^ 2\noutput L\n";
  static const char norm[] = "input x[i0 < 4]\nS = sum(i0 < 4) x[i0] ^ 2\nL = sqrt(S)\noutput L\n";
  static const char pool[] =
      "input w[i0 < 3]\ninput const x[i0 < 20]\nc[i0 < 18] = sum(i1 < 3) x[i0 + i1] * w[i1]\n"
      "m[i0 < 9] = max(i1 < 2) c[2 * i0 + i1]\nL = sum(i0 < 9) m[i0] ^ 2\noutput L\n";
  static const char linear[] =
      "input const X[i0 < 40, i1 < 3]\ninput const y[i0 < 40]\ninput w[i0 < 3]\ninput b\ninput s bounds 0.1 .. inf\n"
      "e[i0 < 40] = sum(i1 < 3) X[i0, i1] * w[i1]\nL = sum(i0 < 40) -0.5 * ((y[i0] - e[i0] - b) / s) ^ 2 - log(s)\noutput L\n";
  static const char rnn[] =
      "input W[i0 < 2, i1 < 2]\ninput const u[i0 < 6, i1 < 2]\n"
      "h[i0 < 7, i1 < 2] = if i0 == 0 then 0 else tanh(a[i0 - 1, i1] + u[i0 - 1, i1])\n"
      "a[i0 < 6, i1 < 2] = sum(i2 < 2) h[i0, i2] * W[i2, i1]\nL = sum(i0 < 2) h[6, i0] ^ 2\noutput L\n";
  SAME_GRADIENTS(softmax, 2, "z");
  SAME_GRADIENTS(softmax, 1000, "z");
  SAME_GRADIENTS(bernoulli, 2, "w");
  SAME_GRADIENTS(bernoulli, 1000, "w");
  SAME_GRADIENTS(mixture, 2, "a", "m");
  SAME_GRADIENTS(mixture, 1000, "a", "m");
  SAME_GRADIENTS(attention, 2, "Q", "K", "V");
  SAME_GRADIENTS(attention, 300, "Q", "K", "V");
  SAME_GRADIENTS(norm, 2, "x");
  SAME_GRADIENTS(pool, 2, "w");
  SAME_GRADIENTS(linear, 2, "w", "b", "s");
  SAME_GRADIENTS(rnn, 1, "W");
  /* the norm at its kink: the subgradient 0, not 0 * inf */
  cx_graph *g = read_text(cx_ctx_arena(ctx), norm);
  uint32_t leaf = 0, out;
  cx_prepare(g);
  cx_diff_reverse(g, g->out[0], CX_NO_COT, &leaf, 1, &out);
  g->out[0] = out;
  static const double zero[4] = {0, 0, 0, 0};
  const double *in = zero;
  CHECK(value_at(g, &in) == 0);
}

/* random graphs: a chain of equations over two sizes, each built of loads of earlier ones */
static void random_text(cx_buf *b) {
  static const char *const one[] = {"exp(-%s)",
                                    "log(1 + %s * %s)",
                                    "%s * %s",
                                    "%s - %s",
                                    "sqrt(%s ^ 2)",
                                    "%s / (2 + cos(%s))",
                                    "max(%s, %s)",
                                    "if %s < %s then %s else %s",
                                    "-%s",
                                    "abs(%s)",
                                    "logistic(%s) + %s",
                                    "1 - exp(%s) / (1 + exp(%s))",
                                    "log(exp(%s) * 2)",
                                    "%s * (i0 == i1)"};
  cx_puts(b, "input e0[i0 < 3, i1 < 4] bounds -1 .. 1\ninput const e1[i0 < 3, i1 < 4]\n");
  int n = 3 + (int)(bits() % 8);
  for (int i = 2; i < n; i++) {
    bool sum = unit() < 0.35;
    cx_putf(b, "e%d[i0 < 3, i1 < 4] = %s", i,
            !sum           ? ""
            : unit() < 0.6 ? "sum(i2 < 4) "
            : unit() < 0.5 ? "max(i2 < 4) "
                           : "sum(i2 < 3, i3 < 4) ");
    bool two = sum && strstr(b->at + b->n - 10, "i3") != NULL;
    const char *f = one[bits() % (sizeof one / sizeof *one)];
    for (; *f; f++) {
      if (f[0] != '%') {
        cx_put(b, f, 1);
        continue;
      }
      f++;
      static const char *const plain[] = {"i0, i1", "i0, i1", "i0 - 1, i1", "i0, 3 - i1", "2 - i0, i1"};
      static const char *const summed[] = {"i0, i2", "i0, i2", "i0, i1", "i0, i1 - i2", "i2 - 1, i1"};
      static const char *const twice[] = {"i2, i3", "i0, i3", "i2, i1", "i0 - i2, i1", "i2, i1 + i3"};
      const char *const *sub = two ? twice : sum ? summed : plain;
      if (sum && unit() < 0.3)
        cx_putf(b, "(i%d == %s) * ", two && unit() < 0.5 ? 3 : 2, unit() < 0.5 ? "i0" : "i1 - i0");
      cx_putf(b, "e%d[%s]", (int)(bits() % (uint64_t)i), sub[bits() % 5]);
    }
    cx_puts(b, "\n");
  }
  cx_putf(b, "output e%d\noutput e%d\n", n - 1, n / 2 < 2 ? n - 1 : n / 2);
}

static void test_random(void) {
  for (int i = 0; i < 400 && check_failed < 5; i++) {
    cx_buf b = {.arena = cx_ctx_arena(ctx)};
    random_text(&b);
    static const char *const passes[] = {"simplify",
                                         "simplify stabilise",
                                         "simplify delta",
                                         "simplify inline",
                                         "simplify share",
                                         "simplify stabilise delta suffstat simplify inline share",
                                         "simplify inline contract share"};
    same_values(__FILE__, i, b.at, passes[i % 7], 1, 1e-9);
  }
}

static void tests(void) {
  test_gradients();
  test_random();
}

int main(void) { return in_context(tests); }
