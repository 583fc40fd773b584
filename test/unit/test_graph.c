/* The equation form: hash-consing, walks, affine forms and bounds, extraction, text, the verifier. */
#include "back/back.h"
#include "check.h"
#include "ir/graph_int.h"
#include "ir/rule.h"
#include "random_expr.h"
#include <stdlib.h>

static cx_ctx *c;
static cx_arena *a;

static cx_graph *fresh(void) {
  if (a) cx_arena_free(a);
  a = cx_arena_new(c);
  return cx_graph_new(c, a);
}

static cx_eq *eq(cx_graph *g, const char *name, cx_eq_kind kind, int rank, int64_t n0, int64_t n1) {
  cx_eq *e = cx_eq_new(g, cx_intern_z(c, name), kind);
  e->rank = (uint8_t)rank;
  e->dim[0].n = n0;
  e->dim[1].n = n1;
  return e;
}

static cx_graph *read_text(const char *text) {
  return cx_graph_read(c, a, cx_source_add(c, "test.ir", text, strlen(text)));
}

/* ---- nodes ---- */
static void test_consing(void) {
  cx_graph *g = fresh();
  const cx_node *x = cx_index(g, 0), *y = cx_index(g, 1), *two = cx_const(g, 2);
  CHECK(cx_index(g, 0) == x && cx_const(g, 2) == two);
  CHECK(cx_const(g, 0.0) != cx_const(g, -0.0));
  CHECK(cx_const(g, NAN) == cx_const(g, -NAN));
  CHECK(cx_op2(g, OP_add, x, y) == cx_op2(g, OP_add, y, x));
  CHECK(cx_op2(g, OP_sub, x, y) != cx_op2(g, OP_sub, y, x));
  CHECK(cx_op2(g, OP_mul, two, x)->arg[1] == two);
  CHECK(cx_op2(g, OP_mul, two, cx_const(g, 3)) == cx_const(g, 6));
  CHECK(cx_op2(g, OP_add, x, cx_const(g, 0)) == x);
  CHECK(cx_op2(g, OP_mul, x, cx_const(g, 1)) == x);
  CHECK(cx_op2(g, OP_sub, x, x) == cx_const(g, 0));
  CHECK(cx_op1(g, OP_neg, cx_op1(g, OP_neg, x)) == x);
  CHECK(cx_op3(g, OP_select, cx_const(g, 1), x, y) == x);
  CHECK(cx_op3(g, OP_select, cx_const(g, 0), x, y) == y);
  const cx_node *e = cx_op2(g, OP_pow, x, y);
  CHECK(e->free_lo == 3 && !e->any_free && !e->has_load);
  CHECK(cx_op1(g, OP_sin, cx_index(g, CX_FREE + 7))->any_free);
  for (int i = 0; i < 100000; i++) cx_const(g, i); /* the table grows */
  CHECK(cx_op2(g, OP_pow, x, y) == e);
  CHECK(cx_verify(g) == NULL);
}

/* The same expressions made in another order are the same text: nothing depends on addresses or ids. */
static void test_order(void) {
  cx_graph *g = fresh(), *h = cx_graph_new(c, a);
  const cx_node *p = cx_op1(g, OP_sin, cx_index(g, 0)), *q = cx_op1(g, OP_cos, cx_index(g, 0));
  const cx_node *s = cx_op1(h, OP_cos, cx_index(h, 0)), *r = cx_op1(h, OP_sin, cx_index(h, 0));
  CHECK_STR(cx_node_text(g, a, cx_op2(g, OP_add, p, q)), cx_node_text(h, a, cx_op2(h, OP_add, r, s)));
  CHECK_STR(cx_node_text(g, a, cx_op2(g, OP_add, q, p)), cx_node_text(h, a, cx_op2(h, OP_add, s, r)));
}

static const cx_node *as_is(void *user, cx_graph *g, const cx_node *n) {
  (void)user, (void)g;
  return n;
}
static const cx_node *double_constants(void *user, cx_graph *g, const cx_node *n) {
  ++*(int *)user;
  return n->op == OP_const ? cx_const(g, 2 * n->u.num) : n;
}
static void count(void *user, const cx_node *n) {
  (void)n;
  ++*(int *)user;
}

