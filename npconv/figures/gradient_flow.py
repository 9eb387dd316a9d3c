"""The size of the loss's gradient block by block, with shortcuts and without, before training and after it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..text import filled
from ..training.fig07.measurements import CLASSES, UNTRAINED, learnt, stored_gradients
from .figure import Figure, four_part_caption, style
from .parts.drawing import SMALLEST
from .parts.lines import BASE, LOOKS, SEEDS, Kind, PlotPanel, decades, draw_runs, side_by_side, times_text
from .parts.training_runs import check_measured, check_names

FUNCTION = "gradient_flow"
NETWORKS = {"linear": "with shortcuts", "none": "no shortcuts"}
NORMALISED, PLAIN, KERAS = UNTRAINED
KINDS: dict[str, Kind] = dict(zip(NETWORKS, LOOKS, strict=False))
SECOND: dict[str, Any] = {"linestyle": ":", "markerfacecolor": "white"}  # before training, or Keras's fans

NOTE = (
    "Small networks of inverted residuals, not ImageNet. ×: the gradient's norm at the first block over that at the "
    "last. (a) and (b): before training; Keras's fans are another initial size of depthwise kernels. (c): test "
    "accuracy {accuracy_linear:.0f} % with shortcuts, {accuracy_none:.0f} % without, chance {chance:.0f} %{failed_too}."
)
ALT = (
    "Three plots of the gradient's norm, on a logarithmic axis, against the number of blocks that it has gone back "
    "from the last one. {places} Right, {trained_depth:block}, factors: {factors}."
)
PLACE = (
    "{place}, untrained networks {kind}: from the last to the first of {depth:block} the norm changes by the "
    "factor {linear} with shortcuts, and along a straight line by the factor {none} with no shortcuts."
)
CAPTION = {
    "claim": (
        "{says} Before training, over {depth:block}, its norm changes by the factor {normalised[linear]} with "
        "shortcuts and {normalised[none]} without where there is batch normalisation, and by {plain[linear]} and "
        "{plain[none]} where there is none, with Keras's fans {keras[linear]} and {keras[none]}. After training, over "
        "{trained_depth:block}, by {after[linear]} with shortcuts and {after[none]} without{failed_of_these}."
    ),
    "computed": (
        "npconv.training.fig07.probes.gradient_norms: the Frobenius norm of the loss's gradient with respect to each "
        "block's output, on one batch of {images:test image} in training mode, in networks of inverted residuals "
        "(variant_network, linear and none; k = {k}, t = {t}) that differ in nothing but their shortcuts: (a) with "
        "batch normalisation and He's kernels, (b) without it and with Glorot's, (c) as (a), trained for {steps:step}"
        " to a median test accuracy of {accuracy_linear:.0f} % with shortcuts and {accuracy_none:.0f} % without, "
        "where chance is {chance:.0f} %. Glorot's kernels depend on the fans: a depthwise 3×3 kernel's are 9 and 9, "
        "the products of a sum, but Keras takes 9·M and 9, as if the channels were mixed. Data: {data}. Thin: "
        "{seeds:seed} in (a) and (b), {runs} in (c); thick: their median."
    ),
    "scale": (
        "The vertical axes are logarithmic, each with its own range; a line ends, with a marker, at its network's "
        "first block. Dotted with hollow markers: Keras's fans in (b), before training in (c)."
    ),
    "not_shown": ("Not shown: other tasks, and ImageNet; for (c) other budgets than {steps:step}{failed_unknown}."),
}

Line = dict[str, Any]


def gradient_flow(measured: Mapping[str, Any] | None = None) -> Figure:
    """The gradient's norm at each block, over that at the last block, against how far back it has gone.

    Three plots: networks of several depths before training, with batch normalisation and without it, there with either
    reading of a depthwise kernel's fans, and networks of one depth before and after training.

    Args:
        measured: what `npconv.training.fig07.measurements.make_stored` writes of gradients; if None what ships
            with the package.

    Returns:
        Figure "gradient-flow". Its data: "settings", "data", the names in `measurements.UNTRAINED` and
        "trained", lists of lines, each with "network", "blocks", "norms" for each seed from the first block to the
        last, and "median at the first block".

    Raises:
        TypeError: `measured` is no mapping.
        ValueError: something is missing in it, or doesn't fit.
        OSError: nothing is given, and what ships is missing.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer", that shortcuts help gradients flow.

    >>> untrained = [
    ...     {"variant": variant, **kind, "blocks": 2, "norms": [[2.0, 1.0], [4.0, 1.0]]}
    ...     for kind in UNTRAINED.values() for variant in ("linear", "none")
    ... ]
    >>> norms = {"before": [2.0, 1.0], "after": [3.0, 1.0]}
    >>> trained = [{"variant": v, "seed": 0, "accuracy": 0.5, "norms": norms} for v in ("linear", "none")]
    >>> settings = {"channels": 6, "expansion": 6, "gradient_images": 64, "steps": 600}
    >>> measured = {"settings": settings, "data": "digits", "untrained": untrained, "trained": trained}
    >>> gradient_flow(measured).data["with batch normalisation"][0]["median at the first block"]
    3.0
    """
    data = _numbers(_checked(stored_gradients() if measured is None else measured))
    words = _words(data)
    keras = [{**line, "start": ", Keras's fans", "second": True} for line in data[KERAS]]
    trained = [{**line, "start": f", {line['state']}", "second": line["state"] == "before"} for line in data["trained"]]
    panels = [
        PlotPanel("(a) with batch norm", _legend(data[NORMALISED]), partial(_draw, data[NORMALISED])),
        PlotPanel("(b) without batch norm", _legend([*data[PLAIN], *keras]), partial(_draw, [*data[PLAIN], *keras])),
        PlotPanel("(c) before and after training", _legend(trained), partial(_draw, trained)),
    ]
    with style():
        figure = side_by_side(FUNCTION, filled(NOTE, **words), panels, "measured must have shorter numbers")
        for axes, name in zip(figure.axes, (NORMALISED, PLAIN), strict=False):
            _write_depths(axes, data[name])
    caption = four_part_caption(**CAPTION, **words)
    return Figure(name="gradient-flow", figure=figure, data=data, alt=filled(ALT, **words), caption=caption)


# What is drawn: numbers and words


def _checked(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """The measurements; raise where something is missing or doesn't fit."""
    needed = ("channels", "expansion", "gradient_images", "steps")
    check_measured(FUNCTION, measured, ("settings", "data", "untrained", "trained"), needed)
    untrained, trained = measured["untrained"], measured["trained"]
    for index, entry in enumerate(untrained):
        where = f"{FUNCTION}: measured['untrained'][{index}]"
        check_names(where, entry, ("variant", "batch_norm", "fans", "blocks", "norms"))
        _check_norms(where, entry["variant"], entry["norms"])
    for index, entry in enumerate(trained):
        where = f"{FUNCTION}: measured['trained'][{index}]"
        check_names(where, entry, ("variant", "accuracy", "norms"))
        if set(entry["norms"]) != {"before", "after"}:
            raise ValueError(f"{where} must have norms before and after; got {sorted(entry['norms'])}")
        _check_norms(where, entry["variant"], entry["norms"].values())
    for kind in UNTRAINED.values():
        if {entry["variant"] for entry in untrained if kind.items() <= entry.items()} != set(NETWORKS):
            which = ", ".join(f"{name}={value!r}" for name, value in kind.items())
            raise ValueError(f"{FUNCTION}: measured['untrained'] must have both networks with {which}")
    if {run["variant"] for run in trained} != set(NETWORKS):
        raise ValueError(f"{FUNCTION}: measured['trained'] must have both networks")
    if len({len(row) for run in trained for row in run["norms"].values()}) > 1:
        raise ValueError(f"{FUNCTION}: measured['trained'] must be of one depth")
    return measured


