/* json.c - JSON (RFC 8259). Numbers in the fewest digits that read back; what JSON cannot say as a number, the strings
 * "nan", "inf" and "-inf", which C's strtod and Python's float read. */
#include <math.h>
#include <string.h>
#include "cli.h"

void cli_json_number(cx_buf *b, double x) {
  char s[32];
  if (isnan(x)) cx_puts(b, "\"nan\"");
  else if (isinf(x)) cx_puts(b, x < 0 ? "\"-inf\"" : "\"inf\"");
  else cx_puts(b, cx_show_double(s, x));
}

static void key(cx_buf *b, const char *name) {
  cx_putf(b, "%s\"%s\": ", b->n && b->at[b->n - 1] == '{' ? "" : ", ", name);
}

static const double *value(cx_buf *b, const cx_result *r, const double *v, int axis) {
  if (axis == r->value.rank) {
    if (r->level && *v >= 0 && *v < r->nlevel && *v == floor(*v)) cx_json_puts(b, r->level[(int)*v]);
    else cli_json_number(b, *v);
    return v + 1;
  }
  cx_puts(b, "[");
  for (int64_t k = 0; k < r->value.dim[axis]; k++) {
    if (k) cx_puts(b, ", ");
    v = value(b, r, v, axis + 1);
  }
  cx_puts(b, "]");
  return v;
}

static void said(cx_buf *b, const cx_result *r) {
  bool list = r->value.rank == 2;
  cx_puts(b, list ? "[" : "");
  for (int64_t k = 0; k < (list ? r->value.dim[0] : 1); k++) {
    cx_puts(b, k ? ", " : "");
    cx_json_puts(b, r->said[k]);
  }
  cx_puts(b, list ? "]" : "");
}

void cli_json_results(cx_buf *b, const cx_result *r, int n, int *count) {
  for (int k = 0; k < n; k++) {
    if ((*count)++) cx_puts(b, ",\n  ");
    cx_puts(b, "{");
    if (r[k].label) {
      key(b, "label");
      cx_json_puts(b, r[k].text);
      if (k + 1 < n && !r[k + 1].label) k++; /* it names the value that follows */
    }
    if (!r[k].label) {
      key(b, "text");
      cx_json_puts(b, r[k].text);
      key(b, "value");
      if (r[k].said) said(b, &r[k]);
      else value(b, &r[k], r[k].value.data, 0);
      if (r[k].integrals.n || r[k].integrals.draws) {
        key(b, "error");
        cli_json_number(b, r[k].integrals.error);
        key(b, "evaluations");
        cli_json_number(b, (double)r[k].integrals.evaluations);
        key(b, "converged");
        cx_puts(b, r[k].integrals.converged ? "true" : "false");
        if (r[k].integrals.draws) {
          key(b, "draws");
          cli_json_number(b, (double)r[k].integrals.draws);
        }
      }
    }
    cx_puts(b, "}");
  }
}

static void column(cx_buf *b, const double *x, int64_t n, int64_t step) {
  cx_puts(b, "[");
  for (int64_t k = 0; k < n; k++) {
    if (k) cx_puts(b, ", ");
    cli_json_number(b, x[k * step]);
  }
  cx_puts(b, "]");
}

/* "name": {metric: number, ..} */
static void metrics(cx_buf *b, const char *name, const cx_event *e, const double *x) {
  key(b, name);
  for (int k = 0; k < e->fit->nmetric; k++) {
    cx_puts(b, k ? ", " : "{");
    cx_json_puts(b, e->metric[k].text);
    cx_puts(b, ": ");
    cli_json_number(b, x[k]);
  }
  cx_puts(b, "}");
}

