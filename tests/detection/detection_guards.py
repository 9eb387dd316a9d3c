"""What guards npconv.detection: properties that its functions must have, as functions of a namespace of them.

The tests run them on npconv.detection; test_detection_guards.py also runs them on npconv.detection with one mistake
planted, and each must be caught.
"""

import math
from functools import partial
from itertools import product

import numpy as np
import plain

from npconv.checks import check_backward

LN3 = math.log(3)


def boxes_of(rng, count, height=40, width=60, least=1.0):
    """Random boxes, inside and outside of an image of that size."""
    corners = rng.uniform((-0.2 * height, -0.2 * width), (height, width), (count, 2))
    return np.hstack([corners, corners + rng.uniform(least, (height, width), (count, 2))])


def close(a, b, bound=1e-12):
    assert np.shape(a) == np.shape(b), (np.shape(a), np.shape(b))
    assert np.abs(np.asarray(a) - np.asarray(b)).max(initial=0) <= bound, (a, b)


def xy(boxes):
    """Boxes of a source that has them (left, top, right, bottom); codes alike."""
    return np.asarray(boxes, np.float64)[..., [1, 0, 3, 2]]


# boxes and codes

TRUTHS = np.array([[12.0, 20, 40, 80], [0, 0, 64, 32]])
ANCHORS = np.array([[10.0, 10, 42, 74], [16, 0, 48, 32]])
CODES = np.array([[0, 1.25, 5 * math.log(28 / 32), 5 * math.log(60 / 64)], [0, 0, 5 * math.log(2), 0]])


def overlaps(detection):
    a, b = TRUTHS, ANCHORS
    close(detection.iou(a, b), [[0.68231046, 0.119205296], [0.20754717, 0.5]], 3e-8)  # of float32
    rng = np.random.default_rng(0)
    a, b = boxes_of(rng, 7), boxes_of(rng, 5)
    close(detection.iou(a, b), plain.iou(a, b))
    whole = rng.integers(0, 9, (2, 6, 2, 2)).cumsum(axis=2).reshape(2, 6, 4)  # some without area
    assert np.array_equal(detection.iou(*whole), plain.iou_of_pixels(*whole, (18, 18)))
    box, touching = np.array([[0, 0, 10, 10]]), np.array([[0, 10, 10, 20], [10, 0, 20, 10], [10, 10, 20, 20]])
    assert not detection.iou(box, touching).any()
    assert not detection.iou(box, np.array([[12, 12, 20, 20], [0, 0, 0, 10], [0, 3, 10, 3]])).any()
    line = np.array([[5.0, 0, 5, 8]])
    assert detection.iou(line, line) == 0


def clipping(detection):
    boxes = boxes_of(np.random.default_rng(1), 30)
    expected = [plain.clip(box, (30, 50)) for box in boxes.tolist()]
    assert detection.clip_boxes(boxes, (30, 50)).tolist() == expected
    assert detection.clip_boxes(np.array([[-math.inf, 3, math.inf, 99]]), (30, 50)).tolist() == [[0, 3, 30, 50]]


def codes(detection):
    close(detection.encode_boxes(TRUTHS, ANCHORS), CODES)
    close(detection.decode_boxes(CODES, ANCHORS), TRUTHS)
    rng = np.random.default_rng(2)
    boxes, anchors, scales = boxes_of(rng, 9), boxes_of(rng, 9), (10, 9, 5, 4)
    for some in ({}, {"scales": scales}):
        factors = some.get("scales", (10, 10, 5, 5))
        expected = [plain.encode(*pair, factors) for pair in zip(boxes.tolist(), anchors.tolist(), strict=True)]
        close(detection.encode_boxes(boxes, anchors, **some), expected)
        close(detection.decode_boxes(np.array(expected), anchors, **some), boxes)
        both = np.stack([boxes, boxes[::-1]])
        close(detection.decode_boxes(detection.encode_boxes(both, anchors, **some), anchors, **some), both)
    wild = rng.standard_normal((9, 4)) * 30
    for bound in (math.log(1000 / 16), 0.5, 0.01):
        expected = [plain.decode(*pair, scales, bound) for pair in zip(wild.tolist(), anchors.tolist(), strict=True)]
        close(detection.decode_boxes(wild, anchors, scales=scales, largest=bound), expected, 1e-9)


