/* back.h - from equations to numbers. Two engines with one meaning: the reference evaluator (ref.c), obviously right
 * and slow, and tier 0, the block VM (schedule.c, lower.c, vm.c). */
#ifndef CX_BACK_H
#define CX_BACK_H
#include <signal.h>

#include "data/data.h"
#include "ir/ir.h"

/* ---- reference evaluator: every equation in full, row-major doubles ----
 * input[k]: the k-th EQ_INPUT of the graph in order of id (variables of integrals do not count). out[k]: arena doubles of the k-th output. */
void cx_ref_run(const cx_graph *g, cx_arena *a, const cx_array *input, double **out);
/* value of one closed node, index slots taken from at[] */
double cx_ref_node(const cx_graph *g, const cx_node *e, const int64_t *at, double *const *eq_value);

/* ---- tier 0 ---- */
typedef struct cx_exec cx_exec; /* compiled: immutable, shared by threads */
typedef struct cx_work cx_work; /* scratch of one thread of the caller */
typedef struct {
  int threads; /* 0: all cores. Results do not depend on it, bit for bit */
  bool single; /* arithmetic and variable inputs/outputs in float */
  bool once;   /* run only once or twice: large data are read where they lie, not laid out as columns first */
  volatile sig_atomic_t *stop; /* non-zero: a run ends early, as a failure; may be NULL */
  bool no_simd;                /* tests: baseline kernels */
  int64_t rows;                /* > 0: the first dimension of the inputs by_row and of all outputs: see cx_exec_rows */
  const bool *by_row;          /* by input; not needed afterwards */
  const cx_dtype *input_type;  /* of the inputs that change from call to call, in their order; NULL: the arithmetic's */
  int64_t segment;             /* steps between checkpoints of a long recurrence; 0: as memory asks, negative: none */
} cx_exec_opt;
/* g: outputs set, passes run. constant_input[k]: the k-th EQ_INPUT with constant == true, borrowed as long as the exec
 * lives. What depends on them alone is computed here, once; columns are laid out for the vector unit here. */
cx_exec *cx_exec_new(cx_arena *a, const cx_graph *g, const cx_array *constant_input, const cx_exec_opt *opt);
cx_work *cx_work_new(cx_arena *a, const cx_exec *x);
size_t cx_work_bytes(const cx_exec *x);
/* in[k]: the k-th EQ_INPUT with constant == false; out[k]: the k-th output; row-major, double (float when single).
 * No allocation, no locks beyond the pool's, no system call. 0, or 1 with a message (a primitive failed). */
int cx_exec_run(const cx_exec *x, cx_work *w, const void *const *in, void *const *out, const char **why);
/* may the out-th output be written to the memory of the in-th input of the same shape? */
bool cx_exec_in_place(const cx_exec *x, int in, int out);
/* The same for the first `rows` rows of the inputs opt.by_row: of what stands for rows, so many are computed. */
int cx_exec_rows(const cx_exec *x, cx_work *w, int64_t rows, const void *const *in, void *const *out, const char **why);
/* no more than those rows are read and written then */
bool cx_exec_by_rows(const cx_exec *x);
/* replaces a constant input by another array of the same shape (next minibatch's row numbers) without recompiling;
 * what was precomputed from it is recomputed only if something was */
void cx_exec_rebind(cx_exec *x, int k, const cx_array *a);
/* Integrals, since the last call: one entry an integral of the program (and one for its derivatives), worst first of its
 * instances. Returns how many there are; at most max are written. */
typedef struct {
  cx_span span;
  int status;          /* cx_quad_status (quad/quad.h); the worst */
  bool series;         /* a sum over whole numbers */
  bool derivative;     /* that of a derivative: the value itself is better */
  double value, error; /* of the worst instance; error is absolute */
  double asked;        /* relative tolerance */
  double where;        /* of the trouble, or NaN */
  int64_t evaluations; /* nodes, in all instances */
  int64_t instances, missed;
} cx_integral_report;
/* of the last run: rel[k] is raised to the relative error of the integrals at place k of their first dimension, n long;
 * adds up their nodes */
int64_t cx_work_inner_errors(const cx_exec *x, cx_work *w, double *rel, int64_t n);
int cx_work_integrals(const cx_exec *x, cx_work *w, cx_integral_report *r, int max);
/* of the last run: what became of the integrals at each of the n places of their first dimension; those without it count
 * for all places */
typedef struct {
  int n;               /* integrals there */
  int status;          /* the worst */
  double value, error; /* of the last of them; error is absolute */
  double relative;     /* error, the worst */
} cx_integral_place;
void cx_work_integral_places(const cx_exec *x, cx_work *w, int64_t n, cx_integral_place *at);
/* Where the time goes: of all functions that are compiled after the start, at a few per cent more of it. The text: two
 * tables, by instruction and by equation. */
void cx_profile_start(cx_ctx *c);
char *cx_profile_text(cx_ctx *c, cx_arena *a);
char *cx_exec_text(const cx_exec *x, cx_arena *a); /* the schedule and byte code, for `calx dump --after schedule` */
#endif
