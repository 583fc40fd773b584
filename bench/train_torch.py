"""PyTorch on the CPU, one thread: rows a second of training the network of mlp.calx, cnn.calx, wide.calx or resnet.calx, single precision, batch
64, the usual way: shuffled rows, autograd, an optimiser of torch.optim. Processor time.
train_torch.py [mlp, cnn, wide or resnet [optimiser [seed [folder of the data]]]]"""
import gzip, statistics, sys, time
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
BATCH = 64


def layer(inputs, outputs, stride=1):
    return [nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs)]


class Block(nn.Module):
    def __init__(self, m):
        super().__init__()
        self.inner = nn.Sequential(*layer(m, m), nn.ReLU(), *layer(m, m))

    def forward(self, x):
        return torch.relu(x + self.inner(x))


NETWORK = {  # the network, the shape of an image, epochs (of so many rows; the wide ones see no more)
    "mlp": (lambda: nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), (784,), (3, 60000)),
    "cnn": (lambda: nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(),
                                  nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 10)),
            (1, 28, 28), (3, 6400)),
    "wide": (lambda: nn.Sequential(*layer(1, 64), nn.ReLU(), nn.MaxPool2d(2), *layer(64, 128), nn.ReLU(), nn.MaxPool2d(2),
                                   nn.Flatten(), nn.Linear(6272, 128), nn.ReLU(), nn.Linear(128, 10)),
             (1, 28, 28), (3, 1280)),
    "resnet": (lambda: nn.Sequential(*layer(1, 32), nn.ReLU(), Block(32), *layer(32, 64, 2), nn.ReLU(), Block(64),
                                     *layer(64, 128, 2), nn.ReLU(), Block(128), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                     nn.Linear(128, 10)),
               (1, 28, 28), (3, 640)),
}


def idx(path):
    with gzip.open(path) as f:
        b = f.read()
    rank = b[3]
    dim = [int.from_bytes(b[4 + 4 * k: 8 + 4 * k], "big") for k in range(rank)]
    return np.frombuffer(b, np.uint8, offset=4 + 4 * rank).reshape(dim)


def train(model, name, images, labels, epochs, rows):
    loss_of = nn.CrossEntropyLoss()
    make = {"sgd": lambda **o: torch.optim.SGD(model.parameters(), lr=0.1, **o),
            "adam": lambda **o: torch.optim.Adam(model.parameters(), lr=1e-3, **o)}[name]
    try:
        optimiser = make(fused=True)  # the fastest there is; on the CPU since torch 2.4
    except (TypeError, RuntimeError):
        optimiser = make()
    rates = []
    for _ in range(epochs):
        order = torch.randperm(len(images))[:rows]
        start = time.process_time()
        for lo in range(0, rows, BATCH):
            at = order[lo: lo + BATCH]
            optimiser.zero_grad()
            loss = loss_of(model(images[at]), labels[at])
            loss.backward()
            optimiser.step()
        rates.append(rows / (time.process_time() - start))
    model.eval()
    with torch.no_grad():
        right = sum((model(images[lo: lo + 1000]).argmax(1) == labels[lo: lo + 1000]).sum().item()
                    for lo in range(0, len(images), 1000))
    print(f"{name} {statistics.median(rates):.0f} rows/s, accuracy {right / len(images):.4f}, torch {torch.__version__}",
          flush=True)


if __name__ == "__main__":
    arg = sys.argv[1:] + ["mlp", "sgd", "1", "/usr/share/datasets/fashion-mnist"][len(sys.argv) - 1:]
    make, shape, (epochs, rows) = NETWORK[arg[0]]
    images = torch.tensor((idx(arg[3] + "/train-images-idx3-ubyte.gz") / np.float32(255)).reshape(-1, *shape))
    labels = torch.tensor(idx(arg[3] + "/train-labels-idx1-ubyte.gz").astype(np.int64))
    if arg[0] in ("wide", "resnet"):
        images, labels = images[:rows], labels[:rows]
    torch.manual_seed(int(arg[2]))
    train(make(), arg[1], images, labels, epochs, rows)
