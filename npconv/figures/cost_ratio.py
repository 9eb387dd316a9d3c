"""The ratio of the two costs, counted and by formula: 1/N + 1/Dᵣ², its limit, and what a depth multiplier does."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from ..cost import break_even_multiplier, cost_ratio as ratio, count_operations
from ..kernels.arguments import integers, pair, shown
from ..kernels.geometry import Array, Pair
from ..kernels.separable import depthwise_separable_conv2d
from ..kernels.standard import conv2d
from ..text import shape_text
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, LINE_COLORS, LINE_STYLES, MARKERS, SMALL, WIDTH, spread, text_width

NAME = "cost_ratio"
MOST_LINES = len(LINE_COLORS)
MOST_WEIGHTS = 2**22  # of a kernel whose operations are counted
HEIGHT = 3.7  # inches
EDGE = 0.675  # inches at the left of each plot


def cost_ratio(
    *,
    kernel_sizes: Sequence[Pair] = (3, 5, 7),
    out_channels: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
    depth_multipliers: Sequence[int] = (1, 2, 4),
) -> Figure:
    """The cost of a separable convolution over that of a standard one, by kernel size, over N; and with a multiplier.

    Args:
        kernel_sizes: Dᵣ of each line at the left, an int or (height, width), four at the most; the first one is drawn
            at the right too.
        out_channels: N at which the ratio is counted, two or more, in growing order.
        depth_multipliers: Q of each line at the right, four at the most.

    Returns:
        Figure "cost-ratio". Its data: for each line, the ratios counted and by formula as exact fractions, the limit
        Q/Dᵣ², the N from which the ratio is within 10 % of it, and Q's break-even.

    Raises:
        TypeError, ValueError: sizes that are not positive ints, more lines than can be told apart, or N out of order.

    Source: the article's "Depth-wise Separable Convolutions".

    >>> figure = cost_ratio(kernel_sizes=(3,), out_channels=(4, 8), depth_multipliers=(1,))
    >>> figure.data["by kernel size"][0]["counted"]
    ['13/36', '17/72']
    """
    for name, values in (("kernel_sizes", kernel_sizes), ("depth_multipliers", depth_multipliers)):
        if not isinstance(values, tuple | list):
            raise TypeError(f"{NAME}: {name} must be a tuple of ints; got {shown(values)}")
        if not 1 <= len(values) <= MOST_LINES:
            raise ValueError(f"{NAME}: {name} must be 1 to {MOST_LINES} lines; got {len(values)}")
    kernels = [pair(NAME, "kernel_sizes", size) for size in kernel_sizes]
    depth_multipliers = integers(NAME, "depth_multipliers", depth_multipliers)
    out_channels = integers(NAME, "out_channels", out_channels)
    if len(out_channels) < 2 or any(n >= m for n, m in pairwise(out_channels)):
        raise ValueError(f"{NAME}: out_channels must be two or more in growing order; got {out_channels!r}")
    if max(map(math.prod, kernels)) * max(depth_multipliers) * out_channels[-1] > MOST_WEIGHTS:
        raise ValueError(
            f"{NAME}: kernel_sizes, out_channels and depth_multipliers must be of at most {MOST_WEIGHTS:,} weights to "
            f"be counted; got {kernel_sizes}, {out_channels} and {depth_multipliers}"
        )
    by_size = [_line(size, 1, out_channels) for size in kernels]
    by_multiplier = [by_size[0] if q == 1 else _line(kernels[0], q, out_channels) for q in depth_multipliers]
    sizes = [shape_text(line["kernel"]) for line in by_size]
    multipliers = [f"Q = {q}" for q in depth_multipliers]
    labelled = [*zip(sizes, by_size, strict=True), *zip(multipliers, by_multiplier, strict=True)]
    with style():
        figure = matplotlib.figure.Figure(figsize=(WIDTH, HEIGHT))
        ends = max(text_width(_end_text(line, label), SMALL) for label, line in labelled)
        if ends > 2:
            raise ValueError(f"{NAME}: kernel_sizes and depth_multipliers must be shorter to be written")
        across = (WIDTH / 2 - EDGE - ends - 0.2) / WIDTH
        left = figure.add_axes((EDGE / WIDTH, 0.15, across, 0.72))
        right = figure.add_axes((0.5 + EDGE / WIDTH, 0.15, across, 0.72))
        left.set_title("by kernel size, Q = 1", loc="left")
        left.set_ylabel("multiplications, separable / standard")
        right.set_title(f"with a depth multiplier Q, {sizes[0]}", loc="left")
        low = min(line["limit value"] for line in by_size + by_multiplier) / 1.6
        high = max(float(Fraction(line["counted"][0])) for line in by_size + by_multiplier) * 1.7
        for axes, lines, labels in ((left, by_size, sizes), (right, by_multiplier, multipliers)):
            _set_axes(axes, out_channels, low, max(high, 2.0))  # the line at 1 is always there
            _draw(axes, lines, labels, out_channels)
    return Figure(
        name="cost-ratio",
        figure=figure,
        data={"out_channels": list(out_channels), "by kernel size": by_size, "by depth multiplier": by_multiplier},
        alt=(
            f"Two plots over N, the number of output channels, from {out_channels[0]} to {out_channels[-1]}, both axes "
            f"logarithmic. Left: for kernels {', '.join(sizes)} counted points lie on the falling line 1/N + 1/Dᵣ², "
            f"which levels out at 1/Dᵣ². It is within 10 % of that limit from "
            f"{_near_text(by_size, out_channels)}. Right: a depth multiplier Q lifts the whole line by the factor Q."
        ),
        caption=four_part_caption(
            claim=(
                "A depthwise separable convolution costs Q(1/N + 1/Dᵣ²) of a standard one: near Q/Dᵣ² only where N is "
                "many times Dᵣ², and more than the standard one where N or Dᵣ² is small for Q."
            ),
            computed=(
                "Points: multiplications counted by running npconv.conv2d and npconv.depthwise_separable_conv2d on "
                "numbers that count, on a one-channel map of one position, as neither input size nor M enters the "
                "ratio. Lines: npconv.cost.cost_ratio."
            ),
            scale=(
                "Both axes are logarithmic; dotted: the limit, written at the right; a vertical mark: from there on "
                f"within 10 % of it, {_near_text(by_size, out_channels)}."
            ),
            not_shown="Not shown: additions, biases and time, whose ratio differs.",
        ),
    )


def _near_text(lines: list[dict[str, Any]], out_channels: Sequence[int]) -> str:
    """From which N each line is near its limit, and whether that is still in the plot."""
    texts = []
    for line in lines:
        near = line["within 10 % from N"]
        where = "" if out_channels[0] <= near <= out_channels[-1] else " (not in the plot)"
        texts.append(f"N = {near} at {shape_text(line['kernel'])}{where}")
    return ", ".join(texts)


def _line(size: tuple[int, int], q: int, out_channels: Sequence[int]) -> dict[str, Any]:
    """One line's numbers, counted and by formula."""
    formula = [str(ratio(size, n, depth_multiplier=q)) for n in out_channels]
    height, width = size
    counted = []
    for n in out_channels:
        x, depthwise = np.ones((1, height, width, 1)), np.ones((height, width, q))
        standard = count_operations(conv2d, x, np.ones((height, width, 1, n))).multiplications
        separable = count_operations(depthwise_separable_conv2d, x, depthwise, np.ones((q, n))).multiplications
        counted.append(str(Fraction(separable, standard)))
    return {
        "kernel": [height, width],
        "depth multiplier": q,
        "counted": counted,
        "formula": formula,
        "limit": str(Fraction(q, height * width)),
        "limit value": q / (height * width),
        "within 10 % from N": 10 * height * width,  # where Q/N is a tenth of Q/Dᵣ²
        "break-even multiplier": [float(break_even_multiplier(size, n)) for n in out_channels],
    }


