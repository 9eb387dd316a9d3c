"""The article's Fig. 3: channel i of the input filtered by channel i of a filter, M maps, and then their sum."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from matplotlib.offsetbox import OffsetBox

from ..kernels.geometry import Padding, Pair
from ..text import counted, number_text, plural, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import ROLES, Volume, least_number_cell, number_cell, number_size, text_width
from .parts.layer import StandardLayer, layer_from
from .parts.layout import Drawing, Page, column, note, text, title
from .parts.rows import rows_and_sum
from .parts.slabs import channel_color, hue_text
from .parts.values import ROUNDED, Given, geometry_text, number_texts, side_text
from .parts.worked import Slices, Terms, slices_text, worked_value

MOST_ROWS = 64  # of channels
LARGEST_CELL, SMALL_CELL, LEAST_CELL = 0.45, 0.11, 0.05  # inches


def per_channel_view(
    *,
    x: Given = (1, 7, 7, 3),
    kernel: Given = (3, 3, 3, 4),
    n: int = 0,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    at: tuple[int, int] | None = None,
    seed: int = 0,
) -> Figure:
    """The second reading of a convolution: every channel filtered by itself, M maps, and their sum.

    Args:
        x: one image (1, Dᵤ, Dᵤ, M), or its shape, to be filled with integers from −3 to 3.
        kernel: N filters (Dᵣ, Dᵣ, M, N), or their shape, to be filled with integers from −1 to 1.
        n: which of the filters is drawn. By default all is as in `standard_convolution`.
        stride, padding, dilation: as in `npconv.per_channel_maps`; padding is drawn as padding.
        at: the (row, column) in the maps that is framed; their middle if None.
        seed: of the integers.

    Returns:
        Figure "per-channel-view". Its data: input, filter and maps as per_channel_maps has them, their `sum`
        (1, Dᵥ, Dᵥ), which is channel n of the output, and `at` with the `summands` there.

    Raises:
        TypeError, ValueError: as `npconv.per_channel_maps`, and ValueError for what cannot be drawn: B above 1, more
            than 32 rows or columns, numbers that are not finite or too long.

    Source: the article's Fig. 3; the sum, which it mentions and doesn't show, is the last column.

    >>> figure = per_channel_view(x=(1, 4, 5, 2), kernel=(3, 3, 2, 1))
    >>> np.shape(figure.data["maps"]), np.shape(figure.data["sum"])
    ((1, 2, 3, 2), (1, 2, 3))
    """
    layer = layer_from("per_channel_view", x, kernel, stride, padding, dilation, at, seed, n)
    with drawn_by("per_channel_view", x=layer.x, kernel=layer.kernel):
        page = Page()
        view = _arranged(page, layer)
        figure = page.finish(view.box)
    return Figure(
        name="per-channel-view",
        figure=figure,
        data={
            "input": layer.x.tolist(),
            "filter": layer.filter.tolist(),
            "maps": layer.maps.tolist(),
            "sum": layer.y[..., layer.n].tolist(),
            "at": [layer.row, layer.column],
            "summands": layer.sums.tolist(),
            "drawn": {"channels": view.shown, "slices": view.slices},
        },
        alt=_alt(layer, view),
        caption=_caption(layer, view, geometry_text(stride, padding, dilation)),
    )


class _ChannelRows(NamedTuple):
    """The layout: the page's box, how many channels have a row, how many slices are written out, and notes."""

    box: OffsetBox
    shown: int
    slices: int
    notes: list[str]


def _alt(layer: StandardLayer, view: _ChannelRows) -> str:
    channels, shown = layer.kernel.shape[2], view.shown
    input_size, filter_size, map_size = (shape_text(a.shape) for a in (layer.x[0], layer.filter, layer.maps[0]))
    drawn = "all rows are" if shown == channels else f"{shown} of {channels} rows {'is' if shown == 1 else 'are'}"
    below = f" Below, {slices_text(shown, channels)} of the framed patch beside the filter's, with numbers."
    return (
        f"Rows, one for each channel m of an input of {input_size}: the channel, the same channel of a filter of "
        f"{filter_size}, and the map that they give; {'the one row is' if channels == 1 else drawn} drawn. "
        f"The {plural('map', channels)}, {map_size}, {'is' if channels == 1 else 'are added to'} one channel of the "
        f"output, where the framed value is {layer.equation}.{below if view.slices else ''}"
    )


