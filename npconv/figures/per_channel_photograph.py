"""The article's Fig. 3 on a real photograph: red, green and blue filtered each by its own filter, and their sum."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from ..data import Photograph
from ..kernels.geometry import Array
from ..kernels.standard import per_channel_maps
from ..text import number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import (
    FRONT_UNDER_NUMBERS,
    INK,
    LABEL_GAP,
    LINE_COLORS,
    MARGIN,
    ROLES,
    SMALL,
    SMALLEST,
    TITLE,
    TOP,
    WIDTH,
    Canvas,
    TooLargeError,
    Volume,
    number_cell,
    number_size,
    shade,
    text_width,
)
from .parts.photograph import photograph_from
from .parts.terms import Part, Terms
from .parts.values import ROUNDED, are_whole, array_from, number_texts, place_from, sum_text

HEIGHT = 12.8  # inches for all
LARGEST, SMALLEST_PICTURE = 1.85, 1.15  # inches for a picture's longer side
BESIDES = 2.6  # inches for titles, the equation, notes and the margins
GAPS = 1.2  # inches for the signs and the arrow, at least
ROW_GAP = 0.38
BLANK_CELL = 0.14  # inches of a filter's cell without a number
LEFT = 0.65  # inches for the rows' names
NAMES, HUES = ("red", "green", "blue"), (LINE_COLORS[1], LINE_COLORS[2], LINE_COLORS[0])
SOBEL_ACROSS = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
SOBEL_DOWN = ((-1, -2, -1), (0, 0, 0), (1, 2, 1))
LAPLACE = ((0, 1, 0), (1, -4, 1), (0, 1, 0))


def per_channel_photograph(
    *, photograph: Photograph | Array | None = None, filter: Array | None = None, at: tuple[int, int] | None = None
) -> Figure:
    """The second reading on a real photograph: red, green and blue filtered each by its own 3×3, and their sum.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None.
        filter: (Dᵣ, Dᵣ, 3), Dᵣ from 1 to 7; edges across in red, edges down in green and Laplace's filter in blue if
            None.
        at: the (row, column) in the maps of the value that is worked out; their middle if None.

    Returns:
        Figure "per-channel-photograph", a PNG. Its data: the filter, `limits` that the maps' greys span, every 16th
        value across and down of the channels, the maps and the sum, the share of values beyond each limit, and the
        value at `at` with its summands and its patch (3, Dᵣ, Dᵣ).

    Raises:
        TypeError, ValueError: arrays of another kind, or of another shape, than these.

    Source: the article's Fig. 3, on a photograph.

    >>> figure = per_channel_photograph(photograph=np.full((24, 30, 3), 9, np.uint8))
    >>> figure.data["at"], figure.data["value"]
    ([11, 14], 0)
    """
    name = "per_channel_photograph"
    photograph = photograph_from(name, photograph)
    pixels = photograph.pixels
    own = filter is not None
    if filter is None:
        filter = np.stack([SOBEL_ACROSS, SOBEL_DOWN, LAPLACE], axis=-1)
    filter = array_from(name, "filter", filter, np.random.default_rng(0), 1)
    if filter.ndim != 3 or filter.shape[2] != 3 or max(filter.shape[:2]) > 7:
        raise ValueError(f"{name}: filter must be (Dᵣ, Dᵣ, 3), Dᵣ at most 7, to draw; got filter {filter.shape}")
    x = pixels[np.newaxis].astype(np.int64)
    maps = per_channel_maps(x, filter)[0]  # (Dᵥ, Dᵥ, 3)
    picture = _Picture(photograph, filter, maps, *place_from(name, at, *maps.shape[:2]))
    with drawn_by(name, photograph=pixels, filter=filter):
        canvas = Canvas()
        notes = _draw_photograph(canvas, picture)
        figure = canvas.finish()
    coarse = slice(None, None, 16)
    return Figure(
        name="per-channel-photograph",
        figure=figure,
        data={
            "photograph": {"source": photograph.source, "synthetic": photograph.synthetic, "shape": list(x.shape[1:])},
            "filter": filter.tolist(),
            "limits": picture.limits,
            "beyond": picture.beyond,
            "every 16th": {
                "channels": pixels[coarse, coarse].tolist(),
                "maps": maps[coarse, coarse].tolist(),
                "sum": picture.total[coarse, coarse].tolist(),
            },
            "at": [picture.row, picture.column],
            "patch": picture.patch.transpose(2, 0, 1).tolist(),
            "summands": picture.summands,
            "value": picture.total[picture.row, picture.column].item(),
        },
        alt=_alt(picture, own=own),
        caption=_caption(picture, notes),
        format="png",
    )


@dataclass(frozen=True)
class _Picture:
    """A photograph, a filter (Dᵣ, Dᵣ, 3), the maps (Dᵥ, Dᵥ, 3), and the place that is worked out."""

    photograph: Photograph
    filter: Array
    maps: Array
    row: int
    column: int

    @cached_property
    def total(self) -> Array:
        """The sum of the maps, (Dᵥ, Dᵥ)."""
        total: Array = self.maps.sum(axis=-1)
        return total

    @cached_property
    def greys(self) -> list[Array]:
        """The maps and their sum."""
        return [*np.moveaxis(self.maps, -1, 0), self.total]

    @cached_property
    def limits(self) -> list[float]:
        """What each of them's greys span: a limit that a few strong values do not set."""
        return [float(max(np.percentile(np.abs(a), 99), 1)) for a in self.greys]

    @cached_property
    def beyond(self) -> list[float]:
        """The share of each one's values beyond its limit."""
        return [float(np.mean(np.abs(a) > limit)) for a, limit in zip(self.greys, self.limits, strict=True)]

    @property
    def patch(self) -> Array:
        """The pixels that the worked value reads, (Dᵣ, Dᵣ, 3)."""
        height, width = self.filter.shape[:2]
        patch: Array = self.photograph.pixels[self.row : self.row + height, self.column : self.column + width]
        return patch

    @property
    def summands(self) -> list[Any]:
        """The worked value's summands, one for each channel."""
        summands: list[Any] = self.maps[self.row, self.column].tolist()
        return summands

    @property
    def equation(self) -> str:
        """The worked value as their sum."""
        return f"{sum_text(self.summands)} = {number_text(self.total[self.row, self.column])}"

    @cached_property
    def terms(self) -> Terms | None:
        """Patch and filter for each channel, and their sums; None where the numbers are too long for the width."""
        parts = [
            Part(name, role, [number_texts(a[..., m]) for m in range(3)], hues)
            for name, role, a, hues in (
                ("patch", "input", self.patch, [shade(hue, TOP / FRONT_UNDER_NUMBERS) for hue in HUES]),
                ("filter", "filter", self.filter, ()),
            )
        ]
        sums = [f"Σ = {number_text(number)}" for number in self.summands]
        widest = max(text_width(text, SMALL) for text in sums)
        longest = max(text_width(t, SMALLEST) for part in parts for texts in part.slices for row in texts for t in row)
        for size, down in ((SMALL, False), (SMALLEST, False), (SMALL, True), (SMALLEST, True)):
            cell = max(number_cell(texts, size) for part in parts for texts in part.slices)
            cells = (cell, max(0.2, longest + 0.04)) if size == SMALLEST else (cell,)
            for terms in (Terms(parts, "×", sums, cell, widest, size, down=down) for cell in cells):
                if terms.per_row >= 3 and 3 * (SMALLEST_PICTURE + ROW_GAP) + BESIDES + terms.row_height <= HEIGHT:
                    return terms
        return None

    @cached_property
    def side(self) -> float:
        """Inches for a pixel, the same in all pictures."""
        room = HEIGHT - BESIDES - (self.terms.row_height if self.terms else 0)
        return float(min(LARGEST, room / 3 - ROW_GAP) / max(self.photograph.pixels.shape[:2]))

    @cached_property
    def wide(self) -> float:
        """The width of a column of pictures with what is written beneath them."""
        width = float(self.photograph.pixels.shape[1] * self.side)
        return max([width, *(text_width(_limits_text(limit), SMALL) for limit in self.limits)])

    @cached_property
    def spare(self) -> float:
        """The width for the filter and the gaps."""
        return WIDTH - 2 * MARGIN - LEFT - 3 * self.wide

    @cached_property
    def weights(self) -> tuple[float, bool]:
        """The side of a cell of the filter in its column, and whether its numbers fit."""
        rows, columns = self.filter.shape[:2]
        for size in (SMALL, SMALLEST):
            cell = max(number_cell(number_texts(self.filter[..., m]), size) for m in range(3))
            texts = [text for m in range(3) for text in number_texts(self.filter[..., m])]
            most = max(self.photograph.pixels.shape[:2]) * self.side
            if columns * cell <= self.spare - GAPS and rows * cell <= most and number_size(texts, cell):
                return cell, True
        return BLANK_CELL, False

    @property
    def notes(self) -> list[str]:
        """What has to be said of the picture, in it and in the caption."""
        notes = []
        if not self.weights[1]:
            where = "; they stand below" if self.terms else ""
            notes.append(f"the filter's numbers are too long for its cells{where}")
        if self.terms is None:
            notes.append(
                "the framed patches are not written out: they and the filter have too many or too long numbers"
            )
        if not are_whole(self.filter, self.total):
            notes.append(ROUNDED)
        return notes


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "below 0.1 %" if share else "none"


