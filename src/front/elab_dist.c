/* elab_dist.c - distributions by name, and their members as functions. */
#include "front/dist.h"

#include <math.h>
#include <string.h>

#include "base/lib.h"

static const char *const members[] = {"lower", "upper",    "discrete", "valid",    "dim",      "log_density",
                                      "cdf",   "ccdf",     "log_cdf",  "log_ccdf", "quantile", "cquantile",
                                      "mean",  "variance", "entropy",  "draw",     "kl"};

static int count_params(const cx_ast *def) {
  int n = 0;
  while (n < def->nkid && def->kid[n]->kind == S_ARG) n++;
  return n;
}

static const cx_ast *find_member(const cx_ast *def, const char *name) {
  for (int k = count_params(def); k < def->nkid; k++)
    if ((def->kid[k]->kind == S_DEF || def->kid[k]->kind == S_DEF_FUN) && !strcmp(def->kid[k]->name, name))
      return def->kid[k];
  return NULL;
}

/* the k-th argument of a member, as S_ARG; *from: the distribution it says this has, draw(z[n] ~ normal(0, 1)), or NULL */
static const cx_ast *argument(const cx_ast *m, int k, const cx_ast **from) {
  const cx_ast *x = m->kid[1 + k];
  bool own = x->kind == S_OPTION;
  if (from) *from = own && x->op == T_TILDE ? x->kid[1] : NULL;
  return own ? x->kid[0] : x;
}

/* ---- the blocks of a list of statements, and of lib/dist ---- */
static bool takes_one(const char *member) { /* a place or a probability */
  static const char *const with[] = {"log_density", "cdf",      "ccdf",      "log_cdf",
                                     "log_ccdf",    "quantile", "cquantile", "draw"};
  for (size_t k = 0; k < sizeof with / sizeof *with; k++)
    if (!strcmp(member, with[k])) return true;
  return false;
}

/* one argument; a draw, several that each say what they are drawn from */
static bool takes_its(const cx_ast *m) {
  if (m->kind != S_DEF_FUN || m->nkid < 2 || m->nkid - 1 > CX_DRAWS) return false;
  bool ok = true;
  for (int k = 1; k < m->nkid; k++) ok &= m->kid[k]->op == T_TILDE || (m->nkid == 2 && m->kid[k]->kind != S_OPTION);
  return ok;
}

static bool well_formed(cx_elab *E, const cx_ast *s) {
  int first = count_params(s), errors = cx_error_count(E->ctx);
  for (int k = first; k < s->nkid; k++) {
    const cx_ast *m = s->kid[k];
    if (m->kind == A_ERROR) return false; /* reported by the parser */
    if (m->kind != S_DEF && m->kind != S_DEF_FUN && m->kind != S_DEF_INDEX) {
      int id = cx_error(E->ctx, m->span, "this statement cannot stand in a distribution");
      cx_diag_help(E->ctx, id, "its block holds definitions: lower = 0, log_density(x) = .., mean = ..");
      continue;
    }
    for (int j = first; j < k; j++)
      if (s->kid[j]->name == m->name && m->kind != S_DEF_INDEX) {
        int id = cx_error(E->ctx, m->name_span, "`%s` is defined twice", m->name);
        cx_diag_label(E->ctx, id, s->kid[j]->name_span, "first here");
      }
    bool known = false;
    for (size_t j = 0; j < sizeof members / sizeof *members; j++) known |= !strcmp(m->name, members[j]);
    if (!known || m->kind == S_DEF_INDEX) continue;
    bool fun = takes_one(m->name);
    if (!strcmp(m->name, "kl")) {
      if (m->kind == S_DEF_FUN && m->nkid == 1 + first) continue;
      int id = cx_error(E->ctx, m->name_span, "`kl` of a distribution is a function of another one's parameters");
      cx_diag_help(E->ctx, id, "it has %d parameter%s", first, first == 1 ? "" : "s");
    } else if (fun && !takes_its(m)) {
      int id = cx_error(E->ctx, m->name_span, "`%s` of a distribution is a function of one argument", m->name);
      cx_diag_help(E->ctx, id, "write %s(%s) = ..", m->name,
                   !strcmp(m->name, "quantile") || !strcmp(m->name, "cquantile") ? "p"
                   : !strcmp(m->name, "draw")                                    ? "u"
                                                                                 : "x");
    } else if (!fun && m->kind != S_DEF) {
      int id = cx_error(E->ctx, m->name_span, "`%s` of a distribution has no argument", m->name);
      cx_diag_help(E->ctx, id, "write %s = ..", m->name);
    }
  }
  if (cx_error_count(E->ctx) > errors) return false;
  if (find_member(s, "log_density")) return true;
  int id = cx_error(E->ctx, s->name_span, "the distribution `%s` has no log_density", s->name);
  const char *near = NULL;
  for (int k = first; k < s->nkid; k++)
    if (!strcmp(s->kid[k]->name, "density")) near = "write log_density(x) = log(..) of what stands here as density";
  cx_diag_help(E->ctx, id, "%s", near ? near : "write log_density(x) = .., with its constants: all else follows");
  return false;
}

