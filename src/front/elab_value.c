/* elab_value.c - values of expressions: broadcasting, elements, reductions, and giving a value its equation. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "front/elab.h"

cx_val cx_v_bad(cx_span s) { return (cx_val){.bad = true, .span = s}; }
cx_val cx_v_node(const cx_node *e, cx_span s) { return (cx_val){.e = e, .span = s}; }
cx_val cx_v_num(cx_elab *E, double x, cx_span s) { return cx_v_node(cx_const(E->g, x), s); }
/* a number, or a definition or scalar datum that is one */
bool cx_v_const(cx_elab *E, cx_val v, double *x) {
  if (v.bad || v.rank) return false;
  const cx_node *e = v.e;
  while (e->op == OP_load) {
    const cx_eq *q = E->g->eq[e->u.eq];
    int64_t slot[CX_MAX_RANK];
    if (q->kind == EQ_INPUT && q->constant && q->lo == q->hi) return *x = q->lo, true;
    if (q->kind != EQ_CALC || q->red != RED_none || !q->body) return false;
    for (int k = 0; k < e->nargs; k++) { /* an element of a table of numbers */
      if (e->arg[k]->op != OP_const || e->arg[k]->u.num < 0 || e->arg[k]->u.num >= (double)q->dim[k].n) return false;
      slot[k] = k;
    }
    e = e->nargs ? cx_subst(E->g, q->body, slot, e->arg, e->nargs) : q->body;
  }
  *x = e->op == OP_const ? e->u.num : 0;
  if (e->op == OP_const) return true;
  if (e->any_free) return false;
  cx_interval b = cx_bounds(E->g, e, NULL); /* n + 1 of such a definition n */
  if (b.lo != b.hi || isinf(b.lo)) return false;
  *x = b.lo;
  return true;
}

int64_t cx_var_new(cx_elab *E, cx_sym name, cx_span s) {
  *CX_PUSH(E->arena, E->var) = (cx_var){.name = name, .span = s};
  return CX_FREE + E->var.n - 1;
}
int64_t cx_var_range(cx_elab *E, cx_sym name, int64_t lo, int64_t hi, cx_sym size) {
  int64_t s = cx_var_new(E, name, CX_NOSPAN);
  cx_var *v = cx_var_of(E, s);
  v->lo = lo;
  v->hi = hi;
  v->size = size;
  v->resolved = true;
  return s;
}
cx_var *cx_var_of(cx_elab *E, int64_t slot) { return &E->var.at[slot - CX_FREE]; }

typedef struct {
  cx_elab *E;
  int64_t *slot;
  int n, max;
} freeset;
static void free_node(void *user, const cx_node *n) {
  freeset *f = user;
  if (n->op != OP_index || n->u.i < CX_FREE) return;
  if (f->n >= f->max) {
    f->max = -1;
    return;
  }
  f->n += cx_slot_insert(f->slot, f->n, n->u.i);
}
bool cx_slot_insert(int64_t *slot, int n, int64_t s) {
  for (int k = 0; k < n; k++)
    if (slot[k] == s) return false;
  for (; n > 0 && slot[n - 1] > s; n--) slot[n] = slot[n - 1];
  slot[n] = s;
  return true;
}
int cx_free_slots(cx_elab *E, const cx_node *e, int64_t *slot, int max) {
  freeset f = {E, slot, 0, max};
  if (e->any_free) cx_visit(E->g, e, free_node, &f);
  return f.max < 0 ? -1 : f.n;
}

cx_val cx_v_load(cx_elab *E, uint32_t eq, cx_span s) {
  const cx_eq *e = E->g->eq[eq];
  cx_val v = {.rank = e->rank, .span = s};
  const cx_node *sub[CX_MAX_RANK];
  for (int k = 0; k < e->rank; k++) {
    v.dim[k] = e->dim[k];
    v.slot[k] = cx_var_range(E, NULL, 0, e->dim[k].n - 1, e->dim[k].name);
    sub[k] = cx_index(E->g, v.slot[k]);
  }
  v.e = cx_load(E->g, eq, sub, e->rank);
  return v;
}

