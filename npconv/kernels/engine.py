"""The engine room: the last rungs of the ladders, as fast as NumPy's BLAS and einsum go.

To understand a convolution, read `conv2d_taps` and `depthwise_conv2d_taps`, the same functions. Each function here
takes a checked geometry and the arrays, and computes what the public kernel of its name returns. A band is a part of
the output: some images, or some rows of them. Its columns are the taps of its positions side by side, as in
`conv2d_im2col`. The reasons stand beside the code, the measurements in docs/speed.md.
"""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .geometry import Array, Axis, Geometry, as_matrix, repeat_channels, sum_channels
from .sums import LINES, accumulator, rounded, summed_product, wider, working

Band: TypeAlias = tuple[slice, slice]  # images, rows

WORKSPACE = 64 * 2**20  # bytes of columns at most, unless one output row needs more: a kernel's memory is bounded
# The others, with conv2d's time as a ratio (float32, an AMD EPYC with AVX-512):
BAND = 4 * 2**20  # bytes in a band, so that its columns are still in the cache; with 16 MiB 1.4, with 64 MiB 1.7
MATRIX_ROWS = 1600  # positions in a band at least, for BLAS's full speed; at M = 2048 with 400 1.4, with 100 2.2
FEW_CHANNELS = 16  # with fewer, columns are filled along the width: a first layer 0.4; with M = 32 it would be 1.5


def conv2d(g: Geometry, x: Array, kernel: Array) -> Array:
    """`conv2d_im2col` a band of the output and a kernel row at a time, so that the columns stay in the cache."""
    y, padded = np.empty((*g.output, kernel.shape[-1]), np.result_type(x, kernel)), g.pad(x)
    for band, columns in columns_by_band(g, padded):  # each (positions, taps·M)
        kernels = kernel.reshape(len(columns), -1, kernel.shape[-1])  # each (taps·M, N)
        rows = y[band].swapaxes(0, 1)  # (rows, images, Dᵥ, N)
        total = np.matmul(columns[0], kernels[0], out=as_matrix(rows))  # in its place, or in a copy of several images
        for some_columns, some_taps in zip(columns[1:], kernels[1:], strict=True):
            total += some_columns @ some_taps  # (positions, taps·M) @ (taps·M, N)
        if rows.shape[1] > 1:
            rows[...] = total.reshape(rows.shape)
    return y


