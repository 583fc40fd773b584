/* jump.c - what the jumps of an integrand give to its derivative.
 *
 * A condition, floor, sign.. in the integrand is a step: constant but where its u passes 0 (or a multiple of a period). At
 * every root x_r of u in (lo, hi) the derivative by a has the term
 *   (f above the step - f below it) (du/da) / |du/dx|,    du/da of an x that moves with V: du/da + V du/dx.
 * Steps that stand inside a sum are a family, one for each value of the sum's indices: these become dimensions of the
 * crossing, next to the instances, so that a term reads exactly what its own step moves with.
 * The place of a maximum is such a family, too: term s of max(s: e) takes over where e[s] passes the largest before it. */
#include <math.h>
#include <string.h>

#include "pass/leibniz.h"

enum { SPLITS = 6 };

typedef struct {
  const cx_node *n;
  uint32_t eq; /* the equation it stands in, when it has indices of its own */
  int m, slot[2 * CX_MAX_RANK];
  uint32_t gap; /* eq is the place of a maximum: running_gap of it; n is NULL then */
} step;

typedef struct {
  cx_leibniz *p;
  uint32_t *mask; /* what depends on x */
  bool *inner;    /* depends on the variable of an integral inside: does not jump along x */
  CX_VEC(step) step;
  uint32_t at; /* the equation at hand */
} jumps;

/* ---- conditions about max, min, abs and roots, taken apart: each is then smooth, and none is constant on a stretch ---- */
static const cx_node *parts(cx_graph *g, cx_op op, const cx_node *a, const cx_node *b, int budget);
/* the first max, min or abs that e is a sum of; *sign: e grows with it, or falls */
static const cx_node *bent_below(cx_scratch *w, const cx_node *e, int *sign) {
  const cx_node *r;
  int s = *sign;
  if (!cx_once(w, e)) return NULL;
  switch (e->op) {
    case OP_max:
    case OP_min:
    case OP_abs: return e;
    case OP_neg: *sign = -s; return bent_below(w, e->arg[0], sign);
    case OP_add:
    case OP_sub:
      if ((r = bent_below(w, e->arg[0], sign))) return r;
      *sign = e->op == OP_sub ? -s : s;
      return bent_below(w, e->arg[1], sign);
    case OP_mul:
      for (int k = 0; k < 2; k++)
        if (e->arg[k]->op == OP_const) {
          *sign = e->arg[k]->u.num < 0 ? -s : s;
          return bent_below(w, e->arg[1 - k], sign);
        }
      return NULL;
    case OP_div:
      if (e->arg[1]->op != OP_const) return NULL;
      *sign = e->arg[1]->u.num < 0 ? -s : s;
      return bent_below(w, e->arg[0], sign);
    default: return NULL;
  }
}
static const cx_node *bent(const cx_graph *g, const cx_node *e, int *sign) {
  cx_scratch *w = cx_scratch_take(g);
  const cx_node *r = bent_below(w, e, sign);
  cx_scratch_give(g, w);
  return r;
}
static const cx_node *parts(cx_graph *g, cx_op op, const cx_node *a, const cx_node *b, int budget) {
  const cx_node *e[2] = {a, b}, *half[2];
  for (int side = 0; side < 2 && budget; side++) {
    int sign = side ? -1 : 1; /* of a - b */
    const cx_node *n = bent(g, e[side], &sign);
    if (!n) continue;
    for (int k = 0; k < 2; k++) {
      const cx_node *branch = n->op != OP_abs ? n->arg[k] : k ? cx_op1(g, OP_neg, n->arg[0]) : n->arg[0];
      const cx_node *t = cx_exchange(g, e[side], n, branch);
      half[k] = side ? parts(g, op, a, t, budget - 1) : parts(g, op, t, b, budget - 1);
    }
    return cx_op2(g, (sign > 0) == (n->op != OP_min) ? OP_and : OP_or, half[0], half[1]);
  }
  for (int side = 0; side < 2 && budget; side++) { /* sqrt(a) < b, or b < sqrt(a): by their squares */
    const cx_node *root = side ? b : a, *other = side ? a : b, *zero = cx_const(g, 0);
    bool nought = root->op == OP_select && cx_is_number(root->arg[1], 0);
    if (nought) root = root->arg[2]; /* sqrt as its derivative likes it: 0 where a is */
    const cx_node *of = root->op == OP_sqrt ? root->arg[0] : NULL;
    if (nought && of && cx_op2(g, OP_eq, of, zero) != (side ? b : a)->arg[0]) of = NULL;
    if (root->op == OP_hypot) {
      const cx_node *p = cx_op2(g, OP_mul, root->arg[0], root->arg[0]);
      of = cx_op2(g, OP_add, p, cx_op2(g, OP_mul, root->arg[1], root->arg[1]));
    }
    cx_eq none = {.rank = 0};
    if (!of || !(root->op == OP_hypot || cx_bounds(g, of, &none).lo >= 0)) continue;
    const cx_node *square = cx_op2(g, OP_mul, other, other);
    if (side) return cx_op2(g, OP_or, cx_op2(g, op, other, zero), parts(g, op, square, of, budget - 1));
    return cx_op2(g, OP_and, cx_op2(g, OP_le, zero, other), parts(g, op, of, square, budget - 1));
  }
  return cx_op2(g, op, a, b);
}
static const cx_node *take_apart(void *user, cx_graph *g, const cx_node *n) {
  (void)user;
  return n->op == OP_lt || n->op == OP_le ? parts(g, (cx_op)n->op, n->arg[0], n->arg[1], SPLITS) : n;
}

