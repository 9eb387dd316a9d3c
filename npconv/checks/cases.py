"""Constructed convolutions: shapes and geometry that are sure to fit, and to tell height from width and M from N.

Nothing is drawn and then thrown away. The output size, the kernel, the stride, the dilation, the padding and what a
stride leaves over are chosen, and the input follows from them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ..kernels.geometry import Array
from ..kernels.grouped import grouped_conv2d, grouped_conv2d_backward
from ..kernels.pointwise import pointwise_conv2d, pointwise_conv2d_backward
from ..kernels.separable import depthwise_separable_conv2d, depthwise_separable_conv2d_backward
from ..kernels.standard import conv2d, conv2d_backward

Choose = Callable[[int, int], int]

OPERATIONS: dict[str, tuple[Callable[..., Array], Callable[..., tuple[Array, ...]]]] = {
    "conv2d": (conv2d, conv2d_backward),
    "depthwise_conv2d": (depthwise_conv2d, depthwise_conv2d_backward),
    "grouped_conv2d": (grouped_conv2d, grouped_conv2d_backward),
    "pointwise_conv2d": (pointwise_conv2d, pointwise_conv2d_backward),
    "depthwise_separable_conv2d": (depthwise_separable_conv2d, depthwise_separable_conv2d_backward),
}
"""The sums of products, forward and backward, by name."""


@dataclass(frozen=True)
class Case:
    """One call of a convolution: the shapes of its arrays by name, x first, its geometry, and its output's shape."""

    operation: str
    shapes: Mapping[str, tuple[int, ...]]
    geometry: dict[str, Any]
    output_shape: tuple[int, ...]

    def arrays(self, seed: int, dtype: Any = np.float64) -> list[Array]:
        """The arrays, of small whole numbers: their sums are exact in any order, in float32 too."""
        rng = np.random.default_rng(seed)
        return [rng.integers(-4, 5, shape).astype(dtype) for shape in self.shapes.values()]

    def upstream(self, seed: int, dtype: Any = np.float64) -> Array:
        """A random dy of small whole numbers."""
        return np.random.default_rng([seed, 1]).integers(-4, 5, self.output_shape).astype(dtype)


def convolution_case(choose: Choose, operation: str = "conv2d") -> Case:
    """Construct a case of one of `OPERATIONS`, with choose(low, high) to draw each whole number, both ends included.

    Input height and width differ, so do M and N, and the batch is above one. Stride, dilation, kernel and padding are
    drawn apart for height and width, in every form that the kernels take, and a stride may leave rows over.

    Raises ValueError where the operation has another name.

    >>> import random
    >>> case = convolution_case(random.Random(0).randint)
    >>> conv2d(*case.arrays(seed=0), **case.geometry).shape == case.output_shape
    True
    """
    if operation not in OPERATIONS:
        raise ValueError(f"convolution_case: operation must be one of {', '.join(OPERATIONS)}; got {operation!r}")
    batch, m = choose(2, 3), choose(1, 3)
    n = choose(1, 3)
    n += n >= m
    if operation == "pointwise_conv2d":
        height, width = choose(1, 4), choose(1, 4)
        width += width >= height
        x = (batch, height, width, m)
        return Case(operation, {"x": x, "kernel": (m, n)}, {}, (*x[:3], n))
    (input_sides, kernel_sides, output_sides), geometry = _spatial(choose)
    if operation == "grouped_conv2d":
        groups = choose(1, 3)
        grouped = {"x": (batch, *input_sides, m * groups), "kernel": (*kernel_sides, m, n * groups)}
        return Case(operation, grouped, {"groups": groups, **geometry}, (batch, *output_sides, n * groups))
    x = (batch, *input_sides, m)
    if operation == "conv2d":
        return Case(operation, {"x": x, "kernel": (*kernel_sides, m, n)}, geometry, (batch, *output_sides, n))
    wide = m * choose(1, 3)
    if operation == "depthwise_conv2d":
        return Case(operation, {"x": x, "kernel": (*kernel_sides, wide)}, geometry, (batch, *output_sides, wide))
    separable: dict[str, tuple[int, ...]] = {"x": x, "depthwise": (*kernel_sides, wide), "pointwise": (wide, n)}
    return Case(operation, separable, geometry, (batch, *output_sides, n))


def _spatial(choose: Choose) -> tuple[list[tuple[int, int]], dict[str, Any]]:
    """((input sides, kernel sides, output sides), geometry)."""
    strides = _pair(choose, 1, 3)
    dilations = _pair(choose, 1, 3)
    kernels = (choose(1, 3), choose(1, 3))
    form = choose(0, 4)
    if form == 0:
        padding: Any = "valid"
        pads = [(0, 0), (0, 0)]
    elif form == 1:
        padding = "same"
        pads = []
    elif form == 2:
        padding = choose(0, 2)
        pads = [(padding, padding)] * 2
    elif form == 3:
        padding = (choose(0, 2), choose(0, 2))
        pads = [(p, p) for p in padding]
    else:
        padding = ((choose(0, 2), choose(0, 2)), (choose(0, 2), choose(0, 2)))
        pads = list(padding)
    sides: list[tuple[int, int, int]] = []
    for axis, (stride, dilation, kernel) in enumerate(zip(_both(strides), _both(dilations), kernels, strict=True)):
        output, left_over = choose(1, 3), choose(0, stride - 1)
        if padding == "same":
            needed = (output - 1) * stride + 1 + left_over  # ⌈needed / stride⌉ is output
        else:
            span = dilation * (kernel - 1) + 1
            pad = sum(pads[axis])
            output = max(output, -(-(pad + 1 - span - left_over) // stride) + 1)  # at least one row that is no padding
            needed = (output - 1) * stride + span + left_over - pad
        if sides and sides[0][0] == needed:
            needed, output = needed + stride, output + 1  # height and width differ
        sides.append((needed, kernel, output))
    (height, kernel_height, output_height), (width, kernel_width, output_width) = sides
    shapes = [(height, width), (kernel_height, kernel_width), (output_height, output_width)]
    return shapes, {"stride": strides, "padding": padding, "dilation": dilations}


def _pair(choose: Choose, low: int, high: int) -> int | tuple[int, int]:
    """An int, or a pair of them."""
    first = choose(low, high)
    return first if choose(0, 2) == 0 else (first, choose(low, high))


def _both(pair: int | tuple[int, int]) -> tuple[int, int]:
    return pair if isinstance(pair, tuple) else (pair, pair)
