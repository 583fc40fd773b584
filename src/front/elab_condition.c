/* elab_condition.c - conditions on random variables: which of them bound a variable, decide it or remain to be integrated
 * over, in which order the variables are taken, and what is given. */
#include <math.h>
#include <string.h>

#include "front/random.h"

cx_sym cx_random_name(cx_elab *E, const cx_ast *bind) {
  const cx_ast *whole = cx_part_whole(E, bind);
  return whole ? whole->name : bind->name;
}

/* ---- comparisons that bound a variable: x < e, e <= x.. with e that does not read it ---- */
static bool bounds(cx_elab *E, const cx_random *R, const cx_ast *c, cx_sym name, cx_random_end *b) {
  const cx_random_end *solved = R->solved ? *cx_names_at(E->arena, R->solved, (cx_sym)(const void *)c) : NULL;
  if (solved) return *b = *solved, !b->free;
  if (c->kind != A_COMPARE || c->nkid != 2 || c->ops[0] == T_NE) return false;
  for (int k = 0; k < R->n; k++) /* an array: a condition for each element */
    if (cx_part_whole(E, R->order[k]) && cx_part_whole(E, R->order[k])->name == name) return false;
  bool left = c->kid[0]->kind == A_NAME && c->kid[0]->name == name && !cx_reads(c->kid[1], name);
  bool right = c->kid[1]->kind == A_NAME && c->kid[1]->name == name && !cx_reads(c->kid[0], name);
  if (!left && !right) return false;
  *b = (cx_random_end){.end = c->kid[left],
                       .upper = (c->ops[0] == T_LT || c->ops[0] == T_LE) == left,
                       .strict = c->ops[0] == T_LT || c->ops[0] == T_GT,
                       .equal = c->ops[0] == T_EQ};
  return true;
}

static void last(cx_random *R, int k) {
  const cx_ast *v = R->order[k];
  memmove(R->order + k, R->order + k + 1, (size_t)(R->n - 1 - k) * sizeof *R->order);
  R->order[R->n - 1] = v;
}
static bool needed(const cx_random *R, int k) { /* by one that comes later */
  for (int j = k + 1; j < R->n; j++)
    if (cx_reads(R->order[j]->kid[0], R->order[k]->name)) return true;
  return false;
}
/* A variable whose every condition bounds it, and that no later one depends on, is taken last: its part is then known
 * by the distribution function. */
void cx_random_order(cx_elab *E, cx_random *R) {
  for (int k = R->n - 1; k >= 0; k--) {
    const cx_ast *v = R->order[k];
    bool good = !needed(R, k), any = false;
    for (int c = 0; c < 2; c++)
      for (const cx_ast *const *a = R->condition[c]; a && *a && good; a++) {
        cx_random_end b;
        if (!cx_reads(*a, v->name)) continue;
        any = true;
        good = bounds(E, R, *a, v->name, &b);
      }
    if (!good || !any) continue;
    last(R, k);
    return;
  }
  for (const cx_ast *const *a = R->condition[1]; a && *a; a++) /* an equality is solved for a continuous one */
    for (int k = R->n - 1; k >= 0 && (*a)->kind == A_COMPARE && (*a)->nkid == 2 && (*a)->ops[0] == T_EQ; k--) {
      if (!cx_reads(*a, R->order[k]->name) || needed(R, k)) continue;
      cx_dist d = {.of = cx_distribution_of(E, R->order[k]->kid[0])};
      if (!d.of || cx_dist_discrete(&d)) continue;
      last(R, k);
      return;
    }
}

cx_role cx_random_role(cx_elab *E, const cx_random *R, const cx_ast *c, cx_sym name, cx_random_end *b) {
  *b = (cx_random_end){0};
  if (R->met && *cx_names_at(E->arena, R->met, (cx_sym)(const void *)c)) {
    *b = (cx_random_end){.free = true, .at = cx_v_num(E, 1, c->span)};
    return CX_OUTSIDE;
  }
  if (!cx_reads(c, name)) return CX_OUTSIDE;
  return bounds(E, R, c, name, b) ? CX_BOUNDS : b->free ? CX_OUTSIDE : CX_REMAINS;
}

cx_val cx_random_joined(cx_elab *E, const cx_random *R, cx_role take, cx_sym name) {
  cx_val all = {0};
  for (int k = 0; k < 2; k++)
    for (const cx_ast *const *a = R->condition[k]; a && *a; a++) {
      cx_random_end b;
      cx_role is = cx_random_role(E, R, *a, name, &b);
      if (take == CX_OUTSIDE ? is != CX_OUTSIDE : is < take) continue;
      cx_val v = b.free ? b.at : cx_elab_expr(E, *a);
      if (v.bad) return v;
      if (v.rank) {
        int id =
            cx_error(E->ctx, (*a)->span, "a condition is one truth value, but this has shape %s", cx_v_shape(E, v));
        cx_diag_help(E->ctx, id, "all of them hold where min(..) of them is 1: min(x) > 0; or name one: x[0] > 0");
        return cx_v_bad((*a)->span);
      }
      all = all.e ? op2(E, OP_and, all, v) : v;
    }
  return all;
}

