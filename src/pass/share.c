/* share.c - what is equal is computed once, and what does not depend on a summed index is not summed.
 *
 * 1. Equations with the same sizes, reduction and body become one: users load the first; the others become its alias.
 *    So do primitives of the same arguments.
 * 2. sum(i, k: a * f(i) * g(k)) = a * sum(i: f(i)) * sum(k: g(k)): the factors of a summand fall into groups that
 *    share no reduced index; each group is summed by itself, the group without one stands outside.
 * 3. An equation that is another one where two indices are equal is read from its diagonal.
 * Terms are never summed apart: the sum of residuals x[i] - m would lose its digits to sum(x) - n m. */
#include "pass/eqs.h"
#include "ir/product.h"
#include <string.h>

/* ---- 1. equal equations ---- */
typedef struct {
  cx_graph *g;
  uint32_t *to;
} aliases;

static const cx_node *redirect(void *user, cx_graph *g, const cx_node *n) {
  const aliases *al = user;
  if (n->op != OP_load || al->to[n->u.eq] == n->u.eq) return n;
  return cx_load(g, al->to[n->u.eq], n->arg, n->nargs);
}

static bool same_sizes(const cx_dim *x, const cx_dim *y, int n) {
  for (int k = 0; k < n; k++)
    if (x[k].n != y[k].n) return false;
  return true;
}

static bool equal(const cx_eq *x, const cx_eq *y) {
  if (x->kind != y->kind) return false;
  if (x->kind == EQ_PRIM)
    return x->prim == y->prim && x->slope == y->slope && x->nprim_arg == y->nprim_arg && x->rank == y->rank &&
           same_sizes(x->dim, y->dim, x->rank) &&
           !memcmp(x->prim_arg, y->prim_arg, (size_t)x->nprim_arg * sizeof *x->prim_arg);
  return x->body == y->body && x->red == y->red && x->rank == y->rank && x->nred == y->nred && x->inert == y->inert &&
         same_sizes(x->dim, y->dim, x->rank) && same_sizes(x->rdim, y->rdim, x->nred);
}

static uint32_t hash_of(const cx_eq *e) {
  if (e->kind == EQ_CALC) return e->body->hash;
  uint32_t h = 0;
  for (int k = 0; k < e->nprim_arg; k++) h = (h ^ e->prim_arg[k]) * 0x9e3779b1u, h ^= h >> 15;
  return h;
}

/* is it one load already, so that its readers may have that? */
static bool is_another(cx_graph *g, const cx_eq *e) {
  if (e->kind != EQ_CALC || e->red != RED_none || e->inert || e->body->op != OP_load) return false;
  const cx_eq *q = g->eq[e->body->u.eq];
  return q->kind == EQ_CALC && !q->inert && q->rank == e->rank && same_sizes(q->dim, e->dim, e->rank) &&
         e->body == cx_load_here(g, q);
}

void cx_unite(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  aliases al = {g, CX_NEW_N(a, uint32_t, g->neq + 1)};
  uint32_t cap = 64;
  while (cap < 2u * (uint32_t)g->neq) cap *= 2;
  const cx_eq **slot = CX_NEW_N(a, const cx_eq *, cap);
  for (int i = 0; i < g->neq; i++) al.to[i] = (uint32_t)i;
  for (int i = 0; i < o.n; i++) {
    cx_eq *e = g->eq[o.order[i]];
    for (int k = 0; k < e->nprim_arg; k++) e->prim_arg[k] = al.to[e->prim_arg[k]];
    if (e->kind == EQ_INPUT || e->integrand) continue;
    if (e->kind == EQ_CALC) e->body = cx_rewrite(g, e->body, redirect, &al);
    if (o.cyclic[e->id]) continue;
    if (is_another(g, e)) {
      al.to[e->id] = e->body->u.eq;
      continue;
    }
    uint32_t h = hash_of(e) & (cap - 1);
    while (slot[h] && !equal(slot[h], e)) h = (h + 1) & (cap - 1);
    if (!slot[h]) slot[h] = e;
    else {
      al.to[e->id] = slot[h]->id;
      e->kind = EQ_CALC, e->prim = NULL, e->nprim_arg = 0;
      e->red = RED_none;
      e->nred = 0;
      memset(e->rdim, 0, sizeof e->rdim);
      e->body = cx_load_here(g, slot[h]);
    }
  }
  cx_arena_free(a);
}

