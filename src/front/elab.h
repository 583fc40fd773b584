/* elab.h - from the program as written to equations. Sizes are numbers here: a program is elaborated when its data is
 * bound (or with stand-in sizes, to check a text without its data).
 *
 * An expression elaborates to a value: a scalar node over one free index variable for each of its dimensions. Nothing
 * is stored until something needs an equation of its own: a definition, the body of a reduction, an array argument. */
#ifndef CX_ELAB_H
#define CX_ELAB_H
#include "data/data.h"
#include "front/ast.h"
#include "ir/ir.h"

/* ---- what comes out ---- */
typedef enum { START_VALUE, START_NORMAL, START_UNIFORM } cx_start_kind;
typedef struct {
  cx_sym name;
  uint32_t eq;  /* the param as the program means it */
  uint32_t raw; /* the unconstrained input it is computed from; eq itself for a real param */
  cx_domain domain;
  cx_start_kind start;
  double a, b;      /* START_NORMAL: mean, sd; START_UNIFORM: ends */
  int32_t start_eq; /* START_VALUE: equation of the raw input's start, -1: zeros */
  int32_t value_eq; /* and of the start as the program gives it */
  int32_t follows;  /* no unknown, but the running mean of this equation over the steps of a fit; -1: an unknown */
  double rate;      /* follows: share of the new value at every step */
  cx_span start_span;
  cx_span span;
} cx_param;

typedef enum { ACT_PRINT, ACT_PLOT, ACT_WRITE, ACT_FIT, ACT_EXPLAIN } cx_action_kind;
typedef struct {
  char *text; /* the expression as calx spells it */
  uint32_t eq;
  bool label;        /* a string alone: text is it */
  bool trace;        /* plot trace: the objective of the last fit by step */
  uint32_t level_of; /* data whose category names the values carry, or CX_NO_EQ */
  bool spoken;       /* text(s, c): said as text, by */
  int unit;          /* cx_unit */
  const struct cx_vocab *vocab;
  bool points; /* plot y, f(t) against x for t in a..b: y */
  bool area;   /* plot integral(x in a..b: f): eq is f along x, and part the numbers a, b and the integral */
  uint32_t part[3];
} cx_query;
#define CX_NO_EQ UINT32_MAX
typedef struct {
  cx_action_kind kind;
  const cx_ast *ast;
  cx_query *query;
  int nquery;
  cx_sym var[2];
  double lo[2], hi[2];
  int nvar;
  uint32_t grid[2];           /* plot */
  cx_query against, by, also; /* plot of points, pictures with captions (`by, also`): eq CX_NO_EQ where there is none */
  cx_sym file;                /* write, plot to */
  cx_sym method;              /* fit */
  const cx_ast *options;      /* fit: the statement */
  uint32_t objective;         /* fit: what is minimised so far (CX_NO_EQ: nothing) */
  int nparam;                 /* fit: params declared so far */
  const int *only;            /* fit: numbers of the params that it is for, NULL: all of them */
  int nonly;
  bool model;    /* write: all params, the program and what belongs to it */
  int bits;      /* write: of each colour of a picture, 0: it was not said */
  bool maximize; /* the program said maximize: reports change the sign */
} cx_action;

typedef struct { /* a derivative that the program asks for: `calx check` compares it with differences */
  uint32_t of, leaf, out;
  int instances; /* so many first dimensions of the leaf are parallel instances */
  bool reverse;  /* out has the leaf's shape; else that of `of`, then the leaf's without its instances */
  cx_span span;
} cx_derivative;

typedef struct { /* an input whose values are known, though no data declaration gives them */
  uint32_t eq;
  cx_array array;
  int decl; /* 1 + the declaration of texts that it was made from; 0: none */
  int unit; /* then of a sequence: cx_unit, and what its numbers stand for */
  const struct cx_vocab *vocab;
} cx_given;
typedef struct {         /* a mean over random draws */
  uint32_t value, error; /* equations of one shape; error: its standard error */
  int64_t draws;
  double stream; /* estimates of one stream share their draws */
  cx_span span;
} cx_estimate;

