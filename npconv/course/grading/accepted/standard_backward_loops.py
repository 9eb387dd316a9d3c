# npconv exercise: standard-backward
# npconv variant: none
"""In loops over dy and over the taps; a list of the two gradients."""

import numpy as np


def conv2d_backward(dy, x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Every product sent back along its two factors, where it meets no padding."""
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    top, left = padding[0][0], padding[1][0]
    for b, v, w, n in np.ndindex(*dy.shape):
        for i, j, m in np.ndindex(*kernel.shape[:3]):
            row, column = v * stride[0] + i - top, w * stride[1] + j - left
            if row in range(x.shape[1]) and column in range(x.shape[2]):
                dx[b, row, column, m] += dy[b, v, w, n] * kernel[i, j, m, n]
                dkernel[i, j, m, n] += dy[b, v, w, n] * x[b, row, column, m]
    return [dx, dkernel]
