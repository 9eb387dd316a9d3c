"""A value worked out: the slices that make it, term by term, with the sum of each term."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...text import number_text
from .drawing import FRONT_UNDER_NUMBERS, MARGIN, ROLES, SMALL, TITLE, WIDTH, Canvas, Volume, shade, text_width
from .layer import Layer

Texts = Sequence[Sequence[str]]
LINE = SMALL * 1.3 / 72  # inches for a line above and below a term


@dataclass(frozen=True)
class Part:
    """What every term has one slice of: for each channel the texts of its numbers, and its hue if not the role's."""

    name: str
    role: str
    slices: Sequence[Texts]
    hues: Sequence[str] = ()

    def color(self, m: int) -> str:
        """The colour of a channel's slice."""
        return self.hues[m] if self.hues else ROLES[self.role]


@dataclass(frozen=True)
class Terms:
    """The terms of a sum, one for each channel m: in each a slice of every part, `signs` between them, its sum below.

    `cell` is a cell's side and `widest` the width of the widest sum in inches, `size` that of the numbers in points:
    if None, in each slice the largest that fits. The slices of a term stand side by side, or one below the other where
    they go `down`. The plus signs stand between the terms, or between their sums.
    """

    parts: Sequence[Part]
    signs: str
    sums: Sequence[str]
    cell: float
    widest: float
    size: float | None = None
    between: float = 0.24
    plus: float = 0.32
    down: bool = False
    plus_below: bool = False

    @property
    def slice(self) -> Volume:
        """One slice."""
        texts = self.parts[0].slices[0]
        return Volume(len(texts), len(texts[0]), 0, cell=self.cell)

    @property
    def body(self) -> tuple[float, float]:
        """Width and height of a term's slices with the signs between them."""
        width, height = self.slice.columns * self.cell, self.slice.rows * self.cell
        count, signs = len(self.parts), len(self.signs) * self.between
        return (width, count * height + signs) if self.down else (count * width + signs, height)

    @property
    def width(self) -> float:
        """The width of a term."""
        return max(self.body[0], self.widest, text_width(f"m = {len(self.sums)}", SMALL))

    @property
    def per_row(self) -> int:
        """How many terms stand in a row."""
        return max(1, int((WIDTH - 2 * MARGIN) / (self.width + self.plus)))

    @property
    def row_height(self) -> float:
        """The height of a row of terms."""
        return LINE + self.body[1] + LINE + 0.16

    def shown(self, height: float) -> int:
        """How many of the terms fit into that height: at least one row."""
        return min(len(self.sums), self.per_row * max(1, int(height / self.row_height)))

    def draw(self, canvas: Canvas, top: float, shown: int) -> float:
        """Draw the first of the terms; the lower edge."""
        for first in range(0, shown, self.per_row):
            row = range(first, min(first + self.per_row, shown))
            x = (WIDTH - len(row) * self.width - (len(row) - 1) * self.plus) / 2
            for m in row:
                self._draw_term(canvas, m, x, top)
                x += self.width + self.plus
            top -= self.row_height
        return top

    def _draw_term(self, canvas: Canvas, m: int, x: float, top: float) -> None:
        (width, height), middle = self.body, x + self.width / 2
        canvas.text(middle, top, f"m = {m}", size=SMALL, along="top")
        place = self.slice.at(middle - width / 2, top - LINE, self.cell)
        for part, sign in zip(self.parts, (*self.signs, ""), strict=True):
            self._draw_slice(canvas, f"{part.name}-slice-{m}", place, part.color(m), part.slices[m])
            if sign and self.down:
                canvas.text(middle, place.bottom - self.between / 2, sign, size=TITLE)
                place = place.at(place.x, place.bottom - self.between, self.cell)
            elif sign:
                canvas.text(place.right + self.between / 2, place.y - height / 2, sign, size=TITLE)
                place = place.at(place.right + self.between, place.y, self.cell)
        below, after = place.bottom - 0.03, x + self.width + self.plus / 2
        canvas.text(middle, below, self.sums[m], size=SMALL, along="top")
        if m < len(self.sums) - 1:
            canvas.text(after, below - 0.055 if self.plus_below else top - LINE - height / 2, "+", size=TITLE)

    def _draw_slice(self, canvas: Canvas, name: str, place: Volume, color: str, texts: Texts) -> None:
        if self.size is None:
            canvas.volume(name, place, color, texts)
        else:
            cells = {(r, c): text for r, row in enumerate(texts) for c, text in enumerate(row)}
            canvas.cells(name, place, cells, shade(color, FRONT_UNDER_NUMBERS), size=self.size)


def draw_slices(canvas: Canvas, layer: Layer, terms: Terms, shown: int, top: float) -> float:
    """The terms under their title, and what the ones left out add up to; where the equation may stand."""
    channels = len(layer.sums)
    title = f"the framed value: {slices_text(shown, channels)} of the patch times "
    title += f"{'that' if channels == 1 else 'those'} of filter {layer.n}"
    canvas.text(WIDTH / 2, top, title, size=TITLE, weight="bold", along="top")
    bottom = terms.draw(canvas, top - 0.28, shown)
    if shown < channels:
        rest = number_text(layer.sums[shown:].sum())
        canvas.text(WIDTH / 2, bottom, rest_text(channels - shown, rest), along="top")
        bottom -= 0.22
    return bottom


def slices_text(shown: int, channels: int) -> str:
    """How many slices are shown, in words.

    >>> slices_text(3, 3), slices_text(14, 36)
    ('all 3 slices', '14 of the 36 slices')
    """
    if channels <= 2:
        return "the slice" if channels == 1 else "both slices"
    return f"all {channels} slices" if shown == channels else f"{shown} of the {channels} slices"


def rest_text(left_out: int, rest: str) -> str:
    """What is said of the slices that are not shown.

    >>> rest_text(22, "−7"), rest_text(1, "4")
    ('… and 22 more slices, whose sums add up to −7', '… and 1 more slice, whose sum is 4')
    """
    return f"… and {left_out} more slice" + (
        f"s, whose sums add up to {rest}" if left_out > 1 else f", whose sum is {rest}"
    )
