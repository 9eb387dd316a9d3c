"""The spatially separable convolution: a kernel as column times row, on a photograph, and what two steps cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import OffsetBox
from matplotlib.ticker import NullLocator

from ..cost import count_operations
from ..data import Photograph
from ..kernels import arguments
from ..kernels.flattened import spatially_separable_conv2d
from ..kernels.geometry import Array
from ..kernels.standard import conv2d
from ..text import number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.bars import bars_to_scale
from .parts.drawing import INK, LABEL_GAP, SMALL, number_cell
from .parts.grids import number_grid
from .parts.layout import (
    Drawing,
    Page,
    arrow_under,
    column as stacked,
    grid,
    label_ends,
    note,
    row as beside,
    space,
    text,
    title,
)
from .parts.lines import BASE, LOOKS
from .parts.photograph import photograph_from
from .parts.values import ROUNDED, are_whole, array_from, number_texts, place_from, sum_text

NAME = "spatially_separable"
SMOOTH, DIFFERENCE = (1, 2, 1), (-1, 0, 1)  # whose product is Sobel's kernel
MOST_TAPS, MOST_LINES, MOST_SIDE = 9, len(LOOKS), 64
LARGEST, LEAST = 2.1, 0.6  # inches for a picture's longer side
PLOT, PLOT_MARGINS = (4.2, 2.4), (0.55, 0.45, 0.95, 0.05)  # inches; left, below, right, above
EXAMPLE = 5  # Dᵤ of the costs that are written out
COSTS = 3.9  # inches for the bars
ALONG = ("bottom", "center")
SIGN = 13.0  # points


def spatially_separable(
    *,
    photograph: Photograph | Array | None = None,
    column: Array | None = None,
    row: Array | None = None,
    at: tuple[int, int] | None = None,
    kernel_sizes: Sequence[int] = (3, 5, 7),
    sides: Sequence[int] = (3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48),
) -> Figure:
    """The spatially separable convolution: column times row, both steps on a photograph, and their cost, counted.

    Args:
        photograph: pixels (height, width, 3) of uint8, 24 to 1024 a side, or a Photograph; matplotlib's if None. Its
            three channels are added up.
        column: the weights of the first step (Dᵣ,), down the columns, nine at the most; 1, 2, 1 if None.
        row: the weights of the second step (Dᵣ,), along the rows, as many; −1, 0, 1 if None.
        at: the (row, column) in the output of the value that is worked out; the middle if None.
        kernel_sizes: Dᵣ of each line of the plot, four at the most.
        sides: Dᵤ at which the costs are counted, in growing order; a line has those from its Dᵣ on.

    Returns:
        Figure "spatially-separable", a PNG. Its data: column, row, their product `kernel` and its `rank`; every 16th
        value of the three maps; the worked value with its `patch` and the three values `between`; the largest
        difference from conv2d with the kernel; the multiplications of an `example` of 5×5; and for each kernel size the
        ratio of the two costs, counted, and its limit.

    Raises:
        TypeError, ValueError: arrays of another kind, or of another shape, than these, or more than can be drawn.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 8.

    >>> figure = spatially_separable(photograph=np.full((24, 30, 3), 9, np.uint8), kernel_sizes=(3,), sides=(5, 7))
    >>> figure.data["kernel"], figure.data["ratios"][0]["counted"]
    ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], ['8/9', '4/5'])
    """
    pixels = (source := photograph_from(NAME, photograph)).pixels
    column, row = _weights("column", column, SMOOTH), _weights("row", row, DIFFERENCE)
    if len(column) != len(row):
        raise ValueError(f"{NAME}: row must have as many weights as column; got row {row.shape}, column {column.shape}")
    place = place_from(NAME, at, *(side - len(row) + 1 for side in pixels.shape[:2]))
    maps = _Maps(source, pixels.sum(axis=-1, dtype=np.int64), column, row, place)
    lines = _lines(kernel_sizes, sides)
    with drawn_by(NAME, photograph=pixels, column=maps.column):
        figure = _draw(maps, lines)
    coarse = slice(None, None, 16)
    return Figure(
        name="spatially-separable",
        figure=figure,
        data={
            "photograph": {"source": source.source, "synthetic": source.synthetic, "shape": list(pixels.shape)},
            "column": maps.column.tolist(),
            "row": maps.row.tolist(),
            "kernel": maps.kernel.tolist(),
            "rank": maps.rank,
            "every 16th": {name: a[coarse, coarse].tolist() for name, a in maps.by_name.items()},
            "limits": maps.limits,
            "at": list(maps.at),
            "patch": maps.patch.tolist(),
            "between": maps.between.tolist(),
            "value": maps.value.item(),
            "largest difference": maps.difference,
            "example": {"side": maps.side, "kernel size": len(maps.row), **maps.example},
            "ratios": [line.data for line in lines],
        },
        alt=_alt(maps, lines),
        caption=_caption(maps, lines),
        format="png",
    )


@dataclass(frozen=True)
class _Maps:
    """A photograph's brightness, the two vectors of weights, and what both steps make of it."""

    photograph: Photograph
    x: Array  # (Dᵤ, Dᵤ)
    column: Array  # (Dᵣ,)
    row: Array  # (Dᵣ,)
    at: tuple[int, int]

    @property
    def kernel(self) -> Array:
        """Their product, (Dᵣ, Dᵣ)."""
        return np.outer(self.column, self.row)

    @property
    def rank(self) -> int:
        """The rank of the product."""
        return int(np.linalg.matrix_rank(self.kernel))

    @cached_property
    def middle(self) -> Array:
        """The map after the column, (Dᵥ, Dᵤ)."""
        return _convolved(self.x, self.column[:, np.newaxis])

    @cached_property
    def y(self) -> Array:
        """The output of both steps, (Dᵥ, Dᵥ)."""
        x, weights = self.x[np.newaxis, ..., np.newaxis], (a[:, np.newaxis] for a in (self.column, self.row))
        y: Array = spatially_separable_conv2d(x, *weights)[0, ..., 0]
        return y

    @cached_property
    def difference(self) -> float:
        """The largest difference from the convolution with the product."""
        difference: float = np.abs(_convolved(self.x, self.kernel) - self.y).max().item()
        return difference

    @property
    def by_name(self) -> dict[str, Array]:
        """The three maps."""
        return {"brightness": self.x, "after the column": self.middle, "output": self.y}

    @cached_property
    def limits(self) -> dict[str, list[float]]:
        """The values drawn black and white; for maps with values below 0 mid-grey is 0, and a few lie beyond."""
        limits = {"brightness": [0.0, 765.0]}
        for name, a in list(self.by_name.items())[1:]:
            most = float(max(np.percentile(np.abs(a), 99), 1))
            limits[name] = [-most if a.min() < 0 else 0.0, most]
        return limits

    @property
    def patch(self) -> Array:
        """The values that the worked one reads, (Dᵣ, Dᵣ)."""
        (r, c), size = self.at, len(self.row)
        return self.x[r : r + size, c : c + size]

    @property
    def between(self) -> Array:
        """The values after the column, (Dᵣ,)."""
        (r, c), size = self.at, len(self.row)
        return self.middle[r, c : c + size]

    @property
    def value(self) -> Any:
        """The worked value."""
        return self.y[self.at]

    @property
    def rounded(self) -> bool:
        """True where the drawn numbers are rounded."""
        return not are_whole(self.column, self.row, self.y)

    @property
    def equation(self) -> str:
        """The worked value as a sum of products."""
        return f"{sum_text((self.between * self.row).tolist())} = {number_text(self.value)}"

    @cached_property
    def example(self) -> dict[str, int]:
        """The multiplications on a map of 5×5, or of the kernel's size if that is larger."""
        return _counted(self.side, len(self.row))

    @property
    def side(self) -> int:
        """The side of that map."""
        return max(EXAMPLE, len(self.row))


