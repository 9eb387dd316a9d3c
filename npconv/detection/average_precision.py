"""Average precision: the measure of detection, by exact fractions and COCO's rules."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import numpy as np

from ..kernels.arguments import LARGEST, check_axes, instance, integer, is_int, real, shown
from ..kernels.geometry import Array
from .boxes import iou_unchecked
from .checking import check_boxes, check_labels
from .suppression import falling

COCO_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


class PrecisionRecall(NamedTuple):
    """The precision-recall curve: a fraction for each detection, in the order of the scores.

    `recall` is TP/truths and `precision` TP/(TP + FP) after each detection. `envelope` is the greatest precision from
    there on: the precision that average precision takes.
    """

    recall: tuple[Fraction, ...]
    precision: tuple[Fraction, ...]
    envelope: tuple[Fraction, ...]


def precision_recall(hits: Array | Sequence[int], truths: int) -> PrecisionRecall:
    """The precision-recall curve of one class: recall and precision after each detection, and the envelope.

    Args:
        hits: for each detection, by falling score, True or 1 if it found a truth; an ndarray or a list.
        truths: the number of truths, found or not.

    Returns:
        Three tuples of fractions, a fraction for each detection.

    Raises:
        TypeError: hits are neither booleans nor ints, or truths is not an int.
        ValueError: hits are not (n,), a hit is neither 0 nor 1, more hits than truths, or truths below 1.

    >>> curve = precision_recall([1, 0, 1], 4)
    >>> [str(precision) for precision in curve.precision]
    ['1', '1/2', '2/3']
    >>> [str(precision) for precision in curve.envelope]
    ['1', '2/3', '2/3']
    """
    true, truths = _checked_hits("precision_recall", hits, truths)
    found = np.cumsum(true).tolist()
    precision = [Fraction(tp, rank) for rank, tp in enumerate(found, 1)]
    return PrecisionRecall(
        tuple(Fraction(tp, truths) for tp in found), tuple(precision), tuple(_greatest_from_there(precision))
    )


def average_precision(hits: Array | Sequence[int], truths: int, *, points: Literal[101, 11] | None = 101) -> Fraction:
    """The average precision of one class, as an exact fraction: the mean of the envelope at evenly spaced recalls.

    At each recall, precision is the greatest that any detection from there on has, and 0 if no detection gets there.
    Recalls are compared as integers: with 101 points, recall k/100 is reached as soon as 100·TP ≥ k·truths. pycocotools
    compares floats, and its points 0.35, 0.41, 0.47, 0.57, 0.69, 0.7, 0.82, 0.83, 0.94 and 0.95 lie just above k/100, a
    recall that does not reach them. 7 of 10 truths found without a false alarm give 71/101 here, and 70/101 with
    pycocotools. The two differ only if the number of truths is a multiple of 10.

    Args:
        hits: for each detection, by falling score, True or 1 if it found a truth; an ndarray or a list.
        truths: the number of truths, found or not.
        points: 101 recalls 0, 0.01, …, 1, as COCO has it; 11 recalls 0, 0.1, …, 1, as PASCAL VOC 2007 has it; or None
            for the area under the envelope, as PASCAL VOC 2010 has it.

    Returns:
        A fraction from 0 to 1.

    Raises:
        TypeError: hits are neither booleans nor ints, or truths is not an int.
        ValueError: hits are not (n,), a hit is neither 0 nor 1, more hits than truths, truths below 1, or points are
            another number.

    Source: https://arxiv.org/abs/1405.0312 and COCO's evaluation; PASCAL VOC's for 11 points and the area.

    >>> average_precision([1, 0, 1, 1, 0, 0, 1], 5)
    Fraction(437, 707)
    >>> average_precision([1, 0, 1, 1, 0, 0, 1], 5, points=None)
    Fraction(43, 70)
    """
    true, truths = _checked_hits("average_precision", hits, truths)
    _check_points("average_precision", points)
    ranks = (np.flatnonzero(true) + 1).tolist()
    envelope = _greatest_from_there([Fraction(tp, rank) for tp, rank in enumerate(ranks, 1)])
    if points is None:
        return _total(envelope) / truths
    intervals = int(points) - 1
    least = (max(-(-k * truths // intervals), 1) for k in range(intervals + 1))  # true positives that reach point k
    return _total(envelope[tp - 1] for tp in least if tp <= len(ranks)) / (intervals + 1)


@dataclass(frozen=True)
class MeanAveragePrecision:
    """Average precisions of all classes at all thresholds, and their means.

    `fractions` has the average precisions and `recalls` the shares of the truths that were found, as exact fractions by
    (threshold, label), for each label that has truths. The means are floats, each the nearest to the exact mean.
    """

    fractions: dict[tuple[float, int], Fraction]
    recalls: dict[tuple[float, int], Fraction]

    @property
    def mean(self) -> float:
        """The mean over classes and thresholds: COCO's AP."""
        return _mean(self.fractions.values())

    @property
    def recall(self) -> float:
        """The mean recall over classes and thresholds: COCO's AR."""
        return _mean(self.recalls.values())

    @property
    def by_threshold(self) -> dict[float, float]:
        """The mean over the classes, from threshold to float."""
        return self._means(0)

    @property
    def by_class(self) -> dict[int, float]:
        """The mean over the thresholds, from label to float."""
        return self._means(1)

    def _means(self, part: int) -> dict[Any, float]:
        keys = dict.fromkeys(key[part] for key in self.fractions)
        return {key: _mean(value for at, value in self.fractions.items() if at[part] == key) for key in keys}


