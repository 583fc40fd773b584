/* rows.c - an objective estimated from some rows of the data.
 *
 * The objective is followed along what is linear (+, -, a factor, a quotient's numerator, branches) to its sums over the
 * rows; each becomes (n / batch) * sum over the rows of the batch, which estimates it without bias, and so the gradient.
 * All else is as it is: penalties, statistics of the whole data, and functions of a sum that are not linear.
 * An array that a batch reads at its rows alone, a[rows[i]], is computed at these rows alone: a.batch[i].
 * A metric is what it would be if there were no other rows: all that it reduces over rows is of those at hand, wherever
 * it stands; a sum counts n / batch times all the same, so that a mean, which divides by n, is that of the batch.
 * A statistic (running(..) in the program) is estimated in the same way wherever it is read, under a root, say; an equation
 * that reads one gets a twin that reads the estimate. */
#include "ir/prims.h"
#include "pass/pass.h"

#include <string.h>

typedef struct {
  uint32_t from, to;
  int dim;    /* of a.batch; -1: `to` is the estimate of `from`; -2: the same, but for the statistics that it reads;
              -3: its estimate in a metric; below: of a primitive in a metric, -4 - its dimension */
  int scaled; /* so many times n / batch */
} made;

enum { NO = 1, YES };
typedef struct {
  cx_graph *g;
  cx_arena *a;
  cx_dim all;
  int64_t batch;
  uint32_t rows;
  uint8_t *varies, *statistical; /* by equation: not looked at, NO, YES: it reads a param; a statistic */
  int known;                     /* equations there were */
  int statistic;                 /* > 0: what is followed is below a statistic */
  bool metric;                   /* it is below a metric */
  CX_VEC(made) made;
  CX_VEC(struct {
    uint32_t eq;
    const cx_node *body;
  })
  todo; /* bodies whose loads are not looked at yet */
} batching;

static bool of_rows(const batching *b, cx_dim d) { return d.n == b->all.n && d.name == b->all.name; }

static const cx_node *row(batching *b, int slot) {
  const cx_node *i = cx_index(b->g, slot);
  return cx_load(b->g, b->rows, &i, 1);
}

static cx_eq *twin(batching *b, const cx_eq *e, const char *suffix) {
  cx_eq *t = cx_eq_new(b->g, cx_intern_z(b->g->ctx, cx_format(b->a, "%s.%s", e->name, suffix)), EQ_CALC);
  uint32_t id = t->id;
  cx_sym name = t->name;
  *t = *e;
  t->id = id, t->name = name, t->kind = EQ_CALC, t->constant = t->statistic = false;
  return t;
}

static uint32_t at_rows(batching *b, uint32_t eq, int dim) {
  const cx_eq *e = b->g->eq[eq];
  bool again = b->metric && e->kind == EQ_PRIM && e->prim == &cx_prim_ranks; /* of the rows at hand */
  int key = again ? -4 - dim : dim;
  for (int k = 0; k < b->made.n; k++)
    if (b->made.at[k].from == eq && b->made.at[k].dim == key) return b->made.at[k].to;
  cx_eq *t = twin(b, e, "batch");
  t->dim[dim].n = b->batch;
  *CX_PUSH(b->a, b->made) = (made){eq, t->id, key, 0};
  if (again) {
    t->kind = EQ_PRIM;
    t->prim_arg[0] = at_rows(b, e->prim_arg[0], dim);
    return t->id;
  }
  t->prim = NULL, t->nprim_arg = 0;
  if (e->kind == EQ_CALC) {
    int64_t slot = dim;
    const cx_node *to = row(b, dim);
    CX_PUSH(b->a, b->todo);
    b->todo.at[b->todo.n - 1].eq = t->id;
    b->todo.at[b->todo.n - 1].body = cx_subst(b->g, e->body, &slot, &to, 1);
  } else {
    const cx_node *sub[CX_MAX_RANK];
    for (int k = 0; k < e->rank; k++) sub[k] = k == dim ? row(b, k) : cx_index(b->g, k);
    t->body = cx_load(b->g, eq, sub, e->rank);
  }
  return t->id;
}

static const cx_node *estimate_load(batching *b, const cx_node *load);

/* does the equation read a statistic, itself or through others? */
typedef struct {
  batching *b;
  bool yes;
} search;
static bool statistical(batching *b, uint32_t eq);
static void find_statistic(void *user, const cx_node *n) {
  search *s = user;
  if (n->op == OP_load && !s->yes) s->yes = s->b->g->eq[n->u.eq]->statistic || statistical(s->b, n->u.eq);
}
static bool statistical(batching *b, uint32_t eq) {
  const cx_eq *e = b->g->eq[eq];
  if ((int)eq >= b->known || e->kind != EQ_CALC) return false; /* made here */
  if (b->statistical[eq]) return b->statistical[eq] == YES;
  b->statistical[eq] = NO;
  search s = {b, false};
  cx_visit(b->g, e->body, find_statistic, &s);
  b->statistical[eq] = s.yes ? YES : NO;
  return s.yes;
}
static uint32_t with_estimates(batching *b, uint32_t eq) {
  if (!statistical(b, eq)) return eq;
  for (int k = 0; k < b->made.n; k++)
    if (b->made.at[k].from == eq && b->made.at[k].dim == -2) return b->made.at[k].to;
  const cx_node *body = b->g->eq[eq]->body;
  cx_eq *t = twin(b, b->g->eq[eq], "batch");
  *CX_PUSH(b->a, b->made) = (made){eq, t->id, -2, 0};
  CX_PUSH(b->a, b->todo);
  b->todo.at[b->todo.n - 1].eq = t->id;
  b->todo.at[b->todo.n - 1].body = body;
  return t->id;
}

