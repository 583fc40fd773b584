#!/usr/bin/env python3
"""Writes integrals_nd_hard.tsv: integrals over 2 to 8 variables made to be missed, at places and of widths drawn at random,
with values from closed forms or one-dimensional integrals evaluated to 40 digits. A row: name, integral, value, and
`slow` where that is so."""
import random
from mpmath import (mp, mpf, exp, sqrt, pi, erf, log, quad, gamma, sin, cos, factorial, nstr, besselj, linspace, binomial,
                    floor)

# too many variables for their jumps and tails: twelve seconds each, and a warning. The test leaves them out.
SLOW = '''
ball4 ball5 ball_smooth4 ball_smooth5 dirichlet4 distance gauss_wave3 max5 min6 order4 power_corner2
quarter8 ridge4 ridge6 ridge_lorentz6 shell3 shell4 simplex_cut4 simplex_cut6 student4 student5 student6
student8
'''.split()
mp.dps = 40
random.seed(20241122)
out = []


def add(name, text, value):
    out.append((name, text, nstr(mp.re(value), 25)))


def num(lo, hi, digits=3):
    return round(random.uniform(lo, hi), digits)


def decades(lo, hi):
    return float('%.3g' % exp(random.uniform(float(log(lo)), float(log(hi)))))


def names(d):
    return ['x%d' % (k + 1) for k in range(d)]


def box(d, lo=0, hi=1):
    return ', '.join('%s in %s..%s' % (v, lo, hi) for v in names(d))


def integral(ends, body):
    return 'integral(%s: %s)' % (ends, body)


def gauss(c, w, lo=0, hi=1):  # of exp(-((x - c) / w)^2 / 2)
    c, w = mpf(repr(c)), mpf(repr(w))
    return w * sqrt(pi / 2) * (erf((hi - c) / w / sqrt(2)) - erf((lo - c) / w / sqrt(2)))


def M(x):
    return mpf(repr(x))


for d in (2, 3, 4, 5, 6):  # a lone narrow peak that is no product for the reader: rotated pairs
    for trial in range(2):
        w = decades(3e-3, 0.2) if d < 5 else decades(0.02, 0.3)
        c = [num(0.2, 0.8) for _ in range(d)]
        q = ' + '.join('(%s - %r)^2' % (v, a) for v, a in zip(names(d), c))
        value = mpf(1)
        for a in c:
            value *= gauss(a, w)
        add('peak%d_%d' % (d, trial), integral(box(d), 'exp(-(%s) / (2 * %r^2))' % (q, w)), value)
        add('peak_on_plain%d_%d' % (d, trial),
            integral(box(d), '1 + exp(-(%s) / (2 * %r^2)) / %r^%d' % (q, w, w, d)), 1 + value / M(w)**d)
for d in (2, 3, 4, 6):  # a ridge of constant height: sum of x within w of s, by the density of the sum (Irwin, Hall)
    w, s = decades(0.01, 0.2), num(0.3 * d, 0.6 * d)

    def density(t, d=d):
        return sum((-1)**k * binomial(d, k) * (t - k)**(d - 1) for k in range(int(floor(t)) + 1)) / factorial(d - 1)
    marks = sorted(set([mpf(k) for k in range(d + 1)] + [max(mpf(0), min(mpf(d), M(s) + k * M(w))) for k in
                                                          (-12, -6, -3, -1, 0, 1, 3, 6, 12)]))
    add('ridge%d' % d, integral(box(d), 'exp(-((%s - %r) / %r)^2 / 2)' % (' + '.join(names(d)), s, w)),
        quad(lambda t: density(t) * exp(-((t - M(s)) / M(w))**2 / 2), marks))
    add('ridge_lorentz%d' % d, integral(box(d), '1 / (1 + ((%s - %r) / %r)^2)' % (' + '.join(names(d)), s, w)),
        quad(lambda t: density(t) / (1 + ((t - M(s)) / M(w))**2), marks))
    cut = sum((-1)**k * binomial(d, k) * max(M(s) - k, 0)**d for k in range(d + 1)) / factorial(d)
    add('simplex_cut%d' % d, integral(box(d), 'if %s < %r then 1 else 0' % (' + '.join(names(d)), s)), cut)
    add('wave_sum%d' % d, integral(box(d), 'cos(%r * (%s))' % (9.5, ' + '.join(names(d)))),
        ((exp(mpf('9.5') * 1j) - 1) / (mpf('9.5') * 1j))**d)
