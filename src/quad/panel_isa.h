/* panel_isa.h - what is computed for every panel, once for each instruction set: included with CX_ISA defined by files
 * that the build gives their flags. The order of every sum is fixed, so all give the same. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "quad/rule.h"

#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)

typedef double wide __attribute__((vector_size(64)));
static inline double larger(double a, double b) { return a > b ? a : b; } /* fmax is a call where NaN matters */
static inline double ratio_of(double a, double b, double floor) { return a <= floor ? 0 : a / larger(b, floor); }

static void apply(const cx_quad_rule *r, const double *g, double half, double node, bool tail, cx_quad_panel *out) {
  enum { N = CX_QUAD_RULE, M = N / 2 };
  wide e0 = {0}, o0 = {0};
  double last_e = 0, size_of[24], steps[24] = {0}, part[3][8];
  for (int i = 0; i < 24; i++) size_of[i] = i < N ? fabs(g[i]) : 0;
  for (int i = 0; i < N - 1; i++) steps[i] = fabs(g[i + 1] - g[i]);
  for (int i = 0; i <= M; i++) { /* the middle node's odd row is 0 */
    double a = g[i], b = g[N - 1 - i], sum = i < M ? a + b : a, dif = a - b;
    wide even, odd;
    memcpy(&even, r->even[i], sizeof even), memcpy(&odd, r->odd[i], sizeof odd);
    e0 += even * sum, o0 += odd * dif;
    last_e += r->ends[i] * sum;
  }
  for (int k = 0; k < 8; k++) {
    part[0][k] = larger(larger(size_of[k], size_of[k + 8]), size_of[k + 16]);
    part[1][k] = r->weight[k] * size_of[k] + r->weight[k + 8] * size_of[k + 8] + r->weight[k + 16] * size_of[k + 16];
    part[2][k] = steps[k] + steps[k + 8] + steps[k + 16];
  }
  double top = 0, abs = 0, variation = 0;
  for (int k = 0; k < 8; k++) top = larger(top, part[0][k]), abs += part[1][k], variation += part[2][k];
  double e[9], o[8];
  memcpy(e, &e0, sizeof e0);
  memcpy(o, &o0, sizeof o0);
  e[8] = last_e;
  /* sizes of the coefficients of degrees 20 and 19, 18 and 17, 16 and 15, 14 and 13 */
  double size[4], most = 0, error = 0, ratio = 0;
  for (int k = 0; k < 4; k++) {
    size[k] = larger(fabs(e[1 + k]), fabs(o[k]));
    most = larger(most, size[k]);
  }
  /* what rounding of the values and of the nodes leaves in the coefficients */
  double floor = DBL_EPSILON * (24 * top + (half > 0 ? node / half * variation : 0));
  double high = larger(size[0], size[1]);
  if (high > floor) {
    /* The rule integrates degrees to 31, the highest coefficient seen is 20: six more steps of the decay. Part of them
     * is left as margin of safety: 2^6 and the factor 5. */
    for (int k = 0; k < 3; k++) ratio = larger(ratio, ratio_of(size[k], size[k + 1], floor));
    double last = larger(size[0], floor), two = 4 * ratio * ratio;
    error = ratio >= 1 ? 10 * most : ratio >= 0.5 ? 10 * ratio * last : 5 * two * two * two * last;
  }
  double off = 0;
  for (int s = 0; s < CX_QUAD_NODES - N; s++) off = larger(off, fabs(e[5 + s] + o[4 + s] - g[N + s]));
  if (off > 16 * high + 8 * floor) { /* the interpolant is none: what lies between the nodes is not seen */
    error = larger(error, 2 * off);
    ratio = larger(ratio, 1);
  }
  *out = (cx_quad_panel){.value = e[0] * half, .abs = abs * half, .error = error * half, .ratio = ratio};
  out->noise = top > 0 ? most / top : 0;
  out->waves = top > 0 ? variation / (2 * top) : 0;
  out->variation = variation;
  out->level = high + floor;
  out->end[0] = e[8] - o[7], out->end[1] = e[8] + o[7];
  out->decay = INFINITY;
  if (!tail) return;
  /* the inner and the outer quarter of the panel's upper half, each half / 2 wide; the middle node lies half in it */
  double inner = r->w[M] * fabs(g[M]) / 2, outer = 0;
  for (int i = M + 1; i < N; i++) *(r->x[i] < 0.5 ? &inner : &outer) += r->w[i] * fabs(g[i]);
  if (!(outer > 0)) return;
  double q = outer / inner;
  out->decay = -log(q) / (half / 2);
  out->rest = q < 1 ? outer * half * q / (1 - q) : INFINITY;
}