/* a[.., rows[i], ..] becomes a.batch[.., i, ..] */
static const cx_node *read_batch(void *user, cx_graph *g, const cx_node *n) {
  batching *b = user;
  if (n->op != OP_load || n->u.eq == b->rows) return n;
  if (g->eq[n->u.eq]->statistic) return estimate_load(b, n);
  for (int k = 0; k < n->nargs; k++) {
    const cx_node *u = n->arg[k];
    if (u->op != OP_load || u->u.eq != b->rows || u->arg[0]->op != OP_index || !of_rows(b, g->eq[n->u.eq]->dim[k]))
      continue;
    const cx_node *sub[CX_MAX_RANK];
    memcpy(sub, n->arg, (size_t)n->nargs * sizeof *sub);
    sub[k] = u->arg[0];
    return cx_load(g, at_rows(b, n->u.eq, k), sub, n->nargs);
  }
  if (b->metric) return estimate_load(b, n);
  uint32_t to = with_estimates(b, n->u.eq);
  return to == n->u.eq ? n : cx_load(g, to, n->arg, n->nargs);
}

/* ---- sums over the rows ---- */
typedef struct {
  const batching *b;
  int64_t slot;
  bool yes;
} asked;
static void reads_rows(void *user, const cx_node *n) {
  asked *q = user;
  for (int k = 0; n->op == OP_load && k < n->nargs; k++)
    q->yes |= n->arg[k]->op == OP_index && n->arg[k]->u.i == q->slot && of_rows(q->b, q->b->g->eq[n->u.eq]->dim[k]);
}

static bool over_rows(batching *b, const cx_eq *e, int k) { /* does the k-th reduced dimension run over them? */
  asked q = {b, e->rank + k, of_rows(b, e->rdim[k])};
  if (!q.yes && e->rdim[k].n == b->all.n) cx_visit(b->g, e->body, reads_rows, &q); /* sum(i in 0..n-1: ..) */
  return q.yes;
}
static int rows_dim(batching *b, const cx_eq *e) { /* which one does, -1: none */
  for (int k = 0; e->red == RED_sum && k < e->nred; k++)
    if (over_rows(b, e, k)) return k;
  return -1;
}

/* does the equation read a param? */
static bool varies(batching *b, uint32_t eq);
static void find_param(void *user, const cx_node *n) {
  search *s = user;
  if (n->op == OP_load && !s->yes) s->yes = varies(s->b, n->u.eq);
}
static bool varies(batching *b, uint32_t eq) {
  const cx_eq *e = b->g->eq[eq];
  if (b->varies[eq]) return b->varies[eq] == YES;
  b->varies[eq] = NO; /* in a circle: unless something else says yes */
  search s = {b, e->kind == EQ_INPUT && !e->constant};
  if (e->kind == EQ_CALC) cx_visit(b->g, e->body, find_param, &s);
  for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++) s.yes |= varies(b, e->prim_arg[k]);
  b->varies[eq] = s.yes ? YES : NO;
  return s.yes;
}

static const cx_node *estimate(batching *b, const cx_node *e);

static const made *estimate_metric(batching *b, uint32_t eq) {
  const cx_eq *e = b->g->eq[eq];
  int at = b->made.n;
  *CX_PUSH(b->a, b->made) = (made){eq, eq, -3, 0};
  if (e->kind != EQ_CALC) return &b->made.at[at];
  const cx_node *body = e->body;
  int dims[CX_MAX_RANK], n = 0;
  for (int k = 0; k < e->nred; k++)
    if (over_rows(b, e, k)) dims[n++] = k;
  for (int k = 0; k < n; k++) {
    int64_t slot = e->rank + dims[k];
    const cx_node *to = row(b, (int)slot);
    body = cx_subst(b->g, body, &slot, &to, 1);
  }
  body = cx_rewrite(b->g, body, read_batch, b);
  if (body == e->body) return &b->made.at[at];
  cx_eq *t = twin(b, b->g->eq[eq], "estimate");
  t->body = body;
  for (int k = 0; k < n; k++) t->rdim[dims[k]] = (cx_dim){b->batch, b->all.name};
  b->made.at[at].to = t->id;
  b->made.at[at].scaled = e->red == RED_sum && !e->counts ? n : 0;
  return &b->made.at[at];
}

