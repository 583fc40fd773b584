/* sparsity.c - where a Jacobian is not zero, read off its equation.
 *
 * An equation e[f] = sum(k) body is taken apart into terms: coefficient * conditions on f and k. What selects are the
 * Kronecker deltas that forward mode leaves, `if` and comparisons of indices,
  and loads of equations that have a pattern
 * themselves: t[u] = sum over its terms T, sum(s): value_T(s) * (u == place_T(s)). Each equality,
  solved for the longest
 * index that has the coefficient 1 or -1 in it, eliminates that index; inequalities in one index shorten it. What is
 * left is a box: t are the indices that the places of the entries depend on, the others are summed over. So x[i+1] -
 * f(x[i]) becomes two terms over i, one for each diagonal, whatever the number of points is,
  and p[cam[k]] a term over k
 * with columns cam[k]. No colouring, no probing. (One pattern an equation over N points is the idea of ExaModels: Shin,
 * Anitescu, Pacaud, Accelerating optimal power flow with GPUs, EPSR 236, 2024. The algebra here is delta.c's.)
 *
 * Every equation's pattern is found once and its values are equations of their own, so a chain of equations costs as
 * many small products as it has links, not as it has paths. */
#include "pass/sparsity.h"

#include <string.h>

#include "ir/product.h"
#include "pass/diff.h"
#include "pass/sparsity_int.h"

/* ---- what has structure ---- */
/* subscripts over several indices that leave the array, as w[q - i] of a convolution: 0 outside a band */
static bool band_of(const cx_graph *g, const cx_eq *of, const cx_node *load, int k) {
  int64_t c0, c[32];
  int n = 0;
  if (!cx_affine(load->arg[k], &c0, c)) return false;
  for (int i = 0; i < 32; i++) n += c[i] != 0;
  return n > 1 && !cx_in_range(g, load->arg[k], g->eq[load->u.eq]->dim[k].n, of);
}

typedef struct {
  sparse *s;
  const cx_eq *e;
  uint8_t *has;
} finder;
static void see_structure(void *user, const cx_node *n) {
  finder *f = user;
  uint8_t *has = f->has;
  switch (n->op) {
    case OP_eq:
    case OP_lt:
    case OP_le: has[n->id] = n->free_lo && cx_sparse_by_data(f->s, n); break;
    case OP_load:
      has[n->id] = (int)n->u.eq < f->s->neq && f->s->of[n->u.eq].p;
      for (int k = 0; k < n->nargs; k++) has[n->id] &= cx_sparse_by_data(f->s, n->arg[k]);
      for (int k = 0; k < n->nargs; k++) has[n->id] |= band_of(f->s->g, f->e, n, k);
      break;
    case OP_neg:
    case OP_div: has[n->id] = has[n->arg[0]->id]; break;
    case OP_add:
    case OP_sub:
    case OP_mul:
    case OP_and: has[n->id] = has[n->arg[0]->id] | has[n->arg[1]->id]; break;
    case OP_select: has[n->id] = has[n->arg[0]->id] | has[n->arg[1]->id] | has[n->arg[2]->id]; break;
    default: break;
  }
}
static uint8_t *structure(sparse *s, const cx_eq *of, const cx_node *e) {
  finder f = {s, of, cx_alloc_n(s->a, (size_t)e->id + 1, 1)};
  cx_visit(s->g, e, see_structure, &f);
  return f.has;
}

/* ---- taking a body apart ----
 * The body is linear in its atoms: conditions, loads with a pattern, products of such, and branches by condition. One
 * sweep from the top gives every atom its coefficient. */
typedef struct wait {
  const cx_node *e;
  const struct wait *next;
} wait;
static void expand(split *d, const term *t, const cx_node *e, const wait *next, int depth);

static void emit(split *d, const term *t, const wait *next, int depth) {
  if (d->failed) return;
  if (next) expand(d, t, next->e, next->next, depth - 1);
  else if (d->n == TERMS) d->failed = true;
  else d->t[d->n++] = *t;
}

