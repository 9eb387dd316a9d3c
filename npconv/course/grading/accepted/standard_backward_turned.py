# npconv exercise: standard-backward
# npconv variant: none
"""dx as a convolution of the spread dy with the turned kernel."""

import numpy as np


def conv2d_backward(dy, x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """dkernel from the windows of x, dx from those of the dy that the stride has spread."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    tall, wide = kernel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (tall, wide), axis=(1, 2))
    dkernel = np.einsum("bvwmij,bvwn->ijmn", windows[:, :: stride[0], :: stride[1]], dy)

    spread = np.zeros((len(dy), padded.shape[1] + tall - 1, padded.shape[2] + wide - 1, dy.shape[3]))
    rows, columns = dy.shape[1] * stride[0], dy.shape[2] * stride[1]
    spread[:, tall - 1 : tall - 1 + rows : stride[0], wide - 1 : wide - 1 + columns : stride[1]] = dy
    views = np.lib.stride_tricks.sliding_window_view(spread, (tall, wide), axis=(1, 2))
    dpadded = np.einsum("bhwnij,ijmn->bhwm", views, kernel[::-1, ::-1])
    (top, _), (left, _) = padding
    return dpadded[:, top : top + x.shape[1], left : left + x.shape[2]], dkernel
