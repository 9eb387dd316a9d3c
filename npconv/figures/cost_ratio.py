"""The ratio of the two costs, counted and by formula: 1/N + 1/Dᵣ², its limit, and what a depth multiplier does."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from ..cost import break_even_multiplier, cost_ratio as ratio, count_operations
from ..kernels.arguments import integers, pair, shown
from ..kernels.geometry import Pair
from ..kernels.separable import depthwise_separable_conv2d
from ..kernels.standard import conv2d
from ..text import shape_text
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK
from .parts.lines import BASE, LOOKS, arrange, label_ends, noted

NAME = "cost_ratio"
MOST_LINES = len(LOOKS)
MOST_WEIGHTS = 2**22  # of a kernel whose operations are counted
LEGEND: dict[str, dict[str, Any]] = {
    "counted": {"color": INK, "linestyle": "none", "marker": "o", "markersize": 4.5},
    "Q(1/N + 1/Dᵣ²)": {"color": INK},
    "its limit for large N: Q/Dᵣ²": {"color": INK, "linestyle": ":", "linewidth": 0.9},
    "from this N on within 10 % of the limit": {
        "color": INK, "linestyle": "none", "marker": "|", "markersize": 10, "markeredgewidth": 1.6,
    },
}  # fmt: skip
COUNTED, FORMULA, LIMIT, NEAR = LEGEND.values()

Line = Mapping[str, Any]


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
    sides, out_channels, depth_multipliers = _checked(kernel_sizes, out_channels, depth_multipliers)
    by_size = [_line(size, 1, out_channels) for size in sides]
    by_multiplier = [_line(sides[0], q, out_channels) for q in depth_multipliers]
    with style():
        figure = _draw(by_size, by_multiplier, out_channels)
    return Figure(
        name="cost-ratio",
        figure=figure,
        data={"out_channels": list(out_channels), "by kernel size": by_size, "by depth multiplier": by_multiplier},
        alt=(
            f"Two plots over N, the number of output channels, from {out_channels[0]} to {out_channels[-1]}, both axes "
            f"logarithmic. Left: for kernels {', '.join(map(shape_text, sides))} counted points lie on the falling "
            "line 1/N + 1/Dᵣ², which levels out at 1/Dᵣ². It is within 10 % of that limit from "
            f"{_near_text(by_size, out_channels)}. Right: a depth multiplier Q lifts the whole line by the factor Q."
        ),
        caption=_caption(by_size, out_channels),
    )


def _checked(
    kernel_sizes: Sequence[Pair], out_channels: Sequence[int], depth_multipliers: Sequence[int]
) -> tuple[list[tuple[int, int]], tuple[int, ...], tuple[int, ...]]:
    """The sizes as Python's ints; raise where they can't be counted or drawn."""
    for name, values in (("kernel_sizes", kernel_sizes), ("depth_multipliers", depth_multipliers)):
        if not isinstance(values, tuple | list):
            raise TypeError(f"{NAME}: {name} must be a tuple of ints; got {shown(values)}")
        if not 1 <= len(values) <= MOST_LINES:
            raise ValueError(f"{NAME}: {name} must be 1 to {MOST_LINES} lines; got {len(values)}")
    sides = [pair(NAME, "kernel_sizes", size) for size in kernel_sizes]
    depth_multipliers = integers(NAME, "depth_multipliers", depth_multipliers)
    out_channels = integers(NAME, "out_channels", out_channels)
    if len(out_channels) < 2 or any(n >= m for n, m in pairwise(out_channels)):
        raise ValueError(f"{NAME}: out_channels must be two or more in growing order; got {out_channels!r}")
    if max(map(math.prod, sides)) * max(depth_multipliers) * out_channels[-1] > MOST_WEIGHTS:
        raise ValueError(
            f"{NAME}: kernel_sizes, out_channels and depth_multipliers must be of at most {MOST_WEIGHTS:,} weights to "
            f"be counted; got {kernel_sizes}, {out_channels} and {depth_multipliers}"
        )
    return sides, out_channels, depth_multipliers


@cache
def _standard_multiplications(height: int, width: int, n: int) -> int:
    """The multiplications of one position of a standard convolution with one input channel, counted."""
    return count_operations(conv2d, np.ones((1, height, width, 1)), np.ones((height, width, 1, n))).multiplications


def _line(size: tuple[int, int], q: int, out_channels: Sequence[int]) -> dict[str, Any]:
    """One line's numbers, counted and by formula."""
    height, width = size
    x, depthwise = np.ones((1, height, width, 1)), np.ones((height, width, q))
    counted = []
    for n in out_channels:
        separable = count_operations(depthwise_separable_conv2d, x, depthwise, np.ones((q, n))).multiplications
        counted.append(str(Fraction(separable, _standard_multiplications(height, width, n))))
    return {
        "kernel": [height, width],
        "depth multiplier": q,
        "counted": counted,
        "formula": [str(ratio(size, n, depth_multiplier=q)) for n in out_channels],
        "limit": str(Fraction(q, height * width)),
        "limit value": q / (height * width),
        "within 10 % from N": 10 * height * width,  # where Q/N is a tenth of Q/Dᵣ²
        "break-even multiplier": [float(break_even_multiplier(size, n)) for n in out_channels],
    }


