/* elab_expr.c - expressions: operators, arrays, subscripts, if, and binders. */
#include <math.h>
#include <string.h>

#include "front/dist.h"
#include "ir/rule.h"

/* ---- operators ---- */
static cx_val infix(cx_elab *E, uint8_t t, cx_val a, cx_val b, cx_span s) {
  bool swap;
  cx_op op = cx_token_op(t, &swap);
  cx_val x[2] = {swap ? b : a, swap ? a : b};
  return cx_v_map(E, op, x, 2, s);
}

/* y == "cat": a category is compared with its name */
static bool level_of(cx_elab *E, const cx_ast *data, const cx_ast *str, double *code, bool *bad) {
  const cx_ast *name = data->kind == A_SUBSCRIPT ? data->kid[0] : data;
  if (str->kind != A_STR || name->kind != A_NAME) return false;
  cx_binding *b = cx_lookup(E, name->name, false);
  if (!b || !b->decl || !b->decl->array.nlevel) return false;
  const cx_array *a = &b->decl->array;
  for (int k = 0; k < a->nlevel; k++)
    if (!strcmp(a->level[k], str->name)) return *code = k, true;
  int id = cx_error(E->ctx, str->span, "`%s` has no category \"%s\"", name->name, str->name);
  const char *hit = cx_nearest(str->name, a->level, a->nlevel);
  if (hit) cx_diag_help(E->ctx, id, "did you mean \"%s\"?", hit);
  return *bad = true;
}

/* text written, or an argument that is text; NULL: neither */
static cx_sym text_of(cx_elab *E, const cx_ast *x) {
  if (x->kind == A_STR) return x->name;
  cx_binding *b = x->kind == A_NAME ? cx_lookup(E, x->name, false) : NULL;
  return b ? b->v.text : NULL;
}
cx_val cx_elab_argument(cx_elab *E, const cx_ast *x) {
  cx_sym text = text_of(E, x);
  return text ? (cx_val){.text = text, .span = x->span} : cx_elab_expr(E, x);
}

static cx_val compare_chain(cx_elab *E, const cx_ast *x) {
  if (x->nkid == 2 && (x->ops[0] == T_EQ || x->ops[0] == T_NE)) {
    cx_sym a = text_of(E, x->kid[0]), b = text_of(E, x->kid[1]);
    if (a && b) return cx_v_num(E, (a == b) == (x->ops[0] == T_EQ), x->span);
  }
  cx_val all = {0}, left = {0};
  for (int k = 0; k < x->nkid; k++) {
    double code;
    bool bad = false;
    cx_val v;
    if ((k > 0 && level_of(E, x->kid[k - 1], x->kid[k], &code, &bad)) ||
        (k + 1 < x->nkid && level_of(E, x->kid[k + 1], x->kid[k], &code, &bad)))
      v = bad ? cx_v_bad(x->span) : cx_v_num(E, code, x->kid[k]->span);
    else v = cx_elab_expr(E, x->kid[k]);
    if (v.bad) return v;
    if (k) {
      cx_val c = infix(E, x->ops[k - 1], left, v, x->span);
      cx_val pair[2] = {all, c};
      all = k == 1 ? c : cx_v_map(E, OP_and, pair, 2, x->span);
      if (all.bad) return all;
    }
    left = v;
  }
  return all;
}

/* n values of one shape as an array, stored: computed once. Every element of it looks through as many choices as there
 * are at its level, so many values are gathered in tables of tables: n log n in all. */
enum { CHOICES = 64 };
static cx_val table(cx_elab *E, const cx_val *v, int n, cx_span span) {
  cx_val r = {.span = span, .rank = (uint8_t)(v[0].rank + 1)};
  r.dim[0] = (cx_dim){n, NULL};
  r.slot[0] = cx_var_range(E, NULL, 0, n - 1, NULL);
  const cx_node *sub[CX_MAX_RANK], *i = cx_index(E->g, r.slot[0]);
  for (int d = 0; d < v[0].rank; d++) {
    r.dim[d + 1] = v[0].dim[d];
    r.slot[d + 1] = cx_var_range(E, NULL, 0, v[0].dim[d].n - 1, v[0].dim[d].name);
    sub[d + 1] = cx_index(E->g, r.slot[d + 1]);
  }
  int m = 1; /* values a choice */
  while ((n - 1) / m >= CHOICES) m *= CHOICES;
  for (int k = (n - 1) / m * m; k >= 0; k -= m) {
    const cx_node *one;
    if (m == 1) one = cx_v_at(E, v[k], sub + 1);
    else {
      sub[0] = cx_op2(E->g, OP_sub, i, cx_const(E->g, k));
      one = cx_v_at(E, table(E, v + k, n - k < m ? n - k : m, span), sub);
    }
    const cx_node *here =
        m == 1 ? cx_op2(E->g, OP_eq, i, cx_const(E->g, k)) : cx_op2(E->g, OP_lt, i, cx_const(E->g, k + m));
    r.e = r.e ? cx_op3(E->g, OP_select, here, one, r.e) : one;
  }
  uint32_t eq;
  return cx_v_store(E, r, NULL, &eq);
}

