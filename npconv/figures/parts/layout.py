"""Rows, columns and grids of drawings and texts, which matplotlib measures: how every figure here is laid out.

Nobody computes where something goes. A figure is made in three steps:

1. Make boxes. `text`, `title` and `note` hold words, a `Drawing` holds shapes (its coordinates are inches, y upwards;
   its methods are those of `Pen`). `row`, `column` and `grid` put boxes together, and are boxes again; `gap` is in
   inches. They are matplotlib's offset boxes (TextArea, HPacker, VPacker), which take as much room as what is in them.
2. Fit them. Write a function from the side of a cell, in inches, to a box, and give it to `Page.fitted` with the cell
   that numbers want: the page measures, and makes the cells smaller where the result is too wide or too high. Where
   something has to be as large as something else, ask `Page.size`.
3. Finish. `Page.finish` puts the box in the middle of a page of the fixed width and gives the page the box's height.

    with drawn_by("builder", x=x):
        page = Page()
        def build(cell):
            drawing = Drawing()
            drawing.volume("input", Volume(7, 7, 3, cell=cell), ROLES["input"], numbers)
            return column(title("input"), drawing, note("indices count from 0"), gap=0.1)
        box, cell = page.fitted(build, number_cell(numbers))
        figure = page.finish(box)

What is drawn must not depend on a guess about the width of a text: measure the box, or let a packer do it. In plots
the axes are matplotlib's (`constrained_layout`), and labels at the ends of lines are placed by `label_ends`.

A caption is a template beside the data: clauses, with gaps that `npconv.text.filled` fills, given to
`four_part_caption`, which drops the empty ones.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import matplotlib.figure
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.colors import Normalize
from matplotlib.image import BboxImage
from matplotlib.offsetbox import AnchoredOffsetbox, DrawingArea, HPacker, OffsetBox, PackerBase, TextArea, VPacker
from matplotlib.patches import FancyArrowPatch
from matplotlib.transforms import Affine2D, Bbox, TransformedBbox

from ...kernels.geometry import Array
from .drawing import INK, MARGIN, SMALL, TEXT, TITLE, WIDTH, Pen, TooLargeError, spread

GAP = 0.1  # inches between neighbours
LEAST_CELL = 0.05  # inches
HIGHEST = 13.15  # inches for a page

Box = TypeVar("Box", bound=OffsetBox)
Align: TypeAlias = Literal["top", "bottom", "left", "right", "center", "baseline"]


def text(
    string: str, *, size: float = TEXT, weight: str = "normal", color: str = INK, align: str = "center"
) -> TextArea:
    """A text of one line or more; `align` says how its lines stand to one another."""
    properties: dict[str, Any] = {"size": size, "weight": weight, "color": color, "multialignment": align}
    return TextArea(string, textprops={**properties, "parse_math": False}, multilinebaseline=True)


def title(string: str) -> TextArea:
    """A title: larger, and bold."""
    return text(string, size=TITLE, weight="bold")


def note(string: str, *, align: str = "left") -> TextArea:
    """A text in small letters."""
    return text(string, size=SMALL, align=align)


def row(*boxes: OffsetBox | None, gap: float = GAP, align: Align = "center") -> HPacker:
    """Boxes side by side, `gap` inches apart, aligned at their top, center, bottom or baseline. None is left out."""
    return HPacker(sep=72 * gap, align=align, children=[box for box in boxes if box])


def column(*boxes: OffsetBox | None, gap: float = GAP, align: Align = "center") -> VPacker:
    """Boxes one below the other, `gap` inches apart, aligned at their left, center or right. None is left out."""
    return VPacker(sep=72 * gap, align=align, children=[box for box in boxes if box])


def space(width: float, height: float) -> DrawingArea:
    """An empty box of that size in inches."""
    return DrawingArea(72 * width, 72 * height)


def arrow_under(words: OffsetBox, length: float = 0.6, *, gap: float = 0.04) -> OffsetBox:
    """An arrow to the right, so many inches long, under what it stands for."""
    arrow = Drawing()
    arrow.arrow((0, 0), (length, 0))
    return column(words, arrow, gap=gap)


class Grid(OffsetBox):
    """Boxes in rows and columns, each row as high and each column as wide as its largest; None is an empty place.

    `gaps` are the inches between columns and between rows. `across` is the alignment of each column, or of all: left,
    center or right; `along` that of each row: top, center or bottom.
    """

    def __init__(
        self,
        rows: Sequence[Sequence[OffsetBox | None]],
        gaps: tuple[float, float] = (GAP, GAP),
        *,
        across: str | Sequence[str] = "center",
        along: str | Sequence[str] = "center",
    ) -> None:
        super().__init__()
        self.rows, self.gaps, self.wide, self.flush = rows, gaps, 0.0, False
        self.across = [across] * len(rows[0]) if isinstance(across, str) else across
        self.along = [along] * len(rows) if isinstance(along, str) else along
        self._children = [box for row in rows for box in row if box]
        self._laid_out: tuple[Any, float, tuple[Bbox, list[tuple[float, float]]]] = None, 0.0, (Bbox.null(), [])

    def spread(self, width: float, *, flush: bool = False) -> "Grid":
        """Widen the gaps between the columns until it is so wide; itself.

        Half as much is left free at both ends, unless it is to be `flush` with them.
        """
        self.wide, self.flush = width, flush
        return self

    def _get_bbox_and_child_offsets(self, renderer: Any) -> tuple[Bbox, list[tuple[float, float]]]:
        if self._laid_out[:2] != (renderer, self.wide):  # while a page is drawn, every box around it asks again
            self._laid_out = renderer, self.wide, self._lay_out(renderer)
        return self._laid_out[2]

    def _lay_out(self, renderer: Any) -> tuple[Bbox, list[tuple[float, float]]]:
        inch = renderer.points_to_pixels(72)
        boxes = {box: box.get_bbox(renderer) for box in self._children}
        widths = [max((boxes[box].width for box in c if box), default=0) for c in zip(*self.rows, strict=True)]
        heights = [max((boxes[box].height for box in r if box), default=0) for r in self.rows]
        across, down = (gap * inch for gap in self.gaps)
        width = sum(widths) + across * (len(widths) - 1)
        places = len(widths) - self.flush
        spare = max(0.0, self.wide * inch - width) / places
        lefts = (
            (0 if self.flush else spare / 2)
            + np.cumsum([0, *widths])
            + (across + spare) * np.arange(len(widths) + 1, dtype=np.float64)
        )
        tops = -np.cumsum([0, *heights]) - down * np.arange(len(heights) + 1, dtype=np.float64)
        offsets = []
        for i, line in enumerate(self.rows):
            for j, box in enumerate(line):
                if box:
                    (x0, y0), free = boxes[box].min, (widths[j] - boxes[box].width, heights[i] - boxes[box].height)
                    right = {"left": 0, "center": 0.5, "right": 1}[self.across[j]] * free[0]
                    up = {"bottom": 0, "center": 0.5, "top": 1}[self.along[i]] * free[1]
                    offsets.append((lefts[j] + right - x0, tops[i] - heights[i] + up - y0))
        height = sum(heights) + down * (len(heights) - 1)
        return Bbox.from_bounds(0, -height, width + spare * places, height), offsets


def grid(rows: Sequence[Sequence[OffsetBox | None]], **arrangement: Any) -> Grid:
    """A `Grid`, whose arrangement is given by name."""
    return Grid(rows, **arrangement)


class Drawing(Pen, OffsetBox):
    """Shapes and texts in inches, y upwards, as a box: it takes the room of all that is drawn, wherever that is.

    >>> from npconv.figures.parts.drawing import ROLES, Volume
    >>> drawing = Drawing()
    >>> _ = drawing.volume("input", Volume(3, 4, 0, cell=0.25), ROLES["input"])
    >>> [round(inches, 2) for inches in Page().size(drawing)]
    [1.0, 0.75]
    """

    def __init__(self) -> None:
        super().__init__()
        self._children: list[Artist] = []
        self._inches, self._place = Affine2D(), Affine2D()
        self._measured: tuple[float, Bbox] | None = None
        self._inside: list[tuple[tuple[float, float, str], dict[str, Any]]] = []

    def text(self, x: float, y: float, text: str, *, inside: bool = False, **properties: Any) -> None:
        """Write a text; one that stands inside of something drawn is made when the drawing is on its page."""
        if inside:
            self._inside.append(((x, y, text), properties))
        else:
            super().text(x, y, text, **properties)

    def complete(self) -> None:
        """Write the texts inside, once and for all; until then a drawing is cheap to make and to measure."""
        for place, properties in self._inside:
            super().text(*place, inside=True, **properties)
        self._inside.clear()

    def add(self, artist: Artist) -> None:
        """Take an artist whose coordinates are inches."""
        artist.set_transform(self._inches + self._place)
        self._children.append(artist)
        self._measured = None

    def image(
        self,
        name: str,
        values: Array,
        size: Sequence[float],
        colors: Any = None,
        low: float = 0,
        high: float = 1,
        *,
        at: tuple[float, float] = (0, 0),
        mixed: bool = True,
    ) -> None:
        """Draw a matrix as a framed picture of that width and height, its upper left corner `at` a place.

        `low` is the first colour, and `high` the last one. If not `mixed`, every dot has the colour of one value.
        """
        (width, height), (x, y) = size, at
        place = TransformedBbox(Bbox.from_bounds(x, y - height, width, height), self._inches + self._place)
        image = BboxImage(place, cmap=colors, norm=Normalize(low, high), gid=name)
        image.set_interpolation("antialiased" if mixed else "nearest")
        image.set_data(values)
        self._children.append(image)
        self.line([(x, y), (x + width, y), (x + width, y - height), (x, y - height), (x, y)])

    def set_offset(self, xy: Any) -> None:
        """Set where the origin is, in pixels."""
        self._offset = xy
        self._place.clear().translate(*xy)

    def get_bbox(self, renderer: Any) -> Bbox:
        """The room that all of it takes, in pixels from the origin."""
        inch = renderer.points_to_pixels(72)
        if self._measured is None or self._measured[0] != inch:
            self._inches.clear().scale(inch)
            self.set_offset((0, 0))
            boxes = [_extent(artist, renderer) for artist in self._children if artist.get_in_layout()]
            self._measured = inch, Bbox.union(boxes)
        return self._measured[1]

    def draw(self, renderer: Any) -> None:
        """Draw what is in it, the lowest first."""
        self.get_bbox(renderer)
        for artist in sorted(self._children, key=lambda artist: artist.get_zorder()):
            artist.draw(renderer)


def _extent(artist: Artist, renderer: Any) -> Bbox:
    """The box of an artist, in pixels; a collection says so only if it is in axes."""
    if isinstance(artist, FancyArrowPatch):  # its head would be of the size that it was drawn in last
        artist._dpi_cor = renderer.points_to_pixels(1)  # type: ignore[attr-defined]
    if not isinstance(artist, Collection):
        return artist.get_window_extent(renderer)
    corners = artist.get_transform().transform(np.concatenate([path.vertices for path in artist.get_paths()]))
    return Bbox([corners.min(axis=0), corners.max(axis=0)])


class Page:
    """A figure of a fixed width, in inches, whose height is that of the box on it."""

    def __init__(self, width: float = WIDTH, highest: float = HIGHEST) -> None:
        self.width, self.inner = width, width - 2 * MARGIN
        self.highest = highest - 2 * MARGIN
        self.figure = matplotlib.figure.Figure(figsize=(width, 1))
        self.renderer = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]

    def size(self, box: OffsetBox) -> tuple[float, float]:
        """The width and the height of a box, in inches."""
        box.set_figure(self.figure)
        measured = box.get_bbox(self.renderer)
        return float(measured.width / self.figure.dpi), float(measured.height / self.figure.dpi)

    def over(self, box: OffsetBox, width: float | None = None, height: float | None = None) -> float:
        """By how many inches a box is too wide or too high, for the page if not for that; below 0 where it fits."""
        wide, high = self.size(box)
        return max(wide - (self.inner if width is None else width), high - (self.highest if height is None else height))

    def beside_or_below(self, *boxes: OffsetBox, gap: float = GAP) -> OffsetBox:
        """Boxes side by side where they are not too wide for the page, else one below the other."""
        across = row(*boxes, gap=gap)
        return across if self.over(across) <= 0 else column(*boxes, align="left")

    def fitted(
        self,
        build: Callable[[float], Box],
        cell: float,
        *,
        width: float | None = None,
        height: float | None = None,
        least: float = LEAST_CELL,
    ) -> tuple[Box, float]:
        """The result of `build` with the largest cells, at most `cell` inches, for which it fits, and those cells.

        A box grows nearly in proportion to its cells, so that a straight line between one that fits and one that
        doesn't leads near the largest that fits. Raises TooLargeError where even the least cells are too large.
        """
        box = build(cell)
        above = self.over(box, width, height)
        if above <= 1e-6:
            return box, cell
        low, high, box = min(least, cell), cell, build(min(least, cell))
        below = self.over(box, width, height)
        if below > 0:
            raise TooLargeError(f"too large to draw by {below:.1f} in; draw a smaller layer")
        for _ in range(5):
            if below > -0.1:
                break
            middle = low + (high - low) * (below + 0.02) / (below - above)
            tried = build(middle)
            over = self.over(tried, width, height)
            if over <= 0:
                low, below, box = middle, over, tried
                above /= 2  # the line is too steep where below `middle` it is not cells that set the size
            else:
                high, above = middle, over
        return box, low

    def most(self, build: Callable[[int], OffsetBox], count: int) -> int:
        """Of how many things, at most `count`, `build` makes a box that fits; it grows with each as from one to two."""
        if self.over(one := build(1)) > 0:
            return 0
        if count == 1:
            return 1
        height = self.size(one)[1]
        step = self.size(build(2))[1] - height
        fit = min(count, 1 + int((self.highest - height) / step))
        while fit > 1 and (over := self.over(build(fit))) > 0:
            fit = max(1, fit - math.ceil(over / step))
        return fit

    def finish(self, box: OffsetBox) -> matplotlib.figure.Figure:
        """Put a box in the middle of the page, make the page as high, and return the figure.

        Raises TooLargeError where the box is wider than the page, or higher than a page may be.
        """
        wide, high = self.size(box)
        for word, inches, most in (("wide", wide, self.inner), ("high", high, self.highest)):
            if inches > most + 1e-6:
                raise TooLargeError(
                    f"too {word} to draw: {inches:.2f} in, where {most:.2f} in are there; "
                    "draw a smaller layer or shorter numbers"
                )
        self.figure.set_size_inches(self.width, high + 2 * MARGIN)
        placed = AnchoredOffsetbox(
            "center", child=box, pad=0, borderpad=0, frameon=False, bbox_to_anchor=self.figure.bbox
        )
        for drawing in box.findobj(Drawing):
            drawing.complete()
        self.figure.add_artist(placed)
        return self.figure

    def where(self, *boxes: OffsetBox) -> list[Bbox]:
        """The places of boxes on the finished page, in inches."""
        placed: Any = next(box for box in self.figure.artists if isinstance(box, AnchoredOffsetbox))
        placed.get_child().set_offset(placed.get_offset(placed.get_bbox(self.renderer), self.renderer))
        _place(placed.get_child(), self.renderer)
        inches = self.figure.dpi_scale_trans.inverted()
        return [box.get_window_extent(self.renderer).transformed(inches) for box in boxes]


def _place(box: Any, renderer: Any) -> None:
    """Give each part of a box its place, as drawing it does."""
    if isinstance(box, PackerBase | Grid):
        bbox, offsets = box._get_bbox_and_child_offsets(renderer)  # type: ignore[union-attr]
        x, y = box.get_offset(bbox, renderer)
        for child, (right, up) in zip(box.get_visible_children(), offsets, strict=True):
            child.set_offset((x + right, y + up))  # type: ignore[attr-defined]
            _place(child, renderer)


def label_ends(axes: Axes, ends: Sequence[tuple[float, float]], labels: Sequence[str], **properties: Any) -> None:
    """Write beside the ends of lines what they are, moved up and down as little as need be until none touch.

    Call it when the axes have their limits and their place on the page. `properties` are those of a text.
    """
    renderer = FigureCanvasAgg(axes.figure).get_renderer()  # type: ignore[no-untyped-call, arg-type]
    properties = {"size": SMALL, "va": "center", "parse_math": False, **properties}
    texts = [
        axes.annotate(label, end, xytext=(5, 0), textcoords="offset points", annotation_clip=False, **properties)
        for label, end in zip(labels, ends, strict=True)
    ]
    boxes = [text.get_window_extent(renderer) for text in texts]
    middles = [float(box.y0 + box.y1) / 2 for box in boxes]
    points = 72 / axes.figure.dpi
    for text, middle, place in zip(
        texts, middles, spread(middles, max(float(box.height) for box in boxes)), strict=True
    ):
        text.xyann = (5, (place - middle) * points)
