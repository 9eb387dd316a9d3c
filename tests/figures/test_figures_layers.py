"""Layers that are not the article's case, and what the two readings of a convolution have in common."""

import numpy as np
import pytest
from matplotlib.text import Text

import npconv
from npconv.figures import per_channel_view, standard_convolution

FLOATS = np.random.default_rng(1).normal(size=(1, 6, 6, 2))


def texts(figure):
    return [text.get_text() for text in figure.figure.findobj(Text)]


def test_a_dilated_layer_of_fractions_is_the_loops_and_says_that_it_is_rounded():
    figure = standard_convolution(x=FLOATS, kernel=(3, 2, 2, 3), dilation=2, padding=((0, 1), (2, 0)), at=(0, 1))
    y = npconv.conv2d_loops(FLOATS, np.array(figure.data["kernel"]), dilation=2, padding=((0, 1), (2, 0)))
    np.testing.assert_allclose(figure.data["output"], y, rtol=0, atol=1e-12)
    assert sum(figure.data["sums"]) == pytest.approx(y[0, 0, 1, 0])
    products = np.array(figure.data["patch"]) * np.array(figure.data["kernel"])[..., 0].transpose(2, 0, 1)
    np.testing.assert_allclose(products.sum(axis=(1, 2)), figure.data["sums"], rtol=0, atol=1e-12)
    assert "numbers are drawn rounded, and were summed before rounding" in texts(figure)


def test_the_worked_value_is_written_out():
    figure = standard_convolution()
    sums, value = figure.data["sums"], figure.data["value"]
    assert [text for text in texts(figure) if text.startswith("Σ")] == [f"Σ = {n}".replace("-", "−") for n in sums]
    written = next(text for text in texts(figure) if text.startswith("y[0, 2, 2, 0] = "))
    left, right = written.removeprefix("y[0, 2, 2, 0] = ").replace("−", "-").split(" = ")
    assert sum(int(term) for term in left.replace("- ", "-").replace("+ ", "").split()) == int(right) == value


def test_slices_that_do_not_fit_are_left_out_and_their_sum_is_told():
    figure = standard_convolution(x=(1, 7, 7, 36), kernel=(7, 7, 36, 1))
    shown = figure.data["drawn"]["slices"]
    rest = str(sum(figure.data["sums"][shown:])).replace("-", "−")
    assert shown < 36
    assert f"… and {36 - shown} more slices, whose sums add up to {rest}" in texts(figure)


def test_the_second_reading_goes_on_with_the_first_ones_numbers():
    first, second, third = standard_convolution(), per_channel_view(), per_channel_view(n=2)
    assert first.data["input"] == second.data["input"]
    assert first.data["sums"] == second.data["summands"]
    output = np.array(first.data["output"])
    assert output[..., 0].tolist() == second.data["sum"]
    assert output[..., 2].tolist() == third.data["sum"]


def test_maps_too_small_for_numbers_tell_the_framed_ones():
    figure = per_channel_view(x=(1, 7, 9, 4), kernel=(7, 5, 4, 1), padding="same")
    framed = [text for text in texts(figure) if text.startswith("framed: ") and "y[" not in text]
    row, column = figure.data["at"]
    numbers = [*figure.data["summands"][: figure.data["drawn"]["channels"]], figure.data["sum"][0][row][column]]
    assert sorted(framed) == sorted(f"framed: {number}".replace("-", "−") for number in numbers)


def test_numbers_too_long_for_the_canvas_are_refused():
    with pytest.raises(ValueError, match="too wide to draw"):
        standard_convolution(x=np.full((1, 7, 7, 3), 10**14), kernel=(7, 7, 3, 1))
