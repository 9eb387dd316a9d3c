"""Wrong arguments of every public function and class outside the kernels, and NumPy's ints in the place of Python's.

A row has the arguments of a valid call. What is wrong for a parameter follows from its annotation, so that a new one is
tried too; a new function must join, or be listed as a record. The kernels and their costs have a table of their own.
"""

import copy
import functools
import inspect
import operator
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import GeneratorType, ModuleType, NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

import numpy as np
import pytest
from public import names_of

import npconv
from npconv import bench, checks, cost, detection, figures, layers, models, segmentation, training
from npconv.course import steps
from npconv.kernels.arguments import LARGEST, LARGEST_SEED, shown
from npconv.kernels.geometry import Array, Padding, Pair

FOLDER = tempfile.TemporaryDirectory()  # for what is made before a wrong argument is reached

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 6, 5, 3))
KERNEL = RNG.standard_normal((3, 2, 3, 4))
CONV = {"forward": npconv.conv2d, "backward": npconv.conv2d_backward, "arrays": (X, KERNEL)}
IMAGES, LABELS = RNG.standard_normal((8, 8, 8, 1)).astype(np.float32), RNG.integers(0, 10, 8, np.int64)
TASK = training.Task("small", IMAGES, LABELS, IMAGES, LABELS, 10, "numbers")
ROWS_V2 = ((1, 8, 1, 1), (2, 8, 1, 2))
ROWS_V3 = ((3, 8, 8, True, "relu", 1), (5, 20, 8, False, "hard_swish", 2))
NETWORK = models.mobilenet_v2(0.5, 5, rows=ROWS_V2, stem_channels=8, last_channels=16)
DETECTOR = models.ssdlite(models.mobilenet_v1(0.1, 3), 3, extras=())
NETWORK_V3 = models.mobilenet_v3("small", classes=5, rows=((3, 16, 8, True, "relu", 1),), hidden_channels=8)
SCENES = training.digits_in_the_wild(train=2, test=1)
DETECTOR = training.digits_detector()
MASKED, SEGMENTER = training.SegmentationTask.of(SCENES), training.digits_segmenter()
BOTH = training.digits_multi_task()
SMALL = layers.Sequential(layers.GlobalAveragePool(), layers.Dense(1, 10))
SMALL_LAYER = {"x": (1, 5, 6, 3), "kernel": (2, 3, 3, 2)}
BLOCK = {"x": (1, 4, 6, 4), "expand": (4, 8), "depthwise": (3, 3, 8), "project": (8, 4)}
LARGE = RNG.integers(0, 256, (64, 256, 3), np.uint8)
PHOTOGRAPH = RNG.integers(0, 256, (48, 120, 3), np.uint8)
BOXES, BOX_LABELS = np.array([[0.0, 0, 10, 10], [20, 20, 30, 40]]), np.array([1, 2])
SSD = {"logits": RNG.standard_normal((1, 2, 3)), "codes": RNG.standard_normal((1, 2, 4)),
       "labels": np.array([[2, 0]]), "targets": RNG.standard_normal((1, 2, 4))}  # fmt: skip
PIXELS = RNG.integers(0, 3, X.shape[:3], np.int64)
MASKS = {"truth": PIXELS, "predicted": PIXELS[::-1], "classes": 100}
FRAMES = figures.functional_view_frames(x=(1, 3, 4, 1), kernel=(3, 3, 1, 1))

STEPS = ModuleType("the kinds of steppers, which are all called by `stepper`")
vars(STEPS).update(steps.KINDS, __all__=[*steps.KINDS])

