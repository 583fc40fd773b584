/* run.c - running a program and showing what it says: calx run, eval and explain; the repl uses it too. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "cli.h"

/* ---- files and names ---- */

char *cli_read_file(const cli *c, const char *path, size_t *size) {
  bool in = strcmp(path, "-") == 0;
  FILE *f = in ? stdin : fopen(path, "rb");
  char *text = NULL;
  size_t n = 0, cap = 0, got;
  struct stat st;
  if (!f) {
    cli_usage(c, "`%s` cannot be read: %s\n  help: name the file of a program, or - for standard input", path,
              strerror(errno));
    return NULL;
  }
  if (!in && fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
    cli_usage(c, "`%s` is a folder\n  help: name a program in it", path);
    fclose(f);
    return NULL;
  }
  do {
    if (cap - n < 65536) {
      cap = 2 * cap + 65536;
      char *more = realloc(text, cap);
      if (!more) {
        free(text);
        text = NULL;
        break;
      }
      text = more;
    }
    got = fread(text + n, 1, cap - n, f);
    n += got;
  } while (got);
  bool ok = text && !ferror(f);
  if (!ok) cli_usage(c, "`%s` cannot be read: %s", path, text ? strerror(errno) : "out of memory");
  if (!in) fclose(f);
  if (!ok) {
    free(text);
    return NULL;
  }
  *size = n;
  return text;
}

char *cli_stem(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  size_t n = strlen(name);
  if (n > 5 && strcmp(name + n - 5, ".calx") == 0) n -= 5;
  return strcmp(path, "-") == 0 ? strdup("plot") : strndup(name, n);
}

