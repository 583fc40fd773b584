/* main.c - reads the command line, runs the command, sees that its output arrived. */
#include <locale.h>
#include <stdlib.h>
#include "cli.h"

int main(int argc, char **argv) {
  cli c = {.start = cx_now()};
  setlocale(LC_CTYPE, "");
  cli_limits();
  int status = cli_read(&c, argc, argv);
  if (!status) {
    cli_terminal(&c);
    if (c.help) { /* calx run --help */
      c.arg[0] = cli_commands[c.command].name;
      c.narg = 1;
      c.command = N_help;
    }
    status = cli_commands[c.command].run(&c);
  }
  free(c.arg);
  if (!cli_flush() && status == CX_OK) status = CX_E_RUNTIME;
  return status;
}
