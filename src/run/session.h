/* session.h - a program run from its first statement to its last: bind, elaborate, compile, fit, answer.
 * Everything a front end (command line, C API, Python) shows comes from here; nothing here prints. */
#ifndef CX_SESSION_H
#define CX_SESSION_H
#include <signal.h>

#include "back/back.h"
#include "run/integrals.h"
#include "front/elab.h"
#include "solve/solve.h"

typedef struct cx_session cx_session;

typedef struct {    /* a value of the program, named or asked for */
  const char *text; /* the expression, or the label of a string */
  bool label;
  cx_array value; /* dense doubles, row-major */
  const char *const *level;
  int nlevel;              /* names of categories */
  const char *const *said; /* text(s, c): what the values say, a text for all of them, or for each row */
  cx_integral_summary integrals;
} cx_result;

typedef struct { /* one curve or surface of a plot */
  const char *text;
  int64_t n;
  const double *x, *y; /* y NaN: a gap */
  bool points;         /* among curves; those of PLOT_SCATTER all are */
  bool area;           /* between the curve and 0 from x = lo to hi is shown */
  double lo, hi;
} cx_curve;
typedef enum {
  PLOT_FUNCTION, /* samples of a function: poles are cropped, jumps lift the pen */
  PLOT_SERIES,   /* the values of an array */
  PLOT_TRACE,    /* the objective along a fit: on a logarithmic scale where that shows more */
  PLOT_MATRIX,   /* z: a cell for each element, row 0 on top */
  PLOT_SCATTER,  /* points, a colour a curve */
  PLOT_IMAGES    /* pictures in rows */
} cx_plot_kind;
typedef struct {
  const char *caption; /* or NULL */
  const char *heading; /* begins a row of its own, below this text; or NULL */
  int64_t w, h;
  const double *z; /* row-major, row 0 on top */
  double lo, hi;   /* black, white */
  bool colour;     /* red, green and blue of every pixel */
} cx_picture;
typedef struct {
  cx_plot_kind kind;
  const char *title, *xlabel, *ylabel; /* may be NULL */
  cx_curve *curve;
  int ncurve;
  int64_t nx, ny; /* > 0: a map over two variables, z[ny][nx] of the first curve; colour bar */
  const double *z;
  double x0, x1, y0, y1;                   /* ranges of the variables */
  const char *const *xname, *const *yname; /* PLOT_MATRIX: what its columns and rows are called; NULL: numbers */
  cx_picture *picture;                     /* PLOT_IMAGES */
  int64_t npicture;
  int columns;      /* of the pictures; 0: as many as make them largest */
  const char *file; /* where the program wants it; NULL: the front end's choice */
} cx_plot;

typedef enum {
  EV_RESULT,
  EV_PLOT,
  EV_WRITE,
  EV_FIT_BEGIN,
  EV_FIT_PROGRESS,
  EV_FIT_END,
  EV_EXPLAIN,
  EV_LEFT
} cx_event_kind;
typedef struct { /* of the first `fits` fits of a program: reports, traces and params, as bytes */
  const void *at;
  size_t size;
  int fits;
} cx_left;
typedef struct {
  cx_event_kind kind;
  cx_span where;
  const cx_result *result;
  int nresult; /* EV_RESULT: one print statement */
  const cx_plot *plot;
  const char *path; /* EV_WRITE: file written */
  const cx_array *array;
  const char *text;            /* EV_EXPLAIN: lines; EV_FIT_*: the method */
  const cx_progress *progress; /* EV_FIT_PROGRESS */
  const cx_fit_report *fit;    /* EV_FIT_END */
  const cx_query *metric;      /* the fit's metrics, fit->nmetric of them */
  const cx_result *param;
  int nparam;          /* EV_FIT_END: fitted values */
  const cx_left *left; /* EV_LEFT: after the last statement */
} cx_event;

typedef struct {
  uint64_t seed;
  int threads;
  const char *dir;        /* folder of the program: data defaults, written files */
  const char *out;        /* folder for written files with relative names; NULL: the current one */
  const char *resume;     /* checkpoint to go on from */
  const cx_left *known;   /* what an earlier run's fits left: not solved again; NULL: none */
  const char *checkpoint; /* where Ctrl-C saves; NULL: FILE.ckpt in the current folder */
  volatile sig_atomic_t *stop;
  void (*event)(void *user, const cx_event *e);
  void *user;
  const char *const *ask; /* cx_session_predict: expressions to be answered instead of the program's questions */
  int nask;
  const char *to; /* and the file that the only one is written to */
  bool unbound;   /* check only: no data */
  bool console;   /* an expression alone prints (calx eval, calx repl) */
} cx_session_opt;

/* file: cx_source_add. arg: the command line's bindings. Errors are diagnostics; the status says which kind. */
cx_status cx_session_run(cx_ctx *c, int32_t file, const char *const *arg, int narg, const cx_session_opt *opt);
/* The program of a model file on new data: its fits are not run, its params are what the file says. Answered are
 * opt->ask, else the questions behind its last fit whose data are given. */
cx_status cx_session_predict(cx_ctx *c, const char *path, const char *const *arg, int narg, const cx_session_opt *opt);
/* derivatives of the program's objective and those it asks for against finite differences, all of it against the
 * reference evaluator; CX_E_DIAGNOSTIC when a row has a fault */
typedef struct {
  const char *name;
  int64_t n;
  double worst_fd, worst_ref; /* NaN: nothing to compare with */
  bool finite;
  const char *fault; /* NULL: as it should be */
  const char *note;
} cx_check_row;
cx_status cx_session_check(cx_ctx *c, int32_t file, const char *const *arg, int narg, const cx_session_opt *opt,
                           cx_arena *a, cx_check_row **row, int *nrow);
/* text of the equations after a pass ("elaborate": before all), "schedule": the byte code */
cx_status cx_session_dump(cx_ctx *c, int32_t file, const char *const *arg, int narg, const cx_session_opt *opt,
                          cx_arena *a, const char *after, char **text);
#endif
