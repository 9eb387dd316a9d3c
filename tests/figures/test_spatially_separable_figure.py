"""Both steps on the photograph are the loops with the product kernel, and the costs are counted and the formula's."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from artists import numbers_in, patches, polygons, texts, written
from figure_cases import CASES, drawn, names
from matplotlib.image import BboxImage

from npconv import conv2d_loops
from npconv.cost import count_operations
from npconv.data import load_photograph
from npconv.figures import Figure, spatially_separable
from npconv.figures.parts.values import sum_text
from npconv.text import number_text

SMALL = [name for name, case in CASES[spatially_separable].items() if "photograph" in case]


@pytest.mark.parametrize("name", SMALL)
def test_both_steps_are_the_loops_with_the_product(name: str) -> None:
    data, pixels = drawn(spatially_separable, name).data, CASES[spatially_separable][name]["photograph"]
    x = pixels.sum(axis=-1, dtype=int)[np.newaxis, ..., np.newaxis]
    column, row = np.array(data["column"]), np.array(data["row"])
    np.testing.assert_array_equal(data["kernel"], column[:, None] * row)
    middle = conv2d_loops(x, column[:, None, None, None])[0, ..., 0]
    y = conv2d_loops(x, np.array(data["kernel"])[..., None, None])[0, ..., 0]
    for map, loops in zip(data["every 16th"].values(), (x[0, ..., 0], middle, y), strict=True):
        np.testing.assert_allclose(map, loops[::16, ::16], atol=1e-9)
    (r, c), size = data["at"], len(row)
    np.testing.assert_array_equal(data["patch"], x[0, r : r + size, c : c + size, 0])
    np.testing.assert_allclose(data["between"], middle[r, c : c + size])
    assert data["value"] == pytest.approx(y[r, c]) == pytest.approx(np.dot(data["between"], row))
    assert data["largest difference"] <= 1e-9
    assert data["rank"] == np.linalg.matrix_rank(np.array(data["kernel"]))


def test_the_default_is_sobels_kernel_on_the_photograph() -> None:
    data = drawn(spatially_separable).data
    assert (data["kernel"], data["rank"]) == ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], 1)
    pixels = load_photograph().pixels.sum(axis=-1, dtype=int)
    (r, c) = data["at"]
    patch = pixels[r : r + 3, c : c + 3]
    assert data["value"] == conv2d_loops(patch[None, ..., None], np.array(data["kernel"])[..., None, None]).item()
    assert data["largest difference"] == 0
    assert data["example"] == {"side": 5, "kernel size": 3, "kernel": 81, "column": 45, "row": 27}


@pytest.mark.parametrize("name", names(spatially_separable))
def test_counts_are_those_of_the_loops_and_the_formula(name: str) -> None:
    data = drawn(spatially_separable, name).data
    example = data["example"]
    m, n = example["kernel size"], example["side"]
    p, x = n - m + 1, np.ones((1, n, n, 1))
    assert example["kernel"] == p * p * m * m
    assert (example["column"], example["row"]) == (p * n * m, p * p * m)
    assert example["kernel"] == count_operations(conv2d_loops, x, np.ones((m, m, 1, 1))).multiplications
    down = count_operations(conv2d_loops, x, np.ones((m, 1, 1, 1)))
    across = count_operations(conv2d_loops, np.ones((1, p, n, 1)), np.ones((1, m, 1, 1)))
    assert (example["column"], example["row"]) == (down.multiplications, across.multiplications)
    for line in data["ratios"]:
        m = line["kernel size"]
        exact = [Fraction(n * (n - m + 1) * m + (n - m + 1) ** 2 * m, (n - m + 1) ** 2 * m**2) for n in line["sides"]]
        assert [Fraction(ratio) for ratio in line["counted"]] == exact
        assert Fraction(line["limit"]) == Fraction(2, m)
        assert all((ratio > Fraction(2, m)) == (m > 1) for ratio in exact)  # from above; one weight costs twice as much


def test_the_sources_formula_is_refuted_where_it_is_wrong() -> None:
    assert "for Dᵣ = 5 and Dᵤ = 7 it gives 12/25, counted is 2/3" in drawn(spatially_separable).caption
    assert "Bai's formula" not in drawn(spatially_separable, SMALL[0]).caption  # of Dᵣ = 3 alone


def test_the_drawn_points_and_lines_are_these() -> None:
    figure = drawn(spatially_separable)
    (axes,) = figure.figure.axes
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    curves = [line for line in axes.lines if len(line.get_xdata()) > 100]
    for line, dots, curve in zip(figure.data["ratios"], points, curves, strict=True):
        m = line["kernel size"]
        assert list(dots.get_xdata()) == line["sides"]
        np.testing.assert_allclose(dots.get_ydata(), [float(Fraction(ratio)) for ratio in line["counted"]])
        n = np.asarray(curve.get_xdata())
        np.testing.assert_allclose(curve.get_ydata(), (n / (n - m + 1) + 1) / m)
    ends = {text.get_text() for text in axes.texts}
    assert ends == {"as one kernel", "Dᵣ = 3 → 2/3", "Dᵣ = 5 → 2/5", "Dᵣ = 7 → 2/7"}
    levels = {float(line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 2}
    assert levels == {1.0, 2 / 3, 2 / 5, 2 / 7}


def test_bars_are_as_long_as_their_counts() -> None:
    figure = drawn(spatially_separable)
    counts, bars = figure.data["example"], patches(figure)
    lengths = {name: bars[f"bar-{name}"].get_width() for name in ("kernel", "column", "row")}
    for name in lengths:
        assert lengths[name] / lengths["kernel"] == pytest.approx(counts[name] / counts["kernel"])
    assert {"81", "column 45 + row 27 = 72"} <= set(texts(figure))


def test_pictures_and_numbers_are_the_maps(default: Callable[[str], Figure]) -> None:
    figure = default("spatially-separable")
    pictures = {str(image.get_gid()): image for image in figure.figure.findobj(BboxImage)}
    for name, values in figure.data["every 16th"].items():
        image = pictures[name]
        np.testing.assert_array_equal(np.asarray(image.get_array())[::16, ::16], values)
        assert [image.norm.vmin, image.norm.vmax] == figure.data["limits"][name]
    for name in ("column", "row", "kernel"):
        assert numbers_in(figure, f"{name}-front") == written(figure.data[name])
    assert numbers_in(figure, "worked-pixels-front") == written(figure.data["patch"])
    assert numbers_in(figure, "worked-after the column-front") == written(figure.data["between"])
    assert len(polygons(figure, "kernel-front")) == 9
    products = np.multiply(figure.data["between"], figure.data["row"]).tolist()
    value = number_text(figure.data["value"])
    assert {value, f"output: {sum_text(products)} = {value}"} <= set(texts(figure))


def test_fractions_are_said_to_be_rounded_and_signs_move_the_grey() -> None:
    figure = drawn(spatially_separable, "fractions")
    assert any("drawn rounded" in text for text in texts(figure))
    assert "drawn rounded" in figure.caption
    low, high = figure.data["limits"]["after the column"]
    assert low == -high < 0
