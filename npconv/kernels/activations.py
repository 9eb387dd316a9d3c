"""ReLU and ReLU6: the non-linearities of the article's blocks, on arrays of any shape.

They act on the real part, so that the tiny imaginary part of a complex step passes where the derivative is 1. At its
kinks (0, and 6 for ReLU6) the derivative is taken as 0, as torch does. NaN stays NaN.
"""

import numpy as np

from .geometry import Array
from .pieces import in_pieces
from .signatures import ACTIVATION
from .sums import zero_where


def relu(x: Array) -> Array:
    """max(x, 0), elementwise.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the article's Fig. 8, the conventional block.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    ACTIVATION.check("relu", x)
    return in_pieces(relu_unchecked, x, once=True)


def relu_unchecked(x: Array) -> Array:
    """`relu` of an array that is checked."""
    return np.maximum(x, 0) if x.dtype.kind == "f" else np.where(x.real <= 0, np.zeros((), x.dtype), x)


def relu_backward(dy: Array, x: Array) -> Array:
    """The gradient of `relu`: dy where x > 0, else 0. dy and x have the same shape, or it is a ValueError.

    >>> relu_backward(np.array([5.0, 5.0, 5.0]), np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 5.])
    """
    ACTIVATION.check("relu_backward", dy, x)
    return in_pieces(relu_backward_unchecked, dy, x)


def relu_backward_unchecked(dy: Array, x: Array) -> Array:
    """`relu_backward` of arrays that are checked."""
    return zero_where(x.real <= 0, dy)


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6), elementwise.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the article's "Inverted Residual and Linear Bottleneck Layer", Table 1.

    >>> relu6(np.array([-2.0, 3.0, 9.0]))
    array([0., 3., 6.])
    """
    ACTIVATION.check("relu6", x)
    return in_pieces(relu6_unchecked, x, once=True)


def relu6_unchecked(x: Array) -> Array:
    """`relu6` of an array that is checked."""
    if x.dtype.kind == "f":
        return np.clip(x, 0, 6)
    return np.where(x.real >= 6, np.full((), 6, x.dtype), relu_unchecked(x))


def relu6_backward(dy: Array, x: Array) -> Array:
    """The gradient of `relu6`: dy where 0 < x < 6, else 0. dy and x have the same shape, or it is a ValueError.

    >>> relu6_backward(np.array([5.0, 5.0, 5.0]), np.array([-2.0, 3.0, 6.0]))
    array([0., 5., 0.])
    """
    ACTIVATION.check("relu6_backward", dy, x)
    return in_pieces(relu6_backward_unchecked, dy, x)


def relu6_backward_unchecked(dy: Array, x: Array) -> Array:
    """`relu6_backward` of arrays that are checked."""
    return zero_where((x.real <= 0) | (x.real >= 6), dy)
