/* elab_name.c - names: what they are bound to, and what to say of one that nothing defines. */
#include <math.h>
#include <string.h>

#include "front/dist.h"

bool cx_reads(const cx_ast *x, cx_sym name) {
  if (!x) return false;
  if (x->kind == A_NAME && x->name == name) return true;
  for (int k = 0; k < x->nkid; k++)
    if (cx_reads(x->kid[k], name)) return true;
  return false;
}

cx_binding *cx_bind_name(cx_elab *E, cx_sym name, int kind, cx_span s) {
  cx_binding *b = CX_NEW(E->arena, cx_binding);
  b->name = name;
  b->kind = kind;
  b->leaf = CX_NO_EQ;
  b->span = s;
  b->next = E->env;
  E->env = b;
  return b;
}
void **cx_names_at(cx_arena *a, cx_names *t, cx_sym key) {
  if (2 * t->n >= t->cap) { /* open addressing, at most half full */
    cx_names old = *t;
    t->cap = old.cap ? 2 * old.cap : 64;
    t->at = cx_alloc_n(a, (size_t)t->cap, sizeof *t->at);
    t->n = 0;
    for (int k = 0; k < old.cap; k++)
      if (old.at[k].key) *cx_names_at(a, t, old.at[k].key) = old.at[k].value;
  }
  uint64_t h = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u;
  int k = (int)(h >> 40) & (t->cap - 1);
  while (t->at[k].key && t->at[k].key != key) k = (k + 1) & (t->cap - 1);
  if (!t->at[k].key) t->at[k].key = key, t->n++;
  return &t->at[k].value;
}
void cx_settle(cx_elab *E) {
  CX_VEC(cx_binding *) fresh = {0};
  for (cx_binding *b = E->env; b && !b->top; b = b->next) *CX_PUSH(E->arena, fresh) = b;
  for (int k = fresh.n - 1; k >= 0; k--) {
    cx_binding *b = fresh.at[k];
    void **newest = cx_names_at(E->arena, &E->top, b->name);
    b->older = *newest;
    b->top = true;
    *newest = b;
  }
}
/* names of the program grow only: below the first of them in any environment lie all of them */
cx_binding *cx_lookup_env(cx_elab *E, cx_sym name, bool function) {
  cx_binding *b = E->env;
  for (; b && !b->top; b = b->next)
    if (b->name == name && (b->kind == B_FUNCTION) == function) return b;
  if (b) b = *cx_names_at(E->arena, &E->top, name);
  while (b && (b->kind == B_FUNCTION) != function) b = b->older;
  return b;
}
cx_binding *cx_lookup(cx_elab *E, cx_sym name, bool function) {
  cx_binding *found = cx_lookup_env(E, name, function);
  for (cx_binding *b = function && !found ? E->lib : NULL; b && !found; b = b->next)
    if (b->name == name) found = b;
  return found;
}
static bool operator_op(int op) { /* written with a sign or a word; nobody means its name */
  static const uint8_t ops[] = {OP_add, OP_sub, OP_mul, OP_div, OP_neg, OP_lt,     OP_le,
                                OP_eq,  OP_ne,  OP_and, OP_or,  OP_not, OP_select, OP_pow};
  return memchr(ops, op, sizeof ops) != NULL;
}
/* names that other languages have for what is written in another way here */
static const struct {
  const char *name, *here;
} elsewhere[] = {{"transpose", "write A'"},
                 {"matmul", "write A @ B"},
                 {"len", "write length(v), rows(A) or size(A)"},
                 {"shape", "write rows(A), cols(A) or size(A, k)"},
                 {"diff", "a derivative is d(e, x); differences are dx[i] = x[i + 1] - x[i]"},
                 {"grad", "write d(e, x)"},
                 {"gradient", "write d(e, x)"},
                 {"jacobian", "write d(e, x)"},
                 {"hessian", "write d(d(e, x), x)"},
                 {"where", "write if c then a else b"},
                 {"average", "write mean(x)"},
                 {"arange", "write range(n)"},
                 {"append", "write concat(a, b)"},
                 {"eye", "write identity(n)"},
                 {"integrate", "write integral(x in a..b: e)"},
                 {"quad", "write integral(x in a..b: e)"},
                 {"read", "data come by a declaration: data x[n] = \"file.csv\""},
                 {"load", "data come by a declaration: data x[n] = \"file.csv\""},
                 {"read_csv", "data come by a declaration: data x[n] = \"file.csv\""},
                 {"loadtxt", "data come by a declaration: data x[n] = \"file.csv\""},
                 {"genfromtxt", "data come by a declaration: data x[n] = \"file.csv\""},
                 {"factorial", "write gamma(n + 1)"},
                 {"heaviside", "write step(x)"},
                 {"power", "write x^y"},
                 {"array", "write [a, b]"},
                 {"list", "write [a, b]"},
                 {"rand", "write random_uniform(a, b) for a number, random_uniform(a, b, n) for n of them"},
                 {"randn", "write random_normal(mean, sd) for a number, random_normal(mean, sd, n) for n of them"}};
