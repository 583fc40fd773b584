/* verify.c - every rule of ir.h, checked. Debug builds call it after each pass, so a pass that breaks a rule is the
 * one that is named, not the back end that stumbles over it later. */
#include "ir/graph_int.h"
#include <math.h>
#include <string.h>

#define BAD(...) return cx_format(g->arena, __VA_ARGS__)

static const char *node(const cx_graph *g, uint32_t id) {
  const struct cx_hash *h = g->hash;
  const cx_node *n = h->node.at[id];
  if (n->id != id) BAD("node %u says it is node %u", (unsigned)id, (unsigned)n->id);
  if (n->op <= OP_none || n->op >= OP_COUNT) BAD("node %u has op %d, which does not exist", (unsigned)id, n->op);
  const char *op = cx_ops[n->op].name;
  if (n->op != OP_load && n->nargs != cx_ops[n->op].arity)
    BAD("node %u: %s with %d arguments", (unsigned)id, op, n->nargs);
  if (n->nargs > CX_MAX_RANK) BAD("node %u: a load with %d subscripts", (unsigned)id, n->nargs);
  uint32_t slots = 0;
  bool any = false, load = n->op == OP_load;
  if (n->op == OP_index) {
    if (n->u.i >= 0 && n->u.i < 32) slots = 1u << n->u.i;
    else any = true;
  }
  for (int k = 0; k < n->nargs; k++) {
    const cx_node *x = n->arg[k];
    if (!x) BAD("node %u: argument %d of %s is missing", (unsigned)id, k, op);
    if (x->id >= id) BAD("node %u: argument %d of %s was made after it", (unsigned)id, k, op);
    if (h->node.at[x->id] != x) BAD("node %u: argument %d of %s belongs to another graph", (unsigned)id, k, op);
    slots |= x->free_lo;
    any |= x->any_free;
    load |= x->has_load;
  }
  if (slots != n->free_lo || any != n->any_free || load != n->has_load)
    BAD("node %u: what %s says of its indices and loads is wrong", (unsigned)id, op);
  if (n->hash != cx_node_hash(n->op, n->u.i, n->arg, n->nargs) ||
      cx_node_find(g, n->hash, n->op, n->u.i, n->arg, n->nargs) != n)
    BAD("node %u: %s is not hash-consed, or it was changed after it was made", (unsigned)id, op);
  if (n->nargs >= 2 && (cx_ops[n->op].facts & F_COMM) && cx_comm_before(n->arg[1], n->arg[0]))
    BAD("node %u: the arguments of %s are not in order", (unsigned)id, op);
  return NULL;
}

static const char *dims(const cx_graph *g, const cx_eq *e, const cx_dim *d, int n, const char *what) {
  int64_t count = 1;
  if (n > CX_MAX_RANK) BAD("`%s` has %d %s", e->name, n, what);
  for (int k = 0; k < n; k++) {
    if (d[k].n < 0) BAD("`%s`: size %lld among its %s", e->name, (long long)d[k].n, what);
    if (__builtin_mul_overflow(count, d[k].n > 0 ? d[k].n : 1, &count) || count > INT64_MAX / 8)
      BAD("`%s`: the product of its %s does not fit 64 bits", e->name, what);
  }
  return NULL;
}

static const char *primitive(const cx_graph *g, const cx_eq *e) {
  const cx_eq *arg[CX_PRIM_ARGS];
  if (!e->prim) BAD("`%s` has no primitive", e->name);
  if (e->body || e->red != RED_none || e->nred) BAD("`%s` is a primitive and has a body or a reduction", e->name);
  if ((e->prim->nargs >= 0 && e->nprim_arg != e->prim->nargs) || e->nprim_arg > CX_PRIM_ARGS)
    BAD("`%s`: %s takes %d arguments, not %d", e->name, e->prim->name, e->prim->nargs, e->nprim_arg);
  for (int k = 0; k < e->nprim_arg; k++) {
    if (e->prim_arg[k] >= (uint32_t)g->neq) BAD("`%s`: argument %d of %s does not exist", e->name, k, e->prim->name);
    arg[k] = g->eq[e->prim_arg[k]];
  }
  const char *why = "its arguments do not fit";
  cx_eq want = *e;
  if (e->prim->shape && !e->prim->shape(arg, &want, &why)) BAD("`%s`: %s: %s", e->name, e->prim->name, why);
  bool fits = want.rank == e->rank;
  for (int k = 0; k < e->rank && fits; k++) fits = want.dim[k].n == e->dim[k].n;
  if (!fits) BAD("`%s` does not have the shape that %s gives", e->name, e->prim->name);
  return NULL;
}