static void test_random_walks(void) {
  rnd_state = 12345;
  for (int trial = 0; trial < 400; trial++) {
    cx_graph *g = fresh();
    eq(g, "X", EQ_INPUT, 2, 5, 3);
    eq(g, "w", EQ_INPUT, 1, 4, 0);
    double X[15], w[4], *value[2] = {X, w};
    for (int i = 0; i < 15; i++) X[i] = rnd_unit() * 4 - 2;
    for (int i = 0; i < 4; i++) w[i] = rnd_unit() * 4 - 2;
    const cx_node *e = rnd_expr(g, cx_opn, 3, 5 + (int)rnd(60), true);
    CHECK(cx_rewrite(g, e, as_is, NULL) == e);
    /* substitution: value of e[i0 := s, i2 := t] is the value of e where the indices have the values of s, t */
    const cx_node *to[2] = {cx_op2(g, OP_add, cx_op2(g, OP_mul, cx_const(g, 2), cx_index(g, 1)), cx_index(g, 2)),
                            cx_op2(g, OP_sub, cx_index(g, 0), cx_const(g, 1))};
    int64_t slot[2] = {0, 2}, at[3] = {rnd(5), rnd(4), rnd(5)}, there[3] = {2 * at[1] + at[2], at[1], at[0] - 1};
    const cx_node *sub = cx_subst(g, e, slot, to, 2);
    CHECK_NEAR(cx_ref_node(g, sub, at, value), cx_ref_node(g, e, there, value), 1e-9);
    cx_interval b = cx_bounds(g, e, NULL);
    double v = cx_ref_node(g, e, at, value);
    CHECK(v >= b.lo - 1e-9 && v <= b.hi + 1e-9);
    if (cx_is_integer(g, e)) CHECK(v == floor(v));
    CHECK(cx_verify(g) == NULL);
  }
}

static void test_walks(void) {
  cx_graph *g = fresh();
  const cx_node *x = cx_index(g, 0), *e = x;
  for (int i = 0; i < 100; i++) e = cx_op2(g, OP_mul, e, e); /* 2^100 as a tree */
  int n = 0;
  cx_visit(g, e, count, &n);
  CHECK(n == 101);
  const cx_node *one = cx_const(g, 1);
  int64_t slot = 0;
  CHECK(cx_subst(g, e, &slot, &one, 1) == one);
  CHECK(cx_subst(g, e, (int64_t[]){3}, &one, 1) == e);

  /* a chain of a hundred thousand, through every walk */
  const cx_node *y = cx_index(g, 1), *deep = x;
  for (int i = 0; i < 100000; i++) deep = cx_op1(g, i & 1 ? OP_sin : OP_cos, cx_op2(g, OP_add, deep, y));
  n = 0;
  cx_visit(g, deep, count, &n);
  CHECK(n == 200002);
  slot = 1;
  const cx_node *zero = cx_const(g, 0), *s = cx_subst(g, deep, &slot, &zero, 1);
  double v = 0.5;
  for (int i = 0; i < 100000; i++) v = i & 1 ? sin(v) : cos(v);
  int64_t half = 0;
  const cx_node *p = cx_const(g, 0.5);
  CHECK_NEAR(cx_subst(g, s, &half, &p, 1)->u.num, v, 0);
  cx_interval b = cx_bounds(g, deep, NULL);
  CHECK(b.lo >= -1 && b.hi <= 1);
  CHECK(!cx_is_integer(g, deep));
  int64_t c0, co[32];
  CHECK(!cx_affine(deep, &c0, co));
  int calls = 0;
  const cx_node *k = cx_op2(g, OP_add, cx_op1(g, OP_exp, cx_const(g, 3)), x); /* exp(3) is folded: one constant */
  k = cx_rewrite(g, k, double_constants, &calls);
  CHECK(calls == 3);
  CHECK(k == cx_op2(g, OP_add, x, cx_const(g, 2 * exp(3))));
  cx_eq *q = eq(g, "q", EQ_CALC, 2, 3, 4);
  q->body = deep;
  cx_graph_output(g, q->id);
  const char *text = cx_graph_text(g, a);
  cx_graph *h = read_text(text);
  CHECK(h != NULL);
  if (h) CHECK(strcmp(cx_graph_text(h, a), text) == 0);
}

