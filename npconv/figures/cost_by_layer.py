"""The cost of MobileNetV2: MACs, weights and output maps, block by block and by kind of layer."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnchoredOffsetbox, DrawingArea
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, ScaledTranslation

from ..kernels.arguments import pair
from ..kernels.geometry import Pair
from ..layers import ReLU6
from ..models import MOBILENET_V2_ROWS, Row, Summary, mobilenet_v2, summary
from ..text import filled, plural, shape_text
from .figure import Figure, four_part_caption, style
from .parts.blocks import HATCH
from .parts.drawing import FRONT, INK, MARGIN, ROLES, SMALL, WIDTH, shade
from .parts.layout import grid, note

FUNCTION = "cost_by_layer"
MOST_BLOCKS = 40
KINDS = ("stem", "expand", "depthwise", "project", "last", "classifier")
"""In the order of forward, in which a block's bars stand from the top."""
QUANTITIES = {"macs": "MACs", "weights": "weights", "bytes": "output maps"}
PREFIXES = ((1, ""), (10**3, "k"), (10**6, "M"), (10**9, "G"), (10**12, "T"), (10**15, "P"))
UNITS = {"": "", "k": "thousands", "M": "millions", "G": "billions", "T": "trillions", "P": "quadrillions"}

COLORS = {
    "stem": "#FFFFFF",
    "expand": shade("#F0E442", FRONT),
    "depthwise": shade(ROLES["intermediate"], FRONT),
    "project": shade(ROLES["input"], FRONT),
    "last": "#BBBBBB",
    "classifier": "#777777",
}
HEIGHT, NOTE = 6.1, 0.48  # inches, of all and of the note above the panels
BAR = 0.8  # of a column
TICKS, LINE, BRACKETS, MAPS = 9, 20, 30, 38  # points below the last panel
TICK_UP: Any = 2  # matplotlib.lines.TICKUP


def cost_by_layer(
    *,
    width: float = 1.0,
    resolution: Pair = 224,
    classes: int = 1000,
    rows: Sequence[Row | tuple[int, int, int, int]] = MOBILENET_V2_ROWS,
) -> Figure:
    """MobileNetV2's MACs, weights and output maps, block by block: expansion, depthwise, projection apart.

    Args:
        width, classes, rows: as in `npconv.models.mobilenet_v2`; at most 40 blocks.
        resolution: of the image, an int or (height, width).

    Returns:
        Figure "cost-by-layer". Its data: "settings"; "columns", for the stem, each block, the last convolution and the
        classifier the layers that are drawn (output shape without the batch, whether it is linear, macs, weights,
        bytes of the output); "maps", from which column to which an output map has one size; "by kind" and "totals";
        the parameters of "batch normalisation", which are not drawn; and the "halves" of weights and bytes.

    Raises:
        TypeError, ValueError: as `mobilenet_v2`, and for a resolution that is no size or that the network does not
            take, no blocks, or more than can be drawn.

    Source: the MobileNetV2 paper's Table 2, the article's Fig. 9.

    >>> figure = cost_by_layer(rows=[(6, 24, 2, 2)], resolution=(32, 48), classes=10)
    >>> figure.data["totals"]["macs"], figure.data["by kind"]["macs"]["depthwise"]
    (7049216, 290304)
    """
    sizes = pair(FUNCTION, "resolution", resolution)
    network = mobilenet_v2(width, classes, rows=rows)
    if not 1 <= len(network.blocks) <= MOST_BLOCKS:
        raise ValueError(f"{FUNCTION}: rows must be of 1 to {MOST_BLOCKS} blocks; got {len(network.blocks)}")
    settings = {
        "width": float(width),
        "resolution": list(sizes),
        "classes": int(classes),
        "rows": [[int(number) for number in row] for row in rows],
    }
    data = {"settings": settings, **_numbers(summary(network, (1, *sizes, 3)))}
    with style():
        figure = _draw(data)
    return Figure(name="cost-by-layer", figure=figure, data=data, alt=_alt(data), caption=_caption(data))


# What is drawn: numbers


def _numbers(counted: Summary) -> dict[str, Any]:
    """All that is drawn."""
    columns = _columns(counted)
    drawn = [layer for column in columns for layer in column["layers"]]
    kinds = [kind for kind in KINDS if any(layer["kind"] == kind for layer in drawn)]
    return {
        "columns": columns,
        "maps": _maps(columns),
        "by kind": {
            name: {kind: sum(layer[name] for layer in drawn if layer["kind"] == kind) for kind in kinds}
            for name in QUANTITIES
        },
        "totals": {name: sum(layer[name] for layer in drawn) for name in QUANTITIES},
        "batch normalisation": sum(row.params for row in counted.rows if row.normalises),
        "halves": {"weights": _half(columns[::-1], "weights"), "bytes": _half(columns, "bytes")},
    }


