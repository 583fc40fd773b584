/* elab_param.c - params: their domains, the unconstrained inputs they are functions of, their start values. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "front/elab.h"

static void domain_end(cx_elab *E, cx_span s) {
  int id = cx_error(E->ctx, s, "the end of a domain must be a number");
  cx_diag_help(E->ctx, id, "it is fixed before the fit: a number, a size or scalar data");
}

static void domain_range(cx_elab *E, const cx_ast *range, double v[2]) { /* an end that is none: an error, v stays */
  for (int k = 0; k < 2; k++) {
    cx_val x = cx_elab_expr(E, range->kid[k]);
    if (!x.bad && !cx_v_const(E, x, &v[k])) domain_end(E, range->kid[k]->span);
  }
}

cx_domain cx_elab_domain(cx_elab *E, const cx_ast *d) {
  cx_domain r = {DOM_REAL, -INFINITY, INFINITY};
  if (!d) return r;
  if (d->kind == A_RANGE || d->kind == A_COMPARE) { /* t in a..b; s > a; the constant side */
    double v[2] = {-INFINITY, INFINITY};
    if (d->kind == A_RANGE) {
      domain_range(E, d, v);
    } else {
      for (int k = 0; k + 1 < d->nkid; k++) { /* operand k OP operand k+1; the name side has no value */
        const cx_ast *c = d->kid[k + 1];
        int dir = d->ops[k] == T_GT || d->ops[k] == T_GE ? 0 : 1; /* name > c: lower end */
        if (k == 0 && d->nkid == 3) c = d->kid[0], dir = !dir;
        if (k == 0 && d->nkid == 2 && d->kid[0]->kind != A_NAME) c = d->kid[0], dir = !dir;
        cx_val x = cx_elab_expr(E, c);
        if (!x.bad && !cx_v_const(E, x, &v[dir])) domain_end(E, c->span);
      }
    }
    r = (cx_domain){DOM_INTERVAL, v[0], v[1]};
    if (r.lo == 0 && r.hi == INFINITY) r.kind = DOM_POSITIVE;
    if (r.lo < r.hi) return r;
    cx_error(E->ctx, d->span, "the domain %g..%g is empty", r.lo, r.hi);
    return (cx_domain){DOM_REAL, -INFINITY, INFINITY};
  }
  if (d->kind != A_NAME && d->kind != A_CALL) {
    cx_error(E->ctx, d->span, "this is not a domain");
    return r;
  }
  for (int k = 0; k < DOM_COUNT; k++)
    if (cx_domain_name[k] && !strcmp(d->name, cx_domain_name[k])) r.kind = (cx_domain_kind)k;
  if (r.kind == DOM_REAL && strcmp(d->name, "real")) {
    int id = cx_error(E->ctx, d->span, "there is no domain `%s`", d->name);
    const char *hit = cx_nearest(d->name, cx_domain_name, DOM_COUNT);
    if (hit) cx_diag_help(E->ctx, id, "did you mean `%s`?", hit);
    else
      cx_diag_help(E->ctx, id,
                   "domains are real, int, positive, unit, simplex, ordered, covariance, correlation, ..; or write s > "
                   "0, t in 0..1");
    return r;
  }
  if (r.kind == DOM_UNIT) r.lo = 0, r.hi = 1;
  if (r.kind == DOM_POSITIVE) r.lo = 0;
  if (r.kind == DOM_BOOL) r.lo = 0, r.hi = 1;
  if (d->kind == A_NAME) return r;
  if (r.kind != DOM_INT) {
    int id = cx_error(E->ctx, d->span, "the domain `%s` takes no arguments", d->name);
    cx_diag_help(E->ctx, id, "a range is given by `in a..b`, and of whole numbers by int(a..b)");
  } else if (d->nkid != 1 || d->kid[0]->kind != A_RANGE) {
    cx_error(E->ctx, d->span, "`int` takes a range, as in int(0..9)");
  } else {
    double v[2] = {-INFINITY, INFINITY};
    domain_range(E, d->kid[0], v);
    if (v[0] <= v[1]) r.lo = v[0], r.hi = v[1];
    else cx_error(E->ctx, d->span, "the domain %g..%g is empty", v[0], v[1]);
  }
  return r;
}

