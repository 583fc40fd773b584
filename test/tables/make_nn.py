"""Writes nn.txt: values and gradients of PyTorch's layers and losses, in double, for layers of lib/nn*.calx.

Run with PyTorch 1.13 or later (Debian: python3-torch). Input and params of a case have the shapes given here, in calx's
order and layout (channels last); element k of the p-th of them is SIZE[p] sin(1 + p + 0.9 k), SIZE repeating its last.
The objective is the sum of cos(1 + 0.7 (k mod 32)) y[k] over the elements k of the output. A case is a line

  name TAB y... TAB gradient by input 0... TAB gradient by param 1... and so on
"""
import math
import pathlib
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
L = torch.tensor([1, 0, 3, 2, 1])  # labels
B = torch.tensor([1.0, 0, 1, 1, 0])


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def conv(x, W, b=None, **o):  # W[u, v, c, m]
    return nhwc(F.conv2d(nchw(x), W.permute(3, 2, 0, 1), b, **o))


def conv_transpose(x, W, b, **o):
    return nhwc(F.conv_transpose2d(nchw(x), W.permute(2, 3, 0, 1), b, **o))


def conv1d(x, W, b=None, **o):
    return F.conv1d(x.transpose(1, 2), W.permute(2, 1, 0), b, **o).transpose(1, 2)


def conv1d_transpose(x, W, b, **o):
    return F.conv_transpose1d(x.transpose(1, 2), W.permute(1, 2, 0), b, **o).transpose(1, 2)


def attention(x, Wq, bq, Wk, bk, Wv, bv, Wo, bo, heads, memory=None, **o):
    memory = x if memory is None else memory
    d = Wq.shape[1]
    m = torch.nn.MultiheadAttention(d, heads, batch_first=True, kdim=memory.shape[-1], vdim=memory.shape[-1])
    q, k, v = x @ Wq + bq, memory @ Wk + bk, memory @ Wv + bv
    eye = torch.eye(d)
    y, _ = F.multi_head_attention_forward(
        q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), d, heads, None, torch.zeros(3 * d), None, None, False,
        0.0, Wo.T, bo, use_separate_proj_weight=True, q_proj_weight=eye, k_proj_weight=eye, v_proj_weight=eye, **o)
    return y.transpose(0, 1)