typedef struct { /* of a condition on a distribution's parameters, what it compares */
  const char *text;
  cx_span span;
  uint32_t eq; /* at each place, its own dimensions behind; CX_NO_EQ: not known */
} cx_operand;
typedef struct {      /* a condition that is not known to hold (elab_demand.c) */
  uint32_t all, each; /* equations of 1 and 0: does it hold everywhere, does it at each place */
  const char *needs, *help;
  cx_span span;
  cx_operand *of;
  int n;
  bool late; /* looked at when a result is nan, not before */
} cx_demand;

typedef struct cx_model {
  cx_ctx *ctx;
  cx_arena *arena;
  cx_graph *graph;
  cx_decl *decl;
  int ndecl;
  uint32_t *decl_eq; /* input equation of each declaration */
  cx_given *given;
  int ngiven;
  const uint32_t *vary; /* data that change from call to call: then they, not the params, are what a function takes */
  int nvary;
  cx_param *param;
  int nparam;
  cx_action *action;
  int naction;
  cx_derivative *derivative;
  int nderivative;
  bool single;
  int32_t rows_eq; /* of a batch: the input of row numbers, else -1 */
  int64_t rows;    /* size of the batch axis of the whole data, 0 without data */
  cx_sym rows_name;
  /* what changes from step to step of a fit, scalar inputs (elab_step.c), -1 where the program has none */
  int32_t training_eq, draw_eq;
  bool training;          /* functions made of this model are those of a fit's steps */
  uint32_t objective;     /* all of it, CX_NO_EQ without */
  struct cx_binding *env; /* names at the end of the program */
  bool maximize;
  uint64_t seed; /* of its random draws: cx_elab_opt's */
  cx_estimate *estimate;
  int nestimate;
  const cx_demand *demand;
  int ndemand;
} cx_model;

/* the values of an input: data, or given; NULL: those of a param */
const cx_array *cx_input_array(const cx_model *m, uint32_t eq);
void cx_give(cx_model *m, uint32_t eq, cx_array x); /* it counts as data from now on */

/* does a param of this domain stay bounded as its unknown goes to +infinity (up), to -infinity? */
bool cx_domain_bounded(cx_domain d, bool up);

/* ---- in two steps ---- */
typedef struct cx_program {
  cx_ctx *ctx;
  cx_arena *arena;
  int32_t file;
  const char *dir; /* the program's folder, for imports and data defaults */
  cx_ast *ast;     /* imports spliced in */
  cx_decl *decl;
  int ndecl;
  const char *text; /* of all of it: imports in their places */
  size_t size;
  CX_VEC(cx_file *) read; /* what `load` has read */
  CX_VEC(struct cx_vocab *) vocab;
  CX_VEC(struct {
    const char *call;
    const void *of;
    const struct cx_vocab *vocab;
    int64_t texts;
    cx_array x;
  })
  counted; /* what texts have become, for the next elaboration */
} cx_program;
/* parse, splice imports, list the data declarations. Errors are diagnostics; the program comes back all the same. */
cx_program *cx_program_new(cx_ctx *c, cx_arena *a, int32_t file, const char *dir);
cx_program *cx_program_of(cx_ctx *c, cx_arena *a, cx_ast *root, int32_t file, const char *dir); /* parsed already */
typedef struct {
  bool unbound;    /* stand-in sizes for sizes that no data gives */
  bool no_queries; /* print, plot, write, explain left out */
  const cx_file
      *weights;  /* a model file of this very program: params start there, statistics of data are what it says */
  uint64_t seed; /* of random draws */
} cx_elab_opt;
/* decl: cx_bind's result. NULL and diagnostics when the program has errors. */
cx_model *cx_elaborate(cx_program *p, cx_arena *a, cx_decl *decl, int ndecl, const cx_elab_opt *opt);