void cx_hoist_distributions(cx_elab *E, cx_ast *const *stmt, int n, cx_binding **here, bool library) {
  for (int k = 0; k < n; k++) {
    const cx_ast *s = stmt[k];
    if (s->kind != S_DISTRIBUTION) continue;
    for (int j = 0; j < E->distribution.n; j++)
      if (E->distribution.at[j]->name == s->name && E->distribution.at[j]->library == library) {
        int id = cx_error(E->ctx, s->name_span, "the distribution `%s` is defined twice", s->name);
        cx_diag_label(E->ctx, id, E->distribution.at[j]->def->name_span, "first here");
      }
    cx_distribution *d = CX_NEW(E->arena, cx_distribution);
    *d = (cx_distribution){s->name, s, here, library, !well_formed(E, s), false};
    *CX_PUSH(E->arena, E->distribution) = d;
  }
}

static void load_file(cx_elab *E, int k) {
  bool *loaded = *cx_names_at(E->arena, &E->dist_files, cx_lib[k].name);
  if (loaded) return;
  *cx_names_at(E->arena, &E->dist_files, cx_lib[k].name) = E;
  cx_binding *env = E->env, **here = CX_NEW(E->arena, cx_binding *);
  E->env = NULL;
  int32_t file = cx_source_add(E->ctx, cx_lib[k].name, cx_lib[k].text, cx_lib[k].n);
  cx_ast *p = cx_parse(E->ctx, E->arena, file);
  cx_hoist_functions(E, p->kid, p->nkid, here);
  cx_hoist_distributions(E, p->kid, p->nkid, here, true);
  E->env = env;
}

static const cx_distribution *known(cx_elab *E, cx_sym name) {
  for (int pass = 0; pass < 2; pass++) /* the program's own go first */
    for (int k = 0; k < E->distribution.n; k++)
      if (E->distribution.at[k]->name == name && E->distribution.at[k]->library == (pass == 1))
        return E->distribution.at[k];
  return NULL;
}

static void load_all(cx_elab *E) {
  for (int k = 0; k < cx_lib_count; k++)
    if (!strncmp(cx_lib[k].name, "dist/", 5)) load_file(E, k);
}

/* its file is lib/dist/NAME.calx; a file may hold more than one, so all are read before a name counts as unknown */
static const cx_distribution *find_distribution(cx_elab *E, cx_sym name) {
  const cx_distribution *d = known(E, name);
  if (d) return d;
  const char *path = cx_format(E->arena, "dist/%s.calx", name);
  for (int k = 0; k < cx_lib_count; k++)
    if (!strcmp(cx_lib[k].name, path)) load_file(E, k);
  if ((d = known(E, name))) return d;
  for (int n = 1; n < 4; n++)
    if (cx_op_find(name, n) != OP_none) return NULL;
  load_all(E);
  return known(E, name);
}

bool cx_names_distribution(cx_elab *E, cx_sym name) {
  return !strcmp(name, "mixture") || !strcmp(name, "truncated") || !strcmp(name, "transformed") ||
         find_distribution(E, name);
}

