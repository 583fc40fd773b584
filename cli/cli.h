/* cli.h - inside cli/: the command line as it was read, and what its commands share. */
#ifndef CX_CLI_H
#define CX_CLI_H
#include <stdio.h>

#include "base/json.h"
#include "plot/plot.h"
#include "run/session.h"

enum {
#define CMD(name, args, what, more) N_##name,
#include "commands.def"
#undef CMD
  CLI_COMMANDS
};
enum {
#define CMD(name, args, what, more) C_##name = 1 << N_##name,
#include "commands.def"
#undef CMD
};

typedef enum { OPT_FLAG, OPT_TEXT, OPT_COUNT, OPT_SEED } cli_kind;
typedef struct {
  cli_kind kind;
  size_t offset; /* of its field in cli */
  char letter;
  const char *name, *arg;
  unsigned commands;
  const char *help;
} cli_option;
struct cli;
typedef struct {
  const char *name, *args, *what, *more;
  int (*run)(struct cli *c);
} cli_command;
extern const cli_option cli_options[];
extern const int cli_noptions;
extern const cli_command cli_commands[CLI_COMMANDS];

typedef bool cli_FLAG;
typedef const char *cli_TEXT;
typedef int cli_COUNT;
typedef uint64_t cli_SEED;
typedef struct cli {
#define OPT(field, kind, letter, name, arg, commands, help) cli_##kind field;
#include "options.def"
#undef OPT
  int command;
  const char **arg; /* what is no option, after the command */
  int narg;
  int argc; /* the whole line, for the command that resumes */
  char **argv;
  bool color_out, color_err, tty_out, tty_err;
  int columns;
  double start; /* of the process, on cx_now's clock */
} cli;

/* options.c: 0, or the exit code after a message on stderr */
int cli_read(cli *c, int argc, char **argv);
int cli_usage(const cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* "calx: …" on stderr; returns 2 */

/* terminal.c */
void cli_limits(void);                 /* a file size limit is an error, not the end */
void cli_terminal(cli *c);             /* fills tty_*, color_*, columns */
bool cli_utf8(void);                   /* the terminal shows Unicode */
int cli_colors(const cli *c);          /* for cx_plot_terminal */
volatile sig_atomic_t *cli_stop(void); /* set by the first Ctrl-C from here on; the second one kills */
bool cli_lost(void);                   /* something written to stdout did not arrive */
bool cli_flush(void);                  /* stdout arrived; else a message, unless its reader went away */
typedef struct {
  const cli *c;
  bool shown;
  double kept; /* when a line of it was last left standing */
} cli_progress;
void cli_progress_show(cli_progress *p, const char *method, const cx_progress *now);
void cli_progress_clear(cli_progress *p);

/* show.c: text for people */
void cli_number(cx_buf *b, double x, int digits);
void cli_show_results(cx_buf *b, const cx_result *r, int n, int columns, bool values_only);
void cli_show_fit(cx_buf *b, const cx_event *e, bool interrupted);
void cli_seconds(cx_buf *b, double s);

/* json.c */
void cli_json_number(cx_buf *b, double x);
void cli_json_results(cx_buf *b, const cx_result *r, int n, int *count); /* appends to a list of *count objects */
void cli_json_fit(cx_buf *b, const cx_event *e);
void cli_json_diag(cx_ctx *ctx, cx_buf *b, int diag);
void cli_json_usage(const char *text); /* the whole object of a run that never began, on stdout */

/* run.c */
typedef struct { /* what fits left (cx_left), malloc'd */
  void *at;
  size_t size;
  int fits;
} cli_left;
typedef struct { /* a program to be run */
  const char *name, *text;
  size_t size;
  const char *dir, *stem; /* folder of the program; what pictures are called */
  const char *const *arg;
  int narg;
  bool model; /* name is a model file; text: none */
  const char *const *ask;
  int nask;       /* of a model: expressions to be answered */
  bool console;   /* bare expressions print */
  uint32_t from;  /* show only what statements from this byte on say */
  cli_left *left; /* fits already solved, in and out; NULL: nobody asks */
} cli_program;
cx_status cli_run_program(cli *c, const cli_program *p);
char *cli_read_file(const cli *c, const char *path, size_t *size); /* malloc'd; - is stdin; NULL after a message */
char *cli_stem(const char *path);                                  /* malloc'd: the name without folder and .calx */
char *cli_dir(const char *path);                                   /* malloc'd */
int cli_show_diags(cli *c, cx_ctx *ctx,
                   int from); /* those from number `from` on, on stderr; returns how many there are */

/* help.c */
#define CMD(name, args, what, more) int cli_cmd_##name(cli *c);
#include "commands.def"
#undef CMD
#endif
