"""In how many dimensions features live: the spectra of feature maps, and what accuracy their first directions keep."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..text import filled
from ..training.fig07.measurements import CLASSES, ENOUGH, FEW, stored_subspaces, sufficient
from ..training.fig07.probes import dimensions
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, SMALL
from .parts.lines import BASE, LOOKS, SEEDS, Kind, PlotPanel, draw_runs, side_by_side
from .parts.training_runs import check_measured, check_names

FUNCTION = "feature_subspaces"
SHARE = 0.95
MOST_BLOCKS = len(LOOKS)
STATES = ("trained", "untrained")
KINDS = ("principal", "random")
PLACES = {"bottleneck": "output", "expanded": "after expansion", "filtered": "after depthwise"}
DOTTED: dict[str, Any] = {"color": INK, "linestyle": ":", "linewidth": 1.1}  # random directions, untrained networks

NOTE = (
    "Small networks, not ImageNet. A direction is a combination of channels; the principal ones hold the most "
    "variance. “{first} suffice”: with {first} directions at most {points:.0f} points of test accuracy are lost."
)
ALT = (
    "Three plots. Left: the share of the variance in the first d of {channels} principal directions of block {blocks} "
    "rises slowly; {share} are in {trained} directions after training and in {untrained} before. Middle: test "
    "accuracy against the directions kept in one block, logarithmic; it rises from chance to {accuracy}, and with "
    "principal directions sooner than with random ones: {suffice}. Right: directions that hold {share} of the "
    "variance in the blocks of inverted residuals: {inside}."
)
CAPTION = {
    "claim": (
        "{says} In a network of {blocks:depthwise separable block} {share} of the variance in the last one fills "
        "{trained} of {channels} directions, before training {untrained}; to lose at most {points:.0f} points of "
        "{accuracy} test accuracy, {suffice}. The last block is no evidence: the mean pool and the linear "
        "classifier of {classes} classes see {seen} directions of it at the most, in any network."
    ),
    "computed": (
        "npconv.training.fig07.probes: eigenvalues of the covariance of all positions of {images} test images, with "
        "the batch's statistics in batch normalisation, trained or not; for (b) the maps of one block are projected, "
        "in inference mode, on directions taken from as many training images, without training again. (c): "
        "{depth:inverted residual}, k = {k}, t = {t}: {k} channels expanded to {wide}; the output, and the maps after "
        "the ReLU6 of the expansion and of the depthwise convolution. Data: {data}; {steps:step}. Thin: {seeds:seed}, "
        "in (c) {inverted_seeds}; thick: their median; dotted: medians of the comparisons, random directions and "
        "untrained networks, in the same colours."
    ),
    "scale": "In (b) d is logarithmic; horizontal lines: all directions (dotted) and chance. In (a) one is at 95 %.",
    "not_shown": (
        "Not shown: ImageNet, and subspaces that are curved. The networks of (c), which have {k} channels between "
        "their blocks by design, have {inverted_accuracy} test accuracy."
    ),
}


def feature_subspaces(measured: Mapping[str, Any] | None = None) -> Figure:
    """The variance of feature maps by direction, and what a network does with the first directions alone.

    Three plots: the share of the variance that the first d directions hold in the last block of a separable network,
    trained and untrained; the trained network's test accuracy where one of its blocks keeps d directions only,
    principal or random ones; and how many directions hold 95 % of the variance inside inverted residuals.

    Args:
        measured: what `npconv.training.fig07.measurements.make_stored` writes of feature maps; if None what ships
            with the package.

    Returns:
        Figure "feature-subspaces". Its data: "settings", "data"; "cumulative", for "trained" and "untrained" the shares
        that the last block's first directions hold, by seed; "dimensions", how many hold 95 %, by seed and block;
        "counts" and "kept", the accuracies with so many directions, by seed and block; "accuracies" with all of them;
        "enough", for each block the fewest directions that lose no more than 2 points; "inverted".

    Raises:
        TypeError: `measured` is no mapping.
        ValueError: something is missing in it, or doesn't fit.
        OSError: nothing is given, and what ships is missing.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer": features can be encoded in subspaces of few
    dimensions.

    >>> run = {"seed": 0, "accuracy": 0.5, "trained": [[0.96, 0.04]], "untrained": [[0.5, 0.5]]}
    >>> run["kept"] = {"principal": [[0.49, 0.5]], "random": [[0.2, 0.5]]}
    >>> counts = {"95 %": [2], "99 %": [2], "participation ratio": [1.5]}
    >>> places = {place: {"trained": counts, "untrained": counts} for place in ("bottleneck", "expanded", "filtered")}
    >>> inverted = [{"seed": 0, "accuracy": 0.5, "places": places}]
    >>> settings = {"counts": [1, 2], "channels": 2, "expansion": 3, "probed_images": 8, "steps": 5}
    >>> measured = {"settings": settings, "data": "digits", "separable": [run], "inverted": inverted}
    >>> figure = feature_subspaces(measured)
    >>> figure.data["dimensions"], figure.data["enough"]
    ({'trained': [[1]], 'untrained': [[2]]}, [1])
    """
    data = _numbers(_checked(stored_subspaces() if measured is None else measured))
    words = _words(data)
    panels = [
        PlotPanel(f"(a) variance, block {words['blocks']}", _spectrum_legend(words), partial(_draw_spectrum, data)),
        PlotPanel(f"(b) d of {words['channels']} directions kept", _kept_legend(data), partial(_draw_kept, data)),
        PlotPanel("(c) in inverted residuals", _inverted_legend(words), partial(_draw_inverted, data)),
    ]
    with style():
        figure = side_by_side(FUNCTION, filled(NOTE, **words), panels, "measured must have shorter numbers")
    caption = four_part_caption(**CAPTION, **words)
    return Figure(name="feature-subspaces", figure=figure, data=data, alt=filled(ALT, **words), caption=caption)


# What is drawn: numbers and words


def _checked(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """The measurements; raise where something is missing or doesn't fit."""
    needed = ("settings", "data", "separable", "inverted")
    check_measured(FUNCTION, measured, needed, ("counts", "channels", "expansion", "probed_images", "steps"))
    counts, shapes, lengths = len(measured["settings"]["counts"]), set(), set()
    for index, run in enumerate(measured["separable"]):
        where = f"{FUNCTION}: measured['separable'][{index}]"
        check_names(where, run, ("accuracy", *STATES, "kept"))
        for state in STATES:
            shares = np.array(run[state], float)  # (blocks, channels)
            if shares.ndim != 2 or not np.allclose(shares.sum(axis=1), 1, atol=1e-3) or (np.diff(shares) > 0).any():
                raise ValueError(f"{where}[{state!r}] must be falling shares of sum 1, block by block")
            shapes.add(shares.shape)
        expected = (len(run["trained"]), counts)
        kept = {name: (len(rows), *{len(row) for row in rows}) for name, rows in run["kept"].items()}
        if kept != dict.fromkeys(KINDS, expected):
            raise ValueError(f"{where}['kept'] must have {expected} accuracies for principal and for random directions")
    if max(blocks for blocks, _ in shapes) > MOST_BLOCKS:
        raise ValueError(f"{FUNCTION}: measured['separable'] must have {MOST_BLOCKS} blocks at the most")
    if len(shapes) > 1:
        raise ValueError(f"{FUNCTION}: measured['separable'] must be of networks of one size; got {sorted(shapes)}")
    for index, run in enumerate(measured["inverted"]):
        for place, state in product(PLACES, STATES):
            try:
                lengths.add(len(run["places"][place][state]["95 %"]))
            except (KeyError, TypeError) as error:
                where = f"{FUNCTION}: measured['inverted'][{index}]"
                raise ValueError(f"{where} must have places, {place}, {state}, 95 %") from error
    if len(lengths) > 1:
        raise ValueError(f"{FUNCTION}: measured['inverted'] must be of networks of one depth; got {sorted(lengths)}")
    return measured


