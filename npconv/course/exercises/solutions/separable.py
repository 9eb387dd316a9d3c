"""A right answer to the exercise separable."""

import numpy as np


def depthwise_separable_conv2d(x, depthwise, pointwise, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Each channel filtered on its own, then the channels combined."""
    (top, bottom), (left, right) = padding
    multiplier = depthwise.shape[2] // x.shape[3]
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    repeated = np.repeat(padded, multiplier, axis=3)
    height = (padded.shape[1] - depthwise.shape[0]) // stride[0] + 1
    width = (padded.shape[2] - depthwise.shape[1]) // stride[1] + 1
    filtered = np.zeros((x.shape[0], height, width, depthwise.shape[2]), np.result_type(x, depthwise))
    for i in range(depthwise.shape[0]):
        for j in range(depthwise.shape[1]):
            rows = slice(i, i + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(j, j + (width - 1) * stride[1] + 1, stride[1])
            filtered += repeated[:, rows, columns] * depthwise[i, j]
    return filtered @ pointwise


def factored_kernel(depthwise, pointwise, *, depth_multiplier=1):
    """Each channel's Q products of a depthwise and a pointwise weight, summed."""
    height, width, inner = depthwise.shape
    filters = pointwise.shape[1]
    products = depthwise[:, :, :, None] * pointwise
    return products.reshape(height, width, inner // depth_multiplier, depth_multiplier, filters).sum(axis=3)
