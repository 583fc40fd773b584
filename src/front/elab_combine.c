/* elab_combine.c - distributions made of others: mixture(k: weight[k], d), truncated(d, a, b), transformed(x ~ d: e).
 *
 * Each is a block of calx text in which capital names stand for what the call gives: K the indices of the mixture, W the
 * weight, D the distribution, A and B the ends, E the function and X its variable. Its members do not read one another, so
 * no name of the program in D is taken for one of theirs; and their argument has a name that no program can write. Some
 * members are for some D only: name_whole for a discrete one in place of name, name_closed where the cdf of D is a
 * formula, name_inverted where its quantile is one, too, and the mass does not underflow, name_changed where D is itself
 * transformed. */
#include <math.h>
#include <string.h>

#include "front/dist.h"

static const char mixture[] =
    "distribution mixture() {\n"
    "  valid = min(K: W) >= 0 and is_one(sum(K: W))\n"
    "  discrete = true\n"
    "  lower = min(K: lower(D) + 0 * W)\n" /* W says how many there are */
    "  upper = max(K: upper(D) + 0 * W)\n"
    "  log_density(x) = log(sum(K: exp(log(W) + log_density(D, x))))\n"
    "  cdf(x) = sum(K: W * cdf(D, x))\n"
    "  ccdf(x) = sum(K: W * ccdf(D, x))\n"
    "  log_cdf_closed(x) = if sum(K: W * cdf(D, x)) < 0.5 then log(sum(K: exp(log(W) + log_cdf(D, x))))\n"
    "    else log1p(-sum(K: W * ccdf(D, x)))\n"
    "  log_ccdf_closed(x) = if sum(K: W * ccdf(D, x)) < 0.5 then log(sum(K: exp(log(W) + log_ccdf(D, x))))\n"
    "    else log1p(-sum(K: W * cdf(D, x)))\n"
    "  mean = sum(K: W * mean(D))\n"
    "  variance = sum(K: W * (variance(D) + (mean(D) - sum(K: W * mean(D)))^2))\n"
    "}\n";
/* mass(a, b): log P(a <= X <= b), which does not underflow; share(l, m): l - m, which stays one exponent; N: 1 where X is a whole number, else 0 */
static const char truncated[] =
    "distribution truncated() {\n"
    "  discrete = true\n"
    "  valid = max(lower(D), A) < min(upper(D), B)\n"
    "  valid_whole = ceil(max(lower(D), A)) <= floor(min(upper(D), B))\n"
    "  lower = max(lower(D), A)\n"
    "  upper = min(upper(D), B)\n"
    "  lower_whole = ceil(max(lower(D), A))\n"
    "  upper_whole = floor(min(upper(D), B))\n"
    "  log_density(x) = share(log_density(D, x), mass(A, B))\n"
    "  cdf(x) = if mass(A, B) < -600 then exp(mass(A, x) - mass(A, B))\n"
    "    else prob(t ~ D: A <= t <= x) / prob(t ~ D: A <= t <= B)\n"
    "  ccdf(x) = if mass(A, B) < -600 then exp(mass(x + N, B) - mass(A, B))\n"
    "    else prob(t ~ D: x < t <= B) / prob(t ~ D: A <= t <= B)\n"
    "  log_cdf_closed(x) = if mass(A, x) < mass(x + N, B) then mass(A, x) - mass(A, B)\n"
    "    else log1p(-exp(mass(x + N, B) - mass(A, B)))\n"
    "  log_ccdf_closed(x) = if mass(A, x) < mass(x + N, B) then log1p(-exp(mass(A, x) - mass(A, B)))\n"
    "    else mass(x + N, B) - mass(A, B)\n"
    "  quantile_inverted(t) = if t < 0 or t > 1 then nan else min(B, max(A, if cdf(D, A) >= 0.25\n"
    "    then cquantile(D, ccdf(D, A) * (1 - t) + ccdf(D, B) * t)\n"
    "    else quantile(D, cdf(D, A) * (1 - t) + cdf(D, B) * t)))\n"
    "  mean_changed = expect(t ~ D: t given A <= t <= B)\n"
    "  variance_changed = var(t ~ D: t given A <= t <= B)\n"
    "}\n";
/* Change of variables: inverse(y) is the x of which e is y, image(x) is e at x and slope(x) its derivative there. This is
 * of a rising function; copied for a falling one, what belongs to the lower end and to the upper one change places. */
