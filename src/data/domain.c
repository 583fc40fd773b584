/* domain.c - do the values lie where the declaration says? One streaming pass over blocks of elements, in row-major
 * order; only the matrix domains look at a whole matrix at once. */
#include "data/read.h"

#include <math.h>
#include <string.h>

const char *const cx_domain_name[DOM_COUNT] = {[DOM_REAL] = "real",
                                               [DOM_INT] = "int",
                                               [DOM_BOOL] = "bool",
                                               [DOM_TEXT] = "text",
                                               [DOM_CATEGORY] = "category",
                                               [DOM_IMAGE] = "image",
                                               [DOM_POSITIVE] = "positive",
                                               [DOM_UNIT] = "unit",
                                               [DOM_INTERVAL] = "interval",
                                               [DOM_SIMPLEX] = "simplex",
                                               [DOM_ORDERED] = "ordered",
                                               [DOM_POSITIVE_ORDERED] = "positive_ordered",
                                               [DOM_SUM_TO_ZERO] = "sum_to_zero",
                                               [DOM_UNIT_VECTOR] = "unit_vector",
                                               [DOM_CORRELATION] = "correlation",
                                               [DOM_COVARIANCE] = "covariance",
                                               [DOM_CHOLESKY_CORRELATION] = "cholesky_correlation",
                                               [DOM_CHOLESKY_COVARIANCE] = "cholesky_covariance",
                                               [DOM_ORTHONORMAL] = "orthonormal"};

enum { BLOCK = 1024 };
#define TOLERANCE 1e-8 /* of sums and symmetries in data, which were rounded when they were written */

char *cx_element_place(cx_arena *a, const cx_decl *d, const cx_array *x, int64_t k) {
  cx_buf b = {.arena = a};
  int64_t i[CX_MAX_RANK] = {0};
  for (int j = x->rank - 1; j >= 0; k /= x->dim[j--]) i[j] = x->dim[j] ? k % x->dim[j] : 0;
  if (x->origin) cx_puts(&b, x->file && x->rank ? x->file[i[0]] : x->origin);
  if (x->first_line && x->rank) cx_putf(&b, ":%lld", (long long)(x->line ? x->line[i[0]] : x->first_line + i[0]));
  if (x->origin) cx_puts(&b, ": ");
  if (x->column && x->rank <= 2) {
    cx_putf(&b, "column %s", x->column[x->rank == 2 ? i[1] : 0]);
    return b.at;
  }
  cx_puts(&b, d->name);
  for (int j = 0; j < x->rank; j++) cx_putf(&b, j ? ", %lld" : "[%lld", (long long)i[j]);
  cx_puts(&b, x->rank ? "]" : "");
  return b.at;
}

static char *domain_text(cx_arena *a, const cx_domain *d) {
  char lo[32], hi[32];
  cx_show_double(lo, d->lo);
  cx_show_double(hi, d->hi);
  bool below = isfinite(d->lo), above = isfinite(d->hi);
  if (d->kind == DOM_INT) return below || above ? cx_format(a, "int(%s..%s)", lo, hi) : cx_format(a, "int");
  if (d->kind == DOM_INTERVAL)
    return below && above ? cx_format(a, "%s..%s", lo, hi)
           : below        ? cx_format(a, "values >= %s", lo)
                          : cx_format(a, "values <= %s", hi);
  return cx_format(a, "%s", cx_domain_name[d->kind]);
}

/* The scalar part of a domain. */
static bool inside(const cx_domain *d, double v) {
  switch (d->kind) {
    case DOM_INT: return v == floor(v) && !isinf(v) && v >= d->lo && v <= d->hi;
    case DOM_BOOL: return v == 0 || v == 1;
    case DOM_POSITIVE:
    case DOM_POSITIVE_ORDERED: return v > 0;
    case DOM_SIMPLEX: return v >= 0;
    case DOM_UNIT: return v >= 0 && v <= 1;
    case DOM_INTERVAL: return v >= d->lo && v <= d->hi;
    default: return true;
  }
}

