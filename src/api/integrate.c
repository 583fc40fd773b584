/* integrate.c - the C API's integrals over arrays of parameters: the text becomes the body of a function of the
 * parameters, their arrays become params, and the function at all their elements is one equation:
 *
 *   param a[n], b[n]
 *   calx_f(a, b) = TEXT
 *   calx_v[calx_k] = calx_f(a[calx_k], b[calx_k]) */
#include <math.h>
#include <string.h>

#include "api/api.h"
#include "run/demand.h"
#include "base/ctx.h"
#include "quad/quad.h"
#include "run/integrals.h"

static bool is_name(const char *s) {
  if (!s || !*s || (*s >= '0' && *s <= '9')) return false;
  for (; *s; s++)
    if (!(*s == '_' || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') || *s & 0x80))
      return false;
  return true;
}

static const char *append(cx_arena *a, const char *so_far, const char *format, const char *name, int64_t n) {
  const char *more = n < 0 ? cx_format(a, format, name) : cx_format(a, format, name, (long long)n);
  return cx_format(a, "%s%s", so_far, more);
}

/* what stands around the text; its function has the body 0 */
static cx_ast *frame(cx_ctx *c, cx_arena *a, int nparam, const char *const *name, int64_t n) {
  const char *params = "", *head = "", *call = "";
  for (int k = 0; k < nparam; k++) {
    const char *comma = k ? ", " : "";
    params = append(a, params, "param %s[%lld]\n", name[k], n);
    head = append(a, append(a, head, "%s", comma, -1), "%s", name[k], -1);
    call = append(a, append(a, call, "%s", comma, -1), "%s[calx_k]", name[k], -1);
  }
  const char *text =
      nparam ? cx_format(a, "%scalx_f(%s) = 0\ncalx_v[calx_k] = calx_f(%s)\nprint calx_v\n", params, head, call)
             : "calx_v = 0\nprint calx_v\n";
  return cx_parse(c, a, cx_api_source(c, "parameters", text, SIZE_MAX));
}

static cx_model *model_of(cx_ctx *c, cx_arena *a, const char *text, size_t length, int nparam, const char *const *name,
                          int64_t n) {
  for (int k = 0; k < nparam; k++)
    if (!is_name(name[k]))
      cx_api_misuse(c, "letters, digits and _", "the name of parameter %d is no name: `%s`", k,
                    name[k] ? name[k] : "(NULL)");
  int32_t file = cx_api_source(c, "integral", text, length);
  cx_ast *own = cx_parse_console(c, a, file);
  if (cx_error_count(c)) cx_throw(c, CX_E_PROGRAM);
  cx_ast *last = own->nkid ? own->kid[own->nkid - 1] : NULL;
  bool fits = last && last->kind == S_PRINT && last->nkid == 1 && last->kid[0]->kind != A_STR;
  for (int k = 0; k + 1 < own->nkid && fits; k++) {
    cx_ast_kind s = own->kid[k]->kind;
    fits = s == S_DEF || s == S_DEF_INDEX || s == S_DEF_FUN || s == S_DISTRIBUTION;
  }
  if (!fits)
    cx_api_misuse(c, "for example: integral(x in 0..1: exp(-a * x))",
                  "one expression is needed, with or without definitions on lines before it");
  cx_ast *around = frame(c, a, nparam, name, n), *all = CX_NEW(a, cx_ast);
  if (cx_error_count(c)) cx_throw(c, CX_E_PROGRAM);
  *all = *around;
  all->kid = CX_NEW_N(a, cx_ast *, around->nkid + own->nkid + 1);
  all->nkid = 0;
  for (int k = 0; k + 1 < own->nkid; k++) all->kid[all->nkid++] = own->kid[k];
  for (int k = 0; k < around->nkid; k++) {
    cx_ast *s = around->kid[k];
    if (s->kind == (nparam ? S_DEF_FUN : S_DEF)) s->kid[0] = last->kid[0];
    all->kid[all->nkid++] = s;
  }
  cx_program *p = cx_program_of(c, a, all, file, NULL);
  cx_elab_opt o = {.seed = 1};
  cx_model *m = cx_elaborate(p, a, p->decl, p->ndecl, &o);
  if (!m) cx_throw(c, CX_E_PROGRAM);
  cx_demands_of_data(m);
  if (cx_error_count(c)) cx_throw(c, CX_E_PROGRAM);
  return m;
}

/* values, errors and what became of each; the worst status */
static cx_integral_summary run(cx_ctx *c, cx_arena *a, const cx_model *m, int nparam, const double *const *array,
                               int64_t n, double *value, cx_integral_place *at) {
  const cx_query *asked = &m->action[m->naction - 1].query[0];
  if (asked->eq == CX_NO_EQ) cx_api_misuse(c, NULL, "the text has no value");
  cx_fn *f = cx_fn_new(m, a, &asked->eq, 1, c->threads);
  int64_t size = f->out_n[0], want = nparam ? n : 1;
  if (size != want || m->graph->eq[asked->eq]->rank != (nparam ? 1 : 0))
    cx_api_misuse(c, "its value must be one number, as that of sum(..) or of an element v[0]",
                  "the text is an array for each set of parameters");
  cx_flat flat = cx_flat_new(m, a, m->nparam);
  cx_work *w = cx_work_new(a, f->exec);
  double *x = CX_NEW_N(a, double, nparam *n + 1);
  for (int k = 0; k < nparam; k++) memcpy(x + k * n, array[k], (size_t)n * sizeof *x);
  const char *why = NULL;
  void *to = value;
  if (cx_fn_at(f, w, &flat, x, &to, &why)) {
    cx_diag(c, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s", why);
    cx_throw(c, CX_E_RUNTIME);
  }
  for (int64_t k = want; k < n; k++) value[k] = value[0];
  cx_work_integral_places(f->exec, w, n, at);
  return cx_sum_up_integrals(c, f->exec, w, a, NAN);
}

static calx_integral_state state_of(int status, double value) {
  switch (status) {
    case QUAD_OK: return isnan(value) ? CALX_INTEGRAL_NAN : isinf(value) ? CALX_INTEGRAL_DIVERGES : CALX_INTEGRAL_OK;
    case QUAD_ROUNDOFF: return CALX_INTEGRAL_ROUNDOFF;
    case QUAD_DIVERGES: return CALX_INTEGRAL_DIVERGES;
    case QUAD_NAN: return CALX_INTEGRAL_NAN;
    default: return CALX_INTEGRAL_TOLERANCE;
  }
}

static double error_of(const cx_integral_place *p, calx_integral_state s, double value) {
  if (s == CALX_INTEGRAL_NAN || s == CALX_INTEGRAL_DIVERGES) return INFINITY;
  if (p->n == 1 && p->value == value) return p->error; /* the value is the integral itself */
  return p->relative > 0 ? p->relative * fabs(value) : 0;
}

static calx_integral_report integrate(cx_ctx *c, cx_arena *a, const char *text, size_t length, int nparam,
                                      const char *const *name, const double *const *array, int64_t n, double *value,
                                      double *error, calx_integral_state *state) {
  calx_integral_report r = {.worst = -1};
  if (n < 0 || nparam < 0) cx_api_misuse(c, NULL, "the number of parameters or of integrals is negative");
  if (n && !value) cx_api_misuse(c, NULL, "there is no array for the values");
  if (nparam && !name) cx_api_misuse(c, NULL, "the parameters have no names");
  const cx_model *m = model_of(c, a, text, length, nparam, name, n ? n : 1);
  for (int k = 0; k < nparam && n; k++)
    if (!array || !array[k]) cx_api_misuse(c, NULL, "no array is given for parameter `%s`", name[k]);
  if (cx_error_count(c)) cx_throw(c, cx_diag_status(c));
  if (!n) return r;
  cx_integral_place *at = CX_NEW_N(a, cx_integral_place, n);
  r.evaluations = run(c, a, m, nparam, array, n, value, at).evaluations;
  for (int64_t k = 0; k < n; k++) {
    calx_integral_state s = state_of(at[k].status, value[k]);
    double e = error_of(&at[k], s, value[k]), relative = isinf(e) ? e : e / fabs(value[k]);
    if (error) error[k] = e;
    if (state) state[k] = s;
    if (s == CALX_INTEGRAL_OK) continue;
    if (!r.missed++ || relative > r.worst_error) r.worst = k, r.worst_error = relative;
  }
  return r;
}

calx_status calx_integrate(calx_ctx *c, const char *text, size_t length, int nparam, const char *const *name,
                           const double *const *array, int64_t n, double *value, double *error,
                           calx_integral_state *state, calx_integral_report *report) {
  if (report) *report = (calx_integral_report){.worst = -1};
  API_TRY(c) {
    cx_arena *a = cx_arena_new(c);
    calx_integral_report r = integrate(c, a, text, length, nparam, name, array, n, value, error, state);
    CX_END(c, api_frame); /* that an integral diverges is noted as an error, and yet all is filled in */
    cx_arena_free(a);
    if (report) *report = r;
    return r.missed ? CALX_E_CONVERGENCE : CALX_OK;
  }
  return cx_api_failed(c, api_frame.status);
}
