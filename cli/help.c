/* help.c - help, the man page and the completion script, all from the tables: commands.def, options.def, the fitting
 * methods and their options, the functions, the passes. */
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "pass/pass.h"

/* text wrapped at 80 columns, every line indented */
static void wrap(FILE *f, const char *text, int indent, int at) {
  for (; at < indent; at++) fputc(' ', f);
  for (bool first = true; *text; first = false) {
    int n = (int)strcspn(text, " ");
    if (!first && at + 1 + n > 80) {
      fprintf(f, "\n%*s", indent, "");
      at = indent;
    } else if (!first) {
      fputc(' ', f);
      at++;
    }
    fprintf(f, "%.*s", n, text);
    at += n;
    text += n + (text[n] == ' ');
  }
  fputc('\n', f);
}

static void option(FILE *f, const cli_option *o) {
  char left[64];
  int n = snprintf(left, sizeof left, "  %s%c%s--%s%s%s", o->letter ? "-" : " ", o->letter ? o->letter : ' ',
                   o->letter ? ", " : "  ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
  fputs(left, f);
  wrap(f, o->help, 26, n);
}

static void options(FILE *f, int command) {
  for (int k = 0; k < cli_noptions; k++)
    if (command < 0 || cli_options[k].commands >> command & 1) option(f, &cli_options[k]);
}

static void overview(FILE *f) {
  fputs(
      "calx - calculus for machine learning and data science: equations in, derivatives\nand fits out\n\n"
      "usage: calx COMMAND [options] [arguments], or calx FILE\n\n",
      f);
  for (int k = 0; k < CLI_COMMANDS; k++) fprintf(f, "  %-9s %s\n", cli_commands[k].name, cli_commands[k].what);
  fputs(
      "\n`calx help COMMAND` tells more; other topics are options, methods, functions,\npasses, and the name of any of them. "
      "Try:\n\n  calx eval \"f(x) = x^3 * sin(x); f(2); f'(2)\"\n",
      f);
}

static void exit_codes(FILE *f, const char *format) {
  static const struct {
    int code;
    const char *what;
  } row[] = {{CX_OK, "done"},
             {CX_E_RUNTIME, "numeric or run-time error, out of memory, output that cannot be written"},
             {CX_E_USAGE, "wrong command line"},
             {CX_E_PROGRAM, "error in the program"},
             {CX_E_DATA, "error in the data"},
             {CX_E_CONVERGENCE, "diverged, or not converged"},
             {CX_E_DIAGNOSTIC, "a check failed, or --strict and a warning"},
             {CX_E_INTERRUPT, "interrupted"}};
  for (size_t k = 0; k < sizeof row / sizeof *row; k++) fprintf(f, format, row[k].code, row[k].what);
}

static void command_help(int k) {
  const cli_command *c = &cli_commands[k];
  printf("usage: calx %s%s%s%s\n\n", c->name, c->name[0] == 'h' || k == N_version ? "" : " [options]",
         *c->args ? " " : "", c->args);
  wrap(stdout, c->what, 0, 0);
  if (*c->more) {
    fputc('\n', stdout);
    wrap(stdout, c->more, 0, 0);
  }
  fputs("\noptions:\n", stdout);
  options(stdout, k);
  if (k == N_run) {
    fputs("\nexit codes:\n", stdout);
    exit_codes(stdout, "  %3d  %s\n");
  }
}

static void method_help(const cx_method_row *m) {
  printf("fit by %s: %s\n\noptions:\n", m->name, m->help ? m->help : "");
  for (int k = 0; k < cx_noption_rows; k++) {
    const cx_option_row *o = &cx_option_rows[k];
    if (!(o->methods & m->bit)) continue;
    int n = printf("  %s", o->name);
    char text[400];
    snprintf(text, sizeof text, "%s%s%s%s", o->help, o->range ? " (" : "", o->range ? o->range : "",
             o->range ? ")" : "");
    wrap(stdout, text, 20, n);
  }
}

static void function_help(const cx_op_info *o) {
  static const char *const arg[] = {"", "x", "x, y", "x, y, z"}, *const by[] = {"x", "y", "z"};
  printf("%s(%s)\n", o->name, o->arity >= 0 && o->arity <= 3 ? arg[o->arity] : "...");
  for (int k = 0; k < o->arity && k < 3; k++)
    if (o->diff[k]) printf("  derivative by %s: %s\n", by[k], o->diff[k]);
  if (o->facts & F_STEP) puts("  piecewise constant: its derivative is 0 almost everywhere");
  else if (o->nodiff) printf("  no derivative: %s\n", o->nodiff);
}

static void functions(void) {
  int at = 0;
  for (int k = 0; k < OP_COUNT; k++) {
    const char *name = cx_ops[k].name;
    if (!name || cx_op_find(name, cx_ops[k].arity) == OP_none) continue;
    int n = (int)strlen(name);
    if (at && at + n + 2 > 80) at = puts("") * 0;
    at += printf("%s%s", at ? "  " : "", name);
  }
  puts("\n\n`calx help NAME` shows how one is differentiated.");
}

static int topic(const cli *c, const char *s) {
  cx_ctx *ctx = cx_ctx_new(NULL, NULL);
  const cx_method_row *method = NULL;
  volatile int nmethod = 0;
  cx_frame f;
  if (!ctx) return CX_E_RUNTIME;
  CX_TRY(ctx, f) {
    int n;
    method = cx_method_rows(cx_ctx_arena(ctx), &n);
    nmethod = n;
    CX_END(ctx, f);
  }
  int status = CX_OK, found = 0;
  for (int k = 0; k < CLI_COMMANDS && !found; k++)
    if (strcmp(s, cli_commands[k].name) == 0) command_help(k), found = 1;
  if (!found && strcmp(s, "options") == 0) options(stdout, -1), found = 1;
  if (!found && strcmp(s, "functions") == 0) functions(), found = 1;
  if (!found && strcmp(s, "passes") == 0) {
    printf("%-12s %s\n%-12s %s\n", "elaborate", "the equations of the program, before any pass", "diff",
           "with the gradient of the objective");
    for (int k = 0; k < cx_npasses; k++) printf("%-12s %s\n", cx_passes[k].name, cx_passes[k].what);
    printf("%-12s %s\n", "schedule", "the byte code that runs");
    found = 1;
  }
  if (!found && (strcmp(s, "methods") == 0 || strcmp(s, "fit") == 0)) {
    for (int k = 0; k < nmethod; k++) {
      int n = printf("%s", method[k].name);
      wrap(stdout, method[k].help ? method[k].help : "", 18, n);
    }
    puts("\n`calx help METHOD` lists the options of one.");
    found = 1;
  }
  for (int k = 0; k < nmethod && !found; k++)
    if (strcmp(s, method[k].name) == 0) method_help(&method[k]), found = 1;
  for (int k = 0; k < OP_COUNT; k++)
    if (cx_ops[k].name && strcmp(s, cx_ops[k].name) == 0 && cx_op_find(s, cx_ops[k].arity) != OP_none && found != 1)
      function_help(&cx_ops[k]), found = 2;
  if (!found) {
    static const char *const extra[] = {"options", "methods", "functions", "passes", "fit"};
    const char *name[OP_COUNT + CLI_COMMANDS + 64];
    int n = 0;
    for (int k = 0; k < 5; k++) name[n++] = extra[k];
    for (int k = 0; k < CLI_COMMANDS; k++) name[n++] = cli_commands[k].name;
    for (int k = 0; k < nmethod && k < 32; k++) name[n++] = method[k].name;
    for (int k = 0; k < OP_COUNT; k++)
      if (cx_ops[k].name) name[n++] = cx_ops[k].name;
    const char *near = cx_nearest(s, name, n);
    if (near) status = cli_usage(c, "there is no help on `%s`\n  help: did you mean `%s`?", s, near);
    else status = cli_usage(c, "there is no help on `%s`\n  help: `calx help` names the topics", s);
  }
  cx_ctx_free(ctx);
  return status;
}

/* ---- the man page ---- */

static void roff(
    const char *s) { /* text: a minus that can be copied, a backslash that shows, no line that is a request */
  if (*s == '.' || *s == '\'') fputs("\\&", stdout);
  for (; *s; s++) {
    if (*s == '-') fputs("\\-", stdout);
    else if (*s == '\\') fputs("\\e", stdout);
    else if (*s == '\'') fputs("\\(aq", stdout);
    else fputc(*s, stdout);
  }
}

static void man_options(void) {
  for (int k = 0; k < cli_noptions; k++) {
    const cli_option *o = &cli_options[k];
    fputs(".TP\n", stdout);
    if (o->letter) printf("\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB\\-\\-", stdout);
    roff(o->name);
    fputs("\\fR", stdout);
    if (o->arg) printf(" \\fI%s\\fR", o->arg);
    fputc('\n', stdout);
    roff(o->help);
    if (o->commands != ~0u) {
      fputs(" (", stdout);
      for (int j = 0, n = 0; j < CLI_COMMANDS; j++)
        if (o->commands >> j & 1) printf("%s%s", n++ ? ", " : "", cli_commands[j].name);
      fputs(")", stdout);
    }
    fputc('\n', stdout);
  }
}

static void man(void) {
  puts(".\\\" Made from cli/*.def by `calx help --man`.\n.TH CALX 1 \"\" \"calx " CALX_VERSION
       "\" \"User Commands\"\n.SH NAME\n"
       "calx \\- calculus for machine learning and data science\n.SH SYNOPSIS");
  for (int k = 0; k < CLI_COMMANDS; k++) {
    printf(".br\n.B calx %s\n", cli_commands[k].name);
    if (*cli_commands[k].args) roff(cli_commands[k].args), fputc('\n', stdout);
  }
  puts(
      ".SH DESCRIPTION\nA calx program is a list of equations, written the way they stand on paper. Sums, derivatives and optima are\n"
      "expressions; \\fBcalx run\\fR binds the data, derives what is needed, fits, prints and plots.\n"
      "\\fBcalx\\fR \\fIFILE\\fR means \\fBcalx run\\fR \\fIFILE\\fR.\n.SH COMMANDS");
  for (int k = 0; k < CLI_COMMANDS; k++) {
    printf(".TP\n\\fB%s\\fR ", cli_commands[k].name);
    roff(cli_commands[k].args);
    fputc('\n', stdout);
    printf("%c", cli_commands[k].what[0] - 'a' + 'A');
    roff(cli_commands[k].what + 1);
    puts(".");
    if (*cli_commands[k].more) roff(cli_commands[k].more), fputc('\n', stdout);
  }
  puts(".SH OPTIONS");
  man_options();
  puts(".SH EXIT STATUS");
  exit_codes(stdout, ".TP\n%d\n%s\n");
  puts(
      ".SH ENVIRONMENT\n.TP\nNO_COLOR\nWhen set and not empty: no colours.\n.TP\nXDG_STATE_HOME\n"
      "The history of \\fBcalx repl\\fR is calx/history below it (or below ~/.local/state).\n"
      ".SH EXAMPLES\n.nf\ncalx eval \"f(x) = x^3 * sin(x); f(2); f\\(aq(2)\"\n"
      "calx run model.calx data.csv \\-\\-seed 7 \\-\\-out results\ncalx check model.calx data.csv\n"
      "calx explain \\(aqd(x^2 * sin(x), x)\\(aq\n.fi");
}

/* ---- completion ---- */

static void completion(void) {
  puts("# bash completion of calx, made by `calx help --completion`");
  puts("_calx() {\n  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options=");
  printf("  if [ \"$COMP_CWORD\" = 1 ]; then\n    COMPREPLY=($(compgen -W '");
  for (int k = 0; k < CLI_COMMANDS; k++) printf("%s%s", k ? " " : "", cli_commands[k].name);
  puts("' -- \"$word\") $(compgen -f -X '!*.calx' -- \"$word\"))\n    return\n  fi\n  case $command in");
  for (int k = 0; k < CLI_COMMANDS; k++) {
    printf("    %s) options='", cli_commands[k].name);
    for (int j = 0, n = 0; j < cli_noptions; j++)
      if (cli_options[j].commands >> k & 1) printf("%s--%s", n++ ? " " : "", cli_options[j].name);
    puts("' ;;");
  }
  puts(
      "  esac\n  case $word in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"${word#*=}\")) ;;\n  esac\n}\ncomplete -o filenames -F _calx calx");
}

int cli_cmd_help(cli *c) {
  if (c->man) man();
  else if (c->completion) completion();
  else if (c->narg == 0) overview(stdout);
  else return topic(c, c->arg[0]);
  return CX_OK;
}

int cli_cmd_version(cli *c) {
  (void)c;
  puts("calx " CALX_VERSION);
  fputs(
      "with:"
#ifdef HAVE_SLEEF
      " sleef"
#endif
#ifdef HAVE_THREADS
      " threads"
#endif
#ifdef HAVE_ZLIB
      " zlib"
#endif
#ifdef HAVE_PNG
      " png"
#endif
#ifdef HAVE_JPEG
      " jpeg"
#endif
#ifdef HAVE_CAIRO
      " cairo"
#endif
#ifdef HAVE_LIBEDIT
      " libedit"
#endif
      "\n",
      stdout);
  return CX_OK;
}
