"""Segmentation networks with the names and numbers of torchvision and transformers, live and recorded.

The limits are those of test_ssdlite_torchvision.py: float64 against what was recorded 1e-9, against the libraries
themselves 1e-10 at any place, float32 1e-4, as shares of an array's size.
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

from npconv.models import (
    LRASPP,
    DeepLabV3,
    MobileNet,
    deeplab_v3,
    export_weights,
    from_weights,
    load_weights,
    lr_aspp,
    mobilenet_v2,
    mobilenet_v3,
    ssdlite,
    weight_names,
)
from npconv.models.weights import recognise

RECORDED = json.loads(Path(__file__).with_name("segmentation.json").read_text(encoding="utf-8"))
SEED = 1
RECORDED_FLOAT64, LIVE_FLOAT64, FLOAT32 = 1e-9, 1e-10, 1e-4
OF_TORCH = {"epsilon": 1e-5, "momentum": 0.9, "unbiased": True}
OF_DEEPLAB = {"epsilon": 1e-5}


def built(case, dtype=np.float64, **options):
    """Our network for a case's arrays."""
    stride = case.get("output_stride", 16)
    if case["network"] == "transformers":
        network = mobilenet_v2(case["width"], output_stride=stride, dtype=dtype)
        own = {"rates": (), "batch_norm": OF_DEEPLAB}
        return deeplab_v3(network, case["classes"], **(own | options))
    network = mobilenet_v3("large", case["width"], output_stride=stride, conventions="torchvision", dtype=dtype)
    if case["network"] == "lraspp":
        return lr_aspp(network, case["classes"], **({"batch_norm": OF_TORCH} | options))
    own = {"rates": (12, 24, 36), "refine": True, "batch_norm": OF_TORCH}
    return deeplab_v3(network, case["classes"], **(own | options))


def naming_of(case):
    return "transformers" if case["network"] == "transformers" else "torchvision"


def with_numbers(case, dtype=np.float64, **options):
    with undrawn():
        model = built(case, dtype, **options)
    naming = naming_of(case)
    load_weights(model, {n: array(n, a.shape, SEED).astype(dtype) for n, a in export_weights(model, naming).items()})
    return model


def images(case, count):
    return np.stack([2 * uniform(f"image {i}", (*case["size"], 3), SEED, 0, 1) - 1 for i in range(count)])


def segmented(case, dtype=np.float64, model=None):
    """The map that the head takes, the scores at its own resolution, and the logits."""
    model, x = model or with_numbers(case, dtype), images(case, 2).astype(dtype)
    *_, last = model.network.layers
    [high] = model.network.features(x, (last,)).values()
    return {"high": high, "scores": model.scores(x), "logits": model.forward(x)}


def trained(case):
    """A step's logits, the gradients of their product with random numbers, and the running statistics after it."""
    model, x = with_numbers(case), images(case, 4)
    logits = model.forward(x, training=True)
    dx = model.backward(uniform("dy", logits.shape, SEED))
    gradients = model.copy()
    gradients.load_arrays({**model.grads, **model.state})
    return {"logits": logits, "dx": dx, **export_weights(gradients, naming_of(case))}


segmented_once = functools.cache(lambda number: segmented(RECORDED["segmenting"][number]))
trained_once = functools.cache(lambda number: trained(RECORDED["training"][number]))


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


def title(case):
    return f"{case['network']} {case['width']} {case['size']}"


# What was recorded

segmenting = pytest.mark.parametrize("number", range(6), ids=lambda i: title(RECORDED["segmenting"][i]))
training = pytest.mark.parametrize("number", range(3), ids=lambda i: title(RECORDED["training"][i]))


@segmenting
def test_maps_scores_and_logits_are_the_librarys(number):
    case = RECORDED["segmenting"][number]
    arrays = segmented_once(number)
    assert arrays["logits"].shape == (2, *case["size"], case["classes"])
    assert furthest(arrays, case["arrays"]) < RECORDED_FLOAT64


@training
def test_gradients_and_statistics_of_a_step_are_the_librarys(number):
    recorded = RECORDED["training"][number]["arrays"]
    size = np.sqrt(np.mean([kept[0] ** 2 for kept in recorded.values()]))
    assert furthest(trained_once(number), recorded, least=1e-3 * size) < RECORDED_FLOAT64


