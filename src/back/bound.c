/* bound.c - places that make no difference are not computed.
 *
 * Attention to the past asks for score[i, j] where j <= i alone: it is read under that condition, or multiplied by what
 * is 0 elsewhere. So an equation has bounds, slot <= by + c, that hold wherever anybody reads it. Its loops end there
 * (lower_eq.c), and what lies beyond is never written: an `if` that the bounds decide goes. A sum whose terms are 0
 * beyond a bound is guarded by it, so that it reads nothing there. Readers come first: what is not computed there asks
 * for nothing here. */
#include "back/lower.h"
#include <math.h>

enum { FORMS = 8, STEPS = 4000, LEAST = 16 }; /* LEAST: indices so short are not worth it */
typedef struct {
  int64_t c0, c[32];
} form; /* c0 + sum c[k] * index(k) >= 0 */
typedef struct {
  int n;
  form at[FORMS];
} forms;
typedef struct {
  cx_sched *s;
  cx_graph *g;
  forms **zero; /* by equation: what holds where it is not 0; NULL: nothing */
  bool *read;   /* at all, by equation, until now */
  const forms *base;
  cx_scratch *seen;
  int budget;
} bounds;

static bool same(const form *a, const form *b) {
  for (int k = 0; k < 32; k++)
    if (a->c[k] != b->c[k]) return false;
  return true;
}
static void put(forms *f, const form *x) {
  if (f->n < FORMS) f->at[f->n++] = *x;
}
static bool implied(const forms *f, const form *x) {
  for (int k = 0; k < f->n; k++)
    if (same(&f->at[k], x) && f->at[k].c0 <= x->c0) return true;
  return false;
}

/* what holds where the condition is `yes`; false: it is more than this */
static bool condition(const cx_node *c, bool yes, forms *f) {
  form a = {0}, b = {0};
  if (c->op == OP_not) return condition(c->arg[0], !yes, f);
  if (c->op == (yes ? OP_and : OP_or)) {
    bool first = condition(c->arg[0], yes, f);
    return condition(c->arg[1], yes, f) && first;
  }
  bool less = c->op == OP_lt;
  if ((!less && c->op != OP_le) || !cx_affine(c->arg[0], &a.c0, a.c) || !cx_affine(c->arg[1], &b.c0, b.c)) return false;
  for (int k = 0; k < 32; k++) b.c[k] = yes ? b.c[k] - a.c[k] : a.c[k] - b.c[k];
  b.c0 = yes ? b.c0 - a.c0 - less : a.c0 - b.c0 - !less; /* whole numbers */
  put(f, &b);
  return true;
}

/* what holds wherever n is not 0 */
static void not_zero(bounds *r, const cx_node *n, forms *f) {
  if (--r->budget < 0) return;
  switch (n->op) {
    case OP_mul: not_zero(r, n->arg[1], f); /* fall through */
    case OP_neg:
    case OP_div: not_zero(r, n->arg[0], f); return;
    case OP_select:
      for (int k = 1; k <= 2; k++) {
        if (!cx_is_number(n->arg[3 - k], 0)) continue;
        condition(n->arg[0], k == 1, f);
        not_zero(r, n->arg[k], f);
        return;
      }
      return;
    case OP_add:
    case OP_sub: {
      forms a = {0}, b = {0};
      not_zero(r, n->arg[0], &a);
      not_zero(r, n->arg[1], &b);
      for (int k = 0; k < a.n; k++)
        if (implied(&b, &a.at[k])) put(f, &a.at[k]);
      return;
    }
    case OP_load: {
      const forms *z = r->zero[n->u.eq];
      for (int k = 0; z && k < z->n; k++) { /* at the subscripts of the load */
        form x = {.c0 = z->at[k].c0};
        bool affine = true;
        for (int d = 0; d < n->nargs && affine; d++) {
          int64_t c0, c[32];
          if (!z->at[k].c[d]) continue;
          affine = cx_affine(n->arg[d], &c0, c);
          x.c0 += z->at[k].c[d] * c0;
          for (int j = 0; j < 32 && affine; j++) x.c[j] += z->at[k].c[d] * c[j];
        }
        if (affine) put(f, &x);
      }
      return;
    }
    default: return;
  }
}

/* ---- what readers ask for ---- */
static void all_of(bounds *r, uint32_t eq) { r->read[eq] = true, r->s->place[eq].nbound = 0; }

