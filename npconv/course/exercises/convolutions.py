"""The convolutions as exercises: how a case is built from sizes, and the right answers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...kernels.geometry import Array
from .exercise import Case, Draw, Reference, Result, Size, Sizes
from .variants import Variant

BATCH = Size("batch", 1, (2, 3), "the batch has {} images")
CHANNELS = Size("channels", 1, (2, 3), "the input has {} channels")
FILTERS = Size("filters", 1, (2, 3), "there are {} filters")
MULTIPLIER = Size("multiplier", 1, (2, 3), "the depth multiplier is {}")
SPATIAL = (
    Size("output_height", 1, (2, 3), "the output has {} rows"),
    Size("output_width", 1, (2, 3), "the output has {} columns"),
    Size("kernel_height", 1, (2, 3), "the filter has {} rows"),
    Size("kernel_width", 1, (2, 3), "the filter has {} columns"),
    Size("stride_height", 1, (2, 3), "the stride along the height is {}"),
    Size("stride_width", 1, (2, 3), "the stride along the width is {}"),
    Size("top", 0, (1, 2), "the padding at the top is {}"),
    Size("bottom", 0, (1, 2), "the padding at the bottom is {}"),
    Size("left", 0, (1, 2), "the padding at the left is {}"),
    Size("right", 0, (1, 2), "the padding at the right is {}"),
    Size("spare_rows", 0, (1,), "the stride leaves {} input row over"),
    Size("spare_columns", 0, (1,), "the stride leaves {} input column over"),
)

_THREE = {"kernel_height": 3, "kernel_width": 3}
_AROUND = {"top": 1, "bottom": 1, "left": 1, "right": 1}
_MAP = {"output_height": 3, "output_width": 4}
_DEEP = {"batch": 2, "channels": 2, "filters": 3, "multiplier": 2}
_HALVED = {"stride_height": 2, "stride_width": 2}
EVERYDAY: Sizes = {**_THREE, **_AROUND, **_MAP, **_DEEP}  # 3×3, padding 1, stride 1
FURTHER: tuple[Sizes, ...] = (
    {**_THREE, **_AROUND},
    {**_THREE, **_AROUND, **_MAP},
    EVERYDAY,
    {**EVERYDAY, "defaults": 1},
    {**EVERYDAY, "integers": 1},
    {**EVERYDAY, "zeros": 1},
    {**EVERYDAY, "single": 1},
    {**EVERYDAY, "near": 4000, "quarters": 1},
    {**EVERYDAY, "near": 4000, "integers": 1},
    {**EVERYDAY, "output_width": 3, "channels": 3, "multiplier": 3},
    {**_THREE, **_HALVED, "bottom": 1, "right": 1, "output_height": 2, "output_width": 2},  # half as large as the input
    {**_THREE, **_HALVED, "bottom": 1, "right": 1, **_MAP, **_DEEP},
    {**_HALVED, **_MAP, **_DEEP, "spare_rows": 1, "spare_columns": 1},  # 1×1
    {"kernel_height": 2, "kernel_width": 2, "stride_height": 3, "stride_width": 3, "output_height": 2,
     "output_width": 2, "spare_rows": 2, "spare_columns": 2},
    {**_THREE, "stride_height": 3, "stride_width": 3, **_MAP, "top": 1, "right": 1, "spare_rows": 2,
     "spare_columns": 1},
    {**_THREE, "stride_height": 4, "stride_width": 5, "output_height": 2, "output_width": 2, "spare_rows": 3,
     "spare_columns": 2},
    {"batch": 4, "channels": 5, "filters": 4, "multiplier": 4, "kernel_width": 2, "output_height": 2},
    {"kernel_height": 5, "kernel_width": 4, "output_height": 2, "output_width": 3, "top": 2, "left": 1, "channels": 2},
    {"output_height": 5, "output_width": 4, "kernel_height": 2, "channels": 2},
    {"kernel_height": 2, "kernel_width": 2, "output_height": 6, "output_width": 7, "top": 3, "bottom": 3, "left": 3,
     "right": 3, "channels": 3},
    {"kernel_height": 4, "kernel_width": 5, "top": 2, "bottom": 2, "left": 2, "right": 2, "output_height": 2,
     "channels": 2},  # larger than the input
)  # fmt: skip


def input_sides(sizes: Sizes) -> tuple[int, int]:
    """Height and width of the input: what output, kernel, stride, padding and rows left over ask for, at least 1."""
    sides = []
    for axis, before, after, spare in (
        ("height", "top", "bottom", "spare_rows"),
        ("width", "left", "right", "spare_columns"),
    ):
        stride, kernel, pad = sizes[f"stride_{axis}"], sizes[f"kernel_{axis}"], sizes[before] + sizes[after]
        left_over = min(sizes[spare], stride - 1)
        needed = (sizes[f"output_{axis}"] - 1) * stride + kernel + left_over - pad
        while needed < 1:  # more output, so that a row of the input is left
            needed += stride
        sides.append(needed)
    return sides[0], sides[1]


def geometry(sizes: Sizes) -> dict[str, Any]:
    """stride and padding as the exercises take them: pairs of height and width."""
    return {
        "stride": (sizes["stride_height"], sizes["stride_width"]),
        "padding": ((sizes["top"], sizes["bottom"]), (sizes["left"], sizes["right"])),
    }


def output_sides(x: Array, kernel: Array, options: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width of the output."""
    (top_and_bottom, left_and_right), stride = options["padding"], options["stride"]
    height = (x.shape[1] + sum(top_and_bottom) - kernel.shape[0]) // stride[0] + 1
    return height, (x.shape[2] + sum(left_and_right) - kernel.shape[1]) // stride[1] + 1


