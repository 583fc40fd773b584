/* elab_gauss.c - affine functions of normal variables: their expectation, variance and covariance, and with these the
 * probability that one is above another, in closed form.
 *
 * Each variable is x = mu + sigma z of its own standard normal z, where mu may be affine in the variables before. If then
 * e = c + sum a z with a that no z is in, E[e] = c, var[e] = sum a^2, cov[e, f] = sum a b, P(e > 0) = Phi(c / sqrt(var)).
 * Parameters may read other variables around: then this is so for each of their values. */
#include <math.h>
#include <string.h>

#include "front/dist.h"

enum { MOST = 32, OPENED = 4096 };
typedef struct {
  const cx_node *c, *a[MOST];
  bool ok;
} affine;
typedef struct {
  cx_elab *E;
  uint32_t first, z[MOST]; /* the inputs; no equation before the first reads any */
  int n, budget;
  bool *reads, found; /* by equation from the first on: does it read an input? */
  int known, asked;   /* numbers of equations and inputs then */
  cx_names slope;     /* by node: its slopes */
} gauss;

/* ---- what depends on the inputs ---- */
static void see(void *user, const cx_node *n) {
  gauss *q = user;
  q->found |= n->op == OP_load && n->u.eq >= q->first && q->reads[n->u.eq - q->first];
}
/* does equation id read an input? All equations from the first on are asked, again where some have come since. */
static bool eq_reads(gauss *q, uint32_t id) {
  cx_graph *g = q->E->g;
  bool changed = q->known != g->neq || q->asked != q->n;
  if (changed) {
    q->known = g->neq, q->asked = q->n;
    q->reads = CX_NEW_N(q->E->arena, bool, (size_t)g->neq - q->first + 1);
    for (int k = 0; k < q->n; k++) q->reads[q->z[k] - q->first] = true;
  }
  while (changed) { /* definitions out of order need more than one round */
    changed = false;
    for (uint32_t k = q->first; k < (uint32_t)g->neq; k++) {
      const cx_eq *e = g->eq[k];
      if (q->reads[k - q->first]) continue;
      q->found = false;
      if (e->kind == EQ_CALC && e->body) cx_visit(g, e->body, see, q);
      for (int j = 0; e->kind == EQ_PRIM && j < e->nprim_arg; j++)
        q->found |= e->prim_arg[j] >= q->first && q->reads[e->prim_arg[j] - q->first];
      changed |= q->reads[k - q->first] = q->found;
    }
  }
  return id >= q->first && q->reads[id - q->first];
}
static bool varies(gauss *q, const cx_node *n) {
  if (!n->has_load) return false;
  eq_reads(q, q->first);
  q->found = false;
  cx_visit(q->E->g, n, see, q);
  return q->found;
}

/* ---- n as c + sum a z; ok is false where it is not, or not seen to be ---- */
static const affine *split(gauss *q, const cx_node *n);
static void put(affine *s, int k, const cx_node *u) {
  if (k < 0) s->c = u;
  else s->a[k] = u;
}
static const cx_node *get(const affine *s, int k) { return k < 0 ? s->c : s->a[k]; }

/* an element of a definition: its terms at this place */
static bool open(gauss *q, const cx_node *n, affine *s) {
  cx_graph *g = q->E->g;
  const cx_eq *e = g->eq[n->u.eq];
  int64_t slot[2 * CX_MAX_RANK], terms = 1;
  const cx_node *to[2 * CX_MAX_RANK];
  if (e->kind != EQ_CALC || (e->red != RED_none && e->red != RED_sum)) return false;
  for (int k = 0; k < n->nargs; k++) {
    if (varies(q, n->arg[k])) return false;
    slot[k] = k, to[k] = n->arg[k];
  }
  for (int k = 0; k < e->nred; k++) {
    slot[e->rank + k] = e->rank + k;
    terms = e->rdim[k].n > 0 && terms <= OPENED ? terms * e->rdim[k].n : OPENED + 1;
  }
  if ((q->budget -= terms > OPENED ? OPENED : (int)terms) < 0 || terms > OPENED) return false;
  s->c = cx_const(g, 0);
  for (int64_t t = 0; t < terms; t++) {
    int64_t rest = t;
    for (int k = e->nred - 1; k >= 0; rest /= e->rdim[k].n, k--)
      to[e->rank + k] = cx_const(g, (double)(rest % e->rdim[k].n));
    const affine *one = split(q, cx_subst(g, e->body, slot, to, cx_nslot(e)));
    if (!one->ok) return false;
    for (int k = -1; k < q->n; k++)
      if (get(one, k)) put(s, k, get(s, k) ? cx_op2(g, OP_add, get(s, k), get(one, k)) : get(one, k));
  }
  return true;
}

