"""Constructed convolutions: shapes and geometry that are sure to fit, and to tell height from width and M from N.

Nothing is drawn and then thrown away. The output size, the kernel, the stride, the dilation, the padding and what a
stride leaves over are chosen, and the input follows from them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..kernels.arguments import LARGEST_SEED, boolean, callables, generator, integer, one_of
from ..kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ..kernels.flattened import (
    flattened_conv2d,
    flattened_conv2d_backward,
    spatially_separable_conv2d,
    spatially_separable_conv2d_backward,
)
from ..kernels.geometry import Array
from ..kernels.grouped import grouped_conv2d, grouped_conv2d_backward
from ..kernels.pointwise import pointwise_conv2d, pointwise_conv2d_backward
from ..kernels.separable import depthwise_separable_conv2d, depthwise_separable_conv2d_backward
from ..kernels.shuffle import shuffled_grouped_conv2d, shuffled_grouped_conv2d_backward
from ..kernels.signatures import SIGNATURES, shape_of
from ..kernels.standard import conv2d, conv2d_backward
from ..kernels.standard3d import conv3d, conv3d_backward
from ..kernels.transposed import transposed_conv2d, transposed_conv2d_backward

Choose = Callable[[int, int], int]

OPERATIONS: dict[str, tuple[Callable[..., Array], Callable[..., tuple[Array, ...]]]] = {
    "conv2d": (conv2d, conv2d_backward),
    "depthwise_conv2d": (depthwise_conv2d, depthwise_conv2d_backward),
    "grouped_conv2d": (grouped_conv2d, grouped_conv2d_backward),
    "pointwise_conv2d": (pointwise_conv2d, pointwise_conv2d_backward),
    "depthwise_separable_conv2d": (depthwise_separable_conv2d, depthwise_separable_conv2d_backward),
    "transposed_conv2d": (transposed_conv2d, transposed_conv2d_backward),
    "spatially_separable_conv2d": (spatially_separable_conv2d, spatially_separable_conv2d_backward),
    "flattened_conv2d": (flattened_conv2d, flattened_conv2d_backward),
    "shuffled_grouped_conv2d": (shuffled_grouped_conv2d, shuffled_grouped_conv2d_backward),
    "conv3d": (conv3d, conv3d_backward),
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
        rng = generator("Case.arrays", seed)
        return [rng.integers(-4, 5, shape).astype(dtype) for shape in self.shapes.values()]

    def upstream(self, seed: int, dtype: Any = np.float64) -> Array:
        """A random dy of small whole numbers."""
        seed = integer("Case.upstream", "seed", seed, 0, LARGEST_SEED)
        return np.random.default_rng([seed, 1]).integers(-4, 5, self.output_shape).astype(dtype)


def convolution_case(
    choose: Choose, operation: str = "conv2d", *, explicit: bool = False, uneven: bool = False
) -> Case:
    """Construct a case of one of `OPERATIONS`, with choose(low, high) to draw each whole number, both ends included.

    Input height and width differ, so do M and N, and the batch is above one; a depth differs from both. Stride,
    dilation, kernel and padding are drawn apart for each axis, in every form that the kernels take, and a stride may
    leave rows over. With explicit=True the geometry is that of `explicit_geometry`: numbers for each axis, for kernels
    that take nothing else; with uneven=True the padding before and after each axis differs.

    Raises ValueError where the operation has another name.

    >>> import random
    >>> case = convolution_case(random.Random(0).randint)
    >>> conv2d(*case.arrays(seed=0), **case.geometry).shape == case.output_shape
    True
    """
    callables("convolution_case", choose=choose)
    one_of("convolution_case", "operation", operation, OPERATIONS)
    boolean("convolution_case", "explicit", explicit)
    boolean("convolution_case", "uneven", uneven)
    batch, m = choose(2, 3), choose(1, 3)
    n = choose(1, 3)
    n += n >= m
    if operation == "pointwise_conv2d":
        height, width = choose(1, 4), choose(1, 4)
        width += width >= height
        return _case(operation, batch, [(height, width), (1, 1), (height, width)], m, n, {})
    sides, geometry = _spatial(choose, 3 if operation == "conv3d" else 2, uneven)
    if operation == "transposed_conv2d":
        sides, geometry = _turned_round(sides, geometry)
    times = choose(1, 3) if _has(operation, "M·Q") or _has(operation, "M/groups") else 1
    case = _case(operation, batch, sides, m, n, geometry, times)
    return replace(case, geometry=explicit_geometry(case)) if explicit else case


WIDE = (
    (2, (12, 13), 1, 2, 3),
    (2, (24, 25), 1, 9, 3),
    (2, (25, 24), 9, 16, 3),
    (2, (24, 25), 17, 32, 3),
    (2, (25, 24), 32, 17, 3),
    (2, (24, 25), 9, 10, 5),
    (16, (12, 13), 9, 10, 3),
)
"""Batch, height and width, M, N, and the kernel's side: sizes at which inference runtimes transform convolutions."""


