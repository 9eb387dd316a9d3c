"""The positions of a kernel's taps: the index arithmetic of every kernel to be read.

One spatial axis of a convolution is an `Axis`; its two axes and the batch are a `Geometry`, three and the batch a
`Geometry3D`. Output position v reads, at tap i of the kernel, row v·s + i·δ of the padded input. The rest follows from
this line: the taps (views of the padded input), the table of positions (for loops), and the columns (taps side by
side). engine.py has the windows and bands of the fast rungs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Pair: TypeAlias = int | Sequence[int]
Triple: TypeAlias = int | Sequence[int]
Padding: TypeAlias = str | int | Sequence[int] | Sequence[Sequence[int]]


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a convolution: height or width, or the depth of a 3D one.

    `input` and `output` are Dᵤ and Dᵥ along this axis, `kernel` is Dᵣ; `before` and `after` are the rows of zeros that
    padding puts in front and behind. `padded` is the size of the padded input, `span` the number of its rows that one
    output position reaches over. `outputs` leaves out output positions behind, where more than that many fit.
    """

    input: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    outputs: int | None = None
    padded: int = field(init=False, repr=False, compare=False)
    span: int = field(init=False, repr=False, compare=False)
    output: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        padded = self.before + self.input + self.after
        span = self.dilation * (self.kernel - 1) + 1  # δ(Dᵣ − 1) + 1
        output = (padded - span) // self.stride + 1  # Dᵥ = ⌊(Dᵤ + padding − δ(Dᵣ − 1) − 1) / s⌋ + 1
        output = output if self.outputs is None else min(output, self.outputs)
        self.__dict__.update(padded=padded, span=span, output=output)  # a frozen dataclass forbids self.padded = …

    @property
    def taps(self) -> list[slice]:
        """taps[i]: the rows of the padded input that tap i reads, one for each output position."""
        extent = (self.output - 1) * self.stride + 1  # rows from the first output's to the last's
        return [slice(first, first + extent, self.stride) for first in range(0, self.span, self.dilation)]

    @cached_property
    def positions(self) -> list[list[int]]:
        """positions[v][i] = v·s + i·δ, the row of the padded input that tap i reads for output position v."""
        return [[v * self.stride + i * self.dilation for i in range(self.kernel)] for v in range(self.output)]

    @property
    def inside(self) -> slice:
        """The rows of the padded input that are not padding."""
        return slice(self.before, self.before + self.input)


