/* elab_integral.c - integral(x in a..b, y in 0..x: e): an equation for the integrand, one for each end, and the
 * primitive that binds x (pass/integral.h). Several variables are integrals inside one another, the first outermost.
 * sum(k in 0..inf: e) is a series in the same way. */
#include <math.h>
#include <string.h>

#include "front/elab.h"
#include "pass/integral.h"

/* free variables of e that are not its own, added to ctx in ascending order; false: too many */
static bool add_context(cx_elab *E, cx_val v, int64_t but, int64_t *ctx, int *n) {
  int64_t all[4 * CX_MAX_RANK];
  int k = cx_free_slots(E, v.e, all, 4 * CX_MAX_RANK);
  for (int j = 0; j < k; j++) {
    bool known = all[j] == but;
    for (int d = 0; d < v.rank; d++) known |= v.slot[d] == all[j];
    for (int d = 0; d < *n; d++) known |= ctx[d] == all[j];
    if (known) continue;
    if (*n == CX_MAX_RANK) return false;
    *n += cx_slot_insert(ctx, *n, all[j]);
  }
  return k >= 0;
}

static cx_val end_of(cx_elab *E, const cx_ast *x, const char *which, cx_span s) {
  if (!x) {
    int id = cx_error(E->ctx, s, "an integral needs both ends");
    cx_diag_help(E->ctx, id, "write `x in a..b`; an end may be inf or -inf");
    return cx_v_bad(s);
  }
  cx_val v = cx_elab_expr(E, x);
  if (v.bad) return v;
  double at;
  if (v.rank) {
    int id = cx_error(E->ctx, x->span, "the %s end of an integral is one number, but this has shape %s", which,
                      cx_v_shape(E, v));
    cx_diag_help(E->ctx, id, "name an index to get an integral for each: F[i] = integral(x in a[i]..b[i]: ..)");
    return cx_v_bad(x->span);
  }
  if (cx_v_const(E, v, &at) && isnan(at)) {
    cx_error(E->ctx, x->span, "the %s end of this integral is not a number", which);
    return cx_v_bad(x->span);
  }
  return v;
}

typedef struct {
  const cx_ast *x;
  int at;
  double tol;
  const cx_prim *prim;
} integral;

cx_val cx_bind_variable(cx_elab *E, const cx_prim *prim, cx_sym name, cx_span where, cx_val lo, cx_val hi, double tol,
                        cx_scope_fn fn, void *user, cx_span s) {
  if (lo.bad || hi.bad) return cx_v_bad(s);
  cx_eq *x = cx_eq_new(E->g, name, EQ_INPUT);
  x->node = true;
  x->integer = prim == &cx_prim_series;
  x->rank = 1;
  x->dim[0] = (cx_dim){CX_NODES, NULL};
  x->span = where;
  double a, b;
  if (cx_v_const(E, lo, &a) && cx_v_const(E, hi, &b)) x->lo = fmin(a, b), x->hi = fmax(a, b);
  uint32_t variable = x->id;
  int64_t node = cx_var_range(E, name, 0, CX_NODES - 1, NULL);
  cx_var_of(E, node)->node = true;
  const cx_node *k = cx_index(E->g, node);
  cx_binding *env = E->env, *mine = cx_bind_name(E, name, B_VALUE, where);
  mine->v = cx_v_node(cx_load(E->g, variable, &k, 1), where);
  mine->leaf = variable;
  cx_val v = fn(E, user);
  E->env = env;
  if (v.bad) return v;
  if (v.rank == CX_MAX_RANK) {
    cx_error(E->ctx, s, "an integrand has at most %d dimensions", CX_MAX_RANK - 1);
    return cx_v_bad(s);
  }
  int64_t ctx[CX_MAX_RANK];
  int n = 0;
  if (!add_context(E, v, node, ctx, &n) || !add_context(E, lo, node, ctx, &n) || !add_context(E, hi, node, ctx, &n) ||
      n + v.rank + 1 > CX_MAX_RANK) {
    int id =
        cx_error(E->ctx, s, "this integral depends on more than %d variables and indices at once", CX_MAX_RANK - 1);
    cx_diag_help(E->ctx, id, "at most %d variables stand inside one another; integrate over the others first",
                 CX_MAX_RANK);
    return cx_v_bad(s);
  }
  bool root = prim == &cx_prim_crossing; /* of v: the sum of the variable itself over its roots */
  cx_val f = root ? mine->v : v, g = v, t = cx_v_num(E, fabs(tol), s);
  f.dim[f.rank] = (cx_dim){CX_NODES, NULL};
  f.slot[f.rank++] = node;
  g.dim[g.rank] = f.dim[f.rank - 1];
  g.slot[g.rank++] = node;
  v.span = f.span = g.span = lo.span = hi.span = s;
  uint32_t part[CX_CROSSING_PERIOD + 1];
  int nparts = root ? CX_CROSSING_PERIOD + 1 : CX_INTEGRAL_TOL + 1;
  int errors = cx_error_count(E->ctx);
  part[CX_INTEGRAL_X] = variable;
  part[CX_INTEGRAL_F] = cx_v_over(E, f, NULL, ctx, n);
  part[CX_INTEGRAL_LO] = cx_v_over(E, lo, NULL, ctx, n);
  part[CX_INTEGRAL_HI] = cx_v_over(E, hi, NULL, ctx, n);
  if (root) part[CX_CROSSING_G] = cx_v_over(E, g, NULL, ctx, n);
  part[nparts - 1] = cx_v_over(E, root ? cx_v_num(E, 0, s) : t, NULL, ctx, 0);
  if (cx_error_count(E->ctx) > errors) return cx_v_bad(s);
  for (int j = 0; j < nparts; j++)
    if (part[j] == CX_NO_EQ) { /* a range around is not known yet: only the shape counts */
      v.e = cx_const(E->g, 0);
      return v;
    }
  E->g->eq[part[nparts - 1]]->loose = !root && tol < 0;
  cx_eq *e = cx_eq_new(E->g, NULL, EQ_PRIM);
  e->prim = prim;
  e->span = s;
  memcpy(e->prim_arg, part, (size_t)nparts * sizeof *part);
  e->nprim_arg = nparts;
  const cx_eq *fe = E->g->eq[part[CX_INTEGRAL_F]];
  e->rank = (uint8_t)(fe->rank - 1);
  memcpy(e->dim, fe->dim, (size_t)e->rank * sizeof *e->dim);
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d < n; d++) sub[d] = cx_index(E->g, ctx[d]);
  for (int d = 0; d < v.rank; d++) sub[n + d] = cx_index(E->g, v.slot[d]);
  v.e = cx_load(E->g, e->id, sub, e->rank);
  return v;
}

