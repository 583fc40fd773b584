/* ctx.c - the context's life, and leaving on failure. */
#include "base/ctx.h"
#include <stdlib.h>
#include <string.h>

static void *libc_alloc(void *user, void *ptr, size_t old_size, size_t new_size) {
  (void)user, (void)old_size;
  if (new_size) return realloc(ptr, new_size);
  free(ptr);
  return NULL;
}

cx_ctx *cx_ctx_new(cx_alloc_fn fn, void *user) {
  cx_alloc_fn get = fn ? fn : libc_alloc;
  cx_ctx *c = get(user, NULL, 0, sizeof *c);
  if (!c) return NULL;
  memset(c, 0, sizeof *c);
  c->fn = fn;
  c->user = user;
  c->oom_at = -1;
  c->diags = c->diag_inline;
  c->diag_cap = CX_DIAG_INLINE;
  cx_frame f;
  CX_TRY(c, f) {
    c->arena = cx_arena_new(c);
    cx_arena_keep(c->arena);
    CX_END(c, f);
  } else {
    cx_ctx_free(c);
    return NULL;
  }
  return c;
}

void cx_ctx_free(cx_ctx *c) {
  if (!c) return;
  while (c->arenas) cx_arena_free(c->arenas);
  (c->fn ? c->fn : libc_alloc)(c->user, c, sizeof *c, 0);
}

cx_arena *cx_ctx_arena(cx_ctx *c) { return c->arena; }
void **cx_ctx_slot(cx_ctx *c, int k) { return &c->slot[k]; }

void cx_push(cx_ctx *c, cx_frame *f) {
  f->up = c->top;
  f->status = CX_OK;
  f->owns = false;
  c->top = f;
}

void cx_pop(cx_ctx *c, cx_frame *f) {
  c->top = f->up;
  if (f->owns) cx_arenas_leave(c, f, false);
}

_Noreturn void cx_throw(cx_ctx *c, cx_status s) {
  cx_frame *f = c->top;
  if (!f) __builtin_trap(); /* a caller without CX_TRY: a fault of the library, never of its input */
  c->top = f->up;
  f->status = s;
  if (f->owns) cx_arenas_leave(c, f, true);
  longjmp(f->env, 1);
}

_Noreturn void cx_out_of_memory(cx_ctx *c, size_t wanted) {
  cx_note_out_of_memory(c, wanted);
  cx_throw(c, CX_E_RUNTIME);
}
