"""Where a kernel's taps lie: the only place in npconv with index arithmetic.

One spatial axis of a convolution is an `Axis`, its two axes and the batch are a `Geometry`. Output position v reads,
at tap i of the kernel, the padded input at v·s + i·δ. All that the kernels need follows from this one line: the taps
(views of the padded input), the table of positions (for loops), the columns (taps set side by side), the bands of
output rows (to bound the columns' memory) and the windows (all taps of a position as axes of one view).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Pair: TypeAlias = int | Sequence[int]
Band: TypeAlias = tuple[slice, slice]
Padding: TypeAlias = str | int | Sequence[int] | Sequence[Sequence[int]]

WORKSPACE = 64 * 2**20  # bytes of columns that a kernel in bands may hold, unless one output row needs more
BAND = 4 * 2**20  # bytes in a band: they stay in the cache between their writing and their reading
MATRIX_ROWS = 1600  # positions in a band of columns at least, for a matrix product at full speed
LINES = 256  # lines of positions that are summed in the numbers' own dtype, before their sums are in a wider one
FEW_CHANNELS = 16  # below it a run over the width is longer than one over the channels


@dataclass(frozen=True)
class Axis:
    """One spatial axis, height or width, of a convolution.

    `input` and `output` are Dᵤ and Dᵥ along this axis, `kernel` is Dᵣ; `before` and `after` are the rows of zeros that
    padding puts in front and behind.
    """

    input: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def padded(self) -> int:
        """The size of the padded input."""
        return self.before + self.input + self.after

    @property
    def span(self) -> int:
        """How many rows of the padded input one output position reaches over: δ(Dᵣ − 1) + 1."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def output(self) -> int:
        """Dᵥ = ⌊(Dᵤ + padding − δ(Dᵣ − 1) − 1) / s⌋ + 1."""
        return (self.padded - self.span) // self.stride + 1

    @cached_property
    def positions(self) -> list[list[int]]:
        """positions[v][i] = v·s + i·δ, the row of the padded input that tap i reads for output position v."""
        return [[v * self.stride + i * self.dilation for i in range(self.kernel)] for v in range(self.output)]

    def tap(self, i: int, outputs: int | None = None) -> slice:
        """The rows of the padded input that tap i reads, one for each of the (first) output positions."""
        count = self.output if outputs is None else outputs
        return slice(i * self.dilation, i * self.dilation + (count - 1) * self.stride + 1, self.stride)

    def read_by(self, outputs: slice) -> slice:
        """The rows of the padded input that a range of output positions reads."""
        return slice(outputs.start * self.stride, (outputs.stop - 1) * self.stride + self.span)

    @property
    def inside(self) -> slice:
        """The rows of the padded input that are not padding."""
        return slice(self.before, self.before + self.input)

    def part(self, outputs: slice) -> tuple[slice, "Axis"]:
        """The rows of the input that a range of output positions reads, and the axis that these rows are themselves.

        Its padding is the part of the zeros that the range reads: none at all in the middle, and nothing else where no
        row of the input is read.
        """
        read, inside = self.read_by(outputs), self.inside
        start, stop = (min(max(row, inside.start), inside.stop) for row in (read.start, read.stop))
        before = len(range(read.start, min(read.stop, inside.start)))
        after = len(range(max(read.start, inside.stop), read.stop))
        own = Axis(stop - start, self.kernel, self.stride, self.dilation, before, after)
        return slice(start - self.before, stop - self.before), own


