"""Integrals that have a closed form, over random and extreme parameters: antideriv.tsv, read by test_antideriv.c.

A line: the integral as a program prints it, its value, its condition (by how much relative errors of the numbers in it
are magnified), and 1 where calx must see a closed form, 0 where it may leave the numbers at hand to quadrature, 2 where
it must and its pieces may cancel."""
import random
from mpmath import mp, mpf, quad, exp, sin, cos, sinh, cosh, log, log1p, atan2, sqrt, pi, erf, erfc, nstr, inf, linspace

mp.dps = 60
random.seed(3)
rows = []


def condition(f, args):
    v = f(*args)
    c = mpf(0)
    for k, a in enumerate(args):
        if a == 0 or a in (inf, -inf):
            continue
        h = abs(a) * mpf(10) ** -25
        b = list(args)
        b[k] = a + h
        c += abs((f(*b) - v) / h * a / v) if v else mpf(0)
    return c


def case(text, f, args, closed=1):
    """text: with {0}, {1}.. for the numbers"""
    args = [mpf(a) for a in args]
    v = f(*args)
    if v == 0 or not mpf(10) ** -290 < abs(v) < mpf(10) ** 290:
        return
    numbers = ["(%s)" % ("inf" if a == inf else "-inf" if a == -inf else repr(float(a))) for a in args]
    rows.append("integral(%s)\t%s\t%s\t%d" % (text.format(*numbers), nstr(v, 20), nstr(condition(f, args), 3), closed))


def magnitude(lo, hi):
    return random.choice((-1, 1)) * 10 ** random.uniform(lo, hi)


def ends():
    """lo, hi: moderate, near each other, far from 0, crossed"""
    lo = random.choice((0.0, random.uniform(-3, 3), magnitude(0, 3)))
    hi = lo + random.choice((random.uniform(0, 4), magnitude(-9, -1), -random.uniform(0, 2)))
    return float(lo), float(hi)


slopes = [0.0, 1e-300, 1e-12, -1e-12, 1e-6, 1.0, -2.5, 30.0, -30.0, 1e3, -1e3]

# functions of a x + b by their antiderivatives G: (G(a h + b) - G(a l + b)) / a at 60 digits
for name, f, G in (("exp", exp, exp), ("sin", sin, lambda u: -cos(u)), ("cos", cos, sin), ("sinh", sinh, cosh), ("cosh", cosh, sinh)):
    for a in slopes:
        for _ in range(4):
            l, h = ends()
            b = random.choice((0.0, random.uniform(-2, 2)))
            if abs(a) * max(abs(l), abs(h)) > 600:
                l, h = l * 1e-3, h * 1e-3

            def value(a, b, l, h):
                if abs(a) * abs(h - l) < mpf(10) ** -20:
                    m = a * (l + h) / 2 + b
                    return (h - l) * f(m) if m else (h - l) * f(m)
                return (G(a * h + b) - G(a * l + b)) / a

            case("x in {2}..{3}: %s({0} * x + {1})" % name, value, (a, b, l, h))
for a in (1e-12, 1e-3, 0.7, 40.0, 1e5):
    for b in (0.0, -3.0, 2.5):
        l = random.uniform(-1, 1) / a
        case("x in {2}..inf: exp(-{0} * x + {1})", lambda a, b, l: exp(-a * l + b) / a, (a, b, l))
        case("x in -inf..{2}: exp({0} * x + {1})", lambda a, b, l: exp(a * l + b) / a, (a, b, l))

# powers
for c in (-1.0, -1 - 1e-12, -1 + 1e-12, -1.0000001, -0.999, -0.5, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 7.5, 50.0, -2.0, -3.0, -7.25, 1e-12):
    for _ in range(5):
        l = 10 ** random.uniform(-3, 3)
        h = random.choice((l * (1 + 10 ** random.uniform(-12, 0)), l * 10 ** random.uniform(0, 4), l * random.random()))
        a, b = random.choice(((1.0, 0.0), (random.uniform(0.1, 9), random.uniform(0, 3))))
        case("x in {3}..{4}: ({0} * x + {1})^{2}",
             lambda a, b, c, l, h: (log((a * h + b) / (a * l + b)) / a if c == -1 else
                                    ((a * h + b) ** (c + 1) - (a * l + b) ** (c + 1)) / (a * (c + 1))), (a, b, c, l, h))
        if c < -1:
            case("x in {3}..inf: ({0} * x + {1})^{2}",
                 lambda a, b, c, l: (a * l + b) ** (c + 1) / (-(c + 1) * a), (a, b, c, l))
        if c > -1:
            case("x in 0..{0}: x^{1}", lambda h, c: h ** (c + 1) / (c + 1), (h, c))