# default boxes: the first boxes of each map, as printed by the libraries' own code

MAPS = (20, 10, 5, 3, 2, 1)
TENSORFLOW = {
    0: [(-0.025, -0.025, 0.075, 0.075), (-0.04571068, -0.11642136, 0.09571068, 0.16642136),
        (-0.11642136, -0.04571068, 0.16642136, 0.09571068)],
    1200: [(-0.125, -0.125, 0.225, 0.225), (-0.07374369, -0.19748737, 0.17374369, 0.29748737),
           (-0.19748737, -0.07374369, 0.29748737, 0.17374369), (-0.0510363, -0.25310889, 0.1510363, 0.35310889),
           (-0.25312405, -0.05103125, 0.35312405, 0.15103125), (-0.15916501, -0.15916501, 0.25916501, 0.25916501)],
    1800: [(-0.15, -0.15, 0.35, 0.35), (-0.0767767, -0.25355339, 0.2767767, 0.45355339),
           (-0.25355339, -0.0767767, 0.45355339, 0.2767767), (-0.04433757, -0.3330127, 0.24433757, 0.5330127),
           (-0.33303435, -0.04433035, 0.53303435, 0.24433035)],
    1950: [(-0.15833333, -0.15833333, 0.49166667, 0.49166667), (-0.06314304, -0.29295274, 0.39647637, 0.62628607)],
    2004: [(-0.15, -0.15, 0.65, 0.65), (-0.03284271, -0.31568542, 0.53284271, 0.81568542)],
    2028: [(0.025, 0.025, 0.975, 0.975), (0.16412428, -0.17175144, 0.83587572, 1.17175144),
           (-0.17175144, 0.16412428, 1.17175144, 0.83587572), (0.22575862, -0.32272413, 0.77424138, 1.32272413),
           (-0.32276527, 0.22577233, 1.32276527, 0.77422767), (0.01266028, 0.01266028, 0.98733972, 0.98733972)],
}  # fmt: skip
TORCHVISION = {  # left, top, right, bottom
    0: [(-24, -24, 40, 40), (-34.33202, -34.33202, 50.332024, 50.332024),
        (-37.254837, -14.6274185, 53.254837, 30.627419), (-14.6274185, -37.254834, 30.627419, 53.254834),
        (-47.42562, -10.475208, 63.42563, 26.475208),
        (-10.475208, -47.42562, 26.475208, 63.42563), (-7.9999995, -24, 56.000004, 40)],
    2400: [(-40, -40, 72, 72), (-50.932804, -50.932804, 82.93281, 82.93281),
           (-63.195957, -23.59798, 95.19596, 55.597977)],
    3000: [(-48, -48, 112, 112), (-59.21404, -59.21404, 123.214035, 123.214035)],
    3150: [(-50.66666, -50.66666, 157.33334, 157.33334)],
    3204: [(-48, -48, 208, 208), (-59.484768, -59.484768, 219.48477, 219.48477), (-80, -10.509672, 240, 170.50967)],
    3228: [(8, 8, 312, 312), (4.0512943, 4.0512943, 315.94873, 315.94873), (0, 52.519768, 320, 267.48022)],
}  # fmt: skip


