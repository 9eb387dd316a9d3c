"""A right answer to the exercise iou."""

import numpy as np


def iou(a, b):
    """The sides of the intersection, cut off at 0, and then areas."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])  # (S, T, 2)
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    inside = sides[..., 0] * sides[..., 1]  # (S, T)
    first = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])  # (S,)
    second = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])  # (T,)
    return inside / (first[:, None] + second - inside)