static const made *estimate_eq(batching *b, uint32_t eq) {
  for (int k = 0; k < b->made.n; k++)
    if (b->made.at[k].from == eq &&
        (b->metric ? b->made.at[k].dim == -3 : b->made.at[k].dim == -1 || b->made.at[k].dim == -2))
      return &b->made.at[k];
  if (b->metric) return estimate_metric(b, eq);
  int at = b->made.n;
  *CX_PUSH(b->a, b->made) = (made){eq, eq, -1, 0}; /* while it is looked at, and where nothing changes */
  const cx_eq *e = b->g->eq[eq];
  if (!b->statistic && !varies(b, eq)) return &b->made.at[at]; /* data alone: computed once, of all of them */
  if (e->kind != EQ_CALC || (e->red != RED_none && e->red != RED_sum)) {
    uint32_t to = with_estimates(b, eq);
    b->made.at[at].to = to;
    return &b->made.at[at];
  }
  int k = rows_dim(b, e);
  if (k >= 0) {
    cx_eq *t = twin(b, e, "estimate");
    int64_t slot = e->rank + k;
    const cx_node *to = row(b, e->rank + k);
    t->rdim[k] = (cx_dim){b->batch, b->all.name};
    CX_PUSH(b->a, b->todo);
    b->todo.at[b->todo.n - 1].eq = t->id;
    b->todo.at[b->todo.n - 1].body = cx_subst(b->g, e->body, &slot, &to, 1);
    b->made.at[at].to = t->id;
    b->made.at[at].scaled = !e->counts;
  } else {
    const cx_node *body = estimate(b, e->body);
    if (body != e->body) {
      cx_eq *t = twin(b, e, "estimate");
      t->body = body;
      b->made.at[at].to = t->id;
    }
  }
  return &b->made.at[at];
}

static const cx_node *estimate_load(batching *b, const cx_node *e) {
  bool statistic = b->g->eq[e->u.eq]->statistic;
  b->statistic += statistic;
  made m = *estimate_eq(b, e->u.eq);
  b->statistic -= statistic;
  if (m.to == e->u.eq) return e;
  const cx_node *l = cx_load(b->g, m.to, e->arg, e->nargs);
  for (int k = 0; k < m.scaled; k++) l = cx_op2(b->g, OP_mul, l, cx_const(b->g, (double)b->all.n / (double)b->batch));
  return l;
}

static const cx_node *estimate(batching *b, const cx_node *e) {
  cx_graph *g = b->g;
  const cx_node *x[3] = {0};
  if (e->op == OP_load) return estimate_load(b, e);
  bool both = e->op == OP_add || e->op == OP_sub, factor = e->op == OP_mul, branch = e->op == OP_select;
  if (!both && !factor && !branch && e->op != OP_neg && e->op != OP_div && e->op != OP_muladd)
    return cx_rewrite(g, e, read_batch, b);
  int changed = 0;
  for (int k = 0; k < e->nargs; k++) {
    bool fixed = (branch && k == 0) || (e->op == OP_div && k == 1);
    x[k] = fixed ? cx_rewrite(g, e->arg[k], read_batch, b) : estimate(b, e->arg[k]);
    changed += (factor || (e->op == OP_muladd && k < 2)) && x[k] != e->arg[k];
  }
  for (int k = 0; k < 2 && changed > 1; k++) x[k] = cx_rewrite(g, e->arg[k], read_batch, b); /* two sums: no sum */
  for (int k = 0; k < e->nargs; k++)
    if (x[k] != e->arg[k]) return cx_opn(g, e->op, x, e->nargs);
  return e;
}

void cx_on_rows(cx_graph *g, uint32_t *root, int nroot, int nmetric, cx_dim all, int64_t batch, uint32_t *rows) {
  cx_arena *a = cx_arena_new(g->ctx);
  batching b = {.g = g, .a = a, .all = all, .batch = batch};
  cx_eq *r = cx_eq_new(g, cx_intern_z(g->ctx, "batch.rows"), EQ_INPUT);
  r->constant = r->integer = true;
  r->rank = 1;
  r->dim[0] = (cx_dim){batch, all.name};
  r->lo = 0;
  r->hi = (double)all.n - 1;
  *rows = b.rows = r->id;
  b.varies = CX_NEW_N(a, uint8_t, g->neq);
  b.statistical = CX_NEW_N(a, uint8_t, g->neq);
  b.known = g->neq;
  for (int k = 0; k < nroot; k++) { /* as what reads it would */
    const cx_eq *e = g->eq[root[k]];
    const cx_node *sub[CX_MAX_RANK], *l;
    for (int d = 0; d < e->rank; d++) sub[d] = cx_index(g, d);
    b.metric = k > 0 && k <= nmetric;
    l = estimate_load(&b, cx_load(g, root[k], sub, e->rank));
    if (l->op == OP_load) root[k] = l->u.eq;
    else {
      cx_eq *t = twin(&b, e, "estimate");
      t->body = l;
      t->red = RED_none;
      t->nred = 0;
      root[k] = t->id;
    }
  }
  b.metric = false;
  for (int k = 0; k < b.todo.n; k++) {
    uint32_t eq = b.todo.at[k].eq;
    g->eq[eq]->body = cx_rewrite(g, b.todo.at[k].body, read_batch, &b);
  }
  cx_arena_free(a);
}
