"""What latency.c measures, with PyTorch: `latency_torch.py MODEL`. The weights come from the same model file. One line for
the module as it is, one for its trace, frozen."""
import json, statistics, struct, sys, time
import numpy as np
import torch

torch.set_num_threads(1)
SAMPLES, BATCHES = 1000, 25
with open(sys.argv[1], "rb") as f:
    length = struct.unpack("<Q", f.read(8))[0]
    head, data = json.loads(f.read(length)), f.read()
weights = {name: torch.tensor(np.frombuffer(data[e["data_offsets"][0]:e["data_offsets"][1]], "<f4").reshape(e["shape"]))
           for name, e in head.items() if name != "__metadata__"}
hidden, last = torch.nn.Linear(784, 128), torch.nn.Linear(128, 10)
with torch.no_grad():
    hidden.weight.copy_(weights["dense.W"].T), hidden.bias.copy_(weights["dense.b"])
    last.weight.copy_(weights["dense2.W"].T), last.bias.copy_(weights["dense2.b"])
model = torch.nn.Sequential(hidden, torch.nn.ReLU(), last, torch.nn.Softmax(-1)).eval()
number = np.arange(SAMPLES * 784, dtype=np.uint32) * np.uint32(2654435761) >> np.uint32(24) & np.uint32(255)
samples = [torch.tensor(s) for s in (number.astype(np.float32) / np.float32(255)).reshape(SAMPLES, 1, 784)]
with torch.no_grad():
    for f in (model, torch.jit.freeze(torch.jit.trace(model, samples[0]))):
        times = []
        for batch in range(-1, BATCHES):
            start = time.process_time()
            for s in samples:
                p = f(s)
            if batch >= 0:
                times.append((time.process_time() - start) / SAMPLES)
        print(1e6 * statistics.median(times), *f(samples[0])[0].tolist())
print(torch.__version__)