/* by domain: the functions of lib/domain.calx, how many trailing dimensions are one object, and its unknowns */
typedef enum { RAW_SAME, RAW_LESS_ONE, RAW_TRIANGLE, RAW_STRICT_TRIANGLE } raw_size; /* triangles: square */
static const struct {
  cx_domain_kind kind;
  int whole;
  raw_size raw;
} transforms[] = {{DOM_SIMPLEX, 1, RAW_LESS_ONE},
                  {DOM_ORDERED, 1, RAW_SAME},
                  {DOM_POSITIVE_ORDERED, 1, RAW_SAME},
                  {DOM_SUM_TO_ZERO, 1, RAW_LESS_ONE},
                  {DOM_UNIT_VECTOR, 1, RAW_SAME},
                  {DOM_COVARIANCE, 2, RAW_TRIANGLE},
                  {DOM_CHOLESKY_COVARIANCE, 2, RAW_TRIANGLE},
                  {DOM_CORRELATION, 2, RAW_STRICT_TRIANGLE},
                  {DOM_CHOLESKY_CORRELATION, 2, RAW_STRICT_TRIANGLE},
                  {DOM_ORTHONORMAL, 2, RAW_SAME}};

bool cx_domain_bounded(cx_domain d, bool up) {
  switch (d.kind) {
    case DOM_POSITIVE:
    case DOM_INTERVAL:
    case DOM_UNIT: /* one end: a + exp(u) or b - exp(u) */
      return !up ? isfinite(d.lo) || isfinite(d.hi) : isfinite(d.lo) && isfinite(d.hi);
    case DOM_SIMPLEX:
    case DOM_UNIT_VECTOR:
    case DOM_CORRELATION:
    case DOM_CHOLESKY_CORRELATION:
    case DOM_ORTHONORMAL: return true;
    case DOM_ORDERED: /* gaps, scales: exp(u) */
    case DOM_POSITIVE_ORDERED:
    case DOM_COVARIANCE:
    case DOM_CHOLESKY_COVARIANCE: return !up;
    default: return false;
  }
}

static cx_val call_library(cx_elab *E, const char *name, cx_val *arg, int n, cx_span s, bool *found) {
  cx_ast *call = CX_NEW(E->arena, cx_ast);
  call->kind = A_CALL;
  call->name = cx_intern_z(E->ctx, name);
  call->span = call->name_span = s;
  cx_load_library(E);
  cx_binding *f = NULL;
  for (cx_binding *b = E->lib; b && !f; b = b->next)
    if (b->name == call->name) f = b;
  *found = f != NULL;
  return f ? cx_apply(E, f, arg, n, call) : cx_v_bad(s);
}

/* the value of domain function `suffix` ("of", "start") applied to v */
static cx_val domain_call(cx_elab *E, cx_domain d, const char *suffix, cx_val v, int64_t size, cx_span s, bool *found) {
  cx_val arg[3] = {v};
  int n = 1;
  const char *name = cx_domain_name[d.kind];
  if (d.kind == DOM_INTERVAL || d.kind == DOM_UNIT || d.kind == DOM_POSITIVE) {
    bool lo = isfinite(d.lo), hi = isfinite(d.hi);
    name = d.kind == DOM_POSITIVE ? "positive" : lo && hi ? "interval" : lo ? "above" : "below";
    if (lo && d.kind != DOM_POSITIVE) arg[n++] = cx_v_num(E, d.lo, s);
    if (hi) arg[n++] = cx_v_num(E, d.hi, s);
  }
  if (size >= 0) arg[n++] = cx_v_num(E, (double)size, s);
  return call_library(E, cx_format(E->arena, "%s_%s", name, suffix), arg, n, s, found);
}

static bool same_site(const cx_site *a, const cx_site *b) {
  for (; a && b; a = a->up, b = b->up) {
    if (a->call != b->call) return false;
    if (a->shared) return true;
  }
  return a == b;
}

/* A param of a function is called after the call in the program's own text, whatever the library calls on its way: conv.W,
 * and conv2.W of the next such call; behind the name of the `param` function around it, encoder.dense.W. */
