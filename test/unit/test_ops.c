/* The op table: its facts on random numbers, and every derivative row - parsed from its calx text and computed by the
 * reference evaluator - against a difference quotient of the evaluation, by Ridders' extrapolation. */
#include "back/back.h"
#include "check.h"
#include <stdlib.h>

static uint64_t seed = 1181783497276652981u;
static double uniform(double lo, double hi) { /* xorshift64* */
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return lo + (hi - lo) * (double)((seed * 2685821657736338717u) >> 11) * 0x1p-53;
}

/* Where each op is differentiated: ranges of x, y, z, away from jumps and kinks. Ops not named: -3..3. */
typedef struct {
  const char *name;
  double range[3][2];
} domain;
static const domain domains[] = {
    {"div", {{-3, 3}, {0.3, 3}}},
    {"min", {{-3, 0}, {0.2, 3}}},
    {"max", {{-3, 0}, {0.2, 3}}},
    {"abs", {{-3, -0.1}}},
    {"hypot", {{0.1, 3}, {-3, 3}}},
    {"pow", {{0.2, 4}, {-3, 3}}},
    {"mod", {{4.1, 4.9}, {1.3, 1.35}}},
    {"floor", {{1.2, 1.8}}},
    {"ceil", {{1.2, 1.8}}},
    {"round", {{0.6, 1.4}}},
    {"trunc", {{1.2, 1.8}}},
    {"sign", {{0.2, 2}}},
    {"lt", {{-3, 0}, {0.2, 3}}},
    {"le", {{-3, 0}, {0.2, 3}}},
    {"eq", {{-3, 0}, {0.2, 3}}},
    {"ne", {{-3, 0}, {0.2, 3}}},
    {"and", {{0.2, 3}, {0.2, 3}}},
    {"or", {{0.2, 3}, {0.2, 3}}},
    {"not", {{0.2, 3}}},
    {"select", {{0.2, 1}, {-3, 3}, {-3, 3}}},
    {"sqrt", {{0.1, 9}}},
    {"cbrt", {{0.1, 9}}},
    {"log", {{0.1, 9}}},
    {"log2", {{0.1, 9}}},
    {"log10", {{0.1, 9}}},
    {"log1p", {{-0.8, 9}}},
    {"logistic", {{-30, 30}}},
    {"softplus", {{-30, 30}}},
    {"logit", {{0.05, 0.95}}},
    {"log1mexp", {{0.05, 20}}},
    {"logaddexp", {{-20, 20}, {-20, 20}}},
    {"xlogy", {{-3, 3}, {0.2, 3}}},
    {"xlog1py", {{-3, 3}, {-0.8, 3}}},
    {"tan", {{-1.3, 1.3}}},
    {"asin", {{-0.9, 0.9}}},
    {"acos", {{-0.9, 0.9}}},
    {"atan2", {{0.2, 3}, {-3, 3}}},
    {"acosh", {{1.1, 9}}},
    {"atanh", {{-0.9, 0.9}}},
    {"sinc", {{0.02, 12}}},
    {"exprel", {{-9, 9}}},
    {"j0", {{0.1, 20}}},
    {"j1", {{0.1, 20}}},
    {"bessel_i0", {{-40, 40}}},
    {"bessel_i1", {{-40, 40}}},
    {"bessel_i0e", {{0.1, 40}}},
    {"bessel_i1e", {{0.1, 40}}},
    {"log_bessel_i0", {{-60, 60}}},
    {"bessel_ratio", {{-60, 60}}},
    {"bessel_ratio_dx", {{0.1, 60}}},
    {"erfcx", {{-3, 60}}},
    {"erfinv", {{-0.95, 0.95}}},
    {"erfcinv", {{0.05, 1.95}}},
    {"norm_cdf", {{-8, 4}}},
    {"norm_quantile", {{0.02, 0.98}}},
    {"log_norm_cdf", {{-40, 4}}},
    {"gamma", {{0.3, 5}}},
    {"lgamma", {{0.2, 30}}},
    {"digamma", {{0.3, 30}}},
    {"trigamma", {{0.3, 30}}},
    {"polygamma", {{2, 2}, {0.4, 20}}},
    {"lbeta", {{0.2, 30}, {0.2, 30}}},
    {"lfactorial", {{-0.8, 30}}},
    {"lchoose", {{12, 30}, {0.3, 11}}},
    {"gamma_p", {{0.3, 20}, {0.3, 20}}},
    {"gamma_q", {{0.3, 20}, {0.3, 20}}},
    {"gamma_p_dx", {{0.3, 20}, {0.3, 20}}},
    {"gamma_p_da", {{0.3, 20}, {0.3, 20}}},
    {"log_gamma_p", {{0.3, 20}, {0.3, 90}}},
    {"log_gamma_q", {{0.3, 20}, {0.3, 90}}},
    {"log_gamma_p_da", {{0.3, 20}, {0.3, 90}}},
    {"log_gamma_q_da", {{0.3, 20}, {0.3, 90}}},
    {"log_gamma_pdf", {{0.3, 20}, {0.3, 90}}},
    {"gamma_p_inv", {{0.5, 20}, {0.05, 0.95}}},
    {"gamma_q_inv", {{0.5, 20}, {0.05, 0.95}}},
    {"student_t_cdf", {{0.5, 30}, {-9, 9}}},
    {"log_student_t_cdf", {{0.5, 30}, {-90, 9}}},
    {"student_t_quantile", {{0.5, 30}, {0.05, 0.95}}},
    {"student_t_dnu", {{0.5, 30}, {-9, 9}}},
    {"beta_inc", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"beta_incc", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"beta_inc_dx", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"beta_inc_da", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"beta_inc_db", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"log_beta_inc", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"log_beta_incc", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"log_beta_pdf", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"log_beta_inc_da", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"log_beta_inc_db", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"log_beta_incc_da", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"log_beta_incc_db", {{0.3, 20}, {0.3, 20}, {0.1, 0.9}}},
    {"beta_inc_inv", {{0.5, 20}, {0.5, 20}, {0.05, 0.95}}},
    {"beta_incc_inv", {{0.5, 20}, {0.5, 20}, {0.05, 0.95}}},
};