def _numbers(measured: Mapping[str, Any]) -> dict[str, Any]:
    """All that is drawn."""
    runs, inverted = measured["separable"], measured["inverted"]
    return {
        "settings": dict(measured["settings"]),
        "data": measured["data"],
        "accuracies": [run["accuracy"] for run in runs],
        "cumulative": {state: [np.cumsum(run[state][-1]).tolist() for run in runs] for state in STATES},
        "dimensions": {state: [[_dimensions(shares) for shares in run[state]] for run in runs] for state in STATES},
        "counts": list(measured["settings"]["counts"]),
        "kept": {kind: [list(run["kept"][kind]) for run in runs] for kind in KINDS},
        "enough": sufficient(runs, measured["settings"]["counts"]),
        "inverted": {
            "accuracies": [run["accuracy"] for run in inverted],
            "dimensions": {
                place: {state: [list(run["places"][place][state]["95 %"]) for run in inverted] for state in STATES}
                for place in PLACES
            },
        },
    }


def _dimensions(stored: Sequence[float]) -> int:
    shares = np.array(stored)
    return dimensions(shares / shares.sum(), SHARE)  # stored shares are rounded


def _words(data: Mapping[str, Any]) -> dict[str, Any]:
    """The words that fill the templates."""
    settings, places = data["settings"], data["inverted"]["dimensions"]
    last = {state: int(np.median([row[-1] for row in rows])) for state, rows in data["dimensions"].items()}
    inside = "; ".join(
        f"{text} {_span(places[place]['trained'])}, untrained {_span(places[place]['untrained'])}"
        for place, text in PLACES.items()
    )
    suffice = ", ".join(f"{count} in block {i}" for i, count in enumerate(data["enough"], 1))
    return {
        **last,
        "says": _claim([count <= FEW * data["counts"][-1] for count in data["enough"]]),
        "suffice": f"{suffice} suffice",
        "first": data["enough"][0],
        "inside": inside,
        "data": data["data"],
        "blocks": len(data["enough"]),
        "channels": data["counts"][-1],
        "seeds": len(data["accuracies"]),
        "accuracy": _share(np.median(data["accuracies"])),
        "depth": len(places["bottleneck"]["trained"][0]),
        "inverted_seeds": len(data["inverted"]["accuracies"]),
        "inverted_accuracy": _share(np.median(data["inverted"]["accuracies"])),
        "steps": settings["steps"],
        "images": settings["probed_images"],
        "k": settings["channels"],
        "t": settings["expansion"],
        "wide": settings["channels"] * settings["expansion"],
        "classes": CLASSES,
        "seen": CLASSES - 1,
        "share": _share(SHARE),
        "points": 100 * ENOUGH,
    }


