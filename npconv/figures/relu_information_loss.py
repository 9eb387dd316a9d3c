"""Into n dimensions, through ReLU, and back: what a random embedding of the plane keeps, and what it loses."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import pi
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from ..kernels import arguments
from ..kernels.geometry import Array
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, MARGIN, MARKERS, ROLES, SMALL, SMALLEST, TEXT, TITLE, WIDTH, shade, spread, text_width
from .parts.embedding import Counts, Panel, count_kept, expected_share, median_panel, quantile

FUNCTION = "relu_information_loss"
MOST_PANELS, MOST_DIMENSIONS, MOST_POINTS, MOST_DRAWS = 6, 128, 2000, 10_000
MOST_POINTS_IN_SVG = 400
GAP = 0.12  # inches between panels
LARGEST_PANEL = 2.1
PLOT_HEIGHT = 2.25
REACH = 2.0  # panels show what lies no further out than this many times the input's largest distance
MARGIN_OF_PANEL = 1.08
LOST = "#777777"
PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 1}
KEY, KEY_GAP = 0.26, 0.08  # inches
LIGHTEST = 0.86  # of viridis, on white
HALF = "#999999"
SCALES = (0.3, 0.5, 0.7, *(ten * part for ten in (1, 10, 100) for part in (1, 1.5, 2, 3, 5, 7)), 1000)
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def relu_information_loss(
    *,
    dimensions: Sequence[int] = (2, 3, 5, 15, 30),
    points: Array | None = None,
    scales: Sequence[float] = SCALES,
    draws: int = 1000,
    seed: int = 0,
) -> Figure:
    """A spiral embedded by random matrices in n dimensions, through ReLU and back; and the share of it that is kept.

    Args:
        dimensions: n of each panel, one to six of them in growing order, from 1 to 128.
        points: (P, 2), the points to embed, none of them the origin; a spiral of two turns if None.
        scales: the largest distance of a point from the origin at which ReLU6 acts, two or more in growing order.
        draws: how many Gaussian matrices; the first n rows of each are the embedding T in n dimensions.
        seed: of the matrices.

    Returns:
        Figure "relu-information-loss", an SVG up to 400 points, beyond a PNG. Its data: the `points` in units of their
        `largest distance`; for each panel the median draw, its matrix (n, 2), each point's number of `live`
        coordinates, how many points are `kept` and how many lie `outside` the panels' `reach`, all of them `decoded` by
        the pseudo-inverse and the kept ones `recovered`; `by n` the exact expected share and the counts of kept points
        over all draws, with those a tenth, half and nine tenths up their order; `by scale` ReLU6's beside ReLU's.

    Raises:
        TypeError, ValueError: arguments of another kind; n below 1 or above 128, no or more than six panels; no points,
            more than 2000, or one at the origin, whose image is 0 in any case; scales or dimensions out of order.

    Source: the premise of the article's "Inverted Residual and Linear Bottleneck Layer"; the MobileNetV2 paper's Fig. 1
    and its Appendix A, Lemma 2 and Theorem 1.

    >>> figure = relu_information_loss(dimensions=(2, 5), points=np.array([[3.0, 1.0], [-1.0, 2.0]]), draws=20)
    >>> figure.data["by n"]["expected share"]
    ['0', '1/4', '1/2', '11/16', '13/16']
    """
    dimensions, scales = _in_order(dimensions, scales)
    draws = arguments.integer(FUNCTION, "draws", draws, 1, MOST_DRAWS)
    generator = arguments.generator(FUNCTION, seed)
    unit, largest = _unit_points(points)
    matrices = generator.standard_normal((draws, max(dimensions), 2))
    counts = count_kept(unit, matrices, dimensions, scales)
    panels = [median_panel(unit, matrices, counts.relu, n) for n in dimensions]
    data = _data(unit, largest, panels, counts, scales)
    with style():
        figure = _draw(unit, panels, data, is_curve=points is None)
    return Figure(
        name="relu-information-loss",
        figure=figure,
        data=data,
        alt=_alt(data),
        caption=_caption(data, is_spiral=points is None),
        format="svg" if len(unit) <= MOST_POINTS_IN_SVG else "png",
    )


def _in_order(dimensions: Sequence[int], scales: Sequence[float]) -> tuple[tuple[int, ...], list[float]]:
    """Python's numbers of both; raise where they are too many, or not in growing order."""
    numbers = arguments.integers(FUNCTION, "dimensions", dimensions, 1, MOST_DIMENSIONS)
    if not 1 <= len(numbers) <= MOST_PANELS:
        raise ValueError(f"{FUNCTION}: dimensions must be 1 to {MOST_PANELS} panels; got {len(numbers)}")
    if not isinstance(scales, tuple | list):
        raise TypeError(f"{FUNCTION}: scales must be real numbers; got {arguments.shown(scales)}")
    reals = [arguments.real(FUNCTION, "scales", scale, least=1e-6, most=1e6) for scale in scales]
    if len(reals) < 2:
        raise ValueError(f"{FUNCTION}: scales must be two or more; got {reals}")
    for name, row in (("dimensions", numbers), ("scales", reals)):
        if any(low >= high for low, high in pairwise(row)):
            raise ValueError(f"{FUNCTION}: {name} must be in growing order; got {row}")
    return numbers, reals


