"""The ratio of the costs beside the ratio of the times, layer by layer, and the arithmetic intensity behind it."""

import statistics
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from ..bench.separable import SEPARABLE_LAYERS
from ..data import read_json
from ..kernels.arguments import integer
from ..text import counted, filled
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, LINE_COLORS, SMALLEST
from .parts.gpu_savings import gpu_numbers, gpu_words
from .parts.lines import BASE, Kind, arrange, decades, noted
from .parts.savings import PARTS, SHAPE, Layers, check_layers, range_text

FUNCTION = "predicted_and_measured"
TIMES = "separable_times.json"
NAMES = {"counted": "counted: 1/N + 1/Dᵣ²", "limit": "at NumPy's limits", "npconv": "npconv", "torch": "torch"}
TABLE = {"layer": "block", "Dᵤ": "side", "stride": "stride", "M": "in_channels", "N": "out_channels"}

SOLID: Kind = {"linestyle": "-", "markersize": 4.5, "linewidth": 1.2}
DASHED: Kind = {"linestyle": "--", "markersize": 4.5, "linewidth": 1.2, "markerfacecolor": "white"}
DOTTED: Kind = {"linestyle": ":", "color": INK, "linewidth": 1.2}
RATIOS: dict[str, Kind] = {
    "counted": {**SOLID, "color": INK, "marker": "o"},
    "limit": {**DOTTED, "marker": "o", "markersize": 4.5, "markerfacecolor": "white"},
    "npconv": {**SOLID, "color": LINE_COLORS[1], "marker": "s"},
    "torch": {**DASHED, "color": LINE_COLORS[1], "marker": "s"},
}
OF_PARTS: dict[str, Kind] = {
    "standard": {"color": LINE_COLORS[0], "marker": "o"},
    "pointwise": {"color": LINE_COLORS[2], "marker": "^"},
    "depthwise": {"color": LINE_COLORS[3], "marker": "D"},
}

NOTE = (
    "Measured once and stored: {setting}. Another machine gives other times; the counts stay. NumPy's limits: the "
    "matrix products alone, and one copy of the depthwise convolution's bytes.{lowest}"
)
LOWEST = (
    " torch's lowest ratio, layer {layer}: there its standard convolution reaches {there:.0f} GFLOP/s, {median:.0f} in "
    "the median."
)
SETTING = (
    "{layers}, batch {batch}, {dtype}, medians of {rounds:round}, on {processor} with {threads:thread}, NumPy {numpy}, "
    "{blas}{torch}"
)
ALT = (
    "Three plots over {count:layer}, with logarithmic axes. Top, a separable convolution over the standard one in its "
    "place, where 1 is no gain: {ratios}. Middle, FLOPs for each byte of input, kernel and output: {intensities}; the "
    "machine's balance {balance}. Bottom, GFLOP/s reached, {speeds}."
)
CAPTION = {
    "claim": (
        "By the count a separable convolution is {cheaper} times as cheap as the standard one; {faster}; at NumPy's "
        "limits it would be {limit} times. Its depthwise half has {macs} % of its multiplications and takes {shares}: "
        "it does {depthwise} operations for each byte, the standard convolution {standard}."
    ),
    "computed": (
        "npconv.bench.measure_separable: {setting}; npconv.conv2d, depthwise_separable_conv2d and its two halves in "
        "turn, and the same in torch where it is named, of its two memory layouts the faster. Counted: "
        "npconv.cost.cost_ratio. A FLOP is a multiplication or an addition, two to a MAC. (b) counts the bytes of "
        "input, kernel and output once each. NumPy's limits: the matrix products alone, and of the depthwise "
        "convolution one copy of its input's and output's bytes. The machine's balance: the FLOPs a second of the "
        "standard convolution's product over the bytes a second of that copy, of which the cache may hold a part; "
        "what lies below takes longer to move than to multiply."
    ),
    "scale": (
        "The vertical axes are logarithmic; in (a) the dotted horizontal line is the limit 1/Dᵣ². Filled markers: "
        "counted, and npconv; hollow: NumPy's limits, and torch.{lowest}"
    ),
    "not_shown": "Not shown: backward passes, other batches, normalisation and activations, which both sides have.",
}


class LayerLine(NamedTuple):
    """A line through all layers: what the legend says of it, its values, and how it is drawn."""

    label: str
    values: list[float]
    kind: Kind


