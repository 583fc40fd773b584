/* Every layer and loss of lib/nn*.calx against PyTorch: value and gradients, in double to 1e-10 and in single to 1e-5
 * (test/tables/make_nn.py says what is computed), and the gradient against differences of the value. */
#include <stdlib.h>

#include "check.h"
#include "run/fitting.h"

/* x (and what else is declared) gets the table's numbers, then the params of the layer, in the order they are met */
static const struct {
  const char *name, *text;
} cases[] = {
    {"relu", "param x[3, 4]; y = relu(x)"},
    {"leaky_relu", "param x[3, 4]; y = leaky_relu(x)"},
    {"leaky_relu_slope", "param x[3, 4]; y = leaky_relu(x, 0.2)"},
    {"elu", "param x[3, 4]; y = elu(x)"},
    {"elu_alpha", "param x[3, 4]; y = elu(x, alpha = 1.5)"},
    {"selu", "param x[3, 4]; y = selu(x)"},
    {"gelu", "param x[3, 4]; y = gelu(x)"},
    {"silu", "param x[3, 4]; y = silu(x)"},
    {"sigmoid", "param x[3, 4]; y = sigmoid(x)"},
    {"tanh", "param x[3, 4]; y = tanh(x)"},
    {"softplus", "param x[3, 4]; y = softplus(x)"},
    {"softmax", "param x[3, 4]; y = softmax(x)"},
    {"log_softmax", "param x[3, 4]; y = log_softmax(x)"},
    {"dense", "param x[3, 4]; y = dense(x, 5)"},
    {"dense_no_bias", "param x[3, 4]; y = dense(x, 5, bias = false)"},
    {"embedding", "param x[1]; t = [[1, 0, 5], [2, 2, 4]]; y = embedding(t, 6, 3) * x"},
    {"conv", "param x[2, 6, 5, 2]; y = conv(x, 4, 3)"},
    {"conv_gray", "param x[2, 6, 5]; y = conv(x, 4, 3)"},
    {"conv_no_bias", "param x[2, 6, 5, 2]; y = conv(x, 4, 2, bias = false)"},
    {"conv_stride", "param x[2, 7, 6, 2]; y = conv(x, 4, 3, stride = 2)"},
    {"conv_padding", "param x[2, 4, 5, 2]; y = conv(x, 4, 3, padding = 1)"},
    {"conv_dilation", "param x[2, 7, 6, 2]; y = conv(x, 4, 3, dilation = 2)"},
    {"conv_groups", "param x[2, 5, 4, 4]; y = conv(x, 6, 3, groups = 2)"},
    {"conv_depthwise", "param x[2, 5, 4, 3]; y = conv(x, 3, 2, groups = 3)"},
    {"conv_all", "param x[2, 8, 7, 4]; y = conv(x, 4, 3, stride = 2, padding = 2, dilation = 2, groups = 2)"},
    {"conv1d", "param x[2, 7, 3]; y = conv1d(x, 4, 3)"},
    {"conv1d_all", "param x[2, 9, 4]; y = conv1d(x, 6, 3, stride = 2, padding = 2, dilation = 2, groups = 2)"},
    {"conv_transpose", "param x[2, 3, 4, 2]; y = conv_transpose(x, 4, 3)"},
    {"conv_transpose_all",
     "param x[2, 3, 4, 2]; y = conv_transpose(x, 3, 3, stride = 3, padding = 1, dilation = 2, extra = 2)"},
    {"conv_transpose_groups",
     "param x[2, 3, 4, 4]; y = conv_transpose(x, 6, 3, stride = 2, padding = 1, extra = 1, groups = 2)"},
    {"conv_transpose_crop", "param x[2, 3, 4, 2]; y = conv_transpose(x, 3, 2, stride = 2, padding = 2)"},
    {"conv1d_transpose", "param x[2, 5, 2]; y = conv1d_transpose(x, 4, 3, stride = 2, padding = 1, extra = 1)"},
    {"conv1d_transpose_groups",
     "param x[2, 5, 6]; y = conv1d_transpose(x, 3, 3, stride = 2, dilation = 2, groups = 3)"},
    {"maxpool", "param x[2, 6, 4, 3]; y = maxpool(x, 2)"},
    {"maxpool_gray", "param x[2, 6, 4]; y = maxpool(x, 2)"},
    {"maxpool_overlap", "param x[2, 7, 5, 3]; y = maxpool(x, 3, stride = 2, padding = 1)"},
    {"avgpool", "param x[2, 6, 4, 3]; y = avgpool(x, 2)"},
    {"avgpool_overlap", "param x[2, 7, 5, 3]; y = avgpool(x, 3, stride = 2, padding = 1)"},
    {"maxpool1d", "param x[2, 7, 3]; y = maxpool1d(x, 3, stride = 2)"},
    {"avgpool1d", "param x[2, 7, 3]; y = avgpool1d(x, 3, stride = 2, padding = 1)"},
    {"global_maxpool", "param x[2, 4, 3, 3]; y = global_maxpool(x)"},
    {"global_avgpool", "param x[2, 4, 3, 3]; y = global_avgpool(x)"},
    {"layer_norm", "param x[2, 3, 5]; y = layer_norm(x)"},
    {"rms_norm", "param x[2, 3, 5]; y = rms_norm(x)"},
    {"group_norm", "param x[2, 3, 4, 6]; y = group_norm(x, 3)"},
    {"instance_norm", "param x[2, 3, 4, 3]; y = group_norm(x, 3)"},
    {"group_norm_features", "param x[4, 6]; y = group_norm(x, 2)"},
    {"batch_norm", "param x[6, 3]; y = batch_norm(x)"},
    {"batch_norm_sequences", "param x[4, 3, 2]; y = batch_norm(x)"},
    {"batch_norm_images", "param x[3, 4, 2, 3]; y = batch_norm(x)"},
    {"attention", "param x[2, 5, 4]; y = multi_head_attention(x, 2)"},
    {"attention_causal", "param x[2, 5, 4]; y = multi_head_attention(x, 2, causal = true)"},
    {"attention_padding",
     "param x[2, 5, 4]; k = [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]; y = multi_head_attention(x, 1, keep = k)"},
    {"attention_memory", "param x[2, 3, 4], m[2, 5, 3]; y = multi_head_attention(x, 2, memory = m)"},
    {"attention_rotary", "param x[2, 5, 4]; y = multi_head_attention(x, 2, rotary = true)"},
    {"rotate", "param x[2, 5, 6]; y = rotate(x)"},
    {"rnn", "param x[2, 5, 3]; y = rnn(x, 4)"},
    {"gru", "param x[2, 5, 3]; y = gru(x, 4)"},
    {"lstm", "param x[2, 5, 3]; y = lstm(x, 4)"},
    {"rnn_start", "param x[2, 5, 3], h[2, 4]; y = rnn(x, 4, h)"},
    {"gru_start", "param x[2, 5, 3], h[2, 4]; y = gru(x, 4, start = h)"},
    {"lstm_start", "param x[2, 5, 3], h[2, 4], s[2, 4]; y = lstm(x, 4, h, s)"},
    {"rnn_cell", "param x[2, 3], h[2, 4]; y = rnn_cell(x, h)"},
    {"gru_cell", "param x[2, 3], h[2, 4]; y = gru_cell(x, h)"},
    {"lstm_cell", "param x[2, 3], h[2, 8]; y = lstm_cell(x, h)"},
    {"cross_entropy", "param x[5, 4]; y = cross_entropy(softmax(x), [1, 0, 3, 2, 1])"},
    {"cross_entropy_smooth", "param x[5, 4]; y = cross_entropy(softmax(x), [1, 0, 3, 2, 1], smoothing = 0.1)"},
    {"cross_entropy_weight", "param x[5, 4]; y = cross_entropy(softmax(x), [1, 0, 3, 2, 1], weight = [1, 2, 0.5, 3])"},
    {"cross_entropy_both",
     "param x[5, 4]; y = cross_entropy(softmax(x), [1, 0, 3, 2, 1], smoothing = 0.1, weight = [1, 2, 0.5, 3])"},
    {"binary_cross_entropy", "param x[5]; y = binary_cross_entropy(sigmoid(x), [1, 0, 1, 1, 0])"},
    {"binary_cross_entropy_weight", "param x[5]; y = binary_cross_entropy(sigmoid(x), [1, 0, 1, 1, 0], weight = 3)"},
    {"mse", "param x[5, 4], z[5, 4]; y = mse(x, z)"},
    {"mae", "param x[5, 4], z[5, 4]; y = mae(x, z)"},
    {"huber", "param x[5, 4], z[5, 4]; y = huber(x, z, delta = 0.4)"},
    {"hinge", "param x[5]; y = hinge(x, [1, 0, 1, 1, 0])"},
    {"kl_loss", "param x[5, 4], z[5, 4]; y = kl_loss(softmax(x), softmax(z))"},
    {"cosine_loss", "param x[5, 4], z[5, 4]; y = cosine_loss(x, z, [1, 0, 1, 1, 0], margin = 0.1)"},
    {"contrastive", "param x[5, 4], z[5, 4]; y = contrastive(x, z, [1, 0, 1, 1, 0], margin = 2)"},
};
enum { CASES = sizeof cases / sizeof *cases, MOST = 4096 };

