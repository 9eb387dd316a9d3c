"""The size of the loss's gradient block by block, with shortcuts and without, before training and after it."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..training.fig07.measurements import CLASSES, UNTRAINED, learnt, stored_gradients
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, LINE_COLORS
from .parts.lines import Kind, Panel, decades, side_by_side, ticks_apart, times_text
from .parts.training_runs import check_measured

FUNCTION = "gradient_flow"
NETWORKS = {"linear": "with shortcuts", "none": "no shortcuts"}
NORMALISED, PLAIN, KERAS = UNTRAINED
LEFT, APART = 0.68, 0.62  # inches before the first plot and between two
MARKER, THIN = 4.5, 0.5  # points
KINDS: dict[str, Kind] = {
    "linear": {"color": LINE_COLORS[0], "linestyle": "-", "marker": "o", "markersize": MARKER},
    "none": {"color": LINE_COLORS[1], "linestyle": "--", "marker": "s", "markersize": MARKER},
}
SECOND: dict[str, Any] = {"linestyle": ":", "markerfacecolor": "white"}  # before training, or Keras's fans

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
    plots = [
        ("(a) untrained, normalised", data[NORMALISED]),
        ("(b) untrained, not normalised", [*data[PLAIN], *({**line, "fans": "keras"} for line in data[KERAS])]),
        ("(c) trained and untrained", data["trained"]),
    ]
    panels = [Panel(title, _legend(lines), partial(_draw, lines)) for title, lines in plots]
    with style():
        figure = side_by_side(FUNCTION, _note(data), panels, left=LEFT, apart=APART)
        figure.axes[0].set_ylabel("norm of the gradient, last block = 1")
    return Figure(name="gradient-flow", figure=figure, data=data, alt=_alt(data), caption=_caption(data))


# What is drawn: numbers and words


def _checked(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was measured; raise where something is missing or doesn't fit."""
    check_measured(
        FUNCTION,
        measured,
        ("settings", "data", "untrained", "trained"),
        ("channels", "expansion", "gradient_images", "steps"),
    )
    for name, keys in (
        ("untrained", ("variant", "batch_norm", "fans", "blocks", "norms")),
        ("trained", ("variant", "accuracy", "norms")),
    ):
        for index, entry in enumerate(measured[name]):
            where = f"{FUNCTION}: measured[{name!r}][{index}]"
            if missing := [key for key in keys if key not in entry]:
                raise ValueError(f"{where} must have {', '.join(keys)}; missing {', '.join(missing)}")
            if entry["variant"] not in NETWORKS:
                raise ValueError(f"{where} must be of {', '.join(NETWORKS)}; got {entry['variant']!r}")
            rows = entry["norms"].values() if name == "trained" else entry["norms"]
            if name == "trained" and set(entry["norms"]) != {"before", "after"}:
                raise ValueError(f"{where} must have norms before and after; got {sorted(entry['norms'])}")
            for row in rows:
                if len(row) < 2 or not all(0 < value < math.inf for value in row) or row[-1] != 1:
                    raise ValueError(f"{where} must have norms above 0 of two blocks or more, the last 1; got {row!r}")
    for kind in UNTRAINED.values():
        if {entry["variant"] for entry in measured["untrained"] if kind.items() <= entry.items()} != set(NETWORKS):
            which = ", ".join(f"{name}={value!r}" for name, value in kind.items())
            raise ValueError(f"{FUNCTION}: measured['untrained'] must have both networks with {which}")
    if {run["variant"] for run in measured["trained"]} != set(NETWORKS):
        raise ValueError(f"{FUNCTION}: measured['trained'] must have both networks")
    if len({len(row) for run in measured["trained"] for row in run["norms"].values()}) > 1:
        raise ValueError(f"{FUNCTION}: measured['trained'] must be of one depth")
    return measured


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


