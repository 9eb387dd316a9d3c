"""SSDLite with torchvision's names and numbers: what its ssdlite320_mobilenet_v3_large gives, live and recorded.

Limits, as shares of an array's size. Float64 against the numbers that were recorded to eleven digits: 1e-9; against
torchvision itself, where it is installed: 1e-10 at any place of a map, a box or a gradient. Float32: 1e-4. After steps
of SGD rounding has grown, on maps of one position the most: 1e-5.
"""

import functools
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numbers_by_name import array, uniform
from undrawn import undrawn

from npconv import resize_bilinear
from npconv.detection import ssd_loss_backward, ssd_loss_stages, ssd_targets
from npconv.models import (
    MobileNet,
    SSDLite,
    export_weights,
    from_weights,
    load_weights,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    ssdlite,
    weight_names,
)
from npconv.models.weights import recognise
from npconv.training import SGD

RECORDED = json.loads(Path(__file__).with_name("ssdlite.json").read_text(encoding="utf-8"))
SEED = 1
RECORDED_FLOAT64, LIVE_FLOAT64, FLOAT32, AFTER_STEPS = 1e-9, 1e-10, 1e-4, 1e-5
NORM = {"epsilon": 1e-3, "momentum": 0.97, "unbiased": True}
X_FIRST = [1, 0, 3, 2]  # torchvision's left, top, right, bottom, and tx, ty, tw, th
LARGEST = np.log(1000 / 16)  # to which it cuts the codes of heights and widths


def built(classes, width, dtype=np.float64, **options):
    """Our network for torchvision's arrays."""
    own = {"reduced_tail": True, "conventions": "torchvision", "batch_norm": NORM, "dtype": dtype}
    return ssdlite(mobilenet_v3("large", width, **own), classes, **{"boxes": "torchvision", **options})


def number(name, shape, codes=1):
    """An array of torchvision's network; the codes of the boxes are made so many times as large."""
    of_codes = name.startswith("head.regression_head") and name.endswith(".1.weight") and len(shape) == 4
    return array(name, shape, SEED) * (codes if of_codes else 1)


def with_numbers(case, dtype=np.float64):
    with undrawn():
        detector = built(case["classes"], case["width"], dtype)
    load_weights(
        detector, {n: number(n, a.shape, case["codes"]).astype(dtype) for n, a in export_weights(detector).items()}
    )
    return detector


def images(case):
    """The images as torchvision's transform gives them to the network: from −1 to 1, brought to one size."""
    each = (uniform(f"image {i}", (1, *size, 3), SEED, 0, 1) for i, size in enumerate(case["images"]))
    return np.concatenate([resize_bilinear(2 * image - 1, tuple(case["size"])) for image in each])


def detected(case, dtype=np.float64):
    """Maps, default boxes, logits and codes, and what was found on each image, in torchvision's order."""
    detector, x = with_numbers(case, dtype), images(case).astype(dtype)
    *_, last = detector.network.layers
    maps = list(detector.network.features(x, (detector.options.first, last)).values())
    for name in detector.extras:
        maps.append(detector.layers[name].forward(maps[-1]))
    logits, codes = detector.split(detector.forward(x))
    arrays = {str(number): a for number, a in enumerate(maps)}
    arrays |= {"cls_logits": logits, "bbox_regression": codes[..., X_FIRST]}
    arrays["anchors"] = detector.anchors(case["size"])[:, X_FIRST]
    for i, (found, size) in enumerate(zip(detector.detect(x, largest=LARGEST), case["images"], strict=True)):
        to_image = np.tile(np.divide(size, case["size"]), 2)
        arrays |= {f"boxes {i}": (found.boxes * to_image)[:, X_FIRST]}
        arrays |= {f"scores {i}": found.scores, f"labels {i}": found.labels}
    return arrays


def trained(case):
    """The loss's parts before the first step, their gradients, the running statistics after it, and further losses."""
    detector, x = with_numbers(case), images(case)
    boxes = [np.array(each, float).reshape(-1, 4)[:, X_FIRST] for each in case["boxes"]]
    labels = [np.array(each, np.int64) for each in case["labels"]]
    targets = ssd_targets(detector.anchors(case["size"]), boxes, labels)
    optimizer, arrays, losses = SGD(detector.params, momentum=case["momentum"]), {}, []
    for step in range(case["steps"] + 1):
        given = (*detector.split(detector.forward(x, training=True)), *targets)
        stages = ssd_loss_stages(*given)
        losses.append([stages.box, stages.classes])
        if step == case["steps"]:
            break
        detector.backward(np.concatenate(ssd_loss_backward(1.0, *given), axis=-1))
        if not step:
            gradients = detector.copy()
            gradients.load_arrays({**detector.grads, **detector.state})
            arrays = export_weights(gradients)
        optimizer.step(detector.grads, case["rate"])
    return arrays | {"losses": np.array(losses)}


