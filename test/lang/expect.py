#!/usr/bin/env python3
"""Computes the numbers of `# expect: NUMBERS | FORMULA` comments with NumPy, SciPy and mpmath, away from calx.

  #| statement          Python, run where it stands: set-up for the formulas below it
  D(f, x, n)            n-th derivative of a function of one number, 40 digits
  grad(f, x), hess(f, x) by mpmath, of a function of a list

  expect.py FILE...     writes the numbers;  expect.py --check FILE... only compares
"""
import builtins
import re
import sys

import mpmath as mp
import numpy as np
import scipy.special as sp

mp.mp.dps = 40


def D(f, x, n=1):
    return mp.diff(f, x, n)


def grad(f, x):
    return [mp.diff(lambda *a: f(a), tuple(x), tuple(int(i == k) for i in range(len(x)))) for k in range(len(x))]


def hess(f, x):
    n = len(x)
    return [[mp.diff(lambda *a: f(a), tuple(x), tuple(int(i == k) + int(j == k) for k in range(n))) for j in range(n)]
            for i in range(n)]


def show(v):
    if isinstance(v, tuple):
        return ", ".join(show(x) for x in v)
    if isinstance(v, list) or getattr(v, "ndim", 0):
        return "[" + ", ".join(show(x) for x in v) + "]"
    text = "%.12g" % float(v)
    return "0" if text == "-0" else text


def main():
    check = "--check" in sys.argv
    bad = 0
    for path in [a for a in sys.argv[1:] if not a.startswith("-")]:
        names = {k: getattr(np, k) for k in dir(np) if not k.startswith("_") and not hasattr(builtins, k)}
        names.update(np=np, mp=mp, sp=sp, D=D, grad=grad, hess=hess)
        lines = open(path, encoding="utf-8").read().split("\n")
        for k, line in enumerate(lines):
            if line.startswith("#|"):
                exec(line[2:].strip(), names)
            m = re.match(r"(.*# expect:)[^|]*\| (.*)$", line)
            if not m:
                continue
            tail = re.search(r"\+- \S+", line.split("|")[0])
            new = "%s %s%s | %s" % (m[1], show(eval(m[2], names)), " " + tail[0] if tail else "", m[2])
            if new != line:
                bad += 1
                if check:
                    print("%s:%d:\n  %s\n  %s" % (path, k + 1, line, new))
            lines[k] = new
        if not check:
            open(path, "w", encoding="utf-8").write("\n".join(lines))
    return check and bad > 0


sys.exit(main())
