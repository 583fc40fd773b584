/* elab_stmt.c - statement lists: definitions, arrays given in pieces, blocks. */
#include <math.h>
#include <string.h>

#include "front/dist.h"

/* ---- name[i, j] = rhs ----
 * A plain indexed definition is one equation. An array given in pieces (h[0] = a, h[t] = g(h[t-1])) is declared at its
 * first piece, read by name while it is unfinished, and gets its body when the last piece has been seen. */
typedef struct {
  bool fixed;
  int64_t at;
  int64_t slot;
} sub_pos;
typedef struct {
  sub_pos pos[CX_MAX_RANK];
  cx_val v;
  cx_span span;
} piece;
typedef struct recurrence {
  cx_sym name;
  uint32_t shell;
  int nsub, nctx;
  int64_t ctx[CX_MAX_RANK];
  CX_VEC(piece) piece;
  cx_binding *bind;
  bool probing;
  int64_t length[CX_MAX_RANK],
      row[CX_MAX_RANK]; /* as far as is known while it is read; what a use has relied on; or 0 */
  bool used_whole;      /* a subscript wants its elements to be integers, at: */
  cx_span where;
  cx_span span;
} recurrence;

static bool is_fixed(cx_elab *E, const cx_ast *sub) { /* a number, or a name that is a constant here */
  if (sub->kind == A_BIND) return false;
  if (sub->kind != A_NAME) return true;
  cx_binding *b = cx_lookup(E, sub->name, false);
  return b && b->maker;
}

/* index variables of the left side; false after an error */
static bool left_side(cx_elab *E, const cx_ast *s, sub_pos *pos) {
  for (int k = 0; k < s->nkid - 1; k++) {
    const cx_ast *sub = s->kid[k + 1];
    if (is_fixed(E, sub)) {
      int64_t at;
      if (!cx_elab_int(E, sub, &at)) return false;
      if (at < 0) {
        cx_error(E->ctx, sub->span, "subscripts start at 0");
        return false;
      }
      pos[k] = (sub_pos){true, at, 0};
      continue;
    }
    for (int j = 0; j < k; j++)
      if (s->kid[j + 1]->name == sub->name) {
        int id = cx_error(E->ctx, sub->span, "`%s` stands twice on the left side", sub->name);
        cx_diag_help(E->ctx, id, "give each dimension an index of its own; for a diagonal write `if i == j then ..`");
        return false;
      }
    pos[k] = (sub_pos){false, 0, cx_var_new(E, sub->name, sub->span)};
    if (sub->kind == A_BIND && sub->nkid) {
      int64_t lo, hi;
      if (!cx_elab_int(E, sub->kid[0]->kid[0], &lo) || !cx_elab_int(E, sub->kid[0]->kid[1], &hi)) return false;
      cx_var *v = cx_var_of(E, pos[k].slot);
      v->lo = lo;
      v->hi = hi;
      v->resolved = true;
    }
    cx_binding *b = cx_bind_name(E, sub->name, B_INDEX, sub->span);
    b->v = cx_v_node(cx_index(E->g, pos[k].slot), sub->span);
  }
  return true;
}

static cx_val run_rhs(cx_elab *E, void *user) { return cx_elab_expr(E, user); }

static cx_val rhs_in_scope(cx_elab *E, const cx_ast *s, const sub_pos *pos) {
  int64_t slot[CX_MAX_RANK];
  int n = 0;
  for (int k = 0; k < s->nkid - 1; k++)
    if (!pos[k].fixed) slot[n++] = pos[k].slot;
  return cx_in_scope(E, slot, n, run_rhs, s->kid[0], s->span);
}

static cx_binding *define(cx_elab *E, const cx_ast *s, cx_val v, uint32_t eq) {
  cx_binding *b = cx_bind_name(E, s->name, B_VALUE, s->name_span);
  b->v = v;
  b->leaf = eq;
  return b;
}

