"""Fig. 2 shows the steps that the plain loops make, every product of the worked one, and frames that do not jump."""

import numpy as np
import pytest
from artists import drawing_of, framed, polygons, shapes, texts
from figure_cases import CASES, drawn, names
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text

from npconv import conv2d_loops
from npconv.figures import functional_view, functional_view_frames, style
from npconv.figures.parts.drawing import SMALL, text_width
from npconv.figures.parts.values import widest_texts
from npconv.text import number_text

STEPPING = {  # numbers of many lengths, so that what is not reserved shows
    "x": np.round(np.random.default_rng(2).normal(size=(1, 6, 5, 3)) ** 3 * 4) / 2,
    "kernel": (2, 3, 3, 2),
    "n": 1,
    "stride": (2, 1),
    "dilation": (1, 2),
    "padding": ((1, 0), (1, 1)),
}


def geometry(case):
    return {key: case[key] for key in ("stride", "padding", "dilation") if key in case}


@pytest.mark.parametrize("name", names(functional_view))
def test_its_numbers_are_the_loops(name):
    case, data = CASES[functional_view].get(name, {}), drawn(functional_view, name).data
    x, filter = np.array(data["input"]), np.array(data["filter"])
    y = conv2d_loops(x, filter[..., np.newaxis], **geometry(case))[..., 0]
    np.testing.assert_allclose(data["output"], y, rtol=1e-12, atol=1e-10)
    row, column = data["at"]
    products = np.array(data["patch"]) * filter.transpose(2, 0, 1)
    np.testing.assert_array_equal(data["products"], products)
    np.testing.assert_allclose(data["sums"], products.sum(axis=(1, 2)), rtol=1e-12, atol=1e-10)
    assert data["value"] == pytest.approx(sum(data["sums"])) == pytest.approx(y[0, row, column])
    for step in data["steps"]:
        assert step["value"] == pytest.approx(y[0, step["at"][0], step["at"][1]])


def test_it_works_out_the_value_that_fig_1_works_out(default):
    first, second, other = default("standard-convolution"), default("functional-view"), functional_view(n=3)
    for key in ("input", "at", "patch", "sums", "value"):
        assert first.data[key] == second.data[key], key
    output, kernel = np.array(first.data["output"]), np.array(first.data["kernel"])
    assert second.data["output"] == output[..., 0].tolist()
    assert other.data["output"] == output[..., 3].tolist()
    assert other.data["filter"] == kernel[..., 3].tolist()


def test_the_numbers_drawn_are_the_datas():
    n = 2
    figure = functional_view(n=n)
    data = {key: np.array(figure.data[key]) for key in ("input", "filter", "output", "patch", "products")}
    numbers = [*data["input"][0, ..., 0].flat, *data["filter"][..., 0].flat, *data["output"].flat]
    numbers += [*data["patch"].flat, *data["filter"].flat, *data["products"].flat, figure.data["value"]]
    digits = [text for text in texts(figure) if text.lstrip("−").isdigit()]
    assert sorted(digits) == sorted(str(number).replace("-", "−") for number in numbers)
    sums = [text for text in texts(figure) if text.startswith("Σ")]
    assert sums == [f"Σ = {number}".replace("-", "−") for number in figure.data["sums"]]
    left = next(text for text in texts(figure) if text.startswith(f"y[0, 2, 2, {n}] = ") and text.endswith("="))
    terms = left.removeprefix(f"y[0, 2, 2, {n}] = ").removesuffix(" =").replace("−", "-").replace("- ", "-")
    assert [int(term) for term in terms.replace("+ ", "").split()] == figure.data["sums"]


@pytest.mark.parametrize(
    "case", [{"x": (1, 6, 7, 5), "kernel": (3, 2, 5, 4)}, {"kernel": (2, 5, 3, 1), "dilation": (2, 1)}]
)
def test_every_slice_has_its_cells(case):
    figure = functional_view(**case)
    rows, columns, channels, _ = case["kernel"]
    for m in range(channels):
        for part in ("patch", "filter", "product"):
            assert len(polygons(figure, f"{part}-slice-{m}")) == rows * columns
    assert not polygons(figure, f"product-slice-{channels}")
    assert len(polygons(figure, "filter-front")) == rows * columns
    assert len(polygons(figure, "filter-side")) == rows * channels
    assert len(polygons(figure, "output-side")) == len(figure.data["output"][0])
    labels = {f"Dᵣ = {rows}", f"Dᵣ = {columns}", f"M = {channels}", f"filter n = 0\n{rows}×{columns}×{channels}"}
    assert labels <= set(texts(figure))