def test_in_float32_they_are_as_near_as_rounding():
    for number in (0, 3, 5):
        case = RECORDED["segmenting"][number]
        assert furthest(segmented(case, np.float32), case["arrays"]) < FLOAT32


def other(case, **options):
    """The network of a case with another option and the same numbers; of its network where it is one of that."""
    right = with_numbers(case)
    own = {name: options.pop(name) for name in ("padding", "epsilon", "stride") if name in options}
    with undrawn():
        if own:
            network = mobilenet_v2 if case["network"] == "transformers" else functools.partial(mobilenet_v3, "large")
            family = "keras" if case["network"] == "transformers" else "torchvision"
            trunk = network(
                case["width"], output_stride=own.get("stride", case.get("output_stride", 16)),
                conventions=own.get("padding", family), dtype=np.float64,
                batch_norm={"epsilon": own.get("epsilon", 1e-3), "momentum": 0.99, "unbiased": True},
            )  # fmt: skip
            build = lr_aspp if case["network"] == "lraspp" else deeplab_v3
            heads = {"lraspp": {}, "transformers": {"rates": ()}}
            more = heads.get(case["network"], {"rates": (12, 24, 36), "refine": True})
            norm = OF_DEEPLAB if case["network"] == "transformers" else OF_TORCH
            model = build(trunk, case["classes"], batch_norm=norm, conventions=family, **more)
        else:
            model = built(case, **options)
    model.load_arrays(right.arrays())
    return model


WRONG = [  # the case, and what is not as in the library
    (0, {"padding": "keras"}),
    (1, {"epsilon": 1e-5}),
    (1, {"batch_norm": {"epsilon": 1e-3}}),
    (1, {"stride": None}),
    (2, {"rates": (6, 12, 18)}),
    (2, {"rates": (12, 24, 35)}),
    (3, {"rates": (12, 24, 35)}),
    (3, {"rates": (12, 36, 24)}),
    (2, {"align": "corners"}),
    (2, {"conventions": "keras"}),
    (3, {"batch_norm": {"epsilon": 1e-3}}),
    (4, {"padding": "torchvision"}),
    (4, {"stride": 16}),
    (4, {"batch_norm": {"epsilon": 1e-3}}),
    (4, {"conventions": "torchvision"}),
    (5, {"align": "corners"}),
    (5, {"stride": 8}),
]


@pytest.mark.parametrize(("number", "options"), WRONG)
def test_another_setting_gives_other_logits(number, options):
    case = RECORDED["segmenting"][number]
    model = other(case, **options)
    logits = {"logits": model.forward(images(case, 2))}
    assert furthest(logits, {"logits": case["arrays"]["logits"]}) > 2 * FLOAT32


def test_a_low_map_at_another_block_of_the_same_shape_gives_other_logits():
    case = RECORDED["segmenting"][1]
    right = with_numbers(case)
    assert right.options.low == "block_4"
    model = built(case, low="block_5")
    model.load_arrays(right.arrays())
    logits = {"logits": model.forward(images(case, 2))}
    assert furthest(logits, {"logits": case["arrays"]["logits"]}) > 2 * FLOAT32


# The libraries themselves


@pytest.fixture(scope="module")
def live():
    try:
        import torchvision  # noqa: F401
        import transformers  # noqa: F401
    except Exception:
        pytest.skip("torchvision or transformers is not installed, or does not load")
    sys.path.insert(0, str(Path(__file__).parent))
    import record_segmentation
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    yield record_segmentation
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(threads)


@segmenting
def test_live_every_number_is_the_librarys(live, number):
    arrays, theirs = segmented_once(number), live.segmented(RECORDED["segmenting"][number])
    assert arrays.keys() == theirs.keys()
    for name, a in theirs.items():
        assert np.abs(arrays[name] - a).max() < LIVE_FLOAT64 * np.abs(a).max(), name


@training
def test_live_every_gradient_is_the_librarys(live, number):
    arrays, theirs = trained_once(number), live.trained(RECORDED["training"][number])
    assert theirs.keys() <= arrays.keys()
    assert arrays.keys() - theirs.keys() <= {name for name in arrays if "running" in name}  # of transformers
    size = np.sqrt(np.mean([(a**2).mean() for a in theirs.values()]))
    for name, a in theirs.items():
        assert np.abs(arrays[name] - a).max() < LIVE_FLOAT64 * max(np.abs(a).max(), size), name


