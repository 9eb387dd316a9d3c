"""ReLU and ReLU6: the non-linearities of the article's blocks, on arrays of any shape.

They act on the real part, so that the tiny imaginary part of a complex step passes where the derivative is 1. At its
kinks (0, and 6 for ReLU6) the derivative is taken as 0, as torch does. NaN stays NaN.
"""

import numpy as np

from .geometry import Array
from .signatures import ACTIVATION
from .sums import native

BITS = {np.dtype(f"f{size}"): np.dtype(f"i{size}") for size in (2, 4, 8)}  # the integer as long as a float


def relu(x: Array) -> Array:
    """max(x, 0), elementwise.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the article's Fig. 8, the conventional block.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    ACTIVATION.check("relu", x)
    return rectify(x)


def relu_backward(dy: Array, x: Array) -> Array:
    """The gradient of `relu`: dy where x > 0, else 0. dy and x have the same shape, or it is a ValueError.

    >>> relu_backward(np.array([5.0, 5.0, 5.0]), np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 5.])
    """
    ACTIVATION.check("relu_backward", dy, x)
    return rectify_backward(dy, x)


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6), elementwise.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the article's "Inverted Residual and Linear Bottleneck Layer", Table 1.

    >>> relu6(np.array([-2.0, 3.0, 9.0]))
    array([0., 3., 6.])
    """
    ACTIVATION.check("relu6", x)
    return rectify(x, 6)


def relu6_backward(dy: Array, x: Array) -> Array:
    """The gradient of `relu6`: dy where 0 < x < 6, else 0. dy and x have the same shape, or it is a ValueError.

    >>> relu6_backward(np.array([5.0, 5.0, 5.0]), np.array([-2.0, 3.0, 6.0]))
    array([0., 5., 0.])
    """
    ACTIVATION.check("relu6_backward", dy, x)
    return rectify_backward(dy, x, 6)


def rectify(x: Array, cap: int | None = None) -> Array:
    """min(max(x, 0), cap) of an array that is checked; without a cap max(x, 0)."""
    if x.dtype.kind == "f":
        return np.maximum(x, 0) if cap is None else np.clip(x, 0, cap)
    capped = x if cap is None else np.where(x.real >= cap, np.full((), cap, x.dtype), x)
    return np.where(x.real <= 0, np.zeros((), x.dtype), capped)


def rectify_backward(dy: Array, x: Array, cap: int | None = None) -> Array:
    """dy where 0 < x < cap, else 0.

    The bits of floats are multiplied by the mask, as integers: several times as fast as a choice, and 0 · ∞ would be
    NaN.
    """
    dead = x.real <= 0 if cap is None else (x.real <= 0) | (x.real >= cap)
    dtype = native(dy)
    if dtype in BITS:
        bits = dy.astype(dtype, copy=False).view(BITS[dtype])
        masked: Array = np.multiply(bits, ~dead).view(dtype)
        return masked
    return np.where(dead, np.zeros((), dy.dtype), dy)
