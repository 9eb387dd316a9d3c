"""What every kind's function returns, a plan, and what the plans share: panels, and a step that sums products."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...kernels.geometry import Array, Geometry, Padding, Pair
from ...text import counted, number_text
from .step import Index, Number, Panel, Side, Step
from .words import entry_text, products_text

VOLUME = ("row", "column", "channel")


@dataclass(frozen=True)
class Plan:
    """A stepper before its steps are taken: `walk` takes them one after the other."""

    title: str
    summary: str
    panels: tuple[Panel, ...]
    walk: Callable[[], Iterator[Step]]
    geometry: Mapping[str, Pair | Padding]


def inside_of(g: Geometry) -> tuple[int, int, int, int] | None:
    """`Panel.inside` of the padded input; None where there is no padding."""
    height, width = g.height.inside, g.width.inside
    if (height.stop - height.start, width.stop - width.start) == (g.height.padded, g.width.padded):
        return None
    return height.start, height.stop, width.start, width.stop


def inner_places(g: Geometry) -> dict[tuple[int, int], tuple[int, int]]:
    """Each place of the padded input that is no padding, with its place in the input itself."""
    rows, columns = (list(enumerate(range(axis.padded)[axis.inside])) for axis in (g.height, g.width))
    return {(row, column): (v, w) for v, row in rows for w, column in columns}


def input_panel(x: Array, g: Geometry, title: str = "input x") -> Panel:
    """The input as the kernels read it, with its padding."""
    return Panel("x", title, g.pad(x)[0], VOLUME, "input", given=True, inside=inside_of(g))


def volume_panel(
    name: str, title: str, values: Array, role: str, inside: tuple[int, int, int, int] | None = None
) -> Panel:
    """A volume (1, D, D, C) that the steps fill."""
    return Panel(name, title, values[0], VOLUME, role, given=False, inside=inside)


def spatial_panel(name: str, title: str, kernel: Array, *channels: str) -> Panel:
    """A kernel (Dᵣ, Dᵣ, …)."""
    return Panel(name, title, kernel, ("tap row", "tap column", *channels), "filter", given=True)


def matrix_panel(name: str, title: str, kernel: Array) -> Panel:
    """A pointwise kernel (M, N)."""
    return Panel(name, title, kernel, ("input channel", "filter"), "filter", given=True)


def patch(g: Geometry, v: int, w: int, channels: Iterable[int]) -> tuple[Index, ...]:
    """The entries of the padded input that the output's place (v, w) reads: by tap row, tap column, channel."""
    channels = tuple(channels)
    return tuple((row, column, m) for row in g.row[v] for column in g.column[w] for m in channels)


def taps(g: Geometry, *channels: Sequence[int]) -> tuple[Index, ...]:
    """The entries of a kernel in the same order, at every tap those of the channels given for its last axes."""
    sides = (range(g.height.kernel), range(g.width.kernel))
    indices: tuple[Index, ...] = ((),)
    for axis in (*sides, *channels):
        indices = tuple((*index, i) for index in indices for i in axis)
    return indices


class Table:
    """The panels by name, for the steps that read them."""

    def __init__(self, *panels: Panel) -> None:
        self.panels = panels
        self.arrays = {panel.name: panel.values for panel in panels}

    def value(self, name: str, index: Index) -> Number:
        """An entry, as a number of Python's."""
        number: Number = self.arrays[name][index].item()
        return number

    def values(self, name: str, indices: Iterable[Index]) -> list[Number]:
        """Several entries."""
        return [self.value(name, index) for index in indices]

    def products(
        self, left: tuple[str, Sequence[Index]], right: tuple[str, Sequence[Index]]
    ) -> tuple[tuple[Number, Number, Number], ...]:
        """The entries of one panel times those of another, pair by pair."""
        pairs = zip(self.values(*left), self.values(*right), strict=True)
        return tuple((a, b, a * b) for a, b in pairs)

    def sum_of_products(
        self,
        left: tuple[str, tuple[Index, ...]],
        right: tuple[str, tuple[Index, ...]],
        into: tuple[str, Index],
        sides: tuple[Side, ...],
        *,
        stage: str = "",
        name: str | None = None,
        then: str = "",
    ) -> Step:
        """The step that writes one entry, the sum of the products of what it reads; `then` ends its sentence."""
        panel, index = into
        products, value = self.products(left, right), self.value(panel, index)
        name = entry_text(panel, index) if name is None else name
        sentence = f"{name} = {products_text(products)} = {number_text(value)}{then}"
        return Step(name, sentence, dict([left, right]), {panel: {index: value}}, products, sides, stage)


def geometry_text(g: Geometry, padding: Padding) -> str:
    """The geometry in words, at the end of a summary."""
    both = [
        f"{name} {first}" if first == second else f"{name} {first}×{second}"
        for name, first, second in (
            ("stride", g.height.stride, g.width.stride),
            ("dilation", g.height.dilation, g.width.dilation),
        )
    ]
    rows, columns = g.height.before + g.height.after, g.width.before + g.width.after
    pads = f"padding {padding!r}" if isinstance(padding, str) else "padding"
    zeros = f"{pads}, {counted('row', rows)} and {counted('column', columns)} of zeros"
    both.insert(1, zeros if rows or columns else "no padding")
    return ", ".join(both)
