"""A right answer to the exercise spatially-separable."""

import numpy as np


def spatially_separable_conv2d(x, column, row, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """A sum over the taps of the column, and of its result one over the taps of the row."""
    (top, bottom), (left, right) = padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    height = (padded.shape[1] - len(column)) // stride[0] + 1
    width = (padded.shape[2] - len(row)) // stride[1] + 1
    between = sum(padded[:, i : i + (height - 1) * stride[0] + 1 : stride[0]] * column[i] for i in range(len(column)))
    return sum(between[:, :, j : j + (width - 1) * stride[1] + 1 : stride[1]] * row[j] for j in range(len(row)))


def spatially_separable_conv2d_backward(dy, x, column, row, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """The column's result once more; dy goes back through the row, and from there through the column."""
    (top, bottom), (left, right) = padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    _, height, width, _ = dy.shape
    row_slices = [slice(i, i + (height - 1) * stride[0] + 1, stride[0]) for i in range(len(column))]
    column_slices = [slice(j, j + (width - 1) * stride[1] + 1, stride[1]) for j in range(len(row))]
    between = sum(padded[:, rows] * column[i] for i, rows in enumerate(row_slices))
    dbetween = np.zeros(between.shape, np.result_type(dy, row))
    drow = np.zeros(row.shape, np.result_type(dy, between))
    for j, columns in enumerate(column_slices):
        drow[j] = (between[:, :, columns] * dy).sum(axis=(0, 1, 2))
        dbetween[:, :, columns] += dy * row[j]
    dpadded = np.zeros(padded.shape, np.result_type(dbetween, column))
    dcolumn = np.zeros(column.shape, np.result_type(dbetween, x))
    for i, rows in enumerate(row_slices):
        dcolumn[i] = (padded[:, rows] * dbetween).sum(axis=(0, 1, 2))
        dpadded[:, rows] += dbetween * column[i]
    dx = dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]
    return dx, dcolumn, drow
