/* repl.c - calx repl. The accepted statements are kept as text; each new one runs after them, as one program, and only what
 * it says itself is shown. So a session means what the same lines in a file mean. What fits found is kept with them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/lib.h"
#include "cli.h"
#ifdef HAVE_LIBEDIT
#include <editline/readline.h>
#endif

enum { KEPT_MAX = 4096, LEFT_MAX = 64 };

typedef struct {
  char *text, left[LEFT_MAX]; /* left: what it defines, "x" or "h[t]"; empty for others */
} kept;
typedef struct {
  cli *c;
  kept at[KEPT_MAX];
  int n;
  cli_left left; /* by their fits */
  bool quit;
} repl;

static const char *const commands[] = {".help", ".names", ".load", ".reset", ".quit"};

/* ---- one statement ---- */

/* the kept statements, the k-th one replaced by `text` (k == n: text comes last); *from: where the new one begins */
static char *join(const repl *r, int k, const char *text, size_t *size, size_t *from) {
  size_t n = strlen(text) + 2;
  for (int j = 0; j < r->n; j++) n += strlen(r->at[j].text) + 1;
  char *all = malloc(n), *to = all;
  if (!all) return NULL;
  for (int j = 0; j < r->n + (k == r->n); j++) {
    const char *s = j == k ? text : r->at[j].text;
    if (j == k) *from = (size_t)(to - all);
    to = stpcpy(to, s);
    *to++ = '\n';
  }
  *to = 0;
  *size = (size_t)(to - all);
  return all;
}

static void forget(repl *r) {
  free(r->left.at);
  r->left = (cli_left){0};
}

static cx_status run_with(repl *r, int k, const char *text) {
  size_t size, from = 0;
  char *all = join(r, k, text, &size, &from);
  if (!all) return CX_E_RUNTIME;
  if (k < r->n) forget(r); /* the fits behind it may depend on it */
  cli_program p = {.name = "repl",
                   .text = all,
                   .size = size,
                   .dir = ".",
                   .stem = "plot",
                   .console = true,
                   .from = (uint32_t)from,
                   .left = &r->left};
  cx_status status = cli_run_program(r->c, &p);
  free(all);
  return status;
}

static bool is_query(int kind) { return kind == S_PRINT || kind == S_PLOT || kind == S_WRITE || kind == S_EXPLAIN; }

static void left_side(char left[LEFT_MAX], const cx_ast *s, const char *text) {
  left[0] = 0;
  if (s->kind == S_GROUP && s->nkid == 1) s = s->kid[0];
  bool subscripts = s->kind == S_DEF_INDEX; /* h[0] = … and h[t] = … stand side by side */
  if (!subscripts && s->kind != S_DEF && s->kind != S_DEF_FUN && s->kind != S_DATA && s->kind != S_PARAM) return;
  size_t n = 0;
  if (!subscripts) n = (size_t)snprintf(left, LEFT_MAX, "%s", s->name);
  for (; subscripts && *text && *text != '=' && n + 1 < LEFT_MAX; text++)
    if (!isspace((unsigned char)*text)) left[n++] = *text;
  left[n < LEFT_MAX ? n : LEFT_MAX - 1] = 0;
}

static int find(const repl *r, const char *left) {
  for (int k = 0; k < r->n && *left; k++)
    if (strcmp(r->at[k].left, left) == 0) return k;
  return r->n;
}

static void drop(repl *r, int k) {
  free(r->at[k].text);
  memmove(&r->at[k], &r->at[k + 1], (size_t)(r->n - k - 1) * sizeof r->at[0]);
  r->n--;
}

static void accept(repl *r, const cx_ast *s, const char *text) {
  char left[LEFT_MAX];
  left_side(left, s, text);
  int k = find(r, left);
  cx_status status = run_with(r, k, text);
  bool done = status == CX_OK || status == CX_E_CONVERGENCE;
  if (!done) forget(r); /* a fit that was stopped is not kept */
  if (!done || is_query(s->kind)) return;
  if (k == KEPT_MAX) {
    fputs("calx: too many statements; .reset forgets them\n", stderr);
    return;
  }
  char *copy = strdup(text);
  if (!copy) return;
  if (k < r->n) free(r->at[k].text);
  else r->n++;
  r->at[k].text = copy;
  memcpy(r->at[k].left, left, sizeof left);
}