def _unit_points(points: Array | None) -> tuple[Array, float]:
    """The points in units of their largest distance from the origin, and that distance."""
    if points is None:
        turn = (np.arange(120.0) + 0.5) / 120
        angle, radius = 4 * pi * turn, 0.2 + 0.8 * turn
        points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    if not isinstance(points, np.ndarray):
        raise TypeError(f"{FUNCTION}: points must be a numpy.ndarray; got {type(points).__name__}")
    if points.dtype.kind not in "iuf":
        raise TypeError(f"{FUNCTION}: points must hold real numbers; got dtype {points.dtype}, points {points.shape}")
    if points.ndim != 2 or points.shape[1] != 2 or not 1 <= len(points) <= MOST_POINTS:
        raise ValueError(f"{FUNCTION}: points must be (P, 2), P from 1 to {MOST_POINTS}; got points {points.shape}")
    points = points.astype(np.float64)
    largest = float(np.abs(points).max())
    if not largest < 1e100:
        raise ValueError(f"{FUNCTION}: points must be finite, and no further than 1e100; got points {points.shape}")
    distance = np.hypot(*(points / max(largest, 1e-100)).T)
    if not distance.min() > 1e-100:
        raise ValueError(
            f"{FUNCTION}: points must not be the origin, which is 0 in any number of dimensions; "
            f"row {distance.argmin()} is, points {points.shape}"
        )
    largest *= float(distance.max())
    return points / largest, largest


def _data(unit: Array, largest: float, panels: list[Panel], counts: Counts, scales: Sequence[float]) -> dict[str, Any]:
    draws, most = counts.relu.shape
    furthest = max(float(np.abs(panel.decoded).max()) for panel in panels)
    reach = MARGIN_OF_PANEL * min(max(1.0, furthest), REACH)
    by_n = range(most)
    return {
        "points": _rounded(unit),
        "largest distance": largest,
        "draws": draws,
        "reach": reach,
        "panels": [
            {
                "n": panel.n,
                "draw": panel.draw,
                "matrix": panel.matrix.tolist(),
                "live": panel.live.tolist(),
                "kept": int(panel.kept.sum()),
                "outside": _outside(panel.decoded, reach),
                "decoded": _rounded(panel.decoded),
                "recovered": _rounded(panel.recovered[panel.kept]),
            }
            for panel in panels
        ],
        "by n": {
            "n": [n + 1 for n in by_n],
            "expected share": [str(expected_share(n + 1)) for n in by_n],
            "kept in all draws": counts.relu.sum(axis=0).tolist(),
            "tenth": [quantile(counts.relu[:, n], 1, 10) for n in by_n],
            "median": [quantile(counts.relu[:, n], 1, 2) for n in by_n],
            "nine tenths": [quantile(counts.relu[:, n], 9, 10) for n in by_n],
        },
        "by scale": {
            "scales": [float(scale) for scale in scales],
            "lines": [
                {"n": panel.n, "ReLU": int(counts.relu[:, panel.n - 1].sum()), "ReLU6": capped.tolist()}
                for panel, capped in zip(panels, counts.relu6, strict=True)
            ],
        },
    }


