#!/usr/bin/env python3
"""Writes integrals_hard.tsv: integrands made to be missed, at places and of widths drawn at random, with values from closed
forms at 40 digits (mpmath). id, integral, exact value."""
import random
from mpmath import (mp, mpf, sqrt, exp, log, erf, atan, sin, cos, sinh, cosh, asinh, pi, inf, gamma, gammainc, beta, betainc,
                    besseli, besselk, fresnels, fresnelc, quad, zeta, expint, tanh, nstr, floor, erfc)

mp.dps = 40
draw = random.Random(20250)
rows = []


def num(lo, hi, digits=4):
    """a number between, as text that both sides read alike"""
    return f"{draw.uniform(lo, hi):.{digits}g}"


def small(lo, hi):
    return f"{draw.uniform(1, 9):.2f}e{draw.randint(lo, hi)}"


def add(kind, text, value):
    rows.append((f"{kind}_{sum(r[0].startswith(kind + '_') for r in rows)}", f"integral(x in {text})", nstr(value, 30)))


def gauss(a, b, c, w):
    return w * sqrt(pi / 2) * (erf((b - c) / w / sqrt(2)) - erf((a - c) / w / sqrt(2)))


for _ in range(12):
    c, w, k = num(0.01, 0.99), small(-7, -2), num(0.1, 3)
    C, W, K = mpf(c), mpf(w), mpf(k)
    add("peak", f"0..1: exp(-((x - {c}) / {w})^2 / 2) / {w} + cos({k} * x)", gauss(0, 1, C, W) / W + sin(K) / K)
    add("lone", f"-3..5: exp(-(x - {c})^2 / (2 * {w}^2))", gauss(-3, 5, C, W))
    add("lorentz", f"-1..2: {w} / ((x - {c})^2 + {w}^2) + {k}", atan((2 - C) / W) + atan((1 + C) / W) + 3 * K)
    add("cusp", f"0..1: sqrt((x - {c})^2 + {w}^2)",
        sum(t * sqrt(t * t + W * W) / 2 + W * W / 2 * asinh(t / W) for t in (1 - C, C)))
    add("root", f"0..1: 1 / sqrt((x - {c})^2 + {w}^2)", asinh((1 - C) / W) + asinh(C / W))
    add("logs", f"0..1: log((x - {c})^2 + {w}^2)",
        sum(t * log(t * t + W * W) - 2 * t + 2 * W * atan(t / W) for t in (1 - C, C)))
    add("step", f"0..1: tanh((x - {c}) / {w}) + x^2", W * (log(cosh((1 - C) / W)) - log(cosh(C / W))) + mpf(1) / 3)
    add("sech", f"-1..1: 1 / cosh((x - {c}) / {w})", W * 2 * (atan(tanh((1 - C) / W / 2)) + atan(tanh((1 + C) / W / 2))))
for _ in range(8):
    a, b, k = num(-0.95, 3), num(-0.9, 2), num(0.2, 20)
    A, B, K = mpf(a), mpf(b), mpf(k)
    add("ends", f"0..1: x^({a}) * (1 - x)^({b})", beta(A + 1, B + 1))
    add("power", f"0..inf: x^({a}) * exp(-{k} * x)", gamma(A + 1) / K ** (A + 1))
    add("powerlog", f"0..1: x^({a}) * log(x)^2", 2 / (A + 1) ** 3)
    add("incomplete", f"0..{k}: x^({a}) * exp(-x)", gammainc(A + 1, 0, K))
    p = num(1.05, 4)
    add("tail", f"0..inf: (1 + {k} * x)^(-{p})", 1 / K / (mpf(p) - 1))
    add("tails", f"-inf..inf: (1 + (x - {k})^2)^(-{p})", sqrt(pi) * gamma(mpf(p) - mpf(1) / 2) / gamma(mpf(p)))
    add("stretched", f"0..inf: exp(-{k} * sqrt(x))", 2 / K ** 2)
    add("mellin", f"0..inf: x^({num(-0.9, 0.9)}) / (1 + x^2)", 0)
    m = mpf(rows[-1][1].split("x^(")[1].split(")")[0])
    rows[-1] = (*rows[-1][:2], nstr(pi / 2 / cos(pi * m / 2), 30))
