"""Line plots that matplotlib lays out: a note above, legends above the axes, labels at the ends of lines and at points.

A figure is begun with `noted`, drawn into, and finished with `arrange`, which lets constrained layout measure all that
is there, fixes it, and moves labels apart. `side_by_side` does this for equal panels.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text
from matplotlib.ticker import NullLocator
from matplotlib.transforms import Bbox

from ...kernels.geometry import Array
from .drawing import INK, LINE_COLORS, LINE_STYLES, MARGIN, MARKERS, SMALL, SMALLEST, WIDTH, spread, text_width

MOST_TICKS = 7
NARROWEST = 0.8  # inches of an axes
NOTE_LINE, LEGEND_LINE = 0.155, 0.167  # inches from one line of a note, and of a legend, to the next
LEADER = 10  # points from the end of a line to its label
SIDES = ((1, 1), (-1, -1), (1, 0), (0, 1), (-1, 0), (0, -1), (-1, 1), (1, -1))  # of a point, those tried first first

Kind = Mapping[str, Any]  # how a line is drawn, as matplotlib names it
Entries = Sequence[tuple[Kind, str]]  # of a legend
LOOKS: list[dict[str, Any]] = [
    {"color": color, "linestyle": line, "marker": marker, "markersize": 4.5}
    for color, line, marker in zip(LINE_COLORS, LINE_STYLES, MARKERS, strict=False)
]
SEEDS: tuple[Kind, str] = ({"color": INK, "linewidth": 0.5}, "each seed; thick: their median")
BASE: Kind = {"color": INK, "linewidth": 0.8}  # of comparisons: chance, no gain


class PlotPanel(NamedTuple):
    """One of the plots side by side: its title, its legend, and what draws into its axes."""

    title: str
    legend: Entries
    draw: Callable[[Axes], None]


def side_by_side(
    function: str, note: str, panels: Sequence[PlotPanel], too_wide: str, *, height: float = 3.0
) -> matplotlib.figure.Figure:
    """A figure of equal panels: above them a note, which a reader must know first, and each one's title and legend.

    Raises ValueError, with `too_wide` as its words, where a legend is wider than its panel.
    """
    figure = noted(note, height + LEGEND_LINE * max(len(panel.legend) for panel in panels))
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        panel.draw(axes)
    legends_above(figure.axes, [(panel.title, panel.legend) for panel in panels])
    arrange(function, figure, too_wide)
    return figure


def noted(note: str, height: float) -> matplotlib.figure.Figure:
    """A figure that constrained layout will arrange: a note at the upper edge, and below it so many inches."""
    notes = wrapped(note, 0.97 * (WIDTH - 2 * MARGIN)) if note else []  # on a screen letters may be that much wider
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08, wspace=0.04, hspace=0.02)
    figure = matplotlib.figure.Figure(figsize=(WIDTH, height + NOTE_LINE * len(notes)), layout=layout)
    FigureCanvasAgg(figure)  # whose renderer measures; without it each measure would make one of its own
    if notes:
        figure.suptitle("\n".join(notes), x=MARGIN / WIDTH, ha="left", size=SMALL, weight="normal", parse_math=False)
    return figure


def legends_above(plots: Sequence[Axes], legends: Sequence[tuple[str, Entries]], columns: int = 1) -> None:
    """Write above each of some axes its title and its legend; titles beside one another are equally high."""
    rows = max(math.ceil(len(entries) / columns) for _, entries in legends)
    for axes, (title, entries) in zip(plots, legends, strict=True):
        filled = [*entries, *[({"linestyle": "none"}, "")] * (rows * columns - len(entries))]
        legend = axes.legend(
            [Line2D([], [], **kind) for kind, _ in filled],
            [text for _, text in filled],
            loc="lower left",
            bbox_to_anchor=(0, 1),
            borderaxespad=0.3,
            borderpad=0,
            frameon=False,
            handlelength=3,
            ncols=columns,
        )
        legend.set_in_layout(False)  # it may be somewhat wider than its axes
        for text in legend.get_texts():
            text.set_parse_math(False)
        height = legend.get_window_extent().height * 72 / axes.figure.dpi
        axes.set_title(title, loc="left", pad=height + 7, parse_math=False)


def draw_runs(
    axes: Axes,
    name: str,
    xs: Any,
    runs: Sequence[Sequence[float]],
    kind: Kind,
    *,
    middle: Callable[..., Array] = np.median,
    **thick: Any,
) -> None:
    """Draw a thin line for each run, and a thick one for their median, or mean, at each x."""
    for run in runs if len(runs) > 1 else ():
        axes.plot(xs, run, color=kind["color"], linewidth=0.5, alpha=0.5, clip_on=False, gid=f"thin-{name}")
    axes.plot(xs, middle(runs, axis=0), **kind, **thick, clip_on=False, zorder=3, gid=f"line-{name}")


def label_ends(axes: Axes, labels: Mapping[str, tuple[float, str]]) -> None:
    """Write at the right of the axes what ends there, (height, text) by name; `arrange` then moves them apart."""
    leader = {"arrowstyle": "-", "linewidth": 0.5, "color": INK, "shrinkA": 1, "shrinkB": 1, "relpos": (0, 0.5)}
    for name, (height, text) in labels.items():
        axes.annotate(
            text,
            (1, height),
            xycoords=axes.get_yaxis_transform(),
            xytext=(LEADER, 0),
            textcoords="offset points",
            size=SMALL,
            va="center",
            linespacing=1.1,
            arrowprops=leader,
            annotation_clip=False,
            gid=f"end-{name}",
        )


def arrange(function: str, figure: matplotlib.figure.Figure, too_wide: str) -> None:
    """Give everything the place that constrained layout measures, for good; raise ValueError where there is no room."""
    layout = figure.get_layout_engine()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of axes without any room, which are an error below
        layout.execute(figure)  # type: ignore[union-attr]
    figure.set_layout_engine(None)
    for axes in figure.axes:
        legend = axes.get_legend()
        end = axes.bbox.x1 if legend is None else legend.get_window_extent().x1
        room = min((each.bbox.x0 for each in figure.axes if each.bbox.x0 > axes.bbox.x1), default=figure.bbox.x1)
        if axes.bbox.width < NARROWEST * figure.dpi or end > room:
            raise ValueError(f"{function}: {too_wide}")
        _thin_ticks(axes)
        _move_apart(axes, [text for text in axes.texts if isinstance(text, Annotation) and _is_end(text)])


def _is_end(text: Annotation) -> bool:
    return (text.get_gid() or "").startswith("end-")


def _thin_ticks(axes: Axes) -> None:
    """Hide the labels of the horizontal axis that would touch the next one to the right."""
    edge = math.inf
    low, high = axes.get_xlim()
    for tick in sorted(axes.xaxis.get_major_ticks(), key=lambda tick: -tick.get_loc()):
        box = tick.label1.get_window_extent()
        if low <= tick.get_loc() <= high and tick.label1.get_visible() and tick.label1.get_text():
            tick.label1.set_visible(box.x1 + 3 <= edge)
            edge = box.x0 if box.x1 + 3 <= edge else edge


def _move_apart(axes: Axes, labels: Sequence[Annotation]) -> None:
    """Move labels up or down, as little as need be, until none touches another, within the height of the axes."""
    boxes = [_box(label) for label in labels]
    gap = max((box.height for box in boxes), default=0.0) + 5
    middles = [(box.y0 + box.y1) / 2 for box in boxes]
    bounds = (axes.bbox.y0 + gap / 2, axes.bbox.y1 - gap / 2)
    for label, middle, place in zip(labels, middles, spread(middles, gap, bounds), strict=True):
        label.xyann = (LEADER, (place - middle) * 72 / axes.figure.dpi)


def label_points(axes: Axes, labels: Sequence[tuple[float, float, str, str]]) -> None:
    """Write (x, y, text, name) beside points where nothing is covered; leave out what has no free place.

    To be called after `arrange`. A label is nearer to its own point than to any other of these points.
    """
    points = axes.transData.transform([label[:2] for label in labels])
    drawn = np.concatenate([_along(line) for line in axes.lines])
    taken = [_box(text) for text in axes.texts]
    for at, (x, y, text, name) in zip(points, labels, strict=True):
        label = axes.annotate(text, (x, y), (0, 0), textcoords="offset points", size=SMALLEST, gid=name)
        for across, up in SIDES:
            label.set(ha=("center", "left", "right")[across], va=("center", "bottom", "top")[up])
            label.xyann = (4.5 * across, 4.5 * up)
            box = _box(label)
            middle = box.get_points().mean(axis=0)
            distances = np.linalg.norm(points - middle, axis=1)
            lonely = np.sum(distances < 1.3 * np.linalg.norm(at - middle)) == 1
            near = box.padded(2)
            inside = axes.bbox.containsx(near.x0) and axes.bbox.containsx(near.x1) and axes.bbox.containsy(near.y0)
            if lonely and inside and not near.count_overlaps(taken) and not near.count_contains(drawn):
                taken.append(near)
                break
        else:
            label.remove()


def _box(text: Text) -> Bbox:
    """The box of a text in pixels, without its leader."""
    text.get_window_extent()  # puts an annotation where it belongs
    return Text.get_window_extent(text)


def _along(line: Line2D) -> Array:
    """Points along a line, in pixels, close enough for no text to lie between them, and around its markers."""
    corners = line.get_transform().transform(line.get_xydata())
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], int(lengths[-1] / 3) + 2)
    path = np.stack([np.interp(at, lengths, corners[:, axis]) for axis in (0, 1)], axis=1)
    if line.get_marker() in ("", "None", None):
        return path
    around = np.array([(0.0, 1), (1, 0), (0, -1), (-1, 0)]) * line.get_markersize() / 2
    return np.concatenate([path, (corners[:, np.newaxis] + around).reshape(-1, 2)])


def wrapped(text: str, width: float) -> list[str]:
    """Lines of small type that are no wider than so many inches.

    >>> wrapped("as wide as it may be", 0.64)
    ['as wide as', 'it may be']
    """
    lines = [""]
    for word in text.split(" "):
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