static const cx_site *own_call(const cx_elab *E, const cx_site *s) {
  while (s->up && cx_in_library(E, s->call->span)) s = s->up;
  return s;
}
static const cx_ast *owner(const cx_site *s) {
  for (; s; s = s->shared ? NULL : s->up)
    if (s->up && s->up->shared && !s->shared) return s->up->call;
  return NULL;
}
static bool taken(const cx_elab *E, cx_sym name) {
  for (int k = 0; k < E->param.n; k++)
    if (E->param.at[k].name == name) return true;
  return false;
}
cx_sym cx_param_name(cx_elab *E, cx_sym name, int *which) {
  const cx_site *own = own_call(E, E->site);
  int number = 0, most = 0; /* of this call among those of its function */
  for (int k = 0; k < E->made.n && !number; k++) {
    const cx_site *other = E->made.at[k].site ? own_call(E, E->made.at[k].site) : NULL;
    if (!other || other->call->name != own->call->name || owner(other) != owner(own)) continue;
    if (same_site(other, own)) number = E->made.at[k].number;
    if (E->made.at[k].number > most) most = E->made.at[k].number;
  }
  if (!number) number = most + 1;
  *which = number;
  const char *call = number > 1 ? cx_format(E->arena, "%s%d", own->call->name, number) : own->call->name;
  const char *base = cx_format(E->arena, "%s.%s", call, name);
  if (owner(own)) base = cx_format(E->arena, "%s.%s", owner(own)->name, base);
  cx_sym full = cx_intern_z(E->ctx, base);
  for (int twin = 2; taken(E, full); twin++) full = cx_intern_z(E->ctx, cx_format(E->arena, "%s%d", base, twin));
  return full;
}

static bool random_start(cx_elab *E, const cx_ast *x, cx_param *p) {
  if (!x || x->kind != A_CALL || (strcmp(x->name, "random_uniform") && strcmp(x->name, "random_normal"))) return false;
  p->start = x->name[7] == 'u' ? START_UNIFORM : START_NORMAL;
  double v[2] = {0, 1};
  for (int k = 0; k < x->nkid && k < 2; k++) {
    cx_val a = cx_elab_expr(E, x->kid[k]);
    if (!cx_v_const(E, a, &v[k]) && !a.bad)
      cx_error(E->ctx, x->kid[k]->span, "the arguments of `%s` must be numbers", x->name);
  }
  p->a = v[0];
  p->b = v[1];
  return true;
}

bool cx_param_start(cx_elab *E, cx_param *p, cx_val v) {
  uint32_t eq;
  bool found;
  cx_span s = p->start_span = v.span;
  p->start = START_VALUE;
  v = cx_v_store(E, v, NULL, &eq);
  if (v.bad) return false;
  p->value_eq = (int32_t)eq;
  if (p->eq != p->raw) v = domain_call(E, p->domain, "start", v, -1, s, &found);
  v = cx_v_store(E, v, NULL, &eq);
  if (v.bad) return false;
  p->start_eq = (int32_t)eq;
  return true;
}

cx_binding *cx_param_made(cx_elab *E, const cx_ast *decl, cx_sym name, cx_span s) {
  E->owned++;
  for (int k = 0; k < E->made.n; k++)
    if (E->made.at[k].decl == decl && same_site(E->made.at[k].site, E->site)) {
      cx_binding *b = cx_bind_name(E, name, B_VALUE, s);
      b->v = E->made.at[k].v;
      b->leaf = E->made.at[k].leaf;
      return b;
    }
  return NULL;
}

void cx_param_add(cx_elab *E, const cx_ast *decl, cx_param p, cx_val v, int number) {
  *CX_PUSH(E->arena, E->param) = p;
  cx_site *keep = NULL, **end = &keep;
  for (cx_site *s = E->site; s; s = s->up) { /* call sites live on the C stack */
    *end = CX_NEW(E->arena, cx_site);
    (*end)->call = s->call;
    (*end)->shared = s->shared;
    end = &(*end)->up;
  }
  CX_PUSH(E->arena, E->made);
  int at = E->made.n - 1;
  E->made.at[at].decl = decl;
  E->made.at[at].site = keep;
  E->made.at[at].number = number;
  E->made.at[at].v = v;
  E->made.at[at].leaf = p.eq;
}

