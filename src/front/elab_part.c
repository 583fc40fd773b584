/* elab_part.c - random arrays as functions of independent numbers. Where the draw of a distribution says what its numbers
 * are drawn from, draw(z[n] ~ normal(0, 1)) = mu + L z, an expectation over its values x is one over z, of a function that
 * reads x = draw(z): expect(x ~ multi_normal(mu, C): e) = expect(z0 ~ normal(0, 1), z1 ~ ..: e). */
#include <stdint.h>
#include <string.h>

#include "front/dist.h"

enum { PARTS = 32 };

static cx_ast *like(cx_elab *E, const cx_ast *x, int kind, cx_sym name, int nkid) {
  cx_ast *a = CX_NEW(E->arena, cx_ast);
  *a = (cx_ast){.kind = (uint8_t)kind, .name = name, .span = x->span, .name_span = x->name_span, .nkid = nkid};
  a->kid = CX_NEW_N(E->arena, cx_ast *, nkid + 1);
  return a;
}

static cx_ast *number(cx_elab *E, const cx_ast *x, int k) {
  cx_ast *a = like(E, x, A_NUM, NULL, 0);
  a->num = k;
  return a;
}

/* the variables of b ~ d into out, at most `room`; 0: b stays as it is, -1: an error has been reported */
static int parts(cx_elab *E, const cx_ast *b, cx_ast **out, int room) {
  cx_dist d, from;
  int64_t n[CX_DRAWS] = {0}, all = 0;
  const cx_ast *x = b->kid[0];
  if (b->op != T_TILDE || b->nkid != 1 || !cx_is_dist(E, x)) return 0;
  int errors = cx_error_count(E->ctx);
  const cx_distribution *of = cx_distribution_of(E, x);
  if (!of) return -1;
  d = (cx_dist){.of = of, .call = x};
  if (!cx_dist_dims(&d) || cx_is_combination(x) || !cx_dist_drawn_from(E, &d, 0, true, &from))
    return cx_error_count(E->ctx) > errors ? -1 : 0;
  if (!cx_dist_of(E, x, &d) || !cx_dist_single(E, &d, b->name) || !cx_dist_draw_counts(E, &d, n)) return -1;
  int args = cx_dist_draw_args(&d), at = 0;
  for (int j = 0; j < args; all += n[j++]) {
    if (!cx_dist_drawn_from(E, &d, j, false, &from)) return -1;
    for (int k = 0; k < from.narg; k++) {
      if (!from.arg[k].rank || from.arg[k].dim[0].n == n[j]) continue;
      int id = cx_error(E->ctx, from.call->kid[k]->span, "this has shape %s, but a draw of `%s` takes %lld numbers",
                        cx_v_shape(E, from.arg[k]), d.of->name, (long long)n[j]);
      cx_diag_help(E->ctx, id, "the parameters of what they are drawn from are numbers or as many as they");
      return -1;
    }
  }
  if (cx_dist_draw_dims(&d) != 1 || all < 1 || all > room) return 0;
  cx_ast *made = like(E, b, A_CALL, cx_intern_z(E->ctx, CX_MADE), 1 + args);
  made->kid[0] = (cx_ast *)(uintptr_t)x;
  for (int j = 0; j < args; j++) {
    cx_ast *z = made->kid[1 + j] = like(E, b, A_ARRAY, NULL, (int)n[j]);
    for (int k = 0; k < n[j]; k++, at++) {
      cx_ast *v = like(E, b, A_BIND, cx_intern_z(E->ctx, cx_format(E->arena, "part %d of %s", at, b->name)), 1);
      cx_ast *part = like(E, x, A_CALL, cx_intern_z(E->ctx, CX_PART), 3);
      v->op = T_TILDE;
      v->kid[0] = part;
      part->kid[0] = (cx_ast *)(uintptr_t)x;
      part->kid[1] = number(E, x, j);
      part->kid[2] = number(E, x, k);
      z->kid[k] = like(E, b, A_NAME, v->name, 0);
      out[at] = v;
    }
  }
  cx_ast *whole = like(E, b, A_NAMED, b->name, 1);
  whole->kid[0] = made;
  *cx_names_at(E->arena, &E->whole, (cx_sym)(const void *)out[all - 1]) = whole;
  return (int)all;
}

/* a value for what stands before: the sizes behind may read it, but nothing is computed from it */
static void stand_in(cx_elab *E, const cx_ast *bind) {
  cx_eq *input = cx_eq_new(E->g, bind->name, EQ_INPUT);
  cx_bind_name(E, bind->name, B_VALUE, bind->span)->v = cx_v_node(cx_load(E->g, input->id, NULL, 0), bind->span);
  cx_part_ends(E, bind);
}

static int all_parts(cx_elab *E, const cx_ast *x, cx_ast **v, int most, bool *some) {
  int n = 0;
  for (int k = 0; k < x->nbind; k++) {
    int got = n + x->nbind - k < most ? parts(E, x->kid[k], v + n, PARTS < most - n ? PARTS : most - n) : 0;
    if (got < 0 || n == most) return -1;
    if (!got) v[n] = x->kid[k];
    *some |= got > 0;
    for (int last = n + (got ? got : 1); n < last; n++) stand_in(E, v[n]);
  }
  return n;
}

