/* elab_gauss.c - affine functions of normal variables: their expectation, variance and covariance, and the probability that
 * one is above another, in closed form.
 *
 * Each variable is x = mu + sigma z of its own standard normal z, where mu may be affine in the variables before. If then
 * e = c + sum a z with a that no z is in, E[e] = c, var[e] = sum a^2, cov[e, f] = sum a b, P(e > 0) = Phi(c / sqrt(var)). */
#include <math.h>
#include <string.h>

#include "front/dist.h"

enum { MOST = 32 };
typedef struct {
  const cx_node *c, *a[MOST];
  bool ok, bad;
} affine;
typedef struct {
  cx_elab *E;
  const cx_ast *x;
  uint32_t first, z[MOST]; /* the inputs */
  int n;
  cx_names slope; /* by node: its slopes */
} gauss;

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
static bool varies(const gauss *q, const cx_node *n) { return cx_reads_since(q->E->g, n, q->first); }

/* n as c + sum a z; ok is false where it is not, or not seen to be */
static const affine *split(gauss *q, const cx_node *n) {
  cx_graph *g = q->E->g;
  void **at = cx_names_at(q->E->arena, &q->slope, (cx_sym)(const void *)n);
  if (*at) return *at;
  affine *s = CX_NEW(q->E->arena, affine);
  *at = s;
  s->ok = true;
  s->c = n;
  if (!varies(q, n)) return s;
  const affine *x = n->nargs > 0 ? split(q, n->arg[0]) : NULL, *y = n->nargs > 1 ? split(q, n->arg[1]) : NULL,
               *w = n->nargs > 2 ? split(q, n->arg[2]) : NULL;
  if ((x && !x->ok) || (y && !y->ok) || (w && !w->ok)) return s->ok = false, s;
  cx_op op = n->op;
  if (op == OP_load) {
    s->ok = false;
    for (int k = 0; k < q->n; k++)
      if (q->z[k] == n->u.eq) s->ok = true, s->c = cx_const(g, 0), s->a[k] = cx_const(g, 1);
    return s;
  }
  bool times = op == OP_mul || op == OP_muladd;
  if (times && varies(q, n->arg[0]) && varies(q, n->arg[1])) s->ok = false;
  if (op == OP_div && varies(q, n->arg[1])) s->ok = false;
  if (!times && op != OP_div && op != OP_add && op != OP_sub && op != OP_neg) s->ok = false;
  if (!s->ok) return s;
  if (times && varies(q, n->arg[1])) { /* the factor that varies first */
    const affine *t = x;
    x = y, y = t;
  }
  for (int k = -1; k < q->n; k++) {
    const cx_node *u = k < 0 ? x->c : x->a[k], *v = !y ? NULL : k < 0 ? y->c : y->a[k], *r = NULL;
    if (times || op == OP_div) r = u ? cx_op2(g, times ? OP_mul : OP_div, u, y->c) : NULL;
    else if (op == OP_neg) r = u ? cx_op1(g, OP_neg, u) : NULL;
    else if (!v) r = u;
    else r = u ? cx_op2(g, op, u, v) : op == OP_sub ? cx_op1(g, OP_neg, v) : v;
    const cx_node *add = op == OP_muladd ? (k < 0 ? w->c : w->a[k]) : NULL;
    if (add) r = r ? cx_op2(g, OP_add, r, add) : add;
    if (k < 0) s->c = r;
    else s->a[k] = r;
  }
  return s;
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
  const cx_ast *d = b->kid[0];
  if (b->nkid != 1 || d->kind != A_CALL || strcmp(d->name, "normal") || d->nkid != 2 || cx_lookup_env(E, d->name, true))
    return false;
  const cx_distribution *is = cx_find_distribution(E, d->name);
  return is && is->library && d->kid[0]->kind != A_NAMED && d->kid[1]->kind != A_NAMED;
}

/* x: the binder; kind R_PROB: e is a comparison. false: it is nothing of the kind, or has an error */
bool cx_elab_gauss(cx_elab *E, const cx_ast *x, cx_random_kind kind, const cx_ast *e, const cx_ast *e2, cx_val *r) {
  gauss q = {.E = E, .x = x};
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
  int before = cx_error_count(E->ctx);
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
  }
  const affine *s = ok ? of(&q, kind == R_PROB ? e->kid[0] : e, kind == R_PROB ? e->kid[1] : NULL) : NULL;
  const affine *t = s && e2 ? of(&q, e2, NULL) : s;
  E->env = env;
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
