/* lower.h - private to lower*.c: the state of lowering one kernel. */
#ifndef CX_LOWER_H
#define CX_LOWER_H
#include "back/exec.h"

enum { LANE = -2, CLOSED = -1, NEST_SLOT = 26, PART_SLOT = 29, RUN_SLOT = 30, STEP_SLOT = 31 };

typedef CX_VEC(cx_ins) cx_code;

typedef struct {
  int slot;
  int64_t start, count, step;
  uint32_t id;
  bool loop;
  int depth;
  cx_code code;
  CX_VEC(cx_bump) bump;
} cx_level;
typedef struct {
  cx_opnd o;
  bool dr, dl;     /* differs between repetitions, between lanes */
  bool on, direct; /* computed; written straight to its destination */
  bool pinned;     /* read in a deeper loop: lives as long as its own */
  bool fold;       /* a product that its only user, a sum, takes along */
  const cx_node *user;
  int level;
  uint32_t id;
  int temp, total, left; /* its temporary; users, and those still to come */
  cx_linear *linear;     /* a sum of multiples: lower_linear.c */
  const cx_node **leaf;  /* its terms, and how often each occurs */
  int *times;
  int terms;        /* so many users are such sums */
  bool cooked, raw; /* raw: these read it as it lies in memory, whatever its type */
} cx_val;
typedef struct {
  int64_t off, size;
  bool used;
  uint32_t level;
} cx_temp; /* level: id of the loop that last used it */
typedef struct {
  int reg, n;
  struct {
    uint32_t id;
    int64_t by;
  } c[CX_LOOPS];
} cx_regkey;

/* the address of a load: c0 + sum coef[slot] * slot elements from the location's start */
typedef struct {
  cx_loc at;
  const cx_loc *loc;
  int64_t c0, coef[32], lane;
  bool affine;      /* every subscript */
  cx_access access; /* the subscripts that need a check or are computed */
  const cx_node *dyn[CX_MAX_RANK];
} cx_addr;

typedef struct {
  cx_sched *s;
  cx_kernel *k;
  const cx_vm_table *vm;
  const cx_kernels *kern;
  const cx_eq *e;
  const cx_place *p;
  cx_acc *acc; /* of the equation, where it sums over rows */
  int level_of[32];
  int rslot;
  int64_t R;
  bool bounded; /* repetitions end at bounds of the equation */
  cx_level level[CX_LOOPS];
  int nlevel; /* level[0] is the block itself */
  uint32_t next_id;
  CX_VEC(cx_reg) reg;
  CX_VEC(cx_regkey) key;
  CX_VEC(cx_temp) temp;
  int64_t top;
  cx_val *val;
  uint32_t nval; /* by node id */
  CX_VEC(const cx_node *) order;
  CX_VEC(int) held; /* temporaries to free when the open recurrence is closed */
  int floor;        /* level below which members of an open recurrence must not be hoisted */
  int *eq_temp;     /* by equation: its block, as a number of temp */
  int *last;        /* by equation: position of its last reader in this kernel */
} cx_lower_state;

#define L_INS(L, lv) CX_PUSH((L)->s->tmp, (L)->level[lv].code)