static void plain_indexed(cx_elab *E, const cx_ast *s) {
  cx_binding *env = E->env;
  sub_pos pos[CX_MAX_RANK];
  int n = s->nkid - 1;
  cx_val v = left_side(E, s, pos) ? rhs_in_scope(E, s, pos) : cx_v_bad(s->span);
  E->env = env;
  uint32_t eq = CX_NO_EQ;
  if (!v.bad) {
    cx_val r = {.rank = (uint8_t)(n + v.rank), .e = v.e, .span = s->name_span};
    if (r.rank > CX_MAX_RANK) {
      cx_error(E->ctx, s->span, "`%s` would have %d dimensions; the most is %d", s->name, r.rank, CX_MAX_RANK);
      v.bad = true;
    }
    for (int k = 0; k < n && !v.bad; k++) {
      const cx_var *x = cx_var_of(E, pos[k].slot);
      if (x->lo > 0) {
        int id = cx_error(E->ctx, s->kid[k + 1]->span, "`%s` can only start at %lld, which leaves `%s[0]` undefined",
                          x->name, (long long)x->lo, s->name);
        cx_diag_help(E->ctx, id, "shift the index so that it starts at 0, or define the first elements: %s[0] = ..",
                     s->name);
        v.bad = true;
      }
      r.dim[k] = (cx_dim){x->hi + 1, x->size};
      r.slot[k] = pos[k].slot;
    }
    for (int k = 0; k < v.rank && !v.bad; k++) {
      r.dim[n + k] = v.dim[k];
      r.slot[n + k] = v.slot[k];
    }
    if (v.bad) r.bad = true;
    v = cx_v_store(E, r, s->name, &eq);
    if (!v.bad) v = cx_v_fresh(E, v); /* the index names are used up */
    if (!v.bad && E->opt.weights && !E->in_block && !E->site) cx_elab_statistic(E, s->name, eq);
  }
  define(E, s, v, eq);
}

/* ---- arrays in pieces ---- */
static recurrence *open_array(cx_elab *E, const cx_ast *s, const cx_val *first) {
  recurrence *r = CX_NEW(E->arena, recurrence);
  r->name = s->name;
  r->nsub = s->nkid - 1;
  r->span = s->name_span;
  r->nctx = E->ncontext;
  cx_eq *e = cx_eq_new(E->g, s->name, EQ_INPUT); /* of unknown values until it is closed */
  e->span = s->name_span;
  r->shell = e->id;
  int inner = first ? first->rank : 0;
  if (r->nctx + r->nsub + inner > CX_MAX_RANK) {
    cx_error(E->ctx, s->span, "`%s` would have %d dimensions; the most is %d", s->name, r->nctx + r->nsub + inner,
             CX_MAX_RANK);
    return NULL;
  }
  e->rank = (uint8_t)(r->nctx + r->nsub + inner);
  cx_val v = {.rank = (uint8_t)(r->nsub + inner), .span = s->name_span};
  const cx_node *sub[CX_MAX_RANK];
  for (int k = 0; k < r->nctx; k++) {
    r->ctx[k] = E->context[k];
    r->probing |= !cx_var_of(E, r->ctx[k])->resolved;
    sub[k] = cx_index(E->g, r->ctx[k]);
    e->dim[k] = (cx_dim){cx_var_of(E, r->ctx[k])->hi + 1, cx_var_of(E, r->ctx[k])->size};
  }
  for (int k = 0; k < v.rank; k++) {
    v.dim[k] = k < r->nsub ? (cx_dim){INT64_MAX, NULL} : first->dim[k - r->nsub];
    v.slot[k] = cx_var_range(E, NULL, 0, k < r->nsub ? 0 : v.dim[k].n - 1, v.dim[k].name);
    sub[r->nctx + k] = cx_index(E->g, v.slot[k]);
    if (k >= r->nsub) e->dim[r->nctx + k] = v.dim[k];
  }
  v.e = cx_load(E->g, e->id, sub, e->rank);
  r->bind = define(E, s, v, CX_NO_EQ);
  r->bind->pieces = r;
  *CX_PUSH(E->arena, E->unfinished) = r;
  E->nunfinished++;
  return r;
}

/* ---- what is known of an array before its last equation is read ---- */
/* the left side of an equation may say how far its indices go: that is how long a row of the array is in its equations */
static void see_lengths(cx_elab *E, recurrence *r, const sub_pos *pos) {
  for (int k = 0; k < r->nsub; k++) {
    const cx_var *v = pos[k].fixed ? NULL : cx_var_of(E, pos[k].slot);
    int64_t n = !v ? pos[k].at + 1 : v->resolved && !v->wild ? v->hi + 1 : 0;
    if (n > r->length[k]) r->length[k] = n;
  }
}

