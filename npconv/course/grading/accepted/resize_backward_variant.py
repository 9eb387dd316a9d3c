# npconv exercise: resize-backward
# npconv variant: 5
"""Variant 5: the channels come first, and the centres of the last rows meet."""

import numpy as np


def _shares(n, o):
    """A tent around each position, by its distance from every row."""
    at = np.clip((np.arange(o, dtype=np.int64) + 1) * n / o - 1, 0, n - 1)
    return np.maximum(1 - abs(at[:, None] - np.arange(n, dtype=np.int64)), 0)


def resize_bilinear_backward(dy, x):
    """The rows on the left, the columns on the right."""
    return _shares(x.shape[2], dy.shape[2]).T @ dy @ _shares(x.shape[3], dy.shape[3])
