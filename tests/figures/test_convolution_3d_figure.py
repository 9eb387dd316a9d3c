"""convolution-3d shows what the loops compute in 3D and in 2D, counted by another count, with blocks where they are."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from artists import drawing_of, numbers_in, patches, polygons, texts, written
from figure_cases import CASES, DEFAULT, drawn, names
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from npconv import conv2d_loops, conv3d_loops
from npconv.figures import Figure, convolution_3d
from npconv.figures.parts.layout import Drawing

ALL = names(convolution_3d)


def arrays(figure: Figure) -> tuple[np.ndarray, ...]:
    """x, kernel, y, and the filters and the output in 2D."""
    keys = ("input", "kernel", "output", "2D kernel", "2D output")
    x, kernel, y, deep, flat = (np.array(figure.data[key]) for key in keys)
    return x, kernel, y, deep, flat


def image_of(x: np.ndarray) -> np.ndarray:
    """The volume's layers as channels, one layer and one channel at a time."""
    return np.stack([x[:, d, :, :, m] for d in range(x.shape[1]) for m in range(x.shape[4])], axis=-1)


@pytest.mark.parametrize("name", ALL)
def test_outputs_are_those_of_the_loops(name: str) -> None:
    figure = drawn(convolution_3d, name)
    x, kernel, y, deep, flat = arrays(figure)
    np.testing.assert_allclose(y, conv3d_loops(x, kernel), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(flat, conv2d_loops(image_of(x), deep), rtol=1e-12, atol=1e-12)
    case = CASES[convolution_3d].get(name, {})
    for given, array, largest in ((case.get("x"), x, 3), (case.get("kernel"), kernel, 1)):
        if isinstance(given, np.ndarray):
            np.testing.assert_array_equal(array, given)
        else:
            assert np.array_equal(array, array.astype(int))
            assert 0 < np.abs(array).max() <= largest
    assert figure.data["largest difference"] < 1e-9


@pytest.mark.parametrize("name", ALL)
def test_the_multiplications_are_those_of_every_value_and_weight(name: str) -> None:
    figure = drawn(convolution_3d, name)
    _, kernel, y, deep, flat = arrays(figure)
    counts = figure.data["multiplications"]
    assert counts["3D"] == sum(kernel[..., 0].size for _ in np.ndindex(*y.shape))
    assert counts["2D"] == sum(deep[..., 0].size for _ in np.ndindex(*flat.shape))
    bars = {gid: patch for gid, patch in patches(figure).items() if gid.startswith("bar-")}
    widths = {way: bars[f"bar-{way}"].get_width() for way in ("3D", "2D")}
    assert widths["2D"] / widths["3D"] == pytest.approx(counts["2D"] / counts["3D"])
    for way, values, weights in (("3D", y, kernel), ("2D", flat, deep)):
        products = [text for text in texts(figure) if text.startswith(f"{way}: ") and "place" in text]
        assert len(products) == 1
        factors, count = products[0].removeprefix(f"{way}: ").split(" = ")
        numbers = [int(n) for part in factors.split(" × ") for n in part.split()[0].split("·")]
        assert np.prod(numbers) == int(count.split()[0].replace(",", "")) == counts[way]
        each = weights[..., 0].size
        assert any(text.startswith(f"{counts[way]:,}: {values.size:,} value") for text in texts(figure))
        assert any(text.endswith(f", {each:,} for each") for text in texts(figure))


def test_bais_numbers_and_what_several_channels_and_filters_change() -> None:
    figure = drawn(convolution_3d)
    assert figure.data["multiplications"] == {
        "3D": 3375, "2D": 1575, "3D with M = 3, N = 4": 40_500, "2D with M = 3, N = 4": 18_900,
    }  # fmt: skip
    assert (40_500, 18_900) == (3375 * 3 * 4, 1575 * 3 * 4)
    words = "With M = 3 channels, 7×7×7×3, and N = 4 filters of 3×3×3×3, the output is 5×5×5×4"
    assert words in " ".join(" ".join(texts(figure)).split())
    assert words in figure.caption
    for text in ("from 7×7×7×1 to 5×5×5×1 it takes 3,375", "27 for each of 125", "1,575, 63 for each of 25"):
        assert text in figure.caption
    assert "3,375 multiplications for 125 values, and 1,575 for 25 values" in figure.alt
    assert not any("With M = 3" in text for text in texts(drawn(convolution_3d, "several")))


@pytest.mark.parametrize("name", ALL)
def test_the_worked_value_is_the_sum_of_its_slices(name: str) -> None:
    figure = drawn(convolution_3d, name)
    x, kernel, y, *_ = arrays(figure)
    d, v, w = figure.data["at"]
    deep, down, across, channels, _ = kernel.shape
    slices = [(i, m) for i in range(deep) for m in range(channels)]
    patch = [x[0, d + i, v : v + down, w : w + across, m] for i, m in slices]
    weights = [kernel[i, ..., m, 0] for i, m in slices]
    np.testing.assert_array_equal(np.array(figure.data["patch"]).reshape(-1, down, across), patch)
    sums = [(p * k).sum() for p, k in zip(patch, weights, strict=True)]
    assert figure.data["sums"] == pytest.approx(sums, rel=1e-12, abs=1e-12)
    assert figure.data["value"] == y[0, d, v, w, 0] == pytest.approx(sum(sums), rel=1e-12, abs=1e-12)
    shown = figure.data["drawn"]["slices"]
    for s in range(shown):
        assert numbers_in(figure, f"patch-slice-{s}") == written(patch[s])
        assert numbers_in(figure, f"filter-slice-{s}") == written(weights[s])
        label = f"depth {d + slices[s][0]}" + (f", m = {slices[s][1]}" if channels > 1 else "")
        assert label in texts(figure)
    assert f"patch-slice-{shown}" not in {a.get_gid() for d in figure.figure.findobj(Drawing) for a in d.get_children()}
    if shown < len(slices):
        assert any(f"… and {len(slices) - shown} more slice" in text for text in texts(figure))
    assert any(text.startswith(f"framed: y[0, {d}, {v}, {w}, 0] = ") for text in texts(figure))


def volume_and_block(figure: Figure, name: str) -> tuple[list[int], list[tuple[float, ...]]]:
    """Of a volume that is drawn: its rows, columns and depth; of its frame: the (row, column, depth) of all corners."""
    front = np.array([polygon[:4] for polygon in polygons(figure, f"{name}-front")])
    (left, top), cell = (front[..., 0].min(), front[..., 1].max()), np.ptp(front[0, :, 0])
    back = cell * 0.5 * np.array([np.cos(np.radians(40)), np.sin(np.radians(40))])
    side = np.array([polygon[:4] for polygon in polygons(figure, f"{name}-side")])
    height, width = round(np.ptp(front[..., 1]) / cell), round(np.ptp(front[..., 0]) / cell)
    depth = round(np.ptp(side[..., 0]) / back[0])
    corners = set()
    lines = [a for a in drawing_of(figure, f"{name}-front").get_children() if isinstance(a, Line2D)]
    near = [line for line in lines if line.get_gid() == "focus"]
    xy = np.concatenate([line.get_xydata() for line in near])
    assert len(near) == 3
    for row, column, far in product(range(height + 1), range(width + 1), range(depth + 1)):
        at = np.array([left + column * cell, top - row * cell]) + far * back
        if np.min(np.abs(xy - at).sum(axis=1)) < 1e-6:
            corners.add((row, column, far))
    return [height, width, depth], sorted(corners)


@pytest.mark.parametrize("name", [DEFAULT, "at a corner", "several"])
def test_volumes_have_the_shapes_and_frames_stand_where_the_worked_value_is(name: str) -> None:
    figure = drawn(convolution_3d, name)
    x, kernel, y, _, flat = arrays(figure)
    (d, v, w), (deep, down, across) = figure.data["at"], kernel.shape[:3]
    wanted = {
        "3D-input": (x.shape[1:4], (d, v, w), (deep, down, across)),
        "3D-filter": (kernel.shape[:3], (0, 0, 0), (deep, down, across)),
        "3D-output": (y.shape[1:4], (d, v, w), (1, 1, 1)),
        "2D-output": ((1, *flat.shape[1:3]), (0, v, w), (1, 1, 1)),
    }
    if name != "several":  # more channels than are drawn
        wanted["2D-input"] = (x.shape[1:4], (0, v, w), (x.shape[1], down, across))
        wanted["2D-filter"] = ((x.shape[1], down, across), (0, 0, 0), (x.shape[1], down, across))
    for part, ((depth, height, width), (back, row, column), (thick, high, wide)) in wanted.items():
        sizes, corners = volume_and_block(figure, part)
        assert sizes == [height, width, depth], part
        ends = product((row, row + high), (column, column + wide), (back, back + thick))
        hidden = {(row + high, column, back + thick)}  # the corner behind all faces; no edge to it is drawn
        assert set(ends) - hidden <= set(corners), part


def test_arrows_lead_in_three_directions_and_in_two() -> None:
    figure = drawn(convolution_3d)
    drawings = [
        d for d in figure.figure.findobj(Drawing) if any(isinstance(a, FancyArrowPatch) for a in d.get_children())
    ]
    said = [[text for text in texts(figure) if text == word] for word in ("across", "down", "in depth")]
    assert [sum(isinstance(a, FancyArrowPatch) for a in d.get_children()) for d in drawings] == [3, 2]
    assert [len(words) for words in said] == [2, 2, 1]


def test_titles_and_labels_are_the_shapes() -> None:
    said = texts(drawn(convolution_3d, "several"))
    for text in (
        "input\n5×9×12, M = 3", "N = 2 filters\n2×3×5, M = 3", "output\n4×7×8, N = 2",
        "input\n9×12, M = 15", "N = 2 filters\n3×5, M = 15", "output\n7×8, N = 2",
        "Dᵤ = 9", "Dᵤ = 12", "Dᵤ = 5", "Dᵣ = 3", "Dᵣ = 5", "Dᵣ = 2", "Dᵥ = 7", "Dᵥ = 8", "Dᵥ = 4",
    ):  # fmt: skip
        assert text in said


def test_what_is_left_out_is_said() -> None:
    figure = drawn(convolution_3d, "several")
    for note in (
        "of M = 3 channels the first one is drawn in 3D",
        "of N = 2 filters and channels of the output the first one is drawn",
        "of the image's 15 channels 7 are drawn",
    ):
        assert note in texts(figure)
        assert note in figure.caption
    assert "for one channel and one filter, times M·N = 6" in figure.caption
    many = drawn(convolution_3d, "many slices")
    left_out = len(many.data["sums"]) - many.data["drawn"]["slices"]
    assert left_out > 0
    assert f"{left_out} of the {len(many.data['sums'])} slices" in many.caption
    assert not any("is drawn" in text for text in texts(drawn(convolution_3d)))


def test_fractions_are_said_to_be_rounded() -> None:
    said: Any = texts(drawn(convolution_3d, "fractions"))
    assert any("drawn rounded" in text for text in said)
    assert any("the two outputs" in text for text in said)
    assert not any("drawn rounded" in text for text in texts(drawn(convolution_3d)))
