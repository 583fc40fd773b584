#!/usr/bin/env python3
"""Writes special.csv: reference values of the special functions, from mpmath at 60 digits.

Columns: function, x, y, z, value, condition. Arguments are doubles; the condition number is the sum over the
arguments of |x f'(x) / f(x)|, which is by how much an argument's rounding error grows.
Needs mpmath. `make_special.py fit` prints the coefficients of the polynomials in src/ instead."""
import random
import sys
from multiprocessing import Pool
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
    for k in range(1, 17):  # the 32 nodes of Gauss and Legendre: the positive ones and their weights
        x = findroot(lambda t: legendre(32, t), cos(pi * (k - mpf(1) / 4) / (32 + mpf(1) / 2)))
        slope = 32 * (x * legendre(32, x) - legendre(31, x)) / (x * x - 1)
        print(nstr(x, 19), nstr(2 / ((1 - x * x) * slope ** 2), 19))
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


def p_lower(a, x):  # DLMF 8.11.4, whose terms are all positive; digits enough that 1 - P is right in the far tail
    if x <= 0:
        return mpf(0)
    with workdps(mp.dps + 20):
        t = s = mpf(1)
        n, small = a, mpf(10) ** -mp.dps
        while t > small * s:
            n += 1
            t *= x / n
            s += t
        return s * exp(a * log(x) - x - loggamma(a + 1))


def q_fraction(a, x):  # DLMF 8.9.2 by Lentz
    with workdps(mp.dps + 20):
        b = x + 1 - a
        c, d = mpf(10) ** 200, 1 / b
        h, n, small = d, 0, mpf(10) ** -mp.dps
        while True:
            n += 1
            b += 2
            d = 1 / (n * (a - n) * d + b)
            c = n * (a - n) / c + b
            h *= c * d
            if abs(c * d - 1) < small:
                return h * exp(a * log(x) - x - loggamma(a))


def q_upper(a, x):
    if x > 3 * a + 100 or (a < 20 and x > a + 5):
        return gammainc(a, x, inf, regularized=True)
    far = a * log(a / x) + x - a if x > a else 0
    if far > 60:
        return q_fraction(a, x)
    with workdps(mp.dps + 60):
        return 1 - p_lower(a, x)


def density(a, x):
    return exp((a - 1) * log(x) - x - loggamma(a))


def log_p(a, x):
    return log(p_lower(a, x)) if x < a else log1p(-q_upper(a, x))


def log_q(a, x):
    return log(q_upper(a, x)) if x > a else log1p(-p_lower(a, x))


def log_i(a, b, x):
    return log(beta_i(a, b, x)) if x < a / (a + b) else log1p(-beta_i(b, a, 1 - x))


def beta_ic(a, b, x):
    with workdps(mp.dps + (330 if x < 1e-10 else 30)):
        return beta_i(b, a, 1 - x) if x > a / (a + b) else 1 - beta_i(a, b, x)


def log_ic(a, b, x):
    return log(beta_ic(a, b, x)) if x > a / (a + b) else log1p(-beta_i(a, b, x))


def rooted(f, k, slope):  # the argument k that gives f = v, from a start that is right to a few digits
    def solve(*args):
        x, v = args[k], args[-1]
        for _ in range(6):
            step = (f(*args[:k], x) - v) / slope(*args[:k], x)
            if abs(step) > abs(x) / 2:
                step = x / 2 * sign(step)
            x -= step
            if abs(step) < abs(x) * mpf(10) ** -28:
                return x
        raise ValueError(args)
    return solve


def by(f, k, args):  # central difference of order 6 at high precision
    h = abs(args[k]) * mpf(10) ** -9
    def at(j):
        a = list(args)
        a[k] += j * h
        return f(*a)
    with workdps(110):
        return (45 * (at(1) - at(-1)) - 9 * (at(2) - at(-2)) + (at(3) - at(-3))) / (60 * h)


def beta_i(a, b, x):  # DLMF 8.17.8, its terms positive
    if x > a / (a + b):
        with workdps(mp.dps + 30):
            return 1 - beta_i(b, a, 1 - x)
    with workdps(mp.dps + 20):
        t = s = mpf(1)
        n, small = 0, mpf(10) ** -mp.dps
        while t > small * s or n == 0:
            t *= x * (a + b + n) / (a + 1 + n)
            s += t
            n += 1
            if n > 15000:
                raise ValueError("too many terms")
        return s * x * (1 - x) * beta_dx(a, b, x) / a


def beta_dx(a, b, x):
    return exp((a - 1) * log(x) + (b - 1) * log1p(-x) - loggamma(a) - loggamma(b) + loggamma(a + b))


