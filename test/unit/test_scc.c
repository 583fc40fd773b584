/* Order of computation and recurrences, on equations written as text. */
#include "check.h"
#include "ir/ir.h"

static cx_ctx *c;
static cx_arena *a;

/* The components as text: names in order, one component after another, a recurrence as "<axes>+" or "-". */
static char *components(const char *text) {
  if (a) cx_arena_free(a);
  a = cx_arena_new(c);
  cx_diag_clear(c);
  cx_graph *g = cx_graph_read(c, a, cx_source_add(c, "test.ir", text, strlen(text)));
  if (!g) return cx_format(a, "not read: %s", cx_diag_get(c, 0).message);
  cx_comp *comp;
  int n;
  if (!cx_scc(g, a, &comp, &n)) return cx_format(a, "error: %s", cx_diag_get(c, 0).message);
  cx_buf b = {.arena = a};
  cx_puts(&b, "");
  for (int k = 0; k < n; k++) {
    if (k) cx_puts(&b, "; ");
    for (int i = 0; i < comp[k].n; i++) {
      cx_putf(&b, "%s%s", i ? " " : "", g->eq[comp[k].eq[i]]->name);
      if (comp[k].dir) cx_putf(&b, "@%d", comp[k].axis[i]);
    }
    if (comp[k].dir) cx_puts(&b, comp[k].dir > 0 ? " up" : " down");
  }
  return b.at;
}