@dataclass(frozen=True)
class Geometry:
    """The batch and the two spatial axes of a convolution."""

    batch: int
    height: Axis
    width: Axis

    @property
    def output(self) -> tuple[int, int, int]:
        """(B, Dᵥ, Dᵥ), the output's shape without its channels."""
        return self.batch, self.height.output, self.width.output

    @property
    def keeps_size(self) -> bool:
        """Whether the output is as high and as wide as the input, at stride 1."""
        return all(axis.stride == 1 and axis.output == axis.input for axis in (self.height, self.width))

    @property
    def mirrored_padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The padding, before and after exchanged: that of the convolution of dy which dx is, where size is kept."""
        return (self.height.after, self.height.before), (self.width.after, self.width.before)

    @property
    def row(self) -> list[list[int]]:
        """row[v][i]: the row of the padded input under tap row i at output row v."""
        return self.height.positions

    @property
    def column(self) -> list[list[int]]:
        """column[w][j]: the column of the padded input under tap column j at output column w."""
        return self.width.positions

    def zeros(self, channels: int, *operands: Array) -> Array:
        """An output volume of zeros, in the dtype that the operands' products have."""
        return np.zeros((*self.output, channels), np.result_type(*(a.dtype for a in operands)))

    def pad(self, x: Array) -> Array:
        """x with its rows and columns of zeros around it: a copy, or x itself where there is no padding."""
        if (x.shape[1], x.shape[2]) == (self.height.padded, self.width.padded):
            return x
        padded = np.zeros((x.shape[0], self.height.padded, self.width.padded, *x.shape[3:]), x.dtype)
        padded[:, self.height.inside, self.width.inside] = x
        return padded

    def backward_arrays(self, dy: Array, x: Array, kernel: Array) -> tuple[Array, Array, Array]:
        """What every backward by taps starts from: the padded x, and zeros for its gradient and for the kernel's."""
        padded = self.pad(x)
        dpadded = np.zeros(padded.shape, np.result_type(dy.dtype, kernel.dtype))
        return padded, dpadded, np.zeros(kernel.shape, np.result_type(dy.dtype, x.dtype))

    def crop(self, padded: Array) -> Array:
        """What `pad` put zeros around; the adjoint of `pad`."""
        return np.ascontiguousarray(padded[:, self.height.inside, self.width.inside])

    def taps(self, *padded: Array) -> Iterator[Any]:
        """(i, j, view, ...): for every tap, its view of each padded array, with an entry for every output position.

        The views are writable where the arrays are, so the same loop gathers (`y += tap @ ...`) and scatters
        (`dtap += ...`).
        """
        for i in range(self.height.kernel):
            for j in range(self.width.kernel):
                yield i, j, *(a[:, self.height.tap(i), self.width.tap(j)] for a in padded)

    def windows(self, padded: Array) -> Array:
        """All taps of every output position, a view (B, Dᵥ, Dᵥ, Dᵣ, Dᵣ, M)."""
        spans = (self.height.span, self.width.span)
        views = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(1, 2))  # (B, ·, ·, M, span, span)
        dilated = views[
            :, :: self.height.stride, :: self.width.stride, :, :: self.height.dilation, :: self.width.dilation
        ]
        windows: Array = dilated.transpose(0, 1, 2, 4, 5, 3)
        return windows

    def runs(self, padded: Array) -> Array:
        """`windows` in runs as long as memory has them, a view (B, Dᵥ, W, Dᵣ, Dᵣ, X), with W·X = Dᵥ·M.

        Where the stride along the width is 1, tap (i, j) of a whole row of positions is one run: W = 1, X = Dᵥ·M.
        """
        if self.width.stride > 1:
            return self.windows(padded)
        batch, height, _, channels = padded.shape
        run = self.width.output * channels
        lines = padded.reshape(batch, height, -1)  # (B, Dᵤ, Dᵤ·M)
        views = np.lib.stride_tricks.sliding_window_view(lines, (self.height.span, run), axis=(1, 2))
        taps = views[:, :: self.height.stride, :: self.width.dilation * channels, :: self.height.dilation]
        runs: Array = taps.transpose(0, 1, 3, 2, 4)[:, :, None]  # (B, Dᵥ, 1, Dᵣ, Dᵣ, X)
        return runs

    def columns(self, padded: Array) -> Array:
        """The taps side by side, (B·Dᵥ·Dᵥ, Dᵣ·Dᵣ·M): one row for every output position (im2col)."""
        return self.windows(padded).reshape(math.prod(self.output), -1)

    def bands(self, position_bytes: int, least: int = 0, size: int | None = None) -> Iterator[Band]:
        """Bands (images, rows) of the output: several images or a few rows, of about `size` bytes (by default `BAND`).

        They have at least that many positions, unless these would need more than `WORKSPACE`.
        """
        wanted = min(max(size or BAND, least * position_bytes), WORKSPACE)
        rows = max(1, wanted // (self.width.output * position_bytes))
        images = max(1, rows // self.height.output)
        rows = -(-self.height.output // -(-self.height.output // rows))  # equal bands: none is left with a row or two
        for image in range(0, self.batch, images):
            for row in range(0, self.height.output, rows):
                yield slice(image, image + images), slice(row, min(row + rows, self.height.output))

    def line_bands(self, runs: Array) -> Iterator[Band]:
        """Bands of `runs` with `LINES` of them at most, or those of one row."""
        return self.bands(1, size=LINES * self.width.output // runs.shape[2])

    def blocks(self, padded: Array) -> Iterator[tuple[Band, list[Array]]]:
        """(band, blocks): each band of the output with its columns, in blocks (positions, taps·M).

        Positions run over rows, images and columns. A block has the taps of one kernel row: neighbouring kernel rows
        read the same lines of the input, so at stride 1 each line is copied once, and a block is a range of the copy.
        With few channels there is one block of all taps instead, filled along the width, which is then the longer run.
        Every band uses one buffer again.
        """
        few = padded.shape[-1] < FEW_CHANNELS
        span = self.height.span if few else 1
        views = np.lib.stride_tricks.sliding_window_view(padded, (span, self.width.span), axis=(1, 2))
        taps = views[:, :, :: self.width.stride, :, :: self.height.dilation, :: self.width.dilation]
        lines = taps.transpose(1, 0, 2, 4, 5, 3)  # (lines, B, Dᵥ, Dᵣ or 1, Dᵣ, M)
        width = lines[0, 0, 0].size
        buffer = np.empty(0, padded.dtype)
        for images, rows in self.bands(width * padded.itemsize, MATRIX_ROWS):
            part = lines[self.height.tap(0)][rows, images] if few else lines[self.height.read_by(rows), images]
            if buffer.size < part.size:
                buffer = np.empty(part.size, padded.dtype)
            if few:
                block = buffer[: part.size].reshape(*part.shape[3:], *part.shape[:3])
                block[...] = part.transpose(3, 4, 5, 0, 1, 2)
                yield (images, rows), [block.reshape(width, -1).T]
            else:
                copy = buffer[: part.size].reshape(part.shape)
                copy[...] = part
                kernel_rows = (self.height.tap(i, rows.stop - rows.start) for i in range(self.height.kernel))
                yield (images, rows), [copy[row].reshape(-1, width) for row in kernel_rows]

    def scatter(self, dcolumns: Array, dpadded: Array, band: Band = (slice(None), slice(None))) -> None:
        """Add a band's columns back to where they came from: the adjoint of `columns` (col2im).

        The adjoint, not the inverse: an input value that several positions read gets the sum of them.
        """
        for i, j, dtap in self.taps(dpadded):
            into = dtap[band]
            into += dcolumns.reshape(*into.shape[:3], self.height.kernel, self.width.kernel, -1)[:, :, :, i, j]


def as_matrix(volume: Array) -> Array:
    """A volume (B, D, D, C) as the matrix (B·D·D, C), a kernel (Dᵣ, Dᵣ, M, N) as (Dᵣ·Dᵣ·M, N)."""
    return volume.reshape(-1, volume.shape[-1])


def repeat_channels(x: Array, channels: int) -> Array:
    """x with each channel Q times in a row, (…, M) to (…, M·Q): what a depth multiplier's filters read."""
    return x if x.shape[-1] == channels else np.repeat(x, channels // x.shape[-1], axis=-1)


def sum_channels(dx: Array, channels: int) -> Array:
    """The sum over each run of Q channels, (…, M·Q) to (…, M): the adjoint of `repeat_channels`."""
    if dx.shape[-1] == channels:
        return dx
    summed: Array = dx.reshape(*dx.shape[:-1], channels, -1).sum(axis=-1, dtype=dx.dtype)
    return summed


def repeat_kernel(kernel: Array, length: int) -> Array:
    """A depthwise kernel as often in a row as a run of that length has positions: (Dᵣ, Dᵣ, M) to (Dᵣ, Dᵣ, X)."""
    return np.tile(kernel, length // kernel.shape[-1])
