"""A right answer to the exercise pointwise."""

import numpy as np


def pointwise_conv2d(x, kernel):
    """The same matrix at every position."""
    return x @ kernel


def pointwise_conv2d_backward(dy, x, kernel):
    """The gradients of a matrix product."""
    dx = dy @ kernel.T
    dkernel = np.einsum("bvwm,bvwn->mn", x, dy)
    return dx, dkernel
