/* outline.c - every integral's integrand becomes a graph of its own.
 *
 * Integrals over one variable between the same ends (a value and its derivatives) go together: they share nodes, and
 * what their integrands have in common is computed once. The integrand is flattened: one dimension of nodes, and for
 * each node the number of the integral it belongs to, so that a batch is full however few nodes one integral needs. */
#include <math.h>
#include <string.h>

#include "pass/eqs.h"
#include "pass/integral.h"

typedef struct {
  cx_graph *outer, *g;
  cx_eq *q; /* the quadrature */
  uint32_t *input;
  bool full;
} closure;

/* what the integrand reads from outside: an argument of the primitive, an input of its graph */
static uint32_t env(void *user, uint32_t from) {
  closure *c = user;
  if (c->input[from] != UINT32_MAX) return c->input[from];
  const cx_eq *e = c->outer->eq[from];
  bool number = e->kind == EQ_CALC && e->rank == 0 && e->red == RED_none && e->body->op == OP_const;
  cx_eq *t = cx_eq_new(c->g, e->name, number ? EQ_CALC : EQ_INPUT);
  t->rank = e->rank;
  memcpy(t->dim, e->dim, sizeof t->dim);
  t->integer = e->integer, t->lo = e->lo, t->hi = e->hi, t->span = e->span;
  if (number) t->body = cx_const(c->g, e->body->u.num);
  else if (c->q->nprim_arg < CX_PRIM_ARGS) c->q->prim_arg[c->q->nprim_arg++] = from;
  else c->full = true;
  return c->input[from] = t->id;
}

static double number(const cx_graph *g, uint32_t eq, double otherwise) {
  const cx_eq *e = g->eq[eq];
  return e->kind == EQ_CALC && e->body->op == OP_const ? e->body->u.num : otherwise;
}

cx_graph *cx_graph_part(const cx_graph *g, const uint32_t *input, int n) {
  uint32_t *root = CX_NEW_N(g->arena, uint32_t, n + g->nout + 1);
  for (int k = 0; k < n + g->nout; k++) root[k] = k < n ? input[k] : g->out[k - n];
  int32_t *to = CX_NEW_N(g->arena, int32_t, g->neq + 1);
  cx_graph *part = cx_extract(g, g->arena, root, n + g->nout, to);
  part->nout = 0;
  for (int k = 0; k < g->nout; k++) cx_graph_output(part, (uint32_t)to[g->out[k]]);
  return part;
}
/* the integrand alone: what composition left behind may be large, and an evaluator would compute it */
static cx_graph *alone(const cx_graph *g) {
  uint32_t *input = CX_NEW_N(g->arena, uint32_t, g->neq + 1);
  int n = 0;
  for (int id = 0; id < g->neq; id++)
    if (g->eq[id]->kind == EQ_INPUT && !g->eq[id]->node) input[n++] = (uint32_t)id;
  return cx_graph_part(g, input, n);
}

static bool together(const cx_eq *x, const cx_eq *y) {
  if (x->prim != y->prim) return false;
  for (int k = CX_INTEGRAL_X; k < x->nprim_arg; k++)
    if (x->prim_arg[k] != y->prim_arg[k]) return false;
  return true;
}

/* f = rest * exp(e): where the exponential is 0 to a double, so is f, though rest may have overflowed */
static void guard(cx_graph *g, cx_eq *f) {
  if (f->kind != EQ_CALC || f->red != RED_none) return;
  const cx_node *todo[32], *cond = NULL;
  int n = 1;
  todo[0] = f->body;
  while (n) {
    const cx_node *e = todo[--n];
    if (e->op == OP_mul && n < 30) todo[n++] = e->arg[0], todo[n++] = e->arg[1];
    else if (e->op == OP_div || e->op == OP_neg) todo[n++] = e->arg[0];
    else if (e->op == OP_exp && e != f->body) {
      const cx_node *zero = cx_op2(g, OP_eq, e, cx_const(g, 0));
      cond = cond ? cx_op2(g, OP_or, cond, zero) : zero;
    }
  }
  if (cond) f->body = cx_op3(g, OP_select, cond, cx_const(g, 0), f->body);
}

