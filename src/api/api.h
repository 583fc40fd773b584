/* api.h - the objects behind calx.h. */
#ifndef CX_API_H
#define CX_API_H
#include "base/base.h"
#include "calx.h"
#include "run/fitting.h"

struct calx_model {
  cx_ctx *ctx;
  cx_arena *arena;        /* the text and what is bound */
  int32_t file;
  cx_program *prog;
  cx_decl *decl;          /* as written; cx_bind works on copies */
  int threads;
  cx_model *m;
  cx_flat flat;
  const char **arg; int narg; /* file bindings */
};

struct calx_fn {
  const cx_fn *f;
  const cx_flat *flat;
  cx_ctx *ctx;
  int64_t inputs, outputs;
  int64_t *offset;        /* of each output in the caller's array */
  /* a Jacobian or Hessian is made of blocks: output (r, c) goes to rows row[k].., columns col[k].. */
  bool blocks;
  int64_t *row, *col, *nrow, *ncol, width;
  bool single;            /* the program's precision: converted at the edges */
};

struct calx_work {
  const calx_fn *f;
  cx_arena *arena;
  cx_work *w;
  void *x;                /* single: the input as floats */
  void **out;             /* where the engine writes */
  const char *why;
};

/* clears the diagnostics, then runs under a frame; used by every entry point */
#define API_ENTER(c, fr) cx_diag_clear(c); CX_TRY(c, fr)

/* the model elaborated for what is bound now; throws */
cx_model *cx_api_model(calx_model *m);
#endif
