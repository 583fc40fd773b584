/* layout.c - which dimensions of a block lie side by side.
 *
 * Heads of attention are digits of one number: value[h, t, e] is made with W[16 h + e, d] and read as value[floor(u / 16),
 * t, mod(u, 16)]. Where h and e lie so that 16 h + e is the step, such a subscript is one again (lower.c), and a loop
 * over both is one (lower_mat.c); so a block may be laid out in another order than that of its indices. */
#include "back/lower.h"

typedef struct {
  cx_sched *s;
  const cx_eq *e;
  int high, low; /* slots of e that are digits of one number */
} layout;

static void prefer(cx_sched *s, uint32_t eq, int high, int low) {
  cx_place *p = &s->place[eq];
  if (!p->digits) p->digits = true, p->high = high, p->low = low;
}

/* a[.., floor(u / m), .., mod(u, m)] */
static void quotients(void *user, const cx_node *n) {
  const layout *w = user;
  if (n->op != OP_load) return;
  const cx_eq *q = w->s->g->eq[n->u.eq];
  for (int low = 0; low < n->nargs; low++) {
    const cx_node *mod = n->arg[low];
    if (mod->op != OP_mod || mod->arg[1]->op != OP_const || mod->arg[1]->u.num != (double)q->dim[low].n) continue;
    for (int high = 0; high < n->nargs; high++)
      if (cx_low_quotient(n->arg[high], mod->arg[0], mod->arg[1]->u.num)) prefer(w->s, q->id, high, low);
  }
}

/* a[.., m high + low, ..] */
static void numbers(void *user, const cx_node *n) {
  layout *w = user;
  for (int k = 0; n->op == OP_load && k < n->nargs; k++) {
    int64_t c0, c[32];
    if (n->arg[k]->op == OP_index || !cx_affine(n->arg[k], &c0, c)) continue;
    for (int high = 0; high < cx_nslot(w->e); high++)
      for (int low = 0; low < cx_nslot(w->e) && c[high] > 1; low++)
        if (high != low && c[low] > 0 && c[high] == c[low] * cx_extent(w->e, low)) w->high = high, w->low = low;
  }
}
static void same_digits(void *user, const cx_node *n) {
  const layout *w = user;
  int at[2] = {-1, -1};
  for (int k = 0; n->op == OP_load && k < n->nargs; k++)
    for (int j = 0; j < 2; j++)
      if (n->arg[k]->op == OP_index && n->arg[k]->u.i == (j ? w->low : w->high)) at[j] = k;
  if (at[0] >= 0 && at[1] >= 0) prefer(w->s, n->u.eq, at[0], at[1]);
}

void cx_layout(cx_sched *s) {
  for (int k = 0; k < s->g->neq; k++) {
    layout w = {.s = s, .e = s->g->eq[k], .high = -1};
    if (w.e->kind != EQ_CALC) continue;
    cx_visit(s->g, w.e->body, quotients, &w);
    cx_visit(s->g, w.e->body, numbers, &w);
    if (w.high < 0) continue;
    cx_visit(s->g, w.e->body, same_digits, &w);
    if (w.high < w.e->rank && w.low < w.e->rank) prefer(s, w.e->id, w.high, w.low);
  }
}
