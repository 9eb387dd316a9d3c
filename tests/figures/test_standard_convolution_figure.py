"""Fig. 1 shows what the plain loops compute, with as many polygons as the volumes have cells to be seen."""

from collections.abc import Callable

import numpy as np
import pytest
from artists import drawing_of, polygons, texts
from figure_cases import CASES, drawn, names
from matplotlib.collections import PolyCollection

from npconv import conv2d_loops
from npconv.figures import Figure, per_channel_view, standard_convolution


@pytest.mark.parametrize("name", names(standard_convolution))
def test_its_numbers_are_the_loops(name: str) -> None:
    case, data = CASES[standard_convolution].get(name, {}), drawn(standard_convolution, name).data
    geometry = {key: case[key] for key in ("stride", "padding", "dilation") if key in case}
    y = conv2d_loops(np.array(data["input"]), np.array(data["kernel"]), **geometry)
    np.testing.assert_allclose(data["output"], y, rtol=1e-12, atol=1e-10)
    row, column = data["at"]
    assert data["value"] == pytest.approx(y[0, row, column, 0]) == pytest.approx(sum(data["sums"]))
    filter = np.array(data["kernel"])[..., 0].transpose(2, 0, 1)
    np.testing.assert_allclose(data["sums"], (np.array(data["patch"]) * filter).sum(axis=(1, 2)))


def test_the_front_face_and_the_slices_hold_the_numbers(default: Callable[[str], Figure]) -> None:
    figure = default("standard-convolution")
    numbers = [*np.array(figure.data["input"])[0, ..., 0].flat, *np.array(figure.data["output"])[0, ..., 0].flat]
    numbers += [*np.array(figure.data["kernel"])[:, :, 0].flat]  # the front of each filter
    numbers += [*np.array(figure.data["patch"]).flat, *np.array(figure.data["kernel"])[..., 0].flat]
    wanted = sorted(str(number).replace("-", "−") for number in numbers)
    assert sorted(text for text in texts(figure) if text.lstrip("−").isdigit()) == wanted


def test_polygons_are_the_cells() -> None:
    figure = standard_convolution(x=(1, 6, 7, 3), kernel=(3, 2, 3, 4))
    for volume, (height, width, channels) in {"input": (6, 7, 3), "filter-3": (3, 2, 3), "output": (4, 6, 4)}.items():
        assert len(polygons(figure, f"{volume}-front")) == height * width
        assert len(polygons(figure, f"{volume}-top")) == width * channels
        assert len(polygons(figure, f"{volume}-side")) == height * channels


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


def test_the_worked_value_is_written_out() -> None:
    figure = drawn(standard_convolution)
    sums, value = figure.data["sums"], figure.data["value"]
    assert [text for text in texts(figure) if text.startswith("Σ")] == [f"Σ = {n}".replace("-", "−") for n in sums]
    written = next(text for text in texts(figure) if text.startswith("framed: y[0, 2, 2, 0] = "))
    left, right = written.removeprefix("framed: y[0, 2, 2, 0] = ").replace("−", "-").split(" = ")
    assert sum(int(term) for term in left.replace("- ", "-").replace("+ ", "").split()) == int(right) == value


def test_what_is_left_out_is_said_with_its_sum() -> None:
    figure = standard_convolution(x=(1, 7, 7, 36), kernel=(7, 7, 36, 128))
    shown = figure.data["drawn"]["slices"]
    rest = str(sum(figure.data["sums"][shown:])).replace("-", "−")
    assert shown < 36
    assert f"… and {36 - shown} more slices, whose sums add up to {rest}" in texts(figure)
    assert f"{36 - shown} of the 36 slices" in figure.caption
    assert figure.data["drawn"]["output channels"] == 7
    assert any("7 of 128 channels" in text for text in texts(figure))
    assert "124 of the filters" in figure.caption


def test_per_channel_view_goes_on_with_the_same_numbers() -> None:
    first, second, third = drawn(standard_convolution), drawn(per_channel_view), per_channel_view(n=2)
    assert first.data["input"] == second.data["input"]
    assert first.data["sums"] == second.data["summands"]
    output = np.array(first.data["output"])
    assert output[..., 0].tolist() == second.data["sum"]
    assert output[..., 2].tolist() == third.data["sum"]
