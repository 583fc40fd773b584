"""Writes image.tsv: what SciPy's ndimage, NumPy, OpenCV and PyTorch make of small images.

Run with SciPy 1.10, NumPy 1.24, OpenCV 4.6 and PyTorch 1.13 (Debian: python3-scipy, python3-opencv,
python3-torch) in the repository's folder test/tables. Lines: `image`, name, height, width, values; and `case`, calx expression of X, name of the image that X is,
whose answer it is, height, width, values.
"""
import cv2
import numpy as np
import scipy
import scipy.ndimage as nd
import torch

rng = np.random.default_rng(3)
IMAGES = {f"{h}x{w}": rng.integers(0, 256, (h, w)).astype(float)
          for h, w in [(1, 1), (1, 2), (1, 9), (7, 1), (2, 2), (3, 3), (5, 8), (11, 6)]}
camera = cv2.imread("../../examples/edges/camera.png", cv2.IMREAD_GRAYSCALE)
IMAGES["camera"] = camera[80:120, 200:256].astype(float)
MODES = {"reflect": "reflect", "zero": "constant", "replicate": "nearest", "mirror": "mirror"}
BORDERS = {"reflect": cv2.BORDER_REFLECT, "zero": cv2.BORDER_CONSTANT, "replicate": cv2.BORDER_REPLICATE}
KERNEL = np.array([[1, -2, 0.5, 3], [0, 4, -1, 2]])
EVEN_KERNEL = "[[1, -2, 0.5, 3], [0, 4, -1, 2]]"
LONG = np.array([[0.5, 1, -2, 3, 0.25, 1, 4, -1, 2]])
LONG_KERNEL = "[[0.5, 1, -2, 3, 0.25, 1, 4, -1, 2]]"
out = [f"# made by make_image.py with SciPy {scipy.__version__}, NumPy {np.__version__}, OpenCV {cv2.__version__}, PyTorch {torch.__version__}"]


def numbers(a):
    return "\t".join([str(a.shape[0]), str(a.shape[1]), " ".join(repr(float(v)) for v in a.ravel())])


def case(expression, image, peer, answer):
    out.append(f"case\t{expression}\t{image}\t{peer}\t{numbers(np.asarray(answer, float))}")


for name, x in IMAGES.items():
    out.append(f"image\t{name}\t{numbers(x)}")
    if name == "camera":
        continue
    for border, mode in MODES.items():
        say = f'"{border}"'
        more = dict(mode=mode, cval=0.0)
        case(f"sobel_x(X, {say})", name, "scipy", nd.sobel(x, axis=1, **more))
        case(f"sobel_y(X, {say})", name, "scipy", nd.sobel(x, axis=0, **more))
        case(f"sobel(X, {say})", name, "scipy", np.hypot(nd.sobel(x, 0, **more), nd.sobel(x, 1, **more)))
        case(f"prewitt(X, {say})", name, "scipy", np.hypot(nd.prewitt(x, 0, **more), nd.prewitt(x, 1, **more)))
        case(f"laplacian(X, {say})", name, "scipy", nd.laplace(x, **more))
        for sigma in (0.4, 1.5):
            case(f"gaussian_blur(X, {sigma}, {say})", name, "scipy", nd.gaussian_filter(x, sigma, **more))
            case(f"laplacian_of_gaussian(X, {sigma}, {say})", name, "scipy", nd.gaussian_laplace(x, sigma, **more))
        case(f"filter(X, {EVEN_KERNEL}, {say})", name, "scipy", nd.correlate(x, KERNEL, **more))
        case(f"filter(X, {LONG_KERNEL}, {say})", name, "scipy", nd.correlate(x, LONG, **more))
        pad = {"reflect": "symmetric", "zero": "constant", "replicate": "edge", "mirror": "reflect"}[border]
        case(f"pad(X, 2, {say})", name, "numpy", np.pad(x, 2, mode=pad))
        wide = np.pad(x, 1, mode=pad)
        gy, gx = np.gradient(wide) if min(wide.shape) > 1 else (0, 0)
        case(f"gradient(X, {say})", name, "numpy", np.hypot(gx, gy)[1:-1, 1:-1])
        if border in BORDERS and min(x.shape) > 1:
            b = BORDERS[border]
            case(f"scharr_x(X, {say})", name, "opencv", cv2.Scharr(x, cv2.CV_64F, 1, 0, borderType=b))
            case(f"scharr_y(X, {say})", name, "opencv", cv2.Scharr(x, cv2.CV_64F, 0, 1, borderType=b))
            case(f"laplacian(X, {say})", name, "opencv", cv2.Laplacian(x, cv2.CV_64F, ksize=1, borderType=b))
    if min(x.shape) >= 3:
        case('sobel_x(X, "valid")', name, "scipy", nd.sobel(x, axis=1)[1:-1, 1:-1])
        case('laplacian(X, "valid")', name, "scipy", nd.laplace(x)[1:-1, 1:-1])
    for size in ((1, 1), (3, 2), (10, 16), (4, 13)):
        near = torch.nn.functional.interpolate(torch.tensor(x[None, None]), size, mode="nearest-exact")[0, 0]
        case(f'resize(X, {size[0]}, {size[1]}, "nearest")', name, "torch", near)
        # the centres of pixels, i + 1/2, at these places
        at = [np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1) for n, m in zip(size, x.shape)]
        grid = np.meshgrid(*at, indexing="ij")
        case(f'resize(X, {size[0]}, {size[1]}, "bilinear")', name, "scipy", nd.map_coordinates(x, grid, order=1, mode="nearest"))

x = IMAGES["camera"].astype(np.uint8)
for low, high in ((40, 90), (100, 200), (20, 400)):
    case(f'canny(X, {low}, {high}, "replicate")', "camera", "opencv", cv2.Canny(x, low, high, L2gradient=True) / 255)
for low, high in ((50, 150), (150, 220)):  # a mark spreads to all that is connected with it, by corners too
    labels, _ = nd.label(IMAGES["camera"] > low, np.ones((3, 3)))
    kept = np.unique(labels[IMAGES["camera"] > high])
    case(f"hysteresis(X > {high}, X > {low})", "camera", "scipy", np.isin(labels, kept[kept > 0]))
open("image.tsv", "w").write("\n".join(out) + "\n")