/* 0 wherever it is a number: a factor is 0, or nan where parameters are not valid */
static bool nought(const cx_node *e) {
  switch (e->op) {
    case OP_const: return e->u.num == 0 || isnan(e->u.num);
    case OP_mul: return nought(e->arg[0]) || nought(e->arg[1]);
    case OP_div:
    case OP_neg: return nought(e->arg[0]);
    case OP_select: return nought(e->arg[1]) && nought(e->arg[2]);
    default: return false;
  }
}

static cx_eq *node_input(cx_graph *g, cx_sym name, cx_dim nodes) {
  cx_eq *e = cx_eq_new(g, name, EQ_INPUT);
  e->rank = 1;
  e->dim[0] = nodes;
  return e;
}
/* e holds numbers of integrals along this dimension */
static void number_of(cx_eq *e, cx_dim size) {
  e->integer = true;
  e->lo = 0;
  e->hi = (double)(size.n > 0 ? size.n - 1 : 0);
}

/* ---- integrands that underflow ---- */
/* Of what has an exponential as a factor of every term: log |e| at most, the exponent alone, and e times exp(-shift)
 * without computing e. NULL: it has not. */
typedef struct {
  const cx_node *log, *expo, *scaled;
} sized;
static sized times(cx_graph *g, cx_op op, sized a, const cx_node *e) {
  const cx_node *log = cx_op1(g, OP_log, cx_op1(g, OP_abs, e));
  return (sized){cx_op2(g, op == OP_mul ? OP_add : OP_sub, a.log, log), a.expo, cx_op2(g, op, a.scaled, e)};
}
typedef struct {
  cx_graph *g;
  const cx_eq *of;
  int budget; /* of steps */
} sizing;
static sized size_of(sizing *z, const cx_node *e, const cx_node *shift, int depth) {
  cx_graph *g = z->g;
  sized none = {0}, a, b;
  if (depth == 0 || --z->budget < 0) return none;
  switch (e->op) {
    case OP_const: return e->u.num == 0 ? (sized){cx_const(g, -INFINITY), e, e} : none;
    case OP_exp: return (sized){e->arg[0], e->arg[0], cx_op1(g, OP_exp, cx_op2(g, OP_sub, e->arg[0], shift))};
    case OP_load: {
      const cx_eq *q = g->eq[e->u.eq];
      if (q->kind != EQ_CALC || q->red != RED_none) return none;
      return size_of(z, cx_open_load(g, e, z->of), shift, depth - 1);
    }
    case OP_neg:
      a = size_of(z, e->arg[0], shift, depth - 1);
      return a.log ? (sized){a.log, a.expo, cx_op1(g, OP_neg, a.scaled)} : none;
    case OP_mul:
      a = size_of(z, e->arg[0], shift, depth - 1), b = size_of(z, e->arg[1], shift, depth - 1);
      if (a.log && b.log) { /* either may be what underflows */
        const cx_node *half = cx_op2(g, OP_mul, cx_const(g, 0.5), shift);
        a = size_of(z, e->arg[0], half, depth / 2), b = size_of(z, e->arg[1], half, depth / 2);
        if (!a.log || !b.log) return none;
        return (sized){cx_op2(g, OP_add, a.log, b.log), cx_op2(g, OP_add, a.expo, b.expo),
                       cx_op2(g, OP_mul, a.scaled, b.scaled)};
      }
      return a.log ? times(g, OP_mul, a, e->arg[1]) : b.log ? times(g, OP_mul, b, e->arg[0]) : none;
    case OP_div: a = size_of(z, e->arg[0], shift, depth - 1); return a.log ? times(g, OP_div, a, e->arg[1]) : none;
    case OP_add:
    case OP_sub: {
      a = size_of(z, e->arg[0], shift, depth - 1);
      b = a.log ? size_of(z, e->arg[1], shift, depth - 1) : none;
      if (!b.log) return none;
      const cx_node *more = cx_op2(g, OP_lt, a.log, b.log);
      return (sized){cx_op2(g, OP_max, a.log, b.log), cx_op3(g, OP_select, more, b.expo, a.expo),
                     cx_op2(g, (cx_op)e->op, a.scaled, b.scaled)};
    }
    case OP_select: {
      const cx_node *c = e->arg[0];
      a = size_of(z, e->arg[1], shift, depth - 1);
      b = a.log ? size_of(z, e->arg[2], shift, depth - 1) : none;
      if (!b.log) return none;
      return (sized){cx_op3(g, OP_select, c, a.log, b.log), cx_op3(g, OP_select, c, a.expo, b.expo),
                     cx_op3(g, OP_select, c, a.scaled, b.scaled)};
    }
    default: return none;
  }
}

