/* ir.h - the equation form, the one representation every transformation reads and writes.
 *
 *   name[i0 < n0, i1 < n1] = sum(i2 < n2) body        (or prod, max, min, argmax, argmin, or no reduction)
 *
 * A body is a hash-consed scalar expression: constants, index slots, scalar ops (ops.def) and loads of other
 * equations. Equal nodes of one graph are the same pointer. Index slots 0..rank-1 are the equation's own
 * dimensions, rank..rank+nred-1 those it reduces over; every index runs from 0 to its size - 1. argmax and argmin
 * over several indices give the row-major number of the place.
 *
 * Meaning, total by construction:
 *  - all values are real numbers; comparisons and logic give 0 or 1; any non-zero is true;
 *  - a subscript is rounded to the nearest integer (halves to even); a load outside its array is 0 (so the adjoint of a shifted
 *    or strided read needs no boundary case);
 *  - select(c, a, b) is exactly one of a, b: the other one's NaN never shows, in values or derivatives;
 *  - an empty sum is 0, prod 1, max -inf, min +inf, argmax/argmin 0 (ties: the first);
 *  - a recurrence is an equation that loads itself, directly or through others, at an earlier (or later)
 *    value of one index. The scheduler finds the cycle and its direction (ir_scc). Nothing else marks it. */
#ifndef CX_IR_H
#define CX_IR_H
#include "base/base.h"

#define CX_MAX_RANK  8         /* output dimensions of an equation, and separately reduced ones */
#define CX_PRIM_ARGS 32        /* equations that one primitive reads */
#define CX_FREE      (1 << 20) /* index slots from here on are free index variables of an unfinished elaboration */

typedef enum {
  OP_none,
  OP_const, /* u.num */
  OP_index, /* u.i = slot */
  OP_load,  /* u.eq; arg[] = subscripts, one a dimension of that equation */
#define OP(name, ...) OP_##name,
#include "ir/ops.def"
#undef OP
  OP_COUNT
} cx_op;

typedef struct cx_node cx_node;
struct cx_node {
  uint16_t op, nargs;
  uint32_t id; /* in order of creation: arguments come before their users */
  uint32_t hash;
  uint32_t free_lo; /* bit k: index slot k < 32 occurs below; any_free: a slot >= CX_FREE occurs */
  bool any_free;
  bool has_load;
  union {
    double num;
    int64_t i;
    uint32_t eq;
  } u;
  const cx_node *arg[];
};

typedef enum { RED_none, RED_sum, RED_prod, RED_max, RED_min, RED_argmax, RED_argmin, RED_COUNT } cx_red;
extern const char *const cx_red_name[RED_COUNT];

typedef enum {
  EQ_INPUT, /* bound by the caller */
  EQ_CALC,  /* body */
  EQ_PRIM   /* computed by a primitive from whole arrays: prim, prim_arg[] */
} cx_eq_kind;

typedef struct {
  int64_t n;
  cx_sym name;
} cx_dim; /* name: the size's name in the program, or NULL */

typedef struct cx_prim cx_prim; /* a computation that is no scalar formula (QR, Cholesky, sort…) */

typedef struct cx_eq {
  cx_sym name; /* need not be unique: printing adds .id where it is not */
  uint32_t id; /* position in graph->eq */
  uint8_t kind, red;
  uint8_t rank, nred;
  bool constant;  /* EQ_INPUT: bound once (data); false: changes from call to call (param) */
  bool weight;    /* EQ_INPUT: of a param that stays as it is: its indices number no rows of data */
  bool integer;   /* every value is an integer */
  bool node;      /* EQ_INPUT: the variable of an integral (pass/integral.h), which some primitive binds */
  bool slope;     /* prim integral: that of a derivative; its error counts against the size of its integrand */
  bool loose;     /* a tolerance that nobody asked for: over a box of three variables and more 1e-6 will do */
  bool counts;    /* a number of rows: in a step on some rows it is theirs, not an estimate of all */
  bool statistic; /* of the rows at hand: in a step on some rows it is estimated from them, wherever it is read */
  bool inert;     /* derivative 0 by a theorem (the shift of a log-sum-exp): diff does not pass through */
  double lo, hi;  /* known bounds of every value; -inf, inf when unknown */
  cx_dim dim[CX_MAX_RANK], rdim[CX_MAX_RANK];
  const cx_node *body;
  const cx_prim *prim;
  uint32_t prim_arg[CX_PRIM_ARGS];
  int nprim_arg;
  struct cx_integrand *integrand; /* prim quadrature: what is to be integrated (pass/integral.h) */
  cx_span span;                   /* the text it came from */
} cx_eq;

