"""Convolutions whose kernels are products of vectors: spatially separable, and flattened.

A kernel of rank 1, kernel[i, j] = column[i] · row[j], filters along the height and then along the width. Flattened
convolutions take the channels apart too: kernel[i, j, m, n] = lateral[m, n] · vertical[i, n] · horizontal[j, n].
"""

from . import engine
from .geometry import Array, Axis, Geometry, Padding, Pair
from .pointwise import pointwise_backward_unchecked, pointwise_unchecked
from .signatures import FLATTENED, SPATIALLY_SEPARABLE


def spatially_separable_conv2d(
    x: Array, column: Array, row: Array, *, stride: Pair = 1, padding: Padding = "valid", dilation: Pair = 1
) -> Array:
    """The spatially separable convolution: each channel filtered along the height, then along the width.

    It is `depthwise_conv2d` with the kernel column[:, None] · row[None], of Dᵣ + Dᵣ numbers a channel instead of Dᵣ².
    The column runs first; where the input is wider than high, that is the cheaper order.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M).
        column: a filter of one column for each channel, (Dᵣ, M).
        row: a filter of one row for each channel, (Dᵣ, M); it may be longer or shorter than the column.
        stride, padding, dilation: as in `conv2d`.

    Returns:
        y, (B, Dᵥ, Dᵥ, M), in np.result_type of the three arrays.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, or an output that would be empty.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 8.

    >>> x, sobel = np.zeros((1, 3, 4, 1)), np.array([[1.0], [2.0], [1.0]])
    >>> x[:, :, 2:] = 1
    >>> spatially_separable_conv2d(x, sobel, np.array([[-1.0], [0.0], [1.0]]))[0, :, :, 0]
    array([[4., 4.]])
    """
    checked = SPATIALLY_SEPARABLE.check("spatially_separable_conv2d", x, column, row)
    return column_then_row(checked.geometry(stride, padding, dilation), x, column, row)


def spatially_separable_conv2d_backward(
    dy: Array,
    x: Array,
    column: Array,
    row: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> tuple[Array, Array, Array]:
    """The gradients of `spatially_separable_conv2d`: dx, dcolumn and drow, each shaped like its array.

    dy is (B, Dᵥ, Dᵥ, M); the rest is what forward took, and so are the errors. Intermediate values are recomputed.

    >>> x, column, row = np.ones((2, 7, 6, 3)), np.ones((3, 3)), np.ones((2, 3))
    >>> gradients = spatially_separable_conv2d_backward(np.ones((2, 5, 5, 3)), x, column, row)
    >>> [gradient.shape for gradient in gradients]
    [(2, 7, 6, 3), (3, 3), (2, 3)]
    """
    checked = SPATIALLY_SEPARABLE.check("spatially_separable_conv2d_backward", dy, x, column, row)
    return column_then_row_backward(checked.geometry(stride, padding, dilation), dy, x, column, row)


def flattened_conv2d(
    x: Array,
    lateral: Array,
    vertical: Array,
    horizontal: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> Array:
    """The flattened convolution: the channels combined, then filtered along the height and along the width.

    It is `conv2d` with the kernel lateral[m, n] · vertical[i, n] · horizontal[j, n]: each filter has rank 1, and
    M + Dᵣ + Dᵣ numbers instead of M·Dᵣ². The lateral filters run first, so that N channels go on.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M).
        lateral: N filters along the channels, (M, N).
        vertical: N filters of one column, (Dᵣ, N).
        horizontal: N filters of one row, (Dᵣ, N).
        stride, padding, dilation: as in `conv2d`.

    Returns:
        y, (B, Dᵥ, Dᵥ, N), in np.result_type of the four arrays.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, or an output that would be empty.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 9.

    >>> flattened_conv2d(np.ones((1, 7, 7, 64)), np.ones((64, 2)), np.ones((3, 2)), np.ones((3, 2))).shape
    (1, 5, 5, 2)
    """
    checked = FLATTENED.check("flattened_conv2d", x, lateral, vertical, horizontal)
    g = checked.geometry(stride, padding, dilation)
    combined = pointwise_unchecked(x, lateral)  # (B, Dᵤ, Dᵤ, N)
    return column_then_row(g, combined, vertical, horizontal)  # (B, Dᵥ, Dᵥ, N)


def flattened_conv2d_backward(
    dy: Array,
    x: Array,
    lateral: Array,
    vertical: Array,
    horizontal: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> tuple[Array, Array, Array, Array]:
    """The gradients of `flattened_conv2d`: dx, dlateral, dvertical and dhorizontal, each shaped like its array.

    dy is (B, Dᵥ, Dᵥ, N); the rest is what forward took, and so are the errors. Intermediate values are recomputed.

    >>> x, lateral, vertical, horizontal = np.ones((2, 7, 6, 3)), np.ones((3, 4)), np.ones((3, 4)), np.ones((2, 4))
    >>> gradients = flattened_conv2d_backward(np.ones((2, 5, 5, 4)), x, lateral, vertical, horizontal)
    >>> [gradient.shape for gradient in gradients]
    [(2, 7, 6, 3), (3, 4), (3, 4), (2, 4)]
    """
    checked = FLATTENED.check("flattened_conv2d_backward", dy, x, lateral, vertical, horizontal)
    g = checked.geometry(stride, padding, dilation)
    combined = pointwise_unchecked(x, lateral)  # (B, Dᵤ, Dᵤ, N)
    dcombined, dvertical, dhorizontal = column_then_row_backward(g, dy, combined, vertical, horizontal)
    dx, dlateral = pointwise_backward_unchecked(dcombined, x, lateral)
    return dx, dlateral, dvertical, dhorizontal


def column_then_row(g: Geometry, x: Array, column: Array, row: Array) -> Array:
    """Each channel filtered by its column, then by its row."""
    along_height, along_width = one_axis_each(g)
    filtered = engine.depthwise_conv2d(along_height, x, column[:, None])  # (B, Dᵥ, Dᵤ, M)
    return engine.depthwise_conv2d(along_width, filtered, row[None])  # (B, Dᵥ, Dᵥ, M)


def column_then_row_backward(g: Geometry, dy: Array, x: Array, column: Array, row: Array) -> tuple[Array, Array, Array]:
    """The gradients of `column_then_row`."""
    along_height, along_width = one_axis_each(g)
    filtered = engine.depthwise_conv2d(along_height, x, column[:, None])  # (B, Dᵥ, Dᵤ, M)
    dfiltered, drow = engine.depthwise_conv2d_backward(along_width, dy, filtered, row[None])
    dx, dcolumn = engine.depthwise_conv2d_backward(along_height, dfiltered, x, column[:, None])
    return dx, dcolumn[:, 0], drow[0]


def one_axis_each(g: Geometry) -> tuple[Geometry, Geometry]:
    """The geometry along the height, with the width as it is, and the geometry along the width of what comes of it."""
    return Geometry(g.batch, g.height, Axis(g.width.input, 1)), Geometry(g.batch, Axis(g.height.output, 1), g.width)
