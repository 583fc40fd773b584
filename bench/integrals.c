/* integrals.c - integrals by calx, through its C API, and by GSL with integrands compiled here. CPU time, one thread; the
 * two take turns. Prints lines of words, which bench/run makes tables of. Made by bench/run from integrals_table.h. */
#include <calx.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double power2(double x) { return x * x; }
static inline double power3(double x) { return x * x * x; }
static inline double power4(double x) { return x * x * (x * x); }

typedef struct {
  const char *name, *var, *lo, *hi, *body;
  double (*f)(double, void *);
  double a, b, exact;
} row;
#include "integrals_table.h"

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static double batch(void (*fn)(void *), void *user) { /* seconds a call, of as many as take 5 ms */
  double from = cpu(), to;
  int n = 0;
  do fn(user), n++;
  while ((to = cpu()) - from < 5e-3);
  return (to - from) / n;
}
static void turns(void (*a)(void *), void *x, void (*b)(void *), void *y, double *best) {
  best[0] = best[1] = INFINITY;
  a(x), b(y);
  for (int k = 0; k < 5; k++) {
    best[0] = fmin(best[0], batch(a, x));
    best[1] = fmin(best[1], batch(b, y));
  }
}

static gsl_integration_workspace *space;
static double by_gsl(double (*f)(double, void *), void *p, double a, double b) {
  gsl_function g = {f, p};
  double v = NAN, e;
  if (isinf(a) && isinf(b)) gsl_integration_qagi(&g, 0, 1e-10, 1000, space, &v, &e);
  else if (isinf(b)) gsl_integration_qagiu(&g, a, 0, 1e-10, 1000, space, &v, &e);
  else if (isinf(a)) gsl_integration_qagil(&g, b, 0, 1e-10, 1000, space, &v, &e);
  else gsl_integration_qags(&g, a, b, 0, 1e-10, 1000, space, &v, &e);
  return v;
}

typedef struct {
  calx_fn *f;
  calx_work *w;
  double *x, *out;
} function;
static void evaluate(void *user) {
  function *g = user;
  calx_eval(g->f, g->w, g->x, g->out);
}
static void stop(calx_ctx *c) {
  fprintf(stderr, "%s", calx_error(c));
  exit(1);
}

/* ---- the battery ---- */
typedef struct {
  const row *r;
  double v;
} one;
static void gsl_one(void *user) {
  one *o = user;
  o->v = by_gsl(o->r->f, NULL, o->r->a, o->r->b);
}

/* with a parameter z that is 0, so that nothing is computed beforehand: added to a finite end, or else to the variable */
static void question(const row *r, char *text, size_t size) {
  if (isfinite(r->a))
    snprintf(text, size, "param z\nI = integral(%s in %s + z..%s: %s)\n", r->var, r->lo, r->hi, r->body);
  else if (isfinite(r->b))
    snprintf(text, size, "param z\nI = integral(%s in %s..%s + z: %s)\n", r->var, r->lo, r->hi, r->body);
  else
    snprintf(text, size, "param z\nf(%s) = %s\nI = integral(%s in %s..%s: f(%s + z))\n", r->var, r->body, r->var, r->lo,
             r->hi, r->var);
}

static void battery(void) {
  for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
    const row *r = &table[k];
    calx_ctx *c = calx_new(NULL, NULL);
    calx_model *m;
    char text[2000];
    double z = 0, v = 0, best[2], from = cpu();
    function g = {.x = &z, .out = &v};
    question(r, text, sizeof text);
    if (calx_compile(c, text, SIZE_MAX, &m) || calx_function(m, "I", SIZE_MAX, &g.f) || calx_work_new(g.f, &g.w))
      stop(c);
    double compile = cpu() - from;
    one o = {r, 0};
    turns(evaluate, &g, gsl_one, &o, best);
    double exact = fabs(r->exact);
    printf("battery %s %.4f %d %.4f %d %.1f\n", r->name, 1e6 * best[0], fabs(v - r->exact) <= 1e-8 * exact,
           1e6 * best[1], fabs(o.v - r->exact) <= 1e-8 * exact, 1e6 * compile);
    calx_free(c);
  }
}

