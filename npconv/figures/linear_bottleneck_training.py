"""Linear bottlenecks and shortcuts in training: every seed's curve, their medians, and by how much networks differ."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..kernels.geometry import Array
from ..text import counted, filled
from ..training.fig07 import VARIANTS, stored_results
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, LINE_COLORS, LINE_STYLES, MARKERS, SMALL
from .parts.lines import BASE, arrange, label_ends, noted
from .parts.training_runs import numbers_of_runs

FUNCTION = "linear_bottleneck_training"
TITLES = ("(a) linear bottleneck, or ReLU6 in it", "(b) where the shortcuts are")
NAMES: tuple[dict[str, str], ...] = (
    {"linear": "linear", "relu6": "ReLU6"},
    {"linear": "between bottlenecks", "expansions": "between expansions", "none": "no shortcut"},
)
PHRASES: tuple[dict[str, str], ...] = (
    {"linear": "a linear bottleneck", "relu6": "ReLU6 in the bottleneck"},
    {
        "linear": "shortcuts between bottlenecks",
        "expansions": "shortcuts between expansions",
        "none": "no shortcuts",
    },
)
ONE_NETWORK = "as linear in (a)"
LEVEL = 0.05  # of p, below which one is called better
DOT = 0.085  # inches: markers nearer to one another are stacked
HOLLOW: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "none", "clip_on": False}
COLUMNS = {"median": 0.6, "mean": 0.67, "standard deviation": 0.8, "lowest to highest": 0.93, "seeds": 1.0}
"""The table's columns, and where each ends, as a share of the width."""

NOTE = (
    "Small networks ({blocks:inverted residual}, k = {channels}, t = {expansion}) trained for {steps:step} of "
    "{batch_size:image}; {lines}. Data: {data}. This is not ImageNet."
)
ALT = (
    "Test accuracy over {steps:,} training steps, {drawn}. It ends, left, at these medians: {left}; right, by where "
    "the shortcuts are: {right}. Chance is {chance:.0f} %. Below, the differences at the end, seed by seed, on a line "
    "with 0, in percentage points: {compared}. At the bottom a table of the final accuracies."
)
CAPTION = {
    "claim": "Of these small networks, by the mean final test accuracy, {claims}.",
    "computed": (
        "Data: {data}; {train_images:,} images to train, {test_images:,} others to test, drawn with seed {task_seed}; "
        "not ImageNet. Networks: two layers of stride 2, then {blocks:inverted residual} of one shape, k = {channels}, "
        "t = {expansion}, whose shortcuts or bottlenecks differ as named. Training: {steps:step} of "
        "{batch_size:image}, RMSProp with decay {decay:g}, momentum {momentum:g} and ε = {epsilon:g}, a learning rate "
        "from {learning_rate:g} to 0 along a cosine, labels smoothed by {smoothing:g}, a test every {evaluate_every} "
        "steps and at the end; {seeds}, the same for each network. Pairs are of equal seed; intervals are Student's t, "
        "p is of the two-sided sign-flip test, and below 0.05 one is called better{all_open}."
    ),
    "scale": (
        "(a) and (b) have one linear scale, which shows {low:.0f} to {high:.0f} %; thin lines are seeds, a thick one "
        "the median over them at each step, the linear network's the same in both; dots at {chance:.0f} %: chance. (c) "
        "is in percentage points, a marker for each seed, a bar for the mean and its interval."
    ),
    "not_shown": (
        "Not shown: losses, other depths, widths and budgets, where the order may differ, and a correction for "
        "{comparisons:comparison}; the paper's own curves are of ImageNet, and its numbers are not published."
    ),
}


