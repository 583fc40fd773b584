/* elab_step.c - what changes from step to step of a fit.
 *
 *   training            1 in the steps of a fit, 0 in everything else: a scalar input that is a constant of each function
 *   random_uniform(..)  op random(draw, place, i, j..): draw is a scalar input, new at every step of a fit; place tells
 *                       the calls of the program apart; i, j.. are the indices around and of the array itself. So a row
 *                       has draws of its own, whichever batch it is in, and a fit that is resumed has the same ones.
 *   running(x)          x itself in training; else a param that no derivative moves: after every step of a fit its value
 *                       goes by `rate` of the way to x.
 *   rows_at_hand(x)     how many rows x has: in a step by batches those of the batch. */
#include <math.h>
#include <string.h>

#include "front/elab.h"

static const cx_node *input(cx_elab *E, int32_t *eq, const char *name, bool constant) {
  if (*eq < 0) {
    cx_eq *e = cx_eq_new(E->g, cx_intern_z(E->ctx, name), EQ_INPUT);
    e->constant = e->integer = constant;
    e->lo = 0;
    e->hi = 1;
    *eq = (int32_t)e->id;
  }
  return cx_load(E->g, (uint32_t)*eq, NULL, 0);
}

cx_val cx_elab_training(cx_elab *E, cx_span s) { return cx_v_node(input(E, &E->m->training_eq, "training", true), s); }

/* ---- draws ---- */
/* what tells the draws of one step, or of one seed, from those of another */
const cx_node *cx_draw_number(cx_elab *E) { return input(E, &E->m->draw_eq, "draw", false); }

/* the index variables that the call stands under: those of the arguments around, and those bound in this text */
static int scope_slots(cx_elab *E, int64_t *slot, int max) {
  int n = 0;
  for (int k = 0; k < E->ncontext && n < max; k++) slot[n++] = E->context[k];
  for (const cx_binding *b = E->env; b && !b->top && n < max; b = b->next) {
    if (b->kind != B_INDEX || b->v.bad || b->v.e->op != OP_index) continue;
    n += cx_slot_insert(slot, n, b->v.e->u.i);
  }
  return n;
}

/* a number for the place of the call in the text, the calls around included; below 2^22, so that floats hold it */
static double place_of(const cx_elab *E, const cx_ast *call) {
  uint64_t h = ((uint64_t)call->span.file << 32 | call->span.beg) * 0x9e3779b97f4a7c15u;
  for (const cx_site *s = E->site; s; s = s->up)
    h = (h ^ ((uint64_t)s->call->span.file << 32 | s->call->span.beg)) * 0xbf58476d1ce4e5b9u, h ^= h >> 31;
  return (double)(h >> 42);
}

static cx_val uniform(cx_elab *E, const cx_ast *call, const cx_val *size, int n) {
  cx_span s = call->span;
  cx_val r = {.span = s};
  if (!n && E->start) {
    r.rank = E->start->rank;
    memcpy(r.dim, E->start->dim, sizeof r.dim);
  } else if (n) {
    r.rank = (uint8_t)n;
    for (int k = 0; k < n; k++) {
      double x;
      if (!cx_v_const(E, size[k], &x) || x < 0 || x != floor(x)) {
        int id = cx_error(E->ctx, size[k].span, "the sizes of what `%s` draws are whole numbers", call->name);
        cx_diag_help(E->ctx, id, "write %s(0, 1, 3) for three numbers", call->name);
        return cx_v_bad(s);
      }
      r.dim[k] = (cx_dim){(int64_t)x, NULL};
    }
  }
  E->owned++; /* the same call elsewhere draws other numbers */
  int64_t scope[32];
  int nscope = scope_slots(E, scope, 32);
  const cx_node *zero = cx_const(E->g, 0), *flat = zero;
  for (int k = 0; k < r.rank; k++) { /* its own indices as one number */
    r.slot[k] = cx_var_range(E, NULL, 0, r.dim[k].n - 1, r.dim[k].name);
    flat =
        cx_op2(E->g, OP_add, cx_op2(E->g, OP_mul, flat, cx_const(E->g, (double)r.dim[k].n)), cx_index(E->g, r.slot[k]));
  }
  const cx_node *e = cx_draw_number(E), *place = cx_const(E->g, place_of(E, call));
  e = cx_op3(E->g, OP_random, e, place, nscope ? cx_index(E->g, scope[0]) : zero);
  for (int k = 1; k < nscope; k += 2)
    e = cx_op3(E->g, OP_random, e, cx_index(E->g, scope[k]), k + 1 < nscope ? cx_index(E->g, scope[k + 1]) : zero);
  r.e = r.rank ? cx_op3(E->g, OP_random, e, flat, zero) : e;
  return r;
}

