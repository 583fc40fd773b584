/* ops.c - the op table, made from ops.def, and the names a program may use for its rows. */
#include "ir/ir.h"
#include "run/rng.h"
#include "run/special.h"
#include <math.h>
#include <string.h>

/* a row reads as many arguments as it has; the others are 0 and go unused */
#define OP(name, arity, value, derivative, facts)                                                                      \
  static double eval_##name(const double *a) {                                                                         \
    const double x = a[0], y = (arity) > 1 ? a[(arity) > 1 ? 1 : 0] : 0, z = (arity) > 2 ? a[(arity) > 2 ? 2 : 0] : 0; \
    (void)y, (void)z;                                                                                                  \
    return value;                                                                                                      \
  }
#include "ir/ops.def"
#undef OP

#define DIFF(...)   .diff = {__VA_ARGS__},
#define STEP        .diff = {"0", "0", "0"},
#define NODIFF(why) .nodiff = why,
#define OP(id, n, value, derivative, bits) \
  [OP_##id] = {.name = #id, .arity = (n), .eval = eval_##id, derivative.c = "(" #value ")", .facts = (bits)},
const cx_op_info cx_ops[OP_COUNT] = {
    [OP_none] = {.name = "none"},
    [OP_const] = {.name = "const"},
    [OP_index] = {.name = "index"},
    [OP_load] = {.name = "load"},
#include "ir/ops.def"
};

static const struct {
  const char *alias, *name;
} aliases[] = {
    {"ln", "log"},         {"fabs", "abs"},
    {"sgn", "sign"},       {"arcsin", "asin"},
    {"arccos", "acos"},    {"arctan", "atan"},
    {"arctan2", "atan2"},  {"arsinh", "asinh"},
    {"arcosh", "acosh"},   {"artanh", "atanh"},
    {"arcsinh", "asinh"},  {"arccosh", "acosh"},
    {"arctanh", "atanh"},  {"sigmoid", "logistic"},
    {"expit", "logistic"}, {"log1pexp", "softplus"},
    {"tgamma", "gamma"},   {"loggamma", "lgamma"},
    {"gammaln", "lgamma"}, {"psi", "digamma"},
    {"Phi", "norm_cdf"},   {"probit", "norm_quantile"},
    {"minimum", "min"},    {"maximum", "max"},
    {"fma", "muladd"},
};

int cx_op_find(const char *name, int nargs) {
  for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
    if (*name == *aliases[i].alias && !strcmp(name, aliases[i].alias)) {
      name = aliases[i].name;
      break;
    }
  for (int op = OP_load + 1; op < OP_COUNT; op++)
    if (cx_ops[op].arity == nargs && *name == *cx_ops[op].name && !strcmp(name, cx_ops[op].name)) return op;
  return OP_none;
}