static void test_affine(void) {
  cx_graph *g = fresh();
  const cx_node *i = cx_index(g, 0), *j = cx_index(g, 1), *n2 = cx_const(g, 2), *n3 = cx_const(g, 3);
  int64_t c0, k[32];
  /* 3 * (i - 2 * (j - 2)) + 2 - i = 2 i - 6 j + 14 */
  const cx_node *e =
      cx_op2(g, OP_sub, cx_op2(g, OP_mul, n3, cx_op2(g, OP_sub, i, cx_op2(g, OP_mul, n2, cx_op2(g, OP_sub, j, n2)))),
             cx_op2(g, OP_sub, i, n2));
  CHECK(cx_affine(e, &c0, k) && c0 == 14 && k[0] == 2 && k[1] == -6 && k[2] == 0);
  CHECK(cx_affine(cx_op1(g, OP_neg, j), &c0, k) && c0 == 0 && k[1] == -1);
  CHECK(!cx_affine(cx_op2(g, OP_mul, i, j), &c0, k));
  CHECK(!cx_affine(cx_op2(g, OP_add, i, cx_const(g, 0.5)), &c0, k));
  CHECK(!cx_affine(cx_const(g, INFINITY), &c0, k) && !cx_affine(cx_const(g, NAN), &c0, k));
  CHECK(!cx_affine(cx_index(g, CX_FREE), &c0, k));
  CHECK(!cx_affine(cx_op2(g, OP_mul, cx_op2(g, OP_mul, i, cx_const(g, 4e15)), cx_const(g, 9e15)), &c0, k));
  for (int t = 0; t < 64; t++) i = cx_op2(g, OP_add, i, i); /* 2^64 does not fit */
  CHECK(!cx_affine(i, &c0, k));
}

static void near(cx_interval b, double lo, double hi) {
  CHECK_NEAR(b.lo, lo, 0);
  CHECK_NEAR(b.hi, hi, 0);
}

