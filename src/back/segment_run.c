/* segment_run.c - the segments one after the other: up, keeping checkpoints, and down again. */
#include <math.h>
#include <string.h>

#include "back/exec.h"
#include "back/segment_int.h"

static size_t bytes_of(const cx_segments *s, int64_t e) {
  return (size_t)cx_eq_count(s->g->eq[e]) * (s->opt->single ? 4 : 8);
}

cx_seg_work *cx_seg_work_new(cx_arena *a, const cx_segments *s) {
  cx_seg_work *w = CX_NEW(a, cx_seg_work);
  int most = 1;
  w->buf = CX_NEW_N(a, void *, s->g->neq + 1);
  w->check = CX_NEW_N(a, char *, s->neq + 1);
  for (int p = 0; p < PHASES; p++) {
    const part *q = &s->part[p];
    if (!q->exec) continue;
    w->work[p] = cx_work_new(a, q->exec);
    for (int k = 0; k < q->nin; k++)
      if (!w->buf[q->in[k]]) w->buf[q->in[k]] = cx_alloc(a, bytes_of(s, q->in[k]) + 64);
    for (int k = 0; k < q->nout; k++)
      if (!w->buf[q->out[k]]) w->buf[q->out[k]] = cx_alloc(a, bytes_of(s, q->out[k]) + 64);
    if (q->nin > most) most = q->nin;
    if (q->nout > most) most = q->nout;
  }
  for (int k = 0; k < s->neq; k++) {
    const fact *f = &s->fact[k];
    if (s->g->eq[k]->kind == EQ_INPUT) continue;
    if (f->value && f->input && !w->buf[f->input]) w->buf[f->input] = cx_alloc(a, bytes_of(s, f->input) + 64);
    if (f->keep && f->phase == UP && s->part[DOWN].exec)
      w->check[k] = cx_alloc_n(a, (size_t)s->count, bytes_of(s, f->edge));
  }
  w->in = CX_NEW_N(a, const void *, most);
  w->out = CX_NEW_N(a, void *, most);
  return w;
}

size_t cx_segments_bytes(const cx_segments *s) {
  size_t n = 0;
  for (int p = 0; p < PHASES; p++)
    if (s->part[p].exec) n += cx_work_bytes(s->part[p].exec);
  for (int k = 0; k < s->neq; k++)
    if (s->fact[k].keep && s->fact[k].phase == UP) n += (size_t)s->count * bytes_of(s, s->fact[k].edge);
  return n;
}

static int run_part(const cx_segments *s, cx_seg_work *w, int phase, const char **why) {
  const part *p = &s->part[phase];
  if (!p->exec) return 0;
  for (int k = 0; k < p->nin; k++) w->in[k] = w->buf[p->in[k]];
  for (int k = 0; k < p->nout; k++) w->out[k] = w->buf[p->out[k]];
  return cx_exec_run(p->exec, w->work[phase], w->in, w->out, why);
}

static void fill_slice(const cx_segments *s, cx_seg_work *w, const slice *x, int64_t start) {
  const cx_eq *e = s->g->eq[x->eq], *l = s->g->eq[x->input];
  cx_array a = {0};
  bool single = s->opt->single;
  if (e->kind == EQ_INPUT && e->constant) a = s->constant[s->number[x->eq]];
  else {
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    cx_array_row_major(&a, e->rank, dim);
    a.type = single ? CX_F32 : CX_F64;
    a.data = w->buf[e->kind == EQ_INPUT ? (int64_t)x->eq : (int64_t)s->fact[x->eq].input];
  }
  int64_t from = start + x->lo, n = l->dim[x->dim].n, lo = from < 0 ? -from : 0,
          hi = a.dim[x->dim] - from < n ? a.dim[x->dim] - from : n;
  int64_t outer = 1, inner = 1, at[CX_MAX_RANK] = {0};
  for (int d = 0; d < x->dim; d++) outer *= e->dim[d].n;
  for (int d = x->dim + 1; d < e->rank; d++) inner *= e->dim[d].n;
  size_t size = single ? 4 : 8;
  char *to = w->buf[x->input];
  if (lo > 0 || hi < n) memset(to, 0, bytes_of(s, x->input));
  for (int64_t o = 0; o < outer && lo < hi; o++) {
    cx_array part = {.type = a.type, .rank = a.rank - x->dim};
    int64_t first = (from + lo) * a.stride[x->dim];
    for (int d = 0; d < x->dim; d++) first += at[d] * a.stride[d];
    for (int d = x->dim; d < a.rank; d++) part.dim[d - x->dim] = a.dim[d], part.stride[d - x->dim] = a.stride[d];
    part.dim[0] = hi - lo;
    part.data = (const char *)a.data + first * cx_dtype_size[a.type];
    char *dest = to + (size_t)((o * n + lo) * inner) * size;
    if (single) cx_array_copy_f32(&part, 0, hi - lo, (float *)(void *)dest);
    else cx_array_copy(&part, 0, hi - lo, (double *)(void *)dest);
    for (int d = x->dim - 1; d >= 0 && ++at[d] == e->dim[d].n; d--) at[d] = 0;
  }
}

/* a sequence that the caller asked for: this segment's part of it */
static void give_sequence(const cx_segments *s, const cx_seg_work *w, uint32_t id, int64_t start, void *out) {
  const cx_eq *e = s->g->eq[id], *l = s->g->eq[s->fact[id].local];
  int axis = s->fact[id].axis;
  size_t row = s->opt->single ? 4 : 8;
  int64_t n = e->dim[axis].n, m = l->dim[axis].n, lo = start - s->fact[id].shift, hi = lo + s->B, outer = 1;
  int64_t first = s->fact[id].phase == UP ? s->back : 0;
  if (lo < 0) first -= lo, lo = 0;
  if (hi > n) hi = n;
  for (int d = axis + 1; d < e->rank; d++) row *= (size_t)e->dim[d].n;
  for (int d = 0; d < axis; d++) outer *= e->dim[d].n;
  for (int64_t o = 0; o < outer && lo < hi; o++)
    memcpy((char *)out + (size_t)(o * n + lo) * row, (const char *)w->buf[l->id] + (size_t)(o * m + first) * row,
           (size_t)(hi - lo) * row);
}

