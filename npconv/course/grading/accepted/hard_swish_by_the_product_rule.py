# npconv exercise: hard-swish
# npconv variant: none
"""By the product rule, with the gate's own derivative."""

import numpy as np


def hard_swish_backward(dy, x):
    """The gate, plus x times the gate's derivative, which is 0 at both kinks."""
    gate = np.clip(x / 6 + 0.5, 0, 1)
    return dy * (gate + x * ((x > -3) & (x < 3)) / 6)
