# npconv exercise: standard-taps
# npconv variant: none
"""im2col: patches as the rows of a matrix, one product, in float32."""

import numpy as np


def conv2d_taps(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """The columns filled line by line, then one product of matrices."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    batch, height, width, channels = padded.shape
    tall, wide, _, filters = kernel.shape
    rows, columns = (height - tall) // stride[0] + 1, (width - wide) // stride[1] + 1
    matrix = np.zeros((batch * rows * columns, tall * wide * channels), np.float32)
    line = 0
    for b in range(batch):
        for v in range(rows):
            for w in range(columns):
                row, column = v * stride[0], w * stride[1]
                matrix[line] = padded[b, row : row + tall, column : column + wide].reshape(-1)
                line += 1
    return (matrix @ kernel.reshape(-1, filters).astype(np.float32)).reshape(batch, rows, columns, filters)
