/* arena.c - blocks of memory that are freed together. A block is zeroed when it is made and handed out
 * once, so what an arena gives is zero without a second pass. */
#include "base/ctx.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define CX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CX_ASAN 1
#endif
#endif
#ifdef CX_ASAN /* under the sanitizer every piece stands between poisoned gaps */
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
enum { GAP = 0 };
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { FIRST_BLOCK = 4096, LAST_BLOCK = 1 << 18 };

typedef struct block {
  struct block *next;
  size_t size;
} block;

typedef struct deferred {
  struct deferred *next;
  void (*fn)(void *);
  void *p;
} deferred;

struct cx_arena {
  cx_ctx *ctx;
  cx_frame *owner;
  cx_arena *prev, *next; /* in the context's list */
  block *blocks;
  char *at, *end; /* what is left of the newest common block */
  size_t next_size;
  deferred *deferred;
};

static void *get_zeroed(cx_ctx *c, size_t n) {
  bool large = n >= CX_LARGE_PIECE;
  void *p = c->fn ? c->fn(c->user, NULL, 0, n) : large && !cx_memory_for(c, n) ? NULL : calloc(1, n);
  if (!p) cx_out_of_memory(c, n);
  if (large) c->large += n;
  if (c->fn) memset(p, 0, n);
  return p;
}

static void give_back(cx_ctx *c, void *p, size_t n) {
  if (n >= CX_LARGE_PIECE) c->large -= n;
  if (c->fn) c->fn(c->user, p, n, 0);
  else free(p);
}

static char *align_up(char *p, size_t to) { return p + (-(uintptr_t)p & (to - 1)); }

static char *new_block(cx_arena *a, size_t room) {
  if (room > SIZE_MAX - sizeof(block)) cx_out_of_memory(a->ctx, room);
  block *b = get_zeroed(a->ctx, room + sizeof(block));
  b->size = room + sizeof(block);
  b->next = a->blocks;
  a->blocks = b;
  POISON(b + 1, room);
  return (char *)(b + 1);
}

cx_arena *cx_arena_new(cx_ctx *c) {
  cx_arena *a = get_zeroed(c, sizeof *a);
  a->ctx = c;
  a->next_size = FIRST_BLOCK;
  a->next = c->arenas;
  if (a->next) a->next->prev = a;
  c->arenas = a;
  a->owner = c->top;
  if (c->top) c->top->owns = true;
  return a;
}

void cx_arena_keep(cx_arena *a) { a->owner = NULL; }

void cx_arenas_leave(cx_ctx *c, cx_frame *f, bool thrown) {
  if (f->up && !thrown) f->up->owns = true;
  for (cx_arena *a = c->arenas; a;)
    if (a->owner != f) a = a->next;
    else if (!thrown) a->owner = f->up;
    else {
      cx_arena_free(a);
      a = c->arenas; /* what was deferred may have freed others */
    }
}

void cx_arena_free(cx_arena *a) {
  if (!a) return;
  for (deferred *d = a->deferred; d; d = d->next) d->fn(d->p);
  cx_ctx *c = a->ctx;
  for (block *b = a->blocks, *next; b; b = next) {
    next = b->next;
    UNPOISON(b, b->size);
    give_back(c, b, b->size);
  }
  if (a->prev) a->prev->next = a->next;
  else c->arenas = a->next;
  if (a->next) a->next->prev = a->prev;
  give_back(c, a, sizeof *a);
}

cx_ctx *cx_arena_ctx(cx_arena *a) { return a->ctx; }

void *cx_alloc(cx_arena *a, size_t n) {
  size_t align = n >= 64 ? 64 : 16;
  char *p = a->at ? align_up(a->at + GAP, align) : NULL;
  if (!p || p > a->end || n > (size_t)(a->end - p)) {
    if (n > SIZE_MAX - 2 * 64) cx_out_of_memory(a->ctx, n);
    if (n > a->next_size / 4) { /* a large piece gets a block of its own */
      p = align_up(new_block(a, n + 64), align);
      UNPOISON(p, n);
      return p;
    }
    a->at = align_up(new_block(a, a->next_size + 64), 64); /* the same number of blocks wherever they lie */
    a->end = a->at + a->next_size;
    if (a->next_size < LAST_BLOCK) a->next_size *= 2;
    p = align_up(a->at, align);
  }
  a->at = p + n;
  UNPOISON(p, n);
  return p;
}

void *cx_alloc_n(cx_arena *a, size_t count, size_t size) {
  if (size && count > (SIZE_MAX >> 1) / size) {
    cx_diag(a->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "out of memory: %zu elements of %zu bytes cannot be held", count,
            size);
    cx_throw(a->ctx, CX_E_RUNTIME);
  }
  return cx_alloc(a, count * size);
}

void *cx_grow(cx_arena *a, void *old, int *cap, size_t size) {
  size_t had = (size_t)*cap * size;
  if (*cap > INT_MAX / 2) cx_out_of_memory(a->ctx, 2 * had);
  int more = *cap ? *cap * 2 : 8;
  size_t want = (size_t)more * size;
  if (old && GAP == 0 && (char *)old + had == a->at && want - had <= (size_t)(a->end - a->at)) {
    a->at += want - had; /* the newest piece grows where it stands */
    *cap = more;
    return old;
  }
  void *p = cx_alloc_n(a, (size_t)more, size);
  if (had) memcpy(p, old, had);
  *cap = more;
  return p;
}

void cx_defer(cx_arena *a, void (*fn)(void *), void *p) {
  cx_frame f;
  CX_TRY(a->ctx, f) {
    deferred *d = CX_NEW(a, deferred);
    *d = (deferred){a->deferred, fn, p};
    a->deferred = d;
    CX_END(a->ctx, f);
  } else {
    fn(p);
    cx_throw(a->ctx, f.status);
  }
}
