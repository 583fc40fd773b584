/* lower_mat.c - sums of products.
 *
 *   own rows:    c[m, l]  = sum(k) S[m, k] * V[k, l]      S the same for all rows: matmul with the rows as lanes
 *   summed rows: c[m, n] += sum(l) A[m, l] * B[n, l]      dot products over the rows; large ones as matmul with one
 *                                                         factor transposed
 * The body's factors go into two groups by the indices they depend on; a group that is not simply a load is computed
 * into a temporary first. Indices that are in neither place are loops around. A factor `if g then x else 0` with an
 * affine guard g of the loops shortens the sum instead of computing what it discards. */
#include "back/lower.h"
#include <string.h>

typedef struct {
  const cx_node *node;
  int slot[2]; /* the indices that the instruction itself runs over; -1 none */
  bool lanes;
  uint32_t deps; /* slots that must be open before it can be computed */
  bool ready;
  int temp, level;
  cx_opnd at;
  int64_t stride[2];
} group;

/* conditions joined by and, into the guards */
static bool guards(const cx_node *c, cx_factors *f, uint32_t lane) {
  if (c->op == OP_and) return guards(c->arg[0], f, lane) && guards(c->arg[1], f, lane);
  if ((c->op != OP_lt && c->op != OP_le) || c->has_load || (c->free_lo & lane)) return false;
  if (f->nguard == (int)(sizeof f->guard / sizeof *f->guard)) return false;
  f->guard[f->nguard++] = c;
  return true;
}

static void flatten(const cx_node *n, cx_factors *f, uint32_t lane) {
  if (!f->ok) return;
  if (n->op == OP_mul) {
    flatten(n->arg[0], f, lane);
    flatten(n->arg[1], f, lane);
    return;
  }
  if (n->op == OP_div && f->nunder < (int)(sizeof f->under / sizeof *f->under)) {
    f->under[f->nunder++] = n->arg[1];
    flatten(n->arg[0], f, lane);
    return;
  }
  if (n->op == OP_neg) {
    f->negative = !f->negative;
    flatten(n->arg[0], f, lane);
    return;
  }
  if (n->op == OP_select && cx_is_number(n->arg[2], 0)) {
    int before = f->nguard;
    if (guards(n->arg[0], f, lane)) {
      flatten(n->arg[1], f, lane);
      return;
    }
    f->nguard = before;
  }
  if (f->n == CX_MOST_FACTORS) f->ok = false;
  else f->f[f->n++] = n;
}

cx_factors cx_low_factors(const cx_node *body, uint32_t lane) {
  cx_factors f = {.ok = true};
  flatten(body, &f, lane);
  return f;
}

static const cx_node *times(cx_graph *g, const cx_node *x, const cx_node *y) { return x ? cx_op2(g, OP_mul, x, y) : y; }

/* a load that the instruction can read where it is */
static bool readable(cx_lower_state *L, group *q) {
  const cx_node *n = q->node;
  if (n->op != OP_load) return false;
  cx_addr a;
  cx_low_address(L, n, &a);
  if (!a.affine || a.access.ncheck || a.loc->type != L->s->real || a.lane != q->lanes) return false;
  for (int k = 0; k < 2; k++) {
    q->stride[k] = 0;
    if (q->slot[k] < 0) continue;
    q->stride[k] = a.coef[q->slot[k]];
    a.coef[q->slot[k]] = 0;
  }
  q->at = cx_low_addr_opnd(L, a.loc, a.c0, a.coef, a.lane);
  return true;
}

static void compute(cx_lower_state *L, void *user) {
  group *q = user;
  cx_loc to = {.on = true, .base = BASE_TEMP, .off = L->temp.at[q->temp].off, .type = L->s->real};
  int64_t coef[32] = {0};
  for (int k = 0; k < 2; k++)
    if (q->slot[k] >= 0) coef[q->slot[k]] = q->stride[k];
  cx_opnd d = cx_low_addr_opnd(L, &to, 0, coef, q->lanes);
  cx_low_value(L, q->node, &d, L->rslot >= 0, q->lanes);
}