void cx_row_lengths(const cx_binding *b, cx_val *base, int n, const bool *all) {
  recurrence *r = b->pieces;
  for (int k = 0; k < r->nsub && k < base->rank; k++)
    if ((k >= n || all[k]) && r->length[k]) base->dim[k].n = r->row[k] = r->length[k];
}

/* the equations that are integers if the unfinished arrays are, but for the one called `but` (-1: all), marked so; undo:
 * what was marked, to be taken back */
typedef CX_VEC(cx_eq *) equations;
static void assume_integer(cx_elab *E, int but, equations *undo) {
  uint32_t first = UINT32_MAX;
  for (int k = 0; k < E->unfinished.n; k++) {
    cx_eq *e = E->g->eq[E->unfinished.at[k]->shell];
    if (e->id < first) first = e->id;
    if (!e->integer && k != but) e->integer = true, *CX_PUSH(E->arena, *undo) = e;
  }
  for (uint32_t id = first; id < (uint32_t)E->g->neq; id++) {
    cx_eq *e = E->g->eq[id];
    if (e->integer || e->kind != EQ_CALC || !e->body || e->red > RED_min || !cx_is_integer(E->g, e->body)) continue;
    e->integer = true;
    *CX_PUSH(E->arena, *undo) = e;
  }
}
static void take_back(equations *undo) {
  for (int k = 0; k < undo->n; k++) undo->at[k]->integer = false;
  undo->n = 0;
}

bool cx_integer_later(cx_elab *E, const cx_node *u, cx_span s) {
  if (!E->nunfinished) return false;
  equations undo = {0};
  assume_integer(E, -1, &undo);
  bool yes = cx_is_integer(E->g, u);
  take_back(&undo);
  for (int k = 0; k < E->unfinished.n && yes; k++) { /* those without which it would be none */
    recurrence *r = E->unfinished.at[k];
    assume_integer(E, k, &undo);
    if (!r->used_whole && !cx_is_integer(E->g, u)) r->used_whole = true, r->where = s;
    take_back(&undo);
  }
  return yes;
}

/* All arrays that were read together are: which are integers? By induction those whose equations are if they are. */
static void settle_integers(cx_elab *E) {
  equations undo = {0};
  bool settled = false;
  while (!settled) {
    settled = true;
    assume_integer(E, -1, &undo);
    for (int k = E->unfinished.n - 1; k >= 0; k--) {
      recurrence *r = E->unfinished.at[k];
      const cx_eq *e = E->g->eq[r->shell];
      if (r->bind->v.bad || (e->kind == EQ_CALC && cx_is_integer(E->g, e->body))) continue;
      if (r->used_whole && e->kind == EQ_CALC) {
        int id =
            cx_error(E->ctx, r->where, "a subscript must be an integer, but elements of `%s` need not be", r->name);
        for (int j = 0; j < r->piece.n; j++)
          if (!cx_is_integer(E->g, r->piece.at[j].v.e)) {
            cx_diag_label(E->ctx, id, r->piece.at[j].span, "this need not be an integer");
            break;
          }
        cx_diag_help(E->ctx, id, "round it: floor(..), round(..)");
        r->bind->v = cx_v_bad(r->span);
      }
      take_back(&undo);
      E->unfinished.at[k] = E->unfinished.at[--E->unfinished.n];
      settled = false;
      break;
    }
  }
  E->unfinished.n = 0;
}