/* ================= private to src/front/elab_*.c ================= */
typedef struct cx_val {
  bool bad; /* an error has been reported */
  uint8_t rank;
  cx_dim dim[CX_MAX_RANK];
  int64_t slot[CX_MAX_RANK]; /* free index variables that stand for the dimensions */
  const cx_node *e;
  cx_sym text; /* the value is text (e is NULL): only an argument of a function may be, see cx_elab_argument */
  cx_span span;
} cx_val;

typedef struct cx_binding {
  cx_sym name;
  enum { B_VALUE, B_INDEX, B_FUNCTION, B_LATER } kind;
  cx_val v;
  uint32_t leaf;           /* B_VALUE: equation that d(.., name) may differentiate by, else CX_NO_EQ */
  const cx_ast *fun;       /* B_FUNCTION: S_DEF_FUN */
  struct cx_binding **env; /* B_FUNCTION: what its body sees: the names of its statement list so far */
  const cx_decl *decl;
  bool maker;                /* a size introduced by data or a shape; B_FUNCTION: declared inside a block */
  bool text;                 /* data of words */
  struct recurrence *pieces; /* an array whose equations are not all read yet */
  cx_span span;
  struct cx_binding *next;
  bool top;                 /* a name of the whole program: found by the table, not by walking */
  struct cx_binding *older; /* top: the one before of this name */
} cx_binding;

/* names to pointers; a program may have thousands */
typedef struct {
  struct {
    cx_sym key;
    void *value;
  } * at;
  int n, cap;
} cx_names;
void **cx_names_at(cx_arena *a, cx_names *t, cx_sym key); /* its place, made when it is new */

typedef struct { /* a free index variable */
  cx_sym name;
  int64_t lo, hi;             /* when resolved */
  const cx_node *lo_e, *hi_e; /* ends that depend on other variables */
  bool resolved, wild,
      node;    /* node: of the places of an integral's variable; wild: bounds were asked before they were known */
  cx_sym size; /* the size's name, for messages */
  cx_span span;
} cx_var;

typedef struct { /* 0 <= u <= n - 1 must hold */
  const cx_node *u;
  int64_t n;
  cx_sym size;
  int8_t side; /* 0: both hold; +1: only the upper one, -1: only the lower one */
  bool weak;   /* below an `if`: may not hold where it is not read */
  cx_span span, of;
  cx_sym array;
} cx_constraint;

typedef struct cx_drawing { /* a mean over random draws whose expression is being read */
  int64_t slot;             /* the number of the draw */
  bool jumps;               /* a comparison or rounding of something drawn was met */
  struct cx_drawing *up;
} cx_drawing;

typedef struct cx_site {
  const cx_ast *call; /* or the definition, where all calls are one */
  bool shared;
  struct cx_site *up;
} cx_site;