static void prepare(cx_lower_state *L, group *q) {
  q->ready = true;
  q->temp = -1;
  if (readable(L, q)) return;
  int64_t size = q->lanes ? L->k->block : 1;
  for (int k = 1; k >= 0; k--)
    if (q->slot[k] >= 0) q->stride[k] = size, size *= cx_extent(L->e, q->slot[k]);
  q->temp = cx_low_temp_new(L, L->nlevel - 1, size);
  q->at = cx_low_temp_opnd(L, q->temp, 0, q->lanes);
  cx_slots s = {.n = 0};
  for (int k = 0; k < 2; k++)
    if (q->slot[k] >= 0) s.at[s.n++] = q->slot[k];
  cx_low_need(L, q->node);
  int base = L->nlevel - 1;
  L->bounded = q->lanes; /* the product reads no more */
  cx_low_nest(L, &s, 0, true, compute, q);
  L->bounded = false;
  cx_low_forget(L, base);
}

/* k < K restricted by an affine guard: c[k] * k + rest >= 0 */
typedef struct {
  bool on[2];
  int64_t c0[2], coef[2][32];
} limits; /* 0: k >= , 1: k < */
static bool limit(const cx_node *g, int k, limits *l) {
  int64_t a0, a[32], b0, b[32];
  if (!cx_affine(g->arg[0], &a0, a) || !cx_affine(g->arg[1], &b0, b)) return false;
  int64_t c0 = b0 - a0 - (g->op == OP_lt), c[32]; /* c0 + c . slots >= 0 */
  for (int s = 0; s < 32; s++) c[s] = b[s] - a[s];
  if (c[k] != 1 && c[k] != -1) return false;
  int side = c[k] < 0;
  if (l->on[side]) return false;
  l->on[side] = true;
  int64_t sign = side ? 1 : -1; /* k < c0 + ... + 1, or k >= -(c0 + ...) */
  l->c0[side] = sign * c0 + side;
  for (int s = 0; s < 32; s++) l->coef[side][s] = s == k ? 0 : sign * c[s];
  return true;
}

static cx_aff row_aff(cx_lower_state *L, int64_t c0, const int64_t *coef, int row) {
  int64_t c[32];
  for (int s = 0; s < 32; s++) c[s] = s == row ? 0 : coef[s];
  cx_aff f = cx_low_aff_of(L, c0, c);
  f.cr = row >= 0 ? coef[row] : 0;
  return f;
}

static int64_t dest_strides(cx_lower_state *L, const cx_loc *to, int slot) {
  return slot < 0 || slot >= L->e->rank ? 0 : to->stride[slot];
}

/* the element of the destination with the slots that the instruction runs over at 0 */
static cx_opnd dest_at(cx_lower_state *L, const cx_loc *to) {
  int64_t coef[32] = {0}, lane = 0;
  for (int d = 0; d < L->e->rank; d++) {
    if (L->level_of[d] == LANE) lane = to->stride[d];
    else if (L->level_of[d] >= 0) coef[d] = to->stride[d];
  }
  return cx_low_addr_opnd(L, to, 0, coef, lane);
}

static int largest(const cx_eq *e, uint32_t from) {
  int best = -1;
  for (int s = 0; s < cx_nslot(e); s++)
    if ((from >> s & 1) && (best < 0 || cx_extent(e, s) > cx_extent(e, best))) best = s;
  return best;
}

typedef struct {
  group g[2];
  uint32_t own, red;
  bool columns;
  int m, n, k, r;
  limits lim;
  bool rows_summed;
  const cx_loc *to;
  bool zeroed, summed;
  const cx_node *quotient; /* the result by divisors that no sum is over, and its sign; NULL: as it is */
} product;

