/* phases.c - an equation in parts, in each of which it is simpler.
 *
 * Phases: the adjoint of a step of 2 over an image reads y[floor((i + 1) / 2) - k] and w[mod(i + 1, 2) + 2 k]: subscripts
 * that are not affine in i. For i = 2 a + r, with r fixed, they are: a + const and const + 2 k. So such an equation is
 * lowered once for each remainder r, over a alone, and its loads and conditions are those of any other equation: the
 * polyphase form of a filter (Bellanger, Bonnerot & Coudreuse 1976).
 * Pieces: the adjoint of an array whose parts are read apart (the gates of a recurrent layer, the inside of a padded
 * image) is another expression in each, chosen by comparing an index with numbers. Between those numbers it is one. */
#include "back/lower.h"
#include "pass/eqs.h"
#include <math.h>

enum {
  PERIOD = 4,
  CODES = 16,
  LEAST = 256
}; /* longest period of an index, most parts of an equation; elements worth it */

/* u and m of floor(u / m), ceil(u / m), also where the quotient is a product, or of mod(u, m) */
static const cx_node *quotient(const cx_node *n, int64_t *m) {
  const cx_node *q = n->op == OP_floor || n->op == OP_ceil ? n->arg[0] : n->op == OP_mod ? n : NULL;
  if (!q || (n->op != OP_mod && q->op != OP_div && q->op != OP_mul)) return NULL;
  int at = q->op == OP_mul && q->arg[0]->op == OP_const ? 0 : 1;
  if (q->arg[at]->op != OP_const) return NULL;
  double v = q->op == OP_mul ? 1 / q->arg[at]->u.num : q->arg[at]->u.num;
  *m = v >= 2 && v <= 1e6 && v == floor(v) ? (int64_t)v : 0;
  return *m ? q->arg[1 - at] : NULL;
}

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a < 0 ? -a : a; }

typedef struct {
  int rank;
  int64_t period[CX_MAX_RANK];
} periods;
static void see(void *user, const cx_node *n) {
  periods *p = user;
  int64_t m, c0, c[32];
  const cx_node *u = quotient(n, &m);
  if (!u || !cx_affine(u, &c0, c)) return;
  for (int k = 0; k < p->rank; k++) {
    int64_t step = c[k] % m ? m / gcd(c[k], m) : 1, all = p->period[k] / gcd(p->period[k], step) * step;
    p->period[k] = all < PERIOD + 1 ? all : PERIOD + 1;
  }
}

static periods periods_of(cx_graph *g, const cx_eq *e) {
  periods p = {.rank = e->rank};
  int64_t codes = 1;
  for (int k = 0; k < e->rank; k++) p.period[k] = 1;
  if (e->red >= RED_argmax) return p;
  cx_visit(g, e->body, see, &p);
  for (int k = 0; k < e->rank; k++) {
    if (p.period[k] > PERIOD || e->dim[k].n < 2 * p.period[k]) p.period[k] = 1;
    codes *= p.period[k];
  }
  if (codes > CODES) p.rank = 0;
  return p;
}

int64_t cx_period(cx_graph *g, const cx_eq *e, int slot) {
  periods p = periods_of(g, e);
  return slot < p.rank ? p.period[slot] : 1;
}

int cx_phases(const cx_lower_state *L, const cx_eq *e, cx_low_part_at *part) {
  if (!L->k->lanes || L->p->flat || L->p->lane_red || L->p->pinned || L->p->nbound) return 0;
  periods p = periods_of(L->s->g, e);
  for (int k = 0; k < p.rank; k++) {
    int64_t m = p.period[k];
    if (m == 1 || L->level_of[k] != CLOSED) continue;
    for (int64_t r = 0; r < m; r++) part[r] = (cx_low_part_at){k, m, r, (e->dim[k].n - r + m - 1) / m};
    return (int)m;
  }
  return 0;
}

/* ---- where an index is compared with a number ---- */
typedef struct {
  const cx_lower_state *L;
  const cx_eq *e;
  int n[CX_MAX_RANK];
  int64_t at[CX_MAX_RANK][CX_PARTS];
} cuts;
static void cut_at(void *user, const cx_node *n) {
  cuts *t = user;
  int64_t a0, a[32], c0, c[32];
  int slot = -1;
  if ((n->op != OP_lt && n->op != OP_le) || n->has_load) return;
  if (!cx_affine(n->arg[0], &a0, a) || !cx_affine(n->arg[1], &c0, c)) return;
  c0 -= a0 + (n->op == OP_lt);
  for (int k = 0; k < 32; k++) { /* 0 <= c0 + c . indices */
    if (!(c[k] -= a[k])) continue;
    if (slot >= 0 || k >= t->e->rank || t->L->level_of[k] != CLOSED || (c[k] != 1 && c[k] != -1)) return;
    slot = k;
  }
  if (slot < 0) return;
  int64_t at = c[slot] > 0 ? -c0 : c0 + 1;
  int *count = &t->n[slot], k = 0;
  if (at <= 0 || at >= t->e->dim[slot].n || *count >= CX_PARTS) return;
  while (k < *count && t->at[slot][k] < at) k++;
  if (k < *count && t->at[slot][k] == at) return;
  for (int j = (*count)++; j > k; j--) t->at[slot][j] = t->at[slot][j - 1];
  t->at[slot][k] = at;
}

