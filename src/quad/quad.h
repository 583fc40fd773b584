/* quad.h - one-dimensional adaptive quadrature over batches of nodes. Knows nothing of equations: the caller gives
 * the integrand as one function over many nodes at once (SIMD inside), and what it knows of its structure.
 *
 *   value[j][c] = integral from lo[j] to hi[j] of f_c(j, x) dx,     j: instance, c: component
 *
 * All components of an instance share one mesh; instances are refined side by side, so that a batch of nodes is full
 * even when each integral needs few. */
#ifndef CX_QUAD_H
#define CX_QUAD_H
#include "base/base.h"

#include <signal.h>

typedef enum {
  QUAD_OK,        /* every component meets its tolerance */
  QUAD_ROUNDOFF,  /* exact to rounding of the integrand, but cancellation leaves fewer digits than asked */
  QUAD_TOLERANCE, /* budget or resolution spent before the tolerance */
  QUAD_DIVERGES,
  QUAD_NAN,     /* the integrand is NaN (or infinite inside) on more than isolated points */
  QUAD_STOPPED, /* the caller's stop flag */
  QUAD_FAILED   /* eval returned non-zero */
} cx_quad_status;

typedef enum {
  QP_BREAK, /* jump or kink at exactly x: a panel must end there. Within `width` of it the integrand's rounding may take
                  it for either side, and is not asked */
  QP_SINGULAR, /* may be infinite (or have infinite derivatives) at x: a panel must end there, and be treated as
                  singular at that end */
  QP_PEAK      /* something of width about `width` happens near x: a mesh that steps over it is wrong */
} cx_quad_point_kind;
typedef struct {
  double x, width;
  cx_quad_point_kind kind;
  double off; /* not 0: the place is x + off, where x is an end or a singular point, and x + off may round to it */
} cx_quad_point;

typedef struct {
  double lo, hi;              /* any order, -inf and inf allowed; equal: 0; NaN: QUAD_NAN */
  const cx_quad_point *point; /* ascending in x; those outside lo..hi are ignored */
  int npoint;
  double frequency; /* > 0: angular frequency of an oscillation known not to decay quickly; 0: none known */
  bool complete;    /* the points are all there is: no feature hides elsewhere. false: the mesh is laid closer, and what
                       is nought everywhere is searched and then doubted */
} cx_quad_range;

typedef struct {
  int ncomp;
  const double *scale; /* ncomp of them or NULL; component c is a derivative when scale[c] > 0: its tolerance is
                          absolute, tol * scale[c] * integral of |f_c| (one budget with the value), else relative */
  double tol;          /* relative, default 1e-10 */
  int64_t max_eval;    /* nodes per instance, 0: a default of 2e6 */
  double seconds;      /* 0: no limit */
  double blur;         /* nearer to an end than this share of its panel f may be noise, where it must know x alone */
  void *user;
  /* f[c * n + k] = f_c at node k of instance[k]. side 0: x = t[k] (at[k] is not set); side -1: x = at[k] + t[k]; side +1:
   * x = at[k] - t[k], with t[k] > 0 exact, so that what vanishes at at[k] does not cancel: a finite end, a break or a
   * singular point, given or discovered. Ends and points themselves are never evaluated. Non-zero: stop. */
  int (*eval)(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t, double *f);
  /* may be NULL. The same at the same n places for each of m instances: f[c * m * n + j * n + k]; at is one number */
  int (*eval_same)(void *user, int side, int64_t n, double at, const double *t, int64_t m, const int32_t *instance,
                   double *f);
  /* where far[away]: f exp(u) at x = at + dir exp(u), however far beyond the numbers that is */
  int (*eval_far)(void *user, bool away, int64_t n, const int32_t *instance, const double *at, const double *dir,
                  const double *u, double *f);
  bool far[2];
  int32_t first; /* number of the first instance, for eval */
  bool more;     /* the last call goes on, with its clock and what it learnt */
  bool nearby;   /* eval knows more than x where side is not 0, eval_same does not */
  volatile sig_atomic_t *stop;
} cx_quad;

typedef struct {
  double error; /* worst absolute error estimate over components, relative to what was asked (<= 1: met) */
  int64_t evaluations;
  cx_quad_status status;
  double where; /* x of the trouble (NaN, divergence), NaN when none */
} cx_quad_report;

typedef struct cx_quad_work cx_quad_work; /* meshes and buffers, grown as needed, kept between calls; one a thread */
cx_quad_work *cx_quad_work_new(void);     /* NULL: out of memory */
void cx_quad_work_free(cx_quad_work *w);
/* value, error: [ninst][ncomp]; report: [ninst]. Returns the worst status. Deterministic. */
cx_quad_status cx_quad_run(const cx_quad *q, cx_quad_work *w, int64_t ninst, const cx_quad_range *range, double *value,
                           double *error, cx_quad_report *report);
#endif