static bool condition(term *t, const cx_node *c) {
  if (c->op == OP_and) return condition(t, c->arg[0]) && condition(t, c->arg[1]);
  if (t->ncond == CONDS) return false;
  t->cond[t->ncond++] = c;
  return true;
}

static void open_load(split *d, const term *t, const cx_node *load, const wait *next, int depth) {
  cx_graph *g = d->s->g;
  const pattern *p = &d->s->of[(int)load->u.eq < d->s->neq ? load->u.eq : 0];
  if ((int)load->u.eq >= d->s->neq || !p->p) {
    term u = *t;
    u.rest = cx_chain(g, t->rest, load, false);
    for (int k = 0; k < load->nargs; k++) {
      const cx_node *n = cx_const(g, (double)g->eq[load->u.eq]->dim[k].n);
      if (!band_of(g, d->e, load, k)) continue;
      if (!condition(&u, cx_op2(g, OP_le, cx_const(g, 0), load->arg[k])) ||
          !condition(&u, cx_op2(g, OP_lt, load->arg[k], n)))
        d->failed = true;
    }
    emit(d, &u, next, depth);
    return;
  }
  for (int i = 0; i < p->n; i++) {
    const piece *q = &p->p[i];
    term u = *t;
    int64_t from[CX_MAX_RANK];
    const cx_node *to[CX_MAX_RANK];
    int slot = 0;
    for (int k = 0; k < q->rank; k++, slot++) {
      while (slot < SLOTS && (u.live >> slot & 1)) slot++;
      if (slot >= SLOTS) {
        d->failed = true;
        return;
      }
      from[k] = k;
      to[k] = cx_index(g, slot);
      u.live |= 1u << slot;
      u.size[slot] = q->size[k];
    }
    const cx_node *exists = cx_subst(g, q->exists, from, to, q->rank);
    bool fits = exists->op == OP_const || condition(&u, exists);
    for (int k = 0; k < load->nargs; k++)
      fits = fits && condition(&u, cx_op2(g, OP_eq, load->arg[k], cx_subst(g, q->at[k], from, to, q->rank)));
    if (!fits) {
      d->failed = true;
      return;
    }
    u.rest = cx_chain(g, u.rest, cx_load(g, q->value, to, q->rank), false);
    emit(d, &u, next, depth);
  }
}

/* is c, a condition by value, a factor of x, so that x is 0 where c is */
static bool divides(const cx_node *c, const cx_node *x) {
  cx_product p = CX_ONE_PRODUCT, q = CX_ONE_PRODUCT;
  if (!cx_product_times(&p, c, 1) || !cx_product_times(&q, x, 1)) return false;
  for (int i = 0; i < p.n; i++) {
    bool found = false;
    for (int j = 0; j < q.n; j++)
      found |= q.f[j].base == p.f[i].base && p.f[i].power > 0 && q.f[j].power >= p.f[i].power;
    if (!found) return false;
  }
  return true;
}

/* under condition c: then, times what waits */
static void branch(split *d, const term *t, const uint8_t *has, const cx_node *c, const cx_node *then, const wait *next,
                   int depth) {
  if (cx_is_number(then, 0)) return;
  term u = *t;
  if (!(cx_ops[c->op].facts & F_BOOL) && has[c->id] && divides(c, then)) {
    expand(d, t, then, next, depth - 1);
    return;
  }
  if (c->op == OP_and) { /* one condition after the other */
    const cx_node *part[2] = {c->arg[0], c->arg[1]};
    for (int k = 0; k < 2; k++)
      if (!(cx_ops[part[k]->op].facts & F_BOOL) && has[part[k]->id] && divides(part[k], then)) {
        branch(d, t, has, part[1 - k], then, next, depth - 1);
        return;
      }
  }
  if (!condition(&u, c)) d->failed = true;
  else expand(d, &u, then, next, depth - 1);
}

typedef struct {
  cx_arena *a;
  CX_VEC(const cx_node *) v;
} nodes;
static void list_node(void *user, const cx_node *n) {
  nodes *l = user;
  *CX_PUSH(l->a, l->v) = n;
}

