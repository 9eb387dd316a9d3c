"""Fig. 1 shows what the plain loops compute, with as many polygons as the volumes have cells to be seen."""

from collections.abc import Callable

import numpy as np
import pytest
from artists import drawing_of, polygons, texts
from matplotlib.collections import PolyCollection

from npconv import conv2d_loops
from npconv.figures import Figure, standard_convolution

CASES = {
    "the article's": {},
    "one channel, one tap": {"x": (1, 5, 4, 1), "kernel": (1, 1, 1, 1)},
    "many filters": {"kernel": (3, 3, 3, 128)},
    "many channels": {"x": (1, 6, 7, 24), "kernel": (3, 2, 24, 2)},
    "padded and strided": {"x": (1, 9, 11, 2), "kernel": (7, 5, 2, 3), "stride": 2, "padding": "same"},
}


@pytest.mark.parametrize("name", CASES)
def test_its_numbers_are_the_loops(name: str) -> None:
    case = CASES[name]
    data = standard_convolution(**case).data
    geometry = {key: case[key] for key in ("stride", "padding") if key in case}
    y = conv2d_loops(np.array(data["input"]), np.array(data["kernel"]), **geometry)
    np.testing.assert_array_equal(data["output"], y)
    row, column = data["at"]
    assert data["value"] == y[0, row, column, 0] == sum(data["sums"])
    filter = np.array(data["kernel"])[..., 0].transpose(2, 0, 1)
    np.testing.assert_array_equal(data["sums"], (np.array(data["patch"]) * filter).sum(axis=(1, 2)))


def test_the_front_face_and_the_slices_hold_the_numbers(default: Callable[[str], Figure]) -> None:
    figure = default("standard-convolution")
    drawn = texts(figure)
    numbers = [*np.array(figure.data["input"])[0, ..., 0].flat, *np.array(figure.data["output"])[0, ..., 0].flat]
    numbers += [*np.array(figure.data["kernel"])[:, :, 0].flat]  # the front of each filter
    numbers += [*np.array(figure.data["patch"]).flat, *np.array(figure.data["kernel"])[..., 0].flat]
    wanted = sorted(str(number).replace("-", "−") for number in numbers)
    assert sorted(text for text in drawn if text.lstrip("−").isdigit()) == wanted


def test_polygons_are_the_cells() -> None:
    figure = standard_convolution(x=(1, 6, 7, 3), kernel=(3, 2, 3, 4))
    for volume, (height, width, channels) in {"input": (6, 7, 3), "filter-3": (3, 2, 3), "output": (4, 6, 4)}.items():
        assert len(polygons(figure, f"{volume}-front")) == height * width
        assert len(polygons(figure, f"{volume}-top")) == width * channels
        assert len(polygons(figure, f"{volume}-side")) == height * channels


def test_padding_is_drawn_as_padding() -> None:
    figure = standard_convolution(x=(1, 5, 6, 1), kernel=(3, 3, 1, 1), padding=1)
    assert len(polygons(figure, "input-front")) == 5 * 6
    assert len(polygons(figure, "input-front-padding")) == 7 * 8 - 5 * 6
    assert any("padding" in text for text in texts(figure))


def test_a_slab_covers_those_behind_it_with_its_padding() -> None:
    figure = standard_convolution(x=(1, 5, 6, 9), kernel=(3, 3, 9, 2), padding=1)
    parts = drawing_of(figure, "input-front").findobj(PolyCollection)
    behind, front = parts[: len(parts) // 2], parts[len(parts) // 2 :]
    assert {c.get_gid() for c in behind} == {c.get_gid() for c in front} >= {"input-front", "input-front-padding"}
    assert max(c.get_zorder() for c in behind) < min(c.get_zorder() for c in front)


@pytest.mark.parametrize(
    ("case", "labels"),
    [
        (
            {"x": (1, 6, 7, 3), "kernel": (3, 2, 3, 4)},
            {"Dᵤ = 6", "Dᵤ = 7", "M = 3", "Dᵣ = 3", "Dᵣ = 2", "Dᵥ = 4", "Dᵥ = 6", "N = 4"},
        ),
        ({"kernel": (3, 3, 3, 128)}, {"Dᵤ = 7", "Dᵥ = 5", "N = 128", "… and 124 more", "output volume\n5×5×128"}),
    ],
)
def test_labels_are_the_shapes(case: dict[str, tuple[int, ...]], labels: set[str]) -> None:
    assert labels <= set(texts(standard_convolution(**case)))


def test_what_is_left_out_is_said() -> None:
    figure = standard_convolution(kernel=(3, 3, 3, 128))
    assert figure.data["drawn"]["output channels"] == 7
    assert any("7 of 128 channels" in text for text in texts(figure))
    assert "124 of the filters" in figure.caption


def test_it_draws_the_arrays_it_is_given() -> None:
    x = np.arange(20.0).reshape(1, 5, 4, 1) / 8
    kernel = np.full((2, 2, 1, 1), 0.5)
    data = standard_convolution(x=x, kernel=kernel, at=(0, 2)).data
    assert (data["input"], data["at"]) == (x.tolist(), [0, 2])
    assert data["value"] == conv2d_loops(x, kernel)[0, 0, 2, 0]


@pytest.mark.parametrize(
    ("case", "argument"),
    [
        ({"x": (2, 7, 7, 3)}, "x"),
        ({"x": (1, 40, 7, 3)}, "rows or columns"),
        ({"x": np.full((1, 7, 7, 3), np.nan)}, "x"),
        ({"kernel": (3, 3, 2, 4)}, "kernel"),
        ({"kernel": (9, 3, 3, 4)}, "kernel"),
        ({"kernel": (3, 3, 3, 0)}, "kernel"),
        ({"at": (5, 0)}, "at"),
        ({"stride": 0}, "stride"),
    ],
)
def test_what_cannot_be_drawn_is_refused(case: dict[str, object], argument: str) -> None:
    with pytest.raises(ValueError, match=f"standard_convolution: .*{argument}"):
        standard_convolution(**case)  # type: ignore[arg-type]