static void cannot(const cx_leibniz *p) {
  int id = cx_error(p->g->ctx, p->I->span,
                    "the derivative of this integral has jumps inside a sum, which calx cannot place");
  cx_diag_help(p->g->ctx, id, "take the sum out of the integral, or write the terms out");
  cx_throw(p->g->ctx, CX_E_PROGRAM);
}

/* ---- the steps ---- */
typedef struct {
  const jumps *j;
  bool yes, inner;
} reach;
static void see_x(void *user, const cx_node *n) {
  reach *r = user;
  if (n->op != OP_load) return;
  bool own = (int)n->u.eq < r->j->p->last;
  r->inner |= own && r->j->inner[n->u.eq];
  r->yes |= n->u.eq == r->j->p->x || (own && (r->j->mask[n->u.eq] & CX_DEPENDS));
}
static bool depends(const jumps *j, const cx_node *n) {
  reach r = {j, false, false};
  cx_visit(j->p->g, n, see_x, &r);
  return r.yes && !r.inner;
}

static void see_step(void *user, const cx_node *n) {
  jumps *j = user;
  switch (n->op) {
    case OP_lt:
    case OP_le:
    case OP_floor:
    case OP_ceil:
    case OP_trunc:
    case OP_round:
    case OP_mod:
    case OP_sign: break;
    default: return;
  }
  if (!depends(j, n)) return;
  step s = {.n = n, .eq = UINT32_MAX};
  for (int k = j->p->r0 + 1; k < 32; k++)
    if (n->free_lo >> k & 1) s.slot[s.m++] = k, s.eq = j->at;
  for (int k = 0; k < j->step.n; k++)
    if (j->step.at[k].n == n && j->step.at[k].eq == s.eq) return;
  *CX_PUSH(j->p->g->arena, j->step) = s;
}

/* index i is m, or comes before it, in the order of loops */
static void order(cx_graph *g, const cx_node *const *i, const cx_node *const *m, int n, const cx_node **same,
                  const cx_node **before) {
  *same = cx_const(g, 1), *before = cx_const(g, 0);
  for (int d = n - 1; d >= 0; d--) {
    const cx_node *eq = cx_op2(g, OP_eq, i[d], m[d]);
    *same = cx_op2(g, OP_and, eq, *same);
    *before = cx_op2(g, OP_or, cx_op2(g, OP_lt, i[d], m[d]), cx_op2(g, OP_and, eq, *before));
  }
}

