/* exec.c - tier 0's face: compile a graph to kernels, lay out its constants, run it. */
#include "back/exec.h"
#include "back/integral.h"
#include "back/profile.h"
#include "back/segment.h"
#include "pass/integral.h"
#include "run/pool.h"
#include <math.h>
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

/* ---- running ---- */
typedef struct {
  cx_vm vm;
  char *temp;
  cx_tally **tally; /* by kernel; NULL: nothing is measured */
} worker;
struct cx_work {
  struct cx_quadrature_work **quadrature;
  char *mem, **base;
  worker *worker;
  int threads;
  int64_t rows; /* to compute, where the kernel has those of opt.rows */
  cx_seg_work *seg;
};
typedef struct {
  const cx_exec *x;
  const cx_kernel *k;
  cx_work *w;
} job;

static void put_real(char *p, bool single, double v) {
  if (single) *(float *)(void *)p = (float)v;
  else *(double *)(void *)p = v;
}
static double get_real(const char *p, bool single) {
  return single ? (double)*(const float *)(const void *)p : *(const double *)(const void *)p;
}

static char *part_of(const job *j, const cx_acc *a, int64_t chunk) {
  return a->part < 0 ? j->w->base[a->to_base] + a->to_off
                     : j->w->mem + j->k->acc_off + chunk * j->k->acc_bytes + a->part;
}

static bool interrupted(const cx_exec *x) { return x->opt.stop && *x->opt.stop; }

static void run_chunk(void *user, int thread, int64_t chunk) {
  const job *j = user;
  const cx_kernel *k = j->k;
  cx_vm *s = &j->w->worker[thread].vm;
  int64_t since = j->w->worker[thread].tally ? cx_profile_spent() : 0;
  bool single = j->x->opt.single;
  int64_t size = single ? 4 : 8;
  memcpy(s->base, j->w->base, (size_t)j->x->nbase * sizeof *s->base);
  s->base[BASE_TEMP] = j->w->worker[thread].temp;
  s->base[BASE_ACC] = j->w->mem + k->acc_off + chunk * k->acc_bytes;
  for (int i = 0; i < k->nacc; i++) {
    const cx_acc *a = &k->acc[i];
    char *p = part_of(j, a, chunk);
    if (a->set) continue;
    if (cx_red_start[a->red] == 0) memset(p, 0, (size_t)(a->count * size));
    else
      for (int64_t n = 0; n < a->count; n++) put_real(p + n * size, single, cx_red_start[a->red]);
    if (a->red >= RED_argmax)
      for (int64_t n = a->count; n < 2 * a->count; n++)
        put_real(p + n * size, single, a->red == RED_argmax ? -INFINITY : INFINITY);
  }
  int64_t end = (chunk + 1) * k->chunk_rows;
  int64_t n = k->some && j->w->rows < k->n ? j->w->rows : k->n;
  if (end > n) end = n;
  s->block = k->block;
  s->tally = j->w->worker[thread].tally ? j->w->worker[thread].tally[k - j->x->kernel] : NULL;
  if (s->tally) s->code = k->code, s->tally[k->ncode].ns += cx_profile_spent() - since, cx_profile_begin(&s->lap);
  for (int64_t row = chunk * k->chunk_rows; row < end && !interrupted(j->x); row += k->block) {
    s->row0 = row, s->n = end - row < k->block ? end - row : k->block;
    for (int r = 0; r < k->nreg; r++) {
      const cx_reg *q = &k->reg[r];
      int64_t at = q->lay ? (row - row % q->lay) * q->scale + row % q->lay * size : row * q->scale;
      s->reg[r] = s->base[q->base] + q->off + at;
    }
    cx_vm_run(s, k->code, k->code + k->ncode);
  }
}

