/* elab_call.c - calls: scalar ops, the few functions that shapes need, and functions of the program and of lib/. */
#include <math.h>
#include <string.h>

#include "base/lib.h"
#include "front/dist.h"

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

void cx_load_library(cx_elab *E) {
  if (E->lib_loaded) return;
  E->lib_loaded = true;
  cx_binding *env = E->env;
  E->env = NULL;
  for (int k = 0; k < cx_lib_count; k++) {
    if (!strncmp(cx_lib[k].name, "optim", 5)) continue; /* compiled by the solvers */
    if (!strncmp(cx_lib[k].name, "dist/", 5)) continue; /* read one by one */
    int32_t file = cx_source_add(E->ctx, cx_lib[k].name, cx_lib[k].text, cx_lib[k].n);
    if (!E->lib_file) E->lib_file = file;
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
  int id = cx_error(E->ctx, a->call->span, "classes(y) takes data declared as category or int");
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
    ours = false;
    for (int k = 0; k < cx_lib_count && !ours; k++) ours = !strcmp(cx_lib[k].name, cx_source_name(E->ctx, at.file));
  }
  cx_error(E->ctx, at, "%s", what->name);
  return cx_v_bad(at);
}

static const struct {
  const char *name;
  int min, max;
  bool lazy; /* looks at its arguments itself */
  cx_val (*fn)(args *a);
} builtin[] = {
    {"rows", 1, 1, 0, shape_size},   {"cols", 1, 1, 0, shape_size}, {"size", 1, 2, 0, shape_size},
    {"length", 1, 1, 0, shape_size}, {"zeros", 1, 8, 1, filled},    {"ones", 1, 8, 1, filled},
    {"concat", 2, 99, 0, concat},    {"flatten", 1, 1, 0, flatten}, {"reshape", 2, 9, 0, flatten},
    {"classes", 1, 1, 1, classes},   {"range", 1, 1, 1, indices},   {"l2", 1, 1, 1, squares},
    {"error", 1, 1, 1, refuse},      {"rank", 1, 1, 0, rank_of},
};