static const cx_node *never(cx_graph *g, const cx_eq *e) {
  return cx_const(g, e->red == RED_max || e->red == RED_argmax ? -INFINITY : INFINITY);
}

/* max(s: e): the largest of the terms before s less e[s], over the dimensions of the equation and s; min: the reverse.
 * Where it passes 0 downwards the term s takes over. UINT32_MAX: too many dimensions */
static uint32_t running_gap(cx_graph *g, const cx_eq *e) {
  int n = e->nred, r = e->rank;
  if (r + n > CX_MAX_RANK) return UINT32_MAX;
  bool max = e->red == RED_max || e->red == RED_argmax;
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC), *u = cx_eq_new(g, NULL, EQ_CALC);
  t->span = u->span = e->span;
  t->rank = u->rank = (uint8_t)(r + n);
  memcpy(t->dim, e->dim, sizeof t->dim);
  memcpy(t->dim + r, e->rdim, (size_t)n * sizeof *t->dim);
  memcpy(u->dim, t->dim, sizeof u->dim);
  t->red = max ? RED_max : RED_min;
  t->nred = (uint8_t)n;
  memcpy(t->rdim, e->rdim, sizeof t->rdim);
  int64_t slot[CX_MAX_RANK];
  const cx_node *i[CX_MAX_RANK], *mine[CX_MAX_RANK], *same, *before;
  for (int k = 0; k < n; k++) slot[k] = r + k, i[k] = cx_index(g, r + n + k), mine[k] = cx_index(g, r + k);
  order(g, i, mine, n, &same, &before);
  t->body = cx_op3(g, OP_select, before, cx_subst(g, e->body, slot, i, n), never(g, e));
  const cx_node *best = cx_load_here(g, t);
  u->body = max ? cx_op2(g, OP_sub, best, e->body) : cx_op2(g, OP_sub, e->body, best);
  return u->id;
}

static void see_place(jumps *j, const cx_eq *e) {
  step s = {.eq = e->id};
  for (int k = j->p->r0 + 1; k < cx_nslot(e); k++) s.slot[s.m++] = k;
  if (j->inner[e->id] || !depends(j, e->body)) return;
  s.gap = running_gap(j->p->g, e);
  if (s.gap == UINT32_MAX) cannot(j->p);
  *CX_PUSH(j->p->g->arena, j->step) = s;
}

/* u, its period, and the step's values on the sides of a root: `high` where u is larger */
static const cx_node *step_of(cx_graph *g, const cx_node *n, const cx_node **low, const cx_node **high,
                              double *period) {
  const cx_node *u = n->arg[0], *half = cx_const(g, 0.5), *one = cx_const(g, 1);
  *period = 1;
  switch (n->op) {
    case OP_lt:
    case OP_le:
      *period = 0;
      *low = one, *high = cx_const(g, 0);
      return cx_op2(g, OP_sub, n->arg[0], n->arg[1]);
    case OP_sign:
      *period = 0;
      *low = cx_const(g, -1), *high = one;
      return u;
    case OP_round:
      u = cx_op2(g, OP_add, u, half);
      *high = cx_op1(g, OP_round, u);
      *low = cx_op2(g, OP_sub, *high, one);
      return u;
    case OP_mod: /* from y down to 0 where x / y passes a whole number upwards */
      *low = n->arg[1], *high = cx_const(g, 0);
      return cx_op2(g, OP_div, n->arg[0], n->arg[1]);
    case OP_ceil:
      *low = cx_op1(g, OP_round, u);
      *high = cx_op2(g, OP_add, *low, one);
      return u;
    case OP_trunc: {
      const cx_node *r = cx_op1(g, OP_round, u), *zero = cx_const(g, 0); /* no step at 0 */
      *high = cx_op3(g, OP_select, cx_op2(g, OP_lt, r, half),
                     cx_op3(g, OP_select, cx_op2(g, OP_lt, r, zero), cx_op2(g, OP_add, r, one), zero), r);
      *low = cx_op3(g, OP_select, cx_op2(g, OP_lt, r, half), r, cx_op2(g, OP_sub, r, one));
      return u;
    }
    default:
      *high = cx_op1(g, OP_round, u);
      *low = cx_op2(g, OP_sub, *high, one);
      return u;
  }
}

