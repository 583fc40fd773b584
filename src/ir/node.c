/* node.c - walks over hash-consed expressions: visit, rewrite, substitute, affine form. Every walk is a loop over
 * a post-order with an explicit stack, so a chain of a hundred thousand nodes is no deeper than one of ten. */
#include "ir/graph_int.h"
#include <math.h>
#include <string.h>

/* ---- scratch ---- */
cx_scratch *cx_scratch_take(const cx_graph *g) {
  struct cx_hash *h = g->hash;
  cx_scratch *s = h->idle;
  if (s) h->idle = s->next;
  else s = CX_NEW(g->arena, cx_scratch);
  uint32_t need = (uint32_t)h->node.n;
  if (s->cap < need || s->cap == 0) {
    uint32_t cap = need + need / 2 + 64;
    s->stamp = CX_NEW_N(g->arena, uint32_t, cap);
    s->val = CX_NEW_N(g->arena, cx_slot, cap);
    s->cap = cap;
    s->now = 0;
  }
  if (++s->now == 0) {
    memset(s->stamp, 0, s->cap * sizeof *s->stamp);
    s->now = 1;
  }
  s->order.n = s->stack.n = 0;
  return s;
}

void cx_scratch_give(const cx_graph *g, cx_scratch *s) {
  s->next = g->hash->idle;
  g->hash->idle = s;
}
bool cx_once(cx_scratch *s, const cx_node *n) {
  if (n->id >= s->cap) return true;
  if (cx_seen(s, n)) return false;
  s->stamp[n->id] = s->now;
  return true;
}

static inline bool holds(const cx_node *n, uint32_t mask, bool any, bool all) {
  return all || (n->free_lo & mask) || (any && n->any_free);
}

static void walk(const cx_graph *g, cx_scratch *s, const cx_node *e, uint32_t mask, bool any, bool all) {
  cx_arena *a = g->arena;
  const cx_node *in = e;
  for (;;) {
    if (in && !cx_seen(s, in) && holds(in, mask, any, all)) {
      s->stamp[in->id] = s->now;
      CX_PUSH(a, s->stack);
      s->stack.at[s->stack.n - 1].n = in;
      s->stack.at[s->stack.n - 1].k = 0;
    }
    if (s->stack.n == 0) return;
    const cx_node *top = s->stack.at[s->stack.n - 1].n;
    uint32_t k = s->stack.at[s->stack.n - 1].k++;
    if (k < top->nargs) in = top->arg[k];
    else {
      s->stack.n--;
      *CX_PUSH(a, s->order) = top;
      in = NULL;
    }
  }
}
void cx_postorder(const cx_graph *g, cx_scratch *s, const cx_node *e) { walk(g, s, e, 0, false, true); }
/* cx_postorder, entering only nodes in which a slot of the mask, or (any) a slot >= 32, occurs */
static void postorder_slots(const cx_graph *g, cx_scratch *s, const cx_node *e, uint32_t mask, bool any) {
  walk(g, s, e, mask, any, false);
}

/* ---- walks ---- */
void cx_visit(cx_graph *g, const cx_node *e, void (*fn)(void *user, const cx_node *n), void *user) {
  cx_scratch *s = cx_scratch_take(g);
  cx_postorder(g, s, e);
  for (int i = 0; i < s->order.n; i++) fn(user, s->order.at[i]);
  cx_scratch_give(g, s);
}

static const cx_node *with_args(cx_graph *g, const cx_node *n, const cx_node *const *arg) {
  for (int i = 0; i < n->nargs; i++)
    if (arg[i] != n->arg[i])
      return n->op == OP_load ? cx_load(g, n->u.eq, arg, n->nargs) : cx_opn(g, n->op, arg, n->nargs);
  return n;
}

const cx_node *cx_rewrite(cx_graph *g, const cx_node *e, cx_rewrite_fn fn, void *user) {
  cx_scratch *s = cx_scratch_take(g);
  cx_postorder(g, s, e);
  const cx_node *arg[CX_MAX_RANK];
  for (int i = 0; i < s->order.n; i++) {
    const cx_node *n = s->order.at[i];
    for (int k = 0; k < n->nargs; k++) arg[k] = s->val[n->arg[k]->id].p;
    s->val[n->id].p = fn(user, g, with_args(g, n, arg));
  }
  e = s->val[e->id].p;
  cx_scratch_give(g, s);
  return e;
}

