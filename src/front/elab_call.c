/* elab_call.c - calls: scalar ops, the few functions that shapes need, reductions of whole arrays; those of functions
 * written in calx go on in elab_apply.c. */
#include <math.h>
#include <string.h>

#include "base/lib.h"
#include "front/dist.h"
#include "ir/prims.h"

void cx_hoist_functions(cx_elab *E, cx_ast *const *stmt, int n, cx_binding **here) {
  cx_names seen = {0};
  for (int k = 0; k < n; k++)
    if (stmt[k]->kind == S_DEF_FUN) {
      void **first = cx_names_at(E->arena, &seen, stmt[k]->name);
      if (*first) {
        int id = cx_error(E->ctx, stmt[k]->name_span, "the function `%s` is defined twice", stmt[k]->name);
        cx_diag_label(E->ctx, id, ((const cx_ast *)*first)->name_span, "first here");
      } else {
        *first = stmt[k];
      }
      cx_binding *b = cx_bind_name(E, stmt[k]->name, B_FUNCTION, stmt[k]->name_span);
      b->fun = stmt[k];
      b->env = here;
    }
  *here = E->env;
}

bool cx_in_library(const cx_elab *E, cx_span at) {
  size_t n;
  const char *name = cx_source_name(E->ctx, at.file), *text = cx_source_text(E->ctx, at.file, &n);
  for (int k = 0; k < cx_lib_count && at.file >= 0; k++) /* a program may be called like a file of the library */
    if (n == cx_lib[k].n && !strcmp(cx_lib[k].name, name) && !memcmp(cx_lib[k].text, text, n)) return true;
  return false;
}

void cx_load_library(cx_elab *E) {
  if (E->lib_loaded) return;
  E->lib_loaded = true;
  cx_binding *env = E->env;
  E->env = NULL;
  for (int k = 0; k < cx_lib_count; k++) {
    if (!strncmp(cx_lib[k].name, "optim", 5)) continue; /* compiled by the solvers */
    if (!strncmp(cx_lib[k].name, "dist/", 5)) continue; /* read one by one */
    int32_t file = cx_source_add(E->ctx, cx_lib[k].name, cx_lib[k].text, cx_lib[k].n);
    cx_ast *p = cx_parse(E->ctx, E->arena, file);
    cx_hoist_functions(E, p->kid, p->nkid, &E->lib);
  }
  E->env = env;
}

/* ---- functions that know shapes ---- */
typedef struct {
  cx_elab *E;
  const cx_ast *call;
  cx_val *arg;
  int n;
} args;

static cx_val shape_size(args *a) { /* rows, cols, size(A, k), length */
  const char *f = a->call->name;
  int at = f[0] == 'r' || f[0] == 'l' ? 0 : f[0] == 'c' ? a->arg[0].rank - 1 : 0;
  if (f[0] == 's') {
    double d;
    if (a->n == 1) {
      double all = 1;
      for (int k = 0; k < a->arg[0].rank; k++) all *= (double)a->arg[0].dim[k].n;
      return cx_v_num(a->E, all, a->call->span);
    }
    if (!cx_v_const(a->E, a->arg[1], &d) || d < 0 || d >= a->arg[0].rank || d != floor(d)) {
      cx_error(a->E->ctx, a->call->span, "size(A, k) takes a dimension k in 0..%d", a->arg[0].rank - 1);
      return cx_v_bad(a->call->span);
    }
    at = (int)d;
  }
  if (!a->arg[0].rank) {
    cx_error(a->E->ctx, a->call->span, "`%s` asks for a dimension of a scalar", f);
    return cx_v_bad(a->call->span);
  }
  return cx_v_num(a->E, (double)a->arg[0].dim[at].n, a->call->span);
}

static cx_val rank_of(args *a) { return cx_v_num(a->E, a->arg[0].rank, a->call->span); }

