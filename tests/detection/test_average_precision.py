"""Average precision: exact fractions by COCO's rules, and equal to pycocotools but for its recall points."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from coco import CASES, THRESHOLDS, evaluated, random_case, xywh

from npconv.detection import average_precision, mean_average_precision, precision_recall

RECORDED = json.loads(Path(__file__).with_name("average_precision.json").read_text(encoding="utf-8"))
LATE = (35, 41, 47, 57, 69, 70, 82, 83, 94, 95)  # pycocotools' recall points that lie above k/100
PYCOCOTOOLS = {"rtol": 0, "atol": 1e-12}  # its precisions are floats, and have an epsilon in the denominator


def image(*boxes, labels=None):
    return xywh(*boxes), np.array(labels or [1] * len(boxes), int)


def detected(*boxes, scores, labels=None):
    return xywh(*boxes), np.array(scores, float), np.array(labels or [1] * len(boxes), int)


def at_half(truths, found, **options):
    return mean_average_precision(truths, found, thresholds=(0.5,), **options).fractions


TRUTHS = [image((0, 0, 10, 10), (20, 20, 10, 10)), image((5, 5, 20, 20))]
FOUND = [
    detected((0, 0, 10, 10), (0, 0, 10, 8), (21, 20, 10, 10), scores=[0.9, 0.8, 0.7]),
    detected((5, 5, 20, 12), (50, 50, 5, 5), scores=[0.6, 0.95]),
]


@pytest.mark.parametrize(
    ("hits", "truths", "eleven", "area", "coco", "uninterpolated"),
    [
        ([1, 0, 1, 1, 0, 0, 1], 5, "50/77", "43/70", "437/707", "251/420"),
        ([0, 1, 1], 4, "4/11", "1/3", "34/101", "7/24"),
        ([1, 1, 0, 1], 10, "15/44", "11/40", "57/202", "11/40"),
        ([1] * 7, 10, "8/11", "7/10", "71/101", "7/10"),
        ([0, 1], 1, "1/2", "1/2", "1/2", "1/2"),
        ([0, 0], 3, "0", "0", "0", "0"),
        ([], 3, "0", "0", "0", "0"),
        ([1], 1, "1", "1", "1", "1"),
    ],
)
def test_average_precision_is_an_exact_fraction(hits, truths, eleven, area, coco, uninterpolated):
    for given in (hits, np.array(hits, bool), np.array(hits, np.uint8), [bool(hit) for hit in hits]):
        assert average_precision(given, truths) == average_precision(given, truths, points=101) == Fraction(coco)
        assert average_precision(given, truths, points=11) == Fraction(eleven)
        assert average_precision(given, truths, points=None) == Fraction(area)
    precision = precision_recall(hits, truths).precision
    found = sum((p for p, hit in zip(precision, hits, strict=True) if hit), Fraction(0))
    assert found / truths == Fraction(uninterpolated)


def test_the_curve_has_a_fraction_for_each_detection():
    curve = precision_recall([1, 0, 1, 1, 0, 0, 1], 5)
    assert curve.recall == tuple(Fraction(tp, 5) for tp in (1, 1, 2, 3, 3, 3, 4))
    assert [str(p) for p in curve.precision] == ["1", "1/2", "2/3", "3/4", "3/5", "1/2", "4/7"]
    assert [str(p) for p in curve.envelope] == ["1", "3/4", "3/4", "3/4", "3/5", "4/7", "4/7"]
    assert all(type(each) is Fraction for part in curve for each in part)


@pytest.mark.parametrize("points", [101, 11, None])
def test_average_precision_follows_from_the_curve_point_by_point(points):
    rng = np.random.default_rng(3)
    for _ in range(10):
        truths = int(rng.integers(1, 40))
        hits = rng.random(rng.integers(1, 60)) < 0.5
        hits &= np.cumsum(hits) <= truths
        recall, _, envelope = precision_recall(hits, truths)
        if points is None:
            steps = [now - before for now, before in zip(recall, (Fraction(0), *recall), strict=False)]
            expected = sum((step * height for step, height in zip(steps, envelope, strict=True)), Fraction(0))
        else:
            heights = [
                max(
                    (e for r, e in zip(recall, envelope, strict=True) if r >= Fraction(k, points - 1)),
                    default=Fraction(0),
                )
                for k in range(points)
            ]
            expected = sum(heights, Fraction(0)) / points
        assert average_precision(hits, truths, points=points) == expected


def test_the_whole_example_gives_cocos_fractions():
    result = mean_average_precision(TRUTHS, FOUND)
    expected = [Fraction(3, 5)] * 3 + [Fraction(67, 202)] * 4 + [Fraction(17, 101)] * 3
    assert result.fractions == {(level, 1): each for level, each in zip(THRESHOLDS, expected, strict=True)}
    assert list(result.by_threshold) == list(THRESHOLDS)
    assert result.by_threshold == {level: float(each) for level, each in zip(THRESHOLDS, expected, strict=True)}
    assert result.mean == float(sum(expected) / 10) == pytest.approx(0.363168, abs=5e-7)
    assert result.by_threshold[0.75] == pytest.approx(0.331683, abs=5e-7)
    assert result.by_threshold[0.9] == pytest.approx(0.168317, abs=5e-7)
    assert result.by_class == {1: result.mean}


def test_recall_is_cocos_ar():
    recall = [mean_average_precision(TRUTHS, FOUND, most=most).recall for most in (1, 10)]
    assert recall == [1 / 3, 2 / 3]
    assert mean_average_precision(TRUTHS, FOUND).recalls[0.85, 1] == Fraction(1, 3)


def test_of_equal_scores_the_first_detection_comes_first():
    right, wrong = (0, 0, 10, 10), (50, 50, 10, 10)
    for boxes, expected in (((wrong, right), Fraction(1, 2)), ((right, wrong), Fraction(1))):
        assert at_half([image(right)], [detected(*boxes, scores=[0.5, 0.5])]) == {(0.5, 1): expected}
        in_two = [detected(box, scores=[0.5]) for box in boxes]
        assert at_half([image(right)] * 2, in_two)[0.5, 1] == Fraction(51, 101) * expected


def test_the_detections_of_all_images_are_sorted_together():
    truths, wrong_and_right = [image((0, 0, 10, 10))] * 2, [(50, 50, 10, 10), (0, 0, 10, 10)]
    found = [detected(box, scores=[score]) for box, score in zip(wrong_and_right, (0.9, 0.8), strict=True)]
    assert at_half(truths, found)[0.5, 1] == Fraction(51, 202)
    assert at_half(truths, found[::-1])[0.5, 1] == Fraction(51, 202)


def test_when_the_best_truth_is_taken_the_next_best_is_found():
    truths = [image((0, 0, 10, 10), (0, 0, 10, 9))]
    result = mean_average_precision(truths, [detected((0, 0, 10, 10), (0, 0, 10, 10), scores=[0.9, 0.8])])
    assert result.fractions[0.9, 1] == 1
    assert result.fractions[0.95, 1] == Fraction(51, 101)
    assert result.mean == pytest.approx(0.950495, abs=5e-7)


def test_of_truths_at_equal_iou_the_later_is_taken():
    boxes = (0, 0, 10, 10), (2, 0, 10, 10)
    found = [detected((1, 0, 10, 10), boxes[0], scores=[0.9, 0.8])]
    assert at_half([image(*boxes)], found)[0.5, 1] == 1
    strict = [mean_average_precision([image(*b)], found, thresholds=(0.8,)) for b in (boxes, boxes[::-1])]
    assert [result.fractions[0.8, 1] for result in strict] == [1, Fraction(51, 101)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_an_iou_exactly_at_a_threshold_counts_at_all_ten(dtype):
    for at, level in enumerate(THRESHOLDS):
        share = xywh((3, 5, 20, 50 + 5 * at)).astype(dtype), np.ones(1), np.array([1])
        values = mean_average_precision([image((3, 5, 20, 100))], [share]).by_threshold
        assert [threshold for threshold, value in values.items() if value] == list(THRESHOLDS[: at + 1]), level


def test_an_iou_of_three_fifths_counts_at_point_six():
    found = [detected((5, 5, 20, 12), scores=[0.5])]
    assert mean_average_precision([image((5, 5, 20, 20))], found, thresholds=(0.6,)).mean == 1
    assert mean_average_precision([image((5, 5, 20, 20))], found, thresholds=(0.6000000000000002,)).mean == 0


def test_the_101st_detection_of_an_image_and_class_is_dropped():
    right = (0, 0, 10, 10)
    wrong = [(50, 50, 10, 10)] * 100
    scores = np.linspace(1, 0.1, 101)
    truths = [image(right), image(right)]
    for labels, expected in (([1] * 101, 0), ([2] + [1] * 100, Fraction(51, 10100))):
        found = [detected(*wrong, right, scores=scores, labels=labels), detected(scores=[])]
        assert at_half(truths, found)[0.5, 1] == expected
        assert at_half(truths[::-1], found[::-1])[0.5, 1] == expected
    reached = [detected(*wrong, right, scores=scores), detected(scores=[])]
    assert at_half(truths, reached, most=101)[0.5, 1] == Fraction(51, 101 * 101)


def test_false_alarms_in_images_without_truths_count_and_classes_without_truths_do_not():
    truths = [image((0, 0, 10, 10)), image()]
    right = detected((0, 0, 10, 10), scores=[0.5])
    assert at_half(truths, [right, detected(scores=[])]) == {(0.5, 1): 1}
    assert at_half(truths, [right, detected((0, 0, 10, 10), scores=[0.9])]) == {(0.5, 1): Fraction(1, 2)}
    assert at_half(truths, [right, detected((0, 0, 10, 10), scores=[0.9], labels=[2])]) == {(0.5, 1): 1}


def test_a_detection_finds_only_truths_of_its_class_and_a_class_never_found_counts_0():
    truths = [image((0, 0, 10, 10), (20, 0, 10, 10), labels=[3, 7])]
    result = mean_average_precision(
        truths, [detected((0, 0, 10, 10), (20, 0, 10, 10), scores=[0.9, 0.8], labels=[3, 3])]
    )
    assert result.by_class == {3: 1.0, 7: 0.0}
    assert result.mean == 0.5


def test_boxes_without_area_overlap_nothing():
    assert at_half([image((0, 0, 0, 10), (0, 0, 10, 10))], [detected((0, 0, 0, 10), scores=[1])])[0.5, 1] == 0


def test_points_are_those_of_average_precision():
    for points, expected in ((101, "67/202"), (11, "7/22"), (None, "1/3")):
        result = mean_average_precision(TRUTHS, FOUND, thresholds=(0.65,), points=points)
        assert average_precision([0, 1, 0, 1, 0], 3, points=points) == Fraction(expected)
        assert result.fractions[0.65, 1] == Fraction(expected)


def test_pycocotools_has_ten_recall_points_above_k_over_100():
    points = np.linspace(0, 1, 101)
    assert tuple(k for k in range(101) if points[k] > k / 100) == LATE
    assert not any(points[k] < k / 100 for k in range(101))
    assert {k for k in LATE if 10 % Fraction(k, 100).denominator == 0} == {70}  # so truths must be a multiple of 10
    assert all(Fraction(k, 100).denominator % 10 == 0 for k in LATE)


def beyond(hits, truths):
    """The part of average precision that pycocotools leaves out: points reached exactly, which count its next hit's."""
    _, _, envelope = precision_recall(hits, truths)
    heights = [e for e, hit in zip(envelope, hits, strict=True) if hit] + [Fraction(0)]
    reached = [k * truths // 100 for k in LATE if k * truths % 100 == 0]
    return sum((heights[tp - 1] - heights[tp] for tp in reached if tp < len(heights)), Fraction(0)) / 101


def test_average_precision_differs_from_pycocotools_only_at_recalls_reached_exactly():
    differ = 0
    for case in RECORDED["hits"]:
        hits, truths = case["hits"], case["truths"]
        late = beyond(hits, truths)
        np.testing.assert_allclose(float(average_precision(hits, truths) - late), case["precision"], **PYCOCOTOOLS)
        differ += late > 0
    assert differ > 10
    assert RECORDED["hits"][0]["precision"] == pytest.approx(70 / 101, abs=1e-12)
    assert average_precision([1] * 7, 10) == Fraction(71, 101)


def compare(truths, found, precision, recall):
    """Compare with pycocotools, class by class; with a multiple of 10 truths ours may be greater."""
    result = mean_average_precision(truths, found)
    assert {label for _, label in result.fractions} == set(precision)
    for label in precision:
        ours = [float(result.fractions[level, label]) for level in THRESHOLDS]
        np.testing.assert_allclose(
            [float(result.recalls[level, label]) for level in THRESHOLDS], recall[label], **PYCOCOTOOLS
        )
        if sum(int((labels == label).sum()) for _, labels in truths) % 10:
            np.testing.assert_allclose(ours, precision[label], **PYCOCOTOOLS)
        else:
            assert all(each >= theirs - 1e-12 for each, theirs in zip(ours, precision[label], strict=True))


def test_mean_average_precision_equals_what_pycocotools_gave():
    assert RECORDED["versions"]["pycocotools"] == "2.0.11"
    for case in RECORDED["cases"]:
        truths = [(np.reshape(boxes, (-1, 4)).astype(float), np.array(labels, int)) for boxes, labels in case["truths"]]
        found = [
            (np.reshape(b, (-1, 4)).astype(float), np.array(s, float), np.array(c, int)) for b, s, c in case["found"]
        ]
        precision, recall = ({int(k): v for k, v in case[name].items()} for name in ("precision", "recall"))
        compare(truths, found, precision, recall)


def test_mean_average_precision_equals_pycocotools():
    pytest.importorskip("pycocotools")
    compared = 0
    for seed in range(CASES):
        truths, found = random_case(seed)
        if any(len(labels) for _, labels in truths):
            gave = evaluated(truths, found)
            labels = {label for _, label in gave}
            precision, recall = (
                {label: [read(gave[level, label]) for level in THRESHOLDS] for label in labels}
                for read in (lambda each: each[0].mean(), lambda each: each[1])
            )
            compare(truths, found, precision, recall)
            compared += 1
    assert compared > 250


BOX, ONE = np.array([[0.0, 0, 10, 10]]), np.array([1])


@pytest.mark.parametrize(
    ("truths", "found", "error", "message"),
    [
        ([(BOX, ONE)], [], ValueError, "found must have as many images as truths, 1; got 0"),
        ([(BOX, ONE)], [(BOX, ONE)], TypeError, r"found\[0\] must be a tuple \(boxes, scores, labels\)"),
        ([(BOX, ONE, ONE)], [], TypeError, r"truths\[0\] must be a tuple \(boxes, labels\)"),
        ([(BOX, ONE), (BOX[:, [2, 1, 0, 3]], ONE)], [], ValueError, r"boxes of truths\[1\] must be boxes \(top, "),
        ([(BOX[:, [0, 3, 2, 1]], ONE)], [], ValueError, r"boxes of truths\[0\] must be boxes \(top, "),
        ([(BOX * np.nan, ONE)], [], ValueError, r"boxes of truths\[0\] must be "),
        ([(BOX[0], ONE)], [], ValueError, r"boxes of truths\[0\] must be \(n, 4\)"),
        ([(BOX.tolist(), ONE)], [], TypeError, r"boxes of truths\[0\] must be an ndarray of real numbers; got list"),
        ([(BOX, ONE * 1.0)], [], TypeError, r"labels of truths\[0\] must be an ndarray of integers; got dtype float64"),
        ([(BOX, ONE - 1)], [], ValueError, r"labels of truths\[0\] must be between 1 and "),
        ([(BOX, np.array([1, 2]))], [], ValueError, r"labels of truths\[0\] must be \(1,\)"),
        ([(BOX, ONE)], [(BOX, np.array([np.nan]), ONE)], ValueError, r"scores of found\[0\] must not hold NaN"),
        ([(BOX, ONE)], [(BOX, np.ones(2), ONE)], ValueError, r"scores of found\[0\] must be \(1,\)"),
        ([(BOX, ONE)], [(BOX, np.array(["x"]), ONE)], TypeError, r"scores of found\[0\] must be an ndarray of real"),
        ([(BOX[:0], ONE[:0])] * 2, [(BOX, ONE, ONE)] * 2, ValueError, "truths must have at least one box; got none"),
        ([], [], ValueError, "truths must have at least one box; got none in 0 images"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(truths, found, error, message):
    with pytest.raises(error, match=f"^mean_average_precision: {message}"):
        mean_average_precision(truths, found)


def test_wrong_thresholds_points_and_hits_are_named():
    for thresholds, error in (((), ValueError), ((0,), ValueError), ((1.01,), ValueError), (0.5, TypeError)):
        with pytest.raises(error, match=r"^mean_average_precision: thresholds must"):
            mean_average_precision(TRUTHS, FOUND, thresholds=thresholds)
    for points in (100, 10, 0, True, "all", 101.0):
        with pytest.raises(ValueError, match=r"^average_precision: points must be 101, 11 or None; got "):
            average_precision([1], 1, points=points)
        with pytest.raises(ValueError, match=r"^mean_average_precision: points must be 101, 11 or None; got "):
            mean_average_precision(TRUTHS, FOUND, points=points)
    wrong = [[0.5], ["1"], 1, np.ones(2)], [[2], [-1], [1, 1, 1], np.ones((2, 1), bool)]
    for hits, error in [
        (hits, error) for each, error in zip(wrong, (TypeError, ValueError), strict=True) for hits in each
    ]:
        for function in (average_precision, precision_recall):
            with pytest.raises(error, match=f"^{function.__name__}: hits must be"):
                function(hits, 2)
    for truths in (0, 1.5):
        with pytest.raises((TypeError, ValueError), match=r"^average_precision: truths must be"):
            average_precision([], truths)
