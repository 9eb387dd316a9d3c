"""The plan of a stepper, which each kind's function returns, and the panels and steps that several plans share."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from ...kernels.geometry import Array, Geometry, Padding, Pair, repeat_channels
from ...text import counted
from .step import Boxes, Counting, Grouped, Index, Number, Panel, Product, Side, Step, SumOfProducts
from .words import entry_text, filled_gaps, gap

VOLUME = ("row", "column", "channel")


@dataclass(frozen=True)
class Plan:
    """A stepper before its steps are taken; `walk` generates them."""

    title: str
    summary: str
    panels: tuple[Panel, ...]
    walk: Callable[[], Iterator[Step]]
    geometry: Mapping[str, Pair | Padding]
    counting: Counting = field(default_factory=Counting)
    boxes: Boxes | None = None
    fixed: str = ""
    grouped: Grouped | None = None


def inside_of(g: Geometry) -> tuple[int, int, int, int] | None:
    """`Panel.inside` of the padded input; None where there is no padding."""
    height, width = g.height.inside, g.width.inside
    if (height.stop - height.start, width.stop - width.start) == (g.height.padded, g.width.padded):
        return None
    return height.start, height.stop, width.start, width.stop


def inner_places(g: Geometry) -> dict[tuple[int, int], tuple[int, int]]:
    """The position in the input of each position of the padded input that is not padding."""
    rows, columns = (list(enumerate(range(axis.padded)[axis.inside])) for axis in (g.height, g.width))
    return {(row, column): (v, w) for v, row in rows for w, column in columns}


def input_panel(x: Array, g: Geometry, title: str = "input") -> Panel:
    """The input as the kernels read it, with its padding."""
    return Panel("x", title, g.pad(x)[0], VOLUME, "input", given=True, inside=inside_of(g))


def volume_panel(name: str, title: str, values: Array, role: str, **others: Any) -> Panel:
    """A volume (1, D, D, C) that the steps fill."""
    return Panel(name, title, values[0], VOLUME, role, given=False, **others)


def spatial_panel(name: str, title: str, kernel: Array, *channels: str, **others: Any) -> Panel:
    """A kernel (Dᵣ, Dᵣ, …)."""
    return Panel(name, title, kernel, ("tap row", "tap column", *channels), "filter", **{"given": True, **others})


def matrix_panel(name: str, title: str, kernel: Array) -> Panel:
    """A pointwise kernel (M, N)."""
    return Panel(name, title, kernel, ("input channel", "filter"), "filter", given=True)


def patch(g: Geometry, v: int, w: int, channels: Iterable[int]) -> tuple[Index, ...]:
    """The entries of the padded input that output position (v, w) reads, by tap row, tap column and channel."""
    return tuple(product(g.row[v], g.column[w], channels))


def taps(g: Geometry, *channels: Sequence[int]) -> tuple[Index, ...]:
    """The entries of a kernel in the same order, for the given channels of its last axes."""
    return tuple(product(range(g.height.kernel), range(g.width.kernel), *channels))


class Multiplications:
    """The multiplications done so far on each side, by name, and in all."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        self.totals = totals
        self.done = dict.fromkeys(totals, 0)

    def after(self, *more: int) -> tuple[Side, ...]:
        """The sides after this many more multiplications on each, by default none."""
        for name, number in zip(self.totals, more, strict=False):
            self.done[name] += number
        return tuple(Side(name, self.done[name], total) for name, total in self.totals.items())


class PanelSet:
    """The panels of a plan by name, for the steps that read and write them."""

    def __init__(self, *panels: Panel) -> None:
        self.panels = panels
        self.arrays = {panel.name: panel.values for panel in panels}

    def values(self, name: str, indices: Iterable[Index]) -> list[Number]:
        """Several entries of a panel, as Python's numbers."""
        return [self.arrays[name][index].item() for index in indices]

    def products(self, left: tuple[str, Iterable[Index]], right: tuple[str, Iterable[Index]]) -> tuple[Product, ...]:
        """The entries of one panel times those of another, pair by pair."""
        pairs = zip(self.values(*left), self.values(*right), strict=True)
        return tuple((a, b, a * b) for a, b in pairs)

    def step(
        self,
        name: str,
        template: str,
        reads: Mapping[str, tuple[Index, ...]],
        writes: Mapping[str, Mapping[Index, Number]],
        products: tuple[Product, ...],
        sides: tuple[Side, ...],
        stage: str = "",
        **others: Any,
    ) -> Step:
        """A step, whose sentence is the template with the numbers of the panels and of the step in its gaps."""

        def value(panel: str, index: Index) -> Number:
            written = writes.get(panel, {})
            return written[index] if index in written else self.values(panel, [index])[0]

        sentence = filled_gaps(template, value, products)
        return Step(name, sentence, reads, writes, products, sides, stage, template=template, **others)

    def sum_of_products(
        self,
        left: tuple[str, tuple[Index, ...]],
        right: tuple[str, tuple[Index, ...]],
        into: tuple[str, Index],
        count: Multiplications,
        beside: int,
        stage: str = "",
    ) -> Step:
        """The step that writes one entry, a sum of products; `beside` counts the other side's multiplications."""
        products, (panel, index) = self.products(left, right), into
        (value,), name = self.values(panel, [index]), entry_text(panel, index)
        template, writes = f"{name} = {{products}} = {gap(panel, index)}", {panel: {index: value}}
        terms, sides = (SumOfProducts((panel, (index,)), (left, right)),), count.after(len(products), beside)
        return self.step(name, template, dict([left, right]), writes, products, sides, stage, terms=terms)

    def depthwise(
        self, g: Geometry, x: str, kernel: str, y: str, count: Multiplications, beside: int, stage: str = ""
    ) -> Iterator[Step]:
        """A depthwise convolution from panel to panel, in the order of `depthwise_conv2d_loops`."""
        channels, outputs = self.arrays[x].shape[-1], self.arrays[y]
        source = repeat_channels(np.arange(channels, dtype=np.int64), outputs.shape[-1]).tolist()
        for v, w, c in np.ndindex(*outputs.shape):
            read, weights = (x, patch(g, v, w, [source[c]])), (kernel, taps(g, [c]))
            yield self.sum_of_products(read, weights, (y, (v, w, c)), count, beside, stage)

    def pointwise(
        self, x: str, kernel: str, y: str, count: Multiplications, beside: int, stage: str = ""
    ) -> Iterator[Step]:
        """A pointwise convolution from panel to panel, in the order of `pointwise_conv2d_loops`."""
        channels = range(len(self.arrays[kernel]))
        for v, w, n in np.ndindex(*self.arrays[y].shape):
            read, weights = tuple((v, w, m) for m in channels), tuple((m, n) for m in channels)
            yield self.sum_of_products((x, read), (kernel, weights), (y, (v, w, n)), count, beside, stage)


def geometry_text(g: Geometry, padding: Padding, what: str = "of zeros") -> str:
    """The geometry in words, at the end of a summary; `what` says what padding's rows and columns are."""

    def both(name: str, first: int, second: int) -> str:
        return f"{name} {first}" if first == second else f"{name} {first}×{second}"

    rows, columns = g.height.before + g.height.after, g.width.before + g.width.after
    pads = f"padding {padding!r}" if isinstance(padding, str) else "padding"
    zeros = f"{pads}, {counted('row', rows)} and {counted('column', columns)} {what}"
    stride, dilation = (both(name, getattr(g.height, name), getattr(g.width, name)) for name in ("stride", "dilation"))
    return f"{stride}, {zeros if rows or columns else 'no padding'}, {dilation}"
