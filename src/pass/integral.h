/* integral.h - integrals as equations.
 *
 * The variable of an integral is an input equation with the flag node: x[k < CX_NODES] stands for any places where the
 * integrand is wanted, side by side. What depends on it carries that dimension, like any other; its length means
 * nothing until the integral is outlined. Three primitives bind it:
 *
 *   prim integral(f, x, lo, hi, tol)
 *     I[i.., c..] = integral from lo[i..] to hi[i..] of f[i.., c.., k] along x[k]
 *   prim crossing(f, x, lo, hi, g, period)
 *     C[i.., c..] = sum of f[i.., c.., k] over all x[k] in (lo[i..], hi[i..]) where g[i.., k] changes sign
 *                   (period > 0: passes a multiple of the period), which is the integral of f |g'| delta(g)
 *
 *   prim series(f, x, lo, hi, tol)
 *     S[i.., c..] = sum of f[i.., c.., k] over all whole numbers x[k] from lo[i..] to hi[i..], which may be infinite
 *
 * The dimensions of lo and hi (the same ones) tell the integrals apart; those behind them are components, which share
 * nodes. cx_pass_outline turns them into
 *
 *   prim quadrature(lo, hi, env..)    Q[i.., c], all components of all integrals over one x, lo, hi side by side
 *
 * whose integrand is a graph of its own, compiled by the back end (back/integral.c). */
#ifndef CX_INTEGRAL_H
#define CX_INTEGRAL_H
#include "pass/pass.h"

enum { CX_NODES = 64, CX_NODES_MOST = 512, CX_BOX_MAX = 8 };
/* two jumps, or a jump and an end, within this of each other (relative, absolute) are at one place */
#define CX_ASIDE       1e-13
#define CX_ASIDE_LEAST 1e-17
enum { CX_INTEGRAL_F, CX_INTEGRAL_X, CX_INTEGRAL_LO, CX_INTEGRAL_HI, CX_INTEGRAL_TOL };
enum { CX_CROSSING_G = CX_INTEGRAL_TOL, CX_CROSSING_PERIOD };
extern const cx_prim cx_prim_integral, cx_prim_crossing, cx_prim_series, cx_prim_quadrature;
static inline bool cx_is_integral(const cx_eq *e) {
  return e->kind == EQ_PRIM &&
         (e->prim == &cx_prim_integral || e->prim == &cx_prim_crossing || e->prim == &cx_prim_series);
}

/* ---- what is integrated, cut out of its graph ----
 * g has the inputs x[k], then index[d][k] (the number of the integral each node belongs to, one input a dimension of
 * lo), then those of env in the order of the primitive's arguments after lo and hi. */
typedef enum {
  CX_FEATURE_BREAK,    /* where u = 0: a jump or a kink */
  CX_FEATURE_STEP,     /* where u is a whole number: a jump */
  CX_FEATURE_SINGULAR, /* where u = 0: infinite, or with an infinite derivative */
  CX_FEATURE_PEAK,     /* where u = 0: something happens within 1 / |u'| */
  CX_FEATURE_EDGE,     /* exp(u) with u of degree 1: something within 1 / |u'| of the end where u is larger */
  CX_FEATURE_SUMMIT,   /* where u = 0 and u' < 0: log f has a maximum of width (-u')^(-1/2) */
  CX_FEATURE_WAVE      /* sin(u): its frequency is |u'| */
} cx_feature_kind;
static inline bool cx_is_peak(cx_feature_kind k) { return k == CX_FEATURE_PEAK || k == CX_FEATURE_SUMMIT; }
typedef struct {
  cx_feature_kind kind;
  int degree;     /* of u in x: 1, 2, or 0 for anything else */
  int64_t count;  /* elements: u may have dimensions of its own behind the node's */
  int64_t offset; /* its first column among the probe's outputs */
  int64_t bend;   /* column of u'', -1: none; then the integrand has a form near its root */
  int64_t line;   /* column of t = a x + b with u = s phi(t), phi the same for all integrals; -1: u is not like that */
} cx_feature;

/* an array from outside that is read at the place of the integral alone: dimension dim[k] of the integrals along its k-th.
 * Its input has one value a node, in all graphs of the integrand. */