for _ in range(8):
    k, c, w = num(20, 3000), num(0.05, 0.95), num(0.2, 30)
    K, C, W = mpf(k), mpf(c), mpf(w)
    add("wave", f"0..1: sin({k} * x + {w})", (cos(W) - cos(K + W)) / K)
    add("ramp", f"0..{c}: x * sin({k} * x)", sin(K * C) / K ** 2 - C * cos(K * C) / K)
    add("chirp", f"0..{c}: cos({k} * x^2)", fresnelc(C * sqrt(2 * K / pi)) * sqrt(pi / 2 / K))
    add("damped", f"0..{w}: exp(-x) * cos({k} * x)", (1 + exp(-W) * (K * sin(K * W) - cos(K * W))) / (1 + K * K))
    add("squared", f"0..{c}: sin({k} * x)^2", C / 2 - sin(2 * K * C) / 4 / K)
    k2, l2 = draw.randint(3, 60), draw.randint(1, 9)
    add("whole", f"0..pi: sin({k2} * x)^2 * cos({l2} * x)^2 * 4", pi - (pi / 2 if k2 == l2 else 0))
    add("rectified", f"0..pi: abs(cos({k2} * x))", mpf(2))
    add("shifted", f"-inf..inf: exp(-(x - {num(-1e5, 1e5, 6)})^2 / 2) * {w}", W * sqrt(2 * pi))
    q = num(0.3, 6)
    add("gausswave", f"-inf..inf: exp(-x^2) * cos({q} * x)", sqrt(pi) * exp(-mpf(q) ** 2 / 4))
for _ in range(8):
    k = num(10, 4000)
    K = mpf(k)
    c = num(0.1, 0.9)
    C = mpf(c)
    add("mises", f"-pi..pi: exp({k} * (cos(x - {c}) - 1))", 2 * pi * exp(-K) * besseli(0, K))
    e = small(-6, -1)
    E = mpf(e)
    add("pole", f"0..2*pi: 1 / (1 + {e} - cos(x - {c}))", 2 * pi / sqrt((1 + E) ** 2 - 1))
    add("quartic", f"-inf..inf: exp(-{k} * (x - {c})^4)", 2 * gamma(mpf(5) / 4) / sqrt(sqrt(K)))
    add("high", f"0..1: x^{draw.randint(50, 900)}", 0)
    n = int(rows[-1][1].split("x^")[1][:-1])
    rows[-1] = (*rows[-1][:2], nstr(mpf(1) / (n + 1), 30))
    add("bump", f"-1..1: (1 - x^2)^{n}", beta(mpf(1) / 2, n + 1))
    add("logistic", f"0..1: logistic({k} * (x - {c}))", (log(1 + exp(K * (1 - C))) - log(1 + exp(-K * C))) / K)
    add("laplace", f"0..1: exp(-{k} * abs(x - {c}))", (2 - exp(-K * C) - exp(-K * (1 - C))) / K)
    add("density", f"0..1: logistic({k} * (x - {c})) * logistic({k} * ({c} - x))",
        (1 / (1 + exp(-K * (1 - C))) - 1 / (1 + exp(K * C))) / K)
    add("edge", f"0..{c}: exp(-{k} * x) + exp({k} * (x - {c}))", 2 * (1 - exp(-K * C)) / K)
    add("edgepower", f"0..1: exp(-{k} * x^1.5)", gammainc(mpf(2) / 3, 0, K) * mpf(2) / 3 / K ** (mpf(2) / 3))
    add("erf", f"0..1: erf({k} * (x - {c}))",
        sum(s * (t * erf(K * t) + exp(-(K * t) ** 2) / K / sqrt(pi)) for s, t in ((1, 1 - C), (-1, -C))))
    add("gumbel", f"-inf..inf: {k} * exp(-{k} * (x - {c}) - exp(-{k} * (x - {c})))", mpf(1))
    add("peaks", f"-pi..pi: exp(-{k} * sin(x)^2)", 2 * pi * exp(-K / 2) * besseli(0, K / 2))