# Names

NAMED = {
    "lraspp": [
        ("backbone.0.0.weight", "network.stem.kernel"),
        ("backbone.4.block.2.fc2.bias", "network.block_4.squeeze_excite.expand_bias"),
        ("backbone.13.block.1.1.weight", "network.block_13.depthwise_norm.scale"),
        ("backbone.16.1.running_var", "network.last_norm.variance"),
        ("classifier.cbr.0.weight", "reduce.conv.kernel"),
        ("classifier.cbr.1.bias", "reduce.conv_norm.shift"),
        ("classifier.scale.1.weight", "gate.dense.kernel"),
        ("classifier.low_classifier.weight", "low_scores.kernel"),
        ("classifier.high_classifier.bias", "high_scores.bias"),
    ],
    "deeplab": [
        ("backbone.16.0.weight", "network.last.kernel"),
        ("classifier.0.convs.0.1.weight", "pointwise.conv_norm.scale"),
        ("classifier.0.convs.2.0.weight", "atrous_2.conv.kernel"),
        ("classifier.0.convs.4.1.weight", "pool.dense.kernel"),
        ("classifier.0.convs.4.2.running_mean", "pool.dense_norm.mean"),
        ("classifier.0.project.0.weight", "project.conv.kernel"),
        ("classifier.1.weight", "refine.conv.kernel"),
        ("classifier.2.running_var", "refine.conv_norm.variance"),
        ("classifier.4.bias", "scores.bias"),
    ],
    "transformers": [
        ("mobilenet_v2.layer.15.reduce_1x1.convolution.weight", "network.block_17.project.kernel"),
        ("segmentation_head.conv_pool.convolution.weight", "pool.dense.kernel"),
        ("segmentation_head.conv_pool.normalization.bias", "pool.dense_norm.shift"),
        ("segmentation_head.conv_aspp.convolution.weight", "pointwise.conv.kernel"),
        ("segmentation_head.conv_projection.normalization.running_mean", "project.conv_norm.mean"),
        ("segmentation_head.classifier.convolution.weight", "scores.kernel"),
    ],
    "slim": [
        ("MobilenetV2/expanded_conv_16/project/weights", "network.block_17.project.kernel"),
        ("image_pooling/weights", "pool.dense.kernel"),
        ("image_pooling/BatchNorm/gamma", "pool.dense_norm.scale"),
        ("aspp0/weights", "pointwise.conv.kernel"),
        ("concat_projection/BatchNorm/moving_mean", "project.conv_norm.mean"),
        ("logits/semantic/biases", "scores.bias"),
    ],
}


@pytest.mark.parametrize(("network", "classes", "count", "params", "lines"), RECORDED["names"])
def test_names_and_shapes_are_the_librarys(network, classes, count, params, lines):
    case = {"network": network, "classes": classes, "width": 1.0}
    with undrawn():
        model = built(case, np.float32)
    arrays = export_weights(model, naming_of(case))
    text = "\n".join(sorted(f"{name} {a.shape}" for name, a in arrays.items()))
    assert [len(arrays), sum(a.size for a in model.params.values())] == [count, params]
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == lines
    names = weight_names(model, naming_of(case))
    assert sorted(names.values()) == sorted(model.arrays())
    architecture = f"{model.builder} on {model.network.specification.architecture}"
    assert recognise(arrays) == (architecture, naming_of(case), 1)


def small(network, classes=7, seed=None, dtype=np.float32, **options):
    """A narrow network of each naming."""
    case = {"network": "transformers" if network == "slim" else network, "classes": classes, "width": 0.35}
    more = {"align": "corners"} if network == "slim" else {}
    if network == "transformers":
        case["output_stride"] = 8
    with undrawn():
        model = built(case, dtype, filters=16, **(more | options))
    if seed is not None:
        naming = naming_for(network)
        load_weights(model, {n: array(n, a.shape, seed) for n, a in export_weights(model, naming).items()}, naming)
    return model


def naming_for(network):
    return network if network in ("slim", "transformers") else "torchvision"


networks = pytest.mark.parametrize("network", NAMED)


