"""The counted points lie on the line, as fractions."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from npconv import conv2d_loops, depthwise_conv2d_loops, pointwise_conv2d_loops
from npconv.cost import count_operations
from npconv.figures import Figure, cost_ratio


@pytest.fixture(scope="module", params=["squares", "other shapes"])
def figure(request: pytest.FixtureRequest, default: Callable[[str], Figure]) -> Figure:
    return default("cost-ratio") if request.param == "squares" else cost_ratio(kernel_sizes=(3, (1, 7), (4, 2), 1))


def test_points_are_on_the_line(figure: Figure) -> None:
    for line in figure.data["by kernel size"] + figure.data["by depth multiplier"]:
        taps, q = line["kernel"][0] * line["kernel"][1], line["depth multiplier"]
        exact = [q * (Fraction(1, n) + Fraction(1, taps)) for n in figure.data["out_channels"]]
        assert [Fraction(text) for text in line["counted"]] == exact
        near = line["within 10 % from N"]
        limit = Fraction(line["limit"])
        assert q * (Fraction(1, near) + Fraction(1, taps)) == limit * Fraction(11, 10)


def test_a_point_is_what_the_loops_do(figure: Figure) -> None:
    x, n = np.ones((1, 4, 5, 2)), 8
    standard = count_operations(conv2d_loops, x, np.ones((3, 3, 2, n))).multiplications
    separable = count_operations(depthwise_conv2d_loops, x, np.ones((3, 3, 2))).multiplications
    separable += count_operations(pointwise_conv2d_loops, np.ones((1, 2, 3, 2)), np.ones((2, n))).multiplications
    at = figure.data["out_channels"].index(n)
    assert Fraction(figure.data["by kernel size"][0]["counted"][at]) == Fraction(separable, standard)


def test_the_drawn_points_are_the_counted_ones(figure: Figure) -> None:
    for axes, lines in zip(figure.figure.axes, ("by kernel size", "by depth multiplier"), strict=True):
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        points = [artist for artist in axes.lines if artist.get_linestyle() == "None" and len(artist.get_xdata()) > 1]
        for artist, line in zip(points, figure.data[lines], strict=True):
            np.testing.assert_array_equal(artist.get_xdata(), figure.data["out_channels"])
            np.testing.assert_array_equal(artist.get_ydata(), [float(Fraction(text)) for text in line["counted"]])


def test_the_drawn_lines_are_the_formula(figure: Figure) -> None:
    low, high = figure.data["out_channels"][0], figure.data["out_channels"][-1]
    for axes, lines in zip(figure.figure.axes, ("by kernel size", "by depth multiplier"), strict=True):
        curves = [artist for artist in axes.lines if len(artist.get_xdata()) > 100]
        for artist, line in zip(curves, figure.data[lines], strict=True):
            n = np.asarray(artist.get_xdata())
            assert low <= n[0] < low * 1.1
            assert high / 1.1 < n[-1] <= high
            ratio = line["depth multiplier"] * (1 / n + 1 / np.prod(line["kernel"]))
            np.testing.assert_allclose(artist.get_ydata(), ratio)


def test_every_line_mark_and_level_is_named(default: Callable[[str], Figure]) -> None:
    figure = default("cost-ratio").figure
    left, right = ({text.get_text() for text in axes.texts} for axes in figure.axes)
    assert left == {
        "3×3 → 1/9\nfrom N = 90", "5×5 → 1/25\nfrom N = 250", "7×7 → 1/49\nfrom N = 490", "as a standard\nconvolution",
    }  # fmt: skip
    assert {"Q = 1 → 1/9\nfrom N = 90", "Q = 2 → 2/9", "Q = 4 → 4/9"} <= right  # the N of all three is said once
    (legend,) = figure.legends
    samples = {text.get_text(): line for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)}
    assert set(samples) == {
        "counted", "Q(1/N + 1/Dᵣ²)", "its limit for large N: Q/Dᵣ²", "from this N on within 10 % of the limit",
    }  # fmt: skip
    marks = [artist for artist in figure.axes[0].lines if artist.get_marker() == "|"]
    assert [mark.get_xdata()[0] for mark in marks] == [90, 250, 490]
    assert samples["from this N on within 10 % of the limit"].get_marker() == "|"


def test_a_mark_beyond_the_plot_is_not_named() -> None:
    figure = cost_ratio(kernel_sizes=(3,), out_channels=(4, 89), depth_multipliers=(1,))
    assert "3×3 → 1/9" in {text.get_text() for text in figure.figure.axes[0].texts}
    assert not [artist for artist in figure.figure.axes[0].lines if artist.get_marker() == "|"]
