#!/usr/bin/env python3
"""Writes special.csv: reference values of the special functions, from mpmath at 60 digits.

Columns: function, x, y, z, value, condition. Arguments are doubles; the condition number is the sum over the
arguments of |x f'(x) / f(x)|, which is by how much an argument's rounding error grows.
Needs mpmath. `make_special.py fit` prints the coefficients of the polynomials in src/ instead."""
import random
import sys
from mpmath import *

mp.dps = 60
root = findroot(digamma, mpf("1.46163214496836"))

if sys.argv[1:] == ["fit"]:
    def g(t):
        x = t + mpf(3) / 2
        return x * digamma(x) / (x - root) if abs(x - root) > mpf(10) ** -30 else root * psi(1, root)

    def log1p_rest(w):  # log(1 + e) = 2 s + s^3 p(w), s = e / (2 + e), w = s^2
        s = sqrt(w)
        return 2 * (atanh(s) / s - 1) / w if w > mpf(10) ** -6 else 2 * sum(w ** k / (2 * k + 3) for k in range(9))

    def tanh_rest(w):  # tanh(x) = x + x^3 p(w), w = x^2
        s = sqrt(w)
        return (tanh(s) / s - 1) / w if w > mpf(10) ** -12 else -mpf(1) / 3 + 2 * w / 15

    def exp_rest(r):  # exp(r) = 1 + r + r^2 p(r)
        return (expm1(r) - r) / r ** 2 if abs(r) > mpf(10) ** -12 else mpf(1) / 2 + r / 6

    small, half = mpf(10) ** -3, log(2) / 2 * (1 + mpf(10) ** -6)
    for name, f, lo, hi, terms in (
        ("digamma on [1, 2], in x - 3/2", g, -0.5, 0.5, (18,)),
        ("exp", exp_rest, -half, half, (10, 5)),
        ("log1p on [0, 1]", log1p_rest, 0, mpf(1) / 9 + small, (10, 5)),
        ("tanh on [-0.55, 0.55]", tanh_rest, 0, mpf("0.55") ** 2 + small, (11, 5)),
    ):
        for n in terms:
            p, err = chebyfit(f, [lo, hi], n, error=True)
            print(name, "error", nstr(err, 3), *(nstr(c, 20) for c in p[::-1]), sep="\n  ")
    sys.exit()

random.seed(20)
sqrt2 = sqrt(mpf(2))


def upper_normal(x):
    return erfc(x / sqrt2) / 2


def log_norm_cdf(x):
    return log(upper_normal(-x)) if x < 0 else log1p(-upper_normal(x))


def quantile(p):  # by Newton on the tail
    if p > 0.5:
        return -quantile(1 - p)
    z = -sqrt(-2 * log(p)) * 0.9 if p < 0.2 else mpf(0)
    for _ in range(200):
        step = (log(upper_normal(-z)) - log(p)) * upper_normal(-z) / npdf(z)
        z -= step
        if abs(step) < abs(z) * mpf(10) ** -45 or z == 0:
            break
    return z


def p_lower(a, x):
    return gammainc(a, 0, x, regularized=True)


def q_upper(a, x):
    return gammainc(a, x, inf, regularized=True)


def density(a, x):
    return exp((a - 1) * log(x) - x - loggamma(a))


def by(f, k, args):  # central difference of order 6 at high precision
    h = abs(args[k]) * mpf(10) ** -9
    def at(j):
        a = list(args)
        a[k] += j * h
        return f(*a)
    with workdps(110):
        return (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * h)


def beta_i(a, b, x):
    if x > a / (a + b):
        return 1 - beta_i(b, a, 1 - x)
    with workdps(mp.dps + 20):
        return x * (1 - x) * beta_dx(a, b, x) / a * hyp2f1(a + b, 1, a + 1, x)


def beta_dx(a, b, x):
    return exp((a - 1) * log(x) + (b - 1) * log1p(-x) - loggamma(a) - loggamma(b) + loggamma(a + b))


def spread(lo, hi, n, sign=False):  # log-uniform, as doubles
    r = [float(mpf(10) ** random.uniform(lo, hi)) for _ in range(n)]
    return [v * random.choice((-1, 1)) for v in r] if sign else r


def span(lo, hi, n):
    return [random.uniform(lo, hi) for _ in range(n)]


