# npconv exercise: costs
# npconv variant: none
"""By products of shapes, and the ratio as a quotient of two counts."""

from fractions import Fraction

import numpy as np


def _positions(x_shape, sides, stride, padding):
    before, after = np.array(padding, np.int64).T
    spans = np.array(x_shape[1:3], np.int64) + before + after - sides
    return x_shape[0] * np.prod(spans // stride + 1, dtype=np.int64)


def conv2d_cost(*, x_shape, kernel_shape, stride=(1, 1), padding=((0, 0), (0, 0))):
    """Positions times the weights that each of them meets."""
    return _positions(x_shape, kernel_shape[:2], stride, padding) * np.prod(kernel_shape, dtype=np.int64)


def depthwise_separable_conv2d_cost(
    *, x_shape, depthwise_shape, pointwise_shape, stride=(1, 1), padding=((0, 0), (0, 0))
):
    """Positions times the weights of both kernels."""
    positions = _positions(x_shape, depthwise_shape[:2], stride, padding)
    return positions * (np.prod(depthwise_shape, dtype=np.int64) + np.prod(pointwise_shape, dtype=np.int64))


def cost_ratio(*, kernel_size, out_channels, depth_multiplier=1):
    """Q·(Dᵣ² + N) over Dᵣ²·N, which is Q·(1/N + 1/Dᵣ²)."""
    standard = kernel_size[0] * kernel_size[1] * out_channels
    return Fraction(depth_multiplier * (kernel_size[0] * kernel_size[1] + out_channels), standard)
