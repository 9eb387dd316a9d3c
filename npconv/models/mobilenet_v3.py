"""MobileNetV3: the paper's two tables, the rules of width, and the loop that turns a table into layers."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..kernels.arguments import boolean, generator, one_of, positive
from ..layers import Conv2D, Dense, GlobalAveragePool, InvertedResidual, Layer, PointwiseConv2D
from ..layers.blocks import normalised
from ..layers.layer import positive_ints
from ..layers.normalization import CONVENTIONS, check_options
from .conventions import check_conventions, padding
from .network import MobileNet, Specification, recorded
from .table import BneckRow, checked_rows, divisible, steps

LARGE = (
    BneckRow(3, 16, 16, False, "relu", 1),
    BneckRow(3, 64, 24, False, "relu", 2),
    BneckRow(3, 72, 24, False, "relu", 1),
    BneckRow(5, 72, 40, True, "relu", 2),
    BneckRow(5, 120, 40, True, "relu", 1),
    BneckRow(5, 120, 40, True, "relu", 1),
    BneckRow(3, 240, 80, False, "hard_swish", 2),
    BneckRow(3, 200, 80, False, "hard_swish", 1),
    BneckRow(3, 184, 80, False, "hard_swish", 1),
    BneckRow(3, 184, 80, False, "hard_swish", 1),
    BneckRow(3, 480, 112, True, "hard_swish", 1),
    BneckRow(3, 672, 112, True, "hard_swish", 1),
    BneckRow(5, 672, 160, True, "hard_swish", 2),
    BneckRow(5, 960, 160, True, "hard_swish", 1),
    BneckRow(5, 960, 160, True, "hard_swish", 1),
)
SMALL = (
    BneckRow(3, 16, 16, True, "relu", 2),
    BneckRow(3, 72, 24, False, "relu", 2),
    BneckRow(3, 88, 24, False, "relu", 1),
    BneckRow(5, 96, 40, True, "hard_swish", 2),
    BneckRow(5, 240, 40, True, "hard_swish", 1),
    BneckRow(5, 240, 40, True, "hard_swish", 1),
    BneckRow(5, 120, 48, True, "hard_swish", 1),
    BneckRow(5, 144, 48, True, "hard_swish", 1),
    BneckRow(5, 288, 96, True, "hard_swish", 2),
    BneckRow(5, 576, 96, True, "hard_swish", 1),
    BneckRow(5, 576, 96, True, "hard_swish", 1),
)
MOBILENET_V3_ROWS: Mapping[str, tuple[BneckRow, ...]] = MappingProxyType({"large": LARGE, "small": SMALL})
"""The paper's Tables 1 and 2, Large and Small: kernel, exp size, #out, SE, NL, s of the blocks, a block a row."""

HIDDEN_CHANNELS = MappingProxyType({"large": 1280, "small": 1024})  # as published; the paper's Table 2 prints 1280
V3_TORCHVISION = MappingProxyType({"epsilon": 1e-3, "momentum": 0.99, "unbiased": True})
V3_CONVENTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType({**CONVENTIONS, "torchvision": V3_TORCHVISION})
"""The options of `BatchNorm` in each family's MobileNetV3."""


class Widths(NamedTuple):
    """The channels of a network: of the stem, in the rows of the table, of the last convolution, the hidden layer."""

    stem: int
    table: list[BneckRow]
    last: int
    hidden: int


