"""In how many dimensions features live: the spectra of feature maps, and what accuracy their first directions keep."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..kernels.geometry import Array
from ..training.fig07.measurements import CLASSES, ENOUGH, FEW, stored_subspaces, sufficient
from ..training.fig07.probes import dimensions
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, LINE_COLORS, LINE_STYLES, MARKERS, SMALL
from .parts.lines import Kind, Panel, side_by_side, ticks_apart
from .parts.training_runs import check_measured

FUNCTION = "feature_subspaces"
LEFT, APART = 0.74, 0.74  # inches before the first plot and between two
SHARE = 0.95
MARKER = 4.0  # points
MOST_BLOCKS = len(LINE_COLORS)
STATES = {"trained": "trained", "untrained": "untrained"}
PLACES = {"bottleneck": "output", "expanded": "expanded", "filtered": "filtered"}
LOOKS: list[dict[str, Any]] = [
    {"color": color, "linestyle": line, "marker": marker, "markersize": MARKER}
    for color, line, marker in zip(LINE_COLORS, LINE_STYLES, MARKERS, strict=False)
]
FAINT: dict[str, Any] = {"linestyle": ":", "linewidth": 1.0, "markerfacecolor": "white"}
RANDOM: Kind = {"color": INK, "marker": "o", "markersize": MARKER, **FAINT}


def feature_subspaces(measured: Mapping[str, Any] | None = None) -> Figure:
    """How the variance of feature maps is shared among directions, and what a network does with the first ones alone.

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
    channels = len(data["cumulative"]["trained"][0])
    panels = [
        Panel(f"(a) variance, block {len(data['enough'])}", _spectrum_legend(data), partial(_draw_spectrum, data)),
        Panel(f"(b) d of {channels} directions kept", _kept_legend(data), partial(_draw_kept, data)),
        Panel("(c) inverted residuals", _inverted_legend(data), partial(_draw_inverted, data)),
    ]
    with style():
        figure = side_by_side(FUNCTION, _note(data), panels, left=LEFT, apart=APART)
    return Figure(name="feature-subspaces", figure=figure, data=data, alt=_alt(data), caption=_caption(data))


# What is drawn: numbers and words


def _checked(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was measured; raise where something is missing or doesn't fit."""
    check_measured(
        FUNCTION,
        measured,
        ("settings", "data", "separable", "inverted"),
        ("counts", "channels", "expansion", "probed_images", "steps"),
    )
    shapes, counts = set(), len(measured["settings"]["counts"])
    for index, run in enumerate(measured["separable"]):
        where = f"{FUNCTION}: measured['separable'][{index}]"
        if missing := {"accuracy", "trained", "untrained", "kept"} - set(run):
            raise ValueError(f"{where} must have {', '.join(sorted(missing))}")
        for state in STATES:
            shares = np.array(run[state], float)  # (blocks, channels)
            if shares.ndim != 2 or not np.allclose(shares.sum(axis=1), 1, atol=1e-3) or (np.diff(shares) > 0).any():
                raise ValueError(f"{where}[{state!r}] must be falling shares of sum 1, block by block")
            shapes.add(shares.shape)
        expected = (len(run["trained"]), counts)
        sizes = {len(rows) for rows in run["kept"].values()}, {len(row) for k in run["kept"].values() for row in k}
        if set(run["kept"]) != {"principal", "random"} or sizes != ({expected[0]}, {expected[1]}):
            raise ValueError(f"{where}['kept'] must have {expected} accuracies for principal and for random directions")
    if max(len(run["trained"]) for run in measured["separable"]) > MOST_BLOCKS:
        raise ValueError(f"{FUNCTION}: measured['separable'] must have {MOST_BLOCKS} blocks at the most")
    if len(shapes) > 1:
        raise ValueError(f"{FUNCTION}: measured['separable'] must be of networks of one size; got {sorted(shapes)}")
    lengths = set()
    for index, run in enumerate(measured["inverted"]):
        for place in PLACES:
            for state in STATES:
                try:
                    lengths.add(len(run["places"][place][state]["95 %"]))
                except (KeyError, TypeError) as error:
                    raise ValueError(
                        f"{FUNCTION}: measured['inverted'][{index}] must have places, {place}, {state}, 95 %"
                    ) from error
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
        "kept": {kind: [list(run["kept"][kind]) for run in runs] for kind in ("principal", "random")},
        "enough": sufficient(runs, measured["settings"]["counts"]),
        "inverted": {
            "accuracies": [run["accuracy"] for run in inverted],
            "dimensions": {
                place: {state: [list(run["places"][place][state]["95 %"]) for run in inverted] for state in STATES}
                for place in PLACES
            },
        },
    }


def _dimensions(shares: Sequence[float]) -> int:
    rounded = np.array(shares)
    return dimensions(rounded / rounded.sum(), SHARE)


def _few(data: Mapping[str, Any]) -> list[bool]:
    """For each block, whether few of its directions suffice."""
    return [count <= FEW * data["counts"][-1] for count in data["enough"]]


