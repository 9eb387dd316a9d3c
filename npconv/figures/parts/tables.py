"""Tables from one margin of the page to the other, with rules as in a book."""

from collections.abc import Callable, Sequence

from matplotlib.lines import Line2D
from matplotlib.offsetbox import DrawingArea, OffsetBox

from .blocks import largest_scale
from .drawing import INK
from .layout import Grid, Page, column, grid, text, title

GAPS = (0.12, 0.09)  # inches between columns, at least, and between rows


def heading(name: str, explained: str) -> OffsetBox:
    """A table's title, and a line that explains it."""
    return column(title(name), text(explained), gap=0.06, align="left")


def table(
    page: Page,
    headings: Sequence[str],
    rows: Sequence[Sequence[OffsetBox | None]],
    totals: Sequence[OffsetBox | None],
    numbers: Sequence[int],
    gaps: tuple[float, float] = GAPS,
) -> Grid:
    """Headings, rows, and totals after a rule; the columns of `numbers` end at the right."""
    bold: list[OffsetBox | None] = [text(name, weight="bold") if name else None for name in headings]
    rules: list[list[OffsetBox | None]] = [
        [rule(page, width), *[None] * (len(headings) - 1)] for width in (1.2, 0.6, 0.6, 1.2)
    ]
    cells = [rules[0], bold, rules[1], *rows, rules[2], totals, rules[3]]
    sides = ["right" if i in numbers else "left" for i in range(len(headings))]
    return grid(cells, gaps=gaps, across=sides).spread(page.inner, flush=True)


def fitted(
    page: Page, build: Callable[[float], Grid], volumes: Callable[[float], float], largest: float
) -> tuple[Grid, float]:
    """The table that `build` makes on the largest scale that fits on the page, and that scale, in inches a channel.

    `volumes` is the width of what grows with the scale: the widest volume of each column, added up.
    """
    table = build(largest)
    table.wide, wide = 0.0, table.wide
    others = page.size(table)[0] - volumes(largest)
    scale = largest_scale(lambda channel: others + volumes(channel), page.inner, largest)
    table.wide = wide
    return (table if scale == largest else build(scale)), scale


def rule(page: Page, width: float) -> DrawingArea:
    """A line across the page, so many points wide, which takes no room."""
    area = DrawingArea(0, 0)
    area.add_artist(Line2D((0, 72 * page.inner), (0, 0), color=INK, linewidth=width))
    return area


def lines(*texts: str, align: str = "left") -> OffsetBox:
    """Texts one below the other, as one text."""
    return text("\n".join(texts), align=align)
