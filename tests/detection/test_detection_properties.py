"""Properties of npconv.detection, searched for counter-examples."""

import numpy as np
import plain
from hypothesis import given, strategies as st

from npconv import detection

EDGES = st.integers(-6, 14)


def ordered(a, b):
    return (min(a, b), max(a, b))


@st.composite
def whole_boxes(draw, least=0, most=6, area=0):
    """Boxes of integers."""
    sides = st.integers(area, 9)
    count = draw(st.integers(least, most))
    rows = [(draw(EDGES), draw(EDGES), draw(sides), draw(sides)) for _ in range(count)]
    return np.array([(y, x, y + h, x + w) for y, x, h, w in rows], np.int64).reshape(-1, 4)


@given(whole_boxes(), whole_boxes())
def test_iou_is_symmetric_and_counts_pixels(a, b):
    found = detection.iou(a, b)
    assert np.array_equal(found, detection.iou(b, a).T)
    assert np.array_equal(found, plain.iou_of_pixels(a + 6, b + 6, (40, 40)))


@given(whole_boxes(1, area=1), st.integers(-50, 50), st.integers(1, 5))
def test_iou_is_1_with_itself_and_the_same_elsewhere_and_in_another_size(boxes, step, size):
    found = detection.iou(boxes, boxes)
    assert (np.diag(found) == 1).all()
    assert np.array_equal(found, detection.iou(boxes + step, boxes + step))
    assert np.array_equal(found, detection.iou(boxes * size, boxes * size))


@given(whole_boxes(1, area=1), st.data(), st.sampled_from([(10, 10, 5, 5), (1, 2, 3, 4)]))
def test_decoding_is_the_inverse_of_encoding(boxes, data, scales):
    anchors = data.draw(whole_boxes(len(boxes), len(boxes), area=1))
    codes = detection.encode_boxes(boxes, anchors, scales=scales)
    assert np.allclose(detection.decode_boxes(codes, anchors, scales=scales), boxes, rtol=0, atol=1e-12)
    assert not detection.encode_boxes(anchors, anchors, scales=scales).any()
    again = detection.encode_boxes(detection.decode_boxes(codes, anchors, scales=scales), anchors, scales=scales)
    assert np.allclose(again, codes, rtol=0, atol=1e-12)


@given(whole_boxes(), st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_clipped_boxes_lie_in_the_image_and_clipping_twice_changes_nothing(boxes, size):
    clipped = detection.clip_boxes(boxes, size)
    assert ((clipped >= 0) & (clipped <= np.array(size * 2))).all()
    assert np.array_equal(detection.clip_boxes(clipped, size), clipped)
    covered = np.zeros((40, 40), bool)
    covered[6 : 6 + size[0], 6 : 6 + size[1]] = True
    for box, inside in zip(boxes + 6, clipped + 6, strict=True):
        pixels = np.zeros((2, 40, 40), bool)
        for mask, (top, left, bottom, right) in zip(pixels, (box, inside), strict=True):
            mask[top:bottom, left:right] = True
        assert np.array_equal(pixels[0] & covered, pixels[1])


@given(whole_boxes(0, 9), st.data(), st.integers(0, 10))
def test_suppression_is_idempotent_ordered_and_leaves_no_large_overlap(boxes, data, tenths):
    scores = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(boxes), max_size=len(boxes))), np.float64)
    threshold = tenths / 10
    kept = detection.non_maximum_suppression(boxes, scores, threshold=threshold)
    assert kept.tolist() == plain.suppress(boxes, scores, threshold)
    assert sorted(kept, key=lambda i: (-scores[i], i)) == kept.tolist()
    again = detection.non_maximum_suppression(boxes[kept], scores[kept], threshold=threshold)
    assert again.tolist() == list(range(len(kept)))
    overlaps = detection.iou(boxes[kept], boxes[kept])
    assert (overlaps[~np.eye(len(kept), dtype=bool)] <= threshold).all()
    for i in set(range(len(boxes))) - set(kept.tolist()):  # each other box has lost to a better one
        better = kept[scores[kept] >= scores[i]]
        assert (detection.iou(boxes[better], boxes[[i]]) > threshold).any()


@given(st.integers(0, 4), st.integers(0, 6), st.data(), st.integers(0, 10), st.booleans())
def test_matching_is_that_of_plain_loops_and_one_to_one_leaves_no_truth_out(truths, anchors, data, tenths, one_to_one):
    numbers = data.draw(st.lists(st.integers(0, 10), min_size=truths * anchors, max_size=truths * anchors))
    overlaps = np.array(numbers, np.float64).reshape(truths, anchors) / 10
    found = detection.match_boxes(overlaps, threshold=tenths / 10, one_to_one=one_to_one)
    assert found.tolist() == plain.match(overlaps, tenths / 10, one_to_one)
    if one_to_one and truths <= anchors:
        assert set(found.tolist()) >= set(range(truths))


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(0, 4), st.booleans(), st.floats(0, 1))
def test_the_loss_is_that_of_plain_loops(seed, negatives, least, repeat, share):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 7, 3))
    labels = np.where(rng.random(shape[:2]) < share, rng.integers(0, shape[2], shape[:2]), 0)
    predicted, wanted = rng.normal(0, 1.5, (2, *shape[:2], 4))
    options = {"negatives": negatives, "least_negatives": least, "repeat_positives": repeat}
    arrays = rng.standard_normal(shape), predicted, labels, wanted
    stages, (box, classes, counted) = (
        detection.ssd_loss_stages(*arrays, **options),
        plain.loss_parts(*arrays, **options),
    )
    assert np.allclose((stages.box, stages.classes), (box, classes), rtol=1e-13, atol=1e-13)
    assert np.array_equal(np.add(stages.positives, stages.chosen, dtype=int), counted)
    dlogits, dcodes = detection.ssd_loss_backward(1.0, *arrays, **options)
    assert np.array_equal(dlogits.any(axis=2), (counted > 0) & (shape[2] > 1))
    assert np.allclose(dlogits.sum(axis=2), 0, atol=1e-14)  # shares sum to 1, as labels do
    assert np.array_equal(dcodes.any(axis=2), labels > 0)
