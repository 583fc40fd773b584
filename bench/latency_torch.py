"""What latency.c measures, with PyTorch: `latency_torch.py NET MODEL FILE [compile]`, NET one of digits, mlp, cnn, transformer.
The weights come from the same model file, the samples from the same FILE. A line for the module as it is, one for its trace, frozen, and one for
torch.compile where that is asked for: microseconds of processor time, then the first sample's probabilities."""
import json, logging, statistics, struct, sys, time, warnings
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
torch.set_num_threads(1)
SAMPLES, BATCHES = 200, 25
net, path, given = sys.argv[1:4]
with open(path, "rb") as f:
    length = struct.unpack("<Q", f.read(8))[0]
    head, data = json.loads(f.read(length)), f.read()
TYPE = {"F32": np.float32, "F64": np.float64}
w = {name: torch.tensor(np.frombuffer(data[e["data_offsets"][0]:e["data_offsets"][1]], TYPE[e["dtype"]]).reshape(e["shape"]))
     for name, e in head.items() if name != "__metadata__"}
kind = next(iter(w.values())).dtype


def linear(weight, bias):
    layer = nn.Linear(*weight.shape, dtype=kind)
    layer.weight.copy_(weight.T), layer.bias.copy_(bias)
    return layer


def conv(name):
    weight = w[name + ".W"].permute(3, 2, 0, 1)
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], 3, dtype=kind)
    layer.weight.copy_(weight), layer.bias.copy_(w[name + ".b"])
    return layer


def norm(name):
    layer = nn.LayerNorm(64, dtype=kind)
    layer.weight.copy_(w[name + ".gain"]), layer.bias.copy_(w[name + ".shift"])
    return layer


class Block(nn.Module):
    def __init__(self, k):
        super().__init__()
        a = "multi_head_attention" + k[0] + "."
        self.first, self.second = norm("layer_norm" + k[1]), norm("layer_norm" + k[2])
        self.qkv = linear(torch.cat([w[a + "W" + c] for c in "qkv"], 1), torch.cat([w[a + "b" + c] for c in "qkv"]))
        self.out = linear(w[a + "Wo"], w[a + "bo"])
        self.up, self.down = (linear(w[f"dense{j}.W"], w[f"dense{j}.b"]) for j in k[3:])

    def forward(self, x):
        q, k, v = (u.reshape(1, 16, 4, 16).transpose(1, 2) for u in self.qkv(self.first(x)).split(64, -1))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True) if hasattr(F, "scaled_dot_product_attention") else \
            torch.softmax((q @ k.transpose(2, 3) / 4).masked_fill(torch.ones(16, 16).triu(1).bool(), -1e30), -1) @ v
        x = x + self.out(seen.transpose(1, 2).reshape(1, 16, 64))
        return x + self.down(F.relu(self.up(self.second(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.meaning, self.place = nn.Parameter(w["meaning"]), nn.Parameter(w["place"])
        names = sorted(n[:-2] for n in w if n.startswith("dense") and n.endswith(".W"))
        self.blocks = nn.Sequential(Block(["", "", "2", "", "2"]), Block(["2", "3", "4", "3", "4"]))
        self.norm, self.head = norm("layer_norm5"), linear(w[names[-1] + ".W"], w[names[-1] + ".b"])

    def forward(self, letter):
        x = self.blocks(F.embedding(letter, self.meaning) + self.place)
        return torch.softmax(self.head(self.norm(x)[:, 15]), -1)


with torch.no_grad():
    if net in ("digits", "mlp"):
        model = nn.Sequential(linear(w["dense.W"], w["dense.b"]), nn.ReLU(), linear(w["dense2.W"], w["dense2.b"]), nn.Softmax(-1))
    elif net == "cnn":
        first = w["dense.W"].reshape(5, 5, 32, -1).permute(2, 0, 1, 3).reshape(800, -1)  # channels come first here
        model = nn.Sequential(conv("conv"), nn.ReLU(), nn.MaxPool2d(2), conv("conv2"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                              linear(first, w["dense.b"]), nn.ReLU(), linear(w["dense2.W"], w["dense2.b"]), nn.Softmax(-1))
    else:
        model = Transformer()
model.eval()
shape = {"digits": (1, 64), "mlp": (1, 784), "cnn": (1, 1, 28, 28), "transformer": (1, 16)}[net]
number = np.fromfile(given)
samples = [torch.tensor(s.astype(np.int64)) if net == "transformer" else torch.tensor(s / (16 if net == "digits" else 255)).to(kind)
           for s in number.reshape(SAMPLES, *shape)]


def measure(f):
    times = []
    for batch in range(-1, BATCHES):
        start = time.process_time()
        for s in samples:
            f(s)
        if batch >= 0:
            times.append((time.process_time() - start) / SAMPLES)
    print(1e6 * statistics.median(times), *f(samples[0]).flatten().tolist(), flush=True)


with getattr(torch, "inference_mode", torch.no_grad)():
    measure(model)
    measure(torch.jit.freeze(torch.jit.trace(model, samples[0])))
    if hasattr(torch, "compile") and "compile" in sys.argv[4:]:
        try:
            measure(torch.compile(model))
        except RuntimeError as why:  # a torch that cannot compile here
            print("torch.compile:", str(why).split("\n")[0], file=sys.stderr)