const cx_node *cx_v_at(cx_elab *E, cx_val v, const cx_node *const *sub) {
  return v.rank ? cx_subst(E->g, v.e, v.slot, sub, v.rank) : v.e;
}
cx_val cx_v_fresh(cx_elab *E, cx_val v) {
  const cx_node *sub[CX_MAX_RANK];
  int64_t slot[CX_MAX_RANK];
  for (int k = 0; k < v.rank; k++) {
    slot[k] = cx_var_range(E, NULL, 0, v.dim[k].n - 1, v.dim[k].name);
    sub[k] = cx_index(E->g, slot[k]);
  }
  v.e = cx_v_at(E, v, sub);
  memcpy(v.slot, slot, sizeof slot);
  return v;
}

const char *cx_v_shape(cx_elab *E, cx_val v) {
  if (!v.rank) return "a scalar";
  char *s = cx_format(E->arena, "[");
  for (int k = 0; k < v.rank; k++)
    s = v.dim[k].name && E->opt.unbound
            ? cx_format(E->arena, "%s%s%s", s, k ? ", " : "", v.dim[k].name) /* not known yet */
        : v.dim[k].name ? cx_format(E->arena, "%s%s%s = %lld", s, k ? ", " : "", v.dim[k].name, (long long)v.dim[k].n)
                        : cx_format(E->arena, "%s%s%lld", s, k ? ", " : "", (long long)v.dim[k].n);
  return cx_format(E->arena, "%s]", s);
}

/* trailing dimensions aligned; a dimension of 1 stretches. Every argument is rewritten over the shape's slots. */
bool cx_v_align(cx_elab *E, cx_val *arg, int n, cx_val *shape, const char *what, cx_span s) {
  *shape = (cx_val){.span = s};
  for (int k = 0; k < n; k++)
    if (arg[k].bad) return false;
  int big = 0;
  for (int k = 1; k < n; k++)
    if (arg[k].rank > arg[big].rank) big = k;
  shape->rank = arg[big].rank;
  memcpy(shape->dim, arg[big].dim, sizeof shape->dim);
  int from[CX_MAX_RANK];
  for (int d = 0; d < shape->rank; d++) from[d] = big;
  for (int k = 0; k < n; k++)
    for (int d = 0; d < arg[k].rank; d++) {
      int at = shape->rank - arg[k].rank + d;
      cx_dim *a = &shape->dim[at];
      cx_dim b = arg[k].dim[d];
      if (a->n == b.n) {
        if (!a->name) a->name = b.name;
        continue;
      }
      if (b.n == 1) continue;
      if (a->n == 1) {
        *a = b;
        from[at] = k;
        continue;
      }
      if (E->opt.unbound && (a->name == NULL) != (b.name == NULL))
        continue; /* a stand-in may turn out to be that number */
      int id = cx_error(E->ctx, s, "the shapes in %s do not fit: %s and %s", what, cx_v_shape(E, arg[from[at]]),
                        cx_v_shape(E, arg[k]));
      cx_diag_label(E->ctx, id, arg[from[at]].span, "%s", cx_v_shape(E, arg[from[at]]));
      cx_diag_label(E->ctx, id, arg[k].span, "%s", cx_v_shape(E, arg[k]));
      cx_diag_help(E->ctx, id,
                   "dimensions are aligned at the right; name the indices to say which goes with which, "
                   "as in c[i, j] = a[i] * b[j]");
      return false;
    }
  bool shared = true; /* all over the same slots already: nothing to substitute */
  for (int k = 0; k < n && shared; k++)
    for (int d = 0; d < arg[k].rank && shared; d++) {
      int at = shape->rank - arg[k].rank + d;
      shared = arg[k].slot[d] == arg[big].slot[at] && arg[k].dim[d].n == shape->dim[at].n;
    }
  for (int d = 0; d < shape->rank; d++)
    shape->slot[d] = shared ? arg[big].slot[d] : cx_var_range(E, NULL, 0, shape->dim[d].n - 1, shape->dim[d].name);
  for (int k = 0; k < n && !shared; k++) {
    const cx_node *sub[CX_MAX_RANK];
    for (int d = 0; d < arg[k].rank; d++)
      sub[d] = arg[k].dim[d].n == 1 && shape->dim[shape->rank - arg[k].rank + d].n != 1
                   ? cx_const(E->g, 0)
                   : cx_index(E->g, shape->slot[shape->rank - arg[k].rank + d]);
    arg[k].e = cx_v_at(E, arg[k], sub);
  }
  return true;
}

