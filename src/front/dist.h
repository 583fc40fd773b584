/* dist.h - distributions: what a `distribution` block says, and what follows from it.
 *
 *   distribution NAME(params) { members }
 *     lower, upper        the ends of the support, -inf and inf when not given
 *     discrete = true     the support is the whole numbers from lower to upper
 *     valid               what must hold of the parameters
 *     log_density(x)      the one that must be there
 *     cdf(x), ccdf(x), log_cdf(x), log_ccdf(x), quantile(p), mean, variance, entropy, draw(u), draw(z ~ d, w ~ f)
 *                         the others follow by integrals and sums where they are not given
 *     kl(params)          the divergence of this one from another of the block, with those parameters
 *
 * A member is a function of the parameters and of its argument whose block holds those definitions of the
 * distribution's that it reads: it is applied like any other function. A distribution applies to arrays of parameters
 * element by element. */
#ifndef CX_DIST_H
#define CX_DIST_H
#include "front/elab.h"

typedef struct cx_distribution {
  cx_sym name;
  const cx_ast *def; /* S_DISTRIBUTION */
  cx_binding **env;  /* what its members see */
  bool library, bad; /* bad: its block has an error, said once */
  bool made;         /* by elab_combine.c: its members do not read one another */
} cx_distribution;

typedef struct { /* a distribution with its parameters */
  const cx_distribution *of;
  const cx_ast *call;
  cx_val *arg;
  int narg;
} cx_dist;

typedef enum {
  DIST_LOG_DENSITY,
  DIST_DENSITY,
  DIST_CDF,
  DIST_CCDF,
  DIST_LOG_CDF,
  DIST_LOG_CCDF,
  DIST_QUANTILE,
  DIST_CQUANTILE,
  DIST_QUANTILE_LOG,
  DIST_CQUANTILE_LOG,
  DIST_DRAW,
  DIST_MEAN,
  DIST_VARIANCE,
  DIST_ENTROPY,
  DIST_LOWER,
  DIST_UPPER,
  DIST_KINDS
} cx_dist_kind;

/* values, in short */
static inline cx_val op1(cx_elab *E, cx_op op, cx_val x) { return cx_v_map(E, op, &x, 1, x.span); }
static inline cx_val op2(cx_elab *E, cx_op op, cx_val x, cx_val y) {
  cx_val pair[2] = {x, y};
  return cx_v_map(E, op, pair, 2, x.span);
}
static inline cx_val when(cx_elab *E, cx_val c, cx_val x, cx_val y) {
  cx_val three[3] = {c, x, y};
  return cx_v_map(E, OP_select, three, 3, x.span);
}

static inline cx_val num(cx_elab *E, double x, const cx_dist *d) { return cx_v_num(E, x, d->call->span); }

/* elab_dist.c: finding them, their members */
void cx_hoist_distributions(cx_elab *E, cx_ast *const *stmt, int n, cx_binding **here, bool library);
bool cx_names_distribution(cx_elab *E, cx_sym name);
bool cx_is_dist(cx_elab *E, const cx_ast *x); /* a call of a distribution? */
/* what x is a distribution of, whatever its parameters; NULL: an error has been reported */
const cx_distribution *cx_distribution_of(cx_elab *E, const cx_ast *x);
/* x as a distribution, its parameters evaluated; false: an error has been reported */
bool cx_dist_of(cx_elab *E, const cx_ast *x, cx_dist *d);
bool cx_dist_has(const cx_dist *d, const char *member);
bool cx_dist_discrete(const cx_dist *d);
int cx_dist_dims(const cx_dist *d);      /* dimensions of one value of it */
int cx_dist_draw_dims(const cx_dist *d); /* and of the uniform numbers that its draw takes: of several arguments, 1 */
/* how many of these along each of their dimensions; false: an error has been reported */
bool cx_dist_draw_sizes(cx_elab *E, const cx_dist *d, int64_t *size);
enum { CX_DRAWS = 8 }; /* the most arguments of a draw: draw(z[n] ~ normal(0, 1), c[n] ~ gamma(a, 1)) */
int cx_dist_draw_args(const cx_dist *d); /* how many it has; 0: there is none */
/* how many numbers each of them has, of one dimension or none; false: an error has been reported */
bool cx_dist_draw_counts(cx_elab *E, const cx_dist *d, int64_t *n);
/* What the numbers of its k-th argument have as their distribution, draw(z[n] ~ normal(0, 1)) = ..; its parameters are
 * numbers or as long as z. kind: only of what kind it is. false: it says nothing (they are uniform), or there is an error. */
