/* special.h - scalar functions in double that libm lacks. NaN in, NaN out; outside the domain NaN; limits at the ends.
 * Each file names the source of its formulas; test/unit/test_special.c holds them against 50-digit tables. */
#ifndef CX_SPECIAL_H
#define CX_SPECIAL_H

/* special.c: exponentials, logarithms, small things */
double cx_mod(double x, double y);       /* floored: the sign of y */
double cx_logistic(double x);            /* 1 / (1 + exp(-x)) */
double cx_softplus(double x);            /* log(1 + exp(x)) */
double cx_logit(double x);               /* log(x / (1 - x)) */
double cx_log1mexp(double x);            /* log(1 - exp(-x)), x > 0 */
double cx_logaddexp(double x, double y); /* log(exp(x) + exp(y)) */
double cx_xlogy(double x, double y);     /* x log(y), 0 at x = 0 */
double cx_sinc(double x);                /* sin(x) / x */

/* special_normal.c */
double cx_erfcx(double x); /* exp(x^2) erfc(x) */
double cx_erfinv(double x);
double cx_norm_cdf(double x);
double cx_norm_quantile(double p);
double cx_log_norm_cdf(double x);

/* special_gamma.c */
double cx_lgamma(double x); /* log |gamma(x)|; touches no global sign */
double cx_digamma(double x);
double cx_trigamma(double x);
double cx_polygamma(double n, double x); /* n-th derivative of digamma, n = 0, 1, 2… 100000 */
double cx_lbeta(double a, double b);     /* a, b > 0 */

double cx_digamma_rise(double x, double h); /* digamma(x + h) - digamma(x); x, h > 0 */
double cx_stirling_rest(double x);          /* log(gamma(x) / (sqrt(2 pi / x) (x / e)^x)), x >= 10 */
double cx_gamma_star(double x);             /* exp of that, any x > 0 */

/* special_incomplete.c: a, b > 0, x >= 0 or 0 <= x <= 1 */
double cx_gamma_p(double a, double x);
double cx_gamma_q(double a, double x);
double cx_gamma_p_dx(double a, double x); /* x^(a-1) exp(-x) / gamma(a) */
double cx_gamma_p_da(double a, double x);
double cx_beta_inc(double a, double b, double x);
double cx_beta_inc_dx(double a, double b, double x); /* x^(a-1) (1-x)^(b-1) / B(a, b) */
double cx_beta_inc_da(double a, double b, double x);
double cx_beta_inc_db(double a, double b, double x);
#endif