cx_val cx_elab_draw(cx_elab *E, const cx_ast *call, cx_val *arg) {
  cx_span s = call->span;
  bool normal = !strcmp(call->name, "random_normal");
  cx_val u = uniform(E, call, arg + 2, call->nkid - 2), x[2];
  if (u.bad) return u;
  if (normal) { /* mean + sd Phi^-1(u) */
    x[0] = cx_v_map(E, OP_norm_quantile, &u, 1, s), x[1] = arg[1];
  } else { /* a + u (b - a) */
    x[0] = arg[1], x[1] = arg[0];
    x[1] = cx_v_map(E, OP_sub, x, 2, s), x[0] = u;
  }
  x[1] = cx_v_map(E, OP_mul, x, 2, s), x[0] = arg[0];
  return cx_v_map(E, OP_add, x, 2, s);
}

/* ---- rows at hand: a sum of ones ---- */
cx_val cx_elab_rows_at_hand(cx_elab *E, cx_val x, cx_span s) {
  if (!x.rank) {
    cx_error(E->ctx, s, "`rows_at_hand` asks for the rows of a scalar");
    return cx_v_bad(s);
  }
  cx_eq *e = cx_eq_new(E->g, cx_intern_z(E->ctx, "rows_at_hand"), EQ_CALC);
  e->span = s;
  e->red = RED_sum;
  e->nred = 1;
  e->rdim[0] = x.dim[0];
  e->body = cx_const(E->g, 1);
  e->counts = e->statistic = true;
  return cx_v_load(E, e->id, s);
}

/* ---- running means ---- */
cx_val cx_elab_running(cx_elab *E, const cx_ast *call, cx_val *arg, int n) {
  cx_span s = call->span;
  cx_sym name = E->defining ? E->defining : cx_intern_z(E->ctx, "running");
  cx_binding *env = E->env, *again = cx_param_made(E, call, name, s);
  E->env = env;
  if (again) return again->v;
  double rate = 0.1, start = 0;
  if ((n > 1 && !cx_v_const(E, arg[1], &rate)) || (n > 2 && !cx_v_const(E, arg[2], &start)) ||
      !(rate > 0 && rate <= 1)) {
    int id = cx_error(E->ctx, s, "running(x, rate, start) takes numbers as rate, above 0 and at most 1, and start");
    cx_diag_help(E->ctx, id, "the mean moves by `rate` of the way to x at every step of a fit");
    return cx_v_bad(s);
  }
  int64_t free[32];
  if (cx_free_slots(E, arg[0].e, free, 32) != arg[0].rank) {
    int id = cx_error(E->ctx, s, "a running mean stands under no index");
    cx_diag_help(E->ctx, id, "take it of a whole array: m[j] = mean(i: x[i, j]), then running(m)");
    return cx_v_bad(s);
  }
  uint32_t eq, start_eq;
  cx_val v = cx_v_store(E, arg[0], NULL, &eq);
  if (v.bad || eq == CX_NO_EQ) return v;
  cx_eq *now = E->g->eq[eq];
  now->statistic = true;
  int number = 0;
  cx_param p = {
      .span = s, .start_span = s, .follows = (int32_t)eq, .rate = rate, .domain = {DOM_REAL, -INFINITY, INFINITY}};
  p.name = E->site ? cx_param_name(E, name, &number) : name;
  cx_eq *raw = cx_eq_new(E->g, p.name, EQ_INPUT);
  raw->span = s;
  raw->rank = now->rank;
  memcpy(raw->dim, now->dim, sizeof raw->dim);
  p.eq = p.raw = raw->id;
  cx_val kept = cx_v_load(E, raw->id, s), first = cx_v_fresh(E, kept);
  first.e = cx_const(E->g, start);
  cx_v_store(E, first, NULL, &start_eq);
  p.start_eq = p.value_eq = (int32_t)start_eq;
  cx_val pick[3] = {cx_elab_training(E, s), v, kept};
  kept = cx_v_map(E, OP_select, pick, 3, s);
  cx_param_add(E, call, p, kept, number);
  return kept;
}
