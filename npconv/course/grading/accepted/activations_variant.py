# npconv exercise: activations
# npconv variant: 5
"""Variant 5: another limit."""

import numpy as np

LIMIT = 7


def relu6(x):
    return np.clip(x, 0, LIMIT)


def relu6_backward(dy, x):
    inside = np.abs(x - LIMIT / 2) < LIMIT / 2
    return dy * inside