for n in (1, 2, 3, 6, 25, 50):
    for l, h in ((-1.0, 1.5), (-2.0, -1.999), (-3.0, 0.0), (-1.0, 1e-3), (1e3, 1e3 + 1e-3)):
        case("x in {0}..{1}: x^%d" % n, lambda l, h: (h ** (n + 1) - l ** (n + 1)) / (n + 1), (l, h))
for l, h in ((-3.0, -1.0), (-1e-3, -1e-9), (-1e6, -1.0), (-5.0, -4.9999999)):
    case("x in {0}..{1}: 1 / x", lambda l, h: log(h / l), (l, h))
    case("x in {0}..{1}: x^-2", lambda l, h: 1 / l - 1 / h, (l, h))
    case("x in {0}..{1}: 1 / (2 * x - 1)^3", lambda l, h: ((2 * l - 1) ** -2 - (2 * h - 1) ** -2) / 4, (l, h))

# logarithms: far ends in closed form, near ones by quadrature
for l, h in ((0.0, 1.0), (0.0, 1e-5), (0.5, 9.0), (1.0, 1.001), (3.0, 7.0), (1e-8, 1e8), (2.0, 0.0)):
    closed = min(l, h) <= abs(h - l)
    case("x in {0}..{1}: log(x)", lambda l, h: (h * log(h) if h else 0) - (l * log(l) if l else 0) - (h - l), (l, h), closed)
    case("x in {0}..{1}: log(3 * x)", lambda l, h: (h * log(3 * h) if h else 0) - (l * log(3 * l) if l else 0) - (h - l), (l, h), closed)
    case("x in {0}..{1}: log(1 + x)", lambda l, h: (1 + h) * log(1 + h) - (1 + l) * log(1 + l) - (h - l), (l, h), 1 + min(l, h) <= abs(h - l))
for l, h in ((-3.0, 2.0), (-40.0, -30.0), (0.0, 0.3), (5.0, 600.0)):
    far = abs(h - l) >= 1
    case("x in {0}..{1}: 1 / (1 + exp(-x))", lambda l, h: log1p(exp(h)) - log1p(exp(l)), (l, h), far)
    case("x in {0}..{1}: tanh(x)", lambda l, h: log(cosh(h) / cosh(l)), (l, h), far)
case("x in -inf..{0}: 1 / (1 + exp(-x))", lambda h: log1p(exp(h)), (-3.5,))

# 1 / (a (x - m)^2 + k), narrow and wide, far from the range and inside
for _ in range(40):
    a, k, m = magnitude(-3, 3), magnitude(-9, 3), random.choice((0.0, magnitude(-2, 4)))
    k = abs(k) if a > 0 else -abs(k)
    l = m + magnitude(-3, 2)
    h = l + random.choice((random.uniform(0, 5), magnitude(-6, 0), magnitude(1, 4)))

    def lorentz(a, m, k, l, h):
        r = sqrt(k / a)
        return atan2(r * (h - l), k / a + (l - m) * (h - m)) / (a * r)

    case("x in {3}..{4}: 1 / ({0} * (x - {1})^2 + {2})", lorentz, (a, m, k, l, h))
    case("x in {3}..inf: 1 / ({0} * (x - {1})^2 + {2})",
         lambda a, m, k, l: atan2(sqrt(k / a), l - m) / (a * sqrt(k / a)), (a, m, k, l))
    case("x in -inf..{3}: 1 / ({0} * (x - {1})^2 + {2})",
         lambda a, m, k, h: atan2(sqrt(k / a), m - h) / (a * sqrt(k / a)), (a, m, k, h))