static void range_of(const char *name, int k, double *lo, double *hi) {
  *lo = -3, *hi = 3;
  for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
    if (!strcmp(domains[i].name, name)) *lo = domains[i].range[k][0], *hi = domains[i].range[k][1];
}

/* Ridders (1982): central differences at shrinking steps, extrapolated; *err is its own estimate */
static double quotient(int op, int k, const double *x, double h, double *err) {
  double t[10][10], best = NAN;
  *err = INFINITY;
  for (int i = 0; i < 10; i++, h /= 1.4) {
    double up[3] = {x[0], x[1], x[2]}, down[3] = {x[0], x[1], x[2]};
    up[k] += h;
    down[k] -= h;
    t[i][0] = (cx_ops[op].eval(up) - cx_ops[op].eval(down)) / (up[k] - down[k]);
    for (int j = 1; j <= i; j++) {
      double f = pow(1.4, 2 * j);
      t[i][j] = (t[i][j - 1] * f - t[i - 1][j - 1]) / (f - 1);
      double e = fmax(fabs(t[i][j] - t[i][j - 1]), fabs(t[i][j] - t[i - 1][j - 1]));
      if (e < *err) *err = e, best = t[i][j];
    }
  }
  return best;
}

static void derivatives(cx_ctx *c) {
  cx_arena *a = cx_arena_new(c);
  cx_graph *g = cx_graph_new(c, a);
  const cx_node *arg[3];
  double x[3], *value[3] = {&x[0], &x[1], &x[2]};
  for (int j = 0; j < 3; j++) arg[j] = cx_load(g, cx_eq_new(g, NULL, EQ_INPUT)->id, NULL, 0);
  for (int op = OP_load + 1; op < OP_COUNT; op++) {
    const cx_op_info *o = &cx_ops[op];
    for (int k = 0; k < o->arity; k++) {
      const cx_node *d = cx_op_diff(g, (cx_op)op, k, arg);
      CHECK((d != NULL) == (o->diff[k] != NULL));
      if (!d) {
        CHECK(o->nodiff != NULL);
        continue;
      }
      double lo[3] = {0}, hi[3] = {0}, worst = 0, at[3] = {0};
      int good = 0, points = 60;
      for (int j = 0; j < o->arity; j++) range_of(o->name, j, &lo[j], &hi[j]);
      for (int i = 0; i < points; i++) {
        for (int j = 0; j < o->arity; j++) x[j] = uniform(lo[j], hi[j]);
        double err, room = 0.02 * (1 + fabs(x[k])), v = quotient(op, k, x, fmin(room, 0.09), &err);
        double got = cx_ref_node(g, d, NULL, value);
        double size = fmax(fabs(v), 1e-6 * fabs(cx_ops[op].eval(x))), off = fabs(got - v);
        if (!(err <= 1e-7 * size)) err = 1e-7 * size; /* the quotient is no judge here unless it is grossly off */
        else good++;
        double round = 2e-13 * fabs(cx_ops[op].eval(x)); /* of the evaluations, over the smallest step */
        double bad = off / (20 * err + 3e-9 * size + round + 1e-300);
        if (!(bad <= worst)) worst = isnan(bad) ? INFINITY : bad, memcpy(at, x, sizeof at);
      }
      CHECK(worst <= 1);
      CHECK(good >= points * 3 / 4);
      if (worst > 1 || good < points * 3 / 4)
        fprintf(stderr, "%s by argument %d: %g of the tolerance at %.17g %.17g %.17g, %d of %d quotients good\n",
                o->name, k, worst, at[0], at[1], at[2], good, points);
    }
  }
  cx_arena_free(a);
}