enum { CX_STANDIN = 997 }; /* sizes from here on stand in for those that no data gives */
typedef struct cx_elab {
  cx_ctx *ctx;
  cx_arena *arena;
  cx_graph *g;
  cx_program *prog;
  cx_model *m;
  cx_elab_opt opt;
  cx_binding *env;
  cx_names top;  /* newest binding of every name of the program */
  cx_names last; /* last equation of every array of the program */
  CX_VEC(cx_var) var;
  CX_VEC(cx_constraint) con;
  CX_VEC(cx_given) given;
  CX_VEC(cx_param) param;
  CX_VEC(cx_action) action;
  CX_VEC(cx_derivative) derivative;
  bool derives;        /* somewhere in the program a derivative is written */
  CX_VEC(uint32_t) by; /* what the derivatives around are taken by */
  CX_VEC(struct {
    const cx_ast *decl;
    cx_site *site;
    cx_val v;
    uint32_t leaf;
    int number; /* of the call among those of its function that own params, from 1 */
  })
  made; /* params of calls */
  CX_VEC(uint32_t) objective;
  CX_VEC(cx_estimate) estimate;
  CX_VEC(cx_demand) demand;
  CX_VEC(struct {
    const cx_node *e;
    const cx_ast *call;
  })
  demanded; /* those nodes are */
  cx_drawing *drawing;
  cx_site *site;
  cx_binding *lib; /* functions of the standard library */
  bool lib_loaded;
  CX_VEC(struct cx_distribution *) distribution;
  cx_names random;                          /* names that some expect(x ~ ..) binds */
  cx_names whole;                           /* arrays that random numbers make up, by the last of these */
  cx_names dist_files, members, conditions; /* files of lib/dist that are read; functions of a distribution's block */
  bool retry;                               /* something waited for a range: elaborate the scope again */
  int open;                                 /* scopes around whose ranges are not known yet */
  int guarded;                              /* depth of `if` branches */
  int branches;                             /* those around the call of a function, too */
  int depth;
  bool objective_bad, param_bad; /* one could not be read: no word about its absence */
  bool subscripting;
  bool plotting;                 /* a plot over no variable */
  cx_sym defining;               /* name = .. at hand */
  cx_names done;                 /* function -> its latest calls: the same arguments give the same value */
  int64_t applied, owned;        /* calls so far; params met so far */
  CX_VEC(const cx_ast *) broken; /* functions whose body has an error: said once */
  cx_binding *scope;             /* names below this one belong to the statement list at hand */
  bool in_block;
  int64_t *context;
  int ncontext; /* free variables of the arguments around */
  cx_decl *decl;
  int ndecl;
  int64_t standin;                        /* next stand-in size */
  CX_VEC(struct recurrence *) unfinished; /* arrays whose equations are being read, and those closed meanwhile */
  int nunfinished;                        /* that are not closed */
  const cx_val *start;                    /* the shape of the param whose start is read, NULL: none is */
} cx_elab;

/* elab_value.c */
cx_val cx_v_bad(cx_span s);
cx_val cx_v_node(const cx_node *e, cx_span s);
cx_val cx_v_num(cx_elab *E, double x, cx_span s);
cx_val cx_v_load(cx_elab *E, uint32_t eq, cx_span s);                               /* whole equation */
int64_t cx_var_new(cx_elab *E, cx_sym name, cx_span s);                             /* unresolved; returns its slot */
int64_t cx_var_range(cx_elab *E, cx_sym name, int64_t lo, int64_t hi, cx_sym size); /* resolved */
cx_var *cx_var_of(cx_elab *E, int64_t slot);
cx_val cx_v_fresh(cx_elab *E, cx_val v);                                 /* the same value over new index variables */
const cx_node *cx_v_at(cx_elab *E, cx_val v, const cx_node *const *sub); /* an element */
cx_val cx_v_map(cx_elab *E, cx_op op, const cx_val *arg, int n, cx_span s); /* broadcast */
bool cx_v_align(cx_elab *E, cx_val *arg, int n, cx_val *shape, const char *what, cx_span s);
cx_val cx_v_reduce(cx_elab *E, cx_red red, const int64_t *slot, int n, cx_val v, cx_span s);
cx_val cx_v_reduce_all(cx_elab *E, cx_red red, cx_val v, cx_span s);
cx_val cx_v_store(cx_elab *E, cx_val v, cx_sym name,
                  uint32_t *eq); /* gives it an equation; *eq CX_NO_EQ while probing */
