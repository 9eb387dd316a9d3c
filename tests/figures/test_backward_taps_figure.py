"""The backward figure shows what the plain loops compute, and its written-out products add up to both gradients."""

from typing import Any

import numpy as np
import pytest
from artists import polygons, shapes, texts, written
from figure_cases import CASES, DEFAULT, drawn, names
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from matplotlib.text import Text

from npconv import conv2d_backward_loops
from npconv.figures import Figure, backward_taps
from npconv.figures.parts.drawing import FRONT_UNDER_NUMBERS, ROLES, shade
from npconv.figures.parts.layout import Drawing


def geometry(case: dict[str, Any]) -> dict[str, Any]:
    return {"stride": 2} | {key: case[key] for key in ("stride", "padding", "dilation") if key in case}


def paths(figure: Figure, gid: str) -> list[Path]:
    return list(shapes(figure)[gid].get_paths())


def framed(figure: Figure) -> list[list[str]]:
    """The texts in each frame, from the left to the right and down."""
    found = []
    for drawing in figure.figure.findobj(Drawing):
        parts = drawing.get_children()
        places = [(text.get_position(), text.get_text()) for text in parts if isinstance(text, Text)]
        for frame in (part for part in parts if isinstance(part, Rectangle) and part.get_gid() == "focus"):
            (left, bottom), right, top = (
                frame.get_xy(),
                frame.get_x() + frame.get_width(),
                frame.get_y() + frame.get_height(),
            )
            inside = [(-round(y, 4), x, text) for (x, y), text in places if left < x < right and bottom < y < top]
            found.append([text for _, _, text in sorted(inside)])
    return found


@pytest.mark.parametrize("name", names(backward_taps))
def test_its_gradients_are_the_loops_and_the_sums_of_their_products(name: str) -> None:
    data = drawn(backward_taps, name).data
    x, kernel, dy = (np.array(data[key]) for key in ("input", "kernel", "dy"))
    dx, dkernel = conv2d_backward_loops(dy, x, kernel, **geometry(CASES[backward_taps].get(name, {})))
    np.testing.assert_array_equal(data["dx"], dx)
    np.testing.assert_array_equal(data["dkernel"], dkernel)
    (row, column), (i, j) = data["at"], data["tap"]
    value, made = data["dx value"], data["dkernel value"]
    products = [
        [
            [int(dy[0, v, w, n] * kernel[i, j, 0, n]) for w, j in value["columns (w, j)"]]
            for v, i in value["rows (v, i)"]
        ]
        for n in range(dy.shape[-1])
    ]
    assert value["products"] == products
    assert value["sums"] == [sum(map(sum, grid)) for grid in products]
    assert sum(value["sums"]) == value["value"] == dx[0, row, column, 0]
    np.testing.assert_array_equal(made["products"], np.array(made["tap"]) * dy[0, ..., 0])
    assert np.sum(made["products"]) == made["value"] == dkernel[i, j, 0, 0]


@pytest.mark.parametrize("name", names(backward_taps))
def test_the_patch_is_what_the_loops_add_for_one_value(name: str) -> None:
    figure = drawn(backward_taps, name)
    x, kernel, dy = (np.array(figure.data[key]) for key in ("input", "kernel", "dy"))
    scattered = figure.data["scattered"]
    v, w = scattered["from"]
    alone = np.zeros_like(dy)
    alone[0, v, w, 0] = dy[0, v, w, 0]
    whole = np.zeros(np.shape(figure.data["dx with its padding"]), int)
    without_padding = geometry(CASES[backward_taps].get(name, {})) | {"padding": "valid"}
    added, _ = conv2d_backward_loops(alone, whole, kernel, **without_padding)
    patch = np.ix_([0], scattered["to padded rows"], scattered["to padded columns"], [0])
    np.testing.assert_array_equal(added[patch][0, ..., 0], scattered["adds"])
    assert np.count_nonzero(added[..., 0]) == np.count_nonzero(added[patch])
    inside, _ = conv2d_backward_loops(alone, x, np.ones_like(kernel), **geometry(CASES[backward_taps].get(name, {})))
    assert len(polygons(figure, "share-cells")) == np.count_nonzero(inside[..., 0])
    filled = [path.vertices[:4].mean(axis=0) for path in paths(figure, "share-cells")]
    unpadded = np.concatenate([path.vertices for path in paths(figure, "share-front")])
    (left, _), (right, top) = unpadded.min(axis=0), unpadded.max(axis=0)
    side = (right - left) / x.shape[2]
    places = {(int((top - down) / side), int((across - left) / side)) for across, down in filled}
    assert places == set(zip(*np.nonzero(inside[0, ..., 0]), strict=True))


