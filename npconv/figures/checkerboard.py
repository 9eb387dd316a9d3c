"""The checkerboard of transposed convolutions: how many inputs reach each output, and what a constant input gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Rectangle

from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.resize import resize_bilinear
from ..kernels.standard import conv2d
from ..kernels.transposed import overlap_counts, transposed_conv2d
from ..text import listed, number_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import INK, LABEL_GAP, ROLES, SMALL, SMALLEST, number_cell, number_size, shade
from .parts.grids import flat, number_grid
from .parts.layout import Drawing, Page, column, grid, note, row, text, title
from .parts.values import number_texts

NAME = "checkerboard"
MOST_SIZES, MOST_STRIDES, MOST_OUTPUTS = 5, 3, 24
UNIT = 0.15  # inches of a bar for each input
PALE, STRONG = 0.12, 0.6  # strength of the least and of the greatest number's colour
BORDER = 0.35  # strength of a bar outside
LARGEST_CELL = 0.2
GAPS = (0.18, 0.12)  # inches between columns and between rows


def checkerboard(
    *,
    kernel_sizes: Sequence[int] = (2, 3, 4, 5),
    strides: Sequence[int] = (2, 3),
    inputs: int = 4,
    seed: int = 0,
) -> Figure:
    """The checkerboard: overlaps of a transposed convolution's footprints along one axis and in two, and their cure.

    Args:
        kernel_sizes: Dᵣ of the columns, five at the most.
        strides: s of the rows, three at the most; the pictures in two dimensions are of the first one.
        inputs: Dᵤ, the values along each axis of the input.
        seed: of the weights, integers from 1 to 9, that a constant input is convolved with.

    Returns:
        Figure "checkerboard". Its data: for each stride and kernel size the counts along one axis, those inside and
        whether they are even; for the first stride the counts in two dimensions; and `constant`, for each way of
        making an input of ones larger, its kernel, its output and the different values inside.

    Raises:
        TypeError, ValueError: as `npconv.overlap_counts`, and ValueError for what cannot be drawn.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 6.

    >>> [(axis["kernel size"], axis["inside"]) for axis in checkerboard(strides=(2,)).data["along one axis"]]
    [(2, [1]), (3, [1, 2]), (4, [2]), (5, [2, 3])]
    """
    kernel_sizes = _few("kernel_sizes", kernel_sizes, MOST_SIZES)
    strides = _few("strides", strides, MOST_STRIDES)
    inputs = arguments.integer(NAME, "inputs", inputs, 1, MOST_OUTPUTS)
    generator = arguments.generator(NAME, seed)
    axes = [_Overlaps(size, stride, inputs) for stride, size in product(strides, kernel_sizes)]
    if max(axis.outputs for axis in axes) > MOST_OUTPUTS:
        raise ValueError(
            f"{NAME}: kernel_sizes, strides and inputs must give at most {MOST_OUTPUTS} outputs to draw; got "
            f"{kernel_sizes}, {strides} and {inputs}"
        )
    ways = _ways(kernel_sizes, strides[0], inputs, generator)
    with drawn_by(NAME, kernel_sizes=kernel_sizes):
        figure = _draw(axes, ways)
    return Figure(
        name="checkerboard",
        figure=figure,
        data={
            "inputs": inputs,
            "along one axis": [axis.data for axis in axes],
            "in two dimensions": [axis.square.tolist() for axis in axes if axis.stride == strides[0]],
            "constant": [way.data for way in ways],
        },
        alt=_alt(axes, ways),
        caption=_caption(axes),
    )


@dataclass(frozen=True)
class _Overlaps:
    """One kernel size and one stride along an axis of so many inputs."""

    size: int
    stride: int
    inputs: int

    @property
    def outputs(self) -> int:
        """Dᵥ without padding."""
        return (self.inputs - 1) * self.stride + self.size

    @cached_property
    def counts(self) -> list[int]:
        """The number of inputs that reach each output."""
        counts: list[int] = overlap_counts(self.size, self.stride, self.outputs).tolist()
        return counts

    @property
    def middle(self) -> range:
        """The outputs that further inputs at both ends would not reach; none where they are fewer than s."""
        first, end = max(self.size - self.stride, 0), min(self.inputs * self.stride, self.outputs)
        return range(first, end) if end - first >= self.stride else range(0)

    @property
    def inside(self) -> list[int]:
        """The different counts inside."""
        return sorted({self.counts[place] for place in self.middle})

    @property
    def verdict(self) -> str:
        """The different counts inside, and whether they are even."""
        if not self.inside:
            return "all is border"
        return f"inside {listed(self.inside)}: {'even' if self.even else 'uneven'}"

    @property
    def even(self) -> bool:
        """True where all counts inside are equal."""
        return len(self.inside) == 1

    @cached_property
    def square(self) -> Array:
        """The output of ones under a kernel of ones, the counts in two dimensions."""
        ones = np.ones((1, self.inputs, self.inputs, 1), np.int64), np.ones((self.size, self.size, 1, 1), np.int64)
        square: Array = transposed_conv2d(*ones, stride=self.stride)[0, ..., 0]
        return square

    @property
    def data(self) -> dict[str, Any]:
        """The axis as plain JSON."""
        return {
            "kernel size": self.size,
            "stride": self.stride,
            "counts": self.counts,
            "inside": self.inside,
            "even": self.even,
        }


@dataclass(frozen=True)
class _Way:
    """A way of making a constant input larger: its words, its kernel, its output, and the rows that are inside."""

    words: str
    kernel: Array  # (Dᵣ, Dᵣ)
    y: Array  # (Dᵥ, Dᵥ)
    middle: range
    remark: str

    @property
    def inside(self) -> list[Any]:
        """The different values inside."""
        values: list[Any] = np.unique(self.y[np.ix_(self.middle, self.middle)]).tolist()
        return values

    @property
    def verdict(self) -> str:
        """The different values inside, in words."""
        if not self.inside:
            return "all is border"
        pattern = "constant" if len(self.inside) == 1 else "a checkerboard"
        return f"inside {listed([number_text(value) for value in self.inside])}: {pattern}, {self.remark}"

    @property
    def data(self) -> dict[str, Any]:
        """The way as plain JSON."""
        return {"way": self.words, "kernel": self.kernel.tolist(), "output": self.y.tolist(), "inside": self.inside}


def _few(name: str, given: Sequence[int], most: int) -> tuple[int, ...]:
    """Some different sizes; raises where they are none, or too many to draw."""
    numbers = tuple(dict.fromkeys(arguments.integers(NAME, name, given, most=MOST_OUTPUTS)))
    if not 1 <= len(numbers) <= most:
        raise ValueError(f"{NAME}: {name} must be 1 to {most} numbers; got {arguments.shown(given)}")
    return numbers


def _ways(sizes: Sequence[int], stride: int, inputs: int, generator: np.random.Generator) -> list[_Way]:
    """Transposed convolutions with uneven and with even overlaps, where the sizes have them, and the other way."""
    ones, ways = np.ones((1, inputs, inputs, 1), np.int64), []
    uneven = next((size for size in sizes if size % stride), None)
    even = next((size for size in sizes if size % stride == 0 and size > stride), None)
    for size in [size for size in (uneven, even) if size]:
        kernel = generator.integers(1, 10, (size, size))
        y = transposed_conv2d(ones, kernel[..., np.newaxis, np.newaxis], stride=stride)[0, ..., 0]
        axis = _Overlaps(size, stride, inputs)
        remark = "as its weights differ" if axis.even else "as its counts differ"
        ways.append(_Way(f"transposed_conv2d, Dᵣ = {size}, s = {stride}", kernel, y, axis.middle, remark))
    kernel = ways[0].kernel if ways else generator.integers(1, 10, (sizes[0], sizes[0]))
    large = resize_bilinear(ones.astype(float), (stride * inputs, stride * inputs))
    y = conv2d(large, kernel[..., np.newaxis, np.newaxis], padding="same")[0, ..., 0]
    before, after = arguments.same_padding(len(y), len(kernel), 1, 1)
    words = f"resize_bilinear by {stride}, then conv2d, Dᵣ = {len(kernel)}"
    return [*ways, _Way(words, kernel, y, range(before, len(y) - after), "but for padding's zeros")]


def _draw(axes: Sequence[_Overlaps], ways: Sequence[_Way]) -> matplotlib.figure.Figure:
    page = Page()
    longest = [[number_text(n) for axis in axes for n in axis.counts]]
    box, _ = page.fitted(partial(_overlaps, axes), max(LARGEST_CELL, number_cell(longest, SMALLEST)))
    below, _ = page.fitted(partial(_constant, ways), 1.1 * LARGEST_CELL)
    return page.finish(column(box, below, gap=0.25, align="left"))


def _overlaps(axes: Sequence[_Overlaps], cell: float) -> OffsetBox:
    """The counts of every stride along one axis, and in two of the first stride, in cells of that size."""
    first, rows = axes[0].stride, list(dict.fromkeys(axis.stride for axis in axes))
    by_stride = {stride: [axis for axis in axes if axis.stride == stride] for stride in rows}
    total = {stride: sum(axis.outputs for axis in line) for stride, line in by_stride.items()}
    heads: list[OffsetBox | None] = [text(f"kernel Dᵣ = {axis.size}", weight="bold") for axis in by_stride[first]]
    lines: list[list[OffsetBox | None]] = [[None, *heads]]
    for stride, line in by_stride.items():
        bar = cell * min(1, total[first] / total[stride])
        lines.append([text(f"stride\ns = {stride},\nalong\none axis"), *(_bars(axis, bar) for axis in line)])
        if stride == first:
            squares = (_numbers(f"square-{axis.size}", axis.square, axis.middle, cell) for axis in line)
            lines.append([text(f"stride\ns = {stride},\nin two\ndimensions"), *squares])
    return column(
        title("how many inputs reach each output of a transposed convolution"),
        note(
            f"Dᵤ = {axes[0].inputs} inputs along each axis; each reaches Dᵣ outputs in a row, the next one those from "
            "s outputs further on.\nInside (bars of full colour, framed cells) further inputs at both ends would "
            "change nothing."
        ),
        grid(lines, gaps=GAPS),
        gap=0.06,
        align="left",
    )


def _constant(ways: Sequence[_Way], cell: float) -> OffsetBox:
    """The outputs of a constant input, each way, in cells of that size."""
    line: list[OffsetBox | None] = []
    heads: list[OffsetBox | None] = []
    for n, way in enumerate(ways):
        y, (rows, columns) = _numbers(f"constant-{n}", way.y, way.middle, cell), way.y.shape
        verdict = way.verdict.replace(": ", ":\n")
        y.text(columns * cell / 2, -rows * cell - LABEL_GAP, verdict, size=SMALL, along="top")
        kernel = row(note("kernel"), number_grid(f"kernel-{n}", way.kernel, "filter", cell), gap=0.06)
        line.append(column(kernel, text("↓"), y, gap=0.03))
        heads.append(note(way.words))
    heading = title("what kernels of unequal weights make of an input of ones")
    return column(heading, grid([heads, line], gaps=(0.4, 0.06), along=["center", "bottom"]), gap=0.06, align="left")


def _bars(axis: _Overlaps, cell: float) -> Drawing:
    """A bar for each output, as high as the number of inputs that reach it; those outside are paler."""
    drawing = Drawing()
    for place, count in enumerate(axis.counts):
        color = shade(ROLES["output"], STRONG if place in axis.middle else BORDER)
        bar = Rectangle((place * cell, 0), cell, count * UNIT, facecolor=color, edgecolor=INK, linewidth=0.6)
        bar.set_gid(f"bar-{axis.stride}-{axis.size}-{place}")
        drawing.add(bar)
        drawing.text((place + 0.5) * cell, count * UNIT + 0.03, str(count), size=SMALLEST, along="bottom")
    if axis.middle:
        ends = [axis.middle[0] * cell, (axis.middle[-1] + 1) * cell]
        drawing.line([(ends[0], 0), (ends[0], -0.06), (ends[1], -0.06), (ends[1], 0)], width=1.2)
    drawing.text(axis.outputs * cell / 2, -0.06 - LABEL_GAP, axis.verdict, size=SMALL, along="top")
    return drawing


def _numbers(name: str, values: Array, middle: range, cell: float) -> Drawing:
    """A matrix as cells with numbers, the greater the darker, and a frame around those inside."""
    drawing, texts, place = Drawing(), number_texts(values), flat(values, cell)
    fit, high = number_size(texts, cell) is not None, values.max()
    for value in np.unique(values):
        cells = {(r, c): texts[r][c] if fit else "" for r, c in np.argwhere(values == value).tolist()}
        color = shade(ROLES["output"], PALE + (STRONG - PALE) * value / high)
        drawing.cells(f"{name}-{value}", place, cells, color, size=SMALLEST)  # as large as beside a frame
    if middle:
        drawing.frame(place, middle, middle)
    return drawing


def _alt(axes: Sequence[_Overlaps], ways: Sequence[_Way]) -> str:
    counts = "; ".join(f"Dᵣ = {axis.size}, s = {axis.stride}: {axis.verdict}" for axis in axes)
    constant = "; ".join(f"{way.words}: {way.verdict}" for way in ways)
    return (
        f"Rows of bars, the number of inputs that reach each output along one axis, for kernel sizes Dᵣ and strides s. "
        f"{counts}. Below the first row the same in two dimensions, at s = {axes[0].stride}, as cells with the "
        "products of the counts; inside is framed. At the bottom, what is made of an input of ones, with kernels of "
        f"unequal weights. {constant}."
    )


def _caption(axes: Sequence[_Overlaps]) -> str:
    even = [f"Dᵣ = {axis.size} at s = {axis.stride}" for axis in axes if axis.even]
    border = [axis for axis in axes if axis.size > axis.stride]
    return four_part_caption(
        claim=(
            "The patches of a transposed convolution overlap evenly inside exactly where the stride divides the kernel "
            f"size{f': {listed(even)}' if even else ''}; elsewhere their counts alternate, the checkerboard"
            f"{', and at the border they fall off wherever Dᵣ is above s' if border else ''}. Even counts do not "
            "forbid it, as every phase of the output has weights of its own. Resizing first and then convolving has "
            "none."
        ),
        computed=(
            "Counts: npconv.overlap_counts; in two dimensions npconv.transposed_conv2d of ones with a kernel of ones. "
            "At the bottom: npconv.transposed_conv2d, and npconv.resize_bilinear with npconv.conv2d, of ones, the "
            "weights drawn at random from 1 to 9."
        ),
        scale=(
            "A bar's height is its count; the greater a number, the more colour in its cell, in each grid from 0 to "
            "its largest; inside is what further inputs at both ends would not change, or in the last grid what "
            "padding does not."
        ),
        not_shown="Not shown: further strides in two dimensions; cropping, which takes away from the border.",
    )
