"""Stepping from the standard convolution through groups to the depthwise one."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import gcd, prod
from typing import Any

import numpy as np

from ...cost import conv2d_cost, depthwise_separable_conv2d_cost, grouped_conv2d_cost
from ...kernels.geometry import Array, Geometry, Padding, Pair
from ...kernels.grouped import grouped_conv2d
from ...kernels.signatures import STANDARD
from ...text import counted, listed, shape_text
from .plan import Multiplications, PanelSet, Plan, geometry_text, input_panel, patch, spatial_panel, taps, volume_panel
from .sizes import NAME, Given, fits_steps, fitting
from .standard import standard_arrays
from .step import Grouped, Index, Number, Panel, Step, SumOfProducts
from .words import entry_text, gap


def groups(
    *,
    x: Given = (4, 5, 6),
    kernel: Pair | Array = 3,
    out_channels: int | None = None,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    seed: int = 0,
) -> Plan:
    """One number of groups a step: the common divisors of M and N, from 1, the standard convolution, to the largest.

    With N = M·Q the largest is M, and the last step is the depthwise convolution with depth multiplier Q.
    Each step keeps the weights within groups and drops the others: an output channel reads only the input channels of
    its own group. The whole output is recomputed; a step's products are those of one value, in the middle of
    channel 0. `done` and `total` of a side are both the whole convolution's multiplications.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: the standard one, an array (Dᵣ, Dᵣ, M, N), or its sides
    with out_channels for N, M unless given; stride, padding, dilation as in `conv2d`; seed: of the random numbers.
    Raises as `stepper`, and ValueError if M and N have no common divisor above 1.

    >>> print(*(step.name for step in groups(x=(3, 3, 12)).walk()), sep=", ")
    groups = 1, groups = 2, groups = 3, groups = 4, groups = 6, groups = 12
    """
    _, x, kernel = standard_arrays(seed, x, kernel, out_channels, None)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    g = fitting(STANDARD, x, kernel, **geometry)
    m, n = kernel.shape[2:]
    most = gcd(m, n)
    if most == 1:
        raise ValueError(f"{NAME}: groups divide both M and N, and no number above 1 does; got M = {m}, N = {n}")
    counts = [count for count in range(1, most + 1) if most % count == 0]
    fits_steps(len(counts), prod(kernel.shape[:3]) * len(counts))
    last = grouped_conv2d(x, grouped_kernel(kernel, most), groups=most, **geometry)
    table = PanelSet(
        input_panel(x, g),
        spatial_panel(
            "kernel", "filter 0, before channels are dropped", kernel[..., 0], "channel", code="kernel[#, #, #, 0]"
        ),
        Panel(
            "links",
            "which input channels each output channel reads",
            linked(m, n, most),
            ("input channel", "output channel"),
            "links",
            given=False,
        ),
        volume_panel("y", "output", last, "output"),
    )

    short = "" if most == m else f", which ends before depthwise, as N = {n} is no multiple of M = {m}"
    summary = (
        f"An input of {shape_text(x.shape[1:])} and {counted('filter', n)} of {shape_text(kernel.shape[:2])}, in "
        f"{listed(counts)} groups{short}; {geometry_text(g, padding)}."
    )
    title = "From standard through groups to depthwise" if most == m else f"From standard to {most} groups"
    walk = partial(divided, x, kernel, counts, g, geometry, table)
    return Plan(title, summary, table.panels, walk, geometry, grouped=Grouped(kernel, g))


def divided(
    x: Array, kernel: Array, counts: Sequence[int], g: Geometry, geometry: Mapping[str, Any], table: PanelSet
) -> Iterator[Step]:
    """The steps: the convolution in each of these numbers of groups."""
    m, n = kernel.shape[2:]
    standard = conv2d_cost(x.shape, kernel.shape, **geometry).macs
    separable = depthwise_separable_conv2d_cost(x.shape, kernel.shape[:3], (m, n), **geometry).macs
    before = np.zeros((m, n), np.int64)
    v, w = g.output[1] // 2, g.output[2] // 2
    for count in counts:
        kept = grouped_kernel(kernel, count)
        y = grouped_conv2d(x, kept, groups=count, **geometry)[0]
        cost = grouped_conv2d_cost(x.shape, kept.shape, groups=count, **geometry)
        channels = range(kept.shape[2])
        read = {"x": patch(g, v, w, channels), "kernel": taps(g, channels)}
        products = table.products(*read.items())
        template = (
            f"{group_text(count, m, n)}: each output channel reads {kept.shape[2]} of "
            f"{counted('input channel', m)}, with {counted('multiplication', cost.macs)} and "
            f"{counted('parameter', cost.params)}; {entry_text('y', (v, w, 0))} = {{products}} "
            f"= {gap('y', (v, w, 0))}"
        )
        totals = {"grouped": cost.macs, "standard": standard, "depthwise separable": separable}
        sides = Multiplications(totals).after(*totals.values())
        links = linked(m, n, count)
        changed = {index: link for index, link in entries(links).items() if link != before[index]}
        before, writes = links, {"links": changed, "y": entries(y)}
        terms = (SumOfProducts(("y", ((v, w, 0),)), tuple(read.items())),)
        yield table.step(f"groups = {count}", template, read, writes, products, sides, terms=terms, groups=count)


def shares(m: int, n: int, groups: int) -> Iterator[tuple[Array, Array]]:
    """The input channels and the output channels of each group, divided as `grouped_conv2d` does."""
    return zip(*(np.split(np.arange(size, dtype=np.int64), groups) for size in (m, n)), strict=True)


def grouped_kernel(kernel: Array, groups: int) -> Array:
    """The weights of a standard kernel (Dᵣ, Dᵣ, M, N) that lie within groups, (Dᵣ, Dᵣ, M/groups, N)."""
    m, n = kernel.shape[2:]
    kept = [kernel[:, :, channels][..., filters] for channels, filters in shares(m, n, groups)]
    return np.concatenate(kept, axis=-1)


def linked(m: int, n: int, groups: int) -> Array:
    """The links between input and output channels, (M, N): 1 within a group, 0 between groups.

    >>> linked(2, 4, 2)
    array([[1, 1, 0, 0],
           [0, 0, 1, 1]])
    """
    links = np.zeros((m, n), np.int64)
    for channels, filters in shares(m, n, groups):
        links[np.ix_(channels, filters)] = 1
    return links


def group_text(groups: int, m: int, n: int) -> str:
    """A number of groups in words, with the name of the convolution at either end."""
    text = counted("group", groups)
    if groups == 1:
        text += ", the standard convolution"
    if groups == m:
        text += ", the depthwise convolution" + ("" if n == m else f" with depth multiplier {n // m}")
    return text


def entries(a: Array) -> dict[Index, Number]:
    """All entries of an array, by index."""
    return {index: a[index].item() for index in np.ndindex(*a.shape)}
