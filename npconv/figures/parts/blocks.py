"""Turned volumes: channels run along the screen as thickness, so that whole blocks of a network stand in a row.

The front face is channels by rows, the side face is a feature map seen at an angle. A tensor that no activation has
touched is linear: it is hatched, and drawn in the input's colour.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.offsetbox import DrawingArea, OffsetBox
from matplotlib.patches import Polygon, Rectangle

from ...text import plural
from .drawing import BACK, FRONT, INK, ROLES, SIDE, TOP, Point, TooLargeError, shade
from .layout import Drawing, Page, grid, note, row

HATCH = "////"
THINNEST = 0.02  # inches: less can't be told from an edge


def look(linear: bool, strength: float = FRONT) -> dict[str, Any]:
    """The colour and the hatching of a tensor."""
    color = ROLES["input"] if linear else ROLES["output"]
    return {"facecolor": shade(color, strength), "edgecolor": INK, "linewidth": 0.8, "hatch": HATCH if linear else None}


@dataclass(frozen=True)
class Cuboid:
    """A turned volume in inches: `thickness` across, `height` up, `depth` back (drawn at half its length).

    Its front face's lower left corner is at the origin.

    >>> Cuboid(thickness=0.5, height=0.8, depth=0.8, linear=False).faces["front"]
    [(0, 0), (0.5, 0), (0.5, 0.8), (0, 0.8)]
    """

    thickness: float
    height: float
    depth: float
    linear: bool

    @property
    def back(self) -> Point:
        """The step from a corner of the front face to the one behind it."""
        return self.depth * BACK[0], self.depth * BACK[1]

    @property
    def size(self) -> Point:
        """The width and the height of all that is drawn."""
        return self.thickness + self.back[0], self.height + self.back[1]

    @property
    def faces(self) -> dict[str, list[Point]]:
        """The corners of the three faces that are seen."""
        right, high, (across, up) = self.thickness, self.height, self.back
        return {
            "front": [(0, 0), (right, 0), (right, high), (0, high)],
            "top": [(0, high), (right, high), (right + across, high + up), (across, high + up)],
            "side": [(right, 0), (right + across, up), (right + across, high + up), (right, high)],
        }

    def check(self, function: str, tensor: str) -> None:
        """Raise ValueError where it is too thin or too low to be seen: it is never drawn larger than its scale says."""
        if self.thickness < THINNEST or self.height < THINNEST:
            raise ValueError(
                f"{function}: the {tensor}, would be {self.thickness:.3f} in thick and {self.height:.3f} in high on "
                f"the scale of the largest, and below {THINNEST} in it can't be seen; draw sizes nearer to one another"
            )

    def draw(self, drawing: Drawing, name: str, x: float = 0.0, y: float = 0.0) -> None:
        """Draw it with its lower left corner at (x, y)."""
        for face, strength in (("top", TOP), ("side", SIDE), ("front", FRONT)):
            corners = [(x + across, y + up) for across, up in self.faces[face]]
            polygon = Polygon(corners, joinstyle="round", gid=f"{name}-{face}", **look(self.linear, strength))
            drawing.add(polygon)

    def box(self, name: str, width: float) -> OffsetBox:
        """The drawing of it, in the middle of so many inches."""
        drawing = Drawing()
        self.draw(drawing, name)
        return grid([[drawing]]).spread(width)


def legend(page: Page, activated: str, bars: Mapping[int, float], last: str) -> OffsetBox:
    """A line across the page: the two looks, bars as many inches long as so many channels are thick, a last remark."""
    samples = []
    for gid, linear, words in (("linear", True, "linear: no activation"), ("activated", False, activated)):
        sample = DrawingArea(23, 11)
        sample.add_artist(Rectangle((0, 0), 23, 11, gid=f"legend-{gid}", **look(linear)))
        samples.append(row(sample, note(words), gap=0.06))
    for count, length in bars.items():
        bar = Drawing()
        ends = (0, 0, length, length), (0.04, 0, 0, 0.04)
        bar.add(Line2D(*ends, color=INK, linewidth=0.8, gid=f"scale-bar-{count}"))
        samples.append(row(bar, note(f"{count} {plural('channel', count)}"), gap=0.06))
    return across(page, *samples, note(last))


def half_of(most: int) -> int:
    """A round number of channels, about half of the most.

    >>> half_of(144), half_of(1)
    (64, 1)
    """
    return 1 << max(0, (most // 2).bit_length() - 1)


def across(page: Page, *boxes: OffsetBox) -> OffsetBox:
    """Boxes in a line from one margin of the page to the other."""
    return grid([boxes]).spread(page.inner, flush=True)


def largest_scale(width: Callable[[float], float], available: float, largest: float) -> float:
    """The largest scale, in inches a channel, at which a drawing is not wider than what is available.

    It is rounded down to two digits, as the width of a text is not the same to the last digit in every matplotlib.
    Raises TooLargeError, a ValueError, where even without its volumes it is too wide.

    >>> round(largest_scale(lambda channel: 1 + 70 * channel, available=2, largest=1), 6)
    0.014
    """
    if width(0) >= available:
        raise TooLargeError(
            f"too wide to draw: without its volumes it is {width(0):.1f} in wide, and {available:.1f} in are there; "
            "draw smaller tensors"
        )
    low, high = 0.0, largest
    if width(high) <= available:
        return high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if width(middle) <= available else (low, middle)
    step = 10.0 ** (math.floor(math.log10(low)) - 1)
    return math.floor(low / step) * step
