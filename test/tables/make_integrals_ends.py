#!/usr/bin/env python3
"""Writes integrals_ends.tsv: integrals of what falls from an end of the range or has its middle beside it, on ranges many
times as long; of steps over infinite ranges; through jumps; of terms that nearly cancel; of what is narrow or
not smooth at many places of an infinite range; of jumps and peaks within rounding of an end. Values by closed forms, else by
quadrature to 40 digits. A row: name, integral, value."""
import re

import mpmath
from mpmath import erfc, exp, floor, gamma, log, log1p, mp, mpf, ncdf, nstr, pi, quad, sqrt, tanh, atan, erf, cosh, sin, cos, asinh

mp.dps = 40


def logistic(x):
    return 1 / (1 + exp(-x))


# integrand | from | to | closed form, or the places where the range is divided
ROWS = '''
exp(-x^2) * tanh(x) | 1 | 1e9 | 2 4 40
exp(-x^2) * tanh(x) | 0 | 1e9 | 1 2 4 40
exp(-x^2) * tanh(x) | -1e9 | -1 | -40 -4 -2
erfc(x) | 0 | 1e9 | = 1 / sqrt(pi)
erfc(x) | 1 | 1e9 | 2 4 20
erfc(1e5 * x) | 0 | 1 | = mpf('1e-5') / sqrt(pi)
erfc(1e5 * x + 3) | 0 | inf | 1e-6 1e-5 1e-4 1e-3
x * logistic(-x) | 0 | 1e9 | = pi**2 / 12
x * logistic(-1e4 * x - 1) | 0 | 1 | 1e-4 1e-3 1e-2
log(1 + exp(-x)) | 1 | 1e9 | 2 10 40 100
log(1 + exp(-x)) | 0 | 1e9 | = pi**2 / 12
norm_cdf(-x) * x | 2 | 1e8 | 3 5 10
norm_cdf(-x^2 - 0.1) | 0 | 1e9 | 1 2 5
erfc(x^2 + 0.1) | 0 | 1e9 | 1 2 5
logistic(-x^2 - 1) * x | 0 | 1e9 | 1 2 5 10
logistic(-1e6 * (exp(x) - 1) - 0.3) | 0 | 1 | 1e-6 1e-5 1e-4
tanh((exp(x) - 1) / 1e-6) + x | 0 | 1 | 1e-6 1e-5 1e-4
tanh((x + 1e-7) / 1e-6) + x | 0 | 1 | 1e-6 1e-5 1e-4
tanh((x - 1) / 1e-6) + x | 0 | 1 | 0.9999 0.99999 0.999999
1 / (1 + ((x + 1e-6) / 1e-6)^2) + cos(x) | 0 | 1 | 1e-6 1e-5 1e-4 1e-3
exp(-((x + 1e-6) / 1e-6)^2) + cos(x) | 0 | 1 | 1e-6 3e-6 1e-5
exp(-((sin(x) + 1e-6) / 1e-6)^2) + cos(x) | 0 | 1 | 1e-6 3e-6 1e-5
1 / cosh((sin(x) + 1e-6) / 1e-6) + cos(x) | 0 | 1 | 1e-6 3e-6 1e-5
(1 + x / 1e-7)^-6 + x | 0 | 1 | 1e-7 1e-6 1e-5
1 / (0.152 + abs(x - 1.217)) * exp(-x^2 / 3.852) | 1.2306 | inf | 1.5 2 3 6
1 - tanh(x) | 0 | 1e9 | = log(2)
1 - tanh(x) | 5 | 1e9 | = log1p(exp(mpf(-10)))
2 - 2 * erf(x) | 0 | 1e9 | = 2 / sqrt(pi)
floor(x) * exp(-x^2) | -inf | 0 | = -sqrt(pi) / 2 * mpmath.nsum(lambda k: erfc(k), [0, mpmath.inf])
floor(x) * exp(-x^2) | -inf | inf | = -sqrt(pi) / 2
floor(x) * exp(x) | -inf | 0 | = -1 / (1 - exp(mpf(-1)))
mod(x, 1) * exp(-x) | 0 | inf | = 1 - 1 / (exp(mpf(1)) - 1)
floor(x^3) * exp(-x^2) | -inf | inf | = -sqrt(pi) / 2
sqrt(abs(sign(x))) | -1 | 1 | = mpf(2)
sqrt(abs(sign(x^2 - 0.8969) * (1 + x^2))) | -1.428 | 1.443 | = quad(lambda x: sqrt(1 + x * x), [mpf('-1.428'), 0, mpf('1.443')])
log(abs(if x < 0.3 then -1 else 2 + x)) | -1 | 1 | = quad(lambda x: log(2 + x), [mpf('0.3'), 1])
sqrt(abs(floor(x) + 0.5)) | -1 | 1 | = sqrt(mpf(2))
sqrt(abs(cos(16.19 * x + 0.2086))) * exp(-x^2 / 5.988) | -inf | inf | = waves()
(1 + exp(-abs(sin(7.136 * x) - 0.7871) / 3.21e-5)) * exp(-x^2 / 0.8217) | -inf | inf | = peaks() + sqrt(pi * mpf('0.8217'))
(1 / cosh((x^3 - 1.006 * x - 0.1532) / 1.62e-5) - 2.72 * (1 + abs(x + 0.0386) / 2.35e-5)^-2.5) * exp(-x^2 / 5.825) | -inf | inf | = cubic()
1 / cosh((x - 0.5) / 1e-5) / sqrt(x) | 0 | 1 | 0.4994 0.4999 0.5 0.5001 0.5006
exp(-abs(x - 1.28) / 0.00108) - 0.9992 * (1 + abs(cos(3.909 * x) - 0.4977 * x) / 0.983)^-2.5 | -0.2117 | 1.7379 | = kinks()
if -log(x) > 300 then 1 else 0 | 0 | 1 | = exp(mpf(-300))
if log(x / (1 - x)) > 40 then 1 else 0 | 0 | 1 | = logistic(mpf(-40))
if log(x) - log(1 - x) > 40 then 1 else 0 | 0 | 1 | = logistic(mpf(-40))
if -log(1 - x^2) > 300 then 1 else 0 | 0 | 1 | = exp(mpf(-300)) / 2
if 1 / (1 - x) > 1e10 then 1 else 0 | 0 | 1 | = mpf('1e-10')
if 1 - x < 1e-24 then 1 else 0 | 0 | 1 | = mpf('1e-24')
if sin(x - 1) < 1e-40 then 1 else 0 | 1 | 2 | = mpf('1e-40')
(if 1 - x < 1e-24 then 1e24 else 0) + x | 0 | 1 | = mpf('1.5')
if atanh(x) > 30 then 1 else 0 | 0 | 1 | = 1 - mpmath.tanh(30)
if log(1 - x) < -60 then 1 / sqrt(1 - x) else 0 | 0 | 1 | = 2 * exp(mpf(-30))
max(0, -log(x) - 500) | 0 | 1 | = exp(mpf(-500))
exp(-(log(x) + 300)^2) | 0 | 1 | = sqrt(pi) * exp(mpf('-299.75'))
exp(-(30 * (log(1 - x) + 80))^2) | 0 | 1 | = sqrt(pi) / 30 * exp(-80 + mpf(1) / 3600)
if abs(log(abs(x - 0.3)) + 60) < 1 then 1 else 0 | -1 | 1 | = 2 * (exp(mpf(-59)) - exp(mpf(-61)))
if log(5 - x) < -45 or log(x - 3) < -47 then 1 else 0 | 3 | 5 | = exp(mpf(-45)) + exp(mpf(-47))
exp(-x) * (if log(x - 1) < -70 then 1e30 else 1) | 1 | inf | = exp(mpf(-1)) * (1 + mpf('1e30') * exp(mpf(-70)))
log(tan(x))^2 | 0 | 0.78539816339744830961566 | = pi**3 / 16
exp(-x^2 / 2e-16) * x^2 / (1 + x^2) | -inf | inf | = moment(mpf('2e-16'), 1) - moment(mpf('2e-16'), 2)
exp(-x^2 / 2) / (1.0001 + cos(50 * x)) | -inf | inf | = comb(mpf('1.0001'), 50)
1 / sqrt(1e-18 + (x - 0.25)^2) | 0 | 1 | = asinh(mpf('0.75e9')) + asinh(mpf('0.25e9'))
1 / sqrt(1e-60 + x^2) | -1 | 1 | = 2 * asinh(mpf('1e30'))
(1e-60 + (x - 0.25)^2)^-1.5 | 0 | 1 | = mpf('1e60') * (1 / sqrt(1 + mpf('1e-60') / mpf('0.5625')) + 1 / sqrt(1 + mpf('1e-60') / mpf('0.0625')))
abs(abs(sin(x))^1.431 * cos(2.52 * x) + 0.7405) | -0.2 | 0.1 | 0
abs(exp(-1 / abs(x)) + 0.7) | -1 | 1 | 0
'''


