/* elab_range.c - the range of an index, from every subscript it is used in.
 *
 * A subscript u of a dimension of size n says 0 <= u <= n - 1. When the scope of index j closes, each such u that is
 * affine in j with every other variable known narrows j; the rest waits for the scope that closes later. At last every
 * u is proved inside its array, or an error says where it leaves it. */
#include <math.h>
#include <string.h>

#include "front/elab.h"

/* e = c * slot + rest; false when e is not affine in slot with an integer coefficient */
static bool affine_in(cx_elab *E, const cx_node *e, int64_t slot, double *c, const cx_node **rest) {
  const cx_node *zero = cx_const(E->g, 0), *i = cx_index(E->g, 0);
  const cx_node *r = cx_subst(E->g, e, &slot, &zero, 1);
  /* the variable alone takes slot 0, the others are cut to 0: their part is in rest */
  int64_t s[32];
  const cx_node *to[32];
  int n = cx_free_slots(E, e, s, 32);
  if (n < 0) return false;
  for (int k = 0; k < n; k++) to[k] = s[k] == slot ? i : zero;
  const cx_node *alone = cx_subst(E->g, e, s, to, n);
  int64_t c0, co[32];
  if (!cx_affine(alone, &c0, co)) return false;
  /* affine jointly? the mixed difference must vanish: e - alone - rest is constant */
  for (int k = 0; k < n; k++) {
    if (s[k] == slot) continue;
    const cx_node *one = cx_const(E->g, 1);
    const cx_node *both[32];
    for (int j = 0; j < n; j++) both[j] = s[j] == slot ? i : s[j] == s[k] ? one : zero;
    int64_t d0, dc[32];
    if (!cx_affine(cx_subst(E->g, e, s, both, n), &d0, dc) || dc[0] != co[0]) return false;
  }
  *c = (double)co[0];
  *rest = r;
  return true;
}

/* ends that depend on other variables are put in place of the variable, by the sign of its coefficient */
static const cx_node *extreme(cx_elab *E, const cx_node *e, bool upper) {
  for (int round = 0; round < 8; round++) {
    int64_t s[32];
    int n = cx_free_slots(E, e, s, 32);
    bool changed = false;
    for (int k = n - 1; k >= 0 && !changed; k--) { /* inner variables are younger */
      const cx_var *v = cx_var_of(E, s[k]);
      double c;
      const cx_node *rest;
      if ((!v->lo_e && !v->hi_e) || !affine_in(E, e, s[k], &c, &rest) || c == 0) continue;
      const cx_node *end = (c > 0) == upper ? v->hi_e : v->lo_e;
      if (!end) end = cx_const(E->g, (double)((c > 0) == upper ? v->hi : v->lo));
      e = cx_subst(E->g, e, &s[k], &end, 1);
      changed = true;
    }
    if (!changed) break;
  }
  return e;
}

static cx_interval plain_bounds(cx_elab *E, const cx_node *e) {
  int64_t s[32];
  const cx_node *to[32];
  int n = cx_free_slots(E, e, s, 32);
  if (n < 0) return (cx_interval){-INFINITY, INFINITY};
  cx_eq box = {.rank = (uint8_t)(n < CX_MAX_RANK ? n : CX_MAX_RANK),
               .nred = (uint8_t)(n > CX_MAX_RANK ? n - CX_MAX_RANK : 0)};
  if (n > 2 * CX_MAX_RANK) return (cx_interval){-INFINITY, INFINITY};
  for (int k = 0; k < n; k++) {
    const cx_var *v = cx_var_of(E, s[k]);
    if (!v->resolved) return (cx_interval){-INFINITY, INFINITY};
    cx_dim d = {v->hi - v->lo + 1, NULL};
    if (k < CX_MAX_RANK) box.dim[k] = d;
    else box.rdim[k - CX_MAX_RANK] = d;
    to[k] = cx_op2(E->g, OP_add, cx_index(E->g, k), cx_const(E->g, (double)v->lo));
  }
  return cx_bounds(E->g, n ? cx_subst(E->g, e, s, to, n) : e, &box);
}

cx_interval cx_var_bounds(cx_elab *E, const cx_node *e) {
  cx_interval lo = plain_bounds(E, extreme(E, e, false)), hi = plain_bounds(E, extreme(E, e, true));
  return (cx_interval){lo.lo, hi.hi};
}