static uint32_t beside(cx_graph *g, const cx_eq *f, const cx_node *body) {
  cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
  e->rank = f->rank;
  memcpy(e->dim, f->dim, sizeof e->dim);
  e->body = body;
  return e->id;
}
static void sizes(cx_integrand *in) {
  cx_graph *g = alone(in->value);
  int n = g->nout;
  uint32_t *told = CX_NEW_N(g->arena, uint32_t, 2 * n + 1);
  bool lifted = false; /* an exponential alone underflows where its integral does */
  for (int k = 0; k < n; k++) {
    const cx_eq *f = g->eq[g->out[k]];
    lifted |= f->kind == EQ_CALC && f->red == RED_none && f->body->op != OP_exp;
  }
  if (!lifted) return;
  cx_eq *shift = node_input(g, NULL, (cx_dim){in->nodes, NULL});
  const cx_node *k0 = cx_index(g, 0), *by = cx_load(g, shift->id, &k0, 1);
  for (int k = 0; k < n; k++) {
    const cx_eq *f = g->eq[g->out[k]];
    sized s = {0};
    sizing z = {g, f, 1000};
    if (f->kind == EQ_CALC && f->red == RED_none) s = size_of(&z, f->body, by, 24);
    if (!s.log) return;
    g->out[k] = beside(g, f, s.scaled);
    told[k] = beside(g, f, s.log), told[n + k] = beside(g, f, s.expo);
  }
  in->scaled = alone(g);
  g->nout = 0;
  for (int k = 0; k < 2 * n; k++) cx_graph_output(g, told[k]);
  in->size = alone(g);
}

/* an end: it may be infinite */
static bool infinite(const cx_eq *end) {
  return !(end->kind == EQ_CALC && end->rank == 0 && end->body->op == OP_const && isfinite(end->body->u.num));
}
static void beyond(cx_integrand *in, bool endless) {
  bool singular = !in->complete;
  for (int k = 0; k < in->nfeature; k++) singular |= in->feature[k].kind == CX_FEATURE_SINGULAR;
  if (singular) in->far[0] = cx_far_graph(in, alone(in->value), false);
  if (endless) in->far[1] = cx_far_graph(in, alone(in->value), true);
}

