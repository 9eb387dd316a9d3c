"""Linear bottlenecks and shortcuts in training: every seed's curve, their medians, and by how much networks differ."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..kernels.geometry import Array
from ..training.fig07 import VARIANTS, stored_results
from .figure import Figure, four_part_caption, style
from .parts.drawing import (
    INK,
    LINE_COLORS,
    LINE_STYLES,
    MARGIN,
    MARKERS,
    SMALL,
    TITLE,
    WIDTH,
    spread,
    text_width,
)
from .parts.lines import NOTE_LINE, wrapped, write_note
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

# inches
LEFT, TICKS, APART = 0.62, 0.42, 0.3  # beside the first plot, left of the second one, between columns
PLOT, ROW, TABLE_ROW = 2.35, 0.46, 0.19
LEADER = 0.16  # from a line's end to its label
SAMPLE = 0.42
DOT = 0.085


class Heights(NamedTuple):
    """Where things begin, in inches from the lower edge, and the height of all."""

    table: float
    differences: float
    curves: float
    all: float


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
    comparisons = data["comparisons"]
    notes = wrapped(_note(data), 0.97 * (WIDTH - 2 * MARGIN))  # on a screen letters may be that much wider
    table = 0.08 + TABLE_ROW * (len(VARIANTS) + 1)
    differences = table + 0.32 + 0.45
    curves = differences + ROW * len(comparisons) + 0.5 + 0.45
    heights = Heights(table, differences, curves, curves + PLOT + 0.36 + NOTE_LINE * len(notes) + MARGIN)
    with style():
        figure = matplotlib.figure.Figure(figsize=(WIDTH, heights.all))
        page = figure.add_axes((0, 0, 1, 1))
        write_note(page, notes, heights.all)
        _draw_curves(page, heights, data)
        _draw_differences(page, heights, data)
        _draw_table(page, heights, data)
    return Figure(
        name="linear-bottleneck-training",
        figure=figure,
        data=data,
        alt=_alt(data),
        caption=_caption(data),
    )


def _names(comparison: Mapping[str, Any], panels: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """What the two are called where they are compared."""
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
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


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


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _note(data: Mapping[str, Any]) -> str:
    """What a reader must know before looking."""
    settings, count = data["settings"], len(data["seeds"])
    lines = f"each of {count} seeds thin, their median thick" if count > 1 else "one seed"
    return (
        f"Small networks ({_count(settings['blocks'], 'inverted residual')}, k = {settings['channels']}, "
        f"t = {settings['expansion']}) trained for {_count(settings['steps'], 'step')} of {settings['batch_size']} "
        f"images; {lines}. Data: {data['data']}. This is not ImageNet."
    )


def _caption(data: Mapping[str, Any]) -> str:
    settings, seeds = data["settings"], data["seeds"]
    claims = []
    for each in data["comparisons"]:
        first, second = _names(each, PHRASES)
        if each["verdict"] == "open":
            claims.append(
                f"whether those with {first} or those with {second} end higher is open: first minus second "
                + _difference(each)
            )
        elif each["verdict"] == "first":
            claims.append(f"those with {first} end higher than those with {second}: {_difference(each)}")
        else:
            claims.append(f"those with {second} end higher than those with {first}: {_difference(each, -1)}")
    low, high = (min(max(limit, 0), 100) for limit in _limits(data))
    lowest_p = _lowest_p(seeds)
    return four_part_caption(
        claim=f"Of these small networks, by the mean final test accuracy, {'; '.join(claims)}.",
        computed=(
            f"Data: {data['data']}; {settings['train_images']:,} images to train, {settings['test_images']:,} others "
            f"to test, drawn with seed {settings['task_seed']}; not ImageNet. Networks: two layers of stride 2, then "
            f"{_count(settings['blocks'], 'inverted residual')} of one shape, k = {settings['channels']}, "
            f"t = {settings['expansion']}, whose shortcuts or bottlenecks differ as named. Training: "
            f"{_count(settings['steps'], 'step')} of {_count(settings['batch_size'], 'image')}, RMSProp with decay "
            f"{settings['decay']:g}, momentum {settings['momentum']:g} and ε = {settings['epsilon']:g}, a learning "
            f"rate from {settings['learning_rate']:g} to 0 along a cosine, labels smoothed by "
            f"{settings['smoothing']:g}, a test every {settings['evaluate_every']} steps and at the end; "
            f"{_seeds(seeds)}, the same for each network. Pairs are of equal seed; intervals are Student's t, p is of "
            "the two-sided sign-flip test, and below 0.05 one is called better"
            + (f"; with so few seeds p is {lowest_p:.2g} at least, and all stays open." if lowest_p >= LEVEL else ".")
        ),
        scale=(
            f"(a) and (b) have one linear scale, which shows {low:.0f} to {high:.0f} %; "
            "thin lines are seeds, a thick one the median over them at each step, the linear network's the same "
            f"in both; dots at {data['chance']:.0f} %: chance. (c) is in percentage points, a marker for each seed, a "
            "bar for the mean and its interval."
        ),
        not_shown=(
            "Not shown: losses, other depths, widths and budgets, where the order may differ, and a correction for "
            f"{_count(len(data['comparisons']), 'comparison')}; the paper's own curves are of ImageNet, and its "
            "numbers are not published."
        ),
    )


def _difference(comparison: Mapping[str, Any], sign: int = 1) -> str:
    """The mean difference and its interval, of the first minus the second or the other way round."""
    interval = sorted(sign * end for end in comparison["95 % interval"] or ())
    mean = f"{_signed(sign * comparison['mean'])} percentage points"
    return mean + (f", 95 % interval {' to '.join(map(_signed, interval))}" if interval else "")


def _seeds(seeds: Sequence[Any]) -> str:
    """How many seeds, and which.

    >>> _seeds([3, 4, 5]), _seeds([7]), _seeds([1, 3])
    ('3 seeds (3 to 5)', '1 seed (7)', '2 seeds (1, 3)')
    """
    row = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{_count(len(seeds), 'seed')} ({f'{seeds[0]} to {seeds[-1]}' if row else ', '.join(map(str, seeds))})"


def _alt(data: Mapping[str, Any]) -> str:
    medians = {row["network"]: f"{row['median']:.1f} %" for row in data["final"]}
    panels = [", ".join(f"{label} {medians[variant]}" for variant, label in names.items()) for names in NAMES]
    compared = "; ".join(
        f"{' minus '.join(_names(each, NAMES))} {_signed(each['mean'])}, interval {_interval(each)}, "
        f"{each['wins']} of {len(each['differences'])} above 0, {_verdict(each)}"
        for each in data["comparisons"]
    )
    count = len(data["seeds"])
    lines = f"a thin line for each of {count} seeds, a thick one for their median" if count > 1 else "with one seed"
    return (
        f"Test accuracy over {data['steps'][-1]:,} training steps, {lines}. It ends, left, at: {panels[0]}; right, by "
        f"where the shortcuts are: {panels[1]}. Chance is {data['chance']:.0f} %. Below, the differences at the end, "
        f"seed by seed, on a line with 0, in percentage points: {compared}. At the bottom a table of the final "
        "accuracies."
    )


def _limits(data: Mapping[str, Any]) -> tuple[float, float]:
    """The accuracies, in %, from which to which the plots go: all that is drawn, and a little beyond it."""
    drawn = [data["chance"], *(a for seeds in data["curves"].values() for curve in seeds for a in curve)]
    low, high = min(drawn), max(drawn)
    beyond = max(0.04 * (high - low), (10 - (high - low)) / 2)
    return low - beyond, high + beyond


def _draw_curves(page: Axes, heights: Heights, data: Mapping[str, Any]) -> None:
    """The two plots, with labels at the ends of the lines."""
    labels = [_end_texts(data, panel) for panel in range(2)]
    widths = [max(text_width(text, SMALL) for text in texts.values()) for texts in labels]
    across = (WIDTH - MARGIN - 2 * (LEFT + LEADER) - sum(widths)) / 2
    x = LEFT
    for i, names in enumerate(NAMES):
        axes = page.figure.add_axes((x / WIDTH, heights.curves / heights.all, across / WIDTH, PLOT / heights.all))
        axes.set_title(TITLES[i], loc="left")
        axes.set_xlim(0, data["steps"][-1])
        axes.set_ylim(*_limits(data))
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.set_xlabel("training step")
        if i == 0:
            axes.set_ylabel("test accuracy, %")
        axes.axhline(data["chance"], color=INK, linewidth=0.8, linestyle=(0, (1, 3)), gid="chance")
        for variant in names:
            _draw_network(axes, variant, data)
        _label_ends(axes, labels[i], data)
        x += across + LEADER + widths[i] + LEFT


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


def _end_texts(data: Mapping[str, Any], panel: int) -> dict[str, str]:
    """What is written at the end of each line: its name and its last value."""
    texts = {"chance": f"chance {data['chance']:.0f} %"}
    for variant, name in NAMES[panel].items():
        again = f", {ONE_NETWORK}" if panel == 1 and variant == "linear" else ""
        texts[variant] = f"{name}\n{data['medians'][variant][-1]:.1f} %{again}"
    return texts


def _label_ends(axes: Axes, texts: Mapping[str, str], data: Mapping[str, Any]) -> None:
    """Write beside the ends of the lines, apart from one another."""
    low, high = axes.get_ylim()
    inch = PLOT / (high - low)
    ends = {name: data["medians"][name][-1] if name in data["medians"] else data["chance"] for name in texts}
    edge = 0.14 if min(ends.values()) < data["chance"] else 0.07  # half a label's height, of two lines or of one
    places = spread([(end - low) * inch for end in ends.values()], 2.5 * SMALL / 72, (edge, PLOT - 0.14))
    width = axes.get_position().width * WIDTH
    for (name, end), y in zip(ends.items(), places, strict=True):
        start = (end - low) * inch
        leader = [1 + dx / width for dx in (0.06, LEADER - 0.03)], [start / PLOT, y / PLOT]
        axes.plot(*leader, transform=axes.transAxes, color=INK, linewidth=0.5, clip_on=False, gid="leader")
        x, y = 1 + LEADER / width, y / PLOT
        axes.text(x, y, texts[name], transform=axes.transAxes, size=SMALL, va="center", linespacing=1.05)
        axes.texts[-1].set_gid(f"end-{name}")


def _draw_differences(page: Axes, heights: Heights, data: Mapping[str, Any]) -> None:
    """A row for each comparison: markers, and at both sides what they are and their numbers."""
    comparisons = data["comparisons"]
    columns = [
        ("mean", [_signed(each["mean"]) for each in comparisons]),
        ("95 % interval", [_interval(each) for each in comparisons]),
        ("first wins", [f"{each['wins']} of {len(each['differences'])}" for each in comparisons]),
        ("p", [_p(each) for each in comparisons]),
    ]
    widths = [max(text_width(text, SMALL) for text in (head, *texts)) for head, texts in columns]
    ends = np.cumsum(np.array(widths) + 0.17) - 0.17
    right = max(ends[-1], *(text_width(_verdict(each), weight="bold") for each in comparisons))
    rows = [" minus\n".join(_names(each, NAMES)) for each in comparisons]
    left = MARGIN + max(text_width(row, SMALL) for row in rows) + 0.12
    numbers = WIDTH - MARGIN - right
    height = ROW * len(comparisons)
    top = heights.differences + height
    box = (left / WIDTH, heights.differences / heights.all, (numbers - 0.2 - left) / WIDTH, height / heights.all)
    _draw_markers(page.figure.add_axes(box), numbers - 0.2 - left, comparisons)
    page.text(MARGIN, top + 0.28, "(c) final accuracy, seed by seed: first minus second", size=TITLE, weight="bold")
    for (head, texts), end in zip(columns, ends, strict=True):
        page.text(numbers + end, top + 0.06, head, size=SMALL, ha="right")
        for i, text in enumerate(texts):
            page.text(numbers + end, top - (i + 0.5) * ROW + 0.02, text, size=SMALL, ha="right")
    for i, (row, each) in enumerate(zip(rows, comparisons, strict=True)):
        y = top - (i + 0.5) * ROW
        page.text(left - 0.12, y, row, size=SMALL, ha="right", va="center", linespacing=1.05)
        page.text(numbers, y - 0.145, _verdict(each), weight="bold", gid=f"verdict-{i}")


def _draw_markers(axes: Axes, across: float, comparisons: Sequence[Mapping[str, Any]]) -> None:
    """Each seed's difference, and below them their mean with its interval; heights are in inches."""
    drawn = [0.0, *(d for each in comparisons for d in (*each["differences"], *(each["95 % interval"] or ())))]
    low, high = max(min(drawn), -100), min(max(drawn), 100)  # an interval may be wider than all that is possible
    beyond = max(0.04 * (high - low), 0.5)
    axes.set_xlim(low - beyond, high + beyond)
    axes.set_ylim(0, ROW * len(comparisons))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:+g}".replace("-", "−") if x else "0")
    axes.set_xlabel("percentage points; right of 0 the first is better")
    axes.axvline(0, color=INK, linewidth=0.8, gid="zero")
    inch = across / (high - low + 2 * beyond)
    for i, each in enumerate(comparisons):
        y = (len(comparisons) - i - 0.5) * ROW
        second = list(VARIANTS).index(each["second"])
        seeds: dict[str, Any] = {"marker": MARKERS[second], "markersize": 5, "markeredgecolor": LINE_COLORS[second]}
        up = y + 0.06 + _stacked(np.array(each["differences"]) * inch)
        axes.plot(each["differences"], up, **seeds, linestyle="none", markerfacecolor="none", clip_on=False)
        axes.lines[-1].set_gid(f"differences-{i}")
        if each["95 % interval"]:
            axes.plot(each["95 % interval"], [y - 0.1] * 2, color=INK, linewidth=1.6, gid=f"interval-{i}")
        bar: dict[str, Any] = {"marker": "|", "markersize": 9, "markeredgewidth": 2.2, "color": INK}
        axes.plot([each["mean"]], [y - 0.1], **bar, linestyle="none", clip_on=False, gid=f"mean-{i}")


