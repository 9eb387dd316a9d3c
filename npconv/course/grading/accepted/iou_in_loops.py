# npconv exercise: iou
# npconv variant: none
"""Pair by pair, with the lengths of intervals."""

import numpy as np


def _shared(first, second, axis):
    return max(min(first[2 + axis], second[2 + axis]) - max(first[axis], second[axis]), 0)


def iou(a, b):
    """Both areas are summed and the intersection taken off."""
    overlaps = np.empty((len(a), len(b)), np.float32)
    for i, first in enumerate(a):
        for j, second in enumerate(b):
            inside = _shared(first, second, 0) * _shared(first, second, 1)
            areas = [np.prod(box[2:] - box[:2], dtype=np.float64) for box in (first, second)]
            overlaps[i, j] = inside / (sum(areas) - inside)
    return overlaps
