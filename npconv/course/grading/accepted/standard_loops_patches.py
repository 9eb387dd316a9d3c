# npconv exercise: standard-loops
# npconv variant: none
"""Patch by patch with all filters at once; integers where it can be."""

import numpy as np


def conv2d_loops(x, kernel, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """A list of values, row by row, made an array at the end."""
    padded = np.pad(x, ((0, 0), padding[0], padding[1], (0, 0)))
    images = []
    for image in padded:
        rows = []
        for top in range(0, image.shape[0] - kernel.shape[0] + 1, stride[0]):
            row = []
            for left in range(0, image.shape[1] - kernel.shape[1] + 1, stride[1]):
                patch = image[top : top + kernel.shape[0], left : left + kernel.shape[1]]
                row.append((patch[..., None] * kernel).sum(axis=(0, 1, 2)))
            rows.append(row)
        images.append(rows)
    y = np.array(images)
    return y.astype(np.int64) if np.all(y == np.round(y)) else y
