"""A right answer to the exercise batch-norm."""

import numpy as np


def batch_norm_backward(dy, x, scale, shift, *, epsilon=1e-3):
    """The gradients, with the share of mean and variance in dx."""
    axes = (0, 1, 2)
    count = x.shape[0] * x.shape[1] * x.shape[2]
    deviation = np.sqrt(x.var(axis=axes) + epsilon)
    normalized = (x - x.mean(axis=axes)) / deviation
    dscale = (dy * normalized).sum(axis=axes)
    dshift = dy.sum(axis=axes)
    dx = scale / deviation * (dy - dshift / count - normalized * dscale / count)
    return dx, dscale, dshift
