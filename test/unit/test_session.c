/* A session with several fits goes on from a checkpoint of any of them; `check` finds derivatives that are wrong. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "run/session.h"
#include "run/session_int.h"

/* ---- several fits ---- */
static const char fits[] =
    "data x[n], y[n]\n"
    "param a = 0.1, b = 0.2\n"
    "minimize mean(i: (y[i] - a * x[i] - b)^2)\n"
    "fit by adam(rate = 0.01, batch = 7, epochs = 9)\n"
    "print \"first\", a, b\n"
    "fit by momentum(rate = 0.003, momentum = 0.5, batch = 10, epochs = 8)\n"
    "print a, b\n"
    "param c = 2\n"
    "maximize -(c - 1)^4\n"
    "fit by lbfgs\n"
    "print a, b, c\n";

typedef struct {
  char text[4000];
  volatile sig_atomic_t stop;
  int fit, stop_at; /* the fit that is interrupted after its first step, -1: none */
} record;

static void event(void *user, const cx_event *e) {
  record *r = user;
  size_t n = strlen(r->text), room = sizeof r->text - n;
  if (e->kind == EV_FIT_BEGIN && r->fit++ == r->stop_at) r->stop = 1;
  if (e->kind == EV_FIT_END)
    snprintf(r->text + n, room, "fit %s %a %a %lld %lld %s\n", e->text, e->fit->value,
             e->fit->ntrace ? e->fit->trace[e->fit->ntrace - 1] : 0, (long long)e->fit->steps,
             (long long)e->fit->evaluations, e->fit->reason);
  for (int k = 0; e->kind == EV_RESULT && k < e->nresult; k++) {
    n = strlen(r->text), room = sizeof r->text - n;
    if (e->result[k].label) snprintf(r->text + n, room, "%s ", e->result[k].text);
    else snprintf(r->text + n, room, "%a ", cx_array_get(&e->result[k].value, NULL));
  }
}

static char file[] = "/tmp/calx-session-XXXXXX.csv"; /* the data of all fits */
static cx_status run(const char *text, int stop_at, const char *save, const char *resume, record *r,
                     const char **message) {
  enum { N = 64 };
  static bool made;
  if (!made) {
    int fd = mkstemps(file, 4);
    FILE *f = fdopen(fd, "w");
    CHECK(f != NULL);
    fputs("x,y\n", f);
    for (int k = 0; k < N; k++) fprintf(f, "%.17g,%.17g\n", 0.1 * k, sin(k) + 0.3 * k);
    fclose(f);
    made = true;
  }
  *r = (record){.stop_at = stop_at};
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_session_opt opt = {
      .seed = 3, .threads = 1, .stop = &r->stop, .checkpoint = save, .resume = resume, .event = event, .user = r};
  const char *arg[] = {file};
  cx_status s = cx_session_run(c, cx_source_add(c, "fits.calx", text, strlen(text)), arg, 1, &opt);
  static char copy[300];
  copy[0] = 0;
  for (int k = 0; k < cx_diag_count(c); k++)
    if (cx_diag_get(c, k).sev == CX_ERROR) snprintf(copy, sizeof copy, "%s", cx_diag_get(c, k).message);
  if (message) *message = copy;
  cx_ctx_free(c);
  return s;
}

static void several_fits(void) {
  char path[] = "/tmp/calx-fits-XXXXXX";
  static record whole, part, rest;
  close(mkstemp(path));
  CHECK(run(fits, -1, NULL, NULL, &whole, NULL) == CX_OK);
  for (int k = 0; k < 3; k++) {
    const char *message;
    CHECK(run(fits, k, path, NULL, &part, NULL) == CX_E_INTERRUPT);
    CHECK(part.fit == k + 1);
    CHECK(run(fits, -1, NULL, path, &rest, &message) == CX_OK);
    CHECK_STR(message, "");
    CHECK_STR(rest.text,
              whole.text); /* everything, to the last bit: also what stands before the fit that was stopped */
  }
  /* a checkpoint of the third fit, for a program of one; a damaged one; one that is not there */
  static const char one[] =
      "data x[n], y[n]\nparam a = 0.1, b = 0.2\nminimize mean(i: (y[i] - a * x[i] - b)^2)\nfit by lbfgs\n";
  const char *message;
  CHECK(run(one, -1, NULL, path, &rest, &message) == CX_E_DATA);
  CHECK(strstr(message, "is of fit 3 of its program, this program has 1") != NULL);
  FILE *f = fopen(path, "r+");
  CHECK(f && !fseek(f, 30, SEEK_SET) && fputc('x', f) == 'x' && !fclose(f));
  CHECK(run(fits, -1, NULL, path, &rest, &message) == CX_E_DATA);
  CHECK(strstr(message, "checksum is wrong") != NULL);
  unlink(path);
  CHECK(run(fits, -1, NULL, path, &rest, &message) == CX_E_DATA);
}

