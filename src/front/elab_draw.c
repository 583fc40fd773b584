/* elab_draw.c - what is expected as a mean over random draws: expect(x ~ normal(0, 1), draws = 10000: e), prob, var, cov.
 *
 *   expect    m = sum(s: c e) / sum(s: c), c = 1 where there is no condition; prob: e is 0 or 1
 *   var, cov  sum(s: c (a - ma) (b - mb)) / (sum(s: c) - 1)
 *   error     sqrt(sum(s: c (t - m)^2)) / sum(s: c), t what the mean is of: its standard error. Of a probability
 *             sqrt(q (1 - q) / n) with q = (hits + 1/2) / (n + 1): what never happened is not known to be impossible
 *
 * A draw is the distribution's `draw` of uniform numbers random(run, stream, s): the run is given by the seed, and by the
 * step in a first-order fit; the stream is the variable's place in the text, so the draws are the same wherever and in
 * whatever order they are computed.
 *
 * Derivatives. What is drawn moves with the parameters (x = mu + sigma z), and the mean of its derivative is the
 * derivative of the mean, if x is continuous and nothing jumps. Else x is held fast (inert) and each term is multiplied
 * by exp(log p(x) - log p(x) held fast), which is 1 and has the derivative of log p: the score function, of any order
 * (Foerster et al., "DiCE: the infinitely differentiable Monte Carlo estimator", ICML 2018). What moves a jump itself, a
 * condition or the end of a support, has no derivative there (OP_jump), and asking for it is an error. */
#include <math.h>
#include <string.h>

#include "front/dist.h"

typedef struct {
  const cx_by_draws *q;
  cx_drawing drawing;
  bool score;    /* hold continuous variables fast, too */
  cx_val weight; /* the sum of the log p - log p held fast; no e: none */
} mean_;

static cx_val number(cx_elab *E, double x, cx_span s) { return cx_v_num(E, x, s); }

/* ---- draws of one variable ---- */
typedef struct {
  mean_ *M;
  const cx_ast *bind;
  const int64_t *index;
  int n;
  cx_val weight; /* log p - log p held fast; no e: none */
} variable;

/* below 2^22, so that floats hold it */
static double stream_of(const cx_ast *bind) {
  uint64_t place = (uint64_t)bind->name_span.file << 32 | (uint64_t)bind->name_span.beg;
  return (double)(place * 0x9e3779b97f4a7c15u >> 42);
}

static cx_val uniforms(cx_elab *E, const variable *v, const int64_t *size, int rank) {
  cx_span s = v->bind->span;
  cx_val k = cx_v_node(cx_index(E->g, v->M->drawing.slot), s);
  cx_val u = {.rank = (uint8_t)rank, .span = s};
  for (int j = 0; j < v->n + rank; j++) {
    int64_t n, slot;
    if (j < v->n) {
      const cx_var *x = cx_var_of(E, slot = v->index[j]);
      if (!x->resolved) E->retry = true;
      n = x->hi + 1;
    } else {
      n = size[j - v->n];
      slot = u.slot[j - v->n] = cx_var_range(E, NULL, 0, n - 1, NULL);
      u.dim[j - v->n] = (cx_dim){n, NULL};
    }
    k = op2(E, OP_add, op2(E, OP_mul, k, number(E, (double)n, s)), cx_v_node(cx_index(E->g, slot), s));
  }
  cx_val three[3] = {cx_v_node(cx_draw_number(E), s), number(E, stream_of(v->bind), s), k};
  u.e = cx_v_map(E, OP_random, three, 3, s).e;
  return u;
}

/* x - x held fast: 0, with the derivative of x */
static cx_val moved(cx_elab *E, cx_val x) {
  uint32_t eq;
  cx_val fast = cx_v_store(E, x, NULL, &eq);
  if (fast.bad || eq == CX_NO_EQ) return number(E, 0, x.span);
  E->g->eq[eq]->inert = true;
  return op2(E, OP_sub, x, fast);
}