def forward_reference(kernel: Callable[..., Array]) -> Reference:
    """The right answer of a convolution of npconv's, after the variant's own padding."""

    def reference(case: Case, variant: Variant) -> Result:
        x, *parameters = case.arrays.values()
        assert x is not None
        return (kernel(variant.padded(x, case.options["padding"]), *parameters, stride=case.options["stride"]),)

    return reference


def backward_reference(kernel: Callable[..., tuple[Array, ...]]) -> Reference:
    """The right gradients by npconv's backward, with dx sent back through the variant's padding."""

    def reference(case: Case, variant: Variant) -> Result:
        arrays: Any = case.arrays
        dy, x, *parameters = arrays.values()
        padding = case.options["padding"]
        padded, stride = variant.padded(x, padding), case.options["stride"]
        height, width = (  # what the positions of dy read: with a mistaken stride less than there is, or more
            (size - 1) * step + length
            for size, step, length in zip(dy.shape[1:3], stride, parameters[0].shape, strict=False)
        )
        read, *others = kernel(dy, padded[:, :height, :width], *parameters, stride=stride)
        dpadded = np.zeros((*padded.shape[:3], read.shape[3]), read.dtype)
        dpadded[:, :height, :width] = read
        return (variant.unpadded(dpadded, padding), *others)

    return reference


def standard_case(sizes: Sizes, draw: Draw) -> Case:
    """A standard convolution's x (B, Dᵤ, Dᵤ, M) and kernel (Dᵣ, Dᵣ, M, N)."""
    x = draw(sizes["batch"], *input_sides(sizes), sizes["channels"])
    kernel = draw(sizes["kernel_height"], sizes["kernel_width"], sizes["channels"], sizes["filters"])
    return Case({"x": x, "kernel": kernel}, geometry(sizes), sizes)


def depthwise_case(sizes: Sizes, draw: Draw) -> Case:
    """A depthwise convolution's x (B, Dᵤ, Dᵤ, M) and kernel (Dᵣ, Dᵣ, M·Q)."""
    x = draw(sizes["batch"], *input_sides(sizes), sizes["channels"])
    kernel = draw(sizes["kernel_height"], sizes["kernel_width"], sizes["channels"] * sizes["multiplier"])
    return Case({"x": x, "kernel": kernel}, geometry(sizes), sizes)


def separable_case(sizes: Sizes, draw: Draw) -> Case:
    """A separable convolution's x (B, Dᵤ, Dᵤ, M), depthwise (Dᵣ, Dᵣ, M·Q) and pointwise (M·Q, N)."""
    case = depthwise_case(sizes, draw)
    pointwise = draw(sizes["channels"] * sizes["multiplier"], sizes["filters"])
    return Case(
        {"x": case.arrays["x"], "depthwise": case.arrays["kernel"], "pointwise": pointwise}, case.options, sizes
    )


def with_upstream(
    build: Callable[[Sizes, Draw], Case], channels: Callable[[Case], int]
) -> Callable[[Sizes, Draw], Case]:
    """The same case for backward: a drawn dy in front, of the output's shape with that many channels."""

    def backward_case(sizes: Sizes, draw: Draw) -> Case:
        case = build(sizes, draw)
        x, spatial = list(case.arrays.values())[:2]
        assert x is not None
        assert spatial is not None
        dy = draw(x.shape[0], *output_sides(x, spatial, case.options), channels(case))
        return Case({"dy": dy, **case.arrays}, case.options, sizes)

    return backward_case