def _note(data: Mapping[str, Any]) -> str:
    """What a reader must know before looking."""
    settings, blocks = data["settings"], len(data["enough"])
    return (
        f"Small networks trained for {settings['steps']} steps: in (a) and (b) {blocks} depthwise separable blocks of "
        f"{data['counts'][-1]} channels, {len(data['accuracies'])} seeds; in (c) "
        f"{len(data['inverted']['dimensions']['bottleneck']['trained'][0])} inverted residuals, k = "
        f"{settings['channels']}, t = {settings['expansion']}, {len(data['inverted']['accuracies'])} seeds. Block "
        f"{blocks} is read by the pool and a linear classifier of {CLASSES} classes, which see {CLASSES - 1} "
        f"directions of it at the most, in any network. Data: {data['data']}. This is not ImageNet."
    )


def _last(data: Mapping[str, Any], state: str) -> int:
    """How many directions hold 95 % in the last block: the median over seeds."""
    return int(np.median([row[-1] for row in data["dimensions"][state]]))


def _spectrum_legend(data: Mapping[str, Any]) -> list[tuple[Kind, str]]:
    return [
        (_plain(LOOKS[i]), f"{STATES[state]}: 95 % in {_last(data, state)} directions")
        for i, state in enumerate(STATES)
    ]


def _kept_legend(data: Mapping[str, Any]) -> list[tuple[Kind, str]]:
    blocks = [(LOOKS[i], f"in block {i + 1}: {count} suffice") for i, count in enumerate(data["enough"])]
    return [*blocks, (RANDOM, "random directions")]


def _inverted_legend(data: Mapping[str, Any]) -> list[tuple[Kind, str]]:
    settings = data["settings"]
    k, wide = settings["channels"], settings["channels"] * settings["expansion"]
    entries = [
        (LOOKS[i], f"{text}, {k if place == 'bottleneck' else wide} channels")
        for i, (place, text) in enumerate(PLACES.items())
    ]
    return [*entries, (RANDOM, "untrained")]


def _plain(kind: Kind) -> Kind:
    """Without markers, for a line of many points."""
    return {**kind, "marker": ""}


def _lines(axes: Axes, name: str, xs: Any, rows: Sequence[Sequence[float]], kind: Kind, *, thin: bool = True) -> None:
    """Thin lines for seeds and a thick one for their median."""
    for row in rows if thin else ():
        axes.plot(xs, row, color=kind["color"], linewidth=0.5, alpha=0.5, clip_on=False, gid=f"thin-{name}")
    median: Array = np.median(rows, axis=0)
    axes.plot(xs, median, **kind, clip_on=False, zorder=3, gid=f"line-{name}")


def _across(axes: Axes, y: float, text: str, *, right: bool = False, above: bool = False, **kind: Any) -> None:
    """A line across the axes with its name at its left or right end, below it, or above where there is room."""
    axes.axhline(y, color=INK, linewidth=0.8, **kind)
    above = above and y < 0.9 * axes.get_ylim()[1]
    axes.annotate(
        text,
        (1 if right else 0, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-2 if right else 3, 2 if above else -2.5),
        textcoords="offset points",
        size=SMALL,
        ha="right" if right else "left",
        va="bottom" if above else "top",
    )


def _percent(axes: Axes, highest: float = 1) -> None:
    """A vertical axis in per cent, to the next multiple of 20."""
    fifths = range(math.ceil(5 * highest - 1e-9) + 1)
    axes.set_ylim(0, fifths[-1] / 5)
    axes.set_yticks([fifth / 5 for fifth in fifths], [f"{20 * fifth} %" if fifth else "0" for fifth in fifths])


def _draw_spectrum(data: Mapping[str, Any], axes: Axes, across: float) -> None:
    channels = len(data["cumulative"]["trained"][0])
    _percent(axes)
    axes.set_xlim(0, channels)
    ticks_apart(axes, [*range(0, channels, math.ceil(channels / 4)), channels], across)
    axes.set_xlabel("d, principal directions")
    axes.set_ylabel("share of the variance")
    _across(axes, SHARE, f"{SHARE:.0%}".replace("%", " %"), linestyle=":")
    for i, state in enumerate(STATES):
        rows = [[0, *row] for row in data["cumulative"][state]]
        _lines(axes, state, range(channels + 1), rows, _plain(LOOKS[i]))


def _draw_kept(data: Mapping[str, Any], axes: Axes, across: float) -> None:
    counts = data["counts"]
    _percent(axes, max(np.max(kept) for kept in data["kept"].values()))
    axes.set_xscale("log", base=2)
    axes.set_xlim(1, max(counts[-1], 2))
    ticks_apart(axes, sorted({counts[-1], *(2**power for power in range(20) if 2**power < counts[-1])}), across)
    axes.set_xlabel("d, directions kept in one block")
    axes.set_ylabel("test accuracy")
    _across(axes, 1 / CLASSES, "chance", right=True)
    _across(axes, float(np.median(data["accuracies"])), f"all {counts[-1]}", above=True, linestyle=":")
    for i in range(len(data["enough"])):
        _lines(axes, f"random-{i}", counts, [k[i] for k in data["kept"]["random"]], {**LOOKS[i], **FAINT}, thin=False)
        _lines(axes, f"principal-{i}", counts, [kept[i] for kept in data["kept"]["principal"]], LOOKS[i])