/* A use of the array in its own equation, outside every `if`, must meet an element: h[t in 0..5] = h[t - 1] does not. */
static bool own_uses_inside(cx_elab *E, const recurrence *r, const piece *p, const cx_node *e, bool *seen) {
  if (seen[e->id]) return true;
  seen[e->id] = true;
  const cx_eq *shell = E->g->eq[r->shell];
  for (int s = 0; e->op == OP_load && e->u.eq == r->shell && s < r->nsub; s++) {
    const cx_node *u = e->arg[r->nctx + s];
    int64_t last = shell->dim[r->nctx + s].n - 1;
    cx_interval b = cx_var_bounds(E, u);
    bool low = b.lo < 0;
    if (u->has_load || isinf(b.lo) || isinf(b.hi) || b.hi < b.lo || (!low && b.hi <= (double)last)) continue;
    if (E->opt.unbound) continue; /* a stand-in size says nothing of where the equations meet */
    int id = cx_error(E->ctx, p->span, "`%s` reads its own element %.0f here, outside 0..%lld", r->name,
                      low ? b.lo : b.hi, (long long)last);
    cx_diag_help(E->ctx, id, "say where it begins: %s[%s] = .. is an equation of its own", r->name, low ? "0" : "n");
    return false;
  }
  for (int k = 0; k < (e->op == OP_select ? 1 : e->nargs); k++)
    if (!own_uses_inside(E, r, p, e->arg[k], seen)) return false;
  return true;
}

/* the same for a whole equation, where no other one goes before it: h[0] = .. takes 0 from t in 0..5 */
static bool piece_inside(cx_elab *E, const recurrence *r, const piece *p) {
  int64_t lo[CX_MAX_RANK], hi[CX_MAX_RANK];
  for (int s = 0; s < r->nsub; s++) {
    if (p->pos[s].fixed) continue;
    cx_var *v = cx_var_of(E, p->pos[s].slot);
    lo[s] = v->lo, hi[s] = v->hi;
    for (int k = 0; k < r->piece.n; k++) {
      const sub_pos *q = &r->piece.at[k].pos[s];
      if (q->fixed && q->at == v->lo) v->lo++, k = -1;
      else if (q->fixed && q->at == v->hi) v->hi--, k = -1;
    }
  }
  bool inside = own_uses_inside(E, r, p, p->v.e, CX_NEW_N(E->arena, bool, p->v.e->id + 1));
  for (int s = 0; s < r->nsub; s++)
    if (!p->pos[s].fixed) cx_var_of(E, p->pos[s].slot)->lo = lo[s], cx_var_of(E, p->pos[s].slot)->hi = hi[s];
  return inside;
}

/* the ranges of its pieces, as far as they are known, say how many elements there are */
static void guess_sizes(cx_elab *E, recurrence *r) {
  cx_val *v = &r->bind->v;
  for (int s = 0; s < r->nsub; s++) {
    int64_t hi = -1;
    for (int k = 0; k < r->piece.n && hi < INT64_MAX; k++) {
      const sub_pos *p = &r->piece.at[k].pos[s];
      const cx_var *i = p->fixed ? NULL : cx_var_of(E, p->slot);
      int64_t h = p->fixed ? p->at : i->resolved && !i->wild ? i->hi : INT64_MAX;
      if (h > hi) hi = h;
    }
    if (hi >= 0 && hi < INT64_MAX) v->dim[s].n = hi + 1, cx_var_of(E, v->slot[s])->hi = hi;
  }
}

/* subscript s: from 0 to the last place of any piece, with a piece for each */
static bool find_size(cx_elab *E, const recurrence *r, int s, cx_dim *dim) {
  int64_t hi = -1, lo = INT64_MAX;
  cx_sym size = NULL;
  for (int k = 0; k < r->piece.n; k++) {
    const sub_pos *p = &r->piece.at[k].pos[s];
    int64_t h = p->fixed ? p->at : cx_var_of(E, p->slot)->hi;
    if (!p->fixed && cx_var_of(E, p->slot)->lo < lo) lo = cx_var_of(E, p->slot)->lo;
    if (h > hi) hi = h, size = p->fixed ? NULL : cx_var_of(E, p->slot)->size;
  }
  if (lo == INT64_MAX) lo = hi + 1;
  for (int64_t q = 0; q < lo; q++) {
    bool have = false;
    for (int k = 0; k < r->piece.n; k++) have |= r->piece.at[k].pos[s].fixed && r->piece.at[k].pos[s].at == q;
    if (have) continue;
    int id = cx_error(E->ctx, r->span, "nothing defines `%s[%s%lld%s]`", r->name, s ? "..., " : "", (long long)q,
                      s + 1 < r->nsub ? ", ..." : "");
    cx_diag_help(E->ctx, id, "the other equations of `%s` start at %lld; add the equation that starts it", r->name,
                 (long long)lo);
    return false;
  }
  *dim = (cx_dim){hi + 1, size};
  if (!r->row[s] || r->row[s] == hi + 1) return true;
  int id = cx_error(E->ctx, r->span, "a row of `%s` has %lld elements, but %lld where its own equations read it whole",
                    r->name, (long long)(hi + 1), (long long)r->row[s]);
  cx_diag_help(E->ctx, id, "begin with the equation whose index goes furthest");
  return false;
}