def mobilenet_v3(
    size: str = "large",
    width: float = 1.0,
    classes: int = 1000,
    *,
    minimalistic: bool = False,
    reduced_tail: bool = False,
    conventions: str = "keras",
    rows: Sequence[BneckRow | tuple[int, int, int, bool, str, int]] | None = None,
    in_channels: int = 3,
    stem_channels: int = 16,
    last_channels: int | None = None,
    hidden_channels: int | None = None,
    output_stride: int | None = None,
    batch_norm: Mapping[str, Any] | None = None,
    seed: int | np.random.Generator = 0,
    dtype: Any = np.float32,
) -> MobileNet:
    """MobileNetV3, Large or Small: inverted residuals with hard-swish and squeeze-and-excite, and a head of two layers.

    Args:
        size: "large" or "small".
        width: the width multiplier; channels are rounded by `divisible`, by the conventions' rules (`widened`).
        classes: how many logits it returns.
        minimalistic: True replaces 5×5 by 3×3 and hard-swish by ReLU, and leaves squeeze-and-excite out.
        reduced_tail: True halves the channels from the last block of stride 2 on, as detection and segmentation use it.
        conventions: the family whose weights it could take, "keras", "torchvision" or "timm": decides the padding of
            its stride-2 layers, its batch normalisation, the rules of width, and which blocks are dilated.
        rows: a table in place of the paper's, (kernel_size, expanded, channels, squeeze, activation, stride) a row.
        in_channels: M of the images, (B, Dᵤ, Dᵤ, M).
        stem_channels, last_channels, hidden_channels: of the first convolution, of the last and of the hidden layer
            behind the pool, at width 1. None is 6 times the last block's channels, and 1280 or, for Small, 1024, halved
            by reduced_tail. The paper's Small has 1280.
        output_stride: 32 or, for dense predictions, 16, 8 or 4: as in `mobilenet_v2`; by torchvision's conventions the
            block that loses its stride is dilated too, and gets no shortcut.
        batch_norm, seed, dtype: as in `mobilenet_v2`.

    Returns:
        A `MobileNet`: stem, block_1, block_2, …, last, pool, hidden, classifier, and the normalisation and activation
        of stem and last, and the activation of hidden.

    Raises:
        TypeError, ValueError: as `mobilenet_v2`, and for another size, rows that are not of six, flags that are no
            bool.

    Source: the MobileNetV3 paper's Tables 1 and 2; its Table 6 for the reduced tail.

    >>> network = mobilenet_v3("small", 0.75, 10)
    >>> network.output_shape((2, 64, 96, 3)), network.blocks[-1], network.params["block_11.squeeze_excite.reduce"].shape
    ((2, 10), 'block_11', (432, 112))
    """
    given = dict(locals())
    function = "mobilenet_v3"
    one_of(function, "size", size, MOBILENET_V3_ROWS)
    check_conventions(function, conventions)
    check_options(function, batch_norm)
    boolean(function, "minimalistic", minimalistic)
    boolean(function, "reduced_tail", reduced_tail)
    multiplier = positive(function, "width", width)
    table = checked_rows(function, MOBILENET_V3_ROWS[size] if rows is None else rows, BneckRow)
    table = [plainer(row) for row in table] if minimalistic else table
    table = halved_tail(table) if reduced_tail else table
    hidden = HIDDEN_CHANNELS[size] // (1 + reduced_tail) if hidden_channels is None else hidden_channels
    last = 6 * (table[-1].channels if table else stem_channels) if last_channels is None else last_channels
    classes, in_channels, stem_channels, last, hidden = positive_ints(
        function, classes=classes, in_channels=in_channels, stem_channels=stem_channels, last_channels=last,
        hidden_channels=hidden,
    )  # fmt: skip
    channels = widened(conventions, multiplier, Widths(stem_channels, table, last, hidden))
    norm = V3_CONVENTIONS[conventions] if batch_norm is None else batch_norm
    activation = "relu" if minimalistic else "hard_swish"
    rng = generator(function, seed)
    stem = Conv2D(in_channels, channels.stem, 3, stride=2, padding=padding(conventions), seed=rng, dtype=dtype)
    layers = normalised("stem", stem, norm, activation)
    layers |= bneck_rows(
        function, channels.table, channels.stem, conventions=conventions, output_stride=output_stride, batch_norm=norm,
        seed=rng, dtype=dtype,
    )  # fmt: skip
    layers |= head_with_hidden(channels, classes, activation, batch_norm=norm, seed=rng, dtype=dtype)
    stages = tuple(len(list(blocks)) for _, blocks in groupby(row.channels for row in table))
    return MobileNet(
        layers, Specification(function, conventions, tuple(channels.table), output_stride, stages, recorded(given))
    )


def bneck_rows(
    function: str,
    rows: Sequence[BneckRow],
    in_channels: int,
    *,
    conventions: str = "keras",
    output_stride: int | None = None,
    batch_norm: Mapping[str, Any] | None,
    seed: np.random.Generator,
    dtype: Any,
) -> dict[str, Layer]:
    """A table's rows as blocks behind a stem of stride 2, named block_1, block_2, …

    >>> blocks = bneck_rows("", SMALL[:4], 16, batch_norm={}, seed=np.random.default_rng(0), dtype=np.float32)
    >>> list(blocks), [block.shortcut for block in blocks.values()]
    (['block_1', 'block_2', 'block_3', 'block_4'], [False, False, True, False])
    """
    layers: dict[str, Layer] = {}
    torchvision = conventions == "torchvision"
    for number, (row, stride, rate) in enumerate(steps(function, rows, 2, output_stride, itself=torchvision), 1):
        layers[f"block_{number}"] = InvertedResidual(
            in_channels, row.channels, stride, expanded=row.expanded, kernel_size=row.kernel_size,
            padding=padding(conventions, rate, row.kernel_size), dilation=rate, activation=row.activation,
            squeeze=divisible(row.expanded / 4) if row.squeeze else None,
            shortcut=row.stride == 1 or not torchvision, batch_norm=batch_norm, seed=seed, dtype=dtype,
        )  # fmt: skip
        in_channels = row.channels
    return layers


