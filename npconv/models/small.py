"""A MobileNetV2 for small images: the paper's layers in the paper's order, a few rows of its table."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..layers import Conv2D, Dense, GlobalAveragePool, InvertedResidual, Layer, PointwiseConv2D, Sequential
from ..layers.blocks import normalised
from ..layers.layer import generator, positive_ints
from ..layers.normalization import check_options

FEW_STEPS = MappingProxyType({"epsilon": 1e-3, "momentum": 0.9})
"""Options of `BatchNorm` for a training of some hundred steps, which the frameworks' 0.999 would not keep up with."""


class Row(NamedTuple):
    """A row of the network's table, as in the paper's Table 2."""

    expansion: int  # t
    channels: int  # c
    blocks: int  # n
    stride: int  # s, of the row's first block


SMALL_ROWS = (Row(1, 16, 1, 1), Row(6, 24, 2, 2), Row(6, 32, 2, 2))


def inverted_residual_rows(
    rows: Sequence[Row], in_channels: int, *, batch_norm: Mapping[str, Any], seed: np.random.Generator, dtype: Any
) -> dict[str, Layer]:
    """A table's rows as blocks, named block_1, block_2, … ; a row's stride is that of its first block.

    >>> blocks = inverted_residual_rows(SMALL_ROWS, 16, batch_norm={}, seed=np.random.default_rng(0), dtype=np.float32)
    >>> list(blocks), [block.shortcut for block in blocks.values()]
    (['block_1', 'block_2', 'block_3', 'block_4', 'block_5'], [True, False, True, False, True])
    """
    layers: dict[str, Layer] = {}
    for row in rows:
        for number in range(row.blocks):
            stride = row.stride if number == 0 else 1
            layers[f"block_{len(layers) + 1}"] = InvertedResidual(
                in_channels, row.channels, stride, row.expansion, batch_norm=batch_norm, seed=seed, dtype=dtype
            )
            in_channels = row.channels
    return layers


def small_mobilenet_v2(
    classes: int = 10,
    in_channels: int = 1,
    *,
    rows: Sequence[Row | tuple[int, int, int, int]] = SMALL_ROWS,
    stem_channels: int = 16,
    stem_stride: int = 2,
    last_channels: int = 128,
    batch_norm: Mapping[str, Any] = FEW_STEPS,
    seed: int | np.random.Generator = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """A small MobileNetV2: a standard convolution, inverted residuals, a last pointwise one, the pool, the classifier.

    Args:
        classes: how many logits it returns.
        in_channels: M of the images, (B, Dᵤ, Dᵤ, M).
        rows: the table, (t, c, n, s) a row; the default has five blocks and two of stride 2.
        stem_channels, stem_stride: of the first, 3×3 convolution.
        last_channels: of the last pointwise convolution, before the pool.
        batch_norm: options of `BatchNorm`.
        seed: an int or a generator, from which all kernels are drawn, in their order.
        dtype: of the parameters.

    Returns:
        A `Sequential`: stem, block_1, block_2, …, last, pool, classifier, and the normalisation and ReLU6 of stem and
        last.

    Raises:
        TypeError, ValueError: sizes that are not whole numbers above 0, rows that are not of four numbers, options
            that `BatchNorm` does not have, a seed below 0.

    Source: the MobileNetV2 paper's Table 2, the article's Fig. 9, with fewer rows and channels.

    >>> network = small_mobilenet_v2(10, 1)
    >>> network.forward(np.ones((2, 24, 20, 1), np.float32)).shape
    (2, 10)
    """
    table = _table("small_mobilenet_v2", rows)
    check_options("small_mobilenet_v2", batch_norm)
    rng = generator("small_mobilenet_v2", seed)
    stem = Conv2D(in_channels, stem_channels, 3, stride=stem_stride, padding="same", seed=rng, dtype=dtype)
    layers = normalised("stem", stem, batch_norm, "relu6")
    layers |= inverted_residual_rows(table, stem_channels, batch_norm=batch_norm, seed=rng, dtype=dtype)
    channels = table[-1].channels if table else stem_channels
    last = PointwiseConv2D(channels, last_channels, seed=rng, dtype=dtype)
    layers |= normalised("last", last, batch_norm, "relu6")
    classifier = Dense(last_channels, classes, seed=rng, dtype=dtype)
    return Sequential(layers | {"pool": GlobalAveragePool(), "classifier": classifier})


def _table(function: str, rows: Any) -> list[Row]:
    """The table's rows, each of them checked to be four numbers with at least one block."""
    table = []
    for number, row in enumerate(rows if isinstance(rows, Sequence | np.ndarray) else [rows]):
        if not isinstance(row, tuple | list | np.ndarray) or len(row) != len(Row._fields):
            raise TypeError(f"{function}: rows must be (t, c, n, s) each; got {row!r}")
        table.append(Row(*row))
        positive_ints(function, **{f"blocks (n) of row {number}": table[-1].blocks})
    return table
