"""The 3D convolution: the standard one with a third spatial axis, along which the filters step too.

y[b, u, v, w, n] = Σ_ijkm x̃[b, u·s + i·δ, v·s + j·δ, w·s + k·δ, m] · kernel[i, j, k, m, n], with x̃ the padded x.
"""

import numpy as np

from . import engine
from .geometry import Array, Axis, Geometry, Geometry3D, Padding, Triple, as_matrix
from .signatures import STANDARD_3D


def conv3d_loops(
    x: Array, kernel: Array, *, stride: Triple = 1, padding: Padding = "valid", dilation: Triple = 1
) -> Array:
    """The 3D convolution by its definition, one product at a time: the rung to step through first.

    Slow on purpose. Shapes, errors and result as in `conv3d`, but sums are rounded to the result's dtype at every step.

    >>> x = np.arange(8.0).reshape(1, 2, 2, 2, 1)
    >>> conv3d_loops(x, np.ones((2, 2, 1, 1, 1)))[0, :, :, :, 0]
    array([[[12., 16.]]])
    """
    g = STANDARD_3D.check("conv3d_loops", x, kernel).geometry_3d(stride, padding, dilation)
    y, padded = g.zeros(kernel.shape[-1], x, kernel), g.pad(x)
    for b, u, v, w, n in np.ndindex(*y.shape):
        for i, j, k, m in np.ndindex(*kernel.shape[:4]):
            y[b, u, v, w, n] += padded[b, g.layer[u][i], g.row[v][j], g.column[w][k], m] * kernel[i, j, k, m, n]
    return y


def conv3d_taps(
    x: Array, kernel: Array, *, stride: Triple = 1, padding: Padding = "valid", dilation: Triple = 1
) -> Array:
    """The 3D convolution as a sum over the taps of its kernel: `conv2d_taps` with one more index.

    Shapes, errors and result as in `conv3d`.

    >>> conv3d_taps(np.ones((2, 4, 7, 6, 3)), np.ones((2, 3, 3, 3, 4)), stride=(1, 2, 1), padding=1).shape
    (2, 5, 4, 6, 4)
    """
    g = STANDARD_3D.check("conv3d_taps", x, kernel).geometry_3d(stride, padding, dilation)
    y = g.zeros(kernel.shape[-1], x, kernel)  # (B, Dᵥ, Dᵥ, Dᵥ, N)
    for i, j, k, tap in g.taps(g.pad(x)):  # (B, Dᵥ, Dᵥ, Dᵥ, M)
        y += tap @ kernel[i, j, k]  # (B, Dᵥ, Dᵥ, Dᵥ, M) @ (M, N)
    return y


def conv3d_backward_taps(
    dy: Array, x: Array, kernel: Array, *, stride: Triple = 1, padding: Padding = "valid", dilation: Triple = 1
) -> tuple[Array, Array]:
    """The backward of `conv3d_taps`: dkernel[i, j, k] is tap times dy, and dy goes back through the tap it came from.

    Shapes, errors and result as in `conv3d_backward`.

    >>> x, kernel = np.ones((2, 4, 7, 6, 3)), np.ones((2, 3, 3, 3, 4))
    >>> dx, dkernel = conv3d_backward_taps(np.ones((2, 3, 5, 4, 4)), x, kernel)
    >>> dx.shape, dkernel.shape
    ((2, 4, 7, 6, 3), (2, 3, 3, 3, 4))
    """
    g = STANDARD_3D.check("conv3d_backward_taps", dy, x, kernel).geometry_3d(stride, padding, dilation)
    padded, dpadded, dkernel = g.backward_arrays(dy, x, kernel)
    for i, j, k, tap, dtap in g.taps(padded, dpadded):  # (B, Dᵥ, Dᵥ, Dᵥ, M)
        dkernel[i, j, k] = as_matrix(tap).T @ as_matrix(dy)  # (M, B·Dᵥ·Dᵥ·Dᵥ) @ (B·Dᵥ·Dᵥ·Dᵥ, N)
        dtap += dy @ kernel[i, j, k].T  # (B, Dᵥ, Dᵥ, Dᵥ, N) @ (N, M)
    return g.crop(dpadded), dkernel