def conv2d_backward(g: Geometry, dy: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    """The backward of `conv2d`: dkernel from the same columns, a band at a time.

    dx is no mirror image of forward. Scattering columns writes each value Dᵣ² times; where the output is as large as
    the input dx is a convolution of dy with the kernel turned round, which writes it once.
    """
    padded, dkernel = g.pad(x), np.empty(kernel.shape, working(dy, x))
    for number, (band, columns) in enumerate(columns_by_band(g, padded)):  # each (positions, taps·M)
        dy_rows = as_matrix(dy[band].swapaxes(0, 1))  # (positions, N)
        for dtaps, some_columns in zip(dkernel.reshape(len(columns), -1, kernel.shape[-1]), columns, strict=True):
            share = summed_product(some_columns, dy_rows)  # (taps·M, positions) @ (positions, N)
            if number == 0:
                dtaps[...] = share
            else:
                dtaps += share
    dkernel = rounded(dkernel, dy, x)
    if keeps_size(g) and len(as_matrix(dy)) > kernel.shape[-1]:  # with fewer positions turning costs more than it saves
        turned_kernel = np.ascontiguousarray(kernel[::-1, ::-1].swapaxes(2, 3))  # (Dᵣ, Dᵣ, N, M)
        return conv2d(mirrored(g), dy, turned_kernel), dkernel
    dpadded = np.zeros(padded.shape, np.result_type(dy, kernel))
    for images, rows in bands(g, as_matrix(kernel)[:, 0].nbytes):
        _, part = part_of(g, images, rows)
        dcolumns = as_matrix(dy[images, rows]) @ as_matrix(kernel).T  # (positions, N) @ (N, Dᵣ·Dᵣ·M)
        part.scatter(dcolumns, dpadded[images, read_by(g.height, rows)])
    return g.crop(dpadded), dkernel


def depthwise_conv2d(g: Geometry, x: Array, kernel: Array) -> Array:
    """One einsum over lines of the padded input: two to four times as fast as a product and a sum for each tap."""
    lines = tap_lines(g, g.pad(repeat_channels(x, kernel.shape[-1])))  # (B, Dᵥ, W, Dᵣ, Dᵣ, X)
    y: Array = np.einsum("bvwijx,ijx->bvwx", lines, repeat_kernel(kernel, lines.shape[-1]))
    return y.reshape(*g.output, -1)


def depthwise_conv2d_backward(g: Geometry, dy: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    """The backward of `depthwise_conv2d`: dkernel from the same lines, summed in bands; dx as in `conv2d_backward`."""
    padded = g.pad(repeat_channels(x, kernel.shape[-1]))
    lines = tap_lines(g, wider(padded))  # (B, Dᵥ, W, Dᵣ, Dᵣ, X)
    dy_lines = wider(dy).reshape(*lines.shape[:3], -1)  # (B, Dᵥ, W, X)
    dkernels = accumulator((*kernel.shape[:2], lines.shape[-1]), dy, x)  # (Dᵣ, Dᵣ, X)
    for band in bands(g, 1, size=LINES * g.width.output // lines.shape[2]):
        dkernels += np.einsum("bvwijx,bvwx->ijx", lines[band], dy_lines[band])
    dkernels = dkernels.reshape(*kernel.shape[:2], -1, kernel.shape[2])
    dkernel = rounded(dkernels.sum(axis=2, dtype=dkernels.dtype), dy, x)
    if keeps_size(g):
        return sum_channels(depthwise_conv2d(mirrored(g), dy, kernel[::-1, ::-1]), x.shape[-1]), dkernel
    dpadded = np.zeros(padded.shape, np.result_type(dy, kernel))
    for band in bands(g, dy[0, 0, 0].nbytes):
        for i, j, dtap in g.taps(dpadded):
            into = dtap[band]
            into += dy[band] * kernel[i, j]
    return sum_channels(g.crop(dpadded), x.shape[-1]), dkernel


def keeps_size(g: Geometry) -> bool:
    """True where the output is as high and as wide as the input, at stride 1."""
    return all(axis.stride == 1 and axis.output == axis.input for axis in (g.height, g.width))


def mirrored(g: Geometry) -> Geometry:
    """The geometry of the convolution of dy that dx is, where size is kept: the padding before and after exchanged."""
    axes = (Axis(a.input, a.kernel, 1, a.dilation, a.after, a.before) for a in (g.height, g.width))
    return Geometry(g.batch, *axes)


def bands(g: Geometry, position_bytes: int, least: int = 0, size: int | None = None) -> Iterator[Band]:
    """Bands (images, rows) of the output: several images or a few rows, of about `size` bytes (by default `BAND`).

    They have at least that many positions, unless these would need more than `WORKSPACE`.
    """
    wanted = min(max(size or BAND, least * position_bytes), WORKSPACE)
    rows = max(1, wanted // (g.width.output * position_bytes))
    images = max(1, rows // g.height.output)
    rows = -(-g.height.output // -(-g.height.output // rows))  # equal bands: none is left with a row or two
    for image in range(0, g.batch, images):
        for row in range(0, g.height.output, rows):
            yield slice(image, image + images), slice(row, min(row + rows, g.height.output))


def read_by(axis: Axis, outputs: slice) -> slice:
    """The rows of the padded input that a range of output positions reads."""
    return slice(outputs.start * axis.stride, (outputs.stop - 1) * axis.stride + axis.span)


def part_of(g: Geometry, images: slice, rows: slice) -> tuple[slice, Geometry]:
    """The rows of the input that a band reads, and the geometry that the band is itself.

    Its padding is the zeros that the band reads: none in the middle, only zeros outside the input.
    """
    axis, read, inside = g.height, read_by(g.height, rows), g.height.inside
    start, stop = (min(max(row, inside.start), inside.stop) for row in (read.start, read.stop))
    before = len(range(read.start, min(read.stop, inside.start)))
    after = len(range(max(read.start, inside.stop), read.stop))
    height = Axis(stop - start, axis.kernel, axis.stride, axis.dilation, before, after)
    return slice(start - axis.before, stop - axis.before), Geometry(len(range(g.batch)[images]), height, g.width)


def columns_by_band(g: Geometry, padded: Array) -> Iterator[tuple[Band, list[Array]]]:
    """(band, columns): each band of the output with its columns, in parts (positions, taps·M), one a kernel row.

    Positions run over rows, images and columns. Neighbouring kernel rows read the same lines of the input, so at stride
    1 each line is copied once, and a kernel row's columns are a range of the copy. With few channels all columns are
    one part, filled along the width, which is then the longer line. All bands share one buffer.
    """
    few = padded.shape[-1] < FEW_CHANNELS
    views = sliding_window_view(padded, (g.height.span if few else 1, g.width.span), axis=(1, 2))
    taps = views[:, :, :: g.width.stride, :, :: g.height.dilation, :: g.width.dilation]
    lines = taps.transpose(1, 0, 2, 4, 5, 3)  # (lines, B, Dᵥ, Dᵣ or 1, Dᵣ, M)
    width = lines[0, 0, 0].size
    buffer = np.empty(0, padded.dtype)
    for images, rows in bands(g, width * padded.itemsize, MATRIX_ROWS):
        _, part = part_of(g, images, rows)
        read = lines[read_by(g.height, rows), images]
        if few:
            read = read[part.height.taps[0]]
        if buffer.size < read.size:
            buffer = np.empty(read.size, padded.dtype)
        if few:
            copy = buffer[: read.size].reshape(*read.shape[3:], *read.shape[:3])
            copy[...] = read.transpose(3, 4, 5, 0, 1, 2)
            yield (images, rows), [copy.reshape(width, -1).T]
        else:
            copy = buffer[: read.size].reshape(read.shape)
            copy[...] = read
            yield (images, rows), [copy[kernel_row].reshape(-1, width) for kernel_row in part.height.taps]


def tap_lines(g: Geometry, padded: Array) -> Array:
    """All taps of every output position, in lines as long as memory has them: a view (B, Dᵥ, W, Dᵣ, Dᵣ, X).

    W·X = Dᵥ·M. Where the stride along the width is 1, tap (i, j) of a row of positions is one line: W = 1, X = Dᵥ·M.
    """
    batch, height, _, channels = padded.shape
    s, δ = (g.height.stride, g.width.stride), (g.height.dilation, g.width.dilation)
    if g.width.stride > 1:
        views = sliding_window_view(padded, (g.height.span, g.width.span), axis=(1, 2))  # (B, ·, ·, M, span, span)
        windows: Array = views[:, :: s[0], :: s[1], :, :: δ[0], :: δ[1]].transpose(0, 1, 2, 4, 5, 3)
        return windows
    rows = padded.reshape(batch, height, -1)  # (B, Dᵤ, Dᵤ·M)
    views = sliding_window_view(rows, (g.height.span, g.width.output * channels), axis=(1, 2))
    lines: Array = views[:, :: s[0], :: δ[1] * channels, :: δ[0]].transpose(0, 1, 3, 2, 4)[:, :, None]
    return lines


def repeat_kernel(kernel: Array, length: int) -> Array:
    """A depthwise kernel as often in a row as a line of that length has positions: (Dᵣ, Dᵣ, M) to (Dᵣ, Dᵣ, X)."""
    return np.tile(kernel, length // kernel.shape[-1])
