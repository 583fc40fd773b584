/* ctx.h - the inside of a context, for src/base and src/api. */
#ifndef CX_CTX_H
#define CX_CTX_H
#include "base/base.h"

typedef struct cx_label {
  struct cx_label *next;
  cx_span where;
  const char *text;
} cx_label;

typedef struct {
  cx_severity sev;
  cx_status code;
  cx_span where;
  const char *message, *help; /* several remedies: one a line */
  cx_label *labels, **last_label;
} cx_diag_rec;

typedef struct {
  const char *name, *text;
  size_t n;
  CX_VEC(uint32_t) lines; /* where each line starts */
  int like;               /* the one before with the same first letters and length; -1: none */
} cx_source;

typedef struct {
  uint32_t hash;
  uint32_t len;
  cx_sym sym;
} cx_name_slot;

enum { CX_DIAG_INLINE = 8 };

struct calx_ctx {
  int threads;    /* of functions compiled through the C API */
  cx_alloc_fn fn; /* NULL: the C library */
  void *user;
  cx_frame *top;
  cx_arena *arenas; /* all that live, so that nothing outlives the context */
  cx_arena *arena;
  size_t large; /* bytes of its large pieces */
  void *slot[CX_SLOTS];
  cx_name_slot *names;
  size_t name_count, name_cap; /* the capacity is a power of two */
  CX_VEC(cx_source) sources;
  int latest[256]; /* of the sources by first letters and length, plus 1 */
  /* Diagnostics. There is always a free slot left for the built-in "out of memory". */
  cx_arena *diag_arena; /* made with the first one */
  cx_diag_rec **diags, *diag_inline[CX_DIAG_INLINE];
  int diag_count, diag_cap, oom_at; /* oom_at < 0: memory never ran out */
  cx_diag_rec oom;
  char oom_text[64];
};

enum { CX_LARGE_PIECE = 1 << 28 };                         /* from which there is a look whether there is so much */
bool cx_memory_for(const cx_ctx *c, size_t n);             /* memory.c */
void cx_arenas_leave(cx_ctx *c, cx_frame *f, bool thrown); /* its arenas go, or go to the frame around it */
_Noreturn void cx_out_of_memory(cx_ctx *c, size_t wanted); /* adds the built-in diagnostic, then throws */
void cx_note_out_of_memory(cx_ctx *c, size_t wanted);
#endif