static cx_val array_literal(cx_elab *E, const cx_ast *x) {
  int n = x->nkid;
  if (!n) {
    cx_error(E->ctx, x->span, "an array needs at least one element");
    return cx_v_bad(x->span);
  }
  cx_val *v = CX_NEW_N(E->arena, cx_val, n);
  for (int k = 0; k < n; k++) {
    v[k] = cx_elab_expr(E, x->kid[k]);
    if (v[k].bad) return v[k];
    if (!k) continue;
    bool same = v[k].rank == v[0].rank;
    for (int d = 0; d < v[0].rank && same; d++) same = v[k].dim[d].n == v[0].dim[d].n;
    if (same) continue;
    int id = cx_error(E->ctx, x->kid[k]->span, "the elements of an array must have one shape");
    cx_diag_label(E->ctx, id, x->kid[0]->span, "%s", cx_v_shape(E, v[0]));
    cx_diag_label(E->ctx, id, x->kid[k]->span, "%s", cx_v_shape(E, v[k]));
    return cx_v_bad(x->span);
  }
  if (v[0].rank == CX_MAX_RANK) {
    cx_error(E->ctx, x->span, "an array has at most %d dimensions", CX_MAX_RANK);
    return cx_v_bad(x->span);
  }
  return table(E, v, n, x->span);
}

static cx_val transpose(cx_elab *E, const cx_ast *x) {
  cx_val v = cx_elab_expr(E, x->kid[0]);
  if (v.bad || v.rank < 2) {
    if (!v.bad && v.rank == 0 && x->kid[0]->kind == A_NAME) {
      int id = cx_error(E->ctx, x->span, "`'` transposes a matrix, but `%s` is a scalar", x->kid[0]->name);
      cx_diag_help(E->ctx, id, "a derivative is written f'(x) of a function, or d(e, x)");
      return cx_v_bad(x->span);
    }
    return v;
  }
  int a = v.rank - 2, b = v.rank - 1;
  cx_dim d = v.dim[a];
  int64_t s = v.slot[a];
  v.dim[a] = v.dim[b], v.slot[a] = v.slot[b];
  v.dim[b] = d, v.slot[b] = s;
  v.span = x->span;
  return v;
}

static cx_val subscript(cx_elab *E, const cx_ast *x) {
  E->subscripting = x->kid[0]->kind == A_NAME;
  cx_val base = cx_elab_expr(E, x->kid[0]), sub[CX_MAX_RANK];
  E->subscripting = false;
  bool all[CX_MAX_RANK] = {0};
  int n = x->nkid - 1;
  if (base.bad) return base;
  if (n > CX_MAX_RANK) n = CX_MAX_RANK;
  for (int k = 0; k < n; k++) {
    const cx_ast *a = x->kid[k + 1];
    if (a->kind == A_ALL) {
      all[k] = true;
      continue;
    }
    if (a->kind == A_RANGE) {
      int64_t lo, hi;
      if (!cx_elab_int(E, a->kid[0], &lo) || !cx_elab_int(E, a->kid[1], &hi)) return cx_v_bad(x->span);
      if (hi < lo) {
        cx_error(E->ctx, a->span, "the range %lld..%lld is empty", (long long)lo, (long long)hi);
        return cx_v_bad(x->span);
      }
      cx_val r = {.rank = 1, .span = a->span, .dim = {{hi - lo + 1, NULL}}};
      r.slot[0] = cx_var_range(E, NULL, 0, hi - lo, NULL);
      r.e = cx_op2(E->g, OP_add, cx_index(E->g, r.slot[0]), cx_const(E->g, (double)lo));
      sub[k] = r;
      continue;
    }
    sub[k] = cx_elab_expr(E, a);
    if (sub[k].bad) return sub[k];
  }
  const cx_binding *b = x->kid[0]->kind == A_NAME ? cx_lookup(E, x->kid[0]->name, false) : NULL;
  if (b && b->pieces) cx_row_lengths(b, &base, n, all);
  return cx_v_subscript(E, base, sub, all, n, x->span, x->kid[0]->kind == A_NAME ? x->kid[0]->name : NULL);
}

