/* avx512.h - exp and log for eight doubles at once, for the hand-written kernels only.
 * Polynomials: Chebyshev interpolation on the reduced interval, relative error below 5e-17. */
#ifndef BENCH_AVX512_H
#define BENCH_AVX512_H
#include <immintrin.h>
#include <stddef.h>

typedef __m512d v8;
static inline v8 v8_set(double x) { return _mm512_set1_pd(x); }
static inline v8 v8_horner(v8 x, const double *c, int n) {
  v8 p = v8_set(c[n - 1]);
#pragma GCC unroll 16
  for (int k = n - 2; k >= 0; k--) p = _mm512_fmadd_pd(p, x, v8_set(c[k]));
  return p;
}

/* exp(x) = 2^n exp(r), r = x - n log 2 in two pieces, |r| <= log(2)/2 */
static inline v8 v8_exp(v8 x) {
  /* clang-format off */
  static const double c[] = {1, 1, 0.50000000000000184039, 0.1666666666666668082, 0.04166666666648795252,
                             0.0083333333333195896163, 0.0013888888952352862866, 0.00019841269890076402829,
                             0.000024801485441561312966, 2.7557240887229868596e-6, 2.7632654722527791888e-7,
                             2.5110049204818659792e-8};
  /* clang-format on */
  v8 n = _mm512_roundscale_pd(_mm512_mul_pd(x, v8_set(1.4426950408889634)), 0);
  v8 r = _mm512_fnmadd_pd(n, v8_set(0x1.62e42fefa3800p-1), x);
  r = _mm512_fnmadd_pd(n, v8_set(0x1.ef35793c76730p-45), r);
  return _mm512_scalef_pd(v8_horner(r, c, 12), n);
}

/* log(m 2^e) = e log 2 + 2 atanh((m - 1) / (m + 1)), 0.75 <= m < 1.5 */
static inline v8 v8_log(v8 x) {
  static const double c[] = {2,
                             0.66666666666675377021,
                             0.39999999995434046175,
                             0.28571429481997199609,
                             0.22222133214479161822,
                             0.18186528542579941529,
                             0.15247323852310146473,
                             0.15387226699131129469};
  v8 m = _mm512_getmant_pd(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero);
  v8 e = _mm512_getexp_pd(_mm512_div_pd(x, m)), one = v8_set(1);
  v8 s = _mm512_div_pd(_mm512_sub_pd(m, one), _mm512_add_pd(m, one));
  return _mm512_fmadd_pd(e, v8_set(0.69314718055994531), _mm512_mul_pd(s, v8_horner(_mm512_mul_pd(s, s), c, 8)));
}

/* softplus(x) = max(x, 0) + log1p(u) and logistic(x), both from u = exp(-|x|) with one division:
 * log1p(u) = 2 atanh(u / (2 + u)), 1 / (1 + u) and u / (2 + u) share 1 / ((1 + u)(2 + u)) */
static inline v8 v8_softplus(v8 x, v8 *logistic) {
  static const double c[] = {1.9999999999999999116,  0.66666666666682574328, 0.39999999995287600008,
                             0.28571429111657160221, 0.22222190861346284037, 0.18182859800473910957,
                             0.15363676248891634258, 0.13591305485579893836, 0.098807890487647862408,
                             0.17780763826113302894};
  v8 one = v8_set(1), zero = _mm512_setzero_pd();
  v8 u = v8_exp(_mm512_sub_pd(zero, _mm512_abs_pd(x)));
  v8 a = _mm512_add_pd(u, one), b = _mm512_add_pd(u, v8_set(2));
  v8 inv = _mm512_div_pd(one, _mm512_mul_pd(a, b));
  v8 s = _mm512_mul_pd(_mm512_mul_pd(u, a), inv), big = _mm512_mul_pd(b, inv);
  *logistic = _mm512_mask_mul_pd(big, _mm512_cmp_pd_mask(x, zero, _CMP_LT_OQ), big, u);
  return _mm512_fmadd_pd(s, v8_horner(_mm512_mul_pd(s, s), c, 10), _mm512_max_pd(x, zero));
}
#endif
