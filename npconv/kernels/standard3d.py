"""The 3D convolution: the standard one with a third spatial axis, along which the filters step too.

y[b, u, v, w, n] = Σ_ijkm x̃[b, u·s + i·δ, v·s + j·δ, w·s + k·δ, m] · kernel[i, j, k, m, n], with x̃ the padded x.
"""

from collections.abc import Iterator

import numpy as np

from . import engine
from .engine import Band
from .geometry import Array, Axis, Geometry, Geometry3D, Padding, Triple, as_matrix
from .signatures import STANDARD_3D
from .sums import accumulator, rounded, wider

LAYERS = 4 * 2**20  # bytes of layers side by side in a band, unless one output layer reads more


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

    Shapes, errors and result as in `conv3d_backward`, but BLAS alone sums dkernel, on some processors one number after
    the other.

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
    """The 3D convolution, as fast as NumPy's own matrix product allows. To read one, start at `conv3d_taps`.

    An output layer reads as many layers as the kernel is deep. Side by side, as channels of one image, they make the
    3D convolution a 2D one; here some output layers at a time, so that the copies stay small.

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

    Source: K. Bai, "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning", section 3.

    >>> conv3d(np.ones((2, 4, 7, 6, 3)), np.ones((2, 3, 3, 3, 4)), stride=(1, 2, 2), padding="same").shape
    (2, 4, 4, 3, 4)
    """
    g = STANDARD_3D.check("conv3d", x, kernel).geometry_3d(stride, padding, dilation)
    y, by_layer = np.empty((*g.output, kernel.shape[-1]), np.result_type(x, kernel)), layers_as_channels(kernel)
    for band, plane, images in layers_by_band(g, x):
        y[band] = engine.conv2d(plane, images, by_layer).reshape(y[band].shape)
    return y


def conv3d_backward(
    dy: Array, x: Array, kernel: Array, *, stride: Triple = 1, padding: Padding = "valid", dilation: Triple = 1
) -> tuple[Array, Array]:
    """The gradients of `conv3d`: dx (B, Dᵤ, Dᵤ, Dᵤ, M) and dkernel (Dᵣ, Dᵣ, Dᵣ, M, N).

    dy is (B, Dᵥ, Dᵥ, Dᵥ, N); the rest is what `conv3d` took, and so are the errors. To read one, start at
    `conv3d_backward_taps`.

    >>> x, kernel = np.ones((2, 4, 7, 6, 3)), np.ones((2, 3, 3, 3, 4))
    >>> dx, dkernel = conv3d_backward(np.ones((2, 3, 5, 4, 4)), x, kernel)
    >>> dx.shape, dkernel.shape
    ((2, 4, 7, 6, 3), (2, 3, 3, 3, 4))
    """
    g = STANDARD_3D.check("conv3d_backward", dy, x, kernel).geometry_3d(stride, padding, dilation)
    ddeep = np.zeros((g.batch, g.depth.padded, *x.shape[2:]), np.result_type(dy, kernel))
    by_layer = layers_as_channels(kernel)
    total = accumulator(by_layer.shape, dy, x)
    for (images, layers), plane, read in layers_by_band(g, x):
        dy_read = dy[images, layers]  # (images, layers, Dᵥ, Dᵥ, N)
        dread, share = engine.conv2d_backward(plane, wider(as_images(dy_read)), wider(read), by_layer)
        total += share
        by_tap = dread.reshape(*dy_read.shape[:2], *dread.shape[1:3], len(kernel), -1)  # (images, layers, …, Dᵣ, M)
        for number, tap in enumerate(g.depth.taps):
            dtap = ddeep[images, tap][:, layers]
            dtap += by_tap[..., number, :]
    dkernel = rounded(total, dy, x).reshape(*kernel.shape[1:3], len(kernel), *kernel.shape[3:])
    return np.ascontiguousarray(ddeep[:, g.depth.inside]), np.ascontiguousarray(dkernel.transpose(2, 0, 1, 3, 4))


def layers_as_channels(kernel: Array) -> Array:
    """The kernel of the 2D convolution that a 3D one is: its layers' channels one after the other."""
    by_layer: Array = kernel.transpose(1, 2, 0, 3, 4).reshape(*kernel.shape[1:3], -1, kernel.shape[-1])
    return by_layer  # (Dᵣ, Dᵣ, Dᵣ·M, N), the depth beside the channels


def layers_by_band(g: Geometry3D, x: Array) -> Iterator[tuple[Band, Geometry, Array]]:
    """Each band (images, layers) of the output, and the images whose channels are those of the layers that it reads."""
    deep = Geometry(g.batch, g.depth, Axis(g.height.input, 1)).pad(x)
    stack = Geometry(g.batch, g.depth, Axis(1, 1))
    for images, layers in engine.bands(stack, g.depth.kernel * x[0, 0].nbytes, size=LAYERS):
        read = np.concatenate([deep[images, tap][:, layers] for tap in g.depth.taps], axis=-1)
        planes = as_images(read)  # (images·layers, Dᵤ, Dᵤ, Dᵣ·M)
        yield (images, layers), Geometry(len(planes), g.height, g.width), planes


def as_images(volume: Array) -> Array:
    """The layers of a volume (B, D, D, D, C) as so many images, (B·D, D, D, C)."""
    return volume.reshape(-1, *volume.shape[2:])
