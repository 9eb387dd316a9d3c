"""Stepping through the backward of a standard convolution: each value of dy is sent back to its factors."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ...cost import conv2d_cost
from ...kernels.geometry import Array, Geometry, Padding, Pair
from ...kernels.signatures import STANDARD
from ...kernels.standard import conv2d_backward_loops
from ...text import counted, shape_text
from .plan import (
    VOLUME,
    Multiplications,
    PanelSet,
    Plan,
    geometry_text,
    inner_places,
    input_panel,
    patch,
    spatial_panel,
    taps,
    volume_panel,
)
from .sizes import NAME, Given, fits_steps, fitting
from .standard import standard_arrays
from .step import Index, Number, Panel, Product, Step, SumOfProducts
from .words import entry_text, gap

FILTERS = 2  # N, where none is given: a step has twice forward's products
GRADIENTS = ("dx", "dkernel")  # to which a step's products are added in turn
UPSTREAM = 2  # random dy lie between −2 and 2


def backward(
    *,
    x: Given = (5, 6, 2),
    kernel: Pair | Array = 3,
    out_channels: int | None = None,
    dy: Given | None = None,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    seed: int = 0,
) -> Plan:
    """One value of dy a step, in the order of `conv2d_backward_loops`, added to dx and to dkernel.

    A step's products alternate as in the loops: dy times a weight, for dx, then dy times the input under that weight,
    for dkernel. Products that fall on padding are computed and then dropped, as the kernel's crop does. The page
    compares with forward, which has half the products.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (Dᵣ, Dᵣ, M, N), or its sides with out_channels
    for N, 2 unless given; dy: an array (1, Dᵥ, Dᵥ, N); stride, padding, dilation as in `conv2d`; seed: of the random
    numbers. Raises as `stepper`.

    >>> for step in backward(x=(1, 2, 1), kernel=1, out_channels=1).walk():
    ...     print(step.writes)
    {'dx': {(0, 0, 0): -1}, 'dkernel': {(0, 0, 0, 0): -2}}
    {'dx': {(0, 1, 0): -1}, 'dkernel': {(0, 0, 0, 0): -3}}
    """
    arrays, x, kernel = standard_arrays(seed, x, kernel, out_channels, FILTERS)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    g = fitting(STANDARD, x, kernel, **geometry)
    cost = conv2d_cost(x.shape, kernel.shape, **geometry)
    fits_steps(prod(cost.output_shape), 2 * cost.macs)
    dy = arrays.volume("dy", cost.output_shape if dy is None else dy, UPSTREAM)
    STANDARD.check(NAME, dy, x, kernel).geometry(**geometry)
    dx, dkernel = conv2d_backward_loops(dy, x, kernel, **geometry)
    filters = kernel.shape[-1]
    table = PanelSet(
        Panel("dy", "upstream gradient", dy[0], VOLUME, "output", given=True),
        input_panel(x, g),
        spatial_panel("kernel", counted("filter", filters), kernel, "channel", "filter"),
        volume_panel("dx", "gradient of x", dx, "input", accumulates=True),
        spatial_panel("dkernel", "gradient of kernel", dkernel, "channel", "filter", given=False, accumulates=True),
    )

    def walk() -> Iterator[Step]:
        count = Multiplications({"forward": cost.macs, "backward": 2 * cost.macs})
        for at, sums in accumulated(dy, x, kernel, g):
            name, forward = entry_text("dy", at), len(sums.read)
            template = f"{name} = {gap('dy', at)} goes back{backward_text(at, sums)}"
            reads = {"dy": (at,), "x": sums.read, "kernel": sums.weights}
            products, sides = tuple(sums.products), count.after(forward, 2 * forward)
            sources = (sums.places, ("kernel", sums.weights)), (sums.weights, ("x", sums.read))
            terms = tuple(
                SumOfProducts((name, into), (("dy", (at,)), factor))
                for name, (into, factor) in zip(GRADIENTS, sources, strict=True)
            )
            yield table.step(name, template, reads, sums.writes, products, sides, sums=GRADIENTS, terms=terms)

    summary = (
        f"Each value of dy, {shape_text(dy.shape[1:])}, adds to the gradient of the input, {shape_text(x.shape[1:])}, "
        f"and to that of {counted('filter', filters)} of {shape_text(kernel.shape[:3])}; {geometry_text(g, padding)}."
    )
    return Plan("Backward of a standard convolution", summary, table.panels, walk, geometry)


@dataclass
class Sums:
    """The entries that one value of dy meets, its products, and the new values of the gradients.

    `places` are the entries of dx at the entries of x that are read, None where these are padding.
    """

    read: tuple[Index, ...]
    weights: tuple[Index, ...]
    places: tuple[Index | None, ...]
    products: list[Product] = field(default_factory=list)
    writes: dict[str, dict[Index, Number]] = field(default_factory=lambda: {name: {} for name in GRADIENTS})


def accumulated(dy: Array, x: Array, kernel: Array, g: Geometry) -> Iterator[tuple[Index, Sums]]:
    """Each value's index and its sums, in the order of `conv2d_backward_loops`."""
    totals: dict[tuple[str, Index], Number] = {}
    padded, inner, channels = g.pad(x)[0], inner_places(g), range(x.shape[-1])
    for v, w, n in np.ndindex(*dy.shape[1:]):
        upstream: Number = dy[0, v, w, n].item()
        read = patch(g, v, w, channels)
        places = tuple((*inner[i, j], m) if (i, j) in inner else None for i, j, m in read)
        sums = Sums(read, taps(g, channels, [n]), places)
        for (row, column, m), weight, place in zip(read, sums.weights, places, strict=True):
            for name, index, factor in (
                ("dx", place, kernel[weight].item()),
                ("dkernel", weight, padded[row, column, m].item()),
            ):
                sums.products.append((upstream, factor, upstream * factor))
                if index is not None:  # else it is padding
                    totals[name, index] = totals.get((name, index), 0) + upstream * factor
                    sums.writes[name][index] = totals[name, index]
        yield (v, w, n), sums


def backward_text(at: Index, sums: Sums) -> str:
    """The sums to which one value of dy is added, in words, with gaps for the numbers."""
    factor, count, n = gap("dy", at, factor=True), len(sums.read), at[2]
    text = f": {factor}·kernel[:, :, :, {n}] is added to its patch of dx, {factor}·patch to dkernel[:, :, :, {n}]"
    for name, written in sums.writes.items():
        for index in list(written)[:1]:
            text += f"; {entry_text(name, index, batch=name == 'dx')} becomes {gap(name, index)}"
    dropped = count - len(sums.writes["dx"])
    return text + (f"; {dropped} of the {count} products for dx fall on padding and are dropped" if dropped else "")