def _accuracies(data: Mapping[str, Any]) -> dict[str, float]:
    """The networks' test accuracies after training, medians over the seeds."""
    return {line["network"]: line["median accuracy"] for line in data["trained"] if line["state"] == "after"}


def _not_trained(data: Mapping[str, Any]) -> list[str]:
    """Which networks did not learn."""
    return [NETWORKS[variant] for variant, accuracy in _accuracies(data).items() if not learnt(accuracy)]


def _note(data: Mapping[str, Any]) -> str:
    """What a reader must know before looking."""
    settings, accuracies = data["settings"], _accuracies(data)
    failed = _not_trained(data)
    return (
        f"Small networks of inverted residuals (k = {settings['channels']}, t = {settings['expansion']}) with "
        f"shortcuts and without: {len(data[NORMALISED][0]['norms'])} seeds before training; in (c) "
        f"{len(data['trained'][0]['norms'])} seeds of {data['trained'][0]['blocks']} blocks, trained for "
        f"{settings['steps']} steps to a median test accuracy of {100 * accuracies['linear']:.0f} % with shortcuts and "
        f"{100 * accuracies['none']:.0f} % without; chance is {100 / CLASSES:.0f} %"
        + (f", and the networks with {' and with '.join(failed)} did not train" if failed else "")
        + f". Data: {data['data']}. This is not ImageNet."
    )


def _deepest(lines: list[Line]) -> list[Line]:
    """Of each network, with each reading of the fans that is there, the deepest."""
    found = {(line.get("fans", ""), line["network"]): line for line in sorted(lines, key=lambda line: line["blocks"])}
    return [found[kind] for kind in sorted(found)]


def _legend(lines: list[Line]) -> list[tuple[Kind, str]]:
    """A line's look, and what it is, with its end."""
    if "state" in lines[0]:
        return [
            (
                _kind(line),
                f"{NETWORKS[line['network']]}, {line['state']}: ×{times_text(line['median at the first block'])}",
            )
            for line in lines
        ]
    entries: list[tuple[Kind, str]] = [
        (
            _kind(line),
            f"{NETWORKS[line['network']]}, {_which(line)}: ×{times_text(line['median at the first block'])}",
        )
        for line in _deepest(lines)
    ]
    return [*entries, ({"color": INK, "linewidth": THIN}, "thin: each seed; thick: the median")]


def _which(line: Line) -> str:
    return "Keras's fans" if "fans" in line else f"{line['blocks']} blocks"


def _kind(line: Line) -> Kind:
    return {**KINDS[line["network"]], **(SECOND if line.get("state") == "before" or "fans" in line else {})}


def _draw(lines: list[Line], axes: Axes, across: float) -> None:
    """Thin lines for seeds and thick ones for their medians; the gradient goes from the left to the right."""
    everything = [value for line in lines for row in line["norms"] for value in row]
    decades(axes, min(everything), max(everything))
    deepest = max(line["blocks"] for line in lines)
    axes.set_xlim(0, deepest - 1)
    if "state" in lines[0]:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=2))
    else:
        ticks_apart(axes, [0, *sorted({line["blocks"] - 1 for line in lines})], across)  # where lines end
    axes.set_xlabel("blocks back from the last")
    axes.axhline(1, color=INK, linewidth=0.8)
    for i, line in enumerate(lines):
        back = np.arange(line["blocks"], dtype=np.int64)
        kind = _kind(line)
        for row in line["norms"]:
            axes.plot(back, row[::-1], color=kind["color"], linewidth=THIN, alpha=0.5, clip_on=False, gid=f"thin-{i}")
        every = [line["blocks"] - 1] if "state" not in line else None
        median = _median(line["norms"])[::-1]
        axes.plot(back, median, **kind, markevery=every, clip_on=False, zorder=3, gid=f"line-{i}")


