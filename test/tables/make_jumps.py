#!/usr/bin/env python3
"""Writes jumps.tsv: integrals whose integrand jumps, their values and derivatives, from closed forms by mpmath at 30 digits.
A line: id <tab> program, statements separated by ; <tab> expression = value <tab> ...   Usage: make_jumps.py > jumps.tsv"""
import mpmath as mp

mp.mp.dps = 30
pi = mp.pi


def line(name, program, params, exact, before=()):
    """exact(**params) is V; its derivatives of first and second order follow"""
    p = {k: mp.mpf(v) for k, v in params.items()}
    names = list(params)
    want = [('V', exact(**p))]
    for i, k in enumerate(names):
        want.append((f'd(V, {k})', mp.diff(lambda s: exact(**{**p, k: s}), p[k])))
        want.append((f'd(d(V, {k}), {k})', mp.diff(lambda s: exact(**{**p, k: s}), p[k], 2)))
        for m in names[i + 1:]:
            mixed = mp.diff(lambda s, t: exact(**{**p, k: s, m: t}), (p[k], p[m]), (1, 1))
            want.append((f'd(d(V, {k}), {m})', mixed))
    text = '; '.join([f'{k} = {v}' for k, v in params.items()] + list(before) + ['V = ' + program])
    print('\t'.join([name, text] + [f'{e} = {mp.nstr(mp.chop(mp.re(v), 1e-20), 18)}' for e, v in want]))


def area(name, condition, integrand, x, y, params, exact):
    line(name, f'integral(x in {x}: integral(y in {y}: if {condition} then {integrand} else 0))', params, exact)


def segment(t, d):
    """of the disc of radius sqrt(t), the part beyond the distance d from its centre"""
    return t * mp.acos(d / mp.sqrt(t)) - d * mp.sqrt(t - d * d)


def cut(t):
    """the quarter of that disc in the unit square, 1 < t < 2"""
    c = mp.sqrt(t - 1)
    F = lambda x: (x * mp.sqrt(t - x * x) + t * mp.asin(x / mp.sqrt(t))) / 2
    return c + F(1) - F(c)


unit, two, four = '0..1', '-1..1', '-2..2'

# one variable: steps, kinks, ends that move with them, several roots, nowhere and everywhere
line('band', 'integral(x in 0..2: if a < x and x < a + b then x else 0)', {'a': 0.3, 'b': 0.6}, lambda a, b: ((a + b)**2 - a**2) / 2)
line('two roots', 'integral(x in -2..2: if x^2 < t then exp(x) else x)', {'t': 0.7},
     lambda t: 2 * mp.sinh(mp.sqrt(t)))
line('product', 'integral(x in 0..1: (if x < a then x else 1) * (if x < b then 1 else x))', {'a': 0.3, 'b': 0.6},
     lambda a, b: a**2 / 2 + (b - a) + (1 - b**2) / 2)
line('floor', 'integral(x in 0..2: x * floor(x / t))', {'t': 0.7}, lambda t: sum((4 - (k * t)**2) / 2 for k in (1, 2)))
line('kinks', 'integral(x in 0..1: max(abs(x - a), b * x))', {'a': 0.6, 'b': 0.5},
     lambda a, b: (lambda c: a * c - c * c / 2 + b * (1 - c * c) / 2)(a / (1 + b)))
line('kink at an end', 'integral(x in a..2 * a + b: floor(x / a) + abs(x - a))', {'a': 0.45, 'b': 0.52},
     lambda a, b: (a + b)**2 / 2 + 3 * b)
line('everywhere', 'integral(x in 0..t: if x < 5 then x else 0)', {'t': 1.2}, lambda t: t**2 / 2)

# sums, maxima and products over an index whose terms jump


def family(name, f, exact):
    line(name, f'integral(x in 0..1: {f})', {'a': 0.31, 'b': 0.87, 'c': 0.55}, exact, ['q = [a, b, c]'])


def steps(q, f):
    """the integral over 0..1 of f(number of the q above x)"""
    s = [mp.mpf(0)] + sorted(q) + [mp.mpf(1)]
    return sum((s[k + 1] - s[k]) * f(len(q) - k) for k in range(len(q) + 1))


