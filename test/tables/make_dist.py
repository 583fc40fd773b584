#!/usr/bin/env python3
"""Writes dist/NAME.tsv: reference values of the distributions, from mpmath at 40 digits.

Columns: function, x, the params, value, condition. Arguments are doubles; the condition number is the sum over the
arguments (but those that are whole numbers) of |a df/da| / |f|, by which an argument's rounding error grows; for
log_density, whose error is that of the density, and entropy over max(1, |f|).
Needs mpmath. `make_dist.py normal ..` writes only these."""
import os
import sys
from multiprocessing import Pool

names = sys.argv[1:]
sys.argv[1:] = []
from make_special import *

mp.dps = 40
half = mpf(1) / 2
Z = [-40.0, -30.0, -12.0, -5.5, -2.25, -1.0, -0.3, -1e-3, 0.0, 0.015625, 0.7, 1.5, 3.0, 8.0, 20.0, 35.0, 40.0]
WIDE = Z + [-1e150, -1e30, -1e6, -1e3, 1e3, 1e6, 1e30, 1e150]  # heavy tails
POS = [1e-300, 1e-100, 1e-20, 1e-6, 0.01, 0.1, 0.5, 0.99, 1.0, 1.01, 2.0, 3.5, 6.0, 12.0, 30.0]


def beta_fraction(a, b, x):  # DLMF 8.17.22 by Lentz, for x < (a + 1) / (a + b + 2)
    with workdps(mp.dps + 20):
        small = mpf(10) ** -mp.dps
        c, d = mpf(1), 1 / (1 - (a + b) * x / (a + 1))
        h, m = d, 0
        while True:
            m += 1
            for t in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                      -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
                d = 1 / (1 + t * d)
                c = 1 + t / c
                h *= c * d
            if abs(c * d - 1) < small:
                return h * exp(a * log(x) + b * log1p(-x) - log_beta(a, b)) / a


def beta_i(a, b, x):
    if x < (a + 1) / (a + b + 2):
        return beta_fraction(a, b, x)
    with workdps(mp.dps + 330 if x < mpf(10) ** -10 else mp.dps + 20):
        return 1 - beta_fraction(b, a, 1 - x)


def beta_ic(a, b, x):
    if 1 - x < (b + 1) / (a + b + 2):
        with workdps(mp.dps + 20):
            return beta_fraction(b, a, 1 - x)
    with workdps(mp.dps + 330 if x < mpf(10) ** -10 else mp.dps + 20):
        return 1 - beta_fraction(a, b, x)


def student(nu, t):
    s = t * t / nu
    p = beta_i(nu / 2, half, 1 / (1 + s)) if s > 1 / nu else beta_ic(half, nu / 2, s / (1 + s))
    return p / 2 if t < 0 else 1 - p / 2


def atan_upper(z):  # pi / 2 - atan(z)
    return atan(1 / z) if z > 0 else pi / 2 - atan(z)


def place(z, s=(0.0, 1.0)):
    return lambda *a: [a[-2] + a[-1] * v for v in z]


def scaled(z, k=-1, over=False):
    return lambda *a: [v / a[k] if over else a[k] * v for v in z]


def sd_grid(mean, sd, lo, hi, whole=False):
    def grid(*a):
        m, s = mean(*a), sd(*a)
        out = []
        for z in (-37, -20, -12, -7, -4, -2.5, -1, -0.4, 0, 0.3, 0.8, 1.5, 2.5, 4, 7, 12, 20, 37):
            x = float(m + z * s)
            if whole:
                x = float(round(x))
            if lo(*a) <= x <= hi(*a) and x not in out:
                out.append(x)
        return out
    return grid


class dist:
    """params, log density, distribution function, its complement, its inverse for start values (or None), points"""
    whole = ()

    def __init__(self, params, sets, grid, log_density, cdf=None, ccdf=None, mean=None, variance=None, entropy=None,
                 whole=(), discrete=False):
        self.__dict__.update(locals())


