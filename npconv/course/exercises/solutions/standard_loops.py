"""A right answer to the exercise standard-loops."""

import numpy as np


def conv2d_loops(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """The definition, one product at a time."""
    (top, bottom), (left, right) = padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    batch, height, width, channels = padded.shape
    kernel_height, kernel_width, _, filters = kernel.shape
    rows = (height - kernel_height) // stride[0] + 1
    columns = (width - kernel_width) // stride[1] + 1
    y = np.zeros((batch, rows, columns, filters), np.result_type(x, kernel))
    for b in range(batch):
        for v in range(rows):
            for w in range(columns):
                for n in range(filters):
                    for i in range(kernel_height):
                        for j in range(kernel_width):
                            for m in range(channels):
                                row, column = v * stride[0] + i, w * stride[1] + j
                                y[b, v, w, n] += padded[b, row, column, m] * kernel[i, j, m, n]
    return y