def _alt(picture: _Picture, *, own: bool) -> str:
    what = "" if own else ", where edges are lighter or darker than the mid-grey of zero"
    sums = "the sum of the three maps" + ("" if own else ", with the edges of all of them")
    return (
        f"Three rows, red, green and blue, of {picture.photograph.source}: the channel as a picture in its hue, its "
        f"slice of a filter of {shape_text(picture.filter.shape)}, and the map they give in greys{what}. "
        f"To the right, {sums}. Framed are the patch at row {picture.row}, column {picture.column} and its value: "
        f"{picture.equation}."
    )


def _caption(picture: _Picture, notes: list[str]) -> str:
    *shares, last = (_percent(share) for share in picture.beyond)
    which = last if set(shares) == {last} else f"{', '.join(shares)} (red, green, blue) and {last} (sum)"
    beyond = f"{which} of the values lie beyond it, drawn at it" if any(picture.beyond) else "no value lies beyond it"
    below = "; below, the framed pixels are in the hues of their channels" if picture.terms else ""
    pixels = picture.photograph.pixels
    return four_part_caption(
        claim="Filtered by itself each channel has its own map; their sum mixes the three into one output channel.",
        computed=(
            f"npconv.per_channel_maps on {picture.photograph.source}, {shape_text(pixels.shape)}, valid; at row "
            f"{picture.row}, column {picture.column}, framed, the sum is {picture.equation}."
        ),
        scale=(
            "In the left column hue is the channel, from black (0) over the hue to white (255); in the maps "
            f"mid-grey is zero, and black and white are minus and plus the limit beneath each; {beyond}{below}"
            f"{''.join(f'; {note}' for note in notes)}."
        ),
        not_shown="Not shown: further filters; a bias.",
    )