def tensorflows_boxes(detection):
    boxes = detection.default_boxes("tensorflow", MAPS, 320)
    assert boxes.shape == (2034, 4)
    for first, expected in TENSORFLOW.items():
        close(boxes[first : first + len(expected)] / 320, expected, 6e-9)
    shares = boxes / 320
    close(shares.sum(), 4068, 1e-9)
    close((shares[:, 2:] - shares[:, :2]).prod(axis=1).sum(), 199.12, 5e-3)
    assert ((shares < 0) | (shares > 1)).any(axis=1).sum() == 938
    assert detection.default_boxes("tensorflow", (19, 10, 5, 3, 2, 1), 300).shape == (1917, 4)
    assert detection.tensorflow_boxes(three_in_first=False).boxes_per_cell == (6,) * 6
    wide = detection.default_boxes("tensorflow", ((2, 4), (1, 2)), (100, 200))
    close(wide[0], (20, 20, 30, 30))  # scale .1 of the shorter side


def torchvisions_boxes(detection):
    boxes = detection.default_boxes("torchvision", MAPS, 320)
    assert boxes.shape == (3234, 4)
    for first, expected in TORCHVISION.items():
        close(boxes[first : first + len(expected)], xy(expected), 2**-15)  # float32 at 320
    close(boxes.sum(), 2_069_760, 1e-6)
    boxes = detection.default_boxes("torchvision", ((4, 6), (2, 3), (1, 2), 1, 1, 1), (64, 96))
    assert boxes.shape == (210, 4)
    close(boxes[0], xy((-1.6, 1.6, 17.6, 14.4)))


def own_boxes(detection):
    cells, maps = (((0.3, 0.6), (0.9, 4.0)), ((1.5, 0.25),)), ((2, 3), (1, 2))
    for relative_to, clip, image_size in product(("shorter", "each"), (False, True), ((40, 60), (60, 40))):
        given = cells, relative_to, clip
        expected = plain.default_boxes(*given, maps, image_size)
        close(detection.default_boxes(detection.DefaultBoxes(*given), maps, image_size), expected)
    two = detection.tensorflow_boxes(2, smallest=0.3, largest=0.5, ratios=(1, 2)).cells
    close(two[0], ((0.1, 1), (0.3, 2), (0.3, 0.5)))
    close(two[1], ((0.5, 1), (0.5, 2), (math.sqrt(0.5), 1)))
    two = detection.torchvision_boxes(2, smallest=0.3, largest=0.5, ratios=(2,)).cells
    close(two[0], ((0.3, 1), (math.sqrt(0.15), 1), (0.3, 2), (0.3, 0.5)))


# matching: overlaps, each anchor's truth, and the same one to one

MATCHES = {
    "forced below the threshold": ([[0.6, 0.5, 0.3, 0.1], [0.55, 0.7, 0.2, 0.1], [0, 0.1, 0.15, 0.05]],
                                   [0, 1, 2, -1], [0, 1, 2, -1]),
    "the threshold counts": ([[0.9, 0.5, 0.2], [0, 0, 0.1]], [0, 0, 1], [0, 0, 1]),
    "just below": ([[0.5, 0.4999, 0.2]], [0, -1, -1], [0, -1, -1]),
    "equal overlaps": ([[0.4, 0.5, 0.5], [0.3, 0.5, 0.4]], [-1, 1, 0], [-1, 0, 1]),
    "equal truths": ([[0.6, 0.9, 0], [0.6, 0, 0.9]], [0, 0, 1], [0, 0, 1]),
    "a shared best anchor": ([[0.9, 0.1], [0.8, 0.2]], [1, -1], [0, 1]),
    "the first of equals, then the later truth": ([[0.7, 0.7, 0.1], [0.7, 0.2, 0.1]], [1, 0, -1], [0, 1, -1]),
    "nothing overlaps": ([[0.0] * 3] * 2, [1, -1, -1], [0, 1, -1]),
    "more truths than anchors": ([[0.6], [0.9], [0.8]], [2], [1]),
    "no truth": (np.zeros((0, 3)), [-1, -1, -1], [-1, -1, -1]),
    "no anchor": (np.zeros((2, 0)), [], []),
}  # fmt: skip