def test_what_falls_on_padding_is_drawn_and_cropped() -> None:
    figure = drawn(backward_taps, "padded")
    assert (len(polygons(figure, "dx-front")), len(polygons(figure, "dx-front-padding"))) == (5 * 7, 7 * 9 - 5 * 7)
    whole = np.array(figure.data["dx with its padding"])
    np.testing.assert_array_equal(whole[:, 1:-1, 1:-1], figure.data["dx"])
    assert whole[:, 0].any()
    assert set(written(whole[0, ..., 0])) <= set(texts(figure))
    assert any("padding" in text and "cropped away" in text for text in texts(figure))
    assert "cropped away" in figure.caption
    assert not any("padding" in text for text in texts(drawn(backward_taps)))


def test_the_numbers_drawn_are_the_data() -> None:
    figure = drawn(backward_taps)
    data = figure.data
    front = [np.array(data[key])[0, ..., 0] for key in ("dy", "dy", "dx", "input")]
    front += [np.array(data[key])[:, :, 0, 0] for key in ("kernel", "dkernel")] + [np.array(data["scattered"]["adds"])]
    front += [np.array(data["dx value"][key]) for key in ("dy", "taps", "products")]
    front += [np.array(data["dkernel value"][key]) for key in ("tap", "products")] + [np.array(data["dy"])[0, ..., 0]]
    wanted = sorted(str(number).replace("-", "−") for grid in front for number in grid.flat)
    assert sorted(text for text in texts(figure) if text.lstrip("−").isdigit()) == wanted
    sums = data["dx value"]["sums"]
    assert {f"Σ = {total}".replace("-", "−") for total in sums} <= set(texts(figure))
    (equation,) = (text for text in texts(figure) if text.startswith("dx["))
    assert equation.endswith(f" = {sum(sums)}".replace("-", "−"))
    assert equation in figure.alt


@pytest.mark.parametrize("name", [DEFAULT, "padded", "stride one"])
def test_frames_are_around_the_numbers_that_they_stand_for(name: str) -> None:
    """Separate cells of a tap have a frame each, and every frame has in it the numbers of the data."""
    figure = drawn(backward_taps, name)
    data = figure.data
    v, w = data["scattered"]["from"]
    value = np.array(data["dy"])[0, v, w, 0]
    tap = np.array(data["dkernel value"]["tap"])
    wanted = [[value], np.array(data["kernel"])[:, :, 0, 0], data["scattered"]["adds"], [data["dx value"]["value"]]]
    row = [pair[0] for pair in data["dx value"]["rows (v, i)"]].index(v)
    column = [pair[0] for pair in data["dx value"]["columns (w, j)"]].index(w)
    wanted += [[np.array(data["dx value"][key])[0, row, column]] for key in ("dy", "taps", "products")]
    wanted += (
        [tap] if geometry(CASES[backward_taps].get(name, {}))["stride"] == 1 else [[number] for number in tap.flat]
    )
    wanted += [np.array(data["dy"])[0, ..., 0], [data["dkernel value"]["value"]]]
    numbers = [[str(number).replace("-", "−") for number in np.ravel(group)] for group in wanted]
    assert sorted(framed(figure)) == sorted(numbers)


def test_gradients_have_the_colour_of_what_they_are_gradients_of() -> None:
    figure = drawn(backward_taps)

    def colour(gid: str) -> str:
        return to_hex(shapes(figure)[gid].get_facecolor()[0])

    for gid, role in (
        ("dy-front", "output"),
        ("dx-front", "input"),
        ("dkernel-front", "filter"),
        ("x-front", "input"),
        ("filter-front", "filter"),
        ("dx-products-slice-1", "input"),
        ("taps-slice-1", "filter"),
        ("dkernel-products-slice-0", "filter"),
    ):
        assert colour(gid) == shade(ROLES[role], FRONT_UNDER_NUMBERS), gid
    assert colour("share-cells") == shade(ROLES["input"], FRONT_UNDER_NUMBERS)


