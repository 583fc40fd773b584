/* model_file.h - a model in a file: safetensors with the params by name, and in its metadata all else that a prediction
 * needs:
 *   calx          version of the calx that wrote it
 *   calx.program  the program, imports in their places
 *   calx.data     JSON: {"sizes": {"n": 150, ..}, "levels": {"label": ["cat", ..], ..}, "vocabularies": {..}}
 * Beside a param with a domain stand its unknowns, NAME.raw. A definition computed from data alone, without a dimension
 * of rows, is a statistic of the data it was fitted to (a mean, a scale): it stands there as data.NAME. */
#ifndef CX_MODEL_FILE_H
#define CX_MODEL_FILE_H
#include "run/fn.h"

/* x: all params, of the model's precision; the first nparam of them are written */
void cx_model_write(const cx_model *m, const cx_program *p, cx_arena *t, const cx_flat *flat, int nparam, const void *x,
                    const char *path);

typedef struct {
  cx_file *file;
  int32_t program; /* cx_source_add */
  const struct cx_json *sizes, *levels, *vocabularies;
} cx_model_file;
/* throws CX_E_DATA where it is no model file */
cx_model_file cx_model_read(cx_ctx *c, cx_arena *a, const char *path);
/* its program as prediction wants it: data have no files of their own, none must be bound; texts keep their vocabularies */
void cx_model_declare(const cx_model_file *f, cx_program *p);
/* after cx_bind: categories get the numbers that the model knows, what is not bound the sizes that it was fitted with;
 * throws CX_E_DATA */
void cx_model_adapt(const cx_model_file *f, cx_ctx *c, cx_arena *a, cx_decl *decl, int n);
#endif
