"""The parts of the networks' tables: rows, widths in steps of 8, and strides that become dilation."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..kernels.arguments import integer, positive
from ..layers.layer import positive_ints

OUTPUT_STRIDES = (8, 16, 32)


class Row(NamedTuple):
    """A row of MobileNetV2's table, as in the paper's Table 2."""

    expansion: int  # t
    channels: int  # c
    blocks: int  # n
    stride: int  # s, of the row's first block


class SeparableRow(NamedTuple):
    """A row of MobileNetV1's table: the paper's Table 1, with a depthwise and a pointwise line of it together."""

    channels: int  # c
    blocks: int  # n
    stride: int  # s, of the row's first block


AnyRow = TypeVar("AnyRow", Row, SeparableRow)


def divisible(channels: float, divisor: int = 8) -> int:
    """Channels rounded to a multiple of 8, as the networks' widths are: half up, never below 0.9 of what was asked.

    `channels` is a number above 0; at least one divisor is returned. Raises TypeError or ValueError where `channels` is
    no number above 0 or `divisor` no int above 0. Source: the function that TF-slim, Keras and
    torchvision share.

    >>> [divisible(c) for c in (3, 11.2, 12, 33.6, 1280 * 1.4)]
    [8, 16, 16, 32, 1792]
    """
    channels = positive("divisible", "channels", channels)
    divisor = integer("divisible", "divisor", divisor)
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def checked_rows(function: str, rows: Any, kind: type[AnyRow]) -> list[AnyRow]:
    """The table's rows, each of them checked to be as many numbers as its kind has, with at least one block."""
    letters = {Row: "(t, c, n, s)", SeparableRow: "(c, n, s)"}[kind]
    table: list[AnyRow] = []
    for number, row in enumerate(rows if isinstance(rows, Sequence | np.ndarray) else [rows]):
        if not isinstance(row, tuple | list | np.ndarray) or len(row) != len(kind._fields):
            raise TypeError(f"{function}: rows must be {letters} each; got {row!r}")
        given = kind(*row)
        values = {f"{name} of row {number}": value for name, value in given._asdict().items()}
        table.append(kind(*positive_ints(function, **values)))
    return table


def strides_and_rates(function: str, strides: Sequence[int], output_stride: Any) -> Iterator[tuple[int, int]]:
    """(stride, dilation) of layers in a row, so that their strides multiply to at most an output stride (None: any).

    A layer that would exceed it gets stride 1 and keeps the dilation before it; those behind it are dilated by its
    stride more. So each later kernel still reaches over as much of the image, on a finer grid.

    Source: the MobileNetV2 paper's section 6.3, as TF-slim has it.

    >>> list(strides_and_rates("", [2, 1, 2, 2, 2, 1, 2, 1], 8))
    [(2, 1), (1, 1), (2, 1), (2, 1), (1, 1), (1, 2), (1, 2), (1, 4)]
    """
    if output_stride is None:
        yield from ((stride, 1) for stride in strides)
        return
    output_stride = integer(function, "output_stride", output_stride)
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(f"{function}: output_stride must be one of {OUTPUT_STRIDES}; got {output_stride}")
    reached, rate = 1, 1
    for stride in strides:
        if reached * stride > output_stride:
            yield 1, rate
            rate *= stride
        else:
            yield stride, rate
            reached *= stride
    if reached != output_stride:
        raise ValueError(
            f"{function}: output_stride must be a stride that the rows reach; got {output_stride}, and they stop at "
            f"{reached} (strides {', '.join(map(str, strides))}, the stem's first)"
        )


def steps(
    function: str, rows: Sequence[AnyRow], stem_stride: int, output_stride: Any
) -> Iterator[tuple[AnyRow, int, int]]:
    """(row, stride, dilation) of each block behind a stem; a row's stride is that of its first block.

    Raises TypeError for an output stride that is no int, ValueError for one that is not in `OUTPUT_STRIDES`, or that
    the strides don't reach.

    >>> [tuple(step) for _, *step in steps("", [SeparableRow(8, 2, 2), SeparableRow(16, 3, 2)], 4, 8)]
    [(2, 1), (1, 1), (1, 1), (1, 2), (1, 2)]
    """
    blocks: list[AnyRow] = [row for row in rows for _ in range(row.blocks)]
    strides: list[int] = [row.stride if number == 0 else 1 for row in rows for number in range(row.blocks)]
    _, *own = strides_and_rates(function, [stem_stride, *strides], output_stride)
    for row, (stride, rate) in zip(blocks, own, strict=True):
        yield row, stride, rate