/* the sizes in brackets; errors are counted by the caller */
static void read_sizes(cx_elab *E, const cx_ast *x, cx_dim *dim, int rank) {
  const cx_ast *shape = x->kid[0];
  int errors = cx_error_count(E->ctx);
  double total = 1;
  for (int k = 0; k < rank; k++) {
    const cx_ast *z = shape->kid[k];
    if (z->kind == A_NAME && !cx_lookup(E, z->name, false)) {
      int id = cx_error(E->ctx, z->span, "nothing gives the size `%s`", z->name);
      cx_diag_help(E->ctx, id, "sizes come from data, as in data X[n, %s], or from a definition, %s = 3", z->name,
                   z->name);
      continue;
    }
    if (!cx_elab_int(E, z, &dim[k].n)) continue;
    dim[k].name = z->kind == A_NAME ? z->name : NULL;
    if (dim[k].n < 0) cx_error(E->ctx, z->span, "a size cannot be negative, but this is %lld", (long long)dim[k].n);
    total *= (double)dim[k].n;
  }
  if (total <= 1e10 || cx_error_count(E->ctx) > errors) return;
  cx_val v = {.rank = (uint8_t)rank};
  memcpy(v.dim, dim, (size_t)rank * sizeof *dim);
  int id =
      cx_error(E->ctx, shape->span, "`%s%s` would have %.3g elements to be found", x->name, cx_v_shape(E, v), total);
  cx_diag_help(E->ctx, id, "make a size smaller");
}

/* The shape of the unconstrained numbers behind a param of shape dim; *order: of the matrices that a triangle makes,
 * else -1. */
static bool raw_shape(cx_elab *E, const cx_ast *x, cx_domain_kind kind, const cx_dim *dim, int rank, cx_eq *raw,
                      int64_t *order) {
  int whole = 0;
  raw_size shrink = RAW_SAME;
  for (size_t k = 0; k < sizeof transforms / sizeof *transforms; k++)
    if (transforms[k].kind == kind) whole = transforms[k].whole, shrink = transforms[k].raw;
  bool square = shrink >= RAW_TRIANGLE;
  int64_t last = rank ? dim[rank - 1].n : 0, before = rank > 1 ? dim[rank - 2].n : 0;
  if (rank < whole)
    cx_error(E->ctx, x->span, "a param of domain `%s` needs %d dimension%s", cx_domain_name[kind], whole,
             whole == 1 ? "" : "s");
  else if (whole == 2 && !square && last > before)
    cx_error(E->ctx, x->span, "of %lld columns of length %lld, at most %lld are at right angles", (long long)last,
             (long long)before, (long long)before);
  else if (square && last != before)
    cx_error(E->ctx, x->span, "a param of domain `%s` is square, but %lld and %lld differ", cx_domain_name[kind],
             (long long)before, (long long)last);
  else {
    raw->rank = (uint8_t)(square ? rank - 1 : rank);
    memcpy(raw->dim, dim, (size_t)rank * sizeof *dim);
    if (shrink == RAW_LESS_ONE) raw->dim[rank - 1] = (cx_dim){last - 1, NULL};
    if (square) raw->dim[rank - 2] = (cx_dim){last * (shrink == RAW_TRIANGLE ? last + 1 : last - 1) / 2, NULL};
    *order = square ? last : -1;
    return true;
  }
  return false;
}

/* the param itself, a function of the unconstrained numbers v; outside of every call */
static cx_val of_domain(cx_elab *E, cx_param *p, cx_val v, int64_t order, const cx_dim *dim, int rank) {
  int64_t *context = E->context;
  int ncontext = E->ncontext;
  bool found = true;
  uint32_t eq;
  E->ncontext = 0;
  v = domain_call(E, p->domain, "of", v, order, p->span, &found);
  v = cx_v_store(E, v, p->name, &eq);
  E->context = context;
  E->ncontext = ncontext;
  if (v.bad || eq == CX_NO_EQ) return cx_v_bad(p->span);
  p->eq = eq;
  for (int k = 0; k < rank; k++) v.dim[k] = dim[k], E->g->eq[eq]->dim[k] = dim[k];
  if (p->domain.kind == DOM_INTERVAL || p->domain.kind == DOM_UNIT || p->domain.kind == DOM_POSITIVE)
    E->g->eq[eq]->lo = p->domain.lo, E->g->eq[eq]->hi = p->domain.hi;
  return v;
}