static const char transformed[] =
    "distribution transformed() {\n"
    "  lower = image(lower(D))\n"
    "  upper = image(upper(D))\n"
    "  log_density(x) = log_density(D, inverse(x)) - log(abs(slope(inverse(x))))\n"
    "  cdf(x) = cdf(D, inverse(x))\n"
    "  ccdf(x) = ccdf(D, inverse(x))\n"
    "  log_cdf(x) = log_cdf(D, inverse(x))\n"
    "  log_ccdf(x) = log_ccdf(D, inverse(x))\n"
    "  quantile(t) = image(quantile(D, t))\n"
    "  cquantile(t) = image(cquantile(D, t))\n"
    "  mean = expect(X ~ D: E)\n"
    "  variance = var(X ~ D: E)\n"
    "  entropy = entropy(D) + expect(X ~ D: log(abs(d(E, X))))\n"
    "  draw(t) = image(draw(D, t))\n"
    "}\n";
/* of any other function, between the bounds A and B: the density is the derivative of a probability with its jumps */
static const char folded[] =
    "distribution transformed() {\n"
    "  lower = A\n"
    "  upper = B\n"
    "  log_density(x) = log(d(prob(X ~ D: E <= t), t) at t = x)\n"
    "  cdf(x) = prob(X ~ D: E <= x)\n"
    "  ccdf(x) = prob(X ~ D: E > x)\n"
    "  mean = expect(X ~ D: E)\n"
    "  variance = var(X ~ D: E)\n"
    "  entropy = -expect(X ~ D: log(d(prob(X ~ D: E <= t), t) at t = E))\n"
    "  draw(t) = image(draw(D, t))\n"
    "}\n";

typedef struct {
  cx_elab *E;
  cx_sym variable;              /* X */
  const cx_ast *call, *part[6]; /* W, D, A, B, E, N */
  cx_ast *const *bind;          /* K */
  int nbind, dims;
  bool falls;
} template;

static cx_ast *copy(const template *t, const cx_ast *x);
static const cx_ast *part_of(const template *t, const cx_ast *x) {
  static const char names[] = "WDABEN";
  const char *at = x->kind == A_NAME && x->name[0] && !x->name[1] ? strchr(names, x->name[0]) : NULL;
  return at ? t->part[at - names] : NULL;
}
static bool is_argument(cx_sym name) { return !strcmp(name, "x") || !strcmp(name, "t"); }

static const char *opposite(const char *name) {
  static const char *const pair[] = {"lower", "upper", "cdf", "ccdf", "log_cdf", "log_ccdf", "quantile", "cquantile"};
  for (size_t k = 0; k < sizeof pair / sizeof *pair; k++)
    if (!strcmp(name, pair[k])) return pair[k ^ 1];
  return NULL;
}

/* a call that no program can write: of D and what else */
static cx_ast *own_call(const template *t, cx_ast *c, const char *name, const cx_ast *const *arg, int n) {
  c->name = cx_intern_z(t->E->ctx, name);
  c->kid = CX_NEW_N(t->E->arena, cx_ast *, n + 1);
  c->nkid = n + 1;
  c->kid[0] = (cx_ast *)(uintptr_t)t->part[1];
  for (int k = 0; k < n; k++) c->kid[k + 1] = (cx_ast *)(uintptr_t)arg[k];
  return c;
}