def predicted_and_measured(
    measurements: Mapping[str, Any] | None = None,
    *,
    batch: int | None = None,
    gpu: Mapping[str, Any] | None = None,
    gpu_batch: int | None = None,
) -> Figure:
    """The savings of a separable convolution by cost and by the clock, layer by layer, and why they differ.

    Three plots over the layers: the separable convolution's share of the standard one's multiplications and of its
    time; how many operations there are for each byte that must be moved; and how many a second were reached. With a
    GPU's run the same three follow for it.

    Args:
        measurements: what `npconv bench --kind separable --json` writes; what ships with the package if None.
        batch: which of its batches is drawn; the smallest if None.
        gpu: what `python -m npconv.bench.on_gpu --json` writes, of the same layers.
        gpu_batch: which of its batches is drawn; the largest with all layers if None.

    Returns:
        Figure "predicted-and-measured". Its data: "machine", "batch", "rounds"; "layers", each with its shape, the
        "predicted" ratio, the "ratios" of the times, and by part "flops_per_byte" and "gflops", with the machine's
        "balance" in FLOPs a byte and the depthwise half's "share of MACs" and "share of time"; "medians" of the ratios
        over the layers. With `gpu` also "gpu": "machine", "batch", "rounds", and by dtype the "balances", "layers",
        "medians" and "networks".

    Raises:
        TypeError: `measurements` or `gpu` is no mapping.
        ValueError: something is missing in it, or doesn't fit; or it has no such batch; or the GPU's layers are others.
        OSError: nothing is given, and what ships is missing.

    Source: the article's "Depth-wise Separable Convolutions", that there are nearly an order of magnitude fewer
    computations.

    >>> predicted_and_measured().data["layers"][0]["predicted"]
    '73/576'
    """
    data = _numbers(*_checked(read_json(TIMES) if measurements is None else measurements, batch))
    words = _words(data)
    texts = {name: filled(text, **words) for name, text in {"note": NOTE, "alt": ALT, **CAPTION}.items()}
    if gpu_batch is not None:
        gpu_batch = integer(FUNCTION, "gpu_batch", gpu_batch)
        if gpu is None:
            raise ValueError(f"{FUNCTION}: gpu_batch must come with gpu; got gpu_batch {gpu_batch} alone")
    if gpu is not None:
        data["gpu"] = gpu_numbers(FUNCTION, gpu, gpu_batch, data["layers"])
        texts |= {name: f"{texts[name]} {text}" for name, text in gpu_words(data["gpu"]).items()}
    with style():
        figure = _draw(texts.pop("note"), data["layers"], data.get("gpu"))
    alt, caption = texts.pop("alt"), four_part_caption(**texts)
    return Figure(name="predicted-and-measured", figure=figure, data=data, alt=alt, caption=caption)


# What is drawn: numbers and words


def _checked(measurements: Mapping[str, Any], batch: int | None) -> tuple[Mapping[str, Any], Layers]:
    """The machine and the layers of one batch; raise where something is missing or doesn't fit."""
    if not isinstance(measurements, Mapping):
        kind = type(measurements).__name__
        raise TypeError(f"{FUNCTION}: measurements must be a mapping as npconv bench writes it; got {kind}")
    for name in ("machine", "separable"):
        if not measurements.get(name):
            raise ValueError(f"{FUNCTION}: measurements must have {name!r}; got {sorted(map(str, measurements))}")
    least, functions = {"limit", "npconv"}, "limit, npconv and at the most torch"
    check_layers(f"{FUNCTION}: measurements['separable']", measurements["separable"], least, set(NAMES), functions)
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
                **{key: layer[key] for key in SHAPE},
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


def _words(data: Mapping[str, Any]) -> dict[str, Any]:
    """The words that fill the templates."""
    layers, timed = data["layers"], data["layers"][0]["gflops"]

    def over(table: str, name: str) -> str:
        return range_text([layer[table][name] for layer in layers])

    def times(name: str) -> str:
        return range_text([1 / layer["ratios"][name] for layer in layers])

    def short(name: str) -> int:
        return sum(layer["ratios"][name] > layer["ratios"]["counted"] for layer in layers)

    ratios = [f"{NAMES[f].partition(':')[0]} {over('ratios', f)}, median {m:.2g}" for f, m in data["medians"].items()]
    intensities = [f"{part} {over('flops_per_byte', part)}" for part in PARTS]
    speeds = [
        f"{f}: " + ", ".join(f"{part} {range_text([layer['gflops'][f][part] for layer in layers])}" for part in PARTS)
        for f in timed
    ]
    faster = [
        f"by the clock {times(f)} times as fast in {f} (median {1 / data['medians'][f]:.2g}), short of the count in "
        f"{short(f)} of {counted('layer', len(layers))}"
        for f in timed
    ]
    shares = [
        f"{range_text([100 * layer['share of time'][f] for layer in layers])} % of its time in {f}" for f in timed
    ]
    return {
        "setting": _setting(data),
        "lowest": _lowest(layers) if "torch" in timed else "",
        "count": len(layers),
        "ratios": ", ".join(ratios),
        "intensities": ", ".join(intensities),
        "balance": range_text([layer["balance"] for layer in layers]),
        "speeds": "; ".join(speeds),
        "cheaper": times("counted"),
        "faster": "; ".join(faster),
        "limit": times("limit"),
        "macs": range_text([100 * layer["share of MACs"] for layer in layers]),
        "shares": ", ".join(shares),
        "depthwise": over("flops_per_byte", "depthwise"),
        "standard": over("flops_per_byte", "standard"),
    }


