/* elab_gauss.c - affine functions of normal variables: their expectation, variance and covariance, and the probability that
 * one is above another, in closed form.
 *
 * Each variable is x = mu + sigma z of its own standard normal z, where mu may be affine in the variables before. If then
 * e = c + sum a z with a that no z is in, E[e] = c, var[e] = sum a^2, cov[e, f] = sum a b, P(e > 0) = Phi(c / sqrt(var)). */
#include <math.h>
#include <string.h>

#include "front/dist.h"

enum { MOST = 32, OPENED = 4096 };
typedef struct {
  const cx_node *c, *a[MOST];
  bool ok, bad;
} affine;
typedef struct {
  cx_elab *E;
  const cx_ast *x;
  uint32_t first, z[MOST]; /* the inputs; no equation before the first reads any */
  int n, budget, stamp;
  cx_names slope, reads; /* by node: its slopes; by equation: does it read an input? */
} gauss;

/* ---- what depends on the inputs ---- */
typedef struct {
  int stamp; /* of the question in which it was asked last */
  enum { MAYBE, NO, YES } known;
} reach;
typedef struct {
  gauss *q;
  bool yes;
} seeing;

static void see(void *user, const cx_node *n);
static bool eq_reads(gauss *q, uint32_t id) {
  const cx_eq *e = q->E->g->eq[id];
  if (id < q->first) return false;
  for (int k = 0; k < q->n; k++)
    if (q->z[k] == id) return true;
  void **at = cx_names_at(q->E->arena, &q->reads, (cx_sym)(const void *)e);
  reach *r = *at;
  if (!r) *at = r = CX_NEW(q->E->arena, reach);
  if (r->known != MAYBE || r->stamp == q->stamp) return r->known == YES; /* being asked: by another way */
  r->stamp = q->stamp;
  seeing s = {q, false};
  if (e->kind == EQ_CALC) cx_visit(q->E->g, e->body, see, &s);
  for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++) s.yes |= eq_reads(q, e->prim_arg[k]);
  if (s.yes) r->known = YES;
  return s.yes;
}
static void see(void *user, const cx_node *n) {
  seeing *s = user;
  if (n->op != OP_load || s->yes) return;
  bool outermost = s->q->stamp < 0;
  if (outermost) s->q->stamp = -s->q->stamp + 1;
  s->yes = eq_reads(s->q, n->u.eq);
  if (!outermost) return;
  s->q->stamp = -s->q->stamp;
  reach *r = *cx_names_at(s->q->E->arena, &s->q->reads, (cx_sym)(const void *)s->q->E->g->eq[n->u.eq]);
  if (r && !s->yes) r->known = NO; /* all that it reads has been seen */
}
static bool varies(gauss *q, const cx_node *n) {
  seeing s = {q, false};
  cx_visit(q->E->g, n, see, &s);
  return s.yes;
}

typedef struct {
  uint32_t first;
  bool yes;
} since;
static void see_since(void *user, const cx_node *n) {
  since *q = user;
  q->yes |= n->op == OP_load && n->u.eq >= q->first;
}
bool cx_reads_since(cx_graph *g, const cx_node *e, uint32_t first) {
  since q = {first, false};
  cx_visit(g, e, see_since, &q);
  return q.yes;
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
    const affine *one = split(q, cx_subst(g, e->body, slot, to, e->rank + e->nred));
    if (!one->ok) return false;
    for (int k = -1; k < q->n; k++)
      if (get(one, k)) put(s, k, get(s, k) ? cx_op2(g, OP_add, get(s, k), get(one, k)) : get(one, k));
  }
  return true;
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
  if (times && varies(q, n->arg[0]) && varies(q, n->arg[1])) return s;
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
  gauss q = {.E = E, .first = input, .z = {input}, .n = 1, .budget = OPENED, .stamp = -1};
  const affine *s = split(&q, e);
  *rest = s->c;
  *slope = s->a[0] ? s->a[0] : cx_const(E->g, 0);
  return s->ok;
}

