"""The 3D convolution, whose filter steps in depth too, beside the 2D one with a filter as deep as its input."""

import math
import textwrap
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.offsetbox import OffsetBox

from ..cost import count_operations
from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.signatures import STANDARD_3D
from ..kernels.standard import conv2d
from ..kernels.standard3d import conv3d
from ..text import counted, filled, number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.bars import bars_to_scale
from .parts.drawing import (
    BACK,
    INK,
    MOST_CHANNELS,
    MOST_ROWS,
    ROLES,
    SMALL,
    TITLE,
    Labels,
    TooLargeError,
    Volume,
    text_width,
)  # fmt: skip
from .parts.layout import Drawing, Page, column, note, text, title
from .parts.separable_layer import volume_row
from .parts.values import ROUNDED, Given, are_whole, array_from, number_texts, product_text, sum_text
from .parts.worked import Slices, Terms, rest_text

NAME = "convolution_3d"
LARGEST_CELL = 0.22
HEIGHT = 5.4  # inches for both rows of volumes
BESIDES = 1.3  # inches for a worked value's title and equation, and for gaps
MOST_COUNTED = 300_000  # multiplications of the example
EXAMPLE = (3, 4)  # M and N of the example that is counted where one of each is drawn
LONGEST_SUM = 6.5  # inches
LINE = 130  # letters
ARROW = 0.4  # inches
BAR = 0.6  # strength of the bars' colour
BLUE = ROLES["shortcut"]
HEADINGS = {
    "3D": "3D convolution: the filter steps in depth too",
    "2D": "2D convolution: the filter is as deep as the input, so that it steps across and down only",
}


@dataclass(frozen=True)
class Pair3D:
    """Both convolutions of one volume: the 3D one, and the 2D one whose filter is as deep as the volume."""

    x: Array  # (1, Dᵤ, Dᵤ, Dᵤ, M)
    kernel: Array  # (Dᵣ, Dᵣ, Dᵣ, M, N)
    y: Array  # (1, Dᵥ, Dᵥ, Dᵥ, N)
    deep: Array  # (Dᵤ, Dᵣ, Dᵣ, M, N): the 2D way's filters, their depth first
    flat: Array  # (1, Dᵥ, Dᵥ, N), the 2D way's output
    difference: float  # of the 2D way from the 3D kernel with filters that deep, the largest
    at: tuple[int, int, int]

    @property
    def channels(self) -> tuple[int, int]:
        """M and N."""
        channels, filters = self.kernel.shape[3:]
        return channels, filters

    @property
    def patch(self) -> Array:
        """The patch that the worked value reads, (Dᵣ, Dᵣ, Dᵣ, M)."""
        (deep, down, across), (d, v, w) = self.kernel.shape[:3], self.at
        patch: Array = self.x[0, d : d + deep, v : v + down, w : w + across]
        return patch

    @property
    def sums(self) -> list[Any]:
        """The worked value's summands, one for each slice: channel by channel, and so layer by layer of the depth."""
        sums: list[Any] = (self.patch * self.kernel[..., 0]).sum(axis=(1, 2)).ravel().tolist()
        return sums

    @property
    def value(self) -> Any:
        """The worked value."""
        d, v, w = self.at
        return self.y[0, d, v, w, 0].item()


ALT = (
    "Two rows of volumes. Above, the 3D convolution: {n:filter} of {side} on {input} {n:gives|give} {output}; arrows "
    "lead across, down and in depth, and a block of the input and one value of the output are framed. Below, the 2D "
    "convolution: {n:filter} of {deep}, as deep as the input, {n:steps|step} across and down alone and {n:gives|give} "
    "{flat}. Two bars to scale: {count_3d:,} multiplications for {values_3d:value}, and {count_2d:,} for "
    "{values_2d:value}. Then the framed value, slice by slice: {equation}."
)
CLAIM = (
    "A filter that is smaller than the volume in all three directions steps in depth too: from {input} to {output} it "
    "takes {count_3d:,} multiplications, {per_3d} for each of {values_3d:,} values. A filter as deep as its input, "
    "{deep}, has one place in depth, which makes a 2D convolution: it gives {flat} with {count_2d:,}, {per_2d} for "
    "each of {values_2d:,}.{example}"
)
COMPUTED = (
    "Outputs and the worked value are npconv.conv3d's, and npconv.conv2d's on an image whose channels are the volume's "
    "layers. Run with filters as deep as the volume, npconv.conv3d differs from npconv.conv2d by {difference} at the "
    "most. Multiplications were counted by running the kernels on numbers that count (npconv.cost.count_operations)"
    "{how}."
)


