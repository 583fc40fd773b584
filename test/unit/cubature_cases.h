/* cubature_cases.h - families of integrals over boxes with closed forms, drawn at random from a number. */
#ifndef CUBATURE_CASES_H
#define CUBATURE_CASES_H
#include "quad/cubature.h"

#include <math.h>
#include <string.h>

typedef enum {
  OSCILLATORY,
  PRODUCT_PEAK,
  CORNER_PEAK,
  GAUSSIAN,
  KINKED,
  JUMP, /* Genz 1984 */
  CORRELATED,
  ORTHANT,
  STUDENT,
  MODES,
  BURIED,
  BALL,
  BANANA,
  FUNNEL,
  FAMILIES
} family;
static const char *const family_name[] = {"oscillatory", "product peak", "corner peak", "Gaussian", "kinked",
                                          "jump",        "correlated",   "orthant",     "Student",  "modes",
                                          "buried",      "ball",         "banana",      "funnel"};

enum { MAX_DIM = 8, MAX_MODES = 4 };
typedef struct {
  family kind;
  int d, modes;
  double lo[MAX_DIM], hi[MAX_DIM], a[MAX_DIM], u[MAX_DIM], l[MAX_DIM * MAX_DIM], w[MAX_MODES], at[MAX_MODES][MAX_DIM];
  double p, exact;
  uint64_t state;
} integral;

static double draw(integral *q, double lo, double hi) {
  q->state = q->state * 6364136223846793005u + 1442695040888963407u;
  return lo + (hi - lo) * ((double)(q->state >> 11) + 0.5) * 0x1p-53;
}

/* what Gaussians of precision a^2 centred at u hold of 0 ... 1 */
static double gauss_mass(double a, double u) { return sqrt(M_PI) / (2 * a) * (erf(a * (1 - u)) + erf(a * u)); }