def gamma_grid(*a):
    shape, rate = a
    s = shape ** 0.5
    out = [shape * (1 + z / 3 / s) ** 3 / rate for z in (-37, -12, -6, -3, -1, -0.3, 0, 0.5, 1.1, 2, 4, 8, 15, 37)
           if 1 + z / 3 / s > 0.01]
    return out + ([1e-200 / rate, 1e-10 / rate, 1e-3 / rate, 700 / rate] if shape < 10 else [])


def beta_grid(a, b):
    m = a / (a + b)
    s = (a * b / (a + b + 1)) ** 0.5 / (a + b)
    out = [m + z * s for z in (-30, -9, -5, -3, -1.2, -0.4, 0, 0.6, 1.4, 2.7, 5, 9, 30)]
    out += [1e-200, 1e-12, 1e-4, 0.03, 0.97, 1 - 1e-4, 1 - 1e-12] if a + b < 50 else []
    return [x for x in out if 0 < x < 1]


def log_beta(a, b):
    return loggamma(a) + loggamma(b) - loggamma(a + b)


def log_choose(n, k):
    return loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1)


def power(n, x):
    return n * log(x) if n else mpf(0)


def student_peak(nu):
    return log_beta(nu / 2, half) + log(nu) / 2


def student_grid(nu, *a):
    s, m = a[-1], a[0] if len(a) > 1 else 0.0
    z = [-37.0, -12.0, -5.0, -2.5, -1.0, -0.3, -1e-4, 0.0, 0.015625, 0.7, 1.5, 3.0, 8.0, 35.0]
    if nu < 30:
        z += [-1e8, -1e3, 1e3, 1e8]
    return [m + s * v for v in z if len(a) > 1 or v > 0]


def student_entropy(nu):
    return (nu + 1) / 2 * (psi(0, (nu + 1) / 2) - psi(0, nu / 2)) + student_peak(nu)


def gamma_entropy(a):
    return a + loggamma(a) + (1 - a) * psi(0, a)


def pmf_sum(log_density, lo, hi):
    def total(x, *a):
        return fsum(exp(log_density(mpf(j), *a)) for j in range(int(lo(x, *a)), int(hi(x, *a)) + 1))
    return total


def von_mises(x, k):
    if x > 0:
        return 1 - von_mises(-x, k)
    w = 1 / sqrt(k + k * k * sin(x) ** 2)
    ends = [w * j for j in range(0, 160, 4) if w * j < pi + x] + [pi + x]
    v = quad(lambda s: exp(-2 * k * sin(s / 2) * sin(s / 2 - x)), ends)  # near 1: the tolerance of quad is absolute
    return v * exp(k * (cos(x) - 1)) / (2 * pi * besseli(0, k) * exp(-k))


def count_grid(mean, sd, lo, hi):
    return sd_grid(mean, sd, lo, hi, True)


def beta_binomial(k, n, a, b):
    return log_choose(n, k) + log_beta(k + a, n - k + b) - log_beta(a, b)


def hypergeometric(k, N, K, n):
    return log_choose(K, k) + log_choose(N - K, n - k) - log_choose(N, n)


def nan_if(cond, v):
    return mpf("nan") if cond else v


inf_ = mpf("inf")
LS = [(0.0, 1.0), (1.5, 0.25), (-3.0, 1e3), (1e-3, 7e-4)]
SHAPES = [(0.001, 1.0), (0.3, 2.5), (1.0, 0.2), (2.5, 3.0), (50.0, 7.0), (3e3, 1.5), (1e5, 1e6)]
BETAS = [(0.01, 0.02), (0.5, 0.5), (1.0, 1.0), (2.0, 5.0), (7.0, 0.3), (1e-3, 40.0), (300.0, 800.0), (1e5, 3e4)]
NUS = [0.1, 1.0, 2.0, 3.0, 4.5, 30.0, 61.0, 1e4, 1e8]

