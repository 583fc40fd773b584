/* special_int.h - what the incomplete gamma and beta functions and their inverses share. */
#ifndef CX_SPECIAL_INT_H
#define CX_SPECIAL_INT_H
#include "run/special.h"

#define TWO_PI     6.283185307179586476925286766559L
#define SQRT_2PI   2.50662827463100050242
#define EPS        1.1102230246251565e-16
#define MAX_TERMS  100000
#define MORE_TERMS 300 /* of a fraction's derivative, after its value has converged */

/* special_gamma.c */
double cx_stirling_rest(double x);  /* log(gamma(x) / (sqrt(2 pi / x) (x / e)^x)), x >= 10 */
double cx_gamma_head(double a);     /* (a / e)^a / gamma(a) */
double cx_digamma_rest(double x);   /* digamma(x) - log(x), x > 0 */
double cx_lgamma1p_small(double a); /* log gamma(1 + a), |a| <= 0.5 */

/* A distribution function p and its complement q. The tail, one of the two, is factor * exp(-exponent); the density by
 * the logarithm of x or of the odds x / y is head * exp(-exponent). */
typedef struct {
  double p, q;
  double factor, head, log_da, log_db; /* derivatives of the tail's logarithm by the shapes */
  long double exponent;
  int upper; /* the tail is q */
} cx_tail;
/* 0 at the ends and for what is not a number, where there is no more than p and q; derive: log_da, log_db too */
int cx_gamma_both(double a, double x, int derive, cx_tail *t);
int cx_beta_both(double a, double b, double x, double y, int derive, cx_tail *t);

long double cx_deviance(long double a, long double x, long double d); /* a log(a / x) + x - a, d = x - a */
double cx_scaled_exp(double factor, long double exponent);            /* factor exp(-exponent) */
double cx_tail_log(const cx_tail *t, int upper);                      /* log q or log p */
/* of q or p, or of its logarithm, given that of the tail's logarithm; at the ends 0, or infinite for log(0) */
double cx_tail_derivative(const cx_tail *t, int upper, double log_d, int log);
double cx_tail_end(double v, int negative, int log);
#endif