/* does it read anything but what tells the steps of a fit apart? */
typedef struct {
  int64_t draw;
  bool found;
} reader;
static void see(void *user, const cx_node *n) {
  reader *r = user;
  r->found |= n->op == OP_load && n->u.eq != r->draw;
}
static bool moves(cx_elab *E, const cx_node *e) {
  reader r = {E->m->draw_eq, false};
  if (e->has_load) cx_visit(E->g, e, see, &r);
  return r.found;
}

/* e, which jumps where u moves: if draws are around, its derivative by what else moves u is an error */
static const cx_node *jump(cx_elab *E, const cx_node *e, const cx_node *u) {
  int64_t slot[4 * CX_MAX_RANK];
  if (!moves(E, e)) return e; /* of random numbers alone: nothing moves */
  int n = cx_free_slots(E, e, slot, 4 * CX_MAX_RANK);
  bool drawn = false;
  for (cx_drawing *d = E->drawing; d; d = d->up)
    for (int k = 0; k < n; k++)
      if (slot[k] == d->slot) drawn = d->jumps = true;
  return drawn ? cx_op2(E->g, OP_jump, e, u) : e;
}
static const cx_node *jumping(cx_elab *E, cx_op op, const cx_node *e, const cx_node *const *arg, int n) {
  if (op == OP_select) { /* + jump(c) - c, which is 0 */
    const cx_node *c = arg[0]->op == OP_jump ? arg[0] : jump(E, arg[0], arg[0]);
    return c->op == OP_jump ? cx_op2(E->g, OP_add, e, cx_op2(E->g, OP_sub, c, c->arg[0])) : e;
  }
  if (!(cx_ops[op].facts & F_STEP) && op != OP_mod && op != OP_atan2) return e;
  return jump(E, e, n == 1 ? arg[0] : cx_op2(E->g, op == OP_and || op == OP_or ? OP_add : OP_sub, arg[0], arg[1]));
}

cx_val cx_v_map(cx_elab *E, cx_op op, const cx_val *arg, int n, cx_span s) {
  cx_val a[3], r;
  memcpy(a, arg, (size_t)n * sizeof *a);
  char what[32];
  static const struct {
    cx_op op;
    const char *sign;
  } signs[] = {{OP_add, "+"}, {OP_sub, "-"}, {OP_mul, "*"}, {OP_div, "/"}, {OP_pow, "^"},
               {OP_lt, "<"},  {OP_le, "<="}, {OP_eq, "=="}, {OP_ne, "!="}, {OP_select, "if"}};
  const char *sign = cx_ops[op].name;
  for (size_t k = 0; k < sizeof signs / sizeof *signs; k++)
    if (signs[k].op == op) sign = signs[k].sign;
  snprintf(what, sizeof what, "`%s`", sign);
  if (!cx_v_align(E, a, n, &r, what, s)) return cx_v_bad(s);
  const cx_node *e[3];
  for (int k = 0; k < n; k++) e[k] = a[k].e;
  r.e = cx_opn(E->g, op, e, n);
  if (E->drawing) r.e = jumping(E, op, r.e, e, n);
  return r;
}

/* ---- equations ---- */

/* free variables of e that are not its own: the context. false: too many */
static bool context_of(cx_elab *E, const cx_node *e, const int64_t *own, int nown, int64_t *ctx, int *n, cx_span s) {
  int64_t all[4 * CX_MAX_RANK];
  int k = cx_free_slots(E, e, all, 4 * CX_MAX_RANK);
  *n = 0;
  for (int j = 0; j < k; j++) {
    bool mine = false;
    for (int m = 0; m < nown; m++) mine |= own[m] == all[j];
    if (mine) continue;
    if (*n < CX_MAX_RANK) ctx[(*n)++] = all[j];
    else k = -1;
  }
  if (k >= 0) return true;
  cx_error(E->ctx, s, "this expression depends on more than %d indices at once", CX_MAX_RANK);
  return false;
}

