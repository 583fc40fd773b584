/* api.h - the objects behind calx.h. */
#ifndef CX_API_H
#define CX_API_H
#include "base/base.h"
#include "calx.h"
#include "run/fitting.h"
#include "run/model_file.h"

/* Whatever is handed out is a part: it lives in an arena of its own, and the parts made from it go with it.
 *   context: models: bound data: functions: works
 *                                solvers                                                                     */
typedef struct cx_part cx_part;
struct cx_part {
  cx_arena *arena;
  cx_part *up, *kids, *next, **link; /* link: what points here among the parts of up */
  bool orphan;                       /* nobody else asks for it any more: it goes with the last of its parts */
};
void cx_part_init(cx_part *p, cx_arena *a, cx_part *up);
void cx_part_free(cx_part *p);
void cx_part_leave(cx_part *p); /* freed when the last part made from it is */

typedef struct calx_bound calx_bound;
struct calx_model {
  cx_part part;
  cx_ctx *ctx;
  cx_program *prog; /* its declarations hold the caller's arrays */
  const char **arg;
  int narg;                  /* file bindings */
  const cx_model_file *file; /* that calx_open read, NULL: none */
  calx_bound *now;           /* NULL: something was bound since */
  char reason[240];          /* of the last calx_minimize */
};

/* The model with one set of data. What was made from it keeps it alive when other data are bound. */
struct calx_bound {
  cx_part part;
  calx_model *of;
  cx_decl *decl;
  cx_model *m; /* read only: whoever differentiates elaborates a model of its own */
  cx_flat flat;
  calx_param *param;
  cx_fn **value;
  cx_work **work; /* of each param, made when first asked for */
};

/* Places of the entries that one output of a sparse function holds: affine in the indices of a box, or listed. */
typedef struct {
  int64_t n, row, col; /* the first entry's place; of a list, what its numbers count from */
  int rank;
  int64_t size[CX_MAX_RANK], row_step[CX_MAX_RANK], col_step[CX_MAX_RANK];
  const int64_t *rows, *cols; /* the list; NULL: affine */
  const int64_t *keep;        /* which of the output's numbers are entries; NULL: all */
} cx_entries;

struct calx_fn {
  cx_part part;
  const cx_fn *f;
  cx_flat flat;
  cx_ctx *ctx;
  int64_t inputs, outputs;
  calx_output *out;
  int nout;
  /* The k-th output of f is a matrix of row[k] x col[k], and goes into the caller's array from start[k] on, where a row
   * follows another after `width` numbers. Outputs of one row go there directly. */
  bool direct;
  int64_t *start, *row, *col, width;
  cx_entries *entries; /* of each output of f; NULL: not sparse */
  uint32_t *data;      /* equations of the data that are arguments: calx_function_of */
  int ndata;
};

struct calx_work {
  cx_part part;
  cx_work *w;
  float *x; /* single: the input, which `convert` makes of the caller's doubles */
  void (*const *convert)(void *d, const void *s, int64_t n);
  void **out; /* where the engine writes */
  const char *why;
};

/* Every entry point: API_TRY(ctx) { ... API_DONE(ctx) ... return CALX_OK; } return cx_api_failed(ctx, its status);
 * A call that noted an error has failed, even where it could go on. */
#define API_TRY(c)    \
  cx_frame api_frame; \
  cx_diag_clear(c);   \
  CX_TRY(c, api_frame)
#define API_DONE(c) (cx_error_count(c) ? cx_throw((c), cx_diag_status(c)) : (void)0, CX_END((c), api_frame))
calx_status cx_api_failed(cx_ctx *c, cx_status s); /* the code of the first error noted, s without one */
_Noreturn void cx_api_misuse(cx_ctx *c, const char *help, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* text + length of the caller: SIZE_MAX up to the terminating 0, NULL is the empty text */
int32_t cx_api_source(cx_ctx *c, const char *name, const char *text, size_t length);

/* ---- functions ---- */
/* what is asked of a model e (to be added to), as a function in arena a; t: scratch; of[]: its equations */
typedef calx_fn *cx_api_build(cx_model *e, cx_arena *a, cx_arena *t, const uint32_t *of, int n);
typedef enum { OF_TEXT, OF_OBJECTIVE, OF_GRADIENT } cx_api_of; /* gradient: the objective, then its gradient by param */
calx_status cx_api_make(calx_model *m, cx_api_of what, cx_api_build *build, const char *text, size_t length,
                        calx_fn **out);
/* the program once more with the expressions behind it, read in the scope of its end; their equations */
uint32_t *cx_api_expressions(calx_bound *b, cx_arena *t, const char *text, size_t length, cx_model **e, int *n);
calx_fn *cx_api_values(cx_model *e, cx_arena *a, cx_arena *t, const uint32_t *of, int n); /* the equations' values */
calx_fn *cx_api_compile(const cx_model *e, cx_arena *a, const uint32_t *root, int n);     /* without outputs yet */
void cx_api_add_output(calx_fn *f, int rank, const int64_t *dim);

cx_decl *cx_api_decl(const cx_program *p, cx_arena *a); /* binding and elaboration fill in sizes */
calx_bound *cx_api_bound(calx_model *m);                /* for what is bound now; throws */
cx_model *cx_api_elaborate(calx_bound *b, cx_program *p, cx_arena *a);
#endif