def _matrices_text(draws: int) -> str:
    return f"{draws} random {'matrix' if draws == 1 else 'matrices'}"


def _kept_text(data: dict[str, Any]) -> str:
    return ", ".join(f"{panel['kept']} at n = {panel['n']}" for panel in data["panels"])


def _alt(data: dict[str, Any]) -> str:
    count, panels, lines = len(data["points"]), data["panels"], data["by scale"]["lines"]
    everything, scales = count * data["draws"], data["by scale"]["scales"]
    dimensions = ", ".join(str(panel["n"]) for panel in panels)
    means = ", ".join(f"{line['ReLU'] / everything:.2f} at n = {line['n']}" for line in lines)
    falls = ", ".join(
        f"from {line['ReLU6'][0] / everything:.2f} to {line['ReLU6'][-1] / everything:.2f} at n = {line['n']}"
        for line in lines
    )
    return (
        f"A row of panels: {count} points of the plane, coloured in their order, then what comes back of them from "
        f"{dimensions} dimensions through ReLU and the pseudo-inverse, over the points at half their distance in grey: "
        "in few dimensions folded into wedges and rays, in many a shrunken, bent image. A second row: decoded from the "
        f"live coordinates alone, so many of the {count} points come back as they were: {_kept_text(data)}; "
        "the lost ones are hollow. "
        "Below at the left the share kept rises over n along 1 − (n + 1)/2ⁿ: on average over "
        f"{_matrices_text(data['draws'])} {means}. At the right the share kept after ReLU6 falls, beside ReLU's, which "
        f"stays, as the input's scale grows from {scales[0]:g} to {scales[-1]:g}: {falls}."
    )


def _caption(data: dict[str, Any], is_spiral: bool) -> str:
    count, draws = len(data["points"]), data["draws"]
    outside = sum(panel["outside"] for panel in data["panels"])
    halves = (
        " At n = 3 it is half for every T, which keeps one of any two opposite directions, and the spiral has both."
    )
    return four_part_caption(
        claim=(
            "ReLU on a random embedding of the plane loses points for good where the dimensions are few, and next to "
            f"none where they are many: the median matrix keeps, of {count} points, {_kept_text(data)}."
        ),
        computed=(
            f"The points went through npconv.pointwise_conv2d with {_matrices_text(draws)} T, of Gaussian entries, the "
            "first n rows for n dimensions, and npconv.relu; the panels show the first draw that keeps the median "
            "number of points. Upper panels: the pseudo-inverse, for the paper's T⁻¹, gives "
            "T⁺relu(Tx) = x/2 + T⁺|Tx|/2 (n ≥ 2); the last part is 0 on average over T, not for one T, so the picture "
            "mixes shrinkage with loss. Lower panels: least squares on the live coordinates, those above 0, gives back "
            "every point that has two, as their rows are independent (Lemma 2 of the paper). The share that has two is "
            "on average 1 − (n + 1)/2ⁿ, since of the 2ⁿ equally likely sign patterns n + 1 leave fewer than two "
            "live. This is N/2ⁿ in the paper's Theorem 1; the paper's text prints it as the share collapsed, but by "
            "the theorem it is the share kept."
            f"{halves if is_spiral and len(data['by n']['n']) > 2 else ''} After npconv.relu6 a coordinate is live "
            "between 0 and 6."
        ),
        scale=(
            "All panels have one scale; colour runs from the first point, dark, to the last; n and the scale of the "
            "input have logarithmic axes."
        ),
        not_shown=(
            "Not shown: "
            + (f"what the {draws - 1} other matrices give back; " if draws > 1 else "")
            + (f"the {outside} decoded points that lie beyond the upper panels; " if outside else "")
            + "trained matrices, whose rows need not point as often one way as the other."
        ),
    )


def _rounded(coordinates: Array) -> list[list[float]]:
    rounded: list[list[float]] = (np.round(coordinates, 6) + 0.0).tolist()
    return rounded


