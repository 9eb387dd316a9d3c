"""Arguments that a figure can't be drawn of are refused by name; those of a wrong kind are tried for all functions."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made import GONE, made_gpu, made_gradients, made_results, made_savings, made_subspaces, spoiled

from npconv.figures import (
    Figure,
    bottleneck_table,
    cost_by_layer,
    cost_ratio,
    feature_subspaces,
    gradient_flow,
    hard_swish,
    linear_bottleneck_training,
    mobilenet_v2_table,
    mobilenet_v3_table,
    predicted_and_measured,
    relu_information_loss,
    residual_blocks,
    separability,
)

RESULTS, SUBSPACES = made_results(seeds=3, evaluations=3), made_subspaces()
GRADIENTS, SAVINGS, GPU = made_gradients(), made_savings(), made_gpu()
THIN = {"narrow": (1, 28, 28, 1), "expand": (1, 6), "depthwise": (3, 3, 6), "project": (6, 1)}


def run(name: str, to: Any) -> Any:
    """The made results with another entry of one run."""
    return spoiled(RESULTS, "runs", 5, name, to=to)


def on_gpu(*path: Any, to: Any = GONE) -> dict[str, Any]:
    """The made savings, and a GPU's run with another entry, or without it."""
    return {"measurements": SAVINGS, "gpu": spoiled(GPU, *path, to=to)}


