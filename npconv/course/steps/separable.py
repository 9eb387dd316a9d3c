"""Stepping through the separable convolution and its two halves: depthwise, pointwise, one after the other."""

from collections.abc import Iterator
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
from ...kernels.geometry import Array, Padding, Pair, repeat_channels
from ...kernels.pointwise import pointwise_conv2d
from ...kernels.signatures import DEPTHWISE, POINTWISE, SEPARABLE, STANDARD
from ...text import counted, shape_text
from .plan import Plan, Table, geometry_text, input_panel, matrix_panel, patch, spatial_panel, taps, volume_panel
from .sizes import NAME, Given, Sizes, count_of, decided, fits_padded, fits_steps, kernel_sides
from .standard import FILTERS
from .step import Side, Step

COMPARED = 3  # the side of the standard filters that a pointwise convolution is set beside, the article's


def depthwise_kernel(
    sizes: Sizes, name: str, given: Array | None, channels: int, kernel: Pair | None, depth_multiplier: int | None
) -> Array:
    """The depthwise kernel (Dᵣ, Dᵣ, M·Q) given, or a random one with those sides, 3×3 and Q = 1 unless given."""
    if given is not None:
        decided(name, depth_multiplier=depth_multiplier)
        return sizes.weights(name, given, (), channel_axes=1)
    wide = channels * count_of("depth_multiplier", depth_multiplier, 1)
    return sizes.weights(name, None, (*kernel_sides(3 if kernel is None else kernel), wide), channel_axes=1)


