/* columns.c - constant inputs laid out for the vector unit: block by block of rows, column by column.
 *
 * A small one is laid out for each function, in blocks of the kernel that reads it. A large one is laid out once in a
 * context, for all functions that read it while one of them lives: value, gradient and Hessian of one objective share
 * their data. Its blocks depend on the array alone (a kernel with shorter blocks reads parts of them), so that no result
 * depends on which function came first. */
#include <string.h>

#include "back/exec.h"

struct cx_shared {
  cx_shared *next;
  cx_arena *mem; /* of the numbers alone; NULL: nothing is held */
  char *at;
  int uses, row;
  int64_t block;
  bool single;
  cx_array of;
};

#define EACH_TYPE(X) \
  X(CX_F64, double)  \
  X(CX_F32, float)   \
  X(CX_I64, int64_t) X(CX_I32, int32_t) X(CX_I16, int16_t) X(CX_U16, uint16_t) X(CX_I8, int8_t) X(CX_U8, uint8_t)

/* rows [0, n) of one column from `from` into a block */
static void lay_column(char *to, bool single, const char *from, cx_dtype type, int64_t stride, int64_t n) {
  switch (type) {
#define CASE(code, T)                                                                                                  \
  case code:                                                                                                           \
    if (single)                                                                                                        \
      for (int64_t l = 0; l < n; l++) ((float *)(void *)to)[l] = (float)((const T *)(const void *)from)[l * stride];   \
    else                                                                                                               \
      for (int64_t l = 0; l < n; l++) ((double *)(void *)to)[l] = (double)((const T *)(const void *)from)[l * stride]; \
    break;
    EACH_TYPE(CASE)
#undef CASE
    default: break;
  }
}

static void lay_out(const cx_exec *x, const cx_copy *c, char *to) {
  const cx_array *a = &x->constant[c->number];
  bool single = x->opt.single;
  if (c->row < 0) {
    int64_t all = a->rank ? a->dim[0] : 1;
    if (single) cx_array_copy_f32(a, 0, all, (float *)(void *)to);
    else cx_array_copy(a, 0, all, (double *)(void *)to);
    return;
  }
  enum { DROP = 1 << 26 }; /* bytes of a file that are let go at a time */
  const char *from = a->data;
  int64_t size = single ? 4 : 8, in = cx_dtype_size[a->type], n = a->dim[c->row], inner = c->loc.scale / size,
          dropped = 0;
  bool drops = c->shared && c->row == 0;
  for (int64_t row = 0; row < n && inner; row += c->block) {
    int64_t rows = n - row < c->block ? n - row : c->block, at[CX_MAX_RANK] = {0};
    for (int64_t part = 0; part < rows; part += 16) { /* few rows at a time: their lines stay in the cache */
      int64_t some = rows - part < 16 ? rows - part : 16;
      memset(at, 0, sizeof at);
      for (int64_t j = 0; j < inner; j++) {
        int64_t o = (row + part) * a->stride[c->row];
        for (int d = 0; d < a->rank; d++) o += at[d] * a->stride[d];
        lay_column(to + (j * c->block + part) * size, single, from + o * in, a->type, a->stride[c->row], some);
        for (int d = a->rank - 1; d >= 0; d--) {
          if (d == c->row) continue;
          if (++at[d] < a->dim[d]) break;
          at[d] = 0;
        }
      }
    }
    to += c->block * inner * size;
    if (drops && ((row + rows - dropped) * a->stride[0] * in >= DROP || row + rows == n)) {
      cx_array_drop(a, dropped, row + rows);
      dropped = row + rows;
    }
  }
}

int64_t cx_columns_bytes(const cx_exec *x, const cx_copy *c) {
  const cx_eq *e = x->g->eq[c->eq];
  int64_t size = x->opt.single ? 4 : 8, n = 1;
  if (c->row >= 0) return ((e->dim[c->row].n + c->block - 1) / c->block * c->block + 16) * c->loc.scale;
  for (int d = 0; d < e->rank; d++) n *= e->dim[d].n;
  return (n + 16) * size;
}

/* ---- shared ---- */
static bool same(const cx_shared *s, const cx_exec *x, const cx_copy *c) {
  const cx_array *a = &x->constant[c->number];
  bool ok = s->mem && s->row == c->row && s->block == c->block && s->single == x->opt.single && s->of.data == a->data &&
            s->of.type == a->type && s->of.rank == a->rank;
  for (int d = 0; d < a->rank && ok; d++) ok = s->of.dim[d] == a->dim[d] && s->of.stride[d] == a->stride[d];
  return ok;
}
static void gone(void *p) { /* its memory is freed: by its last user, or with the context */
  cx_shared *s = p;
  s->mem = NULL;
}
static void leave(void *p) {
  cx_shared *s = p;
  if (--s->uses == 0 && s->mem) cx_arena_free(s->mem);
}

static char *shared(cx_exec *x, const cx_copy *c) {
  cx_shared **list = (cx_shared **)cx_ctx_slot(x->ctx, CX_SLOT_COLUMNS), *s = NULL;
  for (cx_shared *k = *list; k; k = k->next) {
    if (same(k, x, c)) {
      k->uses++;
      cx_defer(x->a, leave, k);
      return k->at;
    }
    if (!k->mem && !k->uses) s = k; /* to be used again */
  }
  if (!s) {
    s = CX_NEW(cx_ctx_arena(x->ctx), cx_shared);
    s->next = *list, *list = s;
  }
  cx_arena *mem = cx_arena_new(x->ctx);
  s->at = cx_alloc(mem, (size_t)cx_columns_bytes(x, c));
  cx_defer(mem, gone, s);
  cx_arena_keep(mem);
  s->mem = mem, s->uses = 1, s->row = c->row, s->block = c->block, s->single = x->opt.single;
  s->of = x->constant[c->number];
  cx_defer(x->a, leave, s);
  lay_out(x, c, s->at);
  return s->at;
}

/* ---- for the scheduler and the machine ---- */
int64_t cx_columns_block(const cx_sched *s, const cx_eq *p, int row) {
  double bytes = (double)s->esize;
  for (int d = 0; d < p->rank; d++) bytes *= (double)p->dim[d].n;
  if (bytes <= CX_LARGE) return 0;
  int64_t all = (p->dim[row].n + 15) / 16 * 16, most = p->rank == 1 ? CX_BLOCK : 256;
  return all < most ? all : most;
}

void cx_columns_make(cx_exec *x, const cx_copy *c) {
  char **at = &x->base[x->first_extra + (c - x->copy)];
  if (c->shared) {
    *at = shared(x, c);
    return;
  }
  *at = cx_alloc(x->a, (size_t)cx_columns_bytes(x, c));
  lay_out(x, c, *at);
}

void cx_columns_again(cx_exec *x, cx_copy *c) {
  char **at = &x->base[x->first_extra + (c - x->copy)];
  if (c->shared) *at = cx_alloc(x->a, (size_t)cx_columns_bytes(x, c)); /* others go on with what it was */
  c->shared = false;
  lay_out(x, c, *at);
}
