"""A detector and a segmentation network on one backbone: the numbers of both, from one pass."""

import numpy as np
import pytest
from segmenter_guards import check_numbers_of_the_two_apart
from ssdlite_guards import BOXES, check_gradients, images, network, with_random_numbers

from npconv.models import Inference, deeplab_v3, lr_aspp, multi_task, ssdlite, summary

SIZE = (32, 48)


def detector_on(base, first=None):
    return ssdlite(base, 3, extras=(6, 4), boxes=BOXES, first=first)


def both_with(first=None, head=lr_aspp, **options):
    base = network()
    own = {"filters": 6} | ({"rates": (2,)} if head is deeplab_v3 else {"low": 4}) | options
    return with_random_numbers(multi_task(detector_on(base, first), head(base, 5, **own)))


CASES = {
    "LR-ASPP": {},
    "DeepLab": {"head": deeplab_v3},
    "one map for both": {"first": "block_2", "high": "last_relu6"},
    "maps in one block": {"first": "block_4.depthwise", "low": "block_4.expand", "high": "block_4.depthwise_relu6"},
    "the segmenter's maps first": {"low": "block_1", "high": "block_3.depthwise_norm", "first": "block_3"},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
@pytest.mark.parametrize("training", [False, True])
def test_the_numbers_are_those_of_the_two_apart(options, training):
    check_numbers_of_the_two_apart(both_with(**options), images(), training)


@pytest.mark.parametrize("options", list(CASES.values())[:3], ids=list(CASES)[:3])
def test_the_gradients_are_the_derivatives(options):
    check_gradients(both_with(**options), images())


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_inference_and_copies_are_the_same_function(options):
    own, x = both_with(**options), images()
    y = own.forward(x)
    for twin in (own.folded(), own.folded().folded(), own.copy(), Inference(own), Inference(own.folded())):
        np.testing.assert_allclose(twin.forward(x), y, rtol=0, atol=1e-11)
    assert np.array_equal(own.segmenter.segment(x), own.split(y, SIZE)[1].argmax(axis=-1))
    twin = own.copy()
    assert twin.segmenter.params["network.stem.kernel"] is twin.detector.params["network.stem.kernel"]
    assert all(twin.segmenter.params[name] is twin.params[name] for name in twin.segmenter.params)
    assert not any(twin.params[name] is a for name, a in own.params.items())


def test_the_backbone_is_computed_and_counted_once():
    own, shape = both_with(), (3, *SIZE, 2)
    passes = []
    stem = own.layers["network"].layers["stem"]
    stem.forward = lambda x, training=False: passes.append(x) or type(stem).forward(stem, x, training)
    own.forward(images())
    assert len(passes) == 1
    del stem.forward
    parts, cost = {part: getattr(own, part).cost(shape) for part in ("detector", "segmenter")}, own.cost(shape)
    shared = own.segmenter.network.cost(shape)
    assert list(cost.parts) == list(own.layers)
    for what in ("macs", "additions", "params"):
        apart = sum(getattr(part, what) for part in parts.values())
        assert getattr(cost, what) == apart - getattr(shared, what)
    told = summary(own, shape)
    assert (told.macs, told.params, told.output_shape) == (cost.macs, cost.params, cost.output_shape)


def test_what_has_no_common_backbone_or_another_shape_is_refused():
    base = network()
    one, other = detector_on(base), lr_aspp(base, 5, low=4)
    for segmenter in (lr_aspp(network(), 5, low=4), lr_aspp(base.copy(), 5, low=4), other.folded()):
        with pytest.raises(
            ValueError, match="multi_task: segmenter must stand on the detector's MobileNet; got one with"
        ):
            multi_task(one, segmenter)
    with pytest.raises(TypeError, match="multi_task: detector must be a SSDLite; got LRASPP"):
        multi_task(other, one)
    with pytest.raises(TypeError, match="multi_task: segmenter must be a Segmenter; got SSDLite"):
        multi_task(one, one)
    own = multi_task(one, other)
    with pytest.raises(RuntimeError, match=r"MultiTask\.backward: there was no forward"):
        own.backward(np.zeros((3, 7)))
    y = own.forward(images())
    with pytest.raises(
        ValueError, match=r"MultiTask\.backward: dy must be \(3, 9598\) for images of 32×48; got \(3, 9"
    ):
        own.backward(y[:, 1:])
    with pytest.raises(ValueError, match=r"MultiTask\.backward: dy must be \(3, 9598\) .* got \(2, 9598\)"):
        own.backward(y[1:])
    with pytest.raises(
        ValueError, match=r"MultiTask\.split: y must be \(B, \d+\) for images of 40×48; got \(3, 9598\)"
    ):
        own.split(y, (40, 48))
    for size in ((32,), (32, 48, 1)):
        with pytest.raises(ValueError, match=r"MultiTask\.split: image_size must be \(height, width\)"):
            own.split(y, size)
    small, least = (1, 7, 32, 2), r"x must be images of at least 8×8, the network's stride; got \(1, 7, 32, 2\)"
    for method, arguments in (("forward", [np.zeros(small)]), ("cost", [small]), ("split", [y, (7, 32)])):
        with pytest.raises(ValueError, match=rf"MultiTask\.{method}: {least}"):
            getattr(own, method)(*arguments)
    own.forget()
    with pytest.raises(RuntimeError):
        own.backward(y)
