/* test_cubature_honest.c - what says 1e-6 is never worse than 1e-5, over random integrals of every family, also with
 * budgets too small for them; and most are met. */
#include "check.h"
#include "cubature_cases.h"

#include <stdlib.h>

enum { EACH = 40 };

int main(int argc, char **argv) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  int met = 0, lies = 0, all = 0, only = argc > 1 ? atoi(argv[1]) : -1;
  uint64_t base = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  for (int k = 0; k < FAMILIES; k++) {
    int ok = 0, right = 0, lied = 0;
    for (uint64_t number = 0; number < EACH && (only < 0 || only == k); number++) {
      integral q = make_integral((family)k, 5, number + base);
      cx_cubature_report r;
      double v;
      /* nodes, not seconds, end it: the same on any machine */
      cx_quad_status s = run_integral(c, &q, 100, number % 4 == 0 ? 400000 : 8000000, &v, &r);
      double e = fabs(v / q.exact - 1);
      ok += s == QUAD_OK, right += e <= 1e-6, lied += s == QUAD_OK && !(e <= 1e-5), all++;
      if (s == QUAD_OK && !(e <= 1e-5))
        printf("%s %d in %d dimensions: %.3g wrong, said %.3g, by %s\n", family_name[k], (int)number, q.d, e,
               r.error * 1e-6, r.method);
      CHECK(r.evaluations <= (number % 4 == 0 ? 400000 : 8000000));
    }
    printf("%-13s met %d, right %d, lies %d of %d\n", family_name[k], ok, right, lied, EACH);
    fflush(stdout);
    met += ok, lies += lied;
  }
  CHECK(lies == 0);
  CHECK(met >= all * 6 / 10);
  cx_ctx_free(c);
  return CHECK_DONE();
}