def _draw(
    by_size: Sequence[Line], by_multiplier: Sequence[Line], out_channels: Sequence[int]
) -> matplotlib.figure.Figure:
    """Both plots, on one vertical scale, and below them what is what."""
    figure = noted("", 3.7)
    left, right = figure.subplots(1, 2, sharey=True)
    kernel = shape_text(by_size[0]["kernel"])
    left.set_title("by kernel size, Q = 1", loc="left")
    left.set_ylabel("multiplications, separable / standard")
    right.set_title(f"with a depth multiplier Q, {kernel}", loc="left")
    _draw_lines(left, {shape_text(line["kernel"]): line for line in by_size}, out_channels)
    _draw_lines(right, {f"Q = {line['depth multiplier']}": line for line in by_multiplier}, out_channels)
    every = [*by_size, *by_multiplier]
    low = min(line["limit value"] for line in every) / 1.6
    high = max(2.0, *(1.7 * float(Fraction(line["counted"][0])) for line in every))  # the line at 1 is always there
    left.set(yscale="log", ylim=(low, high))
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 1000 else (1,)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_locator(NullLocator())
    samples = [Line2D([], [], **kind) for kind in LEGEND.values()]
    figure.legend(samples, LEGEND, loc="outside lower center", ncols=len(LEGEND), frameon=False)
    arrange(NAME, figure, "kernel_sizes and depth_multipliers must be shorter to be written")
    return figure


def _draw_lines(axes: Axes, lines: Mapping[str, Line], out_channels: Sequence[int]) -> None:
    """Lines, counted points, limits and the marks from which a line is near its limit."""
    first, last = out_channels[0], out_channels[-1]
    fine = np.geomspace(first, last, 400)
    axes.set_xscale("log", base=2)
    axes.set_xlim(first / 1.25, last * 1.25)
    axes.set_xticks(out_channels, map(str, out_channels))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("N, output channels")
    axes.axhline(1, **BASE)
    ends = {"1": (1.0, "as a standard\nconvolution")}
    said: set[int] = set()
    for (label, line), look in zip(lines.items(), LOOKS, strict=False):
        limit, near, color = line["limit value"], line["within 10 % from N"], {"color": look["color"]}
        axes.plot(fine, line["depth multiplier"] / fine + limit, linestyle=look["linestyle"], **color)
        counted = [float(Fraction(text)) for text in line["counted"]]
        axes.plot(out_channels, counted, **{**COUNTED, **color, "marker": look["marker"]})
        axes.axhline(limit, **{**LIMIT, **color})
        ends[label] = (limit, f"{label} → {line['limit']}")
        if first <= near <= last:
            axes.plot(near, 1.1 * limit, **NEAR)
            ends[label] = (limit, ends[label][1] + f"\nfrom N = {near}" * (near not in said))
            said.add(near)
    label_ends(axes, ends)


def _near_text(lines: Sequence[Line], out_channels: Sequence[int]) -> str:
    """From which N each line is near its limit, and whether that is still in the plot."""
    texts = []
    for line in lines:
        near = line["within 10 % from N"]
        where = "" if out_channels[0] <= near <= out_channels[-1] else " (not in the plot)"
        texts.append(f"N = {near} at {shape_text(line['kernel'])}{where}")
    return ", ".join(texts)


def _caption(by_size: Sequence[Line], out_channels: Sequence[int]) -> str:
    return four_part_caption(
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
    )
