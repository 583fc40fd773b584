/* exec_run.c - tier 0 at work: memory of a run, kernels chunk by chunk over threads, results in their order. */
#include "back/exec.h"
#include "back/integral.h"
#include "back/profile.h"
#include "back/segment.h"
#include "run/pool.h"
#include <math.h>
#include <string.h>

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
  int64_t end = (chunk + 1) * k->chunk_rows;
  int64_t rows = k->some && j->w->rows < k->n ? j->w->rows : k->n;
  if (end > rows) end = rows;
  for (int i = 0; i < k->nacc; i++) {
    const cx_acc *a = &k->acc[i];
    char *p = part_of(j, a, chunk);
    if (a->set && chunk * k->chunk_rows < end) continue;
    if (cx_red_start[a->red] == 0) memset(p, 0, (size_t)(a->count * size));
    else
      for (int64_t n = 0; n < a->count; n++) cx_put_real(p + n * size, single, cx_red_start[a->red]);
    if (a->red >= RED_argmax)
      for (int64_t n = a->count; n < 2 * a->count; n++)
        cx_put_real(p + n * size, single, a->red == RED_argmax ? -INFINITY : INFINITY);
  }
  s->block = k->block;
  s->tally = j->w->worker[thread].tally ? j->w->worker[thread].tally[k - j->x->kernel] : NULL;
  if (s->tally) s->code = k->code, s->tally[k->ncode].ns += cx_profile_spent() - since, cx_profile_begin(&s->lap);
  for (int64_t row = chunk * k->chunk_rows; row < end && !interrupted(j->x); row += k->block) {
    s->row0 = row, s->n = end - row < k->block ? end - row : k->block, s->fresh = row == chunk * k->chunk_rows;
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
  if (j->k->nchunk == 2) { /* rounded once, as below */
    const void *two[2] = {part_of(j, a, 0), part_of(j, a, 1)};
    cx_kernels_get(single, j->x->opt.no_simd)->op[OP_add](to, two, (int[]){1, 1}, a->count);
    return;
  }
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
    for (int64_t k = 0; k < some; k++) cx_put_real(to + (n + k) * (single ? 4 : 8), single, sum[k]);
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
      cx_put_real(to + n * size, single, v);
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
    if (store) cx_put_real(q, single, p[i]);
    else p[i] = get_real(q, single);
    for (int d = e->rank - 1; d >= 0 && ++at[d] == e->dim[d].n; d--) at[d] = 0;
  }
}
/* an input as the array that it is: bound once, or given to this run */
static cx_array input_array(const cx_exec *x, const cx_eq *e, const cx_loc *l, const char *base) {
  if (e->constant) return x->constant[l->base - BASE_FIRST - x->nin - x->nout];
  cx_array a = {.type = l->type, .data = base};
  int64_t dim[CX_MAX_RANK];
  cx_eq_sizes(e, dim);
  cx_array_row_major(&a, e->rank, dim);
  return a;
}

static int run_prim(const cx_exec *x, const cx_kernel *k, cx_work *w, const char **why) {
  const cx_eq *e = k->prim, *arg[CX_PRIM_ARGS];
  const double *in[CX_PRIM_ARGS];
  double *p = (double *)(void *)(w->mem + k->acc_off), *result = p;
  p += cx_eq_count(e);
  for (int i = 0; i < e->nprim_arg; i++) {
    arg[i] = x->g->eq[e->prim_arg[i]];
    in[i] = p;
    const cx_loc *l = &x->place[arg[i]->id].full;
    if (arg[i]->kind == EQ_INPUT && (arg[i]->constant || l->type != (x->opt.single ? CX_F32 : CX_F64))) {
      cx_array a = input_array(x, arg[i], l, w->base[l->base]);
      cx_array_copy(&a, 0, a.rank ? a.dim[0] : 1, p);
    } else each(arg[i], l, w->base[l->base], x->opt.single, cx_eq_count(arg[i]), p, false);
    p += cx_eq_count(arg[i]);
  }
  int failed = k->quadrature ? cx_quadrature_run(k->quadrature, w->quadrature[k->number], k->some ? w->rows : INT64_MAX,
                                                 in, result, why)
                             : e->prim->eval(e, arg, in, result, p, why);
  if (failed) return 1;
  const cx_loc *l = &x->place[e->id].full;
  each(e, l, w->base[l->base], x->opt.single, cx_eq_count(e), result, true);
  return 0;
}
int64_t cx_prim_bytes(cx_sched *s, const cx_eq *e) {
  const cx_eq *arg[CX_PRIM_ARGS];
  int64_t n = cx_eq_count(e);
  for (int i = 0; i < e->nprim_arg; i++) arg[i] = s->g->eq[e->prim_arg[i]], n += cx_eq_count(arg[i]);
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

/* of what depends on constants alone, or of all else */
static cx_work *new_work(cx_arena *a, const cx_exec *x, bool own) {
  cx_work *w = CX_NEW(a, cx_work);
  w->mem = cx_kept(a, x, x->work_bytes);
  w->base = CX_NEW_N(a, char *, x->nbase);
  w->threads = cx_pool_threads(x->pool);
  w->rows = INT64_MAX;
  w->quadrature = CX_NEW_N(a, cx_quadrature_work *, x->nquadrature + 1);
  for (int k = 0; k < x->nkernel; k++)
    if (x->kernel[k].quadrature && own == !x->kernel[k].stage)
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

void cx_precompute(cx_exec *x, uint64_t dep) {
  const char *why = NULL;
  for (int i = 0; i < x->nkernel; i++) {
    const cx_kernel *k = &x->kernel[i];
    if (k->stage || !(k->dep & dep || dep == UINT64_MAX)) continue;
    if (!x->own) x->own = new_work(x->a, x, true);
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

cx_work *cx_work_new(cx_arena *a, const cx_exec *x) {
  if (!x->seg) return new_work(a, x, false);
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
    int64_t n = cx_eq_count(e);
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