static void outline(cx_graph *g, cx_eq **member, int n, bool passes) {
  const cx_eq *first = member[0], *lo = g->eq[first->prim_arg[CX_INTEGRAL_LO]];
  cx_integrand *in = CX_NEW(g->arena, cx_integrand);
  in->value = cx_graph_new(g->ctx, g->arena);
  in->span = first->span;
  in->ninstance = lo->rank;
  memcpy(in->instance, lo->dim, sizeof in->instance);
  in->crossing = first->prim == &cx_prim_crossing;
  in->series = first->prim == &cx_prim_series;
  if (in->crossing) in->period = number(g, first->prim_arg[CX_CROSSING_PERIOD], 0);
  else in->tol = number(g, first->prim_arg[CX_INTEGRAL_TOL], 1e-10);

  cx_eq *q = cx_eq_new(g, NULL, EQ_PRIM);
  q->prim = &cx_prim_quadrature;
  q->span = first->span;
  q->integrand = in;
  q->prim_arg[0] = first->prim_arg[CX_INTEGRAL_LO];
  q->prim_arg[1] = first->prim_arg[CX_INTEGRAL_HI];
  q->nprim_arg = 2;
  q->rank = (uint8_t)(lo->rank + 1);
  memcpy(q->dim, lo->dim, sizeof q->dim);

  uint32_t variable = first->prim_arg[CX_INTEGRAL_X];
  const uint32_t *inside = cx_node_dims(g, g->arena, variable);
  int64_t wide = 0;
  for (int j = 0; j < n; j++) {
    int64_t count = 1;
    for (int d = lo->rank; d < member[j]->rank; d++) count *= member[j]->dim[d].n;
    wide += count;
  }
  bool many = passes && wide <= 64; /* an integral inside is expensive enough alone */
  for (int id = 0; id < g->neq; id++) many &= !(cx_is_integral(g->eq[id]) && (inside[id] & CX_DEPENDS));
  in->nodes = many ? CX_NODES_MOST : CX_NODES;
  cx_dim nodes = {in->nodes, NULL};
  cx_eq *x = node_input(in->value, g->eq[variable]->name, nodes);
  const cx_node *k = cx_index(in->value, 0), *at[CX_MAX_RANK] = {0};
  for (int d = 0; d < lo->rank; d++) {
    cx_eq *index = node_input(in->value, NULL, nodes);
    number_of(index, lo->dim[d]);
    at[d] = cx_load(in->value, index->id, &k, 1);
  }
  closure c = {g, in->value, q, CX_NEW_N(g->arena, uint32_t, g->neq), false};
  for (int id = 0; id < g->neq; id++) c.input[id] = UINT32_MAX;
  cx_compose *copy = cx_compose_new(g, in->value, variable, cx_load(in->value, x->id, &k, 1), &nodes, 1);
  cx_compose_env(copy, env, &c);
  for (int j = 0; j < n; j++) {
    int64_t count = 1;
    for (int d = lo->rank; d < member[j]->rank; d++) count *= member[j]->dim[d].n;
    cx_graph_output(in->value, cx_compose_eq(copy, member[j]->prim_arg[CX_INTEGRAL_F], at));
    in->ncomp += (int)count;
  }
  uint32_t crosses = UINT32_MAX;
  if (in->crossing) crosses = cx_compose_eq(copy, first->prim_arg[CX_CROSSING_G], at);
  if (c.full) {
    int id =
        cx_error(g->ctx, first->span, "this integral reads more than %d quantities from outside", CX_PRIM_ARGS - 2);
    cx_diag_help(g->ctx, id, "put them into an array");
    cx_throw(g->ctx, CX_E_PROGRAM);
  }
  in->nenv = q->nprim_arg - 2;
  in->scale = CX_NEW_N(g->arena, double, in->ncomp + 1);
  for (int j = 0, at = 0; j < n; j++) {
    int64_t count = 1;
    for (int d = lo->rank; d < member[j]->rank; d++) count *= member[j]->dim[d].n;
    for (int64_t k = 0; k < count; k++) in->scale[at++] = member[j]->slope ? 1 : 0;
  }
  for (int id = 0; id < in->value->neq; id++) in->heavy |= cx_is_integral(in->value->eq[id]);
  if (!in->heavy && !in->crossing && !g->inside) sizes(in);
  for (int j = 0; j < n; j++) guard(in->value, in->value->eq[in->value->out[j]]);
  for (int id = 0, known = in->value->neq; id < known; id++) { /* an integral inside is no noise to the one around */
    cx_eq *e = in->value->eq[id];
    if (!cx_is_integral(e) || e->prim == &cx_prim_crossing) continue;
    cx_eq *tol = cx_eq_new(in->value, NULL, EQ_CALC);
    tol->body = cx_const(in->value, fmax(0.1 * number(in->value, e->prim_arg[CX_INTEGRAL_TOL], 1e-10), 1e-14));
    e->prim_arg[CX_INTEGRAL_TOL] = tol->id;
  }
  if (in->crossing) cx_graph_output(in->value, crosses);
  cx_find_features(in, in->value, crosses);
  if (in->crossing) in->value->nout--;
  else if (!in->heavy && !in->series) beyond(in, infinite(lo) || infinite(g->eq[first->prim_arg[CX_INTEGRAL_HI]]));
  if (in->probe) {
    for (int k = -1; k < 2 * in->nfeature + 2; k++) {
      cx_graph *also = k < 0 ? in->probe : k % 2 ? in->near_probe[k / 2] : in->near[k / 2];
      if (also && passes) cx_run_passes(also, NULL);
      else if (also) cx_outline(also, false);
    }
  }
  in->value = alone(in->value);
  in->value->inside = true;
  if (passes) cx_run_passes(in->value, NULL);
  else cx_outline(in->value, false);
  in->nought = true;
  for (int j = 0; j < in->value->nout; j++) {
    const cx_eq *e = in->value->eq[in->value->out[j]];
    in->nought &= e->kind == EQ_CALC && e->red == RED_none && nought(e->body);
  }
  cx_take_by_instance(in);
  if (many && in->ninstance && !in->crossing && !in->series) {
    cx_halve(in, in->value, &in->value_halves);
    if (in->probe) cx_halve(in, in->probe, &in->probe_halves);
  }
  q->dim[lo->rank] = (cx_dim){in->ncomp, NULL};

  int64_t offset = 0;
  for (int j = 0; j < n; j++) { /* the integrals read their places */
    cx_eq *e = member[j];
    const cx_node *sub[CX_MAX_RANK], *flat = cx_const(g, 0);
    int64_t count = 1;
    for (int d = 0; d < e->rank; d++) {
      const cx_node *i = cx_index(g, d);
      if (d < lo->rank) sub[d] = i;
      else flat = cx_op2(g, OP_add, cx_op2(g, OP_mul, flat, cx_const(g, (double)e->dim[d].n)), i), count *= e->dim[d].n;
    }
    sub[lo->rank] = cx_op2(g, OP_add, flat, cx_const(g, (double)offset));
    offset += count;
    e->kind = EQ_CALC;
    e->prim = NULL;
    e->nprim_arg = 0;
    e->body = cx_load(g, q->id, sub, lo->rank + 1);
  }
}