table = {
    "normal": dist(("mu", "sigma"), LS, place(Z),
                   lambda x, m, s: -((x - m) / s) ** 2 / 2 - log(s) - log(2 * pi) / 2,
                   lambda x, m, s: upper_normal((m - x) / s), lambda x, m, s: upper_normal((x - m) / s),
                   lambda m, s: m, lambda m, s: s * s, lambda m, s: log(2 * pi * e * s * s) / 2),
    "lognormal": dist(("mu", "sigma"), [(0.0, 1.0), (1.5, 0.25), (-3.0, 10.0), (2.0, 0.01)],
                      lambda m, s: [float(exp(mpf(m + s * z))) for z in Z if abs(m + s * z) < 700],
                      lambda x, m, s: -((log(x) - m) / s) ** 2 / 2 - log(x * s) - log(2 * pi) / 2,
                      lambda x, m, s: upper_normal((m - log(x)) / s), lambda x, m, s: upper_normal((log(x) - m) / s),
                      lambda m, s: exp(m + s * s / 2), lambda m, s: expm1(s * s) * exp(2 * m + s * s),
                      lambda m, s: m + log(2 * pi * e * s * s) / 2),
    "student_t": dist(("nu", "mu", "sigma"), [(nu,) + ls for nu in NUS for ls in ((0.0, 1.0), (1.5, 0.25))] +
                      [(0.01, 0.0, 1.0), (0.5, 0.0, 1.0), (1.5, 2.0, 1e-3), (300.0, 0.0, 1.0), (1e6, 0.0, 1.0),
                       (1e12, 0.0, 1.0)],
                      student_grid,
                      lambda x, n, m, s: -(n + 1) / 2 * log1p(((x - m) / s) ** 2 / n) - log(s) - student_peak(n),
                      lambda x, n, m, s: student(n, (x - m) / s), lambda x, n, m, s: student(n, (m - x) / s),
                      lambda n, m, s: nan_if(n <= 1, m),
                      lambda n, m, s: s * s * n / (n - 2) if n > 2 else inf_ if n > 1 else mpf("nan"),
                      lambda n, m, s: log(s) + student_entropy(n)),
    "cauchy": dist(("mu", "sigma"), LS, place(WIDE),
                   lambda x, m, s: -log1p(((x - m) / s) ** 2) - log(pi * s),
                   lambda x, m, s: atan_upper((m - x) / s) / pi, lambda x, m, s: atan_upper((x - m) / s) / pi,
                   lambda m, s: mpf("nan"), lambda m, s: mpf("nan"), lambda m, s: log(4 * pi * s)),
    "logistic": dist(("mu", "sigma"), LS, place(Z + [-600.0, 600.0]),
                     lambda x, m, s: -(x - m) / s - 2 * log1p(exp(-(x - m) / s)) - log(s),
                     lambda x, m, s: 1 / (1 + exp((m - x) / s)), lambda x, m, s: 1 / (1 + exp((x - m) / s)),
                     lambda m, s: m, lambda m, s: (pi * s) ** 2 / 3, lambda m, s: log(s) + 2),
    "laplace": dist(("mu", "sigma"), LS, place(Z + [-600.0, 600.0]),
                    lambda x, m, s: -abs(x - m) / s - log(2 * s),
                    lambda x, m, s: exp((x - m) / s) / 2 if x < m else 1 - exp((m - x) / s) / 2,
                    lambda x, m, s: exp((m - x) / s) / 2 if x > m else 1 - exp((x - m) / s) / 2,
                    lambda m, s: m, lambda m, s: 2 * s * s, lambda m, s: 1 + log(2 * s)),
    "exponential": dist(("rate",), [(1.0,), (0.003,), (250.0,)], scaled(POS + [700.0], over=True),
                        lambda x, r: log(r) - r * x, lambda x, r: -expm1(-r * x), lambda x, r: exp(-r * x),
                        lambda r: 1 / r, lambda r: 1 / r ** 2, lambda r: 1 - log(r)),
    "gamma": dist(("shape", "rate"), SHAPES + [(1e-6, 1.0), (0.05, 1e-5), (1e6, 2.0)], gamma_grid,
                  lambda x, a, r: (a - 1) * log(r * x) - r * x - loggamma(a) + log(r),
                  lambda x, a, r: p_lower(a, r * x), lambda x, a, r: q_upper(a, r * x),
                  lambda a, r: a / r, lambda a, r: a / r ** 2, lambda a, r: gamma_entropy(a) - log(r)),
    "inverse_gamma": dist(("shape", "scale"), SHAPES, lambda a, s: [s / x for x in gamma_grid(a, 1.0)],
                          lambda x, a, s: a * log(s) - loggamma(a) - (a + 1) * log(x) - s / x,
                          lambda x, a, s: q_upper(a, s / x), lambda x, a, s: p_lower(a, s / x),
                          lambda a, s: s / (a - 1) if a > 1 else inf_,
                          lambda a, s: (s / (a - 1)) ** 2 / (a - 2) if a > 2 else inf_,
                          lambda a, s: a + log(s) + loggamma(a) - (1 + a) * psi(0, a)),
    "chi_square": dist(("nu",), [(0.02,), (1.0,), (2.0,), (7.0,), (59.0,), (1e4,), (2e5,)],
                       lambda n: gamma_grid(n / 2, 0.5),
                       lambda x, n: (n / 2 - 1) * log(x / 2) - x / 2 - loggamma(n / 2) - log(mpf(2)),
                       lambda x, n: p_lower(n / 2, x / 2), lambda x, n: q_upper(n / 2, x / 2),
                       lambda n: n, lambda n: 2 * n, lambda n: gamma_entropy(n / 2) + log(mpf(2))),
    "beta": dist(("a", "b"), BETAS + [(1e-5, 2e-5), (0.02, 300.0), (1e-3, 1e4), (1e6, 0.5), (1e6, 2e6), (0.5, 1e7)],
                 beta_grid,
                 lambda x, a, b: (a - 1) * log(x) + (b - 1) * log1p(-x) - log_beta(a, b),
                 lambda x, a, b: beta_i(a, b, x), lambda x, a, b: beta_ic(a, b, x),
                 lambda a, b: a / (a + b), lambda a, b: a * b / (a + b) ** 2 / (a + b + 1),
                 lambda a, b: log_beta(a, b) - (a - 1) * psi(0, a) - (b - 1) * psi(0, b) +
                 (a + b - 2) * psi(0, a + b)),
    "uniform": dist(("a", "b"), [(0.0, 1.0), (-2.0, 3.0), (1e6, 1e6 + 1), (-1e-5, 40.0)],
                    lambda a, b: [a + (b - a) * u for u in (1e-15, 1e-6, 0.01, 0.2, 0.4, 0.5, 0.6, 0.9, 0.999)],
                    lambda x, a, b: -log(b - a), lambda x, a, b: (x - a) / (b - a), lambda x, a, b: (b - x) / (b - a),
                    lambda a, b: (a + b) / 2, lambda a, b: (b - a) ** 2 / 12, lambda a, b: log(b - a)),
    "weibull": dist(("shape", "scale"), [(1.0, 1.0), (0.3, 2.0), (2.5, 0.01), (40.0, 3.0),
                                          (235.709, 0.0563089), (1e5, 2.0), (0.05, 1.0)],
                    lambda k, s: [v for v in (s * w ** (1 / k) for w in POS + [700.0]) if v > 1e-290],
                    lambda x, k, s: log(k / s) + (k - 1) * log(x / s) - (x / s) ** k,
                    lambda x, k, s: -expm1(-(x / s) ** k), lambda x, k, s: exp(-(x / s) ** k),
                    lambda k, s: s * gamma(1 + 1 / k), lambda k, s: s * s * (gamma(1 + 2 / k) - gamma(1 + 1 / k) ** 2),
                    lambda k, s: euler * (1 - 1 / k) + log(s / k) + 1),
    "gumbel": dist(("mu", "sigma"), LS, place([-6.0, -4.0, -2.5, -1.0, -0.3, 0.0, 1e-3, 0.5, 2.0, 5.0, 12.0, 36.0,
                                               39.0, 41.0, 60.0, 300.0, 700.0]),
                   lambda x, m, s: -(x - m) / s - exp((m - x) / s) - log(s),
                   lambda x, m, s: exp(-exp((m - x) / s)), lambda x, m, s: -expm1(-exp((m - x) / s)),
                   lambda m, s: m + euler * s, lambda m, s: (pi * s) ** 2 / 6, lambda m, s: log(s) + euler + 1),
    "pareto": dist(("scale", "shape"), [(1.0, 1.0), (3.0, 0.3), (0.01, 2.5), (5.0, 100.0)],
                   lambda m, k: [m * (1 + v) for v in (1e-12, 1e-6, 1e-3, 0.05, 0.3, 1.0, 4.0, 50.0, 1e4, 1e20, 1e100)],
                   lambda x, m, k: log(k) + k * log(m) - (k + 1) * log(x),
                   lambda x, m, k: 1 - (m / x) ** k, lambda x, m, k: (m / x) ** k,
                   lambda m, k: k * m / (k - 1) if k > 1 else inf_,
                   lambda m, k: m * m * k / (k - 1) ** 2 / (k - 2) if k > 2 else inf_,
                   lambda m, k: log(m / k) + 1 + 1 / k),
    "rayleigh": dist(("sigma",), [(1.0,), (0.003,), (250.0,)], scaled(POS),
                     lambda x, s: log(x) - 2 * log(s) - (x / s) ** 2 / 2,
                     lambda x, s: -expm1(-(x / s) ** 2 / 2), lambda x, s: exp(-(x / s) ** 2 / 2),
                     lambda s: s * sqrt(pi / 2), lambda s: (4 - pi) / 2 * s * s,
                     lambda s: 1 + log(s / sqrt2) + euler / 2),
    "half_normal": dist(("sigma",), [(1.0,), (0.003,), (250.0,)], scaled(POS + [37.0]),
                        lambda x, s: log(2 / pi) / 2 - log(s) - (x / s) ** 2 / 2,
                        lambda x, s: erf(x / s / sqrt2), lambda x, s: erfc(x / s / sqrt2),
                        lambda s: s * sqrt(2 / pi), lambda s: s * s * (1 - 2 / pi), lambda s: log(pi * e * s * s / 2) / 2),
    "half_cauchy": dist(("sigma",), [(1.0,), (0.003,), (250.0,)], scaled(POS + [1e4, 1e20, 1e150]),
                        lambda x, s: log(2 / pi / s) - log1p((x / s) ** 2),
                        lambda x, s: 2 / pi * atan(x / s), lambda x, s: 2 / pi * atan_upper(x / s),
                        lambda s: inf_, lambda s: inf_, lambda s: log(2 * pi * s)),
    "half_student_t": dist(("nu", "sigma"), [(nu, s) for nu in NUS for s in (1.0, 0.25)], student_grid,
                           lambda x, n, s: log(2 / s) - (n + 1) / 2 * log1p((x / s) ** 2 / n) - student_peak(n),
                           lambda x, n, s: 1 - 2 * student(n, -x / s), lambda x, n, s: 2 * student(n, -x / s),
                           lambda n, s: 2 * s * sqrt(n) / (n - 1) / beta(n / 2, half) if n > 1 else inf_,
                           lambda n, s: s * s * (n / (n - 2) - 4 * n / ((n - 1) * beta(n / 2, half)) ** 2)
                           if n > 2 else inf_,
                           lambda n, s: log(s / 2) + student_entropy(n)),
    "von_mises": dist(("mu", "kappa"), [(0.0, 1.0), (0.5, 0.01), (-1.0, 4.0), (2.0, 300.0), (0.25, 1e4), (0.0, 1e-6), (0.0, 30.0), (1.0, 1e6)],
                      lambda m, k: [m + d * v for d in (-1, 1) for v in (3.0, 2.0, 1.2, 0.5, 0.1, 1e-2, 1e-4)],
                      lambda x, m, k: k * cos(x - m) - log(2 * pi * besseli(0, k)),
                      lambda x, m, k: von_mises(x - m, k), lambda x, m, k: von_mises(m - x, k),
                      mean=lambda m, k: m,
                      entropy=lambda m, k: log(2 * pi * besseli(0, k)) - k * besseli(1, k) / besseli(0, k)),
    "triangular": dist(("a", "mode", "b"), [(0.0, 0.5, 1.0), (-2.0, 3.0, 4.0), (0.0, 0.0, 2.0), (1.0, 6.0, 6.0)],
                       lambda a, c, b: [a + (b - a) * u for u in (1e-9, 1e-4, 0.01, 0.2, 0.4, 0.6, 0.9, 0.999, 1 - 1e-9)],
                       lambda x, a, c, b: log(2 * (x - a) / (b - a) / (c - a)) if x < c else
                       log(2 * (b - x) / (b - a) / (b - c)),
                       lambda x, a, c, b: (x - a) ** 2 / (b - a) / (c - a) if x < c else
                       1 - (b - x) ** 2 / (b - a) / (b - c),
                       lambda x, a, c, b: 1 - (x - a) ** 2 / (b - a) / (c - a) if x < c else
                       (b - x) ** 2 / (b - a) / (b - c),
                       lambda a, c, b: (a + b + c) / 3,
                       lambda a, c, b: (a * a + b * b + c * c - a * b - a * c - b * c) / 18,
                       lambda a, c, b: half + log((b - a) / 2)),
    "bernoulli": dist(("theta",), [(0.5,), (0.3,), (1e-10,), (0.999999,), (1e-300,)], lambda t: [0.0, 1.0],
                      lambda k, t: log(t) if k else log1p(-t),
                      lambda k, t: mpf(1) if k else 1 - t, lambda k, t: mpf(0) if k else t,
                      lambda t: t, lambda t: t * (1 - t), lambda t: -t * log(t) - (1 - t) * log1p(-t),
                      discrete=True),
    "binomial": dist(("n", "theta"), [(1.0, 0.25), (10.0, 0.5), (20.0, 1e-10), (50.0, 0.93), (1e3, 0.01), (1e6, 0.3),
                                      (1e9, 1e-7), (1e5, 1e-6), (1e8, 0.5), (3e3, 0.9999), (1e12, 1e-11)],
                     count_grid(lambda n, t: n * t, lambda n, t: (n * t * (1 - t)) ** 0.5 + 0.5, lambda n, t: 0,
                                lambda n, t: n),
                     lambda k, n, t: log_choose(n, k) + power(k, t) + (n - k) * log1p(-t),
                     lambda k, n, t: beta_ic(k + 1, n - k, t) if k < n else mpf(1),
                     lambda k, n, t: beta_i(k + 1, n - k, t) if k < n else mpf(0),
                     lambda n, t: n * t, lambda n, t: n * t * (1 - t), whole=("n",), discrete=True),
    "negative_binomial": dist(("r", "theta"), [(1.0, 0.25), (0.01, 0.5), (3.5, 0.01), (40.0, 0.93), (1e5, 0.6),
                                               (1e-4, 0.3), (0.5, 1e-6), (1e4, 0.999), (1e7, 0.4)],
                              count_grid(lambda r, t: r * (1 - t) / t, lambda r, t: (r * (1 - t)) ** 0.5 / t + 0.5,
                                         lambda r, t: 0, lambda r, t: 1e30),
                              lambda k, r, t: log_choose(k + r - 1, k) + r * log(t) + power(k, 1 - t),
                              lambda k, r, t: beta_i(r, k + 1, t), lambda k, r, t: beta_ic(r, k + 1, t),
                              lambda r, t: r * (1 - t) / t, lambda r, t: r * (1 - t) / t ** 2, discrete=True),
    "poisson": dist(("rate",), [(1e-9,), (0.3,), (4.0,), (60.0,), (1e4,), (3e5,), (1e-30,), (1e6,)],
                    count_grid(lambda r: r, lambda r: r ** 0.5 + 0.5, lambda r: 0, lambda r: 1e30),
                    lambda k, r: k * log(r) - r - loggamma(k + 1),
                    lambda k, r: q_upper(k + 1, r), lambda k, r: p_lower(k + 1, r), lambda r: r, lambda r: r,
                    discrete=True),
    "geometric": dist(("theta",), [(0.5,), (0.3,), (1e-10,), (0.999,), (0.02,)],
                      lambda t: [float(round(v / t)) for v in (0, 1, 2, 3, 5, 11, 30, 100, 300)],
                      lambda k, t: k * log1p(-t) + log(t),
                      lambda k, t: -expm1((k + 1) * log1p(-t)), lambda k, t: (1 - t) ** (k + 1),
                      lambda t: (1 - t) / t, lambda t: (1 - t) / t ** 2,
                      lambda t: -(t * log(t) + (1 - t) * log1p(-t)) / t, discrete=True),
    "hypergeometric": dist(("N", "K", "n"), [(10.0, 4.0, 3.0), (50.0, 40.0, 30.0), (1e4, 1e3, 500.0), (1e6, 5e5, 1e3),
                                             (7.0, 7.0, 2.0)],
                           count_grid(lambda N, K, n: n * K / N, lambda N, K, n: (n * K / N * (1 - K / N)) ** 0.5 + 0.5,
                                      lambda N, K, n: max(0, n + K - N), lambda N, K, n: min(n, K)),
                           hypergeometric,
                           pmf_sum(hypergeometric, lambda k, N, K, n: max(0, n + K - N), lambda k, N, K, n: k),
                           pmf_sum(hypergeometric, lambda k, N, K, n: k + 1, lambda k, N, K, n: min(n, K)),
                           lambda N, K, n: n * K / N,
                           lambda N, K, n: n * K / N * (N - K) / N * (N - n) / (N - 1),
                           whole=("N", "K", "n"), discrete=True),
    "discrete_uniform": dist(("a", "b"), [(0.0, 1.0), (-3.0, 6.0), (1.0, 1000.0), (-1e6, 1e6)],
                             lambda a, b: [float(round(a + (b - a) * u)) for u in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1)],
                             lambda k, a, b: -log(b - a + 1),
                             lambda k, a, b: (k - a + 1) / (b - a + 1), lambda k, a, b: (b - k) / (b - a + 1),
                             lambda a, b: (a + b) / 2, lambda a, b: ((b - a + 1) ** 2 - 1) / 12,
                             lambda a, b: log(b - a + 1), whole=("a", "b"), discrete=True),
    "beta_binomial": dist(("n", "a", "b"), [(1.0, 1.0, 1.0), (10.0, 0.5, 2.0), (50.0, 30.0, 4.0), (1e3, 0.01, 0.02),
                                            (2e3, 1e4, 3e4), (1e6, 2.0, 1.5)],
                          count_grid(lambda n, a, b: n * a / (a + b), lambda n, a, b: n ** 0.5 / 2, lambda n, a, b: 0,
                                     lambda n, a, b: n),
                          beta_binomial,
                          pmf_sum(beta_binomial, lambda k, n, a, b: 0, lambda k, n, a, b: k if n < 1e5 else -1),
                          pmf_sum(beta_binomial, lambda k, n, a, b: k + 1, lambda k, n, a, b: n if n < 1e5 else -1),
                          lambda n, a, b: n * a / (a + b),
                          lambda n, a, b: n * a * b * (a + b + n) / (a + b) ** 2 / (a + b + 1),
                          whole=("n",), discrete=True),
}