def _check_norms(where: str, variant: str, rows: Iterable[Sequence[float]]) -> None:
    """Raise where an entry is of another network, or its norms are none."""
    if variant not in NETWORKS:
        raise ValueError(f"{where} must be of {', '.join(NETWORKS)}; got {variant!r}")
    for row in rows:
        if len(row) < 2 or not all(0 < value < math.inf for value in row) or row[-1] != 1:
            raise ValueError(f"{where} must have norms above 0 of two blocks or more, the last 1; got {row!r}")


def _numbers(measured: Mapping[str, Any]) -> dict[str, Any]:
    """All that is drawn."""
    untrained = {
        name: [
            _line(variant, entry["norms"])
            for variant in NETWORKS
            for entry in sorted(measured["untrained"], key=lambda entry: int(entry["blocks"]))
            if {"variant": variant, **kind}.items() <= entry.items()
        ]
        for name, kind in UNTRAINED.items()
    }
    trained = []
    for variant in NETWORKS:
        runs = [run for run in measured["trained"] if run["variant"] == variant]
        accuracy = float(np.median([run["accuracy"] for run in runs]))
        for state in ("before", "after"):
            line = _line(variant, [run["norms"][state] for run in runs])
            trained.append({**line, "state": state, **({"median accuracy": accuracy} if state == "after" else {})})
    return {
        "settings": dict(measured["settings"]),
        "data": measured["data"],
        **untrained,
        "trained": trained,
    }