/* ---- integrals of integrals as one integral over a box ---- */
/* The one integral that an integrand is a multiple of, by factors of the variables so far: e = c * (load of it) with c
 * free of integrals. Plain equations on the way are opened. NULL: it is something else. */
static const cx_node *multiple_of(cx_graph *g, cx_scratch *w, const cx_eq *of, const cx_node *e, const cx_node **opened,
                                  int depth) {
  if (depth == 0 || !cx_once(w, e)) return NULL;
  const cx_node *arg[3], *found = NULL;
  int at = -1;
  *opened = e;
  switch (e->op) {
    case OP_load: {
      const cx_eq *q = g->eq[e->u.eq];
      if (q->kind == EQ_PRIM && q->prim == &cx_prim_integral) return e;
      if (q->kind != EQ_CALC || q->red != RED_none) return NULL;
      return multiple_of(g, w, of, cx_open_load(g, e, of), opened, depth - 1);
    }
    case OP_neg:
    case OP_div: at = 0; break;
    case OP_mul:
      for (int k = 0; k < 2 && !found; k++)
        if ((found = multiple_of(g, w, of, e->arg[k], opened, depth - 1))) at = k;
      break;
    case OP_select:
      if (cx_is_number(e->arg[2], 0)) at = 1;
      else if (cx_is_number(e->arg[1], 0)) at = 2;
      break;
    default: return NULL;
  }
  if (at < 0) return NULL;
  if (!found) found = multiple_of(g, w, of, e->arg[at], opened, depth - 1);
  if (!found) return NULL;
  for (int k = 0; k < e->nargs; k++) arg[k] = k == at ? *opened : e->arg[k];
  *opened = cx_opn(g, (cx_op)e->op, arg, e->nargs);
  return found;
}
typedef struct {
  const cx_graph *g;
  const cx_node *but;
  bool any;
} others;
static void see_other(void *user, const cx_node *n) {
  others *o = user;
  if (n->op == OP_load && n != o->but && o->g->eq[n->u.eq]->kind == EQ_PRIM) o->any = true;
}
/* the integral inside f, -1 when there is no such one; *body: f with it in sight */
static int32_t inner_of(cx_graph *g, uint32_t f, uint32_t x, const cx_node **load, const cx_node **body) {
  const cx_eq *e = g->eq[f];
  if (e->kind != EQ_CALC || e->red != RED_none) return -1;
  cx_scratch *w = cx_scratch_take(g);
  *load = multiple_of(g, w, e, e->body, body, 60);
  cx_scratch_give(g, w);
  if (!*load || g->eq[(*load)->u.eq]->prim_arg[CX_INTEGRAL_X] == x) return -1;
  others o = {g, *load, false};
  cx_visit(g, *body, see_other, &o);
  return o.any ? -1 : (int32_t)(*load)->u.eq;
}
typedef struct {
  bool any;
} kinks;
static void see_kink(void *user, const cx_node *n) {
  if (n->op == OP_lt || n->op == OP_le || n->op == OP_min || n->op == OP_max || n->op == OP_abs || n->op == OP_floor)
    ((kinks *)user)->any = true;
}
/* an end of an integral inside is infinite, or may be, while the other one moves */
static bool half_line(cx_graph *g, const cx_eq *I) {
  bool infinite = false, moves = false;
  for (int k = 0; k < 2; k++) {
    const cx_eq *end = g->eq[I->prim_arg[k ? CX_INTEGRAL_HI : CX_INTEGRAL_LO]];
    const cx_node *e = end->kind == EQ_CALC ? end->body : NULL;
    if (!e || e->op != OP_const) moves = true;
    else infinite |= isinf(e->u.num) != 0;
  }
  return infinite && moves;
}
/* how many variables an integral has when they make up a box; 1: not a box. Three with conditions or with half-lines that
 * move inside do better one inside the other, where jumps are placed exactly and ends are known. */
