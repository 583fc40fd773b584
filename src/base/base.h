/* base.h - what every room stands on: the context, memory that can fail, names, diagnostics.
 *
 * Memory: everything a compilation makes lives in an arena; an allocation never returns NULL, it leaves
 * through cx_throw to the innermost CX_TRY of the context. Nothing else needs a free, so nothing leaks
 * on that way out. Resources that are no memory (files, mappings) are registered with cx_defer. */
#ifndef CX_BASE_H
#define CX_BASE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct calx_ctx cx_ctx;
typedef struct cx_arena cx_arena;

/* Status codes are also the exit codes of the command line. */
typedef enum {
  CX_OK = 0,
  CX_E_RUNTIME = 1, /* numeric or run-time error, out of memory, I/O */
  CX_E_USAGE = 2,
  CX_E_PROGRAM = 3,     /* error in the program text */
  CX_E_DATA = 4,        /* data file or bound array */
  CX_E_CONVERGENCE = 5, /* infeasible, diverged or not converged */
  CX_E_DIAGNOSTIC = 6,
  CX_E_INTERRUPT = 130
} cx_status;

/* ---- context ---- */
typedef void *(*cx_alloc_fn)(void *user, void *ptr, size_t old_size,
                             size_t new_size);  /* realloc-shaped; new_size 0 frees */
cx_ctx *cx_ctx_new(cx_alloc_fn fn, void *user); /* fn NULL: the C library's. NULL when out of memory. */
void cx_ctx_free(cx_ctx *c);

/* ---- leaving on failure ----
 *   cx_frame f;
 *   CX_TRY(c, f) { ... may throw ... CX_END(c, f); } else { status = f.status; }
 * Locals changed inside and read after must be volatile. What throws through a frame frees the arenas made in it. */
typedef struct cx_frame {
  jmp_buf env;
  struct cx_frame *up;
  cx_status status;
  bool owns; /* an arena was made in it */
} cx_frame;
void cx_push(cx_ctx *c, cx_frame *f);
void cx_pop(cx_ctx *c, cx_frame *f);
_Noreturn void cx_throw(cx_ctx *c, cx_status s); /* pops the frame it jumps to */
#define CX_TRY(c, f) if (cx_push((c), &(f)), setjmp((f).env) == 0)
#define CX_END(c, f) cx_pop((c), &(f))

/* ---- arenas ---- */
cx_arena *cx_arena_new(cx_ctx *c);                        /* freed by what throws through the frame around it */
void cx_arena_keep(cx_arena *a);                          /* no longer: its holder frees it, or the context */
void cx_arena_free(cx_arena *a);                          /* runs the deferred calls, last first */
void *cx_alloc(cx_arena *a, size_t n);                    /* zeroed, 64-byte aligned when n >= 64, else 16 */
void *cx_alloc_n(cx_arena *a, size_t count, size_t size); /* throws on overflow of count * size */
char *cx_strdup(cx_arena *a, const char *s, size_t n);    /* adds the final 0 */
char *cx_format(cx_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *cx_vformat(cx_arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0), nonnull(2)));
void cx_defer(cx_arena *a, void (*fn)(void *), void *p); /* when it cannot be registered, runs at once and throws */
cx_ctx *cx_arena_ctx(cx_arena *a);
cx_arena *cx_ctx_arena(cx_ctx *c); /* lives as long as the context */
enum { CX_SLOT_RULES, CX_SLOT_COLUMNS, CX_SLOT_PROFILE, CX_SLOT_STOP, CX_SLOTS }; /* _STOP: what Ctrl-C sets */
void **cx_ctx_slot(cx_ctx *c, int k); /* what another room keeps once a context; NULL at first */

#define CX_NEW(a, T)      ((T *)cx_alloc((a), sizeof(T)))
#define CX_NEW_N(a, T, n) ((T *)cx_alloc_n((a), (size_t)(n), sizeof(T)))

/* A growing array in an arena: struct { T *at; int n, cap; } v = {0}; *CX_PUSH(arena, v) = x; */
#define CX_VEC(T) \
  struct {        \
    T *at;        \
    int n, cap;   \
  }
#define CX_PUSH(a, v) \
  ((v).n == (v).cap ? (void)((v).at = cx_grow((a), (v).at, &(v).cap, sizeof *(v).at)) : (void)0, &(v).at[(v).n++])
void *cx_grow(cx_arena *a, void *old, int *cap, size_t size);

