"""SSDLite with the names that TensorFlow has for the arrays of its ssdlite_mobilenet_v2.

`tests/real_networks` compares a trained network of these names with TensorFlow itself.
"""

import numpy as np
import pytest
from undrawn import undrawn

from npconv.models import (
    MobileNet,
    SSDLite,
    export_weights,
    from_weights,
    load_weights,
    mobilenet_v1,
    mobilenet_v2,
    ssdlite,
    weight_names,
)
from npconv.models.weights import recognise

# names and shapes in a published file with two classes, from a graph that TensorFlow froze
PUBLISHED = {
    "MobilenetV2/Conv/weights": (3, 3, 3, 32),
    "MobilenetV2/expanded_conv_16/project/BatchNorm/moving_variance": (320,),
    "MobilenetV2/Conv_1/weights": (1, 1, 320, 1280),
    "MobilenetV2/layer_19_1_Conv2d_2_1x1_256/weights": (1, 1, 1280, 256),
    "MobilenetV2/layer_19_2_Conv2d_2_3x3_s2_512_depthwise/depthwise_weights": (3, 3, 256, 1),
    "MobilenetV2/layer_19_2_Conv2d_2_3x3_s2_512/weights": (1, 1, 256, 512),
    "MobilenetV2/layer_19_2_Conv2d_2_3x3_s2_512/BatchNorm/gamma": (512,),
    "MobilenetV2/layer_19_1_Conv2d_4_1x1_128/BatchNorm/moving_mean": (128,),
    "MobilenetV2/layer_19_2_Conv2d_5_3x3_s2_128/weights": (1, 1, 64, 128),
    "BoxPredictor_0/ClassPredictor_depthwise/depthwise_weights": (3, 3, 576, 1),
    "BoxPredictor_0/ClassPredictor_depthwise/BatchNorm/beta": (576,),
    "BoxPredictor_0/ClassPredictor/weights": (1, 1, 576, 6),
    "BoxPredictor_0/BoxEncodingPredictor/biases": (12,),
    "BoxPredictor_1/BoxEncodingPredictor/weights": (1, 1, 1280, 24),
    "BoxPredictor_5/ClassPredictor/biases": (12,),
}


def small(classes=3, seed=0, width=0.1, **options):
    """A narrow detector with random numbers, the statistics too."""
    with undrawn():
        detector = ssdlite(mobilenet_v2(width, 5), classes, **options)
    rng = np.random.default_rng(seed)
    detector.load_arrays({n: rng.uniform(0.5, 1.5, a.shape).astype(a.dtype) for n, a in detector.arrays().items()})
    return detector


def whole(arrays):
    """The names as TensorFlow's files have them."""
    return {f"FeatureExtractor/{name}" if name.startswith("Mobilenet") else name: a for name, a in arrays.items()}


def equal(a, b):
    return a.arrays().keys() == b.arrays().keys() and all(
        np.array_equal(x, b.arrays()[n]) for n, x in a.arrays().items()
    )


def test_names_and_shapes_are_the_published_ones():
    with undrawn():
        detector = ssdlite(mobilenet_v2(), 2)
    arrays = export_weights(detector)
    assert len(arrays) == 404
    assert PUBLISHED.items() <= {name: a.shape for name, a in arrays.items()}.items()
    assert not any("Logits" in name for name in arrays)
    assert weight_names(detector)["BoxPredictor_2/ClassPredictor/biases"] == "class_3.pointwise.bias"
    names = weight_names(detector, "slim")
    assert names["MobilenetV2/layer_19_2_Conv2d_3_3x3_s2_256/BatchNorm/beta"] == "extra_2.expand_norm.shift"
    assert names["BoxPredictor_1/BoxEncodingPredictor_depthwise/depthwise_weights"] == "box_2.depthwise.kernel"


def test_from_weights_builds_the_detector_or_its_backbone():
    for source in (small(3), small(7, 1, 0.35), small(2, 2).folded()):
        arrays = whole(export_weights(source, "slim"))
        assert recognise(arrays).architecture == "ssdlite on mobilenet_v2"
        model = from_weights(arrays)
        assert isinstance(model, SSDLite)
        assert model.options == source.options
        assert equal(model, source)
        backbone = from_weights(arrays, classifier=False)
        assert isinstance(backbone, MobileNet)
        assert list(backbone.layers)[-1] == "pool"
        assert equal(backbone, source.network)


def test_codes_stay_in_their_order():
    arrays = export_weights(small())
    assert np.array_equal(
        arrays["BoxPredictor_0/BoxEncodingPredictor/biases"], small().arrays()["box_1.pointwise.bias"]
    )


def test_a_built_detector_takes_them():
    arrays, other = whole(export_weights(small(seed=1))), small(seed=2)
    load_weights(other, arrays)
    assert equal(other, small(seed=1))
    few = small(5)
    load_weights(few, arrays, classifier=False)
    own = {name for name in few.arrays() if name.startswith("class_") and "pointwise" in name}
    for name, a in few.arrays().items():
        assert np.array_equal(a, (small(5) if name in own else other).arrays()[name]), name
    network = mobilenet_v2(0.1, 9)
    load_weights(network, arrays, classifier=False)
    assert all(np.array_equal(network.arrays()[name], a) for name, a in other.network.arrays().items())
    narrow = small(extras=(8, 6), boxes="tensorflow", seed=3)  # channels that no published detector has
    load_weights(twin := small(extras=(8, 6)), whole(export_weights(narrow)))
    assert equal(twin, narrow)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            lambda: small(4),
            r"BoxPredictor_0/ClassPredictor/weights must be .*; build the model with classes=3, or keep",
        ),
        (lambda: small(boxes="torchvision"), r"; build the model with boxes='tensorflow'$"),
        (lambda: small().folded(), None),
        (lambda: mobilenet_v2(0.1), r"slim's ssdlite on mobilenet_v2; classifier=False takes its backbone, ssdlite\("),
        (lambda: mobilenet_v2(0.1, conventions="timm"), r"slim's ssdlite on mobilenet_v2; build it by ssdlite\("),
        (lambda: small(conventions="timm"), r"the model has the padding and batch normalisation of keras and timm"),
        (lambda: small(first="block_13"), "first map is the expansion in a block; got a model with first='block_13'$"),
        (lambda: ssdlite(mobilenet_v1(0.1), 3), "slim has no ssdlite on mobilenet_v1"),
    ],
)
def test_other_models_are_refused_with_advice(model, words):
    arrays = whole(export_weights(small(seed=1)))
    if words is None:
        load_weights(model(), arrays)
        return
    with pytest.raises(ValueError, match=rf"^load_weights: .*{words}"):
        load_weights(model(), arrays, **({"naming": "slim"} if "slim has no" in words else {}))


def test_what_cannot_be_built_is_said():
    arrays = whole(export_weights(small(seed=1)))
    with pytest.raises(
        ValueError, match=r"^from_weights: conventions must be 'keras' for a detector's arrays; got 'timm'"
    ):
        from_weights(arrays, conventions="timm")
    del arrays["BoxPredictor_3/ClassPredictor/biases"]
    with pytest.raises(ValueError, match=r"^from_weights: .*missing BoxPredictor_3/ClassPredictor/biases \(18,\)"):
        from_weights(arrays)
