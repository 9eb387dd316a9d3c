"""A right answer to the exercise resize-backward."""

import numpy as np


def resize_bilinear_backward(dy, x):
    """A matrix for each axis, whose transpose takes dy back."""
    dx = dy
    for axis in (1, 2):
        n, o = x.shape[axis], dy.shape[axis]
        i = np.arange(o, dtype=np.int64)
        at = (i + 0.5) * n / o - 0.5
        at = np.clip(at, 0, n - 1)
        first = np.floor(at).astype(np.int64)
        weights = np.zeros((o, n))
        weights[i, first] += 1 - (at - first)
        weights[i, np.minimum(first + 1, n - 1)] += at - first
        dx = np.moveaxis(np.tensordot(weights.T, dx, (1, axis)), 0, axis)
    return dx