family('sum', 'sum(i: if x < q[i] then x else 0)', lambda a, b, c: (a * a + b * b + c * c) / 2)
family('exp of a sum', 'exp(sum(i: if x < q[i] then 1 else 0))', lambda a, b, c: steps([a, b, c], mp.exp))
family('square of a sum', 'sum(i: if x < q[i] then 1 else 0)^2', lambda a, b, c: steps([a, b, c], lambda n: n * n))
family('double sum', 'sum(i, k: if x < q[i] * q[k] then 1 else 0)', lambda a, b, c: (a + b + c)**2)
family('product over i', 'prod(i: if x < q[i] then 2 else 1)', lambda a, b, c: steps([a, b, c], lambda n: mp.mpf(2)**n))
family('farthest', 'max(i: abs(x - q[i]))',
       lambda a, b, c: (lambda lo, hi: (lambda m: hi * m - m * m / 2 + (1 - m * m) / 2 - lo * (1 - m))((lo + hi) / 2))(a, b))

# two variables
for name, f, F in (('disc', '1', lambda r: pi * r * r), ('disc x^2', 'x^2', lambda r: pi * r**4 / 4),
                   ('disc gauss', 'exp(-(x^2 + y^2))', lambda r: pi * (1 - mp.exp(-r * r)))):
    area(name, 'x^2 + y^2 < r^2', f, two, two, {'r': 0.5}, F)
for name, f, F in (('quarter', '1', lambda r: pi * r * r / 4), ('quarter x', 'x', lambda r: r**3 / 3),
                   ('quarter x^2 y', 'x^2 * y', lambda r: r**5 / 15), ('quarter x y', 'x * y', lambda r: r**4 / 8)):
    area(name, 'x^2 + y^2 < r^2', f, unit, unit, {'r': 0.5}, F)
area('cut disc', 'x^2 + y^2 < t', '1', unit, unit, {'t': 1.44}, cut)
area('norm', 'sqrt(x^2 + y^2) < t', '1', two, two, {'t': 0.5}, lambda t: pi * t * t)
area('triangle', 'x + y < t', '1', unit, unit, {'t': 0.7}, lambda t: t * t / 2)
area('corner off', 'x + y < t', '1', unit, unit, {'t': 1.3}, lambda t: 1 - (2 - t)**2 / 2)
area('hyperbola', 'x * y < t', '1', unit, unit, {'t': 0.3}, lambda t: t - t * mp.log(t))
area('hyperbola f', 'x * y > t', 'x + t * y', unit, unit, {'t': 0.3},
     lambda t: (1 - t)**2 / 2 + t * ((1 - t) / 2 - t * t / 2 * (1 / t - 1)))
area('largest', 'max(x, y) < t', 'x^2 + y', unit, unit, {'t': 0.6}, lambda t: t**4 / 3 + t**3 / 2)
area('smallest', 'min(x, y) < t', '1', unit, unit, {'t': 0.6}, lambda t: 1 - (1 - t)**2)
area('diamond', 'abs(x) + abs(y) < t', 'x^2 + 1', two, two, {'t': 0.6}, lambda t: 2 * t * t + t**4 / 3)
area('diamond cut', 'abs(x) + abs(y) < t', '1', two, two, {'t': 1.3}, lambda t: 4 - 2 * (2 - t)**2)
area('ellipse', 'a * x^2 + b * y^2 < 1', 'x^2', two, two, {'a': 2.0, 'b': 3.0}, lambda a, b: pi / (4 * a * mp.sqrt(a * b)))
area('shifted', '(x - a)^2 + (y - b)^2 < c', 'x * y', four, four, {'a': 0.3, 'b': -0.2, 'c': 0.5},
     lambda a, b, c: pi * c * a * b)
area('ring', 'x^2 + y^2 < a and x^2 + y^2 > b', '1', two, two, {'a': 0.8, 'b': 0.3}, lambda a, b: pi * (a - b))
area('lens', 'x^2 + y^2 < t and (x - 1)^2 + y^2 < s', '1', '-1..2', two, {'t': 0.64, 's': 0.49},
     lambda t, s: segment(t, (1 + t - s) / 2) + segment(s, (1 + s - t) / 2))