const cx_ast *cx_parts(cx_elab *E, const cx_ast *x) {
  cx_ast *v[PARTS * 8];
  cx_binding *env = E->env;
  bool some = false;
  E->branches++; /* demands nothing of parameters */
  int n = all_parts(E, x, v, (int)(sizeof v / sizeof *v), &some);
  E->branches--;
  E->env = env;
  if (n < 0) return NULL;
  if (!some || n > 255) return x;
  int rest = x->nkid - x->nbind;
  cx_ast *wide = like(E, x, x->kind, x->name, n + rest);
  memcpy(wide->kid, v, (size_t)n * sizeof *v);
  memcpy(wide->kid + n, x->kid + x->nbind, (size_t)rest * sizeof *v);
  wide->nbind = (uint8_t)n;
  return wide;
}

/* ---- max(x) < c: all of x are; min(x, y) > c likewise ---- */
/* how many elements the random array of this name has, 0: it is none, or no vector */
static int64_t vector(cx_elab *E, const cx_ast *x, cx_sym name) {
  cx_binding *env = E->env;
  int64_t n = 0;
  bool is = false;
  for (int k = 0; k < x->nbind; k++) {
    const cx_ast *whole = cx_part_whole(E, x->kid[k]);
    is |= whole && whole->name == name;
  }
  E->branches++;
  for (int k = 0; k < x->nbind && is; k++) stand_in(E, x->kid[k]);
  const cx_binding *b = is ? cx_lookup_env(E, name, false) : NULL;
  if (b && !b->v.bad && b->v.rank == 1) n = b->v.dim[0].n;
  E->branches--;
  E->env = env;
  return n <= PARTS ? n : 0;
}
const cx_ast *const *cx_part_conditions(cx_elab *E, const cx_ast *x, const cx_ast *const *c) {
  CX_VEC(const cx_ast *) all = {0};
  for (; *c; c++) {
    int side = 0;
    int64_t n = 0;
    const cx_ast *most = NULL;
    for (int k = 0; k < 2 && !most && (*c)->kind == A_COMPARE && (*c)->nkid == 2; k++) {
      const cx_ast *m = (*c)->kid[k];
      bool less = (*c)->ops[0] == T_LT || (*c)->ops[0] == T_LE, more = (*c)->ops[0] == T_GT || (*c)->ops[0] == T_GE;
      if (m->kind != A_CALL || m->primes || cx_lookup_env(E, m->name, true)) continue;
      if (!strcmp(m->name, "max") ? !(k ? more : less) : strcmp(m->name, "min") || !(k ? less : more)) continue;
      n = m->nkid > 1 ? m->nkid : m->kid[0]->kind == A_NAME ? vector(E, x, m->kid[0]->name) : 0;
      most = n ? m : NULL, side = k;
    }
    if (!most) *CX_PUSH(E->arena, all) = *c;
    for (int k = 0; most && k < n; k++) {
      cx_ast *one = like(E, *c, A_COMPARE, NULL, 2), *v = most->kid[most->nkid > 1 ? k : 0];
      one->ops = (*c)->ops;
      if (most->nkid == 1) {
        cx_ast *at = like(E, v, A_SUBSCRIPT, NULL, 2);
        at->kid[0] = v, at->kid[1] = number(E, v, k);
        v = at;
      }
      one->kid[side] = v, one->kid[!side] = (*c)->kid[!side];
      *CX_PUSH(E->arena, all) = one;
    }
  }
  *CX_PUSH(E->arena, all) = NULL;
  return all.at;
}

const cx_ast *cx_part_whole(cx_elab *E, const cx_ast *bind) {
  return *cx_names_at(E->arena, &E->whole, (cx_sym)(const void *)bind);
}

bool cx_part_ends(cx_elab *E, const cx_ast *bind) {
  const cx_ast *whole = cx_part_whole(E, bind);
  if (!whole) return true;
  cx_val v = cx_elab_expr(E, whole->kid[0]);
  cx_bind_name(E, whole->name, B_VALUE, bind->name_span)->v = v;
  return !v.bad;
}

bool cx_is_part(const cx_ast *x) { return x->kind == A_CALL && !strcmp(x->name, CX_PART); }

bool cx_part_of(cx_elab *E, const cx_ast *x, bool kind, cx_dist *d) {
  cx_dist whole;
  int j = (int)x->kid[1]->num;
  if (kind) {
    whole = (cx_dist){.of = cx_distribution_of(E, x->kid[0]), .call = x->kid[0]};
    return whole.of && cx_dist_drawn_from(E, &whole, j, true, d);
  }
  if (!cx_dist_of(E, x->kid[0], &whole) || !cx_dist_drawn_from(E, &whole, j, false, d)) return false;
  d->call = x; /* a place in the program */
  const cx_node *at = cx_const(E->g, x->kid[2]->num);
  for (int k = 0; k < d->narg; k++)
    if (d->arg[k].rank) d->arg[k] = cx_v_node(cx_v_at(E, d->arg[k], &at), x->span);
  return true;
}
