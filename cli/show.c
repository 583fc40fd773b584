/* show.c - values as a mathematician writes them. Scalars to 10 significant digits, vectors on a line, matrices in columns
 * that line up, long arrays with their middle left out and their shape said. `--json` has every digit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

enum { SCALAR = 10, ELEMENT = 7, ROWS = 20, COLUMNS = 12, BLOCKS = 4 };

void cli_number(cx_buf *b, double x, int digits) {
  char s[64];
  if (isnan(x)) {
    cx_puts(b, "nan");
  } else if (isinf(x)) {
    cx_puts(b, x < 0 ? "-inf" : "inf");
  } else if (x == floor(x) && fabs(x) < 1e15) {
    snprintf(s, sizeof s, "%.0f", x == 0 ? 0 : x);
    cx_puts(b, s);
  } else { /* %g keeps e+05 and e-05: shorter is easier to read */
    snprintf(s, sizeof s, "%.*g", digits, x);
    char *e = strchr(s, 'e');
    if (e) {
      char *from = e + 1 + (e[1] == '+' || e[1] == '-'), *to = e + 1 + (e[1] == '-');
      while (*from == '0' && from[1]) from++;
      memmove(to, from, strlen(from) + 1);
    }
    cx_puts(b, s);
  }
}

void cli_seconds(cx_buf *b, double s) {
  if (s < 0.001) cx_putf(b, "%.0f µs", s * 1e6);
  else if (s < 1) cx_putf(b, "%.3g ms", s * 1e3);
  else if (s < 100) cx_putf(b, "%.3g s", s);
  else if (s < 6000) cx_putf(b, "%d min %d s", (int)s / 60, (int)s % 60);
  else cx_putf(b, "%d h %d min", (int)(s / 3600), (int)(s / 60) % 60);
}

/* control characters, as data files may hold them, never reach the terminal */
static void put_clean(cx_buf *b, const char *s, int most) {
  const char *end = s + strlen(s);
  uint32_t cp;
  for (int w = 0; s < end;) {
    int n = cx_utf8(s, end, &cp);
    bool strange = cp == 0xFFFFFFFFu || (cp < ' ' && cp != '\n' && cp != '\t') || (cp >= 0x7F && cp < 0xA0);
    w += strange ? 1 : cx_char_width(cp);
    if (w > most) {
      cx_puts(b, "…");
      return;
    }
    if (strange) cx_puts(b, "\uFFFD");
    else cx_put(b, s, (size_t)n);
    s += n;
  }
}

static void put_element(cx_buf *b, const cx_result *r, double x, int digits) {
  if (r->level && x >= 0 && x < r->nlevel && x == floor(x)) put_clean(b, r->level[(int)x], 40);
  else cli_number(b, x, digits);
}

static int64_t count_of(const cx_array *a) {
  int64_t n = 1;
  for (int k = 0; k < a->rank; k++) n *= a->dim[k];
  return n;
}

static void put_shape(cx_buf *b, const cx_array *a) {
  cx_puts(b, "[");
  for (int k = 0; k < a->rank; k++) cx_putf(b, "%s%lld", k ? ", " : "", (long long)a->dim[k]);
  cx_puts(b, "]");
}

static void vector(cx_buf *b, const cx_result *r, const double *v, int64_t n, int columns) {
  int from = b->n;
  int64_t cut = n;
  cx_puts(b, "[");
  for (int64_t k = 0; k < n; k++) {
    if (k) cx_puts(b, ", ");
    put_element(b, r, v[k], ELEMENT);
    if (cx_width(b->at + from, (size_t)(b->n - from)) > columns - 36 && k + 3 < n) {
      cut = k + 1;
      break;
    }
  }
  if (cut < n) {
    cx_puts(b, ", …, ");
    put_element(b, r, v[n - 1], ELEMENT);
  }
  cx_puts(b, "]");
  if (cut < n) cx_putf(b, " (%lld values)", (long long)n);
}

/* ---- matrices ---- */

/* the format of a column: decimals that its numbers need at ELEMENT - 1 digits; -1: each as it comes */
static int decimals_of(const double *v, int64_t rows, int64_t stride) {
  int most = 0;
  for (int64_t k = 0; k < rows; k++) {
    double x = fabs(v[k * stride]);
    if (!isfinite(x) || x == floor(x)) {
      if (x >= 1e9 && isfinite(x)) return -1;
      continue;
    }
    if (x < 1e-4 || x >= 1e6) return -1;
    char s[64];
    snprintf(s, sizeof s, "%.*g", ELEMENT - 1, x);
    const char *dot = strchr(s, '.');
    int d = dot ? (int)strlen(dot + 1) : 0;
    if (d > most) most = d;
  }
  return most > ELEMENT - 1 ? ELEMENT - 1 : most;
}

