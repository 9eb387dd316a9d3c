"""mobilenet-v3-table: its rows, shapes, parameters and MACs are those of plain formulas, bars and volumes to scale."""

import math
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from artists import extent, patches, places, texts
from figure_cases import CASES, DEFAULT, drawn, names
from matplotlib.text import Text

from npconv.figures import mobilenet_v3_table
from npconv.models import MOBILENET_V3_ROWS

module = import_module("npconv.figures.mobilenet_v3_table")

# The paper's Tables 1 and 2: kernel, exp size, #out, SE, NL, s.
PAPER: dict[str, list[tuple[int, int, int, bool, str, int]]] = {
    "large": [
        (3, 16, 16, False, "RE", 1), (3, 64, 24, False, "RE", 2), (3, 72, 24, False, "RE", 1),
        (5, 72, 40, True, "RE", 2), (5, 120, 40, True, "RE", 1), (5, 120, 40, True, "RE", 1),
        (3, 240, 80, False, "HS", 2), (3, 200, 80, False, "HS", 1), (3, 184, 80, False, "HS", 1),
        (3, 184, 80, False, "HS", 1), (3, 480, 112, True, "HS", 1), (3, 672, 112, True, "HS", 1),
        (5, 672, 160, True, "HS", 2), (5, 960, 160, True, "HS", 1), (5, 960, 160, True, "HS", 1),
    ],
    "small": [
        (3, 16, 16, True, "RE", 2), (3, 72, 24, False, "RE", 2), (3, 88, 24, False, "RE", 1),
        (5, 96, 40, True, "HS", 2), (5, 240, 40, True, "HS", 1), (5, 240, 40, True, "HS", 1),
        (5, 120, 48, True, "HS", 1), (5, 144, 48, True, "HS", 1), (5, 288, 96, True, "HS", 2),
        (5, 576, 96, True, "HS", 1), (5, 576, 96, True, "HS", 1),
    ],
}  # fmt: skip
HIDDEN = {"large": 1280, "small": 1024}
HEADINGS = ["input", "operator", "exp size", "#out", "SE", "NL", "s", "output", "parameters", "MACs"]
ALL = names(mobilenet_v3_table)


def case_of(name: str) -> dict[str, Any]:
    return {"width": 1.0, "resolution": 224, "classes": 1000} | CASES[mobilenet_v3_table].get(name, {})


def sizes_of(name: str) -> list[str]:
    return [case_of(name)["size"]] if "size" in case_of(name) else ["large", "small"]


def widened(channels: float) -> int:
    """Eights, the nearest ones, but not 10 % below."""
    eights = max(1, math.floor(channels / 8 + 0.5))
    return 8 * (eights + (8 * eights < 0.9 * channels))