def _columns(counted: Summary) -> list[dict[str, Any]]:
    """The layers that multiply, by block; one is linear unless a ReLU6 comes before the next of them."""
    columns: dict[str, list[dict[str, Any]]] = {}
    layer: dict[str, Any] = {}
    for row in counted.rows:
        if row.macs:
            layer = {"kind": row.kind, "output": list(row.output_shape[1:]), "linear": True}
            layer |= {"macs": row.macs, "weights": row.weights, "bytes": row.activation_bytes}
            columns.setdefault(row.block, []).append(layer)
        elif row.operation == ReLU6.__name__:
            layer["linear"] = False
    return [{"name": name, "layers": layers} for name, layers in columns.items()]


def _sum(column: Mapping[str, Any], name: str) -> int:
    return sum(layer[name] for layer in column["layers"])


def _maps(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Runs of columns whose outputs have a map of one size."""
    runs: list[dict[str, Any]] = []
    for column in columns:
        output = column["layers"][-1]["output"]
        if len(output) < 3:  # the classifier's, which has no map
            continue
        if runs and runs[-1]["map"] == output[:2]:
            runs[-1]["to"] = column["name"]
        else:
            runs.append({"map": output[:2], "from": column["name"], "to": column["name"]})
    return runs


def _half(columns: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """The fewest first columns that hold more than half of a sum: their number, the last one's name, their sum."""
    held = list(accumulate(_sum(column, name) for column in columns))
    last = next(index for index, sum_ in enumerate(held) if 2 * sum_ > held[-1])
    return {"columns": last + 1, "to": columns[last]["name"], "held": held[last]}


# What is said


def amount_text(amount: int, unit: str = "") -> str:
    """A count in three digits or four, with a prefix to its unit.

    >>> amount_text(864), amount_text(20_716_416), amount_text(1_280_000), amount_text(999_960), amount_text(8, "B")
    ('864', '20.7 M', '1.28 M', '1.00 M', '8 B')
    """
    if amount < 1000:
        return f"{amount} {unit}".strip()
    size, prefix = next((pair for pair in PREFIXES[1:] if amount < 999.95 * pair[0]), PREFIXES[-1])
    digits = 2 if amount < 9.995 * size else 1
    return f"{amount / size:.{digits}f} {prefix}{unit}"


def share_text(part: int, whole: int) -> str:
    """A share in %, never 0 or 100 where it is only near.

    >>> share_text(1, 3), share_text(1, 1000), share_text(999, 1000), share_text(5, 5)
    ('33 %', '< 1 %', '> 99 %', '100 %')
    """
    percent = 100 * part / whole
    if 0 < percent < 0.5:
        return "< 1 %"
    return "> 99 %" if 99.5 <= percent < 100 else f"{percent:.0f} %"


def _column_text(name: str) -> str:
    return {"stem": "the stem", "last": "the last convolution", "classifier": "the classifier"}.get(
        name, name.replace("_", " ")
    )


def _settings_text(data: Mapping[str, Any]) -> str:
    settings = data["settings"]
    own = "" if settings["rows"] == [list(row) for row in MOBILENET_V2_ROWS] else " with other rows"
    classes = f"{settings['classes']} {plural('class', settings['classes'])}"
    image = shape_text(settings["resolution"])
    return f"MobileNetV2{own}, width {settings['width']:g}, one image of {image}, {classes}"


def _facts(data: Mapping[str, Any]) -> dict[str, str]:
    """The words of the texts: in `macs`, `weights` and `bytes` the statement of each panel."""
    totals, columns = data["totals"], data["columns"]
    macs, weights = data["by kind"]["macs"], data["by kind"]["weights"]
    kinds = [kind for kind in ("expand", "project") if kind in macs]
    facts = {
        "settings": _settings_text(data),
        "kinds": " and ".join(kinds),
        "pointwise": share_text(sum(map(macs.get, kinds)), totals["macs"]),
        "depthwise": share_text(macs["depthwise"], totals["macs"]),
    }
    facts["macs"] = filled("{kinds} {pointwise}, depthwise {depthwise}", **facts)
    for name, end, several in (("weights", "last", "from {} on"), ("bytes", "first", "up to {}")):
        count, half = data["halves"][name]["columns"], data["halves"][name]
        facts[f"{name}_columns"] = (
            f"{end} {count} of {len(columns)} columns hold" if count > 1 else f"{end} column holds"
        )
        place = (several if count > 1 else "in {}").format(_column_text(half["to"]))
        facts[name] = f"{share_text(half['held'], totals[name])} {place}"
    classifier = share_text(weights["classifier"], totals["weights"])
    facts["alone"] = f", {classifier} in the classifier alone" * (data["halves"]["weights"]["columns"] > 1)
    layers = [(column["name"], layer) for column in columns for layer in column["layers"]]
    name, layer = max(layers, key=lambda pair: pair[1]["bytes"])
    facts["largest"] = _column_text(name) + f", {layer['kind']}" * (name != layer["kind"])
    facts["size"] = shape_text(layer["output"])
    norm = data["batch normalisation"]
    return facts | {"norm": f"{norm:,}", "norm_share": share_text(norm, totals["weights"] + norm)}


def _caption(data: Mapping[str, Any]) -> str:
    return four_part_caption(
        claim=(
            "{settings}. Of all MACs the pointwise convolutions of the blocks ({kinds}) take {pointwise}, the "
            "depthwise ones {depthwise}. The {weights_columns} more than half of the weights: {weights}{alone}. "
            "The {bytes_columns} more than half of the memory of the output maps: {bytes}; no output is larger than "
            "that of {largest}, {size}."
        ),
        computed=(
            "All numbers are npconv.models.summary's. The weights are kernels and the classifier's biases, without "
            "the {norm} parameters of batch normalisation ({norm_share} of both). An output map is counted for each "
            "convolution and the classifier, in float32, 4 bytes a number: normalisation, ReLU6 and the shortcut's sum "
            "are taken to write where they read."
        ),
        scale=[
            "Colours are kinds of layer",
            "all axes are linear, from 0",
            "a block's bars are, from top to bottom, expand, depthwise and project",
            "a dotted line stands before a block whose output has another map than its input",
            "its expansion still has the input's",
        ],
        not_shown=["the pool, additions, and what has to be in memory at one time"],
        **_facts(data),
    )


def _alt(data: Mapping[str, Any]) -> str:
    texts = []
    for name, title in QUANTITIES.items():
        total, unit = data["totals"][name], "B" if name == "bytes" else ""
        kinds = ", ".join(
            f"{kind} {amount_text(amount, unit)} ({share_text(amount, total)})"
            for kind, amount in data["by kind"][name].items()
        )
        most = max(data["columns"], key=lambda column: _sum(column, name))
        texts.append(
            f"{title[0].upper()}{title[1:]}, {total:,}{' bytes' * bool(unit)} in all: {kinds}; "
            f"{_facts(data)[name]}; the highest column is {_column_text(most['name'])} with "
            f"{amount_text(_sum(most, name), unit)}."
        )
    maps = ", ".join(f"{shape_text(run['map'])} from {_column_text(run['from'])} on" for run in data["maps"])
    blocks = len(data["columns"]) - 3
    return (
        "Three bar charts one above the other, with a column for the stem, "
        f"{f'each of the {blocks} blocks' if blocks > 1 else 'the one block'}, the last convolution and the classifier "
        f"of {_settings_text(data)}. {' '.join(texts)} Output maps: {maps}."
    )


# How it is drawn


def _draw(data: Mapping[str, Any]) -> matplotlib.figure.Figure:
    """A note, three panels with their legends at the right, and the blocks and maps below the last one."""
    figure = matplotlib.figure.Figure(figsize=(WIDTH, HEIGHT))
    constrained = ConstrainedLayoutEngine(h_pad=0.06, rect=(0.01, 0.015, 0.98, 1 - 0.015 - NOTE / HEIGHT))
    explained = (
        f"{_settings_text(data)}.\nThe bars of a block, from top to bottom: expand, depthwise, project. "
        "Hatched: the output is linear, no activation follows."
    )
    figure.text(MARGIN / WIDTH, 1 - MARGIN / HEIGHT, explained, size=SMALL, va="top", parse_math=False)
    panels: Sequence[Axes] = figure.subplots(len(QUANTITIES), 1, sharex=True)
    for axes, name in zip(panels, QUANTITIES, strict=True):
        _draw_panel(axes, data, name)
        _draw_legend(axes, data, name)
    figure.align_ylabels(panels)
    labels = _draw_below(panels[-1], data)
    constrained.execute(figure)
    keep_apart(labels)
    return figure


def _look(kind: str, linear: bool) -> dict[str, Any]:
    """The colour of a kind of layer, hatched where its output is linear."""
    return {"facecolor": COLORS[kind], "edgecolor": INK, "linewidth": 0.5, "hatch": HATCH if linear else None}


def _draw_panel(axes: Axes, data: Mapping[str, Any], name: str) -> None:
    """The title with a statement, the bars, and dotted lines where the map changes."""
    columns, total = data["columns"], data["totals"][name]
    amount = f"{amount_text(total, 'B')} ({total:,} bytes)" if name == "bytes" else f"{total:,}"
    title = axes.set_title(f"{QUANTITIES[name]}: {amount}", loc="left")
    axes.annotate(_facts(data)[name], (1, 0), xycoords=title, xytext=(10, 2.5), textcoords="offset points", size=SMALL)
    for i, column in enumerate(columns):
        y = 0
        for layer in reversed(column["layers"]):
            look = _look(layer["kind"], layer["linear"])
            gid = f"{column['name']}.{layer['kind']}"
            axes.add_artist(Rectangle((i - BAR / 2, y), BAR, layer[name], gid=gid, zorder=2, **look))
            y += layer[name]
    names = [column["name"] for column in columns]
    for run in data["maps"][1:]:
        axes.axvline(names.index(run["from"]) - 0.5, color=INK, linewidth=0.8, linestyle=":", zorder=1)
    most = max(_sum(column, name) for column in columns)
    size, prefix = max((pair for pair in PREFIXES if pair[0] <= most), default=PREFIXES[0])
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(0, 1.04 * most), xticks=[])
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(lambda amount, _: f"{amount / size:g}")
    axes.set_ylabel(f"{prefix}B" if name == "bytes" else UNITS[prefix])