static void expand(split *d, const term *t, const cx_node *e, const wait *next, int depth) {
  cx_graph *g = d->s->g;
  if (depth <= 0) d->failed = true;
  if (d->failed || cx_is_number(e, 0)) return;
  const uint8_t *has = structure(d->s, d->e, e);
  nodes l = {d->s->a, {0}};
  cx_visit(g, e, list_node, &l);
  const cx_node **coef = CX_NEW_N(d->s->a, const cx_node *, (size_t)e->id + 1), *plain = NULL, *zero = cx_const(g, 0);
  coef[e->id] = cx_const(g, 1);
#define ADD(x, c) (coef[(x)->id] = cx_sum_of(g, coef[(x)->id], (c)))
  for (int k = l.v.n - 1; k >= 0 && !d->failed; k--) {
    const cx_node *n = l.v.at[k], *c = coef[n->id], *x = n->nargs ? n->arg[0] : NULL,
                  *y = n->nargs > 1 ? n->arg[1] : NULL;
    if (!c || cx_is_number(n, 0)) continue;
    if (!has[n->id]) { /* no structure below: one dense part of the whole */
      plain = cx_sum_of(g, plain, cx_chain(g, c, n, false));
      continue;
    }
    if (n->op == OP_neg) ADD(x, cx_op1(g, OP_neg, c));
    else if (n->op == OP_div) ADD(x, cx_op2(g, OP_div, c, y));
    else if (n->op == OP_add || n->op == OP_sub) {
      ADD(x, c);
      ADD(y, n->op == OP_sub ? cx_op1(g, OP_neg, c) : c);
    } else if (n->op == OP_mul && has[x->id] != has[y->id]) {
      const cx_node *s = has[x->id] ? x : y;
      ADD(s, cx_chain(g, c, s == x ? y : x, false));
    } else if (n->op == OP_select && !has[x->id]) {
      ADD(y, cx_op3(g, OP_select, x, c, zero));
      ADD(n->arg[2], cx_op3(g, OP_select, x, zero, c));
    } else {
      term u = *t;
      u.rest = cx_chain(g, t->rest, c, false);
      if (n->op == OP_load) open_load(d, &u, n, next, depth);
      else if (n->op == OP_mul) {
        wait w = {y, next};
        expand(d, &u, x, &w, depth - 1);
      } else if (n->op == OP_select) {
        branch(d, &u, has, x, y, next, depth);
        branch(d, &u, has, cx_op1(g, OP_not, x), n->arg[2], next, depth);
      } else if (condition(&u, n)) emit(d, &u, next, depth);
      else d->failed = true;
    }
  }
#undef ADD
  if (plain) {
    term u = *t;
    u.rest = cx_chain(g, t->rest, plain, false);
    emit(d, &u, next, depth);
  }
}

/* ---- pieces ---- */
static const cx_node *both(cx_graph *g, const cx_node *x, const cx_node *y) { return cx_op2(g, OP_and, x, y); }

/* a solved term: the indices of its places come first, in order of appearance, then those it sums over */
static bool as_piece(const split *d, const term *t, piece *p) {
  cx_graph *g = d->s->g;
  int64_t from[SLOTS];
  const cx_node *to[SLOTS], *ok = cx_const(g, 1);
  uint32_t done = 0;
  int n = 0;
  *p = (piece){.exists = ok};
  for (int i = 0; i <= d->e->rank; i++)
    for (int k = 0; k < SLOTS; k++) {
      if (!(t->live >> k & 1) || (done >> k & 1)) continue;
      if (i < d->e->rank && !(t->at[i]->free_lo >> k & 1)) continue;
      done |= 1u << k;
      from[n] = k;
      to[n] = cx_index(g, n);
      if (i < d->e->rank) {
        if (p->rank == CX_MAX_RANK) return false;
        p->size[p->rank++] = t->size[k];
      } else {
        if (p->nred == CX_MAX_RANK) return false;
        p->red[p->nred++] = t->size[k];
      }
      n++;
    }
  for (int i = 0; i < t->ncond; i++) {
    const cx_node *c = cx_subst(g, t->cond[i], from, to, n);
    ok = both(g, ok, c);
    if (!(c->free_lo >> p->rank) && cx_sparse_by_data(d->s, c)) p->exists = both(g, p->exists, c);
  }
  for (int i = 0; i < d->e->rank; i++) p->at[i] = cx_subst(g, t->at[i], from, to, n);
  p->part[0].when = ok;
  p->part[0].body = cx_subst(g, t->rest, from, to, n);
  p->nparts = 1;
  return true;
}

