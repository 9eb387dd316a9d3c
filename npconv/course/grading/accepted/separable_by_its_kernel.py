# npconv exercise: separable
# npconv variant: none
"""The factored kernel first, and then a standard convolution with it."""

import numpy as np


def factored_kernel(depthwise, pointwise, *, depth_multiplier=1):
    """Σ over q of depthwise times pointwise, at every tap."""
    channels = depthwise.shape[2] // depth_multiplier
    split = depthwise.reshape(*depthwise.shape[:2], channels, depth_multiplier)
    return np.einsum("ijmq,mqn->ijmn", split, pointwise.reshape(channels, depth_multiplier, -1))


def depthwise_separable_conv2d(x, depthwise, pointwise, *, stride=(1, 1), padding=((0, 0), (0, 0))):
    """One standard convolution, with the factored kernel."""
    kernel = factored_kernel(depthwise, pointwise, depth_multiplier=depthwise.shape[2] // x.shape[3])
    padded = np.pad(x, ((0, 0), *padding, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
    return np.einsum("bvwmij,ijmn->bvwn", windows[:, :: stride[0], :: stride[1]], kernel)