static void whole(void *user, const cx_node *n) {
  if (n->op == OP_load) all_of(user, n->u.eq);
}

static void loaded(bounds *r, const cx_node *n, const forms *f) {
  cx_place *p = &r->s->place[n->u.eq];
  bool first = !r->read[n->u.eq];
  cx_bound b[CX_BOUNDS];
  form at[CX_MAX_RANK];
  int nb = 0;
  if (!first && !p->nbound) return;
  for (int d = 0; d < n->nargs; d++)
    if (!cx_affine(n->arg[d], &at[d].c0, at[d].c)) {
      all_of(r, n->u.eq);
      return;
    }
  for (int slot = 0; slot < n->nargs; slot++)
    for (int by = 0; by < n->nargs; by++) {
      form x = {.c0 = at[by].c0 - at[slot].c0};
      int64_t least = INT64_MAX;
      for (int k = 0; k < 32; k++) x.c[k] = at[by].c[k] - at[slot].c[k];
      for (int k = 0; k < f->n && slot != by; k++)
        if (same(&f->at[k], &x) && f->at[k].c0 - x.c0 < least) least = f->at[k].c0 - x.c0;
      if (least < INT64_MAX && nb < CX_BOUNDS) b[nb++] = (cx_bound){slot, by, least};
    }
  r->read[n->u.eq] = true;
  if (first) {
    for (int k = 0; k < nb; k++) p->bound[k] = b[k];
    p->nbound = nb;
    return;
  }
  int kept = 0;
  for (int k = 0; k < p->nbound; k++)
    for (int j = 0; j < nb; j++)
      if (b[j].slot == p->bound[k].slot && b[j].by == p->bound[k].by) {
        p->bound[kept] = p->bound[k];
        if (b[j].c > p->bound[kept].c) p->bound[kept].c = b[j].c;
        kept++;
        break;
      }
  p->nbound = kept;
}

static void walk(bounds *r, const cx_node *n, const forms *f) {
  if (!n->has_load || (f == r->base && !cx_once(r->seen, n))) return;
  if (--r->budget < 0) {
    cx_visit(r->g, n, whole, r);
    return;
  }
  if (n->op == OP_load) loaded(r, n, f);
  if (n->op != OP_select) {
    for (int k = 0; k < n->nargs; k++) walk(r, n->arg[k], f);
    return;
  }
  walk(r, n->arg[0], f);
  for (int k = 1; k <= 2; k++) {
    forms t = *f;
    condition(n->arg[0], k == 1, &t);
    walk(r, n->arg[k], t.n > f->n ? &t : f);
  }
}

/* ---- what an equation makes of it ---- */
/* where reduced index k is bound by one of the equation's own that is no row: its slot, or -1 */
static int bound_by(const cx_eq *e, uint32_t mask, const form *x, int k) {
  int by = -1;
  if (x->c[k] != 1 && x->c[k] != -1) return -1;
  for (int j = 0; j < 32; j++) {
    if (j == k || !x->c[j]) continue;
    if (by >= 0 || j >= e->rank || (mask >> j & 1) || x->c[j] != -x->c[k]) return -1;
    by = j;
  }
  return by;
}

/* sums of products of which both factors change from row to row: cx_lower_product takes guards of such */
static bool guarded(const bounds *r, const cx_eq *e) {
  const cx_place *p = &r->s->place[e->id];
  if (e->red != RED_sum || e->nred != 1 || !p->mask || p->lane_red || p->pinned || p->flat) return false;
  cx_factors f = cx_low_factors(e->body, p->mask);
  int along = 0;
  for (int k = 0; k < f.n; k++) {
    if (f.f[k]->op == OP_const) continue;
    if (!(f.f[k]->free_lo & p->mask)) return false;
    along++;
  }
  return f.ok && !f.nguard && along >= 2;
}

static const cx_node *at_most(cx_graph *g, const form *x) { /* x >= 0 as a comparison */
  const cx_node *side[2] = {NULL, cx_const(g, (double)x->c0)};
  for (int k = 0; k < 32; k++) {
    if (!x->c[k]) continue;
    const cx_node **to = &side[x->c[k] > 0], *i = cx_index(g, k);
    *to = *to ? cx_op2(g, OP_add, *to, i) : i;
  }
  return cx_op2(g, OP_le, side[0], side[1]);
}

