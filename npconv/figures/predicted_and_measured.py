"""The ratio of the costs beside the ratio of the times, layer by layer, and the arithmetic intensity behind it."""

import math
import statistics
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from ..bench.separable import SEPARABLE_LAYERS
from ..data import read_json
from ..kernels.arguments import integer
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, LINE_COLORS, MARGIN, SMALL, SMALLEST, WIDTH, spread, text_width
from .parts.lines import NOTE_LINE, Kind, decades, wrapped, write_note

FUNCTION = "predicted_and_measured"
TIMES = "separable_times.json"
PARTS = ("standard", "pointwise", "depthwise")
NAMES = {"counted": "counted: 1/N + 1/Dᵣ²", "limit": "at NumPy's limits", "npconv": "npconv", "torch": "torch"}
NEEDED = (
    "block", "side", "in_channels", "out_channels", "kernel_side", "stride", "batch", "rounds", "predicted", "ratios",
    "macs", "bytes", "flops_per_byte", "milliseconds", "gflops",
)  # fmt: skip

# inches
LEFT, PLOT, ABOVE = 0.8, 1.62, 0.42  # beside a plot, its height, and over it for its title
ROW = 0.15  # of the table below
SAMPLE, LABEL = 0.1, 0.5  # from the axes to a line's sample and to its label

MEASURED = LINE_COLORS[1]
COLORS = {"standard": LINE_COLORS[0], "pointwise": LINE_COLORS[2], "depthwise": LINE_COLORS[3]}
MARKERS = {"standard": "o", "pointwise": "^", "depthwise": "D"}
SOLID: Kind = {"linestyle": "-", "markersize": 4.5, "linewidth": 1.2}
DASHED: Kind = {"linestyle": "--", "markersize": 4.5, "linewidth": 1.2, "markerfacecolor": "white"}
DOTTED: Kind = {"linestyle": ":", "color": INK, "linewidth": 1.2}
NO_GAIN: Kind = {"color": INK, "linewidth": 0.8}
RATIO_KINDS: dict[str, Kind] = {
    "counted": {**SOLID, "color": INK, "marker": "o"},
    "limit": {**DOTTED, "marker": "o", "markersize": 4.5, "markerfacecolor": "white"},
    "npconv": {**SOLID, "color": MEASURED, "marker": "s"},
    "torch": {**DASHED, "color": MEASURED, "marker": "s"},
}

Layers = Sequence[Mapping[str, Any]]


class Line(NamedTuple):
    """A line through all layers: what is written at its end, its values, and how it is drawn."""

    label: str
    values: list[float]
    kind: Kind


