"""ssdlite shows maps, default boxes and heads, whose sizes and numbers follow from the papers' formulas."""

import math
from typing import Any

import numpy as np
import pytest
from artists import patches, texts
from figure_cases import drawn, names
from matplotlib.collections import LineCollection

from npconv.figures import Figure, ssdlite

ALL = names(ssdlite)


def cell_boxes(each: dict[str, Any], image: list[int], whole: bool) -> list[list[float]]:
    """The default boxes of the cell, by SSD's formula; scales are of the shorter side, or of each one."""
    (rows, columns, _), (row, column) = each["shape"], each["cell"]
    y, x = (row + 0.5) * image[0] / rows, (column + 0.5) * image[1] / columns
    boxes = []
    for box in each["boxes of a cell"]:
        scale, ratio = box["scale"], box["ratio"]
        unit = image if whole else [min(image)] * 2
        height, width = scale / math.sqrt(ratio) * unit[0], scale * math.sqrt(ratio) * unit[1]
        boxes.append([y - height / 2, x - width / 2, y + height / 2, x + width / 2])
    return boxes


@pytest.mark.parametrize("name", ALL)
def test_boxes_and_counts_follow_from_the_maps(name: str) -> None:
    figure = drawn(ssdlite, name)
    data = figure.data
    for n, each in enumerate(data["maps"]):
        np.testing.assert_allclose(each["boxes"], cell_boxes(each, data["image"], name == "two maps"), rtol=1e-12)
        rows, columns, _ = each["shape"]
        assert each["default boxes"] == rows * columns * len(each["boxes of a cell"])
        if n:
            before = data["maps"][n - 1]["shape"]
            assert [rows, columns] == [-(-side // 2) for side in before[:2]]
    assert data["default boxes"] == sum(each["default boxes"] for each in data["maps"])


def test_the_default_is_the_papers() -> None:
    figure = drawn(ssdlite)
    maps = figure.data["maps"]
    assert [each["layer"] for each in maps[:3]] == ["block_14.expand_relu6", "last_relu6", "extra_1"]
    shapes = [[20, 20, 576], [10, 10, 1280], [5, 5, 512], [3, 3, 256], [2, 2, 256], [1, 1, 128]]
    assert [each["shape"] for each in maps] == shapes
    assert [each["default boxes"] for each in maps] == [1200, 600, 150, 54, 24, 6]
    assert figure.data["default boxes"] == 2034
    first = [(box["scale"], box["ratio"]) for box in maps[0]["boxes of a cell"]]
    assert first == [(0.1, 1), (pytest.approx(0.2), 2), (pytest.approx(0.2), 0.5)]
    scales = [each["boxes of a cell"][0]["scale"] for each in maps[1:]]
    assert scales == pytest.approx([0.35, 0.5, 0.65, 0.8, 0.95])
    for words in ("2,034", "20·20·3 = 1,200", "6·91 = 546", "20×20, 3 a cell", "1×1×128"):
        assert any(words in text for text in texts(figure)), words
        assert words in figure.caption or words != "2,034"
    assert "Together 2,034" in figure.alt


@pytest.mark.parametrize("name", ALL)
def test_the_heads_cost_what_their_convolutions_cost(name: str) -> None:
    data = drawn(ssdlite, name).data
    classes = {"default": 91, "two maps": 3, "flat, narrow": 2}[name]
    for each in data["maps"]:
        rows, columns, channels = each["shape"]
        count = len(each["boxes of a cell"])
        outputs = [count * classes, count * 4]
        assert [each["class channels"], each["code channels"]] == outputs
        if name == "two maps":  # a full convolution with a bias
            weights, others = [9 * channels * n for n in outputs], outputs
        else:  # depthwise with scale and shift, and pointwise with a bias
            weights, others = [(9 + n) * channels for n in outputs], [2 * channels + n for n in outputs]
        assert each["params"] == sum(weights) + sum(others)
        assert each["macs"] == rows * columns * sum(weights)
    assert data["costs"]["heads"] == {what: sum(each[what] for each in data["maps"]) for what in ("params", "macs")}


@pytest.mark.parametrize("name", ALL)
def test_cells_and_boxes_are_drawn_to_scale(name: str) -> None:
    figure = drawn(ssdlite, name)
    data, frames, scales = figure.data, patches(figure), []
    lines = {line.get_gid(): line for line in figure.figure.findobj(LineCollection)}
    height, width = data["image"]
    for n, each in enumerate(data["maps"]):
        rows, columns, _ = each["shape"]
        row, column = each["cell"]
        down, right = height / rows, width / columns
        boxes = {f"image-{n}-box-{n}-{i}": box for i, box in enumerate(each["boxes"])}
        boxes[f"image-{n}-cell-{n}"] = [row * down, column * right, (row + 1) * down, (column + 1) * right]
        for gid, (top, left, bottom, end) in boxes.items():
            frame = frames[gid]
            scales.append(frame.get_width() / (end - left))
            assert frame.get_height() == pytest.approx(scales[0] * (bottom - top))
            assert frame.get_xy() == pytest.approx((scales[0] * left, -scales[0] * bottom))
        grid = lines[f"cells-{n}"].get_segments() if rows * columns > 1 else []
        assert len(grid) == rows + columns - 2
        steps = sorted({round(-segment[0][1] / scales[0], 6) for segment in grid if segment[0][1] == segment[1][1]})
        assert steps == pytest.approx([i * down for i in range(1, rows)], abs=1e-5)
    assert np.ptp(scales) < 1e-9


@pytest.mark.parametrize("name", ALL)
def test_volumes_have_one_scale(name: str) -> None:
    figure = drawn(ssdlite, name)
    fronts = patches(figure)
    sizes = [np.ptp(fronts[f"map-{n}-front"].get_path().vertices, axis=0) for n in range(len(figure.data["maps"]))]
    shapes = np.array([each["shape"] for each in figure.data["maps"]])
    across, up = (np.array(sizes) / shapes[:, [2, 0]]).T
    assert np.ptp(across) < 1e-9
    assert np.ptp(up) < 1e-9


def said(figure: Figure) -> str:
    return " ".join(" ".join(texts(figure)).split())


def test_a_callers_detector_is_named_and_its_units_and_heads_told() -> None:
    figure = drawn(ssdlite, "two maps")
    assert "an SSDLite on a mobilenet_v2, given by the caller" in figure.caption
    assert "a 3×3 convolution on each map" in figure.caption
    assert "shares of the image's sides" in said(figure)
    assert "scale 0.30: 0.60" in said(figure)
    assert figure.data["maps"][0]["cell"] == [figure.data["maps"][0]["shape"][0] - 1, 0]
    assert "shares of the image's shorter side" in said(drawn(ssdlite))
