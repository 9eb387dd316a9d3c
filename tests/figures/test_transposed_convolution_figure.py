"""The figure of the transposed convolution shows what the plain loops compute, summed, among zeros, and cropped."""

import itertools

import numpy as np
import pytest
from artists import framed, numbers_in, polygons, shapes, texts, written
from figure_cases import DEFAULT, drawn, names
from matplotlib.colors import to_hex

from npconv import conv2d_backward_loops, conv2d_loops, transposed_conv2d_loops
from npconv.cost import count_operations
from npconv.figures import transposed_convolution
from npconv.figures.parts.drawing import FRONT_UNDER_NUMBERS, ROLES, shade


def four(matrix) -> np.ndarray:
    return np.array(matrix)[np.newaxis, ..., np.newaxis]


def kernel_of(data) -> np.ndarray:
    return np.array(data["kernel"])[..., np.newaxis, np.newaxis]


@pytest.mark.parametrize("name", names(transposed_convolution))
def test_outputs_and_summands_are_the_loops(name: str) -> None:
    data = drawn(transposed_convolution, name).data
    x, kernel = four(data["input"]), kernel_of(data)
    assert data["strides"][0]["stride"] == [1, 1]
    for part in data["strides"]:
        y = transposed_conv2d_loops(x, kernel, stride=part["stride"])[0, ..., 0]
        np.testing.assert_allclose(part["output"], y, atol=1e-9)
        np.testing.assert_allclose(np.sum(part["adds"], axis=0), y, atol=1e-9)
        for adds, (u, w) in zip(part["adds"], np.ndindex(*x.shape[1:3]), strict=True):
            alone = np.zeros_like(x)
            alone[0, u, w] = x[0, u, w]
            np.testing.assert_allclose(adds, transposed_conv2d_loops(alone, kernel, stride=part["stride"])[0, ..., 0])


@pytest.mark.parametrize("name", names(transposed_convolution))
def test_the_convolution_among_zeros_gives_the_same(name: str) -> None:
    data = drawn(transposed_convolution, name).data
    x, kernel = four(data["input"]), kernel_of(data)
    (height, width), turned = kernel.shape[:2], kernel[::-1, ::-1]
    for part in data["strides"]:
        stuffed, (down, across) = np.array(part["among zeros"]), part["stride"]
        inner = stuffed[height - 1 : len(stuffed) - height + 1, width - 1 : stuffed.shape[1] - width + 1]
        np.testing.assert_array_equal(inner[::down, ::across], x[0, ..., 0])
        assert np.count_nonzero(stuffed) == np.count_nonzero(x)
        np.testing.assert_allclose(conv2d_loops(four(stuffed), turned)[0, ..., 0], part["output"], atol=1e-9)
        counts = part["multiplications"]
        assert counts["scattered"] == x.size * height * width
        assert counts["among zeros"] == np.size(part["output"]) * height * width
        assert counts["by zeros"] == counts["among zeros"] - counts["scattered"]
        loops = count_operations(transposed_conv2d_loops, x, kernel, stride=part["stride"])
        assert counts["scattered"] == loops.multiplications
        at, terms = part["worked"]["at"], part["worked"]["terms"]
        assert sum(a * b for a, b in terms) == pytest.approx(part["output"][at[0]][at[1]])
        assert len(terms) == part["reached by"][at[0]][at[1]] == np.max(part["reached by"])


@pytest.mark.parametrize("name", names(transposed_convolution))
def test_it_is_conv2ds_dx_and_not_its_inverse(name: str) -> None:
    data = drawn(transposed_convolution, name).data
    x, kernel, part = four(data["input"]), kernel_of(data), data["strides"][-1]
    y = four(part["output"])
    dx, _ = conv2d_backward_loops(x, np.zeros_like(y), kernel, stride=part["stride"])
    np.testing.assert_allclose(dx, y, atol=1e-9)
    assert data["adjoint"]["largest difference from conv2d's dx"] < 1e-9
    back = conv2d_loops(y, kernel, stride=part["stride"])[0, ..., 0]
    np.testing.assert_allclose(data["adjoint"]["conv2d of the output"], back)
    assert name == "one of all" or not np.allclose(back, data["input"])


@pytest.mark.parametrize("name", names(transposed_convolution))
def test_padding_crops_the_output_where_it_is_drawn(name: str) -> None:
    figure = drawn(transposed_convolution, name)
    data = figure.data
    x, kernel, part = four(data["input"]), kernel_of(data), data["strides"][-1]
    whole = np.pad(np.array(part["output"]), ((0, 9), (0, 9)))
    for n, crop in enumerate(data["cropped"]):
        given = {key: crop[key] for key in ("padding", "output_padding") if key in crop}
        y = transposed_conv2d_loops(x, kernel, stride=part["stride"], **given)[0, ..., 0]
        np.testing.assert_allclose(crop["output"], y, atol=1e-9)
        top, left = crop["from"]
        np.testing.assert_allclose(whole[top : top + len(y), left : left + y.shape[1]], y, atol=1e-9)
        assert len(polygons(figure, f"crop-{n}-front")) == y.size


