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
double cx_xlog1py(double x, double y);   /* x log(1 + y), 0 at x = 0 */
double cx_sinc(double x);                /* sin(x) / x */
double cx_exprel(double x);              /* (exp(x) - 1) / x */

/* special_normal.c */
double cx_erfcx(double x); /* exp(x^2) erfc(x) */
double cx_erfinv(double x);
double cx_erfcinv(double x);
double cx_norm_cdf(double x);
double cx_norm_quantile(double p);
double cx_log_norm_cdf(double x);

/* special_gamma.c */
double cx_lgamma(double x); /* log |gamma(x)|; touches no global sign */
double cx_digamma(double x);
double cx_trigamma(double x);
double cx_polygamma(double n, double x); /* n-th derivative of digamma, n = 0, 1, 2… 100000 */
double cx_lbeta(double a, double b);     /* a, b > 0 */

double cx_lfactorial(double x);
double cx_lchoose(double n, double k); /* log |n over k|, n > -1 */

/* special_gammainc.c: a > 0, x >= 0 */
double cx_gamma_p(double a, double x);
double cx_gamma_q(double a, double x);
double cx_log_gamma_p(double a, double x);
double cx_log_gamma_q(double a, double x);
double cx_gamma_p_dx(double a, double x); /* x^(a-1) exp(-x) / gamma(a) */
double cx_log_gamma_pdf(double a, double x);
double cx_gamma_p_da(double a, double x);
double cx_log_gamma_p_da(double a, double x);
double cx_log_gamma_q_da(double a, double x);

/* special_betainc.c: a, b > 0, 0 <= x <= 1; incc is 1 - inc */
double cx_beta_inc(double a, double b, double x);
double cx_beta_incc(double a, double b, double x);
double cx_log_beta_inc(double a, double b, double x);
double cx_log_beta_incc(double a, double b, double x);
double cx_beta_inc_dx(double a, double b, double x); /* x^(a-1) (1-x)^(b-1) / B(a, b) */
double cx_log_beta_pdf(double a, double b, double x);
double cx_beta_inc_da(double a, double b, double x);
double cx_beta_inc_db(double a, double b, double x);
double cx_log_beta_inc_da(double a, double b, double x);
double cx_log_beta_inc_db(double a, double b, double x);
double cx_log_beta_incc_da(double a, double b, double x);
double cx_log_beta_incc_db(double a, double b, double x);

/* special_quantile.c: the x that gives the probability */
double cx_gamma_p_inv(double a, double p);
double cx_gamma_q_inv(double a, double q);
double cx_beta_inc_inv(double a, double b, double p);
double cx_beta_incc_inv(double a, double b, double q);

/* special_student.c, special_quantile.c: nu > 0 degrees of freedom */
double cx_student_t_cdf(double nu, double t);
double cx_log_student_t_cdf(double nu, double t);
double cx_student_t_quantile(double nu, double p);
double cx_student_t_dnu(double nu, double t); /* of the distribution function, by nu */

/* special_bessel.c: modified, of the first kind; e: times exp(-|x|) */
double cx_bessel_i0(double x);
double cx_bessel_i1(double x);
double cx_bessel_i0e(double x);
double cx_bessel_i1e(double x);
double cx_log_bessel_i0(double x);
double cx_bessel_ratio(double x); /* i1 / i0 */
double cx_bessel_ratio_dx(double x);
#endif