def _share(part: float) -> str:
    return f"{100 * part:.0f} %"


def _span(rows: Sequence[Sequence[int]]) -> str:
    """From what to what the medians over seeds go, through the blocks."""
    medians = np.median(rows, axis=0)
    low, high = int(medians.min()), int(medians.max())
    return str(low) if low == high else f"{low} to {high}"


def _claim(few: Sequence[bool]) -> str:
    """The claim of the numbers in a sentence, by whether few directions suffice in each block; the last one is read."""
    many = "What this network does with its features needs many of their directions"
    if not few[-1]:
        return f"{many}."
    return f"{many.replace('many', 'few')}." if all(few) else f"{many}, but for those of the last block."


# How it is drawn


def _spectrum_legend(words: Mapping[str, Any]) -> list[tuple[Kind, str]]:
    lines = [
        ({**look, "marker": ""}, f"{state}: 95 % in {words[state]} directions")
        for state, look in zip(STATES, LOOKS, strict=False)
    ]
    return [*lines, SEEDS]


def _kept_legend(data: Mapping[str, Any]) -> list[tuple[Kind, str]]:
    blocks = [
        (look, f"in block {i}: {n} suffice") for i, (n, look) in enumerate(zip(data["enough"], LOOKS, strict=False), 1)
    ]
    return [*blocks, (DOTTED, "random directions"), SEEDS]