static void nodes(const cx_quad_rule *r, double mid, double half, double *t) {
  for (int i = 0; i < CX_QUAD_NODES; i++) t[i] = mid + half * r->x[i];
}

static void ray(const double *e, double scale, double one, bool whole, double p, double dir, double *t, double *jac) {
  for (int i = 0; i < CX_QUAD_NODES; i++) {
    double d = scale * e[i];
    jac[i] = d + one * scale;
    t[i] = whole ? p + dir * d : d;
  }
}

static double weigh(double *f, const double *jac) {
  double part[8] = {0}, sum = 0;
  if (jac)
    for (int i = 0; i < CX_QUAD_NODES; i++) f[i] *= jac[i];
  for (int i = 0; i < CX_QUAD_NODES; i += 8)
    for (int k = 0; k < 8; k++) part[k] += fabs(f[i + k]);
  for (int k = 0; k < 8; k++) sum += part[k];
  return sum;
}

static double comb(int n, const double *f, const double *w, double *s) {
  double part[8], size[8] = {0};
  memcpy(part, s, sizeof part);
  for (int i = 0; i < n; i += 8)
    for (int k = 0; k < 8; k++) {
      double v = f[i + k] * w[i + k];
      part[k] += v, size[k] += fabs(v);
    }
  memcpy(s, part, sizeof part);
  double sum = 0;
  for (int k = 0; k < 8; k++) sum += size[k];
  return sum;
}

/* chords i .. i + count - 1 of a grid; count <= 8 */
static inline void chords(int count, const double *x, const double *u, const double *v, double *low, double *high,
                          double *cross, double *steep) {
  for (int k = 0; k < count; k++) {
    double h = x[k + 1] - x[k], rise = u[k + 1] - u[k], a = h * v[k], b = h * v[k + 1];
    double room = 0.25 * (fabs(a) + fabs(b)) + 1e-12 * (fabs(u[k]) + fabs(u[k + 1]));
    double least = a < b ? a : b, most = a < b ? b : a, below = least - room - rise, above = rise - most - room;
    double turn = v[k] * v[k + 1], across = u[k] * u[k + 1], size = fabs(v[k]);
    low[k] = larger(below, low[k]), high[k] = larger(above, high[k]); /* of what is no number nothing is said */
    cross[k] = across > 0 ? cross[k] : 1;
    cross[k] = turn < 0 ? 1 : cross[k];
    steep[k] = larger(size, steep[k]);
  }
}

static bool grid(int n, const double *x, const double *u, const double *v, bool *crosses, double *most) {
  double low[8] = {0}, high[8] = {0}, cross[8], steep[8] = {0}, worst = 0;
  for (int i = 0; i < n - 1; i += 8) {
    double any = 0;
    memset(cross, 0, sizeof cross);
    if (i + 8 < n) chords(8, x + i, u + i, v + i, low, high, cross, steep);
    else chords(n - 1 - i, x + i, u + i, v + i, low, high, cross, steep);
    for (int k = 0; k < 8; k++) any = larger(any, cross[k]);
    crosses[i / 8] = any > 0;
  }
  *most = fabs(v[n - 1]);
  for (int k = 0; k < 8; k++) {
    worst = larger(worst, larger(low[k], high[k]));
    *most = larger(*most, steep[k]);
  }
  return !(worst > 0);
}

const cx_panel_kernels PASTE(cx_panel_, CX_ISA) = {apply, nodes, ray, weigh, comb, grid};
