"""The standard 2D convolution: one function on five rungs of a ladder, and its backward on four.

y[b, v, w, n] = Σ_ijm x̃[b, v·s + i·δ, w·s + j·δ, m] · kernel[i, j, m, n], with x̃ the padded x.
"""

import numpy as np

from . import engine
from .geometry import Array, Geometry, Padding, Pair, as_matrix
from .signatures import SINGLE_FILTER, STANDARD


def conv2d_loops(x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1) -> Array:
    """The standard convolution by its definition, one product at a time: the rung to step through first.

    The article's first reading (Fig. 2): a filter steps over the input, and at each place the inner product of patch
    and filter is one value of the output. Slow on purpose. Shapes, errors and result as in `conv2d`, but sums are
    rounded to the result's dtype at every step.

    >>> x = np.arange(12.0).reshape(1, 3, 4, 1)
    >>> conv2d_loops(x, np.ones((2, 2, 1, 1)))[0, :, :, 0]
    array([[10., 14., 18.],
           [26., 30., 34.]])
    """
    g = STANDARD.check("conv2d_loops", x, kernel).geometry(stride, padding, dilation)
    y, padded = g.zeros(kernel.shape[-1], x, kernel), g.pad(x)
    for b, v, w, n in np.ndindex(*y.shape):
        for i, j, m in np.ndindex(*kernel.shape[:3]):
            y[b, v, w, n] += padded[b, g.row[v][i], g.column[w][j], m] * kernel[i, j, m, n]
    return y