def plain(size: str, name: str) -> list[dict[str, Any]]:
    """The rows by hand, by Keras's rules: symbols, shapes, weights, norm (2 a channel), macs, shortcut."""
    case = case_of(name)
    resolution, width, simple = case["resolution"], case["width"], case.get("minimalistic", False)
    h, w = resolution if isinstance(resolution, tuple) else (resolution, resolution)
    swish = "RE" if simple else "HS"
    rows: list[dict[str, Any]] = [
        {"symbols": (None, 16, None, swish, 2), "input": [h, w, 3], "operator": "conv2d 3×3", "norm": 32}
    ]
    h, w, k, before = -(-h // 2), -(-w // 2), 16, 16
    rows[0] |= {"output": [h, w, k], "weights": 9 * 3 * k, "macs": h * w * 9 * 3 * k}
    for side, exp, out, squeeze, activation, s in PAPER[size]:
        if simple:
            side, squeeze, activation = 3, False, "RE"
        wide, c = widened(exp * k / before), widened(out * width)
        hidden = widened(wide / 4) if squeeze else None
        rows.append({"input": [h, w, k], "operator": f"bneck {side}×{side}", "shortcut": s == 1 and k == c})
        rows[-1]["symbols"] = wide, c, hidden, activation, s
        weights = norm = macs = 0
        if wide != k:
            weights, norm, macs = k * wide, 2 * wide, h * w * k * wide
        h, w = -(-h // s), -(-w // s)
        weights, norm, macs = weights + side**2 * wide, norm + 2 * wide, macs + h * w * side**2 * wide
        if hidden:
            weights, macs = weights + 2 * wide * hidden + hidden + wide, macs + 2 * wide * hidden
        weights, norm, macs = weights + wide * c, norm + 2 * c, macs + h * w * wide * c
        rows[-1] |= {"output": [h, w, c], "weights": weights, "norm": norm, "macs": macs}
        k, before = c, out
    last = widened(6 * k)
    dense = widened(HIDDEN[size] * width) if width > 1 else HIDDEN[size]
    classes = case["classes"]
    rows += [
        {"symbols": (None, last, None, swish, 1), "input": [h, w, k], "output": [h, w, last], "weights": k * last,
         "norm": 2 * last, "macs": h * w * k * last, "operator": "conv2d 1×1"},
        {"symbols": (None,) * 5, "input": [h, w, last], "output": [1, 1, last], "operator": f"avgpool {h}×{w}"},
        {"symbols": (None, dense, None, swish, None), "input": [1, 1, last], "output": [1, 1, dense],
         "weights": last * dense + dense, "macs": last * dense, "operator": "dense, with bias"},
        {"symbols": (None, classes, None, None, None), "input": [1, 1, dense], "output": [1, 1, classes],
         "weights": dense * classes + classes, "macs": dense * classes, "operator": "dense, with bias"},
    ]  # fmt: skip
    return rows


@pytest.mark.parametrize("name", ALL)
def test_its_rows_are_the_plain_formulas(name: str) -> None:
    data = drawn(mobilenet_v3_table, name).data
    assert [key for key in data if not key.startswith("inches")] == sizes_of(name)
    for size in sizes_of(name):
        expected = [{"weights": 0, "norm": 0, "macs": 0, "shortcut": False} | row for row in plain(size, name)]
        rows = data[size]["rows"]
        assert len(rows) == len(expected)
        for i, (row, by_hand) in enumerate(zip(rows, expected, strict=True)):
            assert tuple(row[symbol] for symbol in ("exp size", "#out", "SE", "NL", "s")) == by_hand["symbols"]
            assert row["params"] == by_hand["weights"] + by_hand["norm"]
            for key in ("operator", "input", "output", "weights", "macs", "shortcut"):
                assert row[key] == by_hand[key], (i, key)
            assert row["block"] == (f"block_{i}" if row["operator"].startswith("bneck") else None)
            assert row["linear"] == (row["operator"].startswith("bneck") or i == len(rows) - 1)
        assert data[size]["macs"] == sum(row["macs"] for row in expected)
        assert data[size]["weights"] == sum(row["weights"] for row in expected)
        assert data[size]["params"] == sum(row["weights"] + row["norm"] for row in expected)


def test_the_papers_tables() -> None:
    letters = {"relu": "RE", "hard_swish": "HS"}
    for size, rows in PAPER.items():
        ours = [tuple(row._replace(activation=letters[row.activation])) for row in MOBILENET_V3_ROWS[size]]
        assert ours == rows
    data = drawn(mobilenet_v3_table).data
    totals = {size: (data[size]["params"], data[size]["macs"]) for size in PAPER}
    assert totals == {"large": (5_483_032, 216_589_760), "small": (2_542_856, 56_510_400)}


def percent(share: float) -> list[str]:
    if not share:
        return []
    return ["< 0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"]


@pytest.mark.parametrize("name", ALL)
def test_every_text_is_what_was_computed(name: str) -> None:
    said = texts(drawn(mobilenet_v3_table, name))
    start = 0
    for size in sizes_of(name):
        rows = [{"weights": 0, "norm": 0, "macs": 0, "shortcut": False} | row for row in plain(size, name)]
        params, macs = sum(row["weights"] + row["norm"] for row in rows), sum(row["macs"] for row in rows)
        expected = HEADINGS.copy()
        for row in rows:
            own = row["weights"] + row["norm"]
            expected += ["×".join(map(str, row["input"])), row["operator"] + " + x" * row["shortcut"]]
            expected += ["–" if symbol is None else str(symbol) for symbol in row["symbols"]]
            expected += ["×".join(map(str, row["output"])), f"{own:,}", *percent(own / params)]
            expected += [f"{row['macs']:,}", *percent(row["macs"] / macs)]
        expected += ["in all", f"{params:,}", f"{macs:,}"]
        start = said.index("input", start)
        assert said[start : start + len(expected)] == expected
        assert said[start - 1].startswith(f"MobileNetV3 {size.capitalize()}")
        assert f"width multiplier {case_of(name)['width']:g}, on an image of" in said[start - 1]
        start += 1
    assert ", minimalistic," in said[said.index("input") - 1] or "minimalistic" not in case_of(name)


@pytest.mark.parametrize("name", ALL)
def test_totals_stand_below_the_numbers_and_shares_apart_from_them(name: str) -> None:
    figure = drawn(mobilenet_v3_table, name)
    written = [text for text in figure.figure.findobj(Text) if text.get_text()]
    boxes, at = places(figure, *written), 0

    def place_after(words: str) -> int:
        return next(i for i in range(at + 1, len(written)) if written[i].get_text() == words)

    for size in sizes_of(name):
        data, at = figure.data[size], place_after("input")
        ends: dict[str, list[float]] = {"params": [], "macs": []}
        for row in [*data["rows"], data]:
            for cost, right in ends.items():
                at = place_after(f"{row[cost]:,}")
                right.append(boxes[at].x1)
                if row is not data and row[cost]:
                    assert boxes[at + 1].x0 - boxes[at].x1 > 0.08
        for right in ends.values():
            assert np.ptp(right) < 0.02


@pytest.mark.parametrize("name", [DEFAULT, "narrow, odd"])
def test_bars_are_shares_and_volumes_are_square_roots_hatched_where_linear(name: str) -> None:
    figure, shapes = drawn(mobilenet_v3_table, name), patches(drawn(mobilenet_v3_table, name))
    channel, side, share = (
        figure.data[f"inches per {what}"] for what in ("root of a channel", "root of a map's side", "share")
    )
    for size in sizes_of(name):
        data, label = figure.data[size], size.capitalize()
        assert any(row["drawn"] for row in data["rows"])
        for i, row in enumerate(data["rows"]):
            for cost in ("params", "macs"):
                bar = shapes.get(f"{cost}-{label}-{i}")
                if row[cost]:
                    assert bar is not None
                    assert bar.get_width() / 72 == pytest.approx(share * row[cost] / data[cost])
            height, _, channels = map(math.sqrt, row["output"])
            assert row["drawn"] == (min(channels * channel, height * side) >= 0.02)
            front = shapes.get(f"output-{label}-{i}-front")
            assert (front is not None) == row["drawn"]
            if front is not None:
                assert extent(front) == pytest.approx((channels * channel, height * side))
                assert front.get_hatch() == ("////" if row["linear"] else None)
    rows = [row for size in sizes_of(name) for row in figure.data[size]["rows"]]
    missing = ", ".join(dict.fromkeys("×".join(map(str, row["output"])) for row in rows if not row["drawn"]))
    assert bool(missing) == (name == DEFAULT)
    assert any("not drawn" in text for text in texts(figure)) == bool(missing)
    assert any(f"not drawn: {missing}." in text for text in texts(figure)) == bool(missing)
    assert figure.caption.endswith(f"too thin to be seen, {missing}.") == bool(missing)


def test_the_papers_numbers_are_told_with_a_verdict() -> None:
    figure = drawn(mobilenet_v3_table)
    with_1280 = "reproduced with the 1280 channels of its Table 2 in the hidden layer: "
    assert figure.data["large"]["the paper's"] == {
        "macs": "219 M", "params": "5.4 M", "verdicts": {"macs": "not reproduced", "params": "reproduced"},
        "as printed": None,
    }  # fmt: skip
    assert figure.data["small"]["the paper's"] == {
        "macs": "66 M", "params": "2.9 M",
        "verdicts": {"macs": "not reproduced", "params": f"{with_1280}2,946,568"},
        "as printed": {"macs": 56_913_856, "params": 2_946_568},
    }  # fmt: skip
    said = " ".join(" ".join(texts(figure)).split())
    for words in (
        "The paper's Table 3 states 219 M MAdds (not reproduced) and 5.4 M parameters (reproduced).",
        f"The paper's Table 3 states 66 M MAdds (not reproduced) and 2.9 M parameters ({with_1280}2,946,568).",
    ):
        assert words in said
        assert words in figure.caption
    options = {"minimalistic": False, "conventions": "keras"}
    large, small = (module._table_of(size, 0.75, (224, 224), 1000, True, options) for size in PAPER)
    assert large.statement == "The paper's Table 3 states 155 M MAdds (reproduced) and 4.0 M parameters (reproduced)."
    assert [small.verdict(cost) for cost in ("macs", "params")] == [f"{with_1280}43,765,936", f"{with_1280}2,408,720"]
    for name in ("minimalistic", "narrow, odd"):
        other = drawn(mobilenet_v3_table, name)
        assert not any("paper" in text for text in (*texts(other), other.caption))
        assert other.data["small"]["the paper's"] is None


def test_caption_and_alt_text_have_the_numbers() -> None:
    figure = drawn(mobilenet_v3_table)
    for words in (
        "Large has 15 blocks, 8 with squeeze-and-excite and 9 with hard-swish, 216,589,760 MACs and 5,483,032",
        "Small has 11 blocks, 9 with squeeze-and-excite and 8 with hard-swish, 56,510,400 MACs and 2,542,856",
        "npconv.models.summary", "square roots", "Not shown: ",
    ):  # fmt: skip
        assert words in figure.caption
    for size in PAPER:
        for row in figure.data[size]["rows"]:
            result = "×".join(map(str, row["output"]))
            assert f"to {result}: {row['params']:,} parameters, {row['macs']:,} MACs." in figure.alt
    assert "bneck 5×5 + x, exp size 120, #out 40, SE 32, NL RE, s 1, to 28×28×40" in figure.alt
    narrow = drawn(mobilenet_v3_table, "narrow, odd")
    assert narrow.caption.startswith("A row is a block. Small has 11 blocks")
