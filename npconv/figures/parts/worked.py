"""A worked value: slices times slices, cell by cell, term by term, with the sum of each term."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeAlias

from matplotlib.offsetbox import OffsetBox

from ...text import counted, number_text
from .drawing import FRONT_UNDER_NUMBERS, ROLES, SMALL, SMALLEST, TITLE, Volume, number_cell, shade, text_width
from .layer import StandardLayer
from .layout import Drawing, Page, column, grid, note, space, text, title

Texts: TypeAlias = Sequence[Sequence[str]]

SIGN, PLUS, LINE = 0.04, 0.07, 0.12  # inches beside a sign, beside a plus, and between lines of terms


@dataclass(frozen=True)
class Slices:
    """One slice for each term: the texts of its numbers, and its colour if it is not the role's.

    `above` and `below` are written over and under the slices; `focus` is a cell framed in the first one.
    """

    name: str
    role: str
    texts: Sequence[Texts]
    colors: Sequence[str] = ()
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    focus: tuple[int, int] | None = None

    def drawn(self, m: int, cell: float, size: float) -> Drawing:
        """The slice of a term, with numbers of that size."""
        drawing, grid = Drawing(), self.texts[m]
        cells = {(row, column): text for row, texts in enumerate(grid) for column, text in enumerate(texts)}
        color = shade(self.colors[m] if self.colors else ROLES[self.role], FRONT_UNDER_NUMBERS)
        place = Volume(len(grid), len(grid[0]), 0, cell=cell)
        drawing.cells(f"{self.name}-slice-{m}", place, cells, color, size=size)
        if self.focus and m == 0:
            drawing.frame(place, *([index] for index in self.focus))
        return drawing


@dataclass(frozen=True)
class Terms:
    """The terms of a sum: slices with signs between them, and the sum of each.

    After the sign "=" come the products, with their sum below; without it the sum stands behind. `longest` are texts
    among which is the widest number of the slices; where a figure is one of several of equal layout, those of them all.
    An empty sum is not written. `labels` stand above the terms, instead of their channel, `plus` between them.
    """

    parts: Sequence[Slices]
    signs: str
    sums: Sequence[str]
    longest: Sequence[str] = ()
    widest_sum: str = ""
    labels: Sequence[str] = ()
    plus: str = "+"

    def arranged(
        self, page: Page, *, height: float = 100.0, most: int | None = None, at_least: int = 1
    ) -> tuple[OffsetBox, int] | None:
        """As many terms as fit into the page's width and that height, at most so many, and how many they are.

        Numbers are small, or the smallest; slices stand side by side, or one below the other: the first of these that
        has room for `at_least` terms in a line. None where none has.
        """
        texts = self.longest or [t for part in self.parts for grid in part.texts for line in grid for t in line]
        plus = page.size(text("+", size=TITLE))[0] + 2 * PLUS
        for down, size in product((False, True), (SMALL, SMALLEST)):
            reserve = page.size(note(f"Σ = {max([self.widest_sum, *self.sums], key=text_width)}"))[0]
            term = partial(self._term, cell=number_cell([texts], size), size=size, reserve=reserve, down=down)
            wide, high = page.size(term(0))
            per_line, lines = int((page.inner + PLUS) / (wide + plus)), int((height + LINE) / (high + LINE))
            if per_line >= min(at_least, len(self.sums)) and lines:
                shown = min(len(self.sums) if most is None else most, per_line * lines)
                return self._lines([term(m) for m in range(shown)], per_line), shown
        return None

    def _lines(self, terms: Sequence[OffsetBox], per_line: int) -> OffsetBox:
        """The terms, line by line, with plus signs between them, and behind the last one if others come."""
        places: list[OffsetBox | None] = []
        for m, term in enumerate(terms):
            places += [term, text(self.plus, size=TITLE) if m < len(self.sums) - 1 else None]
        width = 2 * min(len(terms), per_line)
        places += [None] * (-len(places) % width)
        if not any(places[width - 1 :: width]):
            return grid([places[: width - 1]], gaps=(PLUS, LINE))
        return grid([places[i : i + width] for i in range(0, len(places), width)], gaps=(PLUS, LINE))

    def _term(self, m: int, *, cell: float, size: float, reserve: float, down: bool) -> OffsetBox:
        """One term, with room for the widest sum."""
        slices = [part.drawn(m, cell, size) for part in self.parts]
        label = None if self.parts[0].above else note(self.labels[m] if self.labels else f"m = {m}")
        sums = (note(f"Σ = {self.sums[m]}"), space(reserve, 0)) if self.sums[m] else ()
        total = column(*sums, gap=0, align="center" if "=" in self.signs else "left") if sums else None
        line: list[OffsetBox | None] = [slices[0]]
        for sign, after in zip(self.signs, slices[1:], strict=True):
            line += [text(sign, size=TITLE), after]
        if down:
            return column(label, *line, total, gap=0.03)
        above: list[OffsetBox | None] = []
        below: list[OffsetBox | None] = []
        for part in self.parts:
            above += [note(part.above[m]) if part.above else None, None]
            below += [note(part.below[m]) if part.below else None, None]
        del above[-1], below[-1]
        if "=" in self.signs and total:
            below[-1] = total
        elif total:
            line, above, below = [*line, total], [*above, None], [*below, None]
        rows = [(boxes, along) for boxes, along in ((above, "center"), (line, "center"), (below, "top")) if any(boxes)]
        body = grid([boxes for boxes, _ in rows], gaps=(SIGN, 0.04), along=[along for _, along in rows])
        under = max([words[m].count("\n") + 1 for part in self.parts if (words := part.below)], default=int(any(below)))
        balance = space(0, SMALL * 1.25 / 72 * abs(under - 1))  # so that a plus is on the slices' height
        return column(balance if under > 1 else None, label, body, balance if under < 1 else None, gap=0.04)


def worked_value(
    page: Page, layer: StandardLayer, terms: Terms, *, height: float = 100.0, most: int | None = None
) -> tuple[OffsetBox, int] | None:
    """Terms under their title, what the ones left out add up to, and the value's equation; how many are shown."""
    if (arranged := terms.arranged(page, height=height, most=most)) is None:
        return None
    box, shown = arranged
    channels = len(layer.sums)
    heading = f"the framed value: {slices_text(shown, channels)} of the patch times "
    heading += f"{'that' if channels == 1 else 'those'} of filter {layer.n}, cell by cell, and the sums Σ"
    rest = rest_text(channels - shown, number_text(layer.sums[shown:].sum())) if shown < channels else ""
    return column(title(heading), box, text(rest) if rest else None, text(f"framed: {layer.equation}")), shown


def slices_text(shown: int, channels: int) -> str:
    """The number of slices that are shown, in words.

    >>> slices_text(3, 3), slices_text(14, 36)
    ('all 3 slices', '14 of the 36 slices')
    """
    if channels <= 2:
        return "the slice" if channels == 1 else "both slices"
    return f"all {channels} slices" if shown == channels else f"{shown} of the {channels} slices"


def rest_text(left_out: int, rest: str) -> str:
    """The words about the slices that are not shown.

    >>> rest_text(22, "−7"), rest_text(1, "4")
    ('… and 22 more slices, whose sums add up to −7', '… and 1 more slice, whose sum is 4')
    """
    return f"… and {counted('more slice', left_out)}, whose " + (
        f"sums add up to {rest}" if left_out > 1 else f"sum is {rest}"
    )