static const char *outside_text(cx_arena *a, const cx_domain *d, double v) {
  char s[32];
  cx_show_double(s, v);
  if (d->kind == DOM_INT && (v != floor(v) || isinf(v)))
    return cx_format(a, "%s is no integer, as %s needs", s, domain_text(a, d));
  if (d->kind == DOM_BOOL) return cx_format(a, "%s is neither 0 nor 1, as bool needs", s);
  if (d->kind == DOM_POSITIVE || d->kind == DOM_POSITIVE_ORDERED) return cx_format(a, "%s is not positive", s);
  if (d->kind == DOM_SIMPLEX) return cx_format(a, "%s is negative, which no element of a simplex is", s);
  if (d->kind == DOM_UNIT) return cx_format(a, "%s is outside unit (0..1)", s);
  return cx_format(a, "%s is outside %s", s, domain_text(a, d));
}

/* The vector part, over the last dimension: value by value, so that no vector has to fit anywhere. */
typedef struct {
  double sum, last;
} vector_state;
static const char *vector_fault(cx_domain_kind kind, vector_state *s, double v, int64_t j, int64_t m) {
  if (kind < DOM_SIMPLEX || kind > DOM_UNIT_VECTOR) return NULL;
  double last = s->last, slack = TOLERANCE * (double)m;
  s->sum = (j ? s->sum : 0) + (kind == DOM_UNIT_VECTOR ? v * v : v);
  s->last = v;
  if (kind == DOM_ORDERED || kind == DOM_POSITIVE_ORDERED)
    return j && !(v > last) ? "it is not greater than the one before it" : NULL;
  if (j < m - 1) return NULL;
  if (kind == DOM_SUM_TO_ZERO) return fabs(s->sum) > slack ? "the vector that ends here does not sum to 0" : NULL;
  if (fabs(s->sum - 1) <= slack) return NULL;
  return kind == DOM_SIMPLEX ? "the vector that ends here does not sum to 1"
                             : "the vector that ends here has not length 1";
}

static const char *bad_columns(const double *m, int64_t n, int64_t columns, int64_t *at) {
  for (int64_t i = 0; i < columns; i++)
    for (int64_t j = 0; j <= i; j++) {
      double dot = 0;
      for (int64_t k = 0; k < n; k++) dot += m[k * columns + i] * m[k * columns + j];
      *at = i;
      if (fabs(dot - (i == j)) > TOLERANCE * (double)n)
        return i == j ? "a column has not length 1" : "the column is not at right angles to those before it";
    }
  return NULL;
}

static const char *bad_matrix(const cx_domain *d, const double *m, int64_t n, double *work, int64_t *at) {
  bool factor = d->kind >= DOM_CHOLESKY_CORRELATION;
  bool unit = d->kind == DOM_CORRELATION || d->kind == DOM_CHOLESKY_CORRELATION;
  for (int64_t i = 0; i < n; i++) {
    double norm = 0;
    for (int64_t j = 0; j < n; j++) {
      double v = m[i * n + j], t = m[j * n + i];
      norm += v * v;
      *at = i * n + j;
      if (factor && j > i && v != 0) return "the matrix is not lower triangular";
      if (!factor && fabs(v - t) > TOLERANCE * fmax(1, fabs(v))) return "the matrix is not symmetric";
    }
    *at = i * n + i;
    if (factor && !(m[i * n + i] > 0)) return "the diagonal is not positive";
    if (unit && factor && fabs(norm - 1) > TOLERANCE) return "a row has not length 1";
    if (unit && !factor && fabs(m[i * n + i] - 1) > TOLERANCE) return "the diagonal is not 1";
  }
  if (factor) return NULL;
  for (int64_t i = 0; i < n; i++) /* a Cholesky factor exists just when the matrix is positive definite */
    for (int64_t j = 0; j <= i; j++) {
      double s = m[i * n + j];
      for (int64_t k = 0; k < j; k++) s -= work[i * n + k] * work[j * n + k];
      *at = i * n + j;
      if (i == j && !(s > 0)) return "the matrix is not positive definite";
      work[i * n + j] = i == j ? sqrt(s) : s / work[j * n + j];
    }
  return NULL;
}