def spread(lo, hi, n, sign=False):  # log-uniform, as doubles
    r = [float(mpf(10) ** random.uniform(lo, hi)) for _ in range(n)]
    return [v * random.choice((-1, 1)) for v in r] if sign else r


def span(lo, hi, n):
    return [random.uniform(lo, hi) for _ in range(n)]


def gamma_points(n, reach=37.0):  # shapes 1e-3 … 1e6, both tails down to about exp(-reach^2 / 2)
    out = []
    for a in spread(-3, 2, n) + spread(2, 6, n):
        z = random.uniform(-reach, reach) if random.random() < 0.6 else random.gauss(0, 1.5)
        if a >= 30:
            x = a * (1 + z / 3 / a ** 0.5) ** 3 if 1 + z / 3 / a ** 0.5 > 0.01 else a / 20
        elif z < 0:
            x = float(exp(psi(0, a) - z * z / 2 / a)) if z * z / 2 / a < 690 else 1e-290
        else:
            x = a + z * a ** 0.5 + z * z / 2
        out.append((a, float(x)))
    return out


def beta_points(n, reach=37.0, lo=-3, hi=6):
    out = []
    while len(out) < n:
        a, b = spread(lo, hi, 2)
        z = random.uniform(-reach, reach) if random.random() < 0.6 else random.gauss(0, 1.5)
        sd = lambda s: float(1 / s if s < 0.3 else s ** -0.5)  # of log x beside log(1 - x)
        u = float(log(mpf(a) / b)) + z * hypot(sd(a), sd(b))
        if -690 < u < 36:
            x = float(1 / (1 + exp(-mpf(u))))
            if 0 < x < 1:
                out.append((a, b, x))
    return out


def inverse_points(f, points):  # (…, x) to (…, f)
    out = []
    for p in points:
        try:
            v = float(f(*map(mpf, p)))
        except ValueError:
            continue
        if 1e-300 < v < 1:
            out.append(p[:-1] + (v, p[-1]))
    return out


def erfcinv_start(x):
    return -quantile(x / 2) / sqrt2


def student(nu, t):
    x = nu / (nu + t * t)
    v = beta_i(nu / 2, mpf(1) / 2, x) if x < nu / (nu + 1) else beta_ic(mpf(1) / 2, nu / 2, t * t / (nu + t * t))
    return v / 2 if t < 0 else 1 - v / 2


def student_pdf(nu, t):
    return exp(loggamma((nu + 1) / 2) - loggamma(nu / 2) - log(nu * pi) / 2 - (nu + 1) / 2 * log1p(t * t / nu))


def student_points(n):
    return [(nu, random.choice(spread(-4, 1.55, 1, True) + spread(-4, 1.55, 1, True) + spread(0, 1.55, 1, True) +
                               (spread(1, 8, 1, True) if nu < 30 else spread(0, 1.4, 1, True))))
            for nu in spread(-1.5, 6, n)]