detected_once, trained_once = (functools.cache(lambda number: detected(RECORDED["detecting"][number])),
                               functools.cache(lambda: trained(RECORDED["training"])))  # fmt: skip


def shrunk(name, a, count=2):
    """What record_ssdlite keeps of an array."""
    a = np.asarray(a, np.float64)
    if a.size <= 8:
        return a.ravel().tolist()
    products = [(a * uniform(f"{name} {i}", a.shape, SEED)).sum() for i in range(count)]
    return [float((a**2).mean() ** 0.5), *(float(product / (a.size / 3) ** 0.5) for product in products)]


def furthest(arrays, recorded, least=0.0):
    """The largest distance of what is kept of an array, as a share of its size or of the least size that counts."""
    assert recorded.keys() <= arrays.keys()
    return max(
        np.abs(np.subtract(shrunk(name, arrays[name]), kept)).max() / max(np.abs(kept).max(), least)
        for name, kept in recorded.items()
    )


# What was recorded


@pytest.mark.parametrize("number", range(2), ids=lambda i: f"{RECORDED['detecting'][i]['classes']} classes")
def test_maps_boxes_and_detections_are_torchvisions(number):
    arrays, case = detected_once(number), RECORDED["detecting"][number]
    assert furthest(arrays, case["arrays"]) < RECORDED_FLOAT64
    for i, first in enumerate(case["first"]):
        for name, kept in first.items():
            np.testing.assert_allclose(arrays[f"{name} {i}"][:3], kept, rtol=1e-9, atol=1e-9)


def test_in_float32_they_are_as_near_as_rounding():
    case = RECORDED["detecting"][1]
    assert furthest(detected(case, np.float32), case["arrays"]) < FLOAT32


def test_loss_gradients_and_running_statistics_are_torchvisions():
    """Of a bias before a normalisation the gradient is 0: rounding stays below the other gradients' size."""
    arrays, recorded = trained_once(), RECORDED["training"]["arrays"]
    assert len(recorded) == len(arrays) == 406 + 1
    gradients = {name: kept for name, kept in recorded.items() if name != "losses"}
    assert furthest(arrays, gradients, least=1e-3) < RECORDED_FLOAT64
    np.testing.assert_allclose(arrays["losses"][0], recorded["losses"][:2], rtol=RECORDED_FLOAT64)


def test_three_steps_of_sgd_give_the_same_losses():
    losses, recorded = trained_once()["losses"].ravel(), RECORDED["training"]["arrays"]["losses"]
    np.testing.assert_allclose(losses, recorded, rtol=AFTER_STEPS)
    assert losses[-2:].sum() < 0.95 * losses[:2].sum()


# Torchvision itself


@pytest.fixture(scope="module")
def live():
    try:
        import torchvision  # noqa: F401
    except Exception:
        pytest.skip("torchvision is not installed, or does not load")
    sys.path.insert(0, str(Path(__file__).parent))
    import record_ssdlite
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    yield record_ssdlite
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("number", range(2))
def test_live_every_number_is_torchvisions(live, number):
    arrays, theirs = detected_once(number), live.detected(RECORDED["detecting"][number])
    assert arrays.keys() == theirs.keys()
    for name, a in theirs.items():
        assert np.abs(arrays[name] - a).max() < LIVE_FLOAT64 * np.abs(a).max(), name


def test_live_every_gradient_is_torchvisions(live):
    arrays, theirs = trained_once(), live.trained(RECORDED["training"])
    assert arrays.keys() == theirs.keys()
    for name, a in theirs.items():
        limit = AFTER_STEPS if name == "losses" else LIVE_FLOAT64
        assert np.abs(arrays[name] - a).max() < limit * max(np.abs(a).max(), 1), name


# Names


@pytest.mark.parametrize(("classes", "width", "count", "params", "lines"), RECORDED["names"])
def test_names_shapes_and_order_are_torchvisions(classes, width, count, params, lines):
    with undrawn():
        detector = built(classes, width, np.float32)
    arrays = export_weights(detector)
    text = "\n".join(f"{name} {a.shape}" for name, a in arrays.items())
    assert [len(arrays), sum(a.size for a in detector.params.values())] == [count, params]
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == lines
    assert sorted(weight_names(detector).values()) == sorted(detector.arrays())
    assert recognise(arrays) == ("ssdlite on mobilenet_v3", "torchvision", 1)


