"""The layers and sizes at which figures are drawn in their tests, each drawn once: `drawn(build, name)`."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from made import ENDS, made_gpu, made_gradients, made_results, made_savings, made_subspaces
from plots import default_figure

from npconv.detection import DefaultBoxes
from npconv.figures import (
    Figure,
    atrous_receptive_field,
    backward_taps,
    bottleneck_table,
    channel_shuffle,
    checkerboard,
    convolution_3d,
    cost_by_layer,
    cost_ratio,
    deeplab,
    depthwise_separable,
    detections,
    dilated_convolution,
    feature_subspaces,
    functional_view,
    gradient_flow,
    hard_swish,
    inverted_residual_maps,
    linear_bottleneck_training,
    lr_aspp,
    matching,
    mobilenet_v2_table,
    mobilenet_v3_table,
    non_maximum_suppression,
    per_channel_photograph,
    per_channel_view,
    predicted_and_measured,
    relu_information_loss,
    residual_blocks,
    segmentation,
    separability,
    separable_example,
    spatially_separable,
    squeeze_excite,
    ssdlite,
    standard_convolution,
    transposed_convolution,
)
from npconv.models import (
    deeplab_v3,
    lr_aspp as build_lr_aspp,
    mobilenet_v2,
    mobilenet_v3,
    ssdlite as build_ssdlite,
)

LAYERS: dict[str, dict[str, Any]] = {
    "one of all": {"x": (1, 1, 1, 1), "kernel": (1, 1, 1, 1)},
    "one channel": {"x": (1, 5, 4, 1), "kernel": (3, 2, 1, 2)},
    "many filters": {"kernel": (3, 3, 3, 128)},
    "many channels": {"x": (1, 7, 7, 36), "kernel": (3, 3, 36, 5)},
    "padded and strided": {"x": (1, 9, 11, 2), "kernel": (7, 5, 2, 3), "stride": 2, "padding": "same"},
    "flat": {"x": (1, 3, 20, 3), "kernel": (1, 7, 3, 4)},
    "high": {"x": (1, 20, 3, 4), "kernel": (7, 1, 4, 2), "dilation": (2, 1)},
    "fractions": {"x": np.linspace(-40, 40, 90).reshape(1, 6, 5, 3), "kernel": np.full((3, 3, 3, 2), 0.37)},
}
RNG = np.random.default_rng(3)
PIXELS = np.arange(60 * 24 * 3).reshape(24, 60, 3).astype(np.uint8)


def made_boxes(count: int, height: int = 24, width: int = 60, seed: int = 5) -> np.ndarray:
    """Boxes in whole pixels anywhere on an image."""
    corners = np.sort(np.random.default_rng(seed).integers(0, (height - 2, width - 2), (2, count, 2)), axis=0)
    return np.concatenate([corners[0], corners[1] + 2], axis=1)


def made_truths() -> list[tuple[np.ndarray, np.ndarray]]:
    """Truths of three images, the last of which has none."""
    boxes, labels = made_boxes(6), np.array([1, 2, 2, 2, 1, 2])
    return [(boxes[:4], labels[:4]), (boxes[4:], labels[4:]), (boxes[:0], labels[:0])]


def made_found(count: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """So many detections in each of them, those of even numbers near to truths."""
    rng = np.random.default_rng(9)
    found = []
    for boxes, labels in made_truths():
        places, classes = made_boxes(count, seed=10).astype(float), rng.integers(1, 3, count)
        for i in range(0, min(count, 2 * len(boxes)), 2):
            places[i], classes[i] = boxes[i // 2] + 0.25, labels[i // 2]
        found.append((places, rng.uniform(size=count), classes))
    return found


def made_masks(
    count: int, height: int, width: int, classes: int, *, ignored: int | None = None, seed: int = 9
) -> np.ndarray:
    """Masks of blocks of 4 by 4 pixels, most of them background, the first of them ignored where there is such."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(-classes, classes, (count, height // 4, width // 4)).clip(0)
    masks = blocks.repeat(4, axis=1).repeat(4, axis=2)
    if ignored is not None:
        masks[:, :4, :8] = ignored
    return masks


