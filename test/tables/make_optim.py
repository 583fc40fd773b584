"""Writes optim.txt: parameters under torch.optim's updates, in double, with gradients that depend on the step alone.

Run with PyTorch 1.13 or later (Debian: python3-torch). Four parameters start at 1, -2, 0.5, 3; the gradient of
parameter i at step t (from 1) is ((7 t + 13 i) mod 17 - 8) / 8 * 4^(i - 2) + 1/16, exact in binary. A line is: method,
options of calx as name=value joined by commas, step, x.
"""
import math
import pathlib
import torch

torch.set_default_dtype(torch.float64)
O = torch.optim
CASES = [
    ("sgd", "rate=0.01", lambda p: O.SGD(p, lr=0.01)),
    ("sgd", "rate=0.01,weight_decay=0.1", lambda p: O.SGD(p, lr=0.01, weight_decay=0.1)),
    ("sgd", "rate=0.01,momentum=0.8", lambda p: O.SGD(p, lr=0.01, momentum=0.8)),
    ("momentum", "rate=0.01", lambda p: O.SGD(p, lr=0.01, momentum=0.9)),
    ("momentum", "rate=0.02,momentum=0.5,weight_decay=0.05", lambda p: O.SGD(p, lr=0.02, momentum=0.5, weight_decay=0.05)),
    ("nesterov", "rate=0.01", lambda p: O.SGD(p, lr=0.01, momentum=0.9, nesterov=True)),
    ("momentum", "rate=0.01,nesterov=1,weight_decay=0.05", lambda p: O.SGD(p, lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.05)),
    ("rmsprop", "rate=0.01", lambda p: O.RMSprop(p, lr=0.01)),
    ("rmsprop", "rate=0.03,beta2=0.9,epsilon=0.001,weight_decay=0.05", lambda p: O.RMSprop(p, lr=0.03, alpha=0.9, eps=1e-3, weight_decay=0.05)),
    ("rmsprop", "rate=0.01,momentum=0.9,weight_decay=0.05", lambda p: O.RMSprop(p, lr=0.01, momentum=0.9, weight_decay=0.05)),
    ("adagrad", "rate=0.01", lambda p: O.Adagrad(p, lr=0.01)),
    ("adagrad", "rate=0.1,epsilon=0.01,weight_decay=0.05", lambda p: O.Adagrad(p, lr=0.1, eps=0.01, weight_decay=0.05)),
    ("adam", "", lambda p: O.Adam(p)),
    ("adam", "rate=0.05,beta1=0.8,beta2=0.95,epsilon=0.001,weight_decay=0.1", lambda p: O.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    ("adamw", "", lambda p: O.AdamW(p)),
    ("adamw", "rate=0.05,beta1=0.8,weight_decay=0.3", lambda p: O.AdamW(p, lr=0.05, betas=(0.8, 0.999), weight_decay=0.3)),
    # clipped before the step, by torch.nn.utils.clip_grad_norm_
    ("sgd", "rate=0.1,clip=0.75", lambda p: O.SGD(p, lr=0.1)),
    ("adam", "rate=0.01,clip=0.75", lambda p: O.Adam(p, lr=0.01)),
    # cut off, by torch.nn.utils.clip_grad_value_, also before the norm
    ("sgd", "rate=0.1,clip_value=0.5", lambda p: O.SGD(p, lr=0.1)),
    ("adam", "rate=0.01,clip_value=0.5,clip=0.75", lambda p: O.Adam(p, lr=0.01)),
    # schedules, by torch.optim.lr_scheduler stepped after every update
    ("sgd", "rate=0.1,schedule=cosine", lambda p: O.SGD(p, lr=0.1)),
    ("sgd", "rate=0.1,schedule=step(30;0.5)", lambda p: O.SGD(p, lr=0.1)),
    ("sgd", "rate=0.1,warmup=40", lambda p: O.SGD(p, lr=0.1)),
    ("sgd", "rate=0.1,schedule=cosine(0.05)", lambda p: O.SGD(p, lr=0.1)),
    ("sgd", "rate=0.1,schedule=linear", lambda p: O.SGD(p, lr=0.1)),
    ("sgd", "rate=0.1,schedule=linear(least=0.25)", lambda p: O.SGD(p, lr=0.1)),
    ("sgd", "rate=0.1,schedule=exponential(0.97)", lambda p: O.SGD(p, lr=0.1)),
    ("sgd", "rate=0.1,schedule=one_cycle", lambda p: O.SGD(p, lr=0.1)),
    ("adam", "rate=0.1,schedule=one_cycle(rise=0.2;start=10;end=100)", lambda p: O.Adam(p, lr=0.1)),
    ("sgd", "rate=0.1,warmup=20,schedule=cosine", lambda p: O.SGD(p, lr=0.1)),
]
R = O.lr_scheduler
SCHEDULES = {
    "warmup=20,schedule=cosine": lambda o: R.LambdaLR(
        o, lambda k: (k + 1) / 20 if k < 20 else (1 + math.cos(math.pi * (k - 20) / 180)) / 2),
    "schedule=cosine(0.05)": lambda o: R.CosineAnnealingLR(o, T_max=200, eta_min=0.005),
    "schedule=linear(least=0.25)": lambda o: R.LinearLR(o, start_factor=1, end_factor=0.25, total_iters=200),
    "schedule=linear": lambda o: R.LinearLR(o, start_factor=1, end_factor=0, total_iters=200),
    "schedule=exponential(0.97)": lambda o: R.ExponentialLR(o, 0.97),
    "schedule=one_cycle(": lambda o: R.OneCycleLR(o, max_lr=0.1, total_steps=200, pct_start=0.2, div_factor=10,
                                                  final_div_factor=100, cycle_momentum=False),
    "schedule=one_cycle": lambda o: R.OneCycleLR(o, max_lr=0.1, total_steps=200, cycle_momentum=False),
    "schedule=cosine": lambda o: R.CosineAnnealingLR(o, T_max=200),
    "schedule=step(30;0.5)": lambda o: R.StepLR(o, 30, 0.5),
    "warmup=40": lambda o: R.LambdaLR(o, lambda k: min(1, (k + 1) / 40)),
}
STEPS = 200

with open(pathlib.Path(__file__).with_name("optim.txt"), "w") as f:
    f.write(f"# made by make_optim.py with PyTorch {torch.__version__}\n")
    for method, options, make in CASES:
        x = torch.tensor([1.0, -2.0, 0.5, 3.0], requires_grad=True)
        opt = make([x])
        schedule = next((s(opt) for k, s in SCHEDULES.items() if k in options), None)
        for t in range(1, STEPS + 1):
            g = [((7 * t + 13 * i) % 17 - 8) / 8 * 4.0 ** (i - 2) + 1 / 16 for i in range(4)]
            x.grad = torch.tensor(g)
            if "clip_value=" in options:
                torch.nn.utils.clip_grad_value_([x], 0.5)
            if "clip=" in options:
                torch.nn.utils.clip_grad_norm_([x], 0.75)
            opt.step()
            if schedule and t < STEPS:  # OneCycleLR refuses one more
                schedule.step()
            if t in (1, 2, 3, 50, STEPS):
                f.write(f"{method} {options or '-'} {t} " + " ".join(f"{v:.17g}" for v in x.tolist()) + "\n")
