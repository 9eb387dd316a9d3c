"""Volumes in a cabinet projection, drawn as polygons of our own, in inches.

The front face of a volume stays square, so it can hold numbers. Its rows run down, its columns to the right, and its
channels back, up and to the right, at half their length.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

INK = "#222222"
ROLES = {
    "input": "#56B4E9",
    "filter": "#E69F00",
    "intermediate": "#CC79A7",
    "output": "#009E73",
    "shortcut": "#0072B2",
    "padding": "#BBBBBB",
}
CHANNEL_HUES = ("#56B4E9", "#CC79A7", "#F0E442")  # where hue is the channel; beyond three they are numbered
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P")

FRONT, FRONT_UNDER_NUMBERS, TOP, SIDE = 0.75, 0.6, 0.4, 1.0  # strength of a volume's colour on each face

WIDTH = 9.0  # inches
MARGIN = 0.15
TEXT, TITLE, SMALL, SMALLEST = 9.0, 10.5, 8.0, 7.0  # points

BACK = (0.5 * math.cos(math.radians(40)), 0.5 * math.sin(math.radians(40)))  # one channel back, in cells
MOST_CHANNELS = 8  # with more the first six and the last are drawn, and a gap of two between them
MOST_ROWS = 32
LABEL_GAP = 0.06

Point = tuple[float, float]
Sides = tuple[tuple[int, int], tuple[int, int]]


class TooLargeError(ValueError):
    """Something does not fit on the canvas; `figure.drawn_by` says whose it is."""


def shade(color: str, strength: float) -> str:
    """A colour mixed with white.

    >>> shade("#000000", 0.4)
    '#999999'
    """
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(color))
    return to_hex((red, green, blue))


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = TEXT, weight: str = "normal") -> float:
    """The width of a text in inches: that of its longest line."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    widths = [text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] for line in text.split("\n")]
    return float(max(widths)) / 72


def spread(places: Sequence[float], gap: float, within: tuple[float, float] = (-math.inf, math.inf)) -> list[float]:
    """Places moved apart, as little as need be and in their order, until neighbours are a gap from one another.

    All stay within the bounds where there is room for them.

    >>> spread([5.0, 1.0, 5.5], gap=2)
    [4.25, 1.0, 6.25]
    >>> spread([5.0, 1.0, 5.5], gap=2, within=(2, 6))
    [4.0, 2.0, 6.0]
    """
    low, high = within
    groups: list[tuple[list[int], float]] = []  # neighbours that touch, from below, and their middle
    for index in sorted(range(len(places)), key=lambda i: places[i]):
        members, middle = [index], places[index]
        while True:
            reach = gap * (len(members) - 1) / 2
            middle = max(min(middle, high - reach), low + reach)
            if not groups or middle - groups[-1][1] >= gap * (len(members) + len(groups[-1][0])) / 2:
                break
            below, centre = groups.pop()
            middle = (middle * len(members) + centre * len(below)) / (len(members) + len(below))
            members = below + members
        groups.append((members, middle))
    moved = {i: middle + (n - (len(g) - 1) / 2) * gap for g, middle in groups for n, i in enumerate(g)}
    return [moved[i] for i in range(len(places))]


