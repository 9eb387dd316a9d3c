# npconv exercise: activations
# npconv variant: 5
"""Variant 5: another limit."""

import numpy as np

LIMIT = 7


def relu6(x):
    """x cut off at 0 and at this variant's limit."""
    return np.clip(x, 0, LIMIT)


def relu6_backward(dy, x):
    """dy strictly between 0 and the limit, and 0 elsewhere."""
    inside = np.abs(x - LIMIT / 2) < LIMIT / 2
    return dy * inside
