"""Squeeze-and-excite: each channel times a gate between 0 and 1, computed from the means of all channels.

pooled = mean over height and width of x         (B, M)
gate = hard_sigmoid(relu(pooled @ reduce + reduce_bias) @ expand + expand_bias)
y[b, v, w, m] = x[b, v, w, m] · gate[b, m]
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .activations import (
    hard_sigmoid_backward_unchecked,
    hard_sigmoid_unchecked,
    relu_backward_unchecked,
    relu_unchecked,
)
from .geometry import Array
from .head import global_average_pool, global_average_pool_backward
from .pointwise import pointwise_backward_unchecked, pointwise_unchecked
from .signatures import SQUEEZE_EXCITE
from .sums import channel_sums, image_sums, rounded, wider


class SqueezeExciteStages(NamedTuple):
    """The stages of squeeze-and-excite, in order."""

    pooled: Array  # (B, M)
    reduced: Array  # (B, S)
    reduced_relu: Array  # (B, S)
    expanded: Array  # (B, M)
    gate: Array  # (B, M), between 0 and 1
    output: Array  # (B, Dᵤ, Dᵤ, M)


def squeeze_excite_stages(
    x: Array, reduce: Array, reduce_bias: Array, expand: Array, expand_bias: Array
) -> SqueezeExciteStages:
    """All stages of squeeze-and-excite, by name. Arguments and errors as in `squeeze_excite`.

    >>> x, reduce, expand = np.ones((2, 4, 5, 8)), np.ones((8, 2)), np.zeros((2, 8))
    >>> stages = squeeze_excite_stages(x, reduce, np.ones(2), expand, np.zeros(8))
    >>> stages.reduced[0], stages.gate[0, :3]
    (array([9., 9.]), array([0.5, 0.5, 0.5]))
    """
    SQUEEZE_EXCITE.check("squeeze_excite_stages", x, reduce, reduce_bias, expand, expand_bias)
    return excite_stages(x, reduce, reduce_bias, expand, expand_bias)


def excite_stages(
    x: Array, reduce: Array, reduce_bias: Array, expand: Array, expand_bias: Array
) -> SqueezeExciteStages:
    """The stages of squeeze-and-excite whose arguments are checked."""
    pooled = global_average_pool(x)  # (B, M)
    reduced, reduced_relu, expanded, gate = gates(pooled, reduce, reduce_bias, expand, expand_bias)
    return SqueezeExciteStages(pooled, reduced, reduced_relu, expanded, gate, x * gate[:, None, None, :])


def gates(
    pooled: Array, reduce: Array, reduce_bias: Array, expand: Array, expand_bias: Array
) -> tuple[Array, Array, Array, Array]:
    """The stages from the means to the gates."""
    reduced = pointwise_unchecked(pooled, reduce) + reduce_bias  # (B, M) @ (M, S)
    reduced_relu = relu_unchecked(reduced)  # (B, S)
    expanded = pointwise_unchecked(reduced_relu, expand) + expand_bias  # (B, S) @ (S, M)
    return reduced, reduced_relu, expanded, hard_sigmoid_unchecked(expanded)


def squeeze_excite(x: Array, reduce: Array, reduce_bias: Array, expand: Array, expand_bias: Array) -> Array:
    """Squeeze-and-excite: global average pool, dense, ReLU, dense, hard-sigmoid, and x times the result by channel.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M), floats.
        reduce: the first dense layer's kernel, (M, S), and `reduce_bias` its bias, (S,).
        expand: the second dense layer's kernel, (S, M), and `expand_bias` its bias, (M,).

    Returns:
        y, shaped like x: channel m of image b is multiplied by the gate [b, m], between 0 and 1.

    Raises:
        TypeError: an argument is not an ndarray of floats.
        ValueError: shapes that don't fit one another.

    Source: the MobileNetV3 paper's sections 5.2 and 5.3, with S a quarter of M; any S will do here.
    `squeeze_excite_stages` gives its stages.

    >>> x, reduce, expand = np.ones((2, 4, 5, 8)), np.ones((8, 2)), np.zeros((2, 8))
    >>> squeeze_excite(x, reduce, np.zeros(2), expand, np.full(8, 1.5))[0, 0, 0, :3]
    array([0.75, 0.75, 0.75])
    """
    SQUEEZE_EXCITE.check("squeeze_excite", x, reduce, reduce_bias, expand, expand_bias)
    return excite_stages(x, reduce, reduce_bias, expand, expand_bias).output


def squeeze_excite_backward(
    dy: Array, x: Array, reduce: Array, reduce_bias: Array, expand: Array, expand_bias: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """The gradients of `squeeze_excite`: dx, dreduce, dreduce_bias, dexpand and dexpand_bias.

    dy is shaped like x; the rest is what forward took, and so are the errors. x reaches the output on two ways, as the
    factor of the gate and through the gate, so dx is a sum of two. Intermediate values are recomputed.

    >>> x, reduce, expand = np.ones((2, 4, 5, 8)), np.ones((8, 2)), np.zeros((2, 8))
    >>> gradients = squeeze_excite_backward(np.ones((2, 4, 5, 8)), x, reduce, np.zeros(2), expand, np.zeros(8))
    >>> [gradient.shape for gradient in gradients]
    [(2, 4, 5, 8), (8, 2), (2,), (2, 8), (8,)]
    """
    SQUEEZE_EXCITE.check("squeeze_excite_backward", dy, x, reduce, reduce_bias, expand, expand_bias)
    stages = excite_stages(x, reduce, reduce_bias, expand, expand_bias)
    return squeeze_excite_backward_from_stages(dy, x, reduce, expand, stages)


def squeeze_excite_backward_from_stages(
    dy: Array, x: Array, reduce: Array, expand: Array, stages: SqueezeExciteStages
) -> tuple[Array, Array, Array, Array, Array]:
    """The gradients of `squeeze_excite` from its stages, of arrays that are checked."""
    dgate = rounded(_summed(image_sums, wider(dy) * x, (1, 2)), dy, x)  # (B, M)
    dexpanded = hard_sigmoid_backward_unchecked(dgate, stages.expanded)  # (B, M)
    dreduced_relu, dexpand = pointwise_backward_unchecked(dexpanded, stages.reduced_relu, expand)
    dreduced = relu_backward_unchecked(dreduced_relu, stages.reduced)  # (B, S)
    dpooled, dreduce = pointwise_backward_unchecked(dreduced, stages.pooled, reduce)
    dx = dy * stages.gate[:, None, None, :] + global_average_pool_backward(dpooled, x)  # (B, Dᵤ, Dᵤ, M)
    return dx, dreduce, _summed(channel_sums, dreduced, 0), dexpand, _summed(channel_sums, dexpanded, 0)


def _summed(sums: Callable[[Array], Array], a: Array, axes: int | tuple[int, ...]) -> Array:
    """The sums of a over axes, in a's dtype; objects are no floats, which `sums` needs."""
    return np.asarray(a.sum(axis=axes)) if a.dtype.kind == "O" else rounded(sums(a), a)