ROWS: dict[Any, dict[str, dict[str, Any]]] = {
    layers: {
        "Activation": {}, "GlobalAveragePool": {}, "Layer": {}, "ReLU": {}, "ReLU6": {},
        "HardSigmoid": {}, "HardSwish": {}, "Sigmoid": {}, "SqueezeExcite": {"channels": 100, "squeeze": 4},
        "BatchNorm": {"channels": 3},
        "Conv2D": {"in_channels": 3, "out_channels": 100, "stride": (2, 1), "padding": ((1, 0), (0, 1))},
        "Dense": {"in_channels": 3, "out_channels": 4},
        "DepthwiseConv2D": {"channels": 3, "padding": 1},
        "DepthwiseSeparable": {"in_channels": 3, "out_channels": 4},
        "InvertedResidual": {"in_channels": 100, "out_channels": 4, "stride": 2},
        "PointwiseConv2D": {"in_channels": 100, "out_channels": 4},
        "ResidualBottleneck": {"channels": 4, "bottleneck_channels": 2},
        "Sequential": {"layers": (layers.ReLU(),)},
        "glorot_uniform": {"rng": RNG, "shape": (3, 4), "fan_in": 3, "fan_out": 4},
        "he_normal": {"rng": RNG, "shape": (3, 4), "fan_in": 3, "fan_out": 4},
        "truncated_normal": {"deviation": 0.1},
    },
    models: {
        "Inference": {"network": NETWORK},
        "activation_memory": {"model": NETWORK, "input_shape": (1, 32, 32, 3), "granularity": "blocks", "groups": 2,
                              "bytes_per_number": 2},
        "count_as": {"model": NETWORK, "input_shape": (100, 32, 100, 3), "tool": "fvcore"},
        "deeplab_v3": {"network": models.mobilenet_v1(0.1, 3), "classes": 3, "rates": (2, 100), "high": "block_6"},
        "divisible": {"channels": 100},
        "explain_count": {"model": NETWORK, "input_shape": (100, 32, 100, 3), "number": 10**6},
        "export_weights": {"model": NETWORK},
        "from_weights": {"arrays": models.export_weights(models.mobilenet_v1(0.1, 3))},
        "kernel_weights": {"model": NETWORK},
        "load_weights": {"model": NETWORK, "arrays": models.export_weights(NETWORK)},
        "lr_aspp": {"network": models.mobilenet_v1(0.1, 3), "classes": 3, "low": 4, "high": "block_6"},
        "mobilenet_v1": {"width": 0.25, "classes": 3, "rows": ((64, 1, 1), (100, 1, 2)), "stem_channels": 100},
        "mobilenet_v2": {"width": 0.25, "classes": 3, "rows": ROWS_V2, "stem_channels": 100, "last_channels": 100},
        "mobilenet_v3": {"width": 0.25, "classes": 3, "rows": ROWS_V3, "stem_channels": 100, "last_channels": 100,
                         "hidden_channels": 100},
        "multi_task": {"detector": DETECTOR, "segmenter": models.lr_aspp(DETECTOR.network, 3)},
        "read_arrays": {"path": "nowhere.npz"},
        "read_network": {"path": "nowhere.npz"},
        "small_mobilenet_v2": {"rows": ROWS_V2, "stem_channels": 100},
        "ssdlite": {"network": models.mobilenet_v1(0.1, 3), "classes": 3, "first": "block_2", "extras": (8, 100)},
        "summary": {"model": NETWORK, "input_shape": (100, 32, 100, 3)},
        "weight_names": {"model": NETWORK},
    },
    figures: {
        "atrous_receptive_field": {"photograph": PHOTOGRAPH, "rates": (2,), "resolution": (64, 100), "output_stride": 8,
                                   "at": (3, 4)},
        "backward_taps": SMALL_LAYER,
        "bottleneck_table": BLOCK,
        "channel_shuffle": {"groups": 2, "channels": 4},
        "checkerboard": {"kernel_sizes": (2, 3), "strides": (2,), "inputs": 2},
        "convolution_3d": {"x": (1, 3, 5, 4, 2), "kernel": (2, 3, 2, 2, 2), "at": (1, 0, 2)},
        "cost_by_layer": {"rows": ROWS_V2, "resolution": (32, 48)},
        "cost_ratio": {"kernel_sizes": (3, (2, 5)), "out_channels": (4, 100), "depth_multipliers": (1, 2)},
        "deeplab": {"width": 0.1, "classes": 2, "resolution": (32, 48), "rates": (2,), "filters": 4,
                    "output_stride": 16},
        "depthwise_separable": {"x": (1, 5, 6, 3), "depthwise": (2, 3, 3), "pointwise": (3, 2)},
        "depthwise_separable_frames": {"x": (1, 3, 3, 2), "depthwise": (2, 3, 2), "pointwise": (2, 2)},
        "detections": {"images": np.ones((1, 32, 48, 1)), "truths": [(BOXES, BOX_LABELS)],
                       "found": [(BOXES, np.array([0.5, 0.4]), BOX_LABELS)], "label": 1, "shown": 0, "names": ("x",)},
        "dilated_convolution": {"rates": (1, 2), "stacks": ((1, 2),)},
        "feature_subspaces": {},
        "functional_view": SMALL_LAYER | {"at": (0, 1)},
        "functional_view_frames": {"x": (1, 3, 4, 1), "kernel": (3, 3, 1, 1)},
        "gif_bytes": {"frames": FRAMES},
        "gradient_flow": {},
        "hard_swish": {"x": np.array([-4, 4])},
        "inverted_residual_maps": {"photograph": PHOTOGRAPH},
        "linear_bottleneck_training": {},
        "lr_aspp": {"size": "small", "width": 0.1, "classes": 2, "resolution": (32, 48), "filters": 4},
        "matching": {"photograph": PHOTOGRAPH, "boxes": BOXES, "anchors": BOXES + 1.0, "names": ("x", "y")},
        "mobilenet_v2_table": {"rows": ROWS_V2, "resolution": (32, 48)},
        "mobilenet_v3_table": {"size": "small", "width": 0.1, "resolution": (32, 48), "classes": 3},
        "non_maximum_suppression": {"photograph": PHOTOGRAPH, "boxes": BOXES, "scores": np.array([0.5, 0.4])},
        "per_channel_photograph": {"photograph": PHOTOGRAPH, "at": (3, 4)},
        "per_channel_view": SMALL_LAYER,
        "predicted_and_measured": {},
        "relu_information_loss": {"dimensions": (2, 5), "draws": 20, "scales": (1, 100)},
        "residual_blocks": {"x": (1, 8, 8, 32), "reduce": (32, 8), "spatial": (3, 3, 8, 8), "restore": (8, 32),
                            "narrow": (1, 8, 8, 8), "expand": (8, 32), "depthwise": (3, 3, 32), "project": (32, 8)},
        "segmentation": {"images": np.ones((1, 16, 24, 1)), "masks": np.ones((1, 16, 24), np.int64), "shown": (0,),
                         "cells": (2,), "predicted": np.zeros((1, 16, 24), np.int64), "names": ("x", "y")},
        "separability": {"out_channels": (4, 100), "repeats": 1},
        "separable_example": {"out_channels": 4},
        "spatially_separable": {"photograph": PHOTOGRAPH, "column": np.array([1, 2]), "row": np.array([-1, 1]),
                                "at": (3, 4), "kernel_sizes": (2,), "sides": (3, 4)},
        "squeeze_excite": {"photograph": PHOTOGRAPH[:, :48], "network": NETWORK_V3, "block": "block_1"},
        "ssdlite": {"photograph": PHOTOGRAPH, "width": 0.1, "classes": 2, "resolution": (64, 100), "at": (3, 4)},
        "standard_convolution": SMALL_LAYER | {"at": (0, 1), "stride": (2, 1), "padding": ((1, 0), (0, 1))},
        "style": {},
        "transposed_convolution": {"x": (1, 2, 2, 1), "kernel": (2, 2, 1, 1), "at": (0, 1)},
        "write_figures": {"figures": [], "folder": FOLDER.name},
    },
    steps: {"stepper": {"kind": "standard"}, "steps": {"kind": "standard"}},
    STEPS: {
        "backward": {"out_channels": 2},
        "depthwise": {"depth_multiplier": 2, "padding": 1},
        "dilated": {"dilation": (1, 2), "out_channels": 3},
        "groups": {"x": (3, 4, 4), "stride": (2, 1)},
        "inverted-residual": {"expansion": 2, "out_channels": 2},
        "matching": {"truths": 2, "map_size": (2, 3)},
        "per-channel": {"n": 1, "x": (3, 4, 2)},
        "pointwise": {"out_channels": 2},
        "resize": {"x": (2, 4, 1), "size": (3, 5), "align": "corners"},
        "separable": {"depth_multiplier": 2, "kernel": 2, "padding": ((1, 0), (0, 1))},
        "shuffle": {"groups": 3, "out_channels": 9},
        "standard": {"kernel": (2, 3), "stride": 2},
        "suppression": {"boxes": BOXES, "image_size": (50, 60)},
        "transposed": {"padding": 1, "output_padding": (1, 0)},
    },
    checks: {
        "channels_read": {"function": lambda x: x, "shape": (1, 2, 3, 4)},
        "check_adjoint": CONV,
        "check_backward": CONV,
        "check_layer": {"layer": layers.Dense(3, 4, dtype=np.float64), "x": X[0, 0]},
        "convolution_case": {"choose": lambda low, high: low},
        "explain": {"function": npconv.conv2d, "arrays": (X[:, :3, :2], KERNEL), "at": (0, 0, 0, 1)},
        "make_vectors": {"operation": "conv2d", "count": 1},
        "vectors_text": {"vectors": checks.make_vectors("pointwise_conv2d", count=1)},
        "prove_equal": {"f": npconv.pointwise_conv2d, "g": npconv.pointwise_conv2d_loops,
                        "shapes": ((1, 2, 1, 2), (2, 3))},
        "receptive_field": {"layers": ((3, 1, 2), ((2, 3), 2, 1))},
        "rounding_bound": {"x": X, "kernel": KERNEL},
    },
    cost: {"count_operations": {"function": npconv.conv2d, "arrays": (X, KERNEL)}},
    detection: {
        "DefaultBoxes": {"cells": (((1, 2), (2, 1)),)},
        "average_precision": {"hits": [1, 0, 1], "truths": 100},
        "mean_average_precision": {"truths": [(BOXES, BOX_LABELS)], "found": [(BOXES, np.ones(2), BOX_LABELS)],
                                   "most": 50},
        "clip_boxes": {"boxes": BOXES, "image_size": (30, 40)},
        "decode_boxes": {"codes": BOXES, "anchors": BOXES},
        "default_boxes": {"specification": "tensorflow", "map_sizes": ((3, 4), 2), "image_size": (30, 40)},
        "detections": {"logits": SSD["logits"], "codes": SSD["codes"], "anchors": BOXES, "image_size": (30, 40)},
        "encode_boxes": {"boxes": BOXES, "anchors": BOXES},
        "iou": {"a": BOXES, "b": BOXES},
        "match_boxes": {"overlaps": RNG.random((2, 3))},
        "non_maximum_suppression": {"boxes": BOXES, "scores": RNG.random(2), "threshold": 0.5},
        "precision_recall": {"hits": [1, 0, 1], "truths": 100},
        "ssd_loss": SSD, "ssd_loss_backward": {"dy": 1.0, **SSD}, "ssd_loss_stages": SSD,
        "ssd_targets": {"anchors": BOXES, "boxes": [BOXES], "labels": [BOX_LABELS]},
        "tensorflow_boxes": {}, "torchvision_boxes": {},
    },
    segmentation: {
        "confusion_matrix": MASKS, "intersection_over_union": MASKS | {"classes": 3},
        "intersection_over_union_of": {"matrix": np.array([[3, 1], [0, 2]])},
        "pixel_cross_entropy": {"logits": X, "labels": PIXELS, "divisor": 2.0},
        "pixel_cross_entropy_backward": {"dy": 1.0, "logits": X, "labels": PIXELS},
    },
    training: {
        "Adam": {"parameters": NETWORK.params},
        "RMSProp": {"parameters": NETWORK.params},
        "RunSettings": {},
        "SGD": {"parameters": NETWORK.params},
        "batch_at": {"length": 200, "batch_size": 100, "seed": 3, "step": 200},
        "batches": {"length": 200, "batch_size": 100, "seed": 3, "epoch": 2},
        "confusion": {"network": SMALL, "x": IMAGES, "labels": LABELS, "classes": 10},
        "constant": {"rate": 0.1},
        "cosine": {"rate": 0.1, "steps": 100, "warmup": 10},
        "decays_kernels": {"name": "kernel"},
        "detection_step": {"network": DETECTOR, "optimizer": training.SGD(DETECTOR.params), "x": SCENES.x_train,
                           "boxes": SCENES.boxes_train, "labels": SCENES.labels_train, "learning_rate": 0.1},
        "detector_for": {"image_shape": (16, 16, 1), "classes": 11, "boxes": SCENES.boxes_train},
        "digits": {},
        "digits_detector": {},
        "digits_multi_task": {},
        "digits_segmenter": {},
        "digits_in_the_wild": {"train": 1, "test": 1, "photograph": npconv.data.Photograph(LARGE, "", True)},
        "MaskSettings": {},
        "RecipeSettings": {},
        "evaluate": {"network": SMALL, "x": IMAGES, "labels": LABELS},
        "evaluate_detector": {"network": DETECTOR, "x": SCENES.x_test, "boxes": SCENES.boxes_test,
                              "labels": SCENES.labels_test},
        "evaluate_multi_task": {"network": BOTH, "x": SCENES.x_test, "boxes": SCENES.boxes_test,
                                "labels": SCENES.labels_test, "masks": SCENES.masks_test},
        "evaluate_segmenter": {"network": SEGMENTER, "x": MASKED.x_test, "masks": MASKED.masks_test},
        "exponential": {"rate": 0.1, "every": 10},
        "fitted_boxes": {"boxes": SCENES.boxes_train, "image_size": (64, 64), "maps": 2},
        "multi_task_for": {"image_shape": (16, 16, 1), "classes": 11, "boxes": SCENES.boxes_train},
        "multi_task_step": {"network": BOTH, "optimizer": training.SGD(BOTH.params), "x": SCENES.x_train,
                            "boxes": SCENES.boxes_train, "labels": SCENES.labels_train, "masks": SCENES.masks_train,
                            "learning_rate": 0.1},
        "network_for": {"image_shape": (8, 8, 1), "classes": 10},
        "read_detection_task": {"path": "nowhere.npz"},
        "read_multi_task": {"path": "nowhere.npz"},
        "read_segmentation_task": {"path": "nowhere.npz"},
        "read_task": {"path": "nowhere.npz"},
        "read_trained": {"folder": FOLDER.name},
        "scattered_digits": {"train": 100, "test": 30, "photograph": npconv.data.Photograph(PHOTOGRAPH, "", True)},
        "segmentation_step": {"network": SEGMENTER, "optimizer": training.SGD(SEGMENTER.params), "x": MASKED.x_train,
                              "masks": MASKED.masks_train, "learning_rate": 0.1},
        "segmenter_for": {"image_shape": (16, 16, 1), "classes": 11},
        "smooth_labels": {"labels": LABELS, "classes": 10, "smoothing": 0.1},
        "standardized": {"task": TASK},
        "train": {"network": SMALL, "task": TASK, "optimizer": training.SGD(SMALL.params),
                  "schedule": training.constant(0.1), "steps": 1, "batch_size": 4},
        "train_detector": {"network": DETECTOR, "task": SCENES, "optimizer": training.SGD(DETECTOR.params),
                           "schedule": training.constant(0.1), "steps": 1, "batch_size": 1},
        "train_multi_task": {"network": BOTH, "task": SCENES, "optimizer": training.SGD(BOTH.params),
                             "schedule": training.constant(0.1), "steps": 1, "batch_size": 1},
        "train_recipe": {"kind": "ssdlite", "task": SCENES, "settings": training.RecipeSettings(),
                         "folder": FOLDER.name},
        "train_segmenter": {"network": SEGMENTER, "task": MASKED, "optimizer": training.SGD(SEGMENTER.params),
                            "schedule": training.constant(0.1), "steps": 1, "batch_size": 1},
        "train_small": {"task": TASK, "settings": training.RunSettings(), "folder": FOLDER.name},
        "training_step": {"network": SMALL, "optimizer": training.SGD(SMALL.params), "x": IMAGES, "labels": LABELS,
                          "classes": 10, "learning_rate": 0.1, "smoothing": 0.1},
        "variant_network": {"variant": "none", "blocks": 2, "stem_channels": 100},
    },
    bench: {
        "TimedBlock": {"side": 4, "in_channels": 3, "out_channels": 5},
        "TimedLayer": {"kind": "pointwise", "group": "", "side": 4, "in_channels": 3, "out_channels": 5},
        "as_json": {}, "machine": {},
        "measure": {"layer": bench.TimedLayer("pointwise", "", 4, 3, 5, 1), "batch": 2, "rounds": 1},
        "measure_block": {"block": bench.TimedBlock(4, 3, 5), "batch": 2, "rounds": 1},
        "measure_inference": {"batch": 1, "resolution": 32, "rounds": 1},
        "measure_detector": {"batch": 2, "rounds": 1},
        "measure_multi_task": {"batch": 2, "rounds": 1},
        "measure_network": {"side": 8, "batch": 2, "rounds": 1},
        "measure_separable": {"layer": bench.TimedLayer("separable", "", 5, 3, 4), "batch": 2, "rounds": 1},
        "summary": {"rows": []},
    },
}  # fmt: skip