/* what no random point reaches: corners where the plain formula would be NaN or cancel */
static double diff_at(cx_ctx *c, const char *name, int k, double x, double y) {
  cx_arena *a = cx_arena_new(c);
  cx_graph *g = cx_graph_new(c, a);
  double v[2] = {x, y}, *value[2] = {&v[0], &v[1]};
  const cx_node *arg[2];
  for (int j = 0; j < 2; j++) arg[j] = cx_load(g, cx_eq_new(g, NULL, EQ_INPUT)->id, NULL, 0);
  int op = cx_op_find(name, 1);
  if (!op) op = cx_op_find(name, 2);
  double r = cx_ref_node(g, cx_op_diff(g, (cx_op)op, k, arg), NULL, value);
  cx_arena_free(a);
  return r;
}
static void corners(cx_ctx *c) {
  CHECK(diff_at(c, "pow", 1, 0, 2) == 0 && diff_at(c, "pow", 0, 0, 0) == 0 && diff_at(c, "pow", 0, 0, 1) == 1);
  CHECK(diff_at(c, "hypot", 0, 0, 0) == 0 && diff_at(c, "xlogy", 1, 0, 0) == 0);
  CHECK(diff_at(c, "max", 0, 2, 2) == 1 && diff_at(c, "max", 1, 2, 2) == 0 && diff_at(c, "min", 0, 2, 2) == 1);
  CHECK(diff_at(c, "logistic", 0, 800, 0) == 0 && diff_at(c, "softplus", 0, 800, 0) == 1);
  CHECK_NEAR(diff_at(c, "logistic", 0, -700, 0) / exp(-700), 1, 1e-14);
  CHECK_NEAR(diff_at(c, "log_norm_cdf", 0, -1e6, 0), 1e6 + 1e-6, 1e-15);
  CHECK(diff_at(c, "log_norm_cdf", 0, 1e3, 0) == 0);
  CHECK_NEAR(diff_at(c, "erfcx", 0, 1e5, 0) * 1e10, -0.56418958346312787, 1e-14); /* -1/sqrt(pi) (1 - 1.5e-10) */
  CHECK_NEAR(diff_at(c, "erfcx", 0, 25, 0) * 1e4, -9.0054546344463, 1e-12);
  CHECK_NEAR(diff_at(c, "sinc", 0, 0, 0), 0, 0);
  CHECK_NEAR(diff_at(c, "j1", 0, 0, 0), 0.5, 0);
  CHECK(diff_at(c, "atan2", 0, 1e300, 1e300) > 0);
}

