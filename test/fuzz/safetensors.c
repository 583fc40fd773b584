/* safetensors.c - arrays with names in one file. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  return fuzz_reader(p, n, "x.safetensors", cx_read_safetensors);
}