orders = [(float(n), x) for n in (1, 2, 3, 5, 10, 40) for x in spread(-3, 3, 12) + [-0.3, -1.75, -7.5, -30.4]]
table = {
    "logistic": (lambda x: 1 / (1 + exp(-x)), [(x,) for x in spread(-5, 2.8, 60, True)]),
    "softplus": (lambda x: log1p(exp(x)), [(x,) for x in spread(-5, 2.8, 60, True)]),
    "logit": (lambda x: log(x / (1 - x)),
              [(x,) for x in spread(-300, 0, 30) + span(0, 1, 60) + span(0.499, 0.501, 20)]),
    "log1mexp": (lambda x: log(-expm1(-x)) if x < 1 else log1p(-exp(-x)), [(x,) for x in spread(-10, 2.8, 80)]),
    "logaddexp": (lambda x, y: log(exp(x) + exp(y)), list(zip(spread(-3, 3, 60, True), spread(-3, 3, 60, True)))),
    "sinc": (lambda x: sin(x) / x, [(x,) for x in spread(-8, 3, 60, True)]),
    "exprel": (lambda x: expm1(x) / x, [(x,) for x in spread(-8, 2.8, 60, True)]),
    "erfcx": (lambda x: exp(x * x) * erfc(x) if x < 50 else hyperu(0.5, 0.5, x * x) / sqrt(pi),
              [(x,) for x in spread(-5, 1.4, 60, True) + span(0, 30, 60) + spread(1, 8, 30)]),
    "erfinv": (erfinv,
               [(x,) for x in span(-1, 1, 60) + spread(-20, -1, 30, True) + [1 - v for v in spread(-15, -2, 30)]]),
    "norm_cdf": (lambda x: upper_normal(-x), [(x,) for x in span(-37.5, 9, 150) + spread(-9, 0, 20, True)]),
    "norm_quantile": (quantile,
                      [(x,) for x in span(0, 1, 60) + spread(-300, -1, 60) + [1 - v for v in spread(-15, -2, 30)]]),
    "log_norm_cdf": (log_norm_cdf, [(x,) for x in span(-50, 37, 150) + [-v for v in spread(2, 6, 20)]]),
    "lgamma": (loggamma, [(x,) for x in spread(-5, 8, 80)] + [(1 + v,) for v in spread(-12, -2, 20, True)] +
               [(2 + v,) for v in spread(-12, -2, 20, True)]),
    "lgamma.negative": (lambda x: log(abs(gamma(x))), [(x,) for x in span(-15, 0, 60)]),
    "digamma": (digamma, [(x,) for x in spread(-5, 8, 120) + span(1, 12, 60) + span(1.46, 1.463, 20)]),
    "digamma.negative": (digamma, [(x,) for x in span(-20, 0, 60)]),
    "trigamma": (lambda x: psi(1, x), [(x,) for x in spread(-5, 8, 100) + span(-10, 0, 40)]),
    "polygamma": (lambda n, x: psi(int(n), x), orders),
    "lbeta": (lambda a, b: loggamma(a) + loggamma(b) - loggamma(a + b),
              list(zip(spread(-4, 6, 120), spread(-4, 6, 120)))),
    "gamma_p": (p_lower, gamma_points(150)),
    "gamma_q": (q_upper, gamma_points(150)),
    "log_gamma_p": (log_p, gamma_points(70) + gamma_points(40, 300.0)),
    "log_gamma_q": (log_q, gamma_points(70) + gamma_points(40, 300.0)),
    "gamma_p_dx": (density, gamma_points(80)),
    "log_gamma_pdf": (lambda a, x: (a - 1) * log(x) - x - loggamma(a), gamma_points(80) + gamma_points(40, 300.0)),
    "gamma_p_da": (lambda a, x: by(p_lower if x < a else lambda a, x: -q_upper(a, x), 0, (a, x)), gamma_points(50)),
    "log_gamma_p_da": (lambda a, x: by(log_p, 0, (a, x)), gamma_points(40)),
    "log_gamma_q_da": (lambda a, x: by(log_q, 0, (a, x)), gamma_points(40)),
    "gamma_p_inv": (rooted(p_lower, 1, density), lambda: inverse_points(p_lower, gamma_points(100))),
    "gamma_q_inv": (rooted(q_upper, 1, lambda a, x: -density(a, x)),
                    lambda: inverse_points(q_upper, gamma_points(100))),
    "beta_inc": (beta_i, beta_points(200)),
    "beta_incc": (beta_ic, beta_points(200)),
    "log_beta_inc": (log_i, beta_points(100) + beta_points(60, 300.0)),
    "log_beta_incc": (log_ic, beta_points(100) + beta_points(60, 300.0)),
    "beta_inc_dx": (beta_dx, beta_points(120)),
    "log_beta_pdf": (lambda a, b, x: (a - 1) * log(x) + (b - 1) * log1p(-x) - loggamma(a) - loggamma(b) +
                     loggamma(a + b), beta_points(120) + beta_points(60, 300.0)),
    "beta_inc_da": (lambda a, b, x: by(beta_i if x < a / (a + b) else lambda a, b, x: -beta_ic(a, b, x),
                                       0, (a, b, x)), beta_points(60)),
    "beta_inc_db": (lambda a, b, x: by(beta_i if x < a / (a + b) else lambda a, b, x: -beta_ic(a, b, x),
                                       1, (a, b, x)), beta_points(60)),
    "log_beta_inc_da": (lambda a, b, x: by(log_i, 0, (a, b, x)), beta_points(40)),
    "log_beta_inc_db": (lambda a, b, x: by(log_i, 1, (a, b, x)), beta_points(40)),
    "log_beta_incc_da": (lambda a, b, x: by(log_ic, 0, (a, b, x)), beta_points(40)),
    "log_beta_incc_db": (lambda a, b, x: by(log_ic, 1, (a, b, x)), beta_points(40)),
    "beta_inc_inv": (rooted(beta_i, 2, beta_dx), lambda: inverse_points(beta_i, beta_points(100))),
    "beta_incc_inv": (rooted(beta_ic, 2, lambda a, b, x: -beta_dx(a, b, x)),
                      lambda: inverse_points(beta_ic, beta_points(100))),
    "erf": (erf, [(x,) for x in spread(-300, 0.7, 60, True)]),
    "erfc": (erfc, [(x,) for x in span(-3, 26, 120)]),
    "erfcinv": (lambda x: rooted(erfc, 0, lambda x: -2 / sqrt(pi) * exp(-x * x))(mpf(erfcinv_start(x)), x),
                [(x,) for x in span(0, 2, 60) + spread(-300, -1, 60) + [1 + v for v in spread(-12, -2, 30, True)]]),
    "lfactorial": (lambda x: loggamma(x + 1),
                   [(x,) for x in spread(-12, 7, 80) + span(-0.9, 1.5, 60)] +
                   [(1 + v,) for v in spread(-12, -2, 20, True)]),
    "lchoose": (lambda n, k: loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1),
                [(float(n), float(random.randint(1, n - 1))) for n in map(int, spread(0.5, 9, 80))] +
                [(float(n), float(random.choice((1, 2, 3, n - 1, n - 2)))) for n in map(int, spread(1, 9, 40))] +
                [(n, n * random.random()) for n in spread(0, 6, 60)]),
    "xlog1py": (lambda x, y: x * log1p(y), [(x, y) for x, y in zip(spread(-3, 3, 40, True), spread(-12, 2, 40))]),
    "bessel_i0": (lambda x: besseli(0, x), [(x,) for x in spread(-3, 2.8, 80, True)]),
    "bessel_i1": (lambda x: besseli(1, x), [(x,) for x in spread(-3, 2.8, 80, True)]),
    "bessel_i0e": (lambda x: exp(-abs(x)) * besseli(0, x), [(x,) for x in spread(-3, 4, 80, True) + span(15, 40, 40)]),
    "bessel_i1e": (lambda x: exp(-abs(x)) * besseli(1, x), [(x,) for x in spread(-3, 4, 80, True) + span(15, 40, 40)]),
    "log_bessel_i0": (lambda x: log(besseli(0, x)), [(x,) for x in spread(-8, 4, 80, True) + span(15, 40, 40)]),
    "bessel_ratio": (lambda x: besseli(1, x) / besseli(0, x), [(x,) for x in spread(-8, 4, 80, True)]),
    "bessel_ratio_dx": (lambda x: 1 - (besseli(1, x) / besseli(0, x)) ** 2 - besseli(1, x) / besseli(0, x) / x,
                        [(x,) for x in spread(-8, 4, 80, True) + span(15, 40, 40)]),
    "student_t_cdf": (student, student_points(120)),
    "log_student_t_cdf": (lambda nu, t: log(student(nu, t)) if t < 0 else log1p(-student(nu, -t)), student_points(120)),
    "student_t_quantile": (lambda nu, t, p: rooted(student, 1, student_pdf)(nu, t, p),
                           lambda: inverse_points(student, student_points(120))),
    "student_t_dnu": (lambda nu, t: by(student, 0, (nu, -abs(t))) * (1 if t < 0 else -1),
                      [p for p in student_points(100) if p[0] < 100]),
}