for d in (2, 3, 4, 5):  # balls, by radius
    vol = pi**(mpf(d) / 2) / gamma(mpf(d) / 2 + 1)
    sphere = d * vol
    r = num(0.5, 0.95)
    sq = ' + '.join('%s^2' % v for v in names(d))
    add('ball%d' % d, integral(box(d, -1, 1), 'if %s < %r^2 then 1 else 0' % (sq, r)), vol * M(r)**d)
    add('ball_smooth%d' % d, integral(box(d, -1, 1), 'if %s < %r^2 then exp(-(%s)) else 0' % (sq, r, sq)),
        sphere * quad(lambda t: t**(d - 1) * exp(-t * t), [0, M(r)]))
    shell = num(0.3, 0.8)
    w = decades(0.02, 0.1)
    if d < 5:
        add('shell%d' % d, integral(box(d, '-inf', 'inf'), 'exp(-((sqrt(%s) - %r) / %r)^2 / 2)' % (sq, shell, w)),
            sphere * quad(lambda t: t**(d - 1) * exp(-((t - M(shell)) / M(w))**2 / 2),
                          [0] + [M(shell) + k * M(w) for k in (-3, -1, 0, 1, 3, 6, 12)] if M(shell) > 3 * M(w) else [0, 2, 8]))
    add('power_corner%d' % d, integral(box(d), '(%s)^(-%d / 2 + 0.25)' % (sq, d)) if d == 2 else
        integral(box(d), '(%s)^-0.5' % ' + '.join(names(d))),
        (quad(lambda a: (1 / cos(a))**mpf('0.5') / mpf('0.5'), [0, pi / 4]) * 2 if d == 2 else
                            sum((-1)**(d - k) * binomial(d, k) * mpf(k)**(d - mpf('0.5')) for k in range(1, d + 1)) /
                            (gamma(d + mpf('0.5')) / gamma(mpf('0.5')))))
for d in (2, 3, 4, 5, 6, 8):  # Genz's corner peak, product peaks, infinite ranges
    a = [num(0.5, 5) for _ in range(d)]
    total = mpf(0)
    for bits in range(1 << d):
        t = 1 + sum(M(a[k]) for k in range(d) if bits >> k & 1)
        total += (-1)**bin(bits).count('1') / t
    p = mpf(1)
    for k in range(d):
        p *= M(a[k])
    add('corner%d' % d, integral(box(d), '(1 + %s)^-%d' % (' + '.join('%r * %s' % (b, v) for b, v in zip(a, names(d))), d + 1)),
        total / (factorial(d) * p))
    s = num(0.5, 3)
    rho = num(0.1, 0.8)
    quadratic = '%s - %r * (%s)^2' % (' + '.join('%s^2' % v for v in names(d)), round(rho / d, 6), ' + '.join(names(d)))
    add('correlated%d' % d, integral(box(d, '-inf', 'inf'), 'exp(-%r * (%s))' % (s, quadratic)),
        sqrt(pi / M(s))**d / sqrt(1 - M(round(rho / d, 6)) * d))
    nu = d + num(2, 6, 1)
    add('student%d' % d, integral(box(d, '-inf', 'inf'), '(1 + %s)^(-%r / 2)' % (' + '.join('%s^2' % v for v in names(d)), nu)),
        pi**(mpf(d) / 2) * gamma((M(nu) - d) / 2) / gamma(M(nu) / 2))
for d in (2, 3, 4):  # ends that depend on one another
    v = names(d)
    ends = ', '.join('%s in 0..%s' % (v[k], '1' if k == 0 else v[k - 1]) for k in range(d))
    add('ordered%d' % d, integral(ends, 'exp(%s)' % ' + '.join(v)), (exp(mpf(1)) - 1)**d / factorial(d))
    ends = ', '.join('%s in 0..%s' % (v[k], '1' if k == 0 else '1 - ' + ' - '.join(v[:k])) for k in range(d))
    al = [num(0.4, 3, 2) for _ in range(d + 1)]
    body = ' * '.join('%s^%r' % (v[k], round(al[k] - 1, 2)) for k in range(d)) + ' * (1 - %s)^%r' % (' - '.join(v), round(al[d] - 1, 2))
    value = mpf(1)
    for b in al:
        value *= gamma(1 + M(round(b - 1, 2)))
    add('dirichlet%d' % d, integral(ends, body), value / gamma(sum(1 + M(round(b - 1, 2)) for b in al)))
    r = num(0.5, 2)
    ends = ', '.join('%s in %s' % (v[k], '-%r..%r' % (r, r) if k == 0 else
                                   '-sqrt({0})..sqrt({0})'.format('%r^2 - ' % r + ' - '.join('%s^2' % u for u in v[:k])))
                     for k in range(d))
    vol = d * pi**(mpf(d) / 2) / gamma(mpf(d) / 2 + 1)
    add('disc%d' % d, integral(ends, 'exp(-(%s))' % ' + '.join('%s^2' % u for u in v)),
        vol * quad(lambda t: t**(d - 1) * exp(-t * t), [0, M(r)]))
    add('disc_root%d' % d, integral(ends, 'sqrt(abs(%r^2 - %s))' % (r, ' - '.join('%s^2' % u for u in v))),
        vol * quad(lambda t: t**(d - 1) * sqrt(M(r)**2 - t * t), [0, M(r)]))
