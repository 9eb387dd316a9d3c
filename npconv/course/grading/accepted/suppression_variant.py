# npconv exercise: suppression
# npconv variant: 1
"""Variant 1: boxes as two spans, an IoU equal to the threshold suppresses, and the higher of equal scores is first."""

import numpy as np


def _length(first, second):
    return max(0, min(first[1], second[1]) - max(first[0], second[0]))


def non_maximum_suppression(boxes, scores, *, threshold):
    """From the last of a rising order on."""
    left, kept = np.argsort(scores, kind="stable").tolist(), []
    while left:
        best = left.pop()
        kept.append(best)
        for i in left[:]:
            inside = _length(boxes[best][:2], boxes[i][:2]) * _length(boxes[best][2:], boxes[i][2:])
            areas = [(box[1] - box[0]) * (box[3] - box[2]) for box in boxes[[best, i]]]
            if inside / (sum(areas) - inside) >= threshold:
                left.remove(i)
    return np.array(kept)
