#!/usr/bin/env python3
"""Writes moving.tsv: integrals whose integrand is singular inside the range, or at an end, at places that move; their values and
derivatives to second order, by mpmath at 40 digits: the range is divided there, and x = r + w^m takes the singularity away.
A line: id <tab> program, statements separated by ; <tab> expression = value <tab> ...   Usage: make_moving.py > moving.tsv"""
import mpmath as mp

mp.mp.dps = 40
H = mp.mpf('1e-9')


def around(r, s, f, lo, hi):
    """integral of f(t, r + t), which is |t|^s log(|t|)^k times what is smooth, x = r + t"""
    m = max(1, mp.ceil(2 / (1 + s)))
    total = mp.mpf(0)
    for sign, width in ((-1, r - lo), (1, hi - r)):
        if width > 0:
            top = width**(mp.mpf(1) / m)
            total += mp.quad(lambda w: m * w**(m - 1) * f(sign * w**m, r + sign * w**m), [0, top / 3, top])
    return total


def points(roots, f, lo, hi):
    """roots: (place, power); f(x, i, t): x = roots[i] + t"""
    inside = sorted((mp.mpf(r), mp.mpf(s), i) for i, (r, s) in enumerate(roots) if lo <= r <= hi)
    if not inside:
        return mp.quad(lambda x: f(x, -1, 0), [lo, (lo + hi) / 2, hi])
    cuts = [lo] + [(a[0] + b[0]) / 2 for a, b in zip(inside, inside[1:])] + [hi]
    return sum(around(r, s, lambda t, x: f(x, i, t), cuts[k], cuts[k + 1]) for k, (r, s, i) in enumerate(inside))


def line(name, program, params, exact, before=()):
    p = {k: mp.mpf(str(v)) for k, v in params.items()}
    at = lambda **by: exact(**{k: p[k] + by.get(k, 0) * H for k in p})
    want = [('V', at())]
    names = list(params)
    for i, k in enumerate(names):
        up, down = at(**{k: 1}), at(**{k: -1})
        want.append((f'd(V, {k})', (up - down) / (2 * H)))
        want.append((f'd(d(V, {k}), {k})', (up - 2 * want[0][1] + down) / H**2))
        for m in names[i + 1:]:
            four = sum(a * b * at(**{k: a, m: b}) for a in (1, -1) for b in (1, -1))
            want.append((f'd(d(V, {k}), {m})', four / (4 * H * H)))
    text = '; '.join([f'{k} = {v}' for k, v in params.items()] + list(before) + ['V = ' + program])
    print('\t'.join([name, text] + [f'{e} = {mp.nstr(mp.chop(v, 1e-18), 15)}' for e, v in want]))


def power(s, a, g, lo=0, hi=1, log=0):
    f = lambda x, i, t: abs(t if i == 0 else x - a)**s * mp.log(abs(t if i == 0 else x - a))**log * g(x)
    return points([(a, s)], f, mp.mpf(lo), mp.mpf(hi))


# one point: powers and logarithms, inside, beside the range, near an end
for s in ('-0.9', '-0.5', '-0.1', '0.5'):
    for a in (0.3, 0.99, 1.4):
        line(f'power {s}, {a}', f'integral(x in 0..1: exp(x) * abs(x - a)^({s}))', {'a': a},
             lambda a: power(mp.mpf(s), a, mp.exp))
for k in (1, 2):
    line(f'logarithm^{k}', f'integral(x in 0..1: cos(x) * log(abs(x - a))^{k})', {'a': 0.3},
         lambda a: power(mp.mpf(0), a, mp.cos, log=k))
line('power and logarithm', 'integral(x in 0..1: cos(x) * abs(x - a)^(-0.4) * log(abs(a - x)))', {'a': 0.7},
     lambda a: power(mp.mpf('-0.4'), a, mp.cos, log=1))
line('exponent', 'integral(x in 0..1: exp(x) * abs(x - a)^b)', {'a': 0.3, 'b': -0.55}, lambda a, b: power(b, a, mp.exp))
line('whole line', 'integral(x in -inf..inf: exp(-x^2) * cos(b * x) * log(abs(x - a)))', {'a': 0.3, 'b': 1.2},
     lambda a, b: power(mp.mpf(0), a, lambda x: mp.exp(-x * x) * mp.cos(b * x), -10, 10, log=1))
line('half-line', 'integral(x in b..inf: exp(-x) * abs(x - a)^(-0.5))', {'a': 0.7, 'b': 0.2},
     lambda a, b: power(mp.mpf('-0.5'), a, lambda x: mp.exp(-x), b, 90))
line('root and square', 'integral(x in 0..1: exp(x) * ((x - a)^2)^(-0.2) * cbrt(x - a)^(-1))', {'a': 0.4},
     lambda a: power(mp.mpf('-0.4') - mp.mpf(1) / 3, a, mp.exp, a, 1) - power(mp.mpf('-0.4') - mp.mpf(1) / 3, a, mp.exp, 0, a))

# other conditions: a slope, a square, sin and exp, functions with names of their own
line('slope', 'integral(x in 0..1: abs(a * x - b)^(-0.6) * exp(x))', {'a': 1.3, 'b': 0.5},
     lambda a, b: a**mp.mpf('-0.6') * power(mp.mpf('-0.6'), b / a, mp.exp))