char *cli_dir(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

int cli_show_diags(cli *c, cx_ctx *ctx, int from) {
  cx_frame f;
  int n = cx_diag_count(ctx);
  CX_TRY(ctx, f) {
    cx_arena *a = cx_arena_new(ctx);
    for (int k = from; k < n; k++) fputs(cx_diag_render(ctx, a, k, c->color_err), stderr);
    cx_arena_free(a);
    CX_END(ctx, f);
  } else {
    fputs("calx: out of memory\n", stderr);
  }
  return n;
}

/* ---- events ---- */

enum { J_RESULTS, J_FITS, J_PLOTS, J_WRITTEN, J_EXPLAIN, J_PARTS };

typedef struct {
  cli *c;
  const cli_program *p;
  cx_ctx *ctx;
  cx_arena *arena;
  cli_progress progress;
  volatile sig_atomic_t *stop;
  int diags; /* how many were shown */
  int plots, fits;
  cx_buf json[J_PARTS]; /* the lists of the one object, without brackets */
  int items[J_PARTS];
  double begun, first, fit_begun, fitting, drawing; /* seconds: since the process began; then sums */
} runner;

static cx_buf *item(runner *r, int part) {
  if (r->items[part]++) cx_puts(&r->json[part], ",\n  ");
  return &r->json[part];
}

static void say(runner *r, const char *what, const char *name) {
  if (!r->c->quiet && !r->c->json) printf("%s %s\n", what, name);
}

static const char *in_out(runner *r, const char *name) {
  return r->c->out && name[0] != '/' ? cx_format(r->arena, "%s/%s", r->c->out, name) : name;
}

/* Draws one plot: where the program says, else as NAME.svg, and NAME.png where that can be had. */
static void draw(runner *r, const cx_plot *p, const char *name) {
  double from = cx_now();
  cli *c = r->c;
  const char *file[2] = {p->file ? in_out(r, p->file) : in_out(r, cx_format(r->arena, "%s.svg", name)), NULL};
  if (!p->file && cx_plot_has_png()) file[1] = in_out(r, cx_format(r->arena, "%s.png", name));
  if (c->tty_out && !c->quiet && !c->json && cli_utf8())
    fputs(cx_plot_terminal(r->arena, p, c->columns, cli_colors(c)), stdout);
  if (c->json) {
    cx_buf *b = item(r, J_PLOTS);
    cx_puts(b, "{\"title\": ");
    cx_json_puts(b, p->title);
    cx_puts(b, ", \"curves\": [");
    for (int k = 0; k < p->ncurve; k++) {
      if (k) cx_puts(b, ", ");
      cx_json_puts(b, p->curve[k].text);
    }
    cx_puts(b, "], \"files\": [");
    for (int k = 0; k < 2 && file[k]; k++) {
      if (k) cx_puts(b, ", ");
      cx_json_puts(b, file[k]);
    }
    cx_puts(b, "]}");
  }
  for (int k = 0; k < 2 && file[k]; k++) {
    cx_plot_write(r->ctx, file[k], p, NULL);
    say(r, "wrote", file[k]);
  }
  r->drawing += cx_now() - from;
}

static void fit_ended(runner *r, const cx_event *e) {
  r->fits++;
  r->fitting += cx_now() - r->fit_begun;
  if (r->c->json) {
    cli_json_fit(item(r, J_FITS), e);
  } else if (!r->c->quiet) {
    cx_buf b = {.arena = r->arena};
    cli_show_fit(&b, e, r->stop && *r->stop);
    fputs(b.at, stdout);
  }
  cx_plot p;
  if (r->c->out && cx_plot_of_fit(r->arena, e->fit, &p))
    draw(r, &p, cx_format(r->arena, r->fits > 1 ? "%s-fit-%d" : "%s-fit", r->p->stem, r->fits));
}

static void keep(cli_left *to, const cx_left *left) {
  void *at = to && left->size ? malloc(left->size) : NULL;
  if (!to) return;
  free(to->at);
  if (at) memcpy(at, left->at, left->size);
  *to = at ? (cli_left){at, left->size, left->fits} : (cli_left){0};
}

static void event(void *user, const cx_event *e) {
  runner *r = user;
  cli *c = r->c;
  if (r->first == 0) r->first = cx_now();
  if (e->kind == EV_FIT_PROGRESS) {
    cli_progress_show(&r->progress, e->text, e->progress);
    return;
  }
  cli_progress_clear(&r->progress);
  if (e->kind == EV_FIT_BEGIN) r->fit_begun = cx_now();
  bool old = e->where.file >= 0 && e->where.beg < r->p->from; /* the repl has shown it before */
  bool explain = c->command == N_explain;
  if (old || (explain && e->kind != EV_EXPLAIN)) return;
  r->diags = cli_show_diags(c, r->ctx, r->diags);
  errno = 0;
  switch (e->kind) {
    case EV_RESULT:
      if (c->json) {
        cli_json_results(&r->json[J_RESULTS], e->result, e->nresult, &r->items[J_RESULTS]);
      } else {
        cx_buf b = {.arena = r->arena};
        cli_show_results(&b, e->result, e->nresult, c->columns, r->p->console);
        fputs(b.at, stdout);
      }
      break;
    case EV_PLOT:
      r->plots++;
      draw(r, e->plot, r->plots > 1 ? cx_format(r->arena, "%s-%d", r->p->stem, r->plots) : r->p->stem);
      break;
    case EV_WRITE:
      if (c->json) cx_json_puts(item(r, J_WRITTEN), e->path);
      say(r, "wrote", e->path);
      break;
    case EV_EXPLAIN:
      if (c->json) cx_json_puts(item(r, J_EXPLAIN), e->text);
      else if (e->text && *e->text) printf("%s%s", e->text, e->text[strlen(e->text) - 1] == '\n' ? "" : "\n");
      break;
    case EV_FIT_END: fit_ended(r, e); break;
    case EV_LEFT: keep(r->p->left, e->left); break;
    default: break;
  }
  if (c->tty_out) fflush(stdout);
  if (cli_lost()) cx_throw(r->ctx, CX_E_RUNTIME); /* nobody reads on, or the disk is full: main says so */
}

/* ---- after the run ---- */

static void json_object(runner *r, cx_status status) {
  static const char *const name[J_PARTS] = {"results", "fit", "plots", "written", "explain"};
  cx_ctx *ctx = r->ctx;
  cx_buf b = {.arena = r->arena};
  cx_puts(&b, "{");
  for (int k = 0; k < J_PARTS; k++) {
    bool always = k == J_RESULTS, single = k == J_FITS && r->items[k] == 1;
    if (!always && !r->items[k]) continue;
    const char *text = r->items[k] ? r->json[k].at : "";
    cx_putf(&b, "%s\"%s\": %s", b.n > 1 ? ",\n" : "", name[k], single ? "" : "[");
    cx_puts(&b, text);
    cx_puts(&b, single ? "" : "]");
  }
  cx_puts(&b, ",\n\"warnings\": [");
  int errors = 0, warnings = 0, first = -1;
  for (int k = 0; k < cx_diag_count(ctx); k++) {
    cx_severity sev = cx_diag_get(ctx, k).sev;
    if (sev == CX_ERROR && errors++ == 0) first = k;
    if (sev != CX_WARNING) continue;
    if (warnings++) cx_puts(&b, ", ");
    cli_json_diag(ctx, &b, k);
  }
  cx_puts(&b, "]");
  if (first >= 0) {
    cx_puts(&b, ",\n\"error\": ");
    cli_json_diag(ctx, &b, first);
  }
  if (errors > 1) {
    cx_puts(&b, ",\n\"errors\": [");
    for (int k = 0, n = 0; k < cx_diag_count(ctx); k++) {
      if (cx_diag_get(ctx, k).sev != CX_ERROR) continue;
      if (n++) cx_puts(&b, ", ");
      cli_json_diag(ctx, &b, k);
    }
    cx_puts(&b, "]");
  }
  cx_putf(&b, ",\n\"status\": %d}\n", (int)status);
  fputs(b.at, stdout);
}

static void timing(const runner *r) {
  double end = cx_now(), run = end - (r->first > 0 ? r->first : end);
  const struct {
    const char *name;
    double s;
  } row[] = {{"start, read the program", r->begun - r->c->start},
             {"parse, bind, elaborate, compile", (r->first > 0 ? r->first : end) - r->begun},
             {"fit", r->fitting},
             {"draw", r->drawing},
             {"evaluate, print", run - r->fitting - r->drawing},
             {"total", end - r->c->start}};
  for (size_t k = 0; k < sizeof row / sizeof *row; k++)
    if (row[k].s > 0) fprintf(stderr, "%-32s %10.3f ms\n", row[k].name, 1e3 * row[k].s);
}

static void put_quoted(const char *s) {
  if (*s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%")]) {
    fputs(s, stderr);
    return;
  }
  fputc('\'', stderr);
  for (; *s; s++) {
    if (*s == '\'') fputs("'\\''", stderr);
    else fputc(*s, stderr);
  }
  fputc('\'', stderr);
}

/* the command line again, with --resume FILE */
static void say_resume(const cli *c, const char *checkpoint) {
  fputs("to go on: ", stderr);
  for (int k = 0; k < c->argc; k++) {
    if (strcmp(c->argv[k], "--resume") == 0 || strcmp(c->argv[k], "-r") == 0) {
      k++;
      continue;
    }
    if (strncmp(c->argv[k], "--resume=", 9) == 0) continue;
    if (k) fputc(' ', stderr);
    put_quoted(c->argv[k]);
  }
  fputs(" --resume ", stderr);
  put_quoted(checkpoint);
  fputc('\n', stderr);
}

static bool newer(const char *path, time_t than) {
  struct stat st;
  return stat(path, &st) == 0 && st.st_mtime >= than;
}

static cx_status run(runner *r, cx_ctx *ctx) {
  cli *c = r->c;
  const cli_program *p = r->p;
  time_t began = time(NULL);
  r->ctx = ctx;
  cx_arena_keep(r->arena = cx_arena_new(ctx)); /* what was found is told after a failure too */
  r->begun = cx_now();
  if (c->profile) cx_profile_start(ctx);
  r->stop = cli_stop();
  for (int k = 0; k < J_PARTS; k++) r->json[k].arena = r->arena;
  if (c->out && !cx_make_folders(r->arena, cx_format(r->arena, "%s/", c->out))) {
    cx_diag(ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "the folder `%s` cannot be made: %s", c->out, strerror(errno));
    cx_throw(ctx, CX_E_RUNTIME);
  }
  const char *checkpoint = c->checkpoint ? c->checkpoint : cx_format(r->arena, "%s.ckpt", p->stem);
  cx_session_opt opt = {.seed = c->seed,
                        .threads = c->threads,
                        .dir = p->dir,
                        .out = c->out,
                        .resume = c->resume,
                        .checkpoint = checkpoint,
                        .stop = r->stop,
                        .event = event,
                        .user = r,
                        .ask = p->ask,
                        .nask = p->nask,
                        .to = c->to,
                        .console = p->console};
  cx_left known = {0};
  if (p->left) {
    known = (cx_left){p->left->at, p->left->size, p->left->fits};
    opt.known = &known;
  }
  cx_status status = p->model
                         ? cx_session_predict(ctx, p->name, p->arg, p->narg, &opt)
                         : cx_session_run(ctx, cx_source_add(ctx, p->name, p->text, p->size), p->arg, p->narg, &opt);
  cli_progress_clear(&r->progress);
  r->diags = cli_show_diags(c, ctx, r->diags);
  if (status == CX_OK) status = cx_diag_status(ctx);
  if (status == CX_E_INTERRUPT) {
    fputs("interrupted\n", stderr);
    if (newer(checkpoint, began)) say_resume(c, checkpoint);
  }
  for (int k = 0; k < cx_diag_count(ctx) && c->strict && status == CX_OK; k++)
    if (cx_diag_get(ctx, k).sev == CX_WARNING) status = CX_E_DIAGNOSTIC;
  return status;
}

cx_status cli_run_program(cli *c, const cli_program *p) {
  cx_ctx *ctx = cx_ctx_new(NULL, NULL);
  runner r = {.c = c, .p = p, .progress = {.c = c}};
  volatile cx_status status = CX_OK;
  cx_frame f;
  if (!ctx) {
    fputs("calx: out of memory\n", stderr);
    return CX_E_RUNTIME;
  }
  CX_TRY(ctx, f) {
    status = run(&r, ctx);
    CX_END(ctx, f);
  } else {
    status = f.status;
    cli_show_diags(c, ctx, r.diags);
  }
  CX_TRY(ctx, f) {
    if (c->json && r.arena) json_object(&r, status);
    CX_END(ctx, f);
  } else {
    fputs("calx: out of memory\n", stderr);
    status = CX_E_RUNTIME;
  }
  if (c->timing) timing(&r);
  CX_TRY(ctx, f) {
    if (c->profile && r.arena) fputs(cx_profile_text(ctx, r.arena), stderr);
    CX_END(ctx, f);
  }
  cx_ctx_free(ctx);
  return status;
}

/* ---- the commands ---- */

static int run_file(cli *c, const char *path) {
  size_t size;
  char *text = cli_read_file(c, path, &size);
  if (!text) return CX_E_USAGE;
  char *dir = cli_dir(path), *stem = cli_stem(path);
  int status = CX_E_RUNTIME;
  if (dir && stem) {
    cli_program p = {.name = strcmp(path, "-") == 0 ? "stdin" : path,
                     .text = text,
                     .size = size,
                     .dir = dir,
                     .stem = stem,
                     .arg = c->arg + 1,
                     .narg = c->narg - 1};
    status = cli_run_program(c, &p);
  }
  free(dir);
  free(stem);
  free(text);
  return status;
}

int cli_cmd_run(cli *c) {
  if (c->narg == 0) return cli_usage(c, "run what?\n  help: calx run FILE");
  return run_file(c, c->arg[0]);
}

static int run_text(cli *c, const char *text, size_t size) { /* of the command line: named after its command */
  cli_program p = {.name = cli_commands[c->command].name,
                   .text = text,
                   .size = size,
                   .dir = ".",
                   .stem = "plot",
                   .arg = c->arg + 1,
                   .narg = c->narg - 1,
                   .console = true};
  return cli_run_program(c, &p);
}

int cli_cmd_eval(cli *c) {
  if (c->narg == 0) return cli_usage(c, "what shall be calculated?\n  help: calx eval '1 + 1'");
  const char *text = c->arg[0];
  size_t size = strlen(text);
  char *in = NULL;
  if (strcmp(text, "-") == 0 && !(in = cli_read_file(c, "-", &size))) return CX_E_USAGE;
  int status = run_text(c, in ? in : text, size);
  free(in);
  return status;
}

int cli_cmd_explain(cli *c) {
  struct stat st;
  if (c->narg == 0) return cli_usage(c, "what shall be explained?\n  help: calx explain 'd(x^2 * sin(x), x)'");
  if (strcmp(c->arg[0], "-") == 0 || (stat(c->arg[0], &st) == 0 && S_ISREG(st.st_mode))) return run_file(c, c->arg[0]);
  /* the last of the statements is what to explain */
  const char *text = c->arg[0], *last = text;
  int depth = 0;
  for (const char *s = text; *s; s++) {
    if (strchr("([{", *s)) depth++;
    if (strchr(")]}", *s)) depth--;
    if (depth == 0 && (*s == ';' || *s == '\n') && s[1 + strspn(s + 1, " \t\n;")]) last = s + 1;
  }
  last += strspn(last, " \t\n");
  bool already = strncmp(last, "explain ", 8) == 0;
  size_t n = strlen(text) + 10;
  char *with = malloc(n);
  if (!with) return cli_usage(c, "out of memory");
  snprintf(with, n, "%.*s%s%s", (int)(last - text), text, already ? "" : "explain ", last);
  int status = run_text(c, with, strlen(with));
  free(with);
  return status;
}