@dataclass(frozen=True)
class _Line:
    """The ratio of the two costs for one kernel size, at some sides of a square map."""

    size: int
    sides: tuple[int, ...]

    @cached_property
    def counted(self) -> list[Fraction]:
        """The ratio, counted."""
        counts = [_counted(side, self.size) for side in self.sides]
        return [Fraction(count["column"] + count["row"], count["kernel"]) for count in counts]

    @property
    def limit(self) -> Fraction:
        """The ratio for a map without end."""
        return Fraction(2, self.size)

    @property
    def data(self) -> dict[str, Any]:
        """The line as plain JSON."""
        return {
            "kernel size": self.size,
            "sides": list(self.sides),
            "counted": [str(ratio) for ratio in self.counted],
            "limit": str(self.limit),
        }


def ratio(side: Any, size: int) -> Any:
    """The cost of two steps over that of one kernel: (Dᵤ/Dᵥ + 1)/Dᵣ, from DᵤDᵥDᵣ + Dᵥ²Dᵣ over Dᵥ²Dᵣ².

    >>> ratio(Fraction(5), 3), ratio(Fraction(7), 5)
    (Fraction(8, 9), Fraction(2, 3))
    """
    return (side / (side - size + 1) + 1) / size


def _convolved(x: Array, kernel: Array) -> Array:
    y: Array = conv2d(x[np.newaxis, ..., np.newaxis], kernel[..., np.newaxis, np.newaxis])[0, ..., 0]
    return y


