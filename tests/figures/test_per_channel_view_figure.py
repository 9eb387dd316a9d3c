"""Fig. 3 shows channel by channel what the plain loops compute on that channel alone."""

import numpy as np
import pytest

from npconv import conv2d_loops
from npconv.figures import per_channel_photograph, per_channel_view
from npconv.figures.parts.photograph import load_photograph

CASES = {
    "the article's": {},
    "one channel": {"x": (1, 5, 4, 1), "kernel": (3, 2, 1, 1)},
    "many channels": {"x": (1, 7, 7, 24), "kernel": (3, 3, 24, 2), "n": 1},
    "padded and strided": {"x": (1, 9, 11, 2), "kernel": (7, 5, 2, 128), "stride": 2, "padding": "same"},
}


@pytest.mark.parametrize("name", CASES)
def test_its_maps_are_the_loops_on_one_channel(name: str) -> None:
    case = CASES[name]
    figure = per_channel_view(**case)
    data = figure.data
    geometry = {key: case[key] for key in ("stride", "padding") if key in case}
    x, filter = np.array(data["input"]), np.array(data["filter"])
    for m in range(x.shape[-1]):
        alone = conv2d_loops(x[..., m : m + 1], filter[:, :, m : m + 1, np.newaxis], **geometry)
        np.testing.assert_array_equal(np.array(data["maps"])[..., m], alone[..., 0])
    np.testing.assert_array_equal(data["sum"], conv2d_loops(x, filter[..., np.newaxis], **geometry)[..., 0])
    row, column = data["at"]
    assert sum(data["summands"]) == data["sum"][0][row][column]


def test_every_channel_has_a_row_and_its_hue() -> None:
    figure = per_channel_view()
    fronts = {c.get_gid(): tuple(c.get_facecolor()[0]) for c in figure.figure.axes[0].collections}
    for kind in ("input", "filter", "map"):
        assert len({fronts[f"{kind}-{m}-front"] for m in range(3)}) == 3
    for m in range(3):
        assert len({fronts[f"{kind}-{m}-front"] for kind in ("input", "filter", "map")}) == 1
    assert "hue is the channel" in figure.caption


def test_channels_left_out_are_told() -> None:
    figure = per_channel_view(x=(1, 7, 7, 24), kernel=(3, 3, 24, 2))
    shown = figure.data["drawn"]["channels"]
    texts = [text.get_text() for text in figure.figure.axes[0].texts]
    rest = sum(figure.data["summands"][shown:])
    assert shown < 24
    assert any(f"{24 - shown} more channels" in text and f"{rest}".replace("-", "−") in text for text in texts)


def test_the_photograph_is_filtered_as_the_loops_do() -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (25, 31, 3)).astype(np.uint8)
    figure = per_channel_photograph(photograph=pixels, at=(7, 9))
    images = {image.get_gid(): image for image in figure.figure.axes[0].images}
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


def test_a_missing_photograph_is_told() -> None:
    figure = per_channel_photograph(photograph=load_photograph("no such file"))
    assert figure.data["photograph"]["synthetic"]
    assert "synthetic" in figure.caption
    assert "synthetic" in figure.alt


@pytest.mark.parametrize(
    ("case", "argument"), [({"n": 4}, "n"), ({"x": (1, 2, 2, 3)}, "kernel"), ({"at": (0, 9)}, "at")]
)
def test_what_cannot_be_drawn_is_refused(case: dict[str, object], argument: str) -> None:
    with pytest.raises(ValueError, match=f"per_channel_view: .*{argument}"):
        per_channel_view(**case)  # type: ignore[arg-type]


def test_what_is_no_photograph_is_refused() -> None:
    with pytest.raises(TypeError, match="per_channel_photograph: photograph"):
        per_channel_photograph(photograph=np.zeros((30, 30, 3)))
    with pytest.raises(ValueError, match="per_channel_photograph: photograph"):
        per_channel_photograph(photograph=np.zeros((30, 30), np.uint8))
    with pytest.raises(ValueError, match="per_channel_photograph: filter"):
        per_channel_photograph(photograph=np.zeros((30, 30, 3), np.uint8), filter=np.ones((9, 9, 3)))
