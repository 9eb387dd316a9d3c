# npconv exercise: standard-loops
# npconv variant: none
"""The filter's loops outside; the padding not stored but skipped."""

import numpy as np


def conv2d_loops(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """All products of one weight, then those of the next."""
    batch, height, width, channels = x.shape
    kernel_height, kernel_width, _, filters = kernel.shape
    (top, bottom), (left, right) = padding
    rows = (height + top + bottom - kernel_height) // stride[0] + 1
    columns = (width + left + right - kernel_width) // stride[1] + 1
    y = np.zeros((batch, rows, columns, filters))
    for n in range(filters):
        for m in range(channels):
            for i in range(kernel_height):
                for j in range(kernel_width):
                    for v in range(rows):
                        for w in range(columns):
                            row, column = v * stride[0] + i - top, w * stride[1] + j - left
                            if 0 <= row < height and 0 <= column < width:
                                for b in range(batch):
                                    y[b, v, w, n] += x[b, row, column, m] * kernel[i, j, m, n]
    return y