/* of the sum, of k terms, by guards; of the n columns by a bound of the equation */
static const cx_aff *limits_of(cx_lower_state *L, const product *p, int64_t k, int64_t n) {
  const cx_bound *b = NULL;
  for (int j = 0; j < L->p->nbound && p->n >= 0; j++)
    if (L->p->bound[j].slot == p->n && L->p->bound[j].by == p->m) b = &L->p->bound[j];
  if (!p->lim.on[0] && !p->lim.on[1] && !b) return NULL;
  cx_aff *f = CX_NEW_N(L->s->a, cx_aff, 3);
  f[0] = p->lim.on[0] ? row_aff(L, p->lim.c0[0], p->lim.coef[0], p->m) : (cx_aff){0};
  f[1] = p->lim.on[1] ? row_aff(L, p->lim.c0[1], p->lim.coef[1], p->m) : (cx_aff){.c0 = k};
  f[2] = b ? (cx_aff){.c0 = b->c + 1, .cr = 1} : (cx_aff){.c0 = n};
  return f;
}

static void emit_product(cx_lower_state *L, product *p) {
  const cx_eq *e = L->e;
  cx_ins i = {.na = 2, .lanes = true, .R = 1, .add = p->rows_summed || p->zeroed};
  /* one step of the sum a block: the first block's result is written, not added */
  bool once = p->rows_summed && !p->summed;
  int64_t m = p->m < 0 ? 1 : cx_extent(e, p->m);
  i.d = dest_at(L, p->to);
  i.u.mat.m = m;
  i.u.mat.dm = dest_strides(L, p->to, p->m);
  if (!L->k->lanes) {
    i.fn = L->vm->matvec;
    i.lanes = false;
    i.u.mat.k = cx_extent(e, p->k);
    i.u.mat.sm = p->g[0].stride[0], i.u.mat.sk = p->g[0].stride[1], i.u.mat.vk = p->g[1].stride[0];
    i.a[0] = p->g[0].at, i.a[1] = p->g[1].at;
    *L_INS(L, L->nlevel - 1) = i;
    return;
  }
  if (p->columns) {
    i.fn = L->vm->columns;
    i.u.mat.k = cx_extent(e, p->k), i.u.mat.n = p->n < 0 ? 1 : cx_extent(e, p->n);
    i.u.mat.sm = p->g[0].stride[0], i.u.mat.sk = p->g[0].stride[1], i.u.mat.vk = p->g[1].stride[1];
    i.a[0] = p->g[0].at, i.a[1] = p->g[1].at;
    i.a[1].rs = p->g[1].stride[0];
    i.d.rs = dest_strides(L, p->to, p->n);
    i.u.mat.limit = limits_of(L, p, i.u.mat.k, i.u.mat.n);
    *L_INS(L, L->nlevel - 1) = i;
    return;
  }
  if (p->r >= 0) { /* one product of rows for each value of r */
    i.fn = L->vm->rowdot;
    i.R = cx_extent(e, p->r);
    i.u.mat.m = i.u.mat.n = 1;
    i.u.mat.dm = dest_strides(L, p->to, p->r), i.u.mat.sm = p->g[0].stride[0], i.u.mat.sk = p->g[1].stride[0];
    i.a[0] = p->g[0].at, i.a[1] = p->g[1].at;
    *L_INS(L, L->nlevel - 1) = i;
    return;
  }
  if (!p->rows_summed) {
    i.fn = L->vm->matmul;
    i.u.mat.k = cx_extent(e, p->k);
    i.u.mat.sm = p->g[0].stride[0], i.u.mat.sk = p->g[0].stride[1], i.u.mat.vk = p->g[1].stride[0];
    i.u.mat.limit = limits_of(L, p, i.u.mat.k, 1);
    i.a[0] = p->g[0].at, i.a[1] = p->g[1].at;
    *L_INS(L, L->nlevel - 1) = i;
    return;
  }
  group *a = &p->g[0], *b = &p->g[1];
  int64_t n = p->n < 0 ? 1 : cx_extent(e, p->n), dn = dest_strides(L, p->to, p->n);
  int t = -1;
  if (m >= 8 && n >= 8 && m * n >= 1024 && (dn == 1 || i.u.mat.dm == 1)) {
    if (dn != 1) { /* the other one is the vector */
      group *x = a;
      a = b, b = x;
      int64_t y = m;
      m = n, n = y;
      i.u.mat.m = m, i.u.mat.dm = dn;
    }
    int64_t pad = (n + 15) / 16 * 16;
    t = cx_low_temp_new(L, L->nlevel - 1, pad * L->k->block);
    cx_ins *tr = L_INS(L, L->nlevel - 1);
    *tr = (cx_ins){.fn = L->vm->transpose, .na = 1, .lanes = true, .R = n, .d = cx_low_temp_opnd(L, t, pad, 1)};
    tr->a[0] = b->at;
    tr->a[0].rs = b->stride[0];
    i.fn = L->vm->matmul;
    i.add = true, i.fresh = L->acc->set = once;
    i.u.mat.n = n, i.u.mat.k = 0;
    i.u.mat.sm = a->stride[0], i.u.mat.sk = 1, i.u.mat.vk = pad;
    i.a[0] = a->at, i.a[1] = cx_low_temp_opnd(L, t, pad, 1);
  } else {
    i.fn = L->vm->rowdot;
    i.u.mat.n = n;
    i.d.rs = dn;
    i.a[0] = a->at, i.a[1] = b->at;
    i.a[0].rs = a->stride[0], i.a[1].rs = b->stride[0];
  }
  *L_INS(L, L->nlevel - 1) = i;
  cx_low_temp_free(L, t);
}

