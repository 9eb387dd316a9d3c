"""Fig. 4 shows what the plain loops compute, each channel with its own filter, and a value to check by hand."""

from typing import Any

import numpy as np
import pytest
from artists import numbers_in, polygons, shapes, texts, written
from figure_cases import CASES, DEFAULT, drawn, names
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from npconv import depthwise_conv2d_loops, pointwise_conv2d_loops
from npconv.figures import Figure, depthwise_separable, depthwise_separable_frames, style
from npconv.figures.parts.drawing import ROLES, SMALL
from npconv.text import number_text


def loops(case: dict[str, Any], data: dict[str, Any]) -> tuple[Any, Any]:
    geometry = {key: case[key] for key in ("stride", "padding", "dilation") if key in case}
    maps = depthwise_conv2d_loops(np.array(data["input"]), np.array(data["depthwise"]), **geometry)
    return maps, pointwise_conv2d_loops(maps, np.array(data["pointwise"]))


@pytest.mark.parametrize("name", names(depthwise_separable))
def test_its_numbers_are_the_loops(name: str) -> None:
    data = drawn(depthwise_separable, name).data
    maps, y = loops(CASES[depthwise_separable].get(name, {}), data)
    np.testing.assert_allclose(data["maps"], maps, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(data["output"], y, rtol=1e-12, atol=1e-12)
    row, column = data["at"]
    np.testing.assert_allclose(data["values"], maps[0, row, column], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        data["products"], maps[0, row, column] * np.array(data["pointwise"])[:, 0], rtol=1e-12, atol=1e-12
    )
    assert (
        data["value"]
        == pytest.approx(y[0, row, column, 0], rel=1e-12, abs=1e-12)
        == pytest.approx(sum(data["products"]))
    )
    patch, filters = np.array(data["patch"]), np.array(data["depthwise"]).transpose(2, 0, 1)
    patch = patch.repeat(len(filters) // len(patch), axis=0)
    np.testing.assert_allclose((patch * filters).sum(axis=(1, 2)), data["values"])


@pytest.mark.parametrize("name", [DEFAULT, "five filters a channel", "high"])
def test_the_worked_value_is_written_number_by_number(name: str) -> None:
    figure = drawn(depthwise_separable, name)
    data = figure.data
    multiplier = len(data["values"]) // len(data["patch"])
    for c, (value, product) in enumerate(zip(data["values"], data["products"], strict=True)):
        assert numbers_in(figure, f"patch-slice-{c}") == written(data["patch"][c // multiplier])
        assert numbers_in(figure, f"filter-slice-{c}") == written(np.array(data["depthwise"])[..., c])
        assert f"Σ = {number_text(value)}" in texts(figure)
        assert numbers_in(figure, f"value-slice-{c}") == [number_text(value)]
        assert numbers_in(figure, f"weight-slice-{c}") == [number_text(data["pointwise"][c][0])]
        assert numbers_in(figure, f"product-slice-{c}") == [number_text(product)]
        label = f"m = {c}" if multiplier == 1 else f"m = {c // multiplier}, q = {c % multiplier}"
        assert texts(figure).count(label) >= 2  # in both steps
    assert any(text.startswith("y[0, ") and text.endswith(f"= {number_text(data['value'])}") for text in texts(figure))


def test_the_front_faces_hold_the_numbers() -> None:
    figure = drawn(depthwise_separable)
    data = figure.data
    for name in ("input", "map", "output"):
        numbers = np.array(data["maps" if name == "map" else name])[0, ..., 0]
        assert numbers_in(figure, f"{name}-0-front") == written(numbers)
    for m in range(3):
        assert numbers_in(figure, f"filter-{m}-front") == written(np.array(data["depthwise"])[..., m])
    for n in range(4):
        assert numbers_in(figure, f"pointwise-{n}-0-front") == [number_text(data["pointwise"][0][n])]


def test_polygons_are_the_cells_of_every_slab() -> None:
    figure = depthwise_separable(x=(1, 6, 7, 3), depthwise=(3, 2, 3), pointwise=(3, 5))
    for m in range(3):
        for slab, (height, width) in {f"input-{m}": (6, 7), f"filter-{m}": (3, 2), f"map-{m}": (4, 6)}.items():
            assert len(polygons(figure, f"{slab}-front")) == height * width
            assert len(polygons(figure, f"{slab}-top")) == width
            assert len(polygons(figure, f"{slab}-side")) == height
        assert len(polygons(figure, f"pointwise-3-{m}-front")) == 1
    for n in range(5):
        assert len(polygons(figure, f"output-{n}-front")) == 4 * 6
    assert "pointwise-4-0-front" not in shapes(figure)
    assert "4 of 5 filters drawn" in texts(figure)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_hue_is_the_input_channel(multiplier: int) -> None:
    maps = 3 * multiplier
    figure = depthwise_separable(depthwise=(3, 3, maps), pointwise=(maps, 4))
    sides = {gid: tuple(c.get_facecolor()[0]) for gid, c in shapes(figure).items() if gid.endswith("-side")}
    hues = [sides[f"input-{m}-side"] for m in range(3)]
    assert len(set(hues)) == 3
    for c in range(maps):
        for part in ("filter", "map", "pointwise-0"):
            assert sides[f"{part}-{c}-side"] == hues[c // multiplier]
    assert "hue is the channel" in figure.caption


def test_slabs_lie_one_behind_another() -> None:
    figure = depthwise_separable(padding=1)
    found = shapes(figure)
    tops = [found[f"input-{m}-front"].get_zorder() for m in range(3)]
    assert tops[0] > tops[1] > tops[2]
    assert found["input-0-front-padding"].get_zorder() > found["input-1-front"].get_zorder()
    left = [min(found[f"input-{m}-front-padding"].get_paths()[0].vertices[:, 0]) for m in range(3)]
    assert left[1] - left[0] == pytest.approx(left[2] - left[1])
    assert left[1] > left[0]


def test_many_channels_are_numbered_and_have_the_colours_of_their_roles() -> None:
    figure = drawn(depthwise_separable, "many channels")
    assert figure.data["drawn"]["slices"] >= 12  # as many as the height that is left takes
    assert np.all(figure.data["pointwise"])  # no random weight leaves a map out
    found = shapes(figure)
    for slab, role in (("input-35", "input"), ("filter-35", "filter"), ("map-35", "intermediate")):
        red, green, blue, _ = found[f"{slab}-side"].get_facecolor()[0]
        assert (red, green, blue) == pytest.approx([int(ROLES[role][i : i + 2], 16) / 255 for i in (1, 3, 5)])
    assert {"m = 0", "m = 1", "m = 35", "⋮"} <= set(texts(figure))
    assert "channels are numbered" in figure.caption


def test_what_is_left_out_is_told_and_adds_up() -> None:
    figure = depthwise_separable(x=(1, 7, 7, 72), depthwise=(3, 3, 72), pointwise=(72, 128))
    data, lines = figure.data, texts(figure)
    assert data["drawn"]["maps"] == [0, 1, 71]
    slices, products = data["drawn"]["slices"], data["drawn"]["products"]
    assert 3 < slices < 72
    assert 3 < products < 72
    rest = {count: number_text(sum(data["products"][count:])) for count in (slices, products)}
    weights = f"whose values times their weights add {rest[slices]} in step 2"
    for told in (
        f"{72 - slices} more slices in the same way, {weights}",
        f"{72 - products} more products, which add up to {rest[products]}",
    ):
        assert f"… and {told}" in lines
        assert told in figure.caption
    for told in (
        "3 of 72 channels drawn",
        "3 of 128 filters drawn",
        "7 of 72 weights of each drawn",
        "7 of 128 channels drawn",
    ):
        assert told in lines
        assert told in figure.caption


@pytest.mark.parametrize("name", names(depthwise_separable))
def test_every_note_is_in_the_caption_and_hidden_values_are_written(name: str) -> None:
    figure, said = drawn(depthwise_separable, name), texts(drawn(depthwise_separable, name))
    notes = [t.get_text() for t in figure.figure.findobj(Text) if t.get_size() == SMALL and len(t.get_text()) > 20]
    notes = [note for note in notes if "framed: " not in note]
    notes += [text.removeprefix("… and ") for text in said if text.startswith("… and ")]
    for note in notes:
        assert note in figure.caption
    first = {"input": "input-0", "maps": "map-0", "pointwise filters": "pointwise-0-0", "output": "output-0"}
    blank = [name for name, part in first.items() if not any(numbers_in(figure, f"{part}-front"))]
    assert any("no numbers on" in note for note in notes) == bool(
        blank or not any(numbers_in(figure, "filter-0-front"))
    )
    assert ("show the numbers of channel 0" in figure.caption) == (len(blank) < 4)
    assert ("but for the patch" in figure.caption) <= (figure.data["drawn"]["slices"] == len(figure.data["values"]))
    row, column = figure.data["at"]
    for part, array in (("maps", "maps"), ("output", "output")):
        value = number_text(figure.data[array][0][row][column][0])
        assert (f"framed: {value}" in said) == (part in blank)


@pytest.mark.parametrize(
    ("case", "labels"),
    [
        (
            {"x": (1, 6, 7, 3), "depthwise": (3, 2, 3), "pointwise": (3, 5)},
            {
                "input\n6×7×3",
                "M = 3\ndepthwise\nfilters\n3×2×1",
                "M = 3 maps\n4×6×3",
                "N = 5\npointwise\nfilters\n1×1×3",
                "output\n4×6×5",
                "Dᵤ = 6×7",
                "Dᵣ = 3×2",
                "Dᵥ = 4×6",
                "Dᵥ = 4×6, N = 5",
            },
        ),
        (
            {"depthwise": (3, 3, 6), "pointwise": (6, 1)},
            {
                "M·Q = 6\ndepthwise\nfilters\n3×3×1",
                "M·Q = 6 maps\n5×5×6",
                "N = 1\npointwise\nfilter\n1×1×6",
                "1, 1",
                "Dᵥ = 5, N = 1",
            },
        ),
    ],
)
def test_labels_are_the_shapes(case: dict[str, Any], labels: set[str]) -> None:
    assert labels <= set(texts(depthwise_separable(**case)))


UNUSUAL = {
    "x": (1, 5, 4, 2),
    "depthwise": (3, 2, 4),
    "pointwise": (4, 3),
    "stride": (2, 1),
    "padding": 1,
    "dilation": (1, 2),
}


@pytest.fixture(scope="module")
def frames() -> list[Figure]:
    return depthwise_separable_frames(**UNUSUAL)


def test_a_frame_is_made_for_each_place_in_reading_order(frames: list[Figure]) -> None:
    maps, y = loops(UNUSUAL, frames[0].data)
    places = list(np.ndindex(*y.shape[1:3]))
    assert [tuple(frame.data["until"]) for frame in frames] == places
    for frame, place in zip(frames, places, strict=True):
        np.testing.assert_array_equal(frame.data["values"], maps[0][place])
        assert frame.data["value"] == y[0][(*place, 0)]


def test_frames_fill_the_maps_and_the_output_value_by_value(frames: list[Figure]) -> None:
    rows, columns = np.shape(frames[0].data["output"])[1:3]
    for number, frame in enumerate(frames, 1):
        for slab in [*(f"map-{c}" for c in frame.data["drawn"]["maps"]), "output"]:
            assert len(polygons(frame, f"{slab}-there")) == number
            front = shapes(frame)[f"{slab}-front"].get_paths()[:number]
            for path, cell in zip(shapes(frame)[f"{slab}-there"].get_paths(), front, strict=True):
                np.testing.assert_allclose(path.vertices[:4].mean(axis=0), cell.vertices[:4].mean(axis=0))
            blank = shapes(frame).get(f"{slab}-blank")
            assert (len(blank.get_paths()) if blank else 0) == rows * columns - number
        for c in frame.data["drawn"]["maps"]:
            there = np.array(frame.data["maps"])[0, ..., c].flat[:number]
            assert numbers_in(frame, f"map-{c}-there") == written(there)
            if number < rows * columns:
                assert not any(numbers_in(frame, f"map-{c}-blank"))
        there = np.array(frame.data["output"])[0, ..., 0].flat[:number]
        assert numbers_in(frame, "output-there") == written(there)


def test_nothing_jumps_between_frames(frames: list[Figure]) -> None:
    def still(frame: Figure) -> list[Any]:
        placed = [
            (gid, [shape.get_transform().transform(path.vertices).tolist() for path in shape.get_paths()])
            for gid, shape in shapes(frame).items()
            if not gid.endswith(("-there", "-blank"))
        ]
        return [frame.figure.get_size_inches().tolist(), placed]

    def words(frame: Figure) -> set[Any]:
        return {
            (*text.get_transform().transform(text.get_position()).round(3), text.get_text(), text.get_fontsize())
            for text in frame.figure.findobj(Text)
            if text.get_text() and not text.get_text().startswith(("1. depthwise", "2. pointwise", "not drawn"))
        }

    for frame in frames:
        with style():
            frame.figure.draw_without_rendering()
    for frame in frames:
        assert still(frame) == still(frames[0])
        assert words(frame) <= words(frames[-1])


def test_frames_frame_each_patch_and_each_value(frames: list[Figure]) -> None:
    for frame in frames:
        count = len(frame.data["drawn"]["maps"])
        focus = [patch for patch in frame.figure.findobj(Rectangle) if patch.get_gid() == "focus"]
        assert len(focus) == count * (3 * 2) + count + 1  # dilated, so each of a patch's cells has a frame of its own


def test_maps_left_out_of_the_frames_are_told() -> None:
    frame = depthwise_separable_frames(x=(1, 3, 4, 5), depthwise=(3, 3, 5), pointwise=(5, 2))[1]
    assert frame.data["drawn"]["maps"] == [0, 1, 4]
    rest = number_text(frame.data["products"][2] + frame.data["products"][3])
    assert f"not drawn: 2 of the maps, which add {rest} to this value" in texts(frame)
    assert f"2 of the maps, which add {rest} to this value" in frame.caption
    assert "pointwise\nfilter n = 0\n1×1×5" in texts(frame)