static cx_val filled(args *a) { /* zeros(n, m), ones(n, m) */
  cx_val r = {.span = a->call->span};
  if (a->n > CX_MAX_RANK) a->n = CX_MAX_RANK;
  for (int k = 0; k < a->n; k++) {
    int64_t n;
    if (!cx_elab_int(a->E, a->call->kid[k], &n)) return cx_v_bad(a->call->span);
    if (n < 0) {
      cx_error(a->E->ctx, a->call->kid[k]->span, "a size cannot be negative, but this is %lld", (long long)n);
      return cx_v_bad(a->call->span);
    }
    r.dim[k].n = n;
    r.slot[k] = cx_var_range(a->E, NULL, 0, n - 1, NULL);
  }
  r.rank = (uint8_t)a->n;
  r.e = cx_const(a->E->g, a->call->name[0] == 'z' ? 0 : 1);
  return r;
}

static cx_val concat(args *a) { /* along the last dimension */
  cx_elab *E = a->E;
  cx_val r = a->arg[0];
  if (!r.rank) {
    cx_error(E->ctx, a->call->kid[0]->span, "concat joins arrays along their last dimension, but this is a scalar");
    return cx_v_bad(a->call->span);
  }
  r = cx_v_fresh(E, r);
  for (int k = 1; k < a->n; k++) {
    cx_val b = a->arg[k];
    int last = r.rank - 1;
    bool fits = b.rank == r.rank;
    for (int d = 0; d < last && fits; d++) fits = b.dim[d].n == r.dim[d].n;
    if (!fits) {
      int id = cx_error(E->ctx, a->call->span, "concat joins arrays that differ in their last dimension only");
      cx_diag_label(E->ctx, id, a->call->kid[0]->span, "%s", cx_v_shape(E, a->arg[0]));
      cx_diag_label(E->ctx, id, a->call->kid[k]->span, "%s", cx_v_shape(E, b));
      return cx_v_bad(a->call->span);
    }
    const cx_node *sa[CX_MAX_RANK], *sb[CX_MAX_RANK];
    int64_t na = r.dim[last].n;
    int64_t slot = cx_var_range(E, NULL, 0, na + b.dim[last].n - 1, NULL);
    const cx_node *i = cx_index(E->g, slot);
    for (int d = 0; d < last; d++) sa[d] = sb[d] = cx_index(E->g, r.slot[d]);
    sa[last] = i;
    sb[last] = cx_op2(E->g, OP_sub, i, cx_const(E->g, (double)na));
    r.e = cx_op3(E->g, OP_select, cx_op2(E->g, OP_lt, i, cx_const(E->g, (double)na)), cx_v_at(E, r, sa),
                 cx_v_at(E, b, sb));
    r.slot[last] = slot;
    r.dim[last] = (cx_dim){na + b.dim[last].n, NULL};
  }
  r.span = a->call->span;
  return r;
}

