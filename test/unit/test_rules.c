/* Every rule of rules.def: it fires, both sides agree on random values over the domain it states, what is undefined on
 * the left stays undefined, and the measure that makes rewriting end gets smaller. */
#include "graphs.h"
#include "ir/pattern.h"
#include "ir/rule.h"
#include <float.h>
#include <stdlib.h>

/* ---- what a variable may be: the bounds its equation declares are what a condition is proved from ---- */
static const struct {
  double lo, hi;
  bool integer;
} kind[] = {
    {-INFINITY, INFINITY, false},
    {0, INFINITY, false},
    {0.001, INFINITY, false},
    {-INFINITY, 0, false},
    {0, 1, false},
    {-1, 1, false},
    {-1, INFINITY, false},
    {1, INFINITY, false},
    {2, 3, false},
    {-3, -2, false},
    {-INFINITY, INFINITY, true},
    {0, 1, true},
    {0, 3, true},
    {5, 9, true},
};
enum { KINDS = sizeof kind / sizeof *kind };

static double sample(int k, bool moderate) {
  double lo = fmax(kind[k].lo, -1e300), hi = fmin(kind[k].hi, 1e300);
  if (kind[k].integer) {
    lo = fmax(lo, -40), hi = fmin(hi, 40);
    return floor(lo + unit() * (hi - lo + 1));
  }
  double u = unit(), x = unit() < 0.1 ? 0 : (2 * unit() - 1) * 3;
  if (!moderate) x = (unit() < 0.5 ? -1 : 1) * exp((2 * u - 1) * (unit() < 0.5 ? 8 : 60));
  if (lo > -1e300 && hi < 1e300) return lo + unit() * (hi - lo);
  if (lo > -1e300) return lo + fabs(x);
  if (hi < 1e300) return hi - fabs(x);
  return x;
}

/* ---- evaluation in which every operation may be off by a few units in the last place ---- */
static double noisy(const cx_node *e, double *const *value, double noise) {
  if (e->op == OP_const) return e->u.num;
  if (e->op == OP_load) return *value[e->u.eq];
  double x[3];
  for (int i = 0; i < e->nargs; i++) x[i] = noisy(e->arg[i], value, noise);
  double y = cx_ops[e->op].eval(x);
  bool exact = cx_ops[e->op].facts & F_INT; /* integers that fit a double are */
  for (int i = 0; i < e->nargs; i++) exact &= x[i] == floor(x[i]) && fabs(x[i]) < 1e6;
  if (exact || (cx_ops[e->op].facts & (F_INTEGER | F_BOOL))) return y;
  return y * (1 + noise * (2 * unit() - 1));
}

/* does a value on the way leave the normal range? */
static bool extreme(const cx_graph *g, const cx_node *e, double *const *value) {
  if (e->op <= OP_load) return false;
  double y = fabs(cx_ref_node(g, e, NULL, value));
  if (y > 1e290 || y < 1e-290) return true;
  for (int i = 0; i < e->nargs; i++)
    if (extreme(g, e->arg[i], value)) return true;
  return false;
}

/* is one on the way subnormal, with few digits left? */
static bool subnormal(const cx_graph *g, const cx_node *e, double *const *value) {
  if (e->op <= OP_load) return false;
  double y = fabs(cx_ref_node(g, e, NULL, value));
  if (y > 0 && y < DBL_MIN) return true;
  for (int i = 0; i < e->nargs; i++)
    if (subnormal(g, e->arg[i], value)) return true;
  return false;
}

/* how far rounding alone may move the value */
static double spread(const cx_node *e, double *const *value, double y) {
  double s = 0;
  for (int i = 0; i < 12; i++) {
    double d = fabs(noisy(e, value, 1e-15) - y);
    if (!(d <= s) && !isnan(s)) s = d; /* a NaN stays */
  }
  return s;
}

