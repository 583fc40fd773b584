/* contract.c - a sum of sums of products, in the order that costs least.
 *
 *   e[a] = sum(n) B[n, a] + v[a] * f[n, a],   B[n, a] = sum(b) w[a, b] * f[n, b]
 *     becomes   e[a] = (sum(b) w[a, b] * s[b]) + v[a] * s[a],   s[b] = sum(n) f[n, b]
 *
 * The long index is summed first wherever all it multiplies there spans fewer indices: O(N B + A B), not O(N A B). The
 * adjoint of `mu` in sum(n: |L' (x[n] - mu)|^2) is such a sum. Only where an inner sum with no other reader goes away,
 * and every term has a factor of its own that does not depend on the long index: products are rounded before they are
 * added, so that taking the terms apart loses nothing; a difference of two loads x[n] - m stays together (share.c). */
#include "pass/eqs.h"
#include "ir/product.h"
#include <string.h>

enum { TERMS = 6, SLOTS = 2 * CX_MAX_RANK };

typedef struct {
  const cx_node *in, *out, *cond; /* with the long index, without it; cond: 0 where it is false */
  int nred;                       /* reduced slots: those of the equation, then those of opened sums */
  cx_dim rdim[CX_MAX_RANK];
} summand;

typedef struct {
  cx_graph *g;
  const bool *cyclic, *output;
  int *uses;
  const cx_eq *e;
  int slot; /* the long index */
  int opened;
  double before, after; /* multiplications */
} contraction;

static double space(const cx_eq *e, const summand *s, uint32_t slots) {
  double n = 1;
  for (int k = 0; k < e->rank + s->nred; k++)
    if (slots >> k & 1) n *= (double)(k < e->rank ? e->dim[k].n : s->rdim[k - e->rank].n);
  return n;
}

/* the body of a sum that is read here alone, over fresh reduced slots of s; NULL where it is no such load */
static const cx_node *open_sum(contraction *c, summand *s, const cx_node *load) {
  if (load->op != OP_load || !(load->free_lo >> c->slot & 1)) return NULL;
  const cx_eq *a = c->g->eq[load->u.eq], *e = c->e;
  if (a->kind != EQ_CALC || a->red != RED_sum || a->inert || c->cyclic[a->id] || c->output[a->id] ||
      c->uses[a->id] != 1 || s->nred + a->nred > CX_MAX_RANK)
    return NULL;
  int64_t slot[SLOTS];
  const cx_node *to[SLOTS];
  for (int k = 0; k < a->rank; k++) {
    slot[k] = k, to[k] = load->arg[k];
    if (!cx_is_integer(c->g, to[k]) || !cx_in_range(c->g, to[k], a->dim[k].n, e)) return NULL;
  }
  double work = cx_eq_work(a);
  c->before += work;
  for (int k = 0; k < a->nred; k++) {
    slot[a->rank + k] = a->rank + k, to[a->rank + k] = cx_index(c->g, e->rank + s->nred);
    s->rdim[s->nred++] = a->rdim[k];
  }
  c->opened++;
  return cx_subst(c->g, a->body, slot, to, cx_nslot(a));
}

/* takes the factors of k * e apart by the long index */
static bool take_apart(contraction *c, summand *s, double k, const cx_node *e) {
  cx_graph *g = c->g;
  cx_product p = CX_ONE_PRODUCT, in = CX_ONE_PRODUCT, out = CX_ONE_PRODUCT;
  s->cond = cx_const(g, 1);
  if (!cx_product_times(&p, e, 1)) return false;
  for (int i = 0; i < p.n; i++) {
    const cx_node *b = p.f[i].base, *more = NULL;
    if (p.f[i].power != 1) continue;
    if (b->op == OP_select && cx_is_number(b->arg[2], 0) && !(b->arg[0]->free_lo >> c->slot & 1)) {
      s->cond = cx_op2(g, OP_and, s->cond, b->arg[0]);
      more = b->arg[1];
    } else more = open_sum(c, s, b);
    if (!more) continue;
    p.f[i] = p.f[--p.n];
    if (!cx_product_times(&p, more, 1)) return false;
    i = -1;
  }
  for (int i = 0; i < p.n; i++) {
    cx_product *q = p.f[i].base->free_lo >> c->slot & 1 ? &in : &out;
    q->f[q->n++] = p.f[i];
  }
  for (int i = 0; i < p.nexp; i++) {
    cx_product *q = p.e[i].base->free_lo >> c->slot & 1 ? &in : &out;
    q->e[q->nexp++] = p.e[i];
  }
  out.num = p.num * k, out.den = p.den;
  s->in = cx_product_node(g, &in), s->out = cx_product_node(g, &out);
  uint32_t all = (1u << (c->e->rank + s->nred)) - 1, own = (s->in->free_lo & all) | 1u << c->slot;
  c->after += space(c->e, s, own) + space(c->e, s, all & ~(1u << c->slot));
  return in.n + in.nexp > 0 && s->out->has_load;
}