def equal(model, other):
    own, theirs = model.arrays(), other.arrays()
    return own.keys() == theirs.keys() and all(np.array_equal(a, theirs[name]) for name, a in own.items())


@networks
def test_names_stand_for_the_layers_that_they_name(network):
    model = small(network, seed=1)
    arrays, names = export_weights(model, naming_for(network)), weight_names(model, naming_for(network))
    for theirs, ours in NAMED[network]:
        assert names[theirs] == ours
        assert arrays[theirs].size == model.arrays()[ours].size
    kernels = {name: a.ndim for name, a in arrays.items() if names[name].endswith(".kernel")}
    assert set(kernels.values()) == {4}


# Into a network and out of it


@networks
def test_decorated_partial_and_folded_arrays_load(network):
    model, naming = small(network, seed=1), naming_for(network)
    arrays = export_weights(model, naming)
    unused = {
        "aux_classifier.0.weight": np.ones((10, 40, 3, 3)),
        "aux_classifier.4.bias": np.ones(21),
    }  # torchvision's, of the network as published
    if network == "transformers":
        unused = {
            "mobilenet_v2.conv_1x1.convolution.weight": np.ones((1280, 112, 1, 1)),
            "mobilenet_v2.conv_1x1.normalization.running_var": np.ones(1280),
        }
    if network == "slim":
        unused = {"global_step": np.array(3), "aspp0/weights/Momentum": np.ones((1, 1, 112, 16))}
    decorated = {f"module.{name}" if network != "slim" else f"{name}:0": a for name, a in {**arrays, **unused}.items()}
    checkpoint = decorated if network == "slim" else {"epoch": 3, "model": decorated}
    for given in (arrays, {**arrays, **unused}, checkpoint):
        twin = small(network)
        load_weights(twin, given)
        assert equal(twin, model)
    folded = model.folded()
    in_one = export_weights(folded, naming)
    of_head = ("segment", "classifier", "concat")
    half = {name: a for name, a in in_one.items() if not name.startswith(of_head)}
    half |= {name: a for name, a in arrays.items() if name.startswith(of_head)}
    for given in (arrays, in_one, half):
        twin = small(network).folded()
        load_weights(twin, given)
        for name, a in folded.arrays().items():
            np.testing.assert_allclose(twin.arrays()[name], a, rtol=1e-5, atol=1e-6, err_msg=name)


@networks
def test_other_classes_keep_their_own_last_convolutions(network):
    model, few = small(network, 7, seed=1), small(network, 3, seed=2)
    before = {name: a.copy() for name, a in few.arrays().items()}
    arrays = export_weights(model, naming_for(network))
    with pytest.raises(ValueError, match=r"build the model with classes=7, or keep its own classifier with classi"):
        load_weights(few, arrays)
    assert all(np.array_equal(a, before[name]) for name, a in few.arrays().items())
    load_weights(few, arrays, classifier=False)
    own = {name for name in before if "scores" in name}
    assert len(own) == (4 if network == "lraspp" else 2)
    for name, a in few.arrays().items():
        assert np.array_equal(a, before[name] if name in own else model.arrays()[name]), name


@networks
def test_a_mobilenet_takes_the_backbone_and_gives_one(network):
    model, naming = small(network, seed=1), naming_for(network)
    whole = functools.partial(mobilenet_v3, "large", conventions="torchvision")
    trunk = (whole if naming == "torchvision" else mobilenet_v2)(width=0.35, classes=9)
    before = {name: a.copy() for name, a in trunk.arrays().items()}
    arrays = export_weights(model, naming)
    load_weights(trunk, arrays, classifier=False)
    taken = model.network.arrays()
    for name, a in trunk.arrays().items():
        assert np.array_equal(a, taken.get(name, before[name])), name
    assert taken.keys() <= before.keys()
    with pytest.raises(ValueError, match=r"classifier=False takes its backbone, (lr_aspp|deeplab_v3)\(mobilenet_v"):
        load_weights(trunk, arrays)
    twin = small(network)
    given = export_weights(trunk, naming)
    with pytest.raises(ValueError, match=r"; load_weights\(model\.network, arrays, classifier=False\) takes them"):
        load_weights(twin, given)
    load_weights(twin.network, given, classifier=False)
    assert all(np.array_equal(a, taken[name]) for name, a in twin.network.arrays().items())


