/* elab_plot.c - plot: curves, maps, points, pictures and areas become equations over a grid or over their rows. */
#include <math.h>
#include <string.h>

#include "front/dist.h"

/* plot integral(x in a..b: f), with or without `for x in ..` : the curve of f, with its area */
static bool is_area(const cx_ast *x, const cx_action *a) {
  if (x->kind != A_BINDER || strcmp(x->name, "integral") || x->nbind != 1 || !x->kid[0]->nkid) return false;
  return x->kid[0]->kid[0]->nkid == 2 && (!a->nvar || (a->nvar == 1 && a->var[0] == x->kid[0]->name));
}
/* the range that shows it: the area and a third of its width on both sides */
static bool around_area(cx_elab *E, const cx_ast *x, cx_action *a) {
  double end[2];
  for (int j = 0; j < 2; j++) {
    cx_val v = cx_elab_expr(E, x->kid[0]->kid[0]->kid[j]);
    if (v.bad) return false;
    if (cx_v_const(E, v, &end[j]) && isfinite(end[j])) continue;
    int id = cx_error(E->ctx, x->kid[0]->span, "how far this plot reaches does not follow from the ends of the area");
    cx_diag_help(E->ctx, id, "say it: plot integral(..) for %s in -5..5", x->kid[0]->name);
    return false;
  }
  double lo = fmin(end[0], end[1]), hi = fmax(end[0], end[1]), by = hi > lo ? 0.35 * (hi - lo) : 1;
  a->var[0] = x->kid[0]->name;
  a->lo[0] = lo - by, a->hi[0] = hi + by;
  a->nvar = 1;
  return true;
}
/* read before the variable of the plot has its places */
static bool area_parts(cx_elab *E, const cx_ast *x, cx_query *q) {
  for (int j = 0; j < 3; j++) {
    cx_val v = cx_elab_expr(E, j < 2 ? x->kid[0]->kid[0]->kid[j] : x);
    if (v.bad) return false;
    if (v.rank) {
      cx_error(E->ctx, x->span, "a plot shows the area of one curve, but this integral has shape %s", cx_v_shape(E, v));
      return false;
    }
    v = cx_v_store(E, v, NULL, &q->part[j]);
    if (v.bad) return false;
  }
  return q->area = true;
}

#define GRID 513
/* one value for each of n points (n < 0: how many, it says), for `against` and `by` */
static bool plot_row(cx_elab *E, const cx_ast *option, const char *what, int64_t *n, cx_query *q) {
  const cx_ast *x = option->kid[0];
  cx_val v = cx_elab_expr(E, x);
  if (v.bad) return false;
  if (v.rank != 1) {
    int id =
        cx_error(E->ctx, x->span, "`%s` takes a row of numbers, but this has shape %s", option->name, cx_v_shape(E, v));
    if (v.rank > 1) cx_diag_help(E->ctx, id, "take one column: x[:, 0]");
    return false;
  }
  if (*n >= 0 && v.dim[0].n != *n) {
    cx_error(E->ctx, x->span, "`%s` has %lld numbers, but there are %lld %s", option->name, (long long)v.dim[0].n,
             (long long)*n, what);
    return false;
  }
  *n = v.dim[0].n;
  *q = (cx_query){.text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ, .level_of = cx_elab_levels(E, x)};
  return !cx_v_store(E, v, NULL, &q->eq).bad;
}

/* what the rows and columns of a matrix are called: the words of a category of as many, or one value for each */
static bool cell_names(cx_elab *E, const cx_ast *x, const cx_dim *size, cx_query *q) {
  bool category = cx_elab_is_category(E, x);
  *q = (cx_query){
      .text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ, .level_of = cx_elab_levels(E, category ? x->kid[1] : x)};
  int words = q->level_of != CX_NO_EQ ? E->decl[q->level_of].array.nlevel : 0;
  if (!category && words && (words == size[0].n || words == size[1].n)) return true;
  if (!category && cx_text_query(E, x, q)) {
    if (q->eq == CX_NO_EQ) return false;
  } else {
    cx_val v = cx_elab_expr(E, category ? x->kid[0] : x);
    if (v.bad || cx_v_store(E, v, NULL, &q->eq).bad) return false;
  }
  const cx_eq *e = E->g->eq[q->eq];
  if (E->opt.unbound || (e->rank == 1 && (e->dim[0].n == size[0].n || e->dim[0].n == size[1].n))) return true;
  int id = cx_error(E->ctx, x->span, "`by` names the rows or columns of a matrix of %lld × %lld, but this has %s",
                    (long long)size[0].n, (long long)size[1].n,
                    words          ? cx_format(E->arena, "%d words", words)
                    : e->rank == 1 ? cx_format(E->arena, "%lld elements", (long long)e->dim[0].n)
                                   : "not one dimension");
  cx_diag_help(E->ctx, id, "give a category of as many words, or a row: by text(c[0], c) of a sequence c");
  return false;
}