static int box_of(cx_graph *g, const cx_eq *I) {
  if (I->prim != &cx_prim_integral) return 1;
  int d = 1;
  const cx_eq *e = I;
  const cx_node *load, *body;
  kinks k = {false};
  for (int32_t in; (in = inner_of(g, e->prim_arg[CX_INTEGRAL_F], e->prim_arg[CX_INTEGRAL_X], &load, &body)) >= 0; d++) {
    e = g->eq[in];
    cx_visit(g, body, see_kink, &k);
    k.any |= half_line(g, e);
  }
  const cx_eq *f = g->eq[e->prim_arg[CX_INTEGRAL_F]];
  if (d < 3 || d > CX_BOX_MAX || f->kind != EQ_CALC) return 1;
  cx_visit(g, f->body, see_kink, &k);
  return d == 3 && k.any ? 1 : d;
}

/* an equation at the places of a load: an integral inside that turned out not to depend on some variable around has its
 * places as dimensions still */
static uint32_t here(cx_graph *v, uint32_t eq, const cx_node *load, cx_dim nodes) {
  cx_eq *e = cx_eq_new(v, NULL, EQ_CALC);
  e->rank = 1;
  e->dim[0] = nodes;
  e->body =
      cx_load(v, eq, load->arg, v->eq[eq]->rank); /* what is integrated may be an array: its dimensions come last */
  return e->id;
}

