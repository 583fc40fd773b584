/* sgd.c - steps against the gradient: x <- x - rate (g + weight_decay x).
 *
 * gradient_descent uses the whole objective (Cauchy, C. R. Acad. Sci. Paris 25, 1847); sgd that of a batch of rows
 * (Robbins & Monro, Ann. Math. Stat. 22, 1951), and, with momentum or nesterov, is torch.optim.SGD. */
#include "solve/solver.h"

static const char *plain(const cx_options *o) { return (void)o, "sgd"; }

static const char *sgd(const cx_options *o) {
  return !(o->num[O_momentum] > 0) ? "sgd" : o->num[O_nesterov] ? "nesterov" : "momentum";
}

const cx_method cx_method_gradient_descent = {.name = "gradient_descent",
                                              .help = "steps against the gradient of the whole objective",
                                              .bit = M_GRADIENT_DESCENT,
                                              .def = {{O_rate, 0.01}, {O_tolerance, 1e-8}},
                                              .begin = cx_first_begin,
                                              .step = cx_first_step,
                                              .update = plain};
const cx_method cx_method_sgd = {.name = "sgd",
                                 .help = "stochastic gradient descent",
                                 .bit = M_SGD,
                                 .def = {{O_rate, 0.01}},
                                 .begin = cx_first_begin,
                                 .step = cx_first_step,
                                 .update = sgd,
                                 .state = {"b"}};
