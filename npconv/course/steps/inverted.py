"""Stepping through an inverted residual: expand, ReLU6, depthwise, ReLU6, project, and the shortcut if there is one."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from ...cost import conv2d_cost, inverted_residual_cost
from ...kernels.blocks import InvertedResidualStages, inverted_residual_geometry, inverted_residual_stages
from ...kernels.geometry import Array, Geometry, Padding, Pair
from ...text import counted, listed, number_text, shape_text
from .plan import (
    VOLUME,
    Multiplications,
    PanelSet,
    Plan,
    geometry_text,
    inner_places,
    input_panel,
    inside_of,
    matrix_panel,
    spatial_panel,
    volume_panel,
)
from .sizes import NAME, Given, GivenArrays, count_of, fits_padded, fits_steps, kernel_sides, whole
from .step import Index, Number, Panel, Side, Step, SumOfProducts
from .words import gap

EXPANSION = 2  # t, where none is given
WEIGHTS = 2  # random weights lie between −2 and 2, so that ReLU6 clips at both of its ends
Place = tuple[int, int]


def entries(row: int, column: int, channels: int) -> tuple[Index, ...]:
    """All channels of a position."""
    return tuple((row, column, c) for c in range(channels))


def relu6(
    table: PanelSet, after: str, source: str, into: str, sides: tuple[Side, ...], padded: Mapping[Place, Place]
) -> Iterator[Step]:
    """ReLU6, position by position; `padded` gives the position that is written, if not the one that is read."""
    height, width, channels = table.arrays[source].shape
    for v, w in np.ndindex(height, width):
        row, column = padded.get((v, w), (v, w))
        read, written = entries(v, w, channels), entries(row, column, channels)
        before, values = table.values(source, read), table.values(into, written)
        writes = {into: dict(zip(written, values, strict=True))}
        place, name, stage = f" at row {v}, column {w}", f"ReLU6 of {source}", f"ReLU6 after {after}"
        terms = (SumOfProducts((into, written), ((source, read),), "relu6"),)
        sentence, template = relu6_text(before, values) + place, "{relu6}" + place
        yield Step(name, sentence, {source: read}, writes, (), sides, stage, terms=terms, template=template)


def shortcut_steps(table: PanelSet, sides: tuple[Side, ...], padded: Mapping[Place, Place]) -> Iterator[Step]:
    """The sum with the shortcut, position by position; `padded` gives the position of x that is read."""
    height, width, channels = table.arrays["output"].shape
    for v, w in np.ndindex(height, width):
        row, column = padded.get((v, w), (v, w))
        written, read = entries(v, w, channels), entries(row, column, channels)
        sums = [
            f"{gap('projected', at)} + {gap('x', source, factor=True)} = {gap('output', at)}"
            for at, source in zip(written, read, strict=True)
        ]
        template = f"The shortcut adds x to projected at row {v}, column {w}: {listed(sums)}"
        reads = {"projected": written, "x": read}
        writes = {"output": dict(zip(written, table.values("output", written), strict=True))}
        terms = tuple(SumOfProducts(("output", written), (read,)) for read in reads.items())
        yield table.step("shortcut", template, reads, writes, (), sides, "shortcut", terms=terms)


def relu6_text(before: list[Number], after: list[Number]) -> str:
    """The effect of ReLU6 on some numbers, in words.

    >>> relu6_text([8, 2, -3], [6, 2, 0])
    'ReLU6 clips 8 to 6 and −3 to 0 and lets 2 pass'
    """
    pairs = list(zip(before, after, strict=True))
    clipped = [f"{number_text(a)} to {number_text(b)}" for a, b in pairs if a != b]
    passing = [number_text(a) for a, b in pairs if a == b]
    clips, lets = clipped and f"clips {listed(clipped)}", passing and f"lets {listed(passing)} pass"
    return f"ReLU6 {' and '.join(part for part in (clips, lets) if part)}"


def block_panels(
    kernels: Mapping[str, Array], x: Array, stages: InvertedResidualStages, g: Geometry, shortcut: bool
) -> Iterator[Panel]:
    """The panels in the order in which the block fills them."""
    if "expand" in kernels:
        expand, relu6 = kernels["expand"], np.asarray(stages.expanded_relu6)
        yield Panel("x", "input", x[0], VOLUME, "input", given=True)
        yield matrix_panel("expand", counted("expanding filter", expand.shape[-1]), expand)
        yield volume_panel("expanded", "output of expand", whole(np.asarray(stages.expanded)), "linear")
        yield volume_panel("expanded_relu6", "ReLU6 of expanded", whole(g.pad(relu6)), "activated", inside=inside_of(g))
    else:
        yield input_panel(x, g)
    depthwise, project = kernels["depthwise"], kernels["project"]
    yield spatial_panel("depthwise", counted("depthwise filter", depthwise.shape[-1]), depthwise, "channel")
    yield volume_panel("filtered", "output of depthwise", whole(stages.depthwise), "depthwise")
    yield volume_panel("filtered_relu6", "ReLU6 of filtered", whole(stages.depthwise_relu6), "activated")
    yield matrix_panel("project", counted("projecting filter", project.shape[-1]), project)
    title = "output of project" if shortcut else "output of project, and of the block"
    yield volume_panel("projected", title, whole(stages.projected), "linear")
    if shortcut:
        yield volume_panel("output", "of the block: projected + x, by the shortcut", whole(stages.output), "output")


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
    """Stage by stage: one value a step in the convolutions, one position with all channels in ReLU6 and the shortcut.

    The page compares with a block that has a standard convolution in place of the depthwise one.

    x: an array (1, Dᵤ, Dᵤ, k) or sizes (Dᵤ, Dᵤ, k); expand, depthwise, project: arrays (k, tk), (Dᵣ, Dᵣ, tk), (tk, k′),
    or the sides kernel, expansion t and out_channels k′, 3×3, 2 and k unless given; expansion 1 leaves expand and its
    ReLU6 out; stride, padding, dilation as in `inverted_residual`; seed: of the random numbers. Raises as `stepper`.
    Source: the article's Table 1 and Fig. 8(b).

    >>> plan = inverted_residual(x=(1, 1, 2))
    >>> print(*dict.fromkeys(step.stage for step in plan.walk()), sep=", ")
    expand, ReLU6 after expand, depthwise, ReLU6 after depthwise, project, shortcut
    """
    arrays = GivenArrays(seed, WEIGHTS)
    x = arrays.volume("x", x)
    kernels, k = {}, x.shape[-1]
    t = count_of("expansion", expansion, EXPANSION)
    if expand is not None or t > 1:
        kernels["expand"] = arrays.kernel("expand", expand, (k, t * k), expansion=expansion)
    wide = kernels["expand"].shape[-1] if "expand" in kernels else k
    spatial = (*kernel_sides(3 if kernel is None else kernel), wide)
    kernels["depthwise"] = arrays.kernel("depthwise", depthwise, spatial, channel_axes=1, kernel=kernel)
    projecting = (wide, count_of("out_channels", out_channels, k))
    kernels["project"] = arrays.kernel("project", project, projecting, out_channels=out_channels)

    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    given: list[Any] = [x, *(kernels.get(name) for name in ("expand", "depthwise", "project"))]
    floats: list[Any] = [None if a is None else a.astype(np.float64) for a in given]
    g, shortcut = inverted_residual_geometry(NAME, floats, **geometry)
    fits_padded("the depthwise input", (*x.shape[:3], wide), g)
    shapes: list[Any] = [None if a is None else a.shape for a in given]
    cost = inverted_residual_cost(*shapes, **geometry)
    taps_shape = kernels["depthwise"].shape
    standard = conv2d_cost((*x.shape[:3], wide), (*taps_shape, wide), **geometry).macs
    expanding = prod(x.shape[:3]) * (wide + 1) if "expand" in kernels else 0
    fits_steps(expanding + prod(g.output) * (wide + 1 + kernels["project"].shape[-1] + shortcut), cost.macs)
    stages = inverted_residual_stages(*floats, **geometry)
    table = PanelSet(*block_panels(kernels, x, stages, g, shortcut))

    def walk() -> Iterator[Step]:
        others = cost.macs - cost.parts["depthwise"].macs
        count = Multiplications({"inverted residual": cost.macs, "standard in the middle": others + standard})
        padded = {place: padded for padded, place in inner_places(g).items()}
        if "expand" in kernels:
            yield from table.pointwise("x", "expand", "expanded", count, k, "expand")
            yield from relu6(table, "expand", "expanded", "expanded_relu6", count.after(), padded)
        source = "expanded_relu6" if "expand" in kernels else "x"
        yield from table.depthwise(g, source, "depthwise", "filtered", count, prod(taps_shape), "depthwise")
        yield from relu6(table, "depthwise", "filtered", "filtered_relu6", count.after(), {})
        yield from table.pointwise("filtered_relu6", "project", "projected", count, wide, "project")
        if shortcut:
            yield from shortcut_steps(table, count.after(), {} if "expand" in kernels else padded)

    expanded = f"expanded to {counted('channel', wide)}, " if "expand" in kernels else ""
    summary = (
        f"An input of {shape_text(x.shape[1:])} is {expanded}filtered channel by channel and projected to "
        f"{shape_text(cost.output_shape[1:])}, {'with' if shortcut else 'without'} the shortcut; "
        f"{geometry_text(g, padding)}."
    )
    return Plan("Inverted residual, stage by stage", summary, table.panels, walk, geometry)