bool cx_dist_drawn_from(cx_elab *E, const cx_dist *d, int k, bool kind, cx_dist *from);
cx_span cx_dist_arg_span(const cx_dist *d, int k); /* where the k-th parameter stands, or the call it is left out of */
/* each parameter must have the dimensions that one value takes; name: of the random variable, for the error */
bool cx_dist_single(cx_elab *E, const cx_dist *d, cx_sym name);
/* member applied; the parameters must be those of one element (cx_dist_spread) */
cx_val cx_dist_member(cx_elab *E, const cx_dist *d, const char *member, const cx_val *x, int n);
/* the conditions that x joins by `and` or as a chain a < b < c, ended by NULL; the same ones each time */
const cx_ast *const *cx_conditions(cx_elab *E, const cx_ast *x);
/* those of `valid`; what one of them or its operand is for these parameters */
const cx_ast *const *cx_dist_conditions(cx_elab *E, const cx_dist *d);
cx_val cx_dist_say(cx_elab *E, const cx_dist *d, const cx_ast *e);
/* the part of the condition `valid` that is not known to hold, as a node; NULL when all of it is */
const cx_node *cx_dist_doubt(cx_elab *E, const cx_dist *d);
/* elab_demand.c: `valid` is demanded of these parameters, of one element, where it is not known to hold */
void cx_dist_demand(cx_elab *E, const cx_dist *d);
/* a number that is 0 where what is said does not hold: looked at when a result is nan */
void cx_demand_late(cx_elab *E, cx_val holds, const char *needs, const char *help);
bool cx_inside_integral(cx_elab *E, cx_val v);                  /* is v one for each place of an integral around? */
cx_val cx_dist_checked(cx_elab *E, const cx_dist *d, cx_val v); /* v where `valid` holds, nan elsewhere */
/* Distributions and arguments as those of one element: leading dimensions are aligned, *shape has them (cx_v_in_front puts them
 * back). x[k] has own
 * dimensions of its own. */
bool cx_dist_spread(cx_elab *E, cx_dist *const *d, int nd, cx_val *x, const int *own, int nx, cx_val *shape, cx_span s);

/* elab_combine.c: mixture(k: w[k], d), truncated(d, a, b), transformed(x ~ d: e) */
/* calls that only it makes: of d, e, x and a value of e, or of x; of d, a and b: log P(a <= X <= b) */
#define CX_INVERSE "inverse of transformed"
#define CX_IMAGE   "image of transformed"
#define CX_SLOPE   "slope of transformed"
#define CX_MASS    "mass of truncated"
#define CX_PART    "part of a random array" /* of d, an argument's number and an element's */
#define CX_MADE    "made of parts"          /* of d and the arrays of its parts */
#define CX_SHARE   "share of truncated"     /* of d, a logarithm and such a mass */
bool cx_is_combination(const cx_ast *x);
/* kind: only of what kind it is counts: the names in it may have no value yet */
bool cx_combine(cx_elab *E, const cx_ast *x, bool kind, cx_dist *d);

/* elab_change.c: transformed(x ~ d: e), whose tree x is here */
/* *trend: 1 e rises, -1 it falls, 0 neither is known; bounds of e. false: an error has been reported */
bool cx_change_trend(cx_elab *E, const cx_ast *x, int *trend, cx_interval *bounds);
bool cx_change_call(cx_elab *E, const cx_ast *x, cx_val *r); /* CX_INVERSE, CX_IMAGE, CX_SLOPE: false: none of them */
/* d itself or, of a transformed one (of a transformed one ..), what it was; and its value as that of x is known */
const cx_ast *cx_change_base(cx_elab *E, const cx_ast *d);
cx_val cx_change_value(cx_elab *E, const cx_ast *d, cx_val x);

/* elab_part.c: values of d that are functions of independent numbers */
/* the binder x with such numbers in the place of random arrays, or x; NULL: an error has been reported */
const cx_ast *cx_parts(cx_elab *E, const cx_ast *x);
/* the conditions c on variables of the binder x, those on all elements of a random array or of several numbers, as
 * max(x) < 1, one by one */
const cx_ast *const *cx_part_conditions(cx_elab *E, const cx_ast *x, const cx_ast *const *c);
/* the array of which bind is the last part, as an A_NAMED; NULL: none */
const cx_ast *cx_part_whole(cx_elab *E, const cx_ast *bind);
bool cx_part_ends(cx_elab *E, const cx_ast *bind); /* bind has its value: the array that it completes, too */
bool cx_is_part(const cx_ast *x);
bool cx_part_of(cx_elab *E, const cx_ast *x, bool kind, cx_dist *d);