/* ---- the integrand on one side of a step ----
 * In the equations between a family and the integrand its indices s stand behind the instances. */
typedef struct {
  jumps *j;
  int at;               /* the step */
  const cx_node *value; /* its value on this side, in the slots of its equation */
  bool high;
  bool *path;    /* by equation: between the family and the integrand */
  bool affine;   /* all of that path is: then of a sum the one term is enough */
  uint32_t *map; /* by equation: its copy */
  uint32_t eq;   /* the equation at hand */
  int shift;     /* of its slots behind the instances */
  bool term;     /* its reduced indices are those of the family */
  const cx_node **memo;
} variant;

static const cx_node *slots(variant *v, const cx_node *n) { /* n with its slots where the copy has them */
  cx_graph *g = v->j->p->g;
  const step *s = &v->j->step.at[v->at];
  int r0 = v->j->p->r0, count = 0;
  int64_t slot[3 * CX_MAX_RANK];
  const cx_node *to[3 * CX_MAX_RANK];
  for (int k = r0; k < 2 * CX_MAX_RANK && v->shift; k++) slot[count] = k, to[count++] = cx_index(g, k + v->shift);
  for (int k = 0; k < s->m && v->term; k++) to[s->slot[k] - r0] = cx_index(g, r0 + k);
  return count ? cx_subst(g, n, slot, to, count) : n;
}

/* the step n a little further to the right (dir 1) or left: where two jump at one place, they do so one after the other,
 * which is the limit of places that differ */
static const cx_node *aside(variant *v, const cx_node *n, int dir) {
  cx_graph *g = v->j->p->g;
  const cx_node *k = cx_index(g, v->j->p->r0 + v->shift), *x = cx_load(g, v->j->p->x, &k, 1);
  const cx_node *d =
      cx_op2(g, OP_add, cx_op2(g, OP_mul, cx_const(g, CX_ASIDE), cx_op1(g, OP_abs, x)), cx_const(g, CX_ASIDE_LEAST));
  return cx_exchange(g, n, x, cx_op2(g, dir > 0 ? OP_add : OP_sub, x, d));
}

static void order_of(const variant *v, const cx_node **same, const cx_node **before) {
  cx_graph *g = v->j->p->g;
  const step *s = &v->j->step.at[v->at];
  const cx_node *i[2 * CX_MAX_RANK], *mine[2 * CX_MAX_RANK];
  for (int d = 0; d < s->m; d++) i[d] = cx_index(g, s->slot[d] + v->shift), mine[d] = cx_index(g, v->j->p->r0 + d);
  order(g, i, mine, s->m, same, before);
}

/* the place of a maximum where the terms before s* are out (u low: e[s*] is larger than all of them), or s* is */
static const cx_node *contest(variant *v, const cx_eq *e, const cx_node *body) {
  cx_graph *g = v->j->p->g;
  const cx_node *i[CX_MAX_RANK], *mine[CX_MAX_RANK], *same, *before, *own = cx_const(g, 1);
  int extra = e->rank - v->j->p->r0 - 1;
  for (int d = 0; d < extra; d++) /* dimensions of its own: another one's contest is not concerned */
    own = cx_op2(g, OP_and, own,
                 cx_op2(g, OP_eq, cx_index(g, v->j->p->r0 + 1 + d + v->shift), cx_index(g, v->j->p->r0 + d)));
  for (int d = 0; d < e->nred; d++)
    i[d] = cx_index(g, e->rank + d + v->shift), mine[d] = cx_index(g, v->j->p->r0 + extra + d);
  order(g, i, mine, e->nred, &same, &before);
  return cx_op3(g, OP_select, cx_op2(g, OP_and, own, v->high ? same : before), never(g, e), body);
}