def _caption(layer: StandardLayer, view: _ChannelRows, how: str) -> str:
    channels, filters = layer.kernel.shape[2:]
    mixed = f"A filter works on each of the M = {channels} channels by itself; only the sum of the maps mixes them"
    claim = mixed if channels > 1 else "With M = 1 channel a filter gives one map, which is their sum already"
    again = f", and this is done again for each of N = {filters} filters" if filters > 1 else ""
    others = "the other filter" if filters == 2 else f"the other {filters - 1} of the N filters"
    return four_part_caption(
        claim=f"{claim}{again}.",
        computed=(
            f"The maps are npconv.per_channel_maps', their sum is channel {layer.n} of npconv.conv2d's, with {how}."
        ),
        scale=[
            f"All slices{' in the rows' if view.slices else ''} have one scale",
            hue_text(channels),
            "indices count from 0",
            *view.notes,
        ],
        not_shown=[_rest(layer, view.shown), others if filters > 1 else "", "a bias"],
    )


def _rest(layer: StandardLayer, shown: int) -> str:
    """The words about the channels that have no row; nothing where all have one."""
    more = len(layer.sums) - shown
    add = "map adds" if more == 1 else "maps add"
    missing = number_text(layer.sums[shown:].sum())
    return f"{counted('more channel', more)}, whose {add} {missing} to the framed value" if more else ""


@dataclass(frozen=True)
class _Column:
    """The slices of one column: those of the input, of the filter, of the maps, or the sum alone."""

    name: str
    role: str
    title: str
    side: str
    volume: Volume
    texts: Sequence[list[list[str]]]
    frame: tuple[Sequence[int], Sequence[int]]
    widest: str = field(init=False)

    def __post_init__(self) -> None:
        numbers = {text for texts in self.texts for line in texts for text in line}
        object.__setattr__(self, "widest", max(numbers, key=text_width))

    def fits(self, cell: float) -> bool:
        """True where all its numbers fit into cells of that size."""
        return number_size([[self.widest]], cell) is not None

    def drawn(self, m: int, color: str, cell: float) -> Drawing:
        """The slice of a channel; where its numbers don't fit, the framed one is written above."""
        drawing, volume, texts = Drawing(), self.volume.at(0, 0, cell), self.texts[m]
        (row, *rows), (column, *columns) = self.frame
        framed = "" if self.fits(cell) or rows or columns or self.name == "filter" else f"framed: {texts[row][column]}"
        name = self.name if self.name == "sum" else f"{self.name}-{m}"
        drawing.volume(name, volume, color, texts if self.fits(cell) else None, title=framed)
        drawing.frame(volume, *self.frame)
        return drawing


def _columns(layer: StandardLayer) -> list[_Column]:
    """The four columns."""
    whole, channels = layer.input_volume, layer.kernel.shape[2]
    kernel_sides, sides, one = layer.kernel.shape[:2], layer.y.shape[1:3], ([layer.row], [layer.column])
    everything = (range(kernel_sides[0]), range(kernel_sides[1]))
    arrays = (layer.padded, layer.filter, layer.maps[0], layer.y[0, ..., layer.n, np.newaxis])
    texts = [[number_texts(a[..., m]) for m in range(a.shape[-1])] for a in arrays]
    of_input, of_filter, of_map = (
        f"{channels} × ({shape_text((*a, 1))})" for a in (layer.x.shape[1:3], kernel_sides, sides)
    )
    patch = (layer.patch_rows, layer.patch_columns)
    source = Volume(whole.height, whole.width, 1, padding=whole.padding)
    result = Volume(sides[0], sides[1], 1)
    return [
        _Column(
            "input",
            "input",
            f"input\n{of_input}",
            side_text("Dᵤ", *layer.x.shape[1:3]),
            source,
            texts[0],
            patch,
        ),
        _Column(
            "filter",
            "filter",
            f"filter n = {layer.n}\n{of_filter}",
            side_text("Dᵣ", *kernel_sides),
            Volume(kernel_sides[0], kernel_sides[1], 1),
            texts[1],
            everything,
        ),
        _Column(
            "map",
            "intermediate",
            f"{plural('map', channels)}\n{of_map}",
            side_text("Dᵥ", *sides),
            result,
            texts[2],
            one,
        ),
        _Column(
            "sum", "output", f"their sum\n{shape_text((*sides, 1))}", side_text("Dᵥ", *sides), result, texts[3], one
        ),
    ]