/* whatever was typed or loaded: its statements, one after the other */
static void take(repl *r, const char *name, const char *text) {
  cx_ctx *ctx = cx_ctx_new(NULL, NULL);
  cx_frame f;
  if (!ctx) return;
  CX_TRY(ctx, f) {
    int32_t file = cx_source_add(ctx, name, text, strlen(text));
    cx_arena *a = cx_ctx_arena(ctx);
    cx_ast *all = cx_parse_console(ctx, a, file);
    cli_show_diags(r->c, ctx, 0);
    uint32_t beg = 0; /* from the end of the one before: the span of `data x[n]` is that of `x[n]` */
    for (int k = 0; k < all->nkid && cx_error_count(ctx) == 0; k++) {
      uint32_t end = all->kid[k]->span.end;
      while (beg < end && strchr("; \t\r\n", text[beg])) beg++;
      accept(r, all->kid[k], cx_strdup(a, text + beg, end - beg));
      beg = end;
    }
    CX_END(ctx, f);
  } else {
    cli_show_diags(r->c, ctx, 0);
  }
  cx_ctx_free(ctx);
}

static bool incomplete(const char *text) {
  cx_ctx *ctx = cx_ctx_new(NULL, NULL);
  volatile bool open = false;
  cx_frame f;
  if (!ctx) return false;
  CX_TRY(ctx, f) {
    open = cx_parse_incomplete(ctx, text, strlen(text));
    CX_END(ctx, f);
  }
  cx_ctx_free(ctx);
  return open;
}

/* ---- dot commands ---- */

static void command(repl *r, char *line) {
  size_t n = strcspn(line, " \t");
  char *arg = line + n + strspn(line + n, " \t");
  if (line[n]) line[n] = 0;
  if (strcmp(line, ".quit") == 0 || strcmp(line, ".exit") == 0) {
    r->quit = true;
  } else if (strcmp(line, ".help") == 0) {
    puts(
        "An expression is printed, anything else is kept: definitions, data, params, fits.\n"
        "A new definition of a name replaces the old one.\n\n"
        "  .names       what is kept\n  .load FILE   read the statements of a file\n  .reset       forget everything\n"
        "  .quit        end (also Ctrl-D)\n\nCtrl-C drops the line that is typed, or stops what is running. `calx help functions` lists the functions.");
  } else if (strcmp(line, ".names") == 0) {
    for (int k = 0; k < r->n; k++) puts(r->at[k].text);
  } else if (strcmp(line, ".reset") == 0) {
    while (r->n) drop(r, r->n - 1);
    forget(r);
  } else if (strcmp(line, ".load") == 0) {
    size_t size;
    char *text = *arg ? cli_read_file(r->c, arg, &size) : NULL;
    if (!*arg) cli_usage(r->c, "which file?\n  help: .load FILE");
    if (text) {
      char *z = realloc(text, size + 1);
      if (z) {
        z[size] = 0;
        take(r, arg, z);
        text = z;
      }
      free(text);
    }
  } else {
    const char *near = cx_nearest(line, commands, sizeof commands / sizeof *commands);
    cli_usage(r->c, "there is no command `%s`%s%s%s", line, near ? "\n  help: did you mean `" : "", near ? near : "",
              near ? "`?" : "");
  }
  fflush(stdout);
}

/* ---- reading lines ---- */

static volatile sig_atomic_t abandoned; /* Ctrl-C while a line is typed */
static void abandon(int signal) {
  (void)signal;
  abandoned = 1;
}

#ifdef HAVE_LIBEDIT
static const repl *completing; /* readline's callbacks know nothing of their caller */

/* the k-th word that could stand here */
static const char *word(int k) {
  static const char *const statement[] = {"data",     "param",  "minimize", "maximize", "subject to", "fit by",
                                          "print",    "plot",   "write",    "explain",  "import",     "precision",
                                          "integral", "expect", "mean",     "argmin"};
  const int n = sizeof statement / sizeof *statement, m = sizeof commands / sizeof *commands;
  if (k < n) return statement[k];
  if ((k -= n) < m) return commands[k];
  if ((k -= m) < OP_COUNT) return cx_ops[k].name ? cx_ops[k].name : "";
  if ((k -= OP_COUNT) < completing->n) return completing->at[k].left;
  return NULL;
}

