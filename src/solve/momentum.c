/* momentum.c - the heavy ball: b <- momentum b + g;  x <- x - rate b  (Polyak, USSR Comp. Math. 4, 1964), and
 * Nesterov's: x <- x - rate (g + momentum b)  (Nesterov, Soviet Math. Dokl. 27, 1983; this form: Sutskever, Martens,
 * Dahl, Hinton, ICML 2013). As torch.optim.SGD with dampening 0: the rate multiplies the whole of b. */
#include "solve/solver.h"

static const char *ball(const cx_options *o) { return o->num[O_nesterov] ? "nesterov" : "momentum"; }
static const char *ahead(const cx_options *o) { return (void)o, "nesterov"; }

const cx_method cx_method_momentum = {.name = "momentum",
                                      .help = "gradient descent with momentum",
                                      .bit = M_MOMENTUM,
                                      .def = {{O_rate, 0.01}, {O_momentum, 0.9}},
                                      .begin = cx_first_begin,
                                      .step = cx_first_step,
                                      .update = ball,
                                      .state = {"b"}};
const cx_method cx_method_nesterov = {.name = "nesterov",
                                      .help = "gradient descent with Nesterov's momentum",
                                      .bit = M_NESTEROV,
                                      .def = {{O_rate, 0.01}, {O_momentum, 0.9}},
                                      .begin = cx_first_begin,
                                      .step = cx_first_step,
                                      .update = ahead,
                                      .state = {"b"}};
