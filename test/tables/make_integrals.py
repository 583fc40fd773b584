#!/usr/bin/env python3
"""Turns the batteries of integrals (JSON, strings with if(c, a, b)) into tables of calx text, one case a line:
id <tab> program <tab> exact value <tab> further values. Usage: make_integrals.py DIR, where DIR holds the JSON files."""
import json, os, re, sys


def split_call(s, at):
    """the arguments of the call whose bracket opens at s[at]; the place behind it"""
    depth, start, args = 0, at + 1, []
    for k in range(at, len(s)):
        if s[k] == '(':
            depth += 1
        elif s[k] == ')':
            depth -= 1
            if depth == 0:
                return args + [s[start:k]], k + 1
        elif s[k] == ',' and depth == 1:
            args.append(s[start:k])
            start = k + 1
    raise ValueError(s)


def text(s):
    """if(c,a,b) and integral(e, x in a..b) in the language's own words"""
    out, k = '', 0
    while k < len(s):
        m = re.compile(r'\b(if|integral)\(').match(s, k) if (k == 0 or not s[k - 1].isalnum()) else None
        if not m:
            out += s[k]
            k += 1
            continue
        args, k = split_call(s, m.end() - 1)
        args = [text(a).strip() for a in args]
        if m.group(1) == 'if':
            out += '(if %s then %s else %s)' % tuple(args)
        else:
            out += 'integral(%s: %s)' % (', '.join(args[1:]), args[0])
    return out


def main(folder):
    here = os.path.dirname(os.path.abspath(__file__))
    load = lambda name: json.load(open(os.path.join(folder, name)))
    for name in ('integrals_1d', 'integrals_nd'):
        with open(os.path.join(here, name + '.tsv'), 'w') as f:
            for c in load(name + '.json'):
                ends = ', '.join('%s in %s..%s' % t for t in zip(c['vars'], c['lower'], c['upper']))
                f.write('%s\tintegral(%s: %s)\t%s\n' % (c['id'], ends, text(c['integrand']), c['exact_str']))
    with open(os.path.join(here, 'integral_derivs.tsv'), 'w') as f:
        for c in load('integral_derivs.json'):
            p = ', '.join('%s=%r' % t for t in c['params'].items())
            g = ' '.join('%s=%s' % t for t in c['gradient'].items())
            h = ' '.join('%s=%s' % t for t in c['second'].items())
            f.write('%s\t%s\t%s\t%s\t%s\t%s\n' % (c['id'], text(c['program']), c['value'], p, g, h))


main(sys.argv[1])