def _draw_photograph(canvas: Canvas, picture: _Picture) -> list[str]:
    """Three rows of channel, filter and map, the sum beside them, and the worked value; what had to be said."""
    maps, filter = picture.maps, picture.filter
    pixels = picture.photograph.pixels
    height, width = pixels.shape[:2]
    side, wide = picture.side, picture.wide
    cell, numbered = picture.weights
    filter_width = max(filter.shape[1] * cell, text_width("one filter", TITLE, "bold"))
    spare = picture.spare - filter_width
    if spare < 0.8:
        raise TooLargeError("the maps' numbers are too long to draw")
    gaps = (0.2 * spare, 0.2 * spare, 0.38 * spare)
    start = MARGIN + 0.11 * spare + LEFT
    starts = [start, start + wide + gaps[0], start + wide + gaps[0] + filter_width + gaps[1]]
    starts.append(starts[2] + wide + gaps[2])
    row_height = max(height * side, filter.shape[0] * cell) + ROW_GAP

    def show(name: str, values: Any, part: int, middle: float, colors: Any, limits: tuple[float, float]) -> Any:
        rows, columns = values.shape
        x = starts[part] + (wide - columns * side) / 2
        extent = (x, x + columns * side, middle - rows * side / 2, middle + rows * side / 2)
        canvas.image(name, values, extent, colors, *limits)
        framed = filter.shape[:2] if part == 0 else (1, 1)
        _frame(canvas, extent, side, picture.row, picture.column, *framed)
        if part:
            canvas.text((x + extent[1]) / 2, extent[2] - LABEL_GAP, _limits_text(limits[1]), size=SMALL, along="top")
        return extent

    for m in range(3):
        middle = -m * row_height
        canvas.text(starts[0] - 0.12 + (wide - width * side) / 2, middle, f"m = {m}\n{NAMES[m]}", across="right")
        hue = LinearSegmentedColormap.from_list(NAMES[m], ["black", HUES[m], "white"])
        show(f"channel-{m}", pixels[..., m], 0, middle, hue, (0, 255))
        place = Volume(filter.shape[0], filter.shape[1], 0)
        place = place.at(starts[1] + (filter_width - place.columns * cell) / 2, middle + place.rows * cell / 2, cell)
        canvas.volume(f"filter-{m}", place, ROLES["filter"], number_texts(filter[..., m]) if numbered else None)
        show(f"map-{m}", maps[..., m], 2, middle, "gray", (-picture.limits[m], picture.limits[m]))
        canvas.text(starts[0] + wide + gaps[0] / 2, middle, "∗", size=15)
        canvas.text(starts[1] + filter_width + gaps[1] / 2, middle, "=", size=15)
    extent = show("sum", picture.total, 3, -row_height, "gray", (-picture.limits[3], picture.limits[3]))
    canvas.arrow((starts[2] + wide + 0.08, -row_height), (starts[3] - 0.08, -row_height))
    canvas.text(starts[3] - gaps[2] / 2, -row_height + 0.08, "sum", size=SMALL, along="bottom")
    titles = (
        f"photograph\n{shape_text(pixels.shape)}",
        f"one filter\n{shape_text(filter.shape)}",
        f"M = 3 maps\n{shape_text(maps.shape)}",
        f"their sum\n{shape_text((*picture.total.shape, 1))}",
    )
    top = max(height * side, filter.shape[0] * cell) / 2 + 0.1
    for part, title in enumerate(titles):
        middle = starts[part] + (filter_width if part == 1 else wide) / 2
        y = top if part < 3 else extent[3] + 0.1
        canvas.text(middle, y, title, size=TITLE, weight="bold", along="bottom")
    return _draw_value(canvas, picture, -2.5 * row_height - 0.15)


