/* predict.c - calx predict: which arguments are data, which are questions. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli.h"

/* name=value, a file, or what is called like one */
static bool is_data(const char *arg) {
  static const char *const ending[] = {".csv", ".tsv",  ".txt", ".npy", ".npz",        ".png",
                                       ".jpg", ".jpeg", ".gz",  ".idx", ".safetensors"};
  size_t n = strlen(arg), name = strcspn(arg, "= \t!<>()[]+-*/^@:,.\"'");
  if (name && arg[name] == '=' && arg[name + 1] != '=') return true;
  for (size_t k = 0; k < sizeof ending / sizeof *ending; k++) {
    size_t m = strlen(ending[k]);
    if (n > m && !strcasecmp(arg + n - m, ending[k])) return true;
  }
  return access(arg, F_OK) == 0;
}

int cli_cmd_predict(cli *c) {
  if (c->narg == 0) return cli_usage(c, "predict by which model?\n  help: calx predict model.safetensors new.csv");
  const char **data = calloc((size_t)c->narg, sizeof *data), **ask = calloc((size_t)c->narg, sizeof *ask);
  char *stem = cli_stem(c->arg[0]);
  int status = CX_E_RUNTIME, nask = 0, ndata = 0;
  for (int k = 1; k < c->narg && data && ask; k++)
    if (is_data(c->arg[k])) data[ndata++] = c->arg[k];
    else ask[nask++] = c->arg[k];
  if (!data || !ask || !stem) {
    cli_usage(c, "out of memory");
  } else if (c->to && !nask) {
    status = cli_usage(c, "--to writes an expression, but none is asked for\n  help: calx predict %s DATA p --to %s",
                       c->arg[0], c->to);
  } else {
    cli_program p = {.name = c->arg[0],
                     .dir = ".",
                     .stem = stem,
                     .arg = data,
                     .narg = ndata,
                     .ask = ask,
                     .nask = nask,
                     .model = true};
    status = cli_run_program(c, &p);
  }
  free(stem);
  free(ask);
  free(data);
  return status;
}