CASES: dict[Callable[..., Figure], dict[str, dict[str, Any]]] = {
    standard_convolution: {name: layer for name, layer in LAYERS.items() if name != "one channel"},
    per_channel_view: {
        **LAYERS,
        "small cells": {"x": (1, 14, 14, 3)},
        "many small cells": {"x": (1, 12, 20, 24), "kernel": (5, 3, 24, 2), "padding": "same"},
        "normal fractions": {"x": RNG.normal(size=(1, 9, 5, 4)), "kernel": (3, 3, 4, 2)},
    },
    functional_view: {
        **{name: LAYERS[name] for name in ("one of all", "many channels", "padded and strided", "high", "fractions")},
        "stepping": {"until": (1, 3)},
        "last step of many channels": {"x": (1, 8, 9, 36), "kernel": (7, 7, 36, 1), "until": (1, 2)},
        "largest": {"x": (1, 32, 32, 3), "kernel": (3, 3, 3, 128), "n": 127, "at": (29, 29)},
        "fractions that step": {
            "x": 900 * RNG.normal(size=(1, 5, 5, 20)),
            "kernel": RNG.normal(size=(2, 2, 20, 2)),
            "until": (3, 3),
        },
        "long numbers": {
            "x": np.linspace(-12345.5, 99999, 60).reshape(1, 5, 6, 2), "kernel": np.full((2, 2, 2, 1), -7),
        },
        "wide": {"x": (1, 2, 32, 1), "kernel": (2, 2, 1, 1), "padding": ((0, 1), (0, 0))},
    },
    per_channel_photograph: {
        "wide": {"photograph": np.zeros((24, 200, 3), np.uint8), "filter": np.ones((5, 3, 3), int)},
        "long numbers": {"filter": 1e4 * RNG.normal(size=(3, 3, 3))},
        "black": {"photograph": np.zeros((40, 30, 3), np.uint8)},
    },
    cost_ratio: {
        "one line": {"kernel_sizes": (2,), "out_channels": (3, 96), "depth_multipliers": (1,)},
        "close lines": {"kernel_sizes": (3, (1, 7), (4, 2), 1), "depth_multipliers": (7, 8, 9, 10)},
        "small": {"kernel_sizes": (1,), "out_channels": (1, 2), "depth_multipliers": (1, 64)},
    },
    residual_blocks: {
        "no expansion": {"narrow": (1, 28, 28, 32), "expand": None, "depthwise": (3, 3, 32), "project": (32, 16)},
        "one of all": {
            "x": (1, 1, 1, 1), "reduce": (1, 1), "spatial": (1, 1, 1, 1), "restore": (1, 1),
            "narrow": (1, 1, 1, 1), "expand": (1, 1), "depthwise": (1, 1, 1), "project": (1, 1),
        },
        "flat": {
            "x": (1, 3, 20, 36), "reduce": (36, 12), "spatial": (1, 7, 12, 10), "restore": (10, 36),
            "narrow": (1, 3, 20, 6), "expand": (6, 36), "depthwise": (1, 7, 36), "project": (36, 6),
        },
        "high, odd": {
            "narrow": (1, 27, 5, 24), "expand": (24, 96), "depthwise": (7, 3, 96), "project": (96, 24),
            "stride": (2, 1),
        },
        "valid, dilated": {
            "x": (1, 9, 11, 128), "reduce": (128, 32), "spatial": (5, 3, 32, 64), "restore": (64, 128),
            "narrow": (1, 9, 11, 20), "expand": (20, 120), "depthwise": (3, 3, 120), "project": (120, 24),
            "padding": "valid", "dilation": (2, 1),
        },
        "large": {
            "x": (1, 112, 112, 2048), "reduce": (2048, 512), "spatial": (3, 3, 512, 512), "restore": (512, 2048),
            "narrow": (1, 112, 112, 160), "expand": (160, 960), "depthwise": (3, 3, 960), "project": (960, 160),
        },
    },
    bottleneck_table: {
        "shortcut": {"project": (144, 24), "stride": 1},
        "one of all": {"x": (1, 1, 1, 1), "expand": (1, 1), "depthwise": (1, 1, 1), "project": (1, 1), "stride": 1},
        "valid": {
            "x": (1, 20, 30, 36), "expand": (36, 54), "depthwise": (7, 5, 54), "project": (54, 128), "padding": "valid",
        },
        "pair of strides": {
            "x": (1, 7, 40, 8), "expand": (8, 48), "depthwise": (1, 7, 48), "project": (48, 8),
            "stride": (1, 2), "dilation": (1, 2),
        },
        "padded by hand": {
            "x": (1, 9, 11, 3), "expand": (3, 7), "depthwise": (3, 3, 7), "project": (7, 5),
            "padding": ((0, 1), (2, 2)), "stride": 1,
        },
    },
    relu_information_loss: {
        "one point": {"points": np.array([[3, -4]]), "dimensions": (2, 3), "draws": 50},
        "alike": {"dimensions": (100, 110, 120, 125, 127, 128), "draws": 50},
        "points outside": {
            "points": np.random.default_rng(5).normal(size=(40, 2)), "dimensions": (2, 3), "draws": 1, "seed": 26,
        },
        "all scales": {"scales": (1e-6, 1e-3, 1, 1e3, 1e6), "draws": 50},
    },
    inverted_residual_maps: {
        "stride 2, more channels": {"stride": 2, "out_channels": 8},
        "no expansion": {"expansion": 1},
        "144 maps": {"x": np.sin(np.arange(20 * 16 * 24.0)).reshape(1, 20, 16, 24)},
        "wide": {"photograph": np.arange(24 * 192 * 3).reshape(24, 192, 3).astype(np.uint8), "stride": (1, 2)},
        "all zero": {"x": np.zeros((1, 4, 4, 2)), "expand": np.zeros((2, 2))},
        "large values": {
            "x": np.linspace(-3e7, 9e7, 4500).reshape(1, 25, 30, 6), "expand": np.ones((6, 7)),
            "project": np.full((7, 6), 0.001), "weights": "made by hand",
        },
    },
    linear_bottleneck_training: {
        "one seed, one test": {"results": made_results(seeds=1, evaluations=1)},
        "two seeds, far apart": {"results": made_results(seeds=2, evaluations=2, deviation=0.5)},
        "thirty seeds": {"results": made_results(seeds=30, evaluations=6)},
        "all alike": {"results": made_results(seeds=3, ends=dict.fromkeys(ENDS, 0.1), deviation=0)},
        "nothing and all": {
            "results": made_results(seeds=6, ends={"linear": 9, "relu6": -9, "expansions": 0.1, "none": 9}),
        },
        "long description": {"results": {**made_results(), "data": "images of things, $1, " * 20}},
    },
    feature_subspaces: {
        "one of all": {
            "measured": made_subspaces(seeds=1, blocks=1, channels=1, counts=(1,), accuracy=0.1, depth=1, wide=1),
        },
        "two channels": {"measured": made_subspaces(channels=2, counts=(1, 2), depth=2)},
        "long description": {"measured": {**made_subspaces(), "data": "images of things, $1, " * 20}},
        "four blocks": {"measured": made_subspaces(seeds=9, blocks=4, accuracy=1, depth=9, wide=6)},
        "many channels": {
            "measured": made_subspaces(channels=1024, counts=(1, 3, 9, 31, 100, 1024), depth=64, wide=48),
        },
    },
    gradient_flow: {
        "two blocks": {"measured": made_gradients(seeds=1, depths=(2,), depth=2)},
        "all alike": {"measured": made_gradients(shortcuts=(1, 1), none=(1, 1), after=(1, 1))},
        "many depths": {"measured": made_gradients(depths=(2, 3, 4, 5, 6, 8, 16, 17, 100), depth=40)},
        "not trained": {"measured": made_gradients(accuracies=(0.1, 0.1))},
        "far apart": {"measured": made_gradients(depths=(128,), none=(60.0, 0.02), shortcuts=(0.5, 3), after=(4, 0.1))},
    },
    separability: {
        "one line": {
            "kernels": {"ones": np.ones((1, 1, 2, 4))}, "out_channels": (1,), "repeats": 1, "kernel_size": 2,
        },
        "four lines": {"out_channels": (1, 9, 25, 128), "kernel_size": 5, "in_channels": 2, "repeats": 3},
        "given, unlike": {
            "kernels": {
                "shifts": np.eye(9).reshape(3, 3, 1, 9),
                "7×1": RNG.standard_normal((7, 1, 3, 5)),
                "floats": RNG.standard_normal((3, 3, 3, 32)).astype(np.float32),
                "whole": RNG.integers(-3, 4, (5, 5, 2, 3)),
            },
            "out_channels": (2, 3, 4, 5), "kernel_size": 2,
        },
    },
    depthwise_separable: {
        "one of all": {"x": (1, 1, 1, 1), "depthwise": (1, 1, 1), "pointwise": (1, 1)},
        "five filters a channel": {
            "x": (1, 6, 7, 2), "depthwise": (3, 2, 10), "pointwise": (10, 5), "padding": 1,
        },
        "many channels": {"x": (1, 7, 7, 36), "depthwise": (3, 3, 36), "pointwise": (36, 128)},
        "padded and strided": {
            "x": (1, 9, 11, 2), "depthwise": (7, 5, 2), "pointwise": (2, 3), "stride": 2, "padding": "same",
            "at": (0, 5),
        },
        "flat": {"x": (1, 3, 20, 3), "depthwise": (1, 7, 3), "pointwise": (3, 8)},
        "high": {"x": (1, 20, 3, 4), "depthwise": (7, 1, 4), "pointwise": (4, 2), "dilation": (2, 1)},
        "long numbers": {
            "x": np.full((1, 4, 4, 3), -12345.678), "depthwise": np.full((2, 2, 3), 99.5),
            "pointwise": np.full((3, 2), -77.25),
        },
    },
    separable_example: {
        "one of all": {"x": (1, 1, 1, 1), "kernel": 1, "out_channels": 1},
        "one filter": {"out_channels": 1},
        "many channels": {"x": (1, 7, 7, 36)},
        "padded and strided": {
            "x": (1, 9, 11, 2), "kernel": (7, 5), "out_channels": 3, "stride": 2, "padding": "same",
        },
        "flat": {"x": (1, 3, 20, 3), "kernel": (1, 7), "out_channels": 8},
        "fractions": {"x": np.linspace(-40, 40, 90).reshape(1, 6, 5, 3), "out_channels": 5},
        "equal": {"x": (1, 5, 4, 2), "kernel": (2, 1), "out_channels": 2},
        "more padding than kernel": {"x": (1, 2, 3, 2), "kernel": (2, 1), "out_channels": 5, "padding": 3},
    },
    backward_taps: {
        "one of all": {"x": (1, 1, 1, 1), "kernel": (1, 1, 1, 1), "stride": 1},
        "padded and strided": {"x": (1, 9, 11, 2), "kernel": (7, 5, 2, 3), "stride": 2, "padding": "same"},
        "many channels": {"x": (1, 7, 7, 36), "kernel": (3, 3, 36, 5), "stride": 1},
        "flat": {"x": (1, 3, 20, 3), "kernel": (1, 7, 3, 4), "stride": 1},
        "high": {"x": (1, 20, 3, 4), "kernel": (7, 1, 4, 2), "stride": 1, "dilation": (2, 1)},
        "the article's": {"x": (1, 7, 7, 3), "kernel": (3, 3, 3, 128), "stride": 1},
        "stride one": {"x": (1, 5, 6, 2), "kernel": (3, 3, 2, 3), "stride": 1, "at": (1, 3), "tap": (2, 0)},
        "padded": {"x": (1, 5, 7, 2), "kernel": (3, 3, 2, 2), "padding": "same", "at": (0, 6), "tap": (0, 2)},
        "not reached": {"x": (1, 7, 8, 2), "kernel": (2, 2, 2, 2), "stride": 3, "at": (2, 5), "tap": (0, 1)},
        "lopsided padding": {"x": (1, 8, 9, 9), "kernel": (5, 5, 9, 1), "stride": 2, "padding": ((3, 0), (1, 2))},
        "all at once": {
            "x": (1, 15, 13, 3), "kernel": (3, 3, 3, 4), "stride": (2, 3), "dilation": 4, "padding": 2,
            "at": (0, 0), "tap": (2, 2),
        },
    },
    predicted_and_measured: {
        "one layer": {"measurements": made_savings(layers=1)},
        "many, two kernels": {"measurements": made_savings(layers=24, kernel_sides=(3, 5), scale=1e4)},
        "two kernels, fast": {"measurements": made_savings(kernel_sides=(3, 5), scale=1e-6)},
        "1×1": {"measurements": made_savings(kernel_sides=(1,))},
        "7×7, no torch": {"measurements": made_savings(kernel_sides=(7,), functions=("limit", "npconv"))},
        "on a GPU": {"measurements": made_savings(), "gpu": made_gpu(), "gpu_batch": 2},
        "many, two kernels, on a GPU": {
            "measurements": made_savings(layers=24, kernel_sides=(3, 5)),
            "gpu": made_gpu(layers=24, kernel_sides=(3, 5), scale=1e-6),
        },
        "one layer, one dtype on a GPU": {
            "measurements": made_savings(layers=1), "gpu": made_gpu(layers=1, dtypes=("bfloat16",), scale=1e4),
        },
    },
    squeeze_excite: {
        "hard-swish, many channels": {
            "photograph": PIXELS,
            "network": mobilenet_v3("small", 1.0, 3, rows=((5, 96, 8, True, "hard_swish", 2),), hidden_channels=4),
            "weights": "made up",
        },
        "one channel": {
            "photograph": PIXELS[:24, :24],
            "network": mobilenet_v3(
                "small", 1.0, 3, rows=((3, 1, 1, True, "linear", 2),), hidden_channels=4, batch_norm={"epsilon": 1e-9}
            ),
        },
    },
    transposed_convolution: {
        "one of all": {"x": (1, 1, 1, 1), "kernel": (1, 1, 1, 1), "stride": 1},
        "more inputs": {"x": (1, 2, 3, 1), "kernel": (2, 3, 1, 1), "at": (1, 0)},
        "gaps": {"x": (1, 3, 2, 1), "kernel": (1, 2, 1, 1), "stride": (2, 3)},
        "fractions": {"x": np.array([-2, 1.5]).reshape(1, 2, 1, 1), "kernel": np.full((2, 3, 1, 1), -0.37)},
        "long numbers": {"x": np.full((1, 1, 2, 1), 12345), "kernel": np.full((2, 2, 1, 1), -6789)},
    },
    checkerboard: {
        "one of all": {"kernel_sizes": (1,), "strides": (1,), "inputs": 1},
        "all border": {"kernel_sizes": (5, 7), "strides": (2,), "inputs": 2},
        "many": {"kernel_sizes": (1, 2, 3, 5, 6), "strides": (4, 1), "inputs": 2},
    },
    dilated_convolution: {
        "one of all": {"kernel_size": 1, "rates": (1,), "stacks": ((1,),)},
        "even kernel": {"kernel_size": 2, "rates": (1, 3), "stacks": ((3, 1), (2, 2, 4, 1))},
        "wide": {"kernel_size": 4, "rates": (1, 2, 4, 6), "stacks": ((1, 4), (4, 2), (1, 1), (3,))},
    },
    spatially_separable: {
        "of one size": {"photograph": PIXELS, "kernel_sizes": (3,), "sides": (3, 9)},
        "many taps": {
            "photograph": PIXELS[:, :24], "column": np.arange(1, 8), "row": np.arange(-3, 4), "at": (0, 17),
            "kernel_sizes": (1, 4, 9, 2), "sides": (1, 9, 40),
        },
        "fractions": {
            "photograph": PIXELS, "column": np.array([-0.5, 0.25]), "row": np.array([1.5, 0.3]), "kernel_sizes": (2,),
            "sides": (4, 5),
        },
    },
    channel_shuffle: {
        "few channels a group": {"groups": 4, "channels": 8},
        "two groups": {"groups": 2, "channels": 12},
        "groups of one": {"groups": 5, "channels": 5},
    },
    convolution_3d: {
        "one of all": {"x": (1, 1, 1, 1, 1), "kernel": (1, 1, 1, 1, 1)},
        "several": {"x": (1, 5, 9, 12, 3), "kernel": (2, 3, 5, 3, 2), "at": (3, 2, 6)},
        "at a corner": {"x": (1, 4, 3, 5, 1), "kernel": (2, 2, 3, 1, 1), "at": (2, 1, 0)},
        "many slices": {"x": (1, 8, 4, 5, 9), "kernel": (8, 3, 3, 9, 1)},
        "flat and wide": {"x": (1, 2, 1, 32, 1), "kernel": (1, 1, 5, 1, 3)},
        "fractions": {"x": RNG.normal(size=(1, 3, 4, 5, 2)), "kernel": RNG.normal(size=(2, 2, 2, 2, 2))},
    },
    hard_swish: {
        "narrow": {"x": np.linspace(-1.5, -1, 5)},
        "wide": {"x": np.linspace(-100, 100, 41)},
        "from a kink": {"x": np.arange(3, 9)},
    },
    mobilenet_v2_table: {
        "narrow, odd": {"width": 0.35, "resolution": (95, 160), "classes": 10},
        "two rows": {
            "rows": [(1, 8, 3, 1), (4, 24, 2, 3)],
            "resolution": (20, 33),
            "classes": 2,
            "in_channels": 1,
            "stem_channels": 8,
            "last_channels": 64,
        },
        "one of all": {
            "rows": [(1, 1, 1, 1)],
            "resolution": 1,
            "classes": 1,
            "in_channels": 1,
            "stem_channels": 1,
            "last_channels": 1,
            "width": 0.1,
        },
        "large numbers": {"resolution": 30000, "width": 1.4},
        "ten rows": {
            "rows": [(6 - i % 2, 8 * i + 8, i % 3 + 1, i % 2 + 1) for i in range(10)],
            "resolution": (600, 512),
        },
    },
    mobilenet_v3_table: {
        "narrow, odd": {"size": "small", "width": 0.35, "resolution": (95, 160), "classes": 10},
        "minimalistic": {"size": "small", "minimalistic": True, "width": 0.75},
        "one of all": {"size": "small", "width": 0.1, "resolution": 1, "classes": 1},
        "large numbers": {"size": "large", "width": 1.25, "resolution": 30000},
    },
    ssdlite: {
        "two maps": {
            "photograph": PIXELS,
            "detector": build_ssdlite(
                mobilenet_v2(rows=((1, 8, 1, 2), (2, 8, 1, 2)), in_channels=1, stem_channels=8, last_channels=24), 3,
                extras=(), heads="full", boxes=DefaultBoxes((((0.3, 0.6),), ((0.5, 0.6), (0.7, 4.0))), "each"),
            ),
            "resolution": 32,
            "at": (31, 0),
        },
        "flat, narrow": {"photograph": PIXELS, "width": 0.35, "resolution": (96, 200), "classes": 2},
    },
    matching: {
        "one of all": {"photograph": PIXELS, "boxes": made_boxes(1), "anchors": made_boxes(1, seed=6)},
        "many": {
            "photograph": PIXELS, "boxes": made_boxes(6), "anchors": made_boxes(200, seed=7) + 0.25,
            "names": ("a", "b", "c", "d", "long words", "f"), "threshold": 0.6,
        },
        "fewer default boxes than truths": {
            "photograph": PIXELS, "boxes": made_boxes(4), "anchors": made_boxes(2, seed=8), "threshold": 0,
        },
    },
    non_maximum_suppression: {
        "at the threshold, and suppressed by another": {
            "photograph": PIXELS, "boxes": np.array([[0, 0, 8, 8], [0, 6, 8, 16], [0, 0, 8, 16]]),
            "scores": np.array([0.9, 0.8, 0.7]),
        },
        "one": {"photograph": PIXELS[:, :24], "boxes": made_boxes(1, 24, 24), "scores": np.array([0])},
        "twelve": {
            "photograph": PIXELS, "boxes": made_boxes(12) * 1.5 - 6.25, "scores": RNG.uniform(size=12) ** 8,
            "threshold": 0.2,
        },
    },
    detections: {
        "in colour, all points": {
            "images": RNG.integers(0, 256, (3, 30, 50, 3)), "truths": made_truths(), "found": made_found(20),
            "label": 2, "points": None, "names": ("one", "two"), "data": "made up",
        },
        "nothing found": {
            "images": np.zeros((3, 20, 16, 1)), "truths": made_truths(), "found": made_found(0), "points": 11,
            "shown": 2,
        },
        "some not found": {"images": np.ones((3, 24, 60, 1)), "truths": made_truths(), "found": made_found(6)},
    },
    atrous_receptive_field: {
        "flat, one rate": {
            "photograph": PIXELS, "rates": (3,), "resolution": (64, 200), "output_stride": 8, "at": (0, 24),
        },
        "as large as the map": {"photograph": PIXELS, "rates": (1, 2, 4), "resolution": 97, "output_stride": 32},
    },
    lr_aspp: {
        "small, flat": {"size": "small", "width": 0.35, "resolution": (96, 200), "classes": 2, "filters": 8},
        "on V2, one size": {
            "network": build_lr_aspp(
                mobilenet_v2(0.35, in_channels=1, output_stride=8), 200, 24, low="block_4", high="block_17"
            ),
            "resolution": (40, 64),
        },
    },
    deeplab: {
        "narrow, high, four rates": {
            "width": 0.35, "resolution": (200, 96), "classes": 2, "rates": (1, 2, 3, 30), "filters": 16,
            "output_stride": 8,
        },
        "no rate, refined": {
            "network": deeplab_v3(mobilenet_v3("small", 0.35, output_stride=16), 5, rates=(), filters=24, refine=True),
            "resolution": 128,
        },
    },
    segmentation: {
        "in colour, ignored": {
            "images": RNG.integers(0, 256, (3, 24, 40, 3)), "masks": made_masks(3, 24, 40, 5, ignored=255),
            "predicted": made_masks(3, 24, 40, 5, seed=10),
            "names": ("floor", "chair", "table", "wall", "lamp", "of no image"),
            "shown": (2,), "cells": (8,), "data": "made up",
        },
        "nothing found, many classes": {
            "images": np.zeros((4, 32, 16, 1)), "masks": made_masks(4, 32, 16, 24), "shown": (3, 0, 1, 2),
            "predicted": np.zeros((4, 32, 16), np.int64), "cells": (),
        },
        "all right": {
            "images": RNG.normal(size=(2, 16, 16, 1)), "masks": made_masks(2, 16, 16, 3), "shown": (1, 1),
            "predicted": made_masks(2, 16, 16, 3), "cells": (1, 2, 16),
        },
    },
    cost_by_layer: {
        "narrow, flat, two classes": {"width": 0.35, "resolution": (96, 160), "classes": 2},
        "one of all": {"rows": [(1, 8, 1, 1)], "width": 0.1, "resolution": 1, "classes": 1},
        "thirty blocks": {"width": 0.35, "rows": [(6, 24, 30, 2)], "resolution": (97, 33)},
        "a map each": {"rows": [(2, 16, 1, 2)] * 40, "width": 0.35, "resolution": (1024, 2048)},
    },
}  # fmt: skip

DEFAULT = "default"


def names(build: Callable[..., Figure]) -> list[str]:
    """The names of a builder's cases; the first is the figure without arguments."""
    return [DEFAULT, *CASES[build]]


@functools.cache
def drawn(build: Callable[..., Figure], name: str = DEFAULT) -> Figure:
    """A figure of the table, or without arguments, built once."""
    if name == DEFAULT:
        return default_figure(build.__name__.replace("_", "-"))
    return build(**CASES[build][name])
