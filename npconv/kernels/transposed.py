"""The transposed convolution: the adjoint of `conv2d`, so its forward is conv2d's dx, and its dx is conv2d.

y[b, v·s + i·δ, w·s + j·δ, n] += x[b, v, w, m] · kernel[i, j, n, m] for all products, and then padding crops y.
"""

import numpy as np

from . import engine
from .arguments import MOST, integer
from .geometry import Array, Axis, Padding, Pair
from .signatures import TRANSPOSED


def transposed_conv2d_loops(
    x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", output_padding: Pair = 0,
    dilation: Pair = 1,
) -> Array:  # fmt: skip
    """The transposed convolution by its definition, one product at a time: the rung to step through first.

    Each value of x puts a whole filter, times that value, into the output; where filters overlap they are added. Slow
    on purpose. Shapes, errors and result as in `transposed_conv2d`, but sums are rounded to the result's dtype at every
    step.

    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> transposed_conv2d_loops(x, np.ones((3, 3, 1, 1)), stride=2)[0, :, :, 0]
    array([[ 1.,  1.,  3.,  2.,  2.],
           [ 1.,  1.,  3.,  2.,  2.],
           [ 4.,  4., 10.,  6.,  6.],
           [ 3.,  3.,  7.,  4.,  4.],
           [ 3.,  3.,  7.,  4.,  4.]])
    """
    checked = TRANSPOSED.check("transposed_conv2d_loops", x, kernel)
    g = checked.transposed_geometry(stride, padding, output_padding, dilation)
    padded = g.padded_zeros(kernel.shape[2], x, kernel)
    for b, v, w, m in np.ndindex(*x.shape):
        for i, j, n in np.ndindex(*kernel.shape[:3]):
            padded[b, g.row[v][i], g.column[w][j], n] += x[b, v, w, m] * kernel[i, j, n, m]
    return g.crop(padded)


def transposed_conv2d(
    x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", output_padding: Pair = 0,
    dilation: Pair = 1,
) -> Array:  # fmt: skip
    """The transposed convolution: what `conv2d` does to gradients, as a layer that enlarges a map.

    Wherever output_padding is below the stride it is the adjoint of a `conv2d` with the same kernel, stride, padding
    and dilation, from (B, Dᵥ, Dᵥ, N) to (B, Dᵤ, Dᵤ, M). It is not its inverse, although it is also called
    deconvolution.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M), channels last; height and width may differ.
        kernel: (Dᵣ, Dᵣ, N, M), that of the convolution whose adjoint this is: the output channels come first.
        stride: how far apart in the output the filters of neighbouring inputs begin, an int or (height, width).
        padding: the rows and columns that are cropped from the output, as in the convolution they are padding: "valid"
            (none), an int, (height, width), or ((top, bottom), (left, right)); or "same", which gives s·Dᵤ outputs.
        output_padding: how many rows and columns fewer are cropped behind, or added there, an int or (height, width);
            below the stride or the dilation, and 0 where padding is "same".
        dilation: the distance between neighbouring taps, an int or (height, width).

    Returns:
        y, (B, Dᵥ, Dᵥ, N) with Dᵥ = s(Dᵤ − 1) + δ(Dᵣ − 1) + 1 − padding + output_padding, in np.result_type of x and
        kernel.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or stride, padding, output_padding or dilation is not an
            int.
        ValueError: shapes that don't fit one another, an output_padding that is too large, or a padding that crops
            everything.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 6.

    >>> x, kernel = np.ones((2, 4, 3, 5)), np.ones((3, 3, 6, 5))
    >>> transposed_conv2d(x, kernel, stride=2, padding="same").shape
    (2, 8, 6, 6)
    >>> transposed_conv2d(x, kernel, stride=2, padding=1, output_padding=1).shape  # as large, cropped on the other side
    (2, 8, 6, 6)
    """
    checked = TRANSPOSED.check("transposed_conv2d", x, kernel)
    g = checked.transposed_geometry(stride, padding, output_padding, dilation)
    return engine.conv2d_dx(g, x, kernel)


def transposed_conv2d_backward(
    dy: Array, x: Array, kernel: Array, *, stride: Pair = 1, padding: Padding = "valid", output_padding: Pair = 0,
    dilation: Pair = 1,
) -> tuple[Array, Array]:  # fmt: skip
    """The gradients of `transposed_conv2d`: dx is `conv2d` of dy, and dkernel is conv2d's with dy and x exchanged.

    Args:
        dy: the upstream gradient, shaped like the output, (B, Dᵥ, Dᵥ, N).
        x, kernel, stride, padding, output_padding, dilation: what `transposed_conv2d` took.

    Returns:
        dx (B, Dᵤ, Dᵤ, M) and dkernel (Dᵣ, Dᵣ, N, M).

    Raises:
        TypeError, ValueError: as `transposed_conv2d`, and ValueError where dy has another shape than its output.

    >>> x, kernel = np.ones((2, 4, 3, 5)), np.ones((3, 3, 6, 5))
    >>> dx, dkernel = transposed_conv2d_backward(np.ones((2, 8, 6, 6)), x, kernel, stride=2, padding="same")
    >>> dx.shape, dkernel.shape
    ((2, 4, 3, 5), (3, 3, 6, 5))
    """
    checked = TRANSPOSED.check("transposed_conv2d_backward", dy, x, kernel)
    g = checked.transposed_geometry(stride, padding, output_padding, dilation)
    return engine.transposed_conv2d_backward(g, dy, x, kernel)


def overlap_counts(kernel_size: int, stride: int, outputs: int) -> Array:
    """The number of inputs that reach each output of a transposed convolution, along one axis.

    As many inputs as fit into that many outputs, with no padding. In two dimensions the counts are the products of
    those of both axes. They are even inside, away from the first and the last outputs, exactly where the stride
    divides the kernel's size; uneven counts show as a checkerboard.

    Args:
        kernel_size: Dᵣ along the axis.
        stride: s along the axis.
        outputs: Dᵥ along the axis, at least kernel_size. Rows behind the last filter are reached by no input.

    Returns:
        (outputs,) integers.

    Raises TypeError where an argument is not an int, ValueError where it is below 1, or outputs below kernel_size.
    Source: K. Bai, as in `transposed_conv2d`, "Checkerboard artifacts".

    >>> overlap_counts(3, 2, 9)
    array([1, 1, 2, 1, 2, 1, 2, 1, 1])
    >>> overlap_counts(4, 2, 10)
    array([1, 1, 2, 2, 2, 2, 2, 2, 1, 1])
    """
    kernel_size = integer("overlap_counts", "kernel_size", kernel_size)
    stride = integer("overlap_counts", "stride", stride)
    outputs = integer("overlap_counts", "outputs", outputs, most=MOST)
    if outputs < kernel_size:
        raise ValueError(f"overlap_counts: outputs must be at least kernel_size = {kernel_size}; got {outputs}")
    counts = np.zeros(outputs, np.int64)
    for tap in Axis(outputs, kernel_size, stride).taps:
        counts[tap] += 1
    return counts
