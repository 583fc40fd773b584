/* csv.c - tables as text: the first byte chooses the file's name, and with it the dialect; the rest is the file. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
  static const char *const names[] = {"t.csv", "t.tsv"};
  if (!n) return 0;
  return p[0] % 3 == 2 ? fuzz_reader(p + 1, n - 1, "t.txt", cx_read_text)
                       : fuzz_reader(p + 1, n - 1, names[p[0] % 3], cx_read_csv);
}