bool cx_is_dist(cx_elab *E, const cx_ast *x) {
  if (cx_is_combination(x)) return !cx_lookup_env(E, x->name, true);
  if (cx_is_part(x)) return true;
  return x->kind == A_CALL && !x->primes && !cx_lookup_env(E, x->name, true) && find_distribution(E, x->name);
}

/* ---- members ---- */
static void mark(const cx_ast *def, const cx_ast *x, bool *used) {
  if (!x) return;
  for (int k = count_params(def); k < def->nkid; k++) {
    const cx_ast *m = def->kid[k];
    if (used[k] || m->name != x->name) continue;
    if (x->kind == A_CALL ? m->kind == S_DEF_FUN : x->kind == A_NAME && m->kind != S_DEF_FUN) {
      used[k] = true;
      for (int j = 0; j < m->nkid; j++) mark(def, m->kid[j], used);
    }
  }
  for (int j = 0; j < x->nkid; j++) mark(def, x->kid[j], used);
}

/* e of the distribution's block as a function of the parameters and of n arguments (S_ARG) */
static cx_binding *function_of(cx_elab *E, const cx_dist *d, const cx_ast *e, cx_ast *const *arg, int narg) {
  void **at = cx_names_at(E->arena, &E->members, (cx_sym)(const void *)e);
  if (*at) return *at;
  const cx_ast *def = d->of->def;
  int np = count_params(def), n = 0;
  bool *used = CX_NEW_N(E->arena, bool, def->nkid + 1);
  for (int k = np; k < def->nkid; k++) used[k] = def->kid[k]->kid[0] == e; /* not within itself */
  if (!d->of->made) mark(def, e, used);
  for (int j = 0; j < narg; j++) /* an argument is nearer */
    for (int k = np; k < def->nkid; k++) used[k] &= def->kid[k]->name != arg[j]->name;
  cx_ast *body = CX_NEW(E->arena, cx_ast), *f = CX_NEW(E->arena, cx_ast);
  *body = *e;
  body->kind = A_BLOCK;
  body->kid = CX_NEW_N(E->arena, cx_ast *, def->nkid + 1);
  for (int k = np; k < def->nkid; k++)
    if (used[k] && def->kid[k]->kid[0] != e) body->kid[n++] = def->kid[k];
  body->kid[n++] = (cx_ast *)(uintptr_t)e;
  body->nkid = n;
  *f = *def;
  f->kind = S_DEF_FUN;
  f->nkid = 1 + np + narg;
  f->kid = CX_NEW_N(E->arena, cx_ast *, f->nkid);
  f->kid[0] = n > 1 ? body : body->kid[0];
  memcpy(f->kid + 1, def->kid, (size_t)np * sizeof *f->kid);
  if (narg) memcpy(f->kid + 1 + np, arg, (size_t)narg * sizeof *f->kid);
  cx_binding *b = CX_NEW(E->arena, cx_binding);
  *b = (cx_binding){.name = def->name, .kind = B_FUNCTION, .leaf = CX_NO_EQ, .fun = f, .env = d->of->env};
  return *at = b;
}

bool cx_dist_has(const cx_dist *d, const char *member) { return find_member(d->of->def, member) != NULL; }
bool cx_dist_discrete(const cx_dist *d) {
  const cx_ast *m = find_member(d->of->def, "discrete");
  return m && m->kid[0]->kind == A_NAME && !strcmp(m->kid[0]->name, "true");
}
int cx_dist_dims(const cx_dist *d) { return argument(find_member(d->of->def, "log_density"), 0, NULL)->nkid; }
int cx_dist_draw_args(const cx_dist *d) {
  const cx_ast *m = find_member(d->of->def, "draw");
  return m ? m->nkid - 1 : 0;
}
int cx_dist_draw_dims(const cx_dist *d) {
  const cx_ast *m = find_member(d->of->def, "draw");
  return !m ? 0 : m->nkid > 2 ? 1 : argument(m, 0, NULL)->nkid;
}

static const char *signature(cx_elab *E, const cx_ast *def) {
  const char *s = cx_format(E->arena, "%s(", def->name);
  int n = count_params(def);
  for (int k = 0; k < n; k++) s = cx_format(E->arena, "%s%s%s", s, k ? ", " : "", def->kid[k]->name);
  return cx_format(E->arena, "%s)", s);
}
static bool left_out(const cx_dist *d) { return d->call->nkid < d->narg && d->call->kind == A_CALL; }
cx_span cx_dist_arg_span(const cx_dist *d, int k) { return k < d->call->nkid ? d->call->kid[k]->span : d->call->span; }

