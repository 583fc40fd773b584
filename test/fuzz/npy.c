/* npy.c - NPY arrays, and NPZ archives of them. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  return n && p[0] == 'P' ? fuzz_reader(p, n, "x.npz", cx_read_npz) : fuzz_reader(p, n, "x.npy", cx_read_npy);
}