/* ---- integers known at elaboration ---- */
bool cx_elab_int(cx_elab *E, const cx_ast *x, int64_t *n) {
  cx_val v = cx_elab_expr(E, x);
  double d;
  if (v.bad) return false;
  if (!cx_v_const(E, v, &d)) {
    int id = cx_error(E->ctx, x->span, "this must be a whole number known before the equations run");
    cx_diag_help(E->ctx, id, "sizes come from the data's shapes, from numbers, or from scalar data");
    return false;
  }
  if (fabs(d) > 0x1p53) {
    cx_error(E->ctx, x->span, "%g is too large for an index or a size", d);
    return false;
  }
  if (d != floor(d)) {
    cx_error(E->ctx, x->span, "this must be a whole number, but it is %g", d);
    return false;
  }
  *n = (int64_t)d;
  return true;
}

/* ---- binders: sum(i, j in a..b: e) ---- */
typedef struct {
  const cx_ast *body;
} plain_body;
static cx_val run_body(cx_elab *E, void *user) { return cx_elab_expr(E, ((plain_body *)user)->body); }

static const struct {
  const char *name;
  cx_red red;
  bool boolean, mean;
} reductions[] = {{"sum", RED_sum, 0, 0},       {"prod", RED_prod, 0, 0}, {"max", RED_max, 0, 0},
                  {"min", RED_min, 0, 0},       {"mean", RED_sum, 0, 1},  {"argmax", RED_argmax, 0, 0},
                  {"argmin", RED_argmin, 0, 0}, {"all", RED_min, 1, 0},   {"any", RED_max, 1, 0}};

static cx_val reduce_named(cx_elab *E, int r, const int64_t *slot, int n, cx_val v, cx_span s) {
  if (v.bad) return v;
  if (reductions[r].boolean) {
    cx_val pair[2] = {v, cx_v_num(E, 0, s)};
    v = cx_v_map(E, OP_ne, pair, 2, s);
  }
  double count = 1;
  for (int k = 0; k < n; k++) {
    const cx_var *x = cx_var_of(E, slot[k]);
    count *= x->hi < x->lo ? 0 : (double)(x->hi - x->lo + 1);
    if (x->lo_e || x->hi_e) count = NAN;
  }
  if (reductions[r].mean && isnan(count)) { /* the ends depend on another index: so does the number of terms */
    cx_val pair[2] = {cx_v_reduce(E, RED_sum, slot, n, v, s), cx_v_reduce(E, RED_sum, slot, n, cx_v_num(E, 1, s), s)};
    return cx_v_map(E, OP_div, pair, 2, s);
  }
  if (count == 0 && reductions[r].boolean) {
    v.e = cx_const(E->g, reductions[r].red == RED_min);
    return v;
  }
  if (count == 0 && reductions[r].red >= RED_max && !E->retry) {
    cx_error(E->ctx, s, "`%s` over an empty range has no value", reductions[r].name);
    return cx_v_bad(s);
  }
  v = cx_v_reduce(E, reductions[r].red, slot, n, v, s);
  return reductions[r].mean ? cx_v_mean(E, v, count, s) : v;
}

/* min(z), sum(z)…: over the whole array */
static cx_val whole(cx_elab *E, int r, cx_val v, cx_span s) {
  if (v.bad) return v;
  int64_t slot[CX_MAX_RANK];
  int n = v.rank;
  v = cx_v_fresh(E, v);
  memcpy(slot, v.slot, sizeof slot);
  v.rank = 0;
  return reduce_named(E, r, slot, n, v, s);
}
bool cx_is_reduction(const char *name) {
  for (size_t r = 0; r < sizeof reductions / sizeof *reductions; r++)
    if (!strcmp(name, reductions[r].name)) return true;
  return false;
}
cx_val cx_reduce_call(cx_elab *E, const char *name, cx_val v, cx_span s, bool *found) {
  for (size_t r = 0; r < sizeof reductions / sizeof *reductions; r++)
    if (!strcmp(name, reductions[r].name)) {
      *found = true;
      return whole(E, (int)r, v, s);
    }
  *found = false;
  return v;
}

static bool subscripts(const cx_ast *x, cx_sym name, bool inside) { /* does the name stand in a subscript? */
  if (x->kind == A_NAME) return inside && x->name == name;
  for (int k = 0; k < x->nkid; k++)
    if (x->kid[k] && subscripts(x->kid[k], name, inside || (x->kind == A_SUBSCRIPT && k > 0))) return true;
  return false;
}