/* ---- 2. factors that share no reduced index ---- */
typedef struct {
  uint32_t mask;
  const cx_node *body;
} group;

/* cond: what `if c then x else 0` among the factors asks without a reduced index; the factor is then x */
static int groups(cx_graph *g, const cx_eq *e, group *out, const cx_node **cond) {
  cx_product p = CX_ONE_PRODUCT;
  uint32_t reduced = cx_reduced_mask(e);
  *cond = cx_const(g, 1);
  if (!cx_product_times(&p, e->body, 1)) return 0;
  for (int i = 0; i < p.n; i++) {
    const cx_node *b = p.f[i].base;
    if (b->op != OP_select || p.f[i].power != 1 || (b->arg[0]->free_lo & reduced)) continue;
    if (b->arg[2]->op != OP_const || b->arg[2]->u.num != 0) continue;
    *cond = cx_op2(g, OP_and, *cond, b->arg[0]);
    p.f[i] = p.f[--p.n];
    if (!cx_product_times(&p, b->arg[1], 1)) return 0;
    i = -1;
  }
  /* each factor begins as its own group; groups that meet are joined */
  struct {
    uint32_t mask;
    cx_product p;
  } set[CX_FACTORS + 2];
  int n = 1;
  set[0].mask = 0;
  set[0].p = CX_ONE_PRODUCT;
  set[0].p.num = p.num, set[0].p.den = p.den;
  for (int i = 0; i < p.n + (p.nexp > 0); i++) {
    cx_product one = CX_ONE_PRODUCT;
    if (i < p.n) one.f[one.n++] = p.f[i];
    else one.nexp = p.nexp, memcpy(one.e, p.e, sizeof one.e);
    uint32_t mask = 0;
    for (int k = 0; k < one.n; k++) mask |= one.f[k].base->free_lo & reduced;
    for (int k = 0; k < one.nexp; k++) mask |= one.e[k].base->free_lo & reduced;
    int home = mask ? -1 : 0;
    for (int k = 1; k < n; k++)
      if (set[k].mask & mask) {
        if (home < 0) home = k;
        else { /* joins two */
          for (int j = 0; j < set[k].p.n; j++) set[home].p.f[set[home].p.n++] = set[k].p.f[j];
          set[home].mask |= set[k].mask;
          set[k--] = set[--n];
        }
      }
    if (home < 0) home = n, set[n].mask = 0, set[n++].p = CX_ONE_PRODUCT;
    set[home].mask |= mask;
    if (one.n) set[home].p.f[set[home].p.n++] = one.f[0];
    else set[home].p.nexp = one.nexp, memcpy(set[home].p.e, one.e, sizeof one.e);
  }
  for (int k = 0; k < n; k++) out[k] = (group){set[k].mask, cx_product_node(g, &set[k].p)};
  return n;
}

/* the sum of one group as a load; its equation has the dimensions that occur in it alone */
static const cx_node *part(cx_graph *g, const cx_eq *e, const group *s) {
  cx_eq *p = cx_eq_beside(g, e, "sum");
  int64_t slot[2 * CX_MAX_RANK];
  const cx_node *to[2 * CX_MAX_RANK], *sub[CX_MAX_RANK];
  int n = 0;
  p->rank = 0;
  p->red = RED_sum;
  for (int i = 0; i < cx_nslot(e); i++) {
    if (!(s->body->free_lo >> i & 1)) continue;
    slot[n] = i, to[n] = cx_index(g, n);
    if (i < e->rank) p->dim[p->rank] = e->dim[i], sub[p->rank++] = cx_index(g, i);
    else p->rdim[p->nred++] = e->rdim[i - e->rank];
    n++;
  }
  p->body = cx_subst(g, s->body, slot, to, n);
  return cx_load(g, p->id, sub, p->rank);
}

