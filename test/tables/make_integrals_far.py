#!/usr/bin/env python3
"""Writes integrals_far.tsv: integrals and expectations whose mass lies over hundreds and thousands of powers of ten, near
an end or far out, many of it where no double reaches; all by closed forms. A row: name, expression, value."""
from mpmath import beta, cos, digamma, euler, exp, gamma, log, mp, mpf, nstr, pi, psi, sin, sqrt

mp.dps = 40

# expression | value; Q(..) is a decimal number as it is written
ROWS = '''
integral(x in 1..inf: x^-1.00001) | mpf(10)**5
integral(x in 0..inf: 1 / (1 + x^1.001)) | pi / Q('1.001') / sin(pi / Q('1.001'))
integral(x in 0..1: x^-0.999 * log(x)) | -mpf(10)**6
integral(x in 2..3: (3 - x)^-0.99999) | mpf(10)**5
integral(x in 0..1: x^-0.999 * (1 - x)^-0.95) | beta(Q('0.001'), Q('0.05'))
integral(x in 0..1: (1 - x)^-0.999 * log(x)) | -(digamma(Q('1.001')) + euler) * 1000
integral(x in 0..1: (1 - x^0.3)^-0.99) | beta(1 / Q('0.3'), Q('0.01')) / Q('0.3')
integral(x in 0..0.5: 1 / (x * log(x)^2)) | 1 / log(mpf(2))
integral(x in 2..inf: 1 / (x * log(x)^1.5)) | 2 / sqrt(log(mpf(2)))
integral(x in 0..inf: 1 / (x * (1 + log(x)^2))) | pi
integral(x in 0..1: log(1 / x)^-0.95) | gamma(Q('0.05'))
integral(x in 0..1: 1 / sqrt(-x * log(x))) | sqrt(2 * pi)
integral(x in 0..pi / 2: tan(x)^0.9) | pi / 2 / sin(pi / 2 * Q('1.9'))
integral(x in 0..pi / 2: cos(x)^-0.9) | beta(Q('0.05'), Q('0.5')) / 2
integral(x in 0..pi: sin(x)^-0.98) | beta(Q('0.01'), Q('0.5'))
integral(x in -inf..inf: (1 + x^2)^-0.505) | sqrt(pi) * gamma(Q('0.005')) / gamma(Q('0.505'))
integral(x in 0..inf: log(1 + x) / x^1.01) | pi / (Q('0.01') * sin(pi * Q('0.01')))
integral(x in 0..inf: (1 - exp(-x)) / x^1.01) | -gamma(-Q('0.01'))
integral(x in 0..inf: atan(x) / x^1.01) | pi / Q('0.02') / cos(pi * Q('0.005'))
integral(x in 1..inf: 1 / (x * sqrt(x^0.02 - 1))) | 50 * pi
expect(x ~ gamma(0.001, 1): log(x)) | digamma(Q('0.001'))
expect(x ~ gamma(0.05, 1): x^-0.04) | gamma(Q('0.01')) / gamma(Q('0.05'))
expect(x ~ gamma(2, 1), y ~ gamma(1.01, 1): x / y) | mpf(200)
expect(x ~ student_t(2.05, 0, 1): x^2) | mpf(41)
expect(x ~ student_t(0.02, 0, 1): log(abs(x))) | (log(Q('0.02')) + digamma(Q('0.5')) - digamma(Q('0.01'))) / 2
expect(x ~ half_student_t(1.02, 1): x) | 100 * sqrt(Q('1.02')) / beta(Q('0.51'), Q('0.5'))
expect(x ~ pareto(1, 1.00001): x) | Q('1.00001') * 10**5
var(x ~ pareto(1, 0.001): log(x)) | mpf(10)**6
expect(x ~ inverse_gamma(0.01, 1): log(x)) | -digamma(Q('0.01'))
var(x ~ beta(0.001, 0.001): logit(x)) | 2 * psi(1, Q('0.001'))
expect(x ~ beta(0.5, 0.01): log(1 - x)) | digamma(Q('0.01')) - digamma(Q('0.51'))
expect(x ~ lognormal(0, 400): log(x)^2) | mpf(160000)
expect(x ~ lognormal(0, 35): x) | exp(mpf(35)**2 / 2)
expect(x ~ weibull(0.005, 1): log(x)) | -200 * euler
expect(x ~ half_cauchy(1): x^-0.99) | 1 / cos(pi * Q('0.495'))
expect(x ~ cauchy(0, 1): abs(x)^0.999) | 1 / cos(pi * Q('0.4995'))
'''


def main():
    names = dict(globals(), Q=mpf)
    with open('integrals_far.tsv', 'w') as out:
        for k, row in enumerate(ROWS.strip().split('\n')):
            expression, value = row.split(' | ')
            out.write(f'far_{k}\t{expression}\t{nstr(eval(value, names), 30)}\n')


main()
