"""The article's Fig. 3: channel i of the input filtered by channel i of a filter, M maps, and then their sum."""

from collections.abc import Iterator

import numpy as np

from ..kernels.geometry import Padding, Pair
from ..text import number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import (
    LABEL_GAP,
    MARGIN,
    ROLES,
    SMALL,
    SMALLEST,
    TEXT,
    TITLE,
    WIDTH,
    Canvas,
    Labels,
    Volume,
    largest_cell,
    number_cell,
    number_size,
    text_width,
)
from .parts.layer import Layer, layer_from
from .parts.slabs import channel_color, hue_text
from .parts.terms import Part, Terms, draw_slices, slices_text
from .parts.values import ROUNDED, Given, geometry_text, number_texts, plural, side_text

HEIGHT = 12.8  # inches for all
LEAST_CELL = 0.11  # inches of a cell without numbers
SIGN = 0.4  # inches for a sign between columns
SUM = 1.0  # inches for the arrow to the sum
LINE, NOTE = 0.2, 0.17  # inches for a line, and for a small one


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
        canvas = Canvas()
        columns = _Columns(layer)
        notes = _draw(canvas, layer, columns)
        figure = canvas.finish()
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
            "drawn": {"channels": columns.shown, "slices": columns.shown if columns.terms else 0},
        },
        alt=_alt(layer, columns),
        caption=_caption(layer, columns, notes, geometry_text(stride, padding, dilation)),
    )


def _alt(layer: Layer, columns: "_Columns") -> str:
    channels = layer.kernel.shape[2]
    sizes = [shape_text(a.shape) for a in (layer.x[0], layer.filter, layer.maps[0])]
    are = "is" if columns.shown == 1 else "are"
    rows = "all rows are" if columns.shown == channels else f"{columns.shown} of {channels} rows {are}"
    text = (
        f"Rows, one for each channel m of an input of {sizes[0]}: the channel, the same channel of a filter of "
        f"{sizes[1]}, and the map that they give; {'the one row is' if channels == 1 else rows} drawn. "
        f"The {plural('map', channels)}, {sizes[2]}, {'is' if channels == 1 else 'are added to'} one channel of the "
        f"output, where the framed value is {layer.equation}."
    )
    if columns.terms:
        text += f" Below, {slices_text(columns.shown, channels)} of the framed patch beside the filter's, with numbers."
    return text


def _caption(layer: Layer, columns: "_Columns", notes: list[str], how: str) -> str:
    channels, filters = layer.kernel.shape[2:]
    claim = (
        f"A filter works on each of the M = {channels} channels by itself; only the sum of the M maps mixes the "
        "channels"
        if channels > 1
        else "With M = 1 channel a filter gives one map, which is their sum already"
    )
    again = f", and this is done again for each of N = {filters} filters" if filters > 1 else ""
    others = {1: "", 2: "the other filter; "}.get(filters, f"the other {filters - 1} of the N filters; ")
    scale = "All slices in the rows have one scale" if columns.terms else "All slices have one scale"
    return four_part_caption(
        claim=f"{claim}{again}.",
        computed=(
            f"The maps are npconv.per_channel_maps', their sum is channel {layer.n} of npconv.conv2d's, with {how}."
        ),
        scale=f"{scale}; {hue_text(channels)}; indices count from 0{''.join(f'; {note}' for note in notes)}.",
        not_shown=f"Not shown: {columns.rest + '; ' if columns.rest else ''}{others}a bias.",
    )