static bool all_known(cx_elab *E, const cx_node *u, int64_t but) {
  int64_t s[32];
  int n = cx_free_slots(E, u, s, 32);
  for (int k = 0; k < n; k++)
    if (s[k] != but && !cx_var_of(E, s[k])->resolved) return false;
  return n >= 0;
}
static bool has_slot(cx_elab *E, const cx_node *u, int64_t slot) {
  int64_t s[32];
  int n = cx_free_slots(E, u, s, 32);
  for (int k = 0; k < n; k++)
    if (s[k] == slot) return true;
  return false;
}

/* which element of the data it is that leaves the array, where data alone are the subscript */
static void outside(cx_elab *E, int id, const cx_constraint *c) {
  for (int k = 0; k < E->ndecl && c->u->op == OP_load; k++) {
    const cx_decl *d = &E->decl[k];
    if (!d->bound || d->array.text || E->m->decl_eq[k] != c->u->u.eq) continue;
    int64_t n = cx_array_count(&d->array);
    double v[256];
    for (int64_t i = 0; i < n; i++) {
      if (i % 256 == 0) cx_array_run(&d->array, i, n - i < 256 ? n - i : 256, v);
      if (v[i % 256] >= 0 && v[i % 256] < (double)c->n) continue;
      cx_diag_help(E->ctx, id, "%s is %.0f", cx_element_place(E->arena, d, &d->array, i), v[i % 256]);
      return;
    }
  }
}

static void check(cx_elab *E, const cx_constraint *c) {
  if (c->weak || c->n == INT64_MAX) return;
  cx_interval b = cx_var_bounds(E, c->u);
  if (c->side > 0) b.lo = 0;
  if (c->side < 0) b.hi = 0;
  if (b.lo >= 0 && b.hi <= (double)(c->n - 1)) return;
  /* without the data no size is known that is not small, nor what data of such a size may be */
  if (E->opt.unbound && (c->size || c->n >= CX_STANDIN || b.lo <= -CX_STANDIN || b.hi >= CX_STANDIN)) return;
  int64_t s[1];
  bool data = c->u->has_load;
  if (!(b.lo < 0 && isfinite(b.lo)) && !(b.hi > (double)(c->n - 1) && isfinite(b.hi)))
    return; /* unknown: reads 0 outside */
  for (int k = 0; cx_free_slots(E, c->u, s, 1) == 1 && k < 1; k++)
    if (cx_var_of(E, s[0])->hi < cx_var_of(E, s[0])->lo) return; /* an empty range */
  int id =
      cx_error(E->ctx, c->span, "this subscript %s %.0f, outside 0..%lld of %s%s%s",
               b.lo < 0 && isfinite(b.lo) ? "goes down to" : "goes up to", b.lo < 0 && isfinite(b.lo) ? b.lo : b.hi,
               (long long)(c->n - 1), c->array ? "`" : "the array", c->array ? c->array : "", c->array ? "`" : "");
  if (data) {
    outside(E, id, c);
    cx_diag_help(E->ctx, id, "subscripts start at 0; shift the data or make the array larger");
  } else if (b.lo < 0 && c->u->op == OP_const && c->array)
    cx_diag_help(E->ctx, id, "subscripts start at 0; the last one is %s[%lld]", c->array, (long long)(c->n - 1));
  else cx_diag_help(E->ctx, id, "subscripts start at 0 and end at size - 1; ranges a..b include both ends");
}

static void constrain(cx_elab *E, cx_constraint c) {
  if (all_known(E, c.u, -1)) check(E, &c);
  else *CX_PUSH(E->arena, E->con) = c;
}
void cx_constrain(cx_elab *E, const cx_node *u, cx_dim d, cx_sym array, cx_span s, cx_span of) {
  cx_constraint c = {u, d.n, d.name, 0, E->guarded > 0, s, of, array};
  /* x[k] with k in 0..i: what k reaches by i narrows i. One side each, as k may have no value at all. */
  const cx_node *up = extreme(E, u, true), *down = extreme(E, u, false);
  bool known = all_known(E, up, -1) && all_known(E, down, -1);
  if (up == down || known) {
    constrain(E, c);
    return;
  }
  c.u = up, c.side = 1;
  constrain(E, c);
  c.u = down, c.side = -1;
  constrain(E, c);
}