/* dimension at most `most`; the number decides everything else */
static integral make_integral(family kind, int most, uint64_t number) {
  integral q = {.kind = kind, .state = number * 0x9e3779b97f4a7c15u + (uint64_t)kind + 1};
  for (int i = 0; i < 5; i++) draw(&q, 0, 1);
  /* the sum of the parameters is what Genz 1987 calls the difficulty */
  static const double difficulty[] = {9, 7, 2, 7, 10, 5};
  if (kind == CORNER_PEAK && most > 5) most = 5;
  if (kind == BALL && most > 3) most = 3;
  if (kind == MODES && most > 4) most = 4;
  if (kind == BANANA || kind == FUNNEL) most = kind == BANANA ? 2 : most > 3 ? 3 : most;
  int d = q.d = 2 + (int)draw(&q, 0, most - 1 - 1e-9);
  double sum = 0;
  for (int i = 0; i < d; i++) {
    q.lo[i] = 0, q.hi[i] = 1;
    q.a[i] = draw(&q, 0.2, 1), q.u[i] = draw(&q, 0.1, 0.9);
    sum += q.a[i];
  }
  if (kind <= JUMP)
    for (int i = 0; i < d; i++) q.a[i] *= difficulty[kind] / sum * (kind == PRODUCT_PEAK || kind == GAUSSIAN ? 2 : 1);
  q.exact = 1;
  switch (kind) {
    case OSCILLATORY: { /* cos(2 pi u + sum a x) */
      double re = cos(2 * M_PI * q.u[0]), im = sin(2 * M_PI * q.u[0]);
      for (int i = 0; i < d; i++) {
        double c = sin(q.a[i]) / q.a[i], s = (1 - cos(q.a[i])) / q.a[i], r = re * c - im * s;
        im = re * s + im * c, re = r;
      }
      q.exact = re;
      break;
    }
    case PRODUCT_PEAK:
      for (int i = 0; i < d; i++) q.exact *= q.a[i] * (atan(q.a[i] * (1 - q.u[i])) + atan(q.a[i] * q.u[i]));
      break;
    case CORNER_PEAK: /* (1 + sum a x)^-(d+1): inclusion and exclusion over the corners */
      q.exact = 0;
      for (int k = 0; k < 1 << d; k++) {
        double s = 1, sign = 1;
        for (int i = 0; i < d; i++)
          if (k >> i & 1) s += q.a[i], sign = -sign;
        q.exact += sign / s;
      }
      for (int i = 0; i < d; i++) q.exact /= q.a[i] * (i + 1);
      break;
    case GAUSSIAN:
      for (int i = 0; i < d; i++) q.exact *= gauss_mass(q.a[i], q.u[i]);
      break;
    case KINKED:
      for (int i = 0; i < d; i++) q.exact *= (2 - exp(-q.a[i] * q.u[i]) - exp(-q.a[i] * (1 - q.u[i]))) / q.a[i];
      break;
    case JUMP:
      for (int i = 0; i < d; i++) q.exact *= (exp(q.a[i] * (i < 2 ? q.u[i] : 1)) - 1) / q.a[i];
      break;
    case CORRELATED: /* exp(-|L^-1 (x - u)|^2 / 2), widths from 0.01 to 100, anywhere */
    case STUDENT:    /* (1 + |L^-1 (x - u)|^2)^-p */
      for (int i = 0; i < d; i++) {
        q.lo[i] = -INFINITY, q.hi[i] = INFINITY;
        double s = pow(10, draw(&q, -2, 2));
        q.u[i] = draw(&q, -3, 3) * (kind == CORRELATED ? 3 : 1) * fmax(s, 0.3);
        for (int j = 0; j < i; j++) q.l[i * MAX_DIM + j] = s * draw(&q, -1, 1);
        q.l[i * MAX_DIM + i] = s * draw(&q, 0.1, 1);
        q.exact *= q.l[i * MAX_DIM + i];
      }
      q.p = 0.5 * d + draw(&q, 1, 4);
      q.exact *= kind == CORRELATED ? pow(2 * M_PI, 0.5 * d) : pow(M_PI, 0.5 * d) * tgamma(q.p - 0.5 * d) / tgamma(q.p);
      break;
    case ORTHANT: /* correlation 1/2: 1 / (d + 1) */
      q.exact = 1.0 / (d + 1);
      for (int i = 0; i < d; i++) q.hi[i] = INFINITY, q.a[i] = pow(10, draw(&q, -2, 2));
      break;
    case MODES:
      q.modes = 2 + (int)draw(&q, 0, MAX_MODES - 1 - 1e-9), q.exact = 0;
      for (int k = 0; k < q.modes; k++) {
        double m = q.w[k] = draw(&q, 0.2, 1);
        for (int i = 0; i < d; i++) q.at[k][i] = draw(&q, 0.05, 0.95), q.a[i] = d == 2 ? 40 : d == 3 ? 20 : 8;
        for (int i = 0; i < d; i++) m *= gauss_mass(q.a[i], q.at[k][i]);
        q.exact += m;
      }
      break;
    case BURIED: /* 1 + a narrow peak of a mass like the rest, between 1/8 and 1/200 wide */
      q.p = pow(10, draw(&q, 0.9, d == 2 ? 2.3 : d == 3 ? 1.7 : 1.3));
      for (int i = 0; i < d; i++) q.exact *= gauss_mass(q.p, q.u[i]);
      q.w[0] = draw(&q, 0.3, 2) / q.exact;
      q.exact = 1 + q.w[0] * q.exact;
      break;
    case BALL:
      q.p = draw(&q, 0.5, 0.95);
      for (int i = 0; i < d; i++) q.lo[i] = -1;
      q.exact = pow(M_PI, 0.5 * d) / tgamma(0.5 * d + 1) * pow(q.p, d);
      break;
    case BANANA: /* exp(-(x-1)^2 - p (y - x^2)^2) */
      q.p = pow(10, draw(&q, -1, 2));
      for (int i = 0; i < d; i++) q.lo[i] = -INFINITY, q.hi[i] = INFINITY;
      q.exact = M_PI / sqrt(q.p);
      break;
    default: /* Neal's funnel with spread p */
      q.p = draw(&q, 0.5, 2);
      for (int i = 0; i < d; i++) q.lo[i] = -INFINITY, q.hi[i] = INFINITY;
      q.exact = 1;
  }
  return q;
}

