"""Stepping through a transposed convolution: each value of the input adds a whole filter to the output."""

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ...cost import conv2d_cost, transposed_conv2d_cost
from ...kernels.arguments import pair
from ...kernels.geometry import Array, Geometry, Padding, Pair
from ...kernels.signatures import TRANSPOSED
from ...kernels.transposed import transposed_conv2d, transposed_conv2d_loops
from ...text import counted, shape_text
from .plan import (
    VOLUME,
    Multiplications,
    PanelSet,
    Plan,
    geometry_text,
    inner_places,
    patch,
    spatial_panel,
    taps,
    volume_panel,
)
from .sizes import NAME, Given, GivenArrays, count_of, fits, fits_steps, kernel_sides
from .step import Index, Number, Panel, Step, SumOfProducts
from .words import entry_text, gap

FILTERS = 1  # N, where none is given
BESIDE = "with zeros between"


def transposed(
    *,
    x: Given = (3, 4, 2),
    kernel: Pair | Array = 3,
    out_channels: int | None = None,
    stride: Pair = 2,
    padding: Padding = "valid",
    output_padding: Pair = 0,
    dilation: Pair = 1,
    seed: int = 0,
) -> Plan:
    """One value of the input a step, in the order of `transposed_conv2d_loops`, added to all that it reaches.

    A second map counts how many positions of the input have reached each place of the output so far: where the stride
    does not divide the filter's sides, the counts are a checkerboard. Products that fall on cropped rows or columns
    are dropped. The page compares with a convolution of the input with zeros between its values.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (Dᵣ, Dᵣ, N, M), or its sides with out_channels
    for N, 1 unless given; stride, padding, output_padding, dilation as in `transposed_conv2d`; seed: of the random
    numbers. Raises as `stepper`.

    >>> for step in transposed(x=(1, 2, 1), kernel=(1, 3)).walk():
    ...     print(step.writes["y"])
    {(0, 0, 0): 0, (0, 1, 0): -2, (0, 2, 0): -2}
    {(0, 2, 0): -2, (0, 3, 0): -1, (0, 4, 0): -1}
    """
    arrays = GivenArrays(seed)
    x = arrays.volume("x", x)
    given, sides = (kernel, 3) if isinstance(kernel, np.ndarray) else (None, kernel)
    shape = (*kernel_sides(sides), count_of("out_channels", out_channels, FILTERS), x.shape[-1])
    kernel = arrays.kernel("kernel", given, shape, out_channels=out_channels)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    larger = {**geometry, "output_padding": output_padding}
    g = TRANSPOSED.check(NAME, x, kernel).transposed_geometry(**larger)
    rest = pair(NAME, "output_padding", output_padding, 0)
    *reach, filters, m = kernel.shape
    outputs = (g.height.input, g.width.input)
    fits("y", (*outputs, filters))
    cost = transposed_conv2d_cost(x.shape, kernel.shape, **larger)
    fits_steps(prod(x.shape), cost.macs)
    stuffed = (1, *(axis.input + axis.span - 1 for axis in (g.height, g.width)), m)
    beside = conv2d_cost(stuffed, (*reach, m, filters), dilation=dilation).macs
    ones = np.ones((*x.shape[:3], 1), np.int64), np.ones((*reach, 1, 1), np.int64)
    table = PanelSet(
        Panel("x", "input", x[0], VOLUME, "input", given=True),
        spatial_panel("kernel", counted("filter", filters), kernel, "filter", "channel"),
        volume_panel("y", "output", transposed_conv2d_loops(x, kernel, **larger), "output", accumulates=True),
        Panel(
            "reached",
            "how many positions of x have reached each place of y",
            transposed_conv2d(*ones, **larger)[0, :, :, 0],
            ("row", "column"),
            "depthwise",
            given=False,
            accumulates=True,
        ),
    )
    summary = (
        f"Each value of an input of {shape_text(x.shape[1:])}, times {counted('filter', filters)} of "
        f"{shape_text(reach)}, is added to an output of {shape_text((*outputs, filters))}; "
        f"{geometry_text(g, padding, 'cropped')}{f', output padding {shape_text(rest)}' if any(rest) else ''}."
    )
    totals = {"transposed": cost.macs, BESIDE: beside}
    walk = partial(spread, x, kernel, g, table, totals)
    return Plan("Transposed convolution, one input value at a time", summary, table.panels, walk, geometry)


def spread(x: Array, kernel: Array, g: Geometry, table: PanelSet, totals: dict[str, int]) -> Iterator[Step]:
    """The steps: each value of x times its filters, added to y."""
    count, inner, filters, beside = Multiplications(totals), inner_places(g), kernel.shape[2], totals[BESIDE]
    y, reached = (np.zeros_like(table.arrays[name]) for name in ("y", "reached"))
    done = 0
    for number, at in enumerate(np.ndindex(*x.shape[1:]), 1):
        v, w, m = at
        value, weights = x[0][at].item(), taps(g, range(filters), [m])
        products = tuple((value, kernel[tap].item(), value * kernel[tap].item()) for tap in weights)
        writes: dict[str, dict[Index, Number]] = {"y": {}, "reached": {}}
        places: list[Index | None] = []
        for (row, column, n), (*_, added) in zip(patch(g, v, w, range(filters)), products, strict=True):
            place = inner.get((row, column))
            places.append(None if place is None else (*place, n))
            if place is not None:
                index = (*place, n)
                y[index] += added
                writes["y"][index] = y[index].item()
                if n == m == 0:
                    reached[place] += 1
                    writes["reached"][place] = reached[place].item()
        more, done = beside * number // x[0].size - done, beside * number // x[0].size
        template = f"{entry_text('x', at)} = {gap('x', at)} {spread_text(at, writes, len(products))}"
        reads, sides = {"x": (at,), "kernel": weights}, count.after(len(products), more)
        terms = (
            SumOfProducts(("y", tuple(places)), tuple(reads.items())),
            SumOfProducts(("reached", (*writes["reached"],)), ()),
        )
        yield table.step(entry_text("x", at), template, reads, writes, products, sides, terms=terms)


def spread_text(at: Index, writes: dict[str, dict[Index, Number]], count: int) -> str:
    """The values to which one value of x is added, in words, with gaps for the numbers."""
    added, factor = writes["y"], gap("x", at, factor=True)
    text = f"is spread: {factor}·kernel[:, :, :, {at[2]}] is added to {counted('value', len(added))} of y"
    for index in [*added][:1]:
        text += f"; {entry_text('y', index)} becomes {gap('y', index)}"
    overlapping = sum(reached > 1 for reached in writes["reached"].values())
    if overlapping:
        text += f"; {counted('place', overlapping)} had been reached before"
    dropped = count - len(added)
    return text + (f"; {dropped} of the {counted('product', count)} fall outside and are cropped" if dropped else "")
