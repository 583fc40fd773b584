/* terminal.c - what the terminal can do, Ctrl-C, the line of progress, and output that did not arrive. */
#include <errno.h>
#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cli.h"

static int columns_of(int fd) {
  struct winsize w;
  return ioctl(fd, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

void cli_terminal(cli *c) {
  const char *none = getenv("NO_COLOR"), *term = getenv("TERM"), *columns = getenv("COLUMNS");
  bool color = !c->no_color && !(none && *none) && !(term && strcmp(term, "dumb") == 0);
  c->tty_out = isatty(STDOUT_FILENO);
  c->tty_err = isatty(STDERR_FILENO);
  c->color_out = color && c->tty_out;
  c->color_err = color && c->tty_err;
  int w = c->tty_out ? columns_of(STDOUT_FILENO) : c->tty_err ? columns_of(STDERR_FILENO) : 0;
  if (w <= 0 && columns) w = atoi(columns);
  c->columns = w >= 20 && w <= 1000 ? w : 100;
}

bool cli_utf8(void) { return strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

int cli_colors(const cli *c) {
  const char *deep = getenv("COLORTERM");
  if (!c->color_out) return 0;
  return deep && (strstr(deep, "truecolor") || strstr(deep, "24bit")) ? 1 << 24 : 256;
}

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t stop;
static void stopped(int sig) {
  (void)sig;
  stop = 1;
}

/* A write beyond the file size limit then fails as a full disk does, with a message, and nothing is left half written. */
void cli_limits(void) { signal(SIGXFSZ, SIG_IGN); }

volatile sig_atomic_t *cli_stop(void) {
  struct sigaction now = {.sa_handler = stopped, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
  stop = 0;
  sigemptyset(&now.sa_mask);
  sigaction(SIGINT, &now, NULL);
  return &stop;
}

/* ---- output ---- */

static int lost; /* why, as errno says when it happens */

bool cli_lost(void) {
  if (ferror(stdout) && !lost) lost = errno ? errno : EIO;
  return lost != 0;
}

bool cli_flush(void) {
  errno = 0;
  bool arrived = fflush(stdout) == 0;
  if (!cli_lost() && arrived) return true;
  if (lost != EPIPE)
    fprintf(stderr, "calx: the output could not be written%s%s\n", lost ? ": " : "", lost ? strerror(lost) : "");
  return false;
}

/* ---- progress ---- */

static void bar(cx_buf *b, double share, bool utf8) {
  enum { WIDE = 20 };
  int done = (int)(share * WIDE + 0.5);
  for (int k = 0; k < WIDE; k++) cx_puts(b, utf8 ? (k < done ? "━" : "┈") : k < done ? "=" : ".");
}

static void rate(cx_buf *b, double per_second) {
  static const char *const unit[] = {" ", "k ", "M ", "G "};
  int k = 0;
  for (; per_second >= 999.5 && k < 3; k++) per_second /= 1000; /* what would round to 1e+03 */
  cx_putf(b, "%.3g%s", per_second, unit[k]);
}

/* a metric by its first word: accuracy of accuracy(p, label) */
static void metrics(cx_buf *b, const cx_progress *now, const double *x) {
  for (int k = 0; k < now->nmetric; k++) {
    const char *name = now->metric_name[k];
    if (isnan(x[k])) continue;
    cx_putf(b, "  %.*s ", (int)strcspn(name, "("), name);
    cli_number(b, x[k], 4);
  }
}

void cli_progress_show(cli_progress *p, const char *method, const cx_progress *now) {
  const cli *c = p->c;
  if (c->quiet || !c->tty_err || !now) return;
  cx_ctx *ctx = cx_ctx_new(NULL, NULL);
  if (!ctx) return;
  cx_frame f;
  CX_TRY(ctx, f) {
    cx_buf b = {.arena = cx_ctx_arena(ctx)};
    cx_putf(&b, "\r%s  ", method ? method : "fit");
    int64_t at = now->epochs > 0 ? now->epoch : now->step, of = now->epochs > 0 ? now->epochs : now->steps;
    double share = now->steps > 0 ? (double)now->step / (double)now->steps : of > 0 ? (double)at / (double)of : -1;
    cx_putf(&b, "%s %lld", now->epochs > 0 ? "epoch" : "step", (long long)at);
    if (of > 0) cx_putf(&b, "/%lld", (long long)of);
    bool stays = now->whole && cx_now() - p->kept >= 0.5; /* the line of an epoch, where they do not fly past */
    if (share >= 0 && c->columns >= 80 && !stays) {
      cx_puts(&b, "  ");
      if (c->color_err) cx_puts(&b, "\x1b[36m");
      bar(&b, share, cli_utf8());
      if (c->color_err) cx_puts(&b, "\x1b[0m");
    }
    if (!isnan(now->value)) {
      cx_puts(&b, "  loss ");
      cli_number(&b, now->value, 5);
    }
    metrics(&b, now, now->metric);
    if (!isnan(now->validation)) {
      cx_puts(&b, "  validation ");
      cli_number(&b, now->validation, 5);
      metrics(&b, now, now->validated);
    }
    if (now->per_second > 0) {
      cx_puts(&b, "  ");
      rate(&b, now->per_second);
      cx_putf(&b, "%s/s", now->unit ? now->unit : "steps");
    }
    if (now->seconds_left >= 0.5 && now->seconds_left < 1e7) {
      cx_puts(&b, "  ");
      cli_seconds(&b, ceil(now->seconds_left));
      cx_puts(&b, " left");
    }
    cx_puts(&b, stays ? "\x1b[K\n" : "\x1b[K");
    if (stays) p->kept = cx_now();
    fputs(b.at, stderr);
    fflush(stderr);
    p->shown = !stays;
    CX_END(ctx, f);
  }
  cx_ctx_free(ctx);
}

void cli_progress_clear(cli_progress *p) {
  if (p->shown) fputs("\r\x1b[K", stderr);
  p->shown = false;
}