def fixed_cases(operation: str) -> list[Case]:
    """Cases so wide that inference runtimes transform them, where they do, and two on which some are wrong.

    `WIDE` at stride 1, as large as their inputs: docs/checking.md says which runtime begins where. Then padding behind
    a 1×1 filter, and a map of width 1. A volume is 3 deep, and 2 in the last two.
    """
    cases, times = [], 2 if _has(operation, "M/groups") else 1
    pointwise, volume = operation == "pointwise_conv2d", operation == "conv3d"

    def add(batch: int, sides: list[tuple[int, ...]], m: int, n: int, **geometry: Any) -> None:
        sides = sides[::-1] if operation == "transposed_conv2d" else sides
        cases.append(_case(operation, batch, sides, m, n, {} if pointwise else geometry, times))

    for batch, sides, m, n, side in WIDE:
        inputs, kernel = (3,) * volume + sides, (side,) * (2 + volume)
        add(batch, [inputs, kernel, inputs], m, n, stride=1, padding=side // 2, dilation=1)
    deep = (2,) * volume
    if not pointwise:
        padding, outputs = ((0, 1),) * (2 + volume), (3,) * volume + (6, 5)
        add(2, [(*deep, 5, 4), (1,) * (2 + volume), outputs], 3, 4, stride=1, padding=padding, dilation=1)
    outputs, strides = (7, 1) if pointwise else (*deep, 4, 1), (1,) * volume + (2, 1)
    add(2, [(*deep, 7, 1), (3,) * (2 + volume), outputs], 3, 2, stride=strides, padding=(1,) * (2 + volume), dilation=1)
    return cases


def explicit_geometry(case: Case) -> dict[str, Any]:
    """A case's geometry in numbers: stride and dilation (height, width), padding ((top, bottom), (left, right)).

    Those of a volume have its depth in front.

    >>> import random
    >>> case = convolution_case(random.Random(0).randint)
    >>> case.geometry["padding"], explicit_geometry(case)["padding"]
    ('same', ((1, 1), (2, 2)))
    """
    if not case.geometry:
        return {}
    spatial = {name: value for name, value in case.geometry.items() if name != "groups"}
    checked = SIGNATURES[case.operation].check_shapes("explicit_geometry", *case.shapes.values())
    transposed = case.operation == "transposed_conv2d"
    axes = checked.transposed_axes(**spatial) if transposed else checked.axes(**spatial)
    numbers = {
        "stride": tuple(axis.stride for axis in axes),
        "padding": tuple((axis.before, axis.after) for axis in axes),
        "dilation": tuple(axis.dilation for axis in axes),
    }
    if transposed:
        numbers["output_padding"] = tuple(axis.padded - (axis.output - 1) * axis.stride - axis.span for axis in axes)
    return case.geometry | numbers


def _case(
    operation: str,
    batch: int,
    sides: list[tuple[int, ...]],
    m: int,
    n: int,
    geometry: dict[str, Any],
    times: int = 1,
) -> Case:
    """A case from its numbers: sides of input, kernel and output; times is a depth multiplier or a number of groups."""
    row, (inputs, kernels, outputs) = SIGNATURES[operation], sides
    if _has(operation, "M/groups"):
        m, n, geometry = m * times, n * times, {"groups": times, **geometry}
    sizes = {"B": batch, "Dᵤ": inputs, "Dᵣ": kernels, "Dᵥ": outputs, "M": m, "N": n}
    sizes |= {"M·Q": m * times, "M/groups": m // times}
    return Case(operation, row.shapes(sizes), geometry, shape_of(row.y, sizes))


def _has(operation: str, symbol: str) -> bool:
    """True where an axis of one of the operation's arrays is that symbol."""
    return any(symbol in symbols for symbols in SIGNATURES[operation].symbols.values())


def _spatial(choose: Choose, axes: int, uneven: bool) -> tuple[list[tuple[int, ...]], dict[str, Any]]:
    """((input sides, kernel sides, output sides), geometry)."""
    strides = _by_axis(choose, 1, 3, axes)
    dilations = _by_axis(choose, 1, 3, axes)
    kernels = _each(choose, 1, 3, axes)
    form = 5 if uneven else choose(0, 4)
    if form == 0:
        padding: Any = "valid"
        pads = [(0, 0)] * axes
    elif form == 1:
        padding = "same"
        pads = []
    elif form == 2:
        padding = choose(0, 2)
        pads = [(padding, padding)] * axes
    elif form == 3:
        padding = _each(choose, 0, 2, axes)
        pads = [(p, p) for p in padding]
    else:
        sides = [(choose(0, 2), choose(0, 1 if uneven else 2)) for _ in range(axes)]
        pads = [(before, after + (uneven and after >= before)) for before, after in sides]
        padding = tuple(pads)
    found: list[tuple[int, int, int]] = []
    for axis, (stride, dilation, kernel) in enumerate(
        zip(_all(strides, axes), _all(dilations, axes), kernels, strict=True)
    ):
        output, left_over = choose(1, 3), choose(0, stride - 1)
        if padding == "same":
            needed = (output - 1) * stride + 1 + left_over  # ⌈needed / stride⌉ is output
        else:
            span = dilation * (kernel - 1) + 1
            pad = sum(pads[axis])
            output = max(output, -(-(pad + 1 - span - left_over) // stride) + 1)  # at least one row that is no padding
            needed = (output - 1) * stride + span + left_over - pad
        while any(needed == other for other, *_ in found):
            needed, output = needed + stride, output + 1  # height and width differ
        found.append((needed, kernel, output))
    return [*zip(*found, strict=True)], {"stride": strides, "padding": padding, "dilation": dilations}


def _turned_round(
    sides: list[tuple[int, ...]], geometry: dict[str, Any]
) -> tuple[list[tuple[int, ...]], dict[str, Any]]:
    """The sides and the geometry of the transposed convolution that goes back from a convolution's output."""
    (height, width), kernels, (rows, columns) = sides
    strides, dilations = (_all(geometry[name], 2) for name in ("stride", "dilation"))
    if same := geometry["padding"] == "same":
        height, width = rows * strides[0], columns * strides[1]
    while rows == columns or height == width:
        columns, width = columns + 1, width + strides[1]
    if not same:
        pads = _all(0 if geometry["padding"] == "valid" else geometry["padding"], 2)
        axes = zip((height, width), kernels, strides, dilations, pads, (rows, columns), strict=True)
        geometry = geometry | {
            "output_padding": tuple(
                size + (2 * pad if isinstance(pad, int) else sum(pad)) - (output - 1) * s - δ * (k - 1) - 1
                for size, k, s, δ, pad, output in axes
            )
        }
    return [(rows, columns), kernels, (height, width)], geometry


def _by_axis(choose: Choose, low: int, high: int, axes: int) -> int | tuple[int, ...]:
    """An int, or one for each axis."""
    first = choose(low, high)
    return first if choose(0, 2) == 0 else (first, *_each(choose, low, high, axes - 1))


def _each(choose: Choose, low: int, high: int, axes: int) -> tuple[int, ...]:
    """An int for each axis."""
    return tuple(choose(low, high) for _ in range(axes))


def _all(numbers: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return numbers if isinstance(numbers, tuple) else (numbers,) * axes
