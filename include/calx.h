/* calx.h - calculus for machine learning and data science: the one public header of libcalx. MIT licence.
 *
 * Text of equations in; values, gradients, Jacobians, Hessians and fitted parameters out.
 *
 *   calx_ctx *c = calx_new(NULL, NULL);
 *   calx_model *m;
 *   calx_compile(c, "data X[n, d], y[n]\n"
 *                   "param w[d], b\n"
 *                   "minimize mean(i: (y[i] - sum(j: X[i, j] * w[j]) - b)^2)", SIZE_MAX, &m);
 *   calx_bind(m, "X", CALX_F64, 2, (int64_t[]){n, d}, NULL, X);   // borrowed, not copied
 *   calx_bind(m, "y", CALX_F64, 1, (int64_t[]){n}, NULL, y);
 *   calx_fn *f;
 *   calx_gradient(m, &f);                                         // value and gradient of the objective
 *   calx_work *w;
 *   calx_work_new(f, &w);
 *   calx_eval(f, w, x, out);                                      // out[0]: value, then the gradient
 *
 * Conventions. Nothing is global: all state hangs on a context. Functions return a status and leave a message in the
 * context (calx_error). Text is pointer + length (SIZE_MAX: up to the terminating 0). Arrays are row-major. Every
 * object has one `free`; it frees what was made from it, so calx_free frees all. A context, with what was made from it,
 * belongs to one thread at a time, with one exception: a calx_fn is immutable, and calx_eval may run in any number of
 * threads at once, each with a calx_work of its own. No input makes the library abort, and every allocation may fail
 * (CALX_E_RUNTIME, "out of memory"); the same call succeeds when there is memory again. */
#ifndef CALX_H
#define CALX_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CALX_VERSION_MAJOR  0
#define CALX_VERSION_MINOR  1
#define CALX_VERSION_PATCH  0
#define CALX_VERSION_NUMBER (CALX_VERSION_MAJOR * 10000 + CALX_VERSION_MINOR * 100 + CALX_VERSION_PATCH)

#if defined(__GNUC__)
#define CALX_API __attribute__((visibility("default")))
#else
#define CALX_API
#endif

typedef struct calx_ctx calx_ctx;
typedef struct calx_model calx_model;
typedef struct calx_fn calx_fn;
typedef struct calx_work calx_work;
typedef struct calx_solver calx_solver;

typedef enum {
  CALX_OK = 0,
  CALX_E_RUNTIME = 1,     /* numeric or run-time failure, out of memory, input or output */
  CALX_E_USAGE = 2,       /* wrong call: an unknown name, an array of another rank */
  CALX_E_PROGRAM = 3,     /* error in the program text */
  CALX_E_DATA = 4,        /* data are missing, or do not fit their declaration */
  CALX_E_CONVERGENCE = 5, /* diverged or not converged */
  CALX_E_INTERRUPT = 130
} calx_status;

/* The number of the library that is running, to be compared with CALX_VERSION_NUMBER of the header compiled against. */
CALX_API int calx_version(void);

/* ---- context ---- */

/* realloc-shaped: size 0 frees, ptr NULL allocates; old_size is what ptr was given. */
typedef void *(*calx_alloc_fn)(void *user, void *ptr, size_t old_size, size_t new_size);
CALX_API calx_ctx *calx_new(calx_alloc_fn alloc, void *user); /* alloc NULL: the C library's. NULL: out of memory. */
CALX_API void calx_free(calx_ctx *c);                         /* and all that was made from it */
/* Threads of every function and solver made afterwards; 0: all cores. Results do not depend on it. Default 1. */
CALX_API void calx_set_threads(calx_ctx *c, int threads);

/* One diagnostic of the last call. Pointers are valid until the next call with this context. */
typedef struct {
  calx_status code;
  const char *message; /* one line */
  const char *help;    /* the remedy, or NULL */
  const char *text;    /* the whole, with source line and carets */
  const char *file;    /* or NULL */
  uint32_t begin, end; /* bytes of the text */
  int line, column;    /* from 1; 0: no place */
  int warning;         /* 1: the call succeeded all the same */
} calx_diagnostic;
CALX_API int calx_diagnostics(const calx_ctx *c);                          /* how many */
CALX_API int calx_diagnostic_at(calx_ctx *c, int k, calx_diagnostic *out); /* 0: there is no k-th */
CALX_API const char *calx_error(calx_ctx *c); /* the first error's whole text, "" without */

/* ---- models ---- */

/* Parses and checks the text. Statements that ask (print, plot, fit, write) are checked, but not done. */
CALX_API calx_status calx_compile(calx_ctx *c, const char *text, size_t length, calx_model **out);
CALX_API void calx_model_free(calx_model *m);

