"""Fig. 3 shows channel by channel what the plain loops compute on that channel alone."""

import functools

import numpy as np
import pytest
from artists import drawing_of, shapes, texts
from figure_cases import CASES, drawn, names
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.text import Text

from npconv import conv2d_loops
from npconv.figures import Figure, per_channel_photograph, per_channel_view
from npconv.figures.parts.values import sum_text
from npconv.text import number_text

PIXELS = np.random.default_rng(4).integers(0, 256, (25, 31, 3)).astype(np.uint8)


@functools.cache
def photograph() -> Figure:
    return per_channel_photograph(photograph=PIXELS, at=(7, 9))


@pytest.mark.parametrize("name", names(per_channel_view))
def test_its_maps_are_the_loops_on_one_channel(name: str) -> None:
    case, figure = CASES[per_channel_view].get(name, {}), drawn(per_channel_view, name)
    data = figure.data
    geometry = {key: case[key] for key in ("stride", "padding", "dilation") if key in case}
    x, filter = np.array(data["input"]), np.array(data["filter"])
    for m in range(x.shape[-1]):
        alone = conv2d_loops(x[..., m : m + 1], filter[:, :, m : m + 1, np.newaxis], **geometry)
        np.testing.assert_allclose(np.array(data["maps"])[..., m], alone[..., 0], rtol=1e-12, atol=1e-10)
    y = conv2d_loops(x, filter[..., np.newaxis], **geometry)[..., 0]
    np.testing.assert_allclose(data["sum"], y, rtol=1e-12, atol=1e-10)
    row, column = data["at"]
    assert sum(data["summands"]) == pytest.approx(data["sum"][0][row][column], rel=1e-12)


def test_every_channel_has_a_row_and_its_hue() -> None:
    figure = drawn(per_channel_view)
    fronts = {name: tuple(shape.get_facecolor()[0]) for name, shape in shapes(figure).items()}
    for kind in ("input", "filter", "map"):
        assert len({fronts[f"{kind}-{m}-front"] for m in range(3)}) == 3
    for m in range(3):
        assert len({fronts[f"{kind}-{m}-front"] for kind in ("input", "filter", "map")}) == 1
    assert "hue is the channel" in figure.caption


def test_channels_left_out_are_told() -> None:
    figure = drawn(per_channel_view, "many channels")
    shown = figure.data["drawn"]["channels"]
    rest = sum(figure.data["summands"][shown:])
    assert shown < 36
    assert any(f"{36 - shown} more channels" in text and f"{rest}".replace("-", "−") in text for text in texts(figure))


def test_the_photograph_is_filtered_as_the_loops_do() -> None:
    pixels, figure = PIXELS, photograph()
    images = {image.get_gid(): image for image in figure.figure.findobj(BboxImage)}
    x, filter = pixels[np.newaxis].astype(int), np.array(figure.data["filter"])
    total = conv2d_loops(x, filter[..., np.newaxis])[0, ..., 0]
    np.testing.assert_array_equal(np.array(images["sum"].get_array()), total)
    for m in range(3):
        alone = conv2d_loops(x[..., m : m + 1], filter[:, :, m : m + 1, np.newaxis])[0, ..., 0]
        np.testing.assert_array_equal(np.array(images[f"map-{m}"].get_array()), alone)
        assert images[f"map-{m}"].norm.vmin == -images[f"map-{m}"].norm.vmax == -figure.data["limits"][m]
    assert figure.data["value"] == total[7, 9] == sum(figure.data["summands"])
    assert figure.format == "png"
    assert "hue is the channel" in figure.caption
    assert "mid-grey is zero" in figure.caption


@pytest.mark.parametrize("name", names(per_channel_view))
def test_what_the_picture_says_the_caption_says_too(name: str) -> None:
    figure = drawn(per_channel_view, name)
    kinds = ("dotted", "no numbers", "numbers are drawn rounded")
    written = [text for text in texts(figure) if text.startswith(kinds)]
    assert all(note in figure.caption for note in written)
    assert sum(kind in figure.caption for kind in kinds) == len(written)
    more = [text for text in texts(figure) if "more channel" in text]
    assert all(text.removeprefix("… and ") in figure.caption for text in more)
    assert len(more) == ("more channel" in figure.caption)
    inputs = {name for name in shapes(figure) if name.startswith("input-")}
    assert len({gid.split("-")[1] for gid in inputs}) == figure.data["drawn"]["channels"]
    assert figure.figure.get_size_inches()[1] <= 13.2