def head_with_hidden(
    channels: Widths,
    classes: int,
    activation: str,
    *,
    batch_norm: Mapping[str, Any] | None,
    seed: np.random.Generator,
    dtype: Any,
) -> dict[str, Layer]:
    """The layers after the blocks: the last pointwise convolution, the pool, the hidden layer and the classifier.

    >>> rng = np.random.default_rng(0)
    >>> list(head_with_hidden(Widths(16, [], 8, 12), 5, "relu", batch_norm={}, seed=rng, dtype=np.float32))
    ['last', 'last_norm', 'last_relu', 'pool', 'hidden', 'hidden_relu', 'classifier']
    """
    in_channels = channels.table[-1].channels if channels.table else channels.stem
    last = PointwiseConv2D(in_channels, channels.last, seed=seed, dtype=dtype)
    hidden = Dense(channels.last, channels.hidden, seed=seed, dtype=dtype)
    classifier = Dense(channels.hidden, classes, seed=seed, dtype=dtype)
    layers = normalised("last", last, batch_norm, activation) | {"pool": GlobalAveragePool()}
    return layers | normalised("hidden", hidden, None, activation) | {"classifier": classifier}


def widened(conventions: str, multiplier: float, channels: Widths) -> Widths:
    """The channels at a width multiplier, by the rules of a family's networks, which differ in four places.

    All round the blocks' output channels by `divisible`. torchvision does so with the expanded channels too; Keras and
    timm keep their ratio to the block's input, as rounded. torchvision scales the stem; Keras keeps it; timm keeps it
    below 0.75. timm scales the last convolution; torchvision and Keras keep its ratio to the last block. torchvision
    scales the hidden layer; Keras does above 1 alone; timm never does.

    >>> for family in ("torchvision", "keras", "timm"):
    ...     stem, table, last, hidden = widened(family, 0.75, Widths(16, list(SMALL), 576, 1024))
    ...     print(stem, *(row.expanded for row in table), last, hidden)
    16 16 56 64 72 184 184 88 112 216 432 432 432 768
    16 16 72 88 96 192 192 96 120 240 432 432 432 1024
    16 16 72 88 96 192 192 96 120 240 432 432 432 1024
    """

    def scaled(number: int) -> int:
        return divisible(number * multiplier)

    scales_stem = {"torchvision": True, "keras": False, "timm": multiplier >= 0.75}[conventions]
    scales_hidden = {"torchvision": True, "keras": multiplier > 1, "timm": False}[conventions]
    stem = scaled(channels.stem) if scales_stem else channels.stem
    before, now = channels.stem, stem  # a block's input channels, at width 1 and at this width
    table = []
    for row in channels.table:
        expanded = scaled(row.expanded) if conventions == "torchvision" else divisible(row.expanded * now / before)
        table.append(row._replace(expanded=expanded, channels=scaled(row.channels)))
        before, now = row.channels, table[-1].channels
    last = scaled(channels.last) if conventions == "timm" else divisible(channels.last * now / before)
    return Widths(stem, table, last, scaled(channels.hidden) if scales_hidden else channels.hidden)


def plainer(row: BneckRow) -> BneckRow:
    """A row of the minimalistic network.

    >>> plainer(SMALL[-1])
    BneckRow(kernel_size=3, expanded=576, channels=96, squeeze=False, activation='relu', stride=1)
    """
    return row._replace(kernel_size=3, squeeze=False, activation="relu")


def halved_tail(rows: Sequence[BneckRow]) -> list[BneckRow]:
    """The rows with half the channels from the last block of stride 2 on, whose own expansion stays as wide.

    >>> [(row.expanded, row.channels) for row in halved_tail(SMALL)[-4:]]
    [(144, 48), (288, 48), (288, 48), (288, 48)]
    """
    tail = max((number for number, row in enumerate(rows) if row.stride > 1), default=len(rows))
    table = []
    for number, row in enumerate(rows):
        if number >= tail:
            row = row._replace(channels=max(1, row.channels // 2))
        if number > tail:
            row = row._replace(expanded=max(1, row.expanded // 2))
        table.append(row)
    return table