static bool report(cx_ctx *c, cx_arena *a, const cx_decl *d, cx_status code, int64_t at, int64_t others,
                   const char *what, const char *help) {
  const char *also = others > 0 ? cx_format(a, " (and %lld more)", (long long)others) : "";
  int g = cx_diag(c, CX_ERROR, code, d->span, "%s: %s%s", cx_element_place(a, d, &d->array, at), what, also);
  if (help) cx_diag_help(c, g, "%s", help);
  return false;
}

/* as fast as memory gives the numbers: 0 * v is 0 but for infinity and NaN, which are looked at one by one */
static bool any_nan(const double *v, int64_t n) {
  typedef double pair __attribute__((vector_size(16))); /* which every 64-bit processor has */
  pair a = {0}, b = {0}, c = {0}, d = {0}, u[4];
  int64_t k = 0;
  for (; k + 8 <= n; k += 8) {
    memcpy(u, v + k, sizeof u);
    a += 0 * u[0], b += 0 * u[1], c += 0 * u[2], d += 0 * u[3];
  }
  a += b + c + d;
  double rest = a[0] + a[1];
  for (; k < n; k++) rest += 0 * v[k];
  if (rest == 0) return false;
  for (k = 0; k < n; k++)
    if (isnan(v[k])) return true;
  return false;
}

static bool check(cx_ctx *c, cx_arena *a, const cx_decl *d, cx_status code) {
  const cx_array *x = &d->array;
  cx_domain_kind kind = d->domain.kind;
  if (x->text) return true;
  bool whole = x->type != CX_F64 && x->type != CX_F32;
  if (whole && !x->level && (kind == DOM_REAL || kind == DOM_IMAGE || kind == DOM_CATEGORY))
    return true; /* no NaN there */
  int64_t count = cx_array_count(x), m = x->rank ? x->dim[x->rank - 1] : 1, bad = 0, first = 0;
  const char *what = NULL, *help = NULL;
  double block[BLOCK];
  const double *v = block, *flat = x->type == CX_F64 && cx_array_contiguous(x) ? x->data : NULL;
  vector_state state = {0};
  for (int64_t at = 0; at < count; at += BLOCK) {
    int64_t n = count - at < BLOCK ? count - at : BLOCK;
    if (flat) v = flat + at;
    else cx_array_run(x, at, n, block);
    if ((kind == DOM_REAL || kind == DOM_IMAGE) && !any_nan(v, n)) continue; /* the common case */
    for (int64_t k = 0; k < n; k++) {
      bool nan = isnan(v[k]), in = nan || inside(&d->domain, v[k]);
      const char *fault = nan ? NULL : vector_fault(kind, &state, v[k], (at + k) % m, m);
      if ((!nan && in && !fault) || bad++) continue;
      first = at + k;
      what = in && fault     ? fault
             : !nan          ? outside_text(a, &d->domain, v[k])
             : x->first_line ? "the value is missing"
                             : "the value is NaN";
      if (nan && code == CX_E_DATA) help = "leave the row out, or fill the value in";
    }
  }
  if (bad) return report(c, a, d, code, first, bad - 1, what, help);
  if (kind >= DOM_CORRELATION && kind < DOM_COUNT && x->rank >= 2) {
    int64_t n = x->dim[x->rank - 2];
    bool square = kind != DOM_ORTHONORMAL;
    if (square && n != m)
      return report(c, a, d, code, 0, 0, cx_format(a, "a %s matrix is square", domain_text(a, &d->domain)), NULL);
    size_t size;
    if (!cx_size_product((const int64_t[]){n, m, 2}, 3, sizeof(double), &size)) return true;
    double *whole_matrix = cx_alloc(a, size + 1);
    for (int64_t at = 0; at < count; at += n * m) {
      cx_array_run(x, at, n * m, whole_matrix);
      int64_t entry;
      what = square ? bad_matrix(&d->domain, whole_matrix, n, whole_matrix + n * n, &entry)
                    : bad_columns(whole_matrix, n, m, &entry);
      if (what)
        return report(c, a, d, code, at + entry, 0, cx_format(a, "%s: %s", domain_text(a, &d->domain), what), NULL);
    }
  }
  return true;
}

bool cx_domain_check(cx_ctx *c, const cx_decl *d, cx_status code) {
  cx_arena *a = cx_arena_new(c);
  bool ok = check(c, a, d, code);
  cx_arena_free(a);
  return ok;
}