def _counted(side: int, size: int) -> dict[str, int]:
    """The multiplications with one kernel, and those of the two steps, on a square map."""
    x, weights = np.ones((1, side, side, 1)), np.ones((size, 1))
    kernel = count_operations(conv2d, x, np.ones((size, size, 1, 1))).multiplications
    both = count_operations(spatially_separable_conv2d, x, weights, weights).multiplications
    down = count_operations(conv2d, x, np.ones((size, 1, 1, 1))).multiplications
    return {"kernel": kernel, "column": down, "row": both - down}


def _weights(name: str, given: Array | None, default: Sequence[int]) -> Array:
    """One step's weights; raises where they can't be drawn."""
    weights = array_from(NAME, name, np.array(default) if given is None else given, np.random.default_rng(0), 1)
    if weights.ndim != 1 or not 1 <= len(weights) <= MOST_TAPS:
        raise ValueError(f"{NAME}: {name} must be (Dᵣ,), Dᵣ at most {MOST_TAPS}, to draw; got {name} {weights.shape}")
    return weights


def _lines(kernel_sizes: Sequence[int], sides: Sequence[int]) -> list[_Line]:
    """The plot's lines; raises where they can't be counted or drawn."""
    sizes = arguments.integers(NAME, "kernel_sizes", kernel_sizes, most=MOST_TAPS)
    if not 1 <= len(sizes) <= MOST_LINES:
        raise ValueError(f"{NAME}: kernel_sizes must be 1 to {MOST_LINES} lines; got {len(sizes)}")
    sides = arguments.integers(NAME, "sides", sides, most=MOST_SIDE)
    if any(n >= m for n, m in pairwise(sides)) or len([side for side in sides if side >= max(sizes, default=1)]) < 2:
        raise ValueError(
            f"{NAME}: sides must be in growing order, two or more from the largest of kernel_sizes on; got {sides!r}"
        )
    return [_Line(size, tuple(side for side in sides if side >= size)) for size in sizes]


def _draw(maps: _Maps, lines: Sequence[_Line]) -> matplotlib.figure.Figure:
    """Draw all; the plot's axes are put where its place is on the finished page."""
    page, plot = Page(), space(*PLOT)
    explained = note(
        "points: counted; lines: (Dᵤ/Dᵥ + 1)/Dᵣ, where Dᵥ = Dᵤ − Dᵣ + 1;\ndotted: the limit for large Dᵤ, 2/Dᵣ"
    )
    ratios = stacked(title("the cost of both steps over the kernel's"), explained, plot, gap=0.05, align="left")
    pictures, _ = page.fitted(partial(_steps, page, maps), LARGEST, least=LEAST)
    notes = [note(ROUNDED)] if maps.rounded else []
    parts = _product(page, maps), pictures, beside(_costs(page, maps), ratios, gap=0.3, align="top"), *notes
    figure = page.finish(stacked(*parts, gap=0.25, align="left"))
    (place,), (width, height) = page.where(plot), figure.get_size_inches()
    left, below, right, above = PLOT_MARGINS
    bounds = [place.x0 + left, place.y0 + below, place.width - left - right, place.height - below - above]
    axes = figure.add_axes((bounds[0] / width, bounds[1] / height, bounds[2] / width, bounds[3] / height))
    _plot(axes, lines)
    return figure


def _product(page: Page, maps: _Maps) -> OffsetBox:
    """The kernel as column times row, and what that is called."""
    parts = [("column", maps.column[:, np.newaxis]), ("row", maps.row[np.newaxis]), ("kernel", maps.kernel)]
    size = len(maps.row)
    cell = max(0.28, *(number_cell(number_texts(a)) for _, a in parts))
    grids = [number_grid(name, a, "filter", cell) for name, a in parts]
    heads: list[OffsetBox | None] = [note("column"), None, note("row"), None, note("kernel")]
    words = note(
        f"row i of the kernel is the row times column[i], so that its rank is {maps.rank}.\n"
        f"{size} + {size} weights in place of {size * size}; a kernel of a higher rank is no such product."
    )
    signs = [text(sign, size=SIGN) for sign in "×="]
    line = [grids[0], signs[0], grids[1], signs[1], grids[2]]
    figures = grid([heads, line], gaps=(0.1, 0.04), along=ALONG)
    heading = title("a spatially separable kernel is a column times a row")
    return stacked(heading, page.beside_or_below(figures, words, gap=0.4), gap=0.08, align="left")


