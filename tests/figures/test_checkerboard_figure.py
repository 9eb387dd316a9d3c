"""The counts of the checkerboard are those of the loops, along an axis and in two, and its verdicts are right."""

import numpy as np
import pytest
from artists import numbers_in, patches, polygons, shapes, texts
from figure_cases import drawn, names

from npconv import conv2d_loops, transposed_conv2d_loops
from npconv.figures import checkerboard
from npconv.text import number_text


@pytest.mark.parametrize("name", names(checkerboard))
def test_counts_are_what_the_loops_add_up(name: str) -> None:
    data = drawn(checkerboard, name).data
    n = data["inputs"]
    strides = list(dict.fromkeys(axis["stride"] for axis in data["along one axis"]))
    squares = iter(data["in two dimensions"])
    for axis in data["along one axis"]:
        k, s = axis["kernel size"], axis["stride"]
        line = transposed_conv2d_loops(np.ones((1, n, 1, 1), int), np.ones((k, 1, 1, 1), int), stride=(s, 1))
        assert axis["counts"] == line.ravel().tolist()
        if s == strides[0]:
            np.testing.assert_array_equal(next(squares), np.outer(axis["counts"], axis["counts"]))


@pytest.mark.parametrize("name", names(checkerboard))
def test_inside_is_what_more_inputs_do_not_change(name: str) -> None:
    """Even inside exactly where the stride divides the kernel size, and ⌊Dᵣ/s⌋ or ⌈Dᵣ/s⌉."""
    data = drawn(checkerboard, name).data
    for axis in data["along one axis"]:
        k, s = axis["kernel size"], axis["stride"]
        if axis["inside"]:
            assert axis["inside"] == sorted({k // s, -(-k // s)})
            assert axis["even"] == (k % s == 0)
        else:
            assert data["inputs"] * s - max(k - s, 0) < s


@pytest.mark.parametrize("name", names(checkerboard))
def test_a_constant_input_gives_what_the_loops_give(name: str) -> None:
    data = drawn(checkerboard, name).data
    n, s = data["inputs"], data["along one axis"][0]["stride"]
    *transposed, resized = data["constant"]
    for way in transposed:
        kernel = np.array(way["kernel"])[..., np.newaxis, np.newaxis]
        y = transposed_conv2d_loops(np.ones((1, n, n, 1), int), kernel, stride=s)[0, ..., 0]
        assert way["output"] == y.tolist()
        phases = {int(kernel[i::s, j::s].sum()) for i in range(s) for j in range(s)}
        assert set(way["inside"]) in (phases, set())
    kernel = np.array(resized["kernel"], float)[..., np.newaxis, np.newaxis]
    y = conv2d_loops(np.ones((1, n * s, n * s, 1)), kernel, padding="same")[0, ..., 0]
    np.testing.assert_allclose(resized["output"], y)
    assert resized["inside"] in ([], [kernel.sum()])


def test_the_verdicts_are_written_below() -> None:
    figure = drawn(checkerboard)
    said = texts(figure)
    assert [text for text in said if text.startswith("inside") and "even" in text] == [
        "inside 1: even", "inside 1 and 2: uneven", "inside 2: even", "inside 2 and 3: uneven",
        "inside 0 and 1: uneven", "inside 1: even", "inside 1 and 2: uneven", "inside 1 and 2: uneven",
    ]  # fmt: skip
    ways = {way["way"]: way["inside"] for way in figure.data["constant"]}
    assert [len(inside) for inside in ways.values()] == [4, 4, 1]
    for way, reason in zip(ways.values(), ("its counts differ", "its weights differ", "padding's zeros"), strict=True):
        (text,) = (text for text in said if text.endswith(reason))
        assert all(number_text(value) in text for value in way)
    assert "Dᵣ = 2 at s = 2, Dᵣ = 4 at s = 2 and Dᵣ = 3 at s = 3" in figure.caption


def test_bars_are_as_high_as_their_counts_and_wear_them() -> None:
    figure = drawn(checkerboard)
    bars = patches(figure)
    for axis in figure.data["along one axis"]:
        heights = [
            bars[f"bar-{axis['stride']}-{axis['kernel size']}-{p}"].get_height() for p in range(len(axis["counts"]))
        ]
        unit = max(heights) / max(axis["counts"])
        np.testing.assert_allclose(heights, np.array(axis["counts"]) * unit)


def test_cells_wear_their_numbers_in_one_colour_each() -> None:
    figure = drawn(checkerboard)
    for size, square in zip((2, 3, 4, 5), figure.data["in two dimensions"], strict=True):
        for value in np.unique(square):
            cells = polygons(figure, f"square-{size}-{value}")
            assert len(cells) == np.sum(np.array(square) == value)
            assert set(numbers_in(figure, f"square-{size}-{value}")) == {str(value)}
        shades = [shapes(figure)[f"square-{size}-{value}"].get_facecolor()[0].sum() for value in np.unique(square)]
        assert shades == sorted(set(shades), reverse=True)  # the greater the darker
    for n, way in enumerate(figure.data["constant"]):
        assert sum(len(polygons(figure, f"constant-{n}-{v}")) for v in np.unique(way["output"])) == np.size(
            way["output"]
        )
        assert len(polygons(figure, f"kernel-{n}-front")) == np.size(way["kernel"])


def test_what_has_no_inside_is_called_border() -> None:
    figure = drawn(checkerboard, "all border")
    assert "all is border" in texts(figure)
    assert figure.data["along one axis"][0] | {"inside": [], "even": False} == figure.data["along one axis"][0]
