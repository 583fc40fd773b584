"""The tables of integrals (test/tables) in C and in Python, for bench/run: what GSL and SciPy are given to integrate."""
import ast
import math
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = os.path.join(os.path.dirname(HERE), "test", "tables")
C_NAME = {"abs": "fabs", "max": "fmax", "min": "fmin"}


def parse(text):
    """an expression of the language as Python's tree; `if c then a else b` stands in brackets in the tables"""
    for ours, theirs in (("(if ", "IF("), (" then ", ","), (" else ", ","), ("^", "**")):
        text = text.replace(ours, theirs)
    return ast.parse(text.strip(), mode="eval").body


def cases(name):
    """id, [(variable, lower end, upper end)], integrand, its text, exact value"""
    for line in open(os.path.join(TABLES, name + ".tsv")):
        field = line.rstrip("\n").split("\t")
        text = field[1][len("integral("):-1]
        head, body = text.split(": ", 1)
        ends = []
        for part in head.split(", "):
            var, span = part.split(" in ")
            ends.append((var, *span.split("..")))
        yield field[0], ends, parse(body), body, float(field[2])


def in_c(e):
    if isinstance(e, ast.Constant):
        return repr(float(e.value))
    if isinstance(e, ast.Name):
        return {"pi": "M_PI", "inf": "INFINITY"}.get(e.id, e.id)
    if isinstance(e, ast.UnaryOp):
        return f"(-{in_c(e.operand)})"
    if isinstance(e, ast.Compare):
        sign = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}[type(e.ops[0])]
        return f"({in_c(e.left)} {sign} {in_c(e.comparators[0])})"
    if isinstance(e, ast.Call):
        arg = [in_c(a) for a in e.args]
        if e.func.id == "IF":
            return f"({arg[0]} ? {arg[1]} : {arg[2]})"
        return f"{C_NAME.get(e.func.id, e.func.id)}({', '.join(arg)})"
    if isinstance(e.op, ast.Pow):
        n = e.right.value if isinstance(e.right, ast.Constant) else None
        if n in (2, 3, 4):  # as a person would write it
            return f"power{n}({in_c(e.left)})"
        return f"pow({in_c(e.left)}, {in_c(e.right)})"
    sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(e.op)]
    return f"({in_c(e.left)} {sign} {in_c(e.right)})"


class Lazy(ast.NodeTransformer):
    def visit_Call(self, e):
        self.generic_visit(e)
        return ast.IfExp(*e.args) if e.func.id == "IF" else e


def in_python(e, variables, names):
    f = ast.Expression(ast.Lambda(args=ast.arguments([], [ast.arg(v) for v in variables], None, [], [], None, []), body=e))
    return eval(compile(ast.fix_missing_locations(f), "table", "eval"), dict(names))


def header(path):
    """the one-dimensional table as C: integrands and a row each"""
    rows = []
    with open(path, "w") as f:
        for k, (name, ends, e, body, exact) in enumerate(cases("integrals_1d")):
            (var, lo, hi), = ends
            f.write(f"static double f{k}(double {var}, void *none) {{ return (void)none, {in_c(e)}; }}\n")
            rows.append(f'  {{"{name}", "{var}", "{lo}", "{hi}", "{body}", f{k}, {in_c(parse(lo))}, {in_c(parse(hi))}, {exact!r}}},\n')
        f.write("static const row table[] = {\n" + "".join(rows) + "};\n")


def build(root, out):
    """the C program against GSL; None where there is no GSL"""
    header(os.path.join(out, "integrals_table.h"))
    program = os.path.join(out, "integrals")
    lib = os.path.join(root, "build")
    done = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O3", "-march=native", "-I", out, "-I", os.path.join(root, "include"),
                           os.path.join(HERE, "integrals.c"), "-o", program, "-L", lib, "-lcalx", f"-Wl,-rpath,{lib}",
                           "-lgsl", "-lgslcblas", "-lm"], capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
    return None if done.returncode else program


def cpu(fn, seconds=0.05):
    """CPU seconds a call, fastest of three batches"""
    fn()
    best = math.inf
    for _ in range(3):
        n, start = 0, time.process_time()
        while n < 1 or time.process_time() - start < seconds:
            fn()
            n += 1
        best = min(best, (time.process_time() - start) / n)
    return best


def scipy_1d():
    """lines of id, CPU microseconds, 1 where the value is right to 1e-8: quad with a Python integrand"""
    import warnings
    from scipy.integrate import quad
    warnings.simplefilter("ignore")
    names = {n: getattr(math, n) for n in dir(math) if n[0] != "_"} | {"max": max, "min": min, "abs": abs}
    for name, ends, e, body, exact in cases("integrals_1d"):
        (var, lo, hi), = ends
        f = in_python(Lazy().visit(e), [var], names)
        a, b = (eval(compile(ast.Expression(parse(t)), "end", "eval"), names) for t in (lo, hi))
        run = lambda: quad(f, a, b, epsabs=0, epsrel=1e-10, limit=1000)
        try:
            right = abs(run()[0] - exact) <= 1e-8 * abs(exact)
            print(name, 1e6 * cpu(run), int(right))
        except (ArithmeticError, ValueError):  # math.exp(1000), 0 ** -0.5
            print(name, "nan", 0)


ND = ("genz_gauss_2", "genz_disc_2", "pag_f3_3", "genz_gauss_3", "ball_3", "orth_n2_05", "bvn_cdf", "ev_banana", "margrabe",
      "box3", "watson3", "expxyz")


def scipy_nd():
    """lines of id, CPU milliseconds, relative error: cubature with a NumPy integrand"""
    import warnings
    import numpy
    from scipy.integrate import cubature
    warnings.simplefilter("ignore")
    names = {n: getattr(numpy, n) for n in ("exp", "log", "sqrt", "cos", "sin", "pi", "inf", "abs")}
    names |= {"max": numpy.maximum, "IF": numpy.where}
    for name, ends, e, body, exact in cases("integrals_nd"):
        if name not in ND:
            continue
        f = in_python(e, [v for v, _, _ in ends], names)
        a, b = ([eval(compile(ast.Expression(parse(t[k])), "end", "eval"), names) for t in ends] for k in (1, 2))
        start = time.process_time()
        r = cubature(lambda x: f(*x.T), a, b, rtol=1e-8, atol=0, max_subdivisions=5000)
        print(name, 1e3 * (time.process_time() - start), abs(r.estimate - exact) / abs(exact))


if __name__ == "__main__":
    {"1d": scipy_1d, "nd": scipy_nd}[sys.argv[1]]()
