"""What a picture says of itself its caption says too."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from artists import texts

from npconv.figures import Figure, backward_taps, functional_view, standard_convolution

CASES: list[dict[str, Any]] = [
    {"x": (1, 9, 12, 36), "kernel": (3, 3, 36, 128), "padding": "same"},
    {"x": (1, 14, 14, 3), "kernel": (3, 3, 3, 4), "padding": 1, "stride": 2},
    {"x": np.linspace(-3, 3, 120).reshape(1, 6, 5, 4), "kernel": (5, 3, 4, 2)},
]


@functools.cache
def drawn(build: Callable[..., Figure], case: int) -> Figure:
    return build(**CASES[case])


@pytest.mark.parametrize("build", [standard_convolution, functional_view, backward_taps])
@pytest.mark.parametrize("case", range(3), ids=["many", "small cells", "fractions"])
def test_the_caption_has_every_note(build: Callable[..., Figure], case: int) -> None:
    figure = drawn(build, case)
    words = ("dotted:", "no numbers", "channels are drawn", "channels drawn", "drawn rounded")
    notes = [text for text in texts(figure) if any(word in text for word in words)]
    assert notes
    for note in notes:
        assert note.lower() in figure.caption.lower(), note


@pytest.mark.parametrize("build", [standard_convolution, functional_view])
def test_slices_left_out_are_in_the_caption(build: Callable[..., Figure]) -> None:
    figure = drawn(build, 0)
    shown = figure.data["drawn"]["slices"]
    assert f"{36 - shown} of the 36 slices" in figure.caption


def test_the_caption_speaks_of_the_patch_only_where_all_of_it_is_drawn(default: Callable[[str], Figure]) -> None:
    assert "but for the patch" in default("standard-convolution").caption
    assert "but for the slices drawn" in drawn(standard_convolution, 0).caption


def test_backward_fits_the_filters_of_the_articles_example() -> None:
    for n in (100, 128):
        figure = backward_taps(x=(1, 7, 7, 3), kernel=(3, 3, 3, n), stride=1)
        assert figure.data["drawn"]["filters"] < n
