/* context.c - the C API's contexts, diagnostics, and the parts that hang on them. */
#include <string.h>

#include "api/api.h"
#include "base/ctx.h"

int calx_version(void) { return CALX_VERSION_NUMBER; }

calx_ctx *calx_new(calx_alloc_fn alloc, void *user) {
  calx_ctx *c = cx_ctx_new(alloc, user);
  if (c) c->threads = 1;
  return c;
}

void calx_free(calx_ctx *c) { cx_ctx_free(c); }

void calx_set_threads(calx_ctx *c, int threads) { c->threads = threads < 0 ? 1 : threads; }

/* ---- diagnostics ---- */

int calx_diagnostics(const calx_ctx *c) { return cx_diag_count(c); }

int calx_diagnostic_at(calx_ctx *c, int k, calx_diagnostic *out) {
  if (k < 0 || k >= cx_diag_count(c)) return 0;
  cx_diag_view v = cx_diag_get(c, k);
  *out = (calx_diagnostic){.code = (calx_status)v.code,
                           .message = v.message,
                           .help = v.help,
                           .text = v.message,
                           .begin = v.where.beg,
                           .end = v.where.end,
                           .warning = v.sev != CX_ERROR};
  if (v.where.file >= 0) {
    out->file = cx_source_name(c, v.where.file);
    cx_source_pos(c, v.where.file, v.where.beg, &out->line, &out->column);
  }
  cx_frame f;
  int known = c->diag_count, oom = c->oom_at;
  CX_TRY(c, f) { /* the picture needs memory; without it the message stands for it */
    if (!c->diag_arena) cx_arena_keep(c->diag_arena = cx_arena_new(c));
    out->text = cx_diag_render(c, c->diag_arena, k, false);
    CX_END(c, f);
  } else { /* asking for an error makes none */
    c->diag_count = known;
    c->oom_at = oom;
  }
  return 1;
}

const char *calx_error(calx_ctx *c) {
  calx_diagnostic d;
  for (int k = 0; calx_diagnostic_at(c, k, &d); k++)
    if (!d.warning) return d.text;
  return "";
}

calx_status cx_api_failed(cx_ctx *c, cx_status s) {
  cx_status first = cx_diag_status(c);
  return (calx_status)(first ? first : s);
}

void cx_api_misuse(cx_ctx *c, const char *help, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *text = cx_vformat(cx_ctx_arena(c), fmt, ap);
  va_end(ap);
  int id = cx_diag(c, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "%s", text);
  if (help) cx_diag_help(c, id, "%s", help);
  cx_throw(c, CX_E_USAGE);
}

int32_t cx_api_source(cx_ctx *c, const char *name, const char *text, size_t length) {
  if (!text) text = "", length = 0;
  return cx_source_add(c, name, text, length == SIZE_MAX ? strlen(text) : length);
}

/* ---- parts ---- */

void cx_part_init(cx_part *p, cx_arena *a, cx_part *up) {
  p->arena = a;
  cx_arena_keep(a);
  p->up = up;
  if (!up) return;
  p->link = &up->kids;
  p->next = up->kids;
  if (p->next) p->next->link = &p->next;
  up->kids = p;
}

void cx_part_free(cx_part *p) {
  cx_part *up = p->up;
  p->orphan = false;
  while (p->kids) cx_part_free(p->kids);
  if (up) {
    *p->link = p->next;
    if (p->next) p->next->link = p->link;
  }
  cx_arena_free(p->arena);
  if (up && up->orphan && !up->kids) cx_part_free(up);
}

void cx_part_leave(cx_part *p) {
  p->orphan = true;
  if (!p->kids) cx_part_free(p);
}