static cx_val one(cx_elab *E, const integral *I);
static cx_val inside(cx_elab *E, void *user) {
  const integral *I = user;
  integral inner = *I;
  inner.at++;
  return inner.at < I->x->nbind ? one(E, &inner) : cx_elab_expr(E, I->x->kid[I->x->nkid - 1]);
}
static cx_val one(cx_elab *E, const integral *I) {
  const cx_ast *bind = I->x->kid[I->at], *range = bind->nkid ? bind->kid[0] : NULL;
  if (bind->op != T_IN || !range) {
    int id = cx_error(E->ctx, bind->span, "the variable of an integral needs its ends");
    cx_diag_help(E->ctx, id, "write `%s in a..b`; an end may be inf or -inf", bind->name);
    return cx_v_bad(I->x->span);
  }
  cx_val lo = end_of(E, range->nkid > 0 ? range->kid[0] : NULL, "lower", range->span);
  cx_val hi = end_of(E, range->nkid > 1 ? range->kid[1] : NULL, "upper", range->span);
  return cx_bind_variable(E, I->prim, bind->name, bind->name_span, lo, hi, I->tol, inside, (void *)(uintptr_t)I,
                          I->x->span);
}

bool cx_is_series(cx_elab *E, const cx_ast *x) {
  if (strcmp(x->name, "sum")) return false;
  for (int k = 0; k < x->nbind; k++) {
    const cx_ast *range = x->kid[k]->op == T_IN && x->kid[k]->nkid ? x->kid[k]->kid[0] : NULL;
    for (int j = 0; range && j < range->nkid && j < 2; j++) { /* inf, or -inf, as it is written */
      const cx_ast *e = range->kid[j];
      while (e->kind == A_UNARY) e = e->kid[0];
      cx_binding *b = e->kind == A_NAME ? cx_lookup_env(E, e->name, false) : NULL;
      if (e->kind == A_NAME && !b && (!strcmp(e->name, "inf") || !strcmp(e->name, "infinity"))) return true;
    }
  }
  return false;
}

cx_val cx_elab_integral(cx_elab *E, const cx_ast *x) {
  bool series = !strcmp(x->name, "sum");
  integral I = {x, 0, x->nbind >= 3 && !series ? 1e-6 : 1e-10, series ? &cx_prim_series : &cx_prim_integral};
  for (int k = x->nbind; k < x->nkid - 1; k++) {
    const cx_ast *o = x->kid[k];
    if (o->kind != A_NAMED || strcmp(o->name, "tol")) {
      int id = cx_error(E->ctx, o->span, "`%s` has no option `%s`", x->name, o->name ? o->name : "here");
      cx_diag_help(E->ctx, id, "its option is tol, the relative tolerance: %s(x in a..b, tol = 1e-8: ..)", x->name);
      return cx_v_bad(x->span);
    }
    cx_val v = cx_elab_expr(E, o->kid[0]);
    if (v.bad) return v;
    if (!cx_v_const(E, v, &I.tol) || !(I.tol >= 1e-15 && I.tol < 1)) {
      int id = cx_error(E->ctx, o->span, "tol is a number from 1e-15 to less than 1");
      cx_diag_help(E->ctx, id, "it is relative to the integral; 1e-10 when not given");
      return cx_v_bad(x->span);
    }
  }
  return one(E, &I);
}