def _line(variant: str, norms: list[list[float]]) -> Line:
    return {
        "network": variant,
        "blocks": len(norms[0]),
        "norms": norms,
        "median at the first block": _median(norms)[0],
    }


def _median(norms: list[list[float]]) -> list[float]:
    """The median over seeds, by block."""
    medians: list[float] = np.median(norms, axis=0).tolist()
    return medians


def _words(data: Mapping[str, Any]) -> dict[str, Any]:
    """The words that fill the templates."""
    settings, trained = data["settings"], data["trained"]
    accuracies = {line["network"]: line["median accuracy"] for line in trained if line["state"] == "after"}
    failed = [NETWORKS[network] for network, accuracy in accuracies.items() if not learnt(accuracy)]
    ends = {kind: {line["network"]: _factor(line) for line in _deepest(data[kind])} for kind in UNTRAINED}
    depth = max(line["blocks"] for line in data[NORMALISED])
    places = [
        filled(PLACE, place=place, kind=kind, depth=max(line["blocks"] for line in data[kind]), **ends[kind])
        for place, kind in (("Left", NORMALISED), ("Middle", PLAIN), ("Dotted there", KERAS))
    ]
    networks = f"the networks with {' and with '.join(failed)} did not train"
    return {
        "says": _claim(data),
        "data": data["data"],
        "depth": depth,
        "trained_depth": trained[0]["blocks"],
        "seeds": len(data[NORMALISED][0]["norms"]),
        "runs": len(trained[0]["norms"]),
        "normalised": ends[NORMALISED],
        "plain": ends[PLAIN],
        "keras": ends[KERAS],
        "after": {line["network"]: _factor(line) for line in trained if line["state"] == "after"},
        "places": " ".join(places),
        "factors": "; ".join(
            f"{NETWORKS[line['network']]}, {line['state']} training, {_factor(line)}" for line in trained
        ),
        "failed_too": f", and {networks}" if failed else "",
        "failed_of_these": f"; of these {networks}" if failed else "",
        "failed_unknown": f", and what the gradients of a trained network with {failed[0]} would be" if failed else "",
        "accuracy_linear": 100 * accuracies["linear"],
        "accuracy_none": 100 * accuracies["none"],
        "chance": 100 / CLASSES,
        "steps": settings["steps"],
        "images": settings["gradient_images"],
        "k": settings["channels"],
        "t": settings["expansion"],
    }


def _factor(line: Line) -> str:
    """By what the norm changes from the last block to the first."""
    return times_text(line["median at the first block"])