@dataclass(frozen=True)
class Volume:
    """The place of a volume (height, width, channels) on the canvas; padding counts among its rows and columns.

    (x, y) is the front face's upper left corner and `cell` a cell's side, in inches. A volume of 0 channels is a flat
    slice, without thickness. Padding is see-through, unless it is `sealed`: then its numbers stand in front of the
    volume. Other volumes of the same drawing may lie `behind` it, so many channels back.

    >>> Volume(5, 7, 3, padding=((1, 1), (0, 0))).rows
    7
    """

    height: int
    width: int
    channels: int
    padding: Sides = ((0, 0), (0, 0))
    x: float = 0.0
    y: float = 0.0
    cell: float = 1.0
    sealed: bool = False
    behind: float = 0.0

    def at(self, x: float, y: float, cell: float) -> "Volume":
        """The same volume in another place."""
        return replace(self, x=x, y=y, cell=cell)

    @property
    def rows(self) -> int:
        """Rows of the front face, padding included."""
        return self.height + sum(self.padding[0])

    @property
    def columns(self) -> int:
        """Columns of the front face, padding included."""
        return self.width + sum(self.padding[1])

    @property
    def slabs(self) -> list[tuple[int, int]]:
        """The runs of channels that are drawn, from the front, each as its depth (from, to) in steps of a channel."""
        if self.channels > MOST_CHANNELS:
            return [(0, MOST_CHANNELS - 2), (MOST_CHANNELS, MOST_CHANNELS + 1)]
        return [(0, self.channels)]

    @property
    def drawn_channels(self) -> int:
        """The number of channels that are drawn."""
        return sum(back - front for front, back in self.slabs)

    @property
    def depth(self) -> int:
        """The depth of the volume, in steps of a channel."""
        return self.slabs[-1][1]

    def point(self, row: float, column: float, depth: float = 0) -> Point:
        """The projection of a corner of the grid."""
        return (
            self.x + (column + depth * BACK[0]) * self.cell,
            self.y + (-row + depth * BACK[1]) * self.cell,
        )

    def middle(self, row: int, column: int) -> Point:
        """The middle of a cell of the front face."""
        return self.point(row + 0.5, column + 0.5)

    @property
    def front_right(self) -> float:
        """The right edge of the front face."""
        return self.point(0, self.columns)[0]

    @property
    def right(self) -> float:
        """The right edge of all that is drawn."""
        return self.point(0, self.columns, self.depth)[0]

    @property
    def top(self) -> float:
        """The upper edge of all that is drawn."""
        return self.point(0, 0, self.depth)[1]

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.point(self.rows, 0)[1]

    @property
    def inner(self) -> tuple[float, float]:
        """The middle of the part that is not padding: its x and its y."""
        (above, _), (left, _) = self.padding
        return self.point(above + self.height / 2, left + self.width / 2)

    def is_padding(self, row: int, column: int) -> bool:
        """True where a cell of the padded grid is padding."""
        (above, _), (left, _) = self.padding
        return not (above <= row < above + self.height and left <= column < left + self.width)

    def faces(self) -> Iterator[tuple[str, list[tuple[list[Point], bool]]]]:
        """(face, [(polygon, is padding), ...]) for every face to be seen, in the order of drawing: from the back.

        Padding is a hull around the volume, whose own top and side lie within it; a sealed hull hides them.
        """
        (above, _), (left, _) = self.padding
        rows, columns = range(self.rows), range(self.columns)
        top, side, end = (0, self.columns, self.columns) if self.sealed else (above, left + self.width, self.columns)
        for front, back in reversed(self.slabs):
            channels = range(front, back)
            if channels:
                yield (
                    "top",
                    [
                        (self._cell((row, c, d), "top"), hull)
                        for hull, row in ((True, 0), (False, top))
                        for d in channels
                        for c in columns
                        if self.is_padding(row, c) == hull
                    ],
                )
                yield (
                    "side",
                    [
                        (self._cell((r, edge, d), "side"), hull)
                        for hull, edge in ((True, end), (False, side))
                        for d in channels
                        for r in rows
                        if self.is_padding(r, edge - 1) == hull
                    ],
                )
            yield "front", [(self._cell((r, c, front), "front"), self.is_padding(r, c)) for r in rows for c in columns]

    def is_covered(self, row: int, column: int) -> bool:
        """True where a cell of padding lies in front of the volume's own top or side, where one is hard to read."""
        (above, _), (left, _) = self.padding
        if self.sealed or not self.is_padding(row, column):
            return False
        return any(
            above <= row + 0.5 + d / 4 * BACK[1] < above + self.height + 0.3
            and left - 0.3 <= column + 0.5 - d / 4 * BACK[0] < left + self.width
            for d in range(int(4 * max(self.depth, self.behind)) + 2)
        )

    def _cell(self, corner: tuple[int, int, int], face: str) -> list[Point]:
        row, column, depth = corner
        across = {"front": ((1, 0, 0), (0, 1, 0)), "top": ((0, 0, 1), (0, 1, 0)), "side": ((1, 0, 0), (0, 0, 1))}
        (r1, c1, d1), (r2, c2, d2) = across[face]
        return [
            self.point(row, column, depth),
            self.point(row + r1, column + c1, depth + d1),
            self.point(row + r1 + r2, column + c1 + c2, depth + d1 + d2),
            self.point(row + r2, column + c2, depth + d2),
        ]


