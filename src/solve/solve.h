/* solve.h - unconstrained minimisation over one flat vector of parameters. Knows nothing of equations: the caller
 * gives functions, and calls cx_fit, or owns the loop by cx_solver_iterate. One file a method, each ending with its
 * table row (methods.def lists them); one row an option (options.def). */
#ifndef CX_SOLVE_H
#define CX_SOLVE_H
#include "base/base.h"

#include <signal.h>

/* ---- the update of a first-order method, compiled from lib/optim.calx ---- */
enum { /* the scalars an update may use, under the names they have in the text */
       CX_S_t,
       CX_S_rate,
       CX_S_weight_decay,
       CX_S_momentum,
       CX_S_beta1,
       CX_S_beta2,
       CX_S_epsilon,
       CX_S_COUNT
};
extern const char *const cx_update_scalar[CX_S_COUNT];
typedef struct cx_update {
  void *user;
  /* One step, as if in place: *x and state[k] are arrays of n; run may exchange these pointers with buffers of its
   * own. g may be overwritten. 0, or 1 with a message. */
  int (*run)(void *user, void **x, void *g, void **state, const double *scalar, const char **why);
} cx_update;

/* ---- what is to be minimised ---- */
#define CX_METRICS 8
typedef struct cx_problem {
  int64_t n; /* parameters; x, g, v are arrays of n doubles, or of n floats where single */
  bool single;
  void *user;
  /* 0 ok; non-zero: could not be evaluated there, and `why` is set. lbfgs and newton step back from such a point. */
  int (*value)(void *user, const void *x, double *f); /* NULL: gradient is used */
  int (*gradient)(void *user, const void *x, double *f, void *g);
  int (*hessvec)(void *user, const void *x, const void *v, void *hv); /* NULL: newton differences the gradient */
  int (*hessian)(void *user, const void *x, double *h);               /* n × n, row-major doubles; NULL: hessvec */
  /* minibatches: rows > 0. row[0..nrow-1] are row numbers of the data; value and gradient of their objective.
   * A fit uses at most four different nrow: a batch, the rest of an epoch, the validation rows, all training rows. */
  int64_t rows;
  int (*batch)(void *user, const int32_t *row, int64_t nrow, const void *x, double *f, void *g);
  int (*validation)(void *user, const int32_t *row, int64_t nrow, const void *x, double *f); /* value only */
  /* numbers that a reader wants to see beside the objective: batch, validation and value leave those of their rows here.
   * At most CX_METRICS of them; the names are for messages. */
  int nmetric;
  const char *const *metric_name;
  double *metric;
  /* makes ready for steps (gradient) or validations of nrow rows, 0: of value, or gradient, of all of them; throws where
   * there is not so much memory. May be NULL. */
  void (*prepare)(void *user, int64_t nrow, bool gradient);
  const char *(*where)(void *user, int64_t k, char *buf, size_t n); /* names parameter k: "w[3, 2]"; may be NULL */
  /* The parameters that are no unknowns: their gradient is 0. follow: after a step by a batch, moves them in x; settle:
   * at the end, where no step was by batches; x are doubles where wide. NULL: there are none. */
  void (*follow)(void *user, void *x);
  void (*settle)(void *user, void *x, bool wide);
  int64_t step; /* of first-order methods: steps done, told before every evaluation; others leave it as it is */
  /* adds to a diagnostic where the objective begins to be not finite at x, or else its gradient; may be NULL */
  void (*blame)(void *user, const void *x, bool gradient, int diag);
  /* does the param of unknown k stay bounded as the unknown goes to +infinity, to -infinity? NULL: none does */
  bool (*bounded)(void *user, int64_t k, bool up);
  /* the update of a first-order method; method: the name before the underscore in lib/optim.calx; state: names of at
   * most three states, NULL after the last; the text may use fewer. run NULL: it could not be compiled. */
  cx_update (*update)(void *user, cx_arena *a, const char *method, const char *const *state);
  const char *why;
  /* what a checkpoint must agree with: the text, and the sizes in words ("n = 60000, w[784, 128]"); may be NULL */
  const char *program;
  size_t program_size;
  const char *sizes;
  /* which fit of the program this is, from 0, and what the fits before it left: kept in its checkpoints, so that a
   * program of several fits goes on in the right one */
  int fit;
  const void *before;
  size_t before_size;
} cx_problem;

/* ---- options: an option of `fit by method(name = value)`. A number is in num; a word, text, or call such as
 * step(every = 10, factor = 0.5) is in str as canonical text, num then NaN. ---- */