/* ---- text that grows; at is always ended by a 0 (after the first cx_put) ---- */
typedef struct {
  cx_arena *arena;
  char *at;
  int n, cap;
} cx_buf;
void cx_put(cx_buf *b, const char *s, size_t n);
void cx_puts(cx_buf *b, const char *s);
void cx_putf(cx_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));

/* the folders in front of the last / of path are made where they are missing; false, with errno: one cannot be */
bool cx_make_folders(cx_arena *a, const char *path);

/* ---- characters and numbers, whatever the locale ---- */
/* the character at s < end: its length in bytes; *cp is 0xFFFFFFFF (and the length 1) where it is no UTF-8 */
int cx_utf8(const char *s, const char *end, uint32_t *cp);
int cx_char_width(uint32_t cp);        /* columns of a terminal: 0, 1 or 2 */
int cx_width(const char *s, size_t n); /* columns of the n bytes */
/* one decimal number from p on, correctly rounded, locale aside; dec is the decimal point. Returns where it stops, NULL:
 * no number stands there */
const char *cx_parse_number(const char *p, const char *end, char dec, double *out);
bool cx_read_double(const char *s, size_t n,
                    double *out);                   /* the whole of s[0..n) as a decimal number, correctly rounded */
const char *cx_show_double(char buf[32], double x); /* shortest text that reads back as x; returns buf */

double cx_now(void);                           /* seconds of a clock that only goes on */
int cx_by_value(const void *x, const void *y); /* qsort, bsearch: doubles, ascending */

/* ---- arrays of floats (single) or doubles ---- */
static inline double cx_real_at(const void *v, int64_t k, bool single) {
  return single ? (double)((const float *)v)[k] : ((const double *)v)[k];
}
static inline void cx_set_real(void *v, int64_t k, bool single, double x) {
  if (single) ((float *)v)[k] = (float)x;
  else ((double *)v)[k] = x;
}

/* ---- interned names: equal names are the same pointer, alive as long as the context ---- */
typedef const char *cx_sym;
cx_sym cx_intern(cx_ctx *c, const char *s, size_t n);
cx_sym cx_intern_z(cx_ctx *c, const char *s);
/* the candidate nearest to `name` by edit distance with transpositions, or NULL when none is near */
const char *cx_nearest(const char *name, const char *const *candidates, int n);

/* ---- sources and diagnostics ---- */
typedef struct {
  int32_t file;
  uint32_t beg, end;
} cx_span; /* bytes; file -1: no place */
#define CX_NOSPAN ((cx_span){-1, 0, 0})
int32_t cx_source_add(cx_ctx *c, const char *name, const char *text,
                      size_t n); /* text is copied; once where it is the same */
const char *cx_source_name(const cx_ctx *c, int32_t file);
const char *cx_source_text(const cx_ctx *c, int32_t file, size_t *n);
void cx_source_pos(const cx_ctx *c, int32_t file, uint32_t byte, int *line,
                   int *column); /* from 1; column in characters */
cx_span cx_span_join(cx_span a, cx_span b);

typedef enum { CX_ERROR, CX_WARNING, CX_NOTE } cx_severity;
/* Adds a diagnostic and returns its number. Its first line ends without a full stop. */
int cx_diag(cx_ctx *c, cx_severity sev, cx_status code, cx_span where, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void cx_diag_label(cx_ctx *c, int diag, cx_span where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));                              /* a second place */
void cx_diag_move(cx_ctx *c, int diag, cx_span where, const char *was); /* a label `was` stays at the old place */
void cx_diag_help(cx_ctx *c, int diag, const char *fmt, ...) __attribute__((format(printf, 3, 4))); /* the remedy */
int cx_error_count(const cx_ctx *c);
int cx_diag_count(const cx_ctx *c);
void cx_diag_clear(cx_ctx *c);
void cx_diag_forget(cx_ctx *c, int from);  /* those from number `from` on were only tried */
void cx_diag_sort(cx_ctx *c, int from);    /* those from number `from` on, by place */
bool cx_ran_out(const cx_ctx *c);          /* an error says that there was no memory */
cx_status cx_diag_status(const cx_ctx *c); /* of the first error, CX_OK without one */
/* the whole diagnostic with source line and carets, as the command line shows it; color: ANSI */
char *cx_diag_render(cx_ctx *c, cx_arena *a, int diag, bool color);
typedef struct {
  cx_severity sev;
  cx_status code;
  cx_span where;
  const char *message, *help;
} cx_diag_view;
cx_diag_view cx_diag_get(const cx_ctx *c, int diag);
#define cx_error(c, span, ...) cx_diag((c), CX_ERROR, CX_E_PROGRAM, (span), __VA_ARGS__)
#endif
