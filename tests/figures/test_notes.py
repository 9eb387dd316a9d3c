"""Rules for all figures of volumes: notes are in the caption, given arrays are drawn, padding has cells of its own."""

from collections.abc import Callable

import numpy as np
import pytest
from artists import polygons, texts
from figure_cases import CASES, drawn, names

from npconv.data import load_photograph
from npconv.figures import (
    Figure,
    backward_taps,
    depthwise_separable,
    functional_view,
    inverted_residual_maps,
    per_channel_photograph,
    per_channel_view,
    separable_example,
    standard_convolution,
)

VOLUMES = (
    standard_convolution,
    functional_view,
    per_channel_view,
    depthwise_separable,
    separable_example,
    backward_taps,
)
ALL = [(build, name) for build in VOLUMES for name in names(build)]
NOTES = ("dotted:", "no numbers", "channels are drawn", "channels drawn", "filters drawn", "drawn rounded", "padding")


@pytest.mark.parametrize(("build", "name"), ALL, ids=[f"{build.__name__}, {name}" for build, name in ALL])
def test_the_caption_has_every_note(build: Callable[..., Figure], name: str) -> None:
    figure = drawn(build, name)
    for note in texts(figure):
        if any(word in note for word in NOTES) and "\n" not in note:
            assert note.lower() in figure.caption.lower()


DRAWN_ALIKE = [build for build in VOLUMES if build is not separable_example]  # its data has no input
GIVEN = [(b, name) for b in DRAWN_ALIKE for name, case in CASES[b].items() if isinstance(case.get("x"), np.ndarray)]


@pytest.mark.parametrize(("build", "name"), GIVEN, ids=[f"{build.__name__}, {name}" for build, name in GIVEN])
def test_given_arrays_are_drawn_and_said_to_be_rounded(build: Callable[..., Figure], name: str) -> None:
    figure, x = drawn(build, name), CASES[build][name]["x"]
    assert figure.data["input"] == x.tolist()
    assert any("drawn rounded" in text for text in texts(figure)) == (x % 1 != 0).any()


@pytest.mark.parametrize(
    ("build", "parts"),
    [
        (standard_convolution, ["input"]),
        (functional_view, ["input", "step-1"]),
        (depthwise_separable, ["input-0", "input-1"]),
        (separable_example, ["standard-input-1", "input-0"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_padding_has_cells_of_its_own(build: Callable[..., Figure], parts: list[str]) -> None:
    figure = build(x=(1, 5, 6, 2), padding=1, **SMALL[build])
    for part in parts:
        assert len(polygons(figure, f"{part}-front")) == 5 * 6
        assert len(polygons(figure, f"{part}-front-padding")) == 7 * 8 - 5 * 6
    assert any("padding" in text for text in texts(figure))


SMALL = {build: {"kernel": (3, 3, 2, 2)} for build in (standard_convolution, functional_view)}
SMALL |= {depthwise_separable: {"depthwise": (3, 3, 2), "pointwise": (2, 1)}, separable_example: {"out_channels": 2}}


def test_the_caption_speaks_of_the_patch_only_where_all_of_it_is_drawn() -> None:
    assert "but for the patch" in drawn(standard_convolution).caption
    assert "but for the slices drawn" in drawn(standard_convolution, "many channels").caption


@pytest.mark.parametrize("build", [inverted_residual_maps, per_channel_photograph])
def test_a_missing_photograph_is_told(build: Callable[..., Figure]) -> None:
    figure = build(photograph=load_photograph("no such file"))
    assert figure.data["photograph"]["synthetic"]
    assert "synthetic" in figure.caption
    assert "synthetic" in figure.alt
