"""ReLU and ReLU6: the non-linearities of the article's blocks, on arrays of any shape.

They act on the real part, so that the tiny imaginary part of a complex step passes where the derivative is 1. At its
kinks (0, and 6 for ReLU6) the derivative is taken as 0, as torch does. NaN stays NaN.
"""

import numpy as np

from . import arguments
from .geometry import Array
from .sums import native

BITS = {np.dtype(f"f{size}"): np.dtype(f"i{size}") for size in (2, 4, 8)}  # the integer as long as a float


def relu(x: Array) -> Array:
    """max(x, 0), elementwise.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the article's Fig. 8, the conventional block.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    arguments.activation("relu", x)
    if x.dtype.kind == "f":
        return np.maximum(x, 0)
    return np.where(x.real <= 0, np.zeros((), x.dtype), x)


def relu_backward(dy: Array, x: Array) -> Array:
    """The gradient of `relu`: dy where x > 0, else 0. dy and x have the same shape, or it is a ValueError.

    >>> relu_backward(np.array([5.0, 5.0, 5.0]), np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 5.])
    """
    arguments.activation("relu_backward", x, dy)
    return _where_alive(x.real <= 0, dy)


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6), elementwise.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the article's "Inverted Residual and Linear Bottleneck Layer", Table 1.

    >>> relu6(np.array([-2.0, 3.0, 9.0]))
    array([0., 3., 6.])
    """
    arguments.activation("relu6", x)
    if x.dtype.kind == "f":
        return np.clip(x, 0, 6)
    capped = np.where(x.real >= 6, np.full((), 6, x.dtype), x)
    return np.where(x.real <= 0, np.zeros((), x.dtype), capped)


def relu6_backward(dy: Array, x: Array) -> Array:
    """The gradient of `relu6`: dy where 0 < x < 6, else 0. dy and x have the same shape, or it is a ValueError.

    >>> relu6_backward(np.array([5.0, 5.0, 5.0]), np.array([-2.0, 3.0, 6.0]))
    array([0., 5., 0.])
    """
    arguments.activation("relu6_backward", x, dy)
    return _where_alive((x.real <= 0) | (x.real >= 6), dy)


def _where_alive(dead: Array, dy: Array) -> Array:
    """dy, and 0 where the unit is dead.

    The bits of floats are multiplied, as integers: several times as fast as a choice, and 0 · ∞ would be NaN.
    """
    dtype = native(dy)
    if dtype in BITS:
        bits = dy.astype(dtype, copy=False).view(BITS[dtype])
        masked: Array = np.multiply(bits, ~dead).view(dtype)
        return masked
    return np.where(dead, np.zeros((), dy.dtype), dy)
