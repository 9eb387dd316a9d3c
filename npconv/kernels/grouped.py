"""The grouped convolution: standard convolutions side by side, each on its share of the channels."""

import numpy as np

from . import engine
from .geometry import Array, Padding, Pair
from .signatures import GROUPED, check_groups


def grouped_conv2d(
    x: Array,
    kernel: Array,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> Array:
    """The grouped convolution: output channels of group g read the input channels of group g alone.

    Its two ends are the standard convolution, at one group, and the depthwise convolution, at M groups.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M).
        kernel: N filters, each for one group's channels, (Dᵣ, Dᵣ, M/groups, N); N/groups in a row belong to a group.
        groups: a divisor of M and of N.
        stride, padding, dilation: as in `conv2d`.

    Returns:
        y, (B, Dᵥ, Dᵥ, N), in np.result_type of x and kernel.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or groups, stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, groups that don't divide M and N, or an empty output.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 10.

    >>> grouped_conv2d(np.ones((2, 7, 6, 4)), np.ones((3, 3, 2, 6)), groups=2).shape
    (2, 5, 4, 6)
    """
    checked = GROUPED.check("grouped_conv2d", x, kernel)
    groups, g = check_groups(checked, groups), checked.geometry(stride, padding, dilation)
    shares = zip(np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    parts = [engine.conv2d(g, x_g, kernel_g) for x_g, kernel_g in shares]
    return np.concatenate(parts, axis=-1)  # groups × (B, Dᵥ, Dᵥ, N/groups)


def grouped_conv2d_backward(
    dy: Array,
    x: Array,
    kernel: Array,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> tuple[Array, Array]:
    """The gradients of `grouped_conv2d`: dx (B, Dᵤ, Dᵤ, M) and dkernel (Dᵣ, Dᵣ, M/groups, N).

    dy is (B, Dᵥ, Dᵥ, N); the rest is what `grouped_conv2d` took, and so are the errors.

    >>> x, kernel = np.ones((2, 7, 6, 4)), np.ones((3, 3, 2, 6))
    >>> dx, dkernel = grouped_conv2d_backward(np.ones((2, 5, 4, 6)), x, kernel, groups=2)
    >>> dx.shape, dkernel.shape
    ((2, 7, 6, 4), (3, 3, 2, 6))
    """
    checked = GROUPED.check("grouped_conv2d_backward", dy, x, kernel)
    groups, g = check_groups(checked, groups), checked.geometry(stride, padding, dilation)
    shares = zip(*(np.split(a, groups, axis=-1) for a in (dy, x, kernel)), strict=True)
    parts = [engine.conv2d_backward(g, *share) for share in shares]
    dx, dkernel = (np.concatenate(gradients, axis=-1) for gradients in zip(*parts, strict=True))
    return dx, dkernel