/* what stands in draw(u[..]) is computed from sizes and numbers among the parameters */
static bool sizes_of(cx_elab *E, const cx_dist *d, const cx_ast *u, int64_t *size) {
  cx_binding *env = E->env;
  for (int k = 0; k < d->narg; k++) {
    const cx_ast *formal = d->of->def->kid[k];
    cx_bind_name(E, formal->name, B_VALUE, formal->span)->v = d->arg[k];
    for (int j = 0; j < formal->nkid; j++)
      if (formal->kid[j]->kind == A_NAME)
        cx_bind_name(E, formal->kid[j]->name, B_VALUE, formal->span)->v =
            cx_v_num(E, (double)d->arg[k].dim[d->arg[k].rank - formal->nkid + j].n, formal->span);
  }
  bool ok = true;
  for (int j = 0; ok && j < u->nkid; j++) {
    const cx_ast *z = u->kid[j];
    double n = NAN;
    bool known = z->kind != A_NAME || cx_lookup_env(E, z->name, false);
    cx_val v = known ? cx_elab_expr(E, z) : (cx_val){0};
    ok = known && !v.bad && cx_v_const(E, v, &n) && n >= 0 && n == floor(n) && n < 0x1p31;
    size[j] = ok ? (int64_t)n : 0;
    if (ok || v.bad) continue;
    int id =
        cx_error(E->ctx, d->call->span, "how many random numbers a draw of `%s` takes is not known here", d->of->name);
    cx_diag_label(E->ctx, id, u->span, "as many as this shape says");
    if (left_out(d)) cx_diag_help(E->ctx, id, "say it: %s", signature(E, d->of->def));
    else
      cx_diag_help(E->ctx, id,
                   "it must follow from the parameters' sizes and from numbers among them; draw(%s(..), u) "
                   "takes it from u",
                   d->of->name);
  }
  E->env = env;
  return ok;
}
bool cx_dist_draw_counts(cx_elab *E, const cx_dist *d, int64_t *n) {
  const cx_ast *m = find_member(d->of->def, "draw");
  int64_t size[CX_MAX_RANK] = {1};
  for (int k = 0; k < cx_dist_draw_args(d); k++) {
    if (!sizes_of(E, d, argument(m, k, NULL), size)) return false;
    n[k] = size[0];
  }
  return true;
}
bool cx_dist_draw_sizes(cx_elab *E, const cx_dist *d, int64_t *size) {
  const cx_ast *m = find_member(d->of->def, "draw");
  int64_t n[CX_DRAWS];
  int args = cx_dist_draw_args(d);
  if (args < 2) return !m || sizes_of(E, d, argument(m, 0, NULL), size);
  if (!cx_dist_draw_counts(E, d, n)) return false;
  size[0] = 0;
  for (int k = 0; k < args; k++) size[0] += n[k];
  return true;
}

bool cx_dist_single(cx_elab *E, const cx_dist *d, cx_sym name) {
  for (int k = 0; k < d->narg; k++) {
    if (d->arg[k].rank == d->of->def->kid[k]->nkid) continue;
    int id = cx_error(E->ctx, cx_dist_arg_span(d, k), "`%s` is one value, but this parameter has shape %s", name,
                      cx_v_shape(E, d->arg[k]));
    cx_diag_help(E->ctx, id, "name an index to get a value for each: m[i] = expect(%s ~ %s(.. a[i] ..): ..)", name,
                 d->of->name);
    return false;
  }
  cx_dist_demand(E, d);
  return true;
}

static cx_val apply(cx_elab *E, const cx_dist *d, const cx_ast *e, cx_ast *const *formal, const cx_val *x, int n) {
  cx_val *arg = CX_NEW_N(E->arena, cx_val, d->narg + n + 1);
  memcpy(arg, d->arg, (size_t)d->narg * sizeof *arg);
  if (n) memcpy(arg + d->narg, x, (size_t)n * sizeof *arg);
  int asked = E->derivative.n;
  cx_val v = cx_apply(E, function_of(E, d, e, formal, n), arg, d->narg + n, d->call);
  if (d->of->made) E->derivative.n = asked; /* those of a change of variables: not the program's own */
  return v;
}

