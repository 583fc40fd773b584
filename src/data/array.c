/* array.c - reading an array whatever its type and strides. */
#include "data/data.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One row a type: its name, the C type. */
#define DTYPES(X) \
  X(F64, double)  \
  X(F32, float) X(I64, int64_t) X(I32, int32_t) X(I16, int16_t) X(U16, uint16_t) X(I8, int8_t) X(U8, uint8_t)

#define SIZE(T, C) [CX_##T] = sizeof(C),
const uint8_t cx_dtype_size[CX_DTYPE_COUNT] = {DTYPES(SIZE)};
#undef SIZE

void cx_array_row_major(cx_array *x, int rank, const int64_t *dim) {
  int64_t s = 1;
  x->rank = rank;
  for (int k = 0; k < rank; k++)
    if (dim[k] == 0) s = 0; /* no element, so no stride: the other sizes may be anything */
  for (int k = rank; k-- > 0; s *= x->dim[k]) x->dim[k] = dim[k], x->stride[k] = s;
}

cx_array cx_array_dense(const double *p, int rank, const int64_t *dim) {
  cx_array x = {.type = CX_F64, .data = p};
  cx_array_row_major(&x, rank, dim);
  return x;
}

bool cx_array_contiguous(const cx_array *a) {
  int64_t s = 1;
  if (cx_array_count(a) == 0) return true;
  for (int k = a->rank; k-- > 0; s *= a->dim[k])
    if (a->dim[k] != 1 && a->stride[k] != s) return false;
  return true;
}

int64_t cx_array_count(const cx_array *a) {
  int64_t n = 1;
  for (int k = 0; k < a->rank; k++)
    if (a->dim[k] == 0) return 0;
  for (int k = 0; k < a->rank; k++) n *= a->dim[k];
  return n;
}

void cx_array_drop(const cx_array *a, int64_t lo, int64_t hi) {
#ifdef MADV_DONTNEED
  if (!a->map || !a->rank || a->stride[0] <= 0 || hi <= lo) return;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)a->map, row = (uintptr_t)a->stride[0];
  row *= cx_dtype_size[a->type];
  uintptr_t p = (uintptr_t)a->data + (uintptr_t)lo * row, q = (uintptr_t)a->data + (uintptr_t)hi * row;
  if (p < start || q > start + a->map_bytes) return; /* what was read has been made into something else */
  p = (p + page - 1) / page * page, q = q / page * page;
  if (p < q) madvise((void *)p, q - p, MADV_DONTNEED);
#else
  (void)a, (void)lo, (void)hi;
#endif
}

static double element(const cx_array *a, int64_t at) {
  switch (a->type) {
#define GET(T, C) \
  case CX_##T: return (double)((const C *)a->data)[at];
    DTYPES(GET)
#undef GET
    default: return 0;
  }
}

double cx_array_get(const cx_array *a, const int64_t *at) {
  int64_t k = 0;
  for (int i = 0; i < a->rank; i++) k += at[i] * a->stride[i];
  return element(a, k);
}

/* n elements, `stride` apart: the one loop that knows the types */
#define LOOP(T, C)                                             \
  case CX_##T: {                                               \
    const C *p = (const C *)a->data + at;                      \
    for (int64_t i = 0; i < n; i++) to[i] = (TO)p[i * stride]; \
    break;                                                     \
  }
#define TO double
static void line_f64(const cx_array *a, int64_t at, int64_t stride, int64_t n, double *restrict to) {
  switch (a->type) { DTYPES(LOOP) default : break; }
}
#undef TO
#define TO float
static void line_f32(const cx_array *a, int64_t at, int64_t stride, int64_t n, float *restrict to) {
  switch (a->type) { DTYPES(LOOP) default : break; }
}
#undef TO
#undef LOOP

/* Elements [first, first + n) in row-major order, cut into lines of the last dimension. */
#define RUN(T, line)                                                                        \
  if (n <= 0) return;                                                                       \
  if (a->rank == 0) {                                                                       \
    line(a, 0, 1, 1, to);                                                                   \
    return;                                                                                 \
  }                                                                                         \
  int last = a->rank - 1;                                                                   \
  int64_t i[CX_MAX_RANK], at = 0, k = first;                                                \
  for (int d = last; d >= 0; k /= a->dim[d--]) at += (i[d] = k % a->dim[d]) * a->stride[d]; \
  while (n > 0) {                                                                           \
    int64_t m = a->dim[last] - i[last] < n ? a->dim[last] - i[last] : n;                    \
    line(a, at, a->stride[last], m, to);                                                    \
    to += m, n -= m, at += m * a->stride[last], i[last] += m;                               \
    for (int d = last; d > 0 && i[d] == a->dim[d]; d--) {                                   \
      at += a->stride[d - 1] - i[d] * a->stride[d];                                         \
      i[d] = 0, i[d - 1]++;                                                                 \
    }                                                                                       \
  }
void cx_array_run(const cx_array *a, int64_t first, int64_t n, double *to) { RUN(double, line_f64) }
static void run_f32(const cx_array *a, int64_t first, int64_t n, float *to) { RUN(float, line_f32) }

static int64_t row_size(const cx_array *a) {
  int64_t n = 1;
  for (int k = 1; k < a->rank; k++) n *= a->dim[k];
  return n;
}

/* Columns stored one after another are copied column by column: reads stay contiguous. */
#define COPY(line, run)                                                               \
  int64_t w = row_size(a);                                                            \
  if (a->rank == 2 && a->stride[0] == 1 && hi - lo > 1) {                             \
    for (int64_t r = lo; r < hi; r++) line(a, r, a->stride[1], w, to + (r - lo) * w); \
  } else run(a, lo *w, (hi - lo) * w, to);
void cx_array_copy(const cx_array *a, int64_t lo, int64_t hi, double *to) { COPY(line_f64, cx_array_run) }
void cx_array_copy_f32(const cx_array *a, int64_t lo, int64_t hi, float *to) { COPY(line_f32, run_f32) }