class _Sheet:
    """The figure, and axes over all of it whose unit is the inch, y downwards, for what stands between the plots."""

    def __init__(self, height: float) -> None:
        self.height = height
        self.figure = matplotlib.figure.Figure(figsize=(WIDTH, height))
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, WIDTH)
        self.axes.set_ylim(height, 0)

    def plot(self, x: float, y: float, width: float, height: float) -> Axes:
        """New axes, their upper left corner at (x, y)."""
        bottom = 1 - (y + height) / self.height
        axes: Axes = self.figure.add_axes((x / WIDTH, bottom, width / WIDTH, height / self.height))
        return axes

    def title(self, x: float, y: float, text: str) -> None:
        """Write a title whose baseline is at y."""
        self.axes.text(x, y, text, size=TITLE, weight="bold", va="baseline", parse_math=False)

    def text(self, x: float, y: float, text: str, *, size: float = SMALL, across: str = "left") -> None:
        """Write a text whose baseline is at y."""
        self.axes.text(x, y, text, size=size, ha=across, va="baseline", parse_math=False)

    def key(self, x: float, y: float, text: str, size: float = SMALL, **sample: Any) -> float:
        """A short line in the style of `sample`, and behind it what it stands for; where that ends."""
        self.axes.plot([x, x + KEY], [y - 0.04, y - 0.04], **sample)
        self.text(x + KEY + KEY_GAP, y, text, size=size)
        return x + KEY + KEY_GAP + text_width(text, size)


def _draw(unit: Array, panels: list[Panel], data: dict[str, Any], *, is_curve: bool) -> matplotlib.figure.Figure:
    """All of it, from above: panels by the pseudo-inverse, panels by the live coordinates, the two plots of shares."""
    columns = len(panels) + 1
    side = min((WIDTH - 2 * MARGIN - GAP * (columns - 1)) / columns, LARGEST_PANEL)
    start = (WIDTH - columns * side - (columns - 1) * GAP) / 2
    upper = MARGIN + 0.58
    lower = upper + side + 0.62
    plots = lower + side + 1.1
    sheet = _Sheet(plots + PLOT_HEIGHT + 0.5)
    sheet.title(MARGIN, MARGIN + 0.13, "there and back: T into n dimensions, ReLU, and the pseudo-inverse T⁺")
    median = f"each T: the median of {data['draws']} draws" if data["draws"] > 1 else "each T: one draw"
    sheet.text(WIDTH - MARGIN, MARGIN + 0.13, median, across="right")
    sheet.text(
        MARGIN,
        MARGIN + 0.31,
        f"T⁺relu(Tx) = x/2 + T⁺|Tx|/2{'' if panels[0].n > 1 else ' from n = 2 on'}: the last part cancels only on "
        "average over T, so the picture mixes shrinkage with loss.",
    )
    sheet.title(MARGIN, lower - 0.27, "the same outputs, decoded from their live coordinates alone")
    sheet.text(
        MARGIN,
        lower - 0.09,
        "Two live coordinates (above 0) are two equations for a point's two unknowns: it comes back exactly. "
        "Lost points are drawn where they were.",
    )
    columns_x = [start + (side + GAP) * i for i in range(columns)]
    reach = data["reach"]
    colors = colormaps["viridis"](np.linspace(0, LIGHTEST, len(unit)))
    half: dict[str, Any] = {
        "color": HALF,
        **({"linewidth": 0.7} if is_curve else {"linestyle": "none", "marker": ".", "markersize": 2}),
    }
    _scatter(sheet.plot(columns_x[0], upper, side, side), "Input", unit, np.full(len(unit), True), colors, reach)
    for x, panel in zip(columns_x[1:], panels, strict=True):
        axes = sheet.plot(x, upper, side, side)
        if panel.n > 1:
            axes.plot(*(unit.T / 2), zorder=1, gid="half", **half)
        _scatter(axes, f"Output/dim = {panel.n}", panel.decoded, panel.kept, colors, reach)
        back = np.where(panel.kept[:, np.newaxis], panel.recovered, unit)
        _scatter(sheet.plot(x, lower, side, side), "", back, panel.kept, colors, reach)
    lines = [(f"{panel.kept.sum()} of {len(unit)} kept", _theorem_text(panel.n)) for panel in panels]
    size = _size([text for pair in lines for text in pair], side)
    for x, pair in zip(columns_x[1:], lines, strict=True):
        for number, text in enumerate(pair):
            sheet.text(x + side / 2, lower + side + 0.16 + 0.15 * number, text, size=size, across="center")
    _draw_key(sheet, columns_x[0], lower, side, colors, half)
    width = (WIDTH - 2 * MARGIN) / 2
    _draw_by_n(sheet, MARGIN, plots, width - 0.2, data)
    _draw_by_scale(sheet, MARGIN + width + 0.1, plots, width - 0.1, data)
    return sheet.figure


