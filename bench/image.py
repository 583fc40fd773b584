"""Filters of a 4096 x 4096 image, calx through libcalx and OpenCV, one thread, CPU time in turns. `image.py LIBRARY`
prints a line each: name, type of the input, milliseconds of calx, of OpenCV into arrays that are there, of OpenCV
making its results anew as Python programs mostly call it, largest difference over the largest value."""
import ctypes as c
import statistics
import sys
import time

import cv2
import numpy as np

N = 4096
cv2.setNumThreads(1)
lib = c.CDLL(sys.argv[1])
lib.calx_new.restype = c.c_void_p
lib.calx_error.restype = c.c_char_p
TYPE = {"float32": 1, "uint8": 7}


def function(text, expression, image):
    """the expression of data img as a function of one array to another"""
    ctx, m, f, w = c.c_void_p(lib.calx_new(None, None)), c.c_void_p(), c.c_void_p(), c.c_void_p()
    ok = lib.calx_compile(ctx, ("precision single\ndata img[h, w]\n" + text).encode(), c.c_size_t(2**64 - 1), c.byref(m))
    dim = (c.c_int64 * 2)(*image.shape)
    ok = ok or lib.calx_bind(m, b"img", TYPE[str(image.dtype)], 2, dim, None, image.ctypes.data_as(c.c_void_p))
    ok = ok or lib.calx_function_of(m, expression.encode(), c.c_size_t(2**64 - 1), (c.c_char_p * 1)(b"img"), 1, c.byref(f))
    ok = ok or lib.calx_work_new(f, c.byref(w))
    if ok:
        sys.exit(lib.calx_error(ctx).decode())

    def run(x, out):
        assert lib.calx_eval_arrays(f, w, None, (c.c_void_p * 1)(x.ctypes.data), (c.c_void_p * 1)(out.ctypes.data)) == 0
    return run


SOBEL = """sobel = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
gx[y, x] = sum(u, v: sobel[u, v] * img[y + u, x + v])
gy[y, x] = sum(u, v: sobel[v, u] * img[y + u, x + v])
"""


SPARE = [np.empty((N, N), np.float32) for _ in range(2)]


def cv_sobel(x, out):
    a, b = SPARE if out is not None else (None, None)
    return cv2.magnitude(cv2.Sobel(x, cv2.CV_32F, 1, 0, a), cv2.Sobel(x, cv2.CV_32F, 0, 1, b), out)


CASES = [
    ("Sobel magnitude", SOBEL, "sqrt(gx^2 + gy^2)", 1, cv_sobel),
    ("Laplacian", "", "img[y, x+1] + img[y+2, x+1] + img[y+1, x] + img[y+1, x+2] - 4 * img[y+1, x+1]", 1,
     lambda x, out: cv2.Laplacian(x, cv2.CV_32F, out, ksize=1)),
    ("Gaussian blur, sigma 1.5", "", 'gaussian_blur(img, 1.5, "valid")', 6,
     lambda x, out: cv2.GaussianBlur(x, (13, 13), 1.5, out)),
]
if len(sys.argv) > 2:
    CASES = [x for x in CASES if sys.argv[2] in x[0]]
noise = np.random.default_rng(1).integers(0, 256, (N, N))
image = cv2.GaussianBlur(noise.astype(np.uint8), (0, 0), 2)
for name, text, expression, r, peer in CASES:
    for x in (image.astype(np.float32), image):
        if x.dtype == np.uint8 and "Gaussian" in name:
            continue  # OpenCV rounds the result of bytes to bytes
        mine = function(text, expression, x)
        out = np.empty((N - 2 * r, N - 2 * r), np.float32)
        mine(x, out)
        theirs = np.empty((N, N), np.float32)
        want = peer(x, theirs)[r:-r, r:-r]
        error = np.abs(out - want).max() / np.abs(want).max()
        times = [[], [], []]
        for turn in range(15):
            for k, run in enumerate((lambda: mine(x, out), lambda: peer(x, theirs), lambda: peer(x, None))):
                start = time.process_time()
                run()
                times[k].append(1e3 * (time.process_time() - start))
        print(name, x.dtype, *(f"{statistics.median(t):.2f}" for t in times), f"{error:.1e}", sep="\t", flush=True)