/* many sums: some of them at a time, so that each chunk's part is read along its line */
static void sum_parts(const job *j, const cx_acc *a, char *to) {
  enum { SOME = 256 };
  double sum[SOME];
  bool single = j->x->opt.single;
  for (int64_t n = 0; n < a->count; n += SOME) {
    int64_t some = a->count - n < SOME ? a->count - n : SOME;
    for (int64_t c = 0; c < j->k->nchunk; c++) {
      const char *p = part_of(j, a, c);
      const float *f = (const float *)(const void *)p + n;
      const double *d = (const double *)(const void *)p + n;
      for (int64_t k = 0; k < some; k++) {
        double v = single ? (double)f[k] : d[k];
        sum[k] = c ? sum[k] + v : v;
      }
    }
    for (int64_t k = 0; k < some; k++) put_real(to + (n + k) * (single ? 4 : 8), single, sum[k]);
  }
}

/* partial results of the chunks, in their order */
static void combine(const job *j) {
  bool single = j->x->opt.single;
  int64_t size = single ? 4 : 8;
  for (int i = 0; i < j->k->nacc; i++) {
    const cx_acc *a = &j->k->acc[i];
    if (a->part < 0) continue;
    char *to = j->w->base[a->to_base] + a->to_off;
    if (a->red == RED_sum && a->count > 1) {
      sum_parts(j, a, to);
      continue;
    }
    for (int64_t n = 0; n < a->count; n++) {
      double v = get_real(part_of(j, a, 0) + n * size, single), best = 0;
      if (a->red >= RED_argmax) best = get_real(part_of(j, a, 0) + (a->count + n) * size, single);
      for (int64_t c = 1; c < j->k->nchunk; c++) {
        const char *p = part_of(j, a, c);
        double x[2] = {v, get_real(p + n * size, single)}, y;
        switch (a->red) {
          case RED_sum: v += x[1]; break;
          case RED_prod: v *= x[1]; break;
          case RED_max: v = cx_ops[OP_max].eval(x); break;
          case RED_min: v = cx_ops[OP_min].eval(x); break;
          default:
            y = get_real(p + (a->count + n) * size, single);
            if ((a->red == RED_argmax ? y > best : y < best) || (y == best && x[1] < v)) best = y, v = x[1];
        }
      }
      put_real(to + n * size, single, v);
    }
  }
}

/* a location's elements in row-major order, as doubles; the way back */
static void each(const cx_eq *e, const cx_loc *l, char *base, bool single, int64_t n, double *p, bool store) {
  int64_t at[CX_MAX_RANK] = {0}, size = single ? 4 : 8, dense = 1;
  bool plain = !single;
  for (int d = e->rank - 1; d >= 0; dense *= e->dim[d--].n) plain &= l->stride[d] == dense || e->dim[d].n == 1;
  if (plain) {
    memcpy(store ? base + l->off : (char *)p, store ? (char *)p : base + l->off, (size_t)n * sizeof *p);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t o = 0;
    for (int d = 0; d < e->rank; d++) o += at[d] * l->stride[d];
    char *q = base + l->off + o * size;
    if (store) put_real(q, single, p[i]);
    else p[i] = get_real(q, single);
    for (int d = e->rank - 1; d >= 0 && ++at[d] == e->dim[d].n; d--) at[d] = 0;
  }
}
static int64_t count_of(const cx_eq *e) {
  int64_t n = 1;
  for (int d = 0; d < e->rank; d++) n *= e->dim[d].n;
  return n;
}
/* an input as the array that it is: bound once, or given to this run */
static cx_array input_array(const cx_exec *x, const cx_eq *e, const cx_loc *l, const char *base) {
  if (e->constant) return x->constant[l->base - BASE_FIRST - x->nin - x->nout];
  cx_array a = {.type = l->type, .data = base};
  int64_t dim[CX_MAX_RANK];
  for (int d = 0; d < e->rank; d++) dim[d] = e->dim[d].n;
  cx_array_row_major(&a, e->rank, dim);
  return a;
}