static void separate(cx_graph *g, cx_eq *e) {
  group s[CX_FACTORS + 2];
  const cx_node *cond;
  int n = groups(g, e, s, &cond);
  uint32_t reduced = cx_reduced_mask(e), all = 0;
  for (int k = 0; k < n; k++) all |= s[k].mask;
  bool plain = n > 0 && cx_is_number(s[0].body, 1), outside = !plain || cond->op != OP_const;
  if (n == 0 || all != reduced || (n < 3 && !outside)) return;
  const cx_node *r = s[0].body;
  for (int k = 1; k < n; k++) { r = cx_op2(g, OP_mul, r, part(g, e, &s[k])); }
  e->red = RED_none;
  e->nred = 0;
  memset(e->rdim, 0, sizeof e->rdim);
  e->body = cx_op3(g, OP_select, cond, r, cx_const(g, 0));
}

/* ---- 3. diagonals ---- */
typedef struct {
  int *uses;
} needs;
static void need(void *user, const cx_node *n) {
  if (n->op == OP_load) ((needs *)user)->uses[n->u.eq]++;
}

static void diagonals(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  int neq = g->neq;
  needs in = {CX_NEW_N(a, int, neq + 1)};
  for (int i = 0; i < g->nout; i++) in.uses[g->out[i]]++;
  for (int i = o.n - 1; i >= 0; i--) {
    const cx_eq *e = g->eq[o.order[i]];
    if (e->kind == EQ_CALC && (in.uses[e->id] || o.cyclic[e->id])) cx_visit(g, e->body, need, &in);
    for (int k = 0; k < e->nprim_arg; k++) in.uses[e->prim_arg[k]]++;
  }
  for (int i = 0; i < neq; i++) { /* sums alone: anything else is as cheap computed twice */
    const cx_eq *e = g->eq[i];
    if (e->kind != EQ_CALC || e->red != RED_sum || e->rank < 2 || o.cyclic[i] || !in.uses[i]) continue;
    for (int q = 1; q < e->rank; q++)
      for (int p = 0; p < q; p++) {
        int64_t slot[2 * CX_MAX_RANK];
        const cx_node *to[2 * CX_MAX_RANK], *sub[CX_MAX_RANK];
        cx_eq d = *e; /* where index q is index p */
        if (e->dim[p].n != e->dim[q].n) continue;
        for (int k = 0; k < cx_nslot(e); k++) slot[k] = k, to[k] = cx_index(g, k == q ? p : k - (k > q));
        for (int k = 0; k < e->rank; k++) sub[k] = to[k];
        d.rank--;
        memmove(d.dim + q, d.dim + q + 1, (size_t)(d.rank - q) * sizeof *d.dim);
        d.body = cx_subst(g, e->body, slot, to, cx_nslot(e));
        for (int j = 0; j < neq; j++) {
          cx_eq *x = g->eq[j];
          if (x->kind != EQ_CALC || o.cyclic[j] || !equal(&d, x)) continue;
          x->red = RED_none, x->nred = 0;
          memset(x->rdim, 0, sizeof x->rdim);
          x->body = cx_load(g, e->id, sub, e->rank);
        }
      }
  }
  cx_arena_free(a);
}

void cx_pass_share(cx_graph *g) {
  for (int i = 0, n = g->neq; i < n; i++)
    if (g->eq[i]->kind == EQ_CALC && g->eq[i]->red == RED_sum) separate(g, g->eq[i]);
  cx_unite(g);
  diagonals(g);
}