@dataclass(frozen=True)
class Geometry:
    """The batch and the two spatial axes of a convolution."""

    batch: int
    height: Axis
    width: Axis

    @property
    def output(self) -> tuple[int, ...]:
        """(B, Dᵥ, Dᵥ), the output's shape without its channels."""
        return self.batch, self.height.output, self.width.output

    @property
    def padded(self) -> tuple[int, ...]:
        """The sides of the padded input."""
        return self.height.padded, self.width.padded

    @property
    def inside(self) -> tuple[slice, ...]:
        """The part of a padded array that is not padding."""
        return slice(None), self.height.inside, self.width.inside

    @cached_property
    def row(self) -> list[list[int]]:
        """row[v][i]: the row of the padded input under tap row i at output row v."""
        return self.height.positions

    @cached_property
    def column(self) -> list[list[int]]:
        """column[w][j]: the column of the padded input under tap column j at output column w."""
        return self.width.positions

    def zeros(self, channels: int, *operands: Array) -> Array:
        """An output volume of zeros, in the dtype of the operands' products."""
        return np.zeros((*self.output, channels), np.result_type(*operands))

    def padded_zeros(self, channels: int, *operands: Array) -> Array:
        """A padded input of zeros, in the dtype of the operands' products: what taps are added into."""
        shape = (self.batch, self.height.padded, self.width.padded, channels)
        return np.zeros(shape, np.result_type(*operands))

    def pad(self, x: Array) -> Array:
        """x with its rows and columns of zeros around it: a copy, or x itself where there is no padding."""
        sides = self.padded
        behind = 1 + len(sides)
        if x.shape[1:behind] == sides:
            return x
        padded = np.zeros((x.shape[0], *sides, *x.shape[behind:]), x.dtype)
        padded[self.inside] = x
        return padded

    def crop(self, padded: Array) -> Array:
        """The part of a padded array that is not padding: the way back through `pad`, for gradients (its adjoint)."""
        return np.ascontiguousarray(padded[self.inside])

    def backward_arrays(self, dy: Array, x: Array, kernel: Array) -> tuple[Array, Array, Array]:
        """The start of every backward: the padded x, and zeros for its gradient and for the kernel's."""
        padded = self.pad(x)
        dpadded = np.zeros(padded.shape, np.result_type(dy, kernel))
        return padded, dpadded, np.zeros(kernel.shape, np.result_type(dy, x))

    def taps(self, padded: Array, dpadded: Array | None = None) -> Iterator[Any]:
        """(i, j, tap), or (i, j, tap, dtap): the views of the padded arrays, an entry for every output position.

        The views are writable where the arrays are, so the same loop gathers (`y += tap @ ...`) and scatters
        (`dtap += ...`).
        """
        across = self.width.taps
        for i, rows in enumerate(self.height.taps):
            for j, columns in enumerate(across):
                tap = padded[:, rows, columns]
                yield (i, j, tap) if dpadded is None else (i, j, tap, dpadded[:, rows, columns])

    def columns(self, padded: Array) -> Array:
        """The taps side by side, (B·Dᵥ·Dᵥ, Dᵣ·Dᵣ·M): one row for every output position (im2col)."""
        return as_matrix(np.concatenate([tap for _, _, tap in self.taps(padded)], axis=-1))

    def scatter(self, dcolumns: Array, dpadded: Array) -> None:
        """Add columns back to the positions they came from: the adjoint of `columns` (col2im).

        The adjoint, not the inverse: an input value that several positions read gets their sum.
        """
        by_tap = dcolumns.reshape(*self.output, -1, dpadded.shape[-1])  # (B, Dᵥ, Dᵥ, Dᵣ·Dᵣ, M)
        for number, (_, _, dtap) in enumerate(self.taps(dpadded)):
            dtap += by_tap[:, :, :, number]


@dataclass(frozen=True)
class Geometry3D(Geometry):
    """The batch and the three spatial axes of a 3D convolution: the depth comes before height and width."""

    depth: Axis

    @property
    def output(self) -> tuple[int, ...]:
        """(B, Dᵥ, Dᵥ, Dᵥ), the output's shape without its channels."""
        return self.batch, self.depth.output, self.height.output, self.width.output

    @property
    def padded(self) -> tuple[int, ...]:
        """The sides of the padded input."""
        return self.depth.padded, self.height.padded, self.width.padded

    @property
    def inside(self) -> tuple[slice, ...]:
        """The part of a padded array that is not padding."""
        return slice(None), self.depth.inside, self.height.inside, self.width.inside

    @cached_property
    def layer(self) -> list[list[int]]:
        """layer[u][i]: the layer of the padded input under tap layer i at output layer u."""
        return self.depth.positions

    def taps(self, padded: Array, dpadded: Array | None = None) -> Iterator[Any]:
        """(i, j, k, tap), or (i, j, k, tap, dtap): views as those of two axes."""
        for i, layers in enumerate(self.depth.taps):
            for (j, rows), (k, columns) in product(enumerate(self.height.taps), enumerate(self.width.taps)):
                tap = padded[:, layers, rows, columns]
                yield (i, j, k, tap) if dpadded is None else (i, j, k, tap, dpadded[:, layers, rows, columns])


def as_matrix(volume: Array) -> Array:
    """A volume (B, D, D, C) as the matrix (B·D·D, C), a kernel (Dᵣ, Dᵣ, M, N) as (Dᵣ·Dᵣ·M, N)."""
    return volume.reshape(-1, volume.shape[-1])


def repeat_channels(x: Array, channels: int) -> Array:
    """x with each channel Q times in a row, (…, M) to (…, M·Q): the input of a depth multiplier's filters."""
    return x if x.shape[-1] == channels else np.repeat(x, channels // x.shape[-1], axis=-1)


def sum_channels(dx: Array, channels: int) -> Array:
    """The sum over each run of Q channels, (…, M·Q) to (…, M): the adjoint of `repeat_channels`."""
    if dx.shape[-1] == channels:
        return dx
    summed: Array = dx.reshape(*dx.shape[:-1], channels, -1).sum(axis=-1, dtype=dx.dtype)
    return summed
