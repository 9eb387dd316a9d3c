"""The dilated convolution: kernels with gaps, and the inputs that stacks of them read, found by running the kernel."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.offsetbox import OffsetBox

from ..checks import receptive_field
from ..kernels import arguments
from ..kernels.geometry import Array
from ..text import listed, plural, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import LABEL_GAP, MOST_ROWS, SMALL, TooLargeError, Volume
from .parts.grids import fill, flat
from .parts.layout import Drawing, Page, column, grid, note, row, title

NAME = "dilated_convolution"
MOST_RATES, MOST_STACKS, MOST_LAYERS = 4, 4, 5
LARGEST_CELL = 0.17  # inches
LEVEL = 0.36  # inches from a layer of a stack to the next, cells apart
FIELD_GAP = 0.1  # inches from the input along an axis to the input in two


def dilated_convolution(
    *,
    kernel_size: int = 3,
    rates: Sequence[int] = (1, 2, 4),
    stacks: Sequence[Sequence[int]] = ((1, 2, 4), (2, 2, 2), (1, 2, 3)),
) -> Figure:
    """The dilated convolution: the taps of kernels at some rates, and the inputs that an output of some stacks reads.

    Args:
        kernel_size: Dᵣ of every layer.
        rates: the dilation rates δ of the single kernels, four at the most.
        stacks: the rates of the layers of each stack, from the input on; four stacks of five layers at the most.

    Returns:
        Figure "dilated-convolution". Its data: for each rate the taps as 1 and the gaps as 0; for each stack the inputs
        that one output reads as 1, in two dimensions and along an axis, for all layers and for the last ones alone.

    Raises:
        TypeError, ValueError: numbers that are not positive ints, or more than can be drawn.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 7.

    >>> [stack["read along an axis"] for stack in dilated_convolution(rates=(1,)).data["stacks"]]
    ['15 of 15', '7 of 13', '13 of 13']
    """
    kernel_size = arguments.integer(NAME, "kernel_size", kernel_size, 1, MOST_ROWS)
    if not isinstance(stacks, tuple | list) or not 1 <= len(stacks) <= MOST_STACKS:
        raise ValueError(f"{NAME}: stacks must be 1 to {MOST_STACKS} tuples of ints; got {arguments.shown(stacks)}")
    kernels = [_Stack(kernel_size, (rate,)) for rate in _rates("rates", rates, MOST_RATES)]
    deep = [_Stack(kernel_size, _rates("stacks", stack, MOST_LAYERS)) for stack in stacks]
    with drawn_by(NAME, kernel_size=(kernel_size, kernel_size)):
        figure = _draw(kernels, deep)
    return Figure(
        name="dilated-convolution",
        figure=figure,
        data={
            "kernel size": kernel_size,
            "rates": [{"rate": kernel.rates[0], "taps": kernel.field.astype(np.int64).tolist()} for kernel in kernels],
            "stacks": [stack.data for stack in deep],
        },
        alt=_alt(kernels, deep),
        caption=_caption(kernels, deep),
    )


def _rates(name: str, given: Sequence[int], most: int) -> tuple[int, ...]:
    """Some rates; raises where they are none, or too many to draw."""
    rates = arguments.integers(NAME, name, given, most=MOST_ROWS)
    if not 1 <= len(rates) <= most:
        raise ValueError(f"{NAME}: {name} must have 1 to {most} rates; got {arguments.shown(given)}")
    return rates


@dataclass(frozen=True)
class _Stack:
    """Layers of one kernel size and of these dilation rates, the first one on the input."""

    size: int
    rates: tuple[int, ...]

    @cached_property
    def fields(self) -> list[Array]:
        """The positions that an output reads, level by level: itself, before the last layer, …, of the input."""
        layers = [(self.size, 1, rate) for rate in self.rates]
        fields: list[Array] = [np.ones((1, 1), bool)]
        return fields + [receptive_field(*layers[first:]) for first in reversed(range(len(layers)))]

    @property
    def field(self) -> Array:
        """The positions of the input that an output reads, and those between them, (rows, columns)."""
        return self.fields[-1]

    @property
    def levels(self) -> list[Array]:
        """The same along an axis."""
        return [np.asarray(field.any(axis=0)) for field in self.fields]

    @property
    def along(self) -> str:
        """The number of positions that are read along an axis, of all."""
        return f"{self.levels[-1].sum()} of {len(self.levels[-1])}"

    @property
    def verdict(self) -> str:
        """The numbers of positions that are read, and the word for it where some are not."""
        gaps = "" if self.field.all() else ": gridding"
        return f"{self.along} inputs along an axis, {self.field.sum()} of {self.field.size} in all{gaps}"

    @property
    def name(self) -> str:
        """The rates, in words."""
        return f"{plural('rate', len(self.rates))} {', '.join(map(str, self.rates))}"

    @property
    def data(self) -> dict[str, Any]:
        """The stack as plain JSON."""
        return {
            "rates": list(self.rates),
            "read along an axis": self.along,
            "field": self.field.astype(np.int64).tolist(),
            "along an axis": [level.astype(np.int64).tolist() for level in self.levels],
        }


def _draw(kernels: Sequence[_Stack], stacks: Sequence[_Stack]) -> matplotlib.figure.Figure:
    widest = max(len(each.field) for each in (*kernels, *stacks))
    if widest > MOST_ROWS:
        raise TooLargeError(f"{widest} positions can't be drawn, {MOST_ROWS} can")
    page = Page()
    box, _ = page.fitted(partial(_page, page, kernels, stacks), LARGEST_CELL)
    return page.finish(box)


def _page(page: Page, kernels: Sequence[_Stack], stacks: Sequence[_Stack], cell: float) -> OffsetBox:
    """Everything, in cells of that size."""
    size = kernels[0].size
    taps: list[OffsetBox | None] = [_kernel(kernel, cell) for kernel in kernels]
    words: list[OffsetBox | None] = []
    for kernel in kernels:
        said = f"δ = {kernel.rates[0]}: {size * size} weights\nover {shape_text(kernel.field.shape)} positions"
        words.append(note(said, align="center"))
    why = note(
        f"filled: a weight, {shape_text((size, size))} at every rate;\nempty: the δ − 1 positions between neighbours,\n"
        "which no weight reads.\nThe kernel spans more, and costs the same."
    )
    under = "filled: read, empty: not read; above each map the same along one axis, layer by layer from the output down"
    return column(
        title("one kernel at dilation rate δ: a weight at every δ-th position"),
        page.beside_or_below(grid([taps, words], gaps=(0.4, 0.08), along=["center", "top"]), why, gap=0.4),
        column(title("the inputs that one output of a stack of layers reads"), note(under), gap=0.03, align="left"),
        row(*(_drawn(n, stack, cell) for n, stack in enumerate(stacks)), gap=0.3, align="top"),
        gap=0.14,
        align="left",
    )


def _kernel(kernel: _Stack, cell: float) -> Drawing:
    """The taps of a kernel among its gaps."""
    drawing = Drawing()
    _positions(drawing, f"kernel-{kernel.rates[0]}", flat(kernel.field, cell), kernel.field, "filter")
    return drawing


def _positions(drawing: Drawing, name: str, place: Volume, read: Array, role: str) -> None:
    """Draw positions, those that are read filled."""
    drawing.volume(name, place, "#FFFFFF")
    fill(drawing, name, place, read, role)


def _drawn(number: int, stack: _Stack, cell: float) -> Drawing:
    """A stack: along an axis one output, what it reads of the layer before, and so on; and the input in two."""
    drawing, levels, width = Drawing(), stack.levels, len(stack.levels[-1])
    roles = ["output", *["intermediate"] * (len(levels) - 2), "input"]
    middle, names = width / 2 * cell, {0: "output", len(levels) - 1: "input"}
    places = [
        flat(level[np.newaxis], cell, x=middle - len(level) / 2 * cell, y=-depth * (cell + LEVEL))
        for depth, level in enumerate(levels)
    ]
    for depth, (level, place, role) in enumerate(zip(levels, places, roles, strict=True)):
        _positions(drawing, f"stack-{number}-{depth}", place, level[np.newaxis], role)
        drawing.text(-LABEL_GAP, place.middle(0, 0)[1], names.get(depth, ""), size=SMALL, across="right")
    for rate, (above, below), level in zip(reversed(stack.rates), pairwise(places), levels, strict=False):
        for position in np.flatnonzero(level):
            for tap in range(stack.size):
                ends = above.point(1, position + 0.5), below.point(0, position + tap * rate + 0.5)
                drawing.line(ends, width=0.6)
        drawing.text(-LABEL_GAP, (above.bottom + below.y) / 2, f"δ = {rate}", size=SMALL, across="right")
    field = flat(stack.field, cell, y=places[-1].bottom - FIELD_GAP)
    _positions(drawing, f"stack-{number}", field, stack.field, "input")
    words = stack.verdict.replace(", ", "\n")
    drawing.text(middle, 2 * LABEL_GAP, stack.name, weight="bold", along="bottom")
    drawing.text(middle, field.bottom - LABEL_GAP, words, size=SMALL, along="top")
    return drawing


def _alt(kernels: Sequence[_Stack], stacks: Sequence[_Stack]) -> str:
    size = kernels[0].size
    spans = ", ".join(f"{shape_text(kernel.field.shape)} at rate {kernel.rates[0]}" for kernel in kernels)
    read = "; ".join(f"{stack.name}: {stack.verdict}" for stack in stacks)
    return (
        f"Above, kernels of {shape_text((size, size))} weights with gaps between them, over {spans}. Below, for each "
        "stack of layers a tree from one output down to the inputs that it reads along an axis, and a map of those "
        f"that it reads in two dimensions: {read}."
    )


def _caption(kernels: Sequence[_Stack], stacks: Sequence[_Stack]) -> str:
    whole = [f"{stack.along} at {stack.name}" for stack in stacks if stack.field.all()]
    gaps = [f"{stack.along} at {stack.name}" for stack in stacks if not stack.field.all()]
    found = [f"every input within its reach is read at {listed(whole)}"] if whole else []
    found += [f"some are left out for good, which is called gridding, at {listed(gaps)}"] if gaps else []
    return four_part_caption(
        claim=(
            "A dilated kernel spans more of the input with the same weights, and a stack of such layers more again; "
            f"which inputs an output reads depends on the rates together. Along an axis {'; '.join(found)}."
        ),
        computed=(
            "Found by npconv.checks.receptive_field, which runs npconv.conv2d on names, layer upon layer, and keeps "
            f"the names that one output is made of; kernels {shape_text((kernels[0].size,) * 2)}, stride 1, no padding."
        ),
        scale="All cells have one scale; rates are listed from the input to the output.",
        not_shown="Not shown: how often an input is read, and the weights.",
    )