def convolution_3d(
    *,
    x: Given = (1, 7, 7, 7, 1),
    kernel: Given = (3, 3, 3, 1, 1),
    at: tuple[int, int, int] | None = None,
    seed: int = 0,
) -> Figure:
    """The 3D convolution, whose filter steps in depth too, beside the 2D one with a filter as deep as its input.

    Args:
        x: one volume (1, Dᵤ, Dᵤ, Dᵤ, M): depth, height, width, channels; or its shape, to be filled with integers from
            −3 to 3. At most 8 slices of depth.
        kernel: N filters (Dᵣ, Dᵣ, Dᵣ, M, N), or their shape, to be filled with integers from −1 to 1.
        at: the (depth, row, column) in the output of the value that is worked out; its middle if None.
        seed: of the integers, and of the 2D convolution's filters, which are drawn after them.

    Returns:
        Figure "convolution-3d". Its data: input, kernel and output of the 3D convolution and the worked value `at`,
        with its patch and its sums by slice; the shapes and the `multiplications`, counted, of "3D" and "2D", and of
        an example with several channels and filters where one of each is drawn; and the `largest difference` of the
        2D output from the 3D kernel's with filters as deep.

    Raises:
        TypeError, ValueError: as `npconv.conv3d`, and ValueError for what cannot be drawn: B above 1, more than 32 rows
            or columns, numbers that are not finite or too long.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 3.

    >>> figure = convolution_3d(x=(1, 4, 5, 6, 1), kernel=(2, 3, 3, 1, 1))
    >>> figure.data["multiplications"]["3D"], figure.data["multiplications"]["2D"]
    (648, 432)
    """
    e = _pair_from(x, kernel, at, seed)
    counts = _counts(e)
    with drawn_by(NAME, x=e.x, kernel=e.kernel):
        page = Page()
        _, cell = page.fitted(partial(_ways, e, counts), LARGEST_CELL, height=HEIGHT)
        ways = _ways(e, counts, cell, page)
        ways = column(ways, _bars(page, e, counts), gap=0.15, align="left")
        conclusion = text("\n".join(_conclusion(e, counts)), align="left")
        room = page.highest - page.size(ways)[1] - page.size(conclusion)[1] - BESIDES
        worked, slices = _worked(page, e, room)
        figure = page.finish(column(ways, worked, conclusion, gap=0.2, align="left"))
    words = _words(e, counts)
    return Figure(
        name="convolution-3d",
        figure=figure,
        data={
            "shapes": {
                "3D": [list(a.shape[1:]) for a in (e.x, e.y)],
                "2D": [list(a.shape[1:]) for a in (_flat(e.x), e.flat)],
                "filters": {"3D": list(e.kernel.shape), "2D": list(_deep(e.deep).shape)},
            },
            "input": e.x.tolist(),
            "kernel": e.kernel.tolist(),
            "output": e.y.tolist(),
            "2D kernel": _deep(e.deep).tolist(),
            "2D output": e.flat.tolist(),
            "at": list(e.at),
            "patch": np.moveaxis(e.patch, -1, 1).tolist(),
            "sums": e.sums,
            "value": e.value,
            "multiplications": counts,
            "largest difference": e.difference,
            "drawn": {"channels": 1, "filters": 1, "slices": slices},
        },
        alt=filled(ALT, **words),
        caption=four_part_caption(
            claim=CLAIM,
            computed=COMPUTED,
            scale=[
                "All volumes have one scale, depth at half of it",
                "the bars have the lengths of the counts",
                "indices count from 0",
                *_notes(e),
            ],
            not_shown=[
                "the numbers but for the slices drawn",
                f"{len(e.sums) - slices} of the {len(e.sums)} slices, which the sum has"
                if slices < len(e.sums)
                else "",
                "padding and strides",
                "a bias",
            ],
            **words,
        ),
    )


# What is drawn: numbers and words