static int run_prim(const cx_exec *x, const cx_kernel *k, cx_work *w, const char **why) {
  const cx_eq *e = k->prim, *arg[CX_PRIM_ARGS];
  const double *in[CX_PRIM_ARGS];
  double *p = (double *)(void *)(w->mem + k->acc_off), *result = p;
  p += count_of(e);
  for (int i = 0; i < e->nprim_arg; i++) {
    arg[i] = x->g->eq[e->prim_arg[i]];
    in[i] = p;
    const cx_loc *l = &x->place[arg[i]->id].full;
    if (arg[i]->kind == EQ_INPUT && (arg[i]->constant || l->type != (x->opt.single ? CX_F32 : CX_F64))) {
      cx_array a = input_array(x, arg[i], l, w->base[l->base]);
      cx_array_copy(&a, 0, a.rank ? a.dim[0] : 1, p);
    } else each(arg[i], l, w->base[l->base], x->opt.single, count_of(arg[i]), p, false);
    p += count_of(arg[i]);
  }
  int failed = k->quadrature ? cx_quadrature_run(k->quadrature, w->quadrature[k->number], k->some ? w->rows : INT64_MAX,
                                                 in, result, why)
                             : e->prim->eval(e, arg, in, result, p, why);
  if (failed) return 1;
  const cx_loc *l = &x->place[e->id].full;
  each(e, l, w->base[l->base], x->opt.single, count_of(e), result, true);
  return 0;
}
static int64_t prim_bytes(cx_sched *s, const cx_eq *e) {
  const cx_eq *arg[CX_PRIM_ARGS];
  int64_t n = count_of(e);
  for (int i = 0; i < e->nprim_arg; i++) arg[i] = s->g->eq[e->prim_arg[i]], n += count_of(arg[i]);
  if (e->prim->scratch_size) n += (int64_t)e->prim->scratch_size(arg);
  return 8 * (n + 1);
}

static int run_kernel(const cx_exec *x, const cx_kernel *k, cx_work *w, const char **why) {
  cx_tally *ends = w->worker->tally ? &w->worker->tally[k - x->kernel][k->ncode] : NULL;
  int64_t since = ends ? cx_profile_spent() : 0;
  if (k->prim) {
    int failed = run_prim(x, k, w, why);
    if (ends) ends->ns += cx_profile_spent() - since, ends->runs++;
    return failed;
  }
  job j = {x, k, w};
  if (k->nchunk > 1 && k->work > 200000 && w->threads > 1) cx_pool_run(x->pool, k->nchunk, run_chunk, &j);
  else
    for (int64_t c = 0; c < k->nchunk; c++) run_chunk(&j, 0, c);
  if (ends) since = cx_profile_spent();
  if (k->nacc) combine(&j);
  if (ends) ends->ns += cx_profile_spent() - since, ends->runs++;
  if (interrupted(x)) *why = "interrupted";
  return interrupted(x);
}

