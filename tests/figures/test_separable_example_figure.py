"""Fig. 5 shows what both ways of a layer cost, as counted by another count than the kernels', and says what saves."""

from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from artists import shapes, texts
from figure_cases import CASES, DEFAULT, drawn, names
from matplotlib.patches import Rectangle

from npconv import conv2d_loops, depthwise_conv2d_loops, factored_kernel, pointwise_conv2d_loops
from npconv.cost import cost_ratio
from npconv.figures import Figure, separable_example

module = import_module("npconv.figures.separable_example")


EXACT = [name for name in names(separable_example) if name != "fractions"]


def bars(figure: Figure) -> dict[str, float]:
    found = [part for part in figure.figure.findobj(Rectangle) if str(part.get_gid()).startswith("bar-")]
    return {part.get_gid(): part.get_width() for part in found}


def counted(case: dict[str, Any], data: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Multiplications, and those by padding, one place, one tap and one filter at a time."""
    _, height, width, channels = case.get("x", (1, 7, 7, 3))
    sides = case.get("kernel", (3, 3))
    taps = (sides, sides) if isinstance(sides, int) else sides
    filters, stride, padding = case.get("out_channels", 128), case.get("stride", 1), case.get("padding", 0)
    rows, columns, _ = data["shapes"]["output"]
    before = []
    for side, tap, places in ((height, taps[0], rows), (width, taps[1], columns)):
        needed = max((places - 1) * stride + tap - side, 0)
        before.append(needed // 2 if padding == "same" else padding)
    inside = total = 0
    for v, w, i, j in np.ndindex(rows, columns, *taps):
        total += 1
        inside += 0 <= v * stride + i - before[0] < height and 0 <= w * stride + j - before[1] < width
    return {
        "standard": (total * channels * filters, (total - inside) * channels * filters),
        "depthwise": (total * channels, (total - inside) * channels),
        "pointwise": (rows * columns * channels * filters, 0),
    }


@pytest.mark.parametrize("name", EXACT)
def test_the_multiplications_are_those_of_every_place_tap_and_filter(name: str) -> None:
    case, data = CASES[separable_example].get(name, {}), drawn(separable_example, name).data
    wanted = counted(case, data)
    separable = wanted["depthwise"][0] + wanted["pointwise"][0]
    multiplications = {step: count for step, (count, _) in wanted.items()}
    assert data["multiplications"] == {**multiplications, "separable": separable}
    assert data["padding multiplications"] == {step: zeros for step, (_, zeros) in wanted.items()}
    assert data["ratio"] == data["ratio by formula"] == str(Fraction(separable, wanted["standard"][0]))
    assert data["ratio"] == str(cost_ratio(case.get("kernel", 3), case.get("out_channels", 128)))


def test_the_articles_numbers() -> None:
    figure = drawn(separable_example)
    assert figure.data["multiplications"] == {
        "standard": 86400,
        "depthwise": 675,
        "pointwise": 9600,
        "separable": 10275,
    }
    assert figure.data["ratio"] == "137/1152"
    assert figure.data["ratio value"] == pytest.approx(1 / 128 + 1 / 9)
    written = "\n".join(texts(figure))
    for text in (
        "standard: 5·5 places × 3·3·3 weights × 128 filters = 86,400 multiplications",
        "depthwise: 5·5 places × 3·3 weights × 3 filters = 675 multiplications",
        "pointwise: 5·5 places × 3 weights × 128 filters = 9,600 multiplications",
        "675 depthwise + 9,600 pointwise = 10,275",
        "10,275 / 86,400 = 137/1152 ≈ 0.1189, exactly 1/N + 1/Dᵣ² = 1/128 + 1/9",
        "saves 88.1 %",
    ):
        assert text in written


@pytest.mark.parametrize("name", names(separable_example))
def test_the_products_written_are_what_was_counted(name: str) -> None:
    figure = drawn(separable_example, name)
    products = [text for text in texts(figure) if " places × " in text or " place × " in text]
    assert len(products) == 3
    for step, text in zip(("standard", "depthwise", "pointwise"), products, strict=True):
        factors, count = text.removeprefix(f"{step}: ").split(" = ")
        numbers = [int(n) for part in factors.split(" × ") for n in part.split()[0].split("·")]
        assert np.prod(numbers) == int(count.split()[0].replace(",", "")) == figure.data["multiplications"][step]


@pytest.mark.parametrize("name", names(separable_example))
def test_bars_are_to_scale(name: str) -> None:
    figure = drawn(separable_example, name)
    widths, counts = bars(figure), figure.data["multiplications"]
    assert set(widths) == {"bar-standard", "bar-depthwise", "bar-pointwise"}
    for step in ("depthwise", "pointwise"):
        assert widths[f"bar-{step}"] / widths["bar-standard"] == pytest.approx(counts[step] / counts["standard"])


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        (DEFAULT, "saves 88.1 % of the multiplications"),
        ("one filter", "costs 1.11 times as much, and saves nothing"),
        ("equal", "costs the same, and saves nothing"),
    ],
)
def test_it_says_what_is_true(name: str, verdict: str) -> None:
    figure = drawn(separable_example, name)
    for text in ("\n".join(texts(figure)), figure.caption, figure.alt):
        assert verdict in text
        assert text.count("saves") == 1


@pytest.mark.parametrize("name", EXACT)
def test_with_the_factored_kernel_both_are_one_function(name: str) -> None:
    figure = drawn(separable_example, name)
    assert figure.data["largest difference"] == 0
    assert any("the two outputs are equal" in text for text in texts(figure))
    assert "the largest difference between the two outputs is 0" in figure.caption


def test_the_factored_kernel_is_the_one_that_was_run() -> None:
    e = module._example_from("separable_example", (1, 6, 5, 3), 3, 8, 2, "same", 4)
    s = e.s
    np.testing.assert_array_equal(s.layer.kernel, factored_kernel(s.depthwise, s.pointwise))
    maps = depthwise_conv2d_loops(s.layer.x, s.depthwise, stride=2, padding="same")
    np.testing.assert_array_equal(s.filtered, maps)
    y = conv2d_loops(s.layer.x, s.layer.kernel, stride=2, padding="same")
    np.testing.assert_array_equal(s.layer.y, y)
    np.testing.assert_array_equal(pointwise_conv2d_loops(maps, s.pointwise), y)


def test_another_kernel_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "conv2d", lambda x, kernel, **geometry: conv2d_loops(x, kernel + 1, **geometry))
    figure = separable_example(out_channels=2)
    assert figure.data["largest difference"] > 0
    assert not any("are equal" in text for text in texts(figure))


def test_many_filters_are_counted_by_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = separable_example(out_channels=5, padding=1)
    monkeypatch.setattr(module, "MOST_COUNTED", 10)
    part = separable_example(out_channels=5, padding=1)
    assert (whole.data["filters counted"], part.data["filters counted"]) == (5, 1)
    for key in ("multiplications", "padding multiplications", "ratio"):
        assert whole.data[key] == part.data[key]
    assert "for one of the N = 5 filters, then times N" in part.caption
    assert "then times N" not in whole.caption


def test_padding_is_said_to_be_multiplied_too() -> None:
    figure = drawn(separable_example, "padded and strided")
    zeros = figure.data["padding multiplications"]
    assert f"Cells of padding are multiplied too: {zeros['standard']:,}" in figure.caption
    counts = f"{zeros['standard']:,} of the standard and {zeros['depthwise']:,} of the depthwise multiplications"
    assert f"cells of padding are multiplied too: {counts} are by their zeros" in texts(figure)
    assert not any("padding" in text for text in texts(drawn(separable_example)))
    assert "padding" not in separable_example(out_channels=2).caption


def test_volumes_have_the_shapes() -> None:
    figure = separable_example(x=(1, 6, 7, 3), kernel=(3, 2), out_channels=5)
    found = {name: len(shape.get_paths()) for name, shape in shapes(figure).items()}
    for m in range(3):
        assert found[f"standard-input-{m}-front"] == found[f"input-{m}-front"] == 6 * 7
        assert found[f"standard-3-{m}-front"] == found[f"filter-{m}-front"] == 3 * 2
        assert found[f"map-{m}-front"] == 4 * 6
        assert found[f"pointwise-3-{m}-front"] == 1
    for name in ("standard-0-0-front", "filter-0-front"):
        corners = np.unique([path.vertices.min(axis=0).round(4) for path in shapes(figure)[name].get_paths()], axis=0)
        assert [len(np.unique(corners[:, axis])) for axis in (1, 0)] == [3, 2]
    for n in range(5):
        assert found[f"standard-output-{n}-front"] == found[f"output-{n}-front"] == 4 * 6
    assert "standard-4-0-front" not in found
    assert {"input\n6×7×3", "N = 5 filters\n3×2×3", "output\n4×6×5", "Dᵣ = 3×2"} <= set(texts(figure))
    assert texts(figure).count("4 of 5 filters drawn") == 2
    assert "1 more standard filter; 1 more pointwise filter; " in figure.caption


def test_hue_is_the_channel_both_ways() -> None:
    figure = separable_example(out_channels=4)
    sides = {name: tuple(shape.get_facecolor()[0]) for name, shape in shapes(figure).items()}
    parts = ("standard-input", "standard-0", "input", "filter", "map", "pointwise-0")
    hues = [{sides[f"{part}-{m}-side"] for part in parts} for m in range(3)]
    assert [len(hue) for hue in hues] == [1, 1, 1]
    assert len(set.union(*hues)) == 3