/* elab_open.c: a number that small arrays are computed into, as an expression in their elements, where that is small */
cx_val cx_spelled(cx_elab *E, cx_val v);

/* elab_support.c */
/* v, which the block of d says of this member, is to be a single number */
cx_val cx_dist_number(cx_elab *E, const cx_dist *d, const char *member, cx_val v);
void cx_dist_support(cx_elab *E, const cx_dist *d, cx_val *lo, cx_val *hi);
/* integral or sum of what fn gives, in which `name` is a place between lo and hi. The variable: E->env->v. */
cx_val cx_dist_total(cx_elab *E, const cx_dist *d, cx_sym name, cx_val lo, cx_val hi, double tol, cx_scope_fn fn,
                     void *user);
/* What is integrated falls too slowly: true or false as a number; fn: its logarithm. *slow: hardly fast enough, so that
 * something is left where a density underflows. */
cx_val cx_dist_heavy(cx_elab *E, const cx_dist *d, cx_sym name, cx_val lo, cx_val hi, cx_scope_fn fn, void *user,
                     cx_val *slow);
/* f v, f = exp(l); where that is slow, of a density f that may underflow where the product does not */
cx_val cx_dist_weighed(cx_elab *E, cx_val l, cx_val f, cx_val v, cx_val slow);

/* elab_moment.c: values of a distribution of one element */
/* log density; inside: at places of the support alone, with parameters that are right */
cx_val cx_dist_log_density(cx_elab *E, const cx_dist *d, cx_val x, bool inside);
cx_val cx_dist_value(cx_elab *E, const cx_dist *d, cx_dist_kind kind, cx_val x);
/* log P(a <= X <= b), of either tail, which does not underflow */
cx_val cx_dist_mass(cx_elab *E, const cx_dist *d, cx_val a, cx_val b);
bool cx_dist_closed(const cx_dist *d); /* its cdf is a formula */
/* The support for root finding: a variable u takes x to every scale between its ends: x = sinh(u), lo + exp(u),
 * hi - exp(-u), lo + (hi - lo) logistic(u). low, high: a finite end there, or perhaps */
typedef struct {
  cx_val lo, hi;
  bool low, high;
} cx_range;
bool cx_range_of(cx_elab *E, const cx_dist *d, cx_range *r); /* false: an error has been reported */
cx_val cx_range_place(cx_elab *E, const cx_range *r, cx_val u);
/* does the comparison hold whatever its variables are? */
bool cx_holds(cx_elab *E, const cx_node *c);
/* density(normal(0, 1), x), mean(normal(0, 1)), ..: true when x is such a call; its value in *r */
bool cx_elab_dist_call(cx_elab *E, const cx_ast *x, cx_val *r);

/* elab_draw.c: what is expected, as a mean over random draws */
typedef enum { R_EXPECT, R_VAR, R_COV, R_PROB } cx_random_kind;
typedef struct {
  const cx_ast *x; /* the binder */
  cx_random_kind kind;
  const cx_ast *e, *e2, *given; /* the event of prob in e; e2 of cov; given may be NULL */
  int64_t draws;
} cx_by_draws;
cx_val cx_elab_draws(cx_elab *E, const cx_by_draws *q);

/* elab_gauss.c: of affine functions of normal variables bind[..]; false: they are something else, or there are others */
typedef struct {
  const cx_ast *e, *minus, *e2; /* e - minus; minus and e2 may be NULL */
} cx_gauss_of;
typedef struct {
  cx_val mean, mean2, cov; /* without e2: its mean and variance. nan where parameters are not valid */
} cx_gauss;
bool cx_elab_gauss(cx_elab *E, const cx_ast *const *bind, int n, const cx_gauss_of *of, cx_gauss *r);
/* e as rest + slope * input, neither of which reads the input; false: not seen to be */
bool cx_affine_in(cx_elab *E, const cx_node *e, uint32_t input, const cx_node **rest, const cx_node **slope);

/* elab_random.c: expect(x ~ d: e), prob, var, cov; lhs ~ d */
bool cx_is_random(const cx_ast *x); /* a binder over random variables, by its name */
cx_val cx_elab_random(cx_elab *E, const cx_ast *x);
void cx_elab_tilde(cx_elab *E, const cx_ast *s);
#endif