def _steps(page: Page, maps: _Maps, longest: float) -> OffsetBox:
    """The photograph, the map between, and the output, with the worked value below."""
    side, size, (r, c) = longest / max(maps.x.shape), len(maps.row), maps.at
    reads = {"brightness": (size, size), "after the column": (1, size), "output": (1, 1)}
    pictures = [_picture(name, a, maps.limits[name], side, (r, c, *reads[name])) for name, a in maps.by_name.items()]
    heads: list[OffsetBox | None] = []
    for name, a in maps.by_name.items():
        said = f"{name}: R + G + B" if name == "brightness" else name
        heads += [text(f"{said}\n{shape_text(a.shape)}", weight="bold"), None]
    steps = [arrow_under(text(f"∗ {name}")) for name in ("column", "row")]
    line = [pictures[0], steps[0], pictures[1], steps[1], pictures[2]]
    equal = "equals" if maps.difference == 0 else f"differs by at most {maps.difference:.0e} from"
    return stacked(
        title("both steps on a photograph"),
        grid([heads[:-1], line], gaps=(0.12, 0.06), along=ALONG),
        note(f"The output {equal} that of conv2d with the kernel above. Framed, at row {r}, column {c}:"),
        _worked(page, maps),
        gap=0.1,
        align="left",
    )


def _worked(page: Page, maps: _Maps) -> OffsetBox:
    """The framed values, step by step: in equal cells, else in smaller ones, else the sum alone."""
    parts = {
        "pixels": ("input", maps.patch),
        "column": ("filter", maps.column[:, np.newaxis]),
        "after the column": ("intermediate", maps.between[np.newaxis]),
        "row": ("filter", maps.row[np.newaxis]),
    }
    cells = [number_cell(number_texts(values)) for _, values in parts.values()]
    for sides in ([max(cells)] * len(cells), cells):
        heads: list[OffsetBox | None] = []
        line: list[OffsetBox | None] = []
        for (name, (role, values)), side, sign in zip(parts.items(), sides, "∗=∗=", strict=True):
            heads += [note(name), None]
            line += [number_grid(f"worked-{name}", values, role, side), text(sign, size=SIGN)]
        grids = grid([[*heads, note("output")], [*line, text(number_text(maps.value))]], gaps=(0.08, 0.04), along=ALONG)
        if page.over(grids) <= 0:
            break
    equation = text(f"output: {maps.equation}")
    return stacked(grids, equation, align="left") if page.over(grids) <= 0 else equation


def _picture(
    name: str, values: Array, limits: Sequence[float], side: float, framed: tuple[int, int, int, int]
) -> Drawing:
    """A map in greys, with its limits below and a frame around what the worked value reads of it."""
    drawing, (rows, columns) = Drawing(), values.shape
    drawing.image(name, values, (columns * side, rows * side), "gray", *limits)
    row, column, height, width = framed
    across, down = max(width * side, 0.06), max(height * side, 0.06)
    x, y = (column + width / 2) * side - across / 2, -(row + height / 2) * side + down / 2
    for color, thick in (("white", 3.6), (INK, 1.6)):
        corners = [(x, y), (x + across, y), (x + across, y - down), (x, y - down), (x, y)]
        drawing.line(corners, color=color, width=thick)
    black, white = (number_text(round(limit)) for limit in limits)
    words = f"black {black}, white {white}"
    drawing.text(columns * side / 2, -rows * side - LABEL_GAP, words, size=SMALL, along="top")
    return drawing


def _costs(page: Page, maps: _Maps) -> OffsetBox:
    """The multiplications of the example both ways, and bars to scale."""
    counts, size = maps.example, len(maps.row)
    side, left, both = maps.side, maps.side - size + 1, counts["column"] + counts["row"]
    bars = {
        "kernel": ([("kernel", counts["kernel"], 0.6)], f"{counts['kernel']:,}"),
        "both steps": (
            [("column", counts["column"], 1.0), ("row", counts["row"], 0.3)],
            f"column {counts['column']:,} + row {counts['row']:,} = {both:,}",
        ),
    }
    fraction = Fraction(both, counts["kernel"])
    words = text(
        f"kernel: {left}·{left} places × {size}·{size} weights = {counts['kernel']:,}\n"
        f"column: {left}·{side} places × {size} weights = {counts['column']:,}\n"
        f"row: {left}·{left} places × {size} weights = {counts['row']:,}\n"
        f"both steps / kernel = {both:,} / {counts['kernel']:,} = {fraction}",
        align="left",
    )
    heading = f"multiplications on {shape_text((side, side))}, counted"
    return stacked(bars_to_scale(page, heading, bars, width=COSTS), words, gap=0.12, align="left")