# The argument that is wrong is the first one, and the words stand in the message after the function's name.
REFUSED: dict[Callable[..., Figure], list[tuple[Any, str]]] = {
    bottleneck_table: [
        ({"x": (2, 56, 56, 24)}, "x must be one image"),
        ({"expand": (32, 144)}, "expand must be"),
        ({"depthwise": (3, 3, 24)}, "depthwise must be"),
        ({"project": (144, 0)}, "project must have every axis at least 1"),
        ({"project": (144, 24), "stride": 1, "padding": "valid"}, "padding must keep"),
        ({"x": (1, 2, 2, 24), "padding": "valid"}, "would be empty"),
        ({"x": (1, 56, 56, 1), "expand": (1, 144)}, "thick"),
    ],
    residual_blocks: [
        ({"x": (2, 28, 28, 256)}, "x must be one image"),
        ({"narrow": (2, 28, 28, 24)}, "narrow must be one image"),
        ({"reduce": (128, 64)}, "reduce must be"),
        ({"expand": (32, 144)}, "narrow as x.*expand must be"),
        ({"project": (0, 24)}, "project must have every axis at least 1"),
        ({"padding": "valid"}, "padding must keep"),
        (THIN, "the inverted residual's input, .28, 28, 1.*thick"),
        ({"narrow": (1, 2, 2, 24), "x": (1, 224, 224, 256)}, "the inverted residual's input.*high"),
    ],
    cost_by_layer: [
        ({"rows": ()}, "rows must be of 1 to 40 blocks; got 0"),
        ({"rows": [(1, 8, 41, 1)]}, "rows must be of 1 to 40 blocks; got 41"),
    ],
    mobilenet_v2_table: [
        ({"rows": [(1, 8, 1, 1)] * 25, "width": 0.1}, "rows must be at most 24"),
        ({"resolution": 10**8, "width": 0.35}, "too wide to draw"),
    ],
    mobilenet_v3_table: [
        ({"size": "medium"}, "size must be one of large, small; got 'medium'"),
        ({"resolution": 10**8, "size": "small"}, "too wide to draw"),
    ],
    cost_ratio: [
        ({"kernel_sizes": ()}, "kernel_sizes"),
        ({"depth_multipliers": (1, 2, 3, 4, 5)}, "depth_multipliers"),
        ({"out_channels": (4, 2)}, "out_channels"),
        ({"out_channels": (4,)}, "out_channels"),
    ],
    separability: [
        ({"kernel_size": 8}, "kernel_size"),
        ({"in_channels": 0}, "in_channels"),
        ({"repeats": 0}, "repeats"),
        ({"out_channels": ()}, "out_channels"),
        ({"out_channels": (8, 8)}, "out_channels"),
        ({"out_channels": (1, 2, 3, 4, 5)}, "out_channels"),
        ({"kernels": {}}, "kernels"),
        ({"kernels": {"a": np.ones((3, 3, 2))}}, "kernels"),
        ({"kernels": {"a": np.zeros((3, 3, 2, 4))}}, "kernels"),
        ({"kernels": {"a": np.full((3, 3, 2, 4), np.nan)}}, "kernels"),
        ({"kernels": {"a label that is much too long to be drawn": np.ones((3, 3, 2, 4))}}, "kernels"),
    ],
    relu_information_loss: [
        ({"dimensions": ()}, "dimensions"),
        ({"dimensions": (1, 2, 3, 4, 5, 6, 7)}, "dimensions"),
        ({"dimensions": (0, 2)}, "dimensions"),
        ({"dimensions": (3, 2)}, "dimensions"),
        ({"dimensions": (2, 129)}, "dimensions"),
        ({"points": np.zeros((0, 2))}, "points"),
        ({"points": np.ones((4, 3))}, "points"),
        ({"points": np.ones(2)}, "points"),
        ({"points": np.ones((2001, 2))}, "points"),
        ({"points": np.array([[1.0, np.nan]])}, "points"),
        ({"points": np.array([[1.0, 1.0], [0.0, 0.0]])}, "points.*row 1"),
        ({"scales": (1,)}, "scales"),
        ({"scales": (2, 1)}, "scales"),
        ({"scales": (0, 1)}, "scales"),
        ({"scales": (1, math.nan)}, "scales"),
        ({"draws": 0}, "draws"),
        ({"draws": 10_001}, "draws"),
    ],
    feature_subspaces: [
        ({}, "measured must have 'settings'"),
        (spoiled(SUBSPACES, "separable", 1, "kept"), r"separable'\]\[1\] must have accuracy.*missing kept"),
        (spoiled(SUBSPACES, "separable", 1, "trained", 0, to=[1 / 36 * i for i in range(1, 9)]), "falling shares"),
        (spoiled(SUBSPACES, "separable", 1, "untrained", 0, 0, to=1.5), "falling shares"),
        (spoiled(SUBSPACES, "separable", 1, "kept", "random", 0, to=[0.5] * 5), r"\(3, 4\) accuracies"),
        (spoiled(SUBSPACES, "separable", 1, to=made_subspaces(blocks=2)["separable"][1]), "one size"),
        (spoiled(SUBSPACES, "inverted", 1, "places", "filtered", "trained"), "filtered, trained"),
        (spoiled(SUBSPACES, "inverted", 1, "places", "filtered", "trained", "95 %", to=[2] * 5), "one depth"),
        (spoiled(SUBSPACES, "settings", "steps"), "steps"),
        (made_subspaces(blocks=5), "4 blocks at the most"),
    ],
    gradient_flow: [
        (spoiled(GRADIENTS, "settings", to={"steps": 1}), "must have channels, expansion, gradient_images"),
        (spoiled(GRADIENTS, "untrained", 1, "blocks"), r"untrained'\]\[1\].*missing blocks"),
        (spoiled(GRADIENTS, "trained", 1, "accuracy"), r"trained'\]\[1\].*missing accuracy"),
        (spoiled(GRADIENTS, "untrained", 1, "variant", to="relu6"), "linear, none; got 'relu6'"),
        (spoiled(GRADIENTS, "untrained", 1, "norms", to=[[0.0, 1.0]]), "norms above 0"),
        (spoiled(GRADIENTS, "untrained", 1, "norms", to=[[2.0, 3.0]]), "the last 1"),
        (spoiled(GRADIENTS, "trained", 1, "norms", to={"before": [2.0, 1.0]}), "before and after"),
        (spoiled(GRADIENTS, "trained", 1, "norms", to={"before": [2.0, 1.0], "after": [2.0, 1.0]}), "one depth"),
        (spoiled(GRADIENTS, "untrained", to=GRADIENTS["untrained"][:4]), "batch_norm=False, fans='p"),
        (spoiled(GRADIENTS, "untrained", to=GRADIENTS["untrained"][:8]), "fans='keras'"),
        (spoiled(GRADIENTS, "trained", to=GRADIENTS["trained"][:3]), "both networks"),
    ],
    hard_swish: [
        ({"x": np.array([1.0])}, r"x must be 2 to 10,000 numbers on one axis; got x \(1,\)"),
        ({"x": np.ones((2, 2))}, "x must be 2 to 10,000"),
        ({"x": np.array([0.0, 2.0, 1.0])}, "x must grow"),
        ({"x": np.array([0.0, np.nan])}, "x must grow"),
        ({"x": np.array([0.0, 101.0])}, "x must grow"),
        ({"x": np.array([0.0, 0.4])}, "x must grow"),
    ],
    linear_bottleneck_training: [
        (spoiled(RESULTS, "data"), "must have 'data'"),
        (spoiled(RESULTS, "runs", to=[]), r"\['runs'\] must be a list of runs; got \[\]"),
        (spoiled(RESULTS, "seeds", to="100"), r"\['seeds'\] must be a list of seeds; got '100'"),
        (spoiled(RESULTS, "seeds", to=[100, 101, 100]), r"\['seeds'\] must be ints, each once"),
        (spoiled(RESULTS, "settings", "blocks"), "missing blocks"),
        (spoiled(RESULTS, "settings", "momentum", to="high"), "missing momentum"),
        (spoiled(RESULTS, "runs", -1), "missing none with seed 102"),
        (
            spoiled(RESULTS, "runs", 4, to=RESULTS["runs"][3]),
            r"\['runs'\]\[4\] must be of another .*'relu6', 100",
        ),
        (spoiled(RESULTS, "runs", 5, to=3), r"\['runs'\]\[5\] must be a run, a dict; got 3"),
        (spoiled(RESULTS, "runs", 5, "test_accuracy"), r"\['runs'\]\[5\] .* missing test_accuracy"),
        (run("variant", "relu"), r"\['runs'\]\[5\] .* got 'relu' with 102"),
        (run("seed", 7), r"\['runs'\]\[5\] .* got 'relu6' with 7"),
        (run("step", [200, 400]), "a list of steps, as ints, that ends with 600"),
        (run("step", [200, 400.0, 600]), "a list of steps, as ints"),
        (run("step", [400, 200, 600]), "growing steps"),
        (run("step", [100, 400, 600]), r"the steps of the first run, \[200, 400, 600\]"),
        (run("test_accuracy", [0.1, 0.2]), "a test_accuracy for each of 3 steps"),
        (run("test_accuracy", [0.1, 0.2, 63.0]), "test_accuracy from 0 to 1"),
        (run("test_accuracy", [0.1, 0.2, -0.1]), "test_accuracy from 0 to 1"),
        (run("test_accuracy", [0.1, 0.2, math.nan]), "test_accuracy from 0 to 1"),
    ],
    predicted_and_measured: [
        (spoiled(SAVINGS, "separable"), "must have 'separable'"),
        (spoiled(SAVINGS, "separable", 1, "bytes"), r"\[1\] must have .*missing bytes"),
        (spoiled(SAVINGS, "separable", 1, "ratios", to={"npconv": 0.5}), r"\[1\] must have ratios of limit, npconv"),
        (spoiled(SAVINGS, "separable", 1, "flops_per_byte", "standard", to=0.0), r"\[1\] must have numbers above 0"),
        (spoiled(SAVINGS, "separable", 1, "ratios", "torch"), "the same functions"),
        (spoiled(SAVINGS, "separable", 1, "block", to="a very long name of a layer" * 3), "of shorter names; got 4"),
        ({"measurements": SAVINGS, "batch": 3}, "batch must be one of 2, 5; got 3"),
        (on_gpu("limits"), "gpu must have 'limits'"),
        (on_gpu("limits", 1, "gflops"), r"gpu\['limits'\]\[1\] must have .*missing gflops"),
        (on_gpu("limits", 1, "gflops", to=math.nan), r"gpu\['limits'\]\[1\] must have .*numbers above 0"),
        (on_gpu("limits", 1, "dtype", to="float8"), r"\[1\] must have a dtype of float32, bfloat16"),
        (on_gpu("separable", 1, "bytes"), r"gpu\['separable'\]\[1\] must have .*missing bytes"),
        (on_gpu("separable", 1, "ratios", "npconv", to=0.5), r"\[1\] must have ratios of limit and torch"),
        (on_gpu("separable", 1, "ratios", "torch", to=-1.0), r"gpu\['separable'\]\[1\] must have numbers above 0"),
        (on_gpu("separable", to=GPU["separable"][:3]), "gpu must have the 4 layers of measurements, in float32 and bf"),
        ({"measurements": made_savings(layers=3), "gpu": GPU}, "gpu must have the 3 layers of .*; got 16 other or"),
        ({"measurements": SAVINGS, "gpu": GPU, "gpu_batch": 3}, "gpu_batch must be one of 2, 5; got 3"),
        ({"measurements": SAVINGS, "gpu_batch": 2}, "gpu_batch must come with gpu; got gpu_batch 2 alone"),
    ],
}
STORED = {
    feature_subspaces: "measured",
    gradient_flow: "measured",
    linear_bottleneck_training: "results",
    predicted_and_measured: "measurements",
}


