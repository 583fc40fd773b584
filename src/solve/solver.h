/* solver.h - what the files of this room share: parsed options, the method row, and the solver, whose every value that
 * changes from step to step is registered by cx_keep, so that a checkpoint is the list of these and nothing else. */
#ifndef CX_SOLVER_H
#define CX_SOLVER_H
#include "run/rng.h"
#include "solve/solve.h"

/* ---- options ---- */
enum { /* one bit a method */
       M_GRADIENT_DESCENT = 1 << 0,
       M_SGD = 1 << 1,
       M_MOMENTUM = 1 << 2,
       M_NESTEROV = 1 << 3,
       M_RMSPROP = 1 << 4,
       M_ADAGRAD = 1 << 5,
       M_ADAM = 1 << 6,
       M_ADAMW = 1 << 7,
       M_LBFGS = 1 << 8,
       M_NEWTON = 1 << 9,
       M_STOCHASTIC = M_SGD | M_MOMENTUM | M_NESTEROV | M_RMSPROP | M_ADAGRAD | M_ADAM | M_ADAMW,
       M_FIRST = M_GRADIENT_DESCENT | M_STOCHASTIC,
       M_ALL = M_FIRST | M_LBFGS | M_NEWTON
};
typedef enum {
#define OPT(name, ...) O_##name,
#include "solve/options.def"
#undef OPT
  O_COUNT
} cx_option;
#define CX_SCHEDULE_ARGS 3
typedef struct cx_schedule cx_schedule; /* schedule.c */
typedef struct cx_options {
  double num[O_COUNT];      /* NaN: not given and no default */
  const char *str[O_COUNT]; /* text options */
  bool given[O_COUNT];
  cx_span span[O_COUNT];
  const cx_schedule *schedule; /* NULL: constant */
  double schedule_arg[CX_SCHEDULE_ARGS];
} cx_options;
typedef struct cx_method cx_method;
/* false after reporting every error */
bool cx_options_read(cx_ctx *c, const cx_method *m, const cx_fit_opt *opt, int n, cx_options *out);
bool cx_schedule_read(cx_options *o, const char *text); /* false: it is none */
/* "0.01", "cosine", "true": for comparison and messages; "" where nothing is set */
const char *cx_option_text(cx_arena *a, const cx_options *o, int k);

/* ---- a method ---- */
typedef struct {
  int option;
  double value;
} cx_default;
struct cx_method {
  const char *name, *help;
  unsigned bit;
  cx_default def[6];           /* ends with value 0 and option 0 */
  void (*begin)(cx_solver *s); /* allocates and registers; may report errors */
  bool (*step)(cx_solver *s);  /* false: finished (cx_finish was called) */
  /* first-order methods: the update's name and states */
  const char *(*update)(const cx_options *o);
  const char *state[3];
};
#define METHOD(name) extern const cx_method cx_method_##name;
#include "solve/methods.def"
#undef METHOD
const cx_method *cx_method_find(const char *name);

/* ---- the solver ---- */
#define CX_TRACE 1024 /* even */
typedef struct {      /* rows of numbers, thinned out evenly */
  int64_t n, stride, count;
} cx_series;
enum { BY_STEP, BY_EPOCH };
typedef struct {                  /* numbers that change; saved as they are */
  int64_t step, epoch, at, evals; /* at: rows of this epoch already used */
  cx_series trace[2];
  double f, gmax, relgrad; /* at x, as far as known */
  double epoch_sum;        /* loss times rows, over this epoch */
  double epoch_mean, validation, best, best_validation;
  double metric_sum[CX_METRICS], metric[CX_METRICS], validated[CX_METRICS], best_validated[CX_METRICS];
  int64_t bad;                /* epochs since the best */
  double seconds;             /* spent before the last resume */
  double radius;              /* newton */
  int64_t stored, head, flat; /* lbfgs: pairs kept and where the next goes; steps without a change of f */
  int64_t done, status, converged;
  int64_t broken;       /* diverged, or could not be evaluated: x is of no use */
  int64_t out_of_steps; /* done for no other reason than the budget: a resume with more steps goes on */
} cx_core;
typedef struct {
  const char *name;
  void *fixed, **moving;
  size_t bytes;
} cx_kept;
struct cx_solver {
  cx_ctx *ctx;
  cx_arena *arena;
  cx_problem *p;
  const cx_method *method;
  cx_options opt;
  cx_span span;
  cx_core *k;
  void *x;            /* first-order methods: in the problem's precision, else n doubles */
  void *best;         /* first-order methods with patience: x of the best epoch */
  bool wide;          /* x is double whatever p->single says */
  void *xs, *gs, *vs; /* floats handed to a single-precision problem by cx_eval */
  double *trace[2];   /* BY_STEP: the objective; BY_EPOCH: objective, metrics, validation, its metrics */
  int width[2];
  char *reason;   /* CX_REASON bytes */
  int64_t budget; /* most steps; 0: none */
  bool budget_given;
  double tol, unit; /* tolerance; unit roundoff of the problem's precision */
  double started;
  CX_VEC(cx_kept) kept;
  void *m; /* the method's own */
  cx_fit_report report;
};
#define CX_REASON 320

/* a zeroed region that checkpoints save; cx_keep_at: one whose pointer, *at, an update may exchange */
void *cx_keep(cx_solver *s, const char *name, size_t bytes);
void cx_keep_at(cx_solver *s, const char *name, void **at, size_t bytes);
void cx_finish(cx_solver *s, cx_status status, bool converged, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* ends with an error diagnostic: the objective is not finite, or gone to -inf. x, g: where to look for a culprit */
void cx_diverged(cx_solver *s, double f, const void *x, const void *g, bool wide);
void cx_trace(cx_solver *s, int which, const double *row);

/* wide evaluation, counted; a failure is f = inf with p->why set. g may be NULL. */
void cx_eval(cx_solver *s, const double *x, double *f, double *g);
void cx_hessvec(cx_solver *s, const double *x, const double *g, const double *v, double *hv);
/* a gradient that rounding alone may leave: good enough where the objective no longer changes */
double cx_gradient_limit(const cx_solver *s);
void cx_gradient_size(cx_solver *s, const double *x, double f, const double *g); /* sets k->gmax, k->relgrad */

/* what a small gradient at x means (rest.c): an optimum; one farther on; or none, and the solver is finished. step: a
 * quasi-Newton step, or NULL */
typedef enum { CX_SETTLED, CX_SHORT, CX_INFINITE } cx_rest;
cx_rest cx_at_rest(cx_solver *s, const double *x, double f, const double *g, const double *step);

/* first-order methods share these (first.c) */
void cx_first_begin(cx_solver *s);
bool cx_first_step(cx_solver *s);
double cx_rate(const cx_solver *s, int64_t step); /* of step `step`, from 1 */
int64_t cx_steps_per_epoch(const cx_solver *s);
int64_t cx_rows_per_step(const cx_solver *s); /* 0 without batches */

/* ---- line search (linesearch.c) ---- */
typedef enum { LS_OK, LS_NO_DECREASE, LS_UNBOUNDED } cx_ls;
/* along d from x; *a: first step in, accepted step out; xt, gt, ft: the point found */
cx_ls cx_line_search(cx_solver *s, const double *x, const double *d, double f0, double slope0, double *a, double *xt,
                     double *gt, double *ft);

/* ---- vectors ---- */
double cx_dot(const double *x, const double *y, int64_t n);
#endif