def _lowest(layers: Layers) -> str:
    """The layer of torch's lowest ratio, and the speed of torch's standard convolution in it."""
    lowest = min(layers, key=lambda layer: float(layer["ratios"]["torch"]))
    speeds = [layer["gflops"]["torch"]["standard"] for layer in layers]
    there, median = lowest["gflops"]["torch"]["standard"], statistics.median(speeds)
    return filled(LOWEST, layer=str(lowest["block"]).removeprefix("block "), there=there, median=median)


def _setting(data: Mapping[str, Any]) -> str:
    """The layers that were timed, how, and on what."""
    machine = data["machine"]
    shapes = [(row["side"], row["in_channels"], row["out_channels"], row["stride"]) for row in data["layers"]]
    blocks = [(each.side, each.in_channels, each.out_channels, each.stride) for each in SEPARABLE_LAYERS]
    return filled(
        SETTING,
        layers="the 13 blocks of MobileNetV1 at 224" if shapes == blocks else counted("layer", len(shapes)),
        batch=data["batch"],
        rounds=data["rounds"],
        dtype=machine.get("dtype", "float32"),
        processor=machine.get("processor", "an unnamed processor"),
        threads=machine.get("threads", 1),
        numpy=machine.get("numpy", "?"),
        blas=machine.get("blas", "its BLAS"),
        torch=f", torch {machine['torch']}" if "torch" in machine else "",
    )


# How it is drawn


def _draw(note: str, layers: Layers, gpu: Mapping[str, Any] | None) -> matplotlib.figure.Figure:
    """Three plots over the layers, one above another, three of a GPU, and below a table of the layers' shapes."""
    figure = noted(note, 6.6 if gpu is None else 12.0)
    ratios, intensities, speeds, *of_gpu = figure.subplots(3 if gpu is None else 6, 1, sharex=True)
    sides = {layer["kernel_side"] for layer in layers}
    limits = [LayerLine("1/Dᵣ², the limit", [1 / side**2], {**BASE, "linestyle": (0, (1, 3))}) for side in sides]
    levels = [LayerLine("no gain", [1.0], BASE), *(limits if len(limits) == 1 else [])]
    _plot(ratios, "(a) separable over standard: counted, and timed", "ratio", _ratio_lines(layers), levels)
    _plot(intensities, "(b) operations for each byte that must be moved", "FLOPs a byte", _intensity_lines(layers))
    _plot(speeds, "(c) operations a second that were reached", "GFLOP/s", _speed_lines(layers))
    _ratio_ticks(ratios, sides)
    if gpu is not None:
        ratios, intensities, speeds = of_gpu
        on_gpu = f"on the GPU, batch {gpu['batch']}"
        _plot(ratios, f"(d) {on_gpu}: separable over standard", "ratio", _gpu_ratio_lines(layers, gpu), levels)
        balances = [
            LayerLine(f"the card's balance, {dtype}", [balance], kind)
            for (dtype, balance), kind in zip(
                gpu["balances"].items(), (DOTTED, {**DOTTED, "linestyle": "--"}), strict=False
            )
        ]
        title = f"(e) {on_gpu}: operations for each byte that must be moved"
        _plot(intensities, title, "FLOPs a byte", _gpu_part_lines(gpu, "flops_per_byte"), balances)
        _plot(speeds, f"(f) {on_gpu}: operations a second", "GFLOP/s", _gpu_part_lines(gpu, "gflops"))
        _ratio_ticks(ratios, sides)
    names = [str(layer["block"]).removeprefix("block ") for layer in layers]
    rows = [names, *([str(layer[key]) for layer in layers] for key in list(TABLE.values())[1:])]
    speeds.set_xlim(-0.5, len(layers) - 0.5)
    speeds.set_xticks(range(len(layers)), ["\n".join(column) for column in zip(*rows, strict=True)], size=SMALLEST)
    below: dict[str, Any] = {"xytext": (-6, -7), "textcoords": "offset points", "ha": "right", "va": "top"}
    speeds.annotate("\n".join(TABLE), (0, 0), xycoords="axes fraction", size=SMALLEST, **below)
    names_that_fit = f"fewer layers, or of shorter names; got {len(layers)} with {max(names, key=len)!r}"
    arrange(FUNCTION, figure, f"measurements must be of {names_that_fit}")
    if not all(tick.label1.get_visible() for tick in speeds.xaxis.get_major_ticks()):
        raise ValueError(f"{FUNCTION}: measurements must be of {names_that_fit}")
    return figure