static int64_t box(const int64_t *size, int n) {
  int64_t r = 1;
  for (int k = 0; k < n; k++)
    if (__builtin_mul_overflow(r, size[k], &r)) return INT64_MAX;
  return r;
}

/* q's places are p's with t moved by shift: q.at(t) = p.at(t + shift) */
static bool same_places(cx_graph *g, const piece *p, const piece *q, int dims, int64_t *shift) {
  bool fixed[CX_MAX_RANK] = {false};
  const cx_node *moved[CX_MAX_RANK];
  int64_t slot[CX_MAX_RANK];
  if (p->rank != q->rank) return false;
  for (int k = 0; k < p->rank; k++) shift[k] = 0;
  for (int i = 0; i < dims; i++) {
    int64_t p0, pc[32], q0, qc[32];
    int open = -1;
    if (!cx_affine(p->at[i], &p0, pc) || !cx_affine(q->at[i], &q0, qc)) continue;
    if (memcmp(pc, qc, sizeof pc)) return false;
    for (int k = 0; k < p->rank; k++) {
      if (pc[k] && !fixed[k] && open < 0) open = k;
      else if (pc[k]) q0 -= pc[k] * shift[k];
      if (pc[k]) fixed[k] = true;
    }
    if (open >= 0 && (q0 - p0) % pc[open] == 0) shift[open] = (q0 - p0) / pc[open];
    else if (q0 != p0) return false;
  }
  for (int k = 0; k < p->rank; k++)
    slot[k] = k, moved[k] = cx_op2(g, OP_add, cx_index(g, k), cx_const(g, (double)shift[k]));
  for (int i = 0; i < dims; i++) {
    int64_t c0, c[32];
    if (cx_affine(p->at[i], &c0, c) && cx_affine(q->at[i], &c0, c)) continue;
    if (cx_subst(g, p->at[i], slot, moved, p->rank) != q->at[i]) return false;
  }
  return true;
}

/* p over the larger box that starts at `low` (of p's own t), 0 outside p's box */
static void enlarge(cx_graph *g, piece *p, const int64_t *low, const int64_t *size, int dims) {
  int64_t slot[CX_MAX_RANK];
  const cx_node *to[CX_MAX_RANK], *inside = cx_const(g, 1);
  for (int k = 0; k < p->rank; k++) {
    const cx_node *t = cx_index(g, k);
    if (low[k] < 0) inside = both(g, inside, cx_op2(g, OP_le, cx_const(g, (double)-low[k]), t));
    if (low[k] + size[k] > p->size[k])
      inside = both(g, inside, cx_op2(g, OP_lt, t, cx_const(g, (double)(p->size[k] - low[k]))));
    slot[k] = k;
    to[k] = cx_op2(g, OP_add, t, cx_const(g, (double)low[k]));
    p->size[k] = size[k];
  }
  for (int i = 0; i < p->nparts; i++) {
    p->part[i].when = both(g, inside, cx_subst(g, p->part[i].when, slot, to, p->rank));
    p->part[i].body = cx_subst(g, p->part[i].body, slot, to, p->rank);
  }
  p->exists = both(g, inside, cx_subst(g, p->exists, slot, to, p->rank));
  for (int i = 0; i < dims; i++) p->at[i] = cx_subst(g, p->at[i], slot, to, p->rank);
}