/* the equation of v over just these variables around it, then its own; CX_NO_EQ while one has no range, or on an error */
uint32_t cx_v_over(cx_elab *E, cx_val v, cx_sym name, const int64_t *ctx, int n);
cx_val cx_v_materialise(cx_elab *E, cx_val v, cx_sym name); /* only when it is more than a read */
cx_val cx_v_subscript(cx_elab *E, cx_val base, const cx_val *sub, const bool *all, int n, cx_span s, cx_sym name);
cx_val cx_v_matmul(cx_elab *E, cx_val a, cx_val b, cx_span s);
cx_val cx_v_in_front(cx_elab *E, cx_val v, cx_val front, cx_span s); /* the dimensions of front before its own */
cx_val cx_v_mean(cx_elab *E, cx_val sum, double count, cx_span s);
bool cx_slot_insert(int64_t *slot, int n, int64_t s); /* among n ascending ones, as everywhere; false: it is there */
int cx_free_slots(cx_elab *E, const cx_node *e, int64_t *slot, int max);        /* ascending; -1: more than max */
const char *cx_v_shape(cx_elab *E, cx_val v);                                   /* "[n = 150, d = 4]" */
bool cx_v_fits(cx_elab *E, cx_sym name, const int64_t *size, int n, cx_span s); /* else an error: too many elements */
bool cx_v_const(cx_elab *E, cx_val v, double *x);
cx_interval cx_var_bounds(cx_elab *E, const cx_node *e);
/* elab_range.c */
void cx_constrain(cx_elab *E, const cx_node *u, cx_dim d, cx_sym array, cx_span s, cx_span of); /* of: array[u] */
/* runs body twice where the first run could not know a range */
typedef cx_val (*cx_scope_fn)(cx_elab *E, void *user);
cx_val cx_in_scope(cx_elab *E, const int64_t *slot, int n, cx_scope_fn fn, void *user, cx_span s);
/* elab_name.c, elab_expr.c, elab_call.c, elab_diff.c, elab_stmt.c */
cx_val cx_elab_name(cx_elab *E, const cx_ast *x);
bool cx_reads(const cx_ast *x, cx_sym name); /* does the name stand in it? */
cx_val cx_elab_expr(cx_elab *E, const cx_ast *x);
cx_val cx_elab_argument(cx_elab *E, const cx_ast *x); /* of a function written in calx: may be text */
cx_val cx_elab_call(cx_elab *E, const cx_ast *x);
/* elab_integral.c */
cx_val cx_elab_integral(cx_elab *E, const cx_ast *x); /* and a series: sum(k in 0..inf: e) */
bool cx_is_series(cx_elab *E, const cx_ast *x);
/* prim integral or series (pass/integral.h) of what fn gives, in which `name` is a number between lo and hi; prim
 * crossing: the root of what fn gives. tol < 0: that of an integral or a series, which nobody asked for. */
cx_val cx_bind_variable(cx_elab *E, const cx_prim *prim, cx_sym name, cx_span where, cx_val lo, cx_val hi, double tol,
                        cx_val (*fn)(cx_elab *E, void *user), void *user, cx_span s);
