/* adam.c - m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2
 *          x <- x - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
 * Kingma & Ba, ICLR 2015, algorithm 1. adamw shrinks x by 1 - rate weight_decay first instead of adding
 * weight_decay x to g: Loshchilov & Hutter, ICLR 2019, algorithm 2. As torch.optim.Adam and AdamW. */
#include "solve/solver.h"

static const char *adam(const cx_options *o) { return (void)o, "adam"; }
static const char *adamw(const cx_options *o) { return (void)o, "adamw"; }

const cx_method cx_method_adam = {.name = "adam",
                                  .help = "steps by running mean and mean square of the gradient",
                                  .bit = M_ADAM,
                                  .def = {{O_rate, 1e-3}},
                                  .begin = cx_first_begin,
                                  .step = cx_first_step,
                                  .update = adam,
                                  .state = {"m", "v"}};
const cx_method cx_method_adamw = {.name = "adamw",
                                   .help = "adam with weight decay apart from the gradient",
                                   .bit = M_ADAMW,
                                   .def = {{O_rate, 1e-3}, {O_weight_decay, 1e-2}},
                                   .begin = cx_first_begin,
                                   .step = cx_first_step,
                                   .update = adamw,
                                   .state = {"m", "v"}};