def gamma_points(n):
    out = []
    for a in spread(-3, 2, n) + spread(2, 5, n // 2):
        out.append((a, random.choice(spread(-3, 2.5, 1) if a < 20 else [max(1e-3, a + random.gauss(0, 3) * a ** 0.5)])))
    return out


def beta_points(n):
    out = []
    for a, b in zip(spread(-1.5, 3, n), spread(-1.5, 3, n)):
        m, s = a / (a + b), (a * b / (a + b + 1)) ** 0.5 / (a + b)
        x = random.gauss(m, 2 * s) if random.random() < 0.7 else random.random()
        out.append((a, b, min(max(x, 1e-6), 1 - 1e-6)))
    return out


orders = [(float(n), x) for n in (1, 2, 3, 5, 10, 40) for x in spread(-3, 3, 12) + [-0.3, -1.75, -7.5, -30.4]]
table = {
    "logistic": (lambda x: 1 / (1 + exp(-x)), [(x,) for x in spread(-5, 2.8, 60, True)]),
    "softplus": (lambda x: log1p(exp(x)), [(x,) for x in spread(-5, 2.8, 60, True)]),
    "logit": (lambda x: log(x / (1 - x)), 
              [(x,) for x in spread(-300, 0, 30) + span(0, 1, 60) + span(0.499, 0.501, 20)]),
    "log1mexp": (lambda x: log(-expm1(-x)) if x < 1 else log1p(-exp(-x)), [(x,) for x in spread(-10, 2.8, 80)]),
    "logaddexp": (lambda x, y: log(exp(x) + exp(y)), list(zip(spread(-3, 3, 60, True), spread(-3, 3, 60, True)))),
    "sinc": (lambda x: sin(x) / x, [(x,) for x in spread(-8, 3, 60, True)]),
    "erfcx": (lambda x: exp(x * x) * erfc(x) if x < 50 else hyperu(0.5, 0.5, x * x) / sqrt(pi),
              [(x,) for x in spread(-5, 1.4, 60, True) + span(0, 30, 60) + spread(1, 8, 30)]),
    "erfinv": (erfinv,
               [(x,) for x in span(-1, 1, 60) + spread(-20, -1, 30, True) + [1 - v for v in spread(-15, -2, 30)]]),
    "norm_cdf": (lambda x: upper_normal(-x), [(x,) for x in span(-37.5, 9, 150) + spread(-9, 0, 20, True)]),
    "norm_quantile": (quantile,
                      [(x,) for x in span(0, 1, 60) + spread(-300, -1, 60) + [1 - v for v in spread(-15, -2, 30)]]),
    "log_norm_cdf": (log_norm_cdf, [(x,) for x in span(-50, 37, 150) + [-v for v in spread(2, 6, 20)]]),
    "lgamma": (loggamma, [(x,) for x in spread(-5, 8, 80)]),
    "digamma": (digamma, [(x,) for x in spread(-5, 8, 120) + span(1, 12, 60) + span(1.46, 1.463, 20)]),
    "digamma.negative": (digamma, [(x,) for x in span(-20, 0, 60)]),
    "trigamma": (lambda x: psi(1, x), [(x,) for x in spread(-5, 8, 100) + span(-10, 0, 40)]),
    "polygamma": (lambda n, x: psi(int(n), x), orders),
    "lbeta": (lambda a, b: loggamma(a) + loggamma(b) - loggamma(a + b),
              list(zip(spread(-4, 6, 120), spread(-4, 6, 120)))),
    "gamma_p": (p_lower, gamma_points(120)),
    "gamma_q": (q_upper, gamma_points(120)),
    "gamma_p_dx": (density, gamma_points(100)),
    "gamma_p_da": (lambda a, x: by(p_lower if x < a else lambda a, x: -q_upper(a, x), 0, (a, x)), gamma_points(100)),
    "beta_inc": (beta_i, beta_points(150)),
    "beta_inc_dx": (beta_dx, beta_points(100)),
    "beta_inc_da": (lambda a, b, x: by(beta_i, 0, (a, b, x)), beta_points(80)),
    "beta_inc_db": (lambda a, b, x: by(beta_i, 1, (a, b, x)), beta_points(80)),
}

with open("special.csv", "w") as out:
    out.write("function,x,y,z,value,condition\n")
    for name, (f, points) in table.items():
        for p in points:
            args = [mpf(v) for v in p]
            v = f(*args)
            if abs(v) < mpf(10) ** -300 or abs(v) > mpf(10) ** 300:
                continue
            cond = mpf(0)
            for k in range(len(args)):
                if name == "polygamma" and k == 0:
                    continue
                h = abs(args[k]) * mpf(10) ** -25
                a, b = list(args), list(args)
                a[k] += h
                b[k] -= h
                if name.startswith("beta_inc") and (a[-1] >= 1):
                    continue
                cond += abs((f(*a) - f(*b)) / (2 * h) * args[k] / v)
            cells = [repr(float(w)) for w in p] + [""] * (3 - len(p))
            out.write(",".join([name] + cells + ["%.17g" % v, "%.3g" % cond]) + "\n")
        print(name, flush=True)