static const cx_node *vary(variant *v, const cx_node *n) {
  cx_graph *g = v->j->p->g;
  if (v->memo[n->id]) return v->memo[n->id];
  int r0 = v->j->p->r0, which = -1, m = 0;
  const step *s = NULL;
  for (int k = 0; k < v->j->step.n && which < 0; k++) {
    s = &v->j->step.at[k];
    if (s->n == n && (!s->m || s->eq == v->eq)) which = k;
  }
  bool at = which >= 0 && which == v->at;
  if (at && (!s->m || v->term)) return v->memo[n->id] = slots(v, v->value);
  const cx_node *arg[2 * CX_MAX_RANK], *r;
  bool own = n->op == OP_load && (int)n->u.eq >= v->j->p->first && (int)n->u.eq < v->j->p->last;
  for (int k = 0; k < n->nargs; k++) {
    for (int d = 0; own && v->path[n->u.eq] && k == r0 && d < v->j->step.at[v->at].m; d++)
      arg[m++] = cx_index(g, r0 + d);
    arg[m++] = vary(v, n->arg[k]);
  }
  if (!n->nargs) r = slots(v, n);
  else if (n->op == OP_load) r = cx_load(g, own ? v->map[n->u.eq] : n->u.eq, arg, m);
  else r = cx_opn(g, (cx_op)n->op, arg, m);
  if (at) { /* one of the family is at hand, the others stand aside in their order */
    const cx_node *same, *before;
    order_of(v, &same, &before);
    const cx_node *other = cx_op3(g, OP_select, before, aside(v, r, 1), aside(v, r, -1));
    r = cx_op3(g, OP_select, same, slots(v, v->value), other);
  } else if (which >= 0) r = aside(v, r, which < v->at ? 1 : -1);
  return v->memo[n->id] = r;
}

typedef struct {
  const bool *path;
  const cx_leibniz *p;
  bool hit;
} toucher;
static void touch(void *user, const cx_node *n) {
  toucher *t = user;
  t->hit |= n->op == OP_load && (int)n->u.eq < t->p->last && t->path[n->u.eq];
}
static bool touches(const cx_leibniz *p, const bool *path, const cx_node *n) {
  toucher t = {path, p, false};
  cx_visit(p->g, n, touch, &t);
  return t.hit;
}
/* e is affine in the loads of the path */
static bool affine_below(const cx_leibniz *p, cx_scratch *w, const bool *path, const cx_node *e) {
  if (!cx_once(w, e)) return true;
  if (e->op == OP_load) { /* not in a subscript */
    for (int k = 0; k < e->nargs; k++)
      if (touches(p, path, e->arg[k])) return false;
    return true;
  }
  if (!touches(p, path, e)) return true;
  switch (e->op) {
    case OP_neg: return affine_below(p, w, path, e->arg[0]);
    case OP_add:
    case OP_sub: return affine_below(p, w, path, e->arg[0]) && affine_below(p, w, path, e->arg[1]);
    case OP_mul:
      return (!touches(p, path, e->arg[0]) || !touches(p, path, e->arg[1])) && affine_below(p, w, path, e->arg[0]) &&
             affine_below(p, w, path, e->arg[1]);
    case OP_div: return !touches(p, path, e->arg[1]) && affine_below(p, w, path, e->arg[0]);
    case OP_select:
      return !touches(p, path, e->arg[0]) && affine_below(p, w, path, e->arg[1]) && affine_below(p, w, path, e->arg[2]);
    default: return false;
  }
}

static bool affine(const cx_leibniz *p, const bool *path, const cx_node *e) {
  cx_scratch *w = cx_scratch_take(p->g);
  bool yes = affine_below(p, w, path, e);
  cx_scratch_give(p->g, w);
  return yes;
}

