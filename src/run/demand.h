/* demand.h - parameters of distributions outside of their domain: the conditions that a model demands (elab_demand.c),
 * looked at where values are known. */
#ifndef CX_DEMAND_H
#define CX_DEMAND_H
#include "run/fn.h"

/* Those that data and numbers alone decide: each that fails is an error of the program, with its place and values. */
void cx_demands_of_data(const cx_model *m);
/* Those that params decide, at x: each that fails is an error at run time; or, where diag is one, a label of that. within:
 * of this part of the text alone, NULL: all. How many failed. */
int cx_demands_at(const cx_model *m, const cx_flat *p, const void *x, const cx_span *within, int diag);
#endif