static cx_ast *copy(const template *t, const cx_ast *x) {
  cx_elab *E = t->E;
  const cx_ast *part = part_of(t, x);
  if (part) return (cx_ast *)(uintptr_t)part; /* as it stands in the program */
  cx_ast *c = CX_NEW(E->arena, cx_ast);
  *c = *x;
  c->span = c->name_span = t->call->span;
  if (x->kind != A_CALL && x->name && is_argument(x->name))
    c->name = cx_intern_z(E->ctx, cx_format(E->arena, "%s of %s", x->name, t->call->name));
  if (t->variable && x->name && !strcmp(x->name, "X")) c->name = t->variable;
  static const char *const own[][2] = {{"inverse", CX_INVERSE}, {"image", CX_IMAGE}, {"slope", CX_SLOPE}};
  for (int k = 0; x->kind == A_CALL && k < 3; k++)
    if (!strcmp(x->name, own[k][0]))
      return own_call(t, c, own[k][1], (const cx_ast *[]){t->part[4], t->call->kid[0], copy(t, x->kid[0])}, 3);
  if (x->kind == A_CALL && !strcmp(x->name, "mass"))
    return own_call(t, c, CX_MASS, (const cx_ast *[]){copy(t, x->kid[0]), copy(t, x->kid[1])}, 2);
  if (x->kind == A_CALL && !strcmp(x->name, "share"))
    return own_call(t, c, CX_SHARE, (const cx_ast *[]){copy(t, x->kid[0]), copy(t, x->kid[1])}, 2);
  if (x->kind == A_CALL && t->falls && opposite(x->name)) c->name = cx_intern_z(E->ctx, opposite(x->name));
  bool binder = x->kind == A_BINDER && x->kid[0]->op == 0;
  int n = 0;
  c->kid = CX_NEW_N(E->arena, cx_ast *, x->nkid + t->nbind + t->dims + 1);
  for (int k = 0; k < x->nkid; k++) {
    if (binder && k == 0) /* K */
      for (int j = 0; j < t->nbind; j++) c->kid[n++] = t->bind[j];
    else c->kid[n++] = copy(t, x->kid[k]);
  }
  if (binder) c->nbind = (uint8_t)t->nbind;
  for (int d = 0; x->kind == S_ARG && d < t->dims; d++) {
    cx_ast *size = CX_NEW(E->arena, cx_ast);
    *size = *c;
    size->kind = A_NAME;
    size->nkid = 0;
    size->name = cx_intern_z(E->ctx, cx_format(E->arena, "size %d of %s", d, t->call->name));
    c->kid[n++] = size;
  }
  c->nkid = n;
  return c;
}

/* the logarithm of the probability that is left; nan: not known here */
static double mass_left(const template *t) {
  cx_ast call = *t->call;
  double m;
  call.kind = A_CALL;
  own_call(t, &call, CX_MASS, t->part + 2, 2);
  return cx_v_const(t->E, cx_elab_expr(t->E, &call), &m) ? m : NAN;
}
static bool invertible(const template *t, const cx_dist *d) {
  return t->part[2] && cx_dist_closed(d) && cx_dist_has(d, "quantile") && mass_left(t) > -600;
}

static bool usage(cx_elab *E, const cx_ast *x, const char *help) {
  int id = cx_error(E->ctx, x->span, "this is not how `%s` is written", x->name);
  cx_diag_help(E->ctx, id, "%s", help);
  return false;
}

bool cx_is_combination(const cx_ast *x) {
  return (x->kind == A_BINDER && (!strcmp(x->name, "mixture") || !strcmp(x->name, "transformed"))) ||
         (x->kind == A_CALL && (!strcmp(x->name, "mixture") || !strcmp(x->name, "truncated")));
}

static const cx_ast *number(cx_elab *E, const cx_ast *call, double v) {
  cx_ast *n = CX_NEW(E->arena, cx_ast);
  *n = (cx_ast){.kind = A_NUM, .num = v, .span = call->span, .name_span = call->span};
  return n;
}

/* truncated to nothing is a mistake in the program */
static bool something_left(cx_elab *E, const cx_dist *d, const template *t, bool closed) {
  cx_val v = cx_dist_member(E, d, "valid", NULL, 0);
  double holds, a, b;
  if (v.bad) return false;
  const double least = -1e10; /* the rounding of such a logarithm alone is 1e-6 of the probability */
  if ((!cx_v_const(E, v, &holds) || holds != 0) && !(closed && mass_left(t) < least)) return true;
  cx_val lo = cx_elab_expr(E, t->part[2]), hi = cx_elab_expr(E, t->part[3]);
  bool known = cx_v_const(E, lo, &a) && cx_v_const(E, hi, &b);
  const char *name = t->part[1]->name;
  int id = !known  ? cx_error(E->ctx, t->call->span, "nothing is left of `%s` between these ends", name)
           : a > b ? cx_error(E->ctx, t->call->span, "`truncated` to %g..%g: the ends are crossed", a, b)
                   : cx_error(E->ctx, t->call->span, "nothing is left of `%s` between %g and %g", name, a, b);
  cx_diag_help(E->ctx, id, "write truncated(d, a, b) with a < b and some of the support of d between them");
  return false;
}