@networks
def test_from_weights_builds_the_network_or_its_backbone(network):
    kind = LRASPP if network == "lraspp" else DeepLabV3
    source, naming = small(network, 5, seed=1), naming_for(network)
    x = np.random.default_rng(0).standard_normal((1, 40, 208, 3), dtype=np.float32)
    for each in (source, source.folded()):
        model = from_weights(export_weights(each, naming))
        assert isinstance(model, kind)
        assert equal(model, each)
        assert np.array_equal(model.forward(x), each.forward(x))
        assert {**vars(model.options), "batch_norm": 0} == {**vars(source.options), "batch_norm": 0}
        assert model.network.specification.output_stride == (8 if network == "transformers" else 16)
        backbone = from_weights(export_weights(each, naming), classifier=False)
        assert isinstance(backbone, MobileNet)
        assert list(backbone.layers)[-1] == "pool"
        np.testing.assert_allclose(backbone.forward(x), each.network.forward(x).mean((1, 2)), rtol=1e-4, atol=1e-4)
    assert model.options.batch_norm["epsilon"] == 1e-5


def test_a_part_that_is_called_backbone_is_no_segmentation_network():
    network = mobilenet_v3("large", 0.35, 9, conventions="torchvision")
    arrays = {
        name.replace("features.", "backbone."): a
        for name, a in export_weights(network).items()
        if not name.startswith("classifier")
    }
    assert recognise(arrays)[:2] == ("mobilenet_v3", "torchvision")
    other = mobilenet_v3("large", 0.35, 4, conventions="torchvision")
    load_weights(other, arrays, classifier=False)
    assert np.array_equal(other.params["last.kernel"], network.params["last.kernel"])


REFUSED = [
    (lambda: small("deeplab"), "lraspp", {}, "torchvision's lr_aspp on mobilenet_v3; build it by lr_aspp"),
    (lambda: small("lraspp"), "deeplab", {}, "torchvision's deeplab_v3 on mobilenet_v3; build it by deeplab_v3"),
    (lambda: small("deeplab", refine=False), "deeplab", {}, "on mobilenet_v3 with refine=True; got a model with ref"),
    (
        lambda: small("transformers", rates=(6, 12)), "transformers", {"naming": "transformers"},
        r"transformers has names for a DeepLabv3 with rates=\(\); got a model with rates=\(6, 12\)",
    ),
    (lambda: ssdlite(mobilenet_v2(0.1), 2), "transformers", {}, "transformers's deeplab_v3 on mobilenet_v2; build it"),
    (
        lambda: lr_aspp(mobilenet_v2(0.1), 2), "lraspp", {"naming": "torchvision"},
        "torchvision has no lr_aspp on mobilenet_v2, and the model is one$",
    ),
    (
        lambda: small("deeplab", conventions="keras"), "deeplab", {"naming": "torchvision"},
        "the model has the padding and batch normalisation of torchvision and keras, with which",
    ),
    (lambda: small("lraspp"), "lraspp", {"classifier": "fc"}, "classifier must be a bool for a model without one"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "network", "options", "words"), REFUSED)
def test_a_network_that_the_family_does_not_have_is_refused(make, network, options, words):
    arrays = export_weights(small(network), naming_for(network))
    with pytest.raises(ValueError, match=f"^load_weights: .*{words}"):
        load_weights(make(), arrays, **options)


def test_what_cannot_be_built_is_said():
    arrays = export_weights(small("deeplab", seed=1))
    with pytest.raises(ValueError, match=r"conventions must be 'torchvision' for a segmentation network's arrays; got"):
        from_weights(arrays, conventions="keras")
    with pytest.raises(ValueError, match=r"classifier must be a bool for a segmentation network's arrays; got 'fc'"):
        from_weights(arrays, classifier="fc")
    del arrays["classifier.0.convs.2.1.bias"]
    with pytest.raises(ValueError, match=r"^from_weights: the arrays don't fit: missing classifier.0.convs.2.1.bias"):
        from_weights(arrays)
    with pytest.raises(ValueError, match=r"^export_weights: torchvision has no lr_aspp on mobilenet_v2"):
        export_weights(lr_aspp(mobilenet_v2(0.1, conventions="torchvision"), 2))