def predicted_and_measured(measurements: Mapping[str, Any] | None = None, *, batch: int | None = None) -> Figure:
    """What a separable convolution saves by its cost and by the clock, layer by layer, and why they differ.

    Three plots over the layers: the separable convolution's share of the standard one's multiplications and of its
    time; how many operations there are for each byte that must be moved; and how many a second were reached.

    Args:
        measurements: what `npconv bench --kind separable --json` writes; what ships with the package if None.
        batch: which of its batches is drawn; the smallest if None.

    Returns:
        Figure "predicted-and-measured". Its data: "machine", "batch", "rounds"; "layers", each with its shape, the
        "predicted" ratio, the "ratios" of the times, and by part "flops_per_byte" and "gflops", with the machine's
        "balance" in FLOPs a byte and the depthwise half's "share of MACs" and "share of time"; "medians" of the ratios
        over the layers.

    Raises:
        TypeError: `measurements` is no mapping.
        ValueError: something is missing in it, or doesn't fit; or it has no such batch.
        OSError: nothing is given, and what ships is missing.

    Source: the article's "Depth-wise Separable Convolutions", that there are nearly an order of magnitude fewer
    computations.

    >>> predicted_and_measured().data["layers"][0]["predicted"]
    '73/576'
    """
    data = _numbers(*_checked(read_json(TIMES) if measurements is None else measurements, batch))
    layers = data["layers"]
    plots = [
        ("(a) separable over standard: counted, and timed", "ratio", _ratio_lines(layers)),
        ("(b) operations for each byte that must be moved", "FLOPs a byte", _intensity_lines(layers)),
        ("(c) operations a second that were reached", "GFLOP/s", _speed_lines(layers)),
    ]
    ends = max(text_width(line.label, SMALL) for _, _, lines in plots for line in lines)
    across = WIDTH - LEFT - LABEL - 1.03 * ends - MARGIN
    table = _table(layers, across)
    notes = wrapped(_note(data), 0.97 * (WIDTH - 2 * MARGIN))  # on a screen letters may be that much wider
    below = MARGIN + ROW * len(table) + 0.1
    height = below + len(plots) * (PLOT + ABOVE) + NOTE_LINE * len(notes) + MARGIN
    with style():
        figure = matplotlib.figure.Figure(figsize=(WIDTH, height))
        page = figure.add_axes((0, 0, 1, 1), zorder=-1)
        write_note(page, notes, height)
        for i, (title, unit, lines) in enumerate(plots):
            bottom = below + (len(plots) - 1 - i) * (PLOT + ABOVE)
            axes = figure.add_axes((LEFT / WIDTH, bottom / height, across / WIDTH, PLOT / height))
            axes.set_title(title, loc="left")
            axes.set_ylabel(unit)
            _draw(axes, lines, None if i else layers)
        _write_table(page, table, across)
    return Figure(name="predicted-and-measured", figure=figure, data=data, alt=_alt(data), caption=_caption(data))


# What is drawn: numbers and words


def _checked(measurements: Mapping[str, Any], batch: int | None) -> tuple[Mapping[str, Any], Layers]:
    """The machine and the layers of one batch; raise where something is missing or doesn't fit."""
    if not isinstance(measurements, Mapping):
        kind = type(measurements).__name__
        raise TypeError(f"{FUNCTION}: measurements must be a mapping as npconv bench writes it; got {kind}")
    for name in ("machine", "separable"):
        if not measurements.get(name):
            raise ValueError(f"{FUNCTION}: measurements must have {name!r}; got {sorted(map(str, measurements))}")
    for index, layer in enumerate(measurements["separable"]):
        where = f"{FUNCTION}: measurements['separable'][{index}]"
        if missing := [key for key in NEEDED if key not in layer]:
            raise ValueError(f"{where} must have {', '.join(NEEDED)}; missing {', '.join(missing)}")
        functions = sorted(layer["ratios"])
        if not {"limit", "npconv"} <= set(functions) <= set(NAMES):
            raise ValueError(f"{where} must have ratios of limit, npconv and at the most torch; got {functions}")
        tables = [layer["ratios"], layer["flops_per_byte"], *layer["gflops"].values(), *layer["milliseconds"].values()]
        if not all(0 < value < math.inf for table in tables for value in table.values()):
            raise ValueError(f"{where} must have numbers above 0; got {tables}")
    batches = sorted({int(layer["batch"]) for layer in measurements["separable"]})
    batch = batches[0] if batch is None else integer(FUNCTION, "batch", batch)
    if batch not in batches:
        raise ValueError(f"{FUNCTION}: batch must be one of {', '.join(map(str, batches))}; got {batch}")
    layers = [layer for layer in measurements["separable"] if layer["batch"] == batch]
    if len({tuple(layer["ratios"]) for layer in layers}) > 1:
        raise ValueError(f"{FUNCTION}: measurements['separable'] must be of the same functions in every layer")
    return measurements["machine"], layers


