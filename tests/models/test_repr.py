"""`print(network)` says the stride, the padding and the shortcut of each block, as the network computes them."""

import re

import numpy as np
import pytest

from npconv.layers import (
    Conv2D,
    DepthwiseConv2D,
    DepthwiseSeparable,
    InvertedResidual,
    ReLU6,
    ResidualBottleneck,
    Sequential,
)
from npconv.layers.blocks import Residual
from npconv.models import (
    deeplab_v3,
    lr_aspp,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    multi_task,
    read_network,
    ssdlite,
    summary,
)

TORCHVISION = {"conventions": "torchvision"}
BACKBONE = mobilenet_v2(0.35, 5, output_stride=16, **TORCHVISION)
NETWORKS = {
    "V1": (mobilenet_v1(0.25, 5), "MobileNet(mobilenet_v1, conventions keras)"),
    "V2": (mobilenet_v2(1.0, 5), "MobileNet(mobilenet_v2, conventions keras)"),
    "V2 dilated": (mobilenet_v2(0.35, 5, output_stride=8, **TORCHVISION),
                   "MobileNet(mobilenet_v2, conventions torchvision, output_stride 8)"),
    "V3": (mobilenet_v3("large", 0.35, 5), "MobileNet(mobilenet_v3, conventions keras)"),
    "folded": (mobilenet_v3("small", 0.35, 5).folded(), "MobileNet(mobilenet_v3, conventions keras)"),
    "SSDLite": (ssdlite(BACKBONE, 3),
                "SSDLite(classes 3, first block_7.expand_relu6, heads separable, conventions torchvision)"),
    "LR-ASPP": (lr_aspp(BACKBONE, 4, 8),
                "LRASPP(classes 4, filters 8, low block_4, high block_17, conventions torchvision)"),
    "DeepLabv3": (deeplab_v3(BACKBONE, 4, filters=8),
                  "DeepLabV3(classes 4, filters 8, high block_17, refine False, align half_pixel, "
                  "conventions torchvision)"),
    "two tasks": (multi_task(ssdlite(BACKBONE, 3), lr_aspp(BACKBONE, 4, 8)),
                  "MultiTask(detector SSDLite, classes 3, segmenter LRASPP, classes 4)"),
}  # fmt: skip
SIDE = 512  # no map is a single pixel


def layers_of(text):
    """The words in brackets of each layer that a network's text has, by the layer's name with dots."""
    found, path = {}, []
    for line in text.split("\n")[1:]:
        indent, name, facts = re.fullmatch(r"( +)(\w+): \w+(?:\((.*)\))?", line).groups()
        del path[len(indent) // 2 - 1 :]
        path.append(name)
        found[".".join(path)] = facts or ""
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_each_layer_of_a_network_is_told_with_its_geometry(name):
    network, first = NETWORKS[name]
    text = repr(network)
    assert text.split("\n")[0] == first
    assert max(map(len, text.split("\n"))) <= 120
    told, rows = layers_of(text), {row.name: row for row in summary(network, (1, SIDE, SIDE, 3)).rows}
    assert {row.name for row in rows.values() if row.operation not in ("Add", "Resize", "Join")} <= set(told)
    strides = {layer: facts for layer, facts in told.items() if "stride" in facts and layer in rows}
    assert len(strides) > 10
    for layer, facts in strides.items():
        (_, height, _, _), (_, rows_out, _, _) = rows[layer].input_shape, rows[layer].output_shape
        assert re.findall(r"stride (\d)", facts) == [str(-(-height // rows_out))], layer
    assert ("dilation 2" in text) == ("output_stride" in text)
    blocks = {layer: facts for layer, facts in told.items() if "shortcut" in facts}
    assert len(blocks) == (0 if name == "V1" else sum("block_" in layer.split(".")[-1] for layer in told))
    for block, facts in blocks.items():
        inside = {layer.removeprefix(f"{block}."): row for layer, row in rows.items() if layer.startswith(f"{block}.")}
        assert facts.endswith(", no shortcut") == ("add" not in inside)
        channels = [inside[layer].input_shape[-1] for layer in ("expand", "project") if layer in inside]
        assert f"channels {' → '.join(map(str, [*channels, inside['project'].output_shape[-1]]))}, kernel" in facts
        depthwise = told[f"{block}.depthwise"]
        assert re.search("stride.*", depthwise)[0] == re.search("stride.*(?=, (no )?shortcut)", facts)[0]


def test_blocks_tell_what_they_are_built_from():
    for block, facts in {
        InvertedResidual(4, 4, expansion=3): "channels 4 → 12 → 4, kernel 3×3, stride 1, padding same, shortcut",
        InvertedResidual(4, 4, shortcut=False, kernel_size=(5, 3), dilation=(1, 2)):
            "channels 4 → 24 → 4, kernel 5×3, stride 1, padding same, dilation (1, 2), no shortcut",
        InvertedResidual(4, 7, (2, 1), 1): "channels 4 → 7, kernel 3×3, stride (2, 1), padding same, no shortcut",
        DepthwiseSeparable(4, 7, depth_multiplier=2): "channels 4 → 8 → 7, kernel 3×3, stride 1, padding same",
        ResidualBottleneck(8, 2): "channels 8 → 2 → 2 → 8, kernel 3×3, stride 1, padding same, shortcut",
        Residual({"a": ReLU6()}): "shortcut",
        Conv2D(2, 3, padding=((0, 1), (0, 1))): "kernel (3, 3, 2, 3), stride 1, padding ((0, 1), (0, 1))",
        DepthwiseConv2D(2, (3, 1), stride=np.int64(2), dilation=2):
            "kernel (3, 1, 2), stride 2, padding valid, dilation 2",
    }.items():  # fmt: skip
        assert repr(block).split("\n")[0] == f"{type(block).__name__}({facts})"
    nested = Sequential({"a": Sequential(ReLU6()), "b": ReLU6()})
    assert repr(nested) == "Sequential\n  a: Sequential\n    0: ReLU6()\n  b: ReLU6()"


def test_a_block_without_some_of_its_layers_tells_the_others(tmp_path):
    block = InvertedResidual(4, 6, 2)
    assert repr(block.with_layers({"expand": block.layers["expand"]})).startswith(
        "InvertedResidual(channels 4 → 24, no shortcut)\n"
    )
    assert "channels" not in repr(block.with_layers({"relu6": ReLU6()}))
    network = mobilenet_v2(0.35, 5)
    network.save(tmp_path / "network.npz")
    assert repr(read_network(tmp_path / "network.npz")) == repr(network)
