"""Stepping through an inverted residual: expand, ReLU6, depthwise, ReLU6, project, and the shortcut if there is one."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ...cost import conv2d_cost, inverted_residual_cost
from ...kernels.blocks import InvertedResidualStages, inverted_residual_geometry, inverted_residual_stages
from ...kernels.geometry import Array, Geometry, Padding, Pair
from ...text import counted, listed, number_text, shape_text
from .plan import (
    VOLUME,
    Plan,
    Table,
    geometry_text,
    inner_places,
    input_panel,
    inside_of,
    matrix_panel,
    patch,
    spatial_panel,
    taps,
    volume_panel,
)
from .separable import pointwise_step
from .sizes import NAME, Given, Sizes, count_of, decided, fits_padded, fits_steps, kernel_sides, whole
from .step import Index, Number, Panel, Side, Step
from .words import factor_text

EXPANSION = 2  # t, where none is given
WEIGHTS = 2  # random weights lie between −2 and 2, so that ReLU6 clips at both of its ends


class Block:
    """The table of an inverted residual, and its stages as generators of steps."""

    def __init__(self, table: Table, g: Geometry, shortcut: bool, total: int, standard: int) -> None:
        self.table, self.g, self.shortcut = table, g, shortcut
        self.total, self.standard = total, standard
        self.done = self.paid = 0
        self.padded = {place: padded for padded, place in inner_places(g).items()}
        self.expands = "expand" in table.arrays
        self.wide = "expanded_relu6" if self.expands else "x"

    def sides(self, products: int = 0, standard: int = 0) -> tuple[Side, ...]:
        """Both sides after that many further products of the block, and of the one with a standard convolution."""
        self.done += products
        self.paid += standard
        return (
            Side("inverted residual", self.done, self.total),
            Side("standard in the middle", self.paid, self.standard),
        )

    def walk(self) -> Iterator[Step]:
        """All stages."""
        if self.expands:
            yield from self.mix("expand", "x", "expand", "expanded")
            yield from self.relu6("expand", "expanded", "expanded_relu6")
        yield from self.depthwise()
        yield from self.relu6("depthwise", "filtered", "filtered_relu6")
        yield from self.mix("project", "filtered_relu6", "project", "projected")
        if self.shortcut:
            yield from self.add()

    def mix(self, stage: str, source: str, kernel: str, into: str) -> Iterator[Step]:
        """A pointwise convolution, value by value."""
        products = len(self.table.arrays[kernel])
        for v, w, n in np.ndindex(*self.table.arrays[into].shape):
            yield pointwise_step(
                self.table, source, kernel, into, (v, w), n, self.sides(products, products), stage=stage
            )

    def depthwise(self) -> Iterator[Step]:
        """The depthwise convolution, value by value."""
        filtered = self.table.arrays["filtered"]
        for v, w, c in np.ndindex(*filtered.shape):
            read = patch(self.g, v, w, [c])
            sides = self.sides(len(read), len(read) * filtered.shape[-1])
            weights = ("depthwise", taps(self.g, [c]))
            yield self.table.sum_of_products(
                (self.wide, read), weights, ("filtered", (v, w, c)), sides, stage="depthwise"
            )

    def relu6(self, after: str, source: str, into: str) -> Iterator[Step]:
        """ReLU6, place by place."""
        height, width, channels = self.table.arrays[source].shape
        for v, w in np.ndindex(height, width):
            row, column = self.padded[v, w] if into == self.wide else (v, w)
            read = tuple((v, w, c) for c in range(channels))
            written = tuple((row, column, c) for c in range(channels))
            before, values = self.table.values(source, read), self.table.values(into, written)
            sentence = f"{relu6_text(before, values)} at row {v}, column {w}"
            writes: dict[str, dict[Index, Number]] = {into: dict(zip(written, values, strict=True))}
            yield Step(f"ReLU6 of {source}", sentence, {source: read}, writes, (), self.sides(), f"ReLU6 after {after}")

    def add(self) -> Iterator[Step]:
        """The shortcut, place by place."""
        height, width, channels = self.table.arrays["output"].shape
        for v, w in np.ndindex(height, width):
            written = tuple((v, w, c) for c in range(channels))
            row, column = (v, w) if self.expands else self.padded[v, w]
            reads = {"projected": written, "x": tuple((row, column, c) for c in range(channels))}
            summands = zip(*(self.table.values(*read) for read in reads.items()), strict=True)
            values = self.table.values("output", written)
            sums = [
                f"{number_text(a)} + {factor_text(b)} = {number_text(value)}"
                for (a, b), value in zip(summands, values, strict=True)
            ]
            sentence = f"The shortcut adds x to projected at row {v}, column {w}: {listed(sums)}"
            writes: dict[str, dict[Index, Number]] = {"output": dict(zip(written, values, strict=True))}
            yield Step("shortcut", sentence, reads, writes, (), self.sides(), "shortcut")


def relu6_text(before: list[Number], after: list[Number]) -> str:
    """What ReLU6 does to some numbers, in words.

    >>> relu6_text([8, 2, -3], [6, 2, 0])
    'ReLU6 clips 8 to 6 and −3 to 0 and lets 2 pass'
    """
    pairs = list(zip(before, after, strict=True))
    clipped = [f"{number_text(a)} to {number_text(b)}" for a, b in pairs if a != b]
    passing = [number_text(a) for a, b in pairs if a == b]
    parts = [f"clips {listed(clipped)}"] if clipped else []
    return f"ReLU6 {' and '.join([*parts, *([f'lets {listed(passing)} pass'] if passing else [])])}"


def block_panels(
    x: Array,
    expand: Array | None,
    depthwise: Array,
    project: Array,
    stages: InvertedResidualStages,
    g: Geometry,
    shortcut: bool,
) -> Iterator[Panel]:
    """The panels in the order in which the block fills them."""
    if expand is None or stages.expanded is None or stages.expanded_relu6 is None:
        yield input_panel(x, g)
    else:
        yield Panel("x", "input x", x[0], VOLUME, "input", given=True)
        yield matrix_panel("expand", counted("expanding filter", expand.shape[-1]), expand)
        yield volume_panel("expanded", "expanded", whole(stages.expanded), "linear")
        wide = whole(g.pad(stages.expanded_relu6))
        yield volume_panel("expanded_relu6", "its ReLU6", wide, "activated", inside_of(g))
    yield spatial_panel("depthwise", counted("depthwise filter", depthwise.shape[-1]), depthwise, "channel")
    yield volume_panel("filtered", "filtered", whole(stages.depthwise), "depthwise")
    yield volume_panel("filtered_relu6", "its ReLU6", whole(stages.depthwise_relu6), "activated")
    yield matrix_panel("project", counted("projecting filter", project.shape[-1]), project)
    title = "projected" if shortcut else "projected, the output"
    yield volume_panel("projected", title, whole(stages.projected), "linear")
    if shortcut:
        yield volume_panel("output", "output, with the shortcut", whole(stages.output), "output")


def block_kernels(
    sizes: Sizes,
    k: int,
    kernel: Pair | None,
    expansion: int | None,
    out_channels: int | None,
    expand: Array | None,
    depthwise: Array | None,
    project: Array | None,
) -> tuple[Array | None, Array, Array]:
    """The three kernels given, or random ones of those sizes; expand is None where the expansion is 1."""
    if expand is not None:
        decided("expand", expansion=expansion)
        expand = sizes.weights("expand", expand, ())
        wide = expand.shape[-1]
    else:
        t = count_of("expansion", expansion, EXPANSION)
        wide = k * t
        expand = None if t == 1 else sizes.weights("expand", None, (k, wide), WEIGHTS)
    if depthwise is not None:
        decided("depthwise", kernel=kernel)
    taps_shape = (*kernel_sides(3 if kernel is None else kernel), wide)
    depthwise = sizes.weights("depthwise", depthwise, taps_shape, WEIGHTS, channel_axes=1)
    if project is not None:
        decided("project", out_channels=out_channels)
    project = sizes.weights("project", project, (wide, count_of("out_channels", out_channels, k)), WEIGHTS)
    return expand, depthwise, project


def inverted_residual(
    *,
    x: Given = (3, 4, 2),
    kernel: Pair | None = None,
    expansion: int | None = None,
    out_channels: int | None = None,
    expand: Array | None = None,
    depthwise: Array | None = None,
    project: Array | None = None,
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
    seed: int = 0,
) -> Plan:
    """Stage by stage: one value a step in the convolutions, one place with all its channels in ReLU6 and the shortcut.

    Beside it runs the block with a standard convolution of as many channels in the depthwise one's place.

    x: an array (1, Dᵤ, Dᵤ, k) or sizes (Dᵤ, Dᵤ, k); expand, depthwise, project: arrays (k, tk), (Dᵣ, Dᵣ, tk), (tk, k′),
    or the sides kernel, expansion t and out_channels k′, 3×3, 2 and k unless given; expansion 1 leaves expand and its
    ReLU6 out; stride, padding, dilation as in `inverted_residual`; seed: of the random numbers. Raises as `stepper`.
    Source: the article's Table 1 and Fig. 8(b).

    >>> plan = inverted_residual(x=(1, 1, 2))
    >>> print(*dict.fromkeys(step.stage for step in plan.walk()), sep=", ")
    expand, ReLU6 after expand, depthwise, ReLU6 after depthwise, project, shortcut
    """
    sizes = Sizes(seed)
    x = sizes.volume("x", x)
    kernels = block_kernels(sizes, x.shape[-1], kernel, expansion, out_channels, expand, depthwise, project)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    arrays = as_floats(x, *kernels)
    g, shortcut = inverted_residual_geometry(NAME, arrays, stride, padding, dilation)
    wide_shape, taps_shape = (*x.shape[:3], arrays[2].shape[-1]), arrays[2].shape
    fits_padded("the depthwise input", wide_shape, g)
    shapes = (x.shape, None if arrays[1] is None else arrays[1].shape, taps_shape, arrays[3].shape)
    cost = inverted_residual_cost(*shapes, **geometry)
    standard = conv2d_cost(wide_shape, (*taps_shape, taps_shape[-1]), **geometry).macs - cost.parts["depthwise"].macs
    places, outputs = prod(x.shape[:3]), prod(g.output)
    count = 0 if arrays[1] is None else places * (wide_shape[-1] + 1)
    count += outputs * (wide_shape[-1] + 1 + arrays[3].shape[-1] + shortcut)
    fits_steps(count, cost.macs)
    stages = inverted_residual_stages(*arrays, **geometry)
    table = Table(*block_panels(x, *kernels, stages, g, shortcut))

    def walk() -> Iterator[Step]:
        return Block(table, g, shortcut, cost.macs, cost.macs + standard).walk()

    expanding = "" if arrays[1] is None else f"expanded to {counted('channel', wide_shape[-1])}, "
    summary = (
        f"An input of {shape_text(x.shape[1:])} is "
        f"{expanding}filtered channel by channel and projected to {shape_text(cost.output_shape[1:])}, "
        f"{'with' if shortcut else 'without'} the shortcut; {geometry_text(g, padding)}."
    )
    return Plan("Inverted residual, stage by stage", summary, table.panels, walk, geometry)


def as_floats(
    x: Array, expand: Array | None, depthwise: Array, project: Array
) -> tuple[Array, Array | None, Array, Array]:
    """The block's arrays as the floats that its kernel takes."""
    as_float = np.float64
    wide = None if expand is None else expand.astype(as_float)
    return x.astype(as_float), wide, depthwise.astype(as_float), project.astype(as_float)
