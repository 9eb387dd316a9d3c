"""The bound on the rounding errors of a convolution in floats."""

import math

import numpy as np

from ..kernels.arguments import kind_of
from ..kernels.geometry import Array, Padding, Pair
from ..kernels.standard import conv2d


def rounding_bound(
    x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> Array:
    """The largest rounding error of a convolution in floats, in whatever order it sums its products.

    γₙ · conv2d(|x|, |kernel|) + n · η · (1 + γₙ) with n = Dᵣ²M products a sum, γₙ = n·u / (1 − n·u), u half the machine
    epsilon of the result's dtype and η half its least subnormal number, by which a product that underflows is off
    (N. Higham, "Accuracy and Stability of Numerical Algorithms", sections 2.1 and 3.1). Two such implementations may
    differ by twice as much.

    It holds for sums of the products x · kernel, rounded to nearest in the result's dtype. It does not hold where a
    convolution is computed in another way (Winograd, FFT) or in a shorter format (bfloat16, TensorFloat-32): what was
    measured of these stands in docs/checking.md. Nor does it where a sum overflows. Where subnormal numbers are flushed
    to zero, add 2n · (1 + γₙ) times the least normal number, and x and kernel must hold none that are subnormal.

    Args:
        x, kernel, stride, padding, dilation: what `conv2d` takes; real floats, of float64 or shorter.

    Returns:
        The bound, (B, Dᵥ, Dᵥ, N), in float64.

    Raises:
        TypeError: x and kernel are not ndarrays of real floats, or longer than float64.
        ValueError: as `conv2d`, or sums so long that the bound says nothing.

    >>> x, kernel = np.ones((1, 7, 6, 3), np.float32), np.ones((3, 3, 3, 4), np.float32)
    >>> bool(np.all(np.abs(conv2d(x, kernel) - 27) <= rounding_bound(x, kernel)))
    True
    """
    for name, a in (("x", x), ("kernel", kernel)):
        if not isinstance(a, np.ndarray) or a.dtype.kind != "f" or a.dtype.itemsize > 8:
            raise TypeError(
                f"rounding_bound: {name} must be an ndarray of real floats, float64 at most; got {kind_of(a)}"
            )
    sizes = [np.abs(a).astype(np.float64) for a in (x, kernel)]
    products = conv2d(*sizes, stride=stride, padding=padding, dilation=dilation)
    n, dtype = math.prod(kernel.shape[:3]), np.result_type(x, kernel)
    unit, least = float(np.finfo(dtype).eps) / 2, float(np.finfo(dtype).smallest_subnormal)
    if n * unit >= 1:
        raise ValueError(f"rounding_bound: sums of {n} products in {dtype} have no bound")
    gamma = n * unit / (1 - n * unit)
    underflow = (n + 1) // 2 * least * (1 + gamma)  # half of float64's least number is none
    return (products * gamma + underflow) * (1 + 1e-9)  # the last factor covers the bound's own rounding