def _numbers(machine: Mapping[str, Any], layers: Layers) -> dict[str, Any]:
    """All that is drawn."""
    rows = []
    for layer in layers:
        macs, times = layer["macs"], {f: t for f, t in layer["milliseconds"].items() if f != "limit"}
        gbytes = 1e-6 * layer["bytes"]["depthwise"] / layer["milliseconds"]["limit"]["depthwise"]
        rows.append(
            {
                **{key: layer[key] for key in NEEDED[:6]},
                "predicted": layer["predicted"],
                "ratios": {"counted": float(Fraction(layer["predicted"])), **layer["ratios"]},
                "flops_per_byte": {part: layer["flops_per_byte"][part] for part in PARTS},
                "balance": layer["gflops"]["limit"]["standard"] / gbytes,
                "gflops": {f: {part: layer["gflops"][f][part] for part in PARTS} for f in times},
                "share of MACs": macs["depthwise"] / macs["separable"],
                "share of time": {f: t["depthwise"] / (t["depthwise"] + t["pointwise"]) for f, t in times.items()},
            }
        )
    return {
        "machine": dict(machine),
        "batch": layers[0]["batch"],
        "rounds": min(layer["rounds"] for layer in layers),
        "layers": rows,
        "medians": {f: statistics.median(row["ratios"][f] for row in rows) for f in rows[0]["ratios"]},
    }


def _ratio_lines(layers: Layers) -> list[Line]:
    return [
        Line(NAMES[name], [layer["ratios"][name] for layer in layers], RATIO_KINDS[name])
        for name in layers[0]["ratios"]
    ]


def _intensity_lines(layers: Layers) -> list[Line]:
    parts = [Line(part, [layer["flops_per_byte"][part] for layer in layers], _kind(part, SOLID)) for part in PARTS]
    return [*parts, Line("the machine's balance", [layer["balance"] for layer in layers], DOTTED)]


def _speed_lines(layers: Layers) -> list[Line]:
    return [
        Line(f"{part}, {f}", [layer["gflops"][f][part] for layer in layers], _kind(part, look))
        for part in PARTS
        for f, look in zip(layers[0]["gflops"], (SOLID, DASHED), strict=False)
    ]


def _kind(part: str, look: Kind) -> Kind:
    return {**look, "color": COLORS[part], "marker": MARKERS[part]}


def _table(layers: Layers, across: float) -> list[list[str]]:
    """Rows of words below the plots, each with its head; raise where they are too wide for their columns."""
    table = [["layer", *(str(layer["block"]).removeprefix("block ") for layer in layers)]]
    for head, key in (("Dᵤ", "side"), ("stride", "stride"), ("M", "in_channels"), ("N", "out_channels")):
        table.append([head, *(str(layer[key]) for layer in layers)])
    widest = max((text for row in table for text in row[1:]), key=lambda text: text_width(text, SMALLEST))
    if text_width(widest, SMALLEST) + 0.05 > across / len(layers):
        raise ValueError(
            f"{FUNCTION}: measurements must be of fewer layers, or of shorter names; got {len(layers)} with {widest!r}"
        )
    return table


def _note(data: Mapping[str, Any]) -> str:
    """What a reader must know before looking."""
    return f"Measured once and stored: {_setting(data)}. Another machine gives other times; the counts stay."


