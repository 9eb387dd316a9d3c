"""The depthwise separable convolution, the standard kernel that it factors, and the best factors of a given kernel.

Depthwise then pointwise is Σ_ij (tap(i, j) * depthwise[i, j]) @ pointwise, and `@` can be pulled out of the sum: it is
the standard convolution whose every tap is kernel[i, j] = diag(depthwise[i, j]) @ pointwise.
"""

import numpy as np

from . import engine
from .geometry import Array, Padding, Pair
from .pointwise import pointwise_backward_unchecked, pointwise_unchecked
from .signatures import FACTORED_KERNEL, SEPARABLE, STANDARD_KERNEL, check_factors, check_multiplier
from .sums import as_lapack, native


def depthwise_separable_conv2d(
    x: Array,
    depthwise: Array,
    pointwise: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> Array:
    """The depthwise separable convolution: space filtered channel by channel, then the channels combined.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, M).
        depthwise: Q filters for each channel, (Dᵣ, Dᵣ, M·Q).
        pointwise: N filters of 1×1×(M·Q), (M·Q, N).
        stride, padding, dilation: those of the depthwise convolution, as in `conv2d`.

    Returns:
        y, (B, Dᵥ, Dᵥ, N), in np.result_type of the three arrays.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, or an output that would be empty.

    Source: the article's "Depth-wise Separable Convolutions", Fig. 4 and Fig. 5.

    >>> x = np.ones((1, 7, 7, 3))
    >>> depthwise_separable_conv2d(x, np.ones((3, 3, 3)), np.ones((3, 128))).shape
    (1, 5, 5, 128)
    """
    checked = SEPARABLE.check("depthwise_separable_conv2d", x, depthwise, pointwise)
    g = checked.geometry(stride, padding, dilation)
    filtered = engine.depthwise_conv2d(g, x, depthwise)  # (B, Dᵥ, Dᵥ, M·Q)
    return pointwise_unchecked(filtered, pointwise)  # (B, Dᵥ, Dᵥ, N)


def depthwise_separable_conv2d_backward(
    dy: Array,
    x: Array,
    depthwise: Array,
    pointwise: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> tuple[Array, Array, Array]:
    """The gradients of `depthwise_separable_conv2d`: dx, ddepthwise and dpointwise, each shaped like its array.

    dy is (B, Dᵥ, Dᵥ, N); the rest is what forward took, and so are the errors. Intermediate values are recomputed.

    >>> x, depthwise, pointwise = np.ones((1, 7, 6, 3)), np.ones((3, 3, 3)), np.ones((3, 8))
    >>> gradients = depthwise_separable_conv2d_backward(np.ones((1, 5, 4, 8)), x, depthwise, pointwise)
    >>> [gradient.shape for gradient in gradients]
    [(1, 7, 6, 3), (3, 3, 3), (3, 8)]
    """
    checked = SEPARABLE.check("depthwise_separable_conv2d_backward", dy, x, depthwise, pointwise)
    g = checked.geometry(stride, padding, dilation)
    filtered = engine.depthwise_conv2d(g, x, depthwise)  # (B, Dᵥ, Dᵥ, M·Q)
    dfiltered, dpointwise = pointwise_backward_unchecked(dy, filtered, pointwise)
    dx, ddepthwise = engine.depthwise_conv2d_backward(g, dfiltered, x, depthwise)
    return dx, ddepthwise, dpointwise


def factored_kernel(depthwise: Array, pointwise: Array, *, depth_multiplier: int = 1) -> Array:
    """The standard kernel that a depthwise and a pointwise kernel are the factors of.

    kernel[i, j, m, n] = Σ_q depthwise[i, j, m·Q + q] · pointwise[m·Q + q, n], so that `conv2d` with it equals
    `depthwise_separable_conv2d` with the factors.

    Args:
        depthwise: (Dᵣ, Dᵣ, M·Q).
        pointwise: (M·Q, N).
        depth_multiplier: Q.

    Returns:
        kernel, (Dᵣ, Dᵣ, M, N).

    Raises:
        TypeError: an argument is not an ndarray of numbers, or Q not an int.
        ValueError: shapes that don't fit one another.

    Source: the article's "Depth-wise Separable Convolutions": a factorized convolution.

    >>> factored_kernel(np.ones((3, 3, 6)), np.ones((6, 8)), depth_multiplier=2).shape
    (3, 3, 3, 8)
    """
    checked = FACTORED_KERNEL.check("factored_kernel", depthwise, pointwise)
    depth_multiplier = check_multiplier(checked, depth_multiplier)
    products = depthwise[..., None] * pointwise  # (Dᵣ, Dᵣ, M·Q, N)
    by_channel = products.reshape(*depthwise.shape[:2], -1, depth_multiplier, pointwise.shape[1])  # (…, M, Q, N)
    kernel: Array = by_channel.sum(axis=3, dtype=products.dtype)  # (Dᵣ, Dᵣ, M, N)
    return kernel


def factored_kernel_backward(
    dkernel: Array, depthwise: Array, pointwise: Array, *, depth_multiplier: int = 1
) -> tuple[Array, Array]:
    """The gradients of `factored_kernel`: ddepthwise (Dᵣ, Dᵣ, M·Q) and dpointwise (M·Q, N), from dkernel.

    Pulled back through it, the gradient of a standard convolution's kernel becomes those of a separable one's two.
    Errors as in `factored_kernel`, and ValueError where dkernel is not (Dᵣ, Dᵣ, M, N).

    >>> ddepthwise, dpointwise = factored_kernel_backward(np.ones((3, 3, 3, 8)), np.ones((3, 3, 3)), np.ones((3, 8)))
    >>> ddepthwise[0, 0], dpointwise[:, 0]
    (array([8., 8., 8.]), array([9., 9., 9.]))
    """
    checked = FACTORED_KERNEL.check("factored_kernel_backward", dkernel, depthwise, pointwise)
    depth_multiplier = check_multiplier(checked, depth_multiplier)
    dproducts = np.repeat(dkernel, depth_multiplier, axis=2)  # (Dᵣ, Dᵣ, M·Q, N)
    ddepthwise, dpointwise = dproducts * pointwise, dproducts * depthwise[..., None]  # (Dᵣ, Dᵣ, M·Q, N) twice
    return ddepthwise.sum(axis=3, dtype=ddepthwise.dtype), dpointwise.sum(axis=(0, 1), dtype=dpointwise.dtype)


def factorize_kernel(kernel: Array, *, depth_multiplier: int = 1) -> tuple[Array, Array]:
    """The depthwise and the pointwise kernel whose product comes nearest to a standard kernel, by least squares.

    Input channel m's slice of the kernel is a matrix (Dᵣ², N), and a separable kernel's slice has rank at most Q. So
    the best one is the singular value decomposition cut off after Q values (Eckart and Young), slice by slice; exact
    once Q reaches min(Dᵣ², N). Each singular value is split evenly between the factors, whose signs are free.

    Args:
        kernel: (Dᵣ, Dᵣ, M, N), of numbers; integers become float64. float16 is taken apart in float32, longdouble in
            float64, as LAPACK has neither.
        depth_multiplier: Q.

    Returns:
        depthwise (Dᵣ, Dᵣ, M·Q) and pointwise (M·Q, N); zeros beyond rank min(Dᵣ², N).

    Raises:
        TypeError: kernel is not an ndarray of numbers, or Q not an int.
        ValueError: kernel has not four axes, or holds values that are not finite; Q below 1.

    Source: the article's "Depth-wise Separable Convolutions": what of a standard convolution can be factored.

    >>> depthwise, pointwise = np.ones((3, 2, 4)), np.arange(20.0).reshape(4, 5)
    >>> factors = factorize_kernel(factored_kernel(depthwise, pointwise))
    >>> np.allclose(factored_kernel(*factors), factored_kernel(depthwise, pointwise))
    True
    """
    depth_multiplier = check_factors(STANDARD_KERNEL.check("factorize_kernel", kernel), kernel, depth_multiplier)
    height, width, m, n = kernel.shape
    slices = kernel.reshape(height * width, m, n).swapaxes(0, 1)  # (M, Dᵣ², N)
    left, values, right = np.linalg.svd(as_lapack(slices), full_matrices=False)  # (M, Dᵣ², R), (M, R), (M, R, N)
    dtype = native(kernel) if kernel.dtype.kind in "fc" else left.dtype
    half, rank = np.sqrt(values)[:, :depth_multiplier], min(depth_multiplier, values.shape[1])
    depthwise = np.zeros((height * width, m, depth_multiplier), dtype)
    pointwise = np.zeros((m, depth_multiplier, n), dtype)
    depthwise[:, :, :rank] = (left[:, :, :rank] * half[:, None, :]).swapaxes(0, 1)
    pointwise[:, :rank] = half[:, :, None] * right[:, :rank]
    return depthwise.reshape(height, width, -1), pointwise.reshape(-1, n)
