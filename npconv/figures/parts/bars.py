"""Counts as bars to scale, one below the other, with their names before them and words behind them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from matplotlib.offsetbox import DrawingArea, OffsetBox
from matplotlib.patches import Rectangle

from .drawing import FRONT, ROLES, shade
from .layout import Drawing, Page, column, grid, row, text, title

BAR = 0.2  # inches

Piece: TypeAlias = tuple[str, int, float]  # of a bar: its name, its count, the strength of its colour


def bars_to_scale(
    page: Page, heading: str, lines: Mapping[str, tuple[Sequence[Piece], str]], *, width: float | None = None
) -> OffsetBox:
    """Bars under a heading, by their names: each one's pieces, and the words behind it; all on the largest scale.

    They are as wide as the page, if not so many inches.
    """
    names = [text(name) for name in lines]
    left = max(page.size(name)[0] for name in names)
    # inches for one of what is counted: every bar and the text behind it fit
    room = (page.inner if width is None else width) - left - 0.25
    scale = min(
        (room - page.size(text(words))[0]) / sum(count for _, count, _ in pieces) for pieces, words in lines.values()
    )
    boxes: list[list[OffsetBox | None]] = []
    for name, (pieces, words) in zip(names, lines.values(), strict=True):
        bar, x = Drawing(), 0.0
        for gid, count, strength in pieces:
            size = (count * scale, BAR)
            color = shade(ROLES["shortcut"], strength)
            bar.add(Rectangle((x, 0), *size, color=color, linewidth=0, gid=f"bar-{gid}"))
            x += size[0]
        boxes.append([name, row(bar, text(words))])
    return column(title(heading), grid(boxes, gaps=(0.1, 0.08), across=("right", "left")), align="left")


def share_bar(name: str, length: float, size: tuple[float, float], color: str) -> DrawingArea:
    """A bar so many inches long at the left of a box of that size, which it fills from bottom to top."""
    width, height = (72 * inches for inches in size)
    box = DrawingArea(width, height)
    box.add_artist(Rectangle((0, 0), 72 * length, height, facecolor=shade(color, FRONT), gid=name))
    return box