def _end_text(line: dict[str, Any], label: str) -> str:
    return f"{label} → {line['limit']}"


def _set_axes(axes: Axes, out_channels: Sequence[int], low: float, high: float) -> None:
    """Both axes logarithmic, with ticks that are numbers."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=10)
    axes.set_xlim(out_channels[0] / 1.25, out_channels[-1] * 1.25)
    axes.set_ylim(low, high)
    apart = axes.bbox.width / axes.figure.dpi / math.log2(out_channels[-1] * 1.25**2 / out_channels[0])
    pairs = [(math.log2(m / n) * apart, text_width(f"{n}{m}", SMALL) / 2 + 0.05) for n, m in pairwise(out_channels)]
    every = math.ceil(max(needed / room for room, needed in pairs))  # so many that the labels have room
    texts = [str(n) if i % every == 0 else "" for i, n in enumerate(reversed(out_channels))]
    axes.set_xticks(out_channels, texts[::-1])
    steps = (1, 2, 5) if high / low < 1000 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    steps_of_ten = [step * 10.0**decade for decade in decades for step in steps]
    shares = [share for share in steps_of_ten if low <= share <= high]
    axes.set_yticks(shares, [f"{share:g}" for share in shares])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("N, output channels")


def _draw(axes: Axes, lines: list[dict[str, Any]], labels: list[str], out_channels: Sequence[int]) -> None:
    """Lines, counted points, limits and the marks from which a line is near its limit."""
    fine = np.geomspace(out_channels[0] / 1.25, out_channels[-1] * 1.25, 400)
    drawn: list[Array] = []  # points of all lines, (x, y), which no text may cover
    for i, line in enumerate(lines):
        taps, q, color = math.prod(line["kernel"]), line["depth multiplier"], LINE_COLORS[i]
        curve = q * (1 / fine + 1 / taps)
        shown = (fine >= out_channels[0]) & (fine <= out_channels[-1])
        counted = [float(Fraction(text)) for text in line["counted"]]
        axes.plot(fine[shown], curve[shown], color=color, linestyle=LINE_STYLES[i])
        axes.plot(out_channels, counted, color=color, linestyle="none", marker=MARKERS[i], markersize=4.5)
        axes.axhline(q / taps, color=color, linewidth=0.9, linestyle=":")
        drawn += [np.stack([fine, curve], axis=-1), np.stack([fine, np.full_like(fine, q / taps)], axis=-1)]
    axes.axhline(1, color=INK, linewidth=0.8)
    drawn.append(np.stack([fine, np.ones_like(fine)], axis=-1))
    points = axes.transData.transform(np.concatenate(drawn)) * 72 / _dpi(axes)
    left, right = axes.get_xlim()
    along = [left * (right / left) ** share for share in (0.74, 0.5, 0.27)]
    points = _write_apart(axes, "nothing is saved above", [(x, 1.0) for x in along], (3, -3, 15, -15, 27), points)
    for near in sorted({line["within 10 % from N"] for line in lines}):
        heights = [line["limit value"] * 1.1 for line in lines if line["within 10 % from N"] == near]
        if out_channels[0] <= near <= out_channels[-1]:
            for y in heights:
                axes.plot([near, near], [y / 1.13, y * 1.13], color=INK, linewidth=1.6)
            points = _write_apart(axes, f"N = {near}", [(near, min(heights))], (-6, 6, -18, 18, 30), points)
    ends = [axes.transData.transform((1, line["limit value"]))[1] * 72 / _dpi(axes) for line in lines]
    for y, end, label, line in zip(spread(ends, SMALL * 1.3), ends, labels, lines, strict=True):
        text = _end_text(line, label)
        at = (out_channels[-1] * 1.25, line["limit value"])
        axes.annotate(text, at, xytext=(5, y - end), textcoords="offset points", size=SMALL, ha="left", va="center")


def _dpi(axes: Axes) -> float:
    return axes.figure.dpi


def _write_apart(
    axes: Axes, text: str, places: Sequence[tuple[float, float]], offsets: Sequence[int], points: Array
) -> Array:
    """Write above or below one of the places, at that of these distances which is near and covers few points.

    All is in points of 1/72 inch. Returned are the points, and those of the text with them.
    """
    width, height = text_width(text, SMALL) * 72 + 2, SMALL * 1.1
    bottom = axes.bbox.y0 * 72 / _dpi(axes)

    def corner(candidate: tuple[tuple[float, float], int]) -> Array:
        (x, y), offset = axes.transData.transform(candidate[0]) * 72 / _dpi(axes), candidate[1]
        return np.array([x - width / 2, y + offset - (height if offset < 0 else 0)])

    def penalty(candidate: tuple[tuple[float, float], int]) -> float:
        inside = points - corner(candidate)
        if corner(candidate)[1] < bottom:
            return len(points)
        covered = ((inside > 0) & (inside < (width, height))).all(axis=1).sum()
        return float(covered + abs(candidate[1]) / 2)

    at, offset = best = min(((at, offset) for at in places for offset in offsets), key=penalty)
    edge = "bottom" if offset > 0 else "top"
    axes.annotate(text, at, xytext=(0, offset), textcoords="offset points", size=SMALL, ha="center", va=edge)
    grid = np.stack(np.meshgrid(np.linspace(0, width, 20), np.linspace(0, height, 5)), axis=-1).reshape(-1, 2)
    return np.concatenate([points, corner(best) + grid])
