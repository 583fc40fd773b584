/* rule.c - scalar calx text to nodes. The parser is that of the language; what follows it is a small evaluator of
 * its tree in which every value is a node. */
#include "ir/rule.h"
#include "front/ast.h"
#include "ir/graph_int.h"
#include <math.h>
#include <string.h>

typedef struct {
  const char *text;
  uint32_t hash;
  const cx_ast *tree;
} parsed;
struct cx_rule_cache {
  parsed *slot;
  int n, cap;
}; /* open addressing by text */

typedef struct {
  cx_graph *g;
  const char *const *name;
  const cx_node *const *value;
  int n;
} scope;

_Noreturn static void fail(scope *s, const cx_ast *e, const char *what) {
  cx_error(s->g->ctx, e->span, "a rule cannot use %s", what);
  cx_throw(s->g->ctx, CX_E_PROGRAM);
}

static uint32_t text_hash(const char *s) { /* FNV-1a */
  uint32_t h = 2166136261u;
  for (; *s; s++) h = (h ^ (uint8_t)*s) * 16777619u;
  return h;
}

static parsed *place(const struct cx_rule_cache *c, const char *text, uint32_t hash) {
  int i = (int)(hash & (uint32_t)(c->cap - 1));
  while (c->slot[i].text && (c->slot[i].hash != hash || strcmp(c->slot[i].text, text) != 0)) i = (i + 1) & (c->cap - 1);
  return &c->slot[i];
}

static const cx_ast *parse(cx_graph *g, const char *text) {
  struct cx_rule_cache *c = g->hash->rules;
  if (!c) {
    c = CX_NEW(g->arena, struct cx_rule_cache);
    c->cap = 128;
    c->slot = CX_NEW_N(g->arena, parsed, c->cap);
    g->hash->rules = c;
  }
  uint32_t hash = text_hash(text);
  parsed *p = place(c, text, hash);
  if (p->text) return p->tree;
  int before = cx_error_count(g->ctx);
  const cx_ast *tree = cx_parse_expr(g->ctx, g->arena, cx_source_add(g->ctx, "rule", text, strlen(text)));
  if (cx_error_count(g->ctx) > before) cx_throw(g->ctx, CX_E_PROGRAM);
  if (2 * (c->n + 1) > c->cap) {
    struct cx_rule_cache old = *c;
    c->slot = CX_NEW_N(g->arena, parsed, 2 * old.cap); /* may throw: cap stays right */
    c->cap = 2 * old.cap;
    for (int i = 0; i < old.cap; i++)
      if (old.slot[i].text) *place(c, old.slot[i].text, old.slot[i].hash) = old.slot[i];
    p = place(c, text, hash);
  }
  const char *own = cx_strdup(g->arena, text, strlen(text));
  *p = (parsed){own, hash, tree};
  c->n++;
  return tree;
}

static const cx_node *build(scope *s, const cx_ast *e);

static const cx_node *name(scope *s, const cx_ast *e) {
  for (int i = 0; i < s->n; i++)
    if (!strcmp(s->name[i], e->name)) return s->value[i];
  if (!strcmp(e->name, "pi")) return cx_const(s->g, 3.14159265358979323846);
  if (!strcmp(e->name, "inf")) return cx_const(s->g, INFINITY);
  if (!strcmp(e->name, "nan")) return cx_const(s->g, NAN);
  fail(s, e, "this name");
}

cx_op cx_token_op(uint8_t tok, bool *swap) {
  *swap = tok == T_GT || tok == T_GE;
  switch (tok) {
    case T_PLUS: return OP_add;
    case T_MINUS: return OP_sub;
    case T_STAR: return OP_mul;
    case T_SLASH: return OP_div;
    case T_CARET: return OP_pow;
    case T_AND: return OP_and;
    case T_OR: return OP_or;
    case T_LT:
    case T_GT: return OP_lt;
    case T_LE:
    case T_GE: return OP_le;
    case T_EQ: return OP_eq;
    case T_NE: return OP_ne;
    default: return OP_none;
  }
}

static const cx_node *infix(scope *s, const cx_ast *e, uint8_t tok, const cx_node *x, const cx_node *y) {
  bool swap;
  cx_op op = cx_token_op(tok, &swap);
  if (op == OP_none) fail(s, e, "this operator");
  return swap ? cx_op2(s->g, op, y, x) : cx_op2(s->g, op, x, y);
}

static const cx_node *build(scope *s, const cx_ast *e) {
  cx_graph *g = s->g;
  switch (e->kind) {
    case A_NUM: return cx_const(g, e->num);
    case A_NAME: return name(s, e);
    case A_UNARY: {
      const cx_node *x = build(s, e->kid[0]);
      return e->op == T_MINUS ? cx_op1(g, OP_neg, x) : e->op == T_NOT ? cx_op1(g, OP_not, x) : x;
    }
    case A_BINARY: {
      const cx_node *x = build(s, e->kid[0]);
      return infix(s, e, e->op, x, build(s, e->kid[1]));
    }
    case A_COMPARE: {
      const cx_node *r = NULL, *x = build(s, e->kid[0]);
      for (int i = 1; i < e->nkid; i++) {
        const cx_node *y = build(s, e->kid[i]), *one = infix(s, e, e->ops[i - 1], x, y);
        r = r ? cx_op2(g, OP_and, r, one) : one;
        x = y;
      }
      return r;
    }
    case A_IF: {
      const cx_node *c = build(s, e->kid[0]), *a = build(s, e->kid[1]);
      return cx_op3(g, OP_select, c, a, build(s, e->kid[2]));
    }
    case A_CALL: {
      const cx_node *arg[3];
      int op = e->nkid <= 3 && !e->primes ? cx_op_find(e->name, e->nkid) : OP_none;
      if (op == OP_none) fail(s, e, "this function");
      for (int i = 0; i < e->nkid; i++) arg[i] = build(s, e->kid[i]);
      return cx_opn(g, op, arg, e->nkid);
    }
    default: fail(s, e, "this construct");
  }
}

const cx_node *cx_rule_expr(cx_graph *g, const char *text, const char *const *names, const cx_node *const *values,
                            int n) {
  scope s = {g, names, values, n};
  return build(&s, parse(g, text));
}

const cx_node *cx_op_diff(cx_graph *g, cx_op op, int k, const cx_node *const *arg) {
  static const char *const xyz[3] = {"x", "y", "z"};
  const cx_op_info *o = &cx_ops[op];
  if (o->diff[k]) return cx_rule_expr(g, o->diff[k], xyz, arg, o->arity);
  return (o->facts & F_STEP) ? cx_const(g, 0) : NULL;
}