/* numbers of elements stay exact in a double */
bool cx_v_fits(cx_elab *E, cx_sym name, const int64_t *size, int n, cx_span s) {
  double total = 1;
  for (int k = 0; k < n; k++) total *= size[k] > 0 ? (double)size[k] : 0;
  if (total <= 0x1p53) return true;
  for (int k = 0; k < n; k++)
    if (size[k] == INT64_MAX) {
      int id = cx_error(E->ctx, s, "the length of this array is not known inside of its own equations");
      cx_diag_help(E->ctx, id, "start it with a whole row, which says the length: w[0] = zeros(4), w[t] = f(w[t-1])");
      return false;
    }
  const char *what = name ? cx_format(E->arena, "`%s`", name) : "this";
  int id = cx_error(E->ctx, s, "%s would have %.3g elements", what, total);
  cx_diag_help(E->ctx, id, "make a size smaller, or sum over an index instead of keeping it");
  return false;
}

/* an equation over context, own dims and reduced variables; CX_NO_EQ while a range is unknown */
static uint32_t make(cx_elab *E, cx_sym name, const int64_t *ctx, int nctx, const cx_val *v, cx_red red,
                     const int64_t *rs, int nr, cx_span s) {
  cx_graph *g = E->g;
  for (int k = 0; k < nctx; k++)
    if (!cx_var_of(E, ctx[k])->resolved) {
      E->retry = true;
      return CX_NO_EQ;
    }
  if (nctx + v->rank > CX_MAX_RANK) {
    int id = cx_error(E->ctx, s, "this needs an array of %d dimensions; the most is %d", nctx + v->rank, CX_MAX_RANK);
    cx_diag_help(E->ctx, id, "split the computation, or give some of its indices fixed values");
    return CX_NO_EQ;
  }
  int64_t size[3 * CX_MAX_RANK];
  int nsize = 0;
  for (int k = 0; k < nctx; k++) size[nsize++] = cx_var_of(E, ctx[k])->hi + 1;
  for (int k = 0; k < v->rank; k++) size[nsize++] = v->dim[k].n;
  if (!cx_v_fits(E, name, size, nsize, s)) return CX_NO_EQ;
  for (nsize = 0; nsize < nr; nsize++) size[nsize] = cx_var_of(E, rs[nsize])->hi - cx_var_of(E, rs[nsize])->lo + 1;
  if (!cx_v_fits(E, NULL, size, nr, s)) return CX_NO_EQ;
  int64_t slot[3 * CX_MAX_RANK];
  const cx_node *to[3 * CX_MAX_RANK];
  int n = 0;
  cx_eq *e = cx_eq_new(g, name, EQ_CALC);
  e->span = s;
  e->rank = (uint8_t)(nctx + v->rank);
  e->red = (uint8_t)red;
  e->nred = (uint8_t)nr;
  for (int k = 0; k < nctx; k++, n++) {
    const cx_var *x = cx_var_of(E, ctx[k]);
    e->dim[n] = (cx_dim){x->hi + 1, x->size};
    slot[n] = ctx[k];
    to[n] = cx_index(g, n);
  }
  for (int k = 0; k < v->rank; k++, n++) {
    e->dim[n] = v->dim[k];
    slot[n] = v->slot[k];
    to[n] = cx_index(g, n);
  }
  for (int k = 0; k < nr; k++, n++) {
    const cx_var *x = cx_var_of(E, rs[k]);
    e->rdim[k] = (cx_dim){x->hi < x->lo ? 0 : x->hi - x->lo + 1, x->size};
    slot[n] = rs[k];
    to[n] = x->lo ? cx_op2(g, OP_add, cx_index(g, n), cx_const(g, (double)x->lo)) : cx_index(g, n);
  }
  e->body = cx_subst(g, v->e, slot, to, n);
  cx_learn_bounds(g, e);
  return e->id;
}