static void when_ready(cx_lower_state *L, product *p) {
  for (int k = 0; k < 2; k++) {
    group *q = &p->g[k];
    bool ok = !q->ready;
    for (int s = 0; s < cx_nslot(L->e) && ok; s++) ok = !(q->deps >> s & 1) || L->level_of[s] >= 0;
    const group *other = &p->g[0];
    if (ok && k && other->temp >= 0 && other->node == q->node && !memcmp(other->slot, q->slot, sizeof q->slot)) {
      *q = *other; /* a square */
      q->temp = -1;
    } else if (ok) prepare(L, q), q->level = L->nlevel - 1;
  }
}

static void around(cx_lower_state *L, product *p) {
  when_ready(L, p);
  int s = largest(L->e, p->own);
  bool own = s >= 0;
  if (!own) {
    if (!p->rows_summed && p->red && !p->zeroed) {
      p->zeroed = true;
      cx_opnd d = dest_at(L, p->to);
      d.rs = dest_strides(L, p->to, p->m);
      *L_INS(L, L->nlevel - 1) =
          (cx_ins){.fn = L->vm->fill, .lanes = true, .d = d, .R = p->m < 0 ? 1 : cx_extent(L->e, p->m)};
    }
    s = largest(L->e, p->red);
  }
  if (s < 0) {
    emit_product(L, p);
    return;
  }
  if (own) p->own &= ~(1u << s);
  else p->red &= ~(1u << s), p->summed = true;
  int at = cx_low_open(L, s, 0, cx_extent(L->e, s), 1);
  around(L, p);
  for (int k = 0; k < 2; k++)
    if (p->g[k].level == at) cx_low_temp_free(L, p->g[k].temp);
  cx_low_close(L);
}

/* A product for every row, both factors of which change along the rows. The guards of the sum may depend on the rows of
 * the product but not on its columns, so the factors change places where they do. */
