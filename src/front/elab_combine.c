/* elab_combine.c - distributions made of others: mixture(k: weight[k], d), truncated(d, a, b).
 *
 * Each is a block of calx text in which capital names stand for what the call gives: K the indices of the mixture, W the
 * weight, D the distribution, A and B the ends. Its members do not read one another, so no name of the program in D is
 * taken for one of theirs; and their argument has a name that no program can write. */
#include <string.h>

#include "front/dist.h"

static const char mixture[] =
    "distribution mixture() {\n"
    "  discrete = true\n"
    "  lower = min(K: lower(D))\n"
    "  upper = max(K: upper(D))\n"
    "  log_density(x) = log(sum(K: exp(log(W) + log_density(D, x))))\n"
    "  cdf(x) = sum(K: W * cdf(D, x))\n"
    "  ccdf(x) = sum(K: W * ccdf(D, x))\n"
    "  mean = sum(K: W * mean(D))\n"
    "  variance = sum(K: W * (variance(D) + (mean(D) - sum(K: W * mean(D)))^2))\n"
    "}\n";
static const char truncated[] =
    "distribution truncated() {\n"
    "  discrete = true\n"
    "  lower = max(lower(D), A)\n"
    "  upper = min(upper(D), B)\n"
    "  log_density(x) = log_density(D, x) - log(prob(t ~ D: A <= t <= B))\n"
    "  cdf(x) = prob(t ~ D: A <= t <= x) / prob(t ~ D: A <= t <= B)\n"
    "  ccdf(x) = prob(t ~ D: x < t <= B) / prob(t ~ D: A <= t <= B)\n"
    "}\n";

/* of a monotone function of a continuous variable X: change of variables, with the derivative of E */
#define RISING "(E at X = lower(D)) < (E at X = upper(D))"
static const char transformed[] =
    "distribution transformed() {\n"
    "  lower = min((E at X = lower(D)), (E at X = upper(D)))\n"
    "  upper = max((E at X = lower(D)), (E at X = upper(D)))\n"
    "  log_density(x) = log_density(D, inverse(x)) - log(abs(d(E, X) at X = inverse(x)))\n"
    "  cdf(x) = if " RISING
    " then cdf(D, inverse(x)) else ccdf(D, inverse(x))\n"
    "  ccdf(x) = if " RISING
    " then ccdf(D, inverse(x)) else cdf(D, inverse(x))\n"
    "  log_cdf(x) = if " RISING
    " then log_cdf(D, inverse(x)) else log_ccdf(D, inverse(x))\n"
    "  log_ccdf(x) = if " RISING
    " then log_ccdf(D, inverse(x)) else log_cdf(D, inverse(x))\n"
    "  quantile(t) = if " RISING
    " then (E at X = quantile(D, t)) else (E at X = cquantile(D, t))\n"
    "  cquantile(t) = if " RISING
    " then (E at X = cquantile(D, t)) else (E at X = quantile(D, t))\n"
    "  mean = expect(X ~ D: E)\n"
    "  variance = var(X ~ D: E)\n"
    "  entropy = entropy(D) + expect(X ~ D: log(abs(d(E, X))))\n"
    "  draw(t) = E at X = draw(D, t)\n"
    "}\n";

typedef struct {
  cx_elab *E;
  cx_sym variable;              /* X */
  const cx_ast *call, *part[5]; /* W, D, A, B, E */
  cx_ast *const *bind;          /* K */
  int nbind, dims;
} template;

static cx_ast *copy(const template *t, const cx_ast *x);
static const cx_ast *part_of(const template *t, const cx_ast *x) {
  static const char names[] = "WDABE";
  const char *at = x->kind == A_NAME && x->name[0] && !x->name[1] ? strchr(names, x->name[0]) : NULL;
  return at ? t->part[at - names] : NULL;
}
static bool is_argument(cx_sym name) { return !strcmp(name, "x") || !strcmp(name, "t"); }

static cx_ast *copy(const template *t, const cx_ast *x) {
  cx_elab *E = t->E;
  const cx_ast *part = part_of(t, x);
  if (part) return (cx_ast *)(uintptr_t)part; /* as it stands in the program */
  cx_ast *c = CX_NEW(E->arena, cx_ast);
  *c = *x;
  c->span = c->name_span = t->call->span;
  if ((x->kind == A_NAME || x->kind == A_BIND || x->kind == S_ARG) && is_argument(x->name))
    c->name = cx_intern_z(E->ctx, cx_format(E->arena, "%s of %s", x->name, t->call->name));
  if (t->variable && x->name && !strcmp(x->name, "X")) c->name = t->variable;
  if (x->kind == A_CALL && !strcmp(x->name, "inverse")) { /* of D, E, X at this place */
    c->name = cx_intern_z(E->ctx, CX_INVERSE);
    c->kid = CX_NEW_N(E->arena, cx_ast *, 4);
    c->nkid = 4;
    c->kid[0] = (cx_ast *)(uintptr_t)t->part[1];
    c->kid[1] = (cx_ast *)(uintptr_t)t->part[4];
    c->kid[2] = (cx_ast *)(uintptr_t)t->call->kid[0];
    c->kid[3] = copy(t, x->kid[0]);
    return c;
  }
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

static bool usage(cx_elab *E, const cx_ast *x, const char *help) {
  int id = cx_error(E->ctx, x->span, "this is not how `%s` is written", x->name);
  cx_diag_help(E->ctx, id, "%s", help);
  return false;
}

bool cx_is_combination(const cx_ast *x) {
  return (x->kind == A_BINDER && (!strcmp(x->name, "mixture") || !strcmp(x->name, "transformed"))) ||
         (x->kind == A_CALL && (!strcmp(x->name, "mixture") || !strcmp(x->name, "truncated")));
}

bool cx_combine(cx_elab *E, const cx_ast *x, cx_dist *d) {
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
  const char *text = mixed ? mixture : changed ? transformed : truncated;
  int32_t file = cx_source_add(E->ctx, x->name, text, strlen(text));
  cx_ast *block = copy(&t, cx_parse(E->ctx, E->arena, file)->kid[0]);
  int n = 0;
  for (int k = 0; k < block->nkid; k++) { /* of arrays, and of what is not discrete, some have no meaning */
    cx_sym m = block->kid[k]->name;
    if (!strcmp(m, "discrete") ? !cx_dist_discrete(&inner) : t.dims && strcmp(m, "log_density") && strcmp(m, "mean"))
      continue;
    block->kid[n++] = block->kid[k];
  }
  block->nkid = n;
  cx_distribution *made = CX_NEW(E->arena, cx_distribution);
  cx_binding **env = CX_NEW(E->arena, cx_binding *);
  *env = E->env;
  *made = (cx_distribution){.name = x->name, .def = block, .env = env, .made = true};
  *d = (cx_dist){made, x, CX_NEW_N(E->arena, cx_val, 1), 0};
  return true;
}
