"""Images with boxes on them, to scale, and tables of numbers in cells: what the figures of detection are made of."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from ...detection.checking import check_boxes
from ...kernels.arguments import check_axes
from ...kernels.geometry import Array
from .drawing import INK, LABEL_GAP, LINE_COLORS, SMALLEST, Pen, text_width
from .layout import Drawing, column, note, title
from .lines import wrapped

TRUTH, FOUND, KEPT = LINE_COLORS[:3]  # lines of truths, of what is matched or found, of what is left
LINE = SMALLEST * 1.4 / 72  # inches for a line of a label
CASING = 1.5  # points of white around a line
NAME_GAP = 0.08  # inches
AWAY = (0.0, 0.08, 0.16, 0.24, 0.32)  # inches from a box to a label beside it
NEAR = 0.01  # inches: a line so near to a label's edge is not hidden

Place: TypeAlias = tuple[float, float, float, float]  # left, right, bottom, top, in inches


class BoxPen(Pen):
    """Methods that outline boxes (top, left, bottom, right) on an image of so many `inches` a pixel, and label them.

    `room` is the part of the plane, in pixels as a box, that no label leaves. Lines and letters are `scale` times as
    large as in a figure.
    """

    def __init__(self, name: str, inches: float, room: Sequence[float], scale: float = 1.0) -> None:
        super().__init__()
        self.name, self.inches, self.scale = name, inches, scale
        self.room = self._outline(room)
        self.taken: list[Place] = []  # by labels
        self.drawn: list[tuple[Place, bool]] = []  # boxes, and whether their lines are solid

    def _outline(self, box: Sequence[float]) -> Place:
        top, left, bottom, right = (float(side) * self.inches for side in box)
        return left, right, -bottom, -top

    def box(self, name: str, box: Sequence[float], color: str, *, style: str = "-", width: float = 1.6) -> None:
        """Outline a box, with white beside the line."""
        left, right, low, high = place = self._outline(box)
        self.drawn.append((place, style == "-"))
        for points, ink, line, order in ((width + CASING, "white", "-", 2.0), (width, color, style, 2.1)):
            frame = Rectangle(
                (left, low), right - left, high - low, fill=False, edgecolor=ink, linewidth=points * self.scale,
                linestyle=line, joinstyle="miter", clip_on=False, zorder=order,
                gid=f"{self.name}-{name}" if ink == color else None,
            )  # fmt: skip
            self.add(frame)

    def label(self, box: Sequence[float], words: str, color: str) -> bool:
        """Write words on a white ground at a box, where no label is yet; whether there was such a place.

        It is the place that hides least of the boxes drawn so far, perhaps beside the box, with a line to it.
        """
        outline = self._outline(box)
        free = [place for place in self._places(outline, label_width(words) * self.scale) if self._free(place)]
        if not free:
            return False
        aways = [max(0.0, outline[0] - right, left - outline[1]) for left, right, _, _ in free]
        hidden = self._hidden(np.array(free)).tolist()
        best = min(range(len(free)), key=lambda n: hidden[n] + aways[n] / 2)
        self.write(free[best], words, color, outline if aways[best] else None)
        return True

    def write(self, place: Place, words: str, color: str, beside: Place | None = None) -> None:
        """Write words on white at a place, which no later label takes, with a line to what they are `beside`."""
        left, right, low, high = place
        self.taken.append(place)
        x, y = (left + right) / 2, (low + high) / 2
        if beside is not None:
            ends = (right, beside[0]) if x < beside[0] else (left, beside[1])
            for points, ink in ((0.8 + CASING, "white"), (0.8, color)):
                self.line([(end, y) for end in ends], color=ink, width=points * self.scale)
        ground = {
            "facecolor": "white",
            "edgecolor": color,
            "linewidth": 0.8 * self.scale,
            "boxstyle": "square,pad=0.12",
        }
        look: dict[str, Any] = {
            "size": SMALLEST * self.scale,
            "ha": "center",
            "va": "center",
            "color": INK,
            "zorder": 4,
        }
        self.add(Text(x, y, words, parse_math=False, bbox=ground, **look))

    def _places(self, outline: Place, width: float) -> list[Place]:
        """The places for a label so wide: at the corners of a box, to its sides, and in the middle of its edges."""
        (x0, x1, y0, y1), height = outline, LINE * self.scale
        left, right, low, high = self.room
        inside = (y1 - height, (y0 + y1 - height) / 2, y0)
        rows = (y1, inside[0], inside[2], y0 - height, inside[1])
        aways = [away * self.scale for away in AWAY]
        places = [(x, y) for y in rows for x in (x0, x1 - width)]
        places += [(x, y) for away in aways for y in inside for x in (x0 - away - width, x1 + away)]
        middle = min(max((x0 + x1 - width) / 2, left), right - width)
        places += [(middle, min(max(y, low), high - height)) for y in rows]
        return [(x, x + width, y, y + height) for x, y in places]

    def _free(self, place: Place) -> bool:
        """True where a label there lies in the room, and on no other."""
        (left, right, low, high), most = self.room, 1e-6
        inside = left - most <= place[0] and place[1] <= right + most
        inside = inside and low - most <= place[2] and place[3] <= high + most
        return inside and not any(_touch(place, other) for other in self.taken)

    def _hidden(self, places: Array) -> Array:
        """The inches of boxes' lines that a label hides at each place, and the area of solid boxes by its height."""
        left, right, low, high = places.T[:, :, None]
        x0, x1, y0, y1 = np.array([place for place, _ in self.drawn]).reshape(-1, 4).T[:, None]
        solid, near = np.array([solid for _, solid in self.drawn]), NEAR * self.scale
        across = np.maximum(np.minimum(right, x1) - np.maximum(left, x0), 0)
        up = np.maximum(np.minimum(high, y1) - np.maximum(low, y0), 0)
        lines = across * sum((low + near < y) & (y < high - near) for y in (y0, y1))
        lines += up * sum((left + near < x) & (x < right - near) for x in (x0, x1))
        hidden: Array = (lines + solid * across * up / (LINE * self.scale)).sum(axis=1)
        return hidden


