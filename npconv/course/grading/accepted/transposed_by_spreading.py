# npconv exercise: transposed
# npconv variant: none
"""As a convolution with the turned kernel, over x with zeros between its values."""

import numpy as np


def transposed_conv2d(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """x with gaps and a wide border, filtered."""
    tall, wide = kernel.shape[:2]
    rows, columns = ((x.shape[1 + axis] - 1) * stride[axis] + 1 for axis in (0, 1))
    spread = np.zeros((len(x), rows + 2 * tall - 2, columns + 2 * wide - 2, x.shape[3]))
    spread[:, tall - 1 : tall - 1 + rows : stride[0], wide - 1 : wide - 1 + columns : stride[1]] = x
    windows = np.lib.stride_tricks.sliding_window_view(spread, (tall, wide), axis=(1, 2))
    y = np.einsum("bvwmij,ijnm->bvwn", windows, kernel[::-1, ::-1])
    (top, bottom), (left, right) = padding
    return y[:, top : y.shape[1] - bottom, left : y.shape[2] - right]


def transposed_conv2d_backward(dy, x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """A convolution of dy, and the correlation of its windows with x."""
    whole = np.pad(dy, ((0, 0), *padding, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(whole, kernel.shape[:2], axis=(1, 2))
    windows = windows[:, :: stride[0], :: stride[1]]
    return np.einsum("bvwnij,ijnm->bvwm", windows, kernel), np.einsum("bvwnij,bvwm->ijnm", windows, x)
