"""PyTorch on the CPU, one thread, double: milliseconds of processor time that the log likelihood of a regression and its
gradient take, the median of 7; the laws as torch.distributions has them. laws_torch.py LAW FOLDER; without a law it writes
the data there."""
import sys, time
import numpy as np
import torch
from torch import distributions as laws

ROWS, law, folder = 1000000, sys.argv[1], sys.argv[2]
if law == "data":
    r = np.random.default_rng(1)
    x = r.normal(size=(ROWS, 3))
    eta = 0.2 + x @ [0.3, -0.2, 0.1]
    mean, p = np.exp(eta), 1 / (1 + np.exp(-eta))
    for name, a in (("x", x), ("poisson", r.poisson(mean).astype(np.int32)), ("gamma", r.gamma(2.5, mean / 2.5)),
                    ("binomial", r.binomial(20, p).astype(np.int32)),
                    ("beta", np.clip(r.beta(6 * p, 6 - 6 * p), 1e-12, 1 - 1e-12))):
        np.save(f"{folder}/law_{name}.npy", a)
    sys.exit()
torch.set_num_threads(1)
x, y = (torch.tensor(np.load(f"{folder}/law_{name}.npy").astype(np.float64)) for name in ("x", law))
w, b, s = (torch.zeros(3, dtype=torch.double), torch.zeros(1, dtype=torch.double), torch.ones(1, dtype=torch.double))
leaves = [v.requires_grad_() for v in (w, b, s)]
of = {"poisson": lambda eta: laws.Poisson(eta.exp()), "gamma": lambda eta: laws.Gamma(s, s * (-eta).exp()),
      "binomial": lambda eta: laws.Binomial(20, logits=eta),
      "beta": lambda eta: laws.Beta(s * torch.sigmoid(eta), s * torch.sigmoid(-eta))}[law]
times = []
for _ in range(8):
    start = time.process_time()
    for v in leaves:
        v.grad = None
    of(x @ w + b).log_prob(y).sum().backward()
    times.append(time.process_time() - start)
print(1e3 * float(np.median(times[1:])), "torch", torch.__version__)