/* names that other releases bring: never misread as something else */
bool cx_later(cx_elab *E, cx_sym name, cx_span s) {
  static const char *const later[] = {"expect", "prob",     "argmin", "solve", "multiplier", "posterior",
                                      "prior",  "evidence", "tfidf",  "fft",   "sort"};
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

/* ---- functions written in calx ---- */
static bool too_deep(cx_elab *E, const cx_ast *call) {
  int n = 0;
  for (cx_site *s = E->site; s; s = s->up)
    if (++n > 200) {
      int id = cx_error(E->ctx, call->span, "`%s` calls itself without end", call->name);
      cx_diag_help(E->ctx, id, "a recurrence over an index is written h[0] = ..; h[t] = g(h[t-1])");
      return true;
    }
  return false;
}

/* A call with the arguments of an earlier one has its value, unless it owns params: what calls itself twice at every
 * level stays small. A value of which a range was not known yet is not kept. */
enum { KEPT_ARGUMENTS = 4, KEPT_CALLS = 32 };
typedef struct kept {
  cx_binding *env;
  cx_val arg[KEPT_ARGUMENTS], value;
  struct kept *next;
} kept;
static bool same_value(const cx_val *a, const cx_val *b) {
  if (a->e != b->e || a->text != b->text || a->rank != b->rank) return false;
  for (int d = 0; d < a->rank; d++)
    if (a->slot[d] != b->slot[d] || a->dim[d].n != b->dim[d].n || a->dim[d].name != b->dim[d].name) return false;
  return true;
}
static bool known_call(cx_elab *E, const cx_binding *f, const cx_val *arg, int n, cx_val *v) {
  if (n > KEPT_ARGUMENTS || f->maker) return false;
  int budget = KEPT_CALLS;
  for (kept *k = *cx_names_at(E->arena, &E->done, (cx_sym)(const void *)f->fun); k && budget-- > 0; k = k->next) {
    bool same = k->env == *f->env;
    for (int j = 0; j < n && same; j++) same = same_value(&k->arg[j], &arg[j]);
    if (!same) continue;
    *v = k->value.rank ? cx_v_fresh(E, k->value) : k->value;
    return true;
  }
  return false;
}
static void keep_call(cx_elab *E, const cx_binding *f, const cx_val *arg, int n, cx_val v) {
  if (n > KEPT_ARGUMENTS || f->maker || E->retry || v.bad) return;
  void **first = cx_names_at(E->arena, &E->done, (cx_sym)(const void *)f->fun);
  kept *k = CX_NEW(E->arena, kept);
  k->env = *f->env;
  if (n) memcpy(k->arg, arg, (size_t)n * sizeof *arg);
  k->value = v;
  k->next = *first;
  *first = k;
}

static const cx_ast *formal(const cx_ast *def, int k) {
  const cx_ast *x = def->kid[k + 1];
  return x->kind == S_OPTION ? x->kid[0] : x;
}
static const cx_ast *value_left_out(const cx_ast *def, int k) {
  const cx_ast *x = def->kid[k + 1];
  return x->kind == S_OPTION ? x->kid[1] : NULL;
}
static bool has_options(const cx_ast *def) { return def->nkid > 1 && def->kid[def->nkid - 1]->kind == S_OPTION; }

static cx_val apply(cx_elab *E, cx_binding *f, cx_val *arg, int n, const cx_ast *call);
cx_val cx_apply(cx_elab *E, cx_binding *f, cx_val *given, int n, const cx_ast *call) {
  cx_val v, *arg = given;
  int want = f->fun->nkid - 1;
  if (n < want && has_options(f->fun)) { /* those left out have no node yet */
    arg = CX_NEW_N(E->arena, cx_val, want);
    if (n) memcpy(arg, given, (size_t)n * sizeof *arg);
    n = want;
  }
  if (known_call(E, f, arg, n, &v)) {
    v.span = call->span;
    return v;
  }
  if (++E->applied > 200000) { /* each is elaborated: what doubles at every level has no end */
    int id = cx_error(E->ctx, call->span, "the calls of this program expand to more than 200000");
    cx_diag_help(E->ctx, id, "give values that are used again a name, or use a recurrence");
    cx_throw(E->ctx, CX_E_PROGRAM);
  }
  int64_t owned = E->owned;
  v = apply(E, f, arg, n, call);
  if (E->owned == owned) keep_call(E, f, arg, n, v);
  return v;
}

/* how many arguments a function takes, in words, when it is given another number of them */
static cx_val wrong_count(cx_elab *E, const cx_ast *def, int n, cx_span s) {
  int most = def->nkid - 1, least = most;
  while (least && def->kid[least]->kind == S_OPTION) least--;
  char *range = least < most ? cx_format(E->arena, "%d to %d", least, most) : cx_format(E->arena, "%d", most);
  int id = cx_error(E->ctx, s, "`%s` takes %s argument%s, but %d %s given", def->name, range, most == 1 ? "" : "s", n,
                    n == 1 ? "is" : "are");
  cx_diag_label(E->ctx, id, def->name_span, "defined here");
  return cx_v_bad(s);
}

static cx_val apply(cx_elab *E, cx_binding *f, cx_val *arg, int n, const cx_ast *call) {
  const cx_ast *def = f->fun;
  cx_span s = call->span;
  if (n != def->nkid - 1) return wrong_count(E, def, n, s);
  for (int k = 0; k < n; k++) {
    if (arg[k].bad) return cx_v_bad(s);
    if (arg[k].e || arg[k].text || value_left_out(def, k)) continue;
    int given = 0;
    for (int j = 0; j < n; j++) given += arg[j].e || arg[j].text;
    if (!given || given <= k) return wrong_count(E, def, given, s);
    int id = cx_error(E->ctx, s, "`%s` is given no `%s`", def->name, formal(def, k)->name);
    cx_diag_label(E->ctx, id, def->name_span, "defined here");
    return cx_v_bad(s);
  }
  for (int k = 0; k < E->broken.n; k++)
    if (E->broken.at[k] == def) return cx_v_bad(s);
  if (too_deep(E, call)) return cx_v_bad(s);
  cx_binding *env = E->env;
  int64_t *context = E->context;
  int ncontext = E->ncontext, lead = 0;
  cx_dim ldim[CX_MAX_RANK];
  int64_t lslot[CX_MAX_RANK];
  for (int k = 0; k < n; k++) { /* dimensions in front of a declared shape: the function is applied to each */
    const cx_ast *decl = formal(def, k);
    if (!arg[k].e && !arg[k].text) continue;
    int extra = decl->nkid ? arg[k].rank - decl->nkid : 0;
    if (arg[k].text && extra) {
      int id = cx_error(E->ctx, arg[k].span, "`%s` takes an array as `%s`, but is given text", def->name, decl->name);
      cx_diag_label(E->ctx, id, decl->span, "declared here");
      return cx_v_bad(s);
    }
    if (extra < 0) {
      int id = cx_error(E->ctx, arg[k].span, "`%s` takes `%s` with %d dimension%s, but is given %s", def->name,
                        decl->name, decl->nkid, decl->nkid == 1 ? "" : "s", cx_v_shape(E, arg[k]));
      cx_diag_label(E->ctx, id, decl->span, "declared here");
      return cx_v_bad(s);
    }
    if (extra > lead) {
      lead = extra;
      memcpy(ldim, arg[k].dim, sizeof ldim);
    }
  }
  for (int d = 0; d < lead; d++) lslot[d] = cx_var_range(E, NULL, 0, ldim[d].n - 1, ldim[d].name);
  cx_binding *outer = *f->env;
  E->env = outer;
  CX_VEC(int64_t) ctx = {0};
  cx_site site = {call, E->site};
  bool ok = true;
  for (int k = 0; k < n && ok; k++) {
    const cx_ast *decl = formal(def, k);
    cx_val v = arg[k];
    if (!v.e && !v.text) v = cx_elab_argument(E, value_left_out(def, k)); /* which sees the arguments before it */
    if (v.bad) {
      ok = false;
      break;
    }
    if (v.text) {
      cx_bind_name(E, decl->name, B_VALUE, decl->name_span)->v = v;
      continue;
    }
    v = cx_v_materialise(E, v, decl->name);
    int extra = decl->nkid ? v.rank - decl->nkid : 0;
    if (extra > 0) {
      const cx_node *sub[CX_MAX_RANK];
      cx_val inner = {.rank = (uint8_t)decl->nkid, .span = v.span};
      for (int d = 0; d < extra; d++) {
        int at = lead - extra + d;
        if (v.dim[d].n != ldim[at].n) {
          int id = cx_error(E->ctx, s, "the arguments of `%s` differ in their leading dimensions", def->name);
          cx_diag_label(E->ctx, id, v.span, "%s", cx_v_shape(E, v));
          ok = false;
        }
        sub[d] = cx_index(E->g, lslot[at]);
      }
      for (int d = 0; d < decl->nkid; d++) {
        inner.dim[d] = v.dim[extra + d];
        inner.slot[d] = cx_var_range(E, NULL, 0, inner.dim[d].n - 1, inner.dim[d].name);
        sub[extra + d] = cx_index(E->g, inner.slot[d]);
      }
      if (ok) inner.e = cx_v_at(E, v, sub);
      v = inner;
    }
    if (!ok) break;
    for (int d = 0; d < decl->nkid; d++) { /* the shape introduces sizes, or states them */
      const cx_ast *z = decl->kid[d];
      cx_binding *old = NULL;
      if (z->kind == A_NAME)
        for (cx_binding *b = E->env; b != outer && !old; b = b->next)
          if (b->name == z->name && b->maker) old = b;
      double have = (double)v.dim[d].n, need = have;
      if (z->kind == A_NAME && !old) {
        cx_binding *b = cx_bind_name(E, z->name, B_VALUE, z->span);
        b->v = cx_v_num(E, have, z->span);
        b->maker = true;
        v.dim[d].name = v.dim[d].name ? v.dim[d].name : z->name;
        continue;
      }
      cx_val nv = old ? old->v : cx_elab_expr(E, z);
      if (nv.bad || !cx_v_const(E, nv, &need) || need != have) {
        if (nv.bad) {
          ok = false;
          break;
        }
        int id = cx_error(E->ctx, v.span, "`%s` of `%s` needs size %.0f in dimension %d, but has %.0f", decl->name,
                          def->name, need, d + 1, have);
        cx_diag_label(E->ctx, id, z->span, "declared here");
        ok = false;
      }
    }
    cx_binding *b = cx_bind_name(E, decl->name, B_VALUE, decl->name_span);
    b->v = v;
    int64_t fs[32];
    int nf = cx_free_slots(E, v.e, fs, 32);
    for (int j = 0; j < nf; j++) {
      bool skip = false;
      for (int d = 0; d < v.rank; d++) skip |= v.slot[d] == fs[j];
      for (int d = 0; d < ctx.n; d++) skip |= ctx.at[d] == fs[j];
      if (!skip) *CX_PUSH(E->arena, ctx) = fs[j];
    }
  }
  for (int j = 0; j < ncontext; j++) { /* a function inside a function sees what that one sees */
    bool skip = !f->maker;
    for (int d = 0; d < ctx.n; d++) skip |= ctx.at[d] == context[j];
    if (!skip) *CX_PUSH(E->arena, ctx) = context[j];
  }
  for (int a = 1; a < ctx.n; a++) /* ascending, as everywhere */
    for (int b = a; b > 0 && ctx.at[b - 1] > ctx.at[b]; b--) {
      int64_t t = ctx.at[b];
      ctx.at[b] = ctx.at[b - 1];
      ctx.at[b - 1] = t;
    }
  cx_val r = cx_v_bad(s);
  if (ok) {
    int guarded = E->guarded;
    E->guarded = 0;
    E->site = &site;
    E->context = ctx.at;
    E->ncontext = ctx.n;
    int errors = cx_error_count(E->ctx), diags = cx_diag_count(E->ctx);
    r = cx_elab_expr(E, def->kid[0]);
    if (cx_error_count(E->ctx) > errors) {
      *CX_PUSH(E->arena, E->broken) = def;
      cx_span at = cx_diag_get(E->ctx, diags).where;
      bool here = at.file == s.file && at.beg == s.beg && at.end == s.end;
      if (s.file != def->span.file && !here) cx_diag_label(E->ctx, diags, s, "in this call");
    }
    E->guarded = guarded;
  }
  E->site = site.up;
  E->context = context;
  E->ncontext = ncontext;
  E->env = env;
  if (r.bad) return r;
  r.span = s;
  if (!lead) return r;
  if (r.rank + lead > CX_MAX_RANK) {
    cx_error(E->ctx, s, "the result of `%s` has more than %d dimensions", def->name, CX_MAX_RANK);
    return cx_v_bad(s);
  }
  memmove(r.dim + lead, r.dim, (size_t)r.rank * sizeof *r.dim);
  memmove(r.slot + lead, r.slot, (size_t)r.rank * sizeof *r.slot);
  memcpy(r.dim, ldim, (size_t)lead * sizeof *r.dim);
  memcpy(r.slot, lslot, (size_t)lead * sizeof *r.slot);
  r.rank = (uint8_t)(r.rank + lead);
  return r;
}

/* conv(x, 16, 3, stride = 2): arguments by place, then by name */
static cx_val call_with_options(cx_elab *E, cx_binding *f, const cx_ast *x) {
  const cx_ast *def = f->fun;
  int want = def->nkid - 1;
  cx_val *arg = CX_NEW_N(E->arena, cx_val, want + 1);
  for (int k = 0; k < x->nkid; k++) {
    const cx_ast *a = x->kid[k];
    int at = k;
    if (a->kind == A_NAMED) {
      for (at = 0; at < want && strcmp(formal(def, at)->name, a->name);) at++;
      const char *names[32];
      int n = 0;
      for (int j = 0; j < want && n < 32; j++) names[n++] = formal(def, j)->name;
      if (at == want) {
        int id = cx_error(E->ctx, a->name_span, "`%s` has no option `%s`", x->name, a->name);
        const char *hit = cx_nearest(a->name, names, n), *all = "";
        for (int j = 0; j < n; j++)
          if (value_left_out(def, j)) all = cx_format(E->arena, "%s%s%s", all, *all ? ", " : "", names[j]);
        if (hit) cx_diag_help(E->ctx, id, "did you mean `%s`?", hit);
        else cx_diag_help(E->ctx, id, "its options are %s", all);
        return cx_v_bad(x->span);
      }
      if (arg[at].e || arg[at].text) {
        cx_error(E->ctx, a->span, "`%s` of `%s` is given twice", a->name, x->name);
        return cx_v_bad(x->span);
      }
    } else if (k && x->kid[k - 1]->kind == A_NAMED) {
      cx_error(E->ctx, a->span, "arguments without a name stand before those with one");
      return cx_v_bad(x->span);
    }
    if (at >= want) return wrong_count(E, def, x->nkid, x->span);
    arg[at] = cx_elab_argument(E, a->kind == A_NAMED ? a->kid[0] : a);
    if (arg[at].bad) return cx_v_bad(x->span);
  }
  return cx_apply(E, f, arg, want, x);
}

cx_val cx_elab_call(cx_elab *E, const cx_ast *x) {
  cx_binding *f = cx_lookup_env(E, x->name, true);
  if (!f && !strcmp(x->name, "d") && !x->primes) return cx_elab_d(E, x);
  cx_val known;
  if (!f && cx_elab_dist_call(E, x, &known)) return known;
  if (!f && cx_is_combination(x)) return cx_lookup_failed(E, x->name, true, x->name_span);
  int n = x->nkid;
  cx_val *arg = CX_NEW_N(E->arena, cx_val, n + 1);
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
  if (def && has_options(def)) return call_with_options(E, f, x);
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