static cx_val draw_one(cx_elab *E, void *user) {
  variable *v = user;
  cx_dist d;
  int64_t size[CX_MAX_RANK];
  v->weight = (cx_val){0};
  cx_drawing *outer = E->drawing;
  E->drawing = &v->M->drawing;
  bool ok = cx_dist_of(E, v->bind->kid[0], &d) && cx_dist_single(E, &d, v->bind->name);
  E->drawing = outer;
  int rank = ok ? cx_dist_draw_dims(&d) : 0;
  if (ok && cx_dist_dims(&d) && !cx_dist_has(&d, "draw")) {
    int id = cx_error(E->ctx, d.call->span, "the distribution `%s` has no draw", d.of->name);
    cx_diag_help(E->ctx, id, "of arrays it does not follow from the density: give it in its block, draw(u[n]) = ..");
    ok = false;
  }
  if (!ok || !cx_dist_draw_sizes(E, &d, size)) return cx_v_bad(v->bind->span);
  cx_drawing own = {v->M->drawing.slot, false, NULL};
  E->drawing = &own; /* does a choice in the draw depend on the parameters? */
  cx_val x = cx_dist_value(E, &d, DIST_DRAW, uniforms(E, v, size, rank));
  E->drawing = outer;
  uint32_t eq;
  if (cx_dist_discrete(&d)) x = op1(E, OP_round, x); /* known to be whole: it may subscript */
  x.span = v->bind->span;
  x = cx_v_store(E, x, v->bind->name, &eq);
  if (x.bad || !(v->M->score || own.jumps || cx_dist_discrete(&d))) return x;
  if (eq != CX_NO_EQ) E->g->eq[eq]->inert = true;
  cx_val l = cx_dist_log_density(E, &d, x, true), end[2];
  if (l.bad) return l;
  v->weight = moved(E, l);
  if (cx_dist_discrete(&d) || cx_dist_dims(&d)) return x;
  cx_dist_support(E, &d, &end[0], &end[1]);
  for (int k = 0; k < 2; k++) { /* an end that moves */
    if (end[k].bad || end[k].e->op == OP_const) continue;
    cx_val at = moved(E, op2(E, OP_jump, end[k], end[k])), zero = number(E, 0, x.span);
    v->weight = op2(E, OP_add, v->weight, when(E, op1(E, OP_isfinite, end[k]), at, zero));
  }
  return x;
}

/* the variables of the binder, as names; false after an error */
static bool draw_all(cx_elab *E, mean_ *M) {
  const cx_ast *x = M->q->x;
  for (int k = 0; k < x->nbind; k++) {
    const cx_ast *b = x->kid[k];
    cx_binding *env = E->env;
    int64_t slot[CX_MAX_RANK];
    variable v = {.M = M, .bind = b, .index = slot, .n = b->nkid - 1};
    if (v.n > 4) {
      cx_error(E->ctx, b->span, "a random array has at most 4 dimensions");
      return false;
    }
    for (int j = 0; j < v.n; j++) {
      const cx_ast *i = b->kid[1 + j];
      slot[j] = cx_var_new(E, i->name, i->name_span);
      if (i->op == T_IN) {
        int64_t lo, hi;
        if (!cx_elab_int(E, i->kid[0]->kid[0], &lo) || !cx_elab_int(E, i->kid[0]->kid[1], &hi)) return false;
        if (lo != 0 || hi < 0) {
          int id = cx_error(E->ctx, i->span, "the indices of a random array start at 0");
          cx_diag_help(E->ctx, id, "write %s in 0..9", i->name);
          return false;
        }
        cx_var *w = cx_var_of(E, slot[j]);
        w->lo = lo, w->hi = hi, w->resolved = true;
      }
      cx_bind_name(E, i->name, B_INDEX, i->span)->v = cx_v_node(cx_index(E->g, slot[j]), i->span);
    }
    cx_val one = cx_in_scope(E, slot, v.n, draw_one, &v, b->span), all = {.e = one.e, .span = b->span};
    E->env = env;
    if (one.bad) return false;
    if (v.weight.e) {
      cx_val w = v.n ? cx_v_reduce(E, RED_sum, slot, v.n, v.weight, b->span) : v.weight;
      M->weight = M->weight.e ? op2(E, OP_add, M->weight, w) : w;
    }
    if (v.n + one.rank > CX_MAX_RANK) {
      cx_error(E->ctx, b->span, "`%s` would have %d dimensions; the most is %d", b->name, v.n + one.rank, CX_MAX_RANK);
      return false;
    }
    all.rank = (uint8_t)(v.n + one.rank);
    for (int j = 0; j < all.rank; j++) {
      const cx_var *i = j < v.n ? cx_var_of(E, slot[j]) : NULL;
      if (i && i->lo > 0) {
        cx_error(E->ctx, b->kid[1 + j]->span,
                 "`%s` can only start at %lld, but the indices of a random array start at 0", i->name,
                 (long long)i->lo);
        return false;
      }
      all.dim[j] = i ? (cx_dim){i->hi + 1, i->size} : one.dim[j - v.n];
      all.slot[j] = i ? slot[j] : one.slot[j - v.n];
    }
    cx_bind_name(E, b->name, B_VALUE, b->name_span)->v = all.rank ? cx_v_fresh(E, all) : all;
  }
  return true;
}