def test_the_numbers_are_those_of_the_source() -> None:
    """K. Bai's case, by hand: 1 to 4 through 1 to 9."""
    data = transposed_convolution().data
    first, second = (part["output"] for part in data["strides"])
    assert first == [[1, 4, 7, 6], [7, 23, 33, 24], [19, 53, 63, 42], [21, 52, 59, 36]]
    assert second[1:3] == [[4, 5, 14, 10, 12], [10, 14, 36, 24, 30]]
    assert [part["multiplications"]["scattered"] for part in data["strides"]] == [36, 36]
    assert data["strides"][1]["multiplications"] | {"scattered": 0} == {
        "scattered": 0, "among zeros": 225, "by zeros": 189,
    }  # fmt: skip
    by_padding = {(crop["padding"], crop.get("output_padding", 0)): crop["output"] for crop in data["cropped"]}
    assert by_padding[1, 0] == [[5, 14, 10], [14, 36, 24], [15, 34, 20]]
    assert by_padding[1, 1][0] == [5, 14, 10, 12]
    assert by_padding["same", 0][-1] == [12, 15, 34, 20]


def test_the_numbers_drawn_are_the_data() -> None:
    figure = drawn(transposed_convolution)
    data = figure.data
    parts = data["strides"]
    matrices = [data["input"], data["kernel"], data["input"], data["kernel"], np.flip(data["kernel"]), data["input"]]
    matrices += [np.flip(data["kernel"]), parts[1]["output"], data["adjoint"]["conv2d of the output"]]
    for part in parts:
        rows, columns = len(data["kernel"]), len(data["kernel"][0])
        matrices += [part["output"], part["output"], part["among zeros"]]
        down, across = part["stride"]
        for adds, (u, w) in zip(part["adds"], itertools.product(range(2), range(2)), strict=True):
            matrices.append(np.array(adds)[u * down : u * down + rows, w * across : w * across + columns])
    matrices += [parts[1]["output"]] * len(data["cropped"])
    numbers = [text for text in texts(figure) if text.lstrip("−").isdigit()]
    assert sorted(numbers) == sorted(text for matrix in matrices for text in written(matrix))
    assert numbers_in(figure, "adds-0-1-cells") == written(2 * np.array(data["kernel"]))


def test_frames_are_around_one_footprint_and_one_value() -> None:
    figure = drawn(transposed_convolution)
    assert framed(figure, "x-front") == {(1, 1)}
    patch = {(r, c) for r in (1, 2, 3) for c in (1, 2, 3)}  # the first of its name is that at stride 1
    assert framed(figure, "adds-1-1-front") == framed(figure, "y-front") == patch
    row, column = figure.data["strides"][0]["worked"]["at"]
    assert framed(figure, "y-again-front") == {(row, column)}
    assert framed(figure, "zeros-front-padding") == {(row + i, column + j) for i in range(3) for j in range(3)}


def test_colours_are_those_of_the_roles_and_what_is_empty_is_white() -> None:
    figure = drawn(transposed_convolution)

    def colour(gid: str) -> str:
        return to_hex(shapes(figure)[gid].get_facecolor()[0])

    for gid, role in (
        ("x-front", "input"), ("kernel-front", "filter"), ("turned-front", "filter"), ("y-front", "output"),
        ("adds-0-0-cells", "output"), ("zeros-cells", "input"), ("crop-0-front", "output"),
    ):  # fmt: skip
        assert colour(gid) == shade(ROLES[role], FRONT_UNDER_NUMBERS), gid
    assert colour("adds-0-0-front") == "#ffffff"


def test_footprints_left_out_are_counted() -> None:
    figure = drawn(transposed_convolution, "more inputs")
    shown = figure.data["drawn footprints"]
    assert shown < 6
    assert f"what the other {6 - shown} values of x add" in figure.caption
    assert len([text for text in texts(figure) if text.endswith("\nadds")]) == 2 * shown
    assert "x[1, 0]\nadds" in texts(figure)  # the framed one
    assert any("…" in text for text in texts(figure))


def test_a_stride_above_the_kernel_leaves_gaps_and_says_so() -> None:
    figure = drawn(transposed_convolution, "gaps")
    assert 0 in np.array(figure.data["strides"][1]["reached by"])
    assert any("no patches overlap" in text for text in texts(figure))


def test_at_stride_one_there_is_one_section() -> None:
    figure = transposed_convolution(stride=1, kernel=(2, 2, 1, 1))
    assert [part["stride"] for part in figure.data["strides"]] == [[1, 1]]
    assert [crop["padding"] for crop in figure.data["cropped"]] == ["same"]
    assert DEFAULT in names(transposed_convolution)
