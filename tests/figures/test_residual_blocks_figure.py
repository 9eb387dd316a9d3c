"""Fig. 8: thickness is channels, hatching is linear, and both are what the blocks compute."""

import functools
from typing import Any

import numpy as np
import pytest
from artists import extent, lines, patches, places, texts
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text
from plots import default_figure

from npconv import conv2d_loops, depthwise_conv2d_loops, pointwise_conv2d_loops
from npconv.cost import count_operations
from npconv.figures import Figure, residual_blocks

SMALL: dict[str, Any] = {
    "x": (1, 5, 4, 12), "reduce": (12, 4), "spatial": (3, 2, 4, 5), "restore": (5, 12),
    "narrow": (1, 5, 4, 3), "expand": (3, 9), "depthwise": (2, 3, 9), "project": (9, 3),
}  # fmt: skip
CASES: dict[str, dict[str, Any]] = {
    "the article's": {},
    "small": SMALL,
    "strided": {**SMALL, "narrow": (1, 7, 5, 3), "stride": (2, 1)},
    "flat": {
        "x": (1, 3, 20, 36), "reduce": (36, 12), "spatial": (1, 7, 12, 10), "restore": (10, 36),
        "narrow": (1, 3, 20, 6), "expand": (6, 36), "depthwise": (1, 7, 36), "project": (36, 6),
    },
    "ones": {name: (1,) * len(shape) for name, shape in SMALL.items()},
    "no expansion": {"narrow": (1, 28, 28, 32), "expand": None, "depthwise": (3, 3, 32), "project": (32, 16)},
}  # fmt: skip


@functools.cache
def drawn(name: str) -> Figure:
    return residual_blocks(**CASES[name]) if CASES[name] else default_figure("residual-blocks")


def tensors(figure: Figure) -> list[tuple[str, dict[str, Any]]]:
    rows = (("a", "conventional"), ("b", "inverted"))
    return [(letter, tensor) for letter, row in rows for tensor in figure.data[row]["tensors"]]


@pytest.mark.parametrize(("name", "stride"), [("small", 1), ("strided", (2, 1))])
def test_shapes_signs_and_macs_are_those_of_the_plain_loops(name: str, stride: Any) -> None:
    random, counts = np.random.default_rng(5), {}
    arrays = {key: 4 * random.normal(size=shape) for key, shape in CASES[name].items() if key != "stride"}

    def run(operator: str, function: Any, x: np.ndarray, **geometry: Any) -> np.ndarray:
        counts[operator] = count_operations(function, x, arrays[operator], **geometry).multiplications
        return function(x, arrays[operator], **geometry)

    x, narrow = np.maximum(arrays["x"], 0), arrays["narrow"]
    reduced = np.maximum(run("reduce", pointwise_conv2d_loops, x), 0)
    filtered = np.maximum(run("spatial", conv2d_loops, reduced, padding="same"), 0)
    restored = run("restore", pointwise_conv2d_loops, filtered)
    conventional = [x, reduced, filtered, restored, np.maximum(restored + x, 0)]
    expanded = np.clip(run("expand", pointwise_conv2d_loops, narrow), 0, 6)
    depthwise = np.clip(run("depthwise", depthwise_conv2d_loops, expanded, stride=stride, padding="same"), 0, 6)
    projected = run("project", pointwise_conv2d_loops, depthwise)
    inverted = [narrow, expanded, depthwise, projected, *([projected + narrow] if stride == 1 else [])]

    figure = drawn(name)
    for block, wanted, bounded in (("conventional", conventional, "ReLU"), ("inverted", inverted, "ReLU6")):
        data = figure.data[block]
        assert [tensor["shape"] for tensor in data["tensors"]] == [list(a.shape[1:]) for a in wanted]
        assert [tensor["linear"] for tensor in data["tensors"]] == [bool(a.min() < 0) for a in wanted]
        assert {tensor["activation"] for tensor in data["tensors"]} == {"linear", bounded}
        assert [op["macs"] for op in data["operators"]] == [counts[op["name"]] for op in data["operators"]]
        assert data["macs"] == sum(op["macs"] for op in data["operators"])
        assert {f"{op['macs']:,}" for op in data["operators"]} | {f"{data['macs']:,} MACs"} <= set(texts(figure))
    assert figure.data["inverted"]["shortcut"] is (stride == 1)


def test_the_articles_blocks() -> None:
    data = drawn("the article's").data
    linear = {name: [t["role"] for t in data[name]["tensors"] if t["linear"]] for name in ("conventional", "inverted")}
    assert linear == {"conventional": ["restored"], "inverted": ["input", "projected", "output"]}
    assert data["conventional"]["macs"] == 28 * 28 * (256 * 64 + 9 * 64 * 64 + 64 * 256)
    assert data["inverted"]["macs"] == 28 * 28 * 24 * 6 * (24 + 9 + 24)


