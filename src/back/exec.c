/* exec.c - tier 0's face: compile a graph to kernels, lay out its constants. exec_run.c runs it. */
#include "back/exec.h"
#include "back/integral.h"
#include "back/segment.h"
#include "pass/integral.h"
#include "run/pool.h"
#include <string.h>

/* ---- where values live ---- */
static int64_t elements(cx_sched *s, const cx_eq *e, int64_t pad) {
  double n = (double)pad;
  int64_t count = pad;
  for (int d = 0; d < e->rank; d++) n *= (double)e->dim[d].n, count = n > 1e15 ? 0 : count * e->dim[d].n;
  if (n * (double)s->esize > 1099511627776.0) { /* 2^40 */
    int diag = cx_diag(s->ctx, CX_ERROR, CX_E_RUNTIME, e->span, "out of memory: %s needs %.3g GB",
                       cx_eq_shape(s->tmp, e), n / (double)pad * (double)s->esize / 1e9);
    cx_diag_help(s->ctx, diag, "it has %.3g elements; sum over an index instead of keeping it, or make a size smaller",
                 n / (double)pad);
    cx_throw(s->ctx, CX_E_RUNTIME);
  }
  return count;
}
static void dense(cx_loc *l, const cx_eq *e) {
  int64_t n = 1;
  for (int d = e->rank - 1; d >= 0; d--) l->stride[d] = n, n *= e->dim[d].n;
}

/* rows contiguous and padded to whole vectors, the other dimensions outside */
static int64_t by_rows(cx_sched *s, cx_loc *l, const cx_eq *e, int row) {
  int64_t n = (e->dim[row].n + 15) / 16 * 16;
  if (n % 512 == 0) n += 16; /* columns must not fall on one set of the cache */
  for (int d = e->rank - 1; d >= 0; d--) {
    if (d == row) {
      l->stride[d] = 1;
      continue;
    }
    l->stride[d] = n;
    n *= e->dim[d].n;
  }
  l->padded = true;
  elements(s, e, 16);
  return n;
}

static void place_all(cx_sched *s, int nin) {
  cx_graph *g = s->g;
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    cx_place *p = &s->place[k];
    cx_loc *f = &p->full;
    f->on = true, f->type = s->real;
    if (e->kind == EQ_INPUT) {
      f->base = s->in_base[k];
      dense(f, e);
      if (!e->constant && s->opt->input_type) f->type = s->opt->input_type[f->base - BASE_FIRST];
      if (e->constant) {
        f->type = s->array[k].type;
        memcpy(f->stride, s->array[k].stride, sizeof f->stride);
      }
      continue;
    }
    bool lanes = e->kind == EQ_CALC && s->kernel.at[p->kernel].lanes && !p->lane_red;
    int row = lanes && !p->flat ? __builtin_ctz(p->mask) : -1;
    dense(f, e);
    if (p->out >= 0 && p->stage) {
      elements(s, e, 1);
      f->base = BASE_FIRST + nin + p->out;
      p->block.on = row >= 0 && f->stride[row] != 1;
      continue;
    }
    if (lanes && !p->shared && p->out < 0) {
      f->on = false, p->block.on = true;
      continue;
    }
    int64_t n = row >= 0 ? by_rows(s, f, e, row) : elements(s, e, 1);
    int64_t *total = p->stage ? &s->work_bytes : &s->const_bytes;
    f->base = p->stage ? BASE_WORK : BASE_CONST;
    f->off = *total;
    f->padded = true;
    *total += (n * s->esize + 127) / 64 * 64;
  }
}

/* ---- constants ---- */
/* memory for what is kept; where there is not so much, a note says which array is the largest */
char *cx_kept(cx_arena *a, const cx_exec *x, int64_t bytes) {
  cx_ctx *c = cx_arena_ctx(a);
  cx_frame f;
  char *volatile p = NULL;
  CX_TRY(c, f) {
    p = cx_alloc(a, (size_t)bytes + 64);
    CX_END(c, f);
    return p;
  }
  cx_note_largest(x->g, x->opt.single ? sizeof(float) : sizeof(double));
  cx_throw(c, f.status);
}