static void outline_box(cx_graph *g, cx_eq *I, int dim, bool passes) {
  const cx_eq *lo = g->eq[I->prim_arg[CX_INTEGRAL_LO]];
  cx_integrand *in = CX_NEW(g->arena, cx_integrand);
  cx_graph *v = in->value = cx_graph_new(g->ctx, g->arena);
  in->span = I->span;
  in->dim = dim;
  in->nodes = CX_NODES;
  in->ninstance = lo->rank;
  memcpy(in->instance, lo->dim, sizeof in->instance);
  in->tol = number(g, I->prim_arg[CX_INTEGRAL_TOL], 1e-6);
  if (g->eq[I->prim_arg[CX_INTEGRAL_TOL]]->loose) in->tol = fmax(in->tol, 1e-6);
  in->ncomp = 1;
  cx_eq *q = cx_eq_new(g, NULL, EQ_PRIM);
  q->prim = &cx_prim_quadrature;
  q->span = I->span;
  q->integrand = in;
  q->prim_arg[0] = I->prim_arg[CX_INTEGRAL_LO];
  q->prim_arg[1] = I->prim_arg[CX_INTEGRAL_HI];
  q->nprim_arg = 2;
  q->rank = I->rank;
  memcpy(q->dim, I->dim, sizeof q->dim);
  for (int d = lo->rank; d < I->rank; d++) in->ncomp *= (int)I->dim[d].n;
  in->scale = CX_NEW_N(g->arena, double, in->ncomp + 1);
  for (int c = 0; c < in->ncomp; c++) in->scale[c] = I->slope;
  cx_dim nodes = {CX_NODES, NULL};
  const cx_node *k = cx_index(v, 0), *at[CX_MAX_RANK] = {0};
  uint32_t x[CX_BOX_MAX];
  for (int d = 0; d < dim + lo->rank; d++) {
    cx_eq *e = node_input(v, NULL, nodes);
    if (d < dim) {
      x[d] = e->id;
      continue;
    }
    number_of(e, lo->dim[d - dim]);
    at[d - dim] = cx_load(v, e->id, &k, 1);
  }
  closure c = {g, v, q, CX_NEW_N(g->arena, uint32_t, g->neq), false};
  for (int id = 0; id < g->neq; id++) c.input[id] = UINT32_MAX;
  cx_compose *copy = cx_compose_new(g, v, I->prim_arg[CX_INTEGRAL_X], cx_load(v, x[0], &k, 1), &nodes, 1);
  cx_compose_env(copy, env, &c);
  uint32_t f = cx_compose_eq(copy, I->prim_arg[CX_INTEGRAL_F], at), end[2 * CX_BOX_MAX];
  int nend = 0;
  for (int d = 1; d < dim; d++) { /* the inner variables, one after the other, in the graph itself */
    const cx_node *load, *body;
    int32_t inner = inner_of(v, f, UINT32_MAX, &load, &body);
    if (inner < 0) { /* it was found in the graph around */
      cx_error(g->ctx, I->span, "the variables of this integral cannot be taken together");
      cx_throw(g->ctx, CX_E_RUNTIME);
    }
    const cx_eq *J = v->eq[inner];
    for (int side = 0; side < 2; side++) {
      uint32_t at_end = J->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO];
      if (J->rank > 1) at_end = here(v, at_end, load, nodes);
      end[nend++] = at_end;
    }
    cx_compose *next = cx_compose_new(v, v, J->prim_arg[CX_INTEGRAL_X], cx_load(v, x[d], &k, 1), &nodes, 1);
    const cx_node *places[CX_MAX_RANK] = {0}, *own[CX_MAX_RANK] = {k}; /* own: of elements, they stay dimensions */
    int nown = 1;
    for (int j = 0; j < load->nargs; j++) {
      if (load->arg[j]->free_lo & ~1u) own[nown++] = load->arg[j];
      else places[j] = load->arg[j];
    }
    uint32_t deeper = cx_compose_eq(next, J->prim_arg[CX_INTEGRAL_F], places);
    cx_eq *t = cx_eq_new(v, NULL, EQ_CALC);
    t->rank = v->eq[f]->rank;
    memcpy(t->dim, v->eq[f]->dim, sizeof t->dim);
    t->span = I->span;
    t->body = cx_exchange(v, body, load, cx_load(v, deeper, own, nown));
    f = t->id;
  }
  if (c.full) {
    cx_error(g->ctx, I->span, "this integral reads more than %d quantities from outside", CX_PRIM_ARGS - 2);
    cx_throw(g->ctx, CX_E_PROGRAM);
  }
  cx_graph_output(v, f);
  for (int j = 0; j < nend; j++) {
    cx_graph_output(v, end[j]);
    for (int d = 0; d < dim; d++)
      if (cx_node_dims(v, v->arena, x[d])[end[j]] & CX_DEPENDS) in->moving |= 1u << (j / 2 + 1);
  }
  in->nenv = q->nprim_arg - 2;
  for (int id = 0; id < v->neq; id++) /* bound no more */
    if (v->eq[id]->kind == EQ_INPUT && v->eq[id]->node) {
      v->eq[id]->kind = EQ_CALC;
      v->eq[id]->node = false;
      v->eq[id]->body = cx_const(v, 0);
    } else if (cx_is_integral(v->eq[id])) {
      v->eq[id]->kind = EQ_CALC;
      v->eq[id]->prim = NULL;
      v->eq[id]->nprim_arg = 0;
      v->eq[id]->body = cx_const(v, 0);
    }
  in->value = alone(v);
  if (passes) cx_run_passes(in->value, NULL);
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d < I->rank; d++) sub[d] = cx_index(g, d);
  I->kind = EQ_CALC;
  I->prim = NULL;
  I->nprim_arg = 0;
  I->body = cx_load(g, q->id, sub, I->rank);
}