def small(classes=7, seed=None, **options):
    with undrawn():
        detector = built(classes, 0.35, np.float32, extras=(8, 8, 6, 4), **options)
    if seed is not None:
        load_weights(detector, {name: array(name, a.shape, seed) for name, a in export_weights(detector).items()})
    return detector


def equal(detector, other):
    own, theirs = detector.arrays(), other.arrays()
    return own.keys() == theirs.keys() and all(np.array_equal(a, theirs[name]) for name, a in own.items())


def test_names_stand_for_the_layers_that_they_name():
    detector = small(seed=1)
    arrays, names = export_weights(detector), weight_names(detector)
    for theirs, ours in [
        ("backbone.features.0.0.0.weight", "network.stem.kernel"),
        ("backbone.features.0.4.block.2.fc2.bias", "network.block_4.squeeze_excite.expand_bias"),
        ("backbone.features.0.13.1.weight", "network.block_13.expand_norm.scale"),
        ("backbone.features.1.0.1.0.weight", "network.block_13.depthwise.kernel"),
        ("backbone.features.1.0.2.fc1.weight", "network.block_13.squeeze_excite.reduce"),
        ("backbone.features.1.0.3.1.running_var", "network.block_13.project_norm.variance"),
        ("backbone.features.1.1.block.0.0.weight", "network.block_14.expand.kernel"),
        ("backbone.features.1.3.1.bias", "network.last_norm.shift"),
        ("backbone.extra.1.0.0.weight", "extra_2.reduce.kernel"),
        ("backbone.extra.3.2.1.running_mean", "extra_4.expand_norm.mean"),
        ("head.classification_head.module_list.0.0.0.weight", "class_1.depthwise.kernel"),
        ("head.classification_head.module_list.5.1.bias", "class_6.pointwise.bias"),
        ("head.regression_head.module_list.2.0.1.weight", "box_3.depthwise_norm.scale"),
        ("head.regression_head.module_list.2.1.weight", "box_3.pointwise.kernel"),
    ]:
        assert names[theirs] == ours
        assert arrays[theirs].size == detector.arrays()[ours].size


def test_the_codes_of_a_box_change_their_order():
    detector = small()
    detector.params["box_2.pointwise.bias"][...] = np.arange(24)  # ty tx th tw of six boxes
    detector.params["box_2.pointwise.kernel"][...] = np.arange(24)
    arrays = export_weights(detector)
    for ending in ("bias", "weight"):
        theirs = arrays[f"head.regression_head.module_list.1.1.{ending}"].reshape(24, -1)[:, 0]
        assert theirs[:8].tolist() == [1, 0, 3, 2, 5, 4, 7, 6]  # tx ty tw th
    other = small(seed=2)
    load_weights(other, arrays)
    assert equal(other, detector)


# Into a network and out of it


def test_decorated_partial_and_folded_arrays_load():
    detector = small(seed=1)
    arrays = export_weights(detector)
    checkpoint = {"epoch": 3, "model": {f"module.{name}": a for name, a in arrays.items()}}
    checkpoint["model"]["module.backbone.features.0.0.1.num_batches_tracked"] = np.array(3)
    for given in (arrays, checkpoint):
        other = small()
        load_weights(other, given)
        assert equal(other, detector)
    folded = detector.folded()
    in_one = export_weights(folded)
    extra = {name for name in arrays if name.startswith("backbone.extra")}
    half = {name: a for name, a in arrays.items() if name not in extra}
    half |= {name: a for name, a in in_one.items() if name.startswith("backbone.extra")}
    for given in (arrays, in_one, half):
        other = small().folded()
        load_weights(other, given)
        assert equal(other, folded)


def test_other_classes_keep_their_own_last_convolutions():
    detector, other = small(7, seed=1), small(3, seed=2)
    before = {name: a.copy() for name, a in other.arrays().items()}
    arrays = export_weights(detector)
    with pytest.raises(
        ValueError, match=r"build the model with classes=7, or keep its own classifier with classifier=F"
    ):
        load_weights(other, arrays)
    assert all(np.array_equal(a, before[name]) for name, a in other.arrays().items())
    load_weights(other, arrays, classifier=False)
    own = {name for name in before if name.startswith("class_") and ".pointwise." in name}
    assert len(own) == 12
    for name, a in other.arrays().items():
        assert np.array_equal(a, before[name] if name in own else detector.arrays()[name]), name


