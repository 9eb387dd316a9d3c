"""Stepping through the standard convolution: value by value, and as per-channel maps that are then summed."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ...cost import conv2d_cost, depthwise_conv2d_cost, depthwise_separable_conv2d_cost
from ...kernels.arguments import integer
from ...kernels.geometry import Array, Padding, Pair
from ...kernels.signatures import STANDARD
from ...kernels.standard import conv2d, per_channel_maps
from ...text import counted, shape_text
from .plan import Multiplications, PanelSet, Plan, geometry_text, input_panel, patch, spatial_panel, taps, volume_panel
from .sizes import NAME, Given, GivenArrays, count_of, fits_steps, fitting, kernel_sides
from .step import Panel, Step, SumOfProducts
from .words import entry_text, gap

FILTERS = 4  # N, where none is given


def standard_arrays(
    seed: int, x: Given, kernel: Pair | Array, out_channels: int | None, otherwise: int | None = FILTERS
) -> tuple[GivenArrays, Array, Array]:
    """The source of further arrays, x (1, Dᵤ, Dᵤ, M) and a standard kernel (Dᵣ, Dᵣ, M, N).

    If N is not given it is `otherwise`, or M.
    """
    arrays = GivenArrays(seed)
    x = arrays.volume("x", x)
    given, sides = (kernel, 3) if isinstance(kernel, np.ndarray) else (None, kernel)
    n = count_of("out_channels", out_channels, otherwise or x.shape[-1])
    shape = (*kernel_sides(sides), x.shape[-1], n)
    return arrays, x, arrays.kernel("kernel", given, shape, out_channels=out_channels)


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

    The page compares with a depthwise separable convolution with as many filters, after the same value: it does a
    position's depthwise products when the first filter reaches it, and a value's pointwise products with every value.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (Dᵣ, Dᵣ, M, N), or its sides with out_channels
    for N, 4 unless given; stride, padding, dilation as in `conv2d`; seed: of the random numbers. Raises as `stepper`.
    Source: the article's Fig. 2.

    >>> print(next(standard(x=(2, 2, 2), kernel=2).walk()))
    y[0, 0, 0, 0] = 2·(−1) + 1·0 + 0·0 + (−2)·(−1) + (−1)·0 + (−3)·1 + (−3)·(−1) + (−3)·(−1) = 3
    """
    _, x, kernel = standard_arrays(seed, x, kernel, out_channels)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    g = fitting(STANDARD, x, kernel, **geometry)
    m, filters = kernel.shape[2:]
    cost = conv2d_cost(x.shape, kernel.shape, **geometry)
    separable = depthwise_separable_conv2d_cost(x.shape, kernel.shape[:3], (m, filters), **geometry)
    fits_steps(prod(cost.output_shape), cost.macs)
    table = PanelSet(
        input_panel(x, g),
        spatial_panel("kernel", counted("filter", filters), kernel, "channel", "filter"),
        volume_panel("y", "output", conv2d(x, kernel, **geometry), "output"),
    )

    def walk() -> Iterator[Step]:
        count = Multiplications({"standard": cost.macs, "depthwise separable": separable.macs})
        of_place = separable.parts["depthwise"].macs // prod(g.output)
        of_value = separable.parts["pointwise"].macs // prod(cost.output_shape)
        for v, w, n in np.ndindex(*cost.output_shape[1:]):
            read, weights = ("x", patch(g, v, w, range(m))), ("kernel", taps(g, range(m), [n]))
            beside = of_value + (of_place if n == 0 else 0)
            yield table.sum_of_products(read, weights, ("y", (v, w, n)), count, beside)

    summary = (
        f"An input of {shape_text(x.shape[1:])} and {counted('filter', filters)} of {shape_text(kernel.shape[:3])} "
        f"make an output of {shape_text(cost.output_shape[1:])}, one value a step; {geometry_text(g, padding)}."
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

    The standard convolution does this for each of its filters, so it has done only a share of its multiplications. The
    page compares with a depthwise convolution, which is finished after the maps of one filter.

    The arguments are those of `standard`. Source: the article's Fig. 3.

    >>> for step in per_channel(x=(1, 2, 2), kernel=(1, 2)).walk():
    ...     print(step)
    maps[0, 0, 0, 0] = 2·(−1) + 0·0 = −2
    maps[0, 0, 0, 1] = 1·(−1) + (−2)·0 = −1
    y[0, 0, 0, 0] = (−2) + (−1) = −3, the sum over 2 channels
    """
    _, x, kernel = standard_arrays(seed, x, kernel, out_channels)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    g = fitting(STANDARD, x, kernel, **geometry)
    filters = kernel.shape[-1]
    n = integer(NAME, "n", n, 0, filters - 1)
    one = kernel[..., n]
    depthwise = depthwise_conv2d_cost(x.shape, one.shape, **geometry)
    fits_steps(prod(depthwise.output_shape) + prod(g.output), depthwise.macs)
    y = conv2d(x, kernel, **geometry)[0, :, :, n]
    table = PanelSet(
        input_panel(x, g),
        spatial_panel("filter", f"filter {n} of {filters}, kernel[:, :, :, {n}]", one, "channel"),
        volume_panel("maps", f"of filter {n}, one for each channel", per_channel_maps(x, one, **geometry), "depthwise"),
        Panel("y", f"channel {n} of the output", y, ("row", "column"), "output", given=False, code=f"y[0, #, #, {n}]"),
    )

    def walk() -> Iterator[Step]:
        count = Multiplications({"standard": filters * depthwise.macs, "depthwise": depthwise.macs})
        for m, v, w in np.ndindex(x.shape[-1], *y.shape):
            read, weights = ("x", patch(g, v, w, [m])), ("filter", taps(g, [m]))
            yield table.sum_of_products(read, weights, ("maps", (v, w, m)), count, len(weights[1]), "maps")
        for v, w in np.ndindex(*y.shape):
            summands = tuple((v, w, m) for m in range(x.shape[-1]))
            name, value = entry_text("y", (v, w, n)), y[v, w].item()
            parts, reads = " + ".join(gap("maps", index, factor=True) for index in summands), {"maps": summands}
            template = f"{name} = {parts} = {gap('y', (v, w))}, the sum over {counted('channel', len(summands))}"
            terms = (SumOfProducts(("y", ((v, w),)), (("maps", summands),)),)
            yield table.step(name, template, reads, {"y": {(v, w): value}}, (), count.after(), "sum", terms=terms)

    summary = (
        f"Each channel of an input of {shape_text(x.shape[1:])} is filtered by the same channel of filter {n}, and the "
        f"{counted('map', x.shape[-1])} are summed; each of the {counted('filter', filters)} does the same; "
        f"{geometry_text(g, padding)}."
    )
    return Plan("Standard convolution as per-channel maps, then summed", summary, table.panels, walk, geometry)