# kinks and jumps across, oscillation, singular lines, chains
c = num(0.3, 0.7)
add('line_kink', integral('x in 0..1, y in 0..1', 'abs(x + y - %r)' % (1 + c)),
    quad(lambda t: t * abs(t - 1 - M(c)), [0, 1]) + quad(lambda t: (2 - t) * abs(t - 1 - M(c)), [1, 1 + M(c), 2]))
add('line_log', integral('x in 0..1, y in 0..1', 'log(abs(x - y))'), mpf(-3) / 2)
add('line_root', integral('x in 0..1, y in 0..1', '1 / sqrt(abs(x - y))'), mpf(8) / 3)
add('product_pole', integral('x in 0..1, y in 0..1', '1 / (1 - x * y)'), pi**2 / 6)
add('product_pole3', integral('x in 0..1, y in 0..1, z in 0..1', '1 / (1 - x * y * z)'), mp.zeta(3))
add('hyperbola', integral('x in 0..1, y in 0..1', 'if x * y < 0.2 then 1 else 0'), mpf('0.2') * (1 - log(mpf('0.2'))))
add('hyperbola3', integral('x in 0..1, y in 0..1, z in 0..1', 'if x * y * z < 0.1 then 1 else 0'),
    mpf('0.1') * (1 - log(mpf('0.1')) + log(mpf('0.1'))**2 / 2))
add('steps', integral('x in 0..3, y in 0..3', 'floor(x) * floor(y) * exp(-x - y)'),
    (sum(k * (exp(mpf(-k)) - exp(mpf(-k - 1))) for k in range(3)))**2)
add('banana', integral('x in -3..3, y in -4..12', 'exp(-x^2 / 2 - ((y - x^2) / 0.05)^2 / 2)'),
    quad(lambda t: exp(-t * t / 2), [-3, 0, 3]) * mpf('0.05') * sqrt(2 * pi))
add('funnel', integral('x in -6..6, y in -inf..inf', 'exp(-x^2 / 2 - y^2 * exp(-x) / 2 - x / 2)'),
    2 * pi * erf(6 / sqrt(mpf(2))))
add('funnel3', integral('x in -4..4, y in -inf..inf, z in -inf..inf', 'exp(-x^2 / 2 - (y^2 + z^2) * exp(-x) / 2 - x)'),
    sqrt(2 * pi)**3 * erf(4 / sqrt(mpf(2))))
add('two_modes', integral('x in -10..10, y in -10..10', 'exp(-((x - 7)^2 + (y - 7)^2) * 50) + exp(-((x + 7)^2 + (y + 6)^2) * 2000)'),
    pi / 50 + pi / 2000)
add('modes4', integral(box(4, -5, 5), 'exp(-((x1-3)^2 + (x2-3)^2 + (x3-3)^2 + (x4-3)^2) * 20) + exp(-((x1+3)^2 + (x2+3)^2 + (x3+3)^2 + (x4+3)^2) * 30)'),
    (pi / 20)**2 + (pi / 30)**2)
add('bessel', integral('x in -pi..pi, y in 0..2', 'cos(y * 12 * sin(x))'), quad(lambda t: 2 * pi * besselj(0, 12 * t), linspace(0, 2, 9)))
add('fresnel2', integral('x in 0..6, y in 0..6', 'cos(x^2 + y^2)'),
    quad(lambda t: cos(t * t), linspace(0, 6, 25))**2 - quad(lambda t: sin(t * t), linspace(0, 6, 25))**2)