static cx_eq *value_of(const split *d, const piece *p) {
  cx_graph *g = d->s->g;
  cx_eq *v = cx_eq_beside(g, d->e, "entries");
  memset(v->dim, 0, sizeof v->dim);
  v->rank = (uint8_t)p->rank;
  v->nred = (uint8_t)p->nred;
  v->red = p->nred ? RED_sum : RED_none;
  for (int k = 0; k < p->rank; k++) v->dim[k].n = p->size[k];
  for (int k = 0; k < p->nred; k++) v->rdim[k].n = p->red[k];
  v->body = cx_const(g, 0);
  for (int i = 0; i < p->nparts; i++)
    v->body = cx_op2(g, OP_add, v->body, cx_op3(g, OP_select, p->part[i].when, p->part[i].body, cx_const(g, 0)));
  return v;
}

/* q goes into p when both stand on the same places, but for the ends of a range */
static bool merge(const split *d, piece *p, piece *q) {
  cx_graph *g = d->s->g;
  int64_t shift[CX_MAX_RANK], low[CX_MAX_RANK], size[CX_MAX_RANK], qlow[CX_MAX_RANK];
  if (p->nparts + q->nparts > TERMS || !same_places(g, p, q, d->e->rank, shift)) return false;
  for (int k = 0; k < p->rank; k++) { /* in p's t: p is 0..size, q is shift..shift + size */
    int64_t end = q->size[k] + shift[k];
    low[k] = shift[k] < 0 ? shift[k] : 0;
    size[k] = (end > p->size[k] ? end : p->size[k]) - low[k];
    qlow[k] = low[k] - shift[k];
  }
  if (box(size, p->rank) > box(p->size, p->rank) + box(q->size, p->rank)) return false;
  /* two boxes that differ along one index at most fill the larger one */
  int differ = 0;
  for (int k = 0; k < p->rank; k++) differ += p->size[k] != q->size[k] || shift[k] != 0;
  bool whole = differ <= 1 && p->exists == cx_const(g, 1) && q->exists == p->exists;
  enlarge(g, p, low, size, d->e->rank);
  enlarge(g, q, qlow, size, d->e->rank);
  bool alike = p->nred == q->nred && !memcmp(p->red, q->red, sizeof p->red);
  if (!alike) { /* sums of different lengths, each by itself */
    piece *both_of[2] = {p, q};
    for (int k = 0; k < 2; k++)
      if (both_of[k]->nred) {
        both_of[k]->part[0].body = cx_load_here(g, value_of(d, both_of[k]));
        both_of[k]->part[0].when = cx_const(g, 1);
        both_of[k]->nparts = 1;
        both_of[k]->nred = 0;
        memset(both_of[k]->red, 0, sizeof p->red);
      }
  }
  for (int i = 0; i < q->nparts; i++) {
    int k = 0;
    while (k < p->nparts && p->part[k].when != q->part[i].when) k++;
    if (k < p->nparts) p->part[k].body = cx_op2(g, OP_add, p->part[k].body, q->part[i].body);
    else p->part[p->nparts++] = q->part[i];
  }
  p->exists = whole ? cx_const(g, 1) : cx_op2(g, OP_or, p->exists, q->exists);
  return true;
}

static void find_pattern(sparse *s, const cx_eq *e) {
  if (e->kind == EQ_CALC && cx_is_number(e->body, 0)) s->of[e->id].p = CX_NEW(s->a, piece);
  bool suits = e->kind == EQ_CALC && e->rank > 0 && (e->red == RED_none || e->red == RED_sum);
  if (!suits || s->of[e->id].p || s->cyclic[e->id]) return;
  if (!structure(s, e, e->body)[e->body->id]) return;
  split *d = CX_NEW(s->a, split);
  d->s = s;
  d->e = e;
  term t = {.rest = cx_const(s->g, 1), .live = (1u << cx_nslot(e)) - 1};
  int64_t total = 0, dense = 1;
  for (int k = 0; k < e->rank; k++) {
    t.at[k] = cx_index(s->g, k);
    t.size[k] = e->dim[k].n;
    if (__builtin_mul_overflow(dense, e->dim[k].n, &dense)) dense = INT64_MAX;
  }
  for (int k = 0; k < e->nred; k++) t.size[e->rank + k] = e->rdim[k].n;
  expand(d, &t, e->body, NULL, DEPTH);
  piece *p = CX_NEW_N(s->a, piece, d->n + 1);
  int n = 0;
  for (int i = 0; i < d->n && !d->failed; i++) {
    if (!cx_sparse_solve(d, &d->t[i])) continue;
    if (!as_piece(d, &d->t[i], &p[n])) d->failed = true;
    int k = 0;
    while (k < n && !merge(d, &p[k], &p[n])) k++;
    if (k == n) n++;
  }
  for (int i = 0; i < n; i++)
    if (__builtin_add_overflow(total, box(p[i].size, p[i].rank), &total)) total = INT64_MAX;
  if (d->failed || total >= dense) return;
  for (int i = 0; i < n; i++) p[i].value = value_of(d, &p[i])->id;
  s->of[e->id] = (pattern){p, n};
}

