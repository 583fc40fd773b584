/* separate.c - what does not depend on the variable of an integral leaves it.
 *
 * The integrand is taken apart into factors: products, quotients, exp of a sum, `if c then e else 0`. Those without the
 * variable go in front of the integral, and a dimension that nothing reads any more goes away. From the innermost integral
 * outwards this turns an integral of a product over several variables into a product of integrals over one each; with
 * three variables or more a sum is first integrated term by term.
 *
 * exp(a + c) = exp(a) exp(c) is no identity of doubles: one may overflow where the other vanishes. So all exponentials of
 * a product become one. Where bounds do not prove that both parts of it stay in the range of a double, only the terms of the
 * exponent leave that take a dimension along, by which there is less to integrate, and the integral as it was is kept
 * beside the product, over an empty range unless the product has left that range when the program runs. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "pass/eqs.h"
#include "pass/integral.h"

enum { FACTORS = 64, TERMS = 32, ROUNDS = 200, EXPONENT_MAX = 100 };

typedef struct {
  const cx_node *e;
  bool below, condition; /* divides; is 0 or 1 and selects */
} factor;

typedef struct {
  cx_graph *g;
  const uint32_t *mask; /* what depends on x */
  int known;
  const cx_eq *of;
  factor f[FACTORS];
  int n;
  const cx_node *with, *without; /* the exponent: what stays, what leaves; NULL is 0 */
  uint32_t stay;                 /* dimensions that the integral keeps in any case */
  bool full;
  int budget; /* of terms of exponents */
} splitter;
enum { EXPONENT_TERMS = 200 };

static bool depends(splitter *s, const cx_node *n) { return cx_node_depends(s->g, n, s->mask, s->known); }

static void put(splitter *s, const cx_node *e, bool below, bool condition) {
  if (s->n == FACTORS) s->full = true;
  else s->f[s->n++] = (factor){e, below, condition};
}

/* terms of the exponent e; coef is a common factor without x, NULL is 1 */
static void exponent(splitter *s, const cx_node *e, const cx_node *coef, bool minus, int depth) {
  cx_graph *g = s->g;
  bool one = !depends(s, e);
  if (--s->budget < 0) s->full = true;
  if (s->full) return;
  if (depth > 0) switch (e->op) {
      case OP_add:
      case OP_sub:
        exponent(s, e->arg[0], coef, minus, depth - 1);
        exponent(s, e->arg[1], coef, minus != (e->op == OP_sub), depth - 1);
        return;
      case OP_neg: exponent(s, e->arg[0], coef, !minus, depth - 1); return;
      case OP_mul:
        for (int k = 0; k < 2 && !one; k++)
          if (!depends(s, e->arg[k])) {
            const cx_node *c = coef ? cx_op2(g, OP_mul, coef, e->arg[k]) : e->arg[k];
            exponent(s, e->arg[1 - k], c, minus, depth - 1);
            return;
          }
        break;
      case OP_div:
        if (!one && !depends(s, e->arg[1])) {
          const cx_node *c = cx_op2(g, OP_div, coef ? coef : cx_const(g, 1), e->arg[1]);
          exponent(s, e->arg[0], c, minus, depth - 1);
          return;
        }
        break;
      default: break;
    }
  const cx_node *t = coef ? cx_op2(g, OP_mul, coef, e) : e;
  const cx_node **to = one && (t->free_lo & ~s->stay) ? &s->without : &s->with;
  *to = *to ? cx_op2(g, minus ? OP_sub : OP_add, *to, t) : minus ? cx_op1(g, OP_neg, t) : t;
}