def rotated(x):  # as complex numbers
    T, d = x.shape[-2:]
    angle = torch.arange(T)[:, None] / 10000.0 ** (2 * torch.arange(d // 2) / d)
    return torch.view_as_real(torch.view_as_complex(x.reshape(*x.shape[:-1], d // 2, 2).contiguous())
                              * torch.polar(torch.ones_like(angle), angle)).reshape(x.shape)


def rotary_attention(x, Wq, bq, Wk, bk, Wv, bv, Wo, bo, heads):
    n, T, d = x.shape
    q, k, v = [(x @ W + b).reshape(n, T, heads, d // heads).transpose(1, 2) for W, b in
               ((Wq, bq), (Wk, bk), (Wv, bv))]
    a = (rotated(q) @ rotated(k).transpose(2, 3) / math.sqrt(d // heads)).softmax(-1)
    return (a @ v).transpose(1, 2).reshape(n, T, d) @ Wo + bo


def recurrent(kind, x, W, U, b, bh, start=None):
    m = U.shape[0]
    net = kind(x.shape[-1], m, batch_first=True)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        delattr(net, name)
    net.weight_ih_l0, net.weight_hh_l0, net.bias_ih_l0, net.bias_hh_l0 = W.T, U.T, b, bh
    net._flat_weights = [net.weight_ih_l0, net.weight_hh_l0, net.bias_ih_l0, net.bias_hh_l0]
    return net(x, start)[0]


def gru(x, W, b, U, bh, start=None):
    m = U.shape[0]
    return recurrent(torch.nn.GRU, x, W, U, b, torch.cat([torch.zeros(2 * m), bh]), start)


def lstm_cell(x, both, W, b, U):
    m = U.shape[0]
    net = torch.nn.LSTMCell(x.shape[-1], m)
    for name, v in {"weight_ih": W.T, "weight_hh": U.T, "bias_ih": b, "bias_hh": torch.zeros(4 * m)}.items():
        delattr(net, name)
        setattr(net, name, v)
    return torch.cat(net(x, both.split(m, -1)), -1)


ATT = [(4, 4), (4,)] * 4
CASES = {
    "relu": ([(3, 4)], F.relu),
    "leaky_relu": ([(3, 4)], F.leaky_relu),
    "leaky_relu_slope": ([(3, 4)], lambda x: F.leaky_relu(x, 0.2)),
    "elu": ([(3, 4)], F.elu),
    "elu_alpha": ([(3, 4)], lambda x: F.elu(x, 1.5)),
    "selu": ([(3, 4)], F.selu),
    "gelu": ([(3, 4)], F.gelu),
    "silu": ([(3, 4)], F.silu),
    "sigmoid": ([(3, 4)], torch.sigmoid),
    "tanh": ([(3, 4)], torch.tanh),
    "softplus": ([(3, 4)], F.softplus),
    "softmax": ([(3, 4)], lambda x: x.softmax(-1)),
    "log_softmax": ([(3, 4)], lambda x: x.log_softmax(-1)),
    "dense": ([(3, 4), (4, 5), (5,)], lambda x, W, b: F.linear(x, W.T, b)),
    "dense_no_bias": ([(3, 4), (4, 5)], lambda x, W: F.linear(x, W.T)),
    "embedding": ([(1,), (6, 3)], lambda x, E: F.embedding(torch.tensor([[1, 0, 5], [2, 2, 4]]), E) * x),
    "conv": ([(2, 6, 5, 2), (3, 3, 2, 4), (4,)], lambda x, W, b: conv(x, W, b)),
    "conv_gray": ([(2, 6, 5), (3, 3, 1, 4), (4,)], lambda x, W, b: conv(x[..., None], W, b)),
    "conv_no_bias": ([(2, 6, 5, 2), (2, 2, 2, 4)], lambda x, W: conv(x, W)),
    "conv_stride": ([(2, 7, 6, 2), (3, 3, 2, 4), (4,)], lambda x, W, b: conv(x, W, b, stride=2)),
    "conv_padding": ([(2, 4, 5, 2), (3, 3, 2, 4), (4,)], lambda x, W, b: conv(x, W, b, padding=1)),
    "conv_dilation": ([(2, 7, 6, 2), (3, 3, 2, 4), (4,)], lambda x, W, b: conv(x, W, b, dilation=2)),
    "conv_groups": ([(2, 5, 4, 4), (3, 3, 2, 6), (6,)], lambda x, W, b: conv(x, W, b, groups=2)),
    "conv_depthwise": ([(2, 5, 4, 3), (2, 2, 1, 3), (3,)], lambda x, W, b: conv(x, W, b, groups=3)),
    "conv_all": ([(2, 8, 7, 4), (3, 3, 2, 4), (4,)],
                 lambda x, W, b: conv(x, W, b, stride=2, padding=2, dilation=2, groups=2)),
    "conv1d": ([(2, 7, 3), (3, 3, 4), (4,)], lambda x, W, b: conv1d(x, W, b)),
    "conv1d_all": ([(2, 9, 4), (3, 2, 6), (6,)],
                   lambda x, W, b: conv1d(x, W, b, stride=2, padding=2, dilation=2, groups=2)),
    "conv_transpose": ([(2, 3, 4, 2), (3, 3, 2, 4), (4,)], lambda x, W, b: conv_transpose(x, W, b)),
    "conv_transpose_all": ([(2, 3, 4, 2), (3, 3, 2, 3), (3,)], lambda x, W, b: conv_transpose(
        x, W, b, stride=3, padding=1, dilation=2, output_padding=2)),
    "conv_transpose_groups": ([(2, 3, 4, 4), (3, 3, 4, 3), (6,)], lambda x, W, b: conv_transpose(
        x, W, b, stride=2, padding=1, output_padding=1, groups=2)),
    "conv_transpose_crop": ([(2, 3, 4, 2), (2, 2, 2, 3), (3,)], lambda x, W, b: conv_transpose(
        x, W, b, stride=2, padding=2)),
    "conv1d_transpose": ([(2, 5, 2), (3, 2, 4), (4,)], lambda x, W, b: conv1d_transpose(
        x, W, b, stride=2, padding=1, output_padding=1)),
    "conv1d_transpose_groups": ([(2, 5, 6), (3, 6, 1), (3,)], lambda x, W, b: conv1d_transpose(
        x, W, b, stride=2, dilation=2, groups=3)),
    "maxpool": ([(2, 6, 4, 3)], lambda x: nhwc(F.max_pool2d(nchw(x), 2))),
    "maxpool_gray": ([(2, 6, 4)], lambda x: F.max_pool2d(x[:, None], 2)[:, 0]),
    "maxpool_overlap": ([(2, 7, 5, 3)], lambda x: nhwc(F.max_pool2d(nchw(x), 3, stride=2, padding=1))),
    "avgpool": ([(2, 6, 4, 3)], lambda x: nhwc(F.avg_pool2d(nchw(x), 2))),
    "avgpool_overlap": ([(2, 7, 5, 3)], lambda x: nhwc(F.avg_pool2d(nchw(x), 3, stride=2, padding=1))),
    "maxpool1d": ([(2, 7, 3)], lambda x: F.max_pool1d(x.transpose(1, 2), 3, stride=2).transpose(1, 2)),
    "avgpool1d": ([(2, 7, 3)], lambda x: F.avg_pool1d(x.transpose(1, 2), 3, stride=2, padding=1).transpose(1, 2)),
    "global_maxpool": ([(2, 4, 3, 3)], lambda x: x.amax((1, 2))),
    "global_avgpool": ([(2, 4, 3, 3)], lambda x: x.mean((1, 2))),
    "layer_norm": ([(2, 3, 5), (5,), (5,)], lambda x, g, s: F.layer_norm(x, (5,), g, s)),
    "rms_norm": ([(2, 3, 5), (5,)], lambda x, g: x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * g),
    "group_norm": ([(2, 3, 4, 6), (6,), (6,)], lambda x, g, s: nhwc(F.group_norm(nchw(x), 3, g, s))),
    "instance_norm": ([(2, 3, 4, 3), (3,), (3,)], lambda x, g, s: nhwc(F.instance_norm(nchw(x), weight=g, bias=s))),
    "group_norm_features": ([(4, 6), (6,), (6,)], lambda x, g, s: F.group_norm(x, 2, g, s)),
    # in training; the running mean and variance count as params, and take no part
    "batch_norm": ([(6, 3), *[(3,)] * 4], lambda x, m, v, g, s: F.batch_norm(x, None, None, g, s, training=True)),
    "batch_norm_sequences": ([(4, 3, 2), *[(2,)] * 4], lambda x, m, v, g, s: F.batch_norm(
        x.transpose(1, 2), None, None, g, s, training=True).transpose(1, 2)),
    "batch_norm_images": ([(3, 4, 2, 3), *[(3,)] * 4], lambda x, m, v, g, s: nhwc(F.batch_norm(
        nchw(x), None, None, g, s, training=True))),
    "attention": ([(2, 5, 4), *ATT], lambda x, *w: attention(x, *w, heads=2)),
    "attention_causal": ([(2, 5, 4), *ATT], lambda x, *w: attention(
        x, *w, heads=2, attn_mask=torch.ones(5, 5, dtype=torch.bool).triu(1))),
    "attention_padding": ([(2, 5, 4), *ATT], lambda x, *w: attention(
        x, *w, heads=1, key_padding_mask=torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 0, 1]], dtype=torch.bool))),
    "attention_memory": ([(2, 3, 4), (2, 5, 3), (4, 4), (4,), (3, 4), (4,), (3, 4), (4,), (4, 4), (4,)],
                         lambda x, m, *w: attention(x, *w, heads=2, memory=m)),
    "attention_rotary": ([(2, 5, 4), *ATT], lambda x, *w: rotary_attention(x, *w, heads=2)),
    "rotate": ([(2, 5, 6)], rotated),
    "rnn": ([(2, 5, 3), (3, 4), (4, 4), (4,)],
            lambda x, W, U, b: recurrent(torch.nn.RNN, x, W, U, b, torch.zeros(4))),
    "gru": ([(2, 5, 3), (3, 12), (12,), (4, 12), (4,)], gru),
    "lstm": ([(2, 5, 3), (3, 16), (16,), (4, 16)],
             lambda x, W, b, U: recurrent(torch.nn.LSTM, x, W, U, b, torch.zeros(16))),
    "rnn_start": ([(2, 5, 3), (2, 4), (3, 4), (4, 4), (4,)],
                  lambda x, h, W, U, b: recurrent(torch.nn.RNN, x, W, U, b, torch.zeros(4), h[None])),
    "gru_start": ([(2, 5, 3), (2, 4), (3, 12), (12,), (4, 12), (4,)],
                  lambda x, h, W, b, U, bh: gru(x, W, b, U, bh, h[None])),
    "lstm_start": ([(2, 5, 3), (2, 4), (2, 4), (3, 16), (16,), (4, 16)],
                   lambda x, h, s, W, b, U: recurrent(torch.nn.LSTM, x, W, U, b, torch.zeros(16), (h[None], s[None]))),
    "rnn_cell": ([(2, 3), (2, 4), (3, 4), (4, 4), (4,)],
                 lambda x, h, W, U, b: recurrent(torch.nn.RNN, x[:, None], W, U, b, torch.zeros(4), h[None])[:, 0]),
    "gru_cell": ([(2, 3), (2, 4), (3, 12), (12,), (4, 12), (4,)],
                 lambda x, h, W, b, U, bh: gru(x[:, None], W, b, U, bh, h[None])[:, 0]),
    "lstm_cell": ([(2, 3), (2, 8), (3, 16), (16,), (4, 16)], lstm_cell),
    "cross_entropy": ([(5, 4)], lambda x: F.cross_entropy(x, L)),
    "cross_entropy_smooth": ([(5, 4)], lambda x: F.cross_entropy(x, L, label_smoothing=0.1)),
    "cross_entropy_weight": ([(5, 4)], lambda x: F.cross_entropy(x, L, weight=torch.tensor([1, 2, 0.5, 3]))),
    "cross_entropy_both": ([(5, 4)], lambda x: F.cross_entropy(
        x, L, weight=torch.tensor([1, 2, 0.5, 3]), label_smoothing=0.1)),
    "binary_cross_entropy": ([(5,)], lambda x: F.binary_cross_entropy_with_logits(x, B)),
    "binary_cross_entropy_weight": ([(5,)], lambda x: F.binary_cross_entropy_with_logits(
        x, B, pos_weight=torch.tensor(3.0))),
    "mse": ([(5, 4), (5, 4)], F.mse_loss),
    "mae": ([(5, 4), (5, 4)], F.l1_loss),
    "huber": ([(5, 4), (5, 4)], lambda x, y: F.huber_loss(x, y, delta=0.4)),
    "hinge": ([(5,)], lambda x: 2 * F.multi_margin_loss(
        torch.stack([torch.zeros(5), (2 * B - 1) * x]).T, torch.ones(5, dtype=torch.long))),
    "kl_loss": ([(5, 4), (5, 4)], lambda x, y: F.kl_div(y.log_softmax(-1), x.softmax(-1), reduction="batchmean")),
    "cosine_loss": ([(5, 4), (5, 4)], lambda x, y: F.cosine_embedding_loss(x, y, 2 * B - 1, margin=0.1)),
    "contrastive": ([(5, 4), (5, 4)], lambda x, y: (
        torch.where(B > 0, F.pairwise_distance(x, y, eps=0).square(),
                    F.relu(2 - F.pairwise_distance(x, y, eps=0)).square()) / 2).mean()),
}
SIZE = [1.5, 0.5, 0.4]

if __name__ == "__main__":
    with open(pathlib.Path(__file__).with_name("nn.txt"), "w") as f:
        f.write(f"# made by make_nn.py with PyTorch {torch.__version__}\n")
        for name, (shapes, fn) in CASES.items():
            v = []
            for p, shape in enumerate(shapes):
                k = torch.arange(math.prod(shape))
                v.append((SIZE[min(p, 2)] * torch.sin(1 + p + 0.9 * k)).reshape(shape).requires_grad_())
            y = fn(*v)
            c = torch.cos(1 + 0.7 * (torch.arange(y.numel()) % 32))
            (y.reshape(-1) * c).sum().backward()
            f.write("\t".join([name] + [" ".join(f"{t:.17g}" for t in u.detach().reshape(-1).tolist())
                                        for u in [y] + [torch.zeros_like(u) if u.grad is None else u.grad for u in v]]) + "\n")