def _draw_inverted(data: Mapping[str, Any], axes: Axes, across: float) -> None:
    settings, places = data["settings"], data["inverted"]["dimensions"]
    blocks = len(places["bottleneck"]["trained"][0])
    axes.set_xlim(0.5, blocks + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    axes.set_xlabel("block")
    axes.set_ylim(0, settings["channels"] * settings["expansion"])
    axes.yaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.set_ylabel("directions that hold 95 %")
    for i, place in enumerate(PLACES):
        rows = places[place]
        _lines(axes, f"{place}-untrained", range(1, blocks + 1), rows["untrained"], {**LOOKS[i], **FAINT}, thin=False)
        _lines(axes, place, range(1, blocks + 1), rows["trained"], LOOKS[i])


def _alt(data: Mapping[str, Any]) -> str:
    channels, block = data["counts"][-1], len(data["enough"])
    places = data["inverted"]["dimensions"]
    inside = "; ".join(
        f"{text} {_span(places[place]['trained'])}, untrained {_span(places[place]['untrained'])}"
        for place, text in PLACES.items()
    )
    return (
        f"Three plots. Left: the share of the variance in the first d of {channels} principal directions of block "
        f"{block} rises slowly; 95 % are in {_last(data, 'trained')} directions after training and in "
        f"{_last(data, 'untrained')} before. Middle: test accuracy against the directions kept in one block, "
        f"logarithmic; it rises from chance to {float(np.median(data['accuracies'])):.0%}, and with principal "
        f"directions sooner than with random ones: {_suffice(data)}. Right: directions that hold 95 % of the variance "
        f"in the blocks of inverted residuals: {inside}."
    )


def _suffice(data: Mapping[str, Any]) -> str:
    counts = [f"{count} in block {i + 1}" for i, count in enumerate(data["enough"])]
    return f"{', '.join(counts)} suffice"


def _span(rows: Sequence[Sequence[int]]) -> str:
    """From what to what the medians over seeds go, through the blocks."""
    medians = np.median(rows, axis=0)
    low, high = int(medians.min()), int(medians.max())
    return str(low) if low == high else f"{low} to {high}"


def _claim(data: Mapping[str, Any]) -> str:
    """What the numbers say of the blocks, in a sentence; a linear classifier reads the last one."""
    *before, last = _few(data)
    if not last:
        return "What this network does with its features needs many of their directions."
    if not all(before):
        return (
            "What this network does with its features needs many of their directions, but for those of the last block."
        )
    return "What this network does with its features needs few of their directions."


def _caption(data: Mapping[str, Any]) -> str:
    settings, channels, block = data["settings"], data["counts"][-1], len(data["enough"])
    accuracy = float(np.median(data["accuracies"]))
    inverted = float(np.median(data["inverted"]["accuracies"]))
    trained, untrained = _last(data, "trained"), _last(data, "untrained")
    suffice = _suffice(data)
    k, wide = settings["channels"], settings["channels"] * settings["expansion"]
    return four_part_caption(
        claim=(
            f"{_claim(data)} In a network of {block} depthwise separable blocks 95 % of the variance in the last one "
            f"fills {trained} of {channels} directions, before training {untrained}; to lose no more than "
            f"{100 * ENOUGH:.0f} points of {accuracy:.0%} test accuracy, {suffice}. The last block is no evidence: the "
            f"mean pool and the linear classifier of {CLASSES} classes see {CLASSES - 1} directions of it at the most, "
            "in any network."
        ),
        computed=(
            "npconv.training.probes: eigenvalues of the covariance of all positions of "
            f"{settings['probed_images']} test images, with the batch's statistics in batch normalisation, trained or "
            "not; for (b) the maps of one block are projected, in inference mode, on directions taken from as many "
            f"training images, without training again. (c): inverted residuals, {k} channels expanded to {wide}; the "
            "output, and the maps behind the ReLU6 of the expansion and of the depthwise convolution. "
            f"Data: {data['data']}; {settings['steps']} steps. Thin: {len(data['accuracies'])} seeds; thick: their "
            "median; hollow: medians of the comparisons, random directions and untrained networks."
        ),
        scale=(
            "In (b) d is logarithmic; horizontal lines: all directions (dotted) and chance. In (a) the dotted line is "
            "at 95 %."
        ),
        not_shown=(
            f"Not shown: ImageNet, and subspaces that are curved. The networks of (c), which have {k} channels between "
            f"their blocks by design, have {inverted:.0%} test accuracy."
        ),
    )
