# npconv exercise: activations
# npconv variant: none
"""By numpy.where, and by a product with 0 or 1."""

import numpy as np


def relu6(x):
    return np.where(x < 0, 0, np.where(x > 6, 6, x))


def relu6_backward(dy, x):
    return dy * ((x > 0) & (x < 6)).astype(int)