def quantile_of(d, p, x, a):  # by Newton on the logarithm of the smaller tail, from x
    f, target, sign_ = (d.cdf, p, 1) if p < half else (d.ccdf, 1 - p, -1)
    for _ in range(60):
        v = f(x, *a)
        step = sign_ * log(v / target) * v / exp(d.log_density(x, *a))
        x -= step
        if abs(step) < abs(x) * mpf(10) ** -18:  # the next one would be below 10^-30
            return x
    raise ValueError((p, x, a))


def slopes(d, f, x, a):  # |x df/dx|, |a df/da| for every param that is not a whole number
    args = ([] if x is None else [x]) + list(a)
    name = ([] if x is None else ["x"]) + list(d.params)
    out = []
    for k in range(len(args)):
        out.append(mpf(0))
        if name[k] in d.whole or (d.discrete and name[k] == "x") or args[k] == 0:
            continue
        h = abs(args[k]) * mpf(10) ** -18
        lo, hi = list(args), list(args)
        lo[k] -= h
        hi[k] += h
        try:
            out[k] = abs((f(*hi) - f(*lo)) / (2 * h) * args[k])
        except (ValueError, ZeroDivisionError):
            pass
    return out


def rows_of(name):
    d = table[name]
    rows = []

    def add(function, x, p, v, condition):
        if isfinite(v) and v != 0 and not mpf(10) ** -300 < abs(v) < mpf(10) ** 300:
            return
        condition = condition if isfinite(v) and isfinite(condition) else mpf(0)
        rows.append([function, repr(float(x))] + [repr(float(w)) for w in p] +
                    [nstr(v, 20), "%.3g" % min(condition, mpf(10) ** 300)])

    def direct(function, x, p, floor):
        f, a = getattr(d, function), [mpf(v) for v in p]
        v = f(*([] if x is None else [mpf(x)]), *a)
        c = sum(slopes(d, f, x if x is None else mpf(x), a)) if isfinite(v) else mpf(0)
        add(function, x or 0, p, v, c / max(abs(v), floor) if v or floor else mpf(0))

    for p in d.sets:
        for f in ("mean", "variance", "entropy"):
            if getattr(d, f):
                direct(f, None, p, mpf(f == "entropy"))
        seen = set()
        for x in d.grid(*p):
            direct("log_density", x, p, mpf(1))
            if not d.cdf:
                continue
            a = [mpf(t) for t in p]
            v, w = d.cdf(mpf(x), *a), d.ccdf(mpf(x), *a)
            if not v or v + w < half:  # no table
                continue
            s = slopes(d, d.cdf if v < w else d.ccdf, mpf(x), a)
            for function, one, other in (("cdf", v, w), ("ccdf", w, v)):
                if function == "cdf" or one:
                    add(function, x, p, one, sum(s) / one)
                    l = log(one) if one < half else log1p(-other)
                    add("log_" + function, x, p, l, sum(s) / one / abs(l) if l else mpf(0))
            q = float(v)
            if not (1e-100 if name in ("von_mises", "beta_binomial", "hypergeometric") else 1e-300) < q < 1 or q in seen:
                continue
            seen.add(q)
            if d.discrete:  # next to a step, where steps are more than that
                for u in (q * (1 - 2.0 ** -40), q * (1 + 2.0 ** -40)):
                    k = mpf(x) if mpf(u) <= v else mpf(x) + 1
                    if 0 < u < 1 and d.cdf(k, *a) >= mpf(u) and (k == 0 or d.cdf(k - 1, *a) < mpf(u)):
                        add("quantile", u, p, k, mpf(0))
            else:
                try:
                    k = quantile_of(d, mpf(q), mpf(x), a)
                except ValueError:
                    continue
                add("quantile", q, p, k, (v + sum(s[1:])) / exp(d.log_density(k, *a)) / abs(k) if k else mpf(0))
    print(name, len(rows), flush=True)
    return name, rows


if __name__ == "__main__":
    os.makedirs("dist", exist_ok=True)
    with Pool(2) as pool:
        for name, rows in pool.imap(rows_of, names or list(table), chunksize=1):
            with open("dist/%s.tsv" % name, "w") as out:
                out.write("\t".join(["function", "x"] + list(table[name].params) + ["value", "condition"]) + "\n")
                out.write("".join("\t".join(r) + "\n" for r in rows))
