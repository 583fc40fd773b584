/* fn.h - quantities of a model, compiled: from equation numbers to arrays. */
#ifndef CX_FN_H
#define CX_FN_H
#include "back/back.h"
#include "front/elab.h"

typedef struct cx_fn {
  cx_exec *exec;
  cx_graph *graph; /* after all passes */
  bool single;
  int nin;
  uint32_t *in_eq; /* model equation of each variable input, in the order of `in` of cx_exec_run */
  int nout;
  int64_t *out_n; /* elements of each output */
  int rows_input; /* constant input that takes the row numbers of a minibatch, -1: none */
  int draw_input; /* of `in`: the number that draws depend on, -1: none; cx_fn_at takes it from draw */
  double *draw;   /* cx_fn_draw sets it */
  int nwatch;     /* of a watched function: its integrals, after the outputs; cx_fn_at leaves their values here */
  uint32_t *watch;
  void **at; /* where all outputs go */
} cx_fn;

/* Compiles the given equations of m. Constant inputs are the bound data, read in place. Throws. */
cx_fn *cx_fn_new(const cx_model *m, cx_arena *a, const uint32_t *root, int nroot, int threads);
/* the same, to be run once: it ends early, as a failure, when *stop is not 0 (stop may be NULL) */
cx_fn *cx_fn_once(const cx_model *m, cx_arena *a, const uint32_t *root, int nroot, int threads,
                  volatile sig_atomic_t *stop);
/* the same, its integrals watched: see cx_fn_beyond */
cx_fn *cx_fn_watched(const cx_model *m, cx_arena *a, const uint32_t *root, int nroot, int threads,
                     volatile sig_atomic_t *stop);
/* the graph that a function is compiled from: what the roots need, in the model's mode; map as of cx_extract */
cx_graph *cx_fn_graph(const cx_model *m, cx_arena *a, const uint32_t *root, int n, int32_t *map);
/* a function of a training model draws anew at every step: those of this one */
void cx_fn_draw(const cx_fn *f, uint64_t seed, int64_t step);

/* The params of a model as one flat vector of unconstrained values: doubles, or floats where the program says single. */
typedef struct {
  int n;
  int *param;      /* which of the model's */
  uint32_t *raw;   /* input equations */
  int64_t *offset; /* n + 1 of them */
} cx_flat;
cx_flat cx_flat_new(const cx_model *m, cx_arena *a, int nparam);
cx_flat cx_flat_some(const cx_model *m, cx_arena *a, const int *param,
                     int n);                            /* these alone, of the rest cx_give says */
cx_flat cx_flat_inputs(const cx_model *m, cx_arena *a); /* what vary says, else all params */
/* runs f at the flat vector x; out[k]: where output k goes (double, float where single) */
int cx_fn_at(const cx_fn *f, cx_work *w, const cx_flat *p, const void *x, void *const *out, const char **why);
/* the first integral of a watched function that came out infinite or as no number: its value, its place */
bool cx_fn_beyond(const cx_fn *f, double *value, cx_span *where);
/* start values as the program gives them: numbers, draws by seed, else 0 */
void cx_flat_start(const cx_model *m, cx_arena *a, const cx_flat *p, uint64_t seed, void *x);
#endif