static cx_val flatten(args *a) { /* reshape to [first, all the rest], or to the given sizes */
  cx_elab *E = a->E;
  cx_val v = cx_v_materialise(E, a->arg[0], NULL), r = {.span = a->call->span};
  int64_t n[CX_MAX_RANK], total = 1, have = 1;
  int rank = 0;
  for (int k = 0; k < v.rank; k++) have *= v.dim[k].n;
  if (a->call->name[0] == 'f') { /* flatten(x): the first dimension stays */
    if (v.rank < 2) return v;
    n[0] = v.dim[0].n;
    n[1] = n[0] ? have / n[0] : 0;
    rank = 2;
  } else {
    for (int k = 1; k < a->n && rank < CX_MAX_RANK; k++)
      if (!cx_elab_int(E, a->call->kid[k], &n[rank++])) return cx_v_bad(a->call->span);
  }
  for (int k = 0; k < rank; k++) total *= n[k];
  if (total != have) {
    cx_error(E->ctx, a->call->span, "an array of shape %s has %lld elements, not %lld", cx_v_shape(E, v),
             (long long)have, (long long)total);
    return cx_v_bad(a->call->span);
  }
  const cx_node *flat = cx_const(E->g, 0), *sub[CX_MAX_RANK];
  for (int k = 0; k < rank; k++) {
    r.dim[k] = n[k] == v.dim[0].n && k == 0 ? v.dim[0] : (cx_dim){n[k], NULL};
    r.slot[k] = cx_var_range(E, NULL, 0, n[k] - 1, r.dim[k].name);
  }
  r.rank = (uint8_t)rank;
  bool keep = a->call->name[0] == 'f'; /* the first index is common: only the rest is renumbered */
  for (int k = keep; k < rank; k++)
    flat = cx_op2(E->g, OP_add, cx_op2(E->g, OP_mul, flat, cx_const(E->g, (double)n[k])), cx_index(E->g, r.slot[k]));
  for (int k = v.rank - 1; k >= keep; k--) {
    const cx_node *m = cx_const(E->g, (double)v.dim[k].n);
    sub[k] = k == keep ? flat : cx_op2(E->g, OP_mod, flat, m);
    flat = cx_op1(E->g, OP_floor, cx_op2(E->g, OP_div, flat, m));
  }
  if (keep) sub[0] = cx_index(E->g, r.slot[0]);
  r.e = cx_v_at(E, v, sub);
  return r;
}

static cx_val classes(args *a) { /* number of categories of a label */
  cx_elab *E = a->E;
  cx_binding *b = a->call->kid[0]->kind == A_NAME ? cx_lookup(E, a->call->kid[0]->name, false) : NULL;
  if (b && b->decl) {
    const cx_decl *d = b->decl;
    if (d->array.nlevel) return cx_v_num(E, d->array.nlevel, a->call->span);
    if (d->domain.kind == DOM_INT && isfinite(d->domain.hi)) return cx_v_num(E, d->domain.hi + 1, a->call->span);
    uint32_t leaf = b->leaf;
    if (leaf != CX_NO_EQ && isfinite(E->g->eq[leaf]->hi)) return cx_v_num(E, E->g->eq[leaf]->hi + 1, a->call->span);
    if (E->opt.unbound) return cx_v_num(E, (double)(E->standin += 4), a->call->span);
  }
  double n;
  if (b && b->v.bad && !b->text) return cx_v_bad(a->call->span);
  if (b && b->leaf != CX_NO_EQ && cx_text_classes_of(E, b->leaf, &n)) return cx_v_num(E, n, a->call->span);
  int id = cx_error(E->ctx, a->call->span, "classes(y) takes data declared as category or int, or a sequence of text");
  cx_diag_help(E->ctx, id, "for example: data y[n] : int(0..9)");
  return cx_v_bad(a->call->span);
}

static cx_val indices(args *a) { /* range(n): 0, 1, .. n - 1 */
  int64_t n;
  if (!cx_elab_int(a->E, a->call->kid[0], &n)) return cx_v_bad(a->call->span);
  cx_val r = {.rank = 1, .span = a->call->span, .dim = {{n, NULL}}};
  r.slot[0] = cx_var_range(a->E, NULL, 0, n - 1, NULL);
  r.e = cx_index(a->E->g, r.slot[0]);
  return r;
}

/* l2(params): the sum of squares of every param so far; of an array: of its elements */
static cx_val squares(args *a) {
  cx_elab *E = a->E;
  cx_val sum = cx_v_num(E, 0, a->call->span);
  bool params = a->n == 1 && a->call->kid[0]->kind == A_NAME && !strcmp(a->call->kid[0]->name, "params");
  int n = params ? E->param.n : 1;
  E->owned += params; /* another call may see more of them */
  for (int k = 0; k < n; k++) {
    if (params && E->param.at[k].follows >= 0) continue;
    cx_val v = params ? cx_v_load(E, E->param.at[k].eq, a->call->span) : cx_elab_expr(E, a->call->kid[0]);
    cx_val sq[2] = {v, v};
    v = cx_v_reduce_all(E, RED_sum, cx_v_map(E, OP_mul, sq, 2, a->call->span), a->call->span);
    cx_val pair[2] = {sum, v};
    sum = cx_v_map(E, OP_add, pair, 2, a->call->span);
  }
  return sum;
}