/* one plot statement while it is worked out */
typedef struct {
  const cx_ast *s, *against, *by, *also; /* NULL: not said; also: a second `by` */
  cx_action a;
  int nexpr;
  cx_query *area;
  int64_t points, slot[2]; /* of the grid of its variables */
  int64_t length;          /* points or pictures; -1: not known yet */
  bool map;
} plotted;

static bool read_options(cx_elab *E, plotted *p) { /* against x, by g, to "file.svg" */
  for (int k = 0; k < p->s->nkid; k++) {
    const cx_ast *x = p->s->kid[k];
    if (x->kind != A_NAMED) continue;
    if (!strcmp(x->name, "against")) p->against = x;
    else if (!strcmp(x->name, "by")) *(p->by ? &p->also : &p->by) = x;
    else if (x->kid[0]->kind == A_STR) p->a.file = x->kid[0]->name;
  }
  if ((p->against && p->s->nbind > 1) || (p->by && p->s->nbind)) {
    int id =
        cx_error(E->ctx, (p->by ? p->by : p->against)->span, "points are given: there is no variable to plot over");
    cx_diag_help(E->ctx, id,
                 p->by ? "leave out `for`" : "beside curves over one: plot y, f(t) against x for t in 0..1");
    return false;
  }
  return !p->against || plot_row(E, p->against, "points", &p->length, &p->a.against);
}

/* for x in a..b */
static bool read_variable(cx_elab *E, cx_action *a, const cx_ast *b) {
  int v = a->nvar;
  for (int j = 0; j < 2; j++) {
    cx_val end = b->nkid ? cx_elab_expr(E, b->kid[0]->kid[j]) : cx_v_bad(b->span);
    double *at = j ? &a->hi[v] : &a->lo[v];
    if (end.bad) return false;
    if (!cx_v_const(E, end, at) || !isfinite(*at)) {
      cx_error(E->ctx, b->span, "the ends of a plot must be finite numbers");
      return false;
    }
  }
  if (a->lo[v] >= a->hi[v]) {
    cx_error(E->ctx, b->span, "the range of `%s` is empty: %g..%g", b->name, a->lo[v], a->hi[v]);
    return false;
  }
  a->var[v] = b->name;
  a->nvar++;
  return true;
}

/* the variables of the plot, which become rows of places */
static bool read_variables(cx_elab *E, plotted *p) {
  const cx_ast *s = p->s;
  cx_action *a = &p->a;
  if (s->nbind > 2) {
    cx_error(E->ctx, s->span, "a plot is drawn over one or two variables");
    return false;
  }
  for (int k = 0; k < s->nkid; k++)
    if (s->kid[k]->kind == A_BIND && a->nvar < 2 && !read_variable(E, a, s->kid[k])) return false;
  for (int k = 0; k < p->nexpr; k++) {
    if (!is_area(s->kid[k], a)) continue;
    if (!a->nvar && !around_area(E, s->kid[k], a)) return false;
    if (!area_parts(E, s->kid[k], &p->area[k])) return false;
  }
  p->points = a->nvar == 2 ? 129 : GRID;
  for (int v = 0; v < a->nvar; v++) {
    p->slot[v] = cx_var_range(E, a->var[v], 0, p->points - 1, NULL);
    const cx_node *step = cx_const(E->g, (a->hi[v] - a->lo[v]) / (double)(p->points - 1)),
                  *x = cx_op2(E->g, OP_mul, step, cx_index(E->g, p->slot[v]));
    x = cx_op2(E->g, OP_add, cx_const(E->g, a->lo[v]), x);
    cx_val at = cx_v_store(E, cx_v_node(x, s->span), a->var[v], &a->grid[v]);
    cx_bind_name(E, a->var[v], B_VALUE, s->span)->v = at;
  }
  return true;
}

/* over variables: they lead, what the value has of its own follows */
static bool over_grid(cx_elab *E, const plotted *p, const cx_ast *x, cx_val *v) {
  int nvar = p->a.nvar;
  if (v->rank > 1 || (v->rank && nvar == 2)) {
    cx_error(E->ctx, x->span, "a plotted value must be a number or a row of numbers, but this has shape %s",
             cx_v_shape(E, *v));
    return false;
  }
  cx_val r = {.rank = (uint8_t)(v->rank + nvar), .e = v->e, .span = x->span};
  for (int j = 0; j < nvar; j++) { /* two variables: rows are the second one */
    r.dim[j] = (cx_dim){p->points, NULL};
    r.slot[j] = p->slot[nvar == 2 ? 1 - j : j];
  }
  for (int j = 0; j < v->rank; j++) r.dim[nvar + j] = v->dim[j], r.slot[nvar + j] = v->slot[j];
  *v = r;
  return true;
}