static double expected[MOST];
static int read_row(const char *name) { /* all its numbers, in the order they stand; 0: no such row */
  FILE *f = fopen(CX_TEST_DIR "/tables/nn.txt", "r");
  static char line[1 << 17];
  int n = 0;
  while (f && !n && fgets(line, sizeof line, f)) {
    size_t len = strlen(name);
    if (strncmp(line, name, len) || line[len] != '\t') continue;
    for (char *p = line + len, *end; n < MOST; p = end) {
      expected[n] = strtod(p, &end);
      if (end == p) break;
      n++;
    }
  }
  if (f) fclose(f);
  return n;
}

typedef struct { /* a case as a problem */
  cx_ctx *ctx;
  cx_arena *a;
  cx_model *m;
  cx_problem p;
  cx_flat flat;
  cx_fn *y;
  bool single;
} net;
static bool open_net(net *t, const char *text, bool single) {
  char all[2000];
  snprintf(all, sizeof all,
           "%s\n%s\nc[k in 0..size(y)-1] = cos(1 + 0.7 * mod(k, 32))\nminimize sum(c * reshape(y, size(y)))\nprint y\n",
           single ? "precision single" : "", text);
  t->single = single;
  t->ctx = cx_ctx_new(NULL, NULL);
  t->a = cx_arena_new(t->ctx);
  cx_program *p = cx_program_new(t->ctx, t->a, cx_source_add(t->ctx, "case", all, strlen(all)), NULL);
  cx_elab_opt opt = {0};
  t->m = cx_elaborate(p, t->a, p->decl, p->ndecl, &opt);
  for (int k = 0; k < cx_diag_count(t->ctx); k++) fputs(cx_diag_render(t->ctx, t->a, k, false), stderr);
  if (!t->m) return false;
  t->flat = cx_flat_new(t->m, t->a, t->m->nparam);
  cx_objective_new(t->m, p, t->a, t->m->objective, &t->flat, 1, &t->p);
  cx_model training = *t->m; /* as the objective's gradient is */
  training.training = true;
  t->y = cx_fn_new(&training, t->a, &t->m->action[0].query[0].eq, 1, 1);
  return true;
}
static void close_net(net *t) {
  cx_arena_free(t->a);
  cx_ctx_free(t->ctx);
}