static cx_val read_back(cx_elab *E, uint32_t eq, const int64_t *ctx, int nctx, cx_val v) {
  const cx_node *sub[CX_MAX_RANK];
  for (int k = 0; k < nctx; k++) sub[k] = cx_index(E->g, ctx[k]);
  for (int k = 0; k < v.rank; k++) sub[nctx + k] = cx_index(E->g, v.slot[k]);
  v.e = cx_load(E->g, eq, sub, nctx + v.rank);
  return v;
}

cx_val cx_v_store(cx_elab *E, cx_val v, cx_sym name, uint32_t *eq) {
  *eq = CX_NO_EQ;
  if (v.bad) return v;
  int64_t ctx[CX_MAX_RANK];
  int n;
  if (!context_of(E, v.e, v.slot, v.rank, ctx, &n, v.span)) return cx_v_bad(v.span);
  int errors = cx_error_count(E->ctx);
  *eq = make(E, name, ctx, n, &v, RED_none, NULL, 0, v.span);
  if (cx_error_count(E->ctx) > errors) return cx_v_bad(v.span);
  return *eq == CX_NO_EQ ? v : read_back(E, *eq, ctx, n, v);
}

uint32_t cx_v_over(cx_elab *E, cx_val v, cx_sym name, const int64_t *ctx, int n) {
  return make(E, name, ctx, n, &v, RED_none, NULL, 0, v.span);
}

cx_val cx_v_materialise(cx_elab *E, cx_val v, cx_sym name) {
  if (v.bad || v.e->op == OP_const || v.e->op == OP_load || (v.rank == 0 && !v.e->any_free && !v.e->has_load)) return v;
  if (v.rank == 0) return v; /* a scalar is shared by hash-consing */
  uint32_t eq;
  return cx_v_store(E, v, name, &eq);
}

cx_val cx_v_reduce(cx_elab *E, cx_red red, const int64_t *slot, int n, cx_val v, cx_span s) {
  if (v.bad) return v;
  int64_t own[3 * CX_MAX_RANK], ctx[CX_MAX_RANK];
  int nctx;
  if (n == 0) { /* of a scalar */
    if (red == RED_argmax || red == RED_argmin) v.e = cx_const(E->g, 0);
    v.span = s;
    return v;
  }
  if (n > CX_MAX_RANK) {
    cx_error(E->ctx, s, "a reduction runs over at most %d indices", CX_MAX_RANK);
    return cx_v_bad(s);
  }
  memcpy(own, v.slot, (size_t)v.rank * sizeof *own);
  memcpy(own + v.rank, slot, (size_t)n * sizeof *own);
  if (!context_of(E, v.e, own, v.rank + n, ctx, &nctx, s)) return cx_v_bad(s);
  v.span = s;
  const cx_node *body = v.e;
  for (int k = n - 1; k >= 0; k--) { /* ends that depend on other indices: terms outside count as the neutral element */
    const cx_var *x = cx_var_of(E, slot[k]);
    static const double neutral[RED_COUNT] = {0, 0, 1, -HUGE_VAL, HUGE_VAL, -HUGE_VAL, HUGE_VAL};
    const cx_node *i = cx_index(E->g, slot[k]), *z = cx_const(E->g, neutral[red]);
    if (x->hi_e) body = cx_op3(E->g, OP_select, cx_op2(E->g, OP_le, i, x->hi_e), body, z);
    if (x->lo_e) body = cx_op3(E->g, OP_select, cx_op2(E->g, OP_le, x->lo_e, i), body, z);
    if (x->hi_e || x->lo_e) { /* the ends may bring in context of their own */
      v.e = body;
      if (!context_of(E, body, own, v.rank + n, ctx, &nctx, s)) return cx_v_bad(s);
    }
  }
  v.e = body;
  int errors = cx_error_count(E->ctx);
  uint32_t eq = make(E, NULL, ctx, nctx, &v, red, slot, n, s);
  if (cx_error_count(E->ctx) > errors) return cx_v_bad(s);
  if (eq == CX_NO_EQ) {
    v.e = cx_const(E->g, 0);
    return v;
  }
  v = read_back(E, eq, ctx, nctx, v);
  if (E->drawing && (red == RED_argmax || red == RED_argmin)) v.e = jump(E, v.e, v.e);
  return v;
}