/* which equations lie between the family and the integrand, and whether they are affine in it */
static void find_path(variant *v) {
  cx_leibniz *p = v->j->p;
  const step *s = &v->j->step.at[v->at];
  v->path = CX_NEW_N(p->g->arena, bool, p->last + 1);
  v->affine = true;
  if (!s->m) return;
  v->path[s->eq] = true;
  for (bool changed = true; changed;) {
    changed = false;
    for (int id = p->first; id < p->last; id++) {
      const cx_eq *e = p->g->eq[id];
      bool on = e->kind == EQ_CALC && touches(p, v->path, e->body);
      for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++)
        on |= (int)e->prim_arg[k] < p->last && v->path[e->prim_arg[k]];
      if (!on) continue;
      if (e->kind == EQ_PRIM) cannot(p);
      v->affine &= id != (int)s->eq && affine(p, v->path, e->body) && (e->red == RED_none || e->red == RED_sum);
      if (!v->path[id]) v->path[id] = changed = true;
    }
  }
  const cx_eq *e = p->g->eq[s->eq];
  uint32_t mine = 0;
  for (int k = 0; k < s->m; k++) mine |= 1u << s->slot[k];
  v->affine &= e->red == RED_sum && mine == cx_reduced_mask(e);
}

/* the integrand with the step's value: f[i.., s.., k, c..] */
static uint32_t variant_of(variant *v, bool high, const cx_node *value) {
  cx_leibniz *p = v->j->p;
  cx_graph *g = p->g;
  const step *s = &v->j->step.at[v->at];
  v->value = value;
  v->high = high;
  v->map = CX_NEW_N(g->arena, uint32_t, p->last + 1);
  for (int id = p->first; id < p->last; id++) {
    v->map[id] = (uint32_t)id;
    if (!(v->j->mask[id] & CX_DEPENDS)) continue;
    const cx_eq *e = g->eq[id];
    cx_eq *t = cx_eq_new(g, e->name, (cx_eq_kind)e->kind), c = *e;
    c.id = t->id;
    *t = c;
    v->map[id] = t->id;
    if (!v->path[id]) continue;
    t->rank = (uint8_t)p->r0;
    for (int k = 0; k < s->m; k++) {
      const cx_eq *q = g->eq[s->eq];
      int slot = s->slot[k];
      cx_leibniz_dim(p, t, cx_slot_dim(q, slot));
    }
    for (int k = p->r0; k < e->rank; k++) cx_leibniz_dim(p, t, e->dim[k]);
  }
  for (int id = p->first; id < p->last; id++) {
    if (v->map[id] == (uint32_t)id) continue;
    cx_eq *t = g->eq[v->map[id]];
    const cx_eq *e = g->eq[id];
    v->eq = (uint32_t)id;
    v->shift = v->path[id] ? s->m : 0;
    v->term = v->affine && s->m && s->eq == (uint32_t)id;
    if (t->kind == EQ_CALC) {
      v->memo = CX_NEW_N(g->arena, const cx_node *, (size_t)t->body->id + 1);
      t->body = vary(v, t->body);
      if (!s->n && s->eq == (uint32_t)id) t->body = contest(v, e, t->body);
    }
    if (v->term) t->red = RED_none, t->nred = 0;
    for (int k = 0; k < t->nprim_arg; k++)
      if ((int)t->prim_arg[k] >= p->first && (int)t->prim_arg[k] < p->last) t->prim_arg[k] = v->map[t->prim_arg[k]];
  }
  return v->map[p->f];
}