def test_without_heads_for_classes_a_models_own_stay():
    detector, other = small(7, seed=1), small(3, seed=2)
    before = {name: a.copy() for name, a in other.arrays().items()}
    arrays = {name: a for name, a in export_weights(detector).items() if "classification" not in name}
    load_weights(other, arrays, classifier=False)
    for name, a in other.arrays().items():
        assert np.array_equal(a, before[name] if name.startswith("class_") else detector.arrays()[name]), name


def test_a_mobilenet_takes_the_backbone_alone():
    detector = small(seed=1)
    network = mobilenet_v3("large", 0.35, 9, reduced_tail=True, conventions="torchvision", batch_norm=NORM)
    arrays = export_weights(detector)
    load_weights(network, arrays, classifier=False)
    for name, a in detector.network.arrays().items():
        assert np.array_equal(network.arrays()[name], a), name
    other = small()
    load_weights(other.network, export_weights(network), classifier=False)
    assert all(np.array_equal(a, detector.network.arrays()[name]) for name, a in other.network.arrays().items())
    with pytest.raises(ValueError, match=r"features\.13\.block\.3\.0\.weight must be"):
        load_weights(mobilenet_v3("large", 0.35, 9, conventions="torchvision"), arrays, classifier=False)


def test_from_weights_builds_the_detector_or_its_backbone():
    x = np.random.default_rng(0).standard_normal((1, 64, 96, 3), dtype=np.float32)
    for classes, source in ((7, small(7, seed=1)), (2, small(2, seed=2).folded())):
        model = from_weights(export_weights(source))
        assert isinstance(model, SSDLite)
        assert (model.classes, model.options.extras, model.options.batch_norm) == (classes, (8, 8, 6, 4), NORM)
        assert equal(model, source)
        assert np.array_equal(model.forward(x), source.forward(x))
        backbone = from_weights(export_weights(source), classifier=False)
        assert isinstance(backbone, MobileNet)
        assert list(backbone.layers)[-1] == "pool"
        np.testing.assert_allclose(backbone.forward(x), source.network.forward(x).mean((1, 2)), atol=1e-5)
    norms = {
        layer.momentum for layer in from_weights(export_weights(small(seed=1))).leaves() if hasattr(layer, "momentum")
    }
    assert norms == {0.97}


REFUSED = [
    (lambda: ssdlite(mobilenet_v1(0.1), 2), {}, "keras has no ssdlite on mobilenet_v1$"),
    (
        lambda: ssdlite(mobilenet_v2(0.1), 2), {},
        "the arrays are of another network than the model, torchvision's ssdlite on mobilenet_v3; build it by ssdlite",
    ),
    (
        lambda: ssdlite(mobilenet_v3("small", 0.1), 2), {},
        "the arrays are of another network than the model, torchvision's ssdlite on mobilenet_v3; build it by ssdlite",
    ),
    (lambda: small(first="block_12"), {}, "first map is the expansion in a block; got a model with first='block_12'$"),
    (lambda: small(heads="full"), {}, "no family has weights of ssdlite on mobilenet_v3 with standard convolutions$"),
    (
        lambda: small(conventions="keras"), {"naming": "torchvision"},
        "the model has the padding and batch normalisation of torchvision and keras, with which",
    ),
    (small, {"classifier": "head"}, "classifier must be a bool for a model without one; got 'head'$"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options", "words"), REFUSED)
def test_a_detector_that_torchvision_does_not_have_is_refused(make, options, words):
    with pytest.raises(ValueError, match=f"^load_weights: .*{words}"):
        load_weights(make(), export_weights(small()), **options)


def test_what_cannot_be_built_is_said():
    arrays = export_weights(small(seed=1))
    with pytest.raises(
        ValueError, match=r"^from_weights: conventions must be 'torchvision' for a detector's arrays; got"
    ):
        from_weights(arrays, conventions="keras")
    with pytest.raises(
        ValueError, match=r"^export_weights: keras has no ssdlite on mobilenet_v3; build the model by mob"
    ):
        export_weights(ssdlite(mobilenet_v3("small", 0.1), 2))
    with pytest.raises(ValueError, match=r"^from_weights: classifier must be a bool for a detector's arrays; got 'fc'"):
        from_weights(arrays, classifier="fc")
    del arrays["backbone.extra.2.1.1.bias"]
    with pytest.raises(
        ValueError, match=r"^from_weights: the arrays don't fit: missing backbone.extra.2.1.1.bias \(3,\)$"
    ):
        from_weights(arrays)
