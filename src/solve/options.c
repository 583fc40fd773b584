/* options.c - the options of `fit by method(...)`, read against options.def: a wrong name, kind, value or one that
 * the method does not take is an error at its place, and all of them are reported. */
#include "solve/solver.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { NUM, INT, BOOL, TEXT };
static const struct row {
  const char *name;
  int kind;
  double def, lo, hi;
  const char *range;
  unsigned methods;
} rows[] = {
#define OPT(name, kind, def, lo, hi, range, methods, help) {#name, kind, def, lo, hi, range, methods},
#include "solve/options.def"
#undef OPT
};

const cx_option_row cx_option_rows[] = {
#define OPT(name, kind, def, lo, hi, range, methods, help) {#name, #kind, range, help, methods},
#include "solve/options.def"
#undef OPT
};
const int cx_noption_rows = O_COUNT;

static const cx_method *const methods[] = {
#define METHOD(name) &cx_method_##name,
#include "solve/methods.def"
#undef METHOD
};
enum { NMETHODS = sizeof methods / sizeof *methods };

const cx_method *cx_method_find(const char *name) {
  for (int i = 0; i < NMETHODS; i++)
    if (!strcmp(name, methods[i]->name)) return methods[i];
  return NULL;
}

const cx_method_row *cx_method_rows(cx_arena *a, int *n) {
  cx_method_row *r = CX_NEW_N(a, cx_method_row, NMETHODS);
  for (int i = 0; i < NMETHODS; i++) r[i] = (cx_method_row){methods[i]->name, methods[i]->help, methods[i]->bit};
  *n = NMETHODS;
  return r;
}

/* ---- one option ---- */
/* names that other libraries have for an option */
static const struct {
  const char *name;
  int here;
} elsewhere[] = {{"lr", O_rate},
                 {"learning_rate", O_rate},
                 {"step_size", O_rate},
                 {"stepsize", O_rate},
                 {"alpha", O_rate},
                 {"eta", O_rate},
                 {"batch_size", O_batch},
                 {"minibatch", O_batch},
                 {"max_iter", O_steps},
                 {"maxiter", O_steps},
                 {"iterations", O_steps},
                 {"iter", O_steps},
                 {"n_iter", O_steps},
                 {"max_steps", O_steps},
                 {"tol", O_tolerance},
                 {"ftol", O_tolerance},
                 {"gtol", O_tolerance},
                 {"random_state", O_seed},
                 {"eps", O_epsilon},
                 {"wd", O_weight_decay},
                 {"decay", O_weight_decay},
                 {"betas", O_beta1},
                 {"max_norm", O_clip},
                 {"clip_norm", O_clip},
                 {"clipnorm", O_clip},
                 {"clipvalue", O_clip_value},
                 {"gradient_accumulation_steps", O_accumulate},
                 {"accumulate_grad_batches", O_accumulate},
                 {"validation_split", O_validation},
                 {"early_stopping", O_patience},
                 {"history_size", O_memory}};

static void unknown(cx_ctx *c, const cx_method *m, const cx_fit_opt *opt) {
  const char *names[O_COUNT];
  int n = 0;
  for (int k = 0; k < O_COUNT; k++)
    if (rows[k].methods & m->bit) names[n++] = rows[k].name;
  int d = cx_error(c, opt->name_span, "%s has no option '%s'", m->name, opt->name);
  const char *near = cx_nearest(opt->name, names, n);
  for (size_t k = 0; k < sizeof elsewhere / sizeof *elsewhere; k++)
    if (!strcmp(opt->name, elsewhere[k].name) && rows[elsewhere[k].here].methods & m->bit)
      near = rows[elsewhere[k].here].name;
  if (near) {
    cx_diag_help(c, d, "did you mean '%s'?", near);
    return;
  }
  cx_arena *a = cx_arena_new(c);
  const char *list = "";
  for (int k = 0; k < n; k++) list = cx_format(a, "%s%s%s", list, k ? ", " : "", names[k]);
  cx_diag_help(c, d, "its options are %s", list);
  cx_arena_free(a);
}