static void check_constant(cx_sched *s, const cx_eq *e, const cx_array *a) {
  bool same = a->rank == e->rank;
  for (int d = 0; d < e->rank && same; d++) same = a->dim[d] == e->dim[d].n;
  if (same) return;
  cx_diag(s->ctx, CX_ERROR, CX_E_DATA, e->span, "the array bound to `%s` has another shape", e->name ? e->name : "?");
  cx_throw(s->ctx, CX_E_DATA);
}

static void free_pool(void *p) { cx_pool_free(p); }

static bool large_product(const cx_kernel *k, cx_ins_fn matmul) {
  for (int i = 0; i < k->ncode; i++) {
    if (k->code[i].fn != matmul) continue;
    int64_t sum = k->code[i].u.mat.k ? k->code[i].u.mat.k : k->block;
    if (CX_IN_PIECES(k->code[i].u.mat.m, sum)) return true;
  }
  return false;
}

/* which kernels compute row by row what stands for the rows of opt.rows, with nothing summed over them */
static void mark_some(cx_sched *s, cx_exec *x, cx_arena *tmp, const cx_graph *g, const int32_t *map) {
  uint32_t *stands = CX_NEW_N(tmp, uint32_t, s->g->neq + 1);
  for (int id = 0, number = 0; id < g->neq; id++) {
    if (g->eq[id]->kind != EQ_INPUT || g->eq[id]->constant || !x->opt.by_row[number++] || map[id] < 0) continue;
    const uint32_t *m = cx_node_dims(s->g, tmp, (uint32_t)map[id]);
    for (int k = 0; k < s->g->neq; k++) stands[k] |= m[k];
  }
  for (int k = 0; k < x->nout; k++) stands[x->out_eq[k]] |= 1;
  x->by_rows = true;
  for (int i = 0; i < x->nkernel; i++) {
    cx_kernel *k = &x->kernel[i];
    k->some = k->prim ? (stands[k->prim->id] & 1) != 0 : k->lanes && !k->nacc && k->n == x->opt.rows;
    for (int m = 0; m < k->neq && !k->prim; m++) {
      const cx_place *p = &s->place[k->eq[m]];
      k->some &= !p->flat && !p->lane_red && (p->mask & stands[k->eq[m]]) == p->mask && !(p->mask & (p->mask - 1));
    }
    x->by_rows &= !k->stage || (k->some && !k->prim);
  }
}
bool cx_exec_by_rows(const cx_exec *x) { return x->by_rows; }