cx_val cx_dist_member(cx_elab *E, const cx_dist *d, const char *member, const cx_val *x, int n) {
  const cx_ast *m = find_member(d->of->def, member);
  cx_ast **formal = CX_NEW_N(E->arena, cx_ast *, n + 1);
  for (int k = 0; k < n; k++) formal[k] = (cx_ast *)(uintptr_t)argument(m, k, NULL);
  return apply(E, d, m->kid[0], formal, x, n);
}

/* ---- valid ---- */
/* a and b, a < b < c: one condition after the other, ended by NULL; kept, as functions are known by their place */
typedef CX_VEC(const cx_ast *) conditions;
static void split(cx_elab *E, const cx_ast *x, conditions *out) {
  if (x->kind == A_BINARY && x->op == T_AND) {
    split(E, x->kid[0], out);
    split(E, x->kid[1], out);
    return;
  }
  for (int k = 0; x->kind == A_COMPARE && k + 1 < x->nkid; k++) {
    cx_ast *c = CX_NEW(E->arena, cx_ast);
    *c = *x;
    c->nkid = 2;
    c->kid = x->kid + k;
    c->ops = x->ops + k;
    *CX_PUSH(E->arena, *out) = c;
  }
  if (x->kind != A_COMPARE) *CX_PUSH(E->arena, *out) = x;
}
const cx_ast *const *cx_conditions(cx_elab *E, const cx_ast *x) {
  void **at = cx_names_at(E->arena, &E->conditions, (cx_sym)(const void *)x);
  if (*at) return *at;
  conditions c = {0};
  split(E, x, &c);
  *CX_PUSH(E->arena, c) = NULL;
  *at = (void *)c.at;
  return c.at;
}
cx_val cx_dist_say(cx_elab *E, const cx_dist *d, const cx_ast *e) { return apply(E, d, e, NULL, NULL, 0); }
const cx_ast *const *cx_dist_conditions(cx_elab *E, const cx_dist *d) {
  static const cx_ast *const none[1];
  const cx_ast *m = find_member(d->of->def, "valid");
  return m ? cx_conditions(E, m->kid[0]) : none;
}

const cx_node *cx_dist_doubt(cx_elab *E, const cx_dist *d) {
  const cx_node *doubt = NULL;
  for (const cx_ast *const *c = cx_dist_conditions(E, d); *c; c++) {
    cx_val v = cx_dist_say(E, d, *c);
    if (v.bad || v.rank || cx_holds(E, v.e)) continue;
    doubt = doubt ? cx_op2(E->g, OP_and, doubt, v.e) : v.e;
  }
  return doubt;
}

/* constant parameters outside of their domain are a mistake in the program */
static bool domain_holds(cx_elab *E, const cx_dist *d) {
  for (int k = 0; k < d->narg; k++)
    if (d->arg[k].rank) return true;
  for (const cx_ast *const *c = cx_dist_conditions(E, d); *c; c++) {
    cx_val v = cx_dist_say(E, d, *c);
    double at;
    if (v.bad) return false;
    if (!cx_v_const(E, v, &at) || at != 0) continue;
    int id = -1;
    for (int j = 0; j < d->narg; j++) {
      cx_sym p = d->of->def->kid[j]->name;
      char shown[32];
      if (!cx_reads(*c, p) || !cx_v_const(E, d->arg[j], &at)) continue;
      const char *value = cx_strdup(E->arena, cx_show_double(shown, at), strlen(cx_show_double(shown, at)));
      if (id < 0) {
        id = cx_error(E->ctx, cx_dist_arg_span(d, j), "`%s` needs %s, but `%s` is %s", d->of->name,
                      cx_ast_text(E->arena, *c), p, value);
      } else {
        cx_diag_label(E->ctx, id, cx_dist_arg_span(d, j), "and `%s` is %s", p, value);
      }
    }
    if (id < 0)
      cx_error(E->ctx, d->call->span, "the parameters of `%s` do not have %s", d->of->name, cx_ast_text(E->arena, *c));
    return false;
  }
  return true;
}