static void take(splitter *s, const cx_node *e, bool below, int depth) {
  cx_graph *g = s->g;
  if (e->op == OP_exp) {
    exponent(s, e->arg[0], NULL, below, 40);
    return;
  }
  if (s->full) return;
  if (depth > 0 && depends(s, e)) switch (e->op) {
      case OP_mul:
        take(s, e->arg[0], below, depth - 1);
        take(s, e->arg[1], below, depth - 1);
        return;
      case OP_div:
        take(s, e->arg[0], below, depth - 1);
        take(s, e->arg[1], !below, depth - 1);
        return;
      case OP_neg:
        put(s, cx_const(g, -1), false, false);
        take(s, e->arg[0], below, depth - 1);
        return;
      case OP_and:
        if (below) break;
        take(s, e->arg[0], false, depth - 1);
        take(s, e->arg[1], false, depth - 1);
        return;
      case OP_select:
        if (below || (!cx_is_number(e->arg[1], 0) && !cx_is_number(e->arg[2], 0))) break;
        if (cx_is_number(e->arg[2], 0)) {
          if (e->arg[0]->op == OP_and) take(s, e->arg[0], false, depth - 1);
          else put(s, e->arg[0], false, true);
          take(s, e->arg[1], false, depth - 1);
        } else {
          put(s, cx_op1(g, OP_not, e->arg[0]), false, true);
          take(s, e->arg[2], false, depth - 1);
        }
        return;
      case OP_pow: /* (a b)^n */
        if (e->arg[1]->op != OP_const || e->arg[1]->u.num != floor(e->arg[1]->u.num)) break;
        if (e->arg[0]->op == OP_mul || e->arg[0]->op == OP_div) {
          bool div = e->arg[0]->op == OP_div;
          take(s, cx_op2(g, OP_pow, e->arg[0]->arg[0], e->arg[1]), below, depth - 1);
          take(s, cx_op2(g, OP_pow, e->arg[0]->arg[1], e->arg[1]), below != div, depth - 1);
          return;
        }
        break;
      default: break;
    }
  put(s, e, below, !below && (cx_ops[e->op].facts & F_BOOL));
}

/* the product of the factors that (do not) depend on x; NULL: none */
static const cx_node *product(splitter *s, bool inner) {
  cx_graph *g = s->g;
  const cx_node *top = NULL, *cond = NULL;
  for (int below = 0; below < 2; below++)
    for (int k = 0; k < s->n; k++) {
      const factor *f = &s->f[k];
      if (f->condition || f->below != (below == 1) || depends(s, f->e) != inner) continue;
      if (!below) top = top ? cx_op2(g, OP_mul, top, f->e) : f->e;
      else top = cx_op2(g, OP_div, top ? top : cx_const(g, 1), f->e);
    }
  for (int k = 0; k < s->n; k++) {
    const factor *f = &s->f[k];
    if (!f->condition || depends(s, f->e) != inner) continue;
    cond = cond ? cx_op2(g, OP_and, cond, f->e) : f->e;
  }
  if (!cond) return top;
  return cx_op3(g, OP_select, cond, top ? top : cx_const(g, 1), cx_const(g, 0));
}

/* loads of plain equations replaced by what they are, so that factors are seen */
typedef struct {
  splitter *s;
  int budget;
} opener;
static const cx_node *open_plain(void *user, cx_graph *g, const cx_node *n) {
  opener *o = user;
  if (n->op != OP_load || (int)n->u.eq >= o->s->known || o->budget <= 0) return n;
  const cx_eq *e = g->eq[n->u.eq];
  if (e->kind != EQ_CALC || e->red != RED_none || !e->body || !(o->s->mask[n->u.eq] & CX_DEPENDS)) return n;
  o->budget--;
  return cx_open_load(g, n, o->s->of);
}

static uint32_t with_dims(cx_graph *g, const cx_eq *like, int nkeep, const int *keep, const cx_node *body, int n,
                          const cx_node *const *slot_to, bool tail) {
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = like->span;
  for (int k = 0; k < nkeep; k++) t->dim[t->rank++] = like->dim[keep[k]];
  if (tail) t->dim[t->rank++] = like->dim[like->rank - 1];
  int64_t slot[CX_MAX_RANK];
  for (int k = 0; k < n; k++) slot[k] = k;
  t->body = cx_subst(g, body, slot, slot_to, n);
  return t->id;
}