/* param w[3] = e: numbers, or an array that fits the shape */
static bool given_start(cx_elab *E, const cx_ast *x, cx_param *p, const cx_dim *dim, int rank) {
  const cx_ast *e = x->kid[2];
  cx_val shape = {.rank = (uint8_t)rank, .e = cx_const(E->g, 0), .span = x->name_span}, out;
  for (int k = 0; k < rank; k++) {
    shape.dim[k] = dim[k];
    shape.slot[k] = cx_var_range(E, NULL, 0, dim[k].n - 1, dim[k].name);
  }
  const cx_val *around = E->start;
  E->start = &shape;
  cx_val both[2] = {shape, cx_elab_expr(E, e)}, start = both[1];
  E->start = around;
  if (start.bad || !cx_v_align(E, both, 2, &out, "`=`", e->span)) return false;
  if (out.rank != rank) {
    cx_error(E->ctx, e->span, "the start of `%s` has shape %s, but the param has %d dimensions", x->name,
             cx_v_shape(E, start), rank);
    return false;
  }
  out.e = both[1].e;
  out.span = e->span;
  return cx_param_start(E, p, out);
}

cx_val cx_elab_param(cx_elab *E, const cx_ast *x) {
  cx_binding *again = cx_param_made(E, x, x->name, x->name_span);
  if (again) return again->v;
  cx_param p = {.name = x->name, .span = x->name_span, .start_eq = -1, .value_eq = -1, .follows = -1};
  int errors = cx_error_count(E->ctx), rank = x->kid[0] ? x->kid[0]->nkid : 0, number = 0;
  p.domain = cx_elab_domain(E, x->kid[1]);
  if (rank > CX_MAX_RANK) {
    cx_error(E->ctx, x->kid[0]->span, "an array has at most %d dimensions", CX_MAX_RANK);
    return cx_v_bad(x->span);
  }
  cx_dim dim[CX_MAX_RANK];
  read_sizes(E, x, dim, rank);
  cx_binding *b = cx_bind_name(E, x->name, B_VALUE, x->name_span);
  b->v = cx_v_bad(x->span);
  if (cx_error_count(E->ctx) > errors) return b->v;
  cx_domain_kind kind = p.domain.kind;
  if (kind == DOM_INT || kind == DOM_BOOL || kind == DOM_CATEGORY || kind == DOM_TEXT || kind == DOM_IMAGE) {
    int id = cx_error(E->ctx, x->kid[1]->span, "a param cannot be %s: it is found by following derivatives",
                      cx_domain_name[kind]);
    cx_diag_help(E->ctx, id, "declare known values as data, or give the param a real domain");
    return b->v;
  }
  if (E->site) p.name = cx_param_name(E, x->name, &number);
  cx_eq *raw = cx_eq_new(E->g, p.name, EQ_INPUT);
  raw->span = x->name_span;
  p.raw = p.eq = raw->id;
  int64_t order;
  if (!raw_shape(E, x, kind, dim, rank, raw, &order)) return b->v;
  cx_val v = cx_v_load(E, raw->id, x->name_span);
  if (kind != DOM_REAL && !(kind == DOM_INTERVAL && isinf(p.domain.lo) && isinf(p.domain.hi))) {
    raw->name = cx_intern_z(E->ctx, cx_format(E->arena, "%s.raw", p.name));
    v = of_domain(E, &p, v, order, dim, rank);
    if (v.bad) return b->v;
  }
  if (!x->kid[2] && (kind == DOM_UNIT_VECTOR || kind == DOM_ORTHONORMAL))
    p.start = START_NORMAL, p.b = 1; /* 0 has no direction */
  if (x->kid[2] && !random_start(E, x->kid[2], &p) && !given_start(E, x, &p, dim, rank)) return b->v;
  b->v = v;
  b->leaf = p.eq;
  cx_param_add(E, x, p, v, number);
  return v;
}
