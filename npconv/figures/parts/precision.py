"""The precision-recall curve of one class, and the steps from its hits to average precision."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Literal

import numpy as np

from ...detection import average_precision, iou, precision_recall
from ...detection.average_precision import hits_of_class
from ...kernels.geometry import Array
from ...text import counted

MOST = 100  # detections of a class in an image that count, as COCO has it

Images = Sequence[tuple[Array, ...]]
Points = Literal[101, 11] | None


@dataclass(frozen=True)
class Hit:
    """A detection that found a truth: its rank from 1, its image, its IoU, and how many recalls it first reaches."""

    rank: int
    score: float
    image: int
    overlap: float
    recall: Fraction
    precision: Fraction
    greatest: Fraction  # precision from there on
    points: int
    false: int  # detections between the hit before and this one


@dataclass(frozen=True)
class Curve:
    """The detections of a class in all images, by falling score, and what average precision makes of them."""

    label: int
    truths: int
    found: Array  # (n,) of bool: which are hits
    scores: Array  # (n,)
    recall: Sequence[Fraction]
    precision: Sequence[Fraction]
    envelope: Sequence[Fraction]
    hits: Sequence[Hit]
    points: Points
    average: Fraction

    @property
    def divisor(self) -> int:
        """The number of recalls at which precision is averaged, or for the area the number of truths."""
        return self.points or self.truths

    @property
    def unreached(self) -> int:
        """The number of recalls that no detection reaches."""
        return self.divisor - sum(hit.points for hit in self.hits)

    @property
    def later(self) -> int:
        """The number of false alarms behind the last hit."""
        return len(self.found) - (self.hits[-1].rank if self.hits else 0)

    @property
    def rows(self) -> int:
        """The number of rows that the steps take: one for each hit, and one for the false alarms before it."""
        return len(self.hits) + sum(hit.false > 0 for hit in self.hits)

    @property
    def terms(self) -> list[str]:
        """The terms of average precision: each precision times the number of recalls that it counts at."""
        counts = [(p, sum(hit.points for hit in hits)) for p, hits in groupby(self.hits, key=lambda hit: hit.greatest)]
        return [f"{count}·{p}" if p.denominator == 1 else f"{count}·({p})" for p, count in counts if count]

    @property
    def equation(self) -> str:
        """Average precision as the sum that it is."""
        total = " + ".join(self.terms) or "0"
        return f"AP = ({total}) / {self.divisor} = {self.average} = {float(self.average):.4f}"


def curve_of(label: int, truths: Images, found: Images, threshold: float, points: Points) -> Curve:
    """The curve of a class that has truths, and its hits one by one."""
    count = sum(int((labels == label).sum()) for _, labels in truths)
    (hits,), places = hits_of_class(label, truths, found, [threshold], MOST)
    scores = np.array([found[image][1][i] for image, i in places.tolist()], np.float64)
    curve = precision_recall(hits, count)
    ends = np.flatnonzero(hits).tolist()
    reached = points_of(count, points)
    steps = []
    for number, (before, end) in enumerate(pairwise([-1, *ends]), 1):
        image, i = places[end].tolist()
        boxes, labels = truths[image]
        overlap = float(iou(found[image][0][i : i + 1], boxes[labels == label]).max())
        steps.append(
            Hit(
                end + 1, float(scores[end]), image, overlap, curve.recall[end], curve.precision[end],
                curve.envelope[end], reached[number], end - before - 1,
            )
        )  # fmt: skip
    average = average_precision(hits, count, points=points)
    return Curve(label, count, hits, scores, *curve, steps, points, average)


def points_of(truths: int, points: Points) -> Counter[int]:
    """The number of recalls that each true positive, by its number from 1, is the first to reach.

    >>> dict(points_of(5, 11)), points_of(3, None)[2]
    ({1: 3, 2: 2, 3: 2, 4: 2, 5: 2}, 1)
    """
    if points is None:
        return Counter(range(1, truths + 1))
    return Counter(max(-(-k * truths // (points - 1)), 1) for k in range(points))


def false_alarms(count: int) -> str:
    """The number of detections that found nothing."""
    return counted("false alarm", count)