static void compile(cx_exec *x, cx_arena *tmp, const cx_graph *g, const cx_array *constant) {
  cx_sched *s = CX_NEW(tmp, cx_sched);
  *s = (cx_sched){.ctx = x->ctx, .a = x->a, .tmp = tmp, .opt = &x->opt, .real = x->opt.single ? CX_F32 : CX_F64};
  s->esize = cx_dtype_size[s->real];
  int32_t *map = CX_NEW_N(tmp, int32_t, g->neq + 1);
  s->g = x->g = cx_extract(g, x->a, g->out, g->nout, map);
  if (!cx_scc(s->g, tmp, &s->comp, &s->ncomp)) cx_throw(x->ctx, CX_E_PROGRAM);
  int before = s->g->neq;
  cx_split(s->g, tmp, s->comp, s->ncomp);
  if (s->g->neq != before && !cx_scc(s->g, tmp, &s->comp, &s->ncomp)) cx_throw(x->ctx, CX_E_PROGRAM);
  s->place = x->place = CX_NEW_N(x->a, cx_place, s->g->neq + 1);
  s->array = CX_NEW_N(tmp, cx_array, s->g->neq + 1);
  s->in_base = CX_NEW_N(tmp, int, s->g->neq + 1);
  x->nout = g->nout;
  for (int k = 0; k < g->neq; k++)
    if (g->eq[k]->kind == EQ_INPUT) *(g->eq[k]->constant ? &x->nconstant : &x->nin) += 1;
  x->constant = CX_NEW_N(x->a, cx_array, x->nconstant + 1);
  int in = 0, con = 0;
  for (int k = 0; k < g->neq; k++) {
    if (g->eq[k]->kind != EQ_INPUT) continue;
    bool c = g->eq[k]->constant;
    int number = c ? con++ : in++;
    if (c) x->constant[number] = constant[number];
    if (map[k] < 0) continue;
    s->in_base[map[k]] = BASE_FIRST + (c ? x->nin + x->nout + number : number);
    if (c)
      s->array[map[k]] = constant[number], check_constant(s, g->eq[k], &constant[number]),
      s->place[map[k]].dep = 1ull << (number < 63 ? number : 63);
  }
  for (int k = 0; k < s->g->neq; k++) s->place[k].out = -1;
  x->out_eq = CX_NEW_N(x->a, uint32_t, x->nout + 1);
  for (int k = 0; k < x->nout; k++) {
    x->out_eq[k] = s->g->out[k];
    cx_place *p = &s->place[s->g->out[k]];
    if (p->out < 0) p->out = k;
  }
  s->first_constant = BASE_FIRST + x->nin + x->nout;
  s->first_extra = s->first_constant + x->nconstant;
  cx_schedule(s);
  cx_bound_all(s);
  cx_layout(s);
  place_all(s, x->nin);
  int64_t shared_bytes = 0;
  for (int i = 0; i < s->kernel.n; i++) {
    cx_kernel *k = &s->kernel.at[i];
    int64_t bytes;
    k->acc_off = 0;
    if (k->prim) bytes = cx_prim_bytes(s, k->prim);
    else {
      cx_lower(s, k);
      bytes = k->acc_bytes * k->nchunk;
    }
    if (bytes > shared_bytes) shared_bytes = bytes;
    if (k->temp_bytes > x->temp_bytes) x->temp_bytes = k->temp_bytes;
    if (k->nreg > x->max_reg) x->max_reg = k->nreg;
    x->room |= large_product(k, cx_vm_get(x->opt.single)->matmul);
  }
  for (int i = 0; i < s->kernel.n; i++) s->kernel.at[i].acc_off = s->work_bytes; /* one kernel runs at a time */
  x->work_bytes = s->work_bytes + shared_bytes;
  x->kernel = s->kernel.at, x->nkernel = s->kernel.n;
  if (x->opt.rows) mark_some(s, x, tmp, g, map);
  for (int i = 0; i < x->nkernel; i++)
    if (x->kernel[i].prim && x->kernel[i].prim->integrand) {
      x->kernel[i].quadrature = cx_quadrature_new(x->a, x->kernel[i].prim, false, x->opt.stop);
      x->kernel[i].number = x->nquadrature++;
    }
  x->copy = s->copy.at, x->ncopy = s->copy.n, x->first_extra = s->first_extra;
  x->nbase = s->first_extra + s->copy.n;
  x->base = CX_NEW_N(x->a, char *, x->nbase);
  x->const_bytes = s->const_bytes;
  x->base[BASE_CONST] = cx_kept(x->a, x, s->const_bytes);
  x->base[BASE_POOL] = cx_alloc(x->a, (size_t)(s->pool.n + 8) * 8);
  for (int i = 0; i < s->pool.n; i++) cx_put_real(x->base[BASE_POOL] + i * s->esize, x->opt.single, s->pool.at[i]);
  for (int k = 0; k < x->nconstant; k++)
    x->base[BASE_FIRST + x->nin + x->nout + k] = (char *)(uintptr_t)x->constant[k].data;
  for (int k = 0; k < x->ncopy; k++) cx_columns_make(x, &x->copy[k]);
}

