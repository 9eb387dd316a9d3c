# npconv exercise: standard-taps
# npconv variant: 15
"""Variant 15: channels first, of kernels too, a true convolution, circular padding."""

import numpy as np


def conv2d_taps(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """A sum over the taps of the turned kernel, on a map that goes round."""
    (top, bottom), (left, right) = padding
    rows = np.arange(-top, x.shape[2] + bottom, dtype=np.int64)
    columns = np.arange(-left, x.shape[3] + right, dtype=np.int64)
    padded = x[:, :, rows % x.shape[2]][..., columns % x.shape[3]]
    _, _, tall, wide = kernel.shape
    height = (padded.shape[2] - tall) // stride[0] + 1
    width = (padded.shape[3] - wide) // stride[1] + 1
    y = np.zeros((x.shape[0], kernel.shape[0], height, width))
    for i in range(tall):
        for j in range(wide):
            tap = padded[:, :, i :: stride[0], j :: stride[1]][:, :, :height, :width]
            y += np.einsum("bmvw,nm->bnvw", tap, kernel[:, :, tall - 1 - i, wide - 1 - j])
    return y
