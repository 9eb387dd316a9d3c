"""The drawn errors are those of singular values cut off, the costs are counted, and the last point is exact."""

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from plots import default_figure, legend, named

from npconv import depthwise_conv2d_loops, factored_kernel, pointwise_conv2d_loops
from npconv.cost import count_operations
from npconv.figures import Figure, separability
from npconv.kernels.standard import conv2d_loops


@pytest.fixture
def figure() -> Figure:
    return default_figure("separability")


def cut_off(kernel: np.ndarray) -> list[float]:
    """The share of the kernel's norm in the singular values beyond Q, one channel's slice after the other."""
    height, width, channels, n = kernel.shape
    squares = np.zeros(min(height * width, n))
    for m in range(channels):
        slice = np.array([kernel[i, j, m] for i in range(height) for j in range(width)])
        squares += np.linalg.svd(slice, compute_uv=False) ** 2
    return [float(np.sqrt(squares[q:].sum() / squares.sum())) for q in range(1, len(squares) + 1)]


def test_errors_are_the_singular_values_cut_off(figure: Figure) -> None:
    generator = np.random.default_rng(0)
    for line, n in zip(figure.data["random"], (8, 32, 128), strict=True):
        each = [cut_off(generator.standard_normal((3, 3, 3, n))) for _ in range(10)]
        assert line["shape"] == [3, 3, 3, n]
        np.testing.assert_allclose(line["errors by kernel"], each, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(line["errors"], np.mean(each, axis=0), rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("undrawn")
def test_errors_of_given_kernels_are_theirs() -> None:
    generator = np.random.default_rng(3)
    nearly = np.ones((3, 3, 1, 4))
    nearly[0, 0, 0, 0] += 1e-6
    depthwise, pointwise = generator.standard_normal((5, 5, 2 * 4)), generator.standard_normal((2 * 4, 9))
    kernels = {  # and the depth multiplier from which on each is exact
        "whole numbers": (generator.integers(-3, 4, (5, 2, 2, 3)), 3),
        "one tap": (generator.standard_normal((1, 1, 4, 5)).astype(np.float32), 1),
        "four factors": (factored_kernel(depthwise, pointwise, depth_multiplier=4), 4),
        "nearly a product": (nearly, 2),
    }
    figure = separability(kernels={label: kernel for label, (kernel, _) in kernels.items()}, repeats=1)
    for line, (label, (kernel, exact)) in zip(figure.data["kernels"], kernels.items(), strict=True):
        taps, n = kernel.shape[0] * kernel.shape[1], kernel.shape[3]
        assert (line["label"], line["shape"], line["exact from Q"]) == (label, list(kernel.shape), exact)
        assert line["costs"] == [str(q * (Fraction(1, n) + Fraction(1, taps))) for q in range(1, min(taps, n) + 1)]
        np.testing.assert_allclose(line["errors"], cut_off(kernel.astype(np.float64)), rtol=1e-9, atol=1e-12)


def test_costs_are_counted_in_the_loops(figure: Figure) -> None:
    x = np.ones((1, 4, 5, 2))
    for line, q in product(figure.data["random"], (1, 2, 8)):
        n, deeper = line["shape"][-1], np.ones((1, 2, 3, 2 * q))
        standard = count_operations(conv2d_loops, x, np.ones((3, 3, 2, n))).multiplications
        separable = count_operations(depthwise_conv2d_loops, x, np.ones((3, 3, 2 * q))).multiplications
        separable += count_operations(pointwise_conv2d_loops, deeper, np.ones((2 * q, n))).multiplications
        assert Fraction(line["costs"][q - 1]) == Fraction(separable, standard)


def test_errors_fall_and_a_random_kernel_is_exact_only_where_nothing_is_saved(figure: Figure) -> None:
    for line in figure.data["random"] + figure.data["kernels"]:
        assert all(np.diff(line["errors"]) <= 0)
        assert len(line["costs"]) == len(line["errors"]) == min(9, line["shape"][-1])
        assert line["errors"][-1] == 0
    for line in figure.data["random"]:
        n, last = line["shape"][-1], line["exact from Q"]
        assert last == min(9, n)
        assert line["errors"][last - 2] > 0.01
        assert Fraction(line["costs"][last - 1]) == 1 + Fraction(min(9, n), max(9, n))


def test_known_filters_are_as_separable_as_they_are_made(figure: Figure) -> None:
    gabor, derivatives, outer = figure.data["kernels"]
    random = figure.data["random"][-1]
    assert (derivatives["exact from Q"], outer["exact from Q"]) == (2, 1)
    assert derivatives["errors"][0] > 0.1
    assert gabor["shape"] == random["shape"]
    assert all(one < 0.8 * other for one, other in zip(gabor["errors"][:8], random["errors"], strict=False))


def test_the_drawn_points_are_the_data_up_to_the_exact_one(figure: Figure) -> None:
    for panel, lines in enumerate(("random", "kernels")):
        drawn = named(figure.figure.axes[panel])
        for i, line in enumerate(figure.data[lines]):
            last = line["exact from Q"]
            (points,) = drawn[f"line-{i}"]
            np.testing.assert_array_equal(points.get_xdata(), [float(Fraction(cost)) for cost in line["costs"][:last]])
            np.testing.assert_array_equal(points.get_ydata(), line["errors"][:last])
            thin = [artist.get_ydata() for artist in drawn.get(f"thin-{i}", [])]
            if line["kernels"] > 1:
                np.testing.assert_array_equal(thin, [errors[:last] for errors in line["errors by kernel"]])
        (reference,) = drawn["reference"]
        np.testing.assert_allclose(reference.get_ydata() ** 2, 1 - reference.get_xdata(), atol=1e-15)


def middle(text: Any) -> np.ndarray:
    text.get_window_extent()
    return np.asarray(text.get_window_extent().get_points().mean(axis=0))


def test_a_number_stands_at_the_point_whose_q_it_is(figure: Figure) -> None:
    for panel, lines in enumerate(("random", "kernels")):
        axes, drawn = figure.figure.axes[panel], named(figure.figure.axes[panel])
        places = {
            (i, q): axes.transData.transform((float(Fraction(line["costs"][q - 1])), line["errors"][q - 1]))
            for i, line in enumerate(figure.data[lines])
            for q in range(1, line["exact from Q"] + 1)
        }
        numbers = [(gid, texts[0]) for gid, texts in drawn.items() if gid.startswith("q-")]
        ends = {(i, q) for i, line in enumerate(figure.data[lines]) for q in (1, line["exact from Q"])}
        assert {f"q-{i}-{q}" for i, q in ends} <= {gid for gid, _ in numbers}
        for gid, text in numbers:
            _, i, q = gid.split("-")
            here = middle(text)
            nearest = min(places, key=lambda key: float(np.linalg.norm(places[key] - here)))
            assert nearest == (int(i), int(q))
            assert text.get_text() == q


def test_the_legend_says_what_each_line_and_number_is(figure: Figure) -> None:
    left, right = (legend(axes) for axes in figure.figure.axes)
    assert {"N = 8: exact at Q = 8, cost 1.89", "N = 128: exact at Q = 9, cost 1.07"} <= set(left)
    assert "each of 10 kernels; thick: their mean" in left
    assert "derivatives of a Gaussian: exact at Q = 2, cost 0.24" in right
    for texts in (left, right):
        assert "numbers at points, where there is room: Q" in texts
    assert [axes.get_title("left") for axes in figure.figure.axes] == [
        "random kernels, 3×3×3×N", "kernels of known filters, 3×3×3×128",
    ]  # fmt: skip
    assert "seed 0" in figure.caption
    styles = {
        (line.get_linestyle(), line.get_marker())
        for gid, lines in named(figure.figure.axes[0]).items()
        for line in lines
        if gid.startswith("line-")
    }
    assert len(styles) == 3  # no line is told by its colour alone


def test_given_kernels_have_their_shapes_told() -> None:
    kernels = {"a": np.eye(9).reshape(3, 3, 1, 9), "b": np.ones((5, 5, 2, 4))}
    figure = separability(kernels=kernels, repeats=1)
    assert figure.figure.axes[1].get_title("left") == "given kernels"
    assert "b, 5×5×2×4: exact at Q = 1, cost 0.29" in legend(figure.figure.axes[1])