def linear_bottleneck_training(results: Mapping[str, Any] | None = None) -> Figure:
    """Test accuracy while the networks of Fig. 7 are trained, and by how much their ends differ, seed by seed.

    Args:
        results: what `npconv.training.fig07.run_fig07` returned; what ships with the package if None.

    Returns:
        Figure "linear-bottleneck-training". Its data: "settings", "data", "seeds", "steps"; "curves", for each network
        a list of accuracies in % for each seed, and "medians" over the seeds; "final", the table of final accuracies;
        "comparisons", paired by seed, in percentage points; "chance" in %. A standard deviation or an interval that
        one seed doesn't give is null.

    Raises:
        TypeError: `results` is no mapping.
        ValueError: something is missing in it, or doesn't fit.
        OSError: nothing is given, and what ships is missing.

    Source: the article's Fig. 7, the MobileNetV2 paper's Fig. 6.

    >>> from dataclasses import asdict
    >>> from npconv.training.fig07 import Settings
    >>> runs = [
    ...     {"variant": variant, "seed": seed, "step": [50, 100], "test_accuracy": [0.25, 0.5 + seed / 8]}
    ...     for variant in ("linear", "relu6", "expansions", "none")
    ...     for seed in (0, 1)
    ... ]
    >>> results = {"settings": asdict(Settings(steps=100)), "data": "digits", "seeds": [0, 1], "runs": runs}
    >>> linear_bottleneck_training(results).data["medians"]["linear"]
    [25.0, 56.25]
    """
    data = numbers_of_runs(FUNCTION, stored_results() if results is None else results)
    words = _words(data)
    with style():
        figure = _draw(data, filled(NOTE, **words))
    caption = four_part_caption(**CAPTION, **words)
    return Figure(
        name="linear-bottleneck-training", figure=figure, data=data, alt=filled(ALT, **words), caption=caption
    )


# What is drawn: words


def _words(data: Mapping[str, Any]) -> dict[str, Any]:
    """The words that fill the templates, the settings among them."""
    count, comparisons = len(data["seeds"]), data["comparisons"]
    medians = {row["network"]: f"{row['median']:.1f} %" for row in data["final"]}
    left, right = (", ".join(f"{label} {medians[variant]}" for variant, label in names.items()) for names in NAMES)
    compared = [
        f"{' minus '.join(_names(each, NAMES))} {_signed(each['mean'])}, interval {_interval(each)}, "
        f"{each['wins']} of {count} above 0, {_verdict(each)}"
        for each in comparisons
    ]
    low, high = (min(max(limit, 0), 100) for limit in _limits(data))
    p = _lowest_p(data["seeds"])
    several = count > 1
    return {
        **data["settings"],
        "data": data["data"],
        "chance": data["chance"],
        "comparisons": len(comparisons),
        "lines": f"each of {count} seeds thin, their median thick" if several else "one seed",
        "drawn": f"a thin line for each of {count} seeds, a thick one for their median" if several else "with one seed",
        "left": left,
        "right": right,
        "compared": "; ".join(compared),
        "claims": "; ".join(map(_claim, comparisons)),
        "seeds": _seeds(data["seeds"]),
        "all_open": f"; with so few seeds p is {p:.2g} at least, and all stays open" if p >= LEVEL else "",
        "low": low,
        "high": high,
    }


def _claim(comparison: Mapping[str, Any]) -> str:
    """The network that ends higher, and by how much."""
    first, second = _names(comparison, PHRASES)
    if comparison["verdict"] == "open":
        return (
            f"whether those with {first} or those with {second} end higher is open: first minus second "
            + _difference(comparison)
        )
    if comparison["verdict"] == "first":
        return f"those with {first} end higher than those with {second}: {_difference(comparison)}"
    return f"those with {second} end higher than those with {first}: {_difference(comparison, -1)}"


def _difference(comparison: Mapping[str, Any], sign: int = 1) -> str:
    """The mean difference and its interval, of the first minus the second or the other way round."""
    interval = sorted(sign * end for end in comparison["95 % interval"] or ())
    mean = f"{_signed(sign * comparison['mean'])} percentage points"
    return mean + (f", 95 % interval {' to '.join(map(_signed, interval))}" if interval else "")