@pytest.mark.parametrize("name", CASES)
def test_volumes_are_to_scale_hatched_where_linear_and_labelled(name: str) -> None:
    figure, faces = drawn(name), patches(drawn(name))
    labels = [text for text in figure.figure.findobj(Text) if "×" in text.get_text()]
    assert len(tensors(figure)) >= 8
    fronts = [faces[f"{letter}-{tensor['role']}-front"] for letter, tensor in tensors(figure)]
    stand = dict(zip([*labels, *fronts], places(figure, *labels, *fronts), strict=True))
    scales = []
    for letter, tensor in tensors(figure):
        own = {side: faces[f"{letter}-{tensor['role']}-{side}"] for side in ("front", "top", "side")}
        height, width, channels = tensor["shape"]
        thick, high = extent(own["front"])
        assert thick == pytest.approx(channels * figure.data["inches per channel"])
        assert thick == pytest.approx(tensor["thickness"])
        scales += [high / height, extent(own["side"])[0] / (width * 0.5 * np.cos(np.radians(40)))]
        assert {patch.get_hatch() for patch in own.values()} == {"////" if tensor["linear"] else None}
        name = f"{tensor['role']}\n{height}×{width}×{channels}"
        volume = stand[own["front"]]
        below = [stand[label] for label in labels if label.get_text() == name]
        assert any(place.y1 <= volume.y0 and place.x0 < volume.x1 and volume.x0 < place.x1 for place in below)
    np.testing.assert_allclose(scales, scales[0])
    ((gid, bar),) = ((gid, line) for gid, line in lines(figure).items() if gid.startswith("scale-bar-"))
    count = int(gid.rpartition("-")[2])
    assert np.ptp(bar.get_xdata()) == pytest.approx(count * figure.data["inches per channel"])
    assert f"{count} channel{'s' * (count > 1)}" in texts(figure)


def test_the_shortcut_runs_from_the_input_to_the_sum_and_the_last_relu_comes_after_it() -> None:
    figure, faces = drawn("the article's"), patches(drawn("the article's"))
    found = [a for a in figure.figure.findobj() if a.get_gid() in ("sum", "shortcut")]
    sums, shortcuts = ([a for a in found if a.get_gid() == gid] for gid in ("sum", "shortcut"))
    relus = [text for text in figure.figure.findobj(Text) if text.get_text() == "ReLU"]
    for letter, before, plus, line in zip("ab", ("restored", "projected"), sums, shortcuts, strict=True):
        top, branch, output = (faces[f"{letter}-{role}"] for role in ("input-top", f"{before}-side", "output-front"))
        first, last, end, circle, path = places(figure, top, branch, output, plus, line)
        assert last.x1 < circle.x0 < circle.x1 < end.x0
        assert first.x0 < path.x0 < first.x1
        assert (path.x1 + 0.0) == pytest.approx((circle.x0 + circle.x1) / 2, abs=0.03)
        after = [p for p in places(figure, *relus) if circle.x1 < p.x0 < end.x0 and abs(p.y1 - circle.y0) < 0.3]
        assert len(after) == (letter == "a")


@pytest.mark.parametrize(("name", "why"), [("strided", "the stride is (2, 1)"), ("no expansion", "k = 32 but k′ = 16")])
def test_where_there_is_no_shortcut_none_is_drawn_and_it_says_why(name: str, why: str) -> None:
    figure = drawn(name)
    gids = [artist.get_gid() for artist in figure.figure.findobj()]
    assert (gids.count("sum"), gids.count("shortcut")) == (1, 1)
    assert figure.data["inverted"]["why no shortcut"] == why
    assert f"no shortcut: {why}" in texts(figure)
    assert why in figure.caption
    roles = [tensor["role"] for tensor in figure.data["inverted"]["tensors"]]
    assert roles == ["input", *(["expanded"] if name == "strided" else []), "filtered", "output"]


def test_without_an_expansion_none_is_drawn() -> None:
    figure = drawn("no expansion")
    assert not any(gid.startswith("b-expanded") for gid in patches(figure))
    assert [operator["name"] for operator in figure.data["inverted"]["operators"]] == ["depthwise", "project"]
    assert any("t = 1" in text for text in texts(figure))
    assert "no expansion" in figure.caption


def test_every_arrow_says_its_operator_and_its_stride() -> None:
    figure = residual_blocks(**CASES["strided"], dilation=2)
    assert {"1×1", "3×2", "2×3 depthwise\nstride (2, 1)\ndilation 2"} <= set(texts(figure))
    arrows = figure.figure.findobj(FancyArrowPatch)
    assert len(arrows) == 5 + 3  # three convolutions each; the shortcut, and after its sum another


def test_arrays_count_by_their_shapes_and_linear_is_what_no_draw_changes() -> None:
    arrays = {name: np.full(shape, np.nan) for name, shape in SMALL.items()}
    assert residual_blocks(**arrays).data == drawn("small").data
    assert residual_blocks(**CASES["ones"], seed=3).data == drawn("ones").data
