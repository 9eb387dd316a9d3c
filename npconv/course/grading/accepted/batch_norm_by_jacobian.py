# npconv exercise: batch-norm
# npconv variant: none
"""By the matrix of all derivatives, channel by channel.

∂y/∂x = scale/deviation · (1 − 1/n − x̂·x̂ᵀ/n)
"""

import numpy as np


def batch_norm_backward(dy, x, scale, shift, *, epsilon=1e-3):
    """Each channel's dx as a matrix times dy."""
    dx, dscale, dshift = np.zeros(x.shape), np.zeros(scale.shape), np.zeros(shift.shape)
    for c in range(x.shape[-1]):
        values, upstream = x[..., c].ravel(), dy[..., c].ravel()
        deviation = np.sqrt(values.var() + epsilon)
        centred = (values - values.mean()) / deviation
        count = len(values)
        jacobian = np.eye(count) - 1 / count - np.outer(centred, centred) / count
        dx[..., c] = (scale[c] / deviation * (jacobian @ upstream)).reshape(x.shape[:-1])
        dscale[c], dshift[c] = upstream @ centred, upstream.sum()
    return dx, dscale, dshift