def _limits_text(limit: float) -> str:
    return f"black {number_text(-round(limit))}, white {number_text(round(limit))}"


def _frame(
    canvas: Canvas,
    extent: tuple[float, float, float, float],
    side: float,
    row: int,
    column: int,
    rows: int,
    columns: int,
) -> None:
    """A frame around some pixels of a picture, just outside of them so that they are to be seen."""
    across, down = max(columns * side, 0.06), max(rows * side, 0.06)
    x = extent[0] + (column + columns / 2) * side - across / 2
    y = extent[3] - (row + rows / 2) * side + down / 2
    points = [(x, y), (x + across, y), (x + across, y - down), (x, y - down), (x, y)]
    for color, width, order in (("white", 3.6, 2.0), (INK, 1.6, 2.1)):
        canvas.line(points, color=color, width=width)
        canvas.axes.lines[-1].set_zorder(order)


def _draw_value(canvas: Canvas, picture: _Picture, top: float) -> list[str]:
    """The framed patches times the filter, and the equation; what had to be said."""
    bottom = top
    if picture.terms:
        title = "the framed value: all 3 slices of the patch times those of the filter"
        canvas.text(WIDTH / 2, top, title, size=TITLE, weight="bold", along="top")
        bottom = picture.terms.draw(canvas, top - 0.28, 3)
    place = f"framed, at row {picture.row}, column {picture.column}"
    canvas.text(WIDTH / 2, bottom, f"{place}: {picture.equation}", along="top")
    for number, note in enumerate(picture.notes):
        canvas.text(MARGIN, bottom - 0.26 - 0.17 * number, note, size=SMALL, across="left", along="top")
    return picture.notes