RECORDS = {  # results, which the package makes, and protocols
    models: "ActivationMemory BneckRow CountedPart DeepLabV3 DeepLabV3Options Explanation Explanations LRASPP "
    "LRASPPOptions MemoryRow MobileNet MultiTask Row SSDLite SSDLiteOptions Segmenter SeparableRow Specification "
    "Summary SummaryRow ToolCount",
    figures: "Figure",
    steps: "Boxes Counting Grouped Panel Side Step Stepper SumOfProducts",
    checks: "Case Proof",
    detection: "Found MeanAveragePrecision PrecisionRecall SSDLossStages",
    training: "DetectionHistory DetectionTask History MultiTaskHistory Optimizer SegmentationHistory SegmentationTask "
    "Task Trained TrainedNetwork",
    bench: "Block KernelTime Layer Pass Row Saving Step StepTime",
}
IN_KERNELS = {
    name for name in names_of(cost) if name != "count_operations"
}  # tests/kernels/test_signatures.py has them

NAN, INF = float("nan"), float("inf")
HUGE = [10**400, 10**5000]  # beyond floats, and beyond what Python prints
INTS = [True, np.True_, 1.5, "1", [1], NAN, -1, np.int8(-1), *HUGE]
SHAPES = [3, "3", {3}, (2, 3.0), (2, True), (2, None), (2, -1), (2, 10**400), (10**5000,)]
WRONG: dict[Any, list[Any]] = {  # by annotation
    int: [*INTS, LARGEST + 1],
    int | np.random.Generator: [*INTS, LARGEST_SEED + 1],
    float: [True, np.True_, "1", 1j, [1.0], NAN, INF, np.float32("nan"), -1, 1e308, *HUGE],
    bool: ["no", "", 0, 1, 0.5, [True]],
    str: [3, b"standard", ["standard"], np.ones(2)],
    str | int: [True, 1.5, -1, "nosuch", *HUGE],
    str | Path: [3, ["x"]],
    Pair: [True, 1.5, "1", (1, 1.5), (1, True), [[1]], 0, -1, (), (1,), (1, -1), (1, 2, 3), LARGEST + 1, (1, 10**400),
           HUGE[1]],
    Padding: [True, 1.5, "full", (0.5, 1), ((0, 1), (2, 1.5)), -1, (1,), ((1, 1),), [[1]], LARGEST + 1,
              ((0, 10**400), (0, 0)), HUGE[1]],
    tuple[int, int]: [3, "12", (1,), (1, 2.5), (1, True), (1, -1), (1, 2, 3), (1, 10**400), (HUGE[1], 1)],
    Sequence[int]: SHAPES,
    tuple[int, ...]: SHAPES,
    Array: [3, "x", [1.0], np.array(["x"])],
    Pair | Array: [True, 1.5, "1", (1, True), 0, -1, (1, 2, 3), LARGEST + 1, HUGE[1], np.array(["x"])],
    Array | Sequence[int]: [*SHAPES, np.array(["x"])],
    int | Array: [True, 1.5, "1", [1.0], 0, -1, LARGEST + 1, *HUGE, np.array(["x"])],
}  # fmt: skip
WRONG[int | tuple[int, int]] = WRONG[Pair]
OTHERS = [3, "nosuch"]  # for layers, mappings, functions, sequences of them
FREE = {"weights", "group", "name", "data"}  # words of the user's own
BEYOND = {"seed": LARGEST_SEED + 1}  # what is too large for an int, where that is not LARGEST


