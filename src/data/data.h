/* data.h - arrays as they come from files or the caller, their readers and writers, and how they are bound
 * to the `data` declarations of a program. */
#ifndef CX_DATA_H
#define CX_DATA_H
#include "ir/ir.h"

typedef enum { CX_F64, CX_F32, CX_I64, CX_I32, CX_I16, CX_U16, CX_I8, CX_U8, CX_DTYPE_COUNT } cx_dtype;
extern const uint8_t cx_dtype_size[CX_DTYPE_COUNT];

typedef struct cx_array {
  cx_dtype type;
  int rank;
  int64_t dim[CX_MAX_RANK];
  int64_t stride[CX_MAX_RANK]; /* in elements; a column of a table read by columns has stride 1 in its rows */
  const void *data;            /* borrowed: a mapping, the caller's, or the arena's */
  const void *map;             /* the mapped file that it was read from, map_bytes long; NULL: none */
  size_t map_bytes;
  const char *const *level;
  int nlevel;                /* names: the values are 0..nlevel-1. As read: distinct, in order of appearance;
                                           bound to a category: sorted. A text column of a file is such an array too. */
  const char *const *text;   /* one string an element (bound to text; type is then unused) */
  const char *origin;        /* the file's path, for messages; NULL: the caller's array */
  const char *const *column; /* from a table: what each of its columns is called, for messages; else NULL */
  int64_t first_line;        /* line of row 0 in a text file, 0 where it has no lines */
  const int64_t *line; /* line of every row where blank lines or line breaks in quotes make them uneven, else NULL */
  const char *const *file; /* of every row where a folder's files were put together, else NULL */
  bool picture;            /* one image, [h, w] or [h, w, 3], of a file that holds nothing else */
} cx_array;
double cx_array_get(const cx_array *a, const int64_t *at);
cx_array cx_array_dense(const double *p, int rank, const int64_t *dim); /* borrows p */
void cx_array_row_major(cx_array *x, int rank, const int64_t *dim);     /* sets sizes and strides */
bool cx_array_contiguous(const cx_array *a);                            /* row-major, without gaps */
int64_t cx_array_count(const cx_array *a);
/* rows [lo, hi) are not needed soon: where they lie in a mapped file, the process lets its pages go (they come back when
 * they are read) */
void cx_array_drop(const cx_array *a, int64_t lo, int64_t hi);
/* n elements from the given one on, in row-major order */
void cx_array_run(const cx_array *a, int64_t first, int64_t n, double *to);
/* rows [lo, hi) × everything else, as row-major doubles / floats */
void cx_array_copy(const cx_array *a, int64_t lo, int64_t hi, double *to);
void cx_array_copy_f32(const cx_array *a, int64_t lo, int64_t hi, float *to);

/* ---- files ---- */
typedef struct {
  const char *name;
  cx_array array;
} cx_column; /* name NULL: the file has no names */
typedef struct {
  const char *key, *value;
} cx_note;
typedef struct {
  cx_column *col;
  int ncol;
  const char *path;
  bool is_table;
  bool classes;        /* a folder's: column 0 its texts or images, column 1 what their files or folders are called */
  const cx_note *note; /* what a safetensors file says of itself */
  int nnote;
} cx_file; /* table: columns of equal length */
/* by content first, then by extension: CSV/TSV/text columns, NPY, NPZ, safetensors, IDX(.gz), PNG, JPEG, a folder of images or of
 * texts.
 * Throws CX_E_DATA with a diagnostic naming file, line and column. */
cx_file *cx_read_file(cx_ctx *c, cx_arena *a, const char *path, cx_span span); /* span: what asks for it */
/* by extension .csv .tsv .npy .png .txt; writes to a temporary beside it and renames, so a full disk or a kill leaves
 * the old file whole; throws CX_E_RUNTIME */
void cx_write_file(cx_ctx *c, const char *path, const cx_array *x, const char *const *column_names);
void cx_write_png(cx_ctx *c, const char *path, const cx_array *x, int bits); /* 8 or 16 a colour; cx_write_file: 8 */
/* arrays with their names, row-major and without gaps, and notes; the same way */
void cx_write_safetensors(cx_ctx *c, const char *path, const cx_column *tensor, int n, const cx_note *note, int nnote);
const char *cx_file_note(const cx_file *f, const char *key);       /* NULL: there is none */
const cx_array *cx_file_array(const cx_file *f, const char *name); /* NULL: there is none of exactly this name */

/* ---- declarations ---- */
typedef enum {
  DOM_REAL,
  DOM_INT,
  DOM_BOOL,
  DOM_TEXT,
  DOM_CATEGORY,
  DOM_IMAGE,
  DOM_POSITIVE,
  DOM_UNIT,
  DOM_INTERVAL, /* lo, hi; either may be infinite */
  DOM_SIMPLEX,
  DOM_ORDERED,
  DOM_POSITIVE_ORDERED,
  DOM_SUM_TO_ZERO,
  DOM_UNIT_VECTOR,
  DOM_CORRELATION,
  DOM_COVARIANCE,
  DOM_CHOLESKY_CORRELATION,
  DOM_CHOLESKY_COVARIANCE,
  DOM_ORTHONORMAL, /* columns; the other domains of matrices are square */
  DOM_COUNT
} cx_domain_kind;
extern const char *const cx_domain_name[DOM_COUNT];
typedef struct {
  cx_domain_kind kind;
  double lo, hi;
} cx_domain; /* int(0..9): DOM_INT with 0, 9 */

typedef struct cx_decl {
  cx_sym name;
  int rank;
  cx_dim dim[CX_MAX_RANK]; /* n = -1: a size the data decides; name: its name */
  cx_domain domain;
  const char *file; /* default, relative to the program's folder; NULL: none */
  cx_span span;
  cx_array array; /* filled by cx_bind */
  bool bound;
  bool optional; /* cx_bind may find nothing for it */
  bool varies;   /* other values of the same sizes and type will take its place */
} cx_decl;

/* "labels.csv:17: column y" or "X.npy: X[3, 0]": the place of the element with this row-major number */
char *cx_element_place(cx_arena *a, const cx_decl *d, const cx_array *x, int64_t k);
/* reports what breaks the declared domain, at most one error a declaration (domain.c) */
bool cx_domain_check(cx_ctx *c, const cx_decl *d, cx_status code);

/* Binds every declaration: arg[] are the command line's, "name=path", "name=3.5" (a scalar), "name=path:column", or
 * a bare "path" whose columns are matched by name: `data x[n], y[n]` take columns x, y; one rank-2 declaration that no
 * column is called like takes all remaining numeric columns in file order; NPZ likewise by member name.
 * Then domains and sizes are checked: one name, one size; int values integral and inside their range; category from
 * strings or integers; missing or NaN refused. All errors are reported before it throws CX_E_DATA. dir: the program's folder. */
void cx_bind(cx_ctx *c, cx_arena *a, cx_decl *decl, int ndecl, const char *const *arg, int narg, const char *dir);
/* the bound category's numbers become those of level[n]; a word that is none of them is an error, not thrown */
void cx_relabel(cx_ctx *c, cx_arena *a, cx_decl *d, const char *const *level, int n);
/* the same checks for arrays that the caller bound itself (decl[].bound) */
void cx_bind_check(cx_ctx *c, cx_decl *decl, int ndecl);
#endif
