/* Options: each wrong one is an error at its place with its remedy, and all of them are reported in one go. */
#include "solve_common.h"

static cx_ctx *c;
static logistic *p;

/* one option against a method: the message, "" when it was accepted */
static const char *try(const char *method, const char *options) {
  double x[LR_D] = {0};
  cx_problem q = lr_problem(p);
  cx_fit_opt opt[16];
  int n = parse_options(cx_ctx_arena(c), options, opt);
  cx_diag_clear(c);
  cx_frame f;
  CX_TRY(c, f) {
    cx_solver_new(c, cx_ctx_arena(c), &q, method, CX_NOSPAN, opt, n, x);
    CX_END(c, f);
  } else {
    CHECK(f.status == CX_E_PROGRAM && cx_diag_count(c) > 0);
    return last_message(c);
  }
  return "";
}
static const char *help(void) { return cx_diag_get(c, cx_diag_count(c) - 1).help; }

int main(void) {
  c = cx_ctx_new(NULL, NULL);
  p = malloc(sizeof *p);
  lr_make(p, false);
  static const char *const good[][2] = {
      {"adam", "rate=0.1,schedule=cosine,warmup=5,batch=32,epochs=3,steps=9,seed=1,tolerance=0,weight_decay=0,clip=1"},
      {"adam", "validation=0.5,patience=3,beta1=0,beta2=0.5,epsilon=0,checkpoint=a.b,checkpoint_every=3"},
      {"sgd", "momentum=0.9,nesterov=true"},
      {"sgd", "nesterov=false"},
      {"momentum", "nesterov=1"},
      {"sgd", "schedule=constant"},
      {"sgd", "schedule=warmup(10)"},
      {"sgd", "schedule=warmup(steps = 10)"},
      {"sgd", "schedule=step(3;0.5)"},
      {"sgd", "schedule=step(every = 3; factor = 0.5)"},
      {"sgd", "schedule=step(factor = 0.5; every = 3)"},
      {"sgd", "schedule=cosine()"},
      {"sgd", "schedule=cosine(0.1)"},
      {"sgd", "schedule=linear(least = 0.1)"},
      {"sgd", "schedule=exponential(0.9)"},
      {"sgd", "schedule=one_cycle"},
      {"sgd", "schedule=one_cycle(0.2; end = 100)"},
      {"adam", "batch=32,accumulate=4,clip=1,clip_value=0.5"},
      {"sgd", "schedule= step( 3 ) "},
      {"lbfgs", "memory=1000"},
      {"newton", "radius=0.1"}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK_STR(try(good[i][0], good[i][1]), "");

  static const char *const bad[][3] = {
      {"adam", "rat=0.1", "adam has no option 'rat'"},
      {"adam", "zzzzzz=0.1", "adam has no option 'zzzzzz'"},
      {"lbfgs", "rate=0.1", "lbfgs takes no option 'rate'"},
      {"adam", "momentum=0.1", "adam takes no option 'momentum'"},
      {"adam", "rate=0", "'rate' must be above 0, not 0"},
      {"adam", "rate=-1", "'rate' must be above 0, not -1"},
      {"adam", "rate=inf", "'rate' must be above 0, not inf"},
      {"adam", "rate=fast", "'rate' must be above 0, not fast"},
      {"adam", "batch=0", "'batch' must be a whole number of rows, 1 or more, not 0"},
      {"adam", "batch=2.5", "'batch' must be a whole number of rows, 1 or more, not 2.5"},
      {"adam", "epochs=0", "'epochs' must be a whole number, 1 or more, not 0"},
      {"adam", "steps=-3", "'steps' must be a whole number, 1 or more, not -3"},
      {"adam", "seed=0.5", "'seed' must be a whole number, 0 or more, not 0.5"},
      {"adam", "tolerance=2", "'tolerance' must be between 0 and 1, not 2"},
      {"adam", "weight_decay=-1", "'weight_decay' must be 0 or more, not -1"},
      {"adam", "clip=0", "'clip' must be above 0, not 0"},
      {"adam", "clip_value=0", "'clip_value' must be above 0, not 0"},
      {"adam", "accumulate=2", "'accumulate' adds up batches, and there are none"},
      {"adam", "batch=3,accumulate=0", "'accumulate' must be a whole number of batches, 1 or more, not 0"},
      {"adam", "validation=0.95", "'validation' must be a fraction between 0 and 0.9, not 0.95"},
      {"adam", "patience=0", "'patience' must be a whole number of epochs, 1 or more, not 0"},
      {"adam", "beta1=1", "'beta1' must be 0 or more and below 1, not 1"},
      {"adam", "beta2=1.5", "'beta2' must be 0 or more and below 1, not 1.5"},
      {"adam", "epsilon=-1", "'epsilon' must be 0 or more, not -1"},
      {"sgd", "momentum=1", "'momentum' must be 0 or more and below 1, not 1"},
      {"sgd", "nesterov=maybe", "'nesterov' must be true or false, not maybe"},
      {"sgd", "nesterov=2", "'nesterov' must be true or false, not 2"},
      {"sgd", "warmup=-1", "'warmup' must be a whole number of steps, 0 or more, not -1"},
      {"lbfgs", "memory=0", "'memory' must be a whole number between 1 and 1000, not 0"},
      {"newton", "radius=0", "'radius' must be above 0, not 0"},
      {"sgd", "checkpoint=3", "'checkpoint' must be a file name in quotes, not 3"},
      {"sgd", "rate=1,rate=2", "option 'rate' is given twice"},
      {"sgd", "schedule=polynomial",
       "'schedule' must be constant, cosine(least), linear(least), step(every, factor), exponential(factor), "
       "one_cycle(rise, start, end) or warmup(steps), not polynomial"},
      {"sgd", "schedule=7", NULL},
      {"sgd", "schedule=exponential", NULL},
      {"sgd", "schedule=exponential(1.5)", NULL},
      {"sgd", "schedule=linear(-1)", NULL},
      {"sgd", "schedule=one_cycle(rise = 2)", NULL},
      {"sgd", "schedule=one_cycle(start = 0.5)", NULL},
      {"sgd", "schedule=one_cycle(0.3; 25; 1e4; 1)", NULL},
      {"adagrad", "schedule=step", NULL},
      {"sgd", "schedule=step()", NULL},
      {"sgd", "schedule=step(0;0.5)", NULL},
      {"sgd", "schedule=step(1.5;0.5)", NULL},
      {"sgd", "schedule=step(3;2)", NULL},
      {"sgd", "schedule=step(3;0)", NULL},
      {"sgd", "schedule=step(3;0.5;1)", NULL},
      {"sgd", "schedule=step(every = 3; every = 4)", NULL},
      {"sgd", "schedule=step(3; 0.5", NULL},
      {"sgd", "schedule=step(3; 0.5) x", NULL},
      {"sgd", "schedule=step(often = 3)", NULL},
      {"sgd", "schedule=warmup(-1)", NULL},
      {"sgd", "schedule=warmup", NULL},
      {"sgd", "schedule=cosine(3)", NULL},
      {"sgd", "schedule=cosinecosinecosinecosine", NULL},
      {"sgd", "schedule=step(nan)", NULL}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const char *said = try(bad[i][0], bad[i][1]);
    if (bad[i][2]) CHECK_STR(said, bad[i][2]);
    else CHECK(!strncmp(said, "'schedule' must be constant", 27));
  }
  try("adam", "rat=0.1");
  CHECK_STR(help(), "did you mean 'rate'?");
  try("adam", "epoch=1");
  CHECK_STR(help(), "did you mean 'epochs'?");
  try("newton", "zzzzzz=1");
  CHECK_STR(help(), "its options are steps, seed, tolerance, metric, radius, checkpoint, checkpoint_every");
  try("adam", "memory=3");
  CHECK_STR(help(), "it belongs to lbfgs");
  CHECK_STR(try("adm", ""), "there is no method `adm`");
  CHECK_STR(help(), "did you mean `adam`?");
  try("annealing", "");
  CHECK(strstr(help(), "gradient_descent, sgd, momentum"));
  try("adam", "rate=-1,batch=0,foo=3,epochs=1");
  CHECK(cx_error_count(c) == 3);

  int n;
  const cx_method_row *row = cx_method_rows(cx_ctx_arena(c), &n);
  CHECK(n == 10);
  for (int i = 0; i < n; i++) CHECK(row[i].bit == 1u << i && *row[i].help);
  for (int i = 0; i < cx_noption_rows; i++)
    CHECK(cx_option_rows[i].methods && *cx_option_rows[i].help && *cx_option_rows[i].range);
  cx_ctx_free(c);
  free(p);
  return CHECK_DONE();
}