def _names(comparison: Mapping[str, Any], panels: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """The names of the two where they are compared."""
    pair = comparison["first"], comparison["second"]
    names = next((panel for panel in panels if set(pair) <= set(panel)), {**panels[1], **panels[0]})
    return names[pair[0]], names[pair[1]]


def _signed(points: float) -> str:
    """A number of percentage points with its sign.

    >>> _signed(-1.25), _signed(0.04)
    ('−1.2', '0.0')
    """
    text = f"{abs(points):.1f}"
    return text if float(text) == 0 else ("+" if points > 0 else "−") + text


def _interval(comparison: Mapping[str, Any]) -> str:
    interval = comparison["95 % interval"]
    return "none" if interval is None else " to ".join(map(_signed, interval))


def _p(comparison: Mapping[str, Any]) -> str:
    p = comparison["p"]
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _verdict(comparison: Mapping[str, Any]) -> str:
    if comparison["verdict"] == "open":
        return "too few seeds to tell" if _lowest_p(comparison["differences"]) >= LEVEL else "open: may be chance"
    return f"{_names(comparison, NAMES)[comparison['verdict'] == 'second']} is better"


def _lowest_p(seeds: Sequence[Any]) -> float:
    """The least that p can be with so many seeds, where all signs are equal.

    >>> _lowest_p(range(5)), _lowest_p(range(6))
    (0.0625, 0.03125)
    """
    return float(2 / 2 ** len(seeds))


def _seeds(seeds: Sequence[Any]) -> str:
    """The number of seeds, and which they are.

    >>> _seeds([3, 4, 5]), _seeds([7]), _seeds([1, 3])
    ('3 seeds (3 to 5)', '1 seed (7)', '2 seeds (1, 3)')
    """
    row = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{counted('seed', len(seeds))} ({f'{seeds[0]} to {seeds[-1]}' if row else ', '.join(map(str, seeds))})"


# How it is drawn


def _draw(data: Mapping[str, Any], note: str) -> matplotlib.figure.Figure:
    """The curves, below them the differences, and the table."""
    figure = noted(note, 6.8)
    rows: Any = figure.subfigures(3, 1, height_ratios=(3.05, 2.45, 1.3))
    above, between, below = rows
    for panel, axes in enumerate(above.subplots(1, 2, sharey=True)):
        _draw_curves(axes, panel, data)
    differences = between.subplots()
    _draw_differences(differences, data["comparisons"])
    _draw_table(below.subplots(), data["final"])
    arrange(FUNCTION, figure, "results must have shorter numbers")
    _stack_markers(differences)
    return figure


def _limits(data: Mapping[str, Any]) -> tuple[float, float]:
    """The accuracies, in %, from which to which the plots go: all that is drawn, and a little beyond it."""
    drawn = [data["chance"], *(a for seeds in data["curves"].values() for curve in seeds for a in curve)]
    low, high = min(drawn), max(drawn)
    beyond = max(0.04 * (high - low), (10 - (high - low)) / 2)
    return low - beyond, high + beyond


def _draw_curves(axes: Axes, panel: int, data: Mapping[str, Any]) -> None:
    """One of the two plots, with labels at the ends of the lines."""
    axes.set_title(TITLES[panel], loc="left")
    axes.set(xlim=(0, data["steps"][-1]), ylim=_limits(data), xlabel="training step")
    if panel == 0:
        axes.set_ylabel("test accuracy, %")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.axhline(data["chance"], **{**BASE, "linestyle": (0, (1, 3))}, gid="chance")
    ends = {"chance": (data["chance"], f"chance {data['chance']:.0f} %")}
    for variant, name in NAMES[panel].items():
        _draw_network(axes, variant, data)
        median = data["medians"][variant][-1]
        again = f", {ONE_NETWORK}" if panel == 1 and variant == "linear" else ""
        ends[variant] = (median, f"{name}\nmedian {median:.1f} %{again}")
    label_ends(axes, ends)


def _look(variant: str, at: int) -> dict[str, Any]:
    """A network's thick line, the same everywhere in the figure, with its marker at the point of this index."""
    i = list(VARIANTS).index(variant)
    line = {"color": LINE_COLORS[i], "linestyle": LINE_STYLES[i], "linewidth": 2.2}
    return {**line, "marker": MARKERS[i], "markevery": [at], "markersize": 6, "markeredgecolor": "white"}


def _draw_network(axes: Axes, variant: str, data: Mapping[str, Any]) -> None:
    """A thin line for each seed, and the thick median."""
    steps, seeds = data["steps"], data["curves"][variant]
    thick = _look(variant, at=len(steps) - 1)
    thin = {name: thick[name] for name in ("color", "linestyle")}
    strength = min(0.6, max(0.25, 6 / len(seeds)))
    for curve in seeds:
        axes.plot(steps, curve, **thin, linewidth=0.9, alpha=strength, clip_on=False, gid=f"seed-{variant}")
    axes.plot(steps, data["medians"][variant], **thick, clip_on=False, zorder=3, gid=f"median-{variant}")


def _draw_differences(axes: Axes, comparisons: Sequence[Mapping[str, Any]]) -> None:
    """A row for each comparison: each seed's difference, and below them their mean with its interval; and in words."""
    drawn = [0.0, *(d for each in comparisons for d in (*each["differences"], *(each["95 % interval"] or ())))]
    low, high = max(min(drawn), -100), min(max(drawn), 100)  # an interval may be wider than all that is possible
    beyond = max(0.04 * (high - low), 0.5)
    axes.set_title("(c) final accuracy, seed by seed: first minus second", loc="left")
    axes.set(xlim=(low - beyond, high + beyond), ylim=(len(comparisons) - 0.5, -0.5))
    axes.set_xlabel("percentage points; right of 0 the first is better (p: two-sided sign-flip test)")
    axes.set_yticks(range(len(comparisons)), [" minus\n".join(_names(each, NAMES)) for each in comparisons])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:+g}".replace("-", "−") if x else "0")
    axes.axvline(0, **BASE, gid="zero")
    bar: dict[str, Any] = {"marker": "|", "markersize": 9, "markeredgewidth": 2.2, "color": INK}
    beside: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
    for i, each in enumerate(comparisons):
        second = list(VARIANTS).index(each["second"])
        seeds: dict[str, Any] = {"marker": MARKERS[second], "markersize": 5, "markeredgecolor": LINE_COLORS[second]}
        at = [i - 0.1] * len(each["differences"])
        axes.plot(each["differences"], at, **seeds, **HOLLOW, gid=f"differences-{i}")
        if each["95 % interval"]:
            axes.plot(each["95 % interval"], [i + 0.22] * 2, color=INK, linewidth=1.6, gid=f"interval-{i}")
        axes.plot([each["mean"]], [i + 0.22], **bar, linestyle="none", clip_on=False, gid=f"mean-{i}")
        numbers = (
            f"mean {_signed(each['mean'])}, 95 % interval {_interval(each)}\n"
            f"first ahead in {each['wins']} of {len(each['differences'])}, {_p(each)}"
        )
        axes.annotate(_verdict(each), (1, i), (10, 5), va="bottom", weight="bold", **beside, gid=f"verdict-{i}")
        axes.annotate(numbers, (1, i), (10, 3), va="top", size=SMALL, **beside, gid=f"numbers-{i}")