int main(void) {
  c = cx_ctx_new(NULL, NULL);
  CHECK_STR(components(""), "");
  CHECK_STR(components("z = y + x\ny = 2 * x\ninput x\n"), "x; y; z");
  /* s[t] = f(s[t-1], x[t]) */
  CHECK_STR(components("input x[i0 < 9]\ns[i0 < 9] = if i0 == 0 then 1 else tanh(s[i0 - 1] + x[i0])\nz = s[8]\n"),
            "x; s@0 up; z");
  /* downwards; second order; both ends of the offsets */
  CHECK_STR(components("b[i0 < 9] = 1 + b[i0 + 1] / 2\n"), "b@0 down");
  CHECK_STR(components("f[i0 < 9] = if i0 < 2 then 1 else f[i0 - 1] + f[i0 - 2]\n"), "f@0 up");
  CHECK_STR(components("f[i0 < 9] = f[i0 - 1] + f[i0 + 1]\n"), "error: `f` is defined by itself");
  CHECK_STR(components("f[i0 < 9] = f[i0 - 0.5]\n"), "error: `f` is defined by itself");
  /* two that need each other; one of them in the same step: the order counts */
  CHECK_STR(components("p[i0 < 9] = p[i0 - 1] + v[i0]\nv[i0 < 9] = v[i0 - 1] - p[i0 - 1]\n"), "v@0 p@0 up");
  CHECK_STR(components("v[i0 < 9] = v[i0 - 1] - p[i0 - 1]\np[i0 < 9] = p[i0 - 1] + v[i0]\n"), "v@0 p@0 up");
  CHECK_STR(components("p[i0 < 9] = p[i0 - 1] + v[i0]\nv[i0 < 9] = v[i0 - 1] - p[i0]\n"),
            "error: `p` is defined by itself");
  /* one runs up, the other down */
  CHECK_STR(components("p[i0 < 9] = v[i0 - 1]\nv[i0 < 9] = p[i0 + 1]\n"), "error: `p` is defined by itself");
  /* through a sum over another index: an RNN with a matrix, h[t, j] = tanh(sum(k: W[j, k] * h[t-1, k]) + x[t, j]) */
  CHECK_STR(components("input W[i0 < 4, i1 < 4]\ninput x[i0 < 9, i1 < 4]\n"
                       "m[i0 < 9, i1 < 4] = sum(i2 < 4) W[i1, i2] * h[i0 - 1, i2]\n"
                       "h[i0 < 9, i1 < 4] = tanh(m[i0, i1] + x[i0, i1])\n"),
            "W; x; m@0 h@0 up");
  /* the axis second here and first there, and in a third place of a third */
  CHECK_STR(components("h[i0 < 5, i1 < 9] = tanh(m[i1, i0])\n"
                       "m[i0 < 9, i1 < 5] = sum(i2 < 5) q[i2, i1, i0 - 1]\n"
                       "q[i0 < 5, i1 < 5, i2 < 9] = h[i0, i2] * h[i1, i2]\n"),
            "m@0 h@1 q@2 up");
  /* only the other dimension steps: the first axis would be a cycle within a step */
  CHECK_STR(components("s[i0 < 5, i1 < 9] = s[i0, i1 - 1] + 1\n"), "s@1 up");
  /* an index that is reduced over is no axis */
  CHECK_STR(components("s[i0 < 9] = sum(i1 < 9) s[i1 - 1]\n"), "error: `s` is defined by itself");
  /* but it may widen a lag: an autoregression over the last three */
  CHECK_STR(components("s[i0 < 9] = sum(i1 < 3) s[i0 - 1 - i1]\n"), "s@0 up");
  CHECK_STR(components("s[i0 < 9] = sum(i1 < 3) s[i0 - i1]\n"), "error: `s` is defined by itself");
  CHECK_STR(components("s[i0 < 9] = sum(i1 < 3) s[i0 + 1 + 2 * i1]\n"), "s@0 down");
  CHECK_STR(components("s[i0 < 9] = sum(i1 < 3) s[i0 - 4 + 2 * i1]\n"), "error: `s` is defined by itself");
  /* different lengths along the axis */
  CHECK_STR(components("s[i0 < 10] = u[i0 - 1]\nu[i0 < 9] = s[i0] + 1\n"), "s@0 u@0 up");
  /* a member without the axis; a scalar; scaled and data-dependent subscripts */
  CHECK_STR(components("s[i0 < 9] = s[i0 - 1] + m\nm = sum(i0 < 9) s[i0]\n"), "error: `s` is defined by itself");
  CHECK_STR(components("x = x + 1\n"), "error: `x` is defined by itself");
  CHECK_STR(components("s[i0 < 9] = s[2 * i0 - 9]\n"), "error: `s` is defined by itself");
  CHECK_STR(components("input parent[i0 < 9] integer\ns[i0 < 9] = s[parent[i0]]\n"), "error: `s` is defined by itself");

  /* the whole message, with the cycle's names */
  CHECK_STR(components("a = b\nb = 1 + c\nc = a\ninput x\n"), "error: `a` is defined by itself");
  char *shown = cx_diag_render(c, a, 0, false);
  CHECK(strstr(shown, "through `b`") && strstr(shown, "through `c`") && strstr(shown, "h[t] = g(h[t-1])"));
  CHECK(cx_error_count(c) == 1);
  /* every cycle of a program is reported */
  components("a = a\nb = b + 1\nd = 1\n");
  CHECK(cx_error_count(c) == 2);

  /* a chain of 20 000 equations is no deeper than a stack allows, and a ring of 300 finds its axis */
  cx_arena_free(a);
  a = cx_arena_new(c);
  cx_graph *g = cx_graph_new(c, a);
  for (int i = 0; i < 20000; i++) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
    e->body = i < 19999 ? cx_load(g, (uint32_t)i + 1, NULL, 0) : cx_const(g, 1);
  }
  cx_comp *comp;
  int n;
  CHECK(cx_scc(g, a, &comp, &n) && n == 20000 && comp[0].eq[0] == 19999);
  g = cx_graph_new(c, a);
  for (int i = 0; i < 300; i++) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
    e->rank = 2;
    e->dim[0].n = e->dim[1].n = 7;
    const cx_node *t = cx_index(g, i & 1), *j = cx_index(g, 1 - (i & 1)); /* the axis swaps its place */
    const cx_node *sub[2] = {i & 1 ? cx_op2(g, OP_sub, t, cx_const(g, i == 299)) : j, i & 1 ? j : t};
    e->body = cx_load(g, (uint32_t)(i + 1) % 300, sub, 2);
  }
  CHECK(cx_scc(g, a, &comp, &n) && n == 1 && comp[0].dir == 1 && comp[0].n == 300);
  for (int i = 0; n == 1 && i < comp[0].n; i++) CHECK(comp[0].axis[i] == (comp[0].eq[i] & 1));
  cx_arena_free(a);
  cx_ctx_free(c);
  return CHECK_DONE();
}
