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
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from ..kernels import arguments
from ..kernels.geometry import Array
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, MARGIN, MARKERS, ROLES, SMALL, SMALLEST, TEXT, TITLE, WIDTH, shade
from .parts.embedding import Counts, EmbeddingPanel, count_kept, expected_share, median_panel, quantile
from .parts.lines import Kind, arrange, label_ends, legends_above, noted

FUNCTION = "relu_information_loss"
MOST_PANELS, MOST_DIMENSIONS, MOST_POINTS, MOST_DRAWS = 6, 128, 2000, 10_000
MOST_POINTS_IN_SVG = 400
LARGEST_PANEL = 2.1  # inches
REACH = 2.0  # panels show what lies no further out than this many times the input's largest distance
MARGIN_OF_PANEL = 1.08
LIGHTEST = 0.86  # of viridis, on white
SCALES = (0.3, 0.5, 0.7, *(ten * part for ten in (1, 10, 100) for part in (1, 1.5, 2, 3, 5, 7)), 1000)

PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 1}
DOT: Kind = {"linestyle": "none", "marker": "o", "markersize": 3}
LOST: Kind = {**DOT, "color": "#777777", "markerfacecolor": "none"}
HALF: Kind = {"color": "#999999", "linewidth": 0.7}
HALF_POINTS: Kind = {"color": "#999999", "linestyle": "none", "marker": ".", "markersize": 2}
SHARES: dict[str, tuple[Kind, str]] = {
    "expected": ({"color": INK, "linewidth": 1}, "expected: 1 − (n + 1)/2ⁿ"),
    "mean": ({"color": INK, "linestyle": "none", "marker": ".", "markersize": 4}, "mean; large: the n above"),
    "median": ({"color": ROLES["shortcut"], "linestyle": "--", "linewidth": 1.2}, "median"),
    "spread": ({"color": shade(ROLES["input"], 0.4), "linewidth": 6, "solid_capstyle": "butt"}, "10 to 90 % of them"),
}
RELU6: Kind = {"marker": "o", "markersize": 4, "linewidth": 1.2}
RELU: Kind = {"linestyle": ":", "linewidth": 1.2}


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


def _data(
    unit: Array, largest: float, panels: list[EmbeddingPanel], counts: Counts, scales: Sequence[float]
) -> dict[str, Any]:
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


def _outside(points: Array, reach: float) -> int:
    return int((np.abs(points).max(axis=1) > reach).sum())


# How it is drawn


def _draw(
    unit: Array, panels: list[EmbeddingPanel], data: dict[str, Any], *, is_curve: bool
) -> matplotlib.figure.Figure:
    """All of it, from above: panels by the pseudo-inverse, panels by the live coordinates, the two plots of shares."""
    columns = len(panels) + 1
    side = min((WIDTH - 2 * MARGIN) / columns - 0.1, LARGEST_PANEL)
    heights = (side + 0.88, side + 0.95, 3.4)
    figure = noted("", sum(heights))
    rows: Any = figure.subfigures(3, 1, height_ratios=heights)
    above, between, below = rows
    median = f"Each T: the median of {data['draws']} draws." if data["draws"] > 1 else "Each T: one draw."
    from_2 = "" if panels[0].n > 1 else ", from n = 2 on"
    _head(
        above,
        "(a) T into n dimensions, ReLU, and back by the pseudo-inverse T⁺",
        (
            f"Grey {'line' if is_curve else 'dots'}: x/2, which comes back on average over many T{from_2}; for one T "
            f"shrinkage mixes with loss. {median}"
        ),
    )
    _head(
        between,
        "(b) the same outputs, decoded from their live coordinates alone",
        (
            "Two live coordinates (above 0) give a point back exactly. Lost points are drawn where they were. "
            f"Expected, on average over T: {len(unit)}·(1 − (n + 1)/2ⁿ) points."
        ),
    )
    colors = colormaps["viridis"](np.linspace(0, LIGHTEST, len(unit)))
    half = HALF if is_curve else HALF_POINTS
    first, *upper = above.subplots(1, columns)
    key, *lower = between.subplots(1, columns)
    _draw_key(key, colors)
    _scatter(first, "Input", unit, np.full(len(unit), True), colors, data["reach"])
    for panel, forth, back in zip(panels, upper, lower, strict=True):
        if panel.n > 1:
            forth.plot(*(unit.T / 2), zorder=1, gid="half", **half)
        _scatter(forth, f"Output/dim = {panel.n}", panel.decoded, panel.kept, colors, data["reach"])
        recovered = np.where(panel.kept[:, np.newaxis], panel.recovered, unit)
        _scatter(back, "", recovered, panel.kept, colors, data["reach"])
        expected = float(len(unit) * expected_share(panel.n))
        text = f"{panel.kept.sum()} of {len(unit)} kept\nexpected {expected:.4g}"
        back.set_xlabel(text, size=SMALL if columns <= MOST_PANELS else SMALLEST)
    _draw_shares(below.subplots(1, 2), data)
    arrange(FUNCTION, figure, "dimensions must be fewer")
    return figure


def _head(row: matplotlib.figure.SubFigure, title: str, text: str) -> None:
    """Write a row's title above it, and below it what it shows."""
    at: dict[str, Any] = {"x": MARGIN / WIDTH, "ha": "left"}
    row.suptitle(title, size=TITLE, weight="bold", **at)
    row.supxlabel(text, size=SMALL, **at)


