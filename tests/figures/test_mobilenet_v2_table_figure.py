"""Fig. 9: the table's rows, shapes, parameters and MACs are those of plain formulas, its bars and volumes to scale."""

import functools
import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from artists import extent, lines, patches, places, texts
from matplotlib.text import Text
from plots import default_figure

from npconv.figures import Figure, mobilenet_v2_table
from npconv.models import MOBILENET_V2_ROWS, mobilenet_v2

PAPER = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
CASES: dict[str, dict[str, Any]] = {
    "the article's": {},
    "narrow, odd": {"width": 0.35, "resolution": (95, 160), "classes": 10},
    "two rows": {
        "rows": [(1, 8, 3, 1), (4, 24, 2, 3)], "resolution": (20, 33), "classes": 2, "in_channels": 1,
        "stem_channels": 8, "last_channels": 64,
    },
    "ten rows": {"rows": [(6 - i % 2, 8 * i + 8, i % 3 + 1, i % 2 + 1) for i in range(10)], "resolution": (600, 512)},
    "no rows": {"rows": [], "resolution": (1, 3), "classes": 1},
}  # fmt: skip
HEADINGS = ["input", "operator", "t", "c", "n", "s", "output", "parameters", "MACs"]


@functools.cache
def drawn(name: str) -> Figure:
    return mobilenet_v2_table(**CASES[name]) if CASES[name] else default_figure("mobilenet-v2-table")


def widened(channels: float) -> int:
    """Eights, the nearest ones, but not 10 % below."""
    eights = max(1, math.floor(channels / 8 + 0.5))
    return 8 * (eights + (8 * eights < 0.9 * channels))