bool cx_random_narrow(cx_elab *E, const cx_random *R, int first, const cx_dist *d, cx_sym name, cx_val *lo, cx_val *hi,
                      bool *below, bool *above, bool *point) {
  bool discrete = cx_dist_discrete(d);
  cx_val one = cx_v_num(E, 1, R->x->span);
  for (int k = first; k < 2; k++)
    for (const cx_ast *const *a = R->condition[k]; a && *a; a++) {
      cx_random_end b;
      if (cx_random_role(E, R, *a, name, &b) != CX_BOUNDS) continue;
      cx_val v = b.end ? cx_elab_expr(E, b.end) : b.at;
      if (v.bad) return false;
      if (v.rank) {
        cx_error(E->ctx, b.end->span, "a condition compares numbers, but this has shape %s", cx_v_shape(E, v));
        return false;
      }
      *point |= b.equal;
      for (int side = 0; side < 2; side++) {
        if (!b.equal && side != b.upper) continue;
        cx_val w = v;
        if (discrete && side) w = b.strict ? op2(E, OP_sub, op1(E, OP_ceil, v), one) : op1(E, OP_floor, v);
        if (discrete && !side) w = b.strict ? op2(E, OP_add, op1(E, OP_floor, v), one) : op1(E, OP_ceil, v);
        cx_val *end = side ? hi : lo;
        bool *have = side ? above : below;
        *end = *have ? op2(E, side ? OP_min : OP_max, *end, w) : w;
        *have = true;
      }
    }
  return true;
}

/* A variable, and all after it, as inputs. What is said of them then demands nothing of parameters. */
static bool stand_in(cx_elab *E, const cx_random *R, int at, uint32_t *input) {
  for (int k = at; k < R->n; k++) {
    const cx_ast *v = R->order[k];
    cx_eq *e = cx_eq_new(E->g, v->name, EQ_INPUT);
    input[k - at] = e->id;
    e->node = true;
    cx_dist d;
    cx_val lo, hi;
    if (cx_is_dist(E, v->kid[0]) && cx_dist_of(E, v->kid[0], &d) && !cx_dist_dims(&d)) {
      cx_dist_support(E, &d, &lo, &hi);
      if (!lo.bad && !hi.bad) cx_v_const(E, lo, &e->lo), cx_v_const(E, hi, &e->hi);
    }
    cx_bind_name(E, v->name, B_VALUE, v->name_span)->v = cx_v_node(cx_load(E->g, e->id, NULL, 0), v->span);
    if (!cx_part_ends(E, v)) return false;
  }
  return true;
}
/* both sides of a comparison, left - right, as rest + slope * input; false: they are not seen to be, or have an error */
static bool affine_sides(cx_elab *E, const cx_ast *c, uint32_t input, const cx_node **rest, const cx_node **slope) {
  cx_val x = cx_elab_expr(E, c->kid[0]), y = cx_elab_expr(E, c->kid[1]);
  if (x.bad || y.bad || x.rank || y.rank) return false;
  return cx_affine_in(E, cx_spelled(E, op2(E, OP_sub, x, y)).e, input, rest, slope);
}

cx_root cx_random_fixed(cx_elab *E, const cx_random *R, int at, cx_sym about) {
  cx_root r = {0};
  cx_random_end b;
  for (const cx_ast *const *a = R->condition[1]; a && *a; a++) {
    bool known = bounds(E, R, *a, R->order[at]->name, &b) && b.equal;
    for (int k = at + 1; k < R->n && known; k++) known = !cx_reads(b.end, R->order[k]->name);
    if (known) return r.x = cx_elab_expr(E, b.end), r;
  }
  for (const cx_ast *const *a = R->condition[1]; a && *a; a++) {
    const cx_node *rest, *slope, *other, *none;
    uint32_t input[256];
    if ((*a)->kind != A_COMPARE || (*a)->nkid != 2 || (*a)->ops[0] != T_EQ) continue;
    if (*cx_names_at(E->arena, R->met, (cx_sym)(const void *)*a)) continue;
    bool any = false; /* of an array all parts may decide it */
    for (int k = at; k < R->n && !any; k++) any = cx_reads(*a, k == at ? about : cx_random_name(E, R->order[k]));
    if (!any || bounds(E, R, *a, about, &b)) continue;
    cx_binding *env = E->env;
    E->branches++;
    bool affine = stand_in(E, R, at, input) && affine_sides(E, *a, input[0], &rest, &slope);
    for (int k = 1; k < R->n - at && affine; k++) /* what comes later is of no matter to it */
      affine = cx_affine_in(E, rest, input[k], &none, &other) && cx_is_number(other, 0) &&
               cx_affine_in(E, slope, input[k], &none, &other) && cx_is_number(other, 0);
    E->branches--;
    E->env = env;
    if (!affine || cx_is_number(slope, 0)) continue;
    *cx_names_at(E->arena, R->met, (cx_sym)(const void *)*a) = E;
    r.slope = cx_v_node(slope, (*a)->span);
    r.x = op2(E, OP_div, op1(E, OP_neg, cx_v_node(rest, (*a)->span)), r.slope);
    return r;
  }
  return r;
}