static bool columns(cx_lower_state *L, const cx_eq *e, const cx_factors *f, uint32_t own, uint32_t red, product *p) {
  group *a = &p->g[0], *b = &p->g[1];
  const cx_node *all = b->node, *rest = NULL;
  if (f->n < 2 || p->to->stride[__builtin_ctz(L->p->mask)] != 1) return false;
  for (int k = 1; k < f->n; k++) rest = times(L->s->g, rest, f->f[k]);
  int over = largest(e, all->free_lo & red), m = -1, n = -1;
  if (over < 0 || cx_extent(e, over) < 3 || !(f->f[0]->free_lo >> over & rest->free_lo >> over & 1)) return false;
  limits lim = {0};
  uint32_t guards = 0;
  for (int k = 0; k < f->nguard; k++) {
    if (!limit(f->guard[k], over, &lim)) return false;
    guards |= f->guard[k]->free_lo & ~(1u << over);
  }
  if (guards & red) return false;
  const cx_node *x = f->f[0], *y = rest;
  if (!(red & ~(1u << over))) { /* else what is summed around it is cleared one by one */
    m = largest(e, x->free_lo & ~y->free_lo & own);
    n = largest(e, y->free_lo & ~x->free_lo & own);
  }
  bool swap = n >= 0 && (guards >> n & 1);
  for (int k = 0; k < L->p->nbound; k++)
    if (!guards && L->p->bound[k].slot == m && L->p->bound[k].by == n) swap = true;
  if (swap) {
    const cx_node *node = x;
    int slot = m;
    x = y, y = node, m = n, n = slot;
  }
  if (n >= 0 && (guards >> n & 1)) return false;
  if (f->negative) p->quotient = cx_op1(L->s->g, OP_neg, cx_load_here(L->s->g, e));
  p->columns = a->lanes = b->lanes = true;
  p->k = over, p->m = m, p->n = n, p->lim = lim;
  *a = (group){.node = x, .slot = {m, over}, .lanes = true, .temp = -1, .level = -1};
  *b = (group){.node = y, .slot = {n, over}, .lanes = true, .temp = -1, .level = -1};
  return true;
}

static void divide(cx_lower_state *L, void *user) {
  const product *p = user;
  cx_opnd d = cx_low_dest(L, p->to);
  cx_low_value(L, p->quotient, &d, L->rslot >= 0, true);
}