/* body moves into a new integral like I without the dimensions it does not use; a load of that, over I's dimensions */
static const cx_node *rest_of(cx_graph *g, const cx_eq *I, const cx_node *body, int variables) {
  uint32_t f = I->prim_arg[CX_INTEGRAL_F], ends[2] = {I->prim_arg[CX_INTEGRAL_LO], I->prim_arg[CX_INTEGRAL_HI]};
  const cx_eq *F = g->eq[f];
  int r0 = g->eq[ends[0]]->rank, keep[CX_MAX_RANK], n = 0, kept_instances = 0;
  const cx_node *to[CX_MAX_RANK], *sub[CX_MAX_RANK];
  for (int d = 0; d < F->rank - 1; d++) {
    bool used = body->free_lo >> d & 1;
    for (int k = 0; k < 2 && d < r0; k++) {
      const cx_eq *e = g->eq[ends[k]];
      used |= e->kind != EQ_CALC || e->red != RED_none || (e->body->free_lo >> d & 1);
    }
    to[d] = cx_const(g, 0);
    if (!used) continue;
    to[d] = cx_index(g, n);
    sub[n] = cx_index(g, d);
    keep[n++] = d;
    kept_instances += d < r0;
  }
  to[F->rank - 1] = cx_index(g, n);
  cx_eq *t = cx_eq_new(g, NULL, EQ_PRIM);
  uint32_t id = t->id;
  t->prim = I->prim;
  t->span = I->span;
  t->slope = I->slope;
  t->nprim_arg = I->nprim_arg;
  memcpy(t->prim_arg, I->prim_arg, sizeof t->prim_arg);
  t->rank = (uint8_t)n;
  for (int k = 0; k < n; k++) t->dim[k] = F->dim[keep[k]];
  uint32_t nf = with_dims(g, F, n, keep, body, F->rank, to, true), end[2];
  for (int k = 0; k < 2; k++) {
    end[k] = ends[k];
    if (kept_instances < r0)
      end[k] = with_dims(g, g->eq[ends[k]], kept_instances, keep, g->eq[ends[k]]->body, r0, to, false);
  }
  bool alone = true; /* of one variable now: exact to what these can be had for */
  for (int k = 0; k < n; k++) alone &= F->dim[keep[k]].n != CX_NODES;
  const cx_eq *tol = g->eq[I->prim_arg[CX_INTEGRAL_TOL]];
  uint32_t finer = I->prim_arg[CX_INTEGRAL_TOL];
  if (alone && tol->kind == EQ_CALC && tol->body->op == OP_const && tol->body->u.num > 1e-10 && variables >= 3) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
    e->body = cx_const(g, 1e-10);
    finer = e->id;
  }
  t = g->eq[id];
  t->prim_arg[CX_INTEGRAL_TOL] = finer;
  t->prim_arg[CX_INTEGRAL_F] = nf;
  t->prim_arg[CX_INTEGRAL_LO] = end[0];
  t->prim_arg[CX_INTEGRAL_HI] = end[1];
  return cx_load(g, id, sub, n);
}

/* the dimensions that the integral of body between the ends of I has */
static uint32_t reads(cx_graph *g, const cx_eq *I, const cx_node *body) {
  uint32_t used = body->free_lo;
  for (int k = CX_INTEGRAL_LO; k <= CX_INTEGRAL_HI; k++) {
    const cx_eq *e = g->eq[I->prim_arg[k]];
    used |= e->kind != EQ_CALC || e->red != RED_none ? (1u << e->rank) - 1 : e->body->free_lo;
  }
  return used;
}

/* the factors of body; false: of an exponential that was taken apart the parts may overflow */
static bool factors(splitter *s, const cx_node *body) {
  cx_graph *g = s->g;
  s->n = 0;
  s->with = s->without = NULL;
  take(s, body, false, 40);
  if (s->with && s->without && !depends(s, s->with))
    s->without = cx_op2(g, OP_add, s->with, s->without), s->with = NULL;
  if (s->with) put(s, cx_op1(g, OP_exp, s->with), false, false);
  if (s->without) put(s, cx_op1(g, OP_exp, s->without), false, false);
  return !s->with || !s->without ||
         (cx_bounds(g, s->with, s->of).hi <= EXPONENT_MAX && cx_bounds(g, s->without, s->of).hi <= EXPONENT_MAX);
}

/* ---- integrals as they were ---- */
typedef struct {
  uint32_t of, copy; /* an outermost integral, and its copy */
  int first;         /* equation of the copy, which ends with `copy` */
} whole;
typedef struct {
  cx_graph *g;
  const uint8_t *depth; /* by equation: variables around it */
  int known;
  CX_VEC(whole) whole;
} keeper;

/* Copies the integrals around I, or I itself, before I is taken apart. False: some of them would not be the product that
 * tells whether it overflowed, because what is left of I still depends on a variable around. */