def _deepest(lines: Sequence[Line]) -> list[Line]:
    """Of each network, from each start, the deepest."""
    found = {(line.get("start", ""), line["network"]): line for line in sorted(lines, key=lambda line: line["blocks"])}
    return [found[kind] for kind in sorted(found)]


def _claim(data: Mapping[str, Any]) -> str:
    """The claim of the numbers, in a sentence."""
    ends = [[line["median at the first block"] for line in _deepest(data[kind])] for kind in UNTRAINED]
    if not all(abs(math.log10(with_)) < abs(math.log10(without)) for with_, without in ends):
        return "Shortcuts do not keep the gradient's size in every one of these networks."
    straight = all(_is_straight(line) for kind in UNTRAINED for line in data[kind] if line["network"] == "none")
    normalised, plain, keras = ("grows" if without > 1 else "vanishes" for _, without in ends)
    how = f"it {normalised} with depth"
    if not normalised == plain == keras:
        how += f" where there is batch normalisation and {plain} where there is none"
    if plain != keras:
        how += f", but {keras} there with Keras's fans"
    how += ", exponentially" if straight else ""
    return f"Shortcuts keep the gradient's size; without them {how}."


def _is_straight(line: Line) -> bool:
    """True where the logarithm of the median goes in equal steps: half way it has gone half of its way, to a fifth."""
    logs = [math.log(value) for value in _median(line["norms"])]
    half = (len(logs) - 1) / 2
    middle = (logs[math.floor(half)] + logs[math.ceil(half)]) / 2
    return abs(middle - logs[0] / 2) <= abs(logs[0]) / 10


# How it is drawn


def _legend(lines: Sequence[Line]) -> list[tuple[Kind, str]]:
    """A line's look, and what it is, with its end; of several depths the deepest."""
    depth = f", {max(line['blocks'] for line in lines)} blocks"
    entries = [
        (_kind(line), f"{NETWORKS[line['network']]}{line.get('start', depth)}: ×{_factor(line)}")
        for line in _deepest(lines)
    ]
    return [*entries, SEEDS]


def _write_depths(axes: Axes, lines: Sequence[Line]) -> None:
    """Write at the end of each line of a network with shortcuts its depth, away from the lines without them."""
    vanishing = min(line["median at the first block"] for line in lines) < 0.1
    with_shortcuts = [line for line in lines if line["network"] == "linear"]
    apart, shown = 0.06 * max(line["blocks"] for line in lines), math.inf
    for line in sorted(with_shortcuts, key=lambda line: -line["blocks"]):
        if shown - line["blocks"] < apart:
            continue  # its number would touch the last one's
        shown = line["blocks"]
        at = line["blocks"] - 1, line["median at the first block"]
        last = line is _deepest(with_shortcuts)[0]
        text, place = (f"{line['blocks']} blocks", "right") if last else (f"{line['blocks']}", "left")
        offset = (-6 if last else 0, 5) if vanishing or last else (5, -3)
        axes.annotate(text, at, offset, textcoords="offset points", size=SMALLEST, ha=place, gid="depth")


def _kind(line: Line) -> Kind:
    return {**KINDS[line["network"]], **(SECOND if line.get("second") else {})}


def _draw(lines: Sequence[Line], axes: Axes) -> None:
    """Thin lines for seeds and thick ones for their medians; the gradient goes from the left to the right."""
    everything = [value for line in lines for row in line["norms"] for value in row]
    ends = sorted({line["blocks"] - 1 for line in lines})
    decades(axes, min(everything), max(everything))
    axes.set(xlim=(0, ends[-1]), xlabel="blocks back from the last")
    axes.axhline(1, **BASE)
    if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
        axes.set_ylabel("norm of the gradient, last block = 1")
    trained = "state" in lines[0]
    if trained:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=2))
    else:
        axes.set_xticks([0, *ends])
    for i, line in enumerate(lines):
        back = [row[::-1] for row in line["norms"]]  # from the last block on
        draw_runs(
            axes, str(i), range(line["blocks"]), back, _kind(line), markevery=None if trained else [line["blocks"] - 1]
        )