/* the sum over the long index, with the dimensions that occur under it alone: an equation, loaded */
static const cx_node *inner(contraction *c, const summand *s) {
  cx_graph *g = c->g;
  const cx_eq *e = c->e;
  cx_eq *p = cx_eq_beside(g, e, "sum");
  int64_t slot[SLOTS];
  const cx_node *to[SLOTS], *sub[CX_MAX_RANK];
  int n = 0;
  p->rank = 0, p->red = RED_sum, p->nred = 1;
  memset(p->dim, 0, sizeof p->dim);
  p->rdim[0] = e->rdim[c->slot - e->rank];
  for (int k = 0; k < e->rank + s->nred; k++) {
    if (k == c->slot || !(s->in->free_lo >> k & 1)) continue;
    slot[n] = k, to[n++] = cx_index(g, p->rank);
    sub[p->rank] = cx_index(g, k);
    p->dim[p->rank++] = k < e->rank ? e->dim[k] : s->rdim[k - e->rank];
  }
  slot[n] = c->slot, to[n++] = cx_index(g, p->rank);
  p->body = cx_subst(g, s->in, slot, to, n);
  return cx_load(g, p->id, sub, p->rank);
}

static const cx_node *outer(contraction *c, const summand *s) {
  cx_graph *g = c->g;
  const cx_node *x = cx_op3(g, OP_select, s->cond, cx_op2(g, OP_mul, s->out, inner(c, s)), cx_const(g, 0));
  if (s->nred == 1) return x;
  cx_eq *q = cx_eq_beside(g, c->e, "part");
  q->red = RED_sum, q->nred = (uint8_t)s->nred;
  memcpy(q->rdim, s->rdim, sizeof q->rdim);
  q->body = cx_drop_slot(g, q, c->slot, x);
  return cx_load_here(g, q);
}

static void contract(contraction *c, cx_eq *e) {
  cx_graph *g = c->g;
  cx_term t[TERMS];
  summand s[TERMS];
  int n = cx_terms(e->body, 1, t, TERMS);
  c->e = e, c->slot = e->rank, c->opened = 0, c->before = c->after = 0;
  for (int k = 0; k < n; k++) {
    s[k] = (summand){.nred = e->nred};
    memcpy(s[k].rdim, e->rdim, sizeof e->rdim);
    if (!t[k].t || !take_apart(c, &s[k], t[k].k, t[k].t)) return;
    c->before += space(e, &(summand){.nred = 1, .rdim = {e->rdim[0]}}, ~0u);
  }
  if (n < 1 || !c->opened || c->before < 1.5 * c->after) return;
  const cx_node *sum = outer(c, &s[0]);
  for (int k = 1; k < n; k++) sum = cx_op2(g, OP_add, sum, outer(c, &s[k]));
  e->red = RED_none, e->nred = 0;
  memset(e->rdim, 0, sizeof e->rdim);
  e->body = sum;
}

static void count(void *user, const cx_node *n) {
  contraction *c = user;
  if (n->op == OP_load) c->uses[n->u.eq]++;
}

void cx_pass_contract(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  int neq = g->neq;
  bool *output = CX_NEW_N(a, bool, neq + 1);
  contraction c = {.g = g, .cyclic = o.cyclic, .output = output, .uses = CX_NEW_N(a, int, neq + 1)};
  for (int i = 0; i < g->nout; i++) output[g->out[i]] = true;
  for (int i = o.n - 1; i >= 0; i--) { /* users first: what nothing needs reads nothing */
    const cx_eq *e = g->eq[o.order[i]];
    if (g->nout && !c.uses[e->id] && !output[e->id] && !o.cyclic[e->id]) continue;
    if (e->kind == EQ_CALC) cx_visit(g, e->body, count, &c);
    for (int k = 0; k < e->nprim_arg; k++) c.uses[e->prim_arg[k]] += 2;
  }
  for (int i = 0; i < neq; i++) {
    cx_eq *e = g->eq[i];
    if (e->kind != EQ_CALC || e->red != RED_sum || e->nred != 1 || o.cyclic[i] || (!c.uses[i] && !output[i])) continue;
    contract(&c, e);
  }
  cx_arena_free(a);
}
