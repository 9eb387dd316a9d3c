"""Rows that are added up: channel by channel, slices with signs between them, and a brace that leads to their sum."""

from collections.abc import Sequence

from matplotlib.offsetbox import OffsetBox

from .drawing import SMALL
from .layout import Drawing, Page, column, grid, row, space

Line = Sequence[OffsetBox | None]
GAPS = (0.12, 0.08)  # inches between columns and between rows


def rows_and_sum(page: Page, titles: Line, rows: Sequence[Line], below: Line | None, total: OffsetBox) -> OffsetBox:
    """Rows under their columns' titles, with what stands `below` each column, and at half their height the sum."""
    after = [below] if below else []
    whole = grid([titles, *rows, *after], gaps=GAPS, along=["bottom", *["center"] * (len(rows) + len(after))])
    heights = [page.size(grid(lines, gaps=GAPS))[1] for lines in (rows, [*rows, *after])]
    right = row(_brace(heights[0]), total)
    beside_titles = space(0, page.size(whole)[1] - heights[1])
    return row(whole, column(beside_titles, right, gap=0), align="top")


def _brace(height: float) -> Drawing:
    """A brace beside all rows, and an arrow from it to their sum."""
    drawing = Drawing()
    drawing.line([(0, 0), (0.1, 0), (0.1, height), (0, height)])
    drawing.arrow((0.1, height / 2), (0.85, height / 2))
    drawing.text(0.48, height / 2 + 0.08, "sum over m", size=SMALL, along="bottom")
    return drawing