static int sweep(const cx_segments *s, cx_seg_work *w, int phase, void *const *out, const char **why) {
  if (!s->part[phase].exec) return 0;
  bool single = s->opt->single;
  for (int k = 0; k < s->neq; k++) {
    const fact *f = &s->fact[k];
    if (s->g->eq[k]->kind == EQ_INPUT || f->phase != phase) continue;
    if (f->keep && w->buf[f->input]) memset(w->buf[f->input], 0, bytes_of(s, f->input));
    if (reduction(s, (uint32_t)k))
      for (int64_t j = 0, n = cx_eq_count(s->g->eq[k]); j < n; j++)
        cx_set_real(w->buf[f->input], j, single, cx_red_start[s->g->eq[k]->red]);
  }
  for (int64_t turn = 0; turn < s->count; turn++) {
    int64_t at = phase == UP ? turn : s->count - 1 - turn, start = at * s->B;
    if (w->buf[s->start]) cx_set_real(w->buf[s->start], 0, single, (double)start);
    for (int k = 0; k < s->slice.n; k++)
      if (w->buf[s->slice.at[k].input]) fill_slice(s, w, &s->slice.at[k], start);
    for (int k = 0; k < s->neq; k++) {
      const fact *f = &s->fact[k];
      if (!w->check[k]) continue;
      size_t n = bytes_of(s, f->edge);
      if (phase == UP) memcpy(w->check[k] + (size_t)at * n, w->buf[f->input], n);
      else if (w->buf[f->input]) memcpy(w->buf[f->input], w->check[k] + (size_t)at * n, n);
    }
    if (run_part(s, w, phase, why)) return 1;
    for (int k = 0; k < s->neq; k++) {
      const fact *f = &s->fact[k];
      const cx_eq *e = s->g->eq[k];
      if (e->kind == EQ_INPUT || f->phase != phase) continue;
      if (f->keep && w->buf[f->input]) memcpy(w->buf[f->input], w->buf[f->edge], bytes_of(s, f->edge));
      if (!reduction(s, (uint32_t)k)) continue;
      for (int64_t j = 0, n = cx_eq_count(e); j < n; j++) {
        double v[2] = {cx_real_at(w->buf[f->input], j, single), cx_real_at(w->buf[f->local], j, single)};
        static const cx_op op[RED_COUNT] = {
            [RED_sum] = OP_add, [RED_prod] = OP_mul, [RED_max] = OP_max, [RED_min] = OP_min};
        cx_set_real(w->buf[f->input], j, single, cx_ops[op[e->red]].eval(v));
      }
    }
    for (int k = 0; k < s->g->nout; k++) {
      uint32_t e = s->g->out[k];
      if (s->g->eq[e]->kind != EQ_INPUT && sequence(s, e) && s->fact[e].phase == phase)
        give_sequence(s, w, e, start, out[k]);
    }
  }
  return 0;
}

int cx_segments_run(const cx_segments *s, cx_seg_work *w, const void *const *in, void *const *out, const char **why) {
  const cx_graph *g = s->g;
  for (int k = 0; k < s->neq; k++)
    if (g->eq[k]->kind == EQ_INPUT && !g->eq[k]->constant && s->number[k] >= 0)
      w->buf[k] = (void *)(uintptr_t)in[s->number[k]];
  for (int phase = BEFORE; phase < PHASES; phase++) {
    if (phase == UP || phase == DOWN) {
      if (sweep(s, w, phase, out, why)) return 1;
      continue;
    }
    if (run_part(s, w, phase, why)) return 1;
    for (int k = 0; k < s->neq; k++) { /* values become inputs of what follows */
      const fact *f = &s->fact[k];
      if (g->eq[k]->kind != EQ_INPUT && f->axis < 0 && f->phase == phase && f->value)
        memcpy(w->buf[f->input], w->buf[f->local], bytes_of(s, k));
    }
  }
  for (int k = 0; k < g->nout; k++) {
    uint32_t e = g->out[k];
    if (g->eq[e]->kind != EQ_INPUT) {
      if (!sequence(s, e)) memcpy(out[k], w->buf[s->fact[e].input], bytes_of(s, e));
    } else if (!g->eq[e]->constant) memcpy(out[k], w->buf[e], bytes_of(s, e));
    else if (s->opt->single)
      cx_array_copy_f32(&s->constant[s->number[e]], 0, g->eq[e]->rank ? g->eq[e]->dim[0].n : 1, out[k]);
    else cx_array_copy(&s->constant[s->number[e]], 0, g->eq[e]->rank ? g->eq[e]->dim[0].n : 1, out[k]);
  }
  return 0;
}

char *cx_segments_text(const cx_segments *s, cx_arena *a) {
  static const char *const name[PHASES] = {"before", "up", "middle", "down", "after"};
  char *t = cx_format(a, "time 0..%lld in %lld segments of %lld steps\n", (long long)s->T - 1, (long long)s->count,
                      (long long)s->B);
  for (int p = 0; p < PHASES; p++)
    if (s->part[p].exec) t = cx_format(a, "%s%s:\n%s", t, name[p], cx_exec_text(s->part[p].exec, a));
  return t;
}
