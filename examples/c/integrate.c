/* integrate.c - many integrals in one call: the power of a one-sided test with a sample of unknown spread, by sample size
 * and effect, and what one of them looks like when it has no value. */
#include <calx.h>
#include <math.h>
#include <stdio.h>

enum { N = 6 };

int main(void) {
  /* The mean of n normal numbers lies above the threshold t. The effect is not known exactly, but spread around `effect`
   * with the width 0.1: the probability is averaged over it. Exact: the normal cdf of (effect - t) / sqrt(1/n + 0.1^2). */
  const char *text =
      "density(z) = exp(-z^2 / 2) / sqrt(2 * pi)\n"
      "integral(x in t..inf: density((x - effect) / sqrt(1 / n + 0.1^2)) / sqrt(1 / n + 0.1^2))";
  const double n[N] = {10, 10, 40, 40, 160, 160}, effect[N] = {0.2, 0.5, 0.2, 0.5, 0.2, 0.5};
  double t[N], power[N], error[N], worst = 0;
  for (int k = 0; k < N; k++) t[k] = 1.6448536269514722 / sqrt(n[k]); /* 5 % of false alarms */
  calx_ctx *c = calx_new(NULL, NULL);
  if (!c) return 1;
  calx_integral_report r;
  if (calx_integrate(c, text, SIZE_MAX, 3, (const char *[]){"n", "effect", "t"}, (const double *[]){n, effect, t}, N,
                     power, error, NULL, &r)) {
    fprintf(stderr, "%s", calx_error(c));
    calx_free(c);
    return 1;
  }
  for (int k = 0; k < N; k++) {
    double exact = erfc((t[k] - effect[k]) / sqrt(2 * (1 / n[k] + 0.01))) / 2;
    printf("n = %3.0f   effect %.1f   power %.10f ± %.0e\n", n[k], effect[k], power[k], error[k]);
    worst = fmax(worst, fabs(power[k] - exact));
  }
  printf("%lld evaluations of the integrand, off by %.0e at most\n", (long long)r.evaluations, worst);

  /* one of these diverges: the status says that not all went well, and the state which */
  const double p[3] = {-0.5, -1, 2};
  double value[3];
  calx_integral_state state[3];
  calx_status s = calx_integrate(c, "integral(x in 0..1: x^p)", SIZE_MAX, 1, (const char *[]){"p"},
                                 (const double *[]){p}, 3, value, NULL, state, NULL);
  for (int k = 0; k < 3; k++)
    printf("p = %4.1f   %s %g\n", p[k], state[k] == CALX_INTEGRAL_DIVERGES ? "diverges" : "value", value[k]);
  int fine =
      worst < 1e-10 && s == CALX_E_CONVERGENCE && state[1] == CALX_INTEGRAL_DIVERGES && fabs(value[0] - 2) < 1e-9;
  calx_free(c);
  return !fine;
}