# Gaussians: both tails, far tails, over the whole line, near ends
for _ in range(60):
    m, s = random.choice((0.0, magnitude(-2, 4))), 10 ** random.uniform(-3, 3)
    l = m + s * random.choice((random.uniform(-3, 3), random.uniform(-35, 35)))
    h = m + s * random.uniform(-8, 8) if random.random() < 0.6 else l + s * 10 ** random.uniform(-7, 0)

    def tail(m, s, l):
        return s * sqrt(pi / 2) * erfc((l - m) / s / sqrt(mpf(2)))

    def between(m, s, l, h):
        p, q = (l - m) / s / sqrt(mpf(2)), (h - m) / s / sqrt(mpf(2))
        mp.dps = 60 + int(max(p * p, q * q))
        v = s * sqrt(pi / 2) * (erf(q) - erf(p))
        mp.dps = 60
        return v

    p, q = (l - m) / s, (h - m) / s
    far = p * q <= 0 or abs(p * p - q * q) > 2.1 or 2.1 * min(abs(p), abs(q)) < max(abs(p), abs(q))
    case("x in {2}..{3}: exp(-((x - {0}) / {1})^2 / 2)", between, (m, s, l, h), far)
    case("x in {2}..inf: exp(-((x - {0}) / {1})^2 / 2)", tail, (m, s, l))
    case("x in -inf..{2}: exp(-((x - {0}) / {1})^2 / 2)", lambda m, s, h: tail(m, s, 2 * m - h), (m, s, l))
    case("x in -inf..inf: exp(-((x - {0}) / {1})^2 / 2)", lambda m, s: s * sqrt(2 * pi), (m, s))
    case("x in -inf..{2}: exp(-(x - {0})^2 / {1}) * exp({3} * x)",
         lambda m, s, h, t: sqrt(pi * s) / 2 * erfc((m + t * s / 2 - h) / sqrt(s)) * exp(t * m + t * t * s / 4),
         (random.uniform(-3, 3), random.uniform(0.1, 4), random.uniform(-5, 5), random.uniform(-20, 20)))

# sums, constant factors, polynomials
for _ in range(12):
    l, h, a, b = random.uniform(-2, 0), random.uniform(0.1, 3), random.uniform(-2, 2), random.uniform(0.5, 3)
    case("x in {2}..{3}: {0} * (exp({1} * x) + 3 * cos(x) - 2) / 7",
         lambda a, b, l, h: a / 7 * ((exp(b * h) - exp(b * l)) / b + 3 * (sin(h) - sin(l)) - 2 * (h - l)), (a, b, l, h))
    case("x in {2}..{3}: (x - {0})^4 * ({1} + x)^3",
         lambda a, b, l, h: quad(lambda x: (x - a) ** 4 * (b + x) ** 3, [l, h]), (a, b, l, h))
    case("x in {2}..{3}: ({0} * x^2 + {1})^2 + x", lambda a, b, l, h: quad(lambda x: (a * x * x + b) ** 2 + x, [l, h]), (a, b, l, h))
    far = 1e4
    case("x in {2}..{3}: (x - 1e4)^2 * (x - 9999)^2", lambda a, b, l, h: quad(lambda x: (x - 10000) ** 2 * (x - 9999) ** 2, [l, h]),
         (a, b, far + l, far + h))

# polynomials times exponentials, sines and Gaussians, by parts; products of sines
def parts(p, a, b, c, trig, l, h):
    """integral of p(x) exp(a x) trig(b x + c), p by its coefficients"""
    z = mp.mpc(a, b)

    def G(x):
        total, q, k = mp.mpc(0), list(p), 0
        while q:
            total += (-1) ** k * sum(v * x ** j for j, v in enumerate(q)) / z ** (k + 1)
            q, k = [j * v for j, v in enumerate(q)][1:], k + 1
        v = total * exp(a * x) * mp.expj(b * x + c)
        return v.real if trig == "cos" else v.imag

    return (G(h) if h < inf else 0) - (G(l) if l > -inf else 0)


def cancels(p, a, b, l, h, v):
    """by how much the pieces exceed their sum"""
    q, k, size = [abs(w) for w in p], 0, 0
    while q:
        for x in (l, h):
            if abs(x) < inf:
                size += sum(w * abs(x) ** j for j, w in enumerate(q)) * exp(a * x) / abs(mp.mpc(a, b)) ** (k + 1)
        q, k = [j * w for j, w in enumerate(q)][1:], k + 1
    return size / abs(v)


