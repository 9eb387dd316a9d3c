"""The ratio of the two costs, counted and by formula: 1/N + 1/Dᵣ², its limit, and what a depth multiplier does."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from ..cost import break_even_multiplier, cost_ratio, count_operations
from ..kernels.separable import depthwise_separable_conv2d
from ..kernels.standard import conv2d
from .drawing import INK, LINE_COLORS, SMALL, WIDTH
from .figure import Figure, four_part_caption, style

MOST_LINES = len(LINE_COLORS)
LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")
HEIGHT = 3.7  # inches


def cost_ratio_figure(
    *,
    kernel_sizes: Sequence[int] = (3, 5, 7),
    out_channels: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
    depth_multipliers: Sequence[int] = (1, 2, 4),
) -> Figure:
    """The cost of a separable convolution over that of a standard one, by kernel size, over N; and with a multiplier.

    Args:
        kernel_sizes: Dᵣ of each line at the left, four at the most; the first one is drawn at the right too.
        out_channels: N at which the ratio is counted, two or more, in growing order.
        depth_multipliers: Q of each line at the right, four at the most.

    Returns:
        Figure "cost-ratio". Its data: for each line, the ratios counted and by formula as exact fractions, the limit
        Q/Dᵣ², the N from which the ratio is within 10 % of it, and Q's break-even.

    Raises:
        TypeError, ValueError: sizes that are not positive ints, more lines than can be told apart, or N out of order.

    Source: the article's "Depth-wise Separable Convolutions".

    >>> figure = cost_ratio_figure(kernel_sizes=(3,), out_channels=(4, 8), depth_multipliers=(1,))
    >>> figure.data["by kernel size"][0]["counted"]
    ['13/36', '17/72']
    """
    for name, values in (("kernel_sizes", kernel_sizes), ("depth_multipliers", depth_multipliers)):
        if not 1 <= len(values) <= MOST_LINES:
            raise ValueError(f"cost_ratio_figure: {name} must be 1 to {MOST_LINES} lines; got {len(values)}")
    if len(out_channels) < 2 or any(n >= m for n, m in pairwise(out_channels)):
        raise ValueError(f"cost_ratio_figure: out_channels must be two or more in growing order; got {out_channels!r}")
    by_size = [_line(side, 1, out_channels) for side in kernel_sizes]
    by_multiplier = [_line(kernel_sizes[0], q, out_channels) for q in depth_multipliers]
    with style():
        figure = matplotlib.figure.Figure(figsize=(WIDTH, HEIGHT))
        left = figure.add_axes((0.075, 0.15, 0.40, 0.72))
        right = figure.add_axes((0.575, 0.15, 0.40, 0.72))
        _draw(left, by_size, [f"{side}×{side}" for side in kernel_sizes], out_channels)
        left.set_title("by kernel size, Q = 1", loc="left")
        left.set_ylabel("multiplications, separable / standard")
        _draw(right, by_multiplier, [f"Q = {q}" for q in depth_multipliers], out_channels)
        right.set_title(f"with a depth multiplier Q, {kernel_sizes[0]}×{kernel_sizes[0]}", loc="left")
        low = min(line["limit value"] for line in by_size + by_multiplier)
        high = max(float(Fraction(line["counted"][0])) for line in by_size + by_multiplier)
        for axes in (left, right):
            axes.set_ylim(low / 1.6, max(high * 1.7, 2.0))  # the line at 1 and its text are always there
            if low / 1.6 > 0.1:  # then 1 is the only power of ten
                axes.yaxis.set_minor_formatter(FuncFormatter(_two_or_five))
            axes.axhline(1, color=INK, linewidth=0.8)
            axes.text(out_channels[-1] * 3.0, 1.06, "nothing is saved above", size=SMALL, ha="right", va="bottom")
    sizes = ", ".join(f"{side}×{side}" for side in kernel_sizes)
    return Figure(
        name="cost-ratio",
        figure=figure,
        data={"out_channels": list(out_channels), "by kernel size": by_size, "by depth multiplier": by_multiplier},
        alt=(
            f"Two plots over N, the number of output channels, from {out_channels[0]} to {out_channels[-1]}, both axes "
            f"logarithmic. Left: for kernels {sizes} counted points lie on the falling line 1/N + 1/Dᵣ², which levels "
            "out at 1/Dᵣ²; a mark shows from which N it is within 10 % of that limit: "
            + ", ".join(f"{line['within 10 % from N']} at {line['kernel']}×{line['kernel']}" for line in by_size)
            + ". Right: a depth multiplier Q lifts the whole line by Q."
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
            scale="Both axes are logarithmic; vertical marks: from there on within 10 % of the limit, which is dotted.",
            not_shown="Not shown: additions, biases and time, for which the ratio is another one.",
        ),
    )


def _line(side: int, q: int, out_channels: Sequence[int]) -> dict[str, Any]:
    """One line's numbers, counted and by formula."""
    counted = []
    for n in out_channels:
        x, depthwise = np.ones((1, side, side, 1)), np.ones((side, side, q))
        standard = count_operations(conv2d, x, np.ones((side, side, 1, n))).multiplications
        separable = count_operations(depthwise_separable_conv2d, x, depthwise, np.ones((q, n))).multiplications
        counted.append(str(Fraction(separable, standard)))
    return {
        "kernel": side,
        "depth multiplier": q,
        "counted": counted,
        "formula": [str(cost_ratio(side, n, depth_multiplier=q)) for n in out_channels],
        "limit": str(Fraction(q, side * side)),
        "limit value": q / side**2,
        "within 10 % from N": 10 * side * side,
        "break-even multiplier": [float(break_even_multiplier(side, n)) for n in out_channels],
    }


def _two_or_five(value: float, position: int | None = None) -> str:
    """The label of a tick between powers of ten."""
    text = f"{value:g}"
    return text if text.strip("0.") in ("2", "5") else ""


def _draw(axes: Axes, lines: list[dict[str, Any]], labels: list[str], out_channels: Sequence[int]) -> None:
    """Lines, counted points, limits and the marks from which a line is near its limit."""
    fine = np.geomspace(out_channels[0], out_channels[-1], 200)
    for i, (line, label) in enumerate(zip(lines, labels, strict=True)):
        side, q = line["kernel"], line["depth multiplier"]
        color = LINE_COLORS[i]
        counted = [float(Fraction(text)) for text in line["counted"]]
        axes.plot(fine, q * (1 / fine + 1 / side**2), color=color, linestyle=LINE_STYLES[i])
        axes.plot(out_channels, counted, color=color, linestyle="none", marker=MARKERS[i], markersize=4.5)
        axes.axhline(q / side**2, color=color, linewidth=0.9, linestyle=":")
        near = 10 * side**2
        if out_channels[0] <= near <= out_channels[-1]:
            y = q * (1 / near + 1 / side**2)
            axes.plot([near, near], [y / 1.13, y * 1.13], color=INK, linewidth=1.6)
            axes.text(near, y * 1.2, f"N = {near}", size=SMALL, ha="center", va="bottom")
        axes.text(out_channels[-1] * 1.25, counted[-1] * 1.05, label, size=SMALL, ha="left", va="bottom")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=10)
    axes.set_xlim(out_channels[0] / 1.25, out_channels[-1] * 3.2)
    axes.set_xticks(out_channels, [str(n) for n in out_channels])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("N, output channels")
