"""A right answer to the exercise transposed."""

import numpy as np


def transposed_conv2d(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Tap by tap: all of x, times one tap, is added to every stride-th row and column."""
    (top, bottom), (left, right) = padding
    batch, height, width, _ = x.shape
    tall = (height - 1) * stride[0] + kernel.shape[0]
    wide = (width - 1) * stride[1] + kernel.shape[1]
    whole = np.zeros((batch, tall, wide, kernel.shape[2]), np.result_type(x, kernel))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            rows = slice(i, i + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(j, j + (width - 1) * stride[1] + 1, stride[1])
            whole[:, rows, columns] += x @ kernel[i, j].T
    return whole[:, top : tall - bottom, left : wide - right]


def transposed_conv2d_backward(dy, x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Both gradients read the dy that the crop left, with zeros where it cut off."""
    _, height, width, _ = x.shape
    whole = np.pad(dy, ((0, 0), padding[0], padding[1], (0, 0)))
    dx = np.zeros(x.shape, np.result_type(dy, kernel))
    dkernel = np.zeros(kernel.shape, np.result_type(dy, x))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            rows = slice(i, i + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(j, j + (width - 1) * stride[1] + 1, stride[1])
            dx += whole[:, rows, columns] @ kernel[i, j]
            dkernel[i, j] = np.einsum("bvwn,bvwm->nm", whole[:, rows, columns], x)
    return dx, dkernel
