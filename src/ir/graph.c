/* graph.c - hash-consed nodes and the equations that own them.
 *
 * A node is identified by (op, payload bits, argument pointers). Its hash depends on structure alone, never on an
 * address or on the order of creation; commutative arguments are ordered by structure too, so that a graph read
 * back from its text has the same nodes. */
#include "ir/graph_int.h"
#include "ir/simplify.h"
#include <math.h>
#include <string.h>

cx_graph *cx_graph_new(cx_ctx *c, cx_arena *a) {
  cx_graph *g = CX_NEW(a, cx_graph);
  g->ctx = c;
  g->arena = a;
  g->at = CX_NOSPAN;
  g->hash = CX_NEW(a, struct cx_hash);
  g->hash->cap = 64;
  g->hash->slot = CX_NEW_N(a, const cx_node *, g->hash->cap);
  return g;
}

cx_eq *cx_eq_new(cx_graph *g, cx_sym name, cx_eq_kind kind) {
  if (g->neq == g->cap_eq) g->eq = cx_grow(g->arena, g->eq, &g->cap_eq, sizeof *g->eq);
  cx_eq *e = CX_NEW(g->arena, cx_eq);
  e->id = (uint32_t)g->neq;
  if (!name) {
    const char *s = cx_format(g->arena, "_%u", (unsigned)e->id);
    name = cx_intern_z(g->ctx, s);
  }
  e->name = name;
  e->kind = (uint8_t)kind;
  e->lo = -INFINITY;
  e->hi = INFINITY;
  e->span = CX_NOSPAN;
  g->eq[g->neq++] = e;
  return e;
}

const char *cx_eq_shape(cx_arena *a, const cx_eq *e) {
  bool named = e->name && e->name[0] != '_';
  cx_buf b = {.arena = a};
  cx_putf(&b, named ? "`%s" : "an array%s", named ? e->name : e->rank ? " " : "");
  for (int k = 0; k < e->rank; k++) {
    cx_puts(&b, k ? ", " : "[");
    if (e->dim[k].name) cx_putf(&b, "%s = ", e->dim[k].name);
    cx_putf(&b, "%lld", (long long)e->dim[k].n);
  }
  cx_putf(&b, "%s%s", e->rank ? "]" : "", named ? "`" : "");
  return b.at;
}

void cx_note_largest(const cx_graph *g, size_t size) {
  const cx_eq *big = NULL;
  double most = 0;
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    double n = 1;
    for (int d = 0; d < e->rank; d++) n *= (double)e->dim[d].n;
    if (n > most && e->span.file >= 0 && !(e->kind == EQ_INPUT && e->constant)) most = n, big = e;
  }
  int last = cx_diag_count(g->ctx) - 1;
  if (!big || cx_diag_get(g->ctx, last).sev == CX_NOTE) return;
  cx_arena *a = cx_arena_new(g->ctx);
  int id = cx_diag(g->ctx, CX_NOTE, CX_OK, big->span, "the largest array is %s: %.3g elements, %.3g GB",
                   cx_eq_shape(a, big), most, most * (double)size / 1e9);
  cx_diag_help(
      g->ctx, id,
      big->kind == EQ_INPUT ? "make a size smaller" : "a sum over an index keeps no array; or make a size smaller");
  cx_arena_free(a);
}

void cx_graph_output(cx_graph *g, uint32_t eq) {
  if (g->nout == g->cap_out) g->out = cx_grow(g->arena, g->out, &g->cap_out, sizeof *g->out);
  g->out[g->nout++] = eq;
}