/* error("what is wrong"): a function refuses its arguments; the place is the call in the program */
static cx_val refuse(args *a) {
  cx_elab *E = a->E;
  const cx_ast *what = a->call->kid[0];
  cx_span at = a->call->span;
  if (what->kind != A_STR) {
    cx_error(E->ctx, what->span, "`error` takes a message, text in double quotes");
    return cx_v_bad(at);
  }
  bool ours = true; /* the place lies in the standard library */
  for (cx_site *s = E->site; s && ours; s = s->up) {
    at = s->call->span;
    ours = cx_in_library(E, at);
  }
  cx_error(E->ctx, at, "%s", what->name);
  return cx_v_bad(at);
}

static cx_val random_number(args *a) { /* random(stream, k): in (0, 1), by the run's seed */
  cx_val three[3] = {cx_v_num(a->E, (double)a->E->opt.seed, a->call->span), a->arg[0], a->arg[1]};
  return cx_v_map(a->E, OP_random, three, 3, a->call->span);
}
static cx_val drawn(args *a) { return cx_elab_draw(a->E, a->call, a->arg); }

/* ranks(x), along the last dimension; a step, so its derivative is 0 */
static cx_val ranks(args *a) {
  cx_elab *E = a->E;
  cx_val v = a->arg[0];
  if (!v.rank) {
    int id = cx_error(E->ctx, v.span, "`ranks` takes an array");
    cx_diag_help(E->ctx, id, "the rank of one number x among those of an array v is 1 + sum(k: v[k] < x)");
    return cx_v_bad(v.span);
  }
  int64_t free[CX_MAX_RANK], ctx[CX_MAX_RANK];
  int nfree = cx_free_slots(E, v.e, free, CX_MAX_RANK), n = 0;
  for (int k = 0; k < nfree; k++) {
    bool own = false;
    for (int d = 0; d < v.rank; d++) own |= v.slot[d] == free[k];
    if (!own) ctx[n++] = free[k];
  }
  if (nfree < 0 || n + v.rank > CX_MAX_RANK) {
    cx_error(E->ctx, a->call->span, "the array of these ranks has more than %d dimensions", CX_MAX_RANK);
    return cx_v_bad(v.span);
  }
  int errors = cx_error_count(E->ctx);
  uint32_t of = cx_v_over(E, v, NULL, ctx, n);
  if (cx_error_count(E->ctx) > errors) return cx_v_bad(v.span);
  if (of == CX_NO_EQ) { /* a range around is not known yet: only the shape counts */
    v.e = cx_const(E->g, 0);
    return v;
  }
  cx_eq *e = cx_eq_new(E->g, NULL, EQ_PRIM);
  e->prim = &cx_prim_ranks;
  e->span = a->call->span;
  e->prim_arg[0] = of, e->nprim_arg = 1;
  e->prim->shape((const cx_eq *const[]){E->g->eq[of]}, e, NULL);
  e->inert = true;
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d < e->rank; d++) sub[d] = cx_index(E->g, d < n ? ctx[d] : v.slot[d - n]);
  v.e = cx_load(E->g, e->id, sub, e->rank);
  return v;
}
static cx_val rows_at_hand(args *a) { return cx_elab_rows_at_hand(a->E, a->arg[0], a->call->span); }
static cx_val running(args *a) { return cx_elab_running(a->E, a->call, a->arg, a->n); }