/* One end of a range, j 0 or 1: a number into *at, or an integer expression e, whose bound *at is. */
static bool range_end(cx_elab *E, const cx_ast *x, const cx_ast *b, int j, double *at, const cx_node **e) {
  const cx_ast *end = b->kid[0]->nkid > j ? b->kid[0]->kid[j] : NULL;
  cx_val v = end ? cx_elab_expr(E, end) : cx_v_bad(b->span);
  int id;
  if (v.bad) return false;
  if (cx_v_const(E, v, at)) {
    if (isinf(*at)) {
      id = cx_error(E->ctx, end->span, "`%s` takes no infinite range", x->name);
      cx_diag_help(E->ctx, id, "give the last index; sum and integral take infinite ends");
    } else if (fabs(*at) > 0x1p53) {
      cx_error(E->ctx, end->span, "%g is too large for the end of an index range", *at);
    } else if (*at != floor(*at)) {
      cx_error(E->ctx, end->span, "the end of an index range must be a whole number, but it is %g", *at);
    } else {
      return true;
    }
    return false;
  }
  if (v.rank || !cx_is_integer(E->g, v.e)) {
    id = cx_error(E->ctx, end->span, "the end of an index range must be a whole number");
    cx_diag_help(E->ctx, id, "`integral(%s in a..b: ..)` takes real ends", b->name);
    return false;
  }
  *e = v.e;
  int64_t free[32];
  int nf = cx_free_slots(E, v.e, free, 32);
  bool known = true;
  for (int f = 0; f < nf; f++) known &= cx_var_of(E, free[f])->resolved;
  if (!known) { /* as wide as nothing for now; the scope around comes back */
    E->retry = true;
    *at = 0;
    return true;
  }
  cx_interval box = cx_var_bounds(E, v.e);
  *at = j ? box.hi : box.lo;
  if (fabs(*at) <= 0x1p53) return true;
  id = cx_error(E->ctx, end->span, "nothing bounds this end of the range");
  cx_diag_help(E->ctx, id, "declare the data it reads as int(0..k)");
  return false;
}

/* i, or i in a..b */
static bool bind_index(cx_elab *E, const cx_ast *x, const cx_ast *b, int64_t *slot) {
  *slot = cx_var_new(E, b->name, b->name_span);
  if (b->op == T_IN) {
    double at[2];
    const cx_node *e[2] = {NULL, NULL};
    bool lower = range_end(E, x, b, 0, &at[0], &e[0]);
    if (!range_end(E, x, b, 1, &at[1], &e[1]) || !lower) return false;
    cx_var *v = cx_var_of(E, *slot);
    v->lo = (int64_t)at[0];
    v->hi = (int64_t)at[1];
    v->lo_e = e[0];
    v->hi_e = e[1];
    v->resolved = true;
  }
  cx_bind_name(E, b->name, B_INDEX, b->name_span)->v = cx_v_node(cx_index(E->g, *slot), b->name_span);
  return true;
}

static cx_val no_binder(cx_elab *E, const cx_ast *x) {
  if (cx_later(E, x->name, x->name_span)) return cx_v_bad(x->span);
  int id = cx_error(E->ctx, x->name_span, "`%s` does not bind an index", x->name);
  const char *names[9];
  for (int k = 0; k < 9; k++) names[k] = reductions[k].name;
  const char *hit = cx_nearest(x->name, names, 9);
  if (hit) cx_diag_help(E->ctx, id, "did you mean `%s(..: ..)`?", hit);
  else cx_diag_help(E->ctx, id, "binders are sum, prod, max, min, mean, argmax, argmin, all, any");
  return cx_v_bad(x->span);
}

static cx_val binder(cx_elab *E, const cx_ast *x) {
  if (!strcmp(x->name, "integral") || cx_is_series(E, x)) return cx_elab_integral(E, x);
  if (cx_is_random(x)) return cx_elab_random(E, x);
  if (cx_is_dist(E, x)) return cx_lookup_failed(E, x->name, true, x->name_span);
  int r = -1, n = x->nbind;
  for (size_t k = 0; k < sizeof reductions / sizeof *reductions; k++)
    if (!strcmp(x->name, reductions[k].name)) r = (int)k;
  const cx_ast *body = x->kid[x->nkid - 1];
  bool random = false, optimum = !strcmp(x->name, "argmin") && n > 0 && x->kid[0]->op == T_IN;
  for (int k = 0; k < n; k++) {
    random |= x->kid[k]->op == T_TILDE;
    optimum &= !subscripts(body, x->kid[k]->name, false); /* over numbers, not over an index */
  }
  if (r < 0 || random || optimum) return no_binder(E, x);
  if (n > CX_MAX_RANK) {
    cx_error(E->ctx, x->span, "at most %d indices in one binder", CX_MAX_RANK);
    return cx_v_bad(x->span);
  }
  if (n < x->nkid - 1) {
    const cx_ast *o = x->kid[n];
    cx_error(E->ctx, o->span, "`%s` has no option `%s`", x->name, o->name ? o->name : "here");
    return cx_v_bad(x->span);
  }
  cx_binding *env = E->env;
  int64_t slot[CX_MAX_RANK];
  bool ok = true;
  for (int k = 0; k < n; k++) ok &= bind_index(E, x, x->kid[k], &slot[k]);
  plain_body p = {body};
  cx_val v = ok ? cx_in_scope(E, slot, n, run_body, &p, x->span) : cx_v_bad(x->span);
  E->env = env;
  return reduce_named(E, r, slot, n, v, x->span);
}

