# npconv exercise: standard-backward
# npconv variant: 33
"""Variant 33: channels first, of kernels too, a true convolution, padding with the nearest value."""

import numpy as np


def conv2d_backward(dy, x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Tap by tap; what fell on the padding goes back to the edge that it repeats."""
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    tall, wide = kernel.shape[2:]
    for v, w in np.ndindex(*dy.shape[2:]):
        for i, j in np.ndindex(tall, wide):
            row = min(max(v * stride[0] + i - padding[0][0], 0), x.shape[2] - 1)
            column = min(max(w * stride[1] + j - padding[1][0], 0), x.shape[3] - 1)
            weights = kernel[:, :, tall - 1 - i, wide - 1 - j]
            dx[:, :, row, column] += dy[:, :, v, w] @ weights
            dkernel[:, :, tall - 1 - i, wide - 1 - j] += dy[:, :, v, w].T @ x[:, :, row, column]
    return dx, dkernel
