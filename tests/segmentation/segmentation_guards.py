"""What guards npconv.segmentation: properties that its functions must have, as functions of a namespace of them.

The tests run them on npconv.segmentation; test_segmentation_guards.py also runs them on npconv.segmentation with one
mistake planted, and each must be caught.
"""

import math
from functools import partial
from itertools import product

import numpy as np
import plain_masks

from npconv.checks import check_backward

LN3 = math.log(3)


def close(a, b, bound=1e-14):
    assert np.shape(a) == np.shape(b), (np.shape(a), np.shape(b))
    assert np.allclose(a, b, rtol=0, atol=bound, equal_nan=True), (a, b)


def random_masks(seed, shape=(3, 4, 5), classes=6, ignored=0.3, ignore=255):
    """Logits and labels, of which some are ignored."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(shape) < ignored, ignore, rng.integers(0, classes, shape, np.int64))
    return rng.normal(0, 2, (*shape, classes)), labels


def known_losses(segmentation):
    """Zero logits have the loss ln C, whatever the labels and however many pixels are ignored."""
    loss = segmentation.pixel_cross_entropy
    zeros = np.zeros((1, 2, 2, 3))
    close(loss(zeros, np.array([[[0, 1], [2, 0]]])), LN3)
    close(loss(zeros, np.array([[[255, 1], [255, 255]]])), LN3)  # divided by the kept pixels
    close(loss(zeros, np.array([[[255, 1], [255, 2]]]), divisor=8), 2 * LN3 / 8)
    close(loss(zeros, np.array([[[255, 1], [255, 2]]]), divisor=0.5), 4 * LN3)
    close(loss(zeros, np.array([[[0, 1], [0, 2]]]), ignore=0), LN3)
    logits = np.array([[[[1.0, 2, 3], [0, 0, 0]]]])
    close(loss(logits, np.array([[[2, 255]]])), math.log(1 + math.exp(-1) + math.exp(-2)))
    close(loss(logits, np.array([[[0, 255]]])), 2 + math.log(1 + math.exp(-1) + math.exp(-2)))


def nothing_kept(segmentation):
    """All pixels ignored: a loss of 0 and no gradient, with a divisor of one's own too."""
    logits, _ = random_masks(0)
    for ignore, divisor in product((255, 3, -100), (None, 2.5)):
        labels = np.full(logits.shape[:3], ignore)
        options = {"ignore": ignore, "divisor": divisor}
        assert str(segmentation.pixel_cross_entropy(logits, labels, **options)) == "0.0"  # and not -0.0
        gradient = segmentation.pixel_cross_entropy_backward(3.0, logits, labels, **options)
        assert gradient.shape == logits.shape
        assert not gradient.any()


def losses(segmentation):
    for seed, (ignore, divisor) in enumerate(product((255, -1, 2, None), (None, 7.0))):
        logits, labels = random_masks(seed, ignored=0 if ignore is None else 0.3, ignore=ignore or 0)
        options = {"ignore": ignore, "divisor": divisor}
        close(
            segmentation.pixel_cross_entropy(logits, labels, **options),
            plain_masks.cross_entropy(logits, labels, **options),
            1e-13,
        )
        close(
            segmentation.pixel_cross_entropy_backward(-1.5, logits, labels, **options),
            plain_masks.gradient(-1.5, logits, labels, **options),
        )


def gradients(segmentation):
    """Backward is the gradient of forward, found by complex steps."""
    for seed, divisor in enumerate((None, 4.0)):
        logits, labels = random_masks(seed)
        check_backward(
            partial(of_logits, segmentation.pixel_cross_entropy, labels, divisor),
            partial(of_dy, segmentation.pixel_cross_entropy_backward, labels, divisor),
            logits,
        )


def of_logits(loss, labels, divisor, logits):
    return loss(logits, labels, divisor=divisor)


def of_dy(backward, labels, divisor, dy, logits):
    return backward(dy, logits, labels, divisor=divisor)


def ignored_logits(segmentation):
    """What the network says at an ignored pixel changes nothing, be it no number."""
    logits, labels = random_masks(1)
    broken = logits.copy()
    broken[labels == 255] = np.nan
    broken[0, :, :, 0][labels[0] == 255] = np.inf
    assert segmentation.pixel_cross_entropy(broken, labels) == segmentation.pixel_cross_entropy(logits, labels)
    backward = segmentation.pixel_cross_entropy_backward
    gradient = backward(1.0, broken, labels)
    assert np.array_equal(gradient, backward(1.0, logits, labels))
    assert not gradient[labels == 255].any()
    assert gradient[labels != 255].all()


def both_at_once(segmentation):
    for seed, (dtype, divisor) in enumerate(product((np.float16, np.float32, np.float64), (None, 9.0))):
        logits, labels = random_masks(seed)
        labels[0] = np.where(labels[0] == 255, 1, labels[0])  # an image without ignored pixels
        logits = logits.astype(dtype)
        loss, gradient = segmentation.loss.loss_and_gradient(logits, labels, 255, divisor)
        assert loss == segmentation.pixel_cross_entropy(logits, labels, divisor=divisor)
        assert loss.dtype == gradient.dtype == dtype
        expected = segmentation.pixel_cross_entropy_backward(1.0, logits, labels, divisor=divisor)
        assert np.array_equal(gradient, expected)
        out = np.full_like(logits, np.nan)
        segmentation.loss.loss_and_gradient(logits, labels, 255, divisor, out)
        assert np.array_equal(out, expected)