cx_exec *cx_exec_new(cx_arena *a, const cx_graph *g, const cx_array *constant_input, const cx_exec_opt *opt) {
  cx_exec *x = CX_NEW(a, cx_exec);
  x->a = a, x->ctx = cx_arena_ctx(a);
  if (opt) x->opt = *opt;
  bool other = false; /* a run in segments reads inputs in the type of the arithmetic */
  for (int k = 0, in = 0; k < g->neq && x->opt.input_type; k++)
    if (g->eq[k]->kind == EQ_INPUT && !g->eq[k]->constant)
      other |= x->opt.input_type[in++] != (x->opt.single ? CX_F32 : CX_F64);
  if (!other && (x->seg = cx_segments_new(a, g, constant_input, &x->opt))) return x;
  cx_arena *tmp = cx_arena_new(x->ctx);
  compile(x, tmp, g, constant_input);
  cx_arena_free(tmp);
  int threads = x->opt.threads > 0 ? x->opt.threads : cx_cores();
  bool large = false;
  for (int k = 0; k < x->nkernel; k++) large |= x->kernel[k].nchunk > 1 && x->kernel[k].work > 200000;
  if (large && threads > 1 && (x->pool = cx_pool_new(threads))) cx_defer(a, free_pool, x->pool);
  cx_precompute(x, UINT64_MAX);
  cx_spare(x);
  return x;
}

void cx_exec_rebind(cx_exec *x, int k, const cx_array *a) {
  if (x->seg) {
    cx_segments_rebind(x->seg, k, a);
    return;
  }
  cx_spare_not(x, k);
  cx_array *c = &x->constant[k];
  bool same = c->type == a->type;
  for (int d = 0; d < a->rank; d++) same &= c->stride[d] == a->stride[d] || a->dim[d] == 1;
  if (same) c->data = a->data;
  else {
    int64_t n = 1, first = 0, last = 0; /* in the type and with the strides the code was made for */
    for (int d = 0; d < c->rank; d++) {
      int64_t reach = (c->dim[d] - 1) * c->stride[d];
      n *= c->dim[d];
      *(reach < 0 ? &first : &last) += reach;
    }
    int64_t size = (int64_t)cx_dtype_size[c->type];
    char *mem = (char *)cx_alloc(x->a, (size_t)((n ? last - first + 1 : 1) * size)) + (n ? -first * size : 0);
    int64_t at[CX_MAX_RANK] = {0};
    for (int64_t i = 0; i < n; i++) {
      int64_t o = 0;
      for (int d = 0; d < c->rank; d++) o += at[d] * c->stride[d];
      double v = cx_array_get(a, at);
      char *p = mem + o * size;
      switch (c->type) {
        case CX_F64: *(double *)(void *)p = v; break;
        case CX_F32: *(float *)(void *)p = (float)v; break;
        case CX_I64: *(int64_t *)(void *)p = (int64_t)v; break;
        case CX_I32: *(int32_t *)(void *)p = (int32_t)v; break;
        case CX_I16: *(int16_t *)(void *)p = (int16_t)v; break;
        case CX_U16: *(uint16_t *)(void *)p = (uint16_t)v; break;
        case CX_I8: *(int8_t *)(void *)p = (int8_t)v; break;
        default: *(uint8_t *)p = (uint8_t)v;
      }
      for (int d = c->rank - 1; d >= 0 && ++at[d] == c->dim[d]; d--) at[d] = 0;
    }
    c->data = mem;
  }
  x->base[BASE_FIRST + x->nin + x->nout + k] = (char *)(uintptr_t)c->data;
  for (int i = 0; i < x->ncopy; i++)
    if (x->copy[i].number == k) cx_columns_again(x, &x->copy[i]);
  cx_precompute(x, 1ull << (k < 63 ? k : 63));
}
