/* rmsprop.c - v <- beta2 v + (1 - beta2) g^2;  x <- x - rate g / (sqrt(v) + epsilon)
 * Tieleman & Hinton, Neural Networks for Machine Learning (2012), lecture 6.5. As torch.optim.RMSprop: epsilon outside
 * the root (optax has it inside), beta2 (torch: alpha) 0.99; with momentum b <- momentum b + the quotient,
 * x <- x - rate b. */
#include "solve/solver.h"

static const char *update(const cx_options *o) { return o->num[O_momentum] > 0 ? "heavy_rmsprop" : "rmsprop"; }

const cx_method cx_method_rmsprop = {.name = "rmsprop",
                                     .help = "rate divided by the running root mean square of the gradient",
                                     .bit = M_RMSPROP,
                                     .def = {{O_rate, 0.01}, {O_beta2, 0.99}},
                                     .begin = cx_first_begin,
                                     .step = cx_first_step,
                                     .update = update,
                                     .state = {"v", "b"}};