def mean_average_precision(
    truths: Sequence[tuple[Array, Array]],
    found: Sequence[tuple[Array, Array, Array]],
    *,
    thresholds: Sequence[float] = COCO_THRESHOLDS,
    points: Literal[101, 11] | None = 101,
    most: int = 100,
) -> MeanAveragePrecision:
    """The mean average precision of detections, over classes and thresholds of IoU, by COCO's rules.

    In each image and class the detections are visited by falling score, of equal scores the first one first, at most
    `most` of them. Each takes the truth of greatest IoU that is not yet taken, of equal IoUs the last one, if the IoU
    is at or above the threshold. The detections of all images, sorted together by score, are the class's hits, which
    `average_precision` measures. Classes without truths are left out. Detections in images without truths are false.

    IoUs and thresholds are compared as float64, in which an IoU of exactly 3/5 counts at 0.6; so it is for all ten.

    Args:
        truths: for each image (boxes (n, 4), labels (n,)); boxes (top, left, bottom, right), labels from 1.
        found: for each image (boxes (n, 4), scores (n,), labels (n,)), as `detections` returns them.
        thresholds: IoUs above 0, up to 1.
        points: as in `average_precision`.
        most: how many detections of an image and class count.

    Returns:
        The means over classes and thresholds and over each of them, with the fractions behind them.

    Raises:
        TypeError: truths, found or thresholds are not sequences, an image is not a tuple of that many arrays, boxes or
            scores are not real numbers, labels not integers, or a threshold not a number.
        ValueError: truths and found differ in length, an image's arrays do not fit one another, a box is not finite or
            has exchanged corners, a score is NaN, a label below 1, no image has a truth, a threshold outside its range,
            or points are another number.

    Source: COCO's evaluation.

    >>> truths = [(np.array([[0, 0, 10, 10], [20, 20, 30, 30]]), np.array([1, 1]))]
    >>> found = [(np.array([[0, 0, 10, 8]]), np.array([0.9]), np.array([1]))]
    >>> result = mean_average_precision(truths, found, thresholds=(0.5, 0.8, 0.85))
    >>> result.fractions[0.8, 1]
    Fraction(51, 101)
    >>> [round(mean, 4) for mean in result.by_threshold.values()]
    [0.505, 0.505, 0.0]
    """
    function = "mean_average_precision"
    levels = _checked_thresholds(thresholds)
    _check_points(function, points)
    most = integer(function, "most", most)
    real_ones, detected = checked_images(function, "truths", truths, 2), checked_images(function, "found", found, 3)
    if len(real_ones) != len(detected):
        raise ValueError(f"{function}: found must have as many images as truths, {len(real_ones)}; got {len(detected)}")
    counts = Counter(label for _, labels in real_ones for label in labels.tolist())
    if not counts:
        raise ValueError(f"{function}: truths must have at least one box; got none in {len(real_ones)} images")
    fractions, recalls = {}, {}
    for label, count in sorted(counts.items()):
        for level, hits in zip(levels, hits_of_class(label, real_ones, detected, levels, most)[0], strict=True):
            fractions[level, label] = average_precision(hits, count, points=points)
            recalls[level, label] = Fraction(int(hits.sum()), count)
    return MeanAveragePrecision(fractions, recalls)