def _stacked(places: Array) -> Array:
    """How far up each of these places is to be moved, in inches, so that no marker hides another.

    >>> _stacked(np.array([1.0, 0.0, 1.01, 2.0]))
    array([0.  , 0.  , 0.06, 0.  ])
    """
    up = np.zeros(len(places))
    levels: list[float] = []  # the place of each level's last marker
    for i in np.argsort(places, kind="stable"):
        level = next((n for n, last in enumerate(levels) if places[i] - last > DOT), len(levels))
        levels[level : level + 1] = [places[i]]
        up[i] = level
    lifted: Array = up * min(0.06, 0.2 / max(len(levels) - 1, 1))
    return lifted


def _draw_table(page: Axes, heights: Heights, data: Mapping[str, Any]) -> None:
    """The final accuracies: a row for each network."""
    heads = ("median", "mean", "standard deviation", "lowest to highest", "seeds")
    top = heights.table - 0.08
    page.text(MARGIN, top + 0.1, "(d) final test accuracy, %", size=TITLE, weight="bold")
    beside = [sum(text_width(head, SMALL) + 0.25 for head in heads[i + 1 :]) for i in range(len(heads))]
    ends = [WIDTH - MARGIN - each for each in beside]
    for head, end in zip(heads, ends, strict=True):
        page.text(end, top + 0.1, head, size=SMALL, ha="right")
    page.plot([MARGIN, WIDTH - MARGIN], [top + 0.03] * 2, color=INK, linewidth=0.8)
    for i, row in enumerate(data["final"]):
        y = top - TABLE_ROW * (i + 0.5)
        deviation = row["standard deviation"]
        texts = (
            f"{row['median']:.1f}",
            f"{row['mean']:.1f}",
            "none" if deviation is None else f"{deviation:.1f}",
            f"{row['lowest']:.1f} to {row['highest']:.1f}",
            str(row["seeds"]),
        )
        x = MARGIN + SAMPLE * np.array([0, 0.5, 1])
        page.plot(x, [y] * 3, **_look(row["network"], at=1), gid=f"sample-{row['network']}")
        page.text(MARGIN + SAMPLE + 0.1, y, VARIANTS[row["network"]], size=SMALL, va="center_baseline")
        for text, end in zip(texts, ends, strict=True):
            page.text(end, y, text, size=SMALL, ha="right", va="center_baseline")