class Case(NamedTuple):
    """One function with its row."""

    module: Any
    name: str

    @property
    def call(self) -> Callable[..., Any]:
        return getattr(self.module, self.name)

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.call).parameters

    @property
    def row(self) -> dict[str, Any]:
        return ROWS[self.module][self.name]

    def run(self, **changed: Any) -> Any:
        """The result of the valid call, with some arguments changed."""
        signature, given = inspect.signature(self.call), self.row | changed
        if self.module is STEPS:
            return steps.stepper(self.name, **given)
        bound = inspect.BoundArguments(signature, {name: given[name] for name in self.parameters if name in given})
        return self.call(*bound.args, **bound.kwargs)


CASES = [Case(module, name) for module, rows in ROWS.items() for name in rows]
NAMES = {name for module in (npconv, *ROWS) for name in names_of(module)}


def cases(chosen=lambda case: True):
    return pytest.mark.parametrize("case", [case for case in CASES if chosen(case)], ids=lambda case: case.name)


def wrong_values(parameter: inspect.Parameter) -> list[Any]:
    """What no parameter of that annotation takes."""
    kinds = [kind for kind in get_args(parameter.annotation) if kind is not NoneType]
    optional = len(kinds) < len(get_args(parameter.annotation))
    kind = functools.reduce(operator.or_, kinds) if optional else parameter.annotation
    values = WRONG.get(str if get_origin(kind) is Literal else kind, OTHERS)
    if parameter.kind is parameter.VAR_POSITIONAL:  # of arrays that are no numbers the kernel itself speaks
        values = [value for value in values if not isinstance(value, np.ndarray)]
    if parameter.name == "dtype":
        return ["int32", "nosuch", 3]
    if parameter.name == "dy" and not optional:
        return [None, "1", 1j, np.ones(2)]
    if parameter.name == "output_padding":  # the only pair that may be 0
        values = [value for value in values if type(value) is not int or value != 0]
    if parameter.name == "ignore":  # a label of the user's own
        return [value for value in values if value != -1]
    if kind is int and parameter.name in BEYOND:
        values = [*INTS, BEYOND[parameter.name]]
    if kind is str and parameter.name not in FREE:
        values = [*values, "nosuch"]
    return values if optional else [None, *values]