def _outside(points: Array, reach: float) -> int:
    return int((np.abs(points).max(axis=1) > reach).sum())


def _theorem_text(n: int) -> str:
    return f"expected 1 − {n + 1}/2{str(n).translate(SUPERSCRIPTS)}"


def _size(texts: Sequence[str], width: float) -> float:
    """The largest size from 8 points down to 7 at which the texts are no wider than that."""
    widest = max(text_width(text, SMALL) for text in texts)
    return max(SMALLEST, min(SMALL, int(2 * SMALL * width / widest) / 2))


def _scatter(axes: Axes, title: str, points: Array, kept: Array, colors: Array, reach: float) -> None:
    """Points in a square panel: the kept ones filled, the lost ones hollow; those beyond its reach are counted."""
    axes.set_title(title, size=TEXT, weight="normal", pad=3)
    axes.scatter(
        points[~kept, 0],
        points[~kept, 1],
        s=6,
        facecolors="none",
        edgecolors=LOST,
        linewidths=0.6,
        gid="lost",
        zorder=2,
    )
    axes.scatter(points[kept, 0], points[kept, 1], s=6, c=colors[kept], linewidths=0, gid="kept", zorder=3)
    if outside := _outside(points, reach):
        axes.text(0, -0.96 * reach, f"{outside} outside", size=SMALLEST, ha="center", va="bottom", zorder=4, bbox=PLAIN)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=ROLES["padding"], linewidth=0.6)


def _draw_key(sheet: _Sheet, x: float, top: float, side: float, colors: Array, half: dict[str, Any]) -> None:
    """What the marks in the panels stand for, in the place of a panel."""
    texts = (
        "kept: two or more",
        "live coordinates,",
        "dark to light",
        "in their order",
        "lost: fewer",
        "x/2",
    )
    size = _size(texts, side - KEY - KEY_GAP)
    step, y = 0.15, top + (side - 6 * 0.15 - 0.2) / 2 + 0.1
    for i, color in enumerate(colors[np.linspace(0, len(colors) - 1, 4).astype(np.int64)]):
        sheet.axes.plot(
            x + 0.025 + (KEY - 0.05) * i / 3, y - 0.04, color=color, marker="o", markersize=3, linestyle="none"
        )
    for number, text in enumerate(texts[:4]):
        sheet.text(x + KEY + KEY_GAP, y + step * number, text, size=size)
    y += 4 * step + 0.1
    sheet.axes.plot(
        x + KEY / 2, y - 0.04, color=LOST, marker="o", markersize=3, markerfacecolor="none", linestyle="none"
    )
    sheet.text(x + KEY + KEY_GAP, y, texts[4], size=size)
    sheet.key(x, y + step + 0.1, texts[5], size, **half)


def _line_color(index: int, lines: int) -> Any:
    return colormaps["viridis"](0.8 * index / max(lines - 1, 1))


