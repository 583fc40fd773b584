/* test_bad.c - bad programs and their golden messages: test/bad/NAME.calx beside NAME.err. Those named syn_* are
 * mistakes of syntax, shown here by the parser alone; the others go through the command line (`calx run`).
 * `test_bad --write` writes the .err files anew: read the difference before you commit it. */
#include "check.h"
#include "front/ast.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char *slurp(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  *n = 0;
  if (!f) return NULL;
  char *text = malloc(1 << 20);
  *n = fread(text, 1, (1 << 20) - 1, f);
  text[*n] = 0;
  fclose(f);
  return text;
}

static char *by_parser(const char *path) {
  size_t n;
  char *text = slurp(path, &n), *out = calloc(1, 1 << 20);
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(c, f) {
    cx_arena *a = cx_ctx_arena(c);
    cx_parse(c, a, cx_source_add(c, path, text, n));
    for (int i = 0; i < cx_diag_count(c); i++) strcat(out, cx_diag_render(c, a, i, false));
    CX_END(c, f);
  }
  CHECK(f.status == CX_OK && cx_error_count(c) > 0);
  cx_ctx_free(c);
  free(text);
  return out;
}

static char *by_command(const char *path) {
  char command[600];
  snprintf(command, sizeof command, "\"%s\" run \"%s\" 2>&1 >/dev/null </dev/null", CX_CALX, path);
  FILE *f = popen(command, "r");
  char *out = calloc(1, 1 << 20);
  if (!f) return out;
  size_t n = fread(out, 1, (1 << 20) - 1, f);
  out[n] = 0;
  int status = pclose(f);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == CX_E_PROGRAM);
  return out;
}

int main(int argc, char **argv) {
  bool renew = argc > 1 && strcmp(argv[1], "--write") == 0, command = access(CX_CALX, X_OK) == 0;
  if (chdir(CX_SOURCE_DIR)) return 1; /* paths in messages stay relative */
  struct dirent **list;
  int count = scandir("test/bad", &list, NULL, alphasort), syntax = 0;
  for (int i = 0; i < count; i++) {
    const char *name = list[i]->d_name, *dot = strrchr(name, '.');
    char path[300], golden[300];
    bool syn = strncmp(name, "syn_", 4) == 0;
    if (dot && strcmp(dot, ".calx") == 0 && (syn || command)) {
      snprintf(path, sizeof path, "test/bad/%s", name);
      snprintf(golden, sizeof golden, "test/bad/%.*s.err", (int)(dot - name), name);
      char *got = syn ? by_parser(path) : by_command(path);
      size_t n;
      if (renew) {
        FILE *f = fopen(golden, "wb");
        if (f) fputs(got, f), fclose(f);
      }
      char *want = slurp(golden, &n);
      if (!want || strcmp(got, want) != 0) fprintf(stderr, "%s:\n", path);
      CHECK_STR(got, want ? want : "(no .err file)");
      free(want);
      free(got);
      syntax += syn;
    }
    free(list[i]);
  }
  free(list);
  CHECK(syntax >= 45);
  return CHECK_DONE();
}