static double value(int op, double x, double y, double z) { return cx_ops[op].eval((double[]){x, y, z}); }
static void facts(void) {
  CHECK(OP_COUNT - OP_load - 1 >= 60);
  for (int op = OP_load + 1; op < OP_COUNT; op++) {
    const cx_op_info *o = &cx_ops[op];
    CHECK(o->name && o->eval && o->c && o->arity >= 1 && o->arity <= 3);
    CHECK(cx_op_find(o->name, o->arity) == op && cx_op_find(o->name, o->arity + 1) == OP_none);
    CHECK(!(o->facts & F_STEP) == !(o->diff[0] && !strcmp(o->diff[0], "0") && op != OP_select));
    int held = 1;
    double lo[3] = {0}, hi[3] = {0}, before = -INFINITY;
    for (int j = 0; j < o->arity; j++) range_of(o->name, j, &lo[j], &hi[j]);
    for (int i = 0; i < 300; i++) {
      double x = uniform(-6, 6), y = uniform(-6, 6), z = uniform(-6, 6);
      if (i % 3 == 0) x = floor(x), y = floor(y);
      double v = value(op, x, y, z);
      if (o->facts & F_COMM) {
        double w = value(op, y, x, z);
        held &= v == w || (isnan(v) && isnan(w));
      }
      if (o->facts & F_ASSOC) {
        double l = value(op, v, z, 0), r = value(op, x, value(op, y, z, 0), 0);
        held &= fabs(l - r) <= 1e-13 * (1 + fabs(l));
      }
      if (o->facts & F_ODD) {
        double w = value(op, -x, y, z);
        held &= v == -w || isnan(v);
      }
      if (o->facts & F_EVEN) {
        double w = value(op, -x, y, z);
        held &= v == w || (isnan(v) && isnan(w));
      }
      if (o->facts & F_NONNEG) held &= v >= 0 || isnan(v);
      if (o->facts & F_POS) held &= v > 0 || isnan(v);
      if (o->facts & F_BOOL) held &= v == 0 || v == 1;
      if (o->facts & F_INTEGER) held &= v == floor(v);
      if (o->facts & F_INT) {
        double w = value(op, floor(x), floor(y), floor(z));
        held &= w == floor(w) || isnan(w);
      }
      double s = value(op, lo[0] + (hi[0] - lo[0]) * i / 300, 0, 0);
      if (o->facts & F_INC) held &= s >= before;
      before = s;
    }
    CHECK(held);
    if (!held) fprintf(stderr, "a fact of %s does not hold\n", o->name);
  }
  CHECK(cx_op_find("ln", 1) == OP_log && cx_op_find("arccos", 1) == OP_acos && cx_op_find("sigmoid", 1) == OP_logistic);
  CHECK(cx_op_find("load", 1) == OP_none && cx_op_find("none", 0) == OP_none && cx_op_find("nothing", 1) == OP_none);
}

int main(void) {
  facts();
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(c, f) {
    derivatives(c);
    corners(c);
    CX_END(c, f);
  } else {
    CHECK(!"left by a throw");
  }
  for (int i = 0; i < cx_diag_count(c); i++) fprintf(stderr, "%s\n", cx_diag_get(c, i).message);
  CHECK(cx_diag_count(c) == 0);
  cx_ctx_free(c);
  return CHECK_DONE();
}