def _pair_from(x: Given, kernel: Given, at: tuple[int, int, int] | None, seed: int) -> Pair3D:
    """Both convolutions, from arrays or shapes; raises as conv3d does, and where they can't be drawn."""
    generator = arguments.generator(NAME, seed)
    x, kernel = array_from(NAME, "x", x, generator, 3), array_from(NAME, "kernel", kernel, generator, 1)
    STANDARD_3D.check(NAME, x, kernel).geometry_3d()
    y = conv3d(x, kernel)
    if x.shape[0] != 1 or x.shape[1] > MOST_CHANNELS or max(x.shape[2:4]) > MOST_ROWS:
        raise ValueError(
            f"{NAME}: x must be one volume to draw, at most {MOST_CHANNELS} deep, {MOST_ROWS} high and {MOST_ROWS} "
            f"wide; got x {x.shape}, kernel {kernel.shape}"
        )
    deep = array_from(NAME, "kernel", (x.shape[1], *kernel.shape[1:]), generator, 1)
    flat = conv2d(_flat(x), _deep(deep))
    difference = np.abs(conv3d(x, deep)[:, 0] - flat).max().item()
    return Pair3D(x, kernel, y, deep, flat, difference, _place(at, y.shape[1:4]))


def _flat(x: Array) -> Array:
    """A volume as an image whose channels are the slices of depth, all channels of a slice together."""
    batch, _, height, width, _ = x.shape
    return np.moveaxis(x, 1, 3).reshape(batch, height, width, -1)


def _deep(kernel: Array) -> Array:
    """Filters of a volume as those of such an image."""
    _, height, width, _, filters = kernel.shape
    return np.moveaxis(kernel, 0, 2).reshape(height, width, -1, filters)