static void test_bounds(void) {
  cx_graph *g = fresh();
  cx_eq *w = eq(g, "w", EQ_INPUT, 1, 10, 0);
  w->lo = 3, w->hi = 7, w->integer = true;
  cx_eq *z = eq(g, "z", EQ_CALC, 1, 10, 0);
  z->nred = 1, z->rdim[0].n = 4;
  const cx_node *i = cx_index(g, 0), *k = cx_index(g, 1), *one = cx_const(g, 1);
  near(cx_bounds(g, i, z), 0, 9);
  near(cx_bounds(g, k, z), 0, 3);
  near(cx_bounds(g, cx_op2(g, OP_sub, i, k), z), -3, 9);
  near(cx_bounds(g, cx_op2(g, OP_mul, cx_op2(g, OP_sub, k, i), i), z), -81, 27);
  near(cx_bounds(g, cx_load(g, w->id, &i, 1), z), 3, 7);
  const cx_node *next = cx_op2(g, OP_add, i, one);
  near(cx_bounds(g, cx_load(g, w->id, &next, 1), z), 0, 7); /* w[10] is 0 */
  near(cx_bounds(g, cx_op2(g, OP_lt, i, cx_const(g, 10)), z), 1, 1);
  near(cx_bounds(g, cx_op2(g, OP_le, cx_const(g, 10), i), z), 0, 0);
  near(cx_bounds(g, cx_op2(g, OP_lt, i, cx_const(g, 9)), z), 0, 1);
  near(cx_bounds(g, cx_op2(g, OP_eq, i, cx_const(g, -1)), z), 0, 0);
  near(cx_bounds(g, cx_op2(g, OP_ne, i, cx_const(g, -1)), z), 1, 1);
  near(cx_bounds(g, cx_op3(g, OP_select, cx_op2(g, OP_lt, i, cx_const(g, 10)), k, cx_const(g, 99)), z), 0, 3);
  near(cx_bounds(g, cx_op3(g, OP_select, cx_op2(g, OP_lt, i, k), k, cx_const(g, 99)), z), 0, 99);
  near(cx_bounds(g, cx_op2(g, OP_mod, i, cx_const(g, 4)), z), 0, 3);
  near(cx_bounds(g, cx_op2(g, OP_mod, i, cx_const(g, 20)), z), 0, 9);
  near(cx_bounds(g, cx_op2(g, OP_div, one, next), z), 0.1, 1);
  near(cx_bounds(g, cx_op2(g, OP_div, one, i), z), -INFINITY, INFINITY);
  near(cx_bounds(g, cx_op1(g, OP_floor, cx_op2(g, OP_div, i, cx_const(g, 2))), z), 0, 4);
  near(cx_bounds(g, cx_op1(g, OP_abs, cx_op2(g, OP_sub, k, i)), z), 0, 9);
  near(cx_bounds(g, cx_op1(g, OP_exp, cx_const(g, 0)), z), 1, 1);
  near(cx_bounds(g, cx_op1(g, OP_log, cx_op2(g, OP_sub, i, one)), z), -INFINITY, log(8));
  const cx_node *d = cx_op2(g, OP_sub, k, one);
  near(cx_bounds(g, cx_op2(g, OP_mul, d, d), z), 0, 4);
  const cx_node *fourth[2] = {d, cx_const(g, 4)}, *third[2] = {d, cx_const(g, 3)};
  near(cx_bounds(g, cx_raw(g, OP_pow, fourth, 2), z), 0, 16);
  near(cx_bounds(g, cx_raw(g, OP_pow, third, 2), z), -1, 8);
  CHECK(cx_is_integer(g, cx_op2(g, OP_mul, i, cx_load(g, w->id, &i, 1))));
  CHECK(!cx_is_integer(g, cx_op2(g, OP_div, i, k)));
  CHECK(cx_is_integer(g, cx_op1(g, OP_floor, cx_op2(g, OP_div, i, k))));
}

static void test_extract(void) {
  cx_graph *g = fresh();
  eq(g, "unused", EQ_INPUT, 0, 0, 0);
  cx_eq *x = eq(g, "x", EQ_INPUT, 1, 4, 0), *y = eq(g, "y", EQ_CALC, 1, 4, 0), *n = eq(g, "noise", EQ_CALC, 0, 0, 0);
  cx_eq *z = eq(g, "z", EQ_CALC, 1, 4, 0);
  const cx_node *i = cx_index(g, 0);
  y->body = cx_op1(g, OP_exp, cx_load(g, x->id, &i, 1));
  n->body = cx_const(g, 3);
  z->body = cx_op2(g, OP_add, cx_load(g, y->id, &i, 1), cx_load(g, x->id, &i, 1));
  int32_t map[5];
  uint32_t roots[2] = {z->id, y->id};
  cx_graph *h = cx_extract(g, a, roots, 2, map);
  CHECK(h->neq == 3 && map[0] == -1 && map[1] == 0 && map[2] == 1 && map[3] == -1 && map[4] == 2);
  CHECK_STR(cx_graph_text(h, a),
            "input x[i0 < 4]\ny[i0 < 4] = exp(x[i0])\nz[i0 < 4] = x[i0] + y[i0]\noutput z\noutput y\n");
  CHECK(cx_verify(h) == NULL);
}

/* ---- text ---- */
static void round_trip(const char *text) {
  cx_graph *g = read_text(text);
  CHECK(g != NULL);
  if (g) CHECK_STR(cx_graph_text(g, a), text);
}

static void test_text(void) {
  fresh();
  round_trip(
      "input const X[i0 < 100 (n), i1 < 4 (d)]\n"
      "input w[i0 < 4 (d)] bounds 0..inf\n"
      "z[i0 < 100 (n)] = sum(i1 < 4 (d)) X[i0, i1] * w[i1]\n"
      "output z\n");
  round_trip(
      "input s\ninput k[i0 < 3] integer inert bounds -1..9\n"
      "m = max(i0 < 2, i1 < 3) -k[i0] - i1\nn[i0 < 2] = max(i0 < 2, i0 < 3) - 1\n"
      "a = s - (s - 1) - 1\nb = (-s)^2 + -s^2 - 2^(-s)\n");
  round_trip("");
}