static bool read_one(cx_ctx *c, const cx_method *m, const cx_fit_opt *opt, cx_options *out) {
  int k = 0;
  while (k < O_COUNT && strcmp(rows[k].name, opt->name)) k++;
  if (k == O_COUNT) return unknown(c, m, opt), false;
  const struct row *r = &rows[k];
  if (!(r->methods & m->bit)) {
    int d = cx_error(c, opt->name_span, "%s takes no option '%s'", m->name, opt->name);
    cx_arena *a = cx_arena_new(c);
    const char *list = "";
    for (int i = 0; i < NMETHODS; i++)
      if (r->methods & methods[i]->bit) list = cx_format(a, "%s%s%s", list, *list ? ", " : "", methods[i]->name);
    cx_diag_help(c, d, "it belongs to %s", list);
    cx_arena_free(a);
    return false;
  }
  if (out->given[k]) {
    int d = cx_error(c, opt->name_span, "option '%s' is given twice", opt->name);
    cx_diag_label(c, d, out->span[k], "first here");
    return false;
  }
  out->given[k] = true;
  out->span[k] = opt->span;
  double v = opt->num;
  bool ok;
  if (r->kind == TEXT) {
    ok = opt->str && *opt->str;
    if (ok) out->str[k] = opt->str;
    if (ok && k == O_schedule) ok = cx_schedule_read(out, opt->str);
  } else {
    if (r->kind == BOOL && opt->str) v = !strcmp(opt->str, "true") ? 1 : !strcmp(opt->str, "false") ? 0 : NAN;
    ok = v >= r->lo && v <= r->hi && (r->kind == NUM || v == floor(v)); /* false for NaN */
    if (ok) out->num[k] = v;
  }
  if (ok) return true;
  if (opt->str) {
    int d = cx_error(c, opt->span, "'%s' must be %s, not %s", opt->name, r->range, opt->str);
    if (r->kind != TEXT) cx_diag_help(c, d, "write the number itself: options are read before anything is computed");
  } else cx_error(c, opt->span, "'%s' must be %s, not %g", opt->name, r->range, v);
  return false;
}

bool cx_options_read(cx_ctx *c, const cx_method *m, const cx_fit_opt *opt, int n, cx_options *out) {
  memset(out, 0, sizeof *out);
  for (int k = 0; k < O_COUNT; k++) out->num[k] = rows[k].def, out->span[k] = CX_NOSPAN;
  for (const cx_default *d = m->def; d->option || d->value; d++) out->num[d->option] = d->value;
  bool ok = true;
  for (int i = 0; i < n; i++) ok &= read_one(c, m, &opt[i], out);
  return ok;
}

bool cx_fit_check(cx_ctx *c, cx_arena *a, const char *method, cx_span span, const cx_fit_opt *opt, int nopt) {
  static const char *const later[] = {"kkt", "em", "laplace", "nuts", "hmc", "quadrature", "advi"};
  const cx_method *m = cx_method_find(method);
  if (m) {
    cx_options o;
    return cx_options_read(c, m, opt, nopt, &o);
  }
  const char *names[NMETHODS], *list = "", *near = NULL;
  bool coming = false;
  for (size_t k = 0; k < sizeof later / sizeof *later; k++) coming |= !strcmp(method, later[k]);
  for (int k = 0; k < NMETHODS; k++)
    names[k] = methods[k]->name, list = cx_format(a, "%s%s%s", list, k ? ", " : "", names[k]);
  int id =
      cx_error(c, span, coming ? "this version of calx cannot fit by `%s` yet" : "there is no method `%s`", method);
  if (!coming) near = cx_nearest(method, names, NMETHODS);
  if (near) cx_diag_help(c, id, "did you mean `%s`?", near);
  else cx_diag_help(c, id, "the methods are %s", list);
  return false;
}

const char *cx_option_text(cx_arena *a, const cx_options *o, int k) {
  if (rows[k].kind == TEXT) return o->str[k] ? o->str[k] : "";
  if (isnan(o->num[k])) return "";
  if (rows[k].kind == BOOL) return o->num[k] ? "true" : "false";
  return cx_format(a, "%.17g", o->num[k]);
}