def _ratio_lines(layers: Layers) -> list[LayerLine]:
    return [LayerLine(NAMES[f], [layer["ratios"][f] for layer in layers], RATIOS[f]) for f in layers[0]["ratios"]]


def _intensity_lines(layers: Layers) -> list[LayerLine]:
    parts = [
        LayerLine(part, [layer["flops_per_byte"][part] for layer in layers], {**SOLID, **OF_PARTS[part]})
        for part in PARTS
    ]
    balance = "the machine's balance:\nbelow it memory limits"
    return [*parts, LayerLine(balance, [layer["balance"] for layer in layers], DOTTED)]


def _speed_lines(layers: Layers) -> list[LayerLine]:
    return [
        LayerLine(f"{part}, {f}", [layer["gflops"][f][part] for layer in layers], {**look, **OF_PARTS[part]})
        for part in PARTS
        for f, look in zip(layers[0]["gflops"], (SOLID, DASHED), strict=False)
    ]


def _gpu_ratio_lines(layers: Layers, gpu: Mapping[str, Any]) -> list[LayerLine]:
    lines = [LayerLine(NAMES["counted"], [layer["ratios"]["counted"] for layer in layers], RATIOS["counted"])]
    for (dtype, rows), limit, look in zip(gpu["layers"].items(), ("o", "v"), (SOLID, DASHED), strict=False):
        at_limit, torch = ([row["ratios"][f] for row in rows] for f in ("limit", "torch"))
        lines.append(LayerLine(f"at the card's limits, {dtype}", at_limit, {**RATIOS["limit"], "marker": limit}))
        lines.append(LayerLine(f"torch, {dtype}", torch, {"color": LINE_COLORS[1], "marker": "s", **look}))
    return lines


def _gpu_part_lines(gpu: Mapping[str, Any], table: str) -> list[LayerLine]:
    return [
        LayerLine(f"{part}, {dtype}", [row[table][part] for row in rows], {**look, **OF_PARTS[part]})
        for part in PARTS
        for (dtype, rows), look in zip(gpu["layers"].items(), (SOLID, DASHED), strict=False)
    ]


def _plot(axes: Axes, title: str, unit: str, lines: Sequence[LayerLine], levels: Sequence[LayerLine] = ()) -> None:
    """One plot: its lines, its horizontal ones, and beside them what they are, in the order of their ends."""
    axes.set_title(title, loc="left")
    axes.set_ylabel(unit)
    everything = [value for line in [*lines, *levels] for value in line.values]
    decades(axes, min(everything), max(everything))
    for i, line in enumerate(lines):
        axes.plot(range(len(line.values)), line.values, **line.kind, clip_on=False, zorder=3, gid=f"line-{i}")
    for line in levels:
        axes.axhline(line.values[0], **line.kind, gid=line.label)
    entries = sorted([*lines, *levels], key=lambda line: -line.values[-1])
    samples = [Line2D([], [], **line.kind) for line in entries]
    place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "frameon": False, "handlelength": 3}
    axes.legend(samples, [line.label for line in entries], **place)


def _ratio_ticks(axes: Axes, sides: set[int]) -> None:
    """Ticks at simple fractions, and at 1/Dᵣ² where all layers have one Dᵣ."""
    low, high = axes.dataLim.y0 / 1.15, axes.dataLim.y1 * 1.15
    axes.set_ylim(low, high)
    parts = [1, *(side**2 for side in sides if len(sides) == 1 and side > 1)]
    steps = [step * 10**decade for decade in range(5) for step in (1, 2, 5)]
    parts += [n for n in steps if n <= 1 / low and all(max(n / m, m / n) > 1.5 for m in parts)]
    whole = [n for n in steps[1:] if n <= high]
    names = [*("1" if n == 1 else f"1/{n}" for n in parts), *map(str, whole)]
    axes.set_yticks([*(1 / n for n in parts), *whole], names)
    axes.yaxis.set_minor_locator(NullLocator())
