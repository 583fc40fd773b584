/* delta_int.h - private to delta.c and delta_terms.c. */
#ifndef CX_DELTA_INT_H
#define CX_DELTA_INT_H
#include "pass/eqs.h"

enum { TERMS = 16, CONDS = 16, PARTS = TERMS + 1 };

typedef struct {
  const cx_node *e;
  int64_t n;
} range; /* 0 <= e < n */
typedef struct {
  const cx_node *rest; /* what the conditions multiply */
  const cx_node *cond[CONDS];
  int ncond;
  range guard[CONDS];
  int nguard;
  uint32_t live;                 /* reduced slots that are still summed over */
  int64_t size[2 * CX_MAX_RANK]; /* of a slot, in this term */
  bool changed;
} term;

typedef struct {
  cx_graph *g;
  cx_eq *e;
  term t[TERMS];
  int n;
} delta;

enum { DEPTH = 40 };
/* is there an equality (or an inequality) on a reduced index where linearity can reach it */
bool cx_delta_reaches(const cx_graph *g, const cx_node *e, uint32_t mask);
/* Multiplies term at `from` by e, making further terms after d->n - 1 as sums are met; false: too many. The factors
 * still to be multiplied wait in a list, so that every term made meets them all. */
typedef struct wait {
  const cx_node *e;
  const struct wait *next;
} wait;
bool cx_delta_multiply(delta *d, term t, const cx_node *e, const wait *next, int depth);
#endif