def found(case: Case, parameter: inspect.Parameter) -> Iterator[str]:
    """The wrong values that are accepted, or refused without the function's and the parameter's name."""
    for wrong in wrong_values(parameter):
        many = parameter.kind is parameter.VAR_POSITIONAL
        given = (wrong, *case.row[parameter.name][1:]) if many else wrong
        try:
            case.run(**{parameter.name: given})
        except (TypeError, ValueError, IndexError) as error:
            name, message = re.match(r"(\w*)(.*)", str(error), re.DOTALL).groups()
            if name in NAMES and re.search(rf"\b{parameter.name}\b", message):
                continue
            yield f"{parameter.name} = {shown(wrong):.60}: {type(error).__name__}: {error}"
        except Exception as error:
            yield f"{parameter.name} = {shown(wrong):.60}: {type(error).__name__}: {error}"
        else:
            yield f"{parameter.name} = {shown(wrong):.60}: accepted"


def test_the_table_has_every_public_function_and_class():
    for module, rows in ROWS.items():
        public = {name for name in names_of(module) if inspect.isroutine(getattr(module, name))}
        public |= {name for name in names_of(module) if issubclass(type(getattr(module, name)), type)}
        records = set(RECORDS.get(module, "").split())
        assert not rows.keys() & records
        assert rows.keys() | records == public - (IN_KERNELS if module is cost else set())