def test_polygons_are_the_cells() -> None:
    figure = backward_taps(x=(1, 6, 7, 3), kernel=(3, 2, 3, 3), stride=1)
    assert len(polygons(figure, "dx-front")) == 6 * 7
    assert len(polygons(figure, "dx-side")) == 6 * 3
    assert len(polygons(figure, "dy-front")) == 2 * 4 * 6  # it is there for both gradients
    assert len(polygons(figure, "dkernel-top")) == 2 * 3
    assert len(polygons(figure, "share-cells")) == 3 * 2
    assert [len(polygons(figure, f"dx-products-slice-{n}")) for n in range(4)] == [6, 6, 6, 0]
    labels = {"dx\n6×7×3", "dy\n4×6×3", "dkernel, n = 0\n3×2×3", "Dᵤ = 6×7, M = 3", "Dᵥ = 4×6, N = 3"}
    assert labels | {"Dᵣ = 3×2, M = 3"} <= set(texts(figure))


def test_the_formula_is_that_of_the_geometry() -> None:
    case = {"stride": (1, 3), "padding": (2, 1), "dilation": (2, 1), "at": (4, 4)}
    said = texts(backward_taps(x=(1, 9, 9, 1), kernel=(3, 3, 1, 1), **case))
    assert "tap (i, j) sends dy[v, w] to row v + 2i − 2, column 3w + j − 1 of dx" in said
    assert "the taps run backwards: v + 2i − 2 = 4 and 3w + j − 1 = 4 stay the same, so i falls as v grows" in said


def test_what_is_left_out_is_said_with_its_sum() -> None:
    figure = drawn(backward_taps, "the article's")
    shown = figure.data["drawn"]["filters"]
    rest = sum(figure.data["dx value"]["sums"][shown:])
    assert 1 < shown < 128
    text = f"… and {128 - shown} more filters, whose sums add up to {rest}".replace("-", "−")
    assert text in texts(figure)
    assert f"{128 - shown} of the N = 128" in figure.caption
    assert "7 of 128 channels drawn" in texts(figure)
    assert "dy: 7 of 128 channels drawn" in figure.caption


def test_products_that_do_not_fit_are_said_with_their_sum() -> None:
    figure = backward_taps(x=(1, 26, 24, 1), kernel=(3, 3, 1, 1), stride=1)
    rows, columns = figure.data["drawn"]["of the tap's products"]
    assert len(polygons(figure, "dkernel-products-slice-0")) == rows * columns < 24 * 22
    products = np.array(figure.data["dkernel value"]["products"])
    some = int(products[:rows, :columns].sum())
    text = f"Σ: {some} drawn, {int(products.sum()) - some} not drawn".replace("-", "−")
    assert text in texts(figure)
    assert f"24×22 products all but the first {rows}×{columns}" in figure.caption
    assert f"of the 24×22 products the first {rows}×{columns} are drawn" in texts(figure)


def test_a_place_that_nothing_reaches_is_zero_and_says_so() -> None:
    figure = drawn(backward_taps, "not reached")
    assert figure.data["dx value"]["value"] == 0
    assert "no value of dy reaches the framed place: dx[0, 2, 5, 0] = 0" in texts(figure)


def test_it_works_out_the_most_reached_value_nearest_the_middle() -> None:
    data = backward_taps(x=(1, 7, 9, 1), kernel=(3, 3, 1, 1)).data
    assert data["at"] == [2, 4]  # rows 2 and 4 are reached by two, and are as near the middle
    assert data["dx value"]["rows (v, i)"] == [[0, 2], [1, 0]]


def test_it_draws_the_arrays_it_is_given() -> None:
    x, kernel = np.arange(20.0).reshape(1, 4, 5, 1) / 8, np.full((2, 2, 1, 2), 0.375)
    dy = np.linspace(-1, 1, 24).reshape(1, 3, 4, 2)
    figure = backward_taps(x=x, kernel=kernel, stride=1, dy=dy, at=(1, 1), tap=(0, 1))
    dx, dkernel = conv2d_backward_loops(dy, x, kernel)
    np.testing.assert_allclose(figure.data["dx"], dx)
    np.testing.assert_allclose(figure.data["dx value"]["value"], sum(figure.data["dx value"]["sums"]))
    np.testing.assert_allclose(figure.data["dkernel value"]["value"], dkernel[0, 1, 0, 0])
    assert figure.data["dy"] == dy.tolist()
    assert any("rounded" in text for text in texts(figure))
