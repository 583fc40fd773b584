/* reader.h - one reader on the fuzzer's bytes: no crash, no leak, no hang, and either a file or exactly one error. */
#ifndef READER_H
#define READER_H
#include "data/read.h"
#include "pool.h"

static int fuzz_reader(const uint8_t *p, size_t n, const char *name, cx_file *(*read)(cx_reader *)) {
  cx_ctx *c = pool_ctx();
  cx_arena *a = cx_arena_new(c);
  cx_frame f;
  CX_TRY(c, f) {
    cx_reader r = {.c = c, .a = a, .path = name, .span = CX_NOSPAN, .p = p, .n = n};
    cx_file *x = read(&r);
    double sum = 0, v[64];
    for (int k = 0; k < x->ncol; k++) { /* every element can be read */
      const cx_array *y = &x->col[k].array;
      int64_t count = cx_array_count(y);
      for (int64_t i = 0; i < count; i += 64) {
        int64_t m = count - i < 64 ? count - i : 64;
        cx_array_run(y, i, m, v);
        for (int64_t j = 0; j < m; j++) {
          sum += v[j];
          if (y->level && !(v[j] >= 0 && v[j] < y->nlevel && y->level[(int)v[j]])) abort();
        }
      }
    }
    volatile double keep = sum;
    (void)keep;
    CX_END(c, f);
    if (cx_error_count(c)) abort();
  }
  else if (cx_error_count(c) != 1) abort(); cx_arena_free(a);
  pool_end(c);
  return 0;
}
#endif
