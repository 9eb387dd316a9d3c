"""MobileNetV1 and V2 of transformers, by recorded names and outputs."""

import functools
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numbers_by_name import array, images, shadows
from undrawn import undrawn

from npconv.models import export_weights, from_weights, load_weights, mobilenet_v1, mobilenet_v2

RECORDED = json.loads(Path(__file__).with_name("transformers.json").read_text(encoding="utf-8"))
SEED, CLASSES = RECORDED["seed"], RECORDED["classes"]
CASES = pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: f"v{case['version']} {case['options']}")


def loaded(case):
    """The network of a case with the numbers of `numbers_by_name` under transformers' names. Not to be changed."""
    return _loaded(RECORDED["cases"].index(case))


@functools.cache
def _loaded(number):
    case = RECORDED["cases"][number]
    build = {1: mobilenet_v1, 2: mobilenet_v2}[case["version"]]
    with undrawn():
        network = build(classes=CLASSES, **case["ours"])
    arrays = {name: array(name, a.shape, SEED) for name, a in export_weights(network, "transformers").items()}
    load_weights(network, arrays)
    return network, arrays


def furthest(network, case):
    """The largest distance of the maps' products with random directions from those that were recorded."""
    x = images(tuple(case["images"]), SEED)
    maps = network.features(x, [name for name in case["maps"] if name != "logits"] + ["classifier"])
    maps["logits"] = maps["classifier"]
    return {name: abs(np.subtract(shadows(name, maps[name], SEED), of)).max() for name, of in case["maps"].items()}


@CASES
def test_names_shapes_and_order_are_transformers_own(case):
    _, arrays = loaded(case)
    lines = "\n".join(f"{name} {a.shape}" for name, a in arrays.items())
    assert [len(arrays), hashlib.sha256(lines.encode()).hexdigest()[:16]] == case["names"]


@CASES
def test_maps_and_logits_are_transformers_own(case):
    network, arrays = loaded(case)
    assert max(furthest(network, case).values()) < 1e-4
    if "output_stride" not in case["ours"]:  # which no array shows
        found = from_weights(arrays)
        assert found.specification.conventions == "keras"
        assert max(furthest(found, case).values()) < 1e-4


def test_the_padding_and_epsilon_of_torchvision_or_of_kerass_v1_give_other_logits():
    even = next(case for case in RECORDED["cases"] if case["ours"] == {"width": 0.75} and case["version"] == 2)
    odd = next(case for case in RECORDED["cases"] if "padding" in case["ours"])
    for case, build, options in ((even, mobilenet_v2, {"conventions": "timm"}), (odd, mobilenet_v1, {"padding": None})):
        network, _ = loaded(case)
        other = build(classes=CLASSES, **(case["ours"] | options))
        other.load_arrays(network.arrays())
        assert furthest(other, case)["logits"] > 0.05
