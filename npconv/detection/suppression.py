"""Non-maximum suppression: of boxes that overlap, the one of highest score."""

import numpy as np

from ..kernels.arguments import check_axes
from ..kernels.geometry import Array
from .boxes import iou_unchecked
from .checking import check_boxes, checked_share, wide

ROWS = 64  # boxes whose overlaps with all that follow are computed at once


def non_maximum_suppression(boxes: Array, scores: Array, *, threshold: float) -> Array:
    """The indices of the boxes that are kept, by falling score.

    The box of highest score is kept, and suppresses every box whose `iou` with it is above the threshold; the best of
    the rest is kept next, and so on. A box at the threshold itself is kept. Of equal scores the lower index is first.

    Args:
        boxes: (n, 4), boxes (top, left, bottom, right); n may be 0.
        scores: (n,), real numbers; infinity is allowed.
        threshold: from 0 to 1.

    Returns:
        int64 indices into boxes.

    Raises:
        TypeError: an array is not an ndarray of real numbers, or threshold is not a number.
        ValueError: shapes that don't fit one another, a box that is not finite or has exchanged corners, a score that
            is NaN, or a threshold outside 0 to 1.

    >>> boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 5, 10], [100, 100, 110, 110]])
    >>> scores = np.array([0.9, 0.8, 0.7, 0.6])
    >>> non_maximum_suppression(boxes, scores, threshold=0.5)
    array([0, 1, 2, 3])
    >>> non_maximum_suppression(boxes, scores, threshold=0.4999)
    array([0, 3])
    """
    check_boxes("non_maximum_suppression", "boxes", boxes)
    check_axes("non_maximum_suppression", "scores", scores, (len(boxes),))
    if np.isnan(scores).any():
        raise ValueError(f"non_maximum_suppression: scores must not hold NaN; got scores {scores.shape}")
    return suppress_unchecked(boxes, scores, checked_share("non_maximum_suppression", "threshold", threshold))


def suppress_unchecked(boxes: Array, scores: Array, threshold: float) -> Array:
    """`non_maximum_suppression` of arguments that are checked."""
    order = falling(scores)
    boxes = wide(boxes[order])
    alive = np.ones(len(boxes), np.bool_)
    for start in range(0, len(boxes), ROWS):
        rows = boxes[start : start + ROWS]
        passed = iou_unchecked(rows, boxes[start:]) <= threshold
        for row in range(len(rows)):
            if alive[start + row]:
                alive[start + row + 1 :] &= passed[row, row + 1 :]
    return order[alive]


def falling(scores: Array) -> Array:
    """The order of falling scores, int64; of equal scores the lower index is first."""
    turned = scores[::-1]
    order = len(scores) - 1 - np.argsort(turned, kind="stable")[::-1]
    return order.astype(np.int64, copy=False)