line('square', 'integral(x in 0..b: exp(x) * abs(x^2 - a)^(-1/3))', {'a': 0.3, 'b': 1.2},
     lambda a, b: power(-mp.mpf(1) / 3, mp.sqrt(a), lambda x: mp.exp(x) * (x + mp.sqrt(a))**(-mp.mpf(1) / 3), 0, b))


def inverse_root(u, r, slope, g):
    return lambda x, i, t: g(x) / mp.sqrt(abs(t * slope(r, t) if i == 0 else u(x)))


line('sine', 'integral(x in 0..1.5: exp(x) / sqrt(abs(sin(x) - a)))', {'a': 0.4},
     lambda a: points([(mp.asin(a), -0.5)], inverse_root(None, mp.asin(a), lambda r, t: mp.cos(r + t / 2) * mp.sincpi(t / 2 / mp.pi), mp.exp),
                      mp.mpf(0), mp.mpf(1.5)))
line('exponential', 'integral(x in 0..1: cos(b * x) * h(exp(x), a))', {'a': 1.3, 'b': 0.5},
     lambda a, b: points([(mp.log(a), -0.5)], inverse_root(None, mp.log(a), lambda r, t: a * mp.expm1(t) / t, lambda x: mp.cos(b * x)),
                         mp.mpf(0), mp.mpf(1)), ['h(y, c) = { u = y - c; 1 / sqrt(abs(u)) }'])


# two points, sums, ends that are singular, jumps
def two(f, s, r, lo, hi):
    d = lambda x, i, t, k: abs(t if i == k else x - r[k])
    return points([(r[0], s[0]), (r[1], s[1])], lambda x, i, t: f(x, d(x, i, t, 0), d(x, i, t, 1)), lo, hi)


S4, S3, S5, S9 = mp.mpf('-0.4'), mp.mpf('-0.3'), mp.mpf('-0.5'), mp.mpf('-0.9')
line('two points', 'integral(x in 0..1: cos(x) * abs(x - a)^(-0.4) * abs(x - b)^(-0.3))', {'a': 0.3, 'b': 0.6},
     lambda a, b: two(lambda x, u, v: mp.cos(x) * u**S4 * v**S3, (S4, S3), (a, b), mp.mpf(0), mp.mpf(1)))
line('roots of one polynomial', 'integral(x in 0..1: exp(x) * abs(x^2 - (a + b) * x + a * b)^(-0.4))', {'a': 0.3, 'b': 0.55},
     lambda a, b: two(lambda x, u, v: mp.exp(x) * (u * v)**S4, (S4, S4), (a, b), mp.mpf(0), mp.mpf(1)))
line('sum of two', 'integral(x in 0..1: cos(x) * abs(x - q[0])^(-0.4) + q[1] * exp(x) * log(abs(x - q[1])))', {'a': 0.3, 'b': 0.6},
     lambda a, b: power(S4, a, mp.cos) + b * power(mp.mpf(0), b, mp.exp, log=1), ['q = [a, b]'])
line('both ends', 'integral(x in a..b: (b - x)^(-0.9) * (x - a)^(-0.3) * exp(a * x))', {'a': 0.3, 'b': 0.6},
     lambda a, b: two(lambda x, u, v: mp.exp(a * x) * u**S3 * v**S9, (S3, S9), (a, b), a, b))
line('one end', 'integral(x in 0..b: (b - x)^(-0.9) * x^(-0.3) * exp(a * x))', {'a': 0.3, 'b': 0.6},
     lambda a, b: two(lambda x, u, v: mp.exp(a * x) * u**S9 * v**S3, (S9, S3), (b, mp.mpf(0)), mp.mpf(0), b))
line('one side', 'integral(x in 0..2: if x < a then (a - x)^(-0.5) * cos(b * x) else 0)', {'a': 0.3, 'b': 0.6},
     lambda a, b: power(S5, a, lambda x: mp.cos(b * x), 0, a))
line('sign', 'integral(x in 0..2: sign(x - a) * abs(a - x)^(-0.5) * cos(b * x))', {'a': 1.4, 'b': 1.1},
     lambda a, b: power(S5, a, lambda x: mp.cos(b * x), a, 2) - power(S5, a, lambda x: mp.cos(b * x), 0, a))
for a in (0.7, 1.4):
    line(f'beside a jump, {a}', 'integral(x in 0..2: (if x < b then 1 else 3) * abs(a - x)^(-0.5) * cos(b * x))', {'a': a, 'b': 1.1},
         lambda a, b: power(S5, a, lambda x: mp.cos(b * x), 0, b) + 3 * power(S5, a, lambda x: mp.cos(b * x), b, 2))
# integrals of integrals: |y + x - a|^s, in closed form
line('nested', 'integral(x in 0..1, y in 0..1: abs(y + x - a)^(-0.5))', {'a': 0.7},
     lambda a: (lambda G: G(2 - a) - 2 * G(1 - a) + G(-a))(lambda u: abs(u)**mp.mpf('1.5') / (mp.mpf('0.5') * mp.mpf('1.5'))))