bool cx_lower_product(cx_lower_state *L, const cx_eq *e, const cx_loc *to) {
  cx_graph *g = L->s->g;
  if (e->red != RED_sum || L->p->flat) return false;
  uint32_t lane = L->p->mask, own = 0, red = 0;
  for (int s = 0; s < cx_nslot(e); s++)
    if (L->level_of[s] == CLOSED) *(s < e->rank ? &own : &red) |= 1u << s;
  cx_factors f = cx_low_factors(e->body, lane);
  if (!f.ok) return false;
  product p = {.own = own, .red = red, .m = -1, .n = -1, .k = -1, .r = -1, .rows_summed = L->p->lane_red, .to = to};
  group *a = &p.g[0], *b = &p.g[1];
  *a = *b = (group){.slot = {-1, -1}, .temp = -1, .level = -1};
  if (!L->k->lanes) {
    if (f.nguard || f.n < 2) return false;
    p.k = largest(e, red);
    uint32_t every = ~0u, all = 0;
    for (int k = 0; k < f.n; k++) every &= f.f[k]->free_lo, all |= f.f[k]->free_lo;
    p.m = largest(e, all & ~every & own);
    for (int k = 0; k < f.n; k++) {
      group *q = p.m >= 0 ? (f.f[k]->free_lo >> p.m & 1 ? a : b) : k == 0 ? a : b;
      q->node = times(g, q->node, f.f[k]);
    }
    if (p.k < 0 || !a->node || !b->node || cx_extent(e, p.k) < 4) return false;
    if (f.negative) b->node = cx_op1(g, OP_neg, b->node);
    a->slot[0] = p.m, a->slot[1] = p.k, b->slot[0] = p.k;
  } else if (!p.rows_summed) {
    for (int k = 0; k < f.n; k++) {
      group *q = f.f[k]->free_lo & lane ? b : a;
      q->node = times(g, q->node, f.f[k]);
    }
    if (!b->node) return false;
    if (!a->node && columns(L, e, &f, own, red, &p)) goto ready;
    if (!a->node && !f.nguard) return false;
    if (!a->node) a->node = cx_const(g, 1);
    if (f.negative) a->node = cx_op1(g, OP_neg, a->node);
    p.k = largest(e, b->node->free_lo & red);
    if (p.k < 0) return false;
    uint32_t with_guards = a->node->free_lo;
    for (int k = 0; k < f.nguard; k++) {
      if (!limit(f.guard[k], p.k, &p.lim)) return false;
      with_guards |= f.guard[k]->free_lo;
    }
    p.m = largest(e, with_guards & ~b->node->free_lo & own);
    b->lanes = true;
    a->slot[0] = p.m, a->slot[1] = p.k, b->slot[0] = p.k;
  } else {
    if (f.nguard || f.n < 2) return false;
    uint32_t all = 0, every = ~0u;
    for (int k = 0; k < f.n; k++) all |= f.f[k]->free_lo, every &= f.f[k]->free_lo;
    p.m = largest(e, all & ~every & own);
    for (int k = 0; k < f.n; k++) {
      group *q = p.m >= 0 ? (f.f[k]->free_lo >> p.m & 1 ? a : b) : k == 0 ? a : b;
      q->node = times(g, q->node, f.f[k]);
    }
    if (!a->node || !b->node || !(a->node->free_lo & lane) || !(b->node->free_lo & lane)) return false;
    if (f.negative) b->node = cx_op1(g, OP_neg, b->node);
    a->lanes = b->lanes = true;
    if (p.m < 0 && own && cx_low_lanes_last(L, e)) return false;
    if (p.m < 0 && own) { /* no product over its own indices */
      p.r = largest(e, own);
      a->slot[0] = b->slot[0] = p.r;
      p.own &= ~(1u << p.r);
      goto ready;
    }
    p.n = largest(e, b->node->free_lo & ~a->node->free_lo & own);
    a->slot[0] = p.m, b->slot[0] = p.n;
  }
ready:
  for (int k = 0; k < f.nunder; k++) { /* divisors go where their indices are already, those of no sum to the result */
    if (L->k->lanes && !p.rows_summed && !(f.under[k]->free_lo & red)) {
      if (!p.quotient) p.quotient = cx_load_here(g, e);
      p.quotient = cx_op2(g, OP_div, p.quotient, f.under[k]);
      continue;
    }
    group *q = f.under[k]->free_lo & ~b->node->free_lo ? a : b;
    if (f.under[k]->free_lo & ~q->node->free_lo) return false;
    if (!(f.under[k]->free_lo & ~a->node->free_lo) &&
        __builtin_popcount(a->node->free_lo) < __builtin_popcount(b->node->free_lo))
      q = a;
    if (!q->lanes && (f.under[k]->free_lo & lane)) return false;
    q->node = cx_op2(g, OP_div, q->node, f.under[k]);
  }
  p.own &= ~((p.m >= 0 ? 1u << p.m : 0) | (p.n >= 0 ? 1u << p.n : 0));
  p.red &= ~(p.k >= 0 ? 1u << p.k : 0);
  for (int k = 0; k < 2; k++) {
    p.g[k].deps = p.g[k].node->free_lo & (own | red);
    for (int j = 0; j < 2; j++)
      if (p.g[k].slot[j] >= 0) p.g[k].deps &= ~(1u << p.g[k].slot[j]);
  }
  around(L, &p);
  for (int k = 0; k < 2; k++)
    if (p.g[k].level == L->nlevel - 1) cx_low_temp_free(L, p.g[k].temp);
  if (p.quotient) {
    cx_slots s = cx_low_remaining(L, 0, e->rank);
    int base = L->nlevel - 1;
    cx_low_need(L, p.quotient);
    cx_low_nest(L, &s, 0, true, divide, &p);
    cx_low_forget(L, base);
  }
  return true;
}