/* ---- the table ---- */
static uint64_t mix(uint64_t h, uint64_t v) { /* splitmix64's finaliser over a running state */
  h = (h ^ v) + 0x9e3779b97f4a7c15u;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

uint32_t cx_node_hash(uint16_t op, int64_t bits, const cx_node *const *arg, int n) {
  uint64_t h = mix(op, (uint64_t)bits);
  for (int i = 0; i < n; i++) h = mix(h, arg[i]->hash);
  return (uint32_t)(h ^ (h >> 32));
}

static bool same(const cx_node *x, uint32_t hash, uint16_t op, int64_t bits, const cx_node *const *arg, int n) {
  if (x->hash != hash || x->op != op || x->nargs != n || x->u.i != bits) return false;
  for (int i = 0; i < n; i++)
    if (x->arg[i] != arg[i]) return false;
  return true;
}

const cx_node *cx_node_find(const cx_graph *g, uint32_t hash, uint16_t op, int64_t bits, const cx_node *const *arg,
                            int n) {
  const struct cx_hash *h = g->hash;
  for (uint32_t i = hash & (h->cap - 1); h->slot[i]; i = (i + 1) & (h->cap - 1))
    if (same(h->slot[i], hash, op, bits, arg, n)) return h->slot[i];
  return NULL;
}

static void insert(struct cx_hash *h, const cx_node *n) {
  uint32_t i = n->hash & (h->cap - 1);
  while (h->slot[i]) i = (i + 1) & (h->cap - 1);
  h->slot[i] = n;
}

static void widen(cx_graph *g) {
  struct cx_hash *h = g->hash;
  h->slot = CX_NEW_N(g->arena, const cx_node *, (size_t)h->cap * 2); /* may throw: cap stays right */
  h->cap *= 2;
  for (int i = 0; i < h->node.n; i++) insert(h, h->node.at[i]);
}

static const cx_node *make(cx_graph *g, uint16_t op, int64_t bits, const cx_node *const *arg, int n) {
  struct cx_hash *h = g->hash;
  uint32_t hash = cx_node_hash(op, bits, arg, n);
  const cx_node *old = cx_node_find(g, hash, op, bits, arg, n);
  if (old) return old;
  if ((uint32_t)h->node.n + 1 > h->cap / 2) widen(g);
  cx_node *x = cx_alloc(g->arena, sizeof *x + (size_t)n * sizeof x->arg[0]);
  x->op = op;
  x->nargs = (uint16_t)n;
  x->hash = hash;
  x->u.i = bits;
  x->has_load = op == OP_load;
  if (op == OP_index) {
    if (bits >= 0 && bits < 32) x->free_lo = 1u << bits;
    else x->any_free = true;
  }
  for (int i = 0; i < n; i++) {
    x->arg[i] = arg[i];
    x->free_lo |= arg[i]->free_lo;
    x->any_free |= arg[i]->any_free;
    x->has_load |= arg[i]->has_load;
  }
  x->id = (uint32_t)h->node.n;
  *CX_PUSH(g->arena, h->node) = x;
  insert(h, x);
  return x;
}

/* Indices first, then loads, then operations, constants last; then by slot or equation, then by structural hash.
 * The id decides only between different nodes of equal hash. */
static int group(const cx_node *n) { return n->op == OP_index ? 0 : n->op == OP_load ? 1 : n->op == OP_const ? 3 : 2; }
bool cx_comm_before(const cx_node *x, const cx_node *y) {
  int a = group(x), b = group(y);
  if (a != b) return a < b;
  if (a < 2 && x->u.i != y->u.i) return x->u.i < y->u.i;
  return x->hash != y->hash ? x->hash < y->hash : x->id < y->id;
}

/* ---- constructors ---- */
const cx_node *cx_const(cx_graph *g, double v) {
  union {
    double d;
    int64_t i;
  } u;
  u.d = isnan(v) ? (double)NAN : v; /* one NaN; -0 and 0 stay apart */
  return make(g, OP_const, u.i, NULL, 0);
}

const cx_node *cx_index(cx_graph *g, int64_t slot) { return make(g, OP_index, slot, NULL, 0); }

const cx_node *cx_load(cx_graph *g, uint32_t eq, const cx_node *const *sub, int nsub) {
  union {
    uint32_t eq;
    int64_t i;
  } u;
  u.i = 0;
  u.eq = eq;
  return make(g, OP_load, u.i, sub, nsub);
}

const cx_node *cx_load_here(cx_graph *g, const cx_eq *e) {
  const cx_node *sub[CX_MAX_RANK];
  for (int k = 0; k < e->rank; k++) sub[k] = cx_index(g, k);
  return cx_load(g, e->id, sub, e->rank);
}

const cx_node *cx_raw(cx_graph *g, cx_op op, const cx_node *const *arg, int n) {
  if (n >= 2 && (cx_ops[op].facts & F_COMM) && cx_comm_before(arg[1], arg[0])) {
    const cx_node *t[3] = {arg[1], arg[0], n > 2 ? arg[2] : NULL};
    return make(g, (uint16_t)op, 0, t, n);
  }
  return make(g, (uint16_t)op, 0, arg, n);
}

const cx_node *cx_opn(cx_graph *g, cx_op op, const cx_node *const *arg, int n) {
  double v[3] = {0, 0, 0};
  bool all = cx_ops[op].eval != NULL;
  for (int i = 0; i < n && all; i++)
    if ((all = arg[i]->op == OP_const)) v[i] = arg[i]->u.num;
  if (all) return cx_const(g, cx_ops[op].eval(v));
  const cx_node *s = cx_simplify_node(g, op, arg, n);
  return s ? s : cx_raw(g, op, arg, n);
}
const cx_node *cx_op1(cx_graph *g, cx_op op, const cx_node *x) { return cx_opn(g, op, &x, 1); }
const cx_node *cx_op2(cx_graph *g, cx_op op, const cx_node *x, const cx_node *y) {
  const cx_node *a[2] = {x, y};
  return cx_opn(g, op, a, 2);
}
const cx_node *cx_op3(cx_graph *g, cx_op op, const cx_node *x, const cx_node *y, const cx_node *z) {
  const cx_node *a[3] = {x, y, z};
  return cx_opn(g, op, a, 3);
}