def _ends(data: Mapping[str, Any], kind: str) -> tuple[int, str, str]:
    """The depth of the deepest networks, and the factors at their first block with shortcuts and without."""
    ends = _deepest(data[kind])
    with_, without = (times_text(line["median at the first block"]) for line in ends)
    return ends[0]["blocks"], with_, without


def _alt(data: Mapping[str, Any]) -> str:
    texts = []
    for place, kind in (("Left", NORMALISED), ("Middle", PLAIN), ("Dotted there", KERAS)):
        depth, with_, without = _ends(data, kind)
        texts.append(
            f"{place}, untrained networks {kind}: from the last to the first of {depth} blocks the norm changes by the "
            f"factor {with_} with shortcuts, and along a straight line by the factor {without} with no shortcuts."
        )
    trained = "; ".join(
        f"{NETWORKS[line['network']]}, {line['state']} training, {times_text(line['median at the first block'])}"
        for line in data["trained"]
    )
    return (
        "Three plots of the gradient's norm, on a logarithmic axis, against the number of blocks that it has gone back "
        f"from the last one. {' '.join(texts)} Right, {data['trained'][0]['blocks']} blocks, factors: {trained}."
    )


def _caption(data: Mapping[str, Any]) -> str:
    depth, with_bn, without_bn = _ends(data, NORMALISED)
    _, with_plain, without_plain = _ends(data, PLAIN)
    _, with_keras, without_keras = _ends(data, KERAS)
    settings = data["settings"]
    seeds = len(data[NORMALISED][0]["norms"])
    runs = len(data["trained"][0]["norms"])
    failed = _not_trained(data)
    factors = {(line["network"], line["state"]): line["median at the first block"] for line in data["trained"]}
    return four_part_caption(
        claim=(
            f"{_claim(data)} Before training, over {depth} blocks, its norm changes by the factor {with_bn} with "
            f"shortcuts and {without_bn} without where there is batch normalisation, and by {with_plain} and "
            f"{without_plain} where there is none, with Keras's fans {with_keras} and {without_keras}. "
            f"After training, over {data['trained'][0]['blocks']} blocks, by "
            f"{times_text(factors['linear', 'after'])} with shortcuts and {times_text(factors['none', 'after'])} "
            "without" + (f"; of these the networks with {' and with '.join(failed)} did not train." if failed else ".")
        ),
        computed=(
            "npconv.training.probes.gradient_norms: the Frobenius norm of the loss's gradient with respect to each "
            f"block's output, on one batch of {settings['gradient_images']} test images in training mode, in "
            "networks of inverted residuals (variant_network, linear and none) that differ in nothing but their "
            f"shortcuts: (a) with batch normalisation and He's kernels, (b) without it and with Glorot's, (c) as (a). "
            "Glorot's kernels depend on the fans: a depthwise 3×3 kernel's are 9 and 9, the products of a sum, but "
            "Keras takes 9·M and 9, as if the channels were mixed. "
            f"Data: {data['data']}. "
            f"Thin: {seeds} seeds in (a) and (b), {runs} in (c); thick: their median."
        ),
        scale=(
            "The vertical axes are logarithmic, each with its own range; a line ends, with a marker, at its network's "
            "first block. Dotted with hollow markers: Keras's fans in (b), before training in (c)."
        ),
        not_shown=(
            f"Not shown: other tasks, and ImageNet; for (c) other budgets than {settings['steps']} steps"
            + (f", and what the gradients of a trained network with {failed[0]} would be." if failed else ".")
        ),
    )


def _claim(data: Mapping[str, Any]) -> str:
    """What the numbers say, in a sentence."""
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
    """Whether the logarithm of the median goes in equal steps: half way it has gone half of its way, to a fifth."""
    logs = [math.log(value) for value in _median(line["norms"])]
    half = (len(logs) - 1) / 2
    middle = (logs[math.floor(half)] + logs[math.ceil(half)]) / 2
    return abs(middle - logs[0] / 2) <= abs(logs[0]) / 10