def pointwise_kernel(sizes: Sizes, name: str, given: Array | None, channels: int, out_channels: int | None) -> Array:
    """The pointwise kernel (M, N) given, or a random one with N filters, 4 unless given."""
    if given is not None:
        decided(name, out_channels=out_channels)
        return sizes.weights(name, given, ())
    return sizes.weights(name, None, (channels, count_of("out_channels", out_channels, FILTERS)))


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

    Beside it runs a standard convolution with as many output channels: each of its values sums over all the channels.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (Dᵣ, Dᵣ, M·Q), or its sides with depth_multiplier
    for Q, 1 unless given; stride, padding, dilation as in `conv2d`; seed: of the random numbers. Raises as `stepper`.
    Source: the article's Fig. 4(b).

    >>> print(next(depthwise(x=(2, 3, 2), kernel=2).walk()))
    y[0, 0, 0, 0] = 2·0 + 0·1 + (−3)·0 + (−2)·0 = 0
    """
    sizes = Sizes(seed)
    x = sizes.volume("x", x)
    given, sides = (kernel, None) if isinstance(kernel, np.ndarray) else (None, kernel_sides(kernel))
    kernel = depthwise_kernel(sizes, "kernel", given, x.shape[-1], sides, depth_multiplier)
    g = DEPTHWISE.check(NAME, x, kernel).geometry(stride, padding, dilation)
    fits_padded("x", x.shape, g)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    m, wide = x.shape[-1], kernel.shape[-1]
    cost = depthwise_conv2d_cost(x.shape, kernel.shape, **geometry)
    standard = conv2d_cost(x.shape, (*kernel.shape[:2], m, wide), **geometry)
    count = prod(cost.output_shape)
    fits_steps(count, cost.macs)
    table = Table(
        input_panel(x, g),
        spatial_panel("kernel", counted("filter", wide), kernel, "channel"),
        volume_panel("y", "output y", depthwise_conv2d(x, kernel, **geometry), "depthwise"),
    )

    source = repeat_channels(np.arange(m, dtype=np.int64), wide).tolist()

    def walk() -> Iterator[Step]:
        done = paid = 0
        for v, w, c in np.ndindex(*cost.output_shape[1:]):
            read = patch(g, v, w, [source[c]])
            done += len(read)
            paid += standard.macs // count
            both = (Side("depthwise", done, cost.macs), Side("standard", paid, standard.macs))
            yield table.sum_of_products(("x", read), ("kernel", taps(g, [c])), ("y", (v, w, c)), both)

    summary = (
        f"Each channel of an input of {shape_text(x.shape[1:])} is filtered by {counted('filter', wide // m)} of its "
        f"own, {shape_text(kernel.shape[:2])}, into an output of {shape_text(cost.output_shape[1:])}; "
        f"{geometry_text(g, padding)}."
    )
    return Plan("Depthwise convolution, one value at a time", summary, table.panels, walk, geometry)


def pointwise(
    *, x: Given = (3, 4, 3), kernel: Array | None = None, out_channels: int | None = None, seed: int = 0
) -> Plan:
    """One value of the output a step, in the order of `pointwise_conv2d_loops`: the channels of one place, weighed.

    Beside it runs a standard convolution with as many filters of 3×3, and padding that keeps the size.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (M, N), or out_channels for N, 4 unless given;
    seed: of the random numbers. Raises as `stepper`. Source: the article's Fig. 4(c).

    >>> print(next(pointwise(x=(1, 1, 3)).walk()))
    y[0, 0, 0, 0] = 2·(−1) + 1·(−1) + 0·1 = −3
    """
    sizes = Sizes(seed)
    x = sizes.volume("x", x)
    kernel = pointwise_kernel(sizes, "kernel", kernel, x.shape[-1], out_channels)
    POINTWISE.check(NAME, x, kernel)
    m, n = kernel.shape
    cost = pointwise_conv2d_cost(x.shape, kernel.shape)
    standard = conv2d_cost(x.shape, (COMPARED, COMPARED, m, n), padding="same")
    count = prod(cost.output_shape)
    fits_steps(count, cost.macs)
    g = STANDARD.check(NAME, x, kernel[None, None]).geometry()
    table = Table(
        input_panel(x, g),
        matrix_panel("kernel", counted("filter", n), kernel),
        volume_panel("y", "output y", pointwise_conv2d(x, kernel), "output"),
    )

    def walk() -> Iterator[Step]:
        done = paid = 0
        for v, w, filter in np.ndindex(*cost.output_shape[1:]):
            done += m
            paid += standard.macs // count
            both = (Side("pointwise", done, cost.macs), Side("standard, 3×3", paid, standard.macs))
            yield pointwise_step(table, "x", "kernel", "y", (v, w), filter, both)

    summary = (
        f"At every place of an input of {shape_text(x.shape[1:])}, {counted('filter', n)} of 1×1×{m} mix the channels "
        f"into an output of {shape_text(cost.output_shape[1:])}."
    )
    return Plan("Pointwise convolution, one value at a time", summary, table.panels, walk, {})


def pointwise_step(
    table: Table,
    source: str,
    kernel: str,
    into: str,
    place: tuple[int, int],
    filter: int,
    sides: tuple[Side, ...],
    *,
    stage: str = "",
    then: str = "",
) -> Step:
    """The step of a pointwise convolution: the channels of a place times a filter."""
    channels = range(table.arrays[kernel].shape[0])
    return table.sum_of_products(
        (source, tuple((*place, m) for m in channels)),
        (kernel, tuple((m, filter) for m in channels)),
        (into, (*place, filter)),
        sides,
        stage=stage,
        then=then,
    )


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
    """First the depthwise stage, which fills what lies between, then the pointwise stage, which fills the output.

    Beside it runs the standard convolution with the factored kernel, whose output is the same: what it would have done
    by as many values of the output, so nothing during the depthwise stage.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); depthwise and pointwise: arrays (Dᵣ, Dᵣ, M·Q) and (M·Q, N), or the
    sides kernel, depth_multiplier Q and out_channels N, 3×3, 1 and 4 unless given; stride, padding, dilation as in
    `conv2d`; seed: of the random numbers. Raises as `stepper`. Source: the article's Fig. 4 and Fig. 5.

    >>> for step in separable(x=(2, 2, 1), kernel=2, out_channels=4).walk():
    ...     print(step)
    between[0, 0, 0, 0] = 2·(−1) + 1·(−1) + 0·(−1) + (−2)·(−1) = −1
    y[0, 0, 0, 0] = (−1)·(−1) = 1
    y[0, 0, 0, 1] = (−1)·1 = −1
    y[0, 0, 0, 2] = (−1)·0 = 0
    y[0, 0, 0, 3] = (−1)·1 = −1; in all 8 multiplications instead of 16, 1/2 of them
    """
    sizes = Sizes(seed)
    x = sizes.volume("x", x)
    if depthwise is not None:
        decided("depthwise", kernel=kernel)
    depthwise = depthwise_kernel(sizes, "depthwise", depthwise, x.shape[-1], kernel, depth_multiplier)
    pointwise = pointwise_kernel(sizes, "pointwise", pointwise, depthwise.shape[-1], out_channels)
    g = SEPARABLE.check(NAME, x, depthwise, pointwise).geometry(stride, padding, dilation)
    fits_padded("x", x.shape, g)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    m, (wide, n) = x.shape[-1], pointwise.shape
    cost = depthwise_separable_conv2d_cost(x.shape, depthwise.shape, pointwise.shape, **geometry)
    standard = conv2d_cost(x.shape, (*depthwise.shape[:2], m, n), **geometry)
    places, outputs = prod(g.output), prod(cost.output_shape)
    count = places * wide + outputs
    fits_steps(count, cost.macs)
    between = depthwise_conv2d(x, depthwise, **geometry)
    table = Table(
        input_panel(x, g),
        spatial_panel("depthwise", counted("depthwise filter", wide), depthwise, "channel"),
        volume_panel("between", "between", between, "depthwise"),
        matrix_panel("pointwise", counted("pointwise filter", n), pointwise),
        volume_panel("y", "output y", pointwise_conv2d(between, pointwise), "output"),
    )
    source = repeat_channels(np.arange(m, dtype=np.int64), wide).tolist()
    ratio = cost_ratio(depthwise.shape[:2], n, depth_multiplier=wide // m)

    def walk() -> Iterator[Step]:
        done = paid = 0

        def sides() -> tuple[Side, ...]:
            return Side("depthwise separable", done, cost.macs), Side("standard", paid, standard.macs)

        for v, w, c in np.ndindex(*between.shape[1:]):
            read = patch(g, v, w, [source[c]])
            done += len(read)
            weights = ("depthwise", taps(g, [c]))
            yield table.sum_of_products(("x", read), weights, ("between", (v, w, c)), sides(), stage="depthwise")
        for v, w, filter in np.ndindex(*cost.output_shape[1:]):
            done += wide
            paid += standard.macs // outputs
            then = ""
            if paid == standard.macs:
                then = f"; in all {done:,} multiplications instead of {paid:,}, {ratio} of them"
            yield pointwise_step(
                table, "between", "pointwise", "y", (v, w), filter, sides(), stage="pointwise", then=then
            )

    summary = (
        f"{counted('depthwise filter', wide)} of {shape_text(depthwise.shape[:2])} and "
        f"{counted('pointwise filter', n)} of 1×1×{wide} turn an input of {shape_text(x.shape[1:])} into an output of "
        f"{shape_text(cost.output_shape[1:])}; {geometry_text(g, padding)}."
    )
    return Plan("Depthwise separable convolution, stage by stage", summary, table.panels, walk, geometry)
