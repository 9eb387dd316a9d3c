"""Stepping through the separable convolution and its two halves: depthwise, pointwise, one after the other."""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ...cost import (
    conv2d_cost,
    cost_ratio,
    depthwise_conv2d_cost,
    depthwise_separable_conv2d_cost,
    pointwise_conv2d_cost,
)
from ...kernels.depthwise import depthwise_conv2d
from ...kernels.geometry import Array, Padding, Pair
from ...kernels.pointwise import pointwise_conv2d
from ...kernels.signatures import DEPTHWISE, POINTWISE, SEPARABLE, STANDARD
from ...text import counted, shape_text
from .plan import Multiplications, PanelSet, Plan, geometry_text, input_panel, matrix_panel, spatial_panel, volume_panel
from .sizes import NAME, Given, GivenArrays, count_of, fits_steps, fitting, kernel_sides
from .standard import FILTERS
from .step import Step

COMPARED = 3  # the side of the standard filters that a pointwise convolution is compared with, as in the article


def depthwise(
    *,
    x: Given = (5, 6, 3),
    kernel: Pair | Array = 3,
    depth_multiplier: int | None = None,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    seed: int = 0,
) -> Plan:
    """One value of the output a step, in the order of `depthwise_conv2d_loops`: a channel's patch times its own filter.

    The page compares with a standard convolution with as many output channels, whose values sum over all channels.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (Dᵣ, Dᵣ, M·Q), or its sides with depth_multiplier
    for Q, 1 unless given; stride, padding, dilation as in `conv2d`; seed: of the random numbers. Raises as `stepper`.
    Source: the article's Fig. 4(b).

    >>> print(next(depthwise(x=(2, 3, 2), kernel=2).walk()))
    y[0, 0, 0, 0] = 2·0 + 0·1 + (−3)·0 + (−2)·0 = 0
    """
    arrays = GivenArrays(seed)
    x = arrays.volume("x", x)
    m, q = x.shape[-1], count_of("depth_multiplier", depth_multiplier, 1)
    given, sides = (kernel, 3) if isinstance(kernel, np.ndarray) else (None, kernel)
    shape = (*kernel_sides(sides), m * q)
    kernel = arrays.kernel("kernel", given, shape, channel_axes=1, depth_multiplier=depth_multiplier)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    g = fitting(DEPTHWISE, x, kernel, **geometry)
    wide = kernel.shape[-1]
    cost = depthwise_conv2d_cost(x.shape, kernel.shape, **geometry)
    standard = conv2d_cost(x.shape, (*kernel.shape[:2], m, wide), **geometry).macs
    values = prod(cost.output_shape)
    fits_steps(values, cost.macs)
    table = PanelSet(
        input_panel(x, g),
        spatial_panel("kernel", counted("filter", wide), kernel, "channel"),
        volume_panel("y", "output", depthwise_conv2d(x, kernel, **geometry), "depthwise"),
    )

    def walk() -> Iterator[Step]:
        count = Multiplications({"depthwise": cost.macs, "standard": standard})
        return table.depthwise(g, "x", "kernel", "y", count, standard // values)

    summary = (
        f"Each channel of an input of {shape_text(x.shape[1:])} is filtered by {counted('filter', wide // m)} of its "
        f"own, {shape_text(kernel.shape[:2])}, into an output of {shape_text(cost.output_shape[1:])}; "
        f"{geometry_text(g, padding)}."
    )
    return Plan("Depthwise convolution, one value at a time", summary, table.panels, walk, geometry)


def pointwise(
    *, x: Given = (3, 4, 3), kernel: Array | None = None, out_channels: int | None = None, seed: int = 0
) -> Plan:
    """One value of the output a step, in the order of `pointwise_conv2d_loops`: a weighted sum of the channels.

    The page compares with a standard convolution with as many filters of 3×3 and "same" padding.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (M, N), or out_channels for N, 4 unless given;
    seed: of the random numbers. Raises as `stepper`. Source: the article's Fig. 4(c).

    >>> print(next(pointwise(x=(1, 1, 3)).walk()))
    y[0, 0, 0, 0] = 2·(−1) + 1·(−1) + 0·1 = −3
    """
    arrays = GivenArrays(seed)
    x = arrays.volume("x", x)
    shape = (x.shape[-1], count_of("out_channels", out_channels, FILTERS))
    kernel = arrays.kernel("kernel", kernel, shape, out_channels=out_channels)
    POINTWISE.check(NAME, x, kernel)
    m, n = kernel.shape
    cost = pointwise_conv2d_cost(x.shape, kernel.shape)
    standard = conv2d_cost(x.shape, (COMPARED, COMPARED, m, n), padding="same").macs
    values = prod(cost.output_shape)
    fits_steps(values, cost.macs)
    table = PanelSet(
        input_panel(x, STANDARD.check_shapes(NAME, x.shape, (1, 1, m, n)).geometry()),
        matrix_panel("kernel", counted("filter", n), kernel),
        volume_panel("y", "output", pointwise_conv2d(x, kernel), "output"),
    )

    def walk() -> Iterator[Step]:
        count = Multiplications({"pointwise": cost.macs, "standard, 3×3": standard})
        return table.pointwise("x", "kernel", "y", count, standard // values)

    summary = (
        f"At every place of an input of {shape_text(x.shape[1:])}, {counted('filter', n)} of 1×1×{m} mix the channels "
        f"into an output of {shape_text(cost.output_shape[1:])}."
    )
    return Plan("Pointwise convolution, one value at a time", summary, table.panels, walk, {})


def separable(
    *,
    x: Given = (5, 6, 3),
    kernel: Pair | None = None,
    depth_multiplier: int | None = None,
    out_channels: int | None = None,
    depthwise: Array | None = None,
    pointwise: Array | None = None,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    seed: int = 0,
) -> Plan:
    """First the depthwise stage, which fills the filtered maps, then the pointwise stage, which fills the output.

    The page compares with the standard convolution with the factored kernel, whose output is the same, after as many
    values of the output; during the depthwise stage it does nothing.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); depthwise and pointwise: arrays (Dᵣ, Dᵣ, M·Q) and (M·Q, N), or the
    sides kernel, depth_multiplier Q and out_channels N, 3×3, 1 and 4 unless given; stride, padding, dilation as in
    `conv2d`; seed: of the random numbers. Raises as `stepper`. Source: the article's Fig. 4 and Fig. 5.

    >>> for step in separable(x=(2, 2, 1), kernel=2, out_channels=4).walk():
    ...     print(step)
    filtered[0, 0, 0, 0] = 2·(−1) + 1·(−1) + 0·(−1) + (−2)·(−1) = −1
    y[0, 0, 0, 0] = (−1)·(−1) = 1
    y[0, 0, 0, 1] = (−1)·1 = −1
    y[0, 0, 0, 2] = (−1)·0 = 0
    y[0, 0, 0, 3] = (−1)·1 = −1; in all 8 multiplications instead of 16, 1/2 of them
    """
    arrays = GivenArrays(seed)
    x = arrays.volume("x", x)
    m, q = x.shape[-1], count_of("depth_multiplier", depth_multiplier, 1)
    shape = (*kernel_sides(3 if kernel is None else kernel), m * q)
    decides = {"kernel": kernel, "depth_multiplier": depth_multiplier}
    depthwise = arrays.kernel("depthwise", depthwise, shape, channel_axes=1, **decides)
    mixing = (depthwise.shape[-1], count_of("out_channels", out_channels, FILTERS))
    pointwise = arrays.kernel("pointwise", pointwise, mixing, out_channels=out_channels)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    g = fitting(SEPARABLE, x, depthwise, pointwise, **geometry)
    wide, n = pointwise.shape
    cost = depthwise_separable_conv2d_cost(x.shape, depthwise.shape, pointwise.shape, **geometry)
    standard = conv2d_cost(x.shape, (*depthwise.shape[:2], m, n), **geometry).macs
    outputs = prod(cost.output_shape)
    fits_steps(prod(g.output) * wide + outputs, cost.macs)
    filtered = depthwise_conv2d(x, depthwise, **geometry)
    table = PanelSet(
        input_panel(x, g),
        spatial_panel("depthwise", counted("depthwise filter", wide), depthwise, "channel"),
        volume_panel("filtered", "output of depthwise", filtered, "depthwise"),
        matrix_panel("pointwise", counted("pointwise filter", n), pointwise),
        volume_panel("y", "output of pointwise", pointwise_conv2d(filtered, pointwise), "output"),
    )
    ratio = cost_ratio(depthwise.shape[:2], n, depth_multiplier=wide // m)
    in_all = f"; in all {cost.macs:,} multiplications instead of {standard:,}, {ratio} of them"

    def walk() -> Iterator[Step]:
        count = Multiplications({"depthwise separable": cost.macs, "standard": standard})
        yield from table.depthwise(g, "x", "depthwise", "filtered", count, 0, "depthwise")
        for step in table.pointwise("filtered", "pointwise", "y", count, standard // outputs, "pointwise"):
            last = all(side.done == side.total for side in step.sides)
            ended = {name: getattr(step, name) + in_all for name in ("sentence", "template")} if last else {}
            yield replace(step, **ended)

    summary = (
        f"{counted('depthwise filter', wide)} of {shape_text(depthwise.shape[:2])} and "
        f"{counted('pointwise filter', n)} of 1×1×{wide} turn an input of {shape_text(x.shape[1:])} into an output of "
        f"{shape_text(cost.output_shape[1:])}; {geometry_text(g, padding)}."
    )
    return Plan("Depthwise separable convolution, stage by stage", summary, table.panels, walk, geometry)