/* The logarithm of the probability of what is given of this variable, where that underflows: both sides of the quotient
 * E[..; given] / P(given) are reduced by it. No e: that does not happen, or the variables around decide it. */
static bool depends(cx_elab *E, const cx_random *R, int at, cx_val m) {
  int64_t of[32], by[32];
  int n = cx_free_slots(E, m.e, of, 32);
  for (int k = 0; k < at && n > 0; k++) {
    const cx_binding *b = cx_lookup_env(E, R->order[k]->name, false);
    int nby = b ? cx_free_slots(E, b->v.e, by, 32) : 0;
    for (int j = 0; j < nby * n; j++)
      if (of[j / nby] == by[j % nby]) return true;
    if (nby < 0) return true;
  }
  return n < 0;
}
cx_val cx_random_shift(cx_elab *E, const cx_random *R, int at, const cx_dist *d, cx_sym name) {
  enum { LEAST = -600 };
  static const double LOST = -1e10; /* its rounding alone is 1e-6: it counts as never */
  cx_span s = R->x->span;
  cx_val lo = cx_v_num(E, -INFINITY, s), hi = cx_v_num(E, INFINITY, s), none = {0};
  bool below = false, above = false, point = false;
  double known;
  for (const cx_ast *const *a = R->condition[1]; a && *a; a++) { /* an end that later variables decide is not known */
    cx_random_end b;
    if (cx_random_role(E, R, *a, name, &b) != CX_BOUNDS || !b.end) continue;
    for (int k = at + 1; k < R->n; k++)
      if (cx_reads(b.end, R->order[k]->name) || cx_reads(b.end, cx_random_name(E, R->order[k]))) return none;
  }
  if (!R->condition[1] || !cx_random_narrow(E, R, 1, d, name, &lo, &hi, &below, &above, &point)) return none;
  if (point || (!below && !above)) return none;
  cx_val m = cx_dist_mass(E, d, lo, hi);
  if (m.bad || m.rank || cx_inside_integral(E, m) || depends(E, R, at, m)) return none;
  if (cx_v_const(E, m, &known)) return known > LEAST || known < LOST ? none : m;
  if (!cx_dist_closed(d)) return none;
  cx_val tiny = op2(E, OP_and, op2(E, OP_lt, m, cx_v_num(E, LEAST, s)), op1(E, OP_isfinite, m));
  return when(E, tiny, m, cx_v_num(E, 0, s));
}

/* The conditions that are affine in the last variable bound it, whatever else they read: rest + slope x < 0. */
bool cx_random_solve(cx_elab *E, const cx_random *R, cx_sym about) {
  uint32_t input;
  for (int k = 0; k < 2; k++)
    for (const cx_ast *const *a = R->condition[k]; a && *a; a++) {
      const cx_ast *c = *a;
      const cx_node *rest, *slope;
      cx_random_end b;
      bool compares = c->kind == A_COMPARE && c->nkid == 2 && c->ops[0] != T_EQ && c->ops[0] != T_NE;
      if (!compares || cx_random_role(E, R, c, about, &b) != CX_REMAINS) continue;
      cx_binding *env = E->env;
      int errors = cx_error_count(E->ctx);
      E->branches++; /* demands nothing of parameters: the input stands in */
      bool affine = stand_in(E, R, R->n - 1, &input) && affine_sides(E, c, input, &rest, &slope);
      E->branches--;
      E->env = env;
      if (cx_error_count(E->ctx) > errors) return false;
      if (!affine) continue;
      bool less = c->ops[0] == T_LT || c->ops[0] == T_LE, strict = c->ops[0] == T_LT || c->ops[0] == T_GT;
      cx_interval s = cx_bounds(E->g, slope, NULL);
      cx_random_end *known = CX_NEW(E->arena, cx_random_end);
      cx_val w = cx_v_node(rest, c->span), zero = cx_v_num(E, 0, c->span);
      if (s.lo == 0 && s.hi == 0)
        *known = (cx_random_end){.free = true, .at = op2(E, strict ? OP_lt : OP_le, less ? w : zero, less ? zero : w)};
      else if (s.lo >= 0 || s.hi <= 0)
        *known = (cx_random_end){.upper = less == (s.lo >= 0),
                                 .strict = strict,
                                 .at = op2(E, OP_div, op1(E, OP_neg, w), cx_v_node(slope, c->span))};
      else continue;
      *cx_names_at(E->arena, R->solved, (cx_sym)(const void *)c) = known;
    }
  return true;
}