typedef struct {
  const cx_node *from, *to;
} exchange;
static const cx_node *exchange_node(void *user, cx_graph *g, const cx_node *n) {
  (void)g;
  return n == ((exchange *)user)->from ? ((exchange *)user)->to : n;
}

const cx_node *cx_exchange(cx_graph *g, const cx_node *e, const cx_node *from, const cx_node *to) {
  return cx_rewrite(g, e, exchange_node, &(exchange){from, to});
}

const cx_node *cx_subst(cx_graph *g, const cx_node *e, const int64_t *slot, const cx_node *const *to, int n) {
  uint32_t mask = 0;
  bool any = false;
  for (int i = 0; i < n; i++) {
    if (slot[i] >= 0 && slot[i] < 32) mask |= 1u << slot[i];
    else any = true;
  }
  if (!holds(e, mask, any, false)) return e;
  cx_scratch *s = cx_scratch_take(g);
  postorder_slots(g, s, e, mask, any);
  const cx_node *arg[CX_MAX_RANK];
  for (int i = 0; i < s->order.n; i++) {
    const cx_node *x = s->order.at[i], *r = x;
    if (x->op == OP_index) {
      for (int k = 0; k < n; k++)
        if (slot[k] == x->u.i) {
          r = to[k];
          break;
        }
    } else {
      for (int k = 0; k < x->nargs; k++) arg[k] = cx_seen(s, x->arg[k]) ? s->val[x->arg[k]->id].p : x->arg[k];
      r = with_args(g, x, arg);
    }
    s->val[x->id].p = r;
  }
  e = s->val[e->id].p;
  cx_scratch_give(g, s);
  return e;
}

/* ---- affine form ---- */
static bool as_int(double v, int64_t *out) {
  if (!(fabs(v) <= 9007199254740992.0) || v != floor(v)) return false; /* 2^53 */
  *out = (int64_t)v;
  return true;
}

/* A sum of terms (node, integer factor), taken apart until only constants and indices are left. The budget bounds
 * expressions that double by sharing; subscripts of real programs have a handful of terms. */
bool cx_affine(const cx_node *e, int64_t *c0, int64_t c[32]) {
  enum { STACK = 64, BUDGET = 2000 };
  struct {
    const cx_node *n;
    int64_t k;
  } st[STACK] = {{e, 1}};
  int top = 1;
  *c0 = 0;
  memset(c, 0, 32 * sizeof *c);
  for (int left = BUDGET; top > 0; left--) {
    if (left == 0 || top + 2 > STACK) return false;
    const cx_node *n = st[--top].n;
    int64_t k = st[top].k, v;
    switch (n->op) {
      case OP_const:
        if (!as_int(n->u.num, &v) || __builtin_mul_overflow(v, k, &v) || __builtin_add_overflow(*c0, v, c0))
          return false;
        break;
      case OP_index:
        if (n->u.i < 0 || n->u.i >= 32 || __builtin_add_overflow(c[n->u.i], k, &c[n->u.i])) return false;
        break;
      case OP_add:
      case OP_sub:
        if (n->op == OP_sub && k == INT64_MIN) return false;
        st[top].n = n->arg[1], st[top++].k = n->op == OP_add ? k : -k;
        st[top].n = n->arg[0], st[top++].k = k;
        break;
      case OP_neg:
        if (k == INT64_MIN) return false;
        st[top].n = n->arg[0], st[top++].k = -k;
        break;
      case OP_mul: {
        int f = n->arg[0]->op == OP_const ? 0 : 1; /* the constant factor */
        if (n->arg[f]->op != OP_const || !as_int(n->arg[f]->u.num, &v) || __builtin_mul_overflow(v, k, &k))
          return false;
        st[top].n = n->arg[1 - f], st[top++].k = k;
        break;
      }
      default: return false;
    }
  }
  return true;
}