def refused(build: Callable[..., Figure], given: Any, error: type[Exception], words: str) -> None:
    name = STORED.get(build)
    with pytest.raises(error, match=f"{build.__name__}.*{words}"):
        build(**(given if name is None or name in given else {name: given}))


@pytest.mark.parametrize("build", REFUSED)
def test_what_cannot_be_drawn_is_refused(build: Callable[..., Figure]) -> None:
    for given, words in REFUSED[build]:
        refused(build, given, ValueError, words)


def test_what_is_of_a_wrong_kind_is_refused() -> None:
    for build, name in STORED.items():
        refused(build, {name: []}, TypeError, f"{name} must be a (mapping|dict).*got list")
    refused(predicted_and_measured, {"measurements": SAVINGS, "gpu": []}, TypeError, "gpu must be a mapping.*got list")
    refused(hard_swish, {"x": np.array([0, 1j])}, TypeError, "x must be an ndarray of real numbers; got complex")
    for points in (np.ones((3, 2), bool), np.ones((3, 2), complex)):
        refused(relu_information_loss, {"points": points}, TypeError, "points")
    for kernels in ({"a": np.ones((3, 3, 2, 4), complex)}, {1: np.ones((3, 3, 2, 4))}, np.ones((3, 3, 2, 4))):
        refused(separability, {"kernels": kernels}, TypeError, "kernels")