typedef struct cx_fit_opt {
  const char *name;
  double num;
  const char *str;
  cx_span span, name_span;
} cx_fit_opt;
/* for help, man page and completion */
typedef struct {
  const char *name, *kind, *range, *help;
  unsigned methods;
} cx_option_row;
extern const cx_option_row cx_option_rows[];
extern const int cx_noption_rows;
typedef struct {
  const char *name, *help;
  unsigned bit;
} cx_method_row;
const cx_method_row *cx_method_rows(cx_arena *a, int *n);

typedef struct cx_fit_report {
  const char *method;
  double value, grad_norm; /* objective and max-norm of its gradient at the end; by batches that is not computed: NaN */
  double validation;       /* of the parameters given back; NaN without a split */
  int64_t steps, epochs, evaluations;
  double seconds;
  bool converged;     /* first-order methods with a step budget: finished without diverging */
  bool broken;        /* it diverged: the parameters are of no use */
  const char *reason; /* one sentence: why it stopped */
  double metric[CX_METRICS], validated[CX_METRICS]; /* of the rows to train on, and of those kept back; NaN: unknown */
  int nmetric;
  /* objective by step, by batches of two epochs and more its mean over an epoch, for plotting; thinned out evenly:
   * trace[k] belongs to step (epoch) k * trace_stride. history[k * ncolumn + c]: what stands beside it, by epoch: the
   * metrics (means over the batches), then where rows are kept back their objective and their metrics */
  double *trace, *history;
  int64_t ntrace, trace_stride;
  int ncolumn;
  bool by_epoch;
} cx_fit_report;

/* every wrong name and value among them is an error at its place; true without one */
bool cx_fit_check(cx_ctx *c, cx_arena *a, const char *method, cx_span span, const cx_fit_opt *opt, int nopt);

/* ---- own loop: while (cx_solver_iterate(s)) ...; everything lives in the arena ---- */
typedef struct cx_solver cx_solver;
/* x: the start, copied. Throws CX_E_PROGRAM after reporting every wrong option at its place. */
cx_solver *cx_solver_new(cx_ctx *c, cx_arena *a, cx_problem *p, const char *method, cx_span span, const cx_fit_opt *opt,
                         int nopt, const void *x);
bool cx_solver_iterate(cx_solver *s);  /* one step; false: finished (nothing was done if it was before) */
const void *cx_solver_x(cx_solver *s); /* n values, valid until the next call; after the end: the result */
/* CX_OK: running, or ended well; CX_E_CONVERGENCE: diverged (an error diagnostic says where) or not converged (a
 * warning says why); CX_E_RUNTIME: the objective could not be evaluated */
cx_status cx_solver_status(const cx_solver *s);
const cx_fit_report *cx_solver_report(cx_solver *s);
/* Save: false with a warning when it cannot be written; the old file is whole then. Resume: throws CX_E_DATA naming
 * what differs (steps, epochs and the checkpoint's own options may); call it before the first iterate. */
bool cx_solver_save(cx_solver *s, const char *path);
void cx_solver_resume(cx_solver *s, const char *path);
/* which fit of its program a checkpoint is of, and what the fits before it left; throws CX_E_DATA as resuming does */
int cx_checkpoint_fit(cx_ctx *c, cx_arena *a, const char *path, const void **before, size_t *before_size);

/* ---- the whole loop ---- */
typedef struct cx_progress {
  int64_t step, steps, epoch, epochs; /* steps, epochs: how many there will be, 0 when unknown */
  double value, validation;           /* NaN while unknown */
  bool whole;                         /* an epoch has just ended */
  int nmetric;
  const char *const *metric_name;
  const double *metric, *validated; /* as in the report */
  double per_second;                /* rows (steps without batches) a second */
  const char *unit;                 /* "rows" or "steps" */
  double seconds_left;              /* NaN when unknown */
} cx_progress;
typedef struct cx_fit_hooks {
  void *user;
  void (*progress)(void *user, const cx_progress *p); /* at most ten times a second, when an epoch
                                                            ends, and at the end */
  volatile sig_atomic_t *stop; /* non-zero: save and return CX_E_INTERRUPT after the step at hand */
  const char *resume;          /* checkpoint to go on from */
  const char *checkpoint;      /* where to save when stopped, for a program that names no checkpoint */
} cx_fit_hooks;
/* x: start in, result out. hooks may be NULL. Status as of cx_solver_status, or CX_E_INTERRUPT. */
cx_status cx_fit(cx_ctx *c, cx_arena *a, cx_problem *p, const char *method, cx_span span, const cx_fit_opt *opt,
                 int nopt, void *x, const cx_fit_hooks *hooks, cx_fit_report *report);
/* is this an option of how long a fit goes on and where it saves: may a fit be resumed with another one? */
bool cx_fit_lasts(const char *option);
#endif
