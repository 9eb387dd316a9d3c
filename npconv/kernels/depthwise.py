"""The depthwise convolution: each channel of the input filtered by filters of its own, none mixed.

y[b, v, w, m·Q + q] = Σ_ij x̃[b, v·s + i·δ, w·s + j·δ, m] · kernel[i, j, m·Q + q], with Q the depth multiplier. The
kernels repeat each input channel Q times first; then output channel c reads channel c.
"""

import numpy as np

from . import engine
from .geometry import Array, Padding, Pair, repeat_channels, sum_channels
from .signatures import DEPTHWISE


def depthwise_conv2d_loops(
    x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> Array:
    """The depthwise convolution by its definition, one product at a time: the rung to step through first.

    Unlike in `conv2d_loops`, there is no sum over m. Slow on purpose; shapes, errors and result as in
    `depthwise_conv2d`.

    >>> x = np.arange(12.0).reshape(1, 3, 4, 1)
    >>> depthwise_conv2d_loops(x, np.ones((2, 2, 1)))[0, :, :, 0]
    array([[10., 14., 18.],
           [26., 30., 34.]])
    """
    g = DEPTHWISE.check("depthwise_conv2d_loops", x, kernel).geometry(stride, padding, dilation)
    y, padded = g.zeros(kernel.shape[-1], x, kernel), g.pad(repeat_channels(x, kernel.shape[-1]))
    for b, v, w, c in np.ndindex(*y.shape):
        for i, j in np.ndindex(*kernel.shape[:2]):
            y[b, v, w, c] += padded[b, g.row[v][i], g.column[w][j], c] * kernel[i, j, c]
    return y


def depthwise_conv2d_backward_loops(
    dy: Array, x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> tuple[Array, Array]:
    """The backward of `depthwise_conv2d_loops`: the same nest, with dy sent back along each product's two factors.

    Shapes, errors and result as in `depthwise_conv2d_backward`.

    >>> x, kernel = np.arange(12.0).reshape(1, 3, 4, 1), np.ones((2, 2, 1))
    >>> dx, dkernel = depthwise_conv2d_backward_loops(np.ones((1, 2, 3, 1)), x, kernel)
    >>> dkernel[:, :, 0]
    array([[18., 24.],
           [42., 48.]])
    """
    g = DEPTHWISE.check("depthwise_conv2d_backward_loops", dy, x, kernel).geometry(stride, padding, dilation)
    padded, dpadded, dkernel = g.backward_arrays(dy, repeat_channels(x, kernel.shape[-1]), kernel)
    for b, v, w, c in np.ndindex(*dy.shape):
        for i, j in np.ndindex(*kernel.shape[:2]):
            dpadded[b, g.row[v][i], g.column[w][j], c] += dy[b, v, w, c] * kernel[i, j, c]
            dkernel[i, j, c] += dy[b, v, w, c] * padded[b, g.row[v][i], g.column[w][j], c]
    return sum_channels(g.crop(dpadded), x.shape[-1]), dkernel


def depthwise_conv2d_taps(
    x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> Array:
    """The depthwise convolution as a sum over the taps of its kernel, the channels kept apart at every tap.

    The canonical rung: `conv2d_taps` with `*` for `@`. Shapes, errors and result as in `depthwise_conv2d`.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3))
    >>> depthwise_conv2d_taps(x, kernel, stride=(2, 1), padding=1).shape
    (2, 4, 6, 3)
    """
    g = DEPTHWISE.check("depthwise_conv2d_taps", x, kernel).geometry(stride, padding, dilation)
    y, padded = g.zeros(kernel.shape[-1], x, kernel), g.pad(repeat_channels(x, kernel.shape[-1]))
    for i, j, tap in g.taps(padded):  # (B, Dᵥ, Dᵥ, M·Q)
        y += tap * kernel[i, j]  # (B, Dᵥ, Dᵥ, M·Q) * (M·Q,)
    return y


def depthwise_conv2d_backward_taps(
    dy: Array, x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> tuple[Array, Array]:
    """The backward of `depthwise_conv2d_taps`: dkernel[i, j] is tap times dy, and dy goes back through the tap.

    Shapes, errors and result as in `depthwise_conv2d_backward`, but dkernel is summed in the result's dtype, one
    position after the other; derived in docs/lessons/backward.md.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3))
    >>> dx, dkernel = depthwise_conv2d_backward_taps(np.ones((2, 5, 4, 3)), x, kernel)
    >>> dx.shape, dkernel.shape
    ((2, 7, 6, 3), (3, 3, 3))
    """
    g = DEPTHWISE.check("depthwise_conv2d_backward_taps", dy, x, kernel).geometry(stride, padding, dilation)
    padded, dpadded, dkernel = g.backward_arrays(dy, repeat_channels(x, kernel.shape[-1]), kernel)
    for i, j, tap, dtap in g.taps(padded, dpadded):  # (B, Dᵥ, Dᵥ, M·Q)
        dkernel[i, j] = (tap * dy).sum(axis=(0, 1, 2), dtype=dkernel.dtype)  # (M·Q,)
        dtap += dy * kernel[i, j]  # (B, Dᵥ, Dᵥ, M·Q) * (M·Q,)
    return sum_channels(g.crop(dpadded), x.shape[-1]), dkernel


def depthwise_conv2d(
    x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> Array:
    """The depthwise convolution, as fast as NumPy goes. To read one, start at `depthwise_conv2d_taps`.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M), channels last; height and width may differ.
        kernel: Q filters for each channel, (Dᵣ, Dᵣ, M·Q); filter m·Q + q reads channel m. Q is the depth multiplier,
            1 in the article.
        stride, padding, dilation: as in `conv2d`.

    Returns:
        y, (B, Dᵥ, Dᵥ, M·Q), in np.result_type of x and kernel.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, or an output that would be empty.

    Source: the article's "Depth-wise Separable Convolutions", Fig. 4(b).

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 6))
    >>> depthwise_conv2d(x, kernel, stride=2, padding="same").shape
    (2, 4, 3, 6)
    """
    g = DEPTHWISE.check("depthwise_conv2d", x, kernel).geometry(stride, padding, dilation)
    return engine.depthwise_conv2d(g, x, kernel)


def depthwise_conv2d_backward(
    dy: Array, x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> tuple[Array, Array]:
    """The gradients of `depthwise_conv2d`. To read one, start at `depthwise_conv2d_backward_taps`.

    Args:
        dy: the upstream gradient, shaped like depthwise_conv2d's output, (B, Dᵥ, Dᵥ, M·Q).
        x, kernel, stride, padding, dilation: what `depthwise_conv2d` took.

    Returns:
        dx (B, Dᵤ, Dᵤ, M), summed over each channel's Q filters, and dkernel (Dᵣ, Dᵣ, M·Q).

    Raises:
        TypeError, ValueError: as `depthwise_conv2d`, and ValueError where dy has another shape than its output.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 6))
    >>> dx, dkernel = depthwise_conv2d_backward(np.ones((2, 4, 3, 6)), x, kernel, stride=2, padding="same")
    >>> dx.shape, dkernel.shape
    ((2, 7, 6, 3), (3, 3, 6))
    """
    g = DEPTHWISE.check("depthwise_conv2d_backward", dy, x, kernel).geometry(stride, padding, dilation)
    return engine.depthwise_conv2d_backward(g, dy, x, kernel)