def matches(detection):
    for given, *expected in MATCHES.values():
        for option, answer in zip((False, True), expected, strict=True):
            found = detection.match_boxes(np.array(given), one_to_one=option)
            assert found.dtype == np.int64
            assert found.tolist() == answer, (given, option, found)
    rng = np.random.default_rng(3)
    for truths, anchors in ((3, 8), (5, 4), (1, 1)):
        for option in (False, True):
            given = rng.integers(0, 11, (truths, anchors)) / 10
            found = detection.match_boxes(given, threshold=0.6, one_to_one=option)
            assert found.tolist() == plain.match(given, 0.6, option), (given, option)


def targets(detection):
    rng = np.random.default_rng(4)
    anchors = boxes_of(rng, 12)
    boxes = [boxes_of(rng, count) for count in (3, 0, 1)]
    labels = [np.array([2, 1, 4], np.uint64), np.zeros(0, np.int32), np.array([3])]
    for options in ({}, {"threshold": 0.2, "one_to_one": True, "scales": (1, 2, 3, 4)}):
        found, found_codes = detection.ssd_targets(anchors, boxes, labels, **options)
        assert found.shape == (3, 12)
        assert found.dtype == np.int64
        for b, image in enumerate(boxes):
            threshold, one_to_one = options.get("threshold", 0.5), options.get("one_to_one", False)
            matched = plain.match(plain.iou(image, anchors), threshold, one_to_one)
            assert found[b].tolist() == [0 if truth < 0 else labels[b][truth] for truth in matched]
            expected = [
                [0.0] * 4 if truth < 0 else plain.encode(image[truth], anchor, options.get("scales", (10, 10, 5, 5)))
                for truth, anchor in zip(matched, anchors, strict=True)
            ]
            close(found_codes[b], expected)


# the loss


def torchvisions_case(detection):
    """The arrays of a case that torchvision's own loss was computed on."""
    rng = np.random.default_rng(0)
    logits, predicted = rng.standard_normal((2, 8, 3)), xy(rng.standard_normal((2, 8, 4)))
    anchors = np.array([[0.0, 10 * i, 10, 10 * i + 10] for i in range(8)])
    boxes = [xy([(1, 1, 11, 9), (31, 0, 40, 12)]), xy([(48, 0, 60, 10)])]
    labels, wanted = detection.ssd_targets(anchors, boxes, [np.array([1, 2]), np.array([2])])
    return logits, predicted, labels, wanted


def torchvisions_loss(detection):
    arrays = torchvisions_case(detection)
    assert arrays[2].tolist() == [[1, 0, 0, 2, 0, 0, 0, 0], [0, 0, 0, 0, 0, 2, 0, 0]]
    stages = detection.ssd_loss_stages(*arrays)
    close(stages.box, 2.8764077425186767, 4e-15)
    close(stages.classes, 5.457635327524844, 4e-15)
    close(detection.ssd_loss(*arrays), 2.8764077425186767 + 5.457635327524844, 4e-15)
    assert np.count_nonzero(stages.chosen, axis=1).tolist() == [6, 3]
    dlogits, _ = detection.ssd_loss_backward(1.0, *arrays)
    close(dlogits[0, 0], (0.096734819, -0.258584147, 0.161849329), 5e-10)
    assert np.flatnonzero(dlogits[1].any(axis=1)).tolist() == [1, 4, 5, 7]


OPTIONS = (
    {}, {"negatives": 1}, {"negatives": 0}, {"least_negatives": 3}, {"negatives": 2, "repeat_positives": False},
    {"negatives": 0, "least_negatives": 4, "repeat_positives": False},
)  # fmt: skip