/* ---- the measure of rules.def ---- */
static double measure(const cx_node *e, const double *leaf) {
  if (e->op == OP_const) return e->u.num < 0 ? 1.4 : 1;
  if (e->op == OP_load) return leaf[e->u.eq];
  double m[3] = {0, 0, 0}, sum = 0;
  for (int i = 0; i < e->nargs; i++) sum += m[i] = measure(e->arg[i], leaf);
  switch (e->op) {
    case OP_neg:
    case OP_not: return sum + 1;
    case OP_add:
    case OP_sub:
    case OP_and:
    case OP_or: return sum + 3;
    case OP_mul: return 2 * sum + 1;
    case OP_div: return 2 * sum + 6;
    case OP_pow: return 20 * sum + 20;
    case OP_log:
    case OP_log1p: return 9 * sum + 9;
    case OP_xlogy:
    case OP_xlog1py: return 10 * sum + 20;
    case OP_exp:
    case OP_exp2:
    case OP_expm1:
    case OP_log2:
    case OP_log10:
    case OP_logistic:
    case OP_softplus:
    case OP_logit:
    case OP_log1mexp:
    case OP_logaddexp:
    case OP_sinh:
    case OP_cosh:
    case OP_tanh:
    case OP_asinh:
    case OP_acosh:
    case OP_atanh: return 2 * sum + 12;
    default: return 2 * sum + 2;
  }
}

static bool occurs(const cx_pat *p, int var) {
  if (!p) return false;
  if (p->op == OP_none) return p->var == var;
  for (int i = 0; i < p->nargs; i++)
    if (occurs(p->arg[i], var)) return true;
  return false;
}