static bool keep_whole(keeper *k, const cx_eq *I, uint32_t used) {
  cx_graph *g = k->g;
  const cx_eq *F = g->eq[I->prim_arg[CX_INTEGRAL_F]];
  if (I->prim != &cx_prim_integral) return false;
  for (int d = 0; d < F->rank - 1; d++)
    if ((used >> d & 1) && F->dim[d].n == CX_NODES) return false;
  for (int id = 0; id < k->known; id++) {
    const cx_eq *T = g->eq[id];
    if (T->kind != EQ_PRIM || T->prim != &cx_prim_integral || k->depth[id]) continue;
    uint32_t x = T->prim_arg[CX_INTEGRAL_X];
    bool around = T == I || (cx_node_dims(g, g->arena, x)[I->id] & CX_DEPENDS), kept = false;
    for (int j = 0; j < k->whole.n; j++) kept |= k->whole.at[j].of == T->id;
    if (!around || kept) continue;
    int first = g->neq;
    cx_eq *y = cx_eq_new(g, g->eq[x]->name, EQ_INPUT), copy = *g->eq[x];
    copy.id = y->id;
    *y = copy;
    uint32_t to = y->id, f = cx_replace(g, T->prim_arg[CX_INTEGRAL_F], &x, &to, 1);
    cx_eq *J = cx_eq_new(g, NULL, EQ_PRIM);
    copy = *T;
    copy.id = J->id;
    *J = copy;
    J->prim_arg[CX_INTEGRAL_F] = f, J->prim_arg[CX_INTEGRAL_X] = to;
    *CX_PUSH(g->arena, k->whole) = (whole){T->id, J->id, first};
  }
  return true;
}

static bool is_copy(const keeper *k, int id) {
  for (int j = 0; j < k->whole.n; j++)
    if (id >= k->whole.at[j].first && id <= (int)k->whole.at[j].copy) return true;
  return false;
}

/* no factor of the product e has left the range of normal numbers */
static const cx_node *range_below(cx_graph *g, cx_scratch *w, const cx_node *e) {
  if (!cx_once(w, e)) return cx_const(g, 1);
  switch (e->op) {
    case OP_add:
    case OP_sub:
    case OP_mul:
    case OP_div: return cx_op2(g, OP_and, range_below(g, w, e->arg[0]), range_below(g, w, e->arg[1]));
    case OP_neg: return range_below(g, w, e->arg[0]);
    case OP_select: return range_below(g, w, e->arg[1]);
    case OP_exp:
    case OP_load: return cx_op2(g, OP_le, cx_const(g, DBL_MIN), cx_op1(g, OP_abs, e));
    default: return cx_const(g, 1);
  }
}
static const cx_node *in_range(cx_graph *g, const cx_node *e) {
  cx_scratch *w = cx_scratch_take(g);
  const cx_node *r = range_below(g, w, e);
  cx_scratch_give(g, w);
  return r;
}
static void guard(keeper *k, whole w) {
  cx_graph *g = k->g;
  cx_eq *T = g->eq[w.of], *J = g->eq[w.copy];
  if (T->kind != EQ_CALC) { /* still an integral: it judges itself */
    J->kind = EQ_CALC, J->prim = NULL, J->nprim_arg = 0, J->body = cx_const(g, 0);
    return;
  }
  const cx_eq *L = g->eq[J->prim_arg[CX_INTEGRAL_LO]], *H = g->eq[J->prim_arg[CX_INTEGRAL_HI]];
  cx_eq *ok = cx_eq_beside(g, T, "in_range"), *hi = cx_eq_beside(g, L, "if_not");
  ok->body = cx_op2(g, OP_and, in_range(g, T->body), cx_op1(g, OP_isfinite, T->body));
  const cx_node *fine = cx_load_here(g, ok);
  if (L->rank == T->rank) hi->body = cx_op3(g, OP_select, fine, cx_load_here(g, L), cx_load_here(g, H));
  else { /* an end for all components: where all of them are fine */ cx_eq *every = cx_eq_beside(g, L, "all_in_range");
    every->red = RED_min;
    every->nred = (uint8_t)(T->rank - L->rank);
    for (int d = 0; d < every->nred; d++) every->rdim[d] = T->dim[L->rank + d];
    every->body = fine;
    hi->body = cx_op3(g, OP_select, cx_load_here(g, every), cx_load_here(g, L), cx_load_here(g, H));
  }
  J->prim_arg[CX_INTEGRAL_HI] = hi->id;
  T->body = cx_op3(g, OP_select, fine, T->body, cx_load_here(g, J));
}

