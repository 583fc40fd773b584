/* Every op x instruction set x precision x stride pattern x length: the vector kernel against the scalar evaluation of
 * the op table, on random numbers and on the values where kernels break. */
#include "back/kern.h"
#include "check.h"
#include <float.h>
#include <stdlib.h>

/* Units of the last place of the result, or where `scaled` of the largest term it is a sum of; 0 for all other
 * ops, whose kernels must agree to the bit (NaN with NaN, and +0 with -0). */
typedef struct {
  const char *name;
  double ulp;
  bool scaled;
} bound;
static const bound bounds[] = {
    {"muladd", 1, true},        {"hypot", 1, false},       {"pow", 3, false},           {"exp", 2, false},
    {"exp2", 2, false},         {"expm1", 2, false},       {"log", 2, false},           {"log2", 2, false},
    {"log10", 2, false},        {"log1p", 2, false},       {"logistic", 3, false},      {"softplus", 3, false},
    {"log1mexp", 4, false},     {"logaddexp", 2, true},    {"xlogy", 2, false},         {"xlog1py", 2, false},
    {"sin", 2, false},          {"cos", 2, false},         {"tan", 2, false},           {"asin", 2, false},
    {"acos", 2, false},         {"atan", 2, false},        {"atan2", 2, false},         {"sinh", 2, false},
    {"cosh", 2, false},         {"tanh", 3, false},        {"asinh", 2, false},         {"acosh", 2, false},
    {"atanh", 2, false},        {"sinc", 3, false},        {"exprel", 3, false},        {"erf", 2, false},
    {"erfc", 3, false},         {"norm_cdf", 4, false},    {"norm_quantile", 4, false}, {"gamma", 5, false},
    {"lgamma", 2, false},       {"lfactorial", 4, false},  {"cbrt", 4, false}, /* glibc's own is 3 off */
    {"log_gamma_pdf", 8, true}, {"log_beta_pdf", 8, true}, {"digamma", 6, true},
};

static uint64_t seed = 88172645463325252u;
static double uniform(double lo, double hi) { /* xorshift64* */
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return lo + (hi - lo) * (double)((seed * 2685821657736338717u) >> 11) * 0x1p-53;
}
static double point(void) {
  static const double odd[] = {0,
                               -0.0,
                               1,
                               -1,
                               0.5,
                               -0.5,
                               2,
                               -2,
                               3,
                               -3,
                               4,
                               1e-320,
                               -1e-320,
                               1e-40,
                               1e-300,
                               DBL_MIN,
                               1e300,
                               -1e300,
                               1e15,
                               1.5,
                               -2.5,
                               -1e15,
                               20,
                               -20,
                               88.5,
                               -100,
                               709.5,
                               710.3,
                               -745,
                               1e30,
                               -1e30,
                               1e-30,
                               8388609,
                               4503599627370497.5,
                               0.49999999999999994,
                               DBL_MAX,
                               -DBL_MAX,
                               INFINITY,
                               -INFINITY,
                               NAN};
  switch ((int)uniform(0, 6)) {
    case 0: return odd[(int)uniform(0, sizeof odd / sizeof *odd)];
    case 1: return uniform(-5, 5);
    case 2: return uniform(0, 1);
    case 3: return uniform(-40, 40);
    case 4: return floor(uniform(-20, 20));
    default: return exp(uniform(-60, 60)) * (uniform(0, 1) < 0.5 ? -1 : 1);
  }
}

