"""The pointwise convolution: one tap, so one product with a matrix at every position; and the dense layer's product.

y[b, v, w, n] = Σ_m x[b, v, w, m] · kernel[m, n].
"""

import numpy as np

from .geometry import Array, as_matrix
from .signatures import DENSE, POINTWISE
from .sums import rounded, summed_product


def pointwise_conv2d_loops(x: Array, kernel: Array) -> Array:
    """The pointwise convolution by its definition, one product at a time: the rung to step through first.

    Unlike in `conv2d_loops`, there are no sums over i and j. Slow on purpose; shapes, errors and result as in
    `pointwise_conv2d`.

    >>> pointwise_conv2d_loops(np.ones((1, 2, 3, 4)), np.ones((4, 5)))[0, 0, 0]
    array([4., 4., 4., 4., 4.])
    """
    POINTWISE.check("pointwise_conv2d_loops", x, kernel)
    y = np.zeros((*x.shape[:3], kernel.shape[1]), np.result_type(x.dtype, kernel.dtype))
    for b, v, w, n in np.ndindex(*y.shape):
        for m in range(kernel.shape[0]):
            y[b, v, w, n] += x[b, v, w, m] * kernel[m, n]
    return y


def pointwise_conv2d(x: Array, kernel: Array) -> Array:
    """The pointwise (1×1) convolution: the same linear combination of channels at every position.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M).
        kernel: N filters of 1×1×M, (M, N).

    Returns:
        y, (B, Dᵤ, Dᵤ, N), in np.result_type of x and kernel.

    Raises:
        TypeError: an argument is not an ndarray of numbers.
        ValueError: shapes that don't fit one another.

    Source: the article's "Depth-wise Separable Convolutions", Fig. 4(c).

    >>> pointwise_conv2d(np.ones((2, 7, 6, 3)), np.ones((3, 8))).shape
    (2, 7, 6, 8)
    """
    POINTWISE.check("pointwise_conv2d", x, kernel)
    return pointwise_unchecked(x, kernel)


def pointwise_unchecked(x: Array, kernel: Array) -> Array:
    """`pointwise_conv2d` and `dense` of arrays that are checked: one product with the kernel."""
    y = as_matrix(x) @ kernel  # (B·Dᵤ·Dᵤ, M) @ (M, N)
    return y.reshape(*x.shape[:-1], -1)


def pointwise_conv2d_backward(dy: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    """The gradients of `pointwise_conv2d`: those of a matrix product.

    Args:
        dy: the upstream gradient, (B, Dᵤ, Dᵤ, N).
        x, kernel: what `pointwise_conv2d` took.

    Returns:
        dx (B, Dᵤ, Dᵤ, M) and dkernel (M, N).

    Raises:
        TypeError, ValueError: as `pointwise_conv2d`, and ValueError where dy has another shape than its output.

    >>> dx, dkernel = pointwise_conv2d_backward(np.ones((2, 7, 6, 8)), np.ones((2, 7, 6, 3)), np.ones((3, 8)))
    >>> dx.shape, dkernel.shape
    ((2, 7, 6, 3), (3, 8))
    """
    POINTWISE.check("pointwise_conv2d_backward", dy, x, kernel)
    return pointwise_backward_unchecked(dy, x, kernel)


def pointwise_backward_unchecked(dy: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    """The gradients of `pointwise_unchecked`: the two products of a matrix product's backward."""
    dx = as_matrix(dy) @ kernel.T  # (B·Dᵤ·Dᵤ, N) @ (N, M)
    dkernel = summed_product(as_matrix(x), as_matrix(dy))  # xᵀ @ dy, (M, B·Dᵤ·Dᵤ) @ (B·Dᵤ·Dᵤ, N)
    return dx.reshape(x.shape), rounded(dkernel, dy, x)


def dense(x: Array, kernel: Array) -> Array:
    """The fully connected layer's product, (B, M) @ (M, N): a pointwise convolution on a map of one position.

    Raises TypeError where an argument is not an ndarray of numbers, ValueError where the shapes don't fit. Source: the
    last row of the article's Fig. 9.

    >>> dense(np.ones((2, 3)), np.ones((3, 5))).shape
    (2, 5)
    """
    DENSE.check("dense", x, kernel)
    return pointwise_unchecked(x, kernel)


def dense_backward(dy: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    """The gradients of `dense`: dx (B, M) and dkernel (M, N), from dy (B, N); errors as in `dense`.

    >>> dx, dkernel = dense_backward(np.ones((2, 5)), np.ones((2, 3)), np.ones((3, 5)))
    >>> dx.shape, dkernel.shape
    ((2, 3), (3, 5))
    """
    DENSE.check("dense_backward", dy, x, kernel)
    return pointwise_backward_unchecked(dy, x, kernel)