/* x y with each sqrt(w) sqrt(w) in it as w, where w >= 0 is known; NULL: there is none */
enum { FACTORS = 16 };
static int factors(const cx_node *n, const cx_node **f, int k) {
  if (n->op == OP_mul && k < FACTORS) return factors(n->arg[1], f, factors(n->arg[0], f, k));
  if (k < FACTORS) f[k] = n;
  return k + 1;
}
static const cx_node *without_roots(cx_elab *E, const cx_node *x, const cx_node *y) {
  const cx_node *f[FACTORS], *r = NULL;
  int n = factors(y, f, factors(x, f, 0));
  bool any = false;
  for (int j = 0; j < n && n <= FACTORS; j++)
    for (int k = j + 1; k < n && f[j]; k++) {
      if (f[j]->op != OP_sqrt || f[k] != f[j] || !(cx_var_bounds(E, f[j]->arg[0]).lo >= 0)) continue;
      any = true;
      f[j] = f[j]->arg[0], f[k] = NULL;
    }
  for (int j = 0; j < n && any; j++)
    if (f[j]) r = r ? cx_op2(E->g, OP_mul, r, f[j]) : f[j];
  return r;
}

static const affine *split(gauss *q, const cx_node *n) {
  cx_graph *g = q->E->g;
  void **at = cx_names_at(q->E->arena, &q->slope, (cx_sym)(const void *)n);
  if (*at) return *at;
  affine *s = CX_NEW(q->E->arena, affine);
  *at = s;
  s->c = n;
  if (!varies(q, n)) return s->ok = true, s;
  cx_op op = n->op;
  if (op == OP_load) {
    for (int k = 0; k < q->n; k++)
      if (q->z[k] == n->u.eq) s->ok = true, s->c = cx_const(g, 0), s->a[k] = cx_const(g, 1);
    affine sum = {0};
    if (!s->ok && open(q, n, &sum)) *s = sum, s->ok = true;
    return s;
  }
  bool times = op == OP_mul || op == OP_muladd, choice = op == OP_select && !varies(q, n->arg[0]);
  if (times && varies(q, n->arg[0]) && varies(q, n->arg[1])) {
    const cx_node *r = without_roots(q->E, n->arg[0], n->arg[1]);
    if (r && n->nargs > 2) r = cx_op2(g, OP_add, r, n->arg[2]);
    if (r) *s = *split(q, r);
    return s;
  }
  if (op == OP_div && varies(q, n->arg[1])) return s;
  if (!times && !choice && op != OP_div && op != OP_add && op != OP_sub && op != OP_neg) return s;
  const affine *x = n->nargs > 0 ? split(q, n->arg[choice]) : NULL,
               *y = n->nargs > 1 ? split(q, n->arg[1 + choice]) : NULL,
               *w = n->nargs > 2 && !choice ? split(q, n->arg[2]) : NULL;
  if ((x && !x->ok) || (y && !y->ok) || (w && !w->ok)) return s;
  if (times && varies(q, n->arg[1])) { /* the factor that varies first */
    const affine *t = x;
    x = y, y = t;
  }
  for (int k = -1; k < q->n; k++) {
    const cx_node *u = get(x, k), *v = y ? get(y, k) : NULL, *r = NULL, *zero = cx_const(g, 0);
    if (choice) r = u || v ? cx_op3(g, OP_select, n->arg[0], u ? u : zero, v ? v : zero) : NULL;
    else if (times || op == OP_div) r = u ? cx_op2(g, times ? OP_mul : OP_div, u, y->c) : NULL;
    else if (op == OP_neg) r = u ? cx_op1(g, OP_neg, u) : NULL;
    else if (!v) r = u;
    else r = u ? cx_op2(g, op, u, v) : op == OP_sub ? cx_op1(g, OP_neg, v) : v;
    const cx_node *add = op == OP_muladd ? get(w, k) : NULL;
    if (add) r = r ? cx_op2(g, OP_add, r, add) : add;
    put(s, k, r);
  }
  return s->ok = true, s;
}

bool cx_affine_in(cx_elab *E, const cx_node *e, uint32_t input, const cx_node **rest, const cx_node **slope) {
  gauss q = {.E = E, .first = input, .z = {input}, .n = 1, .budget = OPENED};
  const affine *s = split(&q, e);
  *rest = s->c;
  *slope = s->a[0] ? s->a[0] : cx_const(E->g, 0);
  return s->ok;
}