def _draw_by_n(sheet: _Sheet, x: float, top: float, width: float, data: dict[str, Any]) -> None:
    """The share kept by ReLU over n: mean, median and spread over the draws, and the theorem's line."""
    by_n, all_points = data["by n"], len(data["points"])
    n, shares = by_n["n"], {name: np.array(by_n[name]) / all_points for name in ("tenth", "median", "nine tenths")}
    mean = np.array(by_n["kept in all draws"]) / (all_points * data["draws"])
    sheet.title(x, top - 0.35, f"share kept by ReLU, over {_matrices_text(data['draws'])}")
    axes = sheet.plot(x + 0.42, top, width - 0.42, PLOT_HEIGHT)
    band: dict[str, Any] = {"color": shade(ROLES["input"], 0.4)}
    dashed: dict[str, Any] = {"color": ROLES["shortcut"], "linestyle": "--", "linewidth": 1.2}
    axes.fill_between(n, shares["tenth"], shares["nine tenths"], linewidth=0, gid="spread", **band)
    axes.plot(n, shares["median"], gid="median", **dashed)
    axes.plot(n, [float(Fraction(text)) for text in by_n["expected share"]], color=INK, linewidth=1, gid="expected")
    axes.plot(n, mean, color=INK, marker=".", markersize=4, linestyle="none", gid="mean")
    lines = data["panels"]
    for i, panel in enumerate(lines):
        axes.plot(
            panel["n"],
            mean[panel["n"] - 1],
            color=_line_color(i, len(lines)),
            marker=MARKERS[i],
            markersize=5,
            linestyle="none",
            gid=f"mean-{panel['n']}",
        )
    end = sheet.key(x + 0.42, top - 0.14, "1 − (n + 1)/2ⁿ", color=INK, linewidth=1)
    sheet.axes.plot(end + 0.2, top - 0.18, color=INK, marker=".", markersize=4, linestyle="none")
    sheet.text(end + 0.27, top - 0.14, "mean")
    end = sheet.key(end + 0.27 + text_width("mean", SMALL) + 0.14, top - 0.14, "median", **dashed)
    sheet.key(end + 0.14, top - 0.14, "10 to 90 % of them", linewidth=6, solid_capstyle="butt", **band)
    axes.set_xscale("log")
    axes.set_xlim(0.93, max(n[-1], 2) * 1.08)
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 30, 50, 100) if tick <= max(n[-1], 2)]
    if n[-1] ** 0.9 > ticks[-1]:  # then there is room for another one
        ticks.append(n[-1])
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("n, dimensions")
    axes.set_ylim(-0.03, 1.06)
    axes.set_ylabel("share of points")


def _draw_by_scale(sheet: _Sheet, x: float, top: float, width: float, data: dict[str, Any]) -> None:
    """The share kept by ReLU6 over the scale of the input, beside ReLU's, which has none."""
    scales, lines = data["by scale"]["scales"], data["by scale"]["lines"]
    everything = len(data["points"]) * data["draws"]
    sheet.title(x, top - 0.35, "ReLU6 loses from above as well")
    axes = sheet.plot(x + 0.42, top, width - 0.42, PLOT_HEIGHT)
    labels, end = 0.72, 0.08  # inches before the first scale, for the lines' names, and behind the last
    inner = width - 0.42
    inch = (scales[-1] / scales[0]) ** (1 / (inner - labels - end))
    axes.set_xscale("log")
    axes.set_xlim(scales[0] / inch**labels, scales[-1] * inch**end)
    axes.set_ylim(-0.03, 1.06)
    heights = spread([line["ReLU6"][0] / everything for line in lines], 0.075, (0.0, 1.03))
    for i, (line, height) in enumerate(zip(lines, heights, strict=True)):
        color, name = _line_color(i, len(lines)), f"n = {line['n']}"
        share = np.array(line["ReLU6"]) / everything
        relu_share = line["ReLU"] / everything
        axes.plot([scales[0], scales[-1]], [relu_share] * 2, color=color, linestyle=":", linewidth=1.2, gid="ReLU")
        axes.plot(scales, share, color=color, marker=MARKERS[i], markersize=4, linewidth=1.2, gid="ReLU6")
        left = scales[0] / inch ** (labels - 0.06)
        axes.plot(
            [left * inch ** (text_width(name, SMALL) + 0.04), scales[0]], [height, share[0]], color=color, linewidth=0.6
        )
        axes.text(left, height, name, size=SMALL, ha="left", va="center")
    behind = sheet.key(
        x + 0.42, top - 0.14, "ReLU6, live from 0 to 6", color=INK, linewidth=1.2, marker="o", markersize=4
    )
    sheet.key(behind + 0.14, top - 0.14, "ReLU, the same at every scale", color=INK, linewidth=1.2, linestyle=":")
    decades = [10.0**k for k in range(-6, 7) if scales[0] <= 10.0**k <= scales[-1]]
    ticks = decades[:: len(decades) // 8 + 1] if len(decades) > 1 else [scales[0], scales[-1]]
    axes.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylabel("share of points")
    axes.set_xlabel("scale: the input's largest distance from the origin")
