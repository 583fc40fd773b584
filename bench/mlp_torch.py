"""PyTorch on the CPU, one thread: samples per second of training the network of mlp.calx (784-128-10, single
precision, batch 64), the usual way: shuffled rows, autograd, an optimiser of torch.optim. Processor time.
mlp_torch.py [folder of the data [optimiser [seed]]]"""
import gzip, statistics, sys, time
import numpy as np
import torch

torch.set_num_threads(1)
BATCH, EPOCHS = 64, 3


def idx(path):
    with gzip.open(path) as f:
        b = f.read()
    rank = b[3]
    dim = [int.from_bytes(b[4 + 4 * k: 8 + 4 * k], "big") for k in range(rank)]
    return np.frombuffer(b, np.uint8, offset=4 + 4 * rank).reshape(dim)


def train(name, seed, images, labels):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    loss_of = torch.nn.CrossEntropyLoss()
    make = {"sgd": lambda **o: torch.optim.SGD(model.parameters(), lr=0.1, **o),
            "adam": lambda **o: torch.optim.Adam(model.parameters(), lr=1e-3, **o)}[name]
    try:
        optimiser = make(fused=True)  # the fastest there is; on the CPU since torch 2.4
    except (TypeError, RuntimeError):
        optimiser = make()
    rates = []
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        start = time.process_time()
        for lo in range(0, len(images), BATCH):
            rows = order[lo: lo + BATCH]
            optimiser.zero_grad()
            loss = loss_of(model(images[rows]), labels[rows])
            loss.backward()
            optimiser.step()
        rates.append(len(images) / (time.process_time() - start))
    with torch.no_grad():
        accuracy = (model(images).argmax(1) == labels).double().mean().item()
    print(f"{name} {statistics.median(rates):.0f} samples/s, accuracy {accuracy:.4f}, torch {torch.__version__}", flush=True)


folder = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist"
images = torch.tensor(idx(folder + "/train-images-idx3-ubyte.gz").reshape(-1, 784) / np.float32(255))
labels = torch.tensor(idx(folder + "/train-labels-idx1-ubyte.gz").astype(np.int64))
train(sys.argv[2] if len(sys.argv) > 2 else "sgd", int(sys.argv[3]) if len(sys.argv) > 3 else 1, images, labels)
