"""A right answer to the exercise activations."""

import numpy as np


def relu6(x):
    """Cut off at 0 and at 6."""
    return np.minimum(np.maximum(x, 0), 6)


def relu6_backward(dy, x):
    """dy where x is between 0 and 6."""
    alive = (x > 0) & (x < 6)
    return np.where(alive, dy, 0)
