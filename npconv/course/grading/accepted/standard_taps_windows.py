# npconv exercise: standard-taps
# npconv variant: none
"""Sliding windows and one einsum."""

import numpy as np


def conv2d_taps(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """All windows of the padded map at once."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
    return np.einsum("bvwmij,ijmn->bvwn", windows[:, :: stride[0], :: stride[1]], kernel)