class _Columns:
    """Where the four columns are: the channels, the filter's, the maps, and their sum. Rows are at heights `middle`.

    `cell`, the channels `shown` and whether the `terms` of the framed value are drawn below are such that as much as
    can be is drawn in the height there is.
    """

    def __init__(self, layer: Layer) -> None:
        kernel_height, kernel_width, channels, _ = layer.kernel.shape
        self.channels: int = channels
        rows, columns = layer.y.shape[1:3]
        whole = layer.input_volume
        self.slices = (
            Volume(whole.height, whole.width, 1, padding=whole.padding),
            Volume(kernel_height, kernel_width, 1),
            Volume(rows, columns, 1),
            Volume(rows, columns, 1),
        )
        arrays = (layer.padded, layer.filter, layer.maps[0], layer.y[0, ..., layer.n, np.newaxis])
        self.numbers = [[number_texts(a[..., m]) for m in range(a.shape[-1])] for a in arrays]
        longest = [max((t for texts in part for row in texts for t in row), key=text_width) for part in self.numbers]
        self.longest = [[[text]] for text in longest]  # of each column
        self.titles = (
            f"input, M = {self.channels}\n{shape_text(layer.x.shape[1:])}",
            f"filter n = {layer.n}\n{shape_text(layer.kernel.shape[:3])}",
            f"{self.channels} {plural('map', self.channels)}\n{shape_text(layer.maps.shape[1:])}",
            f"their sum\n{shape_text((rows, columns, 1))}",
        )
        framed = max(text_width(f"framed: {number_text(number)}", SMALL) for number in layer.sums)
        self.least = (0.0, 0.0, framed, text_width(f"framed: {layer.value}", SMALL))
        left = text_width(f"m = {self.channels}") + 0.12
        available = WIDTH - 2 * MARGIN - left - 2 * SIGN - SUM
        largest = max(0.25, *(number_cell(texts) for texts in self.longest))
        widest = largest_cell(lambda cell: sum(self._widths(cell)), available, min(largest, 0.45))
        self.said = (whole.padding != ((0, 0), (0, 0))) + layer.rounded  # notes but for that of blank cells
        self.cell, self.shown, self.terms = self._choose(widest, _terms(layer))
        self.row_height = self._row_height(self.cell)
        self.above = self._above(self.cell)
        self.widths = self._widths(self.cell)
        self.starts = [MARGIN + left + (available - sum(self.widths)) / 2]
        for width, gap in zip(self.widths, (SIGN, SIGN, SUM), strict=False):
            self.starts.append(self.starts[-1] + width + gap)
        self.rest = ""
        if self.shown < self.channels:
            more, missing = self.channels - self.shown, number_text(layer.sums[self.shown :].sum())
            maps = "maps add" if more > 1 else "map adds"
            self.rest = f"{more} more {plural('channel', more)}, whose {maps} {missing} to the framed value"

    def _choose(self, widest: float, terms: Terms | None) -> tuple[float, int, Terms | None]:
        """The largest cell, the most channels, and the terms if they have to be there."""
        cells = [cell for cell in (widest - 0.005 * k for k in range(100)) if cell >= 0.05] or [widest]
        easy = {cell: cell if cell == widest else 0.9 * cell for cell in cells}  # smaller cells leave some air
        all_fit = [cell for cell in cells if self.fits(easy[cell], 0, 1, 2, 3)]
        numbered = all_fit + [cell for cell in cells if cell not in all_fit and self.fits(easy[cell], 0, 1)]
        small = [cell for cell in cells if cell >= LEAST_CELL] or cells[:1]

        def options() -> Iterator[tuple[float, int, Terms | None]]:
            fewer = range(min(self.channels, 64), 0, -1)
            yield from ((cell, self.channels, None) for cell in numbered)
            if terms:
                yield from ((cell, self.channels, terms) for cell in small)
            yield from ((cell, shown, None) for shown in fewer for cell in all_fit or numbered)
            if terms:
                yield from ((cell, shown, terms) for shown in fewer for cell in small)
            yield from ((cell, shown, None) for shown in fewer for cell in small)

        return next((option for option in options() if self._height(*option) <= HEIGHT), (cells[-1], 1, None))

    def _height(self, cell: float, shown: int, terms: Terms | None) -> float:
        """The height that all takes."""
        notes = self.said + (not self.fits(cell, 0, 1, 2, 3))
        height = 2 * MARGIN + 0.6 + shown * self._row_height(cell) + LINE * (shown < self.channels) + notes * NOTE
        if terms is None:
            return height + LINE
        return height + 0.58 + -(-shown // terms.per_row) * terms.row_height + 2 * LINE

    def fits(self, cell: float, *parts: int) -> bool:
        """Whether the numbers of those columns fit into cells of that size."""
        return all(number_size(self.longest[part], cell) for part in parts)

    def _above(self, cell: float) -> float:
        return 0.0 if self.fits(cell, 2) else 0.2  # for the framed value, where the map has no numbers

    def _row_height(self, cell: float) -> float:
        rows: int = max(volume.rows + volume.depth for volume in self.slices)
        return rows * cell + 0.3 + self._above(cell)

    def _widths(self, cell: float) -> list[float]:
        return [
            max(volume.at(0, 0, cell).right, text_width(title, TITLE, "bold"), least)
            for volume, title, least in zip(self.slices, self.titles, self.least, strict=True)
        ]

    def texts(self, part: int, m: int) -> list[list[str]] | None:
        """The numbers that a slice is drawn with."""
        return self.numbers[part][m] if self.fits(self.cell, part) else None

    def placed(self, part: int, middle: float) -> Volume:
        """A column's slice in a row."""
        volume = self.slices[part].at(0, 0, self.cell)
        x = self.starts[part] + (self.widths[part] - volume.right) / 2
        return volume.at(x, middle - (volume.top + volume.bottom) / 2, self.cell)

    def row(self, m: int) -> tuple[float, list[Volume]]:
        """The middle of channel m's row, and its three slices."""
        middle = -m * self.row_height
        return middle, [self.placed(part, middle) for part in range(3)]


def _terms(layer: Layer) -> Terms | None:
    """Patch and filter for each channel, and their sums, at the largest size that fits the width."""
    channels = range(len(layer.sums))
    parts = [
        Part(
            name,
            role,
            [number_texts(a[..., m]) for m in channels],
            [channel_color(m, len(channels), role) for m in channels],
        )
        for name, role, a in (("patch", "input", layer.patch), ("filter", "filter", layer.filter))
    ]
    sums = [f"Σ = {number_text(number)}" for number in layer.sums]
    widest = max(text_width(text, SMALL) for text in sums)
    for size, down in ((SMALL, False), (SMALLEST, False), (SMALL, True), (SMALLEST, True)):
        cell = max(number_cell(texts, size) for part in parts for texts in part.slices)
        terms = Terms(parts, "×", sums, cell, widest, size, down=down)
        if terms.width <= WIDTH - 2 * MARGIN - terms.plus:
            return terms
    return None


def _draw(canvas: Canvas, layer: Layer, columns: _Columns) -> list[str]:
    """Draw the rows, the sum, and what is written below; what had to be said."""
    for m in range(columns.shown):
        _draw_row(canvas, layer, columns, m)
    total = columns.placed(3, -(columns.shown - 1) * columns.row_height / 2)
    _draw_sum(canvas, layer, columns, total)
    _draw_titles(canvas, columns, total)
    lowest = columns.row(columns.shown - 1)[1]
    for volume, symbol in zip(lowest, ("Dᵤ", "Dᵣ", "Dᵥ"), strict=True):
        canvas.labels(volume, Labels("", side_text(symbol, volume.height, volume.width)))
    bottom = min(volume.bottom for volume in (*lowest, total)) - 0.32
    equation = None if columns.terms else _draw_equation(canvas, layer, columns, total)
    if equation is not None:
        bottom = min(bottom, equation - 0.08)
    if columns.rest:
        canvas.text(MARGIN, bottom, f"… and {columns.rest}", across="left", along="top")
        bottom -= LINE
    if columns.terms:
        bottom = _draw_terms(canvas, layer, columns.terms, columns.shown, bottom - 0.15)
    elif equation is None:
        canvas.text(MARGIN, bottom, f"framed: {layer.equation}", across="left", along="top")
        bottom -= LINE
    notes = _notes(layer, columns)
    for number, note in enumerate(notes):
        canvas.text(MARGIN, bottom - 0.01 - NOTE * number, note, size=SMALL, across="left", along="top")
    return notes


def _draw_row(canvas: Canvas, layer: Layer, columns: _Columns, m: int) -> None:
    """One channel, its filter and its map."""
    middle, (source, filter, result) = columns.row(m)
    canvas.text(source.x - 0.12, source.inner[1], f"m = {m}", across="right")
    for part, (kind, role) in enumerate((("input", "input"), ("filter", "filter"), ("map", "intermediate"))):
        framed = kind == "map" and columns.above
        title = f"framed: {number_text(layer.sums[m])}" if framed else ""
        color = channel_color(m, columns.channels, role)
        canvas.volume(f"{kind}-{m}", (source, filter, result)[part], color, columns.texts(part, m), title=title)
    canvas.frame(source, layer.patch_rows, layer.patch_columns)
    canvas.frame(filter, range(filter.height), range(filter.width))
    canvas.frame(result, [layer.row], [layer.column])
    for part, sign in ((0, "∗"), (1, "=")):
        canvas.text(columns.starts[part] + columns.widths[part] + SIGN / 2, middle, sign, size=15)
    if m < columns.shown - 1:
        canvas.text(result.inner[0], result.bottom - 0.13, "+", size=13)


def _draw_sum(canvas: Canvas, layer: Layer, columns: _Columns, total: Volume) -> None:
    """The arrow to the maps' sum, and the sum."""
    texts = columns.texts(3, 0)
    title = f"framed: {layer.value}" if texts is None else ""
    canvas.volume("sum", total, ROLES["output"], texts, title=title)
    canvas.frame(total, [layer.row], [layer.column])
    middle = (total.top + total.bottom) / 2
    start, end = columns.starts[2] + columns.widths[2] + 0.12, columns.starts[3] - 0.12
    canvas.arrow((start, middle), (end, middle))
    canvas.text((start + end) / 2, middle + 0.08, "sum over m", size=SMALL, along="bottom")


def _draw_titles(canvas: Canvas, columns: _Columns, total: Volume) -> None:
    """A title above each column."""
    top = max(volume.top for volume in columns.row(0)[1]) + 0.1 + columns.above
    above_total = total.top + 0.1 + (0.0 if columns.fits(columns.cell, 3) else 0.2)
    if columns.shown == 1:
        top = above_total = max(top, above_total)
    for part, title in enumerate(columns.titles):
        middle = columns.starts[part] + columns.widths[part] / 2
        canvas.text(middle, top if part < 3 else above_total, title, size=TITLE, weight="bold", along="bottom")


def _draw_equation(canvas: Canvas, layer: Layer, columns: _Columns, total: Volume) -> float | None:
    """The framed value's equation below the sum, its lower edge; None where there is no room for it."""
    middle = (total.x + total.front_right) / 2
    room = 2 * min(middle - columns.starts[2] - columns.widths[2] - 0.1, WIDTH - MARGIN - middle)
    for text in (f"framed: {layer.equation}", f"framed: {layer.equation}".replace(" = ", "\n= ")):
        if text_width(text) <= room:
            top = total.bottom - LABEL_GAP - 0.04
            canvas.text(middle, top, text, along="top")
            return top - TEXT * 1.3 / 72 * (1 + text.count("\n"))
    return None


def _draw_terms(canvas: Canvas, layer: Layer, terms: Terms, shown: int, top: float) -> float:
    """The slices that make the framed value, in the hues of their channels, and its equation; the lower edge."""
    bottom = draw_slices(canvas, layer, terms, shown, top)
    canvas.text(WIDTH / 2, bottom, f"framed: {layer.equation}", along="top")
    return bottom - 0.25


def _notes(layer: Layer, columns: _Columns) -> list[str]:
    """What has to be said of the picture, in it and in the caption."""
    notes = []
    if layer.input_volume.padding != ((0, 0), (0, 0)):
        notes.append("dotted: padding, zeros in every channel")
    blank = [
        name for part, name in enumerate(("input", "filter", "maps", "sum")) if not columns.fits(columns.cell, part)
    ]
    if blank:
        instead = "; those of the framed patches stand in the worked value" if columns.terms else ""
        notes.append(f"no numbers in {', '.join(blank)}: the cells are too small{instead}")
    if layer.rounded:
        notes.append(ROUNDED)
    return notes