/* ---- if: subscripts below it are read only where it holds ----
 * In a function, one that is decided beforehand (by sizes, numbers, text) is the branch alone: the other one may have
 * another shape, params, or be an error that the function reports. */
static cx_val choose(cx_elab *E, const cx_ast *x) {
  cx_val v[3];
  double known;
  v[0] = cx_elab_expr(E, x->kid[0]);
  if (E->site && !v[0].bad && !v[0].rank && cx_v_const(E, v[0], &known)) return cx_elab_expr(E, x->kid[known ? 1 : 2]);
  E->guarded++;
  E->branches++;
  v[1] = cx_elab_expr(E, x->kid[1]);
  v[2] = cx_elab_expr(E, x->kid[2]);
  E->guarded--;
  E->branches--;
  return cx_v_map(E, OP_select, v, 3, x->span);
}

#define DEPTH_MAX 2000
static cx_val expr(cx_elab *E, const cx_ast *x) {
  switch (x->kind) {
    case A_NUM: return cx_v_num(E, x->num, x->span);
    case A_NAME: return cx_elab_name(E, x);
    case A_UNARY: {
      cx_val v = cx_elab_expr(E, x->kid[0]);
      v.span = x->span;
      if (v.bad || x->op == T_PLUS) return v;
      return cx_v_map(E, x->op == T_NOT ? OP_not : OP_neg, &v, 1, x->span);
    }
    case A_BINARY: {
      cx_val v[2] = {cx_elab_expr(E, x->kid[0]), cx_elab_expr(E, x->kid[1])};
      if (v[0].bad || v[1].bad) return cx_v_bad(x->span);
      return x->op == T_AT_SIGN ? cx_v_matmul(E, v[0], v[1], x->span) : infix(E, x->op, v[0], v[1], x->span);
    }
    case A_COMPARE: return compare_chain(E, x);
    case A_TRANSPOSE: return transpose(E, x);
    case A_CALL: return cx_elab_call(E, x);
    case A_SUBSCRIPT: return subscript(E, x);
    case A_ARRAY: return array_literal(E, x);
    case A_BINDER: return binder(E, x);
    case A_IF: return choose(E, x);
    case A_AT: return cx_elab_at(E, x);
    case A_BLOCK: return cx_elab_block(E, x);
    case A_ERROR: return cx_v_bad(x->span);
    case A_STR: {
      int id = cx_error(E->ctx, x->span, "text has no numeric value");
      cx_diag_help(E->ctx, id, "text stands in print, in file names, and beside == with data declared as `: category`");
      return cx_v_bad(x->span);
    }
    case A_RANGE: {
      int id = cx_error(E->ctx, x->span, "a range a..b stands in a binder, a subscript or after `in`");
      cx_diag_help(E->ctx, id, "for numbers a, a + 1, .. write a definition: r[i] = a + i");
      return cx_v_bad(x->span);
    }
    case A_SUBJECT:
    case A_GIVEN:
      cx_error(E->ctx, x->span, "this version of calx cannot compute conditions inside an expression yet");
      return cx_v_bad(x->span);
    case A_NAMED: {
      int id = cx_error(E->ctx, x->span, "an option `%s = ..` is not expected here", x->name);
      cx_diag_help(E->ctx, id, "write `==` to compare");
      return cx_v_bad(x->span);
    }
    default: cx_error(E->ctx, x->span, "this is not an expression"); return cx_v_bad(x->span);
  }
}

cx_val cx_elab_expr(cx_elab *E, const cx_ast *x) {
  if (E->depth > DEPTH_MAX) {
    cx_error(E->ctx, x->span, "this is nested too deeply (more than %d levels)", DEPTH_MAX);
    cx_throw(E->ctx, CX_E_PROGRAM);
  }
  E->depth++;
  cx_val v = expr(E, x);
  E->depth--;
  return v;
}