/* given as an array: rows of points, a matrix, pictures */
static bool as_it_is(cx_elab *E, const plotted *p, const cx_ast *x, cx_val v) {
  if (!v.rank) {
    cx_error(E->ctx, x->span, "say over what to plot: plot %s for x in 0..1", cx_ast_text(E->arena, x));
  } else if (v.rank > 4 || (p->against && v.rank > 2)) {
    cx_error(E->ctx, x->span,
             "a plot takes a curve [n], a matrix, images [k, h, w] or rows of them [r, k, h, w], but this has shape %s",
             cx_v_shape(E, v));
  } else if (p->against && v.dim[0].n != p->length) {
    int id = cx_error(E->ctx, x->span, "there are %lld numbers here, but %lld in `%s`", (long long)v.dim[0].n,
                      (long long)p->length, p->a.against.text);
    cx_diag_label(E->ctx, id, p->against->span, "%lld", (long long)p->length);
  } else {
    return true;
  }
  return false;
}

/* one of the expressions; where it is wrong it is left out, after its error */
static void add_query(cx_elab *E, plotted *p, int k) {
  const cx_ast *x = p->s->kid[k];
  cx_action *a = &p->a;
  cx_query q = {.text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ, .level_of = CX_NO_EQ};
  if (x->kind == A_NAME && !strcmp(x->name, "trace") && !cx_lookup(E, x->name, false)) {
    q.trace = true;
    a->query[a->nquery++] = q;
    return;
  }
  E->plotting = !a->nvar;
  q.area = p->area[k].area;
  memcpy(q.part, p->area[k].part, sizeof q.part);
  cx_val v = cx_elab_expr(E, q.area ? x->kid[x->nkid - 1] : x);
  E->plotting = false;
  if (v.bad) return;
  int64_t free[32];
  int nfree = cx_free_slots(E, v.e, free, 32);
  q.points = p->against && a->nvar;
  for (int j = 0; j < nfree; j++) q.points &= free[j] != p->slot[0];
  if (!(a->nvar && !q.points ? over_grid(E, p, x, &v) : as_it_is(E, p, x, v))) return;
  bool map = a->nvar == 2 || (!a->nvar && !p->against && v.rank >= 2);
  if (a->nquery && (map != p->map || (map && a->nvar))) {
    int id =
        cx_error(E->ctx, x->span, a->nvar ? "a map fills its plot alone" : "curves and images have no plot in common");
    cx_diag_help(E->ctx, id, "write a plot line for each");
    return;
  }
  if (map && !a->nvar) p->length = v.rank == 4 ? v.dim[0].n * v.dim[1].n : v.rank == 3 ? v.dim[0].n : 1;
  p->map |= map;
  v = cx_v_store(E, v, NULL, &q.eq);
  if (!v.bad) a->query[a->nquery++] = q;
}

/* the groups of points or pictures, the names of a matrix's rows and columns */
static bool read_groups(cx_elab *E, plotted *p) {
  cx_action *a = &p->a;
  if (!p->by) return true;
  if (a->nquery != 1 || (!p->against && !p->map)) {
    int id = cx_error(E->ctx, p->by->span, "`by` gives the points or pictures of one array their groups");
    cx_diag_help(E->ctx, id, "plot y against x by group; plot images by label");
    return true;
  }
  const cx_eq *matrix = p->against ? NULL : E->g->eq[a->query[0].eq];
  if (matrix && matrix->rank != 2) matrix = NULL;
  if (p->also && (p->against || matrix)) {
    int id = cx_error(E->ctx, p->also->span, "%s one `by`", p->against ? "points have" : "a matrix has");
    cx_diag_help(E->ctx, id, "pictures may have two: plot images by truth, called");
    return true;
  }
  if (matrix) return cell_names(E, p->by->kid[0], matrix->dim, &a->by);
  return plot_row(E, p->by, p->against ? "points" : "pictures", &p->length, &a->by) &&
         (!p->also || plot_row(E, p->also, "pictures", &p->length, &a->also));
}

void cx_elab_plot(cx_elab *E, const cx_ast *s) {
  plotted p = {.s = s, .a = {.kind = ACT_PLOT, .ast = s, .objective = CX_NO_EQ}, .length = -1};
  p.a.against.eq = p.a.by.eq = p.a.by.level_of = p.a.also.eq = CX_NO_EQ;
  while (p.nexpr < s->nkid && s->kid[p.nexpr]->kind != A_BIND && s->kid[p.nexpr]->kind != A_NAMED) p.nexpr++;
  p.a.query = CX_NEW_N(E->arena, cx_query, p.nexpr + 1);
  p.area = CX_NEW_N(E->arena, cx_query, p.nexpr + 1);
  if (!read_options(E, &p)) return;
  cx_binding *env = E->env;
  if (!read_variables(E, &p)) return;
  for (int k = 0; k < p.nexpr; k++) add_query(E, &p, k);
  if (!read_groups(E, &p)) return;
  E->env = env;
  *CX_PUSH(E->arena, E->action) = p.a;
}