def condition(name, f, args, v):
    c = mpf(0)
    for k in range(len(args)):
        if name == "polygamma" and k == 0:
            continue
        h = abs(args[k]) * mpf(10) ** -25
        a, b = list(args), list(args)
        a[k] += h
        b[k] -= h
        c += abs((f(*a) - f(*b)) / (2 * h) * args[k] / v)
    return c


def rows_of(name):
    random.seed(name)
    f, points = table[name]
    points = points() if callable(points) else points
    rows = []
    for p in points:
        try:
            args = [mpf(v) for v in p]
            if name.endswith(("_inv", "_t_quantile")):  # its last argument is the value, the one before it the start of the search
                start = args.pop()
                p = p[:-1]
                solve = f
                f_ = lambda *a: solve(*a[:-1], start, a[-1])
            else:
                f_ = f
            v = f_(*args)
            if abs(v) < mpf(10) ** -300 or abs(v) > mpf(10) ** 300:
                continue
            cond = condition(name, f_, args, v)
        except (ValueError, mp.NoConvergence, ZeroDivisionError):
            continue
        cells = [repr(float(w)) for w in p] + [""] * (3 - len(p))
        rows.append(",".join([name] + cells + ["%s" % nstr(v, 17), "%.3g" % cond]))
    print(name, len(rows), "of", len(points), flush=True)
    return rows


if __name__ == "__main__":
    names = sys.argv[1:] or list(table)
    with Pool(2) as pool, open("special.csv", "w") as out:
        out.write("function,x,y,z,value,condition\n")
        for rows in pool.imap(rows_of, names, chunksize=1):
            out.write("".join(r + "\n" for r in rows))