def random_case(seed, shape=(3, 7, 5), share=0.4):
    """Logits, codes, labels and targets; the last image has no object."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(shape[:2]) < share, rng.integers(1, shape[2], shape[:2]), 0)
    labels[-1] = 0
    predicted, wanted = rng.normal(0, 1.5, (2, *shape[:2], 4))
    return rng.standard_normal(shape), predicted, labels, wanted


def losses(detection):
    for seed, options in product(range(3), OPTIONS):
        arrays = random_case(seed)
        box, classes, counted = plain.loss_parts(*arrays, **options)
        stages = detection.ssd_loss_stages(*arrays, **options)
        close((stages.box, stages.classes, detection.ssd_loss(*arrays, **options)), (box, classes, box + classes))
        assert ((0 + stages.positives + stages.chosen) == counted).all()
    zeros, label = np.zeros((1, 6, 4)), np.array([[0, 0, 1, 0, 0, 0]])
    equal = detection.ssd_loss_stages(zeros[..., :2], zeros, label, zeros)
    assert equal.chosen.tolist() == [[True, True, False, True, False, False]]
    close(equal.losses, np.full((1, 6), math.log(2)))


def two_quirks(detection):
    logits, zeros = np.zeros((1, 4, 3)), np.zeros((1, 4, 4))
    labels = np.array([[1, 2, 0, 1]])  # three of four are positive
    close(detection.ssd_loss(logits, zeros, labels, zeros), 7 / 3 * LN3)
    close(detection.ssd_loss(logits, zeros, labels, zeros, repeat_positives=False), 4 / 3 * LN3)
    nothing = np.zeros((1, 4), np.int64)
    assert detection.ssd_loss(logits, zeros, nothing, zeros) == 0
    assert not detection.ssd_loss_backward(1.0, logits, zeros, nothing, zeros)[0].any()
    close(detection.ssd_loss(logits, zeros, nothing, zeros, least_negatives=3), 3 * LN3)
    assert detection.ssd_loss_backward(1.0, logits, zeros, nothing, zeros, least_negatives=3)[0].any(axis=2).sum() == 3


SMOOTH_L1 = ((0, 0, 0), (0.05, 0.00125, 0.05), (0.5, 0.125, 0.5), (1, 0.5, 1), (2, 1.5, 1))  # d, value, derivative


def smooth_l1(detection):
    label, logits = np.array([[1]]), np.array([[[-1000.0, 0]]])  # without a loss of its own
    for (d, value, slope), sign, k in product(SMOOTH_L1, (-1, 1), range(4)):
        predicted, wanted = np.full((1, 1, 4), 7.0), np.full((1, 1, 4), 7.0)
        predicted[..., k] += sign * d
        close(detection.ssd_loss(logits, predicted, label, wanted), value)
        expected = [sign * slope if number == k else 0 for number in range(4)]
        close(detection.ssd_loss_backward(2.0, logits, predicted, label, wanted)[1][0, 0], np.multiply(expected, 2))


def gradients(detection):
    for seed, options in product(range(2), OPTIONS):
        logits, predicted, *fixed = random_case(seed)
        check_backward(
            partial(loss_of, detection.ssd_loss, fixed, options),
            partial(gradient_of, detection.ssd_loss_backward, fixed, options),
            logits,
            predicted,
        )


def loss_of(loss, fixed, options, logits, codes):
    return loss(logits, codes, *fixed, **options)


def gradient_of(backward, fixed, options, dy, logits, codes):
    return backward(dy, logits, codes, *fixed, **options)


# suppression

BOXES = np.array([[0.0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 5, 10], [100, 100, 110, 110]])
SUPPRESSED = {  # boxes, scores, threshold, kept
    "at the threshold": (BOXES, [0.9, 0.8, 0.7, 0.6], 0.5, [0, 1, 2, 3]),
    "just above it": (BOXES, [0.9, 0.8, 0.7, 0.6], 0.4999, [0, 3]),
    "equal scores": (BOXES, [0.5] * 4, 0.3, [0, 3]),
    "by falling score": (BOXES, [0.1, 0.2, 0.3, 0.4], 0.5, [3, 2, 1, 0]),
    "a suppressed box suppresses none": ([[0, 0, 9, 10], [0, 4, 9, 14], [0, 8, 9, 18]], [0.9, 0.8, 0.7], 0.4, [0, 2]),
    "without area": ([[1, 1, 1, 1], [1, 1, 1, 1]], [0.9, 0.8], 0.0, [0, 1]),
    "disjoint at 0": (BOXES[[0, 3]], [1, 2], 0.0, [1, 0]),
    "the same box": (BOXES[[0, 0, 0]], [0.2, 0.9, 0.9], 0.9999, [1]),
    "nothing suppresses at 1": (BOXES[[0, 0]], [0.2, 0.9], 1.0, [1, 0]),
    "infinite scores": (BOXES, [0, math.inf, -math.inf, 1], 0.5, [1, 3, 0, 2]),
    "none": (np.zeros((0, 4)), [], 0.5, []),
}


def suppression(detection):
    for boxes, scores, threshold, expected in SUPPRESSED.values():
        found = detection.non_maximum_suppression(np.array(boxes), np.array(scores), threshold=threshold)
        assert found.dtype == np.int64
        assert found.tolist() == expected, (boxes, scores, threshold, found)
    rng = np.random.default_rng(5)
    for count in (20, 200):  # several blocks of rows
        boxes, scores = boxes_of(rng, count, 100, 100, 20), rng.integers(0, 10, count) / 10
        found = detection.non_maximum_suppression(boxes, scores, threshold=0.3)
        assert found.tolist() == plain.suppress(boxes, scores, 0.3)


# detections

FINDING = (
    {"score_threshold": 0.2, "iou_threshold": 0.3},
    {"score_threshold": 0.0, "iou_threshold": 0.5, "candidates": 4, "most": 7, "scores": "sigmoid", "largest": 0.1},
    {"score_threshold": 0.25, "iou_threshold": 0.0, "candidates": 300, "most": 300, "scores": "sigmoid"},
    {"score_threshold": 0.1, "iou_threshold": 0.2, "clip": "last"},
)


def found_objects(detection):
    rng = np.random.default_rng(6)
    anchors = boxes_of(rng, 12, 40, 60, 10)
    logits, predicted = rng.normal(0, 2, (2, 12, 4)), rng.standard_normal((2, 12, 4)) * 2
    defaults = {"score_threshold": 0.001, "iou_threshold": 0.55, "candidates": 300, "most": 300,
                "scores": "softmax", "largest": math.inf}  # fmt: skip
    for options in ({}, *FINDING):
        found = detection.detections(logits, predicted, anchors, (40, 60), **options)
        assert len(found) == 2
        named = {name: value for name, value in {**defaults, **options}.items() if name != "clip"}
        named["clip_last"] = options.get("clip") == "last"
        for each, *image in zip(found, logits, predicted, strict=True):
            expected = plain.detect(*image, anchors, (40, 60), **named)
            assert each.labels.tolist() == [label for *_, label in expected]
            close(each.scores, [score for _, score, _ in expected])
            close(each.boxes, np.array([box for box, *_ in expected]).reshape(-1, 4), 1e-10)
            assert each.labels.dtype == np.int64


def edges_of_detections(detection):
    anchors = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    shares = np.log([[[0.5, 0.5, 0.0001], [0.4, 0.5, 0.1], [0.2, 0.6, 0.2]]])
    equal = detection.detections(shares, np.zeros((1, 3, 4)), anchors, 20, scores="sigmoid", score_threshold=0.1)
    assert [each.tolist() for each in equal[0][2:]] == [[1, 2]]
    # boxes of different classes don't suppress each other; of one class the best stays
    scores = np.array([[[0, 0.5, 0], [0, 0, 0.6], [0, 0.7, 0]]])
    with np.errstate(divide="ignore"):
        logits = np.log(scores / (1 - scores))
    (found,) = detection.detections(logits, np.zeros((1, 3, 4)), anchors, 20, scores="sigmoid")
    assert found.labels.tolist() == [1, 2]
    close(found.scores, (0.7, 0.6))
    # a score equal to the threshold is dropped
    half = np.zeros((1, 3, 2))
    assert len(detection.detections(half, np.zeros((1, 3, 4)), anchors, 20, score_threshold=0.5)[0].boxes) == 0
    # the most are taken after the suppression, of all classes
    apart = np.array([[0.0, 0, 5, 5], [0, 0, 5, 5], [10, 10, 15, 15]])
    logits = np.array([[[0, 3.0, 0], [0, 2.9, 0], [0, 2.0, 0]]])
    options = {"most": 2, "scores": "sigmoid", "score_threshold": 0.5}
    (found,) = detection.detections(logits, np.zeros((1, 3, 4)), apart, 20, **options)
    close(found.boxes, apart[[0, 2]])
    # by default the best 300 of each class go on, and the best 300 of all are returned
    left = 10.0 * np.arange(310)
    row = np.stack([np.zeros(310), left, np.full(310, 5.0), left + 5], axis=1)
    nothing = np.zeros((1, 310, 3)), np.zeros((1, 310, 4))
    assert np.bincount(detection.detections(*nothing, row, (5, 3100), most=1000)[0].labels).tolist() == [0, 300, 300]
    assert np.bincount(detection.detections(*nothing, row, (5, 3100))[0].labels).tolist() == [0, 300]
    # what is not a number finds nothing
    logits, predicted = np.zeros((1, 3, 2)), np.zeros((1, 3, 4))
    logits[0, 0, 1], predicted[0, 1, 2] = np.nan, np.nan
    (found,) = detection.detections(logits, predicted, apart, 20)
    close(found.boxes, apart[[2]])
    logits = np.array([[[0, np.nan, 1]] * 3])  # each by itself
    (found,) = detection.detections(logits, np.zeros((1, 3, 4)), apart, 20, scores="sigmoid")
    assert found.labels.tolist() == [2, 2]
    predicted[0, 1:, 2:] = 1e4  # an infinite box is as large as the image
    (found,) = detection.detections(np.zeros((1, 3, 2)), predicted, apart, (20, 30), iou_threshold=1.0)
    assert found.boxes.tolist() == [[0, 0, 5, 5], [0, 0, 20, 30], [0, 0, 20, 30]]
    # clipped last it finds nothing, as its overlap with others is unknown, nor does what lies outside the image
    (found,) = detection.detections(np.zeros((1, 3, 2)), predicted, apart, (20, 30), clip="last")
    assert found.boxes.tolist() == [[0, 0, 5, 5]]
    outside = np.array([[0.0, 0, 5, 5], [30, 30, 35, 35]])
    for clip, count in (("first", 2), ("last", 1)):
        (found,) = detection.detections(np.zeros((1, 2, 2)), np.zeros((1, 2, 4)), outside, 20, clip=clip)
        assert len(found.boxes) == count
    # boxes that overlap by a third in the image, and by half with what lies outside
    across = np.array([[-10.0, 0, 10, 10], [-10, 0, 3, 10]])
    for clip, count in (("first", 2), ("last", 1)):
        (found,) = detection.detections(
            np.zeros((1, 2, 2)), np.zeros((1, 2, 4)), across, 20, clip=clip, iou_threshold=0.5
        )
        assert len(found.boxes) == count


GUARDS = {
    "iou": overlaps, "clipping": clipping, "codes": codes, "TensorFlow's boxes": tensorflows_boxes,
    "torchvision's boxes": torchvisions_boxes, "own boxes": own_boxes, "matching": matches, "targets": targets,
    "torchvision's loss": torchvisions_loss, "loss": losses, "quirks": two_quirks, "smooth L1": smooth_l1,
    "gradients": gradients, "suppression": suppression, "detections": found_objects, "edges": edges_of_detections,
}  # fmt: skip