typedef struct {
  int rank; /* 0: it is read as it is */
  uint8_t dim[CX_MAX_RANK];
  bool never;
} cx_by_instance;

/* Of a graph of the integrand at places that are the same for many integrals: `fixed` computes from the inputs what does
 * not differ between them, `rest` reads that from as many inputs behind its own. NULL: nothing is fixed. */
enum { CX_HALVES_MOST = 12 };
typedef struct {
  cx_graph *fixed, *rest;
} cx_halves;

typedef struct cx_integrand {
  cx_graph *value; /* output 0: f[k, c] */
  cx_graph *probe; /* outputs by feature: u[k, ..], then du/dx[k, ..], then some u''[k]; NULL without features */
  cx_halves value_halves, probe_halves;
  cx_graph
      *scaled; /* f exp(-shift), where every term of f has an exponential as a factor, which may underflow alone: an
                       input behind those of value says the shift; NULL: f is not like that */
  cx_graph *far[2]; /* f exp(u) at x = at + dir exp(u) by its logarithm, towards at and away from it, where numbers do
                       not reach; inputs behind those of value: at, dir, u. NULL: f is nothing of the kind */
  cx_graph *size;   /* log |f| at most, then its exponents alone, of the same inputs; NULL: as above */
  int64_t columns;  /* of u altogether */
  cx_graph **near;  /* by feature: value at x = at[k] + t[k] with u taken from its expansion about its root `at`; may
                      be NULL. Its inputs: as those of value, then at[k], t[k], slope[k], bend[k], base[k]. One more: about an end */
  cx_graph **near_probe; /* in the same places: u[k, ..] of the features; NULL: none is to be looked for there */
  cx_feature *feature;
  int nfeature;
  int ninstance, ncomp; /* dimensions of lo; components altogether */
  cx_dim instance[CX_MAX_RANK];
  cx_by_instance *by_instance; /* by array of env; NULL: all are read as they are */
  int nenv, nodes;             /* nodes: how many are computed at once at most */
  int dim;                     /* > 1: a box; value has that many inputs x1[k], x2[k].. in front */
  uint32_t
      moving; /* variables whose ends depend on earlier ones; outputs of value behind f: lo, hi of each but the first */
  double *scale; /* by component: 0, or > 0 for a derivative, whose tolerance is absolute (quad/quad.h) */
  bool heavy;    /* there are integrals inside */
  bool nought;   /* it is 0 wherever it is a number: no places where it is more are missed */
  bool complete; /* the features are all that is not smooth at every scale, where they are seen clearly (roots.c) */
  bool crossing, series;
  double period; /* crossing */
  double tol;
  cx_span span;
} cx_integrand;

typedef struct {
  cx_feature_kind kind;
  uint32_t eq;        /* u, over dimensions one of which stands for x */
  bool inside, jumps; /* from an integral inside: u is no part of the integrand, which may jump there, or be infinite */
} cx_found;
typedef CX_VEC(cx_found) cx_found_list;
/* What the equations below `root` say about where it is not smooth in x. own: the variable of the integrand as a whole,
 * x that or one of an integral inside. *hidden is set where that may not be all; unplaced (may be NULL): conditions in
 * integrals inside whose edges are not among them, where something jumps. */
cx_found_list cx_collect_features(cx_graph *g, uint32_t root, uint32_t x, uint32_t own, bool *hidden,
                                  cx_found_list *unplaced);
/* feature_near.c: all equations below root, seen[]; the integrand with u, the body of `of`, taken from its expansion about a
 * root (NULL: about any place), and those of the features there (probe may be NULL) */
void cx_mark_below(cx_graph *g, uint32_t root, bool inside,
                   bool *seen); /* inside: and below integrands of integrals there */
cx_graph *cx_near_graph(cx_graph *g, const cx_integrand *in, uint32_t x, const cx_eq *of, const cx_eq *slope_of,
                        int degree, const uint32_t *input, int ninput, const uint32_t *out, int nout,
                        const uint32_t *feature, int nfeature, cx_graph **probe);