static void put(const net *t, void *v, int64_t k, double x) {
  if (t->single) ((float *)v)[k] = (float)x;
  else ((double *)v)[k] = x;
}
static double get(const net *t, const void *v, int64_t k) {
  return t->single ? (double)((const float *)v)[k] : ((const double *)v)[k];
}

static double objective_at(net *t, const double *x) {
  double f = NAN;
  CHECK(t->p.value(t->p.user, x, &f) == 0);
  return f;
}

/* along a direction, by central differences at two steps, extrapolated: no part of the gradient may hide in it */
static void against_differences(net *t, const char *name, const double *g) {
  int64_t n = t->p.n;
  double x[MOST], v[MOST], slope = 0, d[2];
  for (int p = 0; p < t->flat.n; p++)
    for (int64_t k = t->flat.offset[p]; k < t->flat.offset[p + 1]; k++)
      x[k] = (p == 0 ? 1.5 : p == 1 ? 0.5 : 0.4) * sin(1 + p + 0.9 * (double)(k - t->flat.offset[p]));
  for (int64_t k = 0; k < n; k++) v[k] = cos(2.3 * (double)k + 0.4), slope += v[k] * g[k];
  for (int j = 0; j < 2; j++) {
    double h = j ? 5e-5 : 1e-4, y[MOST];
    for (int64_t k = 0; k < n; k++) y[k] = x[k] + h * v[k];
    d[j] = objective_at(t, y);
    for (int64_t k = 0; k < n; k++) y[k] = x[k] - h * v[k];
    d[j] = (d[j] - objective_at(t, y)) / (2 * h);
  }
  double found = (4 * d[1] - d[0]) / 3;
  check_count++;
  if (fabs(found - slope) <= 1e-7 * fmax(1, fabs(slope))) return;
  check_failed++;
  fprintf(stderr, "%s: slope %.12g, by differences %.12g\n", name, slope, found);
}

