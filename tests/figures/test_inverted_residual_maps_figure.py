"""Fig. 6 shows what the plain loops compute, stage by stage, and counts the zeros that ReLU6 makes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from artists import texts
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D

from npconv import depthwise_conv2d_loops, inverted_residual_stages, pointwise_conv2d_loops
from npconv.data import load_photograph
from npconv.figures import Figure, inverted_residual_maps


@pytest.fixture(scope="module")
def figure(default: Callable[[str], Figure]) -> Figure:
    return default("inverted-residual-maps")


def picture(height: int = 26, width: int = 31) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (height, width, 3)).astype(np.uint8)


def by_loops(
    x: np.ndarray, expand: np.ndarray | None, depthwise: np.ndarray, project: np.ndarray, stride: Any
) -> dict[str, np.ndarray]:
    stages = {"input": x}
    wide = x
    if expand is not None:
        stages["expanded"] = pointwise_conv2d_loops(x, expand)
        wide = stages["expanded ReLU6"] = np.clip(stages["expanded"], 0, 6)
    stages["depthwise"] = depthwise_conv2d_loops(wide, depthwise, stride=stride, padding="same")
    stages["depthwise ReLU6"] = np.clip(stages["depthwise"], 0, 6)
    stages["projected"] = pointwise_conv2d_loops(stages["depthwise ReLU6"], project)
    if stride == 1 and x.shape[-1] == project.shape[-1]:
        stages["output"] = stages["projected"] + x
    return {name: maps[0] for name, maps in stages.items()}


def random_kernels(seed: int, k: int, t: int, k_out: int) -> list[np.ndarray]:
    """Normal with variance 2/fan-in, in the order expand, depthwise, project."""
    generator = np.random.default_rng(seed)
    expand = generator.normal(0, 1, (k, t * k)) * (2 / k) ** 0.5
    depthwise = generator.normal(0, 1, (3, 3, t * k)) * (2 / 9) ** 0.5
    return [expand, depthwise, generator.normal(0, 1, (t * k, k_out)) * (2 / (t * k)) ** 0.5]


def images(figure: Figure) -> dict[str, Any]:
    return {image.get_gid(): image for image in figure.figure.findobj(BboxImage)}


def agree(figure: Figure, expected: dict[str, np.ndarray]) -> None:
    """Shapes, counts, drawn maps and coarse values are those expected."""
    drawn = images(figure)
    stages = figure.data["stages"]
    assert [stage["name"] for stage in stages] == list(expected)
    for stage in stages:
        maps = expected[stage["name"]]
        assert stage["shape"] == list(maps.shape)
        assert stage["drawn"] == min(24, maps.shape[-1])
        for c in range(stage["drawn"]):
            image = np.array(drawn[f"{stage['name']}-{c}"].get_array())
            np.testing.assert_allclose(image, maps[..., c], rtol=1e-9, atol=1e-12)
        assert f"{stage['name']}-{stage['drawn']}" not in drawn
        coarse = maps[::16, ::16, : stage["drawn"]]
        np.testing.assert_allclose(stage["every 16th"], coarse, rtol=1e-9, atol=1e-12)
        if stage["name"].endswith("ReLU6"):
            assert (stage["values"], stage["zeros"], stage["at six"]) == (
                maps.size,
                (maps <= 0).sum(),
                (maps >= 6).sum(),
            )
            assert stage["zeros by map"] == (maps <= 0).sum(axis=(0, 1))[: stage["drawn"]].tolist()


@pytest.mark.parametrize(
    ("stride", "k_out", "reason"),
    [(1, 3, ""), (2, 3, "the stride is 2"), (1, 5, "k = 3 and k′ = 5 differ"), ((2, 1), 3, "the stride is (2, 1)")],
)
def test_a_photograph_goes_through_the_loops_and_a_shortcut_is_drawn_where_it_is_added(
    stride: Any, k_out: int, reason: str
) -> None:
    pixels = picture()
    figure = inverted_residual_maps(photograph=pixels, stride=stride, out_channels=k_out, expansion=2, seed=5)
    agree(figure, by_loops(pixels[np.newaxis] / 127.5 - 1, *random_kernels(5, 3, 2, k_out), stride))
    assert figure.format == "png"
    blue = [line for line in figure.figure.findobj(Line2D) if line.get_color() == "#0072B2"]
    assert (len(blue) == 1) == ("shortcut" in texts(figure)) == ("+ x" in texts(figure)) == (not reason)
    assert figure.data["shortcut"] == ("output-0" in images(figure)) == (not reason)
    if reason:
        assert f"no shortcut, as {reason}:" in "\n".join(texts(figure))
        assert f"no shortcut is added, as {reason}" in figure.caption


def test_given_maps_and_kernels_go_through_the_loops() -> None:
    generator = np.random.default_rng(8)
    x = generator.normal(0, 3, (1, 7, 9, 4))
    kernels = [generator.normal(0, 1, shape) for shape in ((4, 30), (5, 3, 30), (30, 4))]
    figure = inverted_residual_maps(
        x=x, expand=kernels[0], depthwise=kernels[1], project=kernels[2], weights="trained on digits"
    )
    expected = by_loops(x, *kernels, 1)
    agree(figure, expected)
    assert (expected["depthwise ReLU6"] == 6).sum() > 0
    assert figure.data["photograph"] is None
    assert "weights: trained on digits" in texts(figure)
    assert not any("not trained" in text for text in (*texts(figure), figure.caption))
    assert "the first 24 of 30 maps" in "\n".join(texts(figure))
    assert "6 of the 30 expanded maps" in figure.caption
    assert {"5×3\ndepthwise\nstride 1", "expanded, 7×9×30", "output, 7×9×4"} <= set(texts(figure))


def test_without_expansion_there_are_two_stages_less() -> None:
    pixels = picture()
    generator = np.random.default_rng(0)
    depthwise = generator.normal(0, 1, (3, 3, 3)) * (2 / 9) ** 0.5
    project = generator.normal(0, 1, (3, 3)) * (2 / 3) ** 0.5
    figure = inverted_residual_maps(photograph=pixels, expansion=1)
    agree(figure, by_loops(pixels[np.newaxis] / 127.5 - 1, None, depthwise, project, 1))
    assert "1×1\nexpand" not in texts(figure)


def test_the_photograph_is_averaged_over_whole_blocks(figure: Figure) -> None:
    photograph = load_photograph()
    rows, columns = (side // 6 for side in photograph.pixels.shape[:2])
    mean = np.array(
        [
            [photograph.pixels[6 * r : 6 * r + 6, 6 * c : 6 * c + 6].mean(axis=(0, 1)) for c in range(columns)]
            for r in range(rows)
        ]
    )
    drawn = images(figure)
    np.testing.assert_allclose(np.array(drawn["photograph"].get_array()), mean / 255, rtol=1e-12)
    for c in range(3):
        np.testing.assert_allclose(np.array(drawn[f"input-{c}"].get_array()), mean[..., c] / 127.5 - 1, atol=1e-12)
    assert figure.data["photograph"]["averaged over"] == 6
    assert "averaged over 6×6 pixels" in texts(figure)


def test_no_count_hangs_on_a_rounding(figure: Figure) -> None:
    drawn = images(figure)
    x = np.stack([np.array(drawn[f"input-{c}"].get_array()) for c in range(3)], axis=-1)[np.newaxis]
    stages = inverted_residual_stages(x, *random_kernels(0, 3, 6, 3))
    for maps in (stages.expanded, stages.depthwise):
        assert maps is not None
        assert np.abs(maps[maps != 0]).min() > 1e-9
        assert np.abs(maps - 6).min() > 1e-9


def test_signed_maps_have_zero_in_the_middle_and_active_ones_have_black_zeros(figure: Figure) -> None:
    drawn = images(figure)
    for stage in figure.data["stages"]:
        for c in range(stage["drawn"]):
            image = drawn[f"{stage['name']}-{c}"]
            assert image.get_interpolation() == "nearest"  # or zeros beside positive values would not be black
            colors = image.cmap(image.norm(np.array([-stage["limit"], 0.0, 1e-3 * stage["limit"], stage["limit"]])))
            grey = colors[:, :3] @ (0.299, 0.587, 0.114)
            if stage["name"].endswith("ReLU6"):
                assert tuple(colors[1]) == (0, 0, 0, 1)
                assert grey[2] > 0.2  # even in greyscale the smallest positive value is not black
                assert 0 < image.norm.vmin < 1e-3 * stage["limit"]
            else:
                assert image.norm.vmin == -image.norm.vmax == -stage["limit"]
                np.testing.assert_allclose(grey[[0, 1, 3]], [0, 0.5, 1], atol=0.01)


def test_headings_say_shapes_limits_and_zeros(figure: Figure) -> None:
    said = texts(figure)
    for stage in figure.data["stages"]:
        name = "input x" if stage["name"] == "input" else stage["name"]
        assert f"{name}, {'×'.join(map(str, stage['shape']))}" in said
        if stage["name"].endswith("ReLU6"):
            share = f"{100 * stage['zeros'] / stage['values']:.1f} % zeros"
            assert any(text.startswith(f"{share} ({stage['zeros']:,} of {stage['values']:,})") for text in said)
            for zeros in stage["zeros by map"]:
                assert f"{100 * zeros / (stage['shape'][0] * stage['shape'][1]):.0f} %" in said
    assert {"1×1\nexpand", "3×3\ndepthwise\nstride 1", "1×1\nproject", "+ x", "red", "green", "blue"} <= set(said)
    assert said.count("ReLU6") == 2
    assert any("not trained" in text for text in said)
    assert "not trained" in figure.caption
    assert "seed 0" in figure.caption


def test_a_share_is_none_or_all_only_where_it_is() -> None:
    x = np.ones((1, 20, 20, 3))
    x[0, 3, 4] = -1
    x[0, :, :, 1] *= -1
    x[0, :, :, 2] = 1
    depthwise = np.zeros((3, 3, 3))
    depthwise[1, 1] = 1
    figure = inverted_residual_maps(x=x, expand=np.eye(3), depthwise=depthwise, project=np.eye(3))
    assert figure.data["stages"][2]["zeros by map"] == [1, 399, 0]
    assert {"< 1 %", "> 99 %", "0 %"} <= set(texts(figure))
