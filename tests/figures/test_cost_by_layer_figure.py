"""Every bar is as high as plain formulas say, hatched exactly where no ReLU6 follows, and labelled with its numbers."""

import functools
import math
from typing import Any

import numpy as np
import pytest
from artists import places, texts
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from plots import default_figure

from npconv.figures import Figure, cost_by_layer
from npconv.models import MOBILENET_V2_ROWS, mobilenet_v2, summary

NAMES = ("macs", "weights", "bytes")
KINDS = ("stem", "expand", "depthwise", "project", "last", "classifier")
# The arguments, and what the widths make of them: channels of the stem, of each row, of the last convolution.
CASES: dict[str, tuple[dict[str, Any], tuple[int, list[int], int]]] = {
    "the paper's": ({}, (32, [16, 24, 32, 64, 96, 160, 320], 1280)),
    "narrow, flat, two classes": (
        {"width": 0.35, "resolution": (96, 160), "classes": 2},
        (16, [8, 8, 16, 24, 32, 56, 112], 1280),
    ),
    "wide, odd": (
        {"width": 1.4, "resolution": (97, 33), "classes": 1, "rows": [(6, 24, 2, 2), (3, 40, 1, 1), (1, 16, 2, 3)]},
        (48, [32, 56, 24], 1792),
    ),
    "one block": ({"rows": ((1, 16, 1, 1),), "resolution": 32}, (32, [16], 1280)),
    "thirty blocks": (
        {"width": 0.35, "rows": [(6, 24, 29, 2), (2, 16, 1, 2)], "resolution": 40}, (16, [8, 8], 1280),
    ),
}  # fmt: skip


@functools.cache
def drawn(case: str) -> Figure:
    return cost_by_layer(**CASES[case][0]) if CASES[case][0] else default_figure("cost-by-layer")


def formulas(case: str) -> dict[str, dict[str, int]]:
    """MACs, weights and bytes by layer, from the sizes of the kernels and maps alone."""
    arguments, (stem, widths, last) = CASES[case]
    resolution, classes = arguments.get("resolution", 224), arguments.get("classes", 1000)
    h, w = resolution if isinstance(resolution, tuple) else (resolution, resolution)
    h, w = math.ceil(h / 2), math.ceil(w / 2)
    weights, maps = {"stem.stem": 9 * 3 * stem}, {"stem.stem": (h * w, stem)}
    k, number = stem, 0
    for (t, _, n, s), channels in zip(arguments.get("rows", MOBILENET_V2_ROWS), widths, strict=True):
        for stride in (s, *[1] * (n - 1)):
            number += 1
            block = f"block_{number}"
            if t > 1:
                weights[f"{block}.expand"], maps[f"{block}.expand"] = k * t * k, (h * w, t * k)
            h, w = math.ceil(h / stride), math.ceil(w / stride)
            weights[f"{block}.depthwise"], maps[f"{block}.depthwise"] = 9 * t * k, (h * w, t * k)
            weights[f"{block}.project"], maps[f"{block}.project"] = t * k * channels, (h * w, channels)
            k = channels
    weights["last.last"], maps["last.last"] = k * last, (h * w, last)
    weights["classifier.classifier"], maps["classifier.classifier"] = last * classes, (1, classes)
    biases = {"classifier.classifier": classes}
    return {
        "macs": {layer: maps[layer][0] * weights[layer] for layer in weights},
        "weights": {layer: weights[layer] + biases.get(layer, 0) for layer in weights},
        "bytes": {layer: 4 * area * channels for layer, (area, channels) in maps.items()},
    }


def panels(figure: Figure) -> dict[str, Axes]:
    return dict(zip(NAMES, figure.figure.axes, strict=True))


def bars(axes: Axes) -> dict[str, Rectangle]:
    return {str(bar.get_gid()): bar for bar in axes.patches if isinstance(bar, Rectangle)}


def samples(axes: Axes) -> dict[str, Rectangle]:
    """The legend's samples, by kind."""
    found = {str(patch.get_gid()): patch for patch in axes.findobj(Rectangle)}
    return {gid.removeprefix("legend-"): patch for gid, patch in found.items() if gid.startswith("legend-")}


def labels(figure: Figure) -> dict[str, Text]:
    """The texts of the last panel, below which the columns have their names."""
    return {text.get_text(): text for text in figure.figure.axes[-1].texts}


def summed(numbers: dict[str, int], part: int) -> dict[str, int]:
    """Sums by column (part 0) or by kind (part 1)."""
    sums: dict[str, int] = {}
    for layer, number in numbers.items():
        name = layer.split(".")[part]
        sums[name] = sums.get(name, 0) + number
    return sums


by_column, by_kind = (functools.partial(summed, part=part) for part in (0, 1))