static const struct {
  const char *name;
  int min, max;
  bool lazy; /* looks at its arguments itself */
  cx_val (*fn)(args *a);
} builtin[] = {
    {"rows", 1, 1, 0, shape_size},      {"cols", 1, 1, 0, shape_size},
    {"size", 1, 2, 0, shape_size},      {"length", 1, 1, 0, shape_size},
    {"zeros", 1, 8, 1, filled},         {"ones", 1, 8, 1, filled},
    {"concat", 2, 99, 0, concat},       {"flatten", 1, 1, 0, flatten},
    {"reshape", 2, 9, 0, flatten},      {"classes", 1, 1, 1, classes},
    {"range", 1, 1, 1, indices},        {"l2", 1, 1, 1, squares},
    {"error", 1, 1, 1, refuse},         {"rank", 1, 1, 0, rank_of},
    {"ranks", 1, 1, 0, ranks},          {"random_uniform", 2, 10, 0, drawn},
    {"random_normal", 2, 10, 0, drawn}, {"running", 1, 3, 0, running},
    {"random", 2, 2, 0, random_number}, {"rows_at_hand", 1, 1, 0, rows_at_hand},
};

/* names that other releases bring: never misread as something else */
bool cx_later(cx_elab *E, cx_sym name, cx_span s) {
  static const char *const later[] = {"expect",    "prob",  "argmin",   "solve", "multiplier",
                                      "posterior", "prior", "evidence", "fft",   "sort"};
  for (size_t k = 0; k < sizeof later / sizeof *later; k++)
    if (!strcmp(name, later[k])) {
      int id = cx_error(E->ctx, s, "this version of calx cannot compute `%s` yet", name);
      if (!strcmp(name, "argmin"))
        cx_diag_help(
            E->ctx, id,
            "over an index it can: argmin(k: v[k]); an optimum over numbers is found by param, minimize and fit");
      else cx_diag_help(E->ctx, id, "it computes sums, products, extrema, means, derivatives and fits");
      return true;
    }
  return false;
}