static void compare(const char *name, bool single, const char *what, double got, double want, double size) {
  check_count++;
  if (fabs(got - want) <= (single ? 1e-5 : 1e-10) * fmax(1, size)) return;
  check_failed++;
  fprintf(stderr, "%s%s: %s = %.17g, by torch %.17g\n", name, single ? " in single" : "", what, got, want);
}

static void one(const char *name, const char *text, bool single) {
  net t = {0};
  int n = read_row(name);
  CHECK(n > 0);
  if (n > 0 && open_net(&t, text, single)) {
    int64_t ny = t.y->out_n[0];
    CHECK(ny + t.p.n == n);
    if (ny + t.p.n == n) {
      double x[MOST], y[MOST], g[MOST], f;
      for (int p = 0; p < t.flat.n; p++)
        for (int64_t k = t.flat.offset[p]; k < t.flat.offset[p + 1]; k++)
          put(&t, x, k, (p == 0 ? 1.5 : p == 1 ? 0.5 : 0.4) * sin(1 + p + 0.9 * (double)(k - t.flat.offset[p])));
      const char *why = NULL;
      void *out = y;
      CHECK(cx_fn_at(t.y, cx_work_new(t.a, t.y->exec), &t.flat, x, &out, &why) == 0);
      CHECK(t.p.gradient(t.p.user, x, &f, g) == 0);
      double sum = 0, largest = 0;
      for (int64_t k = 0; k < ny; k++) {
        compare(name, single, "y", get(&t, y, k), expected[k], fabs(expected[k]));
        sum += cos(1 + 0.7 * (double)(k % 32)) * expected[k];
      }
      compare(name, single, "the objective", f, sum, fabs(sum));
      for (int64_t k = 0; k < t.p.n; k++) largest = fmax(largest, fabs(expected[ny + k]));
      for (int64_t k = 0; k < t.p.n; k++)
        compare(name, single, "a derivative", get(&t, g, k), expected[ny + k], largest);
      if (!single) against_differences(&t, name, g);
    }
  } else {
    fprintf(stderr, "%s: cannot be made\n", name);
    check_failed++;
  }
  close_net(&t);
}

int main(void) {
  for (int k = 0; k < CASES; k++)
    for (int single = 0; single < 2; single++) one(cases[k].name, cases[k].text, single);
  return CHECK_DONE();
}