static void bind(bounds *r, cx_eq *e, forms *base) {
  cx_place *p = &r->s->place[e->id];
  int k = e->rank;
  forms f = {0};
  if (e->nred != 1 || (e->red != RED_sum && e->red != RED_max && e->red != RED_min)) return;
  bool guard = guarded(r, e), open[2] = {guard, guard};
  if (guard) not_zero(r, e->body, &f);
  else if (e->body->op == OP_select && cx_is_number(e->body->arg[2], cx_red_start[e->red]))
    condition(e->body->arg[0], true, &f);
  for (int j = 0; j < f.n; j++) {
    int by = bound_by(e, p->mask, &f.at[j], k), side = f.at[j].c[k] > 0;
    if (by < 0) continue;
    if (!side && p->nbound < CX_BOUNDS) p->bound[p->nbound++] = (cx_bound){k, by, f.at[j].c0};
    if (!open[side] || e->rdim[0].n < LEAST) continue;
    open[side] = false;
    put(base, &f.at[j]);
    e->body = cx_op3(r->g, OP_select, at_most(r->g, &f.at[j]), e->body, cx_const(r->g, 0));
  }
}

static const cx_node *decide(void *user, cx_graph *g, const cx_node *n) {
  (void)g;
  const bounds *r = user;
  for (int k = 1; k <= 2 && n->op == OP_select; k++) {
    forms f = {0};
    bool all = condition(n->arg[0], k == 1, &f);
    for (int j = 0; j < f.n; j++) all &= implied(r->base, &f.at[j]);
    if (all && f.n) return n->arg[k];
  }
  return n;
}

static void find_if(void *user, const cx_node *n) {
  forms f = {0};
  bool *any = user;
  if (n->op == OP_select && !*any) *any = condition(n->arg[0], true, &f) || f.n;
}

void cx_bound_all(cx_sched *s) {
  cx_graph *g = s->g;
  bool any = false;
  for (int k = 0; k < g->neq && !any; k++)
    if (g->eq[k]->kind == EQ_CALC) cx_visit(g, g->eq[k]->body, find_if, &any);
  if (!any) return;
  bounds r = {
      .s = s, .g = g, .zero = CX_NEW_N(s->tmp, forms *, g->neq + 1), .read = CX_NEW_N(s->tmp, bool, g->neq + 1)};
  for (int i = 0; i < s->ncomp; i++) { /* producers first */
    const cx_eq *e = g->eq[s->comp[i].eq[0]];
    if (s->comp[i].dir || e->kind != EQ_CALC || (e->red != RED_none && e->red != RED_sum)) continue;
    forms f = {0};
    r.budget = STEPS;
    not_zero(&r, e->body, &f);
    for (int k = 0; k < f.n; k++) {
      bool own = true;
      for (int j = e->rank; j < 32; j++) own &= !f.at[k].c[j];
      if (!own) continue;
      if (!r.zero[e->id]) r.zero[e->id] = CX_NEW(s->tmp, forms);
      put(r.zero[e->id], &f.at[k]);
    }
  }
  for (int k = 0; k < g->nout; k++) all_of(&r, g->out[k]);
  for (int i = s->ncomp - 1; i >= 0; i--) { /* readers first */
    const cx_comp *c = &s->comp[i];
    for (int m = 0; m < c->n; m++) {
      cx_eq *e = g->eq[c->eq[m]];
      const cx_place *p = &s->place[e->id];
      forms base = {0};
      if (c->dir || e->kind != EQ_CALC) all_of(&r, e->id);
      for (int k = 0; k < e->nprim_arg; k++) all_of(&r, e->prim_arg[k]);
      if (e->kind != EQ_CALC) continue;
      for (int k = 0; k < p->nbound; k++) {
        form x = {.c0 = p->bound[k].c};
        x.c[p->bound[k].by] = 1, x.c[p->bound[k].slot] = -1;
        put(&base, &x);
      }
      r.base = &base;
      r.budget = STEPS;
      if (base.n) e->body = cx_rewrite(g, e->body, decide, &r);
      if (!c->dir) bind(&r, e, &base);
      r.seen = cx_scratch_take(g);
      walk(&r, e->body, &base);
      cx_scratch_give(g, r.seen);
    }
  }
}
