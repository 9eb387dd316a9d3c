"""The article's Fig. 3 on a real photograph: red, green and blue filtered each by its own filter, and their sum."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.offsetbox import OffsetBox

from ..data import Photograph
from ..kernels.geometry import Array
from ..kernels.standard import per_channel_maps
from ..text import number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import (
    FRONT_UNDER_NUMBERS,
    INK,
    LABEL_GAP,
    ROLES,
    SMALL,
    SMALLEST,
    TOP,
    Volume,
    number_cell,
    number_size,
    shade,
    text_width,
)
from .parts.layout import Drawing, Page, column, note, text, title
from .parts.photograph import photograph_from
from .parts.rows import rows_and_sum
from .parts.values import ROUNDED, are_whole, array_from, number_texts, place_from, sum_text
from .parts.worked import Slices, Terms

LARGEST, SMALL_PICTURE, LEAST = 1.85, 1.15, 0.5  # inches for a picture's longer side
BESIDES = 3.4  # inches for all but the pictures and the worked value
BLANK_CELL = 0.14  # inches for a cell of the filter without a number
NAMES, HUES = ("red", "green", "blue"), ("#CC1F1F", "#00914D", "#0072B2")
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
        page = Page()
        terms = _terms(page, picture)

        def build(cell: float, longest: float) -> OffsetBox:
            upper = _rows(page, picture, longest / max(pixels.shape[:2]), cell)
            place = text(f"framed, at row {picture.row}, column {picture.column}: {picture.equation}")
            notes = _notes(picture, terms is not None, cell)
            below = column(*map(note, notes), gap=0.04, align="left") if notes else None
            return column(upper, terms, place, below, gap=0.15)

        cells = [cell for size in (SMALL, SMALLEST) if picture.fits(cell := number_cell(picture.weights, size))]
        cell = next((cell for cell in cells if page.over(build(cell, SMALL_PICTURE)) <= 0), BLANK_CELL)
        box, _ = page.fitted(partial(build, cell), LARGEST, least=LEAST)
        figure = page.finish(box)
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
        caption=_caption(picture, _notes(picture, terms is not None, cell), written=terms is not None),
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
        """The limit of the greys of each of them: one that a few strong values do not set."""
        return [float(max(np.percentile(np.abs(a), 99), 1)) for a in self.greys]

    @cached_property
    def beyond(self) -> list[float]:
        """The share of each one's values beyond its limit."""
        return [float(np.mean(np.abs(a) > limit)) for a, limit in zip(self.greys, self.limits, strict=True)]

    @property
    def weights(self) -> list[list[str]]:
        """The texts of the filter's numbers."""
        return [line for m in range(3) for line in number_texts(self.filter[..., m])]

    def fits(self, cell: float) -> bool:
        """True where the filter's numbers fit into cells of that size."""
        return number_size(self.weights, cell) is not None

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


def _caption(picture: _Picture, notes: list[str], *, written: bool) -> str:
    *shares, last = (_percent(share) for share in picture.beyond)
    which = last if set(shares) == {last} else f"{', '.join(shares)} (red, green, blue) and {last} (sum)"
    beyond = f"{which} of the values lie beyond it, drawn at it" if any(picture.beyond) else "no value lies beyond it"
    below = "; below, the framed pixels are in the hues of their channels" if written else ""
    pixels = picture.photograph.pixels
    return four_part_caption(
        claim="Filtered by itself each channel has its own map; their sum mixes the three into one output channel.",
        computed=(
            f"npconv.per_channel_maps on {picture.photograph.source}, {shape_text(pixels.shape)}, valid; at row "
            f"{picture.row}, column {picture.column}, framed, the sum is {picture.equation}."
        ),
        scale=[
            "In the left column hue is the channel, from black (0) over the hue to white (255); in the maps "
            f"mid-grey is zero, and black and white are minus and plus the limit beneath each; {beyond}{below}",
            *notes,
        ],
        not_shown=["further filters", "a bias"],
    )


def _notes(picture: _Picture, written: bool, cell: float) -> list[str]:
    """The notes on the picture, for it and for the caption."""
    unwritten = "the framed patches are not written out: they and the filter have too many or too long numbers"
    blank = f"the filter's numbers are too long for its cells{'; they stand below' if written else ''}"
    rounded = not are_whole(picture.filter, picture.total)
    said = ((blank, not picture.fits(cell)), (unwritten, not written), (ROUNDED, rounded))
    return [words for words, holds in said if holds]