def _place(at: tuple[int, int, int] | None, sides: tuple[int, ...]) -> tuple[int, int, int]:
    """The (depth, row, column) given, or the middle; raises where it is none of the output."""
    if at is None:
        depth, row, column = (side // 2 for side in sides)
        return depth, row, column
    place = arguments.integers(NAME, "at", at, 0, expected="ints (depth, row, column)")
    if len(place) != 3 or any(index >= side for index, side in zip(place, sides, strict=True)):
        raise ValueError(f"{NAME}: at must be a place in the output, {shape_text(sides)}; got {arguments.shown(at)}")
    return place[0], place[1], place[2]


def _counts(e: Pair3D) -> dict[str, int]:
    """The multiplications of both ways: those of one channel and one filter, counted, times M·N; and of the example."""
    (_, *volume, channels), (*sides, _, filters) = e.x.shape, e.kernel.shape

    def count(m: int, n: int) -> dict[str, int]:
        x = np.ones((1, *volume, m))
        small, deep = np.ones((*sides, m, n)), np.ones((volume[0], *sides[1:], m, n))
        return {
            "3D": count_operations(conv3d, x, small).multiplications,
            "2D": count_operations(conv2d, _flat(x), _deep(deep)).multiplications,
        }

    counts = count(1, 1)
    if channels * filters > 1:
        return {way: number * channels * filters for way, number in counts.items()}
    if sum(counts.values()) * math.prod(EXAMPLE) > MOST_COUNTED:
        return counts
    m, n = EXAMPLE
    return counts | {f"{way} with M = {m}, N = {n}": number for way, number in count(m, n).items()}


def _example(e: Pair3D, counts: dict[str, int]) -> str:
    """The change that several channels and filters make, in words."""
    (m, n), example = EXAMPLE, list(counts.values())[len(HEADINGS) :]
    volume, side, out = (shape_text(a) for a in (e.x.shape[1:4], e.kernel.shape[:3], e.y.shape[1:4]))
    if not example:
        return ""
    return (
        f"With M = {m} channels, {volume}×{m}, and N = {n} filters of {side}×{m}, the output is {out}×{n}, and there "
        f"are {m}·{n} times as many multiplications, {example[0]:,} in 3D and {example[1]:,} in 2D: a filter spans all "
        "channels, which are summed over."
    )


def _words(e: Pair3D, counts: dict[str, int]) -> dict[str, Any]:
    """The words that fill the templates."""
    several, example, (three, two) = math.prod(e.channels), _example(e, counts), (counts[way] for way in HEADINGS)
    return {
        "n": e.channels[1],
        "side": e.kernel.shape[:4],
        "input": e.x.shape[1:],
        "output": e.y.shape[1:],
        "deep": _deep(e.deep).shape[:3],
        "flat": e.flat.shape[1:],
        "count_3d": three,
        "count_2d": two,
        "values_3d": e.y.size,
        "values_2d": e.flat.size,
        "per_3d": three // e.y.size,
        "per_2d": two // e.flat.size,
        "equation": _equation(e),
        "difference": e.difference,
        "how": f" for one channel and one filter, times M·N = {several}" if several > 1 else "",
        "example": f" {example}" if example else "",
    }


def _equation(e: Pair3D) -> str:
    """The worked value as the sum of its summands."""
    terms = sum_text(e.sums)
    if text_width(terms) > LONGEST_SUM:
        terms = f"{len(e.sums)} sums added up"
    name = f"y[0, {', '.join(map(str, e.at))}, 0]"
    return " = ".join([name, *([terms] if len(e.sums) > 1 else []), number_text(e.value)])


def _notes(e: Pair3D) -> list[str]:
    (channels, filters), deep = e.channels, e.x.shape[1] * e.channels[0]
    notes = {
        f"of M = {channels} channels the first one is drawn in 3D": channels > 1,
        f"of N = {filters} filters and channels of the output the first one is drawn": filters > 1,
        f"of the image's {deep} channels {Volume(1, 1, deep).drawn_channels} are drawn": deep > MOST_CHANNELS,
        ROUNDED: not are_whole(e.x, e.kernel, e.y),
    }
    return [words for words, holds in notes.items() if holds]


def _conclusion(e: Pair3D, counts: dict[str, int]) -> list[str]:
    """The conclusions, line by line."""
    outputs = "are equal" if e.difference == 0 else f"differ by {e.difference:.1e} at most"
    return [
        f"The 2D convolution is the 3D one with filters as deep as the input, {shape_text(e.deep.shape[:3])}: run so, "
        f"the two outputs {outputs}.",
        *textwrap.wrap(_example(e, counts), LINE),
    ]


# How it is drawn


@dataclass(frozen=True)
class Framed:
    """A volume of a row, an image's M channels drawn as its depth.

    `side` is the symbol of its sides, `shape` (depth, height, width), or (height, width) of an image. A block is
    framed: its rows, columns and depths.
    """

    name: str
    side: str
    shape: tuple[int, ...]
    channels: tuple[str, int]  # as "M", 3
    block: tuple[range, range, range]

    @property
    def title(self) -> str:
        """Its name, shape and channels."""
        letter, count = self.channels
        return f"{self.name}\n{shape_text(self.shape)}, {letter} = {count}"

    def drawn(self, name: str, role: str, cell: float) -> Drawing:
        """The volume with its sizes and the frame, on cells of that size."""
        *depth, height, width = self.shape
        flat = self.channels if self.channels[0] == "M" else ("", 1)
        letter, thick = (self.side, depth[0]) if depth else flat
        drawing, volume = Drawing(), Volume(height, width, thick, cell=cell)
        drawing.volume(name, volume, ROLES[role])
        back = f"{letter} = {thick}" if letter else ""
        drawing.labels(volume, Labels(f"{self.side} = {height}", f"{self.side} = {width}", back))
        _draw_block(drawing, volume, self.block)
        return drawing


def _volumes(e: Pair3D) -> dict[str, list[Framed]]:
    """Input, filter and output of both ways."""
    source, sides, out = e.x.shape[1:4], e.kernel.shape[:3], e.y.shape[1:4]
    (channels, filters), (deep, down, across), (d, v, w) = e.channels, sides, e.at
    whole, count = source[0] * channels, f"N = {counted('filter', filters)}"
    patch, taps = (range(v, v + down), range(w, w + across)), (range(down), range(across))
    value, through = (range(v, v + 1), range(w, w + 1)), range(Volume(1, 1, whole).depth)
    return {
        "3D": [
            Framed("input", "Dᵤ", source, ("M", channels), (*patch, range(d, d + deep))),
            Framed(count, "Dᵣ", sides, ("M", channels), (*taps, range(deep))),
            Framed("output", "Dᵥ", out, ("N", filters), (*value, range(d, d + 1))),
        ],
        "2D": [
            Framed("input", "Dᵤ", source[1:], ("M", whole), (*patch, through)),
            Framed(count, "Dᵣ", sides[1:], ("M", whole), (*taps, through)),
            Framed("output", "Dᵥ", out[1:], ("N", filters), (*value, range(1))),
        ],
    }


def _ways(e: Pair3D, counts: dict[str, int], cell: float, page: Page | None = None) -> OffsetBox:
    """The 3D convolution above the 2D one, each under its heading and with its multiplications below."""
    (*sides, channels, filters), boxes = e.kernel.shape, list[OffsetBox]()
    weights = {"3D": (*sides, *[channels] * (channels > 1)), "2D": (*sides[1:], e.x.shape[1] * channels)}
    places = {"3D": e.y.shape[1:4], "2D": e.flat.shape[1:3]}
    for way, volumes in _volumes(e).items():
        bodies: list[OffsetBox] = [
            each.drawn(f"{way}-{role}", role, cell)
            for each, role in zip(volumes, ("input", "filter", "output"), strict=True)
        ]
        bodies[1] = column(bodies[1], _directions(len(places[way])))
        product = f"{product_text('place', *places[way])} × {product_text('weight', *weights[way])}"
        product += f" × {product_text('filter', filters)} = {counted('multiplication', counts[way])}"
        boxes += [
            text(HEADINGS[way], size=TITLE, weight="bold", color=BLUE),
            volume_row([each.title for each in volumes], bodies, [[]] * len(bodies), "∗=", page),
            text(f"{way}: {product}"),
        ]
    return column(*boxes, *map(note, _notes(e)), gap=0.1, align="left")


def _draw_block(drawing: Drawing, volume: Volume, block: tuple[range, range, range]) -> None:
    """Frame a block (rows, columns, depths) of a volume: the nine edges of it that would be seen alone."""
    (top, bottom), (left, right), (near, far) = ((places.start, places.stop) for places in block)
    ways = (
        [(top, left, near), (top, right, near), (bottom, right, near), (bottom, left, near), (top, left, near)],
        [(top, left, near), (top, left, far), (top, right, far), (top, right, near)],
        [(top, right, far), (bottom, right, far), (bottom, right, near)],
    )
    for points, color, order in ((3.8, "white", 2.0), (1.8, INK, 2.1)):
        for corners in ways:
            xs, ys = zip(*(volume.point(*corner) for corner in corners), strict=True)
            line = Line2D(xs, ys, color=color, linewidth=points, clip_on=False, zorder=order)
            line.set(solid_joinstyle="miter", gid="focus" if color == INK else None)
            drawing.add(line)


def _directions(count: int) -> Drawing:
    """Arrows in the directions in which a filter steps, with their names."""
    drawing = Drawing()
    ways = {"across": (ARROW, 0.0), "down": (0.0, -ARROW), "in depth": (1.6 * ARROW * BACK[0], 1.6 * ARROW * BACK[1])}
    for name, (x, y) in list(ways.items())[:count]:
        drawing.arrow((0, 0), (x, y))
        across, along = ("left", "center") if y >= 0 else ("center", "top")
        drawing.text(x + 0.04 * (y >= 0), y - 0.04 * (y < 0), name, size=SMALL, across=across, along=along)
    return drawing


def _worked(page: Page, e: Pair3D, room: float) -> tuple[OffsetBox, int]:
    """The worked value of the 3D convolution, slice by slice, and how many slices are shown."""
    (deep, _, _, channels), count = e.kernel.shape[:4], len(e.sums)
    slices = [(i, m) for i in range(deep) for m in range(channels)]
    parts = [
        Slices(name, role, [number_texts(a[i, ..., m]) for i, m in slices])
        for name, role, a in (("patch", "input", e.patch), ("filter", "filter", e.kernel[..., 0]))
    ]
    labels = [f"depth {e.at[0] + i}" + (f", m = {m}" if channels > 1 else "") for i, m in slices]
    terms = Terms(parts, "×", [number_text(number) for number in e.sums], labels=labels)
    arranged = terms.arranged(page, height=room) or terms.arranged(page, most=1)
    if arranged is None:
        raise TooLargeError("slices of the filter with such numbers are too wide to draw; draw a smaller kernel")
    box, shown = arranged
    rest = rest_text(count - shown, number_text(sum(e.sums[shown:]))) if shown < count else ""
    heading = "the framed value in 3D: slices of the framed block times the filter's, cell by cell, and the sums Σ"
    written = [text(words) for words in (rest, f"framed: {_equation(e)}") if words]
    return column(title(heading), box, *written), shown


def _bars(page: Page, e: Pair3D, counts: dict[str, int]) -> OffsetBox:
    """A bar for each way."""
    lines = {}
    for way, y in zip(HEADINGS, (e.y, e.flat), strict=True):
        words = f"{counts[way]:,}: {counted('value', y.size)}, {counts[way] // y.size:,} for each"
        lines[way] = [(way, counts[way], BAR)], words
    return bars_to_scale(page, "multiplications, to scale", lines)