/* ---- means ---- */
static cx_val total(cx_elab *E, const mean_ *M, cx_val v) {
  return cx_v_reduce(E, RED_sum, &M->drawing.slot, 1, v, M->q->x->span);
}

static cx_val mean_of(cx_elab *E, mean_ *M) {
  const cx_by_draws *q = M->q;
  cx_span s = q->x->span;
  if (!draw_all(E, M)) return cx_v_bad(s);
  cx_drawing *outer = E->drawing;
  E->drawing = &M->drawing;
  cx_val a = cx_elab_expr(E, q->e), b = q->e2 ? cx_elab_expr(E, q->e2) : a, c = {0};
  if (q->given) c = cx_elab_expr(E, q->given);
  cx_val zero = number(E, 0, s), one = number(E, 1, s), n = number(E, (double)q->draws, s), count = n;
  if (c.e && !c.bad) c = op2(E, OP_ne, c, zero);
  if (q->kind == R_PROB && !a.bad) a = op2(E, OP_ne, a, zero);
  E->drawing = outer;
  if (M->drawing.jumps && !M->score) return a;
  if (a.bad || b.bad || c.bad) return cx_v_bad(s);
  if (c.rank || (q->kind == R_PROB && a.rank)) {
    cx_val v = c.rank ? c : a;
    cx_error(E->ctx, v.span, "a condition is one truth value, but this has shape %s", cx_v_shape(E, v));
    return cx_v_bad(s);
  }
  uint32_t eq, error;
  if (c.e) count = cx_v_store(E, total(E, M, c), NULL, &eq); /* draws that count, however they are weighed */
  cx_val w = {0}, sum = n;
  if (M->weight.e) w = op1(E, OP_exp, M->weight);
  if (c.e) w = w.e ? op2(E, OP_mul, w, c) : c;
  if (c.e) sum = cx_v_store(E, total(E, M, w), NULL, &eq);
#define TOTAL(v, by) total(E, M, (by).e ? op2(E, OP_mul, c.e ? when(E, c, v, zero) : (v), by) : (v))
  cx_val m = cx_v_store(E, op2(E, OP_div, TOTAL(a, w), sum), NULL, &eq), t = a;
  if (q->kind == R_VAR || q->kind == R_COV) {
    cx_val m2 = q->e2 ? cx_v_store(E, op2(E, OP_div, TOTAL(b, w), sum), NULL, &eq) : m;
    t = op2(E, OP_mul, op2(E, OP_sub, a, m), op2(E, OP_sub, b, m2));
    m = cx_v_store(E, op2(E, OP_div, TOTAL(t, w), op2(E, OP_sub, sum, one)), NULL, &eq);
  }
  cx_val se;
  if (q->kind == R_PROB) {
    cx_val half = number(E, 0.5, s);
    cx_val p = op2(E, OP_div, op2(E, OP_add, op2(E, OP_mul, m, count), half), op2(E, OP_add, count, one));
    se = op1(E, OP_sqrt, op2(E, OP_div, op2(E, OP_mul, p, op2(E, OP_sub, one, p)), count));
  } else {
    cx_val off = op2(E, OP_sub, t, m);
    se = op2(E, OP_div, op1(E, OP_sqrt, TOTAL(op2(E, OP_mul, off, off), c)), count);
  }
#undef TOTAL
  if (m.bad || se.bad) return cx_v_bad(s);
  se = cx_v_store(E, se, NULL, &error);
  if (eq != CX_NO_EQ && error != CX_NO_EQ && !se.bad)
    *CX_PUSH(E->arena, E->estimate) = (cx_estimate){eq, error, q->draws, stream_of(q->x->kid[0]), s};
  return m;
}

cx_val cx_elab_draws(cx_elab *E, const cx_by_draws *q) {
  mean_ M = {.q = q};
  cx_binding *env = E->env;
  cx_val v;
  for (int pass = 0; pass < 2; pass++) { /* once more when something jumps */
    M = (mean_){.q = q, .score = pass == 1};
    M.drawing = (cx_drawing){cx_var_range(E, cx_intern_z(E->ctx, "draw"), 0, q->draws - 1, NULL), false, E->drawing};
    v = mean_of(E, &M);
    E->env = env;
    if (v.bad || !M.drawing.jumps) break;
  }
  v.span = q->x->span;
  return v;
}