/* ---- batches and questions about single rows ---- */
static void rows_by_number(void) {
  static const char text[] =
      "data x[n], y[n]\nparam a = 0.1\nminimize mean(i: (y[i] - a * x[i])^2)\n"
      "fit by sgd(rate = 0.001, batch = 5, epochs = 2)\nprint x[60], sum(i in 30..40: x[i])\n";
  static record r;
  const char *message;
  CHECK(run(text, -1, NULL, NULL, &r, &message) == CX_OK);
  CHECK_STR(message, "");
  CHECK(strstr(r.text, "0x1.8p+2 ") != NULL); /* x[60] = 6 */
}

/* ---- wrong derivatives ---- */
typedef enum { RIGHT, CUT, TWICE } corruption;

/* how many rows have a fault when the model's derivatives are made wrong */
static int faults(const char *text, corruption how, bool *finite) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  volatile int bad = -1;
  CX_TRY(c, f) {
    cx_arena *a = cx_arena_new(c);
    cx_program *p = cx_program_new(c, a, cx_source_add(c, "check.calx", text, strlen(text)), NULL);
    cx_model *m = cx_elaborate(p, a, p->decl, p->ndecl, NULL);
    CHECK(m != NULL);
    if (m) {
      for (int k = 0; how == CUT && k < m->graph->neq; k++) /* a path that differentiation must follow, closed */
        if (m->graph->eq[k]->name && !strcmp(m->graph->eq[k]->name, "cut")) m->graph->eq[k]->inert = true;
      for (int k = 0; how == TWICE && k < m->nderivative; k++) {
        cx_eq *e = m->graph->eq[m->derivative[k].out];
        CHECK(e->red == RED_none);
        e->body = cx_op2(m->graph, OP_mul, e->body, cx_const(m->graph, 2));
      }
      cx_session_view v = {p, m, cx_flat_new(m, a, m->nparam), 1, 1};
      int n;
      cx_check_row *row = cx_check_rows(&v, a, &n);
      bad = 0;
      *finite = true;
      for (int k = 0; k < n; k++) bad += row[k].fault != NULL, *finite &= row[k].finite;
    }
    CX_END(c, f);
  }
  cx_ctx_free(c);
  return bad;
}

static void wrong_derivatives(void) {
  bool finite;
  static const char cut[] = "param x = 1.5, z[3] = 0.4\ncut = sin(x) * x\nminimize cut^2 + sum(k: z[k]^3 * cut)\n";
  CHECK(faults(cut, RIGHT, &finite) == 0);
  CHECK(faults(cut, CUT, &finite) == 1 && finite); /* d(objective, x); the one by z stays right */
  static const char twice[] = "f(x) = exp(sin(x))\nprint f'(0.3)\nprint d(v[0] * v[1]^2, v) at v = [2, 3]\n";
  CHECK(faults(twice, RIGHT, &finite) == 0);
  CHECK(faults(twice, TWICE, &finite) == 2 && finite);
  CHECK(faults("param x = 1\nminimize abs(x - 0.9) + max(x, 2 * x - 1)\n", RIGHT, &finite) == 0); /* kinks nearby */
  CHECK(faults("f(x) = abs(x)\nprint f'(0), d(max(v[0], v[1]), v) at v = [1, 1]\n", RIGHT, &finite) ==
        0); /* at kinks */
  CHECK(faults("param x = 1\nminimize log(x - 3)\n", RIGHT, &finite) > 0 && !finite);
  CHECK(faults("print 1 / (2 - 2)\n", RIGHT, &finite) == 1 && !finite);
}

int main(void) {
  several_fits();
  rows_by_number();
  wrong_derivatives();
  unlink(file);
  return CHECK_DONE();
}
