/* prim_integral.c - the shapes of integrals; pass/integral.h says what they mean. None of them is evaluated as it
 * stands: the outline pass turns the first two into the third, and that one is the back end's. */
#include "ir/ir.h"

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

const cx_prim cx_prim_integral = {.name = "integral", .nargs = 5, .shape = integral_shape};
const cx_prim cx_prim_series = {.name = "series", .nargs = 5, .shape = integral_shape};
const cx_prim cx_prim_crossing = {.name = "crossing", .nargs = 6, .shape = crossing_shape};
const cx_prim cx_prim_quadrature = {.name = "quadrature", .nargs = -1};