static double scale_of(const char *name, double r, const double *x) {
  if (!strcmp(name, "muladd")) return fmax(fabs(r), fmax(fabs(x[0] * x[1]), fabs(x[2])));
  if (!strcmp(name, "log_gamma_pdf"))
    return x[0] < 10 ? fmax(fmax(fabs(r), fabs((x[0] - 1) * log(x[1]))), fmax(x[1], fabs(lgamma(x[0])))) : fabs(r);
  if (!strcmp(name, "digamma")) return fabs(r) + (x[0] > 0 && x[0] < 10 ? log(x[0] + 10) : 0);
  if (!strcmp(name, "log_beta_pdf")) {
    double n = x[0] + x[1], at[] = {x[2], 1 - x[2]};
    for (int k = 0; k < 2; k++) {
      r = fmax(fabs(r), fabs(log(at[k])) * (n < 10 ? fmax(1, x[k]) : 1));
      r = fmax(r, n < 10 ? fabs(lgamma(x[k])) : fabs(x[k] * log(n * at[k] / x[k])));
      if (n >= 10 && x[k] < 10) r = fmax(r, fabs(x[k] * log(x[k])));
    }
    return r;
  }
  return fmax(fabs(r), fmin(fmax(fabs(x[0]), fabs(x[1])), 1)); /* logaddexp */
}
static double error(bool single, double got, double want, double scale) {
  if (single) want = (float)want, scale = (float)scale;
  if (got == want || (isnan(got) && isnan(want))) return 0;
  if (!isfinite(got) || !isfinite(want)) return INFINITY;
  scale = fabs(scale);
  double unit = single ? nextafterf((float)scale, INFINITY) - (float)scale : nextafter(scale, INFINITY) - scale;
  return fabs(got - want) / unit;
}

#define MAX_N 256
static double worst[OP_COUNT];
static void one(const cx_kernels *k, bool single, int op, int pattern, int n, bool in_place) {
  static double in[3][MAX_N], out[MAX_N + 1];
  static float inf[3][MAX_N], outf[MAX_N + 1];
  const cx_op_info *o = &cx_ops[op];
  const void *arg[3];
  int stride[3] = {0};
  double limit = 0;
  bool scaled = false;
  for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
    if (!strcmp(bounds[b].name, o->name)) limit = bounds[b].ulp, scaled = bounds[b].scaled;
  for (int j = 0; j < o->arity; j++) {
    stride[j] = pattern >> j & 1;
    for (int i = 0; i < (stride[j] ? n : 1); i++) {
      double p = point();
      inf[j][i] = (float)p;
      in[j][i] = single ? inf[j][i] : p;
    }
    arg[j] = single ? (void *)inf[j] : (void *)in[j];
  }
  double want[MAX_N], scale[MAX_N], at[MAX_N][3];
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < o->arity; j++) at[i][j] = in[j][stride[j] ? i : 0];
    want[i] = o->eval(at[i]);
    scale[i] = scaled ? scale_of(o->name, want[i], at[i]) : want[i];
  }
  out[n] = outf[n] = 12345; /* nothing is written beyond the end */
  void *dst = in_place ? (void *)(uintptr_t)arg[0] : single ? (void *)outf : (void *)out;
  k->op[op](dst, arg, stride, n);
  CHECK(out[n] == 12345 && outf[n] == 12345);
  int bad = 0;
  for (int i = 0; i < n; i++) {
    if (op == OP_muladd && single && !isfinite((float)(at[i][0] * at[i][1]))) continue; /* overflows on the way */
    double got = single ? ((float *)dst)[i] : ((double *)dst)[i], e = error(single, got, want[i], scale[i]);
    if (op == OP_muladd) e = fmin(e, error(single, got, fma(at[i][0], at[i][1], at[i][2]), scale[i])); /* or once */
    if (e > worst[op] && e < INFINITY) worst[op] = e;
    if (e > limit && !bad++)
      fprintf(stderr, "%s %s %s n %d strides %d: at %.17g %.17g %.17g got %.17g, expected %.17g, %.3g units\n", o->name,
              k->isa, single ? "float" : "double", n, pattern, at[i][0], o->arity > 1 ? at[i][1] : 0,
              o->arity > 2 ? at[i][2] : 0, got, want[i], e);
  }
  CHECK(!bad);
}

