/* elab_apply.c - calls of functions written in calx: arguments by place and by name, dimensions in front of a declared
 * shape, the names that the body sees. A function is put in place of its call. */
#include <string.h>

#include "front/elab.h"

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
bool cx_has_options(const cx_ast *def) { return def->nkid > 1 && def->kid[def->nkid - 1]->kind == S_OPTION; }

static cx_val apply(cx_elab *E, cx_binding *f, cx_val *arg, int n, const cx_ast *call);
cx_val cx_apply(cx_elab *E, cx_binding *f, cx_val *given, int n, const cx_ast *call) {
  cx_val v, *arg = given;
  int want = f->fun->nkid - 1;
  if (n < want && cx_has_options(f->fun)) { /* those left out have no node yet */
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
  if (def->op == T_PARAM && f->maker) {
    int id = cx_error(E->ctx, def->name_span, "`param %s(..)` stands inside of another function", def->name);
    cx_diag_help(E->ctx, id, "its params belong to it once for the whole program: define it outside");
    *CX_PUSH(E->arena, E->broken) = def;
    return cx_v_bad(s);
  }
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
  for (int d = 0; d < lead; d++) *CX_PUSH(E->arena, ctx) = lslot[d]; /* also where the arguments are the same for all */
  bool shared = def->op == T_PARAM;
  cx_site site = {shared ? def : call, shared, E->site};
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
    if (v.bad) {
      ok = false;
      break;
    }
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
      if (s.file != def->span.file && !here && cx_in_library(E, at) && !cx_in_library(E, s)) {
        cx_diag_move(E->ctx, diags, s, "in this equation of the library");
        cx_diag_forget(E->ctx, diags + 1); /* of the same arguments */
      } else if (s.file != def->span.file && !here && !cx_in_library(E, s))
        cx_diag_label(E->ctx, diags, s, "in this call");
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
cx_val cx_call_with_options(cx_elab *E, cx_binding *f, const cx_ast *x) {
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