def moment(c, k):
    return gamma(k + mpf(1) / 2) * c**(k + mpf(1) / 2)


def comb(c, w):  # 1 / (c + cos t) = (1 + 2 sum (-r)^k cos k t) / sqrt(c^2 - 1)
    r = c - sqrt(c * c - 1)
    return sqrt(2 * pi) / sqrt(c * c - 1) * (1 + 2 * sum((-r)**k * exp(-(k * w)**2 / mpf(2)) for k in range(1, 9)))


def waves():
    w, p = mpf('16.19'), mpf('0.2086')
    root = [(k * pi + pi / 2 - p) / w for k in range(-105, 105)]
    return sum(quad(lambda x: sqrt(abs(cos(w * x + p))) * exp(-x * x / mpf('5.988')), [a, b])
               for a, b in zip(root, root[1:]))


def about(f, centre, scale):
    return quad(f, [centre + k * scale for k in (-100, -20, -5, 0, 5, 20, 100)])


def peaks():
    w, level, d = mpf('7.136'), mpf('0.7871'), mpf('3.21e-5')
    centre = [(mpmath.asin(level) + 2 * k * pi) / w for k in range(-12, 12)]
    centre += [(pi - mpmath.asin(level) + 2 * k * pi) / w for k in range(-12, 12)]
    return sum(about(lambda x: exp(-abs(sin(w * x) - level) / d - x * x / mpf('0.8217')), c, d / abs(w * cos(w * c)))
               for c in centre)


