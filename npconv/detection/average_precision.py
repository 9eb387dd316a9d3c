"""Average precision: the measure of detection, by exact fractions and COCO's rules."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from ..kernels.arguments import array_of, instance, integer, is_int, real, shown
from ..kernels.geometry import Array

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
    """The precision-recall curve of detections that are sorted by falling score.

    hits: for each detection whether it found a truth, as booleans or as 0 and 1; truths: the number of all truths.

    Raises:
        TypeError: hits are neither booleans nor ints, or truths is no int.
        ValueError: hits are not in one dimension, a hit is neither 0 nor 1, or there are more hits than truths.

    Source: PASCAL VOC 2010 and COCO, whose precision does not increase with recall.

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
    """Average precision of one class: the mean of the envelope's precision at evenly spaced recalls.

    hits: for each detection, by falling score, whether it found a truth, as booleans or as 0 and 1; truths: the number
    of all truths. The points are COCO's 101 recalls 0, 0.01, …, 1, PASCAL VOC 2007's 11 recalls 0, 0.1, …, 1, or
    with None all of them: the area under the envelope, PASCAL VOC 2010's. A recall that no detection reaches counts 0.

    Recalls are compared as integers: recall k/100 is reached where 100·TP ≥ k·truths.

    Raises:
        TypeError: hits are neither booleans nor ints, or truths is no int.
        ValueError: hits are not in one dimension, a hit is neither 0 nor 1, there are more hits than truths, or points
            is none of 101, 11 and None.

    Source: COCO's evaluation, and PASCAL VOC's for 11 points and the area.

    >>> average_precision([1, 0, 1, 1, 0, 0, 1], 5)
    Fraction(437, 707)
    >>> average_precision([1, 0, 1, 1, 0, 0, 1], 5, points=None)
    Fraction(43, 70)
    """
    true, truths = _checked_hits("average_precision", hits, truths)
    if points is not None and not (is_int(points) and points in (101, 11)):
        raise ValueError(f"average_precision: points must be 101, 11 or None; got {shown(points)}")
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

    `fractions` and `recalls` are exact: the average precision, and the share of the truths that were found, of
    (threshold, label), for each label that has truths. Every mean is the float nearest to the exact mean.
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
        return {int(label): mean for label, mean in self._means(1).items()}

    def _means(self, part: int) -> dict[float, float]:
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
    """Mean average precision of detections, over classes and thresholds of IoU, by COCO's rules.

    truths: for each image its boxes (n, 4) and labels (n,); found: for each image boxes (n, 4), scores (n,) and labels
    (n,), as `detections` returns them. Boxes are (top, left, bottom, right), labels count from 1.

    In each image and class the detections are visited by falling score, the first of equals first, at most `most` of
    them. Each takes the truth of the greatest IoU, at or above the threshold, that is not yet taken, the last one of
    equals. The detections of all images are then sorted by score. A class without truths is left out; a detection in
    an image without truths is a false one. IoUs are floats, computed in float64: one of exactly 3/5 counts at 0.6.

    Raises:
        TypeError: an array is missing, boxes or scores are not real numbers, labels are not integers, or a threshold
            is no real number.
        ValueError: the numbers of images differ, those of boxes, labels and scores of an image differ, a box has its
            bottom above its top or its right left of its left, a number is not finite, a label is below 1, there are no
            truths at all, or a threshold is not in (0, 1].

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
    """The hits (thresholds, detections) of one class in all images, by falling score, for each threshold.

    Also the (detections, 2) image and index in the image of each.
    """
    hits, scores, places = [np.zeros((len(levels), 0), bool)], [np.zeros(0)], [np.zeros((0, 2), np.int64)]
    for image, (known, detected) in enumerate(zip(truths, found, strict=True)):
        (boxes, labels), (found_boxes, found_scores, found_labels) = known, detected
        chosen = np.flatnonzero(found_labels == label)
        chosen = chosen[np.argsort(-found_scores[chosen], kind="stable")][:most]
        overlaps = _iou(found_boxes[chosen], boxes[labels == label])
        hits.append(np.stack([_take_truths(overlaps, level) for level in levels]))
        scores.append(found_scores[chosen])
        places.append(np.stack([np.full_like(chosen, image), chosen], axis=1))
    order = np.argsort(-np.concatenate(scores), kind="stable")
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


def _iou(a: Array, b: Array) -> Array:
    """IoU of each pair of boxes."""
    top_left, bottom_right = np.maximum(a[:, None, :2], b[:, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    common = np.maximum(bottom_right - top_left, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    union = areas[0][:, None] + areas[1] - common
    overlaps: Array = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return overlaps


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
        hits = np.array([int(hit) if hit in (0, 1) else -1 for hit in hits], int)
    elif hits.dtype.kind not in "biu":
        raise TypeError(f"{function}: hits must be booleans, or 0 and 1; got dtype {hits.dtype}")
    if hits.ndim != 1 or not np.isin(hits, (0, 1)).all():
        raise ValueError(f"{function}: hits must be 0 or 1, in one dimension; got {shown(hits)}")
    if hits.sum() > truths:
        raise ValueError(f"{function}: hits must be at most truths, {truths}; got {hits.sum()} of them")
    return cast(Array, hits).astype(bool), integer(function, "truths", truths)


def _checked_thresholds(thresholds: Any) -> tuple[float, ...]:
    instance("mean_average_precision", "thresholds", thresholds, tuple, list)
    if not thresholds:
        raise ValueError("mean_average_precision: thresholds must have at least one; got none")
    return tuple(real("mean_average_precision", "thresholds", each, above=0, most=1) for each in thresholds)


def checked_images(function: str, name: str, images: Any, arrays: int) -> list[tuple[Array, ...]]:
    """Per image the boxes in float64, the scores (if there are three arrays) in float64 and the labels in int64."""
    instance(function, name, images, tuple, list)
    return [tuple(_checked_image(function, f"{name}[{at}]", image, arrays)) for at, image in enumerate(images)]


def _checked_image(function: str, name: str, image: Any, arrays: int) -> Iterator[Array]:
    parts = {2: "boxes and labels", 3: "boxes, scores and labels"}[arrays]
    if not isinstance(image, tuple | list) or len(image) != arrays:
        raise TypeError(f"{function}: {name} must be a tuple of {parts}; got {shown(image)}")
    boxes, labels = image[0], image[-1]
    array_of(function, f"boxes of {name}", boxes, "iuf")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{function}: boxes of {name} must be of shape (n, 4); got {boxes.shape}")
    array_of(function, f"labels of {name}", labels, "iu")
    for part, values in zip(parts.replace(" and", ",").split(", ")[1:], image[1:], strict=True):
        array_of(function, f"{part} of {name}", values, "iuf")
        if values.shape != (len(boxes),):
            raise ValueError(f"{function}: {part} of {name} must be of shape ({len(boxes)},); got {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"{function}: {part} of {name} must be finite; got {shown(values)}")
    wrong = ~(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >= boxes[:, :2]).all(axis=1))
    if wrong.any():
        raise ValueError(
            f"{function}: boxes of {name} must be finite, with top at most bottom and left at most right; "
            f"got (top, left, bottom, right) = {tuple(boxes[wrong][0].tolist())}"
        )
    if (labels < 1).any():
        raise ValueError(f"{function}: labels of {name} must be at least 1; got {labels.min()}")
    yield boxes.astype(np.float64)
    if arrays == 3:
        yield image[1].astype(np.float64)
    yield labels.astype(np.int64)
