"""A right answer to the exercise depthwise."""

import numpy as np


def depthwise_conv2d(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """The input's channels repeated Q times, then a sum over the taps."""
    (top, bottom), (left, right) = padding
    multiplier = kernel.shape[2] // x.shape[3]
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    repeated = np.repeat(padded, multiplier, axis=3)
    height = (padded.shape[1] - kernel.shape[0]) // stride[0] + 1
    width = (padded.shape[2] - kernel.shape[1]) // stride[1] + 1
    y = np.zeros((x.shape[0], height, width, kernel.shape[2]), np.result_type(x, kernel))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            rows = slice(i, i + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(j, j + (width - 1) * stride[1] + 1, stride[1])
            y += repeated[:, rows, columns] * kernel[i, j]
    return y


def depthwise_conv2d_backward(dy, x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """dy sent back along the two factors of each product, then summed over each channel's Q filters."""
    (top, bottom), (left, right) = padding
    multiplier = kernel.shape[2] // x.shape[3]
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    repeated = np.repeat(padded, multiplier, axis=3)
    _, height, width, _ = dy.shape
    drepeated = np.zeros(repeated.shape, np.result_type(dy, kernel))
    dkernel = np.zeros(kernel.shape, np.result_type(dy, x))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            rows = slice(i, i + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(j, j + (width - 1) * stride[1] + 1, stride[1])
            dkernel[i, j] = (repeated[:, rows, columns] * dy).sum(axis=(0, 1, 2))
            drepeated[:, rows, columns] += dy * kernel[i, j]
    dpadded = drepeated.reshape(*padded.shape, multiplier).sum(axis=4)
    dx = dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]
    return dx, dkernel
