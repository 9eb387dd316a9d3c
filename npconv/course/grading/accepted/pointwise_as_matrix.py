# npconv exercise: pointwise
# npconv variant: none
"""All positions as the rows of one matrix; backward by tensordot."""

import numpy as np


def pointwise_conv2d(x, kernel):
    """The positions' channels as rows, times the kernel."""
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[1])


def pointwise_conv2d_backward(dy, x, kernel):
    """One contraction over the filters, one over the positions."""
    return np.tensordot(dy, kernel, ((3,), (1,))), np.tensordot(x, dy, ((0, 1, 2), (0, 1, 2)))
