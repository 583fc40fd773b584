/* prim_integral.c - the shapes of integrals; pass/integral.h says what they mean. None of them is evaluated as it
 * stands: the outline pass turns the first two into the third, and that one is the back end's. */
#include "pass/integral.h"

static bool same_dims(const cx_eq *x, const cx_eq *y, int n) {
  for (int k = 0; k < n; k++)
    if (x->dim[k].n != y->dim[k].n) return false;
  return true;
}

/* f, x, lo, hi and what tells more */
static bool bound(const cx_eq *const *arg, cx_eq *out, const char **why) {
  const cx_eq *f = arg[0], *x = arg[1], *lo = arg[2], *hi = arg[3];
  if (x->kind != EQ_INPUT || !x->node || x->rank != 1) *why = "its variable is no node input";
  else if (f->rank < 1 || f->dim[f->rank - 1].n != x->dim[0].n)
    *why = "the integrand has no dimension for the variable";
  else if (lo->rank != hi->rank || !same_dims(lo, hi, lo->rank)) *why = "its ends differ in shape";
  else if (lo->rank >= f->rank || !same_dims(lo, f, lo->rank)) *why = "its ends do not have the integrand's dimensions";
  else {
    out->rank = (uint8_t)(f->rank - 1);
    for (int k = 0; k < out->rank; k++) out->dim[k] = f->dim[k];
    return true;
  }
  return false;
}
static bool integral_shape(const cx_eq *const *arg, cx_eq *out, const char **why) {
  *why = "the tolerance is one number";
  return arg[4]->rank == 0 && bound(arg, out, why);
}
static bool crossing_shape(const cx_eq *const *arg, cx_eq *out, const char **why) {
  const cx_eq *lo = arg[2], *g = arg[4];
  *why = "the function that crosses has other dimensions than the ends";
  return arg[5]->rank == 0 && g->rank == lo->rank + 1 && same_dims(lo, g, lo->rank) && bound(arg, out, why);
}

/* what a quadrature integrates, and the functions whose roots (steps, peaks) are looked for before */
static char *note(const cx_eq *e, cx_arena *a) {
  static const char *const kind[] = {"break", "step", "singular", "peak", "edge", "summit", "wave"};
  const cx_integrand *in = e->integrand;
  if (!in) return cx_strdup(a, "", 0);
  cx_buf b = {.arena = a};
  char tol[32];
  if (in->crossing) cx_puts(&b, "sum over the places of the feature, of\n");
  else
    cx_putf(&b, "%s over %s, tol = %s, of\n", in->series ? "series" : "integral",
            in->dim > 1 ? cx_format(a, "the first %d inputs", in->dim) : in->value->eq[0]->name,
            cx_show_double(tol, in->tol));
  cx_puts(&b, cx_graph_text(in->value, a));
  for (int k = 0; k < in->nfeature; k++) cx_putf(&b, "%s%s", k ? ", " : "features: ", kind[in->feature[k].kind]);
  if (in->nfeature)
    cx_putf(&b, " of\n%s", cx_graph_text(cx_extract(in->probe, a, in->probe->out, in->nfeature, NULL), a));
  return b.at;
}

const cx_prim cx_prim_integral = {.name = "integral", .nargs = 5, .shape = integral_shape};
const cx_prim cx_prim_series = {.name = "series", .nargs = 5, .shape = integral_shape};
const cx_prim cx_prim_crossing = {.name = "crossing", .nargs = 6, .shape = crossing_shape};
const cx_prim cx_prim_quadrature = {.name = "quadrature", .nargs = -1, .note = note};