@pytest.mark.parametrize("case", CASES)
def test_bars_are_as_high_as_the_formulas_say(case: str) -> None:
    figure, expected = drawn(case), formulas(case)
    for name, axes in panels(figure).items():
        heights = {layer: bar.get_height() for layer, bar in bars(axes).items()}
        assert heights == expected[name], name
        data = {
            f"{column['name']}.{layer['kind']}": layer[name]
            for column in figure.data["columns"]
            for layer in column["layers"]
        }
        assert list(data.items()) == list(expected[name].items()), name
        assert figure.data["by kind"][name] == by_kind(expected[name])
        assert figure.data["totals"][name] == sum(expected[name].values())


@pytest.mark.parametrize("case", CASES)
def test_bars_of_a_block_stand_on_one_another_the_first_one_on_top(case: str) -> None:
    expected = formulas(case)
    columns = list(by_column(expected["macs"]))
    for name, axes in panels(drawn(case)).items():
        drawn_bars, tops = bars(axes), by_column(expected[name])
        assert axes.get_xlim() == (-0.5, len(columns) - 0.5)
        assert axes.get_ylim()[0] == 0
        assert max(tops.values()) < axes.get_ylim()[1] < 1.1 * max(tops.values())
        for layer, height in expected[name].items():
            column = layer.split(".")[0]
            bar = drawn_bars[layer]
            assert bar.get_y() + height == tops[column], (name, layer)
            tops[column] -= height
            assert bar.get_x() + bar.get_width() / 2 == pytest.approx(columns.index(column))
            assert bar.get_width() == pytest.approx(0.8)
        assert set(tops.values()) == {0}


def test_sums_are_the_published_ones() -> None:
    data = drawn("the paper's").data
    assert (data["totals"]["macs"], data["totals"]["weights"]) == (300_774_272, 3_470_760)
    assert data["batch normalisation"] == 34_112
    counted = summary(mobilenet_v2(), (1, 224, 224, 3))
    assert data["totals"]["weights"] + data["batch normalisation"] == counted.params


@pytest.mark.parametrize("case", ["the paper's", "wide, odd"])
def test_hatching_is_where_no_relu6_follows(case: str) -> None:
    figure, arguments = drawn(case), CASES[case][0]
    network = mobilenet_v2(
        arguments.get("width", 1.0), arguments.get("classes", 1000), rows=arguments.get("rows", MOBILENET_V2_ROWS)
    )
    hatched = set()
    for axes in panels(figure).values():
        for name, bar in bars(axes).items():
            block, kind = name.split(".")
            layers = network.layers if block == kind else network.layers[block].layers  # type: ignore[attr-defined]
            assert (bar.get_hatch() == "////") == (f"{kind}_relu6" not in layers), name
            assert bar.get_hatch() in ("////", None)
            hatched |= {kind} if bar.get_hatch() else set()
    assert hatched == {"project", "classifier"}


def test_a_kind_has_one_look_of_its_own_in_all_panels_and_in_their_legends() -> None:
    looks: dict[str, set[Any]] = {}
    for axes in panels(drawn("the paper's")).values():
        for kind, patch in (*samples(axes).items(), *((name.split(".")[1], bar) for name, bar in bars(axes).items())):
            looks.setdefault(kind, set()).add((patch.get_facecolor(), patch.get_hatch()))
    assert {kind: len(own) for kind, own in looks.items()} == dict.fromkeys(KINDS, 1)
    assert len(set.union(*looks.values())) == len(KINDS)
    grey = [np.dot(color[:3], (0.299, 0.587, 0.114)) for kind in ("expand", "depthwise") for color, _ in looks[kind]]
    assert grey[0] - grey[1] > 0.1  # the two that are not hatched can be told apart in grey


def test_titles_and_legends_say_how_much_and_which_share() -> None:
    written = texts(drawn("the paper's"))
    assert {
        ("expand", "129.8 M", "43 %"), ("depthwise", "20.7 M", "7 %"), ("project", "118.1 M", "39 %"),
        ("stem", "864", "< 1 %"), ("classifier", "1.28 M", "37 %"), ("expand", "13.4 MB", "50 %"),
    } <= set(zip(written, written[1:], written[2:], strict=False))  # fmt: skip
    titles = [axes.get_title(loc="left") for axes in panels(drawn("the paper's")).values()]
    assert titles == ["MACs: 300,774,272", "weights: 3,470,760", "output maps: 26.7 MB (26,716,448 bytes)"]
    assert {"expand and project 82 %, depthwise 7 %", "62 % from block 17 on", "53 % up to block 3"} <= set(written)
    assert "8 B" in texts(drawn("narrow, flat, two classes"))


@pytest.mark.parametrize(("case", "lacks"), [("the paper's", ""), ("one block", "expand")])
def test_a_legend_lists_the_kinds_that_there_are_beside_its_own_panel(case: str, lacks: str) -> None:
    figure, kinds = drawn(case), [kind for kind in KINDS if kind != lacks]
    for axes in panels(figure).values():
        assert list(samples(axes)) == kinds
        panel, *beside = places(figure, axes.patch, *samples(axes).values())
        assert all(panel.y0 < box.y0 < box.y1 < panel.y1 + 0.01 and box.x0 > panel.x1 for box in beside)