/* ---- a distribution with its parameters ---- */
static void unknown(cx_elab *E, const cx_ast *x) {
  CX_VEC(const char *) near = {0};
  load_all(E);
  for (int k = 0; k < E->distribution.n; k++) *CX_PUSH(E->arena, near) = E->distribution.at[k]->name;
  int id = cx_error(E->ctx, x->name_span, "nothing defines the distribution `%s`", x->name);
  const char *hit = cx_nearest(x->name, near.at, near.n);
  if (hit) cx_diag_help(E->ctx, id, "did you mean `%s`?", hit);
  else cx_diag_help(E->ctx, id, "define it: distribution %s(..) { log_density(x) = .. }", x->name);
}

const cx_distribution *cx_distribution_of(cx_elab *E, const cx_ast *x) {
  if (cx_is_combination(x) && !cx_lookup_env(E, x->name, true)) {
    cx_dist d;
    return cx_combine(E, x, true, &d) ? d.of : NULL;
  }
  if (cx_is_part(x)) {
    cx_dist d;
    return cx_part_of(E, x, true, &d) ? d.of : NULL;
  }
  if (x->kind != A_CALL || x->primes || cx_lookup_env(E, x->name, true)) {
    int id = cx_error(E->ctx, x->span, "a distribution is expected here");
    bool bare = x->kind == A_NAME && find_distribution(E, x->name);
    if (bare) cx_diag_help(E->ctx, id, "give its parameters: %s", signature(E, find_distribution(E, x->name)->def));
    else cx_diag_help(E->ctx, id, "such as normal(0, 1)");
    return NULL;
  }
  const cx_distribution *of = find_distribution(E, x->name);
  if (!of) unknown(E, x);
  return of && !of->bad ? of : NULL;
}

bool cx_dist_of(cx_elab *E, const cx_ast *x, cx_dist *d) {
  if (cx_is_combination(x) && !cx_lookup_env(E, x->name, true)) return cx_combine(E, x, false, d);
  if (cx_is_part(x)) return cx_part_of(E, x, false, d);
  const cx_distribution *of = cx_distribution_of(E, x);
  if (!of) return false;
  int want = count_params(of->def), least = want;
  while (least && of->def->kid[least - 1]->op == T_ASSIGN) least--;
  if (x->nkid < least || x->nkid > want) {
    const char *range = least < want ? cx_format(E->arena, "%d to %d", least, want) : cx_format(E->arena, "%d", want);
    int id = cx_error(E->ctx, x->span, "the distribution `%s` has %s parameter%s, but %d %s given", of->name, range,
                      want == 1 ? "" : "s", x->nkid, x->nkid == 1 ? "is" : "are");
    cx_diag_help(E->ctx, id, "write %s", signature(E, of->def));
    return false;
  }
  *d = (cx_dist){of, x, CX_NEW_N(E->arena, cx_val, want + 1), want};
  bool ok = true;
  for (int k = 0; k < want; k++) {
    if (k >= x->nkid) {
      d->arg[k] = cx_v_num(E, of->def->kid[k]->num, x->span);
      continue;
    }
    if (x->kid[k]->kind == A_NAMED) {
      int id = cx_error(E->ctx, x->kid[k]->span, "parameters are told apart by their places");
      cx_diag_help(E->ctx, id, "write %s", signature(E, of->def));
      return false;
    }
    d->arg[k] = cx_v_materialise(E, cx_elab_expr(E, x->kid[k]), of->def->kid[k]->name);
    ok &= !d->arg[k].bad;
  }
  return ok && domain_holds(E, d);
}