def _inverted_legend(words: Mapping[str, Any]) -> list[tuple[Kind, str]]:
    widths = (words["k"], words["wide"], words["wide"])
    places = [
        (look, f"{text}, {width} channels") for text, width, look in zip(PLACES.values(), widths, LOOKS, strict=False)
    ]
    return [*places, (DOTTED, "untrained"), SEEDS]


def _across(axes: Axes, y: float, text: str, side: str, **kind: Any) -> None:
    """A line across the axes with its name above its left or right end."""
    axes.axhline(y, **{**BASE, **kind})
    at, inwards = (0, 3) if side == "left" else (1, -2)
    place: dict[str, Any] = {"xytext": (inwards, 1.5), "textcoords": "offset points", "ha": side, "va": "bottom"}
    axes.annotate(text, (at, y), xycoords=axes.get_yaxis_transform(), size=SMALL, **place)


def _percent(axes: Axes, highest: float = 1) -> None:
    """A vertical axis in per cent, to the next multiple of 20, and room above it for a word."""
    fifths = range(math.ceil(5 * highest - 1e-9) + 1)
    axes.set_ylim(0, 1.06 * fifths[-1] / 5)
    axes.set_yticks([fifth / 5 for fifth in fifths], [f"{20 * fifth} %" if fifth else "0" for fifth in fifths])


def _draw_spectrum(data: Mapping[str, Any], axes: Axes) -> None:
    channels = len(data["cumulative"]["trained"][0])
    _percent(axes)
    axes.set(xlim=(0, channels), xlabel="d, principal directions", ylabel="share of the variance")
    axes.set_xticks([*range(0, channels, math.ceil(channels / 4)), channels])
    _across(axes, SHARE, "95 %", "left", linestyle=":")
    for state, look in zip(STATES, LOOKS, strict=False):
        rows = [[0, *row] for row in data["cumulative"][state]]
        draw_runs(axes, state, range(channels + 1), rows, {**look, "marker": ""})


def _draw_kept(data: Mapping[str, Any], axes: Axes) -> None:
    counts = data["counts"]
    powers = [2**power for power in range(20) if 2**power < counts[-1]]
    _percent(axes, max(np.max(kept) for kept in data["kept"].values()))
    axes.set_xscale("log", base=2)
    axes.set(xlim=(1, max(counts[-1], 2)), xlabel="d, directions kept in one block", ylabel="test accuracy")
    axes.set_xticks([*powers, counts[-1]], map(str, [*powers, counts[-1]]), minor=False)
    _across(axes, 1 / CLASSES, "chance", "right")
    _across(axes, float(np.median(data["accuracies"])), f"all {counts[-1]}", "left", linestyle=":")
    for i, look in enumerate(LOOKS[: len(data["enough"])]):
        principal, random = ([kept[i] for kept in data["kept"][kind]] for kind in KINDS)
        axes.plot(counts, np.median(random, axis=0), **{**DOTTED, "color": look["color"]}, gid=f"line-random-{i}")
        draw_runs(axes, f"principal-{i}", counts, principal, look)


def _draw_inverted(data: Mapping[str, Any], axes: Axes) -> None:
    settings, places = data["settings"], data["inverted"]["dimensions"]
    blocks = range(1, len(places["bottleneck"]["trained"][0]) + 1)
    axes.set(xlim=(0.5, len(blocks) + 0.5), ylim=(0, settings["channels"] * settings["expansion"]))
    axes.set(xlabel="block", ylabel="directions that hold 95 %")
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(7, integer=True))
    for place, look in zip(PLACES, LOOKS, strict=False):
        untrained = np.median(places[place]["untrained"], axis=0)
        axes.plot(blocks, untrained, **{**DOTTED, "color": look["color"]}, gid=f"line-{place}-untrained")
        draw_runs(axes, place, blocks, places[place]["trained"], look)