int cx_low_open(cx_lower_state *L, int slot, int64_t start, int64_t count, int64_t step);
void cx_low_close(cx_lower_state *L);
int cx_low_temp_new(cx_lower_state *L, int level, int64_t elements);
void cx_low_temp_free(cx_lower_state *L, int t);
cx_opnd cx_low_temp_opnd(cx_lower_state *L, int t, int64_t rs, int ls);
void cx_low_address(cx_lower_state *L, const cx_node *load, cx_addr *a);
/* operand of an address whose other slots are open levels; r: the repetition is rslot */
cx_opnd cx_low_addr_opnd(cx_lower_state *L, const cx_loc *loc, int64_t c0, const int64_t *coef, int64_t lane);
cx_opnd cx_low_dest(cx_lower_state *L, const cx_loc *loc);
cx_aff cx_low_aff_of(cx_lower_state *L, int64_t c0, const int64_t *coef);
cx_val cx_low_value(cx_lower_state *L, const cx_node *root, const cx_opnd *dest, bool dr, bool dl);
void cx_low_store(cx_lower_state *L, const cx_val *v, cx_opnd dest, bool dr, bool dl);
void cx_low_stream(cx_lower_state *L, const cx_val *v, cx_opnd dest, bool dr); /* past the caches, lane by lane */
void cx_low_fill(cx_lower_state *L, int level, cx_opnd d, bool dr, bool dl, double v);
bool cx_low_quotient(const cx_node *e, const cx_node *u, double m); /* is e floor(u / m), by a quotient or a product? */
void cx_low_need(cx_lower_state *L, const cx_node *root);           /* before cx_low_value: what the body needs */
/* runs fn at every point of the slots, innermost last; repeat: the last one in repetitions */
typedef struct {
  int at[2 * CX_MAX_RANK], n;
} cx_slots;
cx_slots cx_low_remaining(const cx_lower_state *L, int lo, int hi); /* those that no loop stands for yet */
void cx_low_nest(cx_lower_state *L, const cx_slots *s, int from, bool repeat, void (*fn)(cx_lower_state *L, void *user),
                 void *user);
void cx_low_forget(cx_lower_state *L, int base); /* after cx_low_value: frees the temporaries of the body */
/* the factors of a body; guards: lt and le without loads that multiply it */
enum { CX_MOST_FACTORS = 24 };
typedef struct {
  const cx_node *f[CX_MOST_FACTORS], *under[4];
  int n, nunder;
  bool negative, ok;
  const cx_node *guard[8];
  int nguard;
} cx_factors;
cx_factors cx_low_factors(const cx_node *body, uint32_t lane);
/* lower_conv.c: sums of products over several indices */
bool cx_lower_contract(cx_lower_state *L, const cx_eq *e, const cx_loc *dest);
/* lower_eq.c: is a sum over rows kept lane by lane until its other sums are done? Short blocks; adding up the lanes of each
 * costs more than adding blocks. */
bool cx_low_lanes_last(const cx_lower_state *L, const cx_eq *e);
/* elements of an equation a row; of its block, a row; where that lies */
int64_t cx_low_per_row(const cx_eq *e, const cx_place *p);
int64_t cx_low_kept(const cx_eq *e, const cx_place *p);
void cx_low_block_loc(cx_lower_state *L, cx_loc *l, const cx_eq *e, const cx_place *p, int temp);
/* an equation, and what is computed with it; lanes: a sum over rows whose other sums are open loops is collected there */
void cx_low_equation(cx_lower_state *L, const cx_eq *e, const cx_eq *twin, const cx_loc *lanes);
const cx_eq *cx_low_twin(const cx_lower_state *L, int i);
void cx_low_new_block(cx_lower_state *L, const cx_eq *e);
void cx_low_sums_begin(cx_lower_state *L, const cx_eq *e, cx_loc *lanes, int *temp);
void cx_low_sums_end(cx_lower_state *L, const cx_eq *e, const cx_loc *lanes);
/* nest.c: the equations of the kernel from the i-th on that share their loops; how many, 0: none */
int cx_low_nested(cx_lower_state *L, int i, const bool *done);
/* phases.c: an own index cut into parts, start + step * 0 .. n - 1; how many, 0: none */
enum { CX_PARTS = 8 };
typedef struct {
  int slot;
  int64_t step, start, n;
} cx_low_part_at;
int cx_phases(const cx_lower_state *L, const cx_eq *e, cx_low_part_at *part);
int cx_pieces(const cx_lower_state *L, const cx_eq *e, cx_low_part_at *part);
cx_eq *cx_low_part(cx_lower_state *L, const cx_eq *e, const cx_low_part_at *p);
/* scatter.c */
void cx_lower_scatter(cx_lower_state *L, const cx_scatter *s, const cx_loc *dest);
/* lower_linear.c */
void cx_low_find_linear(cx_lower_state *L);
/* lower_mat.c: sums of products; false: no such form */
bool cx_lower_product(cx_lower_state *L, const cx_eq *e, const cx_loc *dest);
#endif
