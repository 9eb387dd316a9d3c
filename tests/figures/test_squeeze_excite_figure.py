"""squeeze-excite shows what loops make of a network's maps: their means, two dense layers, gates, and the products."""

from typing import Any

import numpy as np
import pytest
from artists import numbers_in, patches, places, shapes, texts, written
from figure_cases import CASES, DEFAULT, drawn, names
from matplotlib.image import BboxImage

from npconv import conv2d_loops, depthwise_conv2d_loops
from npconv.data import load_photograph
from npconv.figures import Figure, squeeze_excite
from npconv.models import MobileNet, mobilenet_v3
from npconv.text import number_text

ALL = names(squeeze_excite)


def by_loops(network: MobileNet, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """All that squeeze-and-excite computes in block 1, from the pixels on, by definitions."""

    def normalised(x: np.ndarray, name: str) -> np.ndarray:
        scale, shift = (network.params[f"{name}.{each}"] for each in ("scale", "shift"))
        mean, variance = (network.state[f"{name}.{each}"] for each in ("mean", "variance"))
        return (x - mean) / np.sqrt(variance + 1e-3) * scale + shift

    params = network.params
    x = conv2d_loops(pixels[np.newaxis] / 127.5 - 1, params["stem.kernel"], stride=2, padding="same")
    x = normalised(x, "stem_norm")
    x = x * np.clip(x + 3, 0, 6) / 6
    x = depthwise_conv2d_loops(x, params["block_1.depthwise.kernel"], stride=2, padding="same")
    maps = np.maximum(normalised(x, "block_1.depthwise_norm"), 0)[0]
    reduce, reduce_bias, expand, expand_bias = (
        params[f"block_1.squeeze_excite.{name}"] for name in ("reduce", "reduce_bias", "expand", "expand_bias")
    )
    pooled = np.array([maps[..., c].sum() / maps[..., c].size for c in range(maps.shape[-1])])
    reduced = np.array(
        [sum(pooled[c] * reduce[c, s] for c in range(len(pooled))) + reduce_bias[s] for s in range(reduce.shape[1])]
    )
    hidden = np.array([max(value, 0.0) for value in reduced])
    expanded = np.array(
        [sum(hidden[s] * expand[s, c] for s in range(len(hidden))) + expand_bias[c] for c in range(len(pooled))]
    )
    gate = np.array([min(max(value + 3, 0), 6) / 6 for value in expanded])
    after = np.stack([maps[..., c] * gate[c] for c in range(len(pooled))], axis=-1)
    return {
        "reduce": reduce, "reduce_bias": reduce_bias, "expand": expand, "expand_bias": expand_bias, "pooled": pooled,
        "reduced": reduced, "reduced_relu": hidden, "expanded": expanded, "gate": gate, "before": maps, "after": after,
    }  # fmt: skip


def images(figure: Figure) -> dict[str, Any]:
    return {image.get_gid(): image for image in figure.figure.findobj(BboxImage)}


def test_every_step_is_that_of_the_loops() -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (25, 38, 3)).astype(np.uint8)
    network = mobilenet_v3("small", 0.35, 3, hidden_channels=8, seed=5, dtype=np.float64)
    generator = np.random.default_rng(6)
    for name, values in network.params.items():
        if name.endswith(("bias", "shift")):
            values[...] = generator.normal(0, 1, values.shape)
    expected = by_loops(network, pixels)
    assert 0 < (expected["reduced_relu"] > 0).sum() < len(expected["reduced"])
    figure = squeeze_excite(photograph=pixels, network=network, weights="made up")
    for name, values in expected.items():
        if name not in ("before", "after"):
            np.testing.assert_allclose(figure.data[name], values, rtol=1e-9, atol=1e-12)
            continue
        np.testing.assert_allclose(figure.data[f"{name}, every 16th"], values[::16, ::16], rtol=1e-9, atol=1e-12)
        for c in range(values.shape[-1]):
            image = images(figure)[f"{name}-{c}"]
            np.testing.assert_allclose(np.array(image.get_array()), values[..., c], rtol=1e-9, atol=1e-12)
    assert figure.data["shape"] == list(expected["before"].shape) == [7, 10, 16]


def test_the_default_is_a_network_of_the_models_on_the_photograph() -> None:
    figure = drawn(squeeze_excite)
    network = mobilenet_v3("small", seed=0, dtype=np.float64)
    x = load_photograph().pixels[np.newaxis] / 127.5 - 1
    maps = network.features(x, ["block_1.depthwise_relu", "block_1.squeeze_excite"])
    for name, layer in (("before", "block_1.depthwise_relu"), ("after", "block_1.squeeze_excite")):
        for c in range(16):
            np.testing.assert_allclose(np.array(images(figure)[f"{name}-{c}"].get_array()), maps[layer][0, ..., c])
    assert figure.format == "png"
    assert figure.data["layer"] == "block_1.depthwise_relu"
    for words in (*texts(figure), figure.caption, figure.alt):
        assert "given by the caller" not in words
    said = " ".join(" ".join(texts(figure)).split())
    for words in (said, figure.caption):
        assert "MobileNetV3 Small" in words
        assert "not trained; drawn at random, seed 0" in words


