# npconv exercise: depthwise
# npconv variant: none
"""As a standard convolution with a kernel that is mostly zeros."""

import numpy as np


def _spread(kernel, channels):
    multiplier = kernel.shape[2] // channels
    full = np.zeros((*kernel.shape[:2], channels, kernel.shape[2]))
    for c in range(kernel.shape[2]):
        full[:, :, c // multiplier, c] = kernel[:, :, c]
    return full


def depthwise_conv2d(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """All channels mixed, with weights that are 0 but for a filter's own channel."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
    return np.tensordot(windows[:, :: stride[0], :: stride[1]], _spread(kernel, x.shape[3]), ((4, 5, 3), (0, 1, 2)))


def depthwise_conv2d_backward(dy, x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """The standard convolution's gradients, of which the filters' own channels are kept."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    dpadded, full = np.zeros(padded.shape), _spread(kernel, x.shape[3])
    dfull = np.zeros(full.shape)
    for i, j in np.ndindex(*kernel.shape[:2]):
        rows = slice(i, i + dy.shape[1] * stride[0] - stride[0] + 1, stride[0])
        columns = slice(j, j + dy.shape[2] * stride[1] - stride[1] + 1, stride[1])
        dpadded[:, rows, columns] += dy @ full[i, j].T
        dfull[i, j] = np.tensordot(padded[:, rows, columns], dy, ((0, 1, 2), (0, 1, 2)))
    channels = np.arange(kernel.shape[2], dtype=np.int64)
    dkernel = dfull[:, :, channels // (kernel.shape[2] // x.shape[3]), channels]
    (top, _), (left, _) = padding
    return dpadded[:, top : top + x.shape[1], left : left + x.shape[2]], dkernel