for _ in range(40):
    a, b, c = random.choice((0.0, random.uniform(-5, 5), -40.0)), random.choice((0.0, magnitude(-3, 3))), random.uniform(-2, 2)
    p = [random.uniform(-2, 2) for _ in range(random.choice((1, 2, 3, 5)))]
    if a == 0 and b == 0:
        continue
    l, h = random.choice(((0.0, random.uniform(0.1, 3)), (-2.0, random.uniform(-1.9, 3)), (1.0, 1.01)))
    trig = random.choice(("sin", "cos")) if b else "cos"
    if not b:
        c = 0.0
    text = " + ".join("(%r) * x^%d" % (v, k) for k, v in enumerate(p))
    wave = " * %s({1} * x + {2})" % trig if b else ""

    def value(a, b, c, l, h):
        return parts([mpf(v) for v in p], a, b, c, trig, l, h)

    v = value(*map(mpf, (a, b, c, l, h)))
    sure = cancels([mpf(w) for w in p], mpf(a), mpf(b), mpf(l), mpf(h), v) < 100
    case("x in {3}..{4}: (%s) * exp({0} * x)%s" % (text, wave), value, (a, b, c, l, h), 2 if sure else 0)
    if a < 0:
        sure = cancels([mpf(w) for w in p], mpf(a), mpf(b), mpf(l), inf, value(mpf(a), mpf(b), mpf(c), mpf(l), inf)) < 100
        case("x in {3}..inf: (%s) * exp({0} * x)%s" % (text, wave), lambda a, b, c, l: value(a, b, c, l, inf), (a, b, c, l),
             2 if sure else 0)
for n in (1, 2, 4, 7):
    for m, s in ((0.0, 1.0), (800.0, 1.0), (0.3, 0.01), (-2.0, 30.0)):
        gauss = lambda x, m, s: x ** n * exp(-((x - m) / s) ** 2 / 2)
        if m or n % 2 == 0:
            case("x in -inf..inf: x^%d * exp(-((x - {0}) / {1})^2 / 2)" % n,
                 lambda m, s: quad(lambda x: gauss(x, m, s), [m + s * k for k in range(-30, 31, 5)]), (m, s), 2)
        case("x in {2}..inf: x^%d * exp(-((x - {0}) / {1})^2 / 2)" % n,
             lambda m, s, l: quad(lambda x: gauss(x, m, s), [l + s * k / 2 for k in range(60)]), (m, s, m + 0.5 * s), 0)
        case("x in {2}..{3}: x^%d * exp(-((x - {0}) / {1})^2 / 2)" % n,
             lambda m, s, l, h: quad(lambda x: gauss(x, m, s), linspace(l, h, 12)), (m, s, m - s, m + 3 * s), 0)
for a in (1e-3, 0.7, 12.0, 1e3):
    far = a * 2 > 2
    case("x in {1}..{2}: sin({0} * x)^2", lambda a, l, h: (h - l) / 2 - (sin(2 * a * h) - sin(2 * a * l)) / (4 * a), (a, 0.3, 2.3), 2 if far else 0)
    case("x in {1}..{2}: sin({0} * x) * cos(3 * x + 1)",
         lambda a, l, h: sum((cos((a + k) * l + k / 3) - cos((a + k) * h + k / 3)) / (a + k) for k in (mpf(3), mpf(-3))) / 2,
         (a, -1.0, 1.5), 0)
    case("x in {1}..{2}: cos({0} * x)^3", lambda a, l, h: (sin(3 * a * h) - sin(3 * a * l)) / (12 * a) + 3 * (sin(a * h) - sin(a * l)) / (4 * a),
         (a, -0.2, 1.0), 0)

# powers of affine functions over boxes
for a, b, c, sure in ((1.0, 1.0, -3.5, 1), (2.5, 0.7, -4.0, 1), (30.0, 20.0, -1.5, 1), (0.03, 2.0, -4.0, 1), (1e-5, 1e-5, -3.5, 0)):
    case("x in 0..1, y in 0..2: (1 + {0} * x + {1} * y)^{2}",
         lambda a, b, c: ((1 + a + 2 * b) ** (c + 2) - (1 + a) ** (c + 2) - (1 + 2 * b) ** (c + 2) + 1) / (a * b * (c + 1) * (c + 2)),
         (a, b, c), 2 if sure else 0)
for n in (3, 4, 6, 8):
    text = ", ".join("x%d in 0..1" % k for k in range(n)) + ": (1" + "".join(" + %d * x%d" % (k + 1, k) for k in range(n)) + ")^(-%d)" % (n + 1)
    total = mpf(0)
    for bits in range(2 ** n):
        total += (-1) ** bin(bits).count("1") / (1 + sum(mpf(k + 1) for k in range(n) if bits >> k & 1))
    scale = mp.factorial(n) * mp.fprod(k + 1 for k in range(n))
    case(text, lambda one: one * total / scale, (1.0,), 2)

if __name__ == "__main__":
    with open("antideriv.tsv", "w") as out:
        out.write("".join(r + "\n" for r in rows))
    print(len(rows))
