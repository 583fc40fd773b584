/* The form of derivatives: adjoints are gathers, and what is needed at several places is computed once. */
#include "diff_common.h"

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

static void tests(void) {
  test_forms();
  test_shared_shifts();
}

int main(void) { return in_context(tests); }