/* rows by one call: each as by a call of its own, and nothing beside them */
static void rows(const cx_kernels *k, bool single, int op, int pattern, int n) {
  enum { R = 3, STEP = 40, ALL = R * STEP };
  static double in[3][ALL], out[2][ALL];
  static float inf[3][ALL], outf[2][ALL];
  const char *arg[3];
  const void *at[3];
  int stride[3] = {0};
  int64_t step[4] = {STEP};
  size_t size = single ? sizeof(float) : sizeof(double);
  for (int i = 0; i < ALL; i++) out[0][i] = out[1][i] = outf[0][i] = outf[1][i] = 12345;
  for (int j = 0; j < 3; j++) {
    stride[j] = pattern >> j & 1;
    step[j + 1] = pattern >> (3 + j) & 1 ? STEP - j : 0;
    for (int i = 0; i < ALL; i++) in[j][i] = inf[j][i] = (float)point();
    at[j] = arg[j] = single ? (char *)inf[j] : (char *)in[j];
  }
  k->rows[op](single ? (void *)outf[0] : (void *)out[0], at, stride, n, step, R);
  for (int r = 0; r < R; r++) {
    for (int j = 0; j < 3; j++) at[j] = arg[j] + (size_t)(r * step[j + 1]) * size;
    k->op[op](single ? (void *)(outf[1] + r * STEP) : (void *)(out[1] + r * STEP), at, stride, n);
  }
  CHECK(!memcmp(out[0], out[1], sizeof out[0]) && !memcmp(outf[0], outf[1], sizeof outf[0]));
}

/* two functions at a time: each as when it is computed alone, within its bound */
static void pair(const cx_kernels *k, bool single, int which, int stride, int n) {
  static double in[MAX_N], out[2][MAX_N + 1];
  static float inf[MAX_N], outf[2][MAX_N + 1];
  const cx_pair *p = &k->pair[which];
  CHECK(cx_kern_pair_of(p->first) == which && cx_kern_pair_of(p->second) == which);
  for (int i = 0; i < n; i++) {
    double x = point();
    inf[i] = (float)x, in[i] = single ? inf[i] : x;
  }
  for (int f = 0; f < 2; f++) out[f][n] = outf[f][n] = 12345;
  p->run(single ? (void *)outf[0] : (void *)out[0], single ? (void *)outf[1] : (void *)out[1],
         single ? (void *)inf : (void *)in, stride, n);
  for (int f = 0; f < 2; f++) {
    const cx_op_info *o = &cx_ops[f ? p->second : p->first];
    double limit = 0;
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
      if (!strcmp(bounds[b].name, o->name)) limit = bounds[b].ulp;
    CHECK(out[f][n] == 12345 && outf[f][n] == 12345);
    for (int i = 0; i < n; i++) {
      double want = o->eval(&in[stride ? i : 0]), got = single ? outf[f][i] : out[f][i];
      bool close = error(single, got, want, want) <= limit;
      CHECK(close);
      if (!close) fprintf(stderr, "%s %s of %.17g: %.17g, expected %.17g\n", k->isa, o->name, in[i], got, want);
    }
  }
}

int main(void) {
  static const int lengths[] = {1, 3, 8, 17, 256};
  for (int single = 0; single < 2; single++) {
    const cx_kernels *k;
    CHECK(cx_kernels_get(single, false) == cx_kernels_nth(single, 0));
    CHECK_STR(cx_kernels_get(single, true)->isa, "base");
    memset(worst, 0, sizeof worst);
    for (int nth = 0; (k = cx_kernels_nth(single, nth)); nth++)
      for (int op = OP_load + 1; op < OP_COUNT; op++)
        for (int pattern = 0; pattern < 1 << cx_ops[op].arity; pattern++)
          for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (int again = 0; again < 6; again++)
              one(k, single, op, pattern, lengths[l], again % 2 && (pattern & 1 || lengths[l] == 1));
    for (int nth = 0; (k = cx_kernels_nth(single, nth)); nth++)
      for (int op = OP_load + 1; op < OP_COUNT; op++)
        for (int pattern = 0; pattern < 64 && k->rows[op]; pattern++)
          for (int n = 1; n < 38; n += 6) rows(k, single, op, pattern, n);
    for (int nth = 0; (k = cx_kernels_nth(single, nth)); nth++)
      for (int which = 0; which < CX_PAIRS; which++)
        for (int stride = 0; stride < 2; stride++)
          for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (int again = 0; again < 6; again++) pair(k, single, which, stride, lengths[l]);
    if (getenv("VERBOSE"))
      for (int op = OP_load + 1; op < OP_COUNT; op++)
        if (worst[op] > 0) printf("%-6s %-10s %.2f\n", single ? "float" : "double", cx_ops[op].name, worst[op]);
  }
  return CHECK_DONE();
}