static const char *equation(const cx_graph *g, int id) {
  const cx_eq *e = g->eq[id];
  const char *why;
  if (!e) BAD("equation %d is missing", id);
  if (!e->name || !*e->name) BAD("equation %d has no name", id);
  if (e->id != (uint32_t)id) BAD("`%s` is equation %d and says it is %u", e->name, id, (unsigned)e->id);
  if ((why = dims(g, e, e->dim, e->rank, "dimensions")) || (why = dims(g, e, e->rdim, e->nred, "reduced indices")))
    return why;
  if (!(e->lo <= e->hi)) BAD("`%s` has bounds %g..%g", e->name, e->lo, e->hi);
  if (e->red >= RED_COUNT) BAD("`%s` has reduction %d, which does not exist", e->name, e->red);
  switch (e->kind) {
    case EQ_INPUT:
      if (e->body || e->prim || e->red != RED_none || e->nred) BAD("`%s` is an input and has a definition", e->name);
      return NULL;
    case EQ_CALC:
      if (!e->body) BAD("`%s` has no body", e->name);
      if (e->prim || e->nprim_arg) BAD("`%s` has a body and a primitive", e->name);
      if (e->body->id >= (uint32_t)g->hash->node.n || g->hash->node.at[e->body->id] != e->body)
        BAD("the body of `%s` belongs to another graph", e->name);
      if ((e->red == RED_none) != (e->nred == 0))
        BAD("`%s`: %s over %d indices", e->name, cx_red_name[e->red], e->nred);
      if (e->body->any_free) BAD("the body of `%s` has a free index", e->name);
      if (e->body->free_lo >> cx_nslot(e)) BAD("the body of `%s` uses an index that is not its own", e->name);
      return NULL;
    case EQ_PRIM: return primitive(g, e);
    default: BAD("`%s` has kind %d, which does not exist", e->name, e->kind);
  }
}

/* Loads are checked where an equation still reaches them: a pass may leave dead nodes behind. */
static const char *loads(const cx_graph *g) {
  int n = g->hash->node.n;
  cx_scratch *s = cx_scratch_take(g);
  const char *why = NULL;
  for (int i = 0; i < g->neq; i++)
    if (g->eq[i]->kind == EQ_CALC) s->stamp[g->eq[i]->body->id] = s->now;
  for (int i = n - 1; i >= 0 && !why; i--) { /* arguments come before their users: one sweep marks everything */
    const cx_node *x = g->hash->node.at[i];
    if (!cx_seen(s, x)) continue;
    for (int k = 0; k < x->nargs; k++) s->stamp[x->arg[k]->id] = s->now;
    if (x->op != OP_load) continue;
    if (x->u.eq >= (uint32_t)g->neq)
      why = cx_format(g->arena, "node %d loads equation %u, which does not exist", i, (unsigned)x->u.eq);
    else if (x->nargs != g->eq[x->u.eq]->rank)
      why = cx_format(g->arena, "node %d loads `%s` of %d dimensions with %d subscripts", i, g->eq[x->u.eq]->name,
                      g->eq[x->u.eq]->rank, x->nargs);
  }
  cx_scratch_give(g, s);
  return why;
}

const char *cx_verify(const cx_graph *g) {
  const char *why;
  for (int i = 0; i < g->hash->node.n; i++)
    if ((why = node(g, (uint32_t)i))) return why;
  for (int i = 0; i < g->neq; i++)
    if ((why = equation(g, i))) return why;
  for (int i = 0; i < g->nout; i++)
    if (g->out[i] >= (uint32_t)g->neq) BAD("output %d is equation %u, which does not exist", i, (unsigned)g->out[i]);
  return loads(g);
}