bool cx_combine(cx_elab *E, const cx_ast *x, bool kind, cx_dist *d) {
  bool mixed = !strcmp(x->name, "mixture"), changed = !strcmp(x->name, "transformed");
  template t = {.E = E, .call = x};
  if (mixed) {
    const cx_ast *body = x->kind == A_BINDER ? x->kid[x->nkid - 1] : NULL;
    bool plain = body && body->kind == A_LIST && body->nkid == 2 && x->nkid == x->nbind + 1;
    for (int k = 0; plain && k < x->nbind; k++) plain = x->kid[k]->op != T_TILDE;
    if (!plain) return usage(E, x, "write mixture(k: weight[k], normal(mu[k], sigma[k]))");
    t.part[0] = body->kid[0];
    t.part[1] = body->kid[1];
    t.bind = x->kid;
    t.nbind = x->nbind;
  } else if (changed) {
    if (x->nbind != 1 || x->nkid != 2 || x->kid[0]->op != T_TILDE || x->kid[0]->nkid != 1 || x->kid[1]->kind == A_LIST)
      return usage(E, x, "write transformed(x ~ normal(0, 1): exp(x))");
    t.variable = x->kid[0]->name;
    t.part[1] = x->kid[0]->kid[0];
    t.part[4] = x->kid[1];
  } else {
    if (x->nkid != 3) return usage(E, x, "write truncated(normal(0, 1), 0, inf), with both ends");
    t.part[1] = x->kid[0];
    t.part[2] = x->kid[1];
    t.part[3] = x->kid[2];
  }
  const cx_distribution *of = cx_distribution_of(E, t.part[1]);
  if (!of) return false;
  cx_dist inner = {.of = of};
  t.dims = cx_dist_dims(&inner);
  if (t.dims && !mixed) {
    cx_error(E->ctx, x->span, "values of `%s` are arrays: they have no ends", of->name);
    return false;
  }
  if (changed && cx_dist_discrete(&inner)) {
    int id = cx_error(E->ctx, x->span, "`transformed` takes a continuous distribution, but `%s` is discrete", of->name);
    cx_diag_help(E->ctx, id, "ask for what is wanted of it: expect(k ~ %s(..): ..)", of->name);
    return false;
  }
  int trend = 1;
  cx_interval ends;
  if (changed && !kind) {
    if (!cx_change_trend(E, x, &trend, &ends)) return false;
    t.falls = trend < 0;
    if (!trend) t.part[2] = number(E, x, ends.lo), t.part[3] = number(E, x, ends.hi);
  }
  bool whole = cx_dist_discrete(&inner), again = cx_change_base(E, t.part[1]) != t.part[1];
  t.part[5] = number(E, x, whole);
  const char *text = mixed ? mixture : !changed ? truncated : trend ? transformed : folded;
  int32_t file = cx_source_add(E->ctx, x->name, text, strlen(text));
  cx_ast *block = copy(&t, cx_parse(E->ctx, E->arena, file)->kid[0]);
  int n = 0;
  for (int k = 0; k < block->nkid; k++) {
    cx_ast *m = block->kid[k];
    const char *only = strrchr(m->name, '_');
    bool take = true, suffix = false;
    if (only && !strcmp(only, "_whole")) take = whole, suffix = true;
    else if (only && !strcmp(only, "_closed")) take = cx_dist_closed(&inner), suffix = true;
    else if (only && !strcmp(only, "_inverted")) take = !kind && !whole && invertible(&t, &inner), suffix = true;
    else if (only && !strcmp(only, "_changed")) take = again, suffix = true;
    if (!strcmp(m->name, "discrete")) take = whole;
    /* of arrays some have no meaning */
    if (t.dims && strcmp(m->name, "log_density") && strcmp(m->name, "mean")) take = false;
    if (!take) continue;
    if (suffix) m->name = cx_intern(E->ctx, m->name, (size_t)(only - m->name));
    for (int j = 0; suffix && j < n; j++) /* in its place */
      if (block->kid[j]->name == m->name) memmove(block->kid + j, block->kid + j + 1, (size_t)(--n - j) * sizeof m);
    block->kid[n++] = m;
  }
  block->nkid = n;
  cx_distribution *made = CX_NEW(E->arena, cx_distribution);
  cx_binding **env = CX_NEW(E->arena, cx_binding *);
  *env = E->env;
  *made = (cx_distribution){.name = x->name, .def = block, .env = env, .made = true};
  *d = (cx_dist){made, x, CX_NEW_N(E->arena, cx_val, 1), 0};
  return kind || changed || mixed || something_left(E, d, &t, cx_dist_closed(&inner));
}