static const affine *of(gauss *q, const cx_ast *e, const cx_ast *minus) {
  static const affine none;
  cx_val v = cx_elab_expr(q->E, e);
  if (!v.bad && minus) {
    cx_val w = cx_elab_expr(q->E, minus);
    v = w.bad || w.rank || v.rank ? cx_v_bad(e->span) : op2(q->E, OP_sub, v, w);
  }
  return v.bad || v.rank ? &none : split(q, v.e);
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
    q->stamp = -q->stamp + 1;
    bool reads = E->demand.at[k].each != CX_NO_EQ && eq_reads(q, E->demand.at[k].each);
    q->stamp = -q->stamp;
    if (!reads) E->demand.at[n++] = E->demand.at[k];
  }
  E->demand.n = n;
}

/* x: the binder; kind R_PROB: e is a comparison. false: it is nothing of the kind, or has an error */
bool cx_elab_gauss(cx_elab *E, const cx_ast *x, cx_random_kind kind, const cx_ast *e, const cx_ast *e2, cx_val *r) {
  gauss q = {.E = E, .x = x, .budget = OPENED, .stamp = -1};
  bool less = false;
  if (x->nbind > MOST) return false;
  for (int k = 0; k < x->nbind; k++)
    if (!normal(E, x->kid[k])) return false;
  if (kind == R_PROB) {
    if (e->kind != A_COMPARE || e->nkid != 2 || e->ops[0] == T_EQ || e->ops[0] == T_NE) return false;
    less = e->ops[0] == T_LT || e->ops[0] == T_LE;
    if (x->nbind == 1) return false; /* its distribution function is known */
  }
  cx_binding *env = E->env;
  int before = cx_error_count(E->ctx), demands = E->demand.n;
  cx_val valid = cx_v_num(E, 1, x->span);
  q.first = E->g->neq;
  bool ok = true;
  for (int k = 0; k < x->nbind && ok; k++) {
    const cx_ast *b = x->kid[k];
    cx_dist d;
    int errors = cx_error_count(E->ctx);
    if (!cx_dist_of(E, b->kid[0], &d) || cx_error_count(E->ctx) > errors) {
      E->env = env;
      *r = cx_v_bad(x->span);
      return true;
    }
    ok = !d.arg[0].rank && !d.arg[1].rank && !varies(&q, d.arg[1].e);
    if (!ok) break;
    const affine *mu = split(&q, d.arg[0].e);
    ok = mu->ok;
    cx_dist_demand(E, &d);
    const cx_node *doubt = cx_dist_doubt(E, &d);
    if (doubt) valid = op2(E, OP_and, valid, cx_v_node(doubt, x->span));
    cx_eq *z = cx_eq_new(E->g, b->name, EQ_INPUT);
    q.z[q.n++] = z->id;
    q.slope = (cx_names){0};
    cx_val v = op2(E, OP_mul, d.arg[1], cx_v_node(cx_load(E->g, z->id, NULL, 0), b->span));
    cx_bind_name(E, b->name, B_VALUE, b->name_span)->v = op2(E, OP_add, d.arg[0], v);
    ok = cx_part_ends(E, b);
  }
  const affine *s = ok ? of(&q, kind == R_PROB ? e->kid[0] : e, kind == R_PROB ? e->kid[1] : NULL) : NULL;
  const affine *t = s && e2 ? of(&q, e2, NULL) : s;
  E->env = env;
  forget(&q, demands);
  if (cx_error_count(E->ctx) > before) { /* said once */
    *r = cx_v_bad(x->span);
    return true;
  }
  if (!s || !s->ok || !t->ok) return false;
  cx_val v = cx_v_node(kind == R_EXPECT ? s->c : product_sum(&q, s, t), x->span);
  if (kind == R_PROB) {
    double sure;
    if (cx_v_const(E, v, &sure) && sure == 0) return false;
    cx_val above = op2(E, OP_div, cx_v_node(s->c, x->span), op1(E, OP_sqrt, v));
    v = op1(E, OP_norm_cdf, less ? op1(E, OP_neg, above) : above);
  }
  *r = valid.e->op == OP_const ? v : when(E, valid, v, cx_v_num(E, NAN, x->span));
  return true;
}