def cubic():
    a, d = mpf('1.006'), mpf('1.62e-5')
    centre = [mpmath.findroot(lambda x: x**3 - a * x - mpf('0.1532'), x) for x in (-0.92, -0.156, 1.07)]
    tail, c, b = mpf('5.825'), mpf('-0.0386'), mpf('2.35e-5')
    marks = [mpf(-9), mpf(-1)] + [c + k * b for k in (-1000, -100, -10, 0, 10, 100, 1000)] + [mpf(1), mpf(9)]
    return (sum(about(lambda x: exp(-x * x / tail) / cosh((x**3 - a * x - mpf('0.1532')) / d), r, d / abs(3 * r * r - a))
                for r in centre) -
            quad(lambda x: mpf('2.72') * (1 + abs(x - c) / b)**mpf('-2.5') * exp(-x * x / tail), marks))


def kinks():
    lo, hi, u = mpf('-0.2117'), mpf('1.7379'), lambda x: cos(mpf('3.909') * x) - mpf('0.4977') * x
    root = [mpmath.findroot(u, x) for x in (0.35, 1.4, 1.7)]
    root = sorted(r for r in root if lo < r < hi)
    c, d = mpf('1.28'), mpf('0.00108')
    near = [lo, c - 50 * d, c - 5 * d, c, c + 5 * d, c + 50 * d, hi]
    return (quad(lambda x: exp(-abs(x - c) / d), near) -
            mpf('0.9992') * quad(lambda x: (1 + abs(u(x)) / mpf('0.983'))**mpf('-2.5'), [lo] + root + [hi]))


def value(text, lo, hi, how):
    if how.startswith('='):
        return eval(how[1:])
    number = re.compile(r"(?<![\w.])((\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)")
    f = eval('lambda x: ' + number.sub(r"mpf('\1')", text).replace('^', '**'), dict(globals(), norm_cdf=ncdf))
    return quad(f, [mpf(p) for p in [lo] + how.split() + [hi]])


if __name__ == '__main__':
    rows = [[s.strip() for s in r.split('|')] for r in ROWS.strip().split('\n')]
    with open('integrals_ends.tsv', 'w') as f:
        for k, (text, lo, hi, how) in enumerate(rows):
            f.write('ends_%d\tintegral(x in %s..%s: %s)\t%s\n' % (k, lo, hi, text, nstr(value(text, lo, hi, how), 30)))