@cases()
def test_a_wrong_argument_is_refused_by_the_names_of_function_and_parameter(case):
    faults = []
    for parameter in case.parameters.values():
        if parameter.kind is not parameter.VAR_KEYWORD:
            faults += found(case, parameter)
    assert not faults


SLOW = {"train_small", "read_arrays", "read_task", "read_trained"}  # or in need of files
CHEAP = {"cost_by_layer", "cost_ratio", "separability", "standard_convolution"}  # of the figures


def in_numpy(value: Any) -> Any:
    """NumPy's ints, as small as they can be, for Python's."""
    if type(value) in (tuple, list):
        return type(value)(map(in_numpy, value))
    if type(value) is int:
        return np.uint8(value) if 0 <= value < 256 else np.int64(value)
    return value


def leaves(value: Any) -> Iterator[Any]:
    """All the numbers, words and arrays that a result holds."""
    if isinstance(value, np.ndarray):
        yield value.dtype, value.shape, value.tolist() if value.dtype == object else value.tobytes()
    elif isinstance(value, Mapping):
        yield from leaves(list(value.items()))
    elif isinstance(value, (tuple, list, GeneratorType)):
        for each in value:
            yield from leaves(each)
    elif isinstance(value, figures.Figure):
        yield from leaves([value.data, value.alt, value.caption])
    elif type(value).__module__.startswith("npconv") and hasattr(value, "__dict__"):
        yield from leaves(vars(value))
    elif isinstance(value, (str, float, int, np.generic, Fraction, NoneType)):
        yield value