typedef enum { CALX_F64, CALX_F32, CALX_I64, CALX_I32, CALX_I16, CALX_U16, CALX_I8, CALX_U8 } calx_type;
/* Binds data `name` to an array that the caller keeps alive and unchanged as long as the model lives. stride: in
 * elements (negative ones run backwards), NULL: row-major without gaps. rank 0: a scalar. May be called again;
 * functions made before keep the old array. Sizes and values are checked when the data are first needed. */
CALX_API calx_status calx_bind(calx_model *m, const char *name, calx_type type, int rank, const int64_t *dim,
                               const int64_t *stride, const void *array);
/* Binds from files as the command line does: "X=x.npy", "table.csv", "heads=7". They are read when first needed. */
CALX_API calx_status calx_bind_files(calx_model *m, const char *const *arg, int narg);

/* Params, in the order of the program. Their values form one vector of unconstrained numbers: a real param is itself,
 * one with a domain is a smooth function of its part of the vector (lib/domain.calx). All need bound data. */
CALX_API calx_status calx_param_count(calx_model *m, int *params, int64_t *size); /* size: of the vector; either NULL */
typedef struct {
  const char *name; /* as long as the context */
  int rank;
  const int64_t *dim;     /* of the param itself; until something else is bound */
  int64_t size;           /* its numbers */
  int64_t offset, length; /* its part of the vector */
} calx_param;
CALX_API calx_status calx_param_at(calx_model *m, int k, calx_param *out);
/* The start values of the program, random ones by the seed: the whole vector. */
CALX_API calx_status calx_start(calx_model *m, uint64_t seed, double *x);
/* The k-th param itself at the vector x: its size numbers, row-major. CALX_E_USAGE: there is no k-th. */
CALX_API calx_status calx_param_values(calx_model *m, int k, const double *x, double *out);

/* ---- models in files ---- */

/* The params at x with their names, the program, and the names of its categories, as safetensors: what the statement
 * `write model to "m.safetensors"` writes, and `calx predict` reads. A file of that name is replaced when all is
 * written, or not at all. */
CALX_API calx_status calx_save(calx_model *m, const double *x, const char *path);
/* The model of such a file. calx_start gives the saved params; the files named in its program are not read, and only
 * data that are asked for need to be bound. */
CALX_API calx_status calx_open(calx_ctx *c, const char *path, calx_model **out);
/* Params of m that a safetensors or NPZ file has by name, into their parts of x; the others stay as they are. count (may
 * be NULL): how many. CALX_E_DATA: one has another shape, or leaves its domain; then x is as it was. */
CALX_API calx_status calx_load(calx_model *m, const char *path, double *x, int *count);
/* A function of data, for predictions: the params are fixed at x, the inputs are the arrays of the names in data[], one
 * after the other, of the shapes bound now (their values do not matter). All other data it reads are constants. */
CALX_API calx_status calx_predictor(calx_model *m, const char *expression, size_t length, const double *x, int ndata,
                                    const char *const *data, calx_fn **out);

/* ---- functions of the vector x of unconstrained params; doubles in and out, also with `precision single` ---- */

/* One expression of the program's names, or several with commas between: outputs one after the other. d(..) too. */
CALX_API calx_status calx_function(calx_model *m, const char *expression, size_t length, calx_fn **out);
/* The objective (the sum of what is minimised; what is maximised counts negative). Outputs: the value; the value, then
 * the gradient (size of x); the Hessian (size x size). */
CALX_API calx_status calx_value(calx_model *m, calx_fn **out);
CALX_API calx_status calx_gradient(calx_model *m, calx_fn **out);
CALX_API calx_status calx_hessian(calx_model *m, calx_fn **out);
/* Jacobian of the expressions by x, dense. Rows: the outputs' elements, columns: x. */
CALX_API calx_status calx_jacobian(calx_model *m, const char *expression, size_t length, calx_fn **out);
CALX_API void calx_fn_free(calx_fn *f);             /* and its works */
CALX_API int64_t calx_fn_inputs(const calx_fn *f);  /* length of x */
CALX_API int64_t calx_fn_outputs(const calx_fn *f); /* length of out */
typedef struct {
  int rank;
  const int64_t *dim;   /* as long as the function */
  int64_t size, offset; /* its numbers, and where they start in out */
} calx_output;
CALX_API int calx_fn_output_at(const calx_fn *f, int k, calx_output *out); /* 0: there is no k-th */

/* The same matrices as lists of their entries (row, column, value): outputs are the values, calx_sparsity their places.
 * They are read off the equations: one equation over N points is one pattern whatever N is, and nothing is probed.
 * Entries at one place add up, as they do in triplets of SciPy, UMFPACK or Ipopt. The Hessian is whole, not a triangle.
 * A matrix (or a block of one) without structure is listed in full. */
CALX_API calx_status calx_jacobian_sparse(calx_model *m, const char *expression, size_t length, calx_fn **out);
CALX_API calx_status calx_hessian_sparse(calx_model *m, calx_fn **out);
/* Fills row[] and col[], calx_fn_outputs(f) numbers each; CALX_E_USAGE when f is no sparse matrix. */
CALX_API calx_status calx_sparsity(calx_fn *f, int64_t *row, int64_t *col);

