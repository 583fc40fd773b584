/* explain.c - a derivative step by step, as a person writes it: the rule, its parts, the result; an integral by the
 * antiderivatives that give it.
 *
 * The expression is walked as it was written, so that its own functions and names appear; every result is a node of an
 * equation graph, so that the simplification rules and the table of ops are the ones the compiler itself uses. */
#include "run/explain.h"

#include <string.h>

#include "ir/ir.h"
#include "ir/rule.h"
#include "pass/integral.h"
#include "pass/pass.h"

typedef struct scope {
  cx_sym name;
  const cx_node *v;
  struct scope *up;
} scope;
typedef struct {
  cx_ctx *ctx;
  cx_arena *a;
  cx_graph *g;
  const cx_ast *program;
  CX_VEC(char) out;
  int indent, depth, calls;
} explain;

static void line(explain *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(explain *x, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *s = cx_vformat(x->a, fmt, ap);
  va_end(ap);
  for (int k = 0; k < x->indent * 2; k++) *CX_PUSH(x->a, x->out) = ' ';
  for (; *s; s++) *CX_PUSH(x->a, x->out) = *s;
  *CX_PUSH(x->a, x->out) = '\n';
}
/* shown as a person writes it: u * u as u^2 */
static const cx_node *shown(void *user, cx_graph *g, const cx_node *n) {
  (void)user;
  if (n->op != OP_mul || n->arg[0] != n->arg[1] || n->arg[0]->op == OP_const) return n;
  const cx_node *a[2] = {n->arg[0], cx_const(g, 2)};
  return cx_raw(g, OP_pow, a, 2);
}
static const char *text(explain *x, const cx_node *n) {
  return cx_node_text(x->g, x->a, cx_rewrite(x->g, n, shown, NULL));
}

_Noreturn static void refuse(explain *x, const cx_ast *e, const char *what) {
  int id = cx_error(x->ctx, e->span, "%s cannot be explained step by step", what);
  cx_diag_help(x->ctx, id, "explain takes scalar expressions: arithmetic, functions, if, sums with a given range");
  cx_throw(x->ctx, CX_E_PROGRAM);
}

static const cx_ast *function(explain *x, cx_sym name) {
  for (int k = x->program ? x->program->nkid - 1 : -1; k >= 0; k--)
    if (x->program->kid[k]->kind == S_DEF_FUN && x->program->kid[k]->name == name) return x->program->kid[k];
  return NULL;
}
static const cx_ast *definition(explain *x, cx_sym name) {
  for (int k = x->program ? x->program->nkid - 1 : -1; k >= 0; k--)
    if (x->program->kid[k]->kind == S_DEF && x->program->kid[k]->name == name) return x->program->kid[k];
  return NULL;
}

static const cx_node *leaf(explain *x, cx_sym name) {
  for (int k = 0; k < x->g->neq; k++)
    if (x->g->eq[k]->name == name) return cx_load(x->g, (uint32_t)k, NULL, 0);
  return cx_load(x->g, cx_eq_new(x->g, name, EQ_INPUT)->id, NULL, 0);
}

static cx_op op_of(const cx_ast *e) {
  if (e->kind == A_UNARY) return e->op == T_MINUS ? OP_neg : e->op == T_NOT ? OP_not : OP_none;
  bool swap;
  if (e->kind == A_BINARY) return cx_token_op(e->op, &swap);
  if (e->kind == A_CALL) return (cx_op)cx_op_find(e->name, e->nkid);
  if (e->kind == A_IF) return OP_select;
  return OP_none;
}

/* ---- values ---- */
static const cx_node *value(explain *x, const cx_ast *e, scope *s) {
  if (++x->depth > 500) refuse(x, e, "so deep an expression");
  const cx_node *v = NULL, *arg[8];
  const cx_ast *f;
  switch (e->kind) {
    case A_NUM: v = cx_const(x->g, e->num); break;
    case A_NAME: {
      for (scope *p = s; p && !v; p = p->up)
        if (p->name == e->name) v = p->v;
      if (!v && !strcmp(e->name, "pi")) v = cx_const(x->g, 3.14159265358979323846);
      if (!v && definition(x, e->name)) v = value(x, definition(x, e->name)->kid[0], NULL);
      if (!v) v = leaf(x, e->name);
      break;
    }
    case A_COMPARE:
      if (e->nkid == 2) {
        bool swap;
        cx_op o = cx_token_op(e->ops[0], &swap);
        const cx_node *p = value(x, e->kid[0], s), *q = value(x, e->kid[1], s);
        v = swap ? cx_op2(x->g, o, q, p) : cx_op2(x->g, o, p, q);
        break;
      }
      refuse(x, e, "this comparison");
    case A_CALL:
      f = function(x, e->name);
      if (f && !e->primes) {
        if (f->nkid - 1 != e->nkid || ++x->calls > 100) refuse(x, e, "this call");
        scope *in = NULL;
        for (int k = 0; k < e->nkid; k++) {
          scope *p = CX_NEW(x->a, scope);
          *p = (scope){f->kid[k + 1]->name, value(x, e->kid[k], s), in};
          in = p;
        }
        v = value(x, f->kid[0], in);
        x->calls--;
        break;
      }
      /* fall through */
    default: {
      if (e->kind == A_UNARY && e->op == T_PLUS) {
        v = value(x, e->kid[0], s);
        break;
      }
      cx_op o = op_of(e);
      if (o == OP_none || e->nkid > 3 || e->primes) refuse(x, e, "this");
      for (int k = 0; k < e->nkid; k++) arg[k] = value(x, e->kid[k], s);
      v = cx_opn(x->g, o, arg, e->nkid);
    }
  }
  x->depth--;
  return v;
}

/* ---- derivatives ---- */
typedef struct {
  cx_sym var;
  const cx_node *leaf;
} by;

static bool depends(const explain *x, const cx_node *n, const cx_node *leaf_node) {
  if (n == leaf_node) return true;
  for (int k = 0; k < n->nargs; k++)
    if (depends(x, n->arg[k], leaf_node)) return true;
  return false;
}

static const cx_node *diff(explain *x, const cx_ast *e, scope *s, by b);

/* f(t) of f(x) = ..: the body, with t for x */
static const cx_node *opened(explain *x, const cx_ast *f, by b) {
  scope only = {f->kid[1]->name, b.leaf, NULL};
  line(x, "%s(%s) = %s", f->name, b.var, text(x, value(x, f->kid[0], &only)));
  return diff(x, f->kid[0], &only, b);
}

/* f(u1, ..): the partial derivatives of the body, at the arguments */
static const cx_node *through_function(explain *x, const cx_ast *e, const cx_ast *f, scope *s, by b) {
  int n = e->nkid;
  scope *in = NULL, *at = CX_NEW_N(x->a, scope, n + 1);
  const cx_node *sum = NULL;
  const char *formula = "";
  for (int k = 0; k < n; k++) {
    cx_sym p = f->kid[k + 1]->name;
    at[k] = (scope){p, leaf(x, cx_intern_z(x->ctx, p == b.var ? cx_format(x->a, "%s_", p) : p)), in};
    in = &at[k];
  }
  const char *where = "";
  for (int k = 0; k < n; k++) {
    const cx_node *u = value(x, e->kid[k], s);
    if (!depends(x, u, b.leaf)) continue;
    formula = cx_format(x->a, "%s%sd%s/d%s * d%s/d%s", formula, *formula ? " + " : "", f->name, text(x, at[k].v),
                        text(x, at[k].v), b.var);
    where = cx_format(x->a, "%s%s%s = %s", where, *where ? ", " : "", text(x, at[k].v), text(x, u));
  }
  line(x, "chain rule: %s, at %s", formula, where);
  for (int k = 0; k < n; k++) {
    const cx_node *u = value(x, e->kid[k], s);
    if (!depends(x, u, b.leaf)) continue;
    by inner = {cx_intern_z(x->ctx, text(x, at[k].v)), at[k].v};
    line(x, "d%s/d%s of %s(..) = %s:", f->name, inner.var, f->name, text(x, value(x, f->kid[0], in)));
    x->indent++;
    const cx_node *outer = diff(x, f->kid[0], in, inner);
    x->indent--;
    line(x, "d%s/d%s of %s = %s:", inner.var, b.var, inner.var, text(x, u));
    x->indent++;
    const cx_node *du = diff(x, e->kid[k], s, b);
    x->indent--;
    /* the partial derivative, read at the arguments */
    for (int j = 0; j < n; j++) {
      const cx_node *v = value(x, e->kid[j], s);
      outer = cx_exchange(x->g, outer, at[j].v, v);
    }
    const cx_node *term = cx_op2(x->g, OP_mul, outer, du);
    sum = sum ? cx_op2(x->g, OP_add, sum, term) : term;
  }
  return sum ? sum : cx_const(x->g, 0);
}

/* the op's own derivative, in terms of u */
static const cx_node *rule_of(explain *x, cx_op o) {
  const cx_node *u = leaf(x, cx_intern_z(x->ctx, "u")), *d = cx_op_diff(x->g, o, 0, &u);
  return d ? d : cx_const(x->g, 0);
}

static const cx_node *diff_op(explain *x, const cx_ast *e, cx_op o, scope *s, by b) {
  const cx_node *arg[3], *d[3] = {NULL}, *sum = NULL;
  const char *var = b.var;
  int moving = 0;
  for (int k = 0; k < e->nkid; k++) {
    arg[k] = value(x, e->kid[k], s);
    moving += depends(x, arg[k], b.leaf);
  }
  const char *t[3] = {"", "", ""};
  for (int k = 0; k < e->nkid; k++) t[k] = text(x, arg[k]);
  bool both = moving > 1;
  switch (o) {
    case OP_add:
    case OP_sub: line(x, "sum rule: the derivative goes into each term"); break;
    case OP_neg: line(x, "constant factor: (-u)' = -u'"); break;
    case OP_mul:
      line(x, both ? "product rule: (u v)' = u' v + u v', u = %s, v = %s" : "constant factor: (c u)' = c u', u = %s%s",
           both || depends(x, arg[0], b.leaf) ? t[0] : t[1], both ? t[1] : "");
      break;
    case OP_div:
      line(x,
           both || !depends(x, arg[0], b.leaf) ? "quotient rule: (u / v)' = (u' - u / v * v') / v, u = %s, v = %s"
                                               : "constant divisor: (u / c)' = u' / c, u = %s, c = %s",
           t[0], t[1]);
      break;
    case OP_pow:
      if (!depends(x, arg[1], b.leaf)) line(x, "power rule: (u^n)' = n u^(n - 1) u', u = %s, n = %s", t[0], t[1]);
      else if (!depends(x, arg[0], b.leaf)) line(x, "exponential: (a^u)' = a^u log(a) u', a = %s, u = %s", t[0], t[1]);
      else line(x, "general power: (u^v)' = v u^(v - 1) u' + u^v log(u) v', u = %s, v = %s", t[0], t[1]);
      break;
    case OP_select: line(x, "piecewise: each branch on its own; the border itself does not count"); break;
    default:
      if (e->nkid == 1)
        line(x, "chain rule: %s(u)' = %s * u', u = %s", cx_ops[o].name,
             cx_ops[o].diff[0] ? text(x, rule_of(x, o)) : "0", t[0]);
      else line(x, "chain rule over the arguments of %s", cx_ops[o].name);
  }
  x->indent++;
  for (int k = 0; k < e->nkid; k++) {
    if (!depends(x, arg[k], b.leaf) || (o == OP_select && k == 0)) continue;
    if (e->kid[k]->kind == A_NAME && arg[k] == b.leaf) d[k] = cx_const(x->g, 1);
    else {
      line(x, "d/d%s %s:", var, t[k]);
      x->indent++;
      d[k] = diff(x, e->kid[k], s, b);
      x->indent--;
    }
  }
  x->indent--;
  for (int k = 0; k < e->nkid; k++) {
    if (!d[k]) continue;
    const cx_node *p = cx_op_diff(x->g, o, k, arg);
    if (!p) refuse(x, e, cx_ops[o].nodiff ? cx_ops[o].nodiff : "this op");
    p = cx_op2(x->g, OP_mul, p, d[k]);
    sum = sum ? cx_op2(x->g, OP_add, sum, p) : p;
  }
  return sum ? sum : cx_const(x->g, 0);
}

static const cx_node *diff(explain *x, const cx_ast *e, scope *s, by b) {
  const cx_node *v = value(x, e, s), *r;
  if (v == b.leaf) {
    line(x, "= 1, the variable itself");
    return cx_const(x->g, 1);
  }
  if (!depends(x, v, b.leaf)) {
    line(x, "= 0, it does not depend on %s", b.var);
    return cx_const(x->g, 0);
  }
  const cx_ast *f = e->kind == A_CALL ? function(x, e->name) : NULL;
  /* what is only another word for an expression: that one says what came out */
  if (e->kind == A_NAME && definition(x, e->name)) return diff(x, definition(x, e->name)->kid[0], NULL, b);
  if (e->kind == A_UNARY && e->op == T_PLUS) return diff(x, e->kid[0], s, b);
  if (f && !e->primes && e->nkid == 1 && value(x, e->kid[0], s) == b.leaf) return opened(x, f, b);
  if (f && !e->primes) r = through_function(x, e, f, s, b);
  else {
    cx_op o = op_of(e);
    if (o == OP_none) refuse(x, e, "this");
    r = diff_op(x, e, o, s, b);
  }
  line(x, "= %s", text(x, r));
  return r;
}

/* d(integral, t): Leibniz's rule with its terms, each as a person writes it; their sum is what `print` computes */
static const cx_ast *integral_of(explain *x, const cx_ast *e, cx_sym *var) { /* *var: what it is called there */
  for (int depth = 0; depth < 100; depth++) {
    if (e->kind == A_BINDER && !strcmp(e->name, "integral")) return e;
    const cx_ast *f = e->kind == A_CALL && !e->primes && e->nkid == 1 ? function(x, e->name) : NULL;
    if (f && (f->nkid != 2 || e->kid[0]->kind != A_NAME || e->kid[0]->name != *var)) return NULL;
    if (f) *var = f->kid[1]->name;
    else if (e->kind == A_NAME) f = definition(x, e->name);
    if (!f) return NULL;
    e = f->kid[0];
  }
  return NULL;
}
static bool jumps(const cx_ast *e) {
  bool any = e->kind == A_IF || e->kind == A_COMPARE;
  for (int k = 0; k < e->nkid && !any; k++) any = e->kid[k] && jumps(e->kid[k]);
  return any;
}
static void leibniz(explain *x, const cx_ast *e, const char *t) {
  const cx_ast *bind = e->kid[0], *range = bind->nkid ? bind->kid[0] : NULL, *body = e->kid[e->nkid - 1];
  if (e->nbind != 1 || !range || range->nkid < 2) refuse(x, e, "the derivative of an integral over several variables");
  const char *f = cx_ast_text(x->a, body), *v = bind->name;
  line(x, "%s", cx_ast_text(x->a, e));
  line(x, "Leibniz's rule, the sum of:");
  x->indent++;
  line(x, "under the integral: integral(%s in %s: d(%s, %s))", v, cx_ast_text(x->a, range), f, t);
  for (int k = 1; k >= 0; k--) {
    const char *end = cx_ast_text(x->a, range->kid[k]);
    if (range->kid[k]->kind == A_NUM || !strcmp(end, "inf") || !strcmp(end, "-inf")) continue; /* it does not move */
    line(x, "the %s end: %s(%s at %s = %s) * d(%s, %s)", k ? "upper" : "lower", k ? "" : "-", f, v, end, end, t);
  }
  if (jumps(body))
    line(x,
         "jumps: where a condition u < 0 changes sign at %s = r, the integrand before less that behind, times dr/d%s",
         v, t);
  x->indent--;
}

/* ---- integrals: the antiderivatives that give it ---- */
static uint32_t calc(explain *x, const cx_node *body) {
  cx_eq *e = cx_eq_new(x->g, NULL, EQ_CALC);
  e->body = body;
  return e->id;
}
static void antiderivatives(explain *x, const cx_ast *e) {
  const cx_ast *bind = e->kid[0], *range = bind->nkid ? bind->kid[0] : NULL, *body = e->kid[e->nkid - 1];
  if (e->nbind != 1 || !range || range->nkid < 2) refuse(x, e, "an integral over several variables");
  cx_graph *g = x->g;
  cx_eq *v = cx_eq_new(g, NULL, EQ_INPUT), *f = cx_eq_new(g, NULL, EQ_CALC), *I = cx_eq_new(g, NULL, EQ_PRIM);
  const cx_node *k = cx_index(g, 0);
  v->node = true;
  v->rank = f->rank = 1;
  v->dim[0] = f->dim[0] = (cx_dim){CX_NODES, NULL};
  scope s = {bind->name, cx_load(g, v->id, &k, 1), NULL};
  f->body = value(x, body, &s);
  I->prim = &cx_prim_integral;
  I->nprim_arg = CX_INTEGRAL_TOL + 1;
  I->prim_arg[CX_INTEGRAL_F] = f->id, I->prim_arg[CX_INTEGRAL_X] = v->id;
  for (int side = 0; side < 2; side++)
    I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO] = calc(x, value(x, range->kid[side], NULL));
  I->prim_arg[CX_INTEGRAL_TOL] = calc(x, cx_const(g, 1e-10));
  cx_graph_output(g, I->id);
  cx_prepare(g);
  cx_anti_step step[16];
  int n = cx_anti_how(g, I->id, step, 16);
  cx_pass_simplify(g);
  line(x, "%s", cx_ast_text(x->a, e));
  x->indent++;
  if (!n) {
    line(x, "no antiderivative that keeps its digits is known: by quadrature");
    return;
  }
  line(x, "u stands for a * %s + b, s for a * v^2 + k with v = %s - m", bind->name, bind->name);
  for (int j = 0; j < n; j++)
    line(x, "rule %s: the antiderivative of %s is %s", step[j].name, step[j].integrand, step[j].antiderivative);
  if (g->eq[I->id]->body->op == OP_const) line(x, "result: %s", text(x, g->eq[I->id]->body));
  else line(x, "at the ends, in a form that does not cancel; by quadrature where its condition does not hold");
}