for _ in range(8):
    c, d, k = sorted((num(0.02, 0.98) for _ in range(3)), key=float)
    C, D, K = mpf(c), mpf(d), mpf(k)
    add("jumps", f"0..1: if x < {c} then exp(x) else if x < {d} then -2 else x^2", exp(C) - 1 - 2 * (D - C) + (1 - D ** 3) / 3)
    add("window", f"0..1: if (x > {c}) and (x < {c} + 1e-5) then exp(x) else 0", exp(C + mpf("1e-5")) - exp(C))
    n = draw.randint(3, 40)
    add("stairs", f"0..1: floor({n} * x) * x", sum(j * ((mpf(j + 1) / n) ** 2 - (mpf(j) / n) ** 2) / 2 for j in range(n)))
    add("sign", f"-1..1: sign(x - {c}) * x^2", (1 - C ** 3) / 3 - (C ** 3 + 1) / 3)
    add("disc", f"-1..1: if x^2 < {c} then cos(x) else 0", 2 * sin(sqrt(C)))
    add("kinks", f"0..1: max(x - {c}, {d} - x) + abs(x - {k})",
        quad(lambda x: max(x - C, D - x) + abs(x - K), sorted((0, (C + D) / 2, K, 1))))
    p = num(-0.9, -0.1)
    P = mpf(p)
    add("inside", f"0..1: abs(x - {c})^({p})", (C ** (P + 1) + (1 - C) ** (P + 1)) / (P + 1))
    add("loginside", f"0..1: log(abs(x - {c})) * x",
        quad(lambda t: log(t) * (C - t), [0, C]) + quad(lambda t: log(t) * (C + t), [0, 1 - C]))
    add("two", f"-10..10: exp(-(x + {num(2, 9)})^2 * 1e6) + exp(-(x - {num(2, 9)})^2 * 1e8) * 3", sqrt(pi) * (mpf("1e-3") + mpf("3e-4")))
    u, v = num(-30, -5), num(5, 30)
    add("three", f"-inf..inf: exp(-(x - ({u}))^2 / 2e-4) + exp(-(x - {v})^2 / 2) + exp(-x^2 / 200)",
        sqrt(2 * pi) * (mpf("1e-2") + 1 + 10))
    add("dilog", f"0..1: log(x) * log(1 - {c} * x) / x", quad(lambda x: log(x) * log(1 - C * x) / x, [0, 0.001, 0.1, 0.5, 1]))
    add("steep", f"0..1: exp(-1000 * (x - {c})^2) * sin(300 * x)",
        quad(lambda x: exp(-1000 * (x - C) ** 2) * sin(300 * x), [0, *(C + mpf(j) / 100 for j in range(-30, 31) if 0 < C + mpf(j) / 100 < 1), 1]))
    add("under", f"0..1: exp(-1000 * (sin(x) - {c[:5]})^2)",
        quad(lambda x: exp(-1000 * (sin(x) - mpf(c[:5])) ** 2), [mpf(j) / 60 for j in range(61)]))

# peaks that no curvature tells, stretched and far from the origin; places and scales of any size
for _ in range(5):
    s, c, n = small(-8, 8), num(-5, 9), draw.choice((2, 4, 10, 40))
    S, C = mpf(s), mpf(c)
    add("flat", f"-inf..inf: exp(-(x / {s} - {c})^4) * (x / {s} - {c})^{n}", S * gamma(mpf(n + 1) / 4) / 2)
    add("flatsquare", f"-inf..inf: x^2 * exp(-(x / {s} - {c})^4)", S ** 3 * (gamma(mpf(3) / 4) / 2 + C ** 2 * gamma(mpf(1) / 4) / 2))
    add("cubic", f"0..inf: exp(-(x / {s})^3) * (x / {s})^{n}", S * gamma(mpf(n + 1) / 3) / 3)
    m = draw.randint(100, 400)
    add("gamma", f"0..inf: (x / {s})^{m} * exp(-{m} * x / {s}) * exp({m})", S * exp(mpf(m)) * gamma(m + 1) / mpf(m) ** (m + 1))
    w = num(0.05, 0.6)
    W = mpf(w)
    add("lognormal", f"0..inf: exp(-log(x / {s})^2 / (2 * {w}^2)) / x", W * sqrt(2 * pi))
    add("planck", f"0..inf: x^3 / (exp(x / {s}) - 1)", S ** 4 * pi ** 4 / 15)
    add("between", f"0..inf: exp(-{s} / x - x / {s})", 2 * S * besselk(1, 2))
    f = small(3, 5)
    add("far", f"-inf..inf: 1 / (1 + ((x - {f}) / 1e-3)^2)", pi / 1000)
    f = small(-7, -3)
    add("slowwave", f"0..inf: sin({f} * x) / (x * (1 + x^2))", pi / 2 * (1 - exp(-mpf(f))))

with open(__file__.replace("make_", "").replace(".py", ".tsv"), "w") as out:
    for r in rows:
        out.write("\t".join(r) + "\n")
