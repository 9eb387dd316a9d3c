"""Fig. 4 shows what the plain loops compute, each channel with its own filter, and a value to check by hand."""

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from artists import numbers_in, polygons, shapes, texts, written
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from npconv import depthwise_conv2d_loops, pointwise_conv2d_loops
from npconv.figures import Figure, depthwise_separable, depthwise_separable_frames, style
from npconv.figures.parts.drawing import ROLES, SMALL
from npconv.text import number_text

NUMBERS = np.random.default_rng(8)
CASES: dict[str, dict[str, Any]] = {
    "the article's": {},
    "one of all": {"x": (1, 1, 1, 1), "depthwise": (1, 1, 1), "pointwise": (1, 1)},
    "two filters a channel": {"x": (1, 6, 7, 3), "depthwise": (3, 2, 6), "pointwise": (6, 4)},
    "many channels": {"x": (1, 7, 7, 36), "depthwise": (3, 3, 36), "pointwise": (36, 128)},
    "padded and strided": {
        "x": (1, 9, 11, 2),
        "depthwise": (7, 5, 2),
        "pointwise": (2, 3),
        "stride": 2,
        "padding": "same",
        "at": (0, 5),
    },
    "dilated": {"x": (1, 12, 9, 4), "depthwise": (3, 2, 4), "pointwise": (4, 2), "dilation": (3, 2)},
    "large filters": {
        "x": NUMBERS.normal(size=(1, 7, 7, 5)),
        "depthwise": NUMBERS.normal(size=(5, 5, 5)),
        "pointwise": NUMBERS.normal(size=(5, 4)),
    },
    "many filters a channel": {"x": (1, 9, 9, 12), "depthwise": (3, 3, 36), "pointwise": (36, 7), "padding": 1},
}


@lru_cache
def drawn(name: str) -> Figure:
    return depthwise_separable(**CASES[name])


def loops(case: dict[str, Any], data: dict[str, Any]) -> tuple[Any, Any]:
    geometry = {key: case[key] for key in ("stride", "padding", "dilation") if key in case}
    maps = depthwise_conv2d_loops(np.array(data["input"]), np.array(data["depthwise"]), **geometry)
    return maps, pointwise_conv2d_loops(maps, np.array(data["pointwise"]))


@pytest.mark.parametrize("name", CASES)
def test_its_numbers_are_the_loops(name: str) -> None:
    data = drawn(name).data
    maps, y = loops(CASES[name], data)
    np.testing.assert_allclose(data["maps"], maps, atol=1e-12)
    np.testing.assert_allclose(data["output"], y, atol=1e-12)
    row, column = data["at"]
    np.testing.assert_allclose(data["values"], maps[0, row, column], atol=1e-12)
    np.testing.assert_allclose(data["products"], maps[0, row, column] * np.array(data["pointwise"])[:, 0], atol=1e-12)
    assert data["value"] == pytest.approx(y[0, row, column, 0], abs=1e-12) == pytest.approx(sum(data["products"]))
    patch, filters = np.array(data["patch"]), np.array(data["depthwise"]).transpose(2, 0, 1)
    patch = patch.repeat(len(filters) // len(patch), axis=0)
    np.testing.assert_allclose((patch * filters).sum(axis=(1, 2)), data["values"])


@pytest.mark.parametrize("name", ["the article's", "two filters a channel", "dilated"])
def test_the_worked_value_is_written_number_by_number(name: str) -> None:
    figure = drawn(name)
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
    figure = drawn("the article's")
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
    figure = drawn("many channels")
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


@pytest.mark.parametrize("name", CASES)
def test_every_note_is_in_the_caption_and_hidden_values_are_written(name: str) -> None:
    figure, said = drawn(name), texts(drawn(name))
    notes = [t.get_text() for t in figure.figure.findobj(Text) if t.get_size() == SMALL and len(t.get_text()) > 20]
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


def test_notes_are_written_and_found() -> None:
    assert not any("drawn" in text or "no numbers" in text for text in texts(drawn("the article's")))
    assert "3 of 36 channels drawn" in texts(drawn("many channels"))


@pytest.mark.parametrize(("name", "slices"), [("large filters", 2), ("many channels", 12)])
def test_the_worked_value_takes_the_height_that_is_left(name: str, slices: int) -> None:
    figure = drawn(name)
    assert figure.data["drawn"]["slices"] >= slices
    assert 11.5 < figure.figure.get_size_inches()[1] <= 13.2


def test_what_is_too_large_is_refused() -> None:
    tall = {"x": np.full((1, 31, 1, 1), -1234.56), "depthwise": (31, 1, 1), "pointwise": (1, 1)}
    with pytest.raises(ValueError, match=r"depthwise_separable: too large to draw.*depthwise \(31, 1, 1\)"):
        depthwise_separable(**tall)


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


def test_padding_is_drawn_as_padding() -> None:
    figure = depthwise_separable(x=(1, 5, 6, 2), depthwise=(3, 3, 2), pointwise=(2, 1), padding="same")
    for m in range(2):
        assert len(polygons(figure, f"input-{m}-front")) == 5 * 6
        assert len(polygons(figure, f"input-{m}-front-padding")) == 7 * 8 - 5 * 6
    assert any("dotted: padding" in text for text in texts(figure))


def test_it_draws_the_arrays_it_is_given() -> None:
    x, depthwise = np.arange(40.0).reshape(1, 5, 4, 2) / 8, np.full((2, 2, 2), 0.5)
    figure = depthwise_separable(x=x, depthwise=depthwise, pointwise=np.array([[0.0], [1.0]]), at=(0, 2))
    maps = depthwise_conv2d_loops(x, depthwise)
    assert (figure.data["input"], figure.data["pointwise"]) == (x.tolist(), [[0.0], [1.0]])
    assert figure.data["value"] == maps[0, 0, 2, 1]
    assert any("drawn rounded" in text for text in texts(figure))


def test_random_weights_leave_no_map_out() -> None:
    small = {"x": (1, 2, 3, 4), "depthwise": (2, 2, 4), "pointwise": (4, 6)}
    for seed in range(5):
        assert np.all(np.array(depthwise_separable(**small, seed=seed).data["pointwise"]))


@pytest.mark.parametrize(
    ("case", "error", "argument"),
    [
        ({"x": (2, 7, 7, 3)}, ValueError, "x must be one image"),
        ({"x": (1, 40, 7, 3)}, ValueError, "rows or columns"),
        ({"x": np.full((1, 7, 7, 3), np.nan)}, ValueError, "x"),
        ({"depthwise": (3, 3, 4)}, ValueError, "depthwise"),
        ({"depthwise": (9, 3, 3)}, ValueError, "depthwise"),
        ({"pointwise": (2, 4)}, ValueError, "pointwise"),
        ({"pointwise": (3, 0)}, ValueError, "pointwise"),
        ({"at": (5, 0)}, ValueError, "at"),
        ({"stride": 0}, ValueError, "stride"),
        ({"x": "photograph"}, TypeError, "x"),
        ({"at": 3}, TypeError, "at"),
        ({"padding": 1.5}, TypeError, "padding"),
    ],
)
def test_what_cannot_be_drawn_is_refused(case: dict[str, Any], error: type[Exception], argument: str) -> None:
    with pytest.raises(error, match=f"depthwise_separable: .*{argument}"):
        depthwise_separable(**case)


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


def test_too_many_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="depthwise_separable_frames: too many steps to animate: 72"):
        depthwise_separable_frames(x=(1, 8, 9, 1), depthwise=(1, 1, 1), pointwise=(1, 1))