static void cell(cx_buf *b, const cx_result *r, double x, int decimals) {
  if (r->level || decimals < 0 || !isfinite(x)) put_element(b, r, x, ELEMENT - 1);
  else cx_putf(b, "%.*f", decimals, x == 0 ? 0 : x);
}

static void matrix(cx_buf *b, const cx_result *r, const double *v, int64_t rows, int64_t cols) {
  int64_t shown_rows = rows > ROWS ? ROWS - 4 : rows, shown_cols = cols > COLUMNS ? COLUMNS - 3 : cols;
  int width[COLUMNS], decimals[COLUMNS];
  cx_buf one = {.arena = b->arena};
  for (int pass = 0; pass < 2; pass++) { /* measure, write */
    for (int64_t i = 0; i < rows; i++) {
      if (i == shown_rows && rows > ROWS) {
        if (pass) cx_puts(b, "   ⋮\n");
        i = rows - 2;
      }
      if (pass) cx_puts(b, "  [");
      int c = 0;
      for (int64_t j = 0; j < cols; j++, c++) {
        if (j == shown_cols && cols > COLUMNS) {
          if (pass) cx_puts(b, "  …");
          j = cols - 1;
        }
        if (!pass && i == 0) {
          width[c] = 0;
          decimals[c] = decimals_of(v + j, rows, cols);
        }
        one.n = 0;
        cell(&one, r, v[i * cols + j], decimals[c]);
        int w = cx_width(one.at, (size_t)one.n);
        if (!pass && w > width[c]) width[c] = w;
        if (!pass) continue;
        for (int k = w - (j ? 2 : 0); k < width[c]; k++) cx_puts(b, " ");
        cx_puts(b, one.at);
      }
      if (pass) cx_puts(b, "]\n");
    }
  }
}

static void blocks(cx_buf *b, const cx_result *r, const char *text) { /* rank 3 and more: the last two as matrices */
  const cx_array *a = &r->value;
  int64_t rows = a->dim[a->rank - 2], cols = a->dim[a->rank - 1],
          n = rows > 0 && cols > 0 ? count_of(a) / (rows * cols) : 0;
  for (int64_t k = 0; k < n; k++) {
    if (k == BLOCKS - 1 && n > BLOCKS) {
      cx_puts(b, "  ⋮\n");
      k = n - 1;
    }
    cx_puts(b, text);
    int64_t rest = k, at[CX_MAX_RANK] = {0};
    for (int j = a->rank - 3; j >= 0; j--) {
      at[j] = rest % a->dim[j];
      rest /= a->dim[j];
    }
    cx_puts(b, "[");
    for (int j = 0; j < a->rank - 2; j++) cx_putf(b, "%lld, ", (long long)at[j]);
    cx_puts(b, ":, :] =\n");
    matrix(b, r, (const double *)a->data + k * rows * cols, rows, cols);
  }
}

/* ---- results ---- */

static bool short_value(const cx_result *r) { return r->label || (r->value.rank <= 1 && !r->said); }

static void put_head(cx_buf *b, const char *label, const char *text) {
  size_t n = label ? strlen(label) : 0;
  if (n && strchr(" :=?\t", label[n - 1])) cx_putf(b, "%s%s", label, label[n - 1] == ' ' ? "" : " ");
  else if (n) cx_putf(b, "%s = ", label);
  else {
    put_clean(b, text, 70);
    cx_puts(b, " = ");
  }
}

static void put_error(cx_buf *b, const cx_result *r) { /* of means over random draws */
  if (!r->integrals.draws || !(r->integrals.standard >= 0)) return;
  cx_puts(b, r->value.rank ? " ± at most " : " ± ");
  cli_number(b, r->integrals.standard, 2);
}

