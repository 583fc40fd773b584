/* integral_int.h - private to integral.c, integrand.c, roots.c and what they call. */
#ifndef CX_INTEGRAL_INT_H
#define CX_INTEGRAL_INT_H
#include "back/integral.h"
#include "pass/integral.h"

/* one graph of an integrand, compiled, and its buffers */
typedef struct {
  const cx_graph *g;
  cx_exec *exec; /* NULL: by the oracle */
  int nin, nout;
  bool index[CX_MAX_RANK]; /* the number of the integral is read along this dimension */
  int64_t *count;          /* columns a node of each output */
  int64_t total;
} cx_batch;
typedef struct { /* of a graph, at the same places for many integrals */
  cx_batch fixed, rest;
} cx_batch_halves;
typedef struct {
  cx_work *work;
  const void **in;
  void **out;
  double **buffer; /* of the outputs */
  double *node;    /* x, index.., tail.., arrays by instance: in->nodes each */
} cx_batch_work;
typedef struct {
  cx_batch_work fixed, rest;
  double *places, *values; /* x and what is fixed, laid out for as many integrals as go at once; what is fixed */
} cx_halves_work;

struct cx_quadrature {
  cx_ctx *ctx;
  const cx_integrand *in;
  volatile sig_atomic_t *stop;
  cx_batch value, probe, size, scaled, far[2]; /* the last four: by the oracle */
  cx_batch_halves value_halves, probe_halves;
  cx_batch *near, *near_probe; /* by feature, and one more */
  bool nearby;                 /* there are some */
};
struct cx_quadrature_work {
  cx_batch_work value, probe, size, scaled, far[2], *near, *near_probe;
  bool beside; /* points are known by their distance from an end */
  cx_halves_work value_halves, probe_halves;
  cx_quad_work *quad;
  const double *const *arg; /* of the call at hand */
  const char *why;
  double *at; /* nodes sorted by form: places, distances, ..; their values */
  int32_t *pick;
  int64_t cap_place;
  int ncomp;
  const double *result;  /* of the last call */
  double largest, worst; /* integrals inside: of |f| and of |f| times their relative error over all nodes */
  int64_t inner;         /* their nodes */
  cx_quad_range *range;
  bool *partial;        /* of many points like them only some are known, perhaps */
  cx_quad_point *point; /* of all instances, one after the other */
  struct cx_near {
    int32_t feature;          /* -1: none */
    double slope, bend, blur; /* blur: of a break, what its rounding was seen to be */
    double base;              /* of u: 0 but at the top of a parabola that stays off 0 */
  } * root;                   /* beside each point */
  int64_t npoint, cap_point;
  struct cx_search *search; /* of roots.c */
  int64_t begin, end;       /* those at hand, whose points are known */
  int64_t instances, most;  /* to compute, of so many */
  int64_t idle;             /* so many had no length in the last call, and their reports say so */
  double *error;
  cx_quad_report *report;
  cx_integral_report total;
};

/* integrand.c: a graph of the integrand, none where it is NULL; oracle: not compiled */
void cx_batch_new(cx_arena *a, cx_batch *b, const cx_integrand *in, const cx_graph *g, bool oracle);
void cx_batch_work_new(cx_arena *a, cx_batch_work *w, const cx_batch *b, const cx_integrand *in);
void cx_halves_new(cx_arena *a, cx_batch_halves *h, const cx_integrand *in, const cx_halves *of, bool oracle);
void cx_halves_work_new(cx_arena *a, cx_halves_work *w, const cx_batch_halves *h, const cx_integrand *in);

/* outputs at n nodes x[0..dim-1][n]; f[c * n + k]. instance: NULL where none of its numbers is read. tail: values of the inputs behind env at the nodes, [ntail][n] */
int cx_batch_run(const cx_quadrature *q, const cx_batch *b, cx_batch_work *w, cx_quadrature_work *all,
                 const double *const *x, const double *const *tail, int ntail, int64_t n, const int32_t *instance,
                 double *f);

/* the same at n places x for each of the integrals instance[0..m-1]: f[c * m * n + j * n + k] */
int cx_batch_run_same(const cx_quadrature *q, bool probe, cx_quadrature_work *w, int64_t n, const double *x, int64_t m,
                      const int32_t *instance, double *f);

/* roots.c: where the features are, for every instance: w->point and the points of w->range. 0, or 1 with w->why */
int cx_find_points(const cx_quadrature *q, cx_quadrature_work *w);
void cx_search_free(struct cx_search *s);
/* box.c: over a box of several variables */
int cx_box_run(const cx_quadrature *q, cx_quadrature_work *w, double *result);
/* series.c: the sums of a series, values and errors as cx_quad_run gives them */
int cx_series_run(const cx_quadrature *q, cx_quadrature_work *w, double *result);
bool cx_add_point(cx_quadrature_work *w, cx_quad_point p, struct cx_near root);
#endif
