"""Turned volumes: channels run along the screen as thickness, so that whole blocks of a network stand in a row.

The front face is channels by rows, the side face is a feature map seen at an angle. A tensor that no activation has
touched is linear: it is hatched, and drawn in the input's colour.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from matplotlib.patches import Circle, Polygon, Rectangle

from .drawing import BACK, FRONT, INK, LABEL_GAP, MARGIN, ROLES, SIDE, SMALL, TOP, Canvas, Point, shade, text_width

HATCH = "////"
THINNEST = 0.02  # inches: less can't be told from an edge
SUM_RADIUS = 0.1
SWATCH = (0.32, 0.15)  # inches, a sample in a legend
HEAD = 0.05  # inches that an arrow stays away from what it joins


@dataclass(frozen=True)
class Block:
    """A turned volume in inches: `thickness` across, `height` up, `depth` back (drawn at half its length).

    (x, y) is the front face's lower left corner.

    >>> block = Block(thickness=0.5, height=0.8, depth=0.8, hatched=False).at(1, 2)
    >>> block.faces["front"]
    [(1, 2), (1.5, 2), (1.5, 2.8), (1, 2.8)]
    """

    thickness: float
    height: float
    depth: float
    hatched: bool
    x: float = 0.0
    y: float = 0.0

    def at(self, x: float, y: float) -> "Block":
        """The same block in another place."""
        return replace(self, x=x, y=y)

    def centred(self, x: float, y: float) -> "Block":
        """The same block with its left edge at x, the middle of all that is drawn of it at y."""
        return self.at(x, y - (self.height + self.back[1]) / 2)

    @property
    def back(self) -> Point:
        """From a corner of the front face to the one behind it."""
        return self.depth * BACK[0], self.depth * BACK[1]

    @property
    def width(self) -> float:
        """The width of all that is drawn."""
        return self.thickness + self.back[0]

    @property
    def right(self) -> float:
        """The right edge of all that is drawn."""
        return self.x + self.width

    @property
    def top(self) -> float:
        """The upper edge of all that is drawn."""
        return self.y + self.height + self.back[1]

    @property
    def middle(self) -> Point:
        """The middle of all that is drawn."""
        return self.x + self.width / 2, (self.y + self.top) / 2

    @property
    def middle_of_top(self) -> Point:
        """The middle of the top face."""
        return self.x + self.width / 2, self.y + self.height + self.back[1] / 2

    @property
    def faces(self) -> dict[str, list[Point]]:
        """The corners of the three faces to be seen."""
        left, right, low, high = self.x, self.x + self.thickness, self.y, self.y + self.height
        across, up = self.back
        return {
            "front": [(left, low), (right, low), (right, high), (left, high)],
            "top": [(left, high), (right, high), (right + across, high + up), (left + across, high + up)],
            "side": [(right, low), (right + across, low + up), (right + across, high + up), (right, high)],
        }


def block_of(function: str, what: str, shape: Sequence[int], channel: float, row: float, *, hatched: bool) -> Block:
    """The block of a tensor (height, width, channels), with so many inches a channel and a row; `what` names it.

    Raises ValueError where it would be too thin or too low to be seen: it is never drawn thicker than its scale says.

    >>> block_of("f", "output", (28, 28, 64), 1 / 256, 1 / 28, hatched=True).thickness
    0.25
    """
    rows, columns, channels = shape
    block = Block(channels * channel, rows * row, columns * row, hatched)
    if block.thickness < THINNEST or block.height < THINNEST:
        raise ValueError(
            f"{function}: the {what}, {tuple(shape)}, would be {block.thickness:.3f} in thick and {block.height:.3f} "
            f"in high on the scale of the largest, and below {THINNEST} in it can't be seen; draw sizes nearer to one "
            "another"
        )
    return block


def draw_block(canvas: Canvas, name: str, block: Block) -> None:
    """Draw a block: hatched in the input's colour where it is linear, plain in the output's where it is not."""
    color = ROLES["input"] if block.hatched else ROLES["output"]
    for face, strength in (("top", TOP), ("side", SIDE), ("front", FRONT)):
        canvas.axes.add_patch(
            Polygon(
                block.faces[face],
                closed=True,
                facecolor=shade(color, strength),
                edgecolor=INK,
                linewidth=0.8,
                joinstyle="round",
                hatch=HATCH if block.hatched else None,
                clip_on=False,
                zorder=1,
                gid=f"{name}-{face}",
            )
        )


def draw_sum(canvas: Canvas, middle: Point) -> None:
    """Draw a plus in a circle."""
    x, y = middle
    color, arm = ROLES["shortcut"], SUM_RADIUS * 0.6
    canvas.axes.add_patch(
        Circle(
            middle, SUM_RADIUS, facecolor="white", edgecolor=color, linewidth=1.6, clip_on=False, zorder=2, gid="sum"
        )
    )
    for points in ([(x - arm, y), (x + arm, y)], [(x, y - arm), (x, y + arm)]):
        canvas.line(points, color=color, width=1.6)
        canvas.axes.lines[-1].set_zorder(2.1)


def draw_shortcut(canvas: Canvas, start: Point, end: Point, level: float) -> None:
    """Draw a shortcut: from a dot at `start` up to a level, across, and down to the top of the sum at `end`."""
    color = ROLES["shortcut"]
    canvas.axes.add_patch(Circle(start, 0.03, color=color, clip_on=False, zorder=2))
    canvas.line(
        [start, (start[0], level), (end[0], level), (end[0], end[1] + SUM_RADIUS + 0.1)], color=color, width=1.6
    )
    canvas.axes.lines[-1].set_gid("shortcut")
    canvas.arrow((end[0], level), (end[0], end[1] + SUM_RADIUS), color=color)


def draw_legend(canvas: Canvas, channel: float, most: int, y: float, last: str) -> None:
    """Explain hatching and thickness in a line around the height y, with a bar to scale, and `last` at its end.

    `channel` is the scale in inches, `most` the channels of the thickest block; the bar is about half as long.
    """
    count = 2 ** max(0, (most // 2).bit_length() - 1)
    texts = ("linear: no activation", "after ReLU or ReLU6", f"{count} channel{'s' if count > 1 else ''}")
    samples = (SWATCH[0], SWATCH[0], count * channel)
    widths = [sample + LABEL_GAP + text_width(text, SMALL) for sample, text in zip(samples, texts, strict=True)]
    gap = (canvas.width - 2 * MARGIN - sum(widths) - text_width(last, SMALL)) / 3
    x = MARGIN
    for i, (sample, text, width) in enumerate(zip(samples, texts, widths, strict=True)):
        if i < 2:
            _draw_swatch(canvas, ("legend-linear", "legend-activated")[i], x, y, hatched=i == 0)
        else:
            canvas.line([(x, y + 0.04), (x, y), (x + sample, y), (x + sample, y + 0.04)])
            canvas.axes.lines[-1].set_gid("scale-bar")
        canvas.text(x + sample + LABEL_GAP, y, text, size=SMALL, across="left")
        x += width + gap
    canvas.text(x, y, last, size=SMALL, across="left")


def _draw_swatch(canvas: Canvas, name: str, x: float, y: float, *, hatched: bool) -> None:
    color = ROLES["input"] if hatched else ROLES["output"]
    canvas.axes.add_patch(
        Rectangle(
            (x, y - SWATCH[1] / 2),
            *SWATCH,
            facecolor=shade(color, FRONT),
            edgecolor=INK,
            linewidth=0.8,
            hatch=HATCH if hatched else None,
            clip_on=False,
            zorder=1,
            gid=name,
        )
    )


def largest_scale(function: str, right: Callable[[float], float], available: float, largest: float) -> float:
    """The largest scale, in inches a channel, at which a drawing's right end is not beyond what is available.

    Rounded down to two digits, as the width of a text is not the same to the last digit in every matplotlib. Raises
    ValueError where its texts alone are too wide.

    >>> round(largest_scale("f", lambda channel: 1 + 70 * channel, available=2, largest=1), 6)
    0.014
    """
    if right(0) >= available:
        raise ValueError(
            f"{function}: too wide to draw: without its volumes it reaches to {right(0):.1f} in, and {available:.1f} "
            "in are there; draw smaller tensors"
        )
    low, high = 0.0, largest
    if right(high) <= available:
        return high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if right(middle) <= available else (low, middle)
    step = 10.0 ** (math.floor(math.log10(low)) - 1)
    return math.floor(low / step) * step