cx_val cx_elab_block(cx_elab *E, const cx_ast *x);
cx_val cx_elab_d(cx_elab *E, const cx_ast *x);
cx_val cx_elab_primes(cx_elab *E, const cx_ast *x, cx_binding *f, cx_op op, cx_val arg);
bool cx_is_reduction(const char *name);
cx_val cx_reduce_call(cx_elab *E, const char *name, cx_val v, cx_span s, bool *found); /* sum(z)… over a whole array */
cx_val cx_elab_at(cx_elab *E, const cx_ast *x);
/* elab_apply.c */
cx_val cx_apply(cx_elab *E, cx_binding *f, cx_val *arg, int n, const cx_ast *call); /* fewer: options left out */
bool cx_has_options(const cx_ast *def);
cx_val cx_call_with_options(cx_elab *E, cx_binding *f, const cx_ast *x);
cx_binding *cx_bind_name(cx_elab *E, cx_sym name, int kind, cx_span s);
void cx_settle(cx_elab *E); /* the names bound so far are names of the whole program */
cx_binding *cx_lookup_env(cx_elab *E, cx_sym name, bool function); /* not in the library */
cx_binding *cx_lookup(cx_elab *E, cx_sym name, bool function);
bool cx_later(cx_elab *E, cx_sym name, cx_span s); /* a name that another release brings: its error */
cx_val cx_lookup_failed(cx_elab *E, cx_sym name, bool function, cx_span s);
bool cx_elab_stmt(cx_elab *E, const cx_ast *s);
cx_val cx_elab_param(cx_elab *E, const cx_ast *item);
bool cx_param_start(cx_elab *E, cx_param *p, cx_val v); /* v: of the param's shape */
/* elab_text.c */
bool cx_is_text_call(const char *name);
cx_val cx_elab_text(cx_elab *E, const cx_ast *x);             /* tfidf(message), characters(corpus) .. */
bool cx_text_query(cx_elab *E, const cx_ast *x, cx_query *q); /* text(s, c): false: it is none */
bool cx_text_classes_of(cx_elab *E, uint32_t eq, double *n);  /* of a sequence: how many numbers there are */
/* elab_load.c */
void cx_elab_load(cx_elab *E, const cx_ast *s);
void cx_elab_weights(cx_elab *E);                                   /* opt.weights for every param */
void cx_elab_fit_params(cx_elab *E, const cx_ast *s, cx_action *a); /* fit W, b by .. */
/* a definition whose value the model file keeps, eq its equation */
void cx_elab_statistic(cx_elab *E, cx_sym name, uint32_t eq);
cx_val cx_v_given(cx_elab *E, cx_sym name, const cx_array *x, const cx_dim *dim, cx_span s); /* an array as a value */
cx_domain cx_elab_domain(cx_elab *E, const cx_ast *d);
/* elab_step.c */
cx_val cx_elab_training(cx_elab *E, cx_span s); /* 1 in the steps of a fit, else 0 */
const cx_node *cx_draw_number(cx_elab *E);      /* new at every step of a first-order fit, else the seed's */
cx_val cx_elab_draw(cx_elab *E, const cx_ast *call, cx_val *arg);           /* random_uniform, random_normal */
cx_val cx_elab_running(cx_elab *E, const cx_ast *call, cx_val *arg, int n); /* running(x, rate, start) */
cx_val cx_elab_rows_at_hand(cx_elab *E, cx_val x, cx_span s);
cx_sym cx_param_name(cx_elab *E, cx_sym name, int *which);                         /* of a param inside of a call */
cx_binding *cx_param_made(cx_elab *E, const cx_ast *decl, cx_sym name, cx_span s); /* at this place before; NULL: not */
void cx_param_add(cx_elab *E, const cx_ast *decl, cx_param p, cx_val v, int number);
bool cx_elab_int(cx_elab *E, const cx_ast *x, int64_t *n); /* a constant integer expression, with its error */
void cx_load_library(cx_elab *E);
bool cx_in_library(const cx_elab *E, cx_span at); /* does this place lie in the standard library */
void cx_elab_list(cx_elab *E, cx_ast *const *stmt, int n);
/* lengths of the dimensions from the n-th on of an array whose equations are being read, as far as they say so */
void cx_row_lengths(const cx_binding *b, cx_val *base, int n, const bool *all);
/* is this subscript an integer if the arrays are whose equations are being read (which are asked when they are) */
bool cx_integer_later(cx_elab *E, const cx_node *u, cx_span s);
/* functions of a list may be used before they stand there; *here: the list's names, kept up to date by its owner */
void cx_hoist_functions(cx_elab *E, cx_ast *const *stmt, int n, cx_binding **here);
uint32_t cx_elab_levels(cx_elab *E, const cx_ast *x);  /* the data whose words its numbers stand for, or CX_NO_EQ */
bool cx_elab_is_category(cx_elab *E, const cx_ast *x); /* text(e, y), y a category: e in the words of y */
void cx_elab_plot(cx_elab *E, const cx_ast *s);
cx_val cx_elab_free(cx_elab *E, const cx_ast *x); /* as cx_elab_expr, but names that only subscript become dimensions */
#endif