@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_the_frames_lie_where_the_filter_lies(stride, dilation):
    figure = functional_view(x=(1, 12, 13, 2), kernel=(3, 2, 2, 1), stride=stride, dilation=dilation, at=(3, 1))
    down, right = (stride, stride) if isinstance(stride, int) else stride
    columns = len(figure.data["output"][0][0])
    steps = [step["at"] for step in figure.data["steps"]]
    assert steps == [[0, 0], [0, 1], [0, columns - 1], [1, 0], [3, 1]]
    for (row, column), gid in [
        *(((r, c), f"step-{r * columns + c + 1}-front") for r, c in steps),
        ((3, 1), "input-front"),
    ]:
        under = {(row * down + i * dilation, column * right + j * dilation) for i in range(3) for j in range(2)}
        assert framed(figure, gid) == under, gid
    assert framed(figure, "output-front") == {(3, 1)}


def test_steps_are_told_with_their_stride_and_their_value():
    figure = functional_view(x=(1, 9, 8, 2), kernel=(3, 3, 2, 2), stride=(2, 1))
    said, y = texts(figure), np.array(figure.data["output"])
    assert [text for text in said if text.startswith("s = ")] == ["s = 1", "s = 2"]
    assert [text for text in said if text in ("right", "down", "…")] == ["right", "…", "down", "…"]
    for row, column in ((0, 0), (0, 1), (0, 5), (1, 0), (2, 3)):
        assert f"step {row * 6 + column + 1}" + (", as above" if row == 2 else "") in said
        assert f"y[0, {row}, {column}, 0] = {number_text(y[0, row, column])}" in said


@pytest.mark.parametrize(
    ("case", "count"),
    [
        ({"x": (1, 3, 3, 1), "kernel": (3, 3, 1, 1)}, 0),
        ({"x": (1, 3, 4, 1), "kernel": (3, 3, 1, 1)}, 2),
        ({"x": (1, 9, 3, 1), "kernel": (3, 3, 1, 1)}, 3),
        ({"x": (1, 4, 4, 1), "kernel": (3, 3, 1, 1), "at": (0, 0)}, 3),
    ],
)
def test_no_step_is_drawn_twice(case, count):
    figure = functional_view(x=case["x"], kernel=case["kernel"], at=case.get("at"))
    assert len(figure.data["steps"]) == count
    assert len({text for text in texts(figure) if text.startswith("step ")}) == count
    assert figure.alt.count(" gives ") == count


def test_slices_that_do_not_fit_are_left_out_and_their_sum_is_told():
    figure = functional_view(x=(1, 9, 9, 36), kernel=(7, 7, 36, 1))
    shown = figure.data["drawn"]["slices"]
    assert 1 <= shown < 36
    assert (
        f"… and {36 - shown} more slices, whose sums add up to {number_text(sum(figure.data['sums'][shown:]))}"
        in texts(figure)
    )
    assert len([text for text in texts(figure) if text.startswith("Σ")]) == shown
    assert polygons(figure, f"product-slice-{shown - 1}")
    assert not polygons(figure, f"product-slice-{shown}")
    assert f"{36 - shown} of the 36 slices" in figure.caption
    assert "input: 7 of 36 channels are drawn" in figure.caption
    assert figure.figure.get_size_inches()[1] <= 13