def _stack_markers(axes: Axes) -> None:
    """Move markers up where one would hide another."""
    row = axes.bbox.height / axes.figure.dpi / len(axes.get_yticks())  # inches
    for line in axes.lines:
        if (line.get_gid() or "").startswith("differences-"):
            places = axes.transData.transform(np.stack(line.get_data(), axis=-1))[:, 0] / axes.figure.dpi
            line.set_ydata(np.asarray(line.get_ydata()) - _stacked(places) / row)


def _stacked(places: Array) -> Array:
    """The distance in inches to move each of these places up, so that no marker hides another.

    >>> _stacked(np.array([1.0, 0.0, 1.01, 2.0]))
    array([0.  , 0.  , 0.06, 0.  ])
    """
    levels: list[float] = []  # the place of each level's last marker
    up = np.zeros(len(places))
    for i in np.argsort(places, kind="stable"):
        level = next((n for n, last in enumerate(levels) if places[i] - last > DOT), len(levels))
        levels[level : level + 1] = [places[i]]
        up[i] = level
    lifted: Array = up * min(0.06, 0.2 / max(len(levels) - 1, 1))
    return lifted


def _draw_table(axes: Axes, final: Sequence[Mapping[str, Any]]) -> None:
    """The final accuracies: a row for each network."""
    axes.set_title("(d) final test accuracy, %", loc="left")
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(final) - 0.4, -1.2))
    axes.axhline(-0.55, **BASE)
    for name, end in COLUMNS.items():
        axes.text(end, -1, name, size=SMALL, ha="right", va="center_baseline")
    for i, row in enumerate(final):
        deviation = row["standard deviation"]
        texts = (
            f"{row['median']:.1f}",
            f"{row['mean']:.1f}",
            "none" if deviation is None else f"{deviation:.1f}",
            f"{row['lowest']:.1f} to {row['highest']:.1f}",
            str(row["seeds"]),
        )
        axes.plot([0, 0.025, 0.05], [i] * 3, **_look(row["network"], at=1), gid=f"sample-{row['network']}")
        axes.text(0.06, i, VARIANTS[row["network"]], size=SMALL, va="center_baseline")
        for text, end in zip(texts, COLUMNS.values(), strict=True):
            axes.text(end, i, text, size=SMALL, ha="right", va="center_baseline")