add('gauss_wave3', integral('x in -inf..inf, y in -inf..inf, z in -inf..inf', 'exp(-x^2 - y^2 - z^2) * cos(3 * x + 2 * y - z)'),
    pi**mpf('1.5') * exp(mpf(-14) / 4))
add('max5', integral(box(5), 'max(x1, max(x2, max(x3, max(x4, x5))))'), mpf(5) / 6)
add('min6', integral(box(6), 'min(x1, min(x2, min(x3, min(x4, min(x5, x6)))))'), mpf(1) / 7)
add('distance', integral('x in 0..1, y in 0..1, u in 0..1, v in 0..1', 'sqrt((x - u)^2 + (y - v)^2)'),
    (2 + sqrt(mpf(2)) + 5 * log(1 + sqrt(mpf(2)))) / 15)
add('distance2', integral('x in 0..1, y in 0..1, u in 0..1, v in 0..1', 'abs(x - u) + abs(y - v)'), mpf(2) / 3)
add('order4', integral(box(4), 'if x1 < x2 and x2 < x3 and x3 < x4 then 1 else 0'), mpf(1) / 24)
add('evidence3', integral('m in -inf..inf, a in -inf..inf, b in -inf..inf',
                          'exp(-((1.3 - m - a)^2 + (0.2 - m - b)^2) / 0.02 - (m^2 + a^2 + b^2) / 2)'),
    (lambda A, t: sqrt((2 * pi)**3 / mp.det(A)) * exp(t))(
        mp.matrix([[201, 100, 100], [100, 101, 0], [100, 0, 101]]),
        (lambda A, b: (b.T * mp.lu_solve(A, b))[0] / 2 - (mpf('1.69') + mpf('0.04')) * 50)(
            mp.matrix([[201, 100, 100], [100, 101, 0], [100, 0, 101]]), mp.matrix([150, 130, 20]))))
add('quarter8', integral(box(8), 'exp(-(%s)^2 / 8)' % ' + '.join(names(8))),
    quad(lambda t: sum((-1)**k * binomial(8, k) * (t - k)**7 for k in range(int(floor(t)) + 1)) / factorial(7) * exp(-t * t / 8),
         list(range(9))))


def about_point(f):
    """over the unit square, f(A, B) the integral over 0..A, 0..B with the point at 0"""
    a, b = mpf('0.339'), mpf('0.6921')
    return sum(f(A, B) for A in (a, 1 - a) for B in (b, 1 - b))


def power_at_point(p):
    def corner(A, B):
        t = mp.atan(B / A)
        return (quad(lambda z: (A / mp.cos(z))**(p + 2), [0, t]) + quad(lambda z: (B / mp.sin(z))**(p + 2), [t, pi / 2])) / (p + 2)
    return about_point(corner)


point = '(x - 0.339)^2 + (y - 0.6921)^2'
add('point_log', f'integral(x in 0..1, y in 0..1: log({point}))',
    about_point(lambda A, B: A * B * mp.log(A * A + B * B) - 3 * A * B + A * A * mp.atan(B / A) + B * B * mp.atan(A / B)))
add('point_root', f'integral(x in 0..1, y in 0..1: 1 / sqrt({point}))', power_at_point(mpf(-1)))
add('point_power', f'integral(x in 0..1, y in 0..1: ({point})^-0.74)', power_at_point(mpf('-1.48')))
add('origin', 'integral(x in -1..1, y in -1..1: 1 / sqrt(x^2 + y^2))', 8 * mp.asinh(1))

# conditions that are ends when they are solved for a variable
x = names(4)
add('ball_off4', f"integral({box(4, -1)}: if {' + '.join(f'({v} - 0.1)^2' for v in x)} < 0.7^2 then 1 + x1 else 0)",
    pi**2 / 2 * mpf('0.7')**4 * mpf('1.1'))
add('simplex_exp5', f"integral({box(5)}: if {' + '.join(names(5))} < 0.66 then exp(-0.82 * ({' + '.join(names(5))})) else 0)",
    quad(lambda r: r**4 / 24 * mp.exp(-mpf('0.82') * r), [0, mpf('0.66')]))

with open(__file__.rsplit('/', 1)[0] + '/integrals_nd_hard.tsv' if '/' in __file__ else 'integrals_nd_hard.tsv', 'w') as f:
    for row in out:
        f.write('\t'.join(row + (('slow',) if row[0] in SLOW else ())) + '\n')
print(len(out))