/* a piece over the indices of e; *here: where it stands, NULL: everywhere */
static const cx_node *piece_of(cx_elab *E, const recurrence *r, const piece *p, const cx_eq *e, const cx_node **here) {
  cx_graph *g = E->g;
  int64_t slot[3 * CX_MAX_RANK];
  const cx_node *to[3 * CX_MAX_RANK];
  int n = 0, base = r->nctx;
  for (int c = 0; c < base; c++, n++) slot[n] = r->ctx[c], to[n] = cx_index(g, c);
  for (int s = 0; s < r->nsub; s++) {
    const cx_node *i = cx_index(g, base + s);
    if (!p->pos[s].fixed) {
      slot[n] = p->pos[s].slot;
      to[n++] = i;
      continue;
    }
    const cx_node *is = cx_op2(g, OP_eq, i, cx_const(g, (double)p->pos[s].at));
    *here = *here ? cx_op2(g, OP_and, *here, is) : is;
  }
  int first = e->rank - p->v.rank; /* shapes are aligned at the right */
  for (int d = 0; d < p->v.rank; d++, n++) {
    bool repeated = p->v.dim[d].n == 1 && e->dim[first + d].n != 1;
    slot[n] = p->v.slot[d];
    to[n] = repeated ? cx_const(g, 0) : cx_index(g, first + d);
  }
  return cx_subst(g, p->v.e, slot, to, n);
}

/* the pieces as one expression; general ones, with no fixed place, are the last choice */
static const cx_node *body_of(cx_elab *E, const recurrence *r, const cx_eq *e) {
  cx_graph *g = E->g;
  const cx_node *body = NULL;
  for (int pass = 0; pass < 2; pass++)
    for (int k = r->piece.n - 1; k >= 0; k--) {
      const piece *p = &r->piece.at[k];
      const cx_node *here = NULL;
      bool general = true;
      for (int s = 0; s < r->nsub; s++) general &= !p->pos[s].fixed;
      if (general != (pass == 0)) continue;
      const cx_node *v = piece_of(E, r, p, e, &here);
      body = here ? cx_op3(g, OP_select, here, v, body ? body : cx_const(g, 0)) : v;
    }
  return body;
}

/* the whole array, where its size and all of its pieces are known; bad after an error */
static cx_val array_of(cx_elab *E, recurrence *r) {
  cx_graph *g = E->g;
  cx_eq *e = g->eq[r->shell];
  int base = r->nctx;
  for (int s = 0; s < r->nsub; s++)
    if (!find_size(E, r, s, &e->dim[base + s])) return cx_v_bad(r->span);
  int64_t size[CX_MAX_RANK];
  for (int k = 0; k < e->rank; k++) size[k] = e->dim[k].n;
  if (!cx_v_fits(E, r->name, size, e->rank, r->span)) return cx_v_bad(r->span);
  for (int k = 0; k < r->piece.n; k++)
    if (!piece_inside(E, r, &r->piece.at[k])) return cx_v_bad(r->span);
  e->body = body_of(E, r, e);
  e->kind = EQ_CALC;
  e->integer = false;
  cx_val whole = {.rank = (uint8_t)(e->rank - base), .span = r->span};
  const cx_node *sub[CX_MAX_RANK];
  for (int k = 0; k < base; k++) sub[k] = cx_index(g, r->ctx[k]);
  for (int k = 0; k < whole.rank; k++) {
    whole.dim[k] = e->dim[base + k];
    whole.slot[k] = cx_var_range(E, NULL, 0, whole.dim[k].n - 1, whole.dim[k].name);
    sub[base + k] = cx_index(g, whole.slot[k]);
  }
  whole.e = cx_load(g, e->id, sub, e->rank);
  return whole;
}