@pytest.mark.parametrize("name", ["small cells", "normal fractions", "many small cells"])
def test_where_numbers_do_not_fit_the_framed_patches_are_written_out(name: str) -> None:
    case, figure = CASES[per_channel_view][name], drawn(per_channel_view, name)
    x, filter, (row, column) = np.array(figure.data["input"])[0], np.array(figure.data["filter"]), figure.data["at"]
    height, width, channels = filter.shape
    if case.get("padding") == "same":
        x = np.pad(x, ((height // 2, height // 2), (width // 2, width // 2), (0, 0)))
    patch = x[row : row + height, column : column + width]
    sums = (patch * filter).sum(axis=(0, 1))  # (M,)
    shown = figure.data["drawn"]["slices"]
    assert 1 <= shown == figure.data["drawn"]["channels"]
    written = texts(figure)
    assert [text for text in written if text.startswith("Σ")] == [f"Σ = {number_text(n)}" for n in sums[:shown]]
    start = written.index("m = 0", written.index("m = 0") + 1)
    numbers = [number_text(n) for a in (patch, filter) for n in a[..., 0].ravel()]
    assert [t for t in written[start + 1 :] if t != "×"][: len(numbers)] == numbers
    value = number_text(sums.sum())
    assert f"framed: {value}" in written
    if shown < channels:
        assert any(text.endswith(f"sums add up to {number_text(sums[shown:].sum())}") for text in written)
    assert any(text.startswith("framed: y[") and text.endswith(f" = {value}") for text in written)


def test_channels_have_rows_as_long_as_there_is_paper() -> None:
    assert drawn(per_channel_view, "normal fractions").data["drawn"]["channels"] == 4


def test_the_equation_is_below_the_sum_and_in_the_alt() -> None:
    figure = drawn(per_channel_view)
    assert figure.data["drawn"]["slices"] == 0
    numbers = figure.data["summands"]
    equation = f"y[0, 2, 2, 0] = {sum_text(numbers)} = {number_text(sum(numbers))}"
    assert "framed: " + equation.replace(" = ", "\n= ") in texts(figure)
    assert equation in figure.alt


def test_the_worked_pixel_is_framed_and_written_out() -> None:
    pixels, figure = PIXELS, photograph()
    patch, filter = pixels[7:10, 9:12].astype(int), np.array(figure.data["filter"])
    np.testing.assert_array_equal(figure.data["patch"], patch.transpose(2, 0, 1))
    sums = (patch * filter).sum(axis=(0, 1)).tolist()
    written = texts(figure)
    assert [text for text in written if text.startswith("Σ")] == [f"Σ = {number_text(n)}" for n in sums]
    equation = f"{sum_text(sums)} = {number_text(sum(sums))}"
    assert f"framed, at row 7, column 9: {equation}" in written
    assert equation in figure.caption
    for name, rows, columns, size in (("channel-0", 25, 31, 3), ("map-2", 23, 29, 1), ("sum", 23, 29, 1)):
        border, _, frame = drawing_of(figure, name).findobj(Line2D)  # white lies under the frame
        left, right, bottom, top = (f(a) for a in border.get_data() for f in (np.min, np.max))
        x, y = left + (9 + size / 2) * (right - left) / columns, top - (7 + size / 2) * (top - bottom) / rows
        np.testing.assert_allclose([np.mean(a[:4:2]) for a in frame.get_data()], (x, y))


@pytest.mark.parametrize("value", [0, 200])
def test_the_share_beyond_a_limit_is_counted(value: int) -> None:
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[10, 10] = value
    figure = per_channel_photograph(photograph=pixels)
    images = {image.get_gid(): np.array(image.get_array()) for image in figure.figure.findobj(BboxImage)}
    for name, limit, share in zip(
        ("map-0", "map-1", "map-2", "sum"), figure.data["limits"], figure.data["beyond"], strict=True
    ):
        assert share == pytest.approx((np.abs(images[name]) > limit).mean())
    assert ("no value lies beyond" in figure.caption) == (value == 0)


def test_values_at_the_limit_do_not_lie_beyond_it() -> None:
    figure = per_channel_photograph(photograph=np.full((24, 30, 3), 9, np.uint8), filter=np.ones((3, 3, 3)))
    assert figure.data["limits"] == [81, 81, 81, 243]
    assert "no value lies beyond" in figure.caption


def test_a_filter_of_the_callers_is_not_called_one_of_edges() -> None:
    figure = per_channel_photograph(filter=np.full((7, 7, 3), -0.123))
    assert "edges" in per_channel_photograph().alt
    assert "edges" not in figure.alt + figure.caption
    assert not drawing_of(figure, "filter-0-front").findobj(Text)
    assert any(text.startswith("the filter's numbers are too long") for text in texts(figure))
    assert "the filter's numbers are too long" in figure.caption