def in_leaves(kind: type, value: Any) -> bool:
    return any(isinstance(leaf, kind) for leaf in leaves(value))


def is_quick(case: Case) -> bool:
    return case.name in CHEAP or (case.module not in (bench, figures) and case.name not in SLOW)


@cases(is_quick)
def test_small_ints_of_numpy_give_what_pythons_give_and_come_out_as_pythons(case):
    given = {name: parameter.default for name, parameter in case.parameters.items()} | case.row
    small = {name: in_numpy(value) for name, value in given.items()}
    small = {
        name: value for name, value in small.items() if any(isinstance(leaf, np.integer) for leaf in leaves(value))
    }
    if not small:
        pytest.skip("takes no ints")
    expected, result = (list(leaves(case.run(**copy.deepcopy(case.row | changed)))) for changed in ({}, small))
    assert result == expected
    assert not in_leaves(np.integer, result)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(NETWORK, (100, 32, 32, 3)), (layers.GlobalAveragePool(), (100, 9, 9, 3)), (layers.ReLU(), (2, 3)),
     (layers.BatchNorm(3), (100, 3)), (layers.InvertedResidual(100, 100), (1, 9, 9, 100))],
)  # fmt: skip
def test_a_layers_cost_is_of_pythons_ints(layer, shape):
    cost = layer.cost(in_numpy(shape))
    assert cost == layer.cost(shape)
    assert not in_leaves(np.integer, cost)
    for wrong in (None, 3, (2, 3.0), (2, -1), (10**400,)):
        with pytest.raises((TypeError, ValueError), match=f"^{type(layer).__name__}.cost: input_shape must"):
            layer.cost(wrong)