static void test_rule(cx_ctx *c, const cx_rule *r) {
  static const double constant[] = {2, 3, -2, 0.5, 1.7, -1.3, 1, 4, 5, -3, 0.25, 7, -4, 10};
  cx_arena *a = cx_arena_new(c);
  cx_graph *g = cx_graph_new(c, a);
  double number[CX_RULE_VARS * KINDS], leaf[CX_RULE_VARS * KINDS], *value[CX_RULE_VARS * KINDS];
  for (int i = 0; i < CX_RULE_VARS * KINDS; i++) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_INPUT);
    e->lo = kind[i % KINDS].lo, e->hi = kind[i % KINDS].hi, e->integer = kind[i % KINDS].integer;
    value[i] = &number[i];
  }
  int fired = 0, compared = 0, sharp = 0;
  for (int trial = 0; trial < 4000 && (fired < 60 || compared < 200); trial++) {
    const cx_node *bind[CX_RULE_VARS];
    int chosen[CX_RULE_VARS];
    for (int v = 0; v < CX_RULE_VARS; v++) {
      bool is_const = v == 'c' - 'a' || v >= 26;
      chosen[v] = occurs(r->cond, v) || unit() < 0.3 ? (int)(bits() % KINDS) : 0;
      bind[v] = is_const ? cx_const(g, constant[bits() % (sizeof constant / sizeof *constant)])
                         : cx_load(g, (uint32_t)(v * KINDS + chosen[v]), NULL, 0);
    }
    if (r->cond && !cx_pat_prove(g, r->cond, bind)) continue;
    const cx_node *lhs = cx_pat_build(g, r->lhs, bind, true), *rhs = cx_pat_build(g, r->rhs, bind, true);
    const cx_node *got = cx_rule_apply(g, r, (cx_op)lhs->op, lhs->arg, lhs->nargs);
    if (!got) continue;
    if (fired++ == 0)
      if (cx_opn(g, (cx_op)lhs->op, lhs->arg, lhs->nargs) == lhs) {
        check_failed++;
        fprintf(stderr, "%s: cx_opn leaves the left side as it is\n", r->name);
      }
    for (int i = 0; i < CX_RULE_VARS * KINDS; i++) leaf[i] = (double)(2 + bits() % 60);
    check_count++;
    if (!(measure(got, leaf) < measure(lhs, leaf))) {
      check_failed++;
      fprintf(stderr, "%s: the measure does not shrink: %s to %s\n", r->name, cx_node_text(g, a, lhs),
              cx_node_text(g, a, got));
      break;
    }
    for (int s = 0; s < 8; s++) {
      bool moderate = s < 5;
      for (int v = 0; v < CX_RULE_VARS; v++) number[v * KINDS + chosen[v]] = sample(chosen[v], moderate);
      double x = cx_ref_node(g, lhs, NULL, value), y = cx_ref_node(g, rhs, NULL, value),
             z = cx_ref_node(g, got, NULL, value);
      check_count++;
      bool zero = false;
      for (int v = 0; v < CX_RULE_VARS; v++)
        if (occurs(r->lhs, v) && bind[v]->op == OP_load && number[v * KINDS + chosen[v]] == 0) zero = true;
      bool bad = false;
      if (isfinite(x) && moderate && !(isfinite(y) && isfinite(z))) bad = true;
      if (isnan(x) && moderate && !zero && !isnan(y) && !extreme(g, lhs, value))
        bad = true; /* an undefined value must not look like a number */
      if (isfinite(x) && isfinite(y) && isfinite(z)) {
        double tol = 8 * (spread(lhs, value, x) + spread(rhs, value, y)) + 1e-300;
        if (!isfinite(tol) || (!moderate && (tol > 1e-3 * fabs(x) || extreme(g, lhs, value) || extreme(g, rhs, value))))
          continue;
        if (subnormal(g, lhs, value) || subnormal(g, rhs, value)) continue;
        compared++;
        sharp += tol < 1e-9 * fabs(x) || (x == 0 && tol < 1e-12);
        bad |= fabs(x - y) > tol || fabs(x - z) > tol + 8 * spread(got, value, z);
      }
      if (bad) {
        check_failed++;
        fprintf(stderr, "%s: %s = %.17g but %s = %.17g, built %s = %.17g, at", r->name, cx_node_text(g, a, lhs), x,
                cx_node_text(g, a, rhs), y, cx_node_text(g, a, got), z);
        for (int v = 0; v < CX_RULE_VARS; v++)
          if (occurs(r->lhs, v) && bind[v]->op == OP_load)
            fprintf(stderr, " %c = %.17g", 'a' + v, number[v * KINDS + chosen[v]]);
        fprintf(stderr, "\n");
        trial = 4000;
        break;
      }
    }
  }
  check_count++;
  if (fired == 0 || compared < 20 || sharp < compared / 4) {
    check_failed++;
    fprintf(stderr, "%s: fired %d times, %d values compared, %d of them sharply\n", r->name, fired, compared, sharp);
  }
  cx_arena_free(a);
}

/* ---- forms: what a text over x, y, z becomes ---- */
static char *form(const char *text) {
  static const char *const name[] = {"x", "y", "z", "n", "b", "p"};
  cx_arena *a = cx_ctx_arena(ctx);
  cx_graph *g = cx_graph_new(ctx, a);
  const cx_node *v[6];
  for (int i = 0; i < 6; i++) {
    cx_eq *e = cx_eq_new(g, cx_intern_z(ctx, name[i]), EQ_INPUT);
    if (i == 3) e->integer = true;
    if (i == 4) e->integer = true, e->lo = 0, e->hi = 1;
    if (i == 5) e->lo = 0;
    v[i] = cx_load(g, e->id, NULL, 0);
  }
  return cx_node_text(g, a, cx_rule_expr(g, text, name, v, 6));
}

/* the left text becomes what the right text becomes, and that is as short as it stands */
#define SAME(l, r) CHECK_STR(form(l), form(r))

