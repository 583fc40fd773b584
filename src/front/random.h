/* random.h - expect(x ~ d: e), prob, var and cov, inside: elab_random.c, elab_condition.c. */
#ifndef CX_RANDOM_H
#define CX_RANDOM_H
#include "front/dist.h"

typedef struct {
  const cx_ast *x;
  const cx_ast *order[256]; /* the variables, outermost first */
  int n;
  double tol, draws;    /* tol < 0: not asked for */
  const cx_ast *e, *e2; /* what is expected: e, (e - m)^2, (e - m)(e2 - m2), or 1 */
  cx_val m, m2;
  bool centred;
  bool divisor; /* of an integral over the same range: one as well where densities are reduced, by a rounded number */
  const cx_ast *const *condition[2]; /* all of which hold; NULL */
  cx_names *solved; /* of the last variable: what conditions that are affine in it say, by the condition */
  cx_names *met;    /* equalities that a variable around has been solved for */
} cx_random;

/* a comparison that bounds a variable: x < e, e <= x.. with e that does not read it */
typedef struct {
  const cx_ast *end;
  bool upper, strict, equal;
  cx_val at; /* the end, where it is known already; or, .. */
  bool free; /* the variable does not matter: whether the condition holds */
} cx_random_end;
/* what a condition has to do with a variable */
typedef enum { CX_OUTSIDE, CX_BOUNDS, CX_REMAINS } cx_role;
/* given x == e, of a continuous x, or what is affine in x: the density there, over |slope|, takes the integral's place.
 * No e: there is no such condition. */
typedef struct {
  cx_val x, slope; /* slope, no e: 1 */
} cx_root;

/* elab_condition.c */
cx_sym cx_random_name(cx_elab *E, const cx_ast *bind); /* what has its value once bind has: a random array */
void cx_random_order(cx_elab *E, cx_random *R);        /* in which the variables are taken, into R->order */
cx_role cx_random_role(cx_elab *E, const cx_random *R, const cx_ast *c, cx_sym name, cx_random_end *b);
/* the conditions of this role or a later one (CX_OUTSIDE: of that alone) about the variable, joined; no e: none */
cx_val cx_random_joined(cx_elab *E, const cx_random *R, cx_role take, cx_sym name);
/* the range that the conditions leave to the variable; first: 0 all of them, 1 what is given */
bool cx_random_narrow(cx_elab *E, const cx_random *R, int first, const cx_dist *d, cx_sym name, cx_val *lo, cx_val *hi,
                      bool *below, bool *above, bool *point);
cx_root cx_random_fixed(cx_elab *E, const cx_random *R, int at, cx_sym about);
/* what all logarithms of densities of this variable are reduced by; no e: nothing */
cx_val cx_random_shift(cx_elab *E, const cx_random *R, int at, const cx_dist *d, cx_sym name);
/* conditions that are affine in the last variable into R->solved; false: an error has been reported */
bool cx_random_solve(cx_elab *E, const cx_random *R, cx_sym about);
#endif