/* "history": {name: [a number an epoch], ..} */
static void history(cx_buf *b, const cx_event *e) {
  const cx_fit_report *f = e->fit;
  key(b, "history");
  for (int c = 0; c < f->ncolumn; c++) {
    cx_buf name = {.arena = b->arena};
    if (c >= f->nmetric) cx_puts(&name, c == f->nmetric ? "validation" : "validation ");
    if (c != f->nmetric) cx_puts(&name, e->metric[c < f->nmetric ? c : c - f->nmetric - 1].text);
    cx_puts(b, c ? ", " : "{");
    cx_json_puts(b, name.at);
    cx_puts(b, ": ");
    column(b, f->history + c, f->ntrace, f->ncolumn);
  }
  cx_puts(b, "}");
}

void cli_json_fit(cx_buf *b, const cx_event *e) {
  const cx_fit_report *f = e->fit;
  const cx_result *param = e->param;
  const struct {
    const char *name;
    double x;
  } number[] = {{"objective", f->value},     {"gradient_norm", f->grad_norm}, {"validation", f->validation},
                {"steps", (double)f->steps}, {"epochs", (double)f->epochs},   {"evaluations", (double)f->evaluations},
                {"seconds", f->seconds}};
  cx_puts(b, "{");
  key(b, "method");
  cx_json_puts(b, f->method ? f->method : e->text);
  for (size_t k = 0; k < sizeof number / sizeof *number; k++) {
    if ((k == 1 || k == 2) && isnan(number[k].x)) continue; /* there is none */
    key(b, number[k].name);
    cli_json_number(b, number[k].x);
  }
  if (f->nmetric) metrics(b, "metrics", e, f->metric);
  if (f->nmetric && !isnan(f->validation)) metrics(b, "validation_metrics", e, f->validated);
  cx_putf(b, ", \"converged\": %s", f->converged ? "true" : "false");
  key(b, "reason");
  cx_json_puts(b, f->reason);
  key(b, "params");
  cx_puts(b, "{");
  for (int k = 0; k < e->nparam; k++) {
    if (k) cx_puts(b, ", ");
    cx_json_puts(b, param[k].text);
    cx_puts(b, ": ");
    value(b, &param[k], param[k].value.data, 0);
  }
  cx_puts(b, "}");
  cx_putf(b, ", \"trace_by\": \"%s\", \"trace_stride\": %lld", f->by_epoch ? "epoch" : "step",
          (long long)(f->trace_stride > 0 ? f->trace_stride : 1));
  key(b, "trace");
  column(b, f->trace, f->ntrace, 1);
  if (f->ncolumn) history(b, e);
  cx_puts(b, "}");
}

/* "message\n  help: remedy", where no program has begun */
void cli_json_usage(const char *text) {
  cx_ctx *ctx = cx_ctx_new(NULL, NULL);
  cx_frame f;
  if (!ctx) return;
  CX_TRY(ctx, f) {
    const char *help = strstr(text, "\n  help: ");
    int d = cx_diag(ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "%.*s", help ? (int)(help - text) : (int)strlen(text), text);
    if (help) cx_diag_help(ctx, d, "%s", help + strlen("\n  help: "));
    cx_buf b = {.arena = cx_ctx_arena(ctx)};
    cx_puts(&b, "{\"results\": [],\n\"warnings\": [],\n\"error\": ");
    cli_json_diag(ctx, &b, d);
    cx_putf(&b, ",\n\"status\": %d}\n", (int)CX_E_USAGE);
    fputs(b.at, stdout);
    CX_END(ctx, f);
  }
  cx_ctx_free(ctx);
}

void cli_json_diag(cx_ctx *ctx, cx_buf *b, int diag) {
  cx_diag_view d = cx_diag_get(ctx, diag);
  cx_puts(b, "{");
  if (d.sev == CX_ERROR) cx_putf(b, "\"code\": %d", (int)d.code);
  key(b, "message");
  cx_json_puts(b, d.message);
  if (d.where.file >= 0) {
    int line, column;
    cx_source_pos(ctx, d.where.file, d.where.beg, &line, &column);
    key(b, "file");
    cx_json_puts(b, cx_source_name(ctx, d.where.file));
    cx_putf(b, ", \"line\": %d, \"column\": %d", line, column);
  }
  if (d.help) {
    key(b, "help");
    cx_json_puts(b, d.help);
  }
  cx_puts(b, "}");
}
