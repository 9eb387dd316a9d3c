"""Properties of npconv.segmentation, searched for counter-examples, and other libraries' numbers where installed."""

import numpy as np
import plain_masks
import pytest
from hypothesis import given, strategies as st
from segmentation_guards import random_masks

from npconv import segmentation

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.tuples(*[st.integers(1, 5)] * 3)
IGNORED = st.sampled_from([255, -1, 0, 2])


@given(SEEDS, SHAPES, st.integers(1, 5), IGNORED, st.floats(0, 1), st.sampled_from([None, 0.25, 6]))
def test_the_loss_and_its_gradient_are_those_of_plain_loops(seed, shape, classes, ignore, share, divisor):
    logits, labels = random_masks(seed, shape, classes, share, ignore)
    options = {"ignore": ignore, "divisor": divisor}
    loss = segmentation.pixel_cross_entropy(logits, labels, **options)
    assert np.isclose(loss, plain_masks.cross_entropy(logits, labels, **options), rtol=1e-13, atol=1e-14)
    gradient = segmentation.pixel_cross_entropy_backward(0.5, logits, labels, **options)
    assert np.allclose(gradient, plain_masks.gradient(0.5, logits, labels, **options), rtol=1e-12, atol=1e-14)
    assert np.allclose(gradient.sum(axis=-1), 0, atol=1e-14)  # shares sum to 1, as labels do


@given(SEEDS, SHAPES, st.integers(1, 5), IGNORED, st.floats(0, 1))
def test_the_measures_are_those_of_plain_loops(seed, shape, classes, ignore, share):
    logits, truth = random_masks(seed, shape, classes, share, ignore)
    predicted = logits.argmax(axis=-1)
    matrix = segmentation.confusion_matrix(truth, predicted, classes, ignore=ignore)
    assert matrix.tolist() == plain_masks.confusion(truth, predicted, classes, ignore)
    ious = segmentation.intersection_over_union(truth, predicted, classes, ignore=ignore)
    assert np.array_equal(ious, plain_masks.ious(truth, predicted, classes, ignore), equal_nan=True)


@given(SEEDS, SHAPES, st.integers(1, 5), IGNORED)
def test_no_pixel_order_and_no_new_class_changes_the_measures(seed, shape, classes, ignore):
    logits, truth = random_masks(seed, shape, classes, ignore=ignore)
    predicted = logits.argmax(axis=-1)
    ious = segmentation.intersection_over_union(truth, predicted, classes, ignore=ignore)
    order = np.random.default_rng(seed).permutation(truth.size)
    shuffled = segmentation.intersection_over_union(
        truth.ravel()[order], predicted.ravel()[order], classes + 2, ignore=ignore
    )
    assert np.array_equal(shuffled[:classes], ious, equal_nan=True)
    assert np.isnan(shuffled[classes:]).all()
    elsewhere = np.where(truth == ignore, (predicted + 1) % classes, predicted)
    assert np.array_equal(
        segmentation.intersection_over_union(truth, elsewhere, classes, ignore=ignore), ious, equal_nan=True
    )


@given(SEEDS, SHAPES, st.integers(2, 5))
def test_iou_is_symmetric_and_1_for_a_prediction_that_is_right(seed, shape, classes):
    logits, truth = random_masks(seed, shape, classes, ignored=0)
    predicted = logits.argmax(axis=-1)
    one, other = (
        segmentation.intersection_over_union(*pair, classes) for pair in ((truth, predicted), (predicted, truth))
    )
    assert np.array_equal(one, other, equal_nan=True)
    right = segmentation.intersection_over_union(truth, truth, classes)
    assert np.nanmin(right) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_gives_the_same_loss_and_the_same_gradient(dtype):
    torch = pytest.importorskip("torch")
    bound = 4 * np.finfo(dtype).eps
    for seed in range(4):
        logits, labels = random_masks(seed)
        logits = logits.astype(dtype)
        theirs = torch.tensor(logits.transpose(0, 3, 1, 2), requires_grad=True)
        loss = torch.nn.functional.cross_entropy(theirs, torch.tensor(labels), ignore_index=255)
        (gradient,) = torch.autograd.grad(loss, theirs)
        assert np.isclose(segmentation.pixel_cross_entropy(logits, labels), loss.item(), rtol=bound)
        ours = segmentation.pixel_cross_entropy_backward(1.0, logits, labels)
        assert np.allclose(ours.transpose(0, 3, 1, 2), gradient.numpy(), rtol=bound, atol=bound / 8)