def conv2d_backward_loops(
    dy: Array, x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> tuple[Array, Array]:
    """The backward of `conv2d_loops`: the same nest, with dy sent back along each product's two factors.

    Shapes, errors and result as in `conv2d_backward`.

    >>> x, kernel = np.arange(12.0).reshape(1, 3, 4, 1), np.ones((2, 2, 1, 1))
    >>> dx, dkernel = conv2d_backward_loops(np.ones((1, 2, 3, 1)), x, kernel)
    >>> dkernel[:, :, 0, 0]
    array([[18., 24.],
           [42., 48.]])
    """
    g = STANDARD.check("conv2d_backward_loops", dy, x, kernel).geometry(stride, padding, dilation)
    padded, dpadded, dkernel = g.backward_arrays(dy, x, kernel)
    for b, v, w, n in np.ndindex(*dy.shape):
        for i, j, m in np.ndindex(*kernel.shape[:3]):
            dpadded[b, g.row[v][i], g.column[w][j], m] += dy[b, v, w, n] * kernel[i, j, m, n]
            dkernel[i, j, m, n] += dy[b, v, w, n] * padded[b, g.row[v][i], g.column[w][j], m]
    return g.crop(dpadded), dkernel


def per_channel_maps(
    x: Array, filter: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> Array:
    """Each channel of x filtered by the same channel of one filter: M maps, before they are summed.

    The article's Fig. 3(c), from its second reading of the convolution. x (B, Dᵤ, Dᵤ, M), filter (Dᵣ, Dᵣ, M), result
    (B, Dᵥ, Dᵥ, M). The sum of filter n's maps is channel n of `conv2d`; unsummed, they are a depthwise convolution.
    Errors as in `conv2d`.

    >>> x, kernel = np.ones((1, 5, 4, 3)), np.ones((3, 3, 3, 8))
    >>> per_channel_maps(x, kernel[..., 0]).shape
    (1, 3, 2, 3)
    """
    g = SINGLE_FILTER.check("per_channel_maps", x, filter).geometry(stride, padding, dilation)
    return channel_maps(g, g.pad(x), filter)


def channel_maps(g: Geometry, padded: Array, filter: Array) -> Array:
    """`per_channel_maps` of an input that is padded already."""
    maps = g.zeros(padded.shape[-1], padded, filter)  # (B, Dᵥ, Dᵥ, M)
    for i, j, tap in g.taps(padded):  # (B, Dᵥ, Dᵥ, M)
        maps += tap * filter[i, j]
    return maps


def conv2d_per_channel(
    x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> Array:
    """The standard convolution as per-channel maps that are then summed, one filter after the other.

    The article's second reading (Fig. 3), which shows how often each channel is filtered: N times. Shapes, errors and
    result as in `conv2d`.

    >>> x, kernel = np.ones((1, 5, 4, 3)), np.ones((3, 3, 3, 8))
    >>> bool(np.all(conv2d_per_channel(x, kernel) == 27))
    True
    """
    g = STANDARD.check("conv2d_per_channel", x, kernel).geometry(stride, padding, dilation)
    y, padded = g.zeros(kernel.shape[-1], x, kernel), g.pad(x)  # (B, Dᵥ, Dᵥ, N)
    for n in range(kernel.shape[-1]):
        maps = channel_maps(g, padded, kernel[..., n])  # (B, Dᵥ, Dᵥ, M)
        y[..., n] = maps.sum(axis=-1, dtype=maps.dtype)  # or NumPy would sum small integers in a wider dtype
    return y


def conv2d_taps(x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1) -> Array:
    """The standard convolution as a sum over the taps of its kernel, the channels mixed at every tap.

    The canonical rung. Tap (i, j) is a view of the padded input, shifted by (i·δ, j·δ) and strided, with one entry
    for every output position. Shapes, errors and result as in `conv2d`.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3, 4))
    >>> conv2d_taps(x, kernel, stride=(2, 1), padding=1).shape
    (2, 4, 6, 4)
    """
    g = STANDARD.check("conv2d_taps", x, kernel).geometry(stride, padding, dilation)
    y = g.zeros(kernel.shape[-1], x, kernel)  # (B, Dᵥ, Dᵥ, N)
    for i, j, tap in g.taps(g.pad(x)):  # (B, Dᵥ, Dᵥ, M)
        y += tap @ kernel[i, j]  # (B, Dᵥ, Dᵥ, M) @ (M, N)
    return y


def conv2d_backward_taps(
    dy: Array, x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> tuple[Array, Array]:
    """The backward of `conv2d_taps`: dkernel[i, j] is tap times dy, and dy goes back through the tap it came from.

    Shapes, errors and result as in `conv2d_backward`, but BLAS alone sums dkernel, on some processors one number after
    the other; derived in docs/lessons/backward.md.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3, 4))
    >>> dx, dkernel = conv2d_backward_taps(np.ones((2, 5, 4, 4)), x, kernel)
    >>> dx.shape, dkernel.shape
    ((2, 7, 6, 3), (3, 3, 3, 4))
    """
    g = STANDARD.check("conv2d_backward_taps", dy, x, kernel).geometry(stride, padding, dilation)
    padded, dpadded, dkernel = g.backward_arrays(dy, x, kernel)
    for i, j, tap, dtap in g.taps(padded, dpadded):  # (B, Dᵥ, Dᵥ, M)
        dkernel[i, j] = as_matrix(tap).T @ as_matrix(dy)  # (M, B·Dᵥ·Dᵥ) @ (B·Dᵥ·Dᵥ, N)
        dtap += dy @ kernel[i, j].T  # (B, Dᵥ, Dᵥ, N) @ (N, M)
    return g.crop(dpadded), dkernel


def conv2d_im2col(
    x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> Array:
    """The standard convolution as one matrix product: patches and filters vectorised, as the article describes it.

    A sum of products is a product of concatenations: the taps side by side, times the kernel's taps stacked. Its
    columns are Dᵣ² times as large as the input. Shapes, errors and result as in `conv2d`.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3, 4))
    >>> conv2d_im2col(x, kernel, dilation=2).shape
    (2, 3, 2, 4)
    """
    g = STANDARD.check("conv2d_im2col", x, kernel).geometry(stride, padding, dilation)
    columns = g.columns(g.pad(x))  # (B·Dᵥ·Dᵥ, Dᵣ·Dᵣ·M)
    y = columns @ as_matrix(kernel)  # (B·Dᵥ·Dᵥ, N)
    return y.reshape(*g.output, -1)


def conv2d_backward_im2col(
    dy: Array, x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> tuple[Array, Array]:
    """The backward of `conv2d_im2col`: a matrix product's two, and the columns added back (col2im, the adjoint).

    Shapes, errors and result as in `conv2d_backward`.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3, 4))
    >>> dx, dkernel = conv2d_backward_im2col(np.ones((2, 5, 4, 4)), x, kernel)
    >>> float(dkernel[0, 0, 0, 0]), float(dx[0, 3, 3, 0])
    (40.0, 36.0)
    """
    g = STANDARD.check("conv2d_backward_im2col", dy, x, kernel).geometry(stride, padding, dilation)
    padded, dpadded, _ = g.backward_arrays(dy, x, kernel)
    dkernel = g.columns(padded).T @ as_matrix(dy)  # (Dᵣ·Dᵣ·M, B·Dᵥ·Dᵥ) @ (B·Dᵥ·Dᵥ, N)
    g.scatter(as_matrix(dy) @ as_matrix(kernel).T, dpadded)  # (B·Dᵥ·Dᵥ, N) @ (N, Dᵣ·Dᵣ·M)
    return g.crop(dpadded), dkernel.reshape(kernel.shape)


def conv2d(x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1) -> Array:
    """The standard 2D convolution, as fast as NumPy's own matrix product allows. To read one, start at `conv2d_taps`.

    It is `conv2d_im2col` a band of output rows and a kernel row at a time, so that the columns stay small.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M), channels last; height and width may differ.
        kernel: N filters, (Dᵣ, Dᵣ, M, N).
        stride: how far a filter steps, an int or (height, width).
        padding: zeros around x: "valid" (none), "same" (as TensorFlow and Keras have it: ⌈Dᵤ/s⌉ outputs, the odd row
            of zeros behind), an int, (height, width), or ((top, bottom), (left, right)).
        dilation: the distance between neighbouring taps, an int or (height, width).

    Returns:
        y, (B, Dᵥ, Dᵥ, N) with Dᵥ = ⌊(Dᵤ + padding − δ(Dᵣ − 1) − 1) / s⌋ + 1, in np.result_type of x and kernel.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, or an output that would be empty.

    Source: the article's "Overview of Standard 2D Convolution", Fig. 1; a cross-correlation, as everywhere in this
    field. Besides the result and a padded copy of x it holds at most 64 MiB, or one output row's columns.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3, 4))
    >>> conv2d(x, kernel, stride=2, padding="same").shape
    (2, 4, 3, 4)
    """
    g = STANDARD.check("conv2d", x, kernel).geometry(stride, padding, dilation)
    return engine.conv2d(g, x, kernel)


def conv2d_backward(
    dy: Array, x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> tuple[Array, Array]:
    """The gradients of `conv2d`. To read one, start at `conv2d_backward_taps`; derived in docs/lessons/backward.md.

    Args:
        dy: the upstream gradient, shaped like conv2d's output, (B, Dᵥ, Dᵥ, N).
        x, kernel, stride, padding, dilation: what `conv2d` took.

    Returns:
        dx (B, Dᵤ, Dᵤ, M) and dkernel (Dᵣ, Dᵣ, M, N): the transpose of the derivative, never conjugated (which
        matters for complex numbers alone).

    Raises:
        TypeError, ValueError: as `conv2d`, and ValueError where dy has another shape than its output.

    >>> x, kernel = np.ones((2, 7, 6, 3)), np.ones((3, 3, 3, 4))
    >>> dx, dkernel = conv2d_backward(np.ones((2, 4, 3, 4)), x, kernel, stride=2, padding="same")
    >>> dx.shape, dkernel.shape
    ((2, 7, 6, 3), (3, 3, 3, 4))
    """
    g = STANDARD.check("conv2d_backward", dy, x, kernel).geometry(stride, padding, dilation)
    return engine.conv2d_backward(g, dy, x, kernel)