def plain(
    width: float = 1,
    resolution: Any = 224,
    classes: int = 1000,
    rows: Any = PAPER,
    in_channels: int = 3,
    stem_channels: int = 32,
    last_channels: int = 1280,
) -> list[dict[str, Any]]:
    """The stages by hand: t, c, n, s, shapes, params (2 a channel for each normalisation), macs, shortcuts."""
    h, w = resolution if isinstance(resolution, tuple) else (resolution, resolution)
    k = widened(stem_channels * width)
    stages = [{"symbols": (None, k, 1, 2), "input": [h, w, in_channels], "norm": 2 * k, "shortcuts": 0}]
    h, w = -(-h // 2), -(-w // 2)
    stages[0] |= {"output": [h, w, k], "weights": 9 * in_channels * k, "macs": h * w * 9 * in_channels * k}
    for t, c, n, s in rows:
        c = widened(c * width)
        stage: dict[str, Any] = {"symbols": (t, c, n, s), "input": [h, w, k], "shortcuts": n - (s > 1 or c != k)}
        weights = norm = macs = 0
        for stride in [s] + [1] * (n - 1):
            if t > 1:
                weights, norm, macs = weights + k * t * k, norm + 2 * t * k, macs + h * w * k * t * k
            h, w = -(-h // stride), -(-w // stride)
            weights, norm, macs = (
                weights + 9 * t * k + t * k * c, norm + 2 * t * k + 2 * c, macs + h * w * t * k * (9 + c)
            )  # fmt: skip
            k = c
        stages.append(stage | {"output": [h, w, k], "weights": weights, "norm": norm, "macs": macs})
    last = widened(last_channels * max(1, width))
    stages += [
        {"symbols": (None, last, 1, 1), "input": [h, w, k], "output": [h, w, last], "weights": k * last,
         "norm": 2 * last, "macs": h * w * k * last},
        {"symbols": (None, None, 1, None), "input": [h, w, last], "output": [1, 1, last]},
        {"symbols": (None, classes, None, None), "input": [1, 1, last], "output": [1, 1, classes],
         "weights": last * classes + classes, "macs": last * classes},
    ]  # fmt: skip
    return [{"shortcuts": 0, "weights": 0, "norm": 0, "macs": 0} | stage for stage in stages]


@pytest.mark.parametrize("name", CASES)
def test_its_rows_are_the_plain_formulas(name: str) -> None:
    data, stages = drawn(name).data, plain(**CASES[name])
    assert len(data["rows"]) == len(stages)
    for row, stage in zip(data["rows"], stages, strict=True):
        assert tuple(row[symbol] for symbol in "tcns") == stage["symbols"]
        assert row["params"] == stage["weights"] + stage["norm"]
        for key in ("input", "output", "weights", "macs", "shortcuts"):
            assert row[key] == stage[key], key
    assert data["macs"] == sum(stage["macs"] for stage in stages)
    assert data["weights"] == sum(stage["weights"] for stage in stages)
    assert data["params"] == data["weights"] + sum(stage["norm"] for stage in stages)


def test_the_articles_table() -> None:
    data = drawn("the article's").data
    assert [tuple(row[symbol] for symbol in "tcns") for row in data["rows"][1:-3]] == PAPER
    assert [tuple(row) for row in MOBILENET_V2_ROWS] == PAPER
    assert (data["macs"], data["params"], data["weights"]) == (300_774_272, 3_504_872, 3_470_760)
    assert [block for row in data["rows"] for block in row["blocks"]] == [f"block_{i}" for i in range(1, 18)]
    assert sum(row["shortcuts"] for row in data["rows"]) == 10


def percent(share: float) -> list[str]:
    if not share:
        return []
    return ["< 0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"]


@pytest.mark.parametrize("name", CASES)
def test_every_text_is_what_was_computed(name: str) -> None:
    stages = plain(**CASES[name])
    params, macs = (sum(s["weights"] + s["norm"] for s in stages), sum(s["macs"] for s in stages))
    pooled = "×".join(map(str, stages[-2]["input"][:2]))
    operators = ["conv2d 3×3", *["bottleneck"] * (len(stages) - 4), "conv2d 1×1", f"avgpool {pooled}", "conv2d 1×1"]
    first, details, expected = 1, [["then ReLU6"]], HEADINGS.copy()
    for stage in stages[1:-3]:
        _, _, n, _ = stage["symbols"]
        detail = f"block {first}" if n == 1 else f"blocks {first}–{first + n - 1}"
        shortcuts = stage["shortcuts"]
        details.append([detail + (f", {shortcuts} shortcut{'s' * (shortcuts > 1)}" if shortcuts else "")])
        first += n
    for stage, operator, detail in zip(
        stages, operators, [*details, ["then ReLU6"], [], ["dense, with bias"]], strict=True
    ):
        own = stage["weights"] + stage["norm"]
        expected += ["×".join(map(str, stage["input"])), operator, *detail]
        expected += ["–" if number is None else str(number) for number in stage["symbols"]]
        expected += ["×".join(map(str, stage["output"])), f"{own:,}", *percent(own / params)]
        expected += [f"{stage['macs']:,}", *percent(stage["macs"] / macs)]
    written = texts(drawn(name))
    assert written[2 : 2 + len(expected)] == expected
    assert written[2 + len(expected) :][:3] == ["in all", f"{params:,}", f"{macs:,}"]
    sides = stages[0]["input"]
    assert written[0].endswith(f" {CASES[name].get('width', 1)}, on an image of {sides[0]}×{sides[1]}")


@pytest.mark.parametrize("name", CASES)
def test_volumes_are_square_roots_and_hatched_where_linear(name: str) -> None:
    figure, faces = drawn(name), patches(drawn(name))
    channel, side = figure.data["inches per root of a channel"], figure.data["inches per root of a map's side"]
    assert any(row["drawn"] for row in figure.data["rows"])
    for i, row in enumerate(figure.data["rows"]):
        height, width, channels = map(math.sqrt, row["output"])
        assert row["drawn"] == (min(channels * channel, height * side) >= 0.02)
        assert (f"output-{i}-front" in faces) == row["drawn"]
        if row["drawn"]:
            assert extent(faces[f"output-{i}-front"]) == pytest.approx((channels * channel, height * side))
            across, up = extent(faces[f"output-{i}-side"])
            back = 0.5 * width * side
            expected = back * math.cos(math.radians(40)), back * math.sin(math.radians(40))
            assert (across, up - height * side) == pytest.approx(expected)
            for face in ("front", "top", "side"):
                assert faces[f"output-{i}-{face}"].get_hatch() == ("////" if row["linear"] else None)
    assert faces["legend-linear"].get_hatch() == "////"
    assert faces["legend-activated"].get_hatch() is None


def test_linear_is_what_no_activation_made() -> None:
    case = CASES["narrow, odd"]
    network = mobilenet_v2(case["width"], case["classes"])
    y = np.random.default_rng(4).normal(size=(2, 40, 33, 3)).astype(np.float32)
    negative = {}
    for layer in network.layers:
        y = network.layers[layer].forward(y)
        negative[layer] = bool((y < 0).any())
    ends = ["stem_relu6", *(f"block_{i}" for i in (1, 3, 6, 10, 13, 16, 17)), "last_relu6", "pool", "classifier"]
    assert [row["linear"] for row in drawn("narrow, odd").data["rows"]] == [negative[name] for name in ends]
    assert [negative[name] for name in ends] == [False, *[True] * 7, False, False, True]


def test_volumes_too_thin_to_be_seen_are_left_out_and_told() -> None:
    figure = drawn("ten rows")
    missing = ["×".join(map(str, row["output"])) for row in figure.data["rows"] if not row["drawn"]]
    assert missing == ["1×1×1280", "1×1×1000"]
    assert any(f"not drawn: {', '.join(missing)}." in text for text in texts(figure))
    assert figure.caption.endswith(f"too thin to be seen, {', '.join(missing)}.")
    assert not any("not drawn" in text for text in texts(drawn("the article's")))


@pytest.mark.parametrize("name", CASES)
def test_pictures_stand_clear_of_texts_and_bars_are_shares_on_one_scale(name: str) -> None:
    figure, stages, pictures = drawn(name), plain(**CASES[name]), patches(drawn(name))
    written = [text for text in figure.figure.findobj(Text) if text.get_text()]
    boxes = dict(zip([*written, *pictures], places(figure, *written, *pictures.values()), strict=True))
    for gid, text in product(pictures, written):
        box, picture = boxes[text], boxes[gid]
        apart = picture.x1 <= box.x0 or box.x1 <= picture.x0 or picture.y1 <= box.y0 + 0.01
        assert apart or box.y1 <= picture.y0 + 0.01, (gid, text.get_text())
    for heading in ("t", "c", "n", "s", "parameters", "MACs"):
        (edge,) = (boxes[text].x1 for text in written if text.get_text() == heading)
        assert sum(abs(boxes[text].x1 - edge) < 0.02 for text in written) > len(stages)
    costs = {"params": [s["weights"] + s["norm"] for s in stages], "macs": [s["macs"] for s in stages]}
    for column, numbers in costs.items():
        own = {i: pictures[f"{column}-{i}"] for i in range(len(stages)) if f"{column}-{i}" in pictures}
        assert list(own) == [i for i, number in enumerate(numbers) if number]
        shares = [bar.get_width() / 72 / figure.data["inches per share"] for bar in own.values()]
        assert shares == pytest.approx([numbers[i] / sum(numbers) for i in own])
        assert np.ptp([boxes[f"{column}-{i}"].x0 for i in own]) < 1e-6
        assert len({bar.get_facecolor() for bar in own.values()}) == 1
    bars = {int(gid.rpartition("-")[2]): np.ptp(line.get_xdata()) for gid, line in lines(figure).items()}
    low, high = sorted(bars)
    assert high == 4 * low
    assert high <= max(stage["output"][2] for stage in stages) < 4 * high
    for count, length in bars.items():
        assert length == pytest.approx(math.sqrt(count) * figure.data["inches per root of a channel"])
        assert f"{count} channel{'s' * (count > 1)}" in texts(figure)


def test_the_papers_numbers_are_told_where_they_are_this_networks() -> None:
    figure = drawn("the article's")
    assert figure.data["the paper's"] == {"macs": "300 M", "params": "3.4 M", "holds": True}
    sentence = "The paper's 300 M MAdds and 3.4 M parameters are these MACs, and 3,470,760, truncated."
    assert any(sentence in text for text in texts(figure))
    assert sentence in figure.caption
    assert "19 blocks, and its table sums to 17" in figure.caption
    wide = mobilenet_v2_table(width=1.4)
    assert wide.data["the paper's"] == {"macs": "585 M", "params": "6.9 M", "holds": False}
    assert "585 M MAdds and 6.9 M parameters, which its table doesn't give" in wide.caption
    assert plain(width=1.4)[-1]["weights"] == wide.data["rows"][-1]["weights"]
    for other in (drawn("narrow, odd"), mobilenet_v2_table(classes=10), mobilenet_v2_table(rows=PAPER[:-1])):
        assert other.data["the paper's"] is None
        assert not any("paper" in text for text in (*texts(other), other.caption))


def test_caption_and_alt_text_have_the_numbers() -> None:
    figure = drawn("the article's")
    stages = plain()
    blocks = stages[1:-3]
    macs = sum(s["macs"] for s in blocks) / 300_774_272
    params = sum(s["weights"] + s["norm"] for s in blocks) / 3_504_872
    assert f"{100 * macs:.1f} % of the 300,774,272 MACs and {100 * params:.1f} % of the 3,504,872" in figure.caption
    for part in ("npconv.models.summary", "square roots", "Not shown: "):
        assert part in figure.caption
    for stage in stages:
        source, result = ("×".join(map(str, stage[key])) for key in ("input", "output"))
        assert f"{source} to {result}, {stage['weights'] + stage['norm']:,}" in figure.alt
    assert "3,504,872 parameters and 300,774,272 MACs" in figure.alt
