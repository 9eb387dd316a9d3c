"""Line plots: panels side by side under a note, legends above their axes, logarithmic axes with ticks written out."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from .drawing import MARGIN, SMALL, TITLE, WIDTH, text_width

LEGEND_LINE, SAMPLE = 0.175, 0.42  # inches: from one line of a legend to the next, and before its text
GAP = 0.14
MOST_TICKS = 7
NOTE_LINE = 0.155  # inches from one line of a note to the next
BOTTOM, HEIGHT, EDGE = 0.52, 2.5, 0.12  # inches below a panel, its own, and right of the last one

Kind = Mapping[str, Any]  # how a line is drawn, as matplotlib names it


class Panel(NamedTuple):
    """One of the plots side by side: its title, its legend, and what draws into axes that are so many inches wide."""

    title: str
    legend: Sequence[tuple[Kind, str]]
    draw: Callable[[Axes, float], None]


def side_by_side(
    function: str, note: str, panels: Sequence[Panel], *, left: float, apart: float
) -> matplotlib.figure.Figure:
    """A figure of equal panels: above them a note, which a reader must know first, and each one's title and legend.

    Args:
        function: whose figure it is, for errors.
        note: of as many lines as it takes.
        panels: from the left to the right.
        left: inches before the first one.
        apart: inches between two.

    Raises ValueError where a legend is wider than its panel.
    """
    across = (WIDTH - left - apart * (len(panels) - 1) - EDGE) / len(panels)
    for title, legend, _ in panels:
        if legend_width(title, [text for _, text in legend]) > across + apart / 2:
            raise ValueError(f"{function}: measured must have numbers that fit into a legend; got {legend[0][1]!r}")
    most = max(len(panel.legend) for panel in panels)
    notes = wrapped(note, 0.97 * (WIDTH - 2 * MARGIN))  # on a screen letters may be that much wider
    height = BOTTOM + HEIGHT + legend_height(most) + NOTE_LINE * len(notes) + MARGIN
    figure = matplotlib.figure.Figure(figsize=(WIDTH, height))
    for i, (title, legend, draw) in enumerate(panels):
        x = left + i * (across + apart)
        axes = figure.add_axes((x / WIDTH, BOTTOM / height, across / WIDTH, HEIGHT / height))
        draw(axes, across)
        legend_above(axes, (across, HEIGHT), title, legend, most)
    write_note(figure.add_axes((0, 0, 1, 1), zorder=-1), notes, height)
    return figure


def write_note(page: Axes, notes: Sequence[str], height: float) -> None:
    """Write lines of small type at the upper edge of a page that is so many inches high."""
    page.set_axis_off()
    page.set_xlim(0, WIDTH)
    page.set_ylim(0, height)
    for i, note in enumerate(notes):
        page.text(MARGIN, height - MARGIN - NOTE_LINE * i, note, size=SMALL, va="top", parse_math=False)


def wrapped(text: str, width: float) -> list[str]:
    """Lines of small type that are no wider than so many inches.

    >>> wrapped("as wide as it may be", 0.64)
    ['as wide as', 'it may be']
    """
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, SMALL) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def power_of_ten(exponent: int) -> str:
    """A power of ten as it is written.

    >>> power_of_ten(-31), power_of_ten(0), power_of_ten(1), power_of_ten(4)
    ('10⁻³¹', '1', '10', '10⁴')
    """
    if exponent in (0, 1):
        return "10" if exponent else "1"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def times_text(factor: float) -> str:
    """A factor above 0 in two digits, as it is written.

    >>> times_text(28.3), times_text(0.251), times_text(3.96e9), times_text(1.7e-31), times_text(9.96)
    ('28', '0.25', '4.0·10⁹', '1.7·10⁻³¹', '10')
    """
    if 0.01 <= factor < 999.5:
        return f"{factor:.0f}" if factor >= 9.95 else f"{factor:.2g}"
    digits, exponent = f"{factor:.1e}".split("e")
    return f"{digits}·{power_of_ten(int(exponent))}"


def legend_height(lines: int) -> float:
    """How much room, in inches, a title and a legend of so many lines take above the axes."""
    return GAP + LEGEND_LINE * lines + TITLE * 1.8 / 72


def legend_above(
    axes: Axes, size: tuple[float, float], title: str, entries: Sequence[tuple[Kind, str]], lines: int
) -> None:
    """Write a title above the axes of that size in inches, and below it what each line is, with a sample of it.

    There is room for so many `lines`, so that titles beside one another are equally high.
    """
    width, height = size
    for row, (kind, text) in enumerate(entries):
        y = 1 + (GAP + LEGEND_LINE * (lines - row - 0.5)) / height
        x = np.array([0, 0.5, 1]) * (SAMPLE - 0.08) / width
        axes.plot(x, [y] * 3, transform=axes.transAxes, clip_on=False, markevery=[1], **kind)
        axes.text(SAMPLE / width, y, text, size=SMALL, va="center_baseline", transform=axes.transAxes, parse_math=False)
    y = 1 + (GAP + LEGEND_LINE * lines + 0.05) / height
    axes.text(0, y, title, size=TITLE, weight="bold", va="bottom", transform=axes.transAxes, parse_math=False)


def legend_width(title: str, texts: Sequence[str]) -> float:
    """How wide, in inches, a title and a legend of those texts are."""
    return max(text_width(title, TITLE, "bold"), *(SAMPLE + text_width(text, SMALL) for text in texts))


def decades(axes: Axes, low: float, high: float) -> None:
    """A logarithmic vertical axis from the decade below `low` to the one above `high`, with ticks at powers of ten."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if (last - first) / step < MOST_TICKS)
    first, last = math.floor(first / step) * step, math.ceil(last / step) * step
    axes.set_yscale("log")
    axes.set_ylim(10.0**first, 10.0**last)
    exponents = range(first, last + 1, step)
    axes.set_yticks([10.0**exponent for exponent in exponents], [power_of_ten(exponent) for exponent in exponents])
    axes.yaxis.set_minor_locator(NullLocator())


def ticks_apart(axes: Axes, values: Sequence[int], width: float) -> None:
    """Ticks at whole numbers on the horizontal axis, `width` inches wide; those go that come too near a higher one."""
    places = axes.transScale.transform([(value, axes.get_ylim()[1]) for value in values])[:, 0]
    low, high = axes.transScale.transform([(limit, axes.get_ylim()[1]) for limit in axes.get_xlim()])[:, 0]
    kept: list[int] = []
    edge = math.inf
    for value, place in sorted(zip(values, places, strict=True), reverse=True):
        middle, half = (place - low) / (high - low) * width, text_width(str(value), SMALL) / 2
        if middle + half + 0.06 <= edge:
            kept.append(value)
            edge = middle - half
    axes.set_xticks(kept, [str(value) for value in kept])
    axes.xaxis.set_minor_locator(NullLocator())