def hits_of_class(label: int, truths: Any, found: Any, levels: Sequence[float], most: int) -> tuple[Array, Array]:
    """The hits of one class in all images, (thresholds, detections), by falling score, and (image, index) of each."""
    hits, scores, places = [np.zeros((len(levels), 0), bool)], [np.zeros(0)], [np.zeros((0, 2), np.int64)]
    for image, (known, detected) in enumerate(zip(truths, found, strict=True)):
        (boxes, labels), (found_boxes, found_scores, found_labels) = known, detected
        chosen = np.flatnonzero(found_labels == label)
        chosen = chosen[falling(found_scores[chosen])[:most]]
        overlaps = iou_unchecked(found_boxes[chosen], boxes[labels == label])
        hits.append(np.stack([_take_truths(overlaps, level) for level in levels]))
        scores.append(found_scores[chosen])
        places.append(np.stack([np.full_like(chosen, image), chosen], axis=1))
    order = falling(np.concatenate(scores))
    return np.concatenate(hits, axis=1)[:, order], np.concatenate(places)[order]


def _take_truths(overlaps: Array, threshold: float) -> Array:
    """The hits of one image and class; overlaps (detections, truths), by falling score."""
    hits = np.zeros(len(overlaps), bool)
    free = list(range(overlaps.shape[1]))
    for detection in np.flatnonzero((overlaps >= threshold).any(axis=1)).tolist():
        row = overlaps[detection].tolist()
        best = max(free, key=lambda truth: (row[truth], truth), default=None)
        if best is not None and row[best] >= threshold:
            free.remove(best)
            hits[detection] = True
    return hits


def _greatest_from_there(precision: Iterable[Fraction]) -> list[Fraction]:
    """The envelope: precision made non-increasing from the right."""
    return list(accumulate(reversed(list(precision)), max))[::-1]


def _total(values: Iterable[Fraction]) -> Fraction:
    """The sum; equal values are multiplied, as adding fractions is slow."""
    return sum((value * count for value, count in Counter(values).items()), Fraction(0))


def _mean(values: Iterable[Fraction]) -> float:
    numbers = list(values)
    return float(_total(numbers) / len(numbers))


def _checked_hits(function: str, hits: Any, truths: Any) -> tuple[Array, int]:
    """The hits as booleans, and the number of truths."""
    truths = integer(function, "truths", truths)
    if not isinstance(hits, np.ndarray):
        instance(function, "hits", hits, tuple, list)
        if not all(is_int(hit) or isinstance(hit, bool | np.bool_) for hit in hits):
            raise TypeError(f"{function}: hits must be booleans, or 0 and 1; got {shown(hits)}")
        hits = np.array([int(hit) if hit in (0, 1) else -1 for hit in hits], np.int64)
    elif hits.dtype.kind not in "biu":
        raise TypeError(f"{function}: hits must be booleans, or 0 and 1; got dtype {hits.dtype}")
    if hits.ndim != 1 or not np.isin(hits, (0, 1)).all():
        raise ValueError(f"{function}: hits must be 0 or 1, in one dimension; got {shown(hits)}")
    if hits.sum() > truths:
        raise ValueError(f"{function}: hits must be at most truths, {truths}; got {hits.sum()} of them")
    return hits.astype(bool), truths


def _check_points(function: str, points: Any) -> None:
    if points is not None and not (is_int(points) and points in (101, 11)):
        raise ValueError(f"{function}: points must be 101, 11 or None; got {shown(points)}")


def _checked_thresholds(thresholds: Any) -> tuple[float, ...]:
    instance("mean_average_precision", "thresholds", thresholds, tuple, list)
    if not thresholds:
        raise ValueError("mean_average_precision: thresholds must have at least one; got none")
    return tuple(real("mean_average_precision", "thresholds", each, above=0, most=1) for each in thresholds)


def checked_images(function: str, name: str, images: Any, arrays: int) -> list[tuple[Array, ...]]:
    """The two or three arrays of each image, floats in float64: IoUs are compared with thresholds in it."""
    instance(function, name, images, tuple, list)
    for at, image in enumerate(images):
        if not isinstance(image, tuple | list) or len(image) != arrays:
            parts = {2: "(boxes, labels)", 3: "(boxes, scores, labels)"}[arrays]
            raise TypeError(f"{function}: {name}[{at}] must be a tuple {parts}; got {shown(image)}")
        boxes, *scores, labels = image
        check_boxes(function, f"boxes of {name}[{at}]", boxes)
        for each in scores:
            check_axes(function, f"scores of {name}[{at}]", each, (len(boxes),))
            if np.isnan(each).any():
                raise ValueError(f"{function}: scores of {name}[{at}] must not hold NaN; got scores {each.shape}")
        check_labels(function, f"labels of {name}[{at}]", labels, (len(boxes),), 1, LARGEST)
    return [(*(part.astype(np.float64) for part in image[:-1]), image[-1]) for image in images]