/* ---- the answer ---- */
/* the row-major number of dimensions from..to-1 of a place, as an equation over the piece's indices */
static const cx_node *number(cx_graph *g, const cx_eq *e, const piece *p, int from, int to, const char *suffix,
                             uint32_t *eq) {
  const cx_node *r = cx_const(g, 0);
  for (int k = from; k < to; k++)
    r = cx_op2(g, OP_add, cx_op2(g, OP_mul, r, cx_const(g, (double)e->dim[k].n)), p->at[k]);
  cx_eq *q = cx_eq_beside(g, e, suffix);
  memset(q->dim, 0, sizeof q->dim);
  q->rank = (uint8_t)p->rank;
  for (int k = 0; k < p->rank; k++) q->dim[k].n = p->size[k];
  q->integer = true;
  q->body = cx_op3(g, OP_select, p->exists, r, cx_const(g, -1));
  *eq = q->id;
  return r;
}

typedef struct {
  cx_graph *g;
  bool *need;
} needs;
static void see_need(void *user, const cx_node *n) {
  if (n->op == OP_load) ((needs *)user)->need[n->u.eq] = true;
}

bool cx_sparse_of(cx_graph *g, uint32_t jac, int row_rank, cx_sparse *out) {
  cx_arena *a = cx_arena_new(g->ctx);
  const cx_eq *e = g->eq[jac];
  *out = (cx_sparse){.rows = 1, .cols = 1};
  for (int k = 0; k < e->rank; k++) *(k < row_rank ? &out->rows : &out->cols) *= e->dim[k].n;
  cx_eq_order o = cx_order(g, a);
  sparse s = {g, a, g->neq, CX_NEW_N(a, pattern, g->neq + 1), cx_data_only(g, a), o.cyclic};
  bool *need = CX_NEW_N(a, bool, g->neq + 1);
  needs n = {g, need};
  need[jac] = true;
  for (int i = o.n - 1; i >= 0; i--) /* users first */
    if (need[o.order[i]] && g->eq[o.order[i]]->kind == EQ_CALC) cx_visit(g, g->eq[o.order[i]]->body, see_need, &n);
  for (int i = 0; i < o.n; i++) /* producers first */
    if (need[o.order[i]]) find_pattern(&s, s.g->eq[o.order[i]]);
  const pattern *p = &s.of[jac];
  out->term = CX_NEW_N(g->arena, cx_sparse_term, p->n + 1);
  out->n = p->n;
  for (int i = 0; i < p->n; i++) {
    const piece *q = &p->p[i];
    cx_sparse_term *t = &out->term[i];
    int64_t row[32], col[32];
    t->value = q->value;
    t->rank = q->rank;
    memcpy(t->size, q->size, sizeof t->size);
    t->n = box(q->size, q->rank);
    out->entries += t->n;
    const cx_node *r = number(g, e, q, 0, row_rank, "row", &t->row);
    const cx_node *c = number(g, e, q, row_rank, e->rank, "column", &t->col);
    t->affine = q->exists->op == OP_const && cx_affine(r, &t->row0, row) && cx_affine(c, &t->col0, col);
    for (int k = 0; k < q->rank && t->affine; k++) t->row_step[k] = row[k], t->col_step[k] = col[k];
  }
  bool found = p->p != NULL;
  cx_arena_free(a);
  return found;
}
