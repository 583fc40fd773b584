/* elab_demand.c - what distributions demand of their parameters where only values can tell: arrays, data, params.
 *
 * Each condition of `valid` that is not known to hold becomes two equations: whether it holds at each of the places where
 * the distribution stands, and the least of these; and one for each operand, so that a message can show it. run/demand.c
 * looks at them. Below an `if` nothing is demanded (the value may be one that is not taken), nor of what depends on a
 * variable of an integral or on a random draw: there a value outside of the domain leaves nan. */
#include <math.h>
#include <string.h>

#include "front/dist.h"

/* conditions by the name of their function, which is in lib/: what they say, and what helps */
static const struct {
  const char *name, *needs, *help;
} known[] = {{"is_one", "to be 1", "divide by their sum: w / sum(w)"},
             {"symmetric", "to be symmetric", "(S + S') / 2 is symmetric"},
             {"positive_definite", "to be positive definite",
              "no column may be a combination of the others; S + 1e-6 * identity(n) may do"}};
enum { KNOWN = sizeof known / sizeof *known, RECENT = 64 };

static bool has_name(const cx_ast *x) {
  if (x->kind == A_NAME || x->kind == A_CALL || x->kind == A_BINDER) return true;
  for (int k = 0; k < x->nkid; k++)
    if (x->kid[k] && has_name(x->kid[k])) return true;
  return false;
}

/* free variables of e, added; false: too many, or one at which nothing can be demanded beforehand */
static bool add_places(cx_elab *E, const cx_val *v, int64_t *slot, int *n) {
  int64_t all[4 * CX_MAX_RANK];
  int k = cx_free_slots(E, v->e, all, 4 * CX_MAX_RANK);
  for (int j = 0; j < k; j++) {
    const cx_var *x = cx_var_of(E, all[j]);
    bool have = false;
    if (x->node) return false;
    for (const cx_drawing *d = E->drawing; d; d = d->up)
      if (d->slot == all[j]) return false;
    for (int d = 0; d < v->rank; d++) have |= v->slot[d] == all[j];
    for (int d = 0; d < *n; d++) have |= slot[d] == all[j];
    if (have) continue;
    if (*n == CX_MAX_RANK) return false;
    slot[(*n)++] = all[j];
  }
  return k >= 0;
}

static cx_span place_of(const cx_dist *d, const cx_ast *operand) {
  for (int k = 0; k < d->narg; k++)
    if (cx_reads(operand, d->of->def->kid[k]->name)) return cx_dist_arg_span(d, k);
  return d->call->span;
}

/* the two equations, over these places */
static bool decide(cx_elab *E, cx_demand *q, cx_val holds, int64_t *slot, int n) {
  for (int k = 1; k < n; k++) cx_slot_insert(slot, k, slot[k]);
  holds.span = q->span;
  q->all = q->each = cx_v_over(E, holds, NULL, slot, n);
  if (q->each == CX_NO_EQ || !n) return q->each != CX_NO_EQ; /* a range around is not known yet: once more */
  cx_val least = cx_v_reduce(E, RED_min, slot, n, holds, q->span);
  if (least.bad || least.e->op != OP_load) return false;
  q->all = least.e->u.eq;
  return true;
}

static void demand(cx_elab *E, const cx_dist *d, const cx_ast *c, cx_val holds) {
  int64_t slot[CX_MAX_RANK];
  int n = 0, nslot = 0, k = 0;
  cx_ast *const *operand = c->kind == A_COMPARE || c->kind == A_CALL ? c->kid : NULL;
  int noperand = operand ? c->nkid : 0;
  while (k < KNOWN && !(c->kind == A_CALL && !strcmp(c->name, known[k].name))) k++;
  cx_demand q = {.span = d->call->span, .help = k < KNOWN ? known[k].help : NULL};
  q.needs = k < KNOWN ? cx_format(E->arena, "`%s` needs %s %s", d->of->name, cx_ast_text(E->arena, operand[0]),
                                  known[k].needs)
                      : cx_format(E->arena, "`%s` needs %s", d->of->name, cx_ast_text(E->arena, c));
  q.of = CX_NEW_N(E->arena, cx_operand, noperand + 1);
  cx_val *value = CX_NEW_N(E->arena, cx_val, noperand + 1);
  if (!add_places(E, &holds, slot, &nslot)) return;
  for (int j = 0; j < noperand; j++) {
    if (!has_name(operand[j])) continue;
    cx_val v = cx_dist_say(E, d, operand[j]);
    bool known_size = !v.bad;
    for (int r = 0; r < v.rank && known_size; r++) known_size = v.dim[r].n < INT64_MAX;
    if (!known_size || !add_places(E, &v, slot, &nslot)) continue;
    value[q.n] = v;
    q.of[q.n++] = (cx_operand){cx_ast_text(E->arena, operand[j]), place_of(d, operand[j]), CX_NO_EQ};
  }
  if (!decide(E, &q, holds, slot, nslot)) return;
  for (; n < q.n; n++) q.of[n].eq = cx_v_over(E, value[n], NULL, slot, nslot);
  *CX_PUSH(E->arena, E->demand) = q;
}

void cx_demand_late(cx_elab *E, cx_val holds, const char *needs, const char *help) {
  int64_t slot[CX_MAX_RANK];
  int n = 0;
  cx_demand q = {.needs = needs, .help = help, .span = holds.span, .late = true};
  if (holds.bad || E->branches || E->opt.unbound || !add_places(E, &holds, slot, &n)) return;
  if (decide(E, &q, holds, slot, n)) *CX_PUSH(E->arena, E->demand) = q;
}

void cx_dist_demand(cx_elab *E, const cx_dist *d) {
  if (E->branches || E->opt.unbound) return;
  for (const cx_ast *const *c = cx_dist_conditions(E, d); *c; c++) {
    cx_val v = cx_dist_say(E, d, *c);
    bool again = v.bad || v.rank || cx_holds(E, v.e);
    for (int k = E->demanded.n - 1; k >= 0 && k >= E->demanded.n - RECENT && !again; k--)
      again = E->demanded.at[k].e == v.e && E->demanded.at[k].call == d->call;
    if (again) continue;
    int before = E->demand.n;
    demand(E, d, *c, v);
    if (E->demand.n > before) {
      CX_PUSH(E->arena, E->demanded)->e = v.e;
      E->demanded.at[E->demanded.n - 1].call = d->call;
    }
  }
}

/* a variable of an integral around decides nothing here: at a place where sigma(x) underflows its integrand is not nan */
bool cx_inside_integral(cx_elab *E, cx_val v) {
  int64_t slot[4 * CX_MAX_RANK];
  int n = cx_free_slots(E, v.e, slot, 4 * CX_MAX_RANK);
  bool node = n < 0;
  for (int k = 0; k < n; k++) node |= cx_var_of(E, slot[k])->node;
  return node;
}
cx_val cx_dist_checked(cx_elab *E, const cx_dist *d, cx_val v) {
  for (const cx_ast *const *c = cx_dist_conditions(E, d); *c && !v.bad; c++) {
    cx_val holds = cx_dist_say(E, d, *c);
    if (holds.bad || holds.rank || cx_holds(E, holds.e) || cx_inside_integral(E, holds)) continue;
    v = when(E, holds, v, cx_v_num(E, NAN, v.span));
  }
  return v;
}
