/* image.c - PNG and JPEG images. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) { return fuzz_reader(p, n, "x.png", cx_read_image); }
