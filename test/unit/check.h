/* check.h - the whole unit test framework: count, print the place of what failed, go on. */
#ifndef CHECK_H
#define CHECK_H
#include <math.h>
#include <stdio.h>
#include <string.h>
static int check_failed, check_count;
#define CHECK(cond)                                                      \
  do {                                                                   \
    check_count++;                                                       \
    if (!(cond)) {                                                       \
      check_failed++;                                                    \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond); \
    }                                                                    \
  } while (0)
/* relative to max(1, |b|); equal infinities and two NaNs pass */
#define CHECK_NEAR(a, b, tol)                                                                  \
  do {                                                                                         \
    double a_ = (a), b_ = (b);                                                                 \
    check_count++;                                                                             \
    if (!(a_ == b_ || (isnan(a_) && isnan(b_)) || fabs(a_ - b_) <= (tol)*fmax(1, fabs(b_)))) { \
      check_failed++;                                                                          \
      fprintf(stderr, "%s:%d: %s = %.17g, expected %.17g\n", __FILE__, __LINE__, #a, a_, b_);  \
    }                                                                                          \
  } while (0)
#define CHECK_STR(a, b)                                                                              \
  do {                                                                                               \
    const char *a_ = (a), *b_ = (b);                                                                 \
    check_count++;                                                                                   \
    if (!a_ || strcmp(a_, b_)) {                                                                     \
      check_failed++;                                                                                \
      fprintf(stderr, "%s:%d: got\n%s\nexpected\n%s\n", __FILE__, __LINE__, a_ ? a_ : "(null)", b_); \
    }                                                                                                \
  } while (0)
#define CHECK_DONE() (printf("%d checks, %d failed\n", check_count, check_failed), check_failed != 0)
#endif