struct cx_prim {
  const char *name;
  int nargs; /* -1: any number */
  /* out dims from argument equations; false with a message when they do not fit */
  bool (*shape)(const cx_eq *const *arg, cx_eq *out, const char **why);
  /* row-major doubles; returns 0, or 1 with a message in why (not positive definite…). scratch: scratch_size() doubles. */
  int (*eval)(const cx_eq *out, const cx_eq *const *arg, const double *const *in, double *result, double *scratch,
              const char **why);
  size_t (*scratch_size)(const cx_eq *const *arg);
  char *(*note)(const cx_eq *e, cx_arena *a); /* for a reader of the text: lines of a comment below it. May be NULL. */
};

typedef struct cx_graph {
  cx_ctx *ctx;
  cx_arena *arena;
  cx_eq **eq;
  int neq, cap_eq;
  uint32_t *out;
  int nout, cap_out;    /* the equations asked for */
  struct cx_hash *hash; /* private to graph.c */
  cx_span at;           /* what is being transformed, for errors of the transformation */
  bool inside;          /* an integrand: its integrals are inside another */
} cx_graph;

/* ---- what all ask of nodes and equations ---- */
static inline bool cx_is_number(const cx_node *n, double v) { return n->op == OP_const && n->u.num == v; }
static inline int cx_nslot(const cx_eq *e) { return e->rank + e->nred; }
static inline cx_dim cx_slot_dim(const cx_eq *e, int slot) {
  return slot < e->rank ? e->dim[slot] : e->rdim[slot - e->rank];
}
static inline int64_t cx_extent(const cx_eq *e, int slot) { return cx_slot_dim(e, slot).n; }
static inline void cx_eq_sizes(const cx_eq *e, int64_t *dim) {
  for (int d = 0; d < e->rank; d++) dim[d] = e->dim[d].n;
}
static inline int64_t cx_eq_count(const cx_eq *e) { /* elements */
  int64_t n = 1;
  for (int k = 0; k < e->rank; k++) n *= e->dim[k].n;
  return n;
}

static inline double cx_eq_work(const cx_eq *e) { /* times that its body is computed */
  double w = 1;
  for (int k = 0; k < cx_nslot(e); k++) w *= (double)cx_extent(e, k);
  return w;
}

/* ---- building (graph.c) ---- */
cx_graph *cx_graph_new(cx_ctx *c, cx_arena *a);
cx_eq *cx_eq_new(cx_graph *g, cx_sym name, cx_eq_kind kind); /* NULL name: a fresh one; bounds -inf..inf */
void cx_graph_output(cx_graph *g, uint32_t eq);
/* for messages: "`k[n = 150, d = 4]`", "an array [n = 150]" of an equation that the program does not name */
const char *cx_eq_shape(cx_arena *a, const cx_eq *e);
/* where memory ran out: a note which array of the graph is the largest, unless it has been said */
void cx_note_largest(const cx_graph *g, size_t size);
const cx_node *cx_const(cx_graph *g, double v);
const cx_node *cx_index(cx_graph *g, int64_t slot);
const cx_node *cx_load(cx_graph *g, uint32_t eq, const cx_node *const *sub, int nsub);
const cx_node *cx_load_here(cx_graph *g, const cx_eq *e); /* at the index slots 0..rank-1 */
/* The one constructor of scalar ops. It applies the simplification rules that need no more than the node
 * itself (constants folded, x + 0, x * 1, x * 0 for finite..., commutative arguments ordered): rules.def. */
const cx_node *cx_op1(cx_graph *g, cx_op op, const cx_node *x);
const cx_node *cx_op2(cx_graph *g, cx_op op, const cx_node *x, const cx_node *y);
const cx_node *cx_op3(cx_graph *g, cx_op op, const cx_node *x, const cx_node *y, const cx_node *z);
const cx_node *cx_opn(cx_graph *g, cx_op op, const cx_node *const *arg, int n);
const cx_node *cx_raw(cx_graph *g, cx_op op, const cx_node *const *arg, int n); /* hash-consed, no rules */
/* simultaneous substitution of index slots: slot[k] becomes to[k]; memoised; rebuilt through cx_opn */
const cx_node *cx_subst(cx_graph *g, const cx_node *e, const int64_t *slot, const cx_node *const *to, int n);
/* every node rebuilt bottom-up; fn sees a node whose arguments are already done and returns its replacement */
typedef const cx_node *(*cx_rewrite_fn)(void *user, cx_graph *g, const cx_node *n);
const cx_node *cx_rewrite(cx_graph *g, const cx_node *e, cx_rewrite_fn fn, void *user);
/* e with every occurrence of `from` replaced */
const cx_node *cx_exchange(cx_graph *g, const cx_node *e, const cx_node *from, const cx_node *to);
/* calls fn once for every distinct node, arguments first */
void cx_visit(cx_graph *g, const cx_node *e, void (*fn)(void *user, const cx_node *n), void *user);