def _draw_legend(axes: Axes, data: Mapping[str, Any], name: str) -> None:
    """At the right of a panel a sample of each kind's bars, its name, its amount and its share."""
    total, unit = data["totals"][name], "B" if name == "bytes" else ""
    linear = {layer["kind"]: layer["linear"] for column in data["columns"] for layer in column["layers"]}
    rows = []
    for kind, amount in data["by kind"][name].items():
        sample = DrawingArea(23, 11)
        sample.add_artist(Rectangle((0, 0), 23, 11, gid=f"legend-{kind}", **_look(kind, linear[kind])))
        rows.append([sample, *map(note, (kind, amount_text(amount, unit), share_text(amount, total)))])
    box = grid(rows, gaps=(0.08, 0.03), across=("left", "left", "right", "right"))
    legend = AnchoredOffsetbox(
        "upper left", child=box, pad=0, borderpad=0, frameon=False, bbox_to_anchor=(1.015, 1),
        bbox_transform=axes.transAxes,
    )  # fmt: skip
    legend.set_clip_on(False)
    axes.add_artist(legend)


def _draw_below(axes: Axes, data: Mapping[str, Any]) -> list[Text]:
    """The columns' names below them, and the size of the output's map; the texts, the most important ones first."""
    names = [column["name"] for column in data["columns"]]
    end = len(names) - 0.5

    def write(label: str, x: float, down: float, right: float = 0, ha: str = "center") -> Text:
        place: dict[str, Any] = {
            "xycoords": axes.get_xaxis_transform(),
            "xytext": (right, -down),
            "textcoords": "offset points",
        }
        return axes.annotate(label, (x, 0), size=SMALL, ha=ha, va="center", **place)

    labels = [write("stem", 0, TICKS), write("last", end - 1.5, TICKS), write("classifier", end, LINE, ha="right")]
    labels += [write(name, -0.5, down, -9, "right") for name, down in (("block", TICKS), ("output map", MAPS))]
    labels += [write(str(block), block, TICKS) for block in range(1, len(names) - 2)]
    inch = axes.figure.dpi_scale_trans
    level = axes.get_xaxis_transform() + ScaledTranslation(0, -BRACKETS / 72, inch)
    for run in data["maps"]:
        first, last = names.index(run["from"]), names.index(run["to"])
        ends = first - 0.4, last + 0.4
        axes.add_line(
            Line2D(ends, (0, 0), transform=level, color=INK, linewidth=0.8, marker=TICK_UP, markersize=4, clip_on=False)
        )
        labels.append(write(_map_text(run["map"]), (first + last) / 2, MAPS))
    return labels


def _map_text(sizes: Sequence[int]) -> str:
    """A map's size.

    >>> _map_text([112, 112]), _map_text([48, 80])
    ('112²', '48×80')
    """
    return f"{sizes[0]}²" if sizes[0] == sizes[1] else shape_text(sizes)


def keep_apart(labels: Sequence[Text], apart: float = 3) -> None:
    """Remove each text that comes nearer than so many points to one before it, as they are measured."""
    kept: list[Bbox] = []
    for label in labels:
        box = label.get_window_extent().padded(apart * label.figure.dpi / 72, 0)
        if any(box.overlaps(other) for other in kept):
            label.remove()
        else:
            kept.append(label.get_window_extent())