/* ---- one step ---- */
typedef struct {
  cx_leibniz *p;
  int m;
  const cx_dim *dim; /* of the family */
  CX_VEC(cx_local) local;
} relocal;
/* what u reads of a local copy at a place that its own s tells: a copy for that place */
static const cx_node *read_own(void *user, cx_graph *g, const cx_node *n) {
  relocal *r = user;
  cx_leibniz *p = r->p;
  if (n->op != OP_load) return n;
  for (int q = 0; q < p->local.n; q++) {
    const cx_local *l = &p->local.at[q];
    if (l->leaf != n->u.eq) continue;
    int R = p->r0 + r->m, rest = p->r0;
    cx_local own = *l;
    for (int k = 0; k < g->eq[l->of]->rank; k++) {
      if (own.bound[k]) continue;
      const cx_node *u = n->arg[rest++];
      if (u->has_load || (u->free_lo & ~((1u << R) - 1))) return n;
      own.bound[k] = u, own.nbound++;
    }
    const cx_node *at[CX_MAX_RANK];
    for (int k = 0; k < R; k++) at[k] = cx_index(g, k);
    for (int k = 0; k < r->local.n; k++)
      if (r->local.at[k].of == own.of && !memcmp(r->local.at[k].bound, own.bound, sizeof own.bound))
        return cx_load(g, r->local.at[k].leaf, at, R);
    cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
    t->span = p->I->span;
    for (int k = 0; k < p->r0; k++) cx_leibniz_dim(p, t, p->I->dim[k]);
    for (int k = 0; k < r->m; k++) cx_leibniz_dim(p, t, r->dim[k]);
    t->body = cx_load(g, l->of, own.bound, g->eq[l->of]->rank);
    own.leaf = t->id;
    *CX_PUSH(g->arena, r->local) = own;
    return cx_load(g, t->id, at, R);
  }
  return n;
}

static const cx_node *jump(jumps *j, int which, const cx_node *sum) {
  cx_leibniz *p = j->p;
  cx_graph *g = p->g;
  const step *s = &j->step.at[which];
  const cx_node *low = NULL, *high = NULL, *ix[CX_MAX_RANK + 1];
  double period = 0;
  variant v = {.j = j, .at = which};
  int R = p->r0 + s->m;
  cx_dim dim[CX_MAX_RANK];
  int64_t slot[CX_MAX_RANK];
  const cx_node *to[CX_MAX_RANK];
  for (int k = 0; k < s->m; k++) {
    const cx_eq *e = g->eq[s->eq];
    dim[k] = s->slot[k] < e->rank ? e->dim[s->slot[k]] : e->rdim[s->slot[k] - e->rank];
    slot[k] = s->slot[k], to[k] = cx_index(g, p->r0 + k);
  }
  slot[s->m] = p->r0, to[s->m] = cx_index(g, R);
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC); /* u[i.., s.., k] */
  uint32_t u = t->id;
  t->span = p->I->span;
  for (int k = 0; k < p->r0; k++) cx_leibniz_dim(p, t, p->I->dim[k]);
  for (int k = 0; k < s->m; k++) cx_leibniz_dim(p, t, dim[k]);
  cx_leibniz_dim(p, t, (cx_dim){CX_NODES, NULL});
  const cx_node *body = s->n ? step_of(g, s->n, &low, &high, &period) : cx_load_here(g, g->eq[s->gap]);
  relocal own = {.p = p, .m = s->m, .dim = dim};
  body = s->m ? cx_rewrite(g, cx_subst(g, body, slot, to, s->m + 1), read_own, &own) : body;
  g->eq[u]->body = body;
  if (s->m == 0 && period == 0 && cx_leibniz_held(p, body)) return sum; /* it stands still */

  uint32_t by_x = UINT32_MAX, f_low = 0, f_high = 0, ends[2], per = 0;
  for (int q = 0; q < own.local.n + p->local.n; q++) { /* what it moves with */
    bool mine = q < own.local.n;
    const cx_local *l = mine ? &own.local.at[q] : &p->local.at[q - own.local.n];
    uint32_t by_leaf = cx_diff_forward(g, u, l->leaf, mine ? R : p->r0);
    uint32_t V = !mine && p->velocity ? p->velocity[q - own.local.n] : UINT32_MAX;
    if (cx_is_zero(g, by_leaf) && V == UINT32_MAX) continue;
    if (by_x == UINT32_MAX) {
      by_x = cx_diff_forward(g, u, p->x, 1);
      find_path(&v);
      f_low = variant_of(&v, false, low);
      f_high = variant_of(&v, true, high);
      for (int side = 0; side < 2; side++) {
        ends[side] = p->I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO];
        if (!s->m) continue;
        cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
        for (int k = 0; k < R; k++) cx_leibniz_dim(p, e, g->eq[u]->dim[k]);
        for (int k = 0; k < p->r0; k++) ix[k] = cx_index(g, k);
        e->body = cx_load(g, ends[side], ix, p->r0);
        ends[side] = e->id;
      }
      cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
      e->body = cx_const(g, period);
      per = e->id;
    }
    const cx_eq *le = g->eq[by_leaf], *plain = g->eq[p->f];
    cx_eq *h = cx_eq_new(g, NULL, EQ_CALC); /* [i.., s.., k, c.., rest..] */
    h->span = p->I->span;
    for (int k = 0; k <= R; k++) cx_leibniz_dim(p, h, g->eq[u]->dim[k]);
    for (int k = p->r0 + 1; k < plain->rank; k++) cx_leibniz_dim(p, h, plain->dim[k]);
    const cx_node *fix[CX_MAX_RANK];
    for (int k = 0; k < h->rank; k++) fix[k] = ix[k] = cx_index(g, k);
    bool wide = v.path[p->f]; /* else the step is not in the integrand after all */
    if (s->m && !wide) return sum;
    int nf = h->rank;
    for (int k = R + 1; k < le->rank; k++) {
      ix[k] = cx_index(g, h->rank);
      cx_leibniz_dim(p, h, le->dim[k]);
    }
    const cx_node *du = cx_load(g, by_leaf, ix, le->rank);
    const cx_node *slope = cx_load(g, by_x, ix, R + 1);
    if (V != UINT32_MAX) {
      const cx_node *at[CX_MAX_RANK];
      for (int k = 0; k < p->r0; k++) at[k] = ix[k];
      for (int k = R; k < le->rank; k++) at[k - s->m] = ix[k];
      du = cx_op2(g, OP_add, du, cx_op2(g, OP_mul, cx_load(g, V, at, le->rank - s->m), slope));
    }
    const cx_node *fall = cx_op2(g, OP_sub, cx_load(g, f_high, fix, nf), cx_load(g, f_low, fix, nf));
    h->body = cx_op2(g, OP_div, cx_op2(g, OP_mul, fall, du), cx_op1(g, OP_abs, slope));
    uint32_t J = cx_leibniz_bind(p, &cx_prim_crossing, cx_leibniz_integrand(p, h->id, R), ends, u, per);
    sum = cx_leibniz_term(p, sum, l, J, s->m);
  }
  return sum;
}

