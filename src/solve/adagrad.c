/* adagrad.c - v <- v + g^2;  x <- x - rate g / (sqrt(v) + epsilon)
 * Duchi, Hazan & Singer, JMLR 12 (2011), the diagonal form. As torch.optim.Adagrad: epsilon 1e-10, v starts at 0. */
#include "solve/solver.h"

static const char *update(const cx_options *o) { return (void)o, "adagrad"; }

const cx_method cx_method_adagrad = {.name = "adagrad",
                                     .help = "rate divided by the root of all squared gradients so far",
                                     .bit = M_ADAGRAD,
                                     .def = {{O_rate, 0.01}, {O_epsilon, 1e-10}},
                                     .begin = cx_first_begin,
                                     .step = cx_first_step,
                                     .update = update,
                                     .state = {"v"}};
