/* quad_int.h - what the files of this folder share. An instance is cut into pieces at its points; every piece maps a
 * coordinate s to x, and carries panels in s. Where the integrand is singular or the range infinite, s is the logarithm
 * of the distance: powers and logarithms become exponentials, polynomials times them stay smooth, and the upper end of s
 * is where the integrand must have died away. Beyond s = CX_QUAD_FAR, where numbers have not yet come to their end, the
 * logarithm grows as an exponential of s, if the integrand can be asked by that. */
#ifndef CX_QUAD_INT_H
#define CX_QUAD_INT_H
#include "quad/quad.h"
#include "quad/rule.h"

enum { CX_QUAD_BATCH = 21 }; /* panels a batch: 504 nodes */
enum { CX_QUAD_FAR = 60 };

typedef enum {
  MAP_LINE,   /* x = s */
  MAP_TOWARD, /* x = p + dir scale exp(-s): to the singular point p */
  MAP_AWAY,   /* x = p + dir scale exp(s): from the singular point p to infinity */
  MAP_OUT,    /* x = p + dir scale (exp(s) - 1): from the regular point p to infinity */
  MAP_FAR,    /* x = p + dir s: an oscillating tail to infinity */
  MAP_NEAR    /* x = p + dir scale / s: an oscillating tail to p */
} cx_quad_map;

typedef struct {
  double p, scale; /* scale < 0 never */
  cx_quad_map map;
  int8_t dir;    /* of x as s grows from p (TOWARD: of x - p) */
  bool anchored; /* evaluate at p and distance (side -dir), else at x */
  bool soft;     /* LINE: more is to be expected, the mesh is laid closer */
  bool closed;   /* TOWARD: it ends at `end`, where another one goes on */
  int edge;      /* panels reach to edge number `edge` of the map's table; -1 for LINE */
  bool done;     /* no panel further out will be needed */
  bool tame;     /* its oscillation, if any, comes to rest */
  double end;    /* largest s of use */
  double far;    /* from this s on the integrand is asked by the logarithm u of the distance; INFINITY: never */
  double lo, hi; /* LINE: s from lo to hi */
  bool lo_plain, hi_plain; /* LINE: that end is a regular end, and may prove singular */
  double from, to;         /* LINE: where the integrand may be asked: all but the width of the breaks at its ends */
} cx_quad_piece;

enum { LEAF_PENDING = 1, LEAF_FINAL = 2 /* never split */, LEAF_CUT = 4 /* jumps at its lower end */, LEAF_NOISE = 8 };
typedef struct {
  double a, b;
  double worst; /* its error over its tolerance, worst component: set by judging */
  double ratio, decay, noise, waves;
  double bad_x;
  int32_t piece, prev, next;
  int16_t depth, stuck, lo_depth, hi_depth;
  int8_t bad; /* nodes that were NaN or infinite, of the worst component */
  bool nan;   /* some were NaN */
  uint8_t flag;
} cx_quad_leaf;
/* leaf_data[(leaf * ncomp + c) * LEAF_SLOTS + .]: the panel's sums; the interpolant's values at its ends and their
 * error; the error where they disagree with the neighbour's; error by rounding of the nodes */
enum { VALUE, ABS, ERROR, REST, LEFT, RIGHT, LEVEL, SEAM, ROUND, LEAF_SLOTS };

typedef struct {
  double lo, hi, sign;
  const cx_quad_range *range;
  int64_t evaluations;
  int32_t index; /* the caller's instance */
  int32_t piece, npiece, first, nleaf;
  int32_t point, npoint; /* in work->point: the caller's points and those discovered */
  int restarts;
  bool searched, live, quick, lo_singular, hi_singular;
  bool early; /* rays towards a point other than 0 are asked by the logarithm of the distance soon */
  cx_quad_status status;
  double where;
} cx_quad_inst;

/* exp and expm1 of a panel's 24 coordinates: rays begin with the same panels in every integral */
enum { CX_QUAD_MEMO = 64 };
typedef struct {
  double a, b, e[CX_QUAD_NODES];
  cx_quad_map map;
} cx_quad_memo;

typedef struct cx_group cx_group;
struct cx_quad_work {
  cx_group *group; /* of group.c */
  cx_quad_rule rule;
  cx_quad_memo memo[CX_QUAD_MEMO];
  cx_quad_inst *inst;
  cx_quad_piece *piece;
  cx_quad_leaf *leaf;
  double *leaf_data;
  cx_quad_point *point;
  int32_t *pending;         /* leaves to evaluate, with their instances */
  double *at, *t, *jac, *f; /* one batch: f[c * n + k] as eval leaves it, then times jac */
  double *sum;              /* scratch of ncomp * 16 */
  int32_t *id;
  int32_t free_leaf, nleaf, npiece, npoint, npending;
  size_t cap_inst, cap_piece, cap_leaf, cap_point, cap_pending, cap_comp, cap_data;
  bool failed; /* out of memory or eval failed */
  double deadline;
  int round;
};

/* one panel of a batch */
typedef struct {
  const cx_quad_piece *piece;
  double a, b;
  int32_t index;
  int8_t bad; /* nodes that were NaN or infinite, of the worst component */
  bool nan;   /* some were NaN */
  double bad_x;
} cx_quad_job;

/* mesh.c */
bool cx_quad_build(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in); /* pieces and first panels from the points */
bool cx_quad_extend(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int piece); /* one panel further out */
int32_t cx_quad_leaf_new(cx_quad_work *w, int ncomp);
void cx_quad_leaf_drop(cx_quad_work *w, cx_quad_inst *in, int32_t leaf);
void cx_quad_insert(cx_quad_work *w, cx_quad_inst *in, int32_t leaf, int32_t after);
bool cx_quad_pend(cx_quad_work *w, int32_t leaf, int32_t inst);
bool cx_quad_grow(void *array, size_t *cap, size_t want, size_t size);
double cx_quad_x(const cx_quad_piece *p, double s);
/* discovered: kind at x; false where it was known already or there are too many: no restart */
bool cx_quad_discover(cx_quad_work *w, cx_quad_inst *in, cx_quad_point_kind kind, double x, double width);

/* batch.c: the integrand times dx/ds at the nodes of njob <= CX_QUAD_BATCH panels of one side, in w->f[(c * njob + j) * 24
 * + node]; non-finite values are counted in the job and replaced by 0 */
bool cx_quad_batch(const cx_quad *q, cx_quad_work *w, int njob, cx_quad_job *job);
/* which function is to be asked at panels from s on: side -1 to 1, or one of */
enum { SIDE_TOWARD = 2, SIDE_AWAY = 3 };
int cx_quad_side(const cx_quad_piece *p, double s);
/* f at n <= 504 points of one instance */
bool cx_quad_points(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int side, double at, int n, const double *t,
                    double *f);

/* search.c */
bool cx_quad_search(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in); /* all was 0: something found? */
bool cx_quad_locate(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, double a, double b, double *x);

bool cx_quad_jump(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, double a, double b, double *x);

/* tail.c: the whole of a ray whose tail oscillates; not to be believed before the coordinate has reached `least`.
 * out: values, integrals of |f|, errors */
bool cx_quad_oscillation(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int piece, double least,
                         const double *outside, cx_quad_status *status, double *out);

bool cx_quad_halted(const cx_quad *q, const cx_quad_work *w); /* stop flag or time */
#endif