/* ---- many that differ in a parameter ---- */
enum { N = 10000 };
/* their integrands are as C compiles them; the exact values stand in closed form, or are sums that converge beyond doubt */
#define PARAM(p) (*(const double *)(p))
static double decay(double x, void *p) { return exp(-PARAM(p) * x) * sin(x + PARAM(p)); }
static double decay_exact(double a) {
  return (exp(-a) * (-a * sin(1 + a) - cos(1 + a)) + a * sin(a) + cos(a)) / (1 + a * a);
}
static double gauss(double x, void *p) { return exp(-power2(x - PARAM(p)) / 2); }
static double gauss_exact(double a) { return (void)a, sqrt(2 * M_PI); }
static double gamma_(double x, void *p) { return pow(x, PARAM(p) - 1) * exp(-x); }
static double peak(double x, void *p) { return 1 / power2(cosh((x - PARAM(p)) / (0.02 * PARAM(p)))); }
static double peak_exact(double a) { return 0.02 * a * (tanh((6 - a) / (0.02 * a)) + tanh(50)); }
static double end(double x, void *p) { return pow(x, PARAM(p) / 8 - 0.5) * sqrt(1 - x); }
static double end_exact(double a) { return tgamma(a / 8 + 0.5) * tgamma(1.5) / tgamma(a / 8 + 2); }
static double macdonald(double x, void *p) { return exp(-PARAM(p) * cosh(x)); }
static double macdonald_exact(double a) { /* K_0: the trapezoidal rule, whose error falls exponentially */
  double s = exp(-a) / 2, h = 1 / 32.0;
  for (int k = 1; k < 400; k++) s += exp(-a * cosh(k * h));
  return s * h;
}
static double kink(double x, void *p) { return fabs(x - PARAM(p)) * exp(-x); }
static double kink_exact(double a) { return a - 1 + 2 * exp(-a) - exp(-6) * (7 - a); }
static double bernoulli(double x, void *p) { return exp(-power2(x) / 2) / (1 + exp(-(PARAM(p) - 3 + 1.5 * x))); }
static double bernoulli_exact(double a) {
  double s = 0, h = 1 / 16.0;
  for (int k = -200; k <= 200; k++) s += bernoulli(k * h, &a);
  return s * h;
}
static double wave(double x, void *p) { return cos(PARAM(p) * sin(x)); }
static double wave_exact(double a) { return M_PI * j0(a); }
static struct family {
  const char *name, *text;
  double (*f)(double, void *), a, b, (*exact)(double);
  double p[N], v[N], w[N];
  long missed;
} family[] = {
    {"exp*sin,0..1", "integral(x in 0..1: exp(-a * x) * sin(x + a))", decay, 0, 1, decay_exact},
    {"gauss,-inf..inf", "integral(x in -inf..inf: exp(-(x - a)^2 / 2))", gauss, -INFINITY, INFINITY, gauss_exact},
    {"gamma,0..inf", "integral(x in 0..inf: x^(a - 1) * exp(-x))", gamma_, 0, INFINITY, tgamma},
    {"peak-of-place-and-width,0..6", "integral(x in 0..6: 1 / cosh((x - a) / (0.02 * a))^2)", peak, 0, 6, peak_exact},
    {"singular-ends,0..1", "integral(x in 0..1: x^(a / 8 - 0.5) * sqrt(1 - x))", end, 0, 1, end_exact},
    {"exp(-a*cosh(x)),0..inf", "integral(x in 0..inf: exp(-a * cosh(x)))", macdonald, 0, INFINITY, macdonald_exact},
    {"kink,0..6", "integral(x in 0..6: abs(x - a) * exp(-x))", kink, 0, 6, kink_exact},
    {"logistic-normal,-inf..inf", "integral(x in -inf..inf: exp(-x^2 / 2) / (1 + exp(-(a - 3 + 1.5 * x))))", bernoulli,
     -INFINITY, INFINITY, bernoulli_exact},
    {"cos(a*sin(x)),0..pi", "integral(x in 0..pi: cos(a * sin(x)))", wave, 0, M_PI, wave_exact}};
enum { FAMILIES = sizeof family / sizeof *family };