static void test_forms(void) {
  SAME("x + x", "2 * x");
  SAME("x + y + x", "2 * x + y");
  SAME("x + y - x", "y");
  SAME("3 * x - 2 * x", "x");
  SAME("(x + y + 1) + (x + y + 1)", "2 * (x + y + 1)");
  SAME("-(x + y) - (x + y)", "-2 * (x + y)");
  SAME("x * y + y * x", "2 * (x * y)");
  SAME("(x * y) / x", "y");
  SAME("x * (y / x)", "y");
  SAME("(x + 1) - (x - 1)", "2");
  SAME("2 * (x * 3) / 6", "x");
  SAME("(-x) * (-y)", "x * y");
  SAME("x^2 / x", "x");
  SAME("exp(x) * y * exp(z)", "y * exp(x + z)");
  SAME("exp(x - y) / exp(z - y)", "exp(x - z)");
  SAME("1 / (1 + exp(-x))", "logistic(x)");
  SAME("exp(x) / (1 + exp(x))", "logistic(x)");
  SAME("log(1 + exp(x))", "softplus(x)");
  SAME("log(1 / (1 + exp(-x)))", "-softplus(-x)");
  SAME("log(1 - 1 / (1 + exp(-x)))", "-softplus(x)");
  SAME("log(exp(x) * y)", "x + log(y)");
  SAME("log(exp(x) / (exp(y) * p))", "x - y - log(p)");
  SAME("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)");
  SAME("sin(x)^2 + cos(x)^2", "1");
  SAME("cos(-x) - sin(-x)", "cos(x) + sin(x)");
  SAME("sqrt(x^2)", "abs(x)");
  SAME("abs(x^2)", "x^2");
  SAME("abs(exp(x))", "exp(x)");
  SAME("sqrt(p) * sqrt(p)", "p");
  SAME("exp(log(p))", "p");
  SAME("log(p^3)", "3 * log(p)");
  SAME("x^1.5", "x * sqrt(x)");
  SAME("floor(n + 2)", "n + 2");
  SAME("b * log(1 / (1 + exp(-x))) + (1 - b) * log(1 - 1 / (1 + exp(-x)))", "-softplus(if b then -x else x)");
  SAME("if not b then x else y", "if b then y else x");
  SAME("max(x, max(x, y))", "max(x, y)");
  SAME("max(p, 0)", "p");
  SAME("erfc(-x) - 1", "-(1 - erfc(-x))");
  CHECK_STR(form("exp(log(x))"), "exp(log(x))"); /* log of a negative stays undefined */
  CHECK_STR(form("sqrt(x) * sqrt(x)"), form("sqrt(x)^2"));
  CHECK(strstr(form("sqrt(x) * sqrt(x)"), "sqrt") != NULL);
  CHECK(strcmp(form("1e-200 * (1e-200 * x)"), "0") != 0); /* the product of the constants is 0 */
}

/* repeated squaring is a tree of 2^60 nodes, though a graph of 60 */
static void test_sharing(void) {
  cx_graph *g = cx_graph_new(ctx, cx_ctx_arena(ctx));
  cx_eq *e = cx_eq_new(g, NULL, EQ_INPUT);
  const cx_node *x = cx_load(g, e->id, NULL, 0), *s = x;
  for (int i = 0; i < 60; i++) s = cx_op2(g, OP_add, cx_op2(g, OP_mul, s, s), cx_op2(g, OP_div, s, x));
  CHECK(s != NULL);
  s = x; /* and a long chain is not too deep */
  for (int i = 0; i < 20000; i++) s = cx_op2(g, OP_mul, cx_op1(g, OP_sin, s), x);
  CHECK(s != NULL);
}

static void tests(void) {
  cx_graph *g = cx_graph_new(ctx, cx_ctx_arena(ctx));
  const cx_rules *r = cx_rules_get(g);
  for (int i = 0; i < r->n; i++) {
    for (int j = 0; j < i; j++) CHECK(strcmp(r->rule[i].name, r->rule[j].name) != 0);
    test_rule(ctx, &r->rule[i]);
  }
  test_forms();
  test_sharing();
}

int main(void) { return in_context(tests); }