def test_ticks_are_numbers_in_the_unit_beside_them() -> None:
    units = {"thousands": 1e3, "millions": 1e6, "MB": 1e6, "kB": 1e3, "B": 1, "": 1}
    seen = set()
    for case in CASES:
        for axes in panels(drawn(case)).values():
            unit = axes.get_ylabel()
            seen.add(unit)
            ticks, texts = axes.get_yticks(), [text.get_text() for text in axes.get_yticklabels()]
            assert len(ticks) >= 2
            for tick, text in zip(ticks, texts, strict=True):
                assert float(text) * units[unit] == pytest.approx(tick)
            assert 1 <= axes.get_ylim()[1] / units[unit] < 1100
    assert {"thousands", "millions", "MB", "kB"} <= seen


@pytest.mark.parametrize(
    ("case", "starts", "maps"),
    [
        ("the paper's", [0, 2, 4, 7, 14], ["112²", "56²", "28²", "14²", "7²"]),
        ("narrow, flat, two classes", [0, 2, 4, 7, 14], ["48×80", "24×40", "12×20", "6×10", "3×5"]),
        ("wide, odd", [0, 1, 4], ["49×17", "25×9", "9×3"]),
        ("thirty blocks", [0, 1, 30], ["20²", "10²", "5²"]),
    ],
)
def test_maps_are_marked_where_they_change(case: str, starts: list[int], maps: list[str]) -> None:
    figure = drawn(case)
    for axes in panels(figure).values():
        dotted = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]  # type: ignore[index]
        assert dotted == [start - 0.5 for start in starts[1:]]
    ends = [*starts[1:], len(figure.data["columns"]) - 1]  # the classifier has no map
    brackets = [line.get_xdata() for line in axes.lines if line.get_linestyle() == "-"]
    for (left, right), start, end, text in zip(brackets, starts, ends, maps, strict=True):
        assert start - 0.5 < left < start <= end - 1 < right < end - 0.5  # type: ignore[operator]
        assert labels(figure)[text].xy[0] == pytest.approx((left + right) / 2)  # type: ignore[attr-defined, operator]
    sides = [text.split("×") if "×" in text else [text[:-1]] * 2 for text in maps]
    assert [run["map"] for run in figure.data["maps"]] == [[int(side) for side in pair] for pair in sides]


@pytest.mark.parametrize("case", ["the paper's", "one block", "thirty blocks"])
def test_columns_have_their_names_below_them_within_the_panel(case: str) -> None:
    figure, axes = drawn(case), panels(drawn(case))["bytes"]
    columns = [column["name"].removeprefix("block_") for column in figure.data["columns"]]
    named = {name: labels(figure)[name] for name in columns if name in labels(figure)}
    assert {"stem", "last", "classifier"} <= set(named)
    assert len(named) == len(columns) or case == "thirty blocks"
    panel, *below = places(figure, axes.patch, *named.values())
    for (name, label), place in zip(named.items(), below, strict=True):
        assert place.y1 < panel.y0
        assert place.x1 < panel.x1 + 0.1
        column = columns.index(name) + (name == "classifier") / 2
        assert label.xy[0] == column  # type: ignore[attr-defined]


def test_the_caption_says_where_the_costs_are() -> None:
    paper, block = drawn("the paper's").caption, drawn("one block").caption
    assert paper.startswith(
        "MobileNetV2, width 1, one image of 224×224, 1000 classes. Of all MACs the pointwise convolutions of the "
        "blocks (expand and project) take 82 %, the depthwise ones 7 %. The last 3 of 20 columns hold more than half "
        "of the weights: 62 % from block 17 on, 37 % in the classifier alone. The first 4 of 20 columns hold more "
        "than half of the memory of the output maps: 53 % up to block 3; no output is larger than that of block 2, "
        "expand, 112×112×96."
    )
    assert "without the 34,112 parameters of batch normalisation (1 % of both)" in paper
    assert block.startswith("MobileNetV2 with other rows, width 1, one image of 32×32, 1000 classes.")
    assert "(project) take 2 %, the depthwise ones 1 %. The last column holds more" in block
    assert "98 % in the classifier. The first 3 of 4 columns" in block
    assert "that of the last convolution, 16×16×1280." in block


def test_the_alt_text_has_the_numbers_of_every_kind() -> None:
    alt = drawn("the paper's").alt
    assert "MACs, 300,774,272 in all: stem 10.8 M (4 %), expand 129.8 M (43 %), depthwise 20.7 M (7 %)" in alt
    assert "each of the 17 blocks" in alt
    assert "7×7 from block 14 on" in alt
    assert "the one block" in drawn("one block").alt