def label_width(words: str) -> float:
    """The inches of a label in a figure."""
    return text_width(words, SMALLEST) + 0.06


def _touch(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


class BoxPicture(BoxPen, Drawing):
    """An image of so many `inches` a pixel, with boxes (top, left, bottom, right) in its pixels, and labels on them.

    `around` are boxes that have room in the picture, drawn or not, so that several pictures have one size. `size` is
    (height, width) where the pixels are stretched to another one.
    """

    def __init__(
        self, name: str, pixels: Array, inches: float, around: Array | None = None, size: tuple[int, int] | None = None
    ) -> None:
        height, width = pixels.shape[:2] if size is None else size
        whole = np.array([[0, 0, height, width]], np.float64)
        room = whole if around is None else np.concatenate([whole, around])
        super().__init__(name, inches, [*room[:, :2].min(axis=0).tolist(), *room[:, 2:].max(axis=0).tolist()])
        left, right, low, high = self.room
        self.add(Rectangle((left, low), right - left, high - low, edgecolor="none", fill=False))
        mixed = width * inches * 160 < pixels.shape[1]
        self.image(name, pixels, (width * inches, height * inches), "gray", mixed=mixed)


class CellTable(Drawing):
    """Numbers in cells of that width and height, with a name at the left of each row and above each column."""

    def __init__(
        self, name: str, texts: Sequence[Sequence[str]], cell: tuple[float, float], rows: Sequence[str],
        columns: Sequence[str],
    ) -> None:  # fmt: skip
        super().__init__()
        self.name, self.cell = name, cell
        self.fill("", [(r, c) for r, line in enumerate(texts) for c, words in enumerate(line) if words], "white")
        for r, (row, line) in enumerate(zip(rows, texts, strict=True)):
            self.text(-NAME_GAP, self._middle(r, 0)[1], row, size=SMALLEST, across="right")
            for c, words in enumerate(line):
                if words:
                    self.text(*self._middle(r, c), words, size=SMALLEST)
        for c, words in enumerate(columns):
            self.text(self._middle(0, c)[0], LABEL_GAP / 2, words, size=SMALLEST, along="bottom")

    def _middle(self, row: float, column: float) -> tuple[float, float]:
        return (column + 0.5) * self.cell[0], -(row + 0.5) * self.cell[1]

    def fill(self, part: str, cells: Iterable[tuple[int, int]], color: str) -> None:
        """Fill cells (row, column) with a colour."""
        (width, height), corners = self.cell, ((0, 0), (0, 1), (1, 1), (1, 0))
        polygons = [[((c + j) * width, -(r + i) * height) for i, j in corners] for r, c in cells]
        if polygons:
            corners_of: Any = np.array(polygons)
            collection = PolyCollection(
                corners_of, facecolors=color, edgecolors=INK, linewidths=0.5, clip_on=False, zorder=1.1 if part else 1,
            )  # fmt: skip
            collection.set_gid(f"{self.name}-{part or 'cells'}")
            self.add(collection)

    def frame_cells(self, part: str, cells: Iterable[tuple[int, int]]) -> None:
        """Frame cells, each with a line of ink over a white one."""
        width, height = self.cell
        for r, c in cells:
            for points, color, order in ((3.6, "white", 2.0), (1.8, INK, 2.1)):
                corner = c * width, -(r + 1) * height
                frame = Rectangle(
                    corner, width, height, fill=False, edgecolor=color, linewidth=points, joinstyle="miter",
                    clip_on=False, zorder=order, gid=f"{self.name}-{part}" if color == INK else None,
                )  # fmt: skip
                self.add(frame)

    def after(self, row: int, words: str, columns: int) -> None:
        """Write words at the right of a row of so many columns."""
        self.text(columns * self.cell[0] + NAME_GAP, self._middle(row, 0)[1], words, size=SMALLEST, across="left")


def headed(name: str, words: str, *below: OffsetBox | None, width: float = math.inf, gap: float = 0.07) -> OffsetBox:
    """A title, words in small letters in lines of that width, and what stands below them."""
    head = column(title(name), note("\n".join(wrapped(words, 0.97 * width))), gap=0.05, align="left")
    return column(head, *below, gap=gap, align="left")


def boxes_from(function: str, name: str, given: Any, most: int) -> Array:
    """Boxes (n, 4) of float64, from one to so many; raises TypeError or ValueError where they are none to draw."""
    check_boxes(function, name, given, area=True)
    if not 1 <= len(given) <= most:
        raise ValueError(f"{function}: {name} must be 1 to {most} boxes to draw; got {name} {given.shape}")
    boxes: Array = given.astype(np.float64)
    return boxes


def numbers_from(function: str, name: str, given: Any, count: int) -> Array:
    """A finite number for each of so many boxes, as float64."""
    check_axes(function, name, given, (count,))
    if not np.isfinite(given).all():
        raise ValueError(f"{function}: {name} must hold finite numbers; got {name} {given.shape}")
    numbers: Array = given.astype(np.float64)
    return numbers


def share_text(share: float, limit: float = math.nan) -> str:
    """A number from 0 to 1 with two digits after the point, or as many as tell it from a limit that it does not equal.

    >>> share_text(0.625), share_text(0.5, 0.5), share_text(0.4999, 0.5), share_text(0.0)
    ('0.62', '0.50', '0.4999', '0')
    """
    if share in (0, 1):
        return f"{share:.0f}"
    for digits in range(2, 17):
        text = f"{share:.{digits}f}"
        if share == limit or float(text) != limit:
            break
    return text
