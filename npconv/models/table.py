"""The parts of the networks' tables: rows, widths in steps of 8, and strides that become dilation."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..kernels.arguments import boolean, integer, one_of, positive
from ..layers.blocks import ACTIVATIONS

OUTPUT_STRIDES = (4, 8, 16, 32)


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


class BneckRow(NamedTuple):
    """A row of MobileNetV3's tables, which is one block: the operator "bneck" of the paper's Tables 1 and 2."""

    kernel_size: int  # of the depthwise convolution
    expanded: int  # exp size: the channels of the expanded volume
    channels: int  # #out
    squeeze: bool  # SE: whether it has squeeze-and-excite
    activation: str  # NL: "relu" for RE, "hard_swish" for HS
    stride: int  # s

    @property
    def blocks(self) -> int:
        """One, as a row is one block."""
        return 1


AnyRow = TypeVar("AnyRow", Row, SeparableRow, BneckRow)
LETTERS: dict[type, str] = {
    Row: "(t, c, n, s)",
    SeparableRow: "(c, n, s)",
    BneckRow: "(kernel_size, expanded, channels, squeeze, activation, stride)",
}


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
    """The table's rows, each of them checked to have as many entries as its kind, of the kinds that its fields say."""
    table: list[AnyRow] = []
    for number, row in enumerate(rows if isinstance(rows, Sequence | np.ndarray) else [rows]):
        if not isinstance(row, tuple | list | np.ndarray) or len(row) != len(kind._fields):
            raise TypeError(f"{function}: rows must be {LETTERS[kind]} each; got {row!r}")
        given = kind(*row)
        values = (_checked(function, name, value, number) for name, value in given._asdict().items())
        table.append(kind(*values))
    return table


def _checked(function: str, field: str, value: Any, number: int) -> Any:
    """A row's entry: a bool, an activation's name, or a whole number above 0."""
    name = f"{field} of row {number}"
    if field == "squeeze":
        boolean(function, name, value)
        return value
    return one_of(function, name, value, ACTIVATIONS) if field == "activation" else integer(function, name, value)


def strides_and_rates(
    function: str, strides: Sequence[int], output_stride: Any, *, itself: bool = False
) -> Iterator[tuple[int, int]]:
    """(stride, dilation) of layers in a row, so that their strides multiply to at most an output stride (None: any).

    A layer that would exceed it gets stride 1 and keeps the dilation before it; those behind it are dilated by its
    stride more. So each later kernel still reaches over as much of the image, on a finer grid. With `itself` the layer
    that loses its stride is dilated as those behind it are, as in torchvision's MobileNetV3.

    Source: the MobileNetV2 paper's section 6.3, as TF-slim has it.

    >>> list(strides_and_rates("", [2, 1, 2, 2, 2, 1, 2, 1], 8))
    [(2, 1), (1, 1), (2, 1), (2, 1), (1, 1), (1, 2), (1, 2), (1, 4)]
    >>> list(strides_and_rates("", [2, 1, 2, 2, 2, 1, 2, 1], 8, itself=True))
    [(2, 1), (1, 1), (2, 1), (2, 1), (1, 2), (1, 2), (1, 4), (1, 4)]
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
            yield 1, rate * stride if itself else rate
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
    function: str, rows: Sequence[AnyRow], stem_stride: int, output_stride: Any, *, itself: bool = False
) -> Iterator[tuple[AnyRow, int, int]]:
    """(row, stride, dilation) of each block behind a stem; a row's stride is that of its first block.

    `itself` as in `strides_and_rates`. Raises TypeError for an output stride that is no int, ValueError for one that is
    not in `OUTPUT_STRIDES`, or that the strides don't reach.

    >>> [tuple(step) for _, *step in steps("", [SeparableRow(8, 2, 2), SeparableRow(16, 3, 2)], 4, 8)]
    [(2, 1), (1, 1), (1, 1), (1, 2), (1, 2)]
    """
    blocks: list[AnyRow] = [row for row in rows for _ in range(row.blocks)]
    strides: list[int] = [row.stride if number == 0 else 1 for row in rows for number in range(row.blocks)]
    _, *own = strides_and_rates(function, [stem_stride, *strides], output_stride, itself=itself)
    for row, (stride, rate) in zip(blocks, own, strict=True):
        yield row, stride, rate