def conv3d(x: Array, kernel: Array, *, stride: Triple = 1, padding: Padding = "valid", dilation: Triple = 1) -> Array:
    """The 3D convolution, a sum of 2D ones: one for each tap of the kernel's depth. To read one, see `conv3d_taps`.

    With a kernel as deep as an unpadded input it is `conv2d` of an image whose channels are all layers' channels.

    Args:
        x: the input, (B, Dᵤ, Dᵤ, Dᵤ, M): depth, height and width, which may differ, and the channels last.
        kernel: N filters, (Dᵣ, Dᵣ, Dᵣ, M, N).
        stride: how far a filter steps, an int or (depth, height, width).
        padding: zeros around x: "valid", "same", an int, (depth, height, width), or ((front, back), (top, bottom),
            (left, right)).
        dilation: the distance between neighbouring taps, an int or (depth, height, width).

    Returns:
        y, (B, Dᵥ, Dᵥ, Dᵥ, N), in np.result_type of x and kernel.

    Raises:
        TypeError: an argument is not an ndarray of numbers, or stride, padding or dilation is not an int.
        ValueError: shapes that don't fit one another, or an output that would be empty.

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 4.

    >>> conv3d(np.ones((2, 4, 7, 6, 3)), np.ones((2, 3, 3, 3, 4)), stride=(1, 2, 2), padding="same").shape
    (2, 4, 4, 3, 4)
    """
    g = STANDARD_3D.check("conv3d", x, kernel).geometry_3d(stride, padding, dilation)
    plane, deep = planes(g), pad_depth(g, x)
    y = g.zeros(kernel.shape[-1], x, kernel)  # (B, Dᵥ, Dᵥ, Dᵥ, N)
    for layers, kernel_layer in zip(g.depth.taps, kernel, strict=True):
        images = as_images(deep[:, layers])  # (B·Dᵥ, Dᵤ, Dᵤ, M)
        y += engine.conv2d(plane, images, kernel_layer).reshape(y.shape)
    return y


def conv3d_backward(
    dy: Array, x: Array, kernel: Array, *, stride: Triple = 1, padding: Padding = "valid", dilation: Triple = 1
) -> tuple[Array, Array]:
    """The gradients of `conv3d`: dx (B, Dᵤ, Dᵤ, Dᵤ, M) and dkernel (Dᵣ, Dᵣ, Dᵣ, M, N).

    dy is (B, Dᵥ, Dᵥ, Dᵥ, N); the rest is what `conv3d` took, and so are the errors. To read one, see
    `conv3d_backward_taps`.

    >>> x, kernel = np.ones((2, 4, 7, 6, 3)), np.ones((2, 3, 3, 3, 4))
    >>> dx, dkernel = conv3d_backward(np.ones((2, 3, 5, 4, 4)), x, kernel)
    >>> dx.shape, dkernel.shape
    ((2, 4, 7, 6, 3), (2, 3, 3, 3, 4))
    """
    g = STANDARD_3D.check("conv3d_backward", dy, x, kernel).geometry_3d(stride, padding, dilation)
    plane, deep = planes(g), pad_depth(g, x)
    ddeep, dkernel = np.zeros(deep.shape, np.result_type(dy, kernel)), np.empty(kernel.shape, np.result_type(dy, x))
    for layers, kernel_layer, dkernel_layer in zip(g.depth.taps, kernel, dkernel, strict=True):
        images, dlayers = as_images(deep[:, layers]), ddeep[:, layers]  # (B·Dᵥ, Dᵤ, Dᵤ, M), (B, Dᵥ, Dᵤ, Dᵤ, M)
        dimages, dkernel_layer[...] = engine.conv2d_backward(plane, as_images(dy), images, kernel_layer)
        dlayers += dimages.reshape(dlayers.shape)
    return np.ascontiguousarray(ddeep[:, g.depth.inside]), dkernel


def planes(g: Geometry3D) -> Geometry:
    """The geometry of the 2D convolutions: the layers that a tap of the depth reads are their images."""
    return Geometry(g.batch * g.depth.output, g.height, g.width)


def pad_depth(g: Geometry3D, x: Array) -> Array:
    """x with its layers of zeros in front and behind."""
    return Geometry(g.batch, g.depth, Axis(g.height.input, 1)).pad(x)


def as_images(volume: Array) -> Array:
    """The layers (B, D, D, D, C) as so many images, (B·D, D, D, C)."""
    return volume.reshape(-1, *volume.shape[2:])