/* true when I became an equation of other integrals */
static bool separate(keeper *k, cx_eq *I, int variables) {
  cx_graph *g = k->g;
  uint32_t x = I->prim_arg[CX_INTEGRAL_X];
  const cx_eq *F = g->eq[I->prim_arg[CX_INTEGRAL_F]];
  if (F->kind != EQ_CALC || F->red != RED_none) return false;
  splitter s = {.g = g, .mask = cx_node_dims(g, g->arena, x), .known = g->neq, .of = F, .budget = EXPONENT_TERMS};
  opener o = {&s, 64};
  const cx_node *body = cx_rewrite(g, F->body, open_plain, &o), *result = NULL;
  s.mask = cx_node_dims(g, g->arena, x), s.known = g->neq;
  if (variables >= 3 && (body->op == OP_add || body->op == OP_sub)) { /* term by term */
    const cx_node *term[TERMS];
    bool minus[TERMS];
    int n = 1, done = 0;
    term[0] = body, minus[0] = false;
    while (done < n) {
      const cx_node *e = term[done];
      if ((e->op == OP_add || e->op == OP_sub) && n < TERMS) {
        term[n] = e->arg[1], minus[n] = minus[done] != (e->op == OP_sub);
        term[done] = e->arg[0];
        n++;
      } else done++;
    }
    for (int j = 0; j < n; j++) {
      const cx_node *t = rest_of(g, I, term[j], variables);
      result = !result ? (minus[j] ? cx_op1(g, OP_neg, t) : t) : cx_op2(g, minus[j] ? OP_sub : OP_add, result, t);
    }
  } else {
    uint32_t all = (1u << (F->rank - 1)) - 1, used;
    const cx_node *outer, *inner;
    s.stay = ~all;
    for (int attempt = 0;; attempt++) { /* all that may leave; else what is worth it; else what is safe */
      bool safe = factors(&s, body);
      if (s.full) return false;
      outer = product(&s, false), inner = product(&s, true);
      used = inner ? reads(g, I, inner) & all : all;
      if (safe) break;
      if (attempt == 0 && used) s.stay = used | ~all;
      else if (keep_whole(k, I, used)) break;
      else s.stay = UINT32_MAX;
    }
    int r0 = g->eq[I->prim_arg[CX_INTEGRAL_LO]]->rank;
    bool unused = inner && (~used & ((1u << r0) - 1)); /* a dimension nobody reads */
    if ((!outer || outer->op == OP_const) && !unused) return false;
    result = rest_of(g, I, inner ? inner : cx_const(g, 1), variables);
    if (outer) { /* over the variable's places, perhaps, but the same at all of them */
      int64_t place = F->rank - 1;
      const cx_node *first = cx_const(g, 0);
      outer = cx_subst(g, outer, &place, &first, 1);
      bool cond = outer->op == OP_select && cx_is_number(outer->arg[2], 0);
      if (cond) result = cx_op3(g, OP_select, outer->arg[0], cx_op2(g, OP_mul, outer->arg[1], result), cx_const(g, 0));
      else result = cx_op2(g, OP_mul, outer, result);
    }
  }
  I->kind = EQ_CALC;
  I->prim = NULL;
  I->nprim_arg = 0;
  I->body = result;
  return true;
}

void cx_pass_separate(cx_graph *g) {
  bool any = false;
  for (int id = 0; id < g->neq && !any; id++) any = cx_is_integral(g->eq[id]);
  if (!any) return;
  bool *tried = CX_NEW_N(g->arena, bool, g->neq + 1);
  int cap = g->neq;
  keeper kept = {.g = g};
  for (int round = 0; round < ROUNDS; round++) {
    int neq = g->neq;
    if (neq > cap) { /* new ones have not been tried */
      bool *more = CX_NEW_N(g->arena, bool, 2 * neq + 1);
      memcpy(more, tried, (size_t)cap);
      tried = more, cap = 2 * neq;
    }
    /* innermost first: that with the most variables around it */
    uint8_t *depth = cx_alloc_n(g->arena, (size_t)neq + 1, 1);
    for (int id = 0; id < neq; id++) {
      if (g->eq[id]->kind != EQ_INPUT || !g->eq[id]->node) continue;
      uint32_t *m = cx_node_dims(g, g->arena, (uint32_t)id);
      for (int k = 0; k < neq; k++) depth[k] = (uint8_t)(depth[k] + ((m[k] & CX_DEPENDS) != 0));
    }
    int best = -1;
    for (int id = 0; id < neq; id++) {
      const cx_eq *e = g->eq[id];
      if (tried[id] || !cx_is_integral(e) || e->prim == &cx_prim_crossing || is_copy(&kept, id)) continue;
      if (best < 0 || depth[e->prim_arg[CX_INTEGRAL_F]] > depth[g->eq[best]->prim_arg[CX_INTEGRAL_F]]) best = id;
    }
    if (best < 0) break;
    tried[best] = true;
    kept.depth = depth, kept.known = neq;
    separate(&kept, g->eq[best], depth[g->eq[best]->prim_arg[CX_INTEGRAL_F]]);
  }
  for (int j = 0; j < kept.whole.n; j++) guard(&kept, kept.whole.at[j]);
  cx_unite(g); /* derivatives by params that differ in a factor outside are one integral */
}
