"""Figures refuse what cannot be drawn; wrong types and ranges are tried on every function in test_arguments.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from npconv.figures import (
    atrous_receptive_field,
    backward_taps,
    channel_shuffle,
    checkerboard,
    convolution_3d,
    deeplab,
    depthwise_separable,
    depthwise_separable_frames,
    detections,
    dilated_convolution,
    functional_view,
    functional_view_frames,
    inverted_residual_maps,
    lr_aspp,
    matching,
    non_maximum_suppression,
    per_channel_photograph,
    per_channel_view,
    segmentation,
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

BLACK = np.zeros((30, 30, 3), np.uint8)
TWO_IMAGES = ({"x": (2, 7, 7, 3)}, "x must be one image")
TOO_HIGH = ({"x": (1, 40, 7, 3)}, "rows or columns")
NAN = ({"x": np.full((1, 7, 7, 3), np.nan)}, "x must hold finite")
BOX, SCORE, LABEL = np.array([[1.0, 2, 9, 8]]), np.array([0.5]), np.array([1])
DETECTED = {"images": np.ones((1, 16, 16, 1)), "truths": [(BOX, LABEL)], "found": [(BOX, SCORE, LABEL)]}
SEGMENTED: dict[str, Any] = {
    "images": np.ones((1, 16, 16, 1)), "masks": np.zeros((1, 16, 16), np.int64),
    "predicted": np.zeros((1, 16, 16), np.int64), "shown": (0,),
}  # fmt: skip
MANY = np.repeat(BOX, 13, axis=0)
REFUSED: dict[Callable[..., Any], list[tuple[dict[str, Any], str]]] = {
    standard_convolution: [
        *(TWO_IMAGES, TOO_HIGH, NAN),
        ({"kernel": (3, 3, 2, 4)}, "kernel"),
        ({"kernel": (9, 3, 3, 4)}, "kernel"),
        ({"kernel": (3, 3, 3, 0)}, "kernel"),
        ({"at": (5, 0)}, "at must be a place"),
        ({"x": np.full((1, 7, 7, 3), 10**14), "kernel": (7, 7, 3, 1)}, "too (wide|high) to draw"),
    ],
    functional_view: [
        *(TWO_IMAGES, TOO_HIGH),
        ({"until": (5, 0)}, r"until must be a place in the output, 5 by 5; got \(5, 0\)"),
        ({"until": (1, 0), "at": (0, 1)}, "at must be None or equal to until"),
        ({"at": (5, 0)}, "at must be a place"),
        ({"n": 4}, "n must be at most 3"),
        ({"kernel": (3, 3, 2, 4)}, "kernel"),
        ({"x": np.full((1, 7, 7, 3), 10**14), "kernel": (7, 7, 3, 1)}, "slices of 7×7 with such numbers"),
    ],
    functional_view_frames: [
        ({"x": (1, 10, 11, 1), "kernel": (3, 3, 1, 1)}, "too many steps to animate: 72"),
        ({"kernel": (3, 3, 2, 1)}, "kernel"),
    ],
    per_channel_view: [({"n": 4}, "n must"), ({"x": (1, 2, 2, 3)}, "kernel"), ({"at": (0, 9)}, "at must be a place")],
    per_channel_photograph: [
        ({"photograph": BLACK[..., 0]}, "photograph"),
        ({"photograph": BLACK, "filter": np.ones((9, 9, 3))}, "filter"),
    ],
    depthwise_separable: [
        *(TWO_IMAGES, TOO_HIGH, NAN),
        ({"depthwise": (3, 3, 4)}, "depthwise"),
        ({"depthwise": (9, 3, 3)}, "depthwise"),
        ({"pointwise": (2, 4)}, "pointwise"),
        ({"pointwise": (3, 0)}, "pointwise"),
        ({"at": (5, 0)}, "at must be a place"),
        (
            {"x": np.full((1, 31, 1, 1), -1234.56), "depthwise": (31, 1, 1), "pointwise": (1, 1)},
            r"too large to draw.*depthwise \(31, 1, 1\)",
        ),
    ],
    depthwise_separable_frames: [
        ({"x": (1, 8, 9, 1), "depthwise": (1, 1, 1), "pointwise": (1, 1)}, "too many steps to animate: 72"),
    ],
    separable_example: [*(TWO_IMAGES, TOO_HIGH), ({"x": (7, 7, 3)}, "x"), ({"kernel": (9, 3)}, "9")],
    transposed_convolution: [
        ({"x": (2, 2, 2, 1)}, "x must be one image"),
        ({"x": (1, 2, 2, 3)}, "x must be one image .1, Dᵤ, Dᵤ, 1., of one channel"),
        ({"x": np.full((1, 2, 2, 1), np.nan)}, "x must hold finite"),
        ({"kernel": (3, 3, 2, 1)}, "kernel must be one filter"),
        ({"kernel": (3, 3, 1, 0)}, "kernel must have every axis at least 1"),
        ({"x": (1, 16, 2, 1)}, "35 rows or columns"),
        ({"at": (2, 0)}, "at must be a place in x, 2 by 2"),
    ],
    checkerboard: [
        ({"kernel_sizes": ()}, "kernel_sizes must be 1 to 5 numbers"),
        ({"strides": (1, 2, 3, 4)}, "strides must be 1 to 3 numbers"),
        ({"inputs": 12}, "kernel_sizes, strides and inputs must give at most 24 outputs"),
    ],
    dilated_convolution: [
        ({"rates": ()}, "rates must have 1 to 4 rates"),
        ({"rates": (16,)}, "33 positions can't be drawn"),
        ({"stacks": ()}, "stacks must be 1 to 4"),
        ({"stacks": ((1, 2), ())}, "stacks must have 1 to 5 rates"),
        ({"stacks": ((1, 0),)}, "stacks must have every number at least 1"),
        ({"stacks": ((8, 8),)}, "33 positions can't be drawn"),
    ],
    spatially_separable: [
        ({"photograph": BLACK[:20]}, "photograph"),
        ({"photograph": BLACK, "column": np.ones((3, 1))}, "column must be"),
        ({"photograph": BLACK, "row": np.ones(10)}, "row must be"),
        ({"photograph": BLACK, "row": np.ones(2)}, "row must have as many weights as column"),
        ({"photograph": BLACK, "at": (28, 0)}, "at must be a place in the output, 28 by 28"),
        ({"photograph": BLACK, "kernel_sizes": (1, 2, 3, 4, 5)}, "kernel_sizes must be 1 to 4 lines"),
        ({"photograph": BLACK, "sides": (5, 5)}, "sides must be in growing order"),
        ({"photograph": BLACK, "sides": (3, 5, 6)}, "two or more from the largest of kernel_sizes on"),
    ],
    channel_shuffle: [
        ({"groups": 5}, "groups must divide channels"),
        ({"groups": 1}, "groups must be at least 2"),
        ({"channels": 17}, "channels must be at most 16"),
    ],
    convolution_3d: [
        ({"x": (2, 7, 7, 7, 1)}, "x must be one volume to draw, at most 8 deep"),
        ({"x": (1, 9, 7, 7, 1)}, "x must be one volume to draw, at most 8 deep"),
        ({"x": (1, 7, 7, 33, 1)}, "32 wide"),
        ({"x": (1, 7, 7, 7, 2)}, "kernel must be"),
        ({"x": (1, 7, 7, 7)}, "x must be"),
        ({"x": (1, 2, 7, 7, 1)}, "kernel"),
        ({"x": np.full((1, 7, 7, 7, 1), np.nan)}, "x must hold finite"),
        ({"at": (5, 0, 0)}, r"at must be a place in the output, 5×5×5; got \(5, 0, 0\)"),
        ({"at": (0, 0)}, "at must be a place"),
        ({"x": np.full((1, 7, 7, 7, 1), 10**14), "kernel": (3, 3, 7, 1, 1)}, "too (wide|high) to draw"),
    ],
    backward_taps: [
        ({"x": (2, 5, 7, 2)}, "x must be one image"),
        ({"x": (1, 40, 7, 2)}, "rows or columns"),
        ({"kernel": (3, 3, 3, 2)}, "kernel"),
        ({"kernel": (3, 3, 2, 0)}, "kernel"),
        ({"kernel": (9, 3, 2, 2)}, "kernel"),
        ({"at": (5, 0)}, "at must be a place in dx, 5 by 7"),
        ({"tap": (0, 3)}, "tap must be a place in the kernel, 3 by 3"),
        ({"dy": np.ones((1, 3, 2, 2))}, "dy"),
        ({"dy": np.full((1, 2, 3, 2), np.inf)}, "dy"),
        ({"x": np.full((1, 5, 7, 2), 1e308)}, "overflow"),
    ],
    squeeze_excite: [
        ({"photograph": BLACK[:20]}, "photograph"),
        ({"network": mobilenet_v2(0.1)}, "network must have a block with squeeze-and-excite; got 17 without"),
        ({"block": "block_2"}, "block must be one of block_1, block_4, .*; got 'block_2'"),
        ({"network": mobilenet_v3("small", 0.1, in_channels=1)}, "x must be .*1"),
        ({"weights": " "}, "weights must be a few words"),
    ],
    ssdlite: [
        ({"photograph": BLACK[:20]}, "photograph"),
        ({"resolution": 31}, "resolution must be .* images of at least 32×32"),
        ({"at": (0, 320)}, "at must be a place in the image, 320 by 320"),
        ({"classes": 1}, "classes must be at least 2"),
        ({"detector": build_ssdlite(mobilenet_v2(0.1), 2), "classes": 2}, "classes must not be given with a detector"),
        (
            {"detector": build_ssdlite(mobilenet_v2(0.1), 2, extras=(4,) * 8)},
            "detector must have at most 9 maps; got 10",
        ),
    ],
    matching: [
        ({"photograph": BLACK[..., 0]}, "photograph"),
        ({"boxes": BOX[:, ::-1].copy()}, "boxes must be boxes"),
        ({"boxes": BOX[:0]}, "boxes must be 1 to 6 boxes to draw"),
        ({"boxes": MANY}, "boxes must be 1 to 6 boxes to draw"),
        ({"anchors": np.zeros((1, 4))}, "anchors must be boxes with a height and a width"),
        ({"names": ("one",)}, "names must be given with boxes"),
        ({"boxes": BOX, "names": ("one", "two")}, "names must be a word of at most 10 letters for each of 1 box"),
        ({"boxes": BOX, "names": ("longer than that",)}, "names must be a word of at most 10"),
        ({"threshold": 1.5}, "threshold must be"),
    ],
    non_maximum_suppression: [
        ({"photograph": BLACK[..., 0]}, "photograph"),
        ({"boxes": BOX}, "scores must be given with boxes"),
        ({"scores": SCORE}, "scores must be given with boxes"),
        ({"boxes": BOX, "scores": np.ones(2)}, r"scores must be \(1,\)"),
        ({"boxes": BOX, "scores": np.array([np.nan])}, "scores must hold finite numbers"),
        ({"boxes": np.full((1, 4), np.inf), "scores": SCORE}, "boxes must be finite"),
        ({"boxes": MANY, "scores": np.ones(13)}, "boxes must be 1 to 12 boxes"),
    ],
    detections: [
        ({"images": DETECTED["images"]}, "truths must be given with images"),
        ({"found": DETECTED["found"]}, "found must be given with images"),
        (DETECTED | {"network": build_ssdlite(mobilenet_v2(0.1), 2)}, "found must be given .* without a network"),
        (DETECTED | {"images": np.ones((1, 16, 16, 2))}, "images must be"),
        (DETECTED | {"images": np.full((1, 16, 16, 1), np.nan)}, "images must be .* finite"),
        (DETECTED | {"images": np.ones((2, 16, 16, 1))}, "truths must be one for each of 2 images"),
        (DETECTED | {"found": []}, "found must be one for each of 1 image"),
        (DETECTED | {"truths": [(BOX[:0], LABEL[:0])]}, "truths must have at least one box"),
        (DETECTED | {"label": 2}, "label must be one of those in truths, 1; got 2"),
        (DETECTED | {"shown": 1}, "shown must be at most 0"),
        (DETECTED | {"points": 10}, "points must be 101, 11 or None"),
        (DETECTED | {"data": " "}, "data must be a few words"),
        (
            DETECTED
            | {
                "truths": [(np.repeat(BOX, 30, axis=0), np.ones(30, int))],
                "found": [(np.repeat(BOX, 30, axis=0), np.linspace(0, 1, 30), np.ones(30, int))],
            },
            "truths must have a class with at most 24 steps",
        ),
    ],
    lr_aspp: [
        ({"size": "medium"}, "size must be one of large, small"),
        ({"classes": 0}, "classes must be"),
        ({"resolution": 15}, "resolution must be one of the network's images; got .15, 15."),
        (
            {"network": build_lr_aspp(mobilenet_v2(0.1), 2), "classes": 2},
            "size, width, classes and filters must not be given with a network",
        ),
    ],
    deeplab: [
        ({"rates": (1, 2, 3, 4, 5)}, "rates must be at most 4 to be drawn"),
        ({"resolution": (64, 15)}, "resolution must be one of the network's images; got .64, 15."),
        (
            {"network": deeplab_v3(mobilenet_v2(0.1, output_stride=8), 2), "output_stride": 8},
            "filters and output_stride must not be given with a network",
        ),
    ],
    segmentation: [
        ({"images": SEGMENTED["images"]}, "masks must be given with images"),
        ({"predicted": SEGMENTED["masks"]}, "predicted must be given with images"),
        (SEGMENTED | {"network": lr_aspp}, "predicted must be given .* without a network"),
        (SEGMENTED | {"images": np.ones((1, 16, 16, 2))}, "images must be"),
        (SEGMENTED | {"images": np.full((1, 16, 16, 1), np.nan)}, "images must be .* finite"),
        (SEGMENTED | {"masks": SEGMENTED["masks"][:, :8]}, r"masks must be .n, H, W., .* got masks .1, 8, 16., images"),
        (SEGMENTED | {"masks": SEGMENTED["masks"] - 1}, "masks must be classes from 0 on; got -1"),
        (SEGMENTED | {"predicted": SEGMENTED["masks"] + 255}, "predicted must be classes from 0 on"),
        (
            SEGMENTED | {"predicted": SEGMENTED["masks"] + 2, "names": ("a", "b")},
            "names must be one for each class, 3 to",
        ),
        (SEGMENTED | {"predicted": SEGMENTED["masks"] + 24}, "names must be one for each class, 25 to 24"),
        (SEGMENTED | {"shown": ()}, "shown must be 1 to 4 images"),
        (SEGMENTED | {"shown": (1,)}, "shown must "),
        (SEGMENTED | {"cells": (3,)}, "cells must be at most 3 sides that divide the images' sides"),
        (SEGMENTED | {"data": " "}, "data must be a few words"),
    ],
    atrous_receptive_field: [
        ({"photograph": BLACK[:20]}, "photograph"),
        ({"rates": ()}, "rates must be 1 to 3 numbers"),
        ({"rates": (1, 2, 3, 4)}, "rates must be 1 to 3 numbers"),
        ({"rates": (0,)}, "rates must "),
        ({"rates": (34,)}, "rates must be at most 33, the map's longer side"),
        ({"output_stride": 12}, "output_stride must be one of"),
        ({"resolution": (31, 64)}, "resolution must be at least 32"),
        ({"resolution": 64, "rates": (1,), "at": (4, 0)}, "at must be a place in the map, 4 by 4"),
    ],
    inverted_residual_maps: [
        ({"photograph": BLACK[..., 0]}, "photograph"),
        ({"photograph": BLACK[:20]}, "photograph"),
        ({"photograph": BLACK, "x": np.zeros((1, 9, 9, 2))}, "photograph"),
        ({"x": np.zeros((2, 9, 9, 2))}, "x"),
        ({"x": np.zeros((1, 9, 9, 0))}, "x"),
        ({"x": np.zeros((1, 9, 300, 2))}, "x"),
        ({"x": np.full((1, 9, 9, 2), np.inf)}, "x"),
        ({"expand": np.zeros((4, 8))}, "expand"),
        ({"expand": np.zeros(4)}, "expand"),
        ({"depthwise": np.zeros((3, 3, 17))}, "depthwise"),
        ({"project": np.zeros((3, 18))}, "project"),
        ({"project": np.full((18, 3), np.nan)}, "project"),
        ({"weights": " "}, "weights"),
    ],
}
ALL = [(build, *case) for build, cases in REFUSED.items() for case in cases]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("build", "case", "words"), ALL, ids=[f"{build.__name__}, {words}" for build, _, words in ALL])
def test_what_cannot_be_drawn_is_refused(build: Callable[..., Any], case: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{build.__name__}: .*{words}"):
        build(**case)


def test_what_is_no_photograph_is_refused() -> None:
    for build in (per_channel_photograph, inverted_residual_maps, squeeze_excite):
        with pytest.raises(TypeError, match=f"{build.__name__}: photograph"):
            build(photograph=np.zeros((30, 30, 3)))
    with pytest.raises(TypeError, match="inverted_residual_maps: depthwise"):
        inverted_residual_maps(depthwise=np.zeros((3, 3, 18), bool))
    with pytest.raises(TypeError, match="backward_taps: dy"):
        backward_taps(dy=np.ones((1, 2, 3, 2), complex))
