"""Stepping through the standard convolution: value by value, and as per-channel maps that are then summed."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ...cost import conv2d_cost, depthwise_conv2d_cost, depthwise_separable_conv2d_cost
from ...kernels import arguments
from ...kernels.geometry import Array, Padding, Pair
from ...kernels.signatures import STANDARD
from ...kernels.standard import conv2d, per_channel_maps
from ...text import counted, number_text, shape_text
from .plan import Plan, Table, geometry_text, input_panel, patch, spatial_panel, taps, volume_panel
from .sizes import NAME, Given, Sizes, count_of, decided, fits_padded, fits_steps, kernel_sides
from .step import Panel, Side, Step
from .words import entry_text, factor_text

FILTERS = 4  # N, where none is given


def standard_arrays(
    sizes: Sizes, x: Given, kernel: Pair | Array, out_channels: int | None, otherwise: int | None = FILTERS
) -> tuple[Array, Array]:
    """x (1, Dᵤ, Dᵤ, M) and a standard kernel (Dᵣ, Dᵣ, M, N); where N is not given it is `otherwise`, or M."""
    x = sizes.volume("x", x)
    if isinstance(kernel, np.ndarray):
        decided("kernel", out_channels=out_channels)
        return x, sizes.weights("kernel", kernel, ())
    m = x.shape[-1]
    n = count_of("out_channels", out_channels, m if otherwise is None else otherwise)
    return x, sizes.weights("kernel", None, (*kernel_sides(kernel), m, n))


def standard(
    *,
    x: Given = (5, 6, 3),
    kernel: Pair | Array = 3,
    out_channels: int | None = None,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    seed: int = 0,
) -> Plan:
    """One value of the output a step, in the order of `conv2d_loops`: the inner product of a patch and a filter.

    Beside it runs what a depthwise separable convolution with as many filters would have done by the same value: a
    place's depthwise products when the first filter comes to it, and a value's pointwise products with every value.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (Dᵣ, Dᵣ, M, N), or its sides with out_channels
    for N, 4 unless given; stride, padding, dilation as in `conv2d`; seed: of the random numbers. Raises as `stepper`.
    Source: the article's Fig. 2.

    >>> print(next(standard(x=(2, 2, 2), kernel=2).walk()))
    y[0, 0, 0, 0] = 2·(−1) + 1·0 + 0·0 + (−2)·(−1) + (−1)·0 + (−3)·1 + (−3)·(−1) + (−3)·(−1) = 3
    """
    x, kernel = standard_arrays(Sizes(seed), x, kernel, out_channels)
    g = STANDARD.check(NAME, x, kernel).geometry(stride, padding, dilation)
    fits_padded("x", x.shape, g)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    m, n = kernel.shape[2:]
    cost = conv2d_cost(x.shape, kernel.shape, **geometry)
    separable = depthwise_separable_conv2d_cost(x.shape, kernel.shape[:3], (m, n), **geometry)
    places, count = prod(g.output), prod(cost.output_shape)
    fits_steps(count, cost.macs)
    table = Table(
        input_panel(x, g),
        spatial_panel("kernel", counted("filter", n), kernel, "channel", "filter"),
        volume_panel("y", "output y", conv2d(x, kernel, **geometry), "output"),
    )

    def walk() -> Iterator[Step]:
        done = paid = 0
        for v, w, filter in np.ndindex(*cost.output_shape[1:]):
            read = patch(g, v, w, range(m))
            done += len(read)
            paid += separable.parts["depthwise"].macs // places if filter == 0 else 0
            paid += separable.parts["pointwise"].macs // count
            sides = (Side("standard", done, cost.macs), Side("depthwise separable", paid, separable.macs))
            weights = taps(g, range(m), [filter])
            yield table.sum_of_products(("x", read), ("kernel", weights), ("y", (v, w, filter)), sides)

    summary = (
        f"An input of {shape_text(x.shape[1:])} and {counted('filter', n)} of {shape_text(kernel.shape[:3])} make an "
        f"output of {shape_text(cost.output_shape[1:])}, one value a step; {geometry_text(g, padding)}."
    )
    return Plan("Standard convolution, one value at a time", summary, table.panels, walk, geometry)


def per_channel(
    *,
    x: Given = (5, 6, 3),
    kernel: Pair | Array = 3,
    out_channels: int | None = None,
    n: int = 0,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    seed: int = 0,
) -> Plan:
    """One value of a channel's map a step, map after map, for filter n; then their sums, channel n of the output.

    The standard convolution does this for each of its filters: it has done a share of its multiplications. A depthwise
    convolution, beside it, is finished with the maps of one filter.

    The arguments are those of `standard`. Source: the article's Fig. 3.

    >>> for step in per_channel(x=(1, 2, 2), kernel=(1, 2)).walk():
    ...     print(step)
    maps[0, 0, 0, 0] = 2·(−1) + 0·0 = −2
    maps[0, 0, 0, 1] = 1·(−1) + (−2)·0 = −1
    y[0, 0, 0, 0] = (−2) + (−1) = −3, the sum over 2 channels
    """
    x, kernel = standard_arrays(Sizes(seed), x, kernel, out_channels)
    g = STANDARD.check(NAME, x, kernel).geometry(stride, padding, dilation)
    fits_padded("x", x.shape, g)
    filters = kernel.shape[-1]
    n = arguments.integer(NAME, "n", n, 0, filters - 1)
    one = kernel[..., n]
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    total = conv2d_cost(x.shape, kernel.shape, **geometry).macs
    depthwise = depthwise_conv2d_cost(x.shape, one.shape, **geometry)
    count = prod(depthwise.output_shape) + prod(g.output)
    fits_steps(count, depthwise.macs)
    y = conv2d(x, kernel, **geometry)[0, :, :, n]
    table = Table(
        input_panel(x, g),
        spatial_panel("filter", f"filter {n} of {filters}, kernel[:, :, :, {n}]", one, "channel"),
        volume_panel("maps", f"maps of filter {n}", per_channel_maps(x, one, **geometry), "depthwise"),
        Panel("y", f"output y, channel {n}", y, ("row", "column"), "output", given=False),
    )

    def walk() -> Iterator[Step]:
        done = 0
        for m in range(x.shape[-1]):
            for v, w in np.ndindex(*y.shape):
                read = patch(g, v, w, [m])
                done += len(read)
                sides = (Side("standard", done, total), Side("depthwise", done, depthwise.macs))
                yield table.sum_of_products(
                    ("x", read), ("filter", taps(g, [m])), ("maps", (v, w, m)), sides, stage="maps"
                )
        for v, w in np.ndindex(*y.shape):
            summands = tuple((v, w, m) for m in range(x.shape[-1]))
            name, value = entry_text("y", (v, w, n)), table.value("y", (v, w))
            terms = " + ".join(map(factor_text, table.values("maps", summands)))
            sentence = f"{name} = {terms} = {number_text(value)}, the sum over {counted('channel', len(summands))}"
            yield Step(name, sentence, {"maps": summands}, {"y": {(v, w): value}}, (), sides, "sum")

    summary = (
        f"Each channel of an input of {shape_text(x.shape[1:])} is filtered by the same channel of filter {n}, and the "
        f"{counted('map', x.shape[-1])} are summed; each of the {counted('filter', filters)} does the same; "
        f"{geometry_text(g, padding)}."
    )
    return Plan("Standard convolution as per-channel maps, then summed", summary, table.panels, walk, geometry)
