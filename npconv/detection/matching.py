"""Matching: which anchor learns which object."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.arguments import LARGEST, boolean, check_axes
from ..kernels.geometry import Array
from .boxes import encode_unchecked, iou_unchecked
from .checking import check_boxes, check_labels, checked_scales, checked_share, float_dtype, wide


def match_boxes(overlaps: Array, *, threshold: float = 0.5, one_to_one: bool = False) -> Array:
    """The truth of each anchor, or −1 for background, from their overlaps.

    First, each anchor takes the truth that it overlaps most, if that overlap is at least the threshold. Then each truth
    takes the anchor that overlaps it most, however small the overlap, so that no truth is without one. If two
    truths have the same best anchor, the later truth gets it, and the first one may be left without, as in TensorFlow
    and torchvision.

    `one_to_one` avoids this: the second step takes the largest overlap of all, keeps its truth and its anchor for each
    other, and goes on with the rest. This greedy matching gives each truth an anchor of its own while there are
    anchors.

    Args:
        overlaps: (T, A), `iou` of T truths and A anchors; either may be 0.
        threshold: the least overlap of the first step, from 0 to 1; an overlap that equals it counts.
        one_to_one: whether the second step gives each truth an anchor of its own.

    Returns:
        (A,), int64: the index of the anchor's truth, or −1. Of equal overlaps the first counts.

    Raises:
        TypeError: overlaps are not an ndarray of real numbers, threshold is not a number, or one_to_one not a bool.
        ValueError: overlaps are not (T, A) or hold NaN, or the threshold lies outside 0 to 1.

    >>> overlaps = np.array([[0.9, 0.1], [0.8, 0.2]])
    >>> match_boxes(overlaps), match_boxes(overlaps, one_to_one=True)
    (array([ 1, -1]), array([0, 1]))
    """
    check_axes("match_boxes", "overlaps", overlaps, ("T", "A"))
    if np.isnan(overlaps).any():
        raise ValueError(f"match_boxes: overlaps must not hold NaN; got overlaps {overlaps.shape}")
    threshold = checked_share("match_boxes", "threshold", threshold)
    boolean("match_boxes", "one_to_one", one_to_one)
    return match_unchecked(overlaps, threshold, one_to_one)


def match_unchecked(overlaps: Array, threshold: float, one_to_one: bool) -> Array:
    """`match_boxes` of arguments that are checked."""
    truths, anchors = overlaps.shape
    if not overlaps.size:
        return np.full(anchors, -1, np.int64)
    best = overlaps.argmax(axis=0)
    matched = np.where(overlaps.max(axis=0) >= threshold, best, -1).astype(np.int64, copy=False)
    if one_to_one:
        for truth, anchor in _greedy_pairs(overlaps):
            matched[anchor] = truth
    else:
        matched[overlaps.argmax(axis=1)] = np.arange(truths, dtype=np.int64)  # of equal anchors the last stays
    return matched


def _greedy_pairs(overlaps: Array) -> list[tuple[int, int]]:
    """Pairs (truth, anchor), each truth and anchor in one at most: the largest overlap first."""
    free, pairs = overlaps.astype(np.float64), []
    for _ in range(min(free.shape)):
        truth, anchor = divmod(int(free.argmax()), free.shape[1])
        pairs.append((truth, anchor))
        free[truth], free[:, anchor] = -np.inf, -np.inf
    return pairs


def ssd_targets(
    anchors: Array,
    boxes: Sequence[Array],
    labels: Sequence[Array],
    *,
    threshold: float = 0.5,
    one_to_one: bool = False,
    scales: Sequence[float] = (10, 10, 5, 5),
) -> tuple[Array, Array]:
    """The labels and codes that each anchor of each image learns, from the images' objects.

    Args:
        anchors: (A, 4), boxes (top, left, bottom, right) such as `default_boxes`.
        boxes: for each of B images its objects' boxes, (n, 4); n may be 0.
        labels: for each image its objects' labels, (n,) integers from 1.
        threshold, one_to_one: as in `match_boxes`.
        scales: as in `encode_boxes`.

    Returns:
        (labels, codes): (B, A) int64 with 0 for background, and (B, A, 4) in anchors' dtype (float64 for integers),
        with zeros for background.

    Raises:
        TypeError: an array is not an ndarray of numbers, labels are not integers, boxes or labels are not lists.
        ValueError: shapes that don't fit one another, a box that is not finite, has exchanged corners or no area, a
            label below 1.

    >>> anchors = np.array([[0.0, 0, 8, 8], [0, 8, 8, 16]])
    >>> boxes, labels = [np.array([[0.0, 1, 8, 9]]), np.zeros((0, 4))], [np.array([3]), np.zeros(0, np.int64)]
    >>> labels, codes = ssd_targets(anchors, boxes, labels)
    >>> labels
    array([[3, 0],
           [0, 0]])
    >>> codes[0, 0]
    array([0.  , 1.25, 0.  , 0.  ])
    """
    check_boxes("ssd_targets", "anchors", anchors, ("A", 4), area=True)
    _check_objects("ssd_targets", boxes, labels)
    threshold = checked_share("ssd_targets", "threshold", threshold)
    boolean("ssd_targets", "one_to_one", one_to_one)
    factors = checked_scales("ssd_targets", scales)
    exact = wide(anchors)
    found_labels = np.zeros((len(boxes), len(anchors)), np.int64)
    codes = np.zeros((len(boxes), len(anchors), 4), float_dtype(anchors))
    for number, (truths, their_labels) in enumerate(zip(boxes, labels, strict=True)):
        matched = match_unchecked(iou_unchecked(wide(truths), exact), threshold, one_to_one)
        positive = np.flatnonzero(matched >= 0)
        found_labels[number, positive] = their_labels[matched[positive]]
        codes[number, positive] = encode_unchecked(wide(truths)[matched[positive]], exact[positive], factors)
    return found_labels, codes


def _check_objects(function: str, boxes: Any, labels: Any) -> None:
    """Check the images' boxes and labels."""
    for name, given in (("boxes", boxes), ("labels", labels)):
        if not isinstance(given, list | tuple):
            raise TypeError(
                f"{function}: {name} must be a list of arrays, one for each image; got {type(given).__name__}"
            )
    if not boxes or len(boxes) != len(labels):
        raise ValueError(
            f"{function}: boxes and labels must have one array for each image; got {len(boxes)} and {len(labels)}"
        )
    for number, (truths, their_labels) in enumerate(zip(boxes, labels, strict=True)):
        check_boxes(function, f"boxes[{number}]", truths, area=True)
        check_labels(function, f"labels[{number}]", their_labels, (len(truths),), 1, LARGEST)
