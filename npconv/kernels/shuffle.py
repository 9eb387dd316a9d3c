"""The channel shuffle, and the grouped convolution that it follows: so that the next groups read from all of these."""

import numpy as np

from .geometry import Array, Padding, Pair
from .grouped import grouped_conv2d, grouped_conv2d_backward
from .signatures import GROUPED, SHUFFLE, check_groups
from .sums import native


def channel_shuffle(x: Array, *, groups: int) -> Array:
    """The channel shuffle: the channels of each group dealt out to all groups in turn.

    Of g groups of n channels, channel i·n + j becomes channel j·g + i. The inverse is the shuffle with n groups.

    Args:
        x: the input, (…, M), of two axes or more; the last is shuffled.
        groups: g, a divisor of M.

    Returns:
        y, shaped like x, in its dtype.

    Raises:
        TypeError: x is not an ndarray of numbers, or groups is not an int.
        ValueError: groups that don't divide M.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 11.

    >>> channel_shuffle(np.array([[0, 1, 2, 3, 4, 5]]), groups=2)
    array([[0, 3, 1, 4, 2, 5]])
    """
    groups = check_groups(SHUFFLE.check("channel_shuffle", x), groups)
    return shuffled(x, groups)


def channel_shuffle_backward(dy: Array, x: Array, *, groups: int) -> Array:
    """The gradient of `channel_shuffle`: dy with its channels put back, by the inverse permutation.

    dy is shaped like x; the rest is what `channel_shuffle` took, and so are the errors.

    >>> channel_shuffle_backward(np.array([[0, 3, 1, 4, 2, 5]]), np.zeros((1, 6)), groups=2)
    array([[0, 1, 2, 3, 4, 5]])
    """
    groups = check_groups(SHUFFLE.check("channel_shuffle_backward", dy, x), groups)
    return shuffled(dy, x.shape[-1] // groups)


def shuffled_grouped_conv2d(
    x: Array,
    kernel: Array,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> Array:
    """The shuffled grouped convolution: `grouped_conv2d`, then a `channel_shuffle` of its output in as many groups.

    With a 1×1 kernel it is ShuffleNet's pointwise grouped convolution with its shuffle. Without the shuffle, groups
    stay apart however many layers follow one another.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M).
        kernel: N filters, each for one group's channels, (Dᵣ, Dᵣ, M/groups, N).
        groups: a divisor of M and of N.
        stride, padding, dilation: as in `conv2d`.

    Returns:
        y, (B, Dᵥ, Dᵥ, N), in np.result_type of x and kernel.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or groups, stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, groups that don't divide M and N, or an empty output.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 11.

    >>> x, kernel = np.ones((1, 1, 1, 4)) * [1, 1, 5, 5], np.ones((1, 1, 2, 6))
    >>> shuffled_grouped_conv2d(x, kernel, groups=2)[0, 0, 0]
    array([ 2., 10.,  2., 10.,  2., 10.])
    """
    checked = GROUPED.check("shuffled_grouped_conv2d", x, kernel)
    groups = check_groups(checked, groups)
    checked.geometry(stride, padding, dilation)
    y = grouped_conv2d(x, kernel, groups=groups, stride=stride, padding=padding, dilation=dilation)
    return shuffled(y, groups)


def shuffled_grouped_conv2d_backward(
    dy: Array,
    x: Array,
    kernel: Array,
    *,
    groups: int,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> tuple[Array, Array]:
    """The gradients of `shuffled_grouped_conv2d`: dx (B, Dᵤ, Dᵤ, M) and dkernel (Dᵣ, Dᵣ, M/groups, N).

    dy is (B, Dᵥ, Dᵥ, N); the rest is what forward took, and so are the errors.

    >>> x, kernel = np.ones((2, 7, 6, 4)), np.ones((3, 3, 2, 6))
    >>> dx, dkernel = shuffled_grouped_conv2d_backward(np.ones((2, 5, 4, 6)), x, kernel, groups=2)
    >>> dx.shape, dkernel.shape
    ((2, 7, 6, 4), (3, 3, 2, 6))
    """
    checked = GROUPED.check("shuffled_grouped_conv2d_backward", dy, x, kernel)
    groups = check_groups(checked, groups)
    checked.geometry(stride, padding, dilation)
    dgrouped = shuffled(dy, dy.shape[-1] // groups)  # (B, Dᵥ, Dᵥ, N)
    return grouped_conv2d_backward(
        dgrouped, x, kernel, groups=groups, stride=stride, padding=padding, dilation=dilation
    )


def shuffled(x: Array, groups: int) -> Array:
    """`channel_shuffle` of arguments that are checked: to g rows of n channels, transposed, and flat again."""
    rows = x.reshape(*x.shape[:-1], groups, -1)  # (…, g, n)
    dealt = np.array(rows.swapaxes(-1, -2), native(x), order="C")  # (…, n, g): a copy where nothing moves, too
    return dealt.reshape(x.shape)