cx_val cx_v_reduce_all(cx_elab *E, cx_red red, cx_val v, cx_span s) {
  if (v.bad) return v;
  int64_t slot[CX_MAX_RANK];
  int n = v.rank;
  memcpy(slot, v.slot, sizeof slot);
  v.rank = 0;
  return cx_v_reduce(E, red, slot, n, v, s);
}

cx_val cx_v_mean(cx_elab *E, cx_val sum, double count, cx_span s) {
  if (sum.bad) return sum;
  cx_val pair[2] = {sum, cx_v_num(E, count, s)};
  return cx_v_map(E, OP_div, pair, 2, s);
}

/* ---- subscripts: each is a scalar, an integer array (its dimensions take the place), or all of a dimension ---- */
cx_val cx_v_subscript(cx_elab *E, cx_val base, const cx_val *sub, const bool *all, int n, cx_span s, cx_sym name) {
  if (base.bad) return base;
  if (n > base.rank) {
    const char *what = name ? cx_format(E->arena, "`%s`", name) : "this value";
    if (!base.rank) {
      cx_error(E->ctx, s, "%s is a scalar: it takes no subscript", what);
      return cx_v_bad(s);
    }
    int id = cx_error(E->ctx, s, "%s has %d dimension%s, but %d subscripts are given", what, base.rank,
                      base.rank == 1 ? "" : "s", n);
    cx_diag_help(E->ctx, id, "its shape is %s", cx_v_shape(E, base));
    return cx_v_bad(s);
  }
  cx_val r = {.span = s};
  const cx_node *to[CX_MAX_RANK];
  for (int d = 0; d < base.rank; d++) {
    if (d >= n || all[d]) {
      if (r.rank == CX_MAX_RANK) goto deep;
      r.dim[r.rank] = base.dim[d];
      r.slot[r.rank] = cx_var_range(E, NULL, 0, base.dim[d].n - 1, base.dim[d].name);
      to[d] = cx_index(E->g, r.slot[r.rank++]);
      continue;
    }
    if (sub[d].bad) return sub[d];
    cx_val u = sub[d].rank ? cx_v_fresh(E, sub[d]) : sub[d];
    if (!cx_is_integer(E->g, u.e) && !cx_integer_later(E, u.e, u.span)) {
      int id = cx_error(E->ctx, u.span, "a subscript must be an integer");
      cx_diag_help(E->ctx, id, "declare the data as `: int`, or round: floor(..), round(..)");
      return cx_v_bad(s);
    }
    if (r.rank + u.rank > CX_MAX_RANK) goto deep;
    for (int k = 0; k < u.rank; k++) {
      r.dim[r.rank] = u.dim[k];
      r.slot[r.rank++] = u.slot[k];
    }
    double at;
    if (cx_v_const(E, u, &at)) u.e = cx_const(E->g, at);
    to[d] = u.e;
    cx_constrain(E, u.e, base.dim[d], name, u.span, s);
  }
  r.e = cx_v_at(E, base, to);
  return r;
deep:
  cx_error(E->ctx, s, "this subscript makes an array of more than %d dimensions", CX_MAX_RANK);
  return cx_v_bad(s);
}