/* far.c: in->far from a copy of value, which it takes; NULL: there is none */
cx_graph *cx_far_graph(const cx_integrand *in, cx_graph *g, bool away);
/* of the integral I inside (edge.c); false where there may be more */
bool cx_inner_edges(cx_graph *g, const cx_eq *I, uint32_t x, uint32_t own, cx_found_list *to, cx_found_list *unplaced);
/* added to denominators that are smooth by construction (edge.c): these are no features */
#define CX_TINY 1e-100
enum { CX_ANY_DEGREE = 99 };
int cx_degree(cx_graph *g, uint32_t x, const cx_node *e); /* of e in x: 0 to 2, or CX_ANY_DEGREE */
/* in->feature and in->probe, from the integrand as outline cut it out (feature.c); crossing: its g, or UINT32_MAX */
void cx_find_features(cx_integrand *in, const cx_graph *value, uint32_t crossing);
/* in->by_instance, and the graphs changed accordingly (by_instance.c) */
void cx_take_by_instance(cx_integrand *in);
/* the t of a feature u = s phi(t), t = a x + b, where no more than s, a and b differ between integrals (alike.c), or NULL */
const cx_node *cx_alike(const cx_graph *g, const cx_integrand *in, uint32_t x, const cx_node *u);
/* false: nothing is worth it (halve.c) */
bool cx_halve(const cx_integrand *in, const cx_graph *of, cx_halves *to);
/* the part of g that its outputs need, with exactly these inputs, needed or not */
cx_graph *cx_graph_part(const cx_graph *g, const uint32_t *input, int n);
/* passes: run them on the integrands (the oracle takes these as they were written) */
void cx_outline(cx_graph *g, bool passes);

/* ---- closed forms (antideriv.c) ---- */
typedef struct {
  const char *name, *integrand, *antiderivative; /* of u = a x + b, s = a (x - m)^2 + k and numbers c */
} cx_anti_step;
/* Integral I becomes its closed form, if it has one; what that is made of. 0: it has none */
int cx_anti_how(cx_graph *g, uint32_t I, cx_anti_step *step, int max);

/* ---- composition (compose.c) ----
 * An equation at other places of a node variable: every dimension that stands for it is replaced by the base
 * dimensions, in front. */
typedef struct cx_compose cx_compose;
/* from, to: graphs, or the same one twice. x: the node variable; value: what stands for it, a node of `to` over the
 * index slots 0..nbase-1. */
cx_compose *cx_compose_new(cx_graph *from, cx_graph *to, uint32_t x, const cx_node *value, const cx_dim *base,
                           int nbase);
/* the integrand e (its last dimension stands for x) with dimension d at bound[d] (over the base slots), or kept where
 * bound[d] is NULL (behind the base, in order). A new equation of `to`. */
uint32_t cx_compose_eq(cx_compose *c, uint32_t e, const cx_node *const *bound);
/* an equation outside that does not depend on any node variable: its number in `to`; by default itself */
void cx_compose_env(cx_compose *c, uint32_t (*env)(void *user, uint32_t from), void *user);
/* a load of an equation that does not depend on x, its subscripts over the copy's indices: another node for it, or NULL */
typedef const cx_node *(*cx_compose_load)(void *user, uint32_t from, const cx_node *const *sub, int n);
void cx_compose_outside(cx_compose *c, cx_compose_load fn, void *user);
/* by equation of g: a mask of the dimensions that stand for x; those that depend on x are marked with bit 31 */
#define CX_DEPENDS (1u << 31)
uint32_t *cx_node_dims(const cx_graph *g, cx_arena *a, uint32_t x);
/* does e, whose loads of equations `known` and later are of none, depend on x by this mask? */
bool cx_node_depends(cx_graph *g, const cx_node *e, const uint32_t *mask, int known);

/* ---- derivatives (diff_integral.c) ----
 * `of` with every integral between it and the leaves replaced by an equation of the same value that the rules of
 * diff know how to differentiate; cx_diff_close puts the integrals back in what came out. */
typedef struct {
  CX_VEC(uint32_t) from;
  CX_VEC(uint32_t) to;
} cx_opened;
uint32_t cx_diff_open(cx_graph *g, uint32_t of, const uint32_t *leaf, int n, cx_opened *o);
uint32_t cx_diff_close(cx_graph *g, uint32_t e, const cx_opened *o);
#endif