/* e, or e - minus; of an array, for each element */
static const affine *of(gauss *q, const cx_ast *e, const cx_ast *minus, cx_val *v) {
  static const affine none;
  *v = cx_elab_expr(q->E, e);
  if (!v->bad && minus) {
    cx_val w = cx_elab_expr(q->E, minus);
    *v = w.bad || w.rank || v->rank ? cx_v_bad(e->span) : op2(q->E, OP_sub, *v, w);
  }
  return v->bad ? &none : split(q, v->e);
}

static const cx_node *product_sum(const gauss *q, const affine *s, const affine *t) {
  cx_graph *g = q->E->g;
  const cx_node *sum = cx_const(g, 0);
  for (int k = 0; k < q->n; k++)
    if (s->a[k] && t->a[k]) sum = cx_op2(g, OP_add, sum, cx_op2(g, OP_mul, s->a[k], t->a[k]));
  return sum;
}

static bool normal(cx_elab *E, const cx_ast *b) {
  if (b->nkid != 1 || !cx_is_dist(E, b->kid[0])) return false;
  const cx_distribution *is = cx_is_combination(b->kid[0]) ? NULL : cx_distribution_of(E, b->kid[0]);
  return is && is->library && !strcmp(is->name, "normal");
}

/* what was demanded of parameters that read an input goes: where it stays, nothing is computed from these */
static void forget(gauss *q, int from) {
  cx_elab *E = q->E;
  int n = from;
  for (int k = from; k < E->demand.n; k++) {
    cx_demand d = E->demand.at[k];
    if (d.each == CX_NO_EQ || !eq_reads(q, d.each)) E->demand.at[n++] = d;
  }
  E->demand.n = n;
}

bool cx_elab_gauss(cx_elab *E, const cx_ast *const *bind, int n, const cx_gauss_of *of_what, cx_gauss *r) {
  gauss q = {.E = E, .budget = OPENED};
  const cx_ast *e = of_what->e;
  if (n > MOST) return false;
  for (int k = 0; k < n; k++)
    if (!normal(E, bind[k])) return false;
  cx_binding *env = E->env;
  int before = cx_error_count(E->ctx), demands = E->demand.n;
  cx_val valid = cx_v_num(E, 1, e->span);
  q.first = E->g->neq;
  bool ok = true;
  for (int k = 0; k < n && ok; k++) {
    const cx_ast *b = bind[k];
    cx_dist d;
    int errors = cx_error_count(E->ctx);
    if (!cx_dist_of(E, b->kid[0], &d) || cx_error_count(E->ctx) > errors) {
      E->env = env;
      r->mean = cx_v_bad(e->span);
      return true;
    }
    ok = !d.arg[0].rank && !d.arg[1].rank && !varies(&q, d.arg[1].e);
    if (!ok) break;
    const affine *mu = split(&q, d.arg[0].e);
    ok = mu->ok;
    cx_dist_demand(E, &d);
    const cx_node *doubt = cx_dist_doubt(E, &d);
    cx_val holds = cx_v_node(doubt ? doubt : cx_const(E->g, 1), e->span);
    if (cx_inside_integral(E, holds)) holds = op2(E, OP_le, cx_v_num(E, 0, e->span), d.arg[1]); /* it may underflow */
    valid = op2(E, OP_and, valid, holds);
    cx_eq *z = cx_eq_new(E->g, b->name, EQ_INPUT);
    q.z[q.n++] = z->id;
    q.slope = (cx_names){0};
    cx_val v = op2(E, OP_mul, d.arg[1], cx_v_node(cx_load(E->g, z->id, NULL, 0), b->span));
    cx_bind_name(E, b->name, B_VALUE, b->name_span)->v = op2(E, OP_add, d.arg[0], v);
    ok = cx_part_ends(E, b);
  }
  cx_val x, y;
  const affine *s = ok ? of(&q, e, of_what->minus, &x) : NULL;
  const affine *t = s && of_what->e2 ? of(&q, of_what->e2, NULL, &y) : s;
  E->env = env;
  forget(&q, demands);
  if (cx_error_count(E->ctx) > before) { /* said once */
    r->mean = cx_v_bad(e->span);
    return true;
  }
  if (!s || !s->ok || !t->ok || (of_what->e2 && (x.rank || y.rank))) return false;
  r->mean = r->mean2 = r->cov = x;
  r->mean.e = s->c;
  r->mean2.e = t->c;
  r->cov.e = product_sum(&q, s, t);
  cx_val nan = cx_v_num(E, NAN, e->span);
  if (valid.e->op != OP_const) r->mean = when(E, valid, r->mean, nan), r->cov = when(E, valid, r->cov, nan);
  return true;
}
