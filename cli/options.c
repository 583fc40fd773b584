/* options.c - the command line read by the table options.def. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

const cli_option cli_options[] = {
#define OPT(field, kind, letter, name, arg, commands, help) \
  {OPT_##kind, offsetof(cli, field), letter, name, arg, commands, help},
#include "options.def"
#undef OPT
};
const int cli_noptions = sizeof cli_options / sizeof *cli_options;

const cli_command cli_commands[CLI_COMMANDS] = {
#define CMD(name, args, what, more) {#name, args, what, more, cli_cmd_##name},
#include "commands.def"
#undef CMD
};

int cli_usage(const cli *c, const char *fmt, ...) {
  char text[1000];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  fprintf(stderr, "calx: %s\n", text);
  if (c->json) cli_json_usage(text);
  return CX_E_USAGE;
}

static int find_command(const char *s) {
  for (int k = 0; k < CLI_COMMANDS; k++)
    if (strcmp(cli_commands[k].name, s) == 0) return k;
  return -1;
}

static const cli_option *find_long(const char *s, size_t n) {
  for (int k = 0; k < cli_noptions; k++)
    if (strlen(cli_options[k].name) == n && memcmp(cli_options[k].name, s, n) == 0) return &cli_options[k];
  return NULL;
}

static const cli_option *find_letter(char ch) {
  for (int k = 0; k < cli_noptions; k++)
    if (cli_options[k].letter && cli_options[k].letter == ch) return &cli_options[k];
  return NULL;
}

static int unknown(const cli *c, const char *arg) {
  const char *name[64];
  for (int k = 0; k < cli_noptions; k++) name[k] = cli_options[k].name;
  char word[64];
  snprintf(word, sizeof word, "%.*s", (int)strcspn(arg + 2, "="), arg[1] == '-' ? arg + 2 : "");
  const char *near = *word ? cx_nearest(word, name, cli_noptions) : NULL;
  if (near) return cli_usage(c, "there is no option `%s`\n  help: did you mean `--%s`?", arg, near);
  return cli_usage(c, "there is no option `%s`\n  help: `calx help options` lists them", arg);
}

static int store(cli *c, const cli_option *o, const char *value) {
  char *field = (char *)c + o->offset, *end;
  errno = 0;
  switch (o->kind) {
    case OPT_FLAG: *(bool *)field = true; return 0;
    case OPT_TEXT:
      if (!*value) return cli_usage(c, "--%s needs a %s", o->name, o->arg);
      *(const char **)field = value;
      return 0;
    case OPT_COUNT: {
      long n = strtol(value, &end, 10);
      if (*end || end == value || errno || n < 0 || n > 4096)
        return cli_usage(c, "--%s takes a whole number from 0 to 4096, not `%s`", o->name, value);
      *(int *)field = (int)n;
      return 0;
    }
    case OPT_SEED: { /* the engine keeps it in a double */
      unsigned long long n = strtoull(value, &end, 10);
      if (*end || end == value || errno || *value == '-' || n > 1ULL << 53)
        return cli_usage(c, "--%s takes a whole number from 0 to 2^53, not `%s`", o->name, value);
      *(uint64_t *)field = n;
      return 0;
    }
  }
  return 0;
}

/* Where the command takes an expression, what begins with a minus is one, unless it is an option: a lone letter, or a
 * letter and its number. */
static bool is_expression(const cli *c, const char *s) {
  if ((c->command != N_eval && c->command != N_explain) || s[1] == '-') return false;
  const cli_option *o = find_letter(s[1]);
  bool number = o && (o->kind == OPT_COUNT || o->kind == OPT_SEED) && strspn(s + 2, "0123456789") == strlen(s + 2);
  return !o || (s[2] && !number);
}

int cli_read(cli *c, int argc, char **argv) {
  unsigned given[64] = {0};
  c->argc = argc;
  c->argv = argv;
  c->command = -1;
  c->seed = 1;
  for (int k = 1; k < argc && strcmp(argv[k], "--") != 0; k++)
    c->json |= strcmp(argv[k], "--json") == 0; /* errors before it too */
  c->arg = calloc((size_t)argc + 1, sizeof *c->arg);
  if (!c->arg) return cli_usage(c, "out of memory");
  bool options = true;
  for (int k = 1; k < argc; k++) {
    const char *s = argv[k];
    if (options && strcmp(s, "--") == 0) {
      options = false;
      continue;
    }
    if (!options || s[0] != '-' || !s[1] || is_expression(c, s)) {
      if (c->command < 0 && c->narg == 0 && (c->command = find_command(s)) >= 0) continue;
      if (c->command < 0) { /* a file: run it */
        const char *name[CLI_COMMANDS];
        for (int j = 0; j < CLI_COMMANDS; j++) name[j] = cli_commands[j].name;
        const char *near = cx_nearest(s, name, CLI_COMMANDS);
        bool file = strcmp(s, "-") == 0 || strchr(s, '/') || strchr(s, '.') || access(s, F_OK) == 0;
        if (!file && near) return cli_usage(c, "there is no command `%s`\n  help: did you mean `%s`?", s, near);
        if (!file)
          return cli_usage(c, "there is no command and no file `%s`\n  help: `calx help` lists the commands", s);
        c->command = N_run;
      }
      c->arg[c->narg++] = s;
      continue;
    }
    const cli_option *o;
    const char *value = NULL;
    if (s[1] == '-') {
      size_t n = strcspn(s + 2, "=");
      o = find_long(s + 2, n);
      if (o && s[2 + n]) value = s + 3 + n;
    } else {
      o = find_letter(s[1]);
      if (o && s[2]) value = s + 2;
    }
    if (!o) return unknown(c, s);
    if (!o->arg && value) return cli_usage(c, "--%s takes no value", o->name);
    if (o->arg && !value && k + 1 == argc) return cli_usage(c, "--%s needs its %s", o->name, o->arg);
    if (o->arg && !value) value = argv[++k];
    int bad = store(c, o, value);
    if (bad) return bad;
    given[o - cli_options] = 1;
  }
  if (c->version && c->command < 0) c->command = N_version;
  if (c->command < 0) {
    if (c->help) c->command = N_help;
    else
      return cli_usage(
          c,
          "nothing to do\n  help: `calx run FILE` runs a program, `calx eval '1 + 1'` calculates, `calx help` explains");
  }
  for (int k = 0; k < cli_noptions && !c->help; k++)
    if (given[k] && !(cli_options[k].commands >> c->command & 1))
      return cli_usage(c, "`calx %s` does not take --%s\n  help: `calx help %s` lists its options",
                       cli_commands[c->command].name, cli_options[k].name, cli_commands[c->command].name);
  if (c->command == N_help && c->help && c->narg == 0) c->help = false;
  return 0;
}