def _scatter(axes: Axes, title: str, points: Array, kept: Array, colors: Array, reach: float) -> None:
    """Points in a square panel: the kept ones filled, the lost ones hollow; those beyond its reach are counted."""
    axes.set_title(title, size=TEXT, weight="normal", pad=3)
    hollow: dict[str, Any] = {"facecolors": "none", "edgecolors": LOST["color"], "linewidths": 0.6}
    axes.scatter(points[~kept, 0], points[~kept, 1], s=6, **hollow, gid="lost", zorder=2)
    axes.scatter(points[kept, 0], points[kept, 1], s=6, c=colors[kept], linewidths=0, gid="kept", zorder=3)
    if outside := _outside(points, reach):
        axes.text(0, -0.96 * reach, f"{outside} outside", size=SMALLEST, ha="center", va="bottom", zorder=4, bbox=PLAIN)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], box_aspect=1)
    for spine in axes.spines.values():
        spine.set(visible=True, color=ROLES["padding"], linewidth=0.6)


def _draw_key(axes: Axes, colors: Array) -> None:
    """Draw the key of the marks in the panels, in the place of a panel."""
    axes.set_axis_off()
    axes.set_box_aspect(1)
    some = colors[np.linspace(0, len(colors) - 1, 4).astype(np.int64)]
    entries: dict[str, Any] = {
        "kept: two or more\nlive coordinates": tuple(Line2D([], [], **{**DOT, "color": color}) for color in some),
        "lost: fewer": Line2D([], [], **LOST),
    }
    axes.legend(
        list(entries.values()),
        list(entries),
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
        loc="center",
        frameon=False,
        borderpad=0,
        handletextpad=0.5,
        fontsize=SMALLEST,
    ).set_in_layout(False)


def _draw_shares(plots: Sequence[Axes], data: dict[str, Any]) -> None:
    """The share kept over n, and over the scale of the input."""
    by_n, by_scale = plots
    for axes in plots:
        axes.set(xscale="log", ylim=(-0.03, 1.06), ylabel="share of points")
        axes.xaxis.set_minor_locator(NullLocator())
    colors = [colormaps["viridis"](share) for share in np.linspace(0, 0.8, len(data["panels"]))]
    _draw_by_n(by_n, data, colors)
    _draw_by_scale(by_scale, data, colors)
    relu6 = [
        ({**RELU6, "color": INK}, "ReLU6, live from 0 to 6"),
        ({**RELU, "color": INK}, "ReLU, the same at every scale"),
    ]
    titles = f"(c) share kept by ReLU, {_matrices_text(data['draws'])}", "(d) ReLU6 loses from above as well"
    legends = (list(SHARES.values()), relu6)
    legends_above(plots, list(zip(titles, legends, strict=True)), columns=2)


def _draw_by_n(axes: Axes, data: dict[str, Any], colors: Sequence[Any]) -> None:
    """The share kept by ReLU over n: mean, median and spread over the draws, and the theorem's line."""
    by_n, points = data["by n"], len(data["points"])
    n, most = by_n["n"], max(by_n["n"][-1], 2)
    tenth, median, nine_tenths = (np.array(by_n[name]) / points for name in ("tenth", "median", "nine tenths"))
    mean = np.array(by_n["kept in all draws"]) / (points * data["draws"])
    expected = [float(Fraction(text)) for text in by_n["expected share"]]
    axes.fill_between(n, tenth, nine_tenths, linewidth=0, color=SHARES["spread"][0]["color"], gid="spread")
    for name, values in {"median": median, "expected": expected, "mean": mean}.items():
        axes.plot(n, values, **SHARES[name][0], gid=name)
    for panel, color, marker in zip(data["panels"], colors, MARKERS, strict=False):
        at = panel["n"]
        axes.plot(at, mean[at - 1], **{**DOT, "marker": marker, "markersize": 5, "color": color}, gid=f"mean-{at}")
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 30, 50, 100) if tick < most] + [most]
    axes.set_xticks(ticks, map(str, ticks))
    axes.set(xlim=(0.93, most * 1.08), xlabel="n, dimensions")


def _draw_by_scale(axes: Axes, data: dict[str, Any], colors: Sequence[Any]) -> None:
    """The share kept by ReLU6 over the scale of the input, beside ReLU's, which has none."""
    scales, lines = data["by scale"]["scales"], data["by scale"]["lines"]
    everything = len(data["points"]) * data["draws"]
    for line, color, marker in zip(lines, colors, MARKERS, strict=False):
        share = np.array(line["ReLU6"]) / everything
        axes.plot([scales[0], scales[-1]], [line["ReLU"] / everything] * 2, **RELU, color=color, gid="ReLU")
        axes.plot(scales, share, **{**RELU6, "marker": marker}, color=color, clip_on=False, gid="ReLU6")
    label_ends(axes, {f"{line['n']}": (line["ReLU"] / everything, f"n = {line['n']}") for line in lines})
    decades = [10.0**k for k in range(-6, 7) if scales[0] <= 10.0**k <= scales[-1]]
    ticks = decades if len(decades) > 1 else [scales[0], scales[-1]]
    axes.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    axes.set(xlim=(scales[0], scales[-1]), xlabel="scale: the input's largest distance from the origin")
