# npconv exercise: activations
# npconv variant: none
"""By numpy.where, and by a product with 0 or 1."""

import numpy as np


def relu6(x):
    """Two choices, one inside the other."""
    return np.where(x < 0, 0, np.where(x > 6, 6, x))


def relu6_backward(dy, x):
    """dy times 1 strictly between the kinks, and times 0 elsewhere."""
    return dy * ((x > 0) & (x < 6)).astype(x.dtype)