def _terms(page: Page, picture: _Picture) -> OffsetBox | None:
    """The framed patches times the filter; None where their numbers are too long for three in a line."""
    parts = [
        Slices(name, role, [number_texts(a[..., m]) for m in range(3)], hues)
        for name, role, a, hues in (
            ("patch", "input", picture.patch, [shade(hue, TOP / FRONT_UNDER_NUMBERS) for hue in HUES]),
            ("filter", "filter", picture.filter, ()),
        )
    ]
    terms = Terms(parts, "×", [number_text(number) for number in picture.summands])
    arranged = terms.arranged(page, height=page.highest - BESIDES - 3 * SMALL_PICTURE, at_least=3)
    if arranged is None:
        return None
    heading = title("the framed value: all 3 slices of the patch times those of the filter, cell by cell")
    return column(heading, arranged[0], gap=0.08)


def _rows(page: Page, picture: _Picture, side: float, cell: float) -> OffsetBox:
    """Three rows of channel, filter and map, and the sum beside them; `side` is that of a pixel in inches."""
    pixels, maps, filter = picture.photograph.pixels, picture.maps, picture.filter
    rows: list[list[OffsetBox | None]] = []
    for m, (name, hue) in enumerate(zip(NAMES, HUES, strict=True)):
        channel, weights, map = Drawing(), Drawing(), _grey(picture, m, f"map-{m}", side)
        colors = LinearSegmentedColormap.from_list(name, ["black", hue, "white"])
        _show(channel, f"channel-{m}", pixels[..., m], side, colors, (0, 255))
        _frame(channel, picture, side, filter.shape[0], filter.shape[1])
        place = Volume(filter.shape[0], filter.shape[1], 0, cell=cell)
        weights.volume(
            f"filter-{m}", place, ROLES["filter"], number_texts(filter[..., m]) if picture.fits(cell) else None
        )
        rows.append([text(f"m = {m}\n{name}"), channel, text("∗", size=15), weights, text("=", size=15), map])
    slices = {"photograph": pixels.shape[:2], "one filter": filter.shape[:2], "maps": maps.shape[:2]}
    titles: list[OffsetBox | None] = []
    for name, sides in slices.items():
        titles += [None, title(f"{name}\n3 × ({shape_text((*sides, 1))})")]
    total = column(title(f"their sum\n{shape_text((*maps.shape[:2], 1))}"), _grey(picture, 3, "sum", side), gap=0.06)
    return rows_and_sum(page, titles, rows, None, total)


def _grey(picture: _Picture, which: int, name: str, side: float) -> Drawing:
    """A map, or as the last of them the sum, in greys, with the limits of these below and the worked value framed."""
    drawing, values, limit = Drawing(), picture.greys[which], picture.limits[which]
    _show(drawing, name, values, side, "gray", (-limit, limit))
    _frame(drawing, picture, side, 1, 1)
    rows, columns = values.shape
    words = f"black {number_text(-round(limit))}, white {number_text(round(limit))}"
    words = words.replace(", ", "\n") if text_width(words, SMALL) > LARGEST else words
    drawing.text(columns * side / 2, -rows * side - LABEL_GAP, words, size=SMALL, along="top")
    return drawing


def _show(drawing: Drawing, name: str, values: Array, side: float, colors: Any, limits: tuple[float, float]) -> None:
    """A matrix as a picture whose pixels are so large."""
    rows, columns = values.shape
    drawing.image(name, values, (columns * side, rows * side), colors, *limits)


def _frame(drawing: Drawing, picture: _Picture, side: float, rows: int, columns: int) -> None:
    """A frame around some pixels of a picture, just outside of them so that they are to be seen."""
    across, down = max(columns * side, 0.06), max(rows * side, 0.06)
    x = (picture.column + columns / 2) * side - across / 2
    y = -(picture.row + rows / 2) * side + down / 2
    for color, width in (("white", 3.6), (INK, 1.6)):
        drawing.line([(x, y), (x + across, y), (x + across, y - down), (x, y - down), (x, y)], color=color, width=width)