/* what c leaves of the variable, from *lo to *hi; false while it says nothing of it */
static bool ends(cx_elab *E, const cx_constraint *c, int64_t slot, double *lo, double *hi) {
  double a;
  const cx_node *rest;
  if (!affine_in(E, c->u, slot, &a, &rest) || a == 0) return false;
  cx_interval r = cx_var_bounds(E, rest);
  if (isinf(r.lo) || isinf(r.hi)) return false;
  double top = c->n == INT64_MAX ? INFINITY : (double)(c->n - 1);
  *lo = a > 0 ? ceil(-r.lo / a) : ceil((top - r.hi) / a);
  *hi = a > 0 ? floor((top - r.hi) / a) : floor(-r.lo / a);
  if (c->side && (c->side > 0) == (a > 0)) *lo = -INFINITY;
  if (c->side && (c->side > 0) != (a > 0)) *hi = INFINITY;
  return true;
}

/* how far the index may go by all that is read of c's array; below an `if` only the index alone tells */
static double reach(cx_elab *E, const cx_constraint *c, int64_t slot, int first) {
  double lo, hi, least = INFINITY;
  for (int j = first; j < E->con.n; j++) {
    const cx_constraint *d = &E->con.at[j];
    bool same = d == c || (c->array && d->array == c->array && d->n == c->n && d->weak == c->weak);
    if (d->weak && d->u->op != OP_index) continue;
    if (same && all_known(E, d->u, slot) && ends(E, d, slot, &lo, &hi) && hi < least) least = hi;
  }
  return least;
}

static const char *spelt(cx_elab *E, const cx_constraint *c) { /* "a[i]", as the program has it */
  size_t n;
  const char *text = cx_source_text(E->ctx, c->of.file, &n);
  if (text && c->of.end <= n && c->of.end - c->of.beg < 40 && !memchr(text + c->of.beg, '\n', c->of.end - c->of.beg))
    return cx_strdup(E->arena, text + c->of.beg, c->of.end - c->of.beg);
  return c->array ? c->array : "an array";
}

/* Arrays read at the same subscript have one length there: a[i] * b[i] over the shorter one is a mistake. Not so where
 * what else is read of the longer one ends it with the shorter one: p[i] beside u[i + 1] - u[i]. */
static bool lengths_agree(cx_elab *E, const cx_var *v, int64_t slot, int first, bool weak) {
  for (int j = first; j < E->con.n; j++) {
    const cx_constraint *c = &E->con.at[j], *d = NULL;
    double lo, hi, far = 0, near = 0;
    if (c->weak != weak || c->side || c->n == INT64_MAX || c->u->has_load || !has_slot(E, c->u, slot) ||
        !all_known(E, c->u, slot) || !ends(E, c, slot, &lo, &hi))
      continue;
    for (int k = first; k < j; k++) {
      const cx_constraint *b = &E->con.at[k];
      if (b->u != c->u || b->of.beg == c->of.beg || b->side || b->weak != weak || b->n == c->n || b->n == INT64_MAX)
        continue;
      if (E->opt.unbound && (!b->size || !c->size)) continue; /* a stand-in may turn out to be that number */
      far = reach(E, c, slot, first), near = reach(E, b, slot, first);
      if (far == near) continue;
      d = b;
      break;
    }
    if (!d) continue;
    const char *size[2], *name = v->name ? v->name : "i";
    for (int k = 0; k < 2; k++) {
      const cx_constraint *x = k ? c : d;
      size[k] = !x->size         ? cx_format(E->arena, "%lld", (long long)x->n)
                : E->opt.unbound ? x->size
                                 : cx_format(E->arena, "%s = %lld", x->size, (long long)x->n);
    }
    int id = cx_error(E->ctx, d->of, "`%s` runs over %s in `%s`, but over %s in `%s`", name, size[0], spelt(E, d),
                      size[1], spelt(E, c));
    cx_diag_label(E->ctx, id, d->of, "%s", size[0]);
    cx_diag_label(E->ctx, id, c->of, "%s", size[1]);
    if (E->opt.unbound)
      cx_diag_help(E->ctx, id, "give both one size, or say how far `%s` goes: %s in 0..9", name, name);
    else
      cx_diag_help(E->ctx, id, "give both one size, or say how far `%s` goes: %s in 0..%.0f", name, name,
                   fmax(0, fmin(far, near)));
    return false;
  }
  return true;
}

