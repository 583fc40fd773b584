/* pattern.c - rules.def compiled once a context by the parser of the language, and matched.
 *
 * Matching carries its remaining goals as a list on the C stack, so that a commutative op can try both orders and
 * come back to the other one when a later goal, or the condition, fails. */
#include "ir/pattern.h"
#include "ir/rule.h"
#include "front/ast.h"
#include <math.h>
#include <string.h>

enum { PRED_integer = OP_COUNT + 1, PRED_bool, PRED_normal, PRED_odd, PRED_even };
static const char *const predicate[] = {"integer", "bool", "normal", "odd", "even"};

static const struct {
  const char *name, *text[3];
} source[] = {
#define RULE(name, lhs, rhs, cond) {#name, {lhs, rhs, cond}},
#include "ir/rules.def"
#undef RULE
};
enum { RULES = sizeof source / sizeof *source };

/* ---- compiling ---- */
typedef struct {
  cx_ctx *ctx;
  cx_arena *arena;
} compiler;

_Noreturn static void fail(compiler *k, const cx_ast *e, const char *what) {
  cx_error(k->ctx, e->span, "a rule cannot use %s", what);
  cx_throw(k->ctx, CX_E_PROGRAM);
}

static cx_pat *pattern(compiler *k, uint16_t op, int n, const cx_pat *x, const cx_pat *y, const cx_pat *z) {
  cx_pat *p = CX_NEW(k->arena, cx_pat);
  *p = (cx_pat){.op = op, .nargs = (uint8_t)n, .arg = {x, y, z}};
  return p;
}

static const cx_pat *leaf(compiler *k, const cx_ast *e) {
  cx_pat *p = pattern(k, OP_none, 0, NULL, NULL, NULL);
  const char *s = e->name;
  size_t n = strlen(s);
  if (n == 1 && *s >= 'a' && *s <= 'z') p->var = (uint8_t)(*s - 'a');
  else if (n == 2 && *s == 'c' && s[1] >= '0' && s[1] <= '5') p->var = (uint8_t)(26 + s[1] - '0');
  else if (!strcmp(s, "inf")) p->op = OP_const, p->num = INFINITY;
  else fail(k, e, "this name");
  p->constant = *s == 'c';
  return p;
}

static const cx_pat *compile(compiler *k, const cx_ast *e) {
  bool swap = false;
  switch (e->kind) {
    case A_NUM: {
      cx_pat *p = pattern(k, OP_const, 0, NULL, NULL, NULL);
      p->num = e->num;
      return p;
    }
    case A_NAME: return leaf(k, e);
    case A_UNARY: {
      const cx_pat *x = compile(k, e->kid[0]);
      if (e->op == T_NOT) return pattern(k, OP_not, 1, x, NULL, NULL);
      if (x->op != OP_const) return pattern(k, OP_neg, 1, x, NULL, NULL);
      cx_pat *p = pattern(k, OP_const, 0, NULL, NULL, NULL);
      p->num = -x->num;
      return p;
    }
    case A_BINARY:
    case A_COMPARE: {
      uint16_t op = cx_token_op(e->kind == A_BINARY ? e->op : e->ops[0], &swap);
      if (op == OP_none || e->nkid != 2) fail(k, e, "this operator");
      const cx_pat *x = compile(k, e->kid[0]), *y = compile(k, e->kid[1]);
      return swap ? pattern(k, op, 2, y, x, NULL) : pattern(k, op, 2, x, y, NULL);
    }
    case A_CALL: {
      const cx_pat *arg[3] = {NULL, NULL, NULL};
      if (e->nkid > 3) fail(k, e, "this call");
      for (int i = 0; i < e->nkid; i++) arg[i] = compile(k, e->kid[i]);
      for (size_t i = 0; i < sizeof predicate / sizeof *predicate; i++)
        if (e->nkid == 1 && !strcmp(e->name, predicate[i]))
          return pattern(k, (uint16_t)(PRED_integer + i), 1, arg[0], NULL, NULL);
      int op = cx_op_find(e->name, e->nkid);
      if (op == OP_none) fail(k, e, "this function");
      return pattern(k, (uint16_t)op, e->nkid, arg[0], arg[1], arg[2]);
    }
    default: fail(k, e, "this construct");
  }
}