cx_val cx_v_matmul(cx_elab *E, cx_val a, cx_val b, cx_span s) {
  if (a.bad) return a;
  if (b.bad) return b;
  if (!a.rank || !b.rank) {
    int id = cx_error(E->ctx, s, "`@` multiplies matrices and vectors, but one side is a scalar");
    cx_diag_help(E->ctx, id, "write `*` to multiply by a scalar");
    return cx_v_bad(s);
  }
  a = cx_v_materialise(E, cx_v_fresh(E, a), NULL);
  b = cx_v_materialise(E, cx_v_fresh(E, b), NULL);
  int ka = a.rank - 1, kb = b.rank == 1 ? 0 : b.rank - 2;
  if (a.dim[ka].n != b.dim[kb].n) {
    int id = cx_error(E->ctx, s, "the inner sizes of this matrix product differ: %s @ %s", cx_v_shape(E, a),
                      cx_v_shape(E, b));
    cx_diag_label(E->ctx, id, a.span, "%s", cx_v_shape(E, a));
    cx_diag_label(E->ctx, id, b.span, "%s", cx_v_shape(E, b));
    if (b.rank == 2 && b.dim[1].n == a.dim[ka].n) cx_diag_help(E->ctx, id, "transpose the right side: A @ B'");
    else if (a.rank == 2 && a.dim[0].n == b.dim[kb].n) cx_diag_help(E->ctx, id, "transpose the left side: A' @ B");
    else cx_diag_help(E->ctx, id, "the last size of the left side must be the first one of the right side");
    return cx_v_bad(s);
  }
  int64_t k = cx_var_range(E, NULL, 0, a.dim[ka].n - 1, a.dim[ka].name);
  int lead = a.rank > 2 ? a.rank - 2 : 0, leadb = b.rank > 2 ? b.rank - 2 : 0;
  const cx_node *ia[CX_MAX_RANK], *ib[CX_MAX_RANK];
  cx_val r = {.span = s};
  int big = lead > leadb ? lead : leadb; /* leading dimensions are a batch, aligned at the right */
  for (int d = 0; d < big; d++) {
    int da = d - (big - lead), db = d - (big - leadb);
    if (da >= 0 && db >= 0 && a.dim[da].n != b.dim[db].n) {
      cx_error(E->ctx, s, "the leading sizes of this matrix product differ: %s @ %s", cx_v_shape(E, a),
               cx_v_shape(E, b));
      return cx_v_bad(s);
    }
    r.dim[r.rank] = da >= 0 ? a.dim[da] : b.dim[db];
    r.slot[r.rank] = cx_var_range(E, NULL, 0, r.dim[r.rank].n - 1, r.dim[r.rank].name);
    if (da >= 0) ia[da] = cx_index(E->g, r.slot[r.rank]);
    if (db >= 0) ib[db] = cx_index(E->g, r.slot[r.rank]);
    r.rank++;
  }
  if (a.rank > 1) {
    r.dim[r.rank] = a.dim[ka - 1];
    r.slot[r.rank] = cx_var_range(E, NULL, 0, a.dim[ka - 1].n - 1, a.dim[ka - 1].name);
    ia[ka - 1] = cx_index(E->g, r.slot[r.rank++]);
  }
  if (b.rank > 1) {
    r.dim[r.rank] = b.dim[kb + 1];
    r.slot[r.rank] = cx_var_range(E, NULL, 0, b.dim[kb + 1].n - 1, b.dim[kb + 1].name);
    ib[kb + 1] = cx_index(E->g, r.slot[r.rank++]);
  }
  ia[ka] = ib[kb] = cx_index(E->g, k);
  r.e = cx_op2(E->g, OP_mul, cx_v_at(E, a, ia), cx_v_at(E, b, ib));
  return cx_v_reduce(E, RED_sum, &k, 1, r, s);
}

cx_val cx_v_in_front(cx_elab *E, cx_val v, cx_val front, cx_span s) {
  if (v.bad) return v;
  v.span = s;
  if (v.rank + front.rank > CX_MAX_RANK) {
    cx_error(E->ctx, s, "this would have %d dimensions; the most is %d", v.rank + front.rank, CX_MAX_RANK);
    return cx_v_bad(s);
  }
  memmove(v.dim + front.rank, v.dim, (size_t)v.rank * sizeof *v.dim);
  memmove(v.slot + front.rank, v.slot, (size_t)v.rank * sizeof *v.slot);
  memcpy(v.dim, front.dim, (size_t)front.rank * sizeof *v.dim);
  memcpy(v.slot, front.slot, (size_t)front.rank * sizeof *v.slot);
  v.rank = (uint8_t)(v.rank + front.rank);
  return v;
}