const cx_node *cx_leibniz_jumps(cx_leibniz *p, const cx_node *sum) {
  cx_graph *g = p->g;
  jumps j = {.p = p, .mask = cx_node_dims(g, g->arena, p->x)};
  j.inner = CX_NEW_N(g->arena, bool, p->last + 1);
  for (int id = p->first; id < p->last; id++)
    if (cx_is_integral(g->eq[id]) && g->eq[id]->prim_arg[CX_INTEGRAL_X] != p->x) {
      uint32_t *m = cx_node_dims(g, g->arena, g->eq[id]->prim_arg[CX_INTEGRAL_X]);
      for (int k = 0; k < p->last; k++) j.inner[k] |= (m[k] & CX_DEPENDS) != 0;
    }
  for (int id = p->first; id < p->last; id++) {
    cx_eq *e = g->eq[id];
    if (!(j.mask[id] & CX_DEPENDS) || e->kind != EQ_CALC) continue;
    e->body = cx_rewrite(g, e->body, take_apart, NULL);
    j.at = (uint32_t)id;
    cx_visit(g, e->body, see_step, &j);
    if (e->red == RED_argmax || e->red == RED_argmin) see_place(&j, e);
  }
  int n = j.step.n;
  for (int k = 0; k < n; k++) sum = jump(&j, k, sum);
  return sum;
}