/* x_i for x[i], and dy/dx: names that are written apart here */
static bool name_in_pieces(cx_elab *E, cx_sym name, int id) {
  size_t n = strlen(name);
  const char *low = strrchr(name, '_');
  if (low && low > name && low[1]) {
    cx_binding *base = cx_lookup_env(E, cx_intern(E->ctx, name, (size_t)(low - name)), false);
    cx_binding *index = cx_lookup_env(E, cx_intern_z(E->ctx, low + 1), false);
    bool element = low[1] >= '0' && low[1] <= '9';
    if (base && base->kind == B_VALUE && base->v.rank && (element || (index && index->kind == B_INDEX)))
      return cx_diag_help(E->ctx, id, "an element of `%s` is written %s[%s]", base->name, base->name, low + 1), true;
  }
  if (name[0] != 'd' || n < 2) return false;
  if (n > 2 && !cx_lookup_env(E, cx_intern_z(E->ctx, name + 1), false) &&
      !cx_lookup_env(E, cx_intern_z(E->ctx, name + 1), true))
    return false;
  return cx_diag_help(E->ctx, id, "a derivative is written d(y, x), that of a function f'(x)"), true;
}

cx_val cx_lookup_failed(cx_elab *E, cx_sym name, bool function, cx_span s) {
  CX_VEC(const char *) near = {0};
  bool other = false;
  if (cx_later(E, name, s)) return cx_v_bad(s);
  if (function && cx_names_distribution(E, name)) {
    int id = cx_error(E->ctx, s, "`%s` is a distribution, not a number", name);
    cx_diag_help(E->ctx, id, "it stands after `~`, or as in density(%s(..), x) and mean(%s(..))", name, name);
    return cx_v_bad(s);
  }
  for (int pass = 0; pass < 2 && cx_error_count(E->ctx) < 100; pass++)
    for (cx_binding *b = pass ? E->lib : E->env; b; b = b->next)
      if ((b->kind == B_FUNCTION) == function) *CX_PUSH(E->arena, near) = b->name;
      else other |= b->name == name;
  if (function)
    for (int k = OP_load + 1; k < OP_COUNT; k++)
      if (!operator_op(k)) *CX_PUSH(E->arena, near) = cx_ops[k].name;
  static const char *const words[] = {"sum", "prod", "max",    "min",  "mean", "argmax", "argmin",
                                      "all", "any",  "concat", "rows", "cols", "zeros",  "ones"};
  for (size_t k = 0; function && k < sizeof words / sizeof *words; k++) *CX_PUSH(E->arena, near) = words[k];
  const char *hit = cx_nearest(name, near.at, near.n);
  int id = cx_error(E->ctx, s, "nothing defines %s `%s`", function ? "the function" : "the name", name);
  for (size_t k = 0; function && k < sizeof elsewhere / sizeof *elsewhere; k++)
    if (!strcmp(name, elsewhere[k].name)) {
      cx_diag_help(E->ctx, id, "%s", elsewhere[k].here);
      return cx_v_bad(s);
    }
  if (other)
    cx_diag_help(E->ctx, id,
                 function ? "`%s` is a value, not a function; a product is written %s * (..)"
                          : "`%s` is a function: call it, as in %s(x)",
                 name, name);
  else if (name_in_pieces(E, name, id)) return cx_v_bad(s);
  else if (hit) cx_diag_help(E->ctx, id, "did you mean `%s`?", hit);
  else if (function) cx_diag_help(E->ctx, id, "define it: %s(x) = ..", name);
  else if (*cx_names_at(E->arena, &E->random, name))
    cx_diag_help(E->ctx, id, "the random variable `%s` has a value only behind the `:` of its own brackets", name);
  else if (E->plotting) cx_diag_help(E->ctx, id, "say over what to plot: plot .. for %s in 0..1", name);
  else
    cx_diag_help(E->ctx, id, "define it above, declare it as `data` or `param`, or give it a value by `at %s = ..`",
                 name);
  return cx_v_bad(s);
}