def _arranged(page: Page, layer: StandardLayer) -> _ChannelRows:
    """The largest cells with which most can be drawn: every channel with its numbers, or else with the framed ones."""
    columns, channels = _columns(layer), len(layer.sums)
    cells = [number_cell([[column.widest]]) for column in columns]
    natural = min(LARGEST_CELL, max(0.25, *cells))
    with_numbers = max(least_number_cell(column.widest) for column in columns)
    can_work = _terms(page, layer, 1) is not None
    options: list[tuple[int, bool, Callable[..., OffsetBox], float]] = []
    for least, worked in ((with_numbers, False), (SMALL_CELL, can_work), (LEAST_CELL, can_work)):
        if least > natural or (len(options) == 2 and any(shown for shown, *_ in options)):
            continue
        build = partial(_box, page, layer, columns, worked)
        shown = page.most(partial(build, cell=least), min(channels, MOST_ROWS))
        options.append((shown, worked, build, least))
        if shown == channels:
            break
    everything = [option for option in options if option[0] == channels]
    shown, worked, drawn, least = next(iter(everything or [option for option in options if option[0]] or options))
    box, cell = page.fitted(partial(drawn, max(1, shown)), natural, least=least)
    return _ChannelRows(box, max(1, shown), shown if worked else 0, _notes(layer, columns, worked, cell))


def _box(page: Page, layer: StandardLayer, columns: list[_Column], worked: bool, shown: int, cell: float) -> OffsetBox:
    """The whole page: rows of slices, their sum, and what is written below."""
    channels = len(layer.sums)
    lines: list[list[OffsetBox | None]] = []
    for m in range(shown):
        slices = [c.drawn(m, channel_color(m, channels, c.role), cell) for c in columns[:3]]
        lines.append([text(f"m = {m}"), slices[0], text("∗", size=15), slices[1], text("=", size=15), slices[2]])
        if m + 1 < channels:
            lines.append([None] * 5 + [text("+", size=13)])
    sides = [None, note(columns[0].side), None, note(columns[1].side), None, note(columns[2].side)]
    titles = [None, title(columns[0].title), None, title(columns[1].title), None, title(columns[2].title)]
    total = columns[3].drawn(0, ROLES["output"], cell)
    equation = text(f"framed: {layer.equation}".replace(" = ", "\n= "))
    beside = not worked and page.size(equation)[0] < 1.8
    sum_column = column(title(columns[3].title), total, equation if beside else None, gap=0.08)
    upper = rows_and_sum(page, titles, lines, sides, sum_column)
    rest = _rest(layer, shown)
    texts = [
        text(f"… and {rest}") if rest else None,
        None if beside or worked else text(f"framed: {layer.equation}"),
        *map(note, _notes(layer, columns, worked, cell)),
    ]
    terms = _terms(page, layer, shown) if worked else None
    return column(upper, terms, column(*texts, gap=0.06, align="left") if any(texts) else None, gap=0.15)


def _terms(page: Page, layer: StandardLayer, shown: int) -> OffsetBox | None:
    """The slices that make the framed value, in the hues of their channels, and its equation; None if too wide."""
    channels = len(layer.sums)
    parts = [
        Slices(
            name,
            role,
            [number_texts(a[..., m]) for m in range(shown)],
            [channel_color(m, channels, role) for m in range(shown)],
        )
        for name, role, a in (("patch", "input", layer.patch), ("filter", "filter", layer.filter))
    ]
    terms = Terms(parts, "×", [number_text(number) for number in layer.sums])
    arranged = worked_value(page, layer, terms, most=shown)
    return arranged[0] if arranged else None


def _notes(layer: StandardLayer, columns: Sequence[_Column], worked: bool, cell: float) -> list[str]:
    """The notes on the picture, for it and for the caption."""
    blank = [
        name for name, column in zip(("input", "filter", "maps", "sum"), columns, strict=True) if not column.fits(cell)
    ]
    instead = "; those of the framed patches stand in the worked value" if worked else ""
    return [
        *(["dotted: padding, zeros in every channel"] if columns[0].volume.padding != ((0, 0), (0, 0)) else []),
        *([f"no numbers in {', '.join(blank)}: the cells are too small{instead}"] if blank else []),
        *([ROUNDED] if layer.rounded else []),
    ]