def many_pixels(segmentation):
    """More pixels than float16 has numbers, with its own precision where the result allows it."""
    logits = np.zeros((2, 300, 150, 3), np.float16)
    logits[..., 0] = -2
    labels = np.ones(logits.shape[:3], np.uint8)
    exact = math.log(2 + math.exp(-2))
    close(float(segmentation.pixel_cross_entropy(logits, labels)), exact, 5e-4)
    gradient = segmentation.pixel_cross_entropy_backward(np.float16(1000), logits, labels)
    expected = 1000 * np.array([math.exp(-2), 1, 1]) / (2 + math.exp(-2)) / 90_000 - [0, 1 / 90, 0]
    close(gradient[0, 0, 0].astype(np.float64), expected, 1e-5)
    ones = segmentation.confusion_matrix(labels, labels, 3)
    assert ones.tolist() == [[0, 0, 0], [0, 90_000, 0], [0, 0, 0]]


# the labels


def ranges(segmentation):
    """A label that is no class is refused, at a pixel that is kept."""
    logits = np.zeros((1, 1, 3, 4))
    for label, fits in ((3, True), (4, False), (-1, False), (254, False), (255, True)):
        labels = np.array([[[0, label, 0]]], np.int64)
        for call in (
            partial(segmentation.pixel_cross_entropy, logits, labels),
            partial(segmentation.pixel_cross_entropy_backward, 1.0, logits, labels),
            partial(segmentation.loss.loss_and_gradient, logits, labels, 255, None),
            partial(segmentation.confusion_matrix, labels, 0 * labels, 4),
            partial(segmentation.intersection_over_union, labels, 0 * labels, 4),
        ):
            assert is_taken(call) == fits, (label, call)
        of_found = partial(segmentation.confusion_matrix, 0 * labels, labels, 4)
        assert is_taken(of_found) == (label == 3), label
        at_ignored = partial(segmentation.confusion_matrix, np.array([[[0, 255, 0]]]), labels, 4)
        assert is_taken(at_ignored)


def is_taken(call):
    try:
        call()
    except ValueError:
        return False
    return True


def small_dtypes(segmentation):
    """Labels of few bits, and many classes."""
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 120, (2, 9, 11), np.int64)
    expected = plain_masks.confusion(truth, predicted, 120)
    for dtype in (np.uint8, np.int8, np.uint16, np.int32, np.uint64):
        found = segmentation.confusion_matrix(truth.astype(dtype), predicted.astype(dtype), 120)
        assert found.tolist() == expected
        assert found.dtype == np.int64


# the measures: truth, predicted, classes, and the classes' IoU

TRUTH, PREDICTED = np.array([0, 1, 2, 255, 1]), np.array([0, 1, 1, 2, 0])
KNOWN = {
    "Keras's example": (TRUTH, PREDICTED, 3, [1 / 2, 1 / 3, 0]),
    "a class that does not appear": (TRUTH, PREDICTED, 4, [1 / 2, 1 / 3, 0, math.nan]),
    "an ignored pixel is no false positive": ([0, 255], [0, 1], 2, [1, math.nan]),
    "a class that is only predicted": ([0, 0], [0, 1], 2, [1 / 2, 0]),
    "a class that is never predicted": ([0, 1], [0, 0], 2, [1 / 2, 0]),
    "nothing is right": ([0, 1], [1, 0], 2, [0, 0]),
    "all ignored": ([255, 255], [0, 1], 2, [math.nan, math.nan]),
    "no pixel": ([], [], 2, [math.nan, math.nan]),
    "two images count as one": ([[0, 0, 0, 0], [1, 1, 1, 0]], [[0, 0, 0, 1], [1, 1, 1, 0]], 2, [4 / 5, 3 / 4]),
}


def known_measures(segmentation):
    for truth, predicted, classes, expected in KNOWN.values():
        masks = np.array(truth, np.int64), np.array(predicted, np.int64)
        close(segmentation.intersection_over_union(*masks, classes), expected)
        matrix = segmentation.confusion_matrix(*masks, classes)
        close(segmentation.intersection_over_union_of(matrix), expected)
    for classes in (3, 4):
        mean = np.nanmean(segmentation.intersection_over_union(TRUTH, PREDICTED, classes))
        close(mean, 5 / 18)
    assert segmentation.confusion_matrix(TRUTH, PREDICTED, 3).tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]


def measures(segmentation):
    for seed, ignore in enumerate((255, 255, -7, 2, None)):
        shape = (2, 4, 7)
        _, truth = random_masks(seed, shape, 5, 0 if ignore is None else 0.3, ignore or 0)
        predicted = np.random.default_rng(seed + 9).integers(0, 4, shape, np.int64)  # the last class never
        given = truth, predicted, 6
        matrix = segmentation.confusion_matrix(*given, ignore=ignore)
        assert matrix.dtype == np.int64
        assert matrix.tolist() == plain_masks.confusion(*given, ignore)
        ious = segmentation.intersection_over_union(*given, ignore=ignore)
        expected = plain_masks.ious(*given, ignore)
        assert np.array_equal(ious, expected, equal_nan=True)
        parts = [segmentation.confusion_matrix(truth[b], predicted[b], 6, ignore=ignore) for b in range(2)]
        assert np.array_equal(sum(parts), matrix)
        assert np.array_equal(segmentation.intersection_over_union_of(sum(parts)), expected, equal_nan=True)


GUARDS = {
    "known losses": known_losses, "nothing kept": nothing_kept, "losses": losses, "gradients": gradients,
    "ignored logits": ignored_logits, "both at once": both_at_once, "known measures": known_measures,
    "measures": measures, "many pixels": many_pixels, "ranges": ranges, "small dtypes": small_dtypes,
}  # fmt: skip
