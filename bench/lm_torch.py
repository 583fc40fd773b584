"""PyTorch on the CPU, one thread: rows a second of training the transformer of lm.calx, single precision, batch 32, the
usual way: torch's own attention where it has one, one product for queries, keys and values, the fused Adam where there
is one. Processor time. lm_torch.py file.npy [seed [steps [rate]]]: with a rate, one period of a cosine, and what it
prints last is the loss over all rows at the end."""
import sys, time
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
BATCH, WIDTH, HEADS, PLACES, LETTERS = 32, 64, 4, 64, 128


def attention(q, k, v):  # before torch 2.0 there is none
    score = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(HIDDEN, float("-inf"))
    return score.softmax(-1) @ v


HIDDEN = torch.triu(torch.ones(PLACES, PLACES, dtype=torch.bool), 1)
if hasattr(F, "scaled_dot_product_attention"):
    attention = lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        for layer in (self.qkv, self.out):  # Glorot, as lib/nn_attention.calx
            nn.init.uniform_(layer.weight, -(3 / WIDTH) ** 0.5, (3 / WIDTH) ** 0.5)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(self.before(x)).view(n, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)
        seen = attention(q, k, v)
        x = x + self.out(seen.transpose(1, 2).reshape(n, t, d))
        return x + self.down(F.gelu(self.up(self.between(x))))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.meaning = nn.Embedding(LETTERS, WIDTH)
        self.place = nn.Parameter(torch.randn(PLACES, WIDTH) * 0.02)
        self.blocks = nn.Sequential(*(Block() for _ in range(4)))
        self.last, self.letters = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, LETTERS)
        nn.init.normal_(self.meaning.weight, std=0.02)

    def forward(self, text):
        return self.letters(self.last(self.blocks(self.meaning(text) + self.place)))


text = torch.tensor(np.load(sys.argv[1]).astype(np.int64))
seed, steps = (int(a) for a in sys.argv[2:4] + ["1", "40"][len(sys.argv) - 2:])
rate = float(sys.argv[4]) if len(sys.argv) > 4 else None
torch.manual_seed(seed)
model = Model()
try:
    optimiser = torch.optim.Adam(model.parameters(), lr=rate or 1e-3, fused=True)
except (TypeError, RuntimeError):
    optimiser = torch.optim.Adam(model.parameters(), lr=rate or 1e-3)
schedule = rate and torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
order, warm, losses = torch.randperm(len(text)), 0 if rate else 2, []
for step in range(warm + steps):
    if step == warm:
        start = time.process_time()
    rows = text[order[torch.arange(step * BATCH, (step + 1) * BATCH) % len(text)]]
    optimiser.zero_grad()
    loss = F.cross_entropy(model(rows[:, :-1]).reshape(-1, LETTERS), rows[:, 1:].reshape(-1))
    loss.backward()
    optimiser.step()
    if schedule:
        schedule.step()
    losses.append(loss.item())
speed = steps * BATCH / (time.process_time() - start)
print(f"lm {speed:.0f} rows/s, loss {sum(losses[-10:]) / 10:.3f}, torch {torch.__version__}", flush=True)
if rate:
    with torch.no_grad():
        parts = text.split(256)
        total = sum(len(r) * F.cross_entropy(model(r[:, :-1]).reshape(-1, LETTERS), r[:, 1:].reshape(-1)).item() for r in parts)
    print(f"loss over all rows {total / len(text):.4f}")