cx_val cx_elab_call(cx_elab *E, const cx_ast *x) {
  cx_binding *f = cx_lookup_env(E, x->name, true);
  if (!f && !strcmp(x->name, "d") && !x->primes) return cx_elab_d(E, x);
  cx_val known;
  if (!f && cx_elab_dist_call(E, x, &known)) return known;
  if (!f && cx_is_combination(x)) return cx_lookup_failed(E, x->name, true, x->name_span);
  int n = x->nkid;
  cx_val *arg = CX_NEW_N(E->arena, cx_val, n + 1);
  if (!f && !x->primes && cx_is_text_call(x->name)) return cx_elab_text(E, x);
  if (!f) {
    for (size_t k = 0; k < sizeof builtin / sizeof *builtin; k++) {
      if (strcmp(x->name, builtin[k].name) || x->primes) continue;
      if (n < builtin[k].min || n > builtin[k].max) {
        cx_error(E->ctx, x->span, "`%s` takes %d%s argument%s, but %d %s given", x->name, builtin[k].min,
                 builtin[k].max > builtin[k].min ? " or more" : "", builtin[k].max == 1 ? "" : "s", n,
                 n == 1 ? "is" : "are");
        return cx_v_bad(x->span);
      }
      for (int j = 0; j < n && !builtin[k].lazy; j++)
        if ((arg[j] = cx_elab_expr(E, x->kid[j])).bad) return arg[j];
      args a = {E, x, arg, n};
      return builtin[k].fn(&a);
    }
    if (cx_op_find(x->name, n) == OP_none) cx_load_library(E);
    f = cx_lookup(E, x->name, true);
  }
  int op = f ? OP_none : cx_op_find(x->name, n);
  if (!f && op == OP_none && x->primes) return cx_lookup_failed(E, x->name, true, x->name_span);
  bool bad = false;
  const cx_ast *def = f && f->kind == B_FUNCTION && !x->primes ? f->fun : NULL;
  if (def && cx_has_options(def)) return cx_call_with_options(E, f, x);
  for (int k = 0; k < n; k++) {
    if (x->kid[k]->kind == A_NAMED) {
      int id = cx_error(E->ctx, x->kid[k]->span, "`%s` has no option `%s`", x->name, x->kid[k]->name);
      if (cx_is_reduction(x->name))
        cx_diag_help(E->ctx, id, "name the index it runs over: s[i] = %s(k: A[i, k])", x->name);
      else cx_diag_help(E->ctx, id, "arguments are told apart by their places: %s(x)", x->name);
      return cx_v_bad(x->span);
    }
    arg[k] = f && f->kind == B_FUNCTION && !x->primes ? cx_elab_argument(E, x->kid[k]) : cx_elab_expr(E, x->kid[k]);
    bad |= arg[k].bad;
  }
  if (bad && !f && op == OP_none && !cx_is_reduction(x->name)) { /* two mistakes, two errors */
    bool some = false;
    for (int k = 1; k < 4; k++) some |= cx_op_find(x->name, k) != OP_none;
    if (!some && !cx_lookup(E, x->name, false)) cx_lookup_failed(E, x->name, true, x->name_span);
  }
  if (bad) return cx_v_bad(x->span);
  if (f && f->kind == B_FUNCTION) {
    if (!x->primes) return cx_apply(E, f, arg, n, x);
    if (n == 1) return cx_elab_primes(E, x, f, OP_none, arg[0]);
    int id = cx_error(E->ctx, x->span, "`%s'` needs a function of one argument; `%s` is given %d", x->name, x->name, n);
    cx_diag_help(E->ctx, id, "say by which: d(%s(..), x)", x->name);
    return cx_v_bad(x->span);
  }
  if (op != OP_none) {
    if (!x->primes) return cx_v_map(E, (cx_op)op, arg, n, x->span);
    if (n == 1) return cx_elab_primes(E, x, NULL, (cx_op)op, arg[0]);
    cx_error(E->ctx, x->span, "`%s'` needs a function of one argument", x->name);
    return cx_v_bad(x->span);
  }
  bool several = !strcmp(x->name, "max") || !strcmp(x->name, "min"); /* also of numbers */
  if (cx_is_reduction(x->name) && n != 1 && !(several && n)) {
    int id = cx_error(E->ctx, x->span, "`%s` takes one array, but %d arguments are given", x->name, n);
    cx_diag_help(E->ctx, id, "over an index it is written %s(i: a[i])", x->name);
    return cx_v_bad(x->span);
  }
  if (n == 1 && cx_is_reduction(x->name) && !arg[0].rank && arg[0].e->any_free && !E->site) {
    int id = cx_error(E->ctx, x->span, "`%s` of one number", x->name);
    cx_diag_help(E->ctx, id, "name the index it runs over, as in %s(i: a[i])", x->name);
    return cx_v_bad(x->span);
  }
  if (n == 1) {
    bool found;
    cx_val v = cx_reduce_call(E, x->name, arg[0], x->span, &found);
    if (found) return v;
  }
  if (n > 2 && several) {
    cx_val v = arg[0];
    for (int k = 1; k < n; k++) {
      cx_val pair[2] = {v, arg[k]};
      v = cx_v_map(E, x->name[1] == 'a' ? OP_max : OP_min, pair, 2, x->span);
    }
    return v;
  }
  for (int k = 1; k < 4; k++)
    if (cx_op_find(x->name, k) != OP_none) {
      cx_error(E->ctx, x->span, "`%s` takes %d argument%s, but %d %s given", x->name, k, k == 1 ? "" : "s", n,
               n == 1 ? "is" : "are");
      return cx_v_bad(x->span);
    }
  cx_binding *value = cx_lookup(E, x->name, false);
  if (value && value->v.bad && !value->text) return cx_v_bad(x->span); /* its definition has been reported */
  return cx_lookup_failed(E, x->name, true, x->name_span);
}
