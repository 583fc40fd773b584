/* roots_int.h - private to roots.c, what stands in roots_*.c. */
#ifndef CX_ROOTS_INT_H
#define CX_ROOTS_INT_H
#include "back/integral_int.h"

#define STEEP 0.05 /* exp(u) is a peak at an end where it falls by more than exp(-10) over the range */
enum {
  COARSE = 64,
  GRID = 192,
  BODY_PLACES = 960,
  BODIES_MAX = 64,
  STEPS_MAX = 1 << 14,
  STEPS_FAR = 1 << 12,
  POINTS_MAX = 1 << 20,
  AT_ONCE = 1 << 15,
  ALIKE = 4
};

typedef struct {                     /* a root wanted: of u - level in [a, b] */
  double a, b, x, fa, level, size;   /* size: of u beside the root */
  int32_t instance, feature, column; /* column of u among the probe's outputs */
  double width;                      /* a peak of this width at x, and no root; 0: none */
  double span;                       /* of the bracket at first */
  double from; /* side != 0: of exp(integral of u), the distance in [a, b] from here on which it */
  int side;    /* falls, where u times the distance is 1; and the direction */
  double blur; /* so near u is rounding */
  double off;  /* not 0: the place is x + off, x an end or a singular point, by near graph `form` */
  int32_t form;
  bool slope;              /* of u' instead: its root is an extremum of u */
  bool done, touch, clear; /* clear: u has no root there after all */
} cx_bracket;
typedef cx_bracket bracket;

struct cx_search { /* kept between calls */
  const cx_quadrature *q;
  cx_quadrature_work *w;
  bracket *at;
  int64_t n, cap;
  double *x, *f;
  int32_t *id, *who; /* who: integrals to look at, and how many */
  int64_t room, nwho;
  double *line;             /* t = a x + b of each of who: a, b */
  int32_t body[BODIES_MAX]; /* infinite ranges to be looked at closer */
  int nbody;
  bool *shared; /* by feature: looked at for all of them at once */
  double near[2][GRID],
      out[2][GRID]; /* shares of a finite range, coarse and fine; distances from 0, GRID / 2 and GRID */
};
typedef struct cx_search search;

/* roots.c */
bool cx_search_space(search *s, int64_t n);
bool cx_search_evaluate(search *s, int64_t n);
bool cx_search_push(search *s, bracket b);
int cx_search_places(const double *t, int n, double most);
int cx_search_grid(const search *s, double lo, double hi, bool fine, double *x);
double cx_search_inside(double lo, double hi);
bool cx_search_read_ends(search *s, int n, const double *x, const double *u, const double *v, bracket b);
bool cx_search_passes(const cx_bracket *b, double u, double slope, double bend);
bool cx_search_gentle(const cx_quad_range *r, double most);
bool cx_search_read_grid(search *s, int n, const double *x, const double *u, const double *v, bracket b, bool *seen,
                         double *most);
bool cx_search_edge(search *s, bracket b, double end, double width);
void cx_search_wave(cx_quad_range *r, double most, bool steady);
/* roots_solved.c */
bool cx_search_solved(search *s);
/* roots_narrow.c */
bracket cx_search_falls(bracket b, double from, int side, double least, double most);
bool cx_search_width(search *s, bracket b);
bool cx_search_narrow(search *s);
/* roots_body.c: an infinite range once more, where its integrand is not negligible */
bool cx_search_body(search *s, int64_t j);
/* roots_near.c: those within rounding of an end or a singular point; s->at[0..n) are sorted, and are not
 * where *more is set */
bool cx_search_near(search *s, int64_t *n, bool *more);
/* roots_alike.c */
bool cx_search_alike(search *s, int k, bool *done);
#endif
