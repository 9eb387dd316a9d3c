"""Bilinear resizing: a matrix along the height and one along the width, whose rows have two numbers at most."""

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from .arguments import one_of
from .geometry import Array, Pair
from .signatures import RESIZE, Checked
from .sums import rounded, wider

ALIGNMENTS = ("half_pixel", "corners", "origin")


def resize_bilinear(x: Array, size: Pair, *, align: str = "half_pixel") -> Array:
    """The input at another size, interpolated linearly along the height and along the width.

    It is A x Bᵀ for each channel, with two matrices: row i of A has the weights of the two rows of x next to output
    row i, which sum to 1. Nothing is averaged where a map shrinks (no antialiasing). All else in the matrices is 0, and
    0 times NaN or infinity is NaN: one of them in a channel of an image reaches all of its output.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M).
        size: Dᵥ, an int or (height, width).
        align: where output row i of o lies among the n rows of x, cut off at 0 and n − 1:
            "half_pixel": at (i + ½)n/o − ½, so that the borders of the outermost pixels meet;
            "corners": at i(n − 1)/(o − 1), so that the centres of the outermost pixels meet; 0 where o is 1;
            "origin": at i·n/o, so that the centres of the first pixels meet.

    Returns:
        y, (B, Dᵥ, Dᵥ, M), in x's dtype; integers give float64.

    Raises:
        TypeError: x is not an ndarray of numbers, or size not of ints.
        ValueError: x has not four axes, a size below 1, or another align.

    >>> x = np.array([[1.0, 2, 4], [3, 5, 9]]).reshape(1, 2, 3, 1)
    >>> resize_bilinear(x, (3, 5), align="corners")[0, :, :, 0]
    array([[1.  , 1.5 , 2.  , 3.  , 4.  ],
           [2.  , 2.75, 3.5 , 5.  , 6.5 ],
           [3.  , 4.  , 5.  , 7.  , 9.  ]])
    """
    rows, columns = _matrices(RESIZE.check("resize_bilinear", x), size, align, x)
    wide = wider(x)
    tall = (rows @ wide.reshape(*x.shape[:2], -1)).reshape(len(x), -1, *x.shape[2:])  # (B, Dᵥ, Dᵤ, M)
    y: Array = columns @ tall  # (Dᵥ, Dᵤ) @ (B, Dᵥ, Dᵤ, M)
    return rounded(y, x) if x.dtype.kind in "fc" else y


def resize_bilinear_backward(dy: Array, x: Array, size: Pair, *, align: str = "half_pixel") -> Array:
    """The gradient of `resize_bilinear`: Aᵀ dy B, shaped like x.

    dy is (B, Dᵥ, Dᵥ, M); the rest is what `resize_bilinear` took, and so are the errors.

    >>> dx = resize_bilinear_backward(np.ones((1, 4, 6, 1)), np.ones((1, 2, 3, 1)), (4, 6))
    >>> dx[0, :, :, 0]
    array([[4., 4., 4.],
           [4., 4., 4.]])
    """
    rows, columns = _matrices(RESIZE.check("resize_bilinear_backward", dy, x), size, align, dy)
    tall = columns.T @ wider(dy)  # (Dᵤ, Dᵥ) @ (B, Dᵥ, Dᵥ, M)
    dx: Array = (rows.T @ tall.reshape(*tall.shape[:2], -1)).reshape(x.shape)  # (Dᵤ, Dᵥ) @ (B, Dᵥ, Dᵤ·M)
    return rounded(dx, dy) if dy.dtype.kind in "fc" else dx


def _matrices(checked: Checked, size: Pair, align: str, operand: Array) -> tuple[Array, Array]:
    """The two matrices, (Dᵥ, Dᵤ) each, in the dtype that the operand is computed in; fractions for objects."""
    one_of(checked.function, "align", align, ALIGNMENTS)
    dtype = {"O": operand.dtype, "f": wider(operand).dtype, "c": operand.real.dtype}.get(operand.dtype.kind, np.float64)
    sides = zip(checked.sizes["Dᵤ"], checked.resized(size), strict=True)
    rows, columns = (_weights(n, o, align, exact=operand.dtype == object).astype(dtype, copy=False) for n, o in sides)
    return rows, columns


@lru_cache(64)
def _weights(n: int, o: int, align: str, exact: bool) -> Array:
    """The weights of n rows in each of o rows between them, (o, n): two numbers in a row at most, which sum to 1."""
    i = np.arange(o, dtype=np.int64)
    over, under = {
        "half_pixel": ((2 * i + 1) * n - o, 2 * o),
        "corners": (i * (n - 1), max(o - 1, 1)),
        "origin": (i * n, o),
    }[align]  # the position of output row i among the rows, as an exact fraction
    first, rest = np.divmod(np.clip(over, 0, (n - 1) * under), under)
    shares = np.zeros((o, n), np.int64)
    shares[i, first] = under - rest
    shares[i, np.minimum(first + 1, n - 1)] += rest  # 0 behind the last row
    weights: Any = np.frompyfunc(Fraction, 2, 1)(shares, under) if exact else shares / under
    weights.flags.writeable = False  # each step of a training asks for the same
    return weights  # type: ignore[no-any-return]