static void gsl_all(void *user) {
  struct family *q = user;
  for (int k = 0; k < N; k++) q->w[k] = by_gsl(q->f, &q->p[k], q->a, q->b);
}
static void calx_all(void *user) {
  struct family *q = user;
  calx_ctx *c = calx_new(NULL, NULL);
  calx_integral_report r;
  calx_status s =
      calx_integrate(c, q->text, SIZE_MAX, 1, (const char *[]){"a"}, (const double *[]){q->p}, N, q->v, NULL, NULL, &r);
  if (s && s != CALX_E_CONVERGENCE) stop(c);
  q->missed = r.missed;
  calx_free(c);
}
static double worst(const struct family *q, const double *v) {
  double e = 0;
  for (int k = 0; k < N; k++) e = fmax(e, fabs(v[k] - q->exact(q->p[k])) / fmax(fabs(q->exact(q->p[k])), 1e-3));
  return e;
}
static void many(void) {
  for (int j = 0; j < FAMILIES; j++) {
    struct family *q = &family[j];
    double best[2];
    for (int k = 0; k < N; k++) q->p[k] = 0.5 + 5 * (k + 0.5) / N;
    turns(calx_all, q, gsl_all, q, best);
    printf("many %s %.3f %.1e %ld %.3f %.1e\n", q->name, 1e3 * best[0], worst(q, q->v), q->missed, 1e3 * best[1],
           worst(q, q->w));
  }
}

/* ---- value and gradient ---- */
static void gradient(void) {
  static const struct {
    const char *name, *text;
    int n;
  } program[] = {
      {"x^(a-1)*exp(-b*x)", "param a = 1.7, b = 1.2\nminimize integral(x in 0..inf: x^(a - 1) * exp(-b * x))\n", 2},
      {"moving-end", "param a = 1.7, b = 1.2\nminimize integral(x in 0..a: exp(-b * x) * sin(x + a))\n", 2},
      {"mixture",
       "param m = 1.1, s = 0.8, t = 0.4\n"
       "minimize integral(x in -inf..inf: exp(-((x - m) / s)^2 / 2) / (1 + exp(-t * x)))\n",
       3},
      {"jump", "param a = 0.6, b = 2\nminimize integral(x in 0..1: if x < a then exp(b * x) else b * x)\n", 2},
      {"1000-terms",
       "param a = 1.7, b = 1.2\n"
       "minimize sum(i in 0..999: integral(x in 0..1: exp(-a * x * (1 + i / 1000)) * sin(x + b)))\n",
       2}};
  for (size_t k = 0; k < sizeof program / sizeof *program; k++) {
    calx_ctx *c = calx_new(NULL, NULL);
    calx_model *m;
    double x[3], out[4], best[2];
    function v = {.x = x, .out = out}, g = v;
    if (calx_compile(c, program[k].text, SIZE_MAX, &m) || calx_start(m, 0, x) || calx_value(m, &v.f) ||
        calx_gradient(m, &g.f) || calx_work_new(v.f, &v.w) || calx_work_new(g.f, &g.w))
      stop(c);
    turns(evaluate, &v, evaluate, &g, best);
    printf("gradient %s %d %.2f %.2f\n", program[k].name, program[k].n, 1e6 * best[0], 1e6 * best[1]);
    calx_free(c);
  }
}

/* ---- several variables: text and exact value from the standard input ---- */
static void boxes(void) {
  static char line[8000];
  while (fgets(line, sizeof line, stdin)) {
    char *name = strtok(line, "\t"), *text = strtok(NULL, "\t"), *exact = strtok(NULL, "\t\n");
    if (!exact) continue;
    calx_ctx *c = calx_new(NULL, NULL);
    double v = NAN, from = cpu();
    calx_status s = calx_integrate(c, text, SIZE_MAX, 0, NULL, NULL, 1, &v, NULL, NULL, NULL);
    if (s && s != CALX_E_CONVERGENCE) stop(c);
    printf("box %s %.3f %.1e\n", name, 1e3 * (cpu() - from), fabs(v / atof(exact) - 1));
    calx_free(c);
  }
}

int main(int argc, char **argv) {
  gsl_set_error_handler_off();
  space = gsl_integration_workspace_alloc(1000);
  for (int k = 1; k < argc; k++) {
    if (!strcmp(argv[k], "battery")) battery();
    if (!strcmp(argv[k], "many")) many();
    if (!strcmp(argv[k], "gradient")) gradient();
    if (!strcmp(argv[k], "boxes")) boxes();
  }
  gsl_integration_workspace_free(space);
  return 0;
}
