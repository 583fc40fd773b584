/* idx.c - IDX files, plain and through gzip. */
#include "reader.h"

static cx_file *any(cx_reader *r) {
#ifdef HAVE_ZLIB
  if (r->n > 1 && r->p[0] == 0x1f) cx_read_gunzip(r);
#endif
  return cx_read_idx(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) { return fuzz_reader(p, n, "x.idx", any); }