def _setting(data: Mapping[str, Any]) -> str:
    """Which layers were timed, how, and on what."""
    machine = data["machine"]
    torch = f", torch {machine['torch']}" if "torch" in machine else ""
    shapes = [(row["side"], row["in_channels"], row["out_channels"], row["stride"]) for row in data["layers"]]
    blocks = [(each.side, each.in_channels, each.out_channels, each.stride) for each in SEPARABLE_LAYERS]
    layers = "the 13 blocks of MobileNetV1 at 224" if shapes == blocks else _count(len(shapes), "layer")
    return (
        f"{layers}, batch {data['batch']}, {machine.get('dtype', 'float32')}, medians of "
        f"{_count(data['rounds'], 'round')}, on {machine.get('processor', 'an unnamed processor')} with "
        f"{_count(machine.get('threads', 1), 'thread')}, NumPy {machine.get('numpy', '?')}, "
        f"{machine.get('blas', 'its BLAS')}{torch}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _range(values: Sequence[float]) -> str:
    """The least and the greatest of some numbers, in two digits.

    >>> _range([2.26, 0.9, 24.4]), _range([1 / 9]), _range([462.3, 99.6])
    ('0.9 to 24', '0.11', '100 to 462')
    """
    ends = [f"{end:.0f}" if end >= 9.95 else f"{end:.2g}" for end in (min(values), max(values))]
    return " to ".join(dict.fromkeys(ends))


def _over(data: Mapping[str, Any], table: str, name: str) -> str:
    """The range, over the layers, of what a table of theirs has under a name."""
    return _range([layer[table][name] for layer in data["layers"]])


def _times(data: Mapping[str, Any], name: str) -> str:
    """How many times as cheap, or as fast, the separable convolution is."""
    return _range([1 / layer["ratios"][name] for layer in data["layers"]])


def _alt(data: Mapping[str, Any]) -> str:
    layers, timed = data["layers"], data["layers"][0]["gflops"]
    ratios = ", ".join(
        f"{NAMES[name].partition(':')[0]} {_over(data, 'ratios', name)}, median {median:.2g}"
        for name, median in data["medians"].items()
    )
    intensity = ", ".join(f"{part} {_over(data, 'flops_per_byte', part)}" for part in PARTS)
    speeds = "; ".join(
        f"{name}: " + ", ".join(f"{part} {_range([layer['gflops'][name][part] for layer in layers])}" for part in PARTS)
        for name in timed
    )
    return (
        f"Three plots over {_count(len(layers), 'layer')}, with logarithmic axes. Top, a separable convolution over "
        f"the standard one in its place, where 1 is no gain: {ratios}. Middle, FLOPs for each byte of input, kernel "
        f"and output: {intensity}; the machine's balance {_range([layer['balance'] for layer in layers])}. Bottom, "
        f"GFLOP/s reached, {speeds}."
    )


def _caption(data: Mapping[str, Any]) -> str:
    layers, timed = data["layers"], data["layers"][0]["gflops"]
    faster = "; ".join(
        f"by the clock {_times(data, name)} times as fast in {name} (median {1 / data['medians'][name]:.2g}), short of "
        f"the count in {sum(layer['ratios'][name] > layer['ratios']['counted'] for layer in layers)} of "
        f"{_count(len(layers), 'layer')}"
        for name in timed
    )
    macs = _range([100 * layer["share of MACs"] for layer in layers])
    shares = ", ".join(
        f"{_range([100 * layer['share of time'][name] for layer in layers])} % of its time in {name}" for name in timed
    )
    return four_part_caption(
        claim=(
            f"By the count a separable convolution is {_times(data, 'counted')} times as cheap as the standard one; "
            f"{faster}; at NumPy's limits it would be {_times(data, 'limit')} times. Its depthwise half has {macs} % "
            f"of its multiplications and takes {shares}: it does {_over(data, 'flops_per_byte', 'depthwise')} "
            f"operations for each byte, the standard convolution {_over(data, 'flops_per_byte', 'standard')}."
        ),
        computed=(
            f"npconv.bench.measure_separable: {_setting(data)}; npconv.conv2d, depthwise_separable_conv2d and its two "
            "halves in turn, and the same in torch where it is named, of its two memory layouts the faster. Counted: "
            "npconv.cost.cost_ratio. A FLOP is a multiplication or an addition, two to a MAC. (b) counts the bytes of "
            "input, kernel and output once each. NumPy's limits: the matrix products alone, and of the depthwise "
            "convolution one copy of its input's and output's bytes. The machine's balance: the FLOPs a second of the "
            "standard convolution's product over the bytes a second of that copy, of which the cache may hold a part; "
            "what lies below takes longer to move than to multiply."
        ),
        scale=(
            "The vertical axes are logarithmic; in (a) the dotted horizontal line is the limit 1/Dᵣ². Filled markers: "
            "counted, and npconv; hollow: NumPy's limits, and torch."
        ),
        not_shown="Not shown: backward passes, other batches, normalisation and activations, which both sides have.",
    )


# How it is drawn


def _draw(axes: Axes, lines: Sequence[Line], layers: Layers | None) -> None:
    """One plot: its lines, and what they are at their ends; with layers that of the ratios."""
    everything = [value for line in lines for value in line.values]
    count = len(lines[0].values)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_xticks(range(count), [""] * count)
    if layers is None:
        decades(axes, min(everything), max(everything))
    else:
        _ratio_axis(axes, min(everything), max(everything), {layer["kernel_side"] for layer in layers})
    for i, line in enumerate(lines):
        axes.plot(range(count), line.values, **line.kind, clip_on=False, zorder=3, gid=f"line-{i}")
    _label_ends(axes, [*lines, *([] if layers is None else [Line("no gain", [1.0], NO_GAIN)])])


def _label_ends(axes: Axes, lines: Sequence[Line]) -> None:
    """Write beside the ends of the lines what they are, apart from one another, each with a sample."""
    low, high = map(math.log10, axes.get_ylim())
    starts = [(math.log10(line.values[-1]) - low) / (high - low) * PLOT for line in lines]
    width = axes.get_position().width * WIDTH
    for line, y in zip(lines, spread(starts, 1.35 * SMALL / 72, (0.05, PLOT)), strict=True):
        x = [1 + (SAMPLE + part * (LABEL - SAMPLE - 0.07)) / width for part in (0, 0.5, 1)]
        axes.plot(x, [y / PLOT] * 3, transform=axes.transAxes, clip_on=False, markevery=[1], **line.kind, gid="sample")
        at = (1 + LABEL / width, y / PLOT)
        axes.text(*at, line.label, size=SMALL, va="center_baseline", transform=axes.transAxes, parse_math=False)


def _ratio_axis(axes: Axes, low: float, high: float, kernel_sides: set[int]) -> None:
    """A logarithmic axis with ticks at simple fractions, a line at 1, and one at 1/Dᵣ² where all layers have one Dᵣ."""
    least = min(side**-2 for side in kernel_sides)
    low, high = min(low, least) / 1.15, max(high, 1) * 1.15
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    limits = [side**2 for side in kernel_sides] if len(kernel_sides) == 1 else []
    parts = [1, *(n for n in limits if n > 1)]
    steps = [step * 10**decade for decade in range(5) for step in (1, 2, 5)]
    parts += [n for n in steps if n <= 1 / low and all(max(n / m, m / n) > 1.5 for m in parts)]
    whole = [n for n in steps[1:] if n <= high]
    axes.set_yticks(
        [*(1 / n for n in parts), *whole], [*("1" if n == 1 else f"1/{n}" for n in parts), *map(str, whole)]
    )
    axes.yaxis.set_minor_locator(NullLocator())
    axes.axhline(1, **NO_GAIN, gid="no gain")
    for n in limits:
        axes.axhline(1 / n, color=INK, linewidth=0.8, linestyle=(0, (1, 3)), gid="limit")


def _write_table(page: Axes, table: Sequence[Sequence[str]], across: float) -> None:
    """Write the table below the lowest plot, its columns under the layers."""
    column = across / (len(table[0]) - 1)
    for i, (head, *texts) in enumerate(table):
        y = MARGIN + ROW * (len(table) - 1 - i) + ROW / 2
        page.text(LEFT - 0.08, y, head, size=SMALLEST, ha="right", va="center", parse_math=False)
        for j, text in enumerate(texts):
            x = LEFT + (j + 0.5) * column
            page.text(x, y, text, size=SMALLEST, ha="center", va="center", parse_math=False)