int cx_pieces(const cx_lower_state *L, const cx_eq *e, cx_low_part_at *part) {
  if (!L->k->lanes || L->p->flat || L->p->lane_red || L->p->pinned || L->p->nbound || e->red >= RED_argmax) return 0;
  cuts t = {.L = L, .e = e};
  int64_t codes = 1, elements = 1;
  for (int k = 0; k < e->rank; k++)
    if (L->level_of[k] == CLOSED) elements *= e->dim[k].n;
  if (elements < LEAST) return 0;
  cx_visit(L->s->g, e->body, cut_at, &t);
  for (int k = e->rank - 1; k >= 0; k--) {
    codes *= t.n[k] + 1;
    if (!t.n[k] || codes > CODES || t.n[k] >= CX_PARTS) continue;
    for (int j = 0; j <= t.n[k]; j++) {
      int64_t from = j ? t.at[k][j - 1] : 0, to = j < t.n[k] ? t.at[k][j] : e->dim[k].n;
      part[j] = (cx_low_part_at){k, 1, from, to - from};
    }
    return t.n[k] + 1;
  }
  return 0;
}

/* a quotient whose remainder is known */
static const cx_node *known(void *user, cx_graph *g, const cx_node *n) {
  int64_t m, c0, c[32];
  const cx_node *u = quotient(n, &m);
  (void)user;
  if (!u || !cx_affine(u, &c0, c)) return n;
  for (int k = 0; k < 32; k++)
    if (c[k] % m) return n;
  int64_t rest = (c0 % m + m) % m;
  if (n->op == OP_mod) return cx_const(g, (double)rest);
  const cx_node *sum = cx_const(g, (double)((c0 - rest) / m + (n->op == OP_ceil && rest)));
  for (int k = 0; k < 32; k++)
    if (c[k]) sum = cx_op2(g, OP_add, sum, cx_op2(g, OP_mul, cx_const(g, (double)(c[k] / m)), cx_index(g, k)));
  return sum;
}

/* a sum ends where a condition of all its terms says that the rest is 0 */
static void shorten(cx_eq *e, const cx_node *cond) {
  int64_t a0, a[32], c0, c[32];
  int slot = -1;
  if (cond->op == OP_and) shorten(e, cond->arg[0]), shorten(e, cond->arg[1]);
  if (cond->op != OP_lt && cond->op != OP_le) return;
  if (!cx_affine(cond->arg[0], &a0, a) || !cx_affine(cond->arg[1], &c0, c)) return;
  c0 -= a0 + (cond->op == OP_lt);
  for (int k = 0; k < 32; k++) { /* 0 <= c0 + c . indices */
    if (!(c[k] -= a[k])) continue;
    if (slot >= 0 || k < e->rank || c[k] > 0) return;
    slot = k;
  }
  if (slot < 0) return;
  cx_dim *d = &e->rdim[slot - e->rank];
  int64_t n = c0 < 0 ? 0 : c0 / -c[slot] + 1;
  if (n < d->n) d->n = n;
}

cx_eq *cx_low_part(cx_lower_state *L, const cx_eq *e, const cx_low_part_at *p) {
  cx_graph *g = L->s->g;
  cx_eq *part = CX_NEW(L->s->tmp, cx_eq);
  int64_t at = p->slot;
  const cx_node *index = cx_op2(g, OP_mul, cx_const(g, (double)p->step), cx_index(g, p->slot));
  index = cx_op2(g, OP_add, index, cx_const(g, (double)p->start));
  *part = *e;
  part->dim[p->slot].n = p->n;
  part->body = cx_simplify(g, cx_rewrite(g, cx_subst(g, e->body, &at, &index, 1), known, NULL), part);
  const cx_node *b = part->body;
  if (e->red == RED_sum && b->op == OP_select && b->arg[2]->op == OP_const && b->arg[2]->u.num == 0) {
    shorten(part, b->arg[0]);
    part->body = cx_simplify(g, b, part);
  }
  if (part->red == RED_sum && part->body->op == OP_const && part->body->u.num == 0)
    part->red = RED_none, part->nred = 0;
  return part;
}
