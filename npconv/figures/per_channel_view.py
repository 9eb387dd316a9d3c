"""The article's Fig. 3: channel i of the input filtered by channel i of a filter, M maps, and then their sum."""

import numpy as np

from ..kernels.geometry import Padding, Pair
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import (
    CHANNEL_HUES,
    MARGIN,
    ROLES,
    SMALL,
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
from .parts.slabs import hue_text
from .parts.values import Given, number_text, number_texts, shape_text, side_text

DRAWN_HEIGHT = 11.8  # inches for the rows, one for each channel
SIGN = 0.4  # inches for a sign between columns
SUM = 1.0  # inches for the arrow to the sum


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
    filter = layer.kernel[..., layer.n]  # (Dᵣ, Dᵣ, M)
    channels, filters = layer.kernel.shape[2:]
    with drawn_by("per_channel_view", x=layer.x, kernel=layer.kernel):
        canvas = Canvas()
        shown = _draw(canvas, layer)
        figure = canvas.finish()
    rest = "" if shown == channels else f"{channels - shown} of the channels, which the sum has; "
    rest += f"the other {filters - 1} of the N filters; " if filters > 1 else ""
    sizes = [shape_text(a.shape) for a in (layer.x[0], filter, layer.maps[0])]
    return Figure(
        name="per-channel-view",
        figure=figure,
        data={
            "input": layer.x.tolist(),
            "filter": filter.tolist(),
            "maps": layer.maps.tolist(),
            "sum": layer.y[..., layer.n].tolist(),
            "at": [layer.row, layer.column],
            "summands": layer.sums.tolist(),
            "drawn": {"channels": shown},
        },
        alt=(
            f"Rows, one for each channel m of an input of {sizes[0]}: the channel, the same channel of a filter of "
            f"{sizes[1]}, and the map that they give; {shown} of {channels} rows are drawn. The maps, {sizes[2]}, are "
            f"added to one channel of the output, where the framed value is {layer.value}."
        ),
        caption=four_part_caption(
            claim=(
                f"A filter works on each of the M = {channels} channels by itself; only the sum of the M maps mixes "
                f"the channels, and this is done again for each of N = {filters} filters."
            ),
            computed=(
                f"The maps are npconv.per_channel_maps', their sum is channel {layer.n} of npconv.conv2d's, with "
                f"stride {stride}, padding {padding!r} and dilation {dilation}."
            ),
            scale=f"All slices have one scale; {hue_text(channels)}; indices count from 0.",
            not_shown=f"Not shown: {rest}a bias.",
        ),
    )


class _Columns:
    """Where the four columns are: the channels, the filter's, the maps, and their sum. Rows are at heights `middle`."""

    def __init__(self, layer: Layer) -> None:
        kernel_height, kernel_width, channels, _ = layer.kernel.shape
        rows, columns = layer.y.shape[1:3]
        whole = layer.input_volume
        self.slices = (
            Volume(whole.height, whole.width, 1, padding=whole.padding),
            Volume(kernel_height, kernel_width, 1),
            Volume(rows, columns, 1),
            Volume(rows, columns, 1),
        )
        arrays = (layer.padded, layer.kernel[..., layer.n], layer.maps[0], layer.y[0, ..., layer.n, np.newaxis])
        self.numbers = [[number_texts(a[..., m]) for m in range(a.shape[-1])] for a in arrays]
        self.titles = (
            f"input, M = {channels}\n{shape_text(layer.x.shape[1:])}",
            f"filter n = {layer.n}\n{shape_text(layer.kernel.shape[:3])}",
            f"{channels} map{'s' if channels > 1 else ''}\n{shape_text(layer.maps.shape[1:])}",
            f"their sum\n{shape_text((rows, columns, 1))}",
        )
        left = text_width(f"m = {channels}") + 0.12
        available = WIDTH - 2 * MARGIN - left - 2 * SIGN - SUM
        largest = max(0.25, *(number_cell(texts) for part in self.numbers for texts in part))
        self.cell = largest_cell(lambda cell: sum(self._widths(cell)), available, min(largest, 0.45))
        self.widths = self._widths(self.cell)
        self.starts = [MARGIN + left + (available - sum(self.widths)) / 2]
        for width, gap in zip(self.widths, (SIGN, SIGN, SUM), strict=False):
            self.starts.append(self.starts[-1] + width + gap)
        self.maps_have_numbers = all(number_size(texts, self.cell) for texts in self.numbers[2])
        self.above = 0.0 if self.maps_have_numbers else 0.2  # for the framed value, where the map has no numbers
        self.row_height = max(volume.rows + volume.depth for volume in self.slices) * self.cell + 0.3 + self.above
        self.shown: int = min(channels, max(1, int(DRAWN_HEIGHT / self.row_height)))

    def _widths(self, cell: float) -> list[float]:
        return [
            max(volume.at(0, 0, cell).right, text_width(title, TITLE, "bold"))
            for volume, title in zip(self.slices, self.titles, strict=True)
        ]

    def placed(self, part: int, middle: float) -> Volume:
        """A column's slice in a row."""
        volume = self.slices[part].at(0, 0, self.cell)
        x = self.starts[part] + (self.widths[part] - volume.right) / 2
        return volume.at(x, middle - (volume.top + volume.bottom) / 2, self.cell)

    def row(self, m: int) -> tuple[float, list[Volume]]:
        """The middle of channel m's row, and its three slices."""
        middle = -m * self.row_height
        return middle, [self.placed(part, middle) for part in range(3)]


def _draw(canvas: Canvas, layer: Layer) -> int:
    """Draw the rows and the sum; how many channels have a row."""
    columns = _Columns(layer)
    blank: set[str] = set()
    for m in range(columns.shown):
        blank |= _draw_row(canvas, layer, columns, m)
    total = columns.placed(3, -(columns.shown - 1) * columns.row_height / 2)
    if not _draw_sum(canvas, layer, columns, total):
        blank.add("sum")
    _draw_titles(canvas, columns, total)
    lowest = columns.row(columns.shown - 1)[1]
    for volume, symbol in zip(lowest, ("Dᵤ", "Dᵣ", "Dᵥ"), strict=True):
        canvas.labels(volume, Labels("", side_text(symbol, volume.height, volume.width)))
    _write_notes(canvas, layer, columns.shown, blank, min(volume.bottom for volume in (*lowest, total)) - 0.32)
    return columns.shown


def _draw_row(canvas: Canvas, layer: Layer, columns: _Columns, m: int) -> set[str]:
    """One channel, its filter and its map; which of them are too small for their numbers."""
    middle, (source, filter, result) = columns.row(m)
    channels = layer.kernel.shape[2]
    blank = set()
    canvas.text(source.x - 0.12, source.inner[1], f"m = {m}", across="right")
    for part, (kind, role) in enumerate((("input", "input"), ("filter", "filter"), ("map", "intermediate"))):
        color = CHANNEL_HUES[m] if channels <= len(CHANNEL_HUES) else ROLES[role]
        framed = kind == "map" and not columns.maps_have_numbers
        title = f"framed: {number_text(layer.sums[m])}" if framed else ""
        volume = (source, filter, result)[part]
        if not canvas.volume(f"{kind}-{m}", volume, color, columns.numbers[part][m], title=title):
            blank.add(f"{kind}s" if kind != "input" else kind)
    canvas.frame(source, layer.patch_rows, layer.patch_columns)
    canvas.frame(filter, range(filter.height), range(filter.width))
    canvas.frame(result, [layer.row], [layer.column])
    for part, sign in ((0, "∗"), (1, "=")):
        canvas.text(columns.starts[part] + columns.widths[part] + SIGN / 2, middle, sign, size=15)
    if m < columns.shown - 1:
        canvas.text(result.inner[0], result.bottom - 0.13, "+", size=13)
    return blank


def _draw_sum(canvas: Canvas, layer: Layer, columns: _Columns, total: Volume) -> bool:
    """The arrow to the maps' sum, and the sum; whether its numbers fit."""
    fits = canvas.volume("sum", total, ROLES["output"], columns.numbers[3][0])
    canvas.frame(total, [layer.row], [layer.column])
    middle = (total.top + total.bottom) / 2
    start, end = columns.starts[2] + columns.widths[2] + 0.12, columns.starts[3] - 0.12
    canvas.arrow((start, middle), (end, middle))
    canvas.text((start + end) / 2, middle + 0.08, "sum over m", size=SMALL, along="bottom")
    return fits


def _draw_titles(canvas: Canvas, columns: _Columns, total: Volume) -> None:
    """A title above each column."""
    top = max(volume.top for volume in columns.row(0)[1]) + 0.1 + columns.above
    if columns.shown == 1:
        top = max(top, total.top + 0.1)
    for part, title in enumerate(columns.titles):
        middle = columns.starts[part] + columns.widths[part] / 2
        canvas.text(middle, top if part < 3 else total.top + 0.1, title, size=TITLE, weight="bold", along="bottom")


def _write_notes(canvas: Canvas, layer: Layer, shown: int, blank: set[str], bottom: float) -> None:
    """What is left out, the framed value's equation, and what else has to be said."""
    channels = layer.kernel.shape[2]
    if shown < channels:
        missing = number_text(layer.sums[shown:].sum())
        text = f"… and {channels - shown} more channels, whose maps add {missing} to the framed value"
        canvas.text(MARGIN, bottom, text, across="left", along="top")
        bottom -= 0.2
    canvas.text(MARGIN, bottom, f"framed: {layer.equation}", across="left", along="top")
    notes = []
    if layer.input_volume.padding != ((0, 0), (0, 0)):
        notes.append("dotted: padding, zeros in every channel")
    if blank:
        notes.append(f"no numbers in {', '.join(sorted(blank))}: the cells are too small")
    if layer.rounded:
        notes.append("numbers are drawn rounded to two decimals, and were summed before rounding")
    for number, note in enumerate(notes, 1):
        canvas.text(MARGIN, bottom - 0.04 - 0.17 * number, note, size=SMALL, across="left", along="top")
