/* check.c - calx check: every derivative against finite differences and the reference evaluator; calx dump. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "pass/pass.h"

static void put_error(cx_buf *b, double x) { /* NaN: there was nothing to compare with */
  if (isnan(x)) cx_puts(b, "null");
  else cli_json_number(b, x);
}

static void row_json(cx_buf *b, const cx_check_row *r, bool first) {
  cx_puts(b, first ? "{\"text\": " : ",\n  {\"text\": ");
  cx_json_puts(b, r->name);
  cx_putf(b, ", \"values\": %lld, \"finite_differences\": ", (long long)r->n);
  put_error(b, r->worst_fd);
  cx_puts(b, ", \"reference\": ");
  put_error(b, r->worst_ref);
  cx_putf(b, ", \"finite\": %s, \"ok\": %s", r->finite ? "true" : "false", r->fault ? "false" : "true");
  if (r->note) {
    cx_puts(b, ", \"note\": ");
    cx_json_puts(b, r->note);
  }
  cx_puts(b, "}");
}

static int text_width(const char *s) { return cx_width(s, strlen(s)); }

static const char *error_text(char buf[32], double x) {
  if (isnan(x)) return "-";
  snprintf(buf, 32, "%.1e", x);
  return buf;
}

static void table(const cx_check_row *row, int n, bool color) {
  int wide = 12;
  for (int k = 0; k < n; k++)
    if (text_width(row[k].name) > wide) wide = text_width(row[k].name);
  printf("%-*s  %8s  %18s  %9s\n", wide, "worst errors", "values", "finite differences", "reference");
  for (int k = 0; k < n; k++) {
    const char *bad = row[k].fault, *note = row[k].note;
    char fd[32], ref[32];
    printf("%s%*s  %8lld  %18s  %9s  %s%s%s%s%s\n", row[k].name, wide - text_width(row[k].name), "",
           (long long)row[k].n, error_text(fd, row[k].worst_fd), error_text(ref, row[k].worst_ref),
           color ? bad ? "\x1b[31m" : "\x1b[32m" : "", bad ? bad : "ok", color ? "\x1b[0m" : "", note ? ": " : "",
           note ? note : "");
  }
}

static int with_file(cli *c, const char *path,
                     cx_status (*run)(cli *c, cx_ctx *ctx, cx_arena *a, int32_t file, const cx_session_opt *opt)) {
  size_t size;
  char *text = cli_read_file(c, path, &size);
  if (!text) return CX_E_USAGE;
  char *dir = cli_dir(path);
  cx_ctx *ctx = cx_ctx_new(NULL, NULL);
  volatile cx_status status = CX_E_RUNTIME;
  cx_frame f;
  if (ctx && dir) {
    CX_TRY(ctx, f) {
      cx_arena *a = cx_arena_new(ctx);
      cx_session_opt opt = {.seed = c->seed, .threads = c->threads, .dir = dir, .out = c->out, .stop = cli_stop()};
      int32_t file = cx_source_add(ctx, strcmp(path, "-") == 0 ? "stdin" : path, text, size);
      status = run(c, ctx, a, file, &opt);
      CX_END(ctx, f);
    } else {
      status = f.status;
    }
    cli_show_diags(c, ctx, 0);
    if (status == CX_OK) status = cx_diag_status(ctx);
  } else {
    fputs("calx: out of memory\n", stderr);
  }
  cx_ctx_free(ctx);
  free(dir);
  free(text);
  return status;
}

static cx_status check(cli *c, cx_ctx *ctx, cx_arena *a, int32_t file, const cx_session_opt *opt) {
  cx_check_row *row = NULL;
  int n = 0;
  double from = cx_now();
  cx_status status = cx_session_check(ctx, file, c->arg + 1, c->narg - 1, opt, a, &row, &n);
  bool bad = false;
  for (int k = 0; k < n; k++) bad |= row[k].fault != NULL;
  if (c->json) {
    cx_buf b = {.arena = a};
    cx_puts(&b, "{\"checks\": [");
    for (int k = 0; k < n; k++) row_json(&b, &row[k], k == 0);
    cx_puts(&b, "]");
    for (int k = 0; k < cx_diag_count(ctx); k++) {
      if (cx_diag_get(ctx, k).sev != CX_ERROR) continue;
      cx_puts(&b, ",\n\"error\": ");
      cli_json_diag(ctx, &b, k);
      break;
    }
    cx_putf(&b, ",\n\"status\": %d}\n", (int)(status ? status : bad ? CX_E_DIAGNOSTIC : CX_OK));
    fputs(b.at, stdout);
  } else if (n > 0 && !(c->quiet && !bad)) {
    table(row, n, c->color_out);
  } else if (n == 0 && status == CX_OK && !c->quiet) {
    puts("nothing to check: the program has no objective and prints no derivative");
  }
  if (c->timing) fprintf(stderr, "check %.3f ms\n", 1e3 * (cx_now() - from));
  return status ? status : bad ? CX_E_DIAGNOSTIC : CX_OK;
}

int cli_cmd_check(cli *c) {
  if (c->narg == 0) return cli_usage(c, "check what?\n  help: calx check FILE");
  return with_file(c, c->arg[0], check);
}

/* ---- dump ---- */

static cx_status dump_program(cli *c, cx_ctx *ctx, cx_arena *a, int32_t file, const cx_session_opt *opt) {
  char *text = NULL;
  cx_status status =
      cx_session_dump(ctx, file, c->arg + 1, c->narg - 1, opt, a, c->after ? c->after : "elaborate", &text);
  if (text && status == CX_OK) fputs(text, stdout);
  return status;
}

static cx_status dump_equations(cli *c, cx_ctx *ctx, cx_arena *a, int32_t file, const cx_session_opt *opt) {
  (void)opt;
  const char *name[64];
  int n = 0;
  cx_graph *g = cx_graph_read(ctx, a, file);
  if (!g) return cx_diag_status(ctx) ? cx_diag_status(ctx) : CX_E_PROGRAM;
  if (c->after) {
    const cx_pass *pass = NULL;
    for (int k = 0; k < cx_npasses; k++) {
      if (n < 64) name[n++] = cx_passes[k].name;
      if (strcmp(cx_passes[k].name, c->after) == 0) pass = &cx_passes[k];
    }
    if (!pass) {
      int d = cx_diag(ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "there is no pass `%s`", c->after);
      const char *near = cx_nearest(c->after, name, n);
      if (near) cx_diag_help(ctx, d, "did you mean `%s`?", near);
      else cx_diag_help(ctx, d, "`calx help passes` lists them");
      return CX_E_USAGE;
    }
    pass->run(g);
    const char *why = cx_verify(g);
    if (why) {
      cx_diag(ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "the equations are not well formed after `%s`: %s", c->after,
              why);
      return CX_E_RUNTIME;
    }
  }
  fputs(cx_graph_text(g, a), stdout);
  return CX_OK;
}

int cli_cmd_dump(cli *c) {
  if (c->narg == 0) return cli_usage(c, "dump what?\n  help: calx dump FILE --after simplify");
  return with_file(c, c->arg[0], c->ir ? dump_equations : dump_program);
}
