"""PyTorch's twin of examples/mlp or examples/cnn: the same network, starts, standardised pictures, batches of 64 shuffled
rows, Adam and one period of a cosine. Prints the share of right answers on the test pictures after each epoch.
quality_torch.py mlp|cnn RATE EPOCHS SEED [folder of the data]"""
import sys
import numpy as np
import torch
from train_torch import BATCH, NETWORK, idx

net, rate, epochs, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
folder = sys.argv[5] if len(sys.argv) > 5 else "/usr/share/datasets/fashion-mnist"
torch.set_num_threads(1)
torch.manual_seed(seed)
make, shape, _ = NETWORK[net]
model = make()
train, test = (idx(f"{folder}/{name}-images-idx3-ubyte.gz") for name in ("train", "t10k"))
center, scale = np.float32(train.mean()), np.float32(train.std())
images, unseen = (torch.tensor((x.astype(np.float32) - center) / scale).reshape(-1, *shape) for x in (train, test))
labels, truth = (torch.tensor(idx(f"{folder}/{name}-labels-idx1-ubyte.gz").astype(np.int64)) for name in ("train", "t10k"))
optimiser = torch.optim.Adam(model.parameters(), lr=rate)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * -(-len(images) // BATCH))
loss_of = torch.nn.CrossEntropyLoss()
for _ in range(epochs):
    order = torch.randperm(len(images))
    for lo in range(0, len(images), BATCH):
        at = order[lo: lo + BATCH]
        optimiser.zero_grad()
        loss_of(model(images[at]), labels[at]).backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        right = sum((model(unseen[k: k + 1000]).argmax(1) == truth[k: k + 1000]).sum().item()
                    for k in range(0, len(unseen), 1000))
    print(right / len(unseen), flush=True)
