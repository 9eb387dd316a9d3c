"""A right answer to the exercise hard-swish."""

import numpy as np


def hard_swish_backward(dy, x):
    """Three pieces: flat, a parabola, and x itself."""
    dx = np.where(x < 3, dy * (2 * x + 3) / 6, dy)
    return np.where(x <= -3, 0, dx)