@dataclass(frozen=True)
class Labels:
    """The sizes written beside a volume: left of it, below it, and below its side. An empty text is not written."""

    height: str = ""
    width: str = ""
    depth: str = ""


def _depth_label_x(volume: Volume) -> float:
    line = TEXT * 1.2 / 72  # the side's lower edge has run this far to the right when it is a line of text higher
    return volume.front_right + min(volume.right - volume.front_right, line * BACK[0] / BACK[1]) + LABEL_GAP


class Pen:
    """Methods that draw shapes and texts whose coordinates are inches, y upwards."""

    def add(self, artist: Artist) -> None:
        """Take an artist whose coordinates are inches."""
        raise NotImplementedError

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = TEXT,
        across: str = "center",
        along: str = "center",
        weight: str = "normal",
        color: str = INK,
        inside: bool = False,
    ) -> None:
        """Write a text; `across` says which part of it is at x (left, center, right), `along` which is at y.

        One that stands `inside` of something drawn is not measured when the drawing's size is.
        """
        written = Text(x, y, text, size=size, ha=across, va=along, weight=weight, color=color, parse_math=False)
        written.set(zorder=4, in_layout=not inside)
        self.add(written)

    def volume(
        self,
        name: str,
        volume: Volume,
        color: str,
        numbers: Sequence[Sequence[str]] | None = None,
        *,
        title: str = "",
        level: int = 0,
    ) -> bool:
        """Draw a volume, with numbers on its front face where they fit at 7 points; whether they did.

        `numbers` are the texts of the padded front face. `title` is written above. It covers what has a lower level.
        """
        size = None if numbers is None else number_size(numbers, volume.cell)
        front = FRONT if size is None else FRONT_UNDER_NUMBERS
        line = min(0.8, volume.cell * 72 * 0.06)
        slab = level  # each covers those behind it, its own padding lying below its cells
        for face, cells in volume.faces():
            fill = shade(color, {"front": front, "top": TOP, "side": SIDE}[face])
            for kind, padding in (("", False), ("-padding", True)):
                polygons = [polygon for polygon, is_padding in cells if is_padding == padding]
                if polygons:
                    collection = PolyCollection(
                        _corners(polygons),
                        facecolors=("white" if volume.sealed else "none") if padding else fill,
                        edgecolors=ROLES["padding"] if padding else INK,
                        linewidths=max(line, 0.6) if padding else line,
                        linestyles=":" if padding else "-",
                        joinstyle="round",
                        clip_on=False,
                        zorder=1 + 0.02 * slab + (0 if padding else 0.01),
                    )
                    collection.set_gid(f"{name}-{face}{kind}")
                    self.add(collection)
            slab += face == "front"
        for (_, front_back), (behind, _) in zip(volume.slabs, volume.slabs[1:], strict=False):
            for row, column in ((0, 0), (0, volume.columns), (volume.rows, volume.columns)):
                self.line([volume.point(row, column, front_back), volume.point(row, column, behind)], dotted=True)
        if numbers is not None and size is not None:
            for row, texts in enumerate(numbers):
                for column, text in enumerate(texts):
                    if text != "0" or not volume.is_covered(row, column):
                        self.text(*volume.middle(row, column), text, size=size, inside=True)
        if title:
            self.text((volume.x + volume.right) / 2, volume.top + LABEL_GAP, title, size=SMALL, along="bottom")
        return numbers is None or size is not None

    def cells(
        self,
        name: str,
        volume: Volume,
        texts: Mapping[tuple[int, int], str],
        fill: str,
        *,
        size: float = TEXT,
        face: str = "front",
    ) -> None:
        """Draw some cells (row, column) of the front face in a colour of their own, over what is there, with texts.

        Or the foremost cells above them (`face` "top") or to the right of them ("side"), without texts.
        """
        corners = {
            "front": ((0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 0)),
            "top": ((0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1)),
            "side": ((0, 1, 0), (1, 1, 0), (1, 1, 1), (0, 1, 1)),
        }[face]
        polygons = [[volume.point(row + r, column + c, back) for r, c, back in corners] for row, column in texts]
        collection = PolyCollection(
            _corners(polygons),
            facecolors=fill,
            edgecolors=INK,
            linewidths=min(0.8, volume.cell * 72 * 0.06),
            joinstyle="round",
            clip_on=False,
            zorder=1.3,
        )
        collection.set_gid(name)
        self.add(collection)
        for place, text in texts.items():
            if text and face == "front":
                self.text(*volume.middle(*place), text, size=size, inside=True)

    def labels(self, volume: Volume, labels: Labels) -> None:
        """Write a volume's sizes beside it."""
        middle_x, middle_y = volume.inner
        if labels.height:
            self.text(volume.x - LABEL_GAP, middle_y, labels.height, across="right")
        if labels.width:
            self.text(middle_x, volume.bottom - LABEL_GAP, labels.width, along="top")
        if labels.depth:
            self.text(_depth_label_x(volume), volume.bottom, labels.depth, across="left", along="bottom")

    def frame(self, volume: Volume, rows: Sequence[int], columns: Sequence[int]) -> None:
        """Frame cells of the front face: one frame where they lie together, one for each where they don't."""
        if _are_neighbours(rows) and _are_neighbours(columns):
            boxes = [(rows[0], columns[0], len(rows), len(columns))]
        else:
            boxes = [(row, column, 1, 1) for row in rows for column in columns]
        for row, column, height, width in boxes:
            corner = volume.point(row + height, column)
            for points, color, order in ((4.2, "white", 2.0), (2.2, INK, 2.1)):
                self.add(
                    Rectangle(
                        corner,
                        width * volume.cell,
                        height * volume.cell,
                        fill=False,
                        edgecolor=color,
                        linewidth=points,
                        joinstyle="miter",
                        clip_on=False,
                        zorder=order,
                        gid="focus" if color == INK else None,
                    )
                )

    def line(self, points: Iterable[Point], *, color: str = INK, width: float = 0.8, dotted: bool = False) -> None:
        """Draw a line through points."""
        xs, ys = zip(*points, strict=True)
        self.add(
            Line2D(xs, ys, color=color, linewidth=width, linestyle=":" if dotted else "-", clip_on=False, zorder=1.5)
        )

    def arrow(self, start: Point, end: Point, *, color: str = INK) -> None:
        """Draw an arrow."""
        self.add(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>",
                mutation_scale=9,
                linewidth=1.2,
                color=color,
                shrinkA=0,
                shrinkB=0,
                clip_on=False,
                zorder=2,
            )
        )


def _corners(polygons: Sequence[Sequence[Point]]) -> Any:
    """The corners of polygons as one array, from which a collection is made several times as fast as from lists."""
    return np.array(polygons)


def number_size(numbers: Sequence[Sequence[str]], cell: float) -> float | None:
    """The largest size from 9 to 7 points at which every number fits into a cell; None where there is none."""
    longest = max((text for row in numbers for text in row), key=text_width)
    for size in (9.0, 8.5, 8.0, 7.5, 7.0):
        if text_width(longest, size) <= 0.88 * cell and size * 1.25 / 72 <= cell:
            return size
    return None


def number_cell(numbers: Sequence[Sequence[str]], size: float = SMALL) -> float:
    """The smallest cell in which numbers of that size stand comfortably."""
    longest = max((text_width(text, size) for row in numbers for text in row), default=0.0)
    return max(0.22, longest + 0.08)


def least_number_cell(number: str) -> float:
    """The smallest cell into which a number fits at 7 points."""
    return max(text_width(number, SMALLEST) / 0.88, SMALLEST * 1.25 / 72) + 1e-9


def _are_neighbours(indices: Sequence[int]) -> bool:
    return list(indices) == list(range(indices[0], indices[0] + len(indices)))