static void test_spelling(void) {
  static const struct {
    const char *text, *back;
  } rows[] = {
      {"s - (s - t)", NULL},
      {"s - t - s", NULL},
      {"-s^2", NULL},
      {"(-s)^2", NULL},
      {"s^t^u", NULL},
      {"(s^t)^u", NULL},
      {"-2", NULL},
      {"-(2)", NULL},
      {"-2^s", NULL},
      {"(-2)^s", NULL},
      {"s^(-2)", NULL},
      {"s^-2", "s^(-2)"},
      {"--2", NULL},
      {"s * -t", NULL},
      {"-s * t", NULL},
      {"-(s * t)", NULL},
      {"s * 2", "2 * s"},
      {"t * u + s", NULL},
      {"1e+300", NULL},
      {"0.1", NULL},
      {"1e-300", NULL},
      {"-0", NULL},
      {"inf", NULL},
      {"-inf", NULL},
      {"nan", NULL},
      {"-(inf)", NULL},
      {"if s < t then t else if t <= u then s else u + 1", NULL},
      {"(if s then t else u) + 1", NULL},
      {"if s then (if t then s else u) else 1", "if s then if t then s else u else 1"},
      {"not s < t and u or s", NULL},
      {"not (s or t)", NULL},
      {"(s < t) < u", NULL},
      {"s > t", "t < s"},
      {"s >= t", "t <= s"},
      {"s / (t * u)", NULL},
      {"s / t / u", NULL},
      {"max(s, min(t, 3))", NULL},
      {"mod(s, -t)", NULL},
      {"muladd(s, t, u)", NULL},
      {"s < t + u", NULL},
      {"(s < t) + u", NULL},
      {"-(not s)", NULL},
      {"exp(-s)", NULL},
      {"s - -t", NULL},
      {"s==t", "s == t"},
      {"s + (t + u)", NULL},
      {"u + t != s", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    fresh();
    cx_graph *g = read_text(cx_format(a, "input s\ninput t\ninput u\nz = %s\n", rows[i].text));
    CHECK(g != NULL);
    if (!g) continue;
    const char *text = cx_node_text(g, a, g->eq[3]->body);
    cx_graph *h = read_text(cx_graph_text(g, a)); /* what was printed is the same expression */
    CHECK(h && h->eq[3]->body->hash == g->eq[3]->body->hash);
    const char *want = rows[i].back ? rows[i].back : rows[i].text;
    bool commuted = strchr(rows[i].text, '+') || strchr(rows[i].text, '*') || strstr(rows[i].text, "==") ||
                    strstr(rows[i].text, "!=") || strstr(rows[i].text, "and") || strstr(rows[i].text, "or");
    if (!commuted) CHECK_STR(text, want);
  }
}

static bool same_graph(const cx_graph *g, const cx_graph *h) {
  if (g->neq != h->neq || g->nout != h->nout) return false;
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *p = g->eq[i], *q = h->eq[i];
    if (p->name != q->name || p->kind != q->kind || p->red != q->red || p->rank != q->rank || p->nred != q->nred ||
        p->constant != q->constant || p->integer != q->integer || p->inert != q->inert || p->lo != q->lo ||
        p->hi != q->hi)
      return false;
    for (int k = 0; k < p->rank; k++)
      if (p->dim[k].n != q->dim[k].n || p->dim[k].name != q->dim[k].name) return false;
    for (int k = 0; k < p->nred; k++)
      if (p->rdim[k].n != q->rdim[k].n || p->rdim[k].name != q->rdim[k].name) return false;
    if (p->body && p->body->hash != q->body->hash) return false; /* structural: equal but for collisions */
  }
  for (int i = 0; i < g->nout; i++)
    if (g->out[i] != h->out[i]) return false;
  return true;
}