/* names of the standard library: what stands before a bracket at the start of a line */
static char *library(const char *text, size_t n, int *k) {
  for (int f = 0, i = 0; f < cx_lib_count; f++)
    for (const char *s = cx_lib[f].text; s; s = strchr(s, '\n')) {
      if (*s == '\n') s++;
      size_t m = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
      if (m < n || m == 0 || s[m] != '(' || strncmp(s, text, n) != 0) continue;
      if (i++ == *k) {
        ++*k;
        return strndup(s, m);
      }
    }
  return NULL;
}

static char *next_match(const char *text, int state) {
  static int k, lib;
  size_t n = strlen(text);
  if (!state) k = lib = 0;
  for (const char *w; (w = word(k));) {
    k++;
    size_t m = strcspn(w, "[");
    if (m && m >= n && strncmp(w, text, n) == 0) return strndup(w, m);
  }
  return library(text, n, &lib);
}

static char **complete(const char *text, int start, int end) {
  (void)end;
  if (start >= 6 && strncmp(rl_line_buffer, ".load ", 6) == 0) return NULL; /* file names */
  return rl_completion_matches(text, next_match);
}

static char *history_file(void) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  char dir[4000];
  if (state && *state) snprintf(dir, sizeof dir, "%s", state);
  else if (home && *home) snprintf(dir, sizeof dir, "%s/.local/state", home);
  else return NULL;
  for (char *s = dir + 1;; s++) { /* the folders down to it, for this user alone */
    char was = *s;
    if (was && was != '/') continue;
    *s = 0;
    mkdir(dir, 0700);
    *s = was;
    if (!was) break;
  }
  char *path = malloc(strlen(dir) + 16);
  if (path) mkdir(strcat(strcpy(path, dir), "/calx"), 0700);
  return path ? strcat(path, "/history") : NULL;
}
#endif

/* NULL: the end of input, or `abandoned` */
static char *read_line(bool terminal, bool more) {
  const char *prompt = more ? "  ... " : "calx> ";
  abandoned = 0;
  if (terminal) sigaction(SIGINT, &(struct sigaction){.sa_handler = abandon}, NULL); /* reading is interrupted */
#ifdef HAVE_LIBEDIT
  if (terminal) return readline(prompt);
#endif
  if (terminal) {
    fputs(prompt, stdout);
    fflush(stdout);
  }
  char *line = NULL;
  size_t cap = 0;
  ssize_t n = getline(&line, &cap, stdin);
  if (n < 0) {
    free(line);
    if (abandoned) clearerr(stdin);
    return NULL;
  }
  line[strcspn(line, "\r\n")] = 0;
  return line;
}

int cli_cmd_repl(cli *c) {
  if (c->narg) return cli_usage(c, "`calx repl` takes no file\n  help: .load FILE reads one");
  repl *r = calloc(1, sizeof *r);
  if (!r) return cli_usage(c, "out of memory");
  bool terminal = isatty(STDIN_FILENO);
  r->c = c;
#ifdef HAVE_LIBEDIT
  char *history = NULL;
  completing = r;
  if (terminal) {
    rl_initialize();
    rl_attempted_completion_function = complete;
    rl_completion_append_character = 0; /* a bracket follows a function's name */
    using_history();
    if ((history = history_file())) read_history(history);
  }
#endif
  if (terminal && !c->quiet) puts("calx " CALX_VERSION ", .help for help");
  char *text = NULL;
  for (char *line; !r->quit && ((line = read_line(terminal, text != NULL)) || abandoned); free(line)) {
    if (abandoned) { /* what has been typed so far, all its lines */
      free(text);
      text = NULL;
      putchar('\n');
      continue;
    }
    size_t had = text ? strlen(text) : 0, n = strlen(line);
    char *more = realloc(text, had + n + 2);
    if (!more) break;
    text = more;
    if (had) text[had++] = '\n';
    memcpy(text + had, line, n + 1);
    if (*line && incomplete(text)) continue; /* an empty line ends it whatever is open */
#ifdef HAVE_LIBEDIT
    if (terminal && text[strspn(text, " \t\n")]) add_history(text);
#endif
    char *start = text + strspn(text, " \t");
    if (*start == '.' && isalpha((unsigned char)start[1])) command(r, start);
    else if (*start) take(r, "repl", text);
    fflush(stdout);
    free(text);
    text = NULL;
  }
  if (text) take(r, "repl", text);
  free(text);
#ifdef HAVE_LIBEDIT
  if (history) write_history(history);
  free(history);
#endif
  if (terminal && !r->quit) putchar('\n');
  while (r->n) drop(r, r->n - 1);
  forget(r);
  free(r);
  return CX_OK;
}