area('disc and line', 'x^2 + y^2 < t and x + y < s', '1', two, two, {'t': 0.64, 's': 0.3},
     lambda t, s: pi * t - segment(t, s / mp.sqrt(2)))
area('disc and x', 'x^2 + y^2 < t and x < s', '1', two, two, {'t': 0.64, 's': 0.3}, lambda t, s: pi * t - segment(t, s))
area('disc and y', 'x^2 + y^2 < t and y < s', '1', two, two, {'t': 0.64, 's': 0.3}, lambda t, s: pi * t - segment(t, s))
area('nowhere', 'x^2 + y^2 < t', '1', two, two, {'t': -1.0}, lambda t: mp.mpf(0))
area('exponential', 'exp(x) * y < t', '1', unit, unit, {'t': 1.5}, lambda t: mp.log(t) + t * (1 / t - mp.exp(-1)))
area('logarithm', 'log(1 + 2 * x) + y < t', '1', unit, unit, {'t': 0.8}, lambda t: t * (mp.exp(t) - 1) / 2 - (mp.exp(t) * (t - 1) + 1) / 2)
area('level set', 'exp(-x^2 - y^2) > t', '1', '-3..3', '-3..3', {'t': 0.5}, lambda t: -pi * mp.log(t))
area('roots', 'sqrt(x) + sqrt(y) < t', '1', unit, unit, {'t': 0.7}, lambda t: t**4 / 6)
line('sqrt at the end', 'integral(x in 0..t: sqrt(t - x) * exp(x))', {'t': 1.7},
     lambda t: mp.quad(lambda v: 2 * v * v * mp.exp(t - v * v), [0, mp.sqrt(t)]))
cube = 'integral(x in -1..1, y in -1..1, z in -1..1: if %s then %s else 0)'
corner = 'integral(x in 0..1, y in 0..1, z in 0..1: if %s then %s else 0)'
line('ball', cube % ('x^2 + y^2 + z^2 < r^2', '1'), {'r': 0.7}, lambda r: 4 * pi / 3 * r**3)
line('ball gauss', cube % ('x^2 + y^2 + z^2 < r^2', 'exp(-x^2 - y^2 - z^2)'), {'r': 0.7},
     lambda r: 4 * pi * mp.quad(lambda u: u * u * mp.exp(-u * u), [0, r]))
line('ball by ends', 'integral(x in -r..r, y in -sqrt(r^2 - x^2)..sqrt(r^2 - x^2), '
     'z in -sqrt(r^2 - x^2 - y^2)..sqrt(r^2 - x^2 - y^2): 1)', {'r': 0.7}, lambda r: 4 * pi / 3 * r**3)
line('ellipsoid', cube % ('a * x^2 + 2 * y^2 + c * z^2 < 0.8', '1'), {'a': 1.2, 'c': 3.0},
     lambda a, c: 4 * pi / 3 * mp.mpf(0.8)**1.5 / mp.sqrt(2 * a * c))
line('simplex', corner % ('x + y + z < t', '1'), {'t': 0.7}, lambda t: t**3 / 6)
line('simplex cut', corner % ('x + y + z < t', '1'), {'t': 1.4}, lambda t: t**3 / 6 - (t - 1)**3 / 2)
line('half space', corner % ('z < a * x + b * y + c', 'x'), {'a': 0.5, 'b': 0.2, 'c': 0.1},
     lambda a, b, c: a / 3 + b / 4 + c / 2)
line('paraboloid', 'integral(x in -1..1: integral(y in -1..1: max(t - x^2 - y^2, 0)))', {'t': 0.6}, lambda t: pi * t * t / 2)
line('square of inner', 'integral(x in 0..1: integral(y in 0..1: if x + y < t then 1 else 0)^2)', {'t': 1.3},
     lambda t: (t - 1) + (1 - (t - 1)**3) / 3)
line('floor of two', 'integral(x in 0..1: integral(y in 0..1: floor(2 * x + y + t)))', {'t': 0.3}, lambda t: 1 + t)