def _plot(axes: Axes, lines: Sequence[_Line]) -> None:
    """The counted ratios on their formula, and the limits."""
    first, last = min(line.sides[0] for line in lines), max(line.sides[-1] for line in lines)
    axes.set_xscale("log", base=2)
    axes.axhline(1, **BASE)
    for line, look in zip(lines, LOOKS, strict=False):
        fine = np.geomspace(line.sides[0], last, 200)
        axes.plot(fine, ratio(fine, line.size), color=look["color"], linestyle=look["linestyle"])
        counted = [float(value) for value in line.counted]
        axes.plot(line.sides, counted, color=look["color"], linestyle="none", marker=look["marker"], markersize=4.5)
        axes.axhline(float(line.limit), color=look["color"], linestyle=":", linewidth=0.9)
    axes.set_xlim(first / 1.15, last * 1.15)
    axes.set_ylim(0, None)
    ticks = [side for side in (3, 4, 6, 8, 12, 16, 24, 32, 48, 64) if first <= side <= last]
    axes.set_xticks(ticks, map(str, ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("Dᵤ, side of the input")
    axes.set_ylabel("both steps / kernel")
    ends = [(last * 1.15, 1.0), *((last * 1.15, float(line.limit)) for line in lines)]
    label_ends(axes, ends, ["as one kernel", *(f"Dᵣ = {line.size} → {line.limit}" for line in lines)])


def _alt(maps: _Maps, lines: Sequence[_Line]) -> str:
    counts, size = maps.example, len(maps.row)
    columns, rows = (", ".join(number_text(number) for number in a) for a in (maps.column, maps.row))
    limits = ", ".join(f"{line.limit} for Dᵣ = {line.size}" for line in lines)
    side = maps.side
    return (
        f"Above, a column of weights {columns} times a row {rows} gives a kernel of {shape_text((size, size))}. Three "
        f"pictures of {maps.photograph.source}: its brightness, the map after the column, and the output, both steps "
        f"done. Framed at row {maps.at[0]}, column {maps.at[1]}: {maps.equation}. Below, bars: on "
        f"{shape_text((side, side))} the kernel takes {counts['kernel']:,} multiplications, the column "
        f"{counts['column']:,} and the row {counts['row']:,}. Beside them a plot of the ratio over the side of the "
        f"input: for each kernel size counted points on a line that falls towards 2/Dᵣ, {limits}."
    )


def _caption(maps: _Maps, lines: Sequence[_Line]) -> str:
    counts = maps.example
    side, both = maps.side, counts["column"] + counts["row"]
    beyond = max(float(np.mean(np.abs(a) > maps.limits[name][1])) for name, a in maps.by_name.items())
    return four_part_caption(
        claim=(
            "A kernel of rank 1 is a column times a row, and is applied in two steps of Dᵣ multiplications a place: "
            f"{both:,} in place of {counts['kernel']:,} on {shape_text((side, side))}. The ratio, (Dᵤ/Dᵥ + 1)/Dᵣ, "
            "falls towards 2/Dᵣ from above; on small inputs two steps may cost more."
        ),
        computed=(
            f"npconv.spatially_separable_conv2d on the sum of the three channels of {maps.photograph.source}, "
            f"{shape_text(maps.x.shape)}, valid; the largest difference from npconv.conv2d with the kernel is "
            f"{number_text(maps.difference)}. Multiplications were counted by running the kernels on numbers that "
            f"count (npconv.cost.count_operations).{_bai(lines)}"
        ),
        scale=[
            "Mid-grey is zero where black is below it; at most "
            f"{100 * beyond:.1f} % of a map's values lie beyond its white and black, drawn at them",
            "the bars have the lengths of the counts; the plot's horizontal axis is logarithmic",
            ROUNDED if maps.rounded else "",
        ],
        not_shown=["further channels, each filtered by a column and a row of its own", "additions"],
    )


def _bai(lines: Sequence[_Line]) -> str:
    """A place where the source's formula differs from the count; nothing where there is none."""
    for line in lines:
        for side, ratio in zip(line.sides, line.counted, strict=True):
            if side > line.size + 1 and (given := Fraction(2, line.size) * (1 + Fraction(1, side - 2))) != ratio:
                return (
                    " K. Bai's formula, 2/Dᵣ + 2/(Dᵣ(Dᵤ − 2)), is right for Dᵣ = 3 alone: for Dᵣ = "
                    f"{line.size} and Dᵤ = {side} it gives {given}, counted is {ratio}."
                )
    return ""
