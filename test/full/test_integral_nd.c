/* Integrals over several variables: test/tables/integrals_nd.tsv. At least 40 of the 50 right to 1e-6, each in a time a
 * person waits for, and none that claims 1e-6 and is worse than 1e-5. */
#include <time.h>

#include "ask.h"
#include "check.h"

int main(void) {
  FILE *f = fopen(CX_TEST_DIR "/tables/integrals_nd.tsv", "r");
  CHECK(f != NULL);
  char line[4000], *field[3], text[4000];
  int n = 0, right = 0, lies = 0;
  while (f && fgets(line, sizeof line, f)) {
    if (split(line, field, 3) != 3) continue;
    snprintf(text, sizeof text, "print %s\n", field[1]);
    clock_t start = clock();
    answer r = ask(text);
    double want = strtod(field[2], NULL), error = fabs(r.value[0] / want - 1),
           seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    n++;
    right += r.n == 1 && error <= 1e-6 && seconds < 15;
    bool lie = r.n == 1 && r.converged[0] && !(error <= 1e-5);
    lies += lie;
    if (!(error <= 1e-6))
      fprintf(stderr, "%s: off by %.1e%s %s (%.1f s)\n", field[0], error, lie ? ", and claims to be right" : "",
              r.message, seconds);
  }
  if (f) fclose(f);
  printf("%d of %d right\n", right, n);
  CHECK(n == 50);
  CHECK(right >= 40);
  CHECK(lies == 0);
  return CHECK_DONE();
}