cx_val cx_elab_name(cx_elab *E, const cx_ast *x) {
  cx_binding *b = cx_lookup(E, x->name, false);
  if (b && b->kind == B_LATER && b->name == E->defining) {
    int id = cx_error(E->ctx, x->span, "`%s` is defined by itself", x->name);
    cx_diag_help(E->ctx, id,
                 "a sequence has an index: %s[0] = ..; %s[k] = g(%s[k - 1]); an unknown is declared: param %s", x->name,
                 x->name, x->name, x->name);
    return cx_v_bad(x->span);
  }
  if (b && b->kind == B_LATER) {
    int id = cx_error(E->ctx, x->span, "`%s` is used before its definition", x->name);
    cx_diag_label(E->ctx, id, b->span, "defined here");
    cx_diag_help(E->ctx, id, "move the definition up; an equation reads only what stands above it");
    return cx_v_bad(x->span);
  }
  if (b && b->text) {
    int id = cx_error(E->ctx, x->span, "`%s` is text and has no numeric value", x->name);
    cx_diag_label(E->ctx, id, b->span, "declared here");
    return cx_v_bad(x->span);
  }
  if (b && b->v.text) {
    int id = cx_error(E->ctx, x->span, "`%s` is text here and has no numeric value", x->name);
    cx_diag_label(E->ctx, id, b->v.span, "given here");
    cx_diag_help(E->ctx, id, "text stands beside == and !=, and as an argument");
    return cx_v_bad(x->span);
  }
  if (b && b->pieces && !E->subscripting) {
    int id = cx_error(E->ctx, x->span, "`%s` is read as a whole before all its equations are given", x->name);
    cx_diag_label(E->ctx, id, b->span, "begun here");
    cx_diag_help(E->ctx, id, "read an element of it, as in %s[t - 1]", x->name);
    return cx_v_bad(x->span);
  }
  if (b) {
    cx_val v = b->v;
    v.span = x->span;
    return v;
  }
  static const struct {
    const char *name;
    double v;
  } known[] = {{"pi", 3.14159265358979323846},
               {"inf", INFINITY},
               {"infinity", INFINITY},
               {"nan", NAN},
               {"e", 2.71828182845904523536},
               {"true", 1},
               {"false", 0}};
  for (size_t k = 0; k < sizeof known / sizeof *known; k++)
    if (!strcmp(x->name, known[k].name)) return cx_v_num(E, known[k].v, x->span);
  if (!strcmp(x->name, "training")) return cx_elab_training(E, x->span);
  if (!strcmp(x->name, "rounding") && cx_in_library(E, x->span)) /* of the program's precision; in lib/ alone */
    return cx_v_num(E, E->m->single ? 0x1p-23 : 0x1p-52, x->span);
  return cx_lookup_failed(E, x->name, false, x->span);
}