/* from the constraints */
static bool resolve_vars(cx_elab *E, const int64_t *slot, int n, int first) {
  bool ok = true;
  for (int round = 0; round < n; round++)
    for (int k = 0; k < n; k++) {
      cx_var *v = cx_var_of(E, slot[k]);
      if (v->resolved) continue;
      double lo = -INFINITY, hi = INFINITY, under_if = INFINITY;
      bool waits = false, weak_only = false, self = false;
      const cx_constraint *why_lo = NULL, *why_hi = NULL;
      for (int j = first; j < E->con.n; j++) {
        const cx_constraint *c = &E->con.at[j];
        if (!has_slot(E, c->u, slot[k])) continue;
        double l, h;
        if (c->weak) { /* under an `if`: the subscript itself still tells, an offset does not */
          weak_only = true;
          if (c->u->op == OP_index && (double)c->n - 1 < under_if && c->n != INT64_MAX)
            under_if = (double)c->n - 1, v->size = v->size ? v->size : c->size;
          continue;
        }
        if (!all_known(E, c->u, slot[k])) {
          waits = true;
          continue;
        }
        if (!ends(E, c, slot[k], &l, &h)) continue;
        if (c->n == INT64_MAX) self = true;
        if (l > lo) lo = l, why_lo = c;
        if (h < hi) hi = h, why_hi = c;
        if (v->size == NULL && c->u->op == OP_index) v->size = c->size;
      }
      ok &= lengths_agree(E, v, slot[k], first, false);
      if (isinf(hi) && !waits && !isinf(under_if)) {
        ok &= lengths_agree(E, v, slot[k], first, true);
        hi = under_if;
      }
      if (isinf(hi)) {
        if (waits && round < n - 1) continue;
        if (round < n - 1) continue;
        int id = cx_error(E->ctx, v->span, "the range of `%s` cannot be inferred", v->name ? v->name : "the index");
        cx_diag_help(E->ctx, id,
                     self ? "its recurrence reads no array of known length; say where it ends, as in `%s in 1..100`"
                     : weak_only ? "it subscripts only below an `if`; give its range, as in `%s in 0..9`"
                                 : "use it as a subscript of an array, or give its range, as in `%s in 0..9`",
                     v->name ? v->name : "i");
        v->lo = 0;
        v->hi = 0;
        v->resolved = true;
        ok = false;
        continue;
      }
      if (lo < 0) lo = 0;
      if (hi < lo - 1) {
        int id = cx_error(E->ctx, v->span, "the uses of `%s` leave it no value", v->name);
        if (why_hi) cx_diag_label(E->ctx, id, why_hi->span, "here it is at most %.0f", hi);
        if (why_lo) cx_diag_label(E->ctx, id, why_lo->span, "here it is at least %.0f", lo);
        ok = false;
        hi = lo - 1;
      }
      v->lo = (int64_t)lo;
      v->hi = (int64_t)hi;
      if (v->size && why_hi && (double)why_hi->n - 1 != hi) v->size = NULL;
      v->resolved = true;
    }
  int kept = first; /* what is known now is checked now; the rest waits */
  for (int j = first; j < E->con.n; j++) {
    cx_constraint c = E->con.at[j];
    if (all_known(E, c.u, -1)) {
      if (ok) check(E, &c);
    } else {
      E->con.at[kept++] = c;
    }
  }
  E->con.n = kept;
  return ok;
}

cx_val cx_in_scope(cx_elab *E, const int64_t *slot, int n, cx_scope_fn fn, void *user, cx_span s) {
  bool outer = E->retry;
  int errors = cx_error_count(E->ctx), first = E->con.n;
  bool unknown = false;
  for (int k = 0; k < n; k++) unknown |= !cx_var_of(E, slot[k])->resolved;
  E->retry = false;
  E->open += unknown;
  cx_val v = fn(E, user);
  E->open -= unknown;
  if (!unknown) {
    E->retry |= outer;
    return v;
  }
  if (v.bad) { /* what it says of ranges may be incomplete */
    for (int k = 0; k < n; k++) cx_var_of(E, slot[k])->resolved = true;
    E->con.n = first;
    E->retry = outer;
    return v;
  }
  bool ok = resolve_vars(E, slot, n, first) && cx_error_count(E->ctx) == errors;
  bool again = E->retry;
  E->retry = false;
  if (!ok) {
    E->retry = outer;
    return cx_v_bad(s);
  }
  if (again && E->open) { /* a scope around will come back here: it does not pay to do it now */
    E->retry = true;
  } else if (again) {
    first = E->con.n;
    v = fn(E, user);
    /* constraints of the second run that wait for outer variables are the first run's again */
    if (E->con.n > first) E->con.n = first;
  }
  E->retry |= outer;
  return v;
}