static void test_random_text(void) {
  static const char *const names[] = {"x",   "y",          "x",  "i0",       "max", "if",
                                      "a b", "weird`\\\n", "x'", "\xce\xbc", "x.3", "sum"};
  rnd_state = 777;
  for (int trial = 0; trial < 300; trial++) {
    cx_graph *g = fresh();
    int n = 1 + (int)rnd(8);
    for (int i = 0; i < n; i++) {
      cx_eq *e =
          eq(g, names[rnd(sizeof names / sizeof *names)], rnd(3) ? EQ_CALC : EQ_INPUT, (int)rnd(3), rnd(9), rnd(9));
      if (rnd(2)) e->dim[0].name = cx_intern_z(c, names[rnd(5)]);
      e->constant = e->kind == EQ_INPUT && rnd(2);
      e->integer = rnd(4) == 0;
      e->inert = rnd(4) == 0;
      if (rnd(3) == 0) e->lo = -rnd_unit() * 1e6;
      if (rnd(3) == 0) e->hi = rnd_unit() * 1e-300;
      if (e->kind == EQ_CALC && rnd(2)) {
        e->red = (uint8_t)(1 + rnd(RED_COUNT - 1));
        e->nred = (uint8_t)(1 + rnd(3));
        for (int k = 0; k < e->nred; k++) e->rdim[k].n = rnd(5);
      }
    }
    for (int i = 0; i < n; i++)
      if (g->eq[i]->kind == EQ_CALC)
        g->eq[i]->body = rnd_expr(g, rnd(2) ? cx_raw : cx_opn, g->eq[i]->rank + g->eq[i]->nred,
                                  (int)rnd(trial % 10 ? 12 : 150), false);
    for (uint32_t i = rnd(3); i > 0; i--) cx_graph_output(g, rnd((uint32_t)n));
    for (int i = 0; i < n; i++) /* an expression without an index may sit in a load over nothing */
      if (g->eq[i]->kind == EQ_CALC && g->eq[i]->body->any_free) CHECK(0);
    const char *why = cx_verify(g);
    if (why) {
      CHECK_STR(why, "nothing wrong");
      continue;
    }
    const char *text = cx_graph_text(g, a);
    cx_graph *h = read_text(text);
    CHECK(h != NULL);
    if (!h) {
      fprintf(stderr, "%s\n%s\n", text, cx_diag_render(c, a, cx_diag_count(c) - 1, false));
      continue;
    }
    CHECK(same_graph(g, h));
    CHECK_STR(cx_graph_text(h, a), text);
  }
}

