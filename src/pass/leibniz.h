/* leibniz.h - private to diff_integral.c (the derivative of an integral), jump.c (its jumps) and edge.c (what moves in an
 * integral around). */
#ifndef CX_LEIBNIZ_H
#define CX_LEIBNIZ_H
#include "pass/diff.h"
#include "pass/eqs.h"
#include "pass/integral.h"

typedef struct { /* something the integrand reads from outside: an array at a place that depends on the instance */
  uint32_t of, leaf;
  const cx_node *bound[CX_MAX_RANK];
  int nbound;
} cx_local;

typedef struct { /* one integral being differentiated */
  cx_graph *g;
  const uint8_t *mark; /* what depends on the leaves */
  const uint32_t *wrt; /* these */
  int nwrt;
  int marked;
  cx_eq *I;
  uint32_t x;
  int r0, nc; /* dimensions: instances, components */
  CX_VEC(cx_local) local;
  cx_opened *o;
  /* its integrand f[i.., k, c..] over (instances, node), reading local copies of what is active: equations first..last-1 */
  uint32_t f;
  int first, last;
  const uint32_t *velocity; /* by local: V[i.., k, rest..], how fast x is to move with it; UINT32_MAX: not at all */
  bool stretch;       /* x moves with the ends: its integrand reads what it and they depend on, down to the bottom */
  const bool *cyclic; /* by equation, where stretch is set */
  uint32_t end[2];    /* then: the ends over (instances, node), reading local copies as well */
  struct cx_points *points; /* singular.c: singular points that stand still in coordinates that move so, or NULL */
} cx_leibniz;

/* of calx's own making, `_7`: nobody can differentiate by it */
static inline bool cx_unnamed(const cx_eq *e) { return e->name[0] == '_' && e->name[1] >= '0' && e->name[1] <= '9'; }
/* value[i.., k, c.., q..] as an integrand[i.., c.., q.., k]; r: the number of the i */
uint32_t cx_leibniz_integrand(cx_leibniz *p, uint32_t value, int r);
uint32_t cx_leibniz_bind(cx_leibniz *p, const cx_prim *prim, uint32_t f, const uint32_t *ends, uint32_t g_or_tol,
                         uint32_t period);
/* the dimension d as the next one of e */
void cx_leibniz_dim(const cx_leibniz *p, cx_eq *e, cx_dim d);
bool cx_is_zero(const cx_graph *g, uint32_t eq);

/* sum and, for every jump of f that moves, J0 (a - a0) */
const cx_node *cx_leibniz_jumps(cx_leibniz *p, const cx_node *sum);
/* sum and J0[i.., extra.., c.., rest..] (a - a0), J over these dimensions of which m are extra */
const cx_node *cx_leibniz_term(cx_leibniz *p, const cx_node *sum, const cx_local *l, uint32_t J, int m);
/* a cx_rewrite_fn: equations opened, the square of a root its radicand. Where an end is a root, what vanishes there is 0
 * then, and not its rounding. A number with a name stays: it is what one may differentiate by. user: */
typedef struct {
  const uint32_t *only; /* two, which alone are opened; NULL: all */
  const uint32_t *but;  /* these are not */
  int nbut;
} cx_opening;
const cx_node *cx_unrooted(void *user, cx_graph *g, const cx_node *n);
/* e = c[0] + c[1] y + c[2] y^2 over the dimensions of shape (edge.c); cx_degree tells that it is */
void cx_polynomial(cx_graph *g, uint32_t y, const cx_eq *shape, const cx_node *e, int degree, const cx_node **c);
/* `of` with conditions of integrals over three variables and more as their ends, where they can be (ends.c) */
uint32_t cx_conditions_to_ends(cx_graph *g, uint32_t of, const uint32_t *leaf, int n);
/* where an end of I is a root of u, over (instances, node), whatever the values are: a condition; NULL: nowhere (edge.c) */
const cx_node *cx_leibniz_ends_at(cx_leibniz *p, uint32_t u, int side);
bool cx_vanishes(cx_graph *g, const cx_node *e, cx_opening how); /* wherever it is a number */
/* Is the integrand singular at an end that moves? The integral of its derivative and what the end gives are then infinite,
 * and only together a number: x has to move with its ends (edge.c). */
bool cx_leibniz_stretches(cx_leibniz *p);
/* The velocity field of x for each local, NULL when nothing needs one: see edge.c. */
const uint32_t *cx_leibniz_follow(cx_leibniz *p);
/* singular.c: the velocities in which singular points that move stand still; false: there are none. Ends may be among
 * them, and roots of conditions: these give no terms. */
bool cx_leibniz_hold(cx_leibniz *p, uint32_t *velocity);
bool cx_leibniz_held(const cx_leibniz *p, const cx_node *u);
const cx_node *cx_leibniz_held_end(const cx_leibniz *p, int side); /* where: a condition, or NULL */
/* the derivative under the sign by a local that x moves with: df/da + V df/dx + f dV/dx */
uint32_t cx_leibniz_carried(cx_leibniz *p, int q);
/* sum, and what leaves through an end where V is not 0; f: the integrand there */
const cx_node *cx_leibniz_drift(cx_leibniz *p, int side, uint32_t f, const cx_node *sum);
#endif