static double integrand(const integral *q, const double *x) {
  int d = q->d;
  double s = 0, p = 1, y[MAX_DIM];
  switch (q->kind) {
    case OSCILLATORY:
      for (int i = 0; i < d; i++) s += q->a[i] * x[i];
      return cos(2 * M_PI * q->u[0] + s);
    case PRODUCT_PEAK:
      for (int i = 0; i < d; i++) p *= 1 / (1 / (q->a[i] * q->a[i]) + (x[i] - q->u[i]) * (x[i] - q->u[i]));
      return p;
    case CORNER_PEAK:
      for (int i = 0; i < d; i++) s += q->a[i] * x[i];
      return pow(1 + s, -(d + 1));
    case GAUSSIAN:
      for (int i = 0; i < d; i++) s += q->a[i] * q->a[i] * (x[i] - q->u[i]) * (x[i] - q->u[i]);
      return exp(-s);
    case KINKED:
      for (int i = 0; i < d; i++) s += q->a[i] * fabs(x[i] - q->u[i]);
      return exp(-s);
    case JUMP:
      for (int i = 0; i < d; i++) s += q->a[i] * x[i];
      return x[0] > q->u[0] || x[1] > q->u[1] ? 0 : exp(s);
    case CORRELATED:
    case STUDENT:
      for (int i = 0; i < d; i++) {
        double t = x[i] - q->u[i];
        for (int j = 0; j < i; j++) t -= q->l[i * MAX_DIM + j] * y[j];
        y[i] = t / q->l[i * MAX_DIM + i];
        s += y[i] * y[i];
      }
      return q->kind == CORRELATED ? exp(-0.5 * s) : pow(1 + s, -q->p);
    case ORTHANT: {
      double t = 0;
      for (int i = 0; i < d; i++) {
        double z = x[i] / q->a[i];
        s += z * z, t += z, p /= q->a[i];
      }
      return p * exp(-(s - t * t / (d + 1))) * sqrt(pow(2, d) / (d + 1)) / pow(2 * M_PI, 0.5 * d);
    }
    case MODES:
      p = 0;
      for (int k = 0; k < q->modes; k++) {
        s = 0;
        for (int i = 0; i < d; i++) s += q->a[i] * q->a[i] * (x[i] - q->at[k][i]) * (x[i] - q->at[k][i]);
        p += q->w[k] * exp(-s);
      }
      return p;
    case BURIED:
      for (int i = 0; i < d; i++) s += q->p * q->p * (x[i] - q->u[i]) * (x[i] - q->u[i]);
      return 1 + q->w[0] * exp(-s);
    case BALL:
      for (int i = 0; i < d; i++) s += x[i] * x[i];
      return s < q->p * q->p;
    case BANANA: return exp(-(x[0] - 1) * (x[0] - 1) - q->p * (x[1] - x[0] * x[0]) * (x[1] - x[0] * x[0]));
    default:
      for (int i = 1; i < d; i++) s += x[i] * x[i];
      return exp(-0.5 * x[0] * x[0] / (q->p * q->p) - 0.5 * s * exp(-x[0]) - 0.5 * (d - 1) * x[0]) /
             (q->p * pow(2 * M_PI, 0.5 * d));
  }
}

static int eval_integral(void *user, int64_t n, const double *x, double *f) {
  const integral *q = user;
  for (int64_t k = 0; k < n; k++) {
    double at[MAX_DIM];
    for (int i = 0; i < q->d; i++) at[i] = x[i * n + k];
    f[k] = integrand(q, at);
  }
  return 0;
}

static cx_quad_status run_integral(cx_ctx *c, integral *q, double seconds, int64_t max_eval, double *value,
                                   cx_cubature_report *r) {
  double error;
  cx_arena *a = cx_arena_new(c);
  cx_cubature p = {.dim = q->d,
                   .ncomp = 1,
                   .lo = q->lo,
                   .hi = q->hi,
                   .user = q,
                   .eval = eval_integral,
                   .seconds = seconds,
                   .max_eval = max_eval};
  cx_quad_status s = cx_cubature_run(a, &p, value, &error, r);
  cx_arena_free(a);
  return s;
}
#endif
