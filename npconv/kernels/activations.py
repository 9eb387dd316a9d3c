"""The activations, on arrays of any shape: ReLU and ReLU6 of the article's blocks, and those of MobileNetV3.

They act on the real part, so that the tiny imaginary part of a complex step passes where the derivative is 1. At its
kinks (0, and 6 for ReLU6) the derivative is taken as 0, as torch does. At −3 and 3 hard-sigmoid's is 0, and
hard-swish's is 0 and 1, as in torch. NaN stays NaN.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .geometry import Array
from .pieces import in_pieces
from .signatures import ACTIVATION
from .sums import rounded, wider, zero_where


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
    if x.dtype.kind == "O":
        return np.asarray(_relus(x), object)
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
    if x.dtype.kind == "O":
        return np.asarray(_relus6(x), object)
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


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(−x)), elementwise, without an overflow for any x.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the MobileNetV3 paper's section 5.2, where it is what hard-sigmoid replaces.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    ACTIVATION.check("sigmoid", x)
    return in_pieces(sigmoid_unchecked, x)


def sigmoid_unchecked(x: Array) -> Array:
    """`sigmoid` of an array that is checked."""
    e = _falling_exponential(x)
    one = np.ones((), e.dtype)
    return rounded(np.where(x.real >= 0, one, e) / (1 + e), x)


def sigmoid_backward(dy: Array, x: Array) -> Array:
    """The gradient of `sigmoid`: dy · y · (1 − y). dy and x have the same shape, or it is a ValueError.

    >>> sigmoid_backward(np.array([8.0, 8.0]), np.array([0.0, 1000.0]))
    array([2., 0.])
    """
    ACTIVATION.check("sigmoid_backward", dy, x)
    return in_pieces(sigmoid_backward_unchecked, dy, x)


def sigmoid_backward_unchecked(dy: Array, x: Array) -> Array:
    """`sigmoid_backward` of arrays that are checked."""
    e = _falling_exponential(x)
    larger = 1 / (1 + e)  # of y and 1 − y; the smaller is e times as large
    with np.errstate(under="ignore"):
        return rounded(wider(dy) * (e * larger * larger), dy, x)


def _falling_exponential(x: Array) -> Array:
    """exp(−|x|), in float32 at least: it does not overflow."""
    away = np.where(x.real >= 0, -x, x)
    with np.errstate(under="ignore"):
        if x.dtype.kind == "O":
            return np.asarray(_exponentials(away), object)
        return np.exp(wider(away))


def _of_objects(name: str, plain: Callable[[Any], Any]) -> Callable[[Array], Any]:
    """A function of objects: their own of that name, as names have that write down their formula, or the plain one."""
    of: Callable[[Array], Any] = np.frompyfunc(lambda a: getattr(a, name)() if hasattr(a, name) else plain(a), 1, 1)
    return of


_exponentials = _of_objects("exp", math.exp)
_relus = _of_objects("relu", lambda a: 0 if a <= 0 else a)
_relus6 = _of_objects("relu6", lambda a: 6 if a >= 6 else 0 if a <= 0 else a)


def hard_sigmoid(x: Array) -> Array:
    """relu6(x + 3) / 6, elementwise: a sigmoid of straight lines, 0 up to −3 and 1 from 3 on.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the MobileNetV3 paper's section 5.2.

    >>> hard_sigmoid(np.array([-4.0, -1.5, 0.0, 3.0]))
    array([0.  , 0.25, 0.5 , 1.  ])
    """
    ACTIVATION.check("hard_sigmoid", x)
    return in_pieces(hard_sigmoid_unchecked, x)


def hard_sigmoid_unchecked(x: Array) -> Array:
    """`hard_sigmoid` of an array that is checked."""
    gate: Array = relu6_unchecked(x + 3) / 6
    return gate


def hard_sigmoid_backward(dy: Array, x: Array) -> Array:
    """The gradient of `hard_sigmoid`: dy / 6 where −3 < x < 3, else 0.

    dy and x have the same shape, or it is a ValueError.

    >>> hard_sigmoid_backward(np.array([3.0, 3.0, 3.0]), np.array([-3.0, 2.0, 3.0]))
    array([0. , 0.5, 0. ])
    """
    ACTIVATION.check("hard_sigmoid_backward", dy, x)
    return in_pieces(hard_sigmoid_backward_unchecked, dy, x)


def hard_sigmoid_backward_unchecked(dy: Array, x: Array) -> Array:
    """`hard_sigmoid_backward` of arrays that are checked."""
    return zero_where((x.real <= -3) | (x.real >= 3), dy / 6)


def hard_swish(x: Array) -> Array:
    """x · hard_sigmoid(x), elementwise: 0 up to −3, x from 3 on, and a parabola between them.

    x is an ndarray of floats (or of objects), of any shape; so is the result. Raises TypeError for anything else.
    Source: the MobileNetV3 paper's section 5.2.

    >>> hard_swish(np.array([-3.0, -1.5, 1.5, 3.0]))
    array([-0.   , -0.375,  1.125,  3.   ])
    """
    ACTIVATION.check("hard_swish", x)
    return in_pieces(hard_swish_unchecked, x)


def hard_swish_unchecked(x: Array) -> Array:
    """`hard_swish` of an array that is checked."""
    bounded: Array = np.maximum(x, -3) if x.dtype.kind == "f" else x  # −∞ · 0 would be NaN
    return bounded * hard_sigmoid_unchecked(x)


def hard_swish_backward(dy: Array, x: Array) -> Array:
    """The gradient of `hard_swish`: 0 where x ≤ −3, dy where x ≥ 3, and dy · (x/3 + 1/2) between them.

    dy and x have the same shape, or it is a ValueError.

    >>> hard_swish_backward(np.array([2.0, 2.0, 2.0, 2.0]), np.array([-3.0, -1.5, 0.0, 3.0]))
    array([0., 0., 1., 2.])
    """
    ACTIVATION.check("hard_swish_backward", dy, x)
    return in_pieces(hard_swish_backward_unchecked, dy, x)


def hard_swish_backward_unchecked(dy: Array, x: Array) -> Array:
    """`hard_swish_backward` of arrays that are checked."""
    if x.dtype.kind == "f":  # without a choice, which takes four times as long
        slope = np.clip(x, -3, 3) / 3 + 0.5
        slope -= np.multiply(x >= 3, slope.dtype.type(0.5))  # 3/2 is 1 there
    else:
        slope = np.where(x.real >= 3, np.ones((), x.dtype), x / 3 + 0.5)
    return zero_where(x.real <= -3, dy * slope)