/* ---- constants ---- */
/* memory for what is kept; where there is not so much, a note says which array is the largest */
static char *kept(cx_arena *a, const cx_exec *x, int64_t bytes) {
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

static cx_work *new_work(cx_arena *a, const cx_exec *x) {
  cx_work *w = CX_NEW(a, cx_work);
  w->mem = kept(a, x, x->work_bytes);
  w->base = CX_NEW_N(a, char *, x->nbase);
  w->threads = cx_pool_threads(x->pool);
  w->rows = INT64_MAX;
  w->quadrature = CX_NEW_N(a, cx_quadrature_work *, x->nquadrature + 1);
  for (int k = 0; k < x->nkernel; k++)
    if (x->kernel[k].quadrature)
      w->quadrature[x->kernel[k].number] = cx_quadrature_work_new(a, x->kernel[k].quadrature);
  w->worker = CX_NEW_N(a, worker, w->threads);
  for (int t = 0; t < w->threads; t++) {
    w->worker[t].temp = cx_alloc(a, (size_t)x->temp_bytes + 128);
    w->worker[t].vm = (cx_vm){.reg = CX_NEW_N(a, char *, x->max_reg + 1),
                              .base = CX_NEW_N(a, char *, x->nbase),
                              .kern = cx_kernels_get(x->opt.single, x->opt.no_simd),
                              .mat = cx_mat_get(x->opt.single, x->opt.no_simd),
                              .room = x->room ? cx_alloc(a, CX_ROOM) : NULL};
    w->worker[t].tally = cx_profile_of(x);
  }
  memcpy(w->base, x->base, (size_t)x->nbase * sizeof *w->base);
  w->base[BASE_WORK] = w->mem;
  return w;
}

static void precompute(cx_exec *x, uint64_t dep) {
  const char *why = NULL;
  for (int i = 0; i < x->nkernel; i++) {
    const cx_kernel *k = &x->kernel[i];
    if (k->stage || !(k->dep & dep || dep == UINT64_MAX)) continue;
    if (!x->own) x->own = new_work(x->a, x);
    memcpy(x->own->base, x->base, (size_t)x->nbase * sizeof *x->base);
    x->own->base[BASE_WORK] = x->own->mem;
    if (run_kernel(x, k, x->own, &why)) {
      if (interrupted(x)) cx_throw(x->ctx, CX_E_INTERRUPT);
      const cx_eq *e = k->prim;
      cx_diag(x->ctx, CX_ERROR, CX_E_RUNTIME, e->span, "`%s`: %s", e->name ? e->name : e->prim->name,
              why ? why : "it has no value here");
      cx_throw(x->ctx, CX_E_RUNTIME);
    }
  }
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
  place_all(s, x->nin);
  int64_t shared_bytes = 0;
  for (int i = 0; i < s->kernel.n; i++) {
    cx_kernel *k = &s->kernel.at[i];
    int64_t bytes;
    k->acc_off = 0;
    if (k->prim) bytes = prim_bytes(s, k->prim);
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
  x->base[BASE_CONST] = kept(x->a, x, s->const_bytes);
  x->base[BASE_POOL] = cx_alloc(x->a, (size_t)(s->pool.n + 8) * 8);
  for (int i = 0; i < s->pool.n; i++) put_real(x->base[BASE_POOL] + i * s->esize, x->opt.single, s->pool.at[i]);
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
  precompute(x, UINT64_MAX);
  return x;
}

cx_work *cx_work_new(cx_arena *a, const cx_exec *x) {
  if (!x->seg) return new_work(a, x);
  cx_work *w = CX_NEW(a, cx_work);
  w->seg = cx_seg_work_new(a, x->seg);
  return w;
}

size_t cx_work_bytes(const cx_exec *x) {
  if (x->seg) return cx_segments_bytes(x->seg);
  return (size_t)x->work_bytes + (size_t)cx_pool_threads(x->pool) * (size_t)(x->temp_bytes + (x->room ? CX_ROOM : 0));
}

int cx_exec_run(const cx_exec *x, cx_work *w, const void *const *in, void *const *out, const char **why) {
  return cx_exec_rows(x, w, INT64_MAX, in, out, why);
}

int cx_exec_rows(const cx_exec *x, cx_work *w, int64_t rows, const void *const *in, void *const *out,
                 const char **why) {
  if (x->seg) return cx_segments_run(x->seg, w->seg, in, out, why);
  memcpy(w->base, x->base, (size_t)x->nbase * sizeof *w->base);
  w->base[BASE_WORK] = w->mem;
  w->rows = rows;
  for (int k = 0; k < x->nin; k++) w->base[BASE_FIRST + k] = (char *)(uintptr_t)in[k];
  for (int k = 0; k < x->nout; k++) w->base[BASE_FIRST + x->nin + k] = out[k];
  for (int i = 0; i < x->nkernel; i++)
    if (x->kernel[i].stage && run_kernel(x, &x->kernel[i], w, why)) return 1;
  int64_t size = x->opt.single ? 4 : 8;
  for (int k = 0; k < x->nout; k++) { /* inputs, constants and repeated outputs */
    const cx_eq *e = x->g->eq[x->out_eq[k]];
    const cx_place *p = &x->place[e->id];
    if (e->kind != EQ_INPUT && p->stage && p->out == k) continue;
    const cx_loc *l = &p->full;
    int64_t n = count_of(e);
    if (x->opt.rows && rows < e->dim[0].n) n = n / e->dim[0].n * rows;
    if (p->out != k) memcpy(out[k], out[p->out], (size_t)(n * size));
    else if (e->kind == EQ_INPUT && (e->constant || l->type != (x->opt.single ? CX_F32 : CX_F64))) {
      cx_array a = input_array(x, e, l, w->base[l->base]);
      int64_t all = a.rank ? a.dim[0] : 1;
      if (x->opt.single) cx_array_copy_f32(&a, 0, all, out[k]);
      else cx_array_copy(&a, 0, all, out[k]);
    } else if (x->opt.single) {
      float *to = out[k];
      int64_t at[CX_MAX_RANK] = {0};
      const float *from = (const float *)(const void *)(w->base[l->base] + l->off);
      for (int64_t i = 0; i < n; i++) {
        int64_t o = 0;
        for (int d = 0; d < e->rank; d++) o += at[d] * l->stride[d];
        to[i] = from[o];
        for (int d = e->rank - 1; d >= 0 && ++at[d] == e->dim[d].n; d--) at[d] = 0;
      }
    } else each(e, l, w->base[l->base], false, n, out[k], false);
  }
  return 0;
}

int64_t cx_work_inner_errors(const cx_exec *x, cx_work *w, double *rel, int64_t n) {
  int64_t nodes = 0;
  for (int i = 0; i < x->nkernel && !x->seg; i++) {
    const cx_kernel *k = &x->kernel[i];
    if (k->quadrature && k->stage) nodes += cx_quadrature_errors(k->quadrature, w->quadrature[k->number], rel, n);
  }
  return nodes;
}

int cx_work_integrals(const cx_exec *x, cx_work *w, cx_integral_report *r, int max) {
  int n = 0;
  for (int i = 0; i < x->nkernel && !x->seg; i++) {
    const cx_kernel *k = &x->kernel[i];
    cx_work *of = k->stage ? w : x->own; /* of data alone: computed when the function was made */
    if (k->quadrature && of && n++ < max) cx_quadrature_report(k->quadrature, of->quadrature[k->number], &r[n - 1]);
  }
  return n;
}

void cx_work_integral_places(const cx_exec *x, cx_work *w, int64_t n, cx_integral_place *at) {
  for (int i = 0; i < x->nkernel && !x->seg; i++) {
    const cx_kernel *k = &x->kernel[i];
    cx_work *of = k->stage ? w : x->own;
    if (k->quadrature && of) cx_quadrature_places(k->quadrature, of->quadrature[k->number], n, at);
  }
}

void cx_exec_rebind(cx_exec *x, int k, const cx_array *a) {
  if (x->seg) {
    cx_segments_rebind(x->seg, k, a);
    return;
  }
  cx_array *c = &x->constant[k];
  bool same = c->type == a->type;
  for (int d = 0; d < a->rank; d++) same &= c->stride[d] == a->stride[d] || a->dim[d] == 1;
  if (same) c->data = a->data;
  else { /* in the type and with the strides the code was made for */ int64_t lo = 0, n = 1, last = 0;
    for (int d = 0; d < c->rank; d++) n *= c->dim[d], last += (c->dim[d] - 1) * c->stride[d], lo |= c->stride[d] < 0;
    (void)lo;
    char *mem = cx_alloc(x->a, (size_t)(n ? last + 1 : 1) * cx_dtype_size[c->type]);
    int64_t at[CX_MAX_RANK] = {0};
    for (int64_t i = 0; i < n; i++) {
      int64_t o = 0;
      for (int d = 0; d < c->rank; d++) o += at[d] * c->stride[d];
      double v = cx_array_get(a, at);
      char *p = mem + o * cx_dtype_size[c->type];
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
  precompute(x, 1ull << (k < 63 ? k : 63));
}