@pytest.mark.parametrize("name", ALL)
def test_all_numbers_are_written_in_their_places(name: str) -> None:
    figure = drawn(squeeze_excite, name)
    data, said = figure.data, texts(figure)
    channels, hidden = data["drawn"]["channels"], data["drawn"]["hidden"]
    assert channels == min(data["shape"][2], 16)
    assert hidden == min(len(data["reduced"]), 16)
    reduce, expand = np.array(data["reduce"]).T, np.array(data["expand"])
    for part, weights in (("reduce", reduce), ("expand", expand)):
        assert numbers_in(figure, f"{part}-weights") == written(weights[:hidden, :channels])
    for values in (data["pooled"], data["expanded"], data["gate"]):
        assert all(number_text(value) in said for value in values[:channels])
    for before, after in zip(data["reduced"][:hidden], data["reduced_relu"], strict=False):
        assert f"{number_text(before)} → {number_text(after)}" in said
        assert f"· {number_text(after)}" in said
    height, width, wide = data["shape"]
    narrow = len(data["reduced"])
    assert {f"before: {height}×{width}×{wide}", f"dense, {wide} → {narrow}", f"dense, {narrow} → {wide}"} <= set(said)


def test_a_column_is_a_channel() -> None:
    figure = drawn(squeeze_excite)
    channels = figure.data["drawn"]["channels"]
    bars, pictures = patches(figure), images(figure)
    for part in ("before", "after"):
        assert f"{part}-{channels}" not in pictures
    rows = [[pictures[f"{part}-{c}"] for c in range(channels)] for part in ("before", "after")]
    rows += [[bars[f"{part}-{c}"] for c in range(channels)] for part in ("pooled", "gate")]
    boxes = places(figure, *(artist for row in rows for artist in row))
    middles = np.array([(box.x0 + box.x1) / 2 for box in boxes]).reshape(4, channels)
    assert np.ptp(middles, axis=0).max() < 1e-3
    cells = shapes(figure)["reduce-weights"].get_paths()[:channels]
    left = np.array([path.vertices[:4, 0].mean() for path in cells])
    assert np.diff(left) == pytest.approx(np.diff(middles[0]), abs=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_bars_are_as_high_as_their_numbers(name: str) -> None:
    figure = drawn(squeeze_excite, name)
    bars = patches(figure)
    for part in ("pooled", "gate"):
        values = np.array(figure.data[part][: figure.data["drawn"]["channels"]])
        heights = np.array([bars[f"{part}-{c}"].get_height() for c in range(len(values))])
        scale = 0.3 / (1 if part == "gate" else np.ptp([0, *values]) or 1)
        assert heights == pytest.approx(scale * values)


@pytest.mark.parametrize("name", ALL)
def test_maps_have_one_scale_and_black_or_grey_zeros(name: str) -> None:
    figure = drawn(squeeze_excite, name)
    limit = figure.data["limit"]
    signed = any("mid-grey 0" in text for text in texts(figure))
    assert signed == (name in ("hard-swish, many channels", "one channel"))
    shades = f"white {number_text(limit)} or more"
    assert sum(shades in text for text in texts(figure)) == 2
    assert shades in figure.caption
    for gid, image in images(figure).items():
        if gid == "photograph":
            continue
        colors = image.cmap(image.norm(np.array([-limit, 0.0, 1e-3 * limit, limit])))
        assert tuple(colors[3]) == pytest.approx((1, 1, 1, 1))
        if signed:
            assert colors[1, :3] == pytest.approx(0.5, abs=0.01)
        else:
            assert tuple(colors[1]) == (0, 0, 0, 1)
            assert colors[2, 1] > 0.2  # the smallest positive value is not black


def test_weights_below_0_are_orange_and_those_above_purple() -> None:
    figure = drawn(squeeze_excite)
    for part in ("reduce", "expand"):
        cells = shapes(figure)[f"{part}-weights"]
        numbers = np.array(figure.data[part]).T if part == "reduce" else np.array(figure.data[part])
        red, _, blue, _ = cells.get_facecolor().T
        strong = np.abs(numbers.ravel()) > 0.1 * np.abs(numbers).max()
        assert (np.sign(blue - red) == np.sign(numbers.ravel()))[strong].all()
        assert cells.get_facecolor()[:, :3].sum(axis=1).min() > 1  # numbers are legible on it


def test_what_is_not_drawn_is_said() -> None:
    figure = drawn(squeeze_excite, "hard-swish, many channels")
    said = "\n".join(texts(figure))
    for note in ("the first 16 of 96 channels are drawn", "the first 16 of 24 hidden values are drawn"):
        assert note in said
        assert note in figure.caption
    assert "summed over all channels" in said
    assert "all hidden values" in said
    assert "the first gates" in figure.alt
    assert "a mobilenet_v3 given by the caller" in figure.caption
    assert "weights: made up" in figure.caption
    default = drawn(squeeze_excite, DEFAULT)
    assert not any("the first 16" in text for text in (*texts(default), default.caption))


def test_its_words_have_the_numbers() -> None:
    figure = drawn(squeeze_excite)
    gates = figure.data["gate"]
    assert f"between {number_text(min(gates))} and {number_text(max(gates))}" in figure.caption
    assert ", ".join(map(number_text, gates)) in figure.alt
    alive = sum(value > 0 for value in figure.data["reduced_relu"])
    assert f"to 8 hidden values, of which {alive} stay above 0" in figure.alt
    assert "16 maps of 75×64" in figure.alt


def test_the_callers_network_keeps_its_numbers() -> None:
    network = CASES[squeeze_excite]["one channel"]["network"]
    before = {name: values.copy() for name, values in (network.params | network.state).items()}
    squeeze_excite(**CASES[squeeze_excite]["one channel"])
    for name, values in (network.params | network.state).items():
        np.testing.assert_array_equal(values, before[name])
