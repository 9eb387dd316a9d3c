# npconv exercise: batch-norm
# npconv variant: 2
"""Variant 2: channels first, epsilon outside the root."""

import numpy as np


def batch_norm_backward(dy, x, scale, shift, *, epsilon=1e-3):
    """All channels at once, with epsilon added to the deviation itself."""
    axes, count = (0, 2, 3), x.size // x.shape[1]
    centred = x - x.mean(axis=axes, keepdims=True)
    root = np.sqrt((centred**2).mean(axis=axes, keepdims=True))
    deviation = root + epsilon
    dscale, dshift = (dy * centred / deviation).sum(axis=axes), dy.sum(axis=axes)
    upstream = dy * scale[:, None, None]
    ddeviation = -(upstream * centred).sum(axis=axes, keepdims=True) / deviation**2
    spread = np.where(root == 0, 1, count * root)  # where nothing is spread, nothing goes through the root
    dcentred = upstream / deviation + ddeviation * centred / spread
    return dcentred - dcentred.mean(axis=axes, keepdims=True), dscale, dshift