static void test_read_errors(void) {
  static const struct {
    const char *text, *part;
  } rows[] = {
      {"x = y\n", "no equation is called `y`"},
      {"input x[i0 < 3]\ny = x\n", "has 1 dimensions, not 0"},
      {"input x\ninput x\n", "defined twice"},
      {"x = 1 +\n", "expected an expression"},
      {"x = (1\n", "expected `)`"},
      {"x = 1 2\n", "end of the line"},
      {"x[i1 < 3] = 1\n", "expected `i0 < `"},
      {"x[i0 < 99999999999999999999] = 1\n", "too large"},
      {"x[i0 < 4000000000, i1 < 4000000000] = 1\n", "does not fit 64 bits"},
      {"x = i3\n", "index that is not its own"},
      {"x = sqrt(1, 2)\n", "no op sqrt of 2 arguments"},
      {"x = prim nosuch(x)\n", "no primitive"},
      {"output z\n", "no equation is called `z`"},
      {"x = %1\n", "no let above"},
      {"let %2 = 1\n", "the next let is number 1"},
      {"x bounds 2..1 = 1\n", "bounds 2..1"},
      {"`x = 1\n", "does not end"},
      {"x = if 1 then 2\n", "expected `else`"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    fresh();
    cx_diag_clear(c);
    cx_graph *g = read_text(rows[i].text);
    CHECK(g == NULL && cx_error_count(c) == 1);
    const char *m = cx_diag_count(c) ? cx_diag_get(c, 0).message : "";
    CHECK(strstr(m, rows[i].part) != NULL);
    if (!strstr(m, rows[i].part)) fprintf(stderr, "  said: %s\n", m);
  }
  fresh();
  cx_diag_clear(c);
  char *deep = CX_NEW_N(a, char, 300001);
  memset(deep, '(', 300000);
  memcpy(deep, "x = ", 4);
  CHECK(read_text(deep) == NULL && strstr(cx_diag_get(c, 0).message, "too deeply"));
  cx_diag_clear(c);
}

/* ---- the verifier finds every seeded corruption ---- */
static bool always(const cx_eq *const *arg, cx_eq *out, const char **why) {
  (void)why;
  out->rank = arg[0]->rank;
  out->dim[0] = arg[0]->dim[0];
  return true;
}
static const cx_prim copy_prim = {.name = "copy", .nargs = 1, .shape = always};

static void test_verify(void) {
  enum { CORRUPTIONS = 34 };
  for (int k = -1; k < CORRUPTIONS; k++) {
    cx_graph *g = fresh(), *other = cx_graph_new(c, a);
    cx_eq *x = eq(g, "x", EQ_INPUT, 1, 4, 0), *y = eq(g, "y", EQ_CALC, 1, 4, 0), *p = eq(g, "p", EQ_PRIM, 1, 4, 0);
    const cx_node *i = cx_index(g, 0);
    y->body = cx_op2(g, OP_add, cx_load(g, x->id, &i, 1), cx_op2(g, OP_sub, i, cx_const(g, 3)));
    p->prim = &copy_prim;
    p->prim_arg[0] = x->id;
    p->nprim_arg = 1;
    cx_graph_output(g, y->id);
    cx_node *b = (cx_node *)y->body, *d = (cx_node *)b->arg[1];
    const cx_node *two[2] = {i, i};
    switch (k) {
      case 0: b->op = OP_COUNT; break;
      case 1: b->op = OP_none; break;
      case 2: b->nargs = 1; break;
      case 3: b->id++; break;
      case 4: b->hash ^= 1; break;
      case 5: b->free_lo = 0; break;
      case 6: b->any_free = true; break;
      case 7: b->has_load = false; break;
      case 8: b->arg[0] = NULL; break;
      case 9: b->arg[0] = b; break;
      case 10: b->arg[1] = cx_index(other, 0); break;
      case 11: d->op = OP_div; break;
      case 12: {
        const cx_node *t = b->arg[0];
        b->arg[0] = b->arg[1];
        b->arg[1] = t;
        break;
      }
      case 13: {
        const cx_node *t = d->arg[0];
        d->arg[0] = d->arg[1];
        d->arg[1] = t;
        break;
      }
      case 14: ((cx_node *)d->arg[1])->u.num = 4; break;
      case 15: y->body = cx_load(g, x->id, two, 2); break;
      case 16: y->body = cx_load(g, 77, &i, 1); break;
      case 17: y->body = cx_index(g, 1); break;
      case 18: y->body = cx_index(g, CX_FREE + 3); break;
      case 19: y->body = cx_index(other, 0); break;
      case 20: y->body = NULL; break;
      case 21: y->red = RED_sum; break;
      case 22: y->nred = 1; break;
      case 23: y->red = RED_COUNT; break;
      case 24: y->rank = 9; break;
      case 25: y->dim[0].n = -1; break;
      case 26: y->id = 0; break;
      case 27: y->name = NULL; break;
      case 28: y->lo = 1, y->hi = 0; break;
      case 29: x->body = i; break;
      case 30: g->out[0] = 3; break;
      case 31: p->prim_arg[0] = 5; break;
      case 32: p->dim[0].n = 5; break;
      case 33: y->kind = 7; break;
    }
    const char *why = cx_verify(g);
    if ((why != NULL) != (k >= 0)) fprintf(stderr, "corruption %d: %s\n", k, why ? why : "not found");
    CHECK((why != NULL) == (k >= 0));
  }
}

/* ---- calx text as nodes ---- */
static void test_rules(void) {
  cx_graph *g = fresh();
  const cx_node *x = cx_index(g, 0), *y = cx_index(g, 1);
  const char *names[2] = {"x", "y"};
  const cx_node *v[2] = {x, y};
  CHECK(cx_rule_expr(g, "x + 0", names, v, 2) == x);
  CHECK(
      cx_rule_expr(g, "if x > y then 2 * pi else -x^2", names, v, 2) ==
      cx_op3(g, OP_select, cx_op2(g, OP_lt, y, x), cx_const(g, 2 * M_PI), cx_op1(g, OP_neg, cx_op2(g, OP_mul, x, x))));
  CHECK(cx_op_diff(g, OP_exp, 0, &x) == cx_op1(g, OP_exp, x));
  CHECK(cx_op_diff(g, OP_mul, 0, v) == y && cx_op_diff(g, OP_mul, 1, v) == x);
  CHECK(cx_op_diff(g, OP_floor, 0, &x) == cx_const(g, 0));
  CHECK(cx_op_diff(g, OP_polygamma, 0, v) == NULL);
  int before = cx_diag_count(c);
  cx_frame f;
  CX_TRY(c, f) {
    cx_rule_expr(g, "sum(k: x)", names, v, 2);
    CX_END(c, f);
    CHECK(0);
  }
  else CHECK(f.status == CX_E_PROGRAM && cx_diag_count(c) == before + 1); }

/* ---- every allocation may fail: whatever is left behind can be freed, and the context goes on ---- */
typedef struct {
  long left, live;
} budget;
static void *counted(void *user, void *ptr, size_t old, size_t size) {
  budget *b = user;
  (void)old;
  if (!size) {
    b->live -= ptr != NULL;
    free(ptr);
    return NULL;
  }
  if (b->left-- <= 0) return NULL;
  b->live += ptr == NULL;
  return realloc(ptr, size);
}

static bool everything(cx_ctx *ctx) {
  static const char text[] = "input x[i0 < 9]\ns[i0 < 9] = if i0 == 0 then 1 else tanh(s[i0 - 1] + x[i0])\noutput s\n";
  cx_frame f;
  CX_TRY(ctx, f) {
    cx_arena *m = cx_arena_new(ctx);
    cx_graph *g = cx_graph_read(ctx, m, cx_source_add(ctx, "test.ir", text, sizeof text - 1));
    const cx_node *x = cx_index(g, 0);
    for (int i = 0; i < 5000; i++) x = cx_op2(g, OP_add, cx_op1(g, OP_sin, x), cx_const(g, i));
    cx_op_diff(g, OP_tanh, 0, &x);
    cx_bounds(g, x, NULL);
    cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
    e->rank = 1;
    e->dim[0].n = 1;
    e->body = x;
    cx_comp *comp;
    int n;
    double in[9] = {0}, *result[1];
    int64_t nine = 9;
    cx_array array = cx_array_dense(in, 1, &nine);
    cx_scc(g, m, &comp, &n);
    cx_ref_run(g, m, &array, result);
    cx_graph_text(cx_extract(g, m, g->out, g->nout, NULL), m);
    cx_graph_text(g, m);
    cx_arena_free(m);
    CX_END(ctx, f);
    return true;
  }
  CHECK(f.status == CX_E_RUNTIME);
  return false;
}

static void test_memory(void) {
  bool done = false;
  for (long n = 0; !done && n < 5000; n++) {
    budget b = {n, 0};
    cx_ctx *ctx = cx_ctx_new(counted, &b);
    if (!ctx) continue;
    done = everything(ctx);
    b.left = 1000000;
    CHECK(everything(ctx)); /* it goes on */
    cx_ctx_free(ctx);
    CHECK(b.live == 0);
  }
  CHECK(done);
}

int main(void) {
  c = cx_ctx_new(NULL, NULL);
  test_consing();
  test_order();
  test_random_walks();
  test_walks();
  test_affine();
  test_bounds();
  test_extract();
  test_text();
  test_spelling();
  test_random_text();
  test_read_errors();
  test_verify();

  test_rules();
  test_memory();
  cx_arena_free(a);
  cx_ctx_free(c);
  return CHECK_DONE();
}
