/* Philox against the known answers that Random123 publishes, and the draws made of it against their laws. */
#include "check.h"
#include "run/rng.h"

#include <stdlib.h>

int main(void) {
  static const uint32_t known[3][10] = {/* counter, key, result: Random123 1.14, kat_vectors, philox4x32 10 */
                                        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
                                         0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (int i = 0; i < 3; i++) {
    uint32_t out[4];
    cx_philox(known[i], known[i] + 4, out);
    for (int j = 0; j < 4; j++) CHECK(out[j] == known[i][6 + j]);
  }

  enum { N = 200000 };
  cx_rng r = {7, 3, 0};
  double sum = 0, square = 0, lo = 1, hi = 0;
  for (int i = 0; i < N; i++) {
    double u = cx_rng_uniform(&r);
    sum += u, square += u * u;
    lo = fmin(lo, u), hi = fmax(hi, u);
  }
  CHECK(lo > 0 && hi < 1 && lo < 1e-4 && hi > 1 - 1e-4);
  CHECK(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N)); /* five standard errors */
  CHECK(fabs(square / N - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
  CHECK(r.at == N);
  cx_rng again = {7, 3, N - 1}, other = {7, 4, N - 1};
  CHECK(cx_rng_u64(&again) == cx_rng_u64_at(&r, N - 1)); /* any position can be drawn alone */
  CHECK(cx_rng_u64(&other) != cx_rng_u64_at(&r, N - 1));

  double m[5] = {0}, pair = 0, before = 0;
  r = (cx_rng){1, 0, 0};
  for (int i = 0; i < N; i++) {
    double z = cx_rng_normal(&r), p = 1;
    for (int k = 1; k < 5; k++) m[k] += p *= z;
    pair += z * before, before = z;
  }
  CHECK(fabs(m[1] / N) < 5 / sqrt(N));
  CHECK(fabs(m[2] / N - 1) < 5 * sqrt(2.0 / N));
  CHECK(fabs(m[3] / N) < 5 * sqrt(15.0 / N));
  CHECK(fabs(m[4] / N - 3) < 5 * sqrt(96.0 / N));
  CHECK(fabs(pair / N) < 5 / sqrt(N));
  double some[3];
  r.at = 10;
  cx_rng_normals(&r, some, 3);
  r.at = 12;
  CHECK(some[2] == cx_rng_normal(&r));

  int count[6] = {0}; /* six sides, chi square with 5 degrees of freedom: 20.5 has probability 0.001 */
  r = (cx_rng){2, 0, 0};
  for (int i = 0; i < 60000; i++) count[cx_rng_below(&r, 6)]++;
  double chi = 0;
  for (int i = 0; i < 6; i++) chi += (count[i] - 1e4) * (count[i] - 1e4) / 1e4;
  CHECK(chi < 20.5);
  CHECK(cx_rng_below(&r, 1) == 0);

  int order[24] = {0}; /* all 24 orders of four; 23 degrees of freedom: 49.7 */
  for (int i = 0; i < 24000; i++) {
    int32_t p[4] = {0, 1, 2, 3};
    cx_rng_shuffle(&r, p, 4);
    int code = 0, base = 6;
    for (int j = 0; j < 3; j++) {
      int less = 0;
      for (int k = j + 1; k < 4; k++) less += p[k] < p[j];
      code += less * base;
      base /= j == 0 ? 3 : 2;
    }
    order[code]++;
  }
  chi = 0;
  for (int i = 0; i < 24; i++) chi += (order[i] - 1e3) * (order[i] - 1e3) / 1e3;
  CHECK(chi < 49.7);
  return CHECK_DONE();
}