/* Scratch of one evaluation at a time. */
CALX_API calx_status calx_work_new(calx_fn *f, calx_work **out);
CALX_API void calx_work_free(calx_work *w);
/* x: calx_fn_inputs numbers, out: calx_fn_outputs. No allocation, no lock, no system call (but for waking threads, if
 * there are more than one). CALX_E_RUNTIME (a matrix that is not positive definite): calx_work_error says why. */
CALX_API calx_status calx_eval(const calx_fn *f, calx_work *w, const double *x, double *out);
CALX_API const char *calx_work_error(const calx_work *w); /* of its last evaluation, "" without; until the next one */

/* Expressions as a function of data as well: those named are arguments of every call, of the sizes and type of what is
 * bound to them (row-major). So a filter takes one image after another, bytes as bytes. in[k]: the array of data[k];
 * out[k]: the k-th output, doubles, or floats where the program says `precision single`; x: the params, may be NULL
 * where there are none. Values are not checked against domains. calx_eval on such a function is CALX_E_USAGE. */
CALX_API calx_status calx_function_of(calx_model *m, const char *expression, size_t length, const char *const *data,
                                      int ndata, calx_fn **out);
CALX_API calx_status calx_eval_arrays(const calx_fn *f, calx_work *w, const double *x, const void *const *in,
                                      void *const *out);

/* ---- solving ---- */

typedef struct {
  const char *name;
  double value;
  const char *text;
} calx_option; /* text: for words, value then ignored */
typedef struct {
  double value;         /* of the objective; what is maximised has its own sign */
  double gradient_norm; /* max-norm; NaN after a fit by batches */
  int64_t steps, evaluations;
  int converged;
  const char *reason; /* why it stopped; as long as the solver; of calx_minimize until the model's next one */
} calx_report;
/* The program's objective by a method of `fit by` with its options. x: start in, optimum out (length:
 * calx_param_count). callback (may be NULL) sees every step and returns non-zero to stop (CALX_E_INTERRUPT). */
typedef int (*calx_callback)(void *user, const calx_report *so_far, const double *x);
CALX_API calx_status calx_minimize(calx_model *m, const char *method, const calx_option *option, int noption, double *x,
                                   calx_callback callback, void *user, calx_report *report);
/* The same with the loop in the caller's hands: while (calx_iterate(s)) ... */
CALX_API calx_status calx_solver_new(calx_model *m, const char *method, const calx_option *option, int noption,
                                     const double *x, calx_solver **out);
CALX_API int calx_iterate(calx_solver *s); /* one step; 0: finished, ask for its status */
CALX_API calx_status calx_solver_status(calx_solver *s, calx_report *report);
CALX_API const double *calx_solver_x(calx_solver *s); /* until the next iterate */
CALX_API void calx_solver_free(calx_solver *s);

/* ---- integrals ---- */

typedef enum {
  CALX_INTEGRAL_OK,        /* within its tolerance: 1e-10 relative, or what the text says (tol = ..) */
  CALX_INTEGRAL_ROUNDOFF,  /* cancellation in the integrand leaves fewer digits: see its error */
  CALX_INTEGRAL_TOLERANCE, /* the budget of evaluations was spent before the tolerance: see its error */
  CALX_INTEGRAL_DIVERGES,  /* value NaN, error infinite */
  CALX_INTEGRAL_NAN        /* the integrand, an end or a parameter is not a number; value NaN, error infinite */
} calx_integral_state;
typedef struct {
  int64_t evaluations; /* of integrands, in all */
  int64_t missed;      /* how many are not CALX_INTEGRAL_OK */
  int64_t worst;       /* the number of the worst of these, and its relative error; -1, 0: none missed */
  double worst_error;
} calx_integral_report;
/* n values of an expression with integrals in it, compiled once and evaluated side by side:
 *
 *   calx_integrate(c, "integral(x in 0..inf: x^(s - 1) * exp(-rate * x))", SIZE_MAX, 2, (const char *[]){"s", "rate"},
 *                  (const double *[]){s, rate}, n, value, error, state, &report);
 *
 * The text is one expression, a number for each set of parameters; definitions of its own may stand on lines before it.
 * name[p] is a number in it, array[p][k] what it is in the k-th value. value, error, state: n each; error is the
 * estimate in the units of the value, absolute; error, state, report may be NULL. CALX_E_CONVERGENCE: all arrays are
 * filled, but not every one met its tolerance; state tells which, the diagnostics why. Any other failure leaves the
 * arrays undefined. n = 0 checks the text. */
CALX_API calx_status calx_integrate(calx_ctx *c, const char *text, size_t length, int nparam, const char *const *name,
                                    const double *const *array, int64_t n, double *value, double *error,
                                    calx_integral_state *state, calx_integral_report *report);

#ifdef __cplusplus
}
#endif
#endif