void cx_pass_outline(cx_graph *g) { cx_outline(g, true); }

void cx_outline(cx_graph *g, bool passes) {
  int neq = g->neq;
  bool any = false;
  for (int id = 0; id < neq && !any; id++) /* a variable alone: its integral has a closed form */
    any = cx_is_integral(g->eq[id]) || (g->eq[id]->kind == EQ_INPUT && g->eq[id]->node);
  if (!any) return;
  bool *inside = CX_NEW_N(g->arena, bool, neq + 1); /* depends on a variable that another integral binds */
  for (int id = 0; id < neq; id++) {
    if (g->eq[id]->kind != EQ_INPUT || !g->eq[id]->node) continue;
    uint32_t *m = cx_node_dims(g, g->arena, (uint32_t)id);
    for (int k = 0; k < neq; k++) inside[k] |= (m[k] & CX_DEPENDS) != 0;
  }
  bool *needed = CX_NEW_N(g->arena, bool, neq + 1);
  int32_t *map = CX_NEW_N(g->arena, int32_t, neq + 1);
  cx_extract(g, g->arena, g->out, g->nout, map); /* what nothing asks for any more is not integrated */
  for (int id = 0; id < neq; id++) needed[id] = map[id] >= 0;
  for (int id = 0; id < neq; id++) {
    if (!cx_is_integral(g->eq[id]) || inside[id] || !needed[id]) continue;
    int dim = box_of(g, g->eq[id]);
    if (dim > 1) {
      outline_box(g, g->eq[id], dim, passes);
      continue;
    }
    CX_VEC(cx_eq *) member = {0};
    for (int k = id; k < neq; k++)
      if (cx_is_integral(g->eq[k]) && !inside[k] && needed[k] && together(g->eq[id], g->eq[k]) &&
          box_of(g, g->eq[k]) == 1)
        *CX_PUSH(g->arena, member) = g->eq[k];
    outline(g, member.at, member.n, passes);
  }
  for (int id = 0; id < neq; id++) { /* nothing reads the variables any more */
    cx_eq *e = g->eq[id];
    if (e->kind == EQ_INPUT && e->node) {
      e->kind = EQ_CALC;
      e->node = false;
      e->body = cx_const(g, 0);
    } else if (cx_is_integral(e)) { /* inside another, or not needed */
      e->kind = EQ_CALC;
      e->prim = NULL;
      e->nprim_arg = 0;
      e->body = cx_const(g, 0);
    }
  }
}