static void finish_array(cx_elab *E, recurrence *r) {
  bool bad = false;
  r->bind->pieces = NULL;
  r->bind->leaf = r->shell;
  for (int k = 0; k < r->piece.n; k++) bad |= r->piece.at[k].v.bad;
  if (bad) r->bind->v = cx_v_bad(r->span);
  else if (!r->probing) r->bind->v = array_of(E, r);
  else { /* its values are not known yet, but how many there are may be */ guess_sizes(E, r);
    E->retry = true;
  }
}

static void close_array(cx_elab *E, recurrence *r) {
  finish_array(E, r);
  if (--E->nunfinished == 0) settle_integers(E);
}

static void add_piece(cx_elab *E, const cx_ast *s, bool last) {
  cx_binding *b = cx_lookup(E, s->name, false);
  recurrence *r = b ? b->pieces : NULL;
  piece p = {.span = s->span};
  cx_binding *env = E->env;
  cx_val v;
  if (!r && cx_reads(s->kid[0], s->name)) { /* its own start lies in an `if`: declared before its right side */
    r = open_array(E, s, NULL);
    env = E->env;
    if (!r) return;
  }
  bool read = left_side(E, s, p.pos);
  if (read && r && r->nsub == s->nkid - 1) see_lengths(E, r, p.pos);
  v = read ? rhs_in_scope(E, s, p.pos) : cx_v_bad(s->span);
  E->env = env;
  if (!r) {
    if (v.bad) {
      define(E, s, v, CX_NO_EQ);
      return;
    }
    r = open_array(E, s, &v);
    if (!r) return;
  }
  if (r->nsub != s->nkid - 1) {
    int id = cx_error(E->ctx, s->span, "`%s` has %d subscript%s here", s->name, s->nkid - 1, s->nkid == 2 ? "" : "s");
    cx_diag_label(E->ctx, id, r->span, "and %d here", r->nsub);
    v = cx_v_bad(s->span);
  }
  const cx_eq *e = E->g->eq[r->shell];
  int inner = e->rank - r->nctx - r->nsub;
  bool fits = v.bad || v.rank <= inner;
  for (int d = 0; d < v.rank && fits && !v.bad; d++) {
    int64_t need = e->dim[e->rank - v.rank + d].n;
    fits = v.dim[d].n == need || v.dim[d].n == 1;
  }
  if (!fits) {
    int id =
        cx_error(E->ctx, s->kid[0]->span, "this equation gives `%s` elements of shape %s", s->name, cx_v_shape(E, v));
    if (r->piece.n) {
      cx_diag_label(E->ctx, id, r->piece.at[0].span, "this one gives %s", cx_v_shape(E, r->piece.at[0].v));
      cx_diag_help(E->ctx, id, "the first equation sets the shape: start with an array, as in %s[0] = zeros(..)",
                   s->name);
    }
    v = cx_v_bad(s->span);
  }
  p.v = v;
  if (read && r->nsub == s->nkid - 1) see_lengths(E, r, p.pos);
  *CX_PUSH(E->arena, r->piece) = p;
  if (last) close_array(E, r);
}

/* ---- statement lists ---- */
static bool more_pieces(cx_ast *const *stmt, int n, int at) {
  for (int k = at + 1; k < n; k++)
    if (stmt[k]->kind == S_DEF_INDEX && stmt[k]->name == stmt[at]->name) return true;
  return false;
}

/* names are given once in a list of statements, and data and sizes are names of the whole program */
static void defined_once(cx_elab *E, const cx_ast *s) {
  bool inner = E->in_block || E->site;
  for (const cx_binding *b = inner ? E->env : *cx_names_at(E->arena, &E->top, s->name); b && !(inner && b == E->scope);
       b = inner ? b->next : b->older) {
    if (b->name != s->name || b->kind != B_VALUE) continue;
    if (b->v.bad && !b->text) return; /* something has been said about it */
    int id = cx_error(E->ctx, s->name_span, b->maker ? "`%s` is a size of the data already" : "`%s` is defined twice",
                      s->name);
    cx_diag_label(E->ctx, id, b->span, "first here");
    cx_diag_help(E->ctx, id, "equations do not change: give the second one its own name");
    return;
  }
}

