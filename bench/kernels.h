/* kernels.h - the peers of the bench: value and gradient written by hand with AVX-512, one thread, data in blocks of
 * rows, each block column by column. Gradients have the parameters' layout. */
#ifndef BENCH_KERNELS_H
#define BENCH_KERNELS_H
#include <stddef.h>

/* Bayesian logistic regression: parameters w[d], b;
 *   f = sum_i log(1 + exp(eta_i)) - y_i eta_i + |w|^2 / 2 + b^2 / 2,   eta = X w + b */
typedef struct logistic logistic;
logistic *logistic_new(size_t n, size_t d, const double *X, const double *y); /* row-major X; NULL: out of memory */
void logistic_free(logistic *m);
double logistic_gradient(const logistic *m, const double *theta, double *gradient);

/* Gaussian mixture with full covariances (ADBench's parameters): alpha[K], mu[K][D], q[K][D], l[K][D][D] (below its
 * diagonal), Q_k lower triangular with diagonal exp(q_k), the inverse of the covariance's Cholesky factor:
 *   f = -sum_i log sum_k exp(alpha_k + sum(q_k) - |Q_k (x_i - mu_k)|^2 / 2) + n log sum_k exp(alpha_k)
 *       + n D log(2 pi) / 2 */
enum { GMM_K = 10, GMM_D = 8, GMM_SIZE = GMM_K * (1 + 2 * GMM_D + GMM_D * GMM_D) };
typedef struct gmm gmm;
gmm *gmm_new(size_t n, const double *x);
void gmm_free(gmm *m);
double gmm_gradient(const gmm *m, const double *theta, double *gradient);

/* x = row-major n × d as blocks of `block` rows, column by column, the last one filled up with zeros */
double *by_blocks(size_t n, size_t d, size_t block, const double *x);
#endif