/* All rules are one array literal, so that they are one source and one parse: [[lhs, rhs, all(cond)], ...]. */
static cx_rules *compile_all(cx_ctx *ctx) {
  compiler k = {ctx, cx_ctx_arena(ctx)};
  cx_buf text = {.arena = k.arena};
  for (int i = 0; i < RULES; i++)
    cx_putf(&text, "%s[%s, %s, %s]\n", i ? ", " : "[", source[i].text[0], source[i].text[1],
            *source[i].text[2] ? source[i].text[2] : "1");
  cx_puts(&text, "]");
  int before = cx_error_count(ctx);
  const cx_ast *all = cx_parse_expr(ctx, k.arena, cx_source_add(ctx, "rules.def", text.at, (size_t)text.n));
  if (cx_error_count(ctx) > before || all->kind != A_ARRAY || all->nkid != RULES) cx_throw(ctx, CX_E_PROGRAM);
  cx_rules *r = CX_NEW(k.arena, cx_rules);
  r->rule = CX_NEW_N(k.arena, cx_rule, RULES);
  r->n = RULES;
  for (int i = 0; i < RULES; i++) {
    cx_ast *const *part = all->kid[i]->kid;
    r->rule[i] = (cx_rule){source[i].name,
                           {source[i].text[0], source[i].text[1], source[i].text[2]},
                           compile(&k, part[0]),
                           compile(&k, part[1]),
                           *source[i].text[2] ? compile(&k, part[2]) : NULL};
    r->n_op[r->rule[i].lhs->op]++;
  }
  for (int op = 0; op < OP_COUNT; op++)
    if (r->n_op[op]) r->by_op[op] = CX_NEW_N(k.arena, int, r->n_op[op]), r->n_op[op] = 0;
  for (int i = 0; i < RULES; i++) {
    int op = r->rule[i].lhs->op;
    r->by_op[op][r->n_op[op]++] = i;
  }
  return r;
}

const cx_rules *cx_rules_get(cx_graph *g) {
  void **slot = cx_ctx_slot(g->ctx, CX_SLOT_RULES);
  if (!*slot) *slot = compile_all(g->ctx);
  return *slot;
}

/* ---- building ---- */
const cx_node *cx_pat_build(cx_graph *g, const cx_pat *p, const cx_node *const *value, bool raw) {
  if (p->op == OP_none) return value[p->var];
  if (p->op == OP_const) return cx_const(g, p->num);
  const cx_node *arg[3];
  for (int i = 0; i < p->nargs; i++) arg[i] = cx_pat_build(g, p->arg[i], value, raw);
  return raw ? cx_raw(g, (cx_op)p->op, arg, p->nargs) : cx_opn(g, (cx_op)p->op, arg, p->nargs);
}

/* ---- proving ---- */
/* x > 0, where an interval that includes its ends cannot say it */
static bool positive(const cx_graph *g, const cx_node *x, int depth) {
  if (x->op == OP_const) return x->u.num > 0;
  if (cx_ops[x->op].facts & F_POS) return true;
  if (depth == 0) return false;
  if (x->op == OP_mul || x->op == OP_div || x->op == OP_add || x->op == OP_max)
    if (positive(g, x->arg[0], depth - 1) && positive(g, x->arg[1], depth - 1)) return true;
  if (x->op == OP_sqrt) return positive(g, x->arg[0], depth - 1);
  return false;
}

bool cx_is_positive(const cx_graph *g, const cx_node *x) { return positive(g, x, 8); }

