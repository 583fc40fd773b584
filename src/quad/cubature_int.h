/* cubature_int.h - what the parts of cubature share: the integrand seen through a map of the unit cube, and the
 * methods that integrate there. */
#ifndef CX_CUBATURE_INT_H
#define CX_CUBATURE_INT_H
#include "quad/cubature.h"

enum { CUB_BATCH = 1024, CUB_MAX_PARTS = 8, CUB_MAPS = 4 };

typedef struct {
  const cx_cubature *q;
  cx_arena *arena;
  int d, nc;
  double lo[CX_CUBATURE_MAX_DIM], hi[CX_CUBATURE_MAX_DIM];    /* ascending */
  double near[CX_CUBATURE_MAX_DIM], far[CX_CUBATURE_MAX_DIM]; /* the scout found all it found between these */
  double tol, deadline;
  int64_t evals, max_eval, nans, infs;
  double *level;                     /* [nc] the first value */
  bool varied;                       /* there was another one */
  cx_quad_status stop;               /* QUAD_OK while going on */
  double *u, *x, *y, *f, *jac, *den; /* buffers of a batch */
  double *seen, *seen_f;             /* [d][nseen], |f|: where the scout found mass */
  int64_t nseen;
} cub;

/* ---- maps: cubature_map.c ---- */
typedef struct {
  double weight;
  bool light, plain; /* Gaussian instead of t; the box itself: no correlation */
  double mu[CX_CUBATURE_MAX_DIM];
  double *chol; /* [d][d] lower; a diagonal entry 0: that variable is uniform over its (finite) range */
} cub_part;
typedef struct {
  int n;
  cub_part part[CUB_MAX_PARTS];
} cub_map;
/* How the unit cube is bent before the map: CUB_TENT folds it (periodic integrand), CUB_S2 and CUB_S3 are the
 * polynomials with 1 and 2 vanishing derivatives at the ends. */
typedef enum { CUB_FLAT, CUB_TENT, CUB_S2, CUB_S3 } cub_bend;

/* g[c][k] = integrand over the cube at v[i][k] (rows n apart); false: stopped, see b->stop */
bool cub_sample(cub *b, const cub_map *m, cub_bend bend, int64_t n, const double *v, double *g);
/* One batch (n <= CUB_BATCH) of points of part k of m for u[i][n]: x[i][n] and the density of the whole mixture there.
 * Returns false when stopped by the integrand. f: [nc][n]. */
bool cub_draw(cub *b, const cub_map *m, int k, int64_t n, const double *u, double *x, double *den, double *f);
/* v and g = |f| / density / bend of points x[i][n] through a map of one part: the way back */
void cub_locate(const cub *b, const cub_map *m, cub_bend bend, int64_t n, const double *x, const double *f, double *v,
                double *g);
double cub_target(const cub *b, int c, double value, double absolute); /* absolute error asked of component c */

/* ---- scout: cubature_scout.c ---- */
typedef struct {
  cub_map map[CUB_MAPS];   /* best first */
  double spread[CUB_MAPS]; /* relative variance of the integrand through it, times its cost */
  int n;
  cub_map aside[2]; /* the plain map, wider and off centre on infinite ranges: a witness with other nodes */
  double *guess;    /* [nc] integrals of |f_c|, roughly */
} cub_scout;
void cub_look(cub *b, cub_scout *s);

/* ---- lattice: the generating vector and shifts ---- */
extern const uint32_t cub_lattice_z[CX_CUBATURE_MAX_DIM]; /* embedded, up to 2^24 points */
double cub_random(uint64_t *state);                       /* uniform in (0, 1) */

/* ---- methods ---- */
typedef struct cub_method {
  const char *name;
  const cub_map *map;
  cub_bend bend;
  int kind;
  double *value, *error, *absolute; /* [nc] */
  double ratio, goal;               /* worst error / asked, and where to stop */
  int64_t used, next;               /* nodes spent; least cost of the next step */
  bool smooth, statistical, jumps;  /* trusts in smoothness; error from independent shifts; met jumps */
  bool varied;                      /* met more than one value */
  bool stuck, sworn, broken;        /* can not go on; said it is done; moved further than it had said */
  double *oath;                     /* value and error when it first said so */
  void (*advance)(cub *b, struct cub_method *m, int64_t budget); /* about `budget` nodes more */
  void *self;
} cub_method;
void cub_cells(cub *b, cub_method *m, const cub_map *map, cub_bend bend, uint64_t seed);
void cub_lattice(cub *b, cub_method *m, const cub_map *map, cub_bend bend, uint64_t seed);
void cub_sparse(cub *b, cub_method *m, const cub_map *map, cub_bend bend);
void cub_lines(cub *b, cub_method *m, const cub_map *map, cub_bend bend, const double *guess);
void cub_rate(cub *b, cub_method *m); /* ratio from value, error, absolute */
#endif