bool cx_dist_drawn_from(cx_elab *E, const cx_dist *d, int k, bool kind, cx_dist *from) {
  const cx_ast *m = find_member(d->of->def, "draw"), *x = NULL, *z = m ? argument(m, k, &x) : NULL;
  if (!x) return false;
  cx_binding *env = E->env;
  E->env = d->of->env ? *d->of->env : NULL;
  const cx_distribution *of = cx_distribution_of(E, x);
  if (of && d->of->library && !of->library) { /* the program has one of that name */
    load_all(E);
    for (int k = 0; k < E->distribution.n; k++)
      if (E->distribution.at[k]->name == x->name && E->distribution.at[k]->library) of = E->distribution.at[k];
  }
  E->env = env;
  bool ok = of && x->kind == A_CALL && count_params(of->def) == x->nkid && !(z->nkid > 1);
  if (ok && !argument(find_member(of->def, "log_density"), 0, NULL)->nkid) {
    *from = (cx_dist){of, x, CX_NEW_N(E->arena, cx_val, x->nkid + 1), x->nkid};
    for (int j = 0; j < x->nkid && !kind && ok; j++) {
      from->arg[j] = cx_v_materialise(E, apply(E, d, x->kid[j], NULL, NULL, 0), NULL);
      ok = !from->arg[j].bad && from->arg[j].rank <= z->nkid;
    }
    if (ok) return kind || domain_holds(E, from);
  }
  if (of) {
    int id = cx_error(E->ctx, x->span, "this is not what a draw can be made from");
    cx_diag_help(E->ctx, id,
                 "write a distribution of numbers with parameters that are numbers or, of draw(z[n] ~ ..), "
                 "arrays [n]: draw(z[n] ~ normal(0, 1)) = mu + sigma * z");
  }
  return false;
}

/* ---- element by element ---- */
static bool lead(cx_elab *E, cx_val *v, int own, const char *what, cx_sym of, cx_val *front) {
  if (v->bad) return false;
  if (v->rank) *v = cx_v_fresh(E, *v);
  if (v->rank < own) {
    int id = cx_error(E->ctx, v->span, "%s of `%s` has %d dimension%s, but this is %s", what, of, own,
                      own == 1 ? "" : "s", cx_v_shape(E, *v));
    cx_diag_help(E->ctx, id, "give it an array");
    return false;
  }
  *front = *v;
  front->rank = (uint8_t)(v->rank - own);
  return true;
}
static void inner(cx_val *v, const cx_val *front) {
  int own = v->rank - front->rank;
  memmove(v->dim, v->dim + front->rank, (size_t)own * sizeof *v->dim);
  memmove(v->slot, v->slot + front->rank, (size_t)own * sizeof *v->slot);
  v->rank = (uint8_t)own;
  v->e = front->e;
}

bool cx_dist_spread(cx_elab *E, cx_dist *const *d, int nd, cx_val *x, const int *own, int nx, cx_val *shape,
                    cx_span s) {
  int n = nx, at = 0;
  for (int j = 0; j < nd; j++) n += d[j]->narg;
  cx_val *front = CX_NEW_N(E->arena, cx_val, n + 1);
  for (int j = 0; j < nd; j++) {
    const cx_ast *def = d[j]->of->def;
    cx_val *arg = CX_NEW_N(E->arena, cx_val, d[j]->narg + 1);
    memcpy(arg, d[j]->arg, (size_t)d[j]->narg * sizeof *arg);
    d[j]->arg = arg;
    for (int k = 0; k < d[j]->narg; k++)
      if (!lead(E, &arg[k], def->kid[k]->nkid, cx_format(E->arena, "the parameter `%s`", def->kid[k]->name), def->name,
                &front[at++]))
        return false;
  }
  for (int k = 0; k < nx; k++)
    if (!lead(E, &x[k], own[k], "a value", nd ? d[0]->of->name : "", &front[at++])) return false;
  if (!n) {
    *shape = cx_v_node(cx_const(E->g, 0), s);
    for (int j = 0; j < nd; j++) cx_dist_demand(E, d[j]);
    return true;
  }
  if (!cx_v_align(E, front, n, shape, nd ? cx_format(E->arena, "`%s`", d[0]->of->name) : "this", s)) return false;
  at = 0;
  for (int j = 0; j < nd; j++)
    for (int k = 0; k < d[j]->narg; k++) inner(&d[j]->arg[k], &front[at++]);
  for (int k = 0; k < nx; k++) inner(&x[k], &front[at++]);
  for (int j = 0; j < nd; j++) cx_dist_demand(E, d[j]);
  return true;
}