static void definition(cx_elab *E, const cx_ast *s) {
  cx_sym outer = E->defining;
  E->defining = s->name;
  cx_val v = cx_elab_expr(E, s->kid[0]);
  E->defining = outer;
  uint32_t eq = CX_NO_EQ;
  v.span = s->name_span;
  if (!v.bad && (v.e->op != OP_const || !E->site))
    v = cx_v_store(E, v, s->name, &eq); /* inside a function a number stays one */
  if (!v.bad && v.rank) v = cx_v_fresh(E, v);
  define(E, s, v, eq);
  if (!v.bad && E->opt.weights && !E->in_block && !E->site) cx_elab_statistic(E, s->name, eq);
}

static void one(cx_elab *E, cx_ast *const *stmt, int n, int at) {
  const cx_ast *s = stmt[at];
  switch (s->kind) {
    case S_DEF:
      defined_once(E, s);
      definition(E, s);
      return;
    case S_DEF_INDEX: {
      cx_binding *b = cx_lookup(E, s->name, false);
      bool open = b && b->pieces, fixed = false;
      bool more = E->in_block ? more_pieces(stmt, n, at) : *cx_names_at(E->arena, &E->last, s->name) != s;
      if (!open) defined_once(E, s);
      if (s->nkid - 1 > CX_MAX_RANK) {
        cx_error(E->ctx, s->span, "an array has at most %d dimensions", CX_MAX_RANK);
        define(E, s, cx_v_bad(s->span), CX_NO_EQ);
        return;
      }
      for (int k = 1; k < s->nkid; k++) fixed |= is_fixed(E, s->kid[k]);
      if (open || fixed || cx_reads(s->kid[0], s->name)) add_piece(E, s, !more);
      else plain_indexed(E, s);
      return;
    }
    case S_PARAM:
      defined_once(E, s);
      E->param_bad |= cx_elab_param(E, s).bad;
      return;
    case S_GROUP:
      for (int k = 0; k < s->nkid; k++) {
        one(E, s->kid, s->nkid, k);
        if (!E->in_block && !E->site) cx_settle(E);
      }
      return;
    case S_DEF_FUN: return; /* hoisted */
    case A_ERROR:           /* what it would have defined counts as defined: one error a mistake */
      E->param_bad = E->objective_bad = true;
      for (int k = 0; k < s->nkid; k++)
        if (s->kid[k] && s->kid[k]->kind == A_NAME)
          cx_bind_name(E, s->kid[k]->name, B_VALUE, s->span)->v = cx_v_bad(s->span);
      return;
    default:
      if (cx_elab_stmt(E, s)) return;
      cx_diag_help(E->ctx, cx_error(E->ctx, s->span, "this statement cannot stand in a function"),
                   "a block holds definitions and params, then its value");
  }
}

void cx_elab_list(cx_elab *E, cx_ast *const *stmt, int n) {
  cx_binding *outer = E->scope;
  E->scope = E->env;
  cx_binding **here = CX_NEW(E->arena, cx_binding *);
  cx_hoist_functions(E, stmt, n, here);
  cx_hoist_distributions(E, stmt, n, here, false);
  cx_settle(E);
  for (int k = 0; k < n; k++)
    if (stmt[k]->kind == S_DEF_INDEX) *cx_names_at(E->arena, &E->last, stmt[k]->name) = stmt[k];
  for (int k = 0; k < n; k++) {
    one(E, stmt, n, k);
    cx_settle(E);
    *here = E->env;
  }
  E->scope = outer;
}

cx_val cx_elab_block(cx_elab *E, const cx_ast *x) {
  cx_binding *env = E->env, *scope = E->scope;
  bool in = E->in_block;
  E->in_block = true;
  E->scope = E->env;
  int n = x->nkid - 1;
  cx_binding **here = CX_NEW(E->arena, cx_binding *);
  cx_hoist_functions(E, x->kid, n, here);
  for (cx_binding *b = E->env; b != env; b = b->next) b->maker |= b->kind == B_FUNCTION; /* sees the context around */
  for (int k = 0; k < n; k++) {
    one(E, x->kid, n, k);
    *here = E->env;
  }
  cx_val v = cx_elab_expr(E, x->kid[n]);
  E->env = env;
  E->scope = scope;
  E->in_block = in;
  return v;
}