/* The nodes that a walk of its own kind has met: what recurses over arguments without it takes a time that doubles with
 * every node that two others read. cx_once: true for a node the first time; nodes made after the walk began are all new. */
typedef struct cx_scratch cx_scratch;
cx_scratch *cx_scratch_take(const cx_graph *g); /* empty, wide enough for every node that exists now */
void cx_scratch_give(const cx_graph *g, cx_scratch *s);
bool cx_once(cx_scratch *s, const cx_node *n);

/* e as c0 + sum c[k] * index(k) over slots k < 32: true when it is that with integer coefficients */
bool cx_affine(const cx_node *e, int64_t *c0, int64_t c[32]);
/* bounds of e when slot k runs over 0..n[k]-1, loads by their equation's lo, hi; conservative */
typedef struct {
  double lo, hi;
} cx_interval;
cx_interval cx_bounds(const cx_graph *g, const cx_node *e, const cx_eq *of);
bool cx_is_integer(const cx_graph *g, const cx_node *e);
void cx_learn_bounds(cx_graph *g, cx_eq *e); /* its bounds, and whether it is whole, by its body */

/* ---- whole graphs ---- */
/* a fresh graph with only what the given equations need, in the order of g; the roots are its outputs, in the order
 * given; map[old id] = new id or -1 (may be NULL) */
cx_graph *cx_extract(const cx_graph *g, cx_arena *a, const uint32_t *roots, int nroots, int32_t *map);
/* Strongly connected components in dependency order (producers first). comp[k] lists equation ids in an order
 * that respects same-step dependencies; dir 0: no cycle; +1 / -1: a recurrence running up / down along dimension
 * axis[k] of its k-th equation. false with a diagnostic when a cycle has no such order (a definition that refers
 * to itself). */
typedef struct {
  uint32_t *eq;
  int n;
  int dir;
  uint8_t *axis;
} cx_comp;
bool cx_scc(const cx_graph *g, cx_arena *a, cx_comp **comp, int *ncomp);
/* NULL when well formed, else what is wrong (debug builds call it after every pass) */
const char *cx_verify(const cx_graph *g);

/* ---- text (print.c, read.c): round-trips exactly (hex or %.17g constants) ---- */
char *cx_graph_text(const cx_graph *g, cx_arena *a);
char *cx_node_text(const cx_graph *g, cx_arena *a, const cx_node *e); /* calx syntax, indices i0, i1… */
cx_graph *cx_graph_read(cx_ctx *c, cx_arena *a, int32_t file);        /* verified; NULL with a diagnostic on an error */

/* ---- the op table (ops.c) ---- */
typedef struct {
  const char *name;
  int arity;
  double (*eval)(const double *x);
  const char *diff[3]; /* derivative by each argument in calx syntax over x, y, z; NULL: see nodiff */
  const char *nodiff;  /* why there is no derivative (NULL: there is one) */
  const char *c;       /* spelling for C export, x y z in it */
  uint32_t facts;
} cx_op_info;
enum {             /* facts */
       F_COMM = 1, /* commutative in its first two arguments */
       F_ASSOC = 2,
       F_INT = 4,     /* integer-valued for integer arguments */
       F_INTEGER = 8, /* always integer-valued */
       F_BOOL = 16,   /* 0 or 1 */
       F_NONNEG = 32,
       F_POS = 64,
       F_INC = 128,   /* increasing in its only argument */
       F_CHEAP = 256, /* worth recomputing rather than storing */
       F_ODD = 512,
       F_EVEN = 1024,
       F_STEP = 2048 /* piecewise constant: derivative 0 almost everywhere */
};
extern const cx_op_info cx_ops[OP_COUNT];
int cx_op_find(const char *name, int nargs); /* OP_none when there is none; what a program may call */
/* derivative of op by argument k as a node over the given arguments (ops.def's calx text, parsed once a graph);
 * NULL: not differentiable there (nodiff says why), zero for F_STEP ops */
const cx_node *cx_op_diff(cx_graph *g, cx_op op, int k, const cx_node *const *arg);
#endif