static bool below(cx_graph *g, const cx_node *x, const cx_node *y, bool strict) {
  if (x == y) return !strict;
  if (strict && cx_is_number(x, 0) && positive(g, y, 4)) return true;
  double hi = x->op == OP_const ? x->u.num : cx_bounds(g, x, NULL).hi;
  if (!(hi < INFINITY)) return !strict && cx_is_number(y, INFINITY);
  double lo = y->op == OP_const ? y->u.num : cx_bounds(g, y, NULL).lo;
  return strict ? hi < lo : hi <= lo;
}

bool cx_pat_prove(cx_graph *g, const cx_pat *c, const cx_node *const *value) {
  if (c->op == OP_and) return cx_pat_prove(g, c->arg[0], value) && cx_pat_prove(g, c->arg[1], value);
  if (c->op == OP_or) return cx_pat_prove(g, c->arg[0], value) || cx_pat_prove(g, c->arg[1], value);
  const cx_node *x = cx_pat_build(g, c->arg[0], value, false), *y = NULL;
  if (c->nargs == 2) y = cx_pat_build(g, c->arg[1], value, false);
  double v = x->op == OP_const ? x->u.num : NAN;
  switch (c->op) {
    case OP_lt: return below(g, x, y, true);
    case OP_le: return below(g, x, y, false);
    case OP_ne: return x->op == OP_const && y->op == OP_const && x->u.num != y->u.num;
    case PRED_normal: return isnormal(v);
    case PRED_odd: return fmod(v, 2) == 1 || fmod(v, 2) == -1;
    case PRED_even: return fmod(v, 2) == 0;
    case PRED_integer: return cx_is_integer(g, x);
    case PRED_bool: {
      if (cx_ops[x->op].facts & F_BOOL) return true;
      if (!cx_is_integer(g, x)) return false;
      cx_interval r = cx_bounds(g, x, NULL);
      return r.lo >= 0 && r.hi <= 1;
    }
    default: return false;
  }
}

/* ---- matching ---- */
typedef struct goal {
  const cx_pat *p;
  const cx_node *n;
  const struct goal *next;
} goal;
typedef struct {
  cx_graph *g;
  const cx_rule *rule;
  const cx_node *value[CX_RULE_VARS];
} matcher;

static bool match(matcher *m, const goal *q);

static bool either_order(uint16_t op) { return (cx_ops[op].facts & F_COMM) || op == OP_min || op == OP_max; }

static bool match_args(matcher *m, const cx_pat *p, const cx_node *const *arg, const goal *next) {
  goal third = {p->arg[2], p->nargs > 2 ? arg[2] : NULL, next};
  const goal *rest = p->nargs > 2 ? &third : next;
  goal one = {p->arg[0], arg[0], rest};
  if (p->nargs == 1) return match(m, &one);
  goal y = {p->arg[1], arg[1], rest}, x = {p->arg[0], arg[0], &y};
  if (match(m, &x)) return true;
  if (!either_order(p->op) || arg[0] == arg[1]) return false;
  y.n = arg[0], x.n = arg[1];
  return match(m, &x);
}

static bool match(matcher *m, const goal *q) {
  if (!q) return !m->rule->cond || cx_pat_prove(m->g, m->rule->cond, m->value);
  const cx_pat *p = q->p;
  const cx_node *n = q->n;
  if (p->op == OP_none) {
    const cx_node **v = &m->value[p->var];
    if (*v) return *v == n && match(m, q->next);
    if (p->constant && n->op != OP_const) return false;
    *v = n;
    if (match(m, q->next)) return true;
    *v = NULL;
    return false;
  }
  if (p->op != n->op) return false;
  if (p->op == OP_const) return n->u.num == p->num && match(m, q->next);
  return match_args(m, p, n->arg, q->next);
}

const cx_node *cx_rule_apply(cx_graph *g, const cx_rule *r, cx_op op, const cx_node *const *arg, int n) {
  matcher m = {.g = g, .rule = r};
  if (r->lhs->op != op || r->lhs->nargs != n || !match_args(&m, r->lhs, arg, NULL)) return NULL;
  return cx_pat_build(g, r->rhs, m.value, false);
}