static bool by_var(const cx_ast *e, cx_sym var) { /* d(.., var) */
  return e->kind == A_CALL && !strcmp(e->name, "d") && e->nkid == 2 && e->kid[1]->kind == A_NAME &&
         e->kid[1]->name == var;
}

static void derivative(explain *x, const cx_ast *e) {
  if (e->kind == A_AT) e = e->kid[0];
  const cx_ast *body = NULL;
  cx_sym var = NULL;
  int order = 1;
  if (e->kind == A_CALL && e->primes && e->nkid == 1) {
    cx_ast *call = CX_NEW(x->a, cx_ast);
    *call = *e;
    call->primes = 0;
    order = e->primes;
    body = call;
    if (e->kid[0]->kind != A_NAME) refuse(x, e->kid[0], "a derivative at something that is no name");
    var = e->kid[0]->name;
  } else if (e->kind == A_CALL && e->nkid == 2 && by_var(e, e->kid[1]->name)) {
    body = e->kid[0];
    var = e->kid[1]->name;
    for (; by_var(body, var); body = body->kid[0]) order++; /* d(d(e, x), x) */
  } else {
    refuse(x, e, "what is neither a derivative, f'(x) or d(e, x), nor an integral");
  }
  by b = {var, leaf(x, var)};
  scope s = {var, b.leaf, NULL};
  const cx_node *r = NULL;
  line(x, "d/d%s %s", var, cx_ast_text(x->a, body));
  x->indent++;
  cx_sym there = var;
  const cx_ast *inner = integral_of(x, body, &there);
  if (inner) {
    if (order > 1) refuse(x, e, "a higher derivative of an integral");
    leibniz(x, inner, there);
    return;
  }
  r = diff(x, body, &s, b);
  for (int k = 1; k < order; k++) {
    uint32_t of = cx_eq_new(x->g, NULL, EQ_CALC)->id;
    x->g->eq[of]->body = r;
    uint32_t d = cx_diff_forward(x->g, of, b.leaf->u.eq, 0);
    r = x->g->eq[d]->body;
    line(x, "once more, by the same rules: %s", text(x, r));
  }
  x->indent--;
  line(x, "result: %s", text(x, r));
}

char *cx_explain(cx_ctx *c, cx_arena *a, const cx_ast *program, const cx_ast *e) {
  explain x = {.ctx = c, .a = a, .g = cx_graph_new(c, a), .program = program};
  cx_sym var = NULL;
  if (e->kind == A_CALL && e->nkid == 1 && e->kid[0]->kind == A_NAME) var = e->kid[0]->name;
  const cx_ast *integral = integral_of(&x, e, &var);
  if (integral) antiderivatives(&x, integral);
  else derivative(&x, e);
  *CX_PUSH(a, x.out) = 0;
  return x.out.at;
}