def test_until_shows_the_values_made_so_far_and_no_later_one():
    figure = functional_view(x=(1, 5, 6, 2), kernel=(3, 3, 2, 1), until=(1, 2))
    y = np.array(figure.data["output"])[0]
    made = polygons(figure, "output-made")
    assert len(made) == 4 + 3
    assert len(polygons(figure, "output-front-later")) == 12 - 7
    assert {to_hex(color) for color in shapes(figure)["output-front-later"].get_facecolor()} == {"#ffffff"}
    corners = np.array([polygon[:4] for polygon in polygons(figure, "output-front")])
    (left, low), (right, high) = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    inside = [
        text.get_text()
        for text in drawing_of(figure, "output-front").findobj(Text)
        if left < text.get_position()[0] < right and low < text.get_position()[1] < high
    ]
    assert inside == [number_text(number) for number in y.ravel()[:7]]
    assert framed(figure, "output-front") == {(1, 2)}
    assert framed(figure, "input-front") == {(row, column) for row in (1, 2, 3) for column in (2, 3, 4)}
    assert figure.data["steps"] == []
    assert "step 7 of 12" in figure.alt


def layout(figure):
    """What must not move: where texts are (but for the output's numbers), polygons, the size of all."""
    with style():
        renderer = FigureCanvasAgg(figure.figure).get_renderer()
        figure.figure.draw_without_rendering()
        output = drawing_of(figure, "output-front").findobj(Text)
        kept = [text for text in figure.figure.findobj(Text) if text.get_text() and text not in output]
        boxes = [text.get_window_extent(renderer) for text in kept]
    places = np.array([[box.x0, (box.x0 + box.x1) / 2, box.x1] for box in boxes])
    heights = [round(float(box.y0 + box.y1), 1) for box in boxes]
    polygons = {
        (shape.get_gid(), np.round(shape.get_transform().transform(shape.get_paths()[0].vertices), 6).tobytes())
        for shape in figure.figure.findobj(PolyCollection)
        if not shape.get_gid().endswith(("-made", "-later"))
    }
    return places, (heights, polygons, figure.figure.get_size_inches().tolist())


def agree(one, other):
    """Whether nothing moved: a text of another width has its left edge, its middle or its right edge where it was."""
    return one[1] == other[1] and bool((np.abs(one[0] - other[0]).min(axis=1) < 0.6).all())


def test_animation_frames_have_one_size_and_nothing_in_them_jumps():
    frames = functional_view_frames(**STEPPING)
    places = [(row, column) for row in range(3) for column in range(3)]
    assert [tuple(frame.data["until"]) for frame in frames] == places
    assert {frame.name for frame in frames} == {"functional-view"}
    first = layout(frames[0])
    y = conv2d_loops(STEPPING["x"], np.array(frames[0].data["filter"])[..., np.newaxis], **geometry(STEPPING))
    for number, (frame, place) in enumerate(zip(frames, places, strict=True), 1):
        assert agree(layout(frame), first)
        assert frame.data["value"] == pytest.approx(y[0, place[0], place[1], 0])
        assert len(polygons(frame, "output-made")) == number
        assert len(polygons(frame, "output-front-later")) == len(places) - number
        assert any(text.startswith(f"step {number} of 9: ") for text in texts(frame))
    assert agree(layout(functional_view(**STEPPING, until=places[4], at=places[4])), first)
    assert len({text for frame in frames for text in texts(frame) if text.startswith("y[")}) == len(places)


def test_sums_that_are_wider_than_their_products_move_nothing():
    x = np.array([[[0, 1], [-10, 3]], [[7, 2], [100, -55]]])[np.newaxis]
    first, *others = map(layout, functional_view_frames(x=x, kernel=np.array([[[[1], [100]]]])))
    assert all(agree(other, first) for other in others)


def test_the_last_frame_has_all_that_the_still_has_but_the_small_steps():
    small = {"x": (1, 4, 5, 3), "kernel": (3, 3, 3, 4)}
    still, last = functional_view(**small, at=(1, 2)), functional_view_frames(**small)[-1]
    assert still.data["steps"]
    assert {**still.data, "steps": [], "until": [1, 2]} == last.data
    height = [float(figure.figure.get_size_inches()[1]) for figure in (still, last)]
    assert height[1] < height[0] < 9


@pytest.mark.parametrize("scale", [1, 1000])
def test_the_widest_texts_are_as_wide_as_all(scale):
    with style():
        for seed in range(3):
            numbers = np.random.default_rng(seed).normal(size=600) * scale
            numbers[::3] = np.round(numbers[::3])
            widest = max(text_width(number_text(number), SMALL) for number in numbers)
            assert max(text_width(text, SMALL) for text in widest_texts(numbers)) == pytest.approx(widest, abs=0.02)