static void put_result(cx_buf *b, const cx_result *r, const char *label, int columns, bool bare) {
  const cx_array *a = &r->value;
  const double *v = a->data;
  int64_t n = count_of(a);
  if (r->said) { /* as it is, behind its label */
    if (label) cx_putf(b, "%s ", label);
    for (int64_t k = 0; k < (a->rank == 2 ? a->dim[0] : 1); k++) {
      if (k) cx_puts(b, "\n");
      put_clean(b, r->said[k], 1 << 20);
    }
    return;
  }
  if (a->rank <= 1) {
    if (!bare) put_head(b, label, r->text);
    if (a->rank == 0) put_element(b, r, v[0], SCALAR);
    else vector(b, r, v, n, columns);
    put_error(b, r);
    return;
  }
  if (a->rank == 2 && n > 0) {
    if (!bare) {
      put_head(b, label, r->text);
      while (b->n && b->at[b->n - 1] == ' ') b->at[--b->n] = 0;
      cx_puts(b, "\n");
    }
    matrix(b, r, v, a->dim[0], a->dim[1]);
    if (a->dim[0] > ROWS || a->dim[1] > COLUMNS) {
      cx_puts(b, "  ");
      put_shape(b, a);
      cx_puts(b, "\n");
    }
  } else if (n > 0) {
    blocks(b, r, label ? label : r->text);
  } else {
    if (!bare) put_head(b, label, r->text);
    put_shape(b, a);
    cx_puts(b, ", no values\n");
  }
  b->at[--b->n] = 0; /* the line end is the caller's */
}

void cli_show_results(cx_buf *b, const cx_result *r, int n, int columns, bool values_only) {
  bool all_short = true;
  for (int k = 0; k < n; k++) all_short &= short_value(&r[k]);
  bool bare = values_only && n == 1;
  for (int one_line = all_short && n > 1; one_line >= 0; one_line--) { /* on one line, if it fits */
    int from = b->n;
    for (int k = 0; k < n; k++) {
      bool label = r[k].label && k + 1 < n && !r[k + 1].label;
      if (k > 0) cx_puts(b, one_line ? r[k - 1].label ? " " : ", " : "\n");
      if (r[k].label && !label) {
        put_clean(b, r[k].text, 10000);
        continue;
      }
      const char *head = label ? r[k].text : NULL;
      if (label) k++;
      put_result(b, &r[k], head, columns, bare);
    }
    if (!one_line || cx_width(b->at + from, (size_t)(b->n - from)) <= columns) break;
    b->at[b->n = from] = 0;
  }
  cx_puts(b, "\n");
}

void cli_show_fit(cx_buf *b, const cx_event *e, bool interrupted) {
  const cx_fit_report *f = e->fit;
  const cx_result *param = e->param;
  const char *method = e->text;
  cx_putf(b, "fit by %s: ", f->method ? f->method : method ? method : "?");
  if (f->epochs > 0 && f->epochs != f->steps)
    cx_putf(b, "%lld epoch%s, ", (long long)f->epochs, f->epochs == 1 ? "" : "s");
  cx_putf(b, "%lld step%s, ", (long long)f->steps, f->steps == 1 ? "" : "s");
  cli_seconds(b, f->seconds);
  cx_puts(b, "\n  objective ");
  cli_number(b, f->value, SCALAR);
  if (!isnan(f->validation)) {
    cx_puts(b, ", validation ");
    cli_number(b, f->validation, SCALAR);
  }
  cx_puts(b, "\n");
  for (int k = 0; k < f->nmetric; k++) {
    if (isnan(f->metric[k]) && isnan(f->validated[k])) continue;
    cx_puts(b, "  ");
    put_clean(b, e->metric[k].text, 60);
    cx_puts(b, " ");
    cli_number(b, f->metric[k], 5);
    if (!isnan(f->validated[k])) {
      cx_puts(b, ", validation ");
      cli_number(b, f->validated[k], 5);
    }
    cx_puts(b, "\n");
  }
  if (f->reason && *f->reason) cx_putf(b, "  %s%s\n", f->converged || interrupted ? "" : "not converged: ", f->reason);
  for (int k = 0; k < e->nparam; k++) {
    const cx_array *a = &param[k].value;
    const double *v = a->data;
    int64_t n = count_of(a);
    cx_puts(b, "  ");
    if (a->rank == 0 || (a->rank == 1 && n <= 6)) {
      put_result(b, &param[k], NULL, 100, false);
    } else {
      double lo = INFINITY, hi = -INFINITY;
      bool nan = false;
      for (int64_t j = 0; j < n; j++) {
        nan |= isnan(v[j]);
        lo = fmin(lo, v[j]);
        hi = fmax(hi, v[j]);
      }
      put_clean(b, param[k].text, 60);
      put_shape(b, a);
      if (n > 0) {
        cx_puts(b, " from ");
        cli_number(b, lo, 5);
        cx_puts(b, " to ");
        cli_number(b, hi, 5);
      }
      if (nan) cx_puts(b, ", with nan");
    }
    cx_puts(b, "\n");
  }
}
