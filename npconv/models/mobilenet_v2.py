"""MobileNetV2: the paper's table, and the loop that turns it into layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.arguments import generator, positive
from ..layers import Conv2D, Dense, GlobalAveragePool, InvertedResidual, Layer, PointwiseConv2D
from ..layers.blocks import normalised
from ..layers.layer import positive_ints
from ..layers.normalization import CONVENTIONS, check_options
from .conventions import check_conventions, padding
from .network import MobileNet, Specification, recorded
from .table import Row, checked_rows, divisible, steps

MOBILENET_V2_ROWS = (
    Row(1, 16, 1, 1),
    Row(6, 24, 2, 2),
    Row(6, 32, 3, 2),
    Row(6, 64, 4, 2),
    Row(6, 96, 3, 1),
    Row(6, 160, 3, 2),
    Row(6, 320, 1, 1),
)
"""The paper's Table 2, the article's Fig. 9: t, c, n, s of the bottlenecks' rows."""


def mobilenet_v2(
    width: float = 1.0,
    classes: int = 1000,
    *,
    conventions: str = "keras",
    rows: Sequence[Row | tuple[int, int, int, int]] = MOBILENET_V2_ROWS,
    in_channels: int = 3,
    stem_channels: int = 32,
    last_channels: int = 1280,
    output_stride: int | None = None,
    batch_norm: Mapping[str, Any] | None = None,
    seed: int | np.random.Generator = 0,
    dtype: Any = np.float32,
) -> MobileNet:
    """MobileNetV2: a standard convolution, 17 inverted residuals, a last pointwise one, the pool, the classifier.

    Args:
        width: the width multiplier; channels are rounded by `divisible`. The last convolution is widened above 1 alone.
        classes: how many logits it returns.
        conventions: the family whose weights it could take, "keras", "torchvision" or "timm": decides the padding of
            its stride-2 layers and its batch normalisation.
        rows: the table, (t, c, n, s) a row, at width 1.
        in_channels: M of the images, (B, Dᵤ, Dᵤ, M).
        stem_channels, last_channels: of the first convolution and of the last, at width 1.
        output_stride: 32 or, for dense predictions, 16, 8 or 4: a block whose stride would exceed it gets stride 1, and
            the blocks behind it are dilated. None leaves the rows' strides as they are, which is 32 with the default.
        batch_norm: options of `BatchNorm` in place of the conventions'.
        seed: an int or a generator, from which all kernels are drawn, in their order.
        dtype: of the parameters.

    Returns:
        A `MobileNet`: stem, block_1, block_2, …, last, pool, classifier, and the normalisation and ReLU6 of stem and
        last.

    Raises:
        TypeError, ValueError: sizes that are not whole numbers above 0, rows that are not of four, a width that is no
            number above 0, other conventions, another output stride, options that `BatchNorm` does not have, a seed
            below 0.

    Source: the MobileNetV2 paper's Table 2, the article's Fig. 9.

    >>> network = mobilenet_v2(0.35, 10)
    >>> network.output_shape((2, 64, 96, 3)), network.blocks[-1], network.params["last.kernel"].shape
    ((2, 10), 'block_17', (112, 1280))
    """
    given = dict(locals())
    function = "mobilenet_v2"
    check_conventions(function, conventions)
    check_options(function, batch_norm)
    multiplier = positive(function, "width", width)
    sizes = {"in_channels": in_channels, "stem_channels": stem_channels, "last_channels": last_channels}
    classes, in_channels, stem_channels, last_channels = positive_ints(function, classes=classes, **sizes)

    def widened(channels: int) -> int:  # of a row; Keras cuts before it rounds, which published widths don't notice
        return divisible(max(1, int(channels * multiplier)) if conventions == "keras" else channels * multiplier)

    table = [row._replace(channels=widened(row.channels)) for row in checked_rows(function, rows, Row)]
    last_channels = divisible(last_channels * max(1.0, multiplier))
    norm = CONVENTIONS[conventions] if batch_norm is None else batch_norm
    rng = generator(function, seed)
    channels = divisible(stem_channels * multiplier)
    stem = Conv2D(in_channels, channels, 3, stride=2, padding=padding(conventions), seed=rng, dtype=dtype)
    layers = normalised("stem", stem, norm, "relu6")
    blocks = inverted_residual_rows(
        function, table, channels, conventions=conventions, stem_stride=2, output_stride=output_stride,
        batch_norm=norm, seed=rng, dtype=dtype,
    )  # fmt: skip
    channels = table[-1].channels if table else channels
    layers |= blocks | head(channels, last_channels, classes, batch_norm=norm, seed=rng, dtype=dtype)
    stages = tuple(row.blocks for row in table)
    return MobileNet(layers, Specification(function, conventions, tuple(table), output_stride, stages, recorded(given)))


def inverted_residual_rows(
    function: str,
    rows: Sequence[Row],
    in_channels: int,
    *,
    conventions: str = "keras",
    stem_stride: int = 1,
    output_stride: int | None = None,
    batch_norm: Mapping[str, Any] | None,
    seed: np.random.Generator,
    dtype: Any,
) -> dict[str, Layer]:
    """A table's rows as blocks, named block_1, block_2, …; a row's stride is that of its first block.

    >>> blocks = inverted_residual_rows(
    ...     "", MOBILENET_V2_ROWS[:2], 16, batch_norm={}, seed=np.random.default_rng(0), dtype=np.float32
    ... )
    >>> list(blocks), [block.shortcut for block in blocks.values()]
    (['block_1', 'block_2', 'block_3'], [True, False, True])
    """
    layers: dict[str, Layer] = {}
    for number, (row, stride, rate) in enumerate(steps(function, rows, stem_stride, output_stride), 1):
        layers[f"block_{number}"] = InvertedResidual(
            in_channels, row.channels, stride, row.expansion, padding=padding(conventions, rate), dilation=rate,
            batch_norm=batch_norm, seed=seed, dtype=dtype,
        )  # fmt: skip
        in_channels = row.channels
    return layers


def head(
    in_channels: int,
    last_channels: int,
    classes: int,
    *,
    batch_norm: Mapping[str, Any] | None,
    seed: np.random.Generator,
    dtype: Any,
) -> dict[str, Layer]:
    """The layers after the blocks: the last pointwise convolution, the pool and the classifier.

    >>> list(head(8, 16, 10, batch_norm={}, seed=np.random.default_rng(0), dtype=np.float32))
    ['last', 'last_norm', 'last_relu6', 'pool', 'classifier']
    """
    last = PointwiseConv2D(in_channels, last_channels, seed=seed, dtype=dtype)
    classifier = Dense(last_channels, classes, seed=seed, dtype=dtype)
    return normalised("last", last, batch_norm, "relu6") | {"pool": GlobalAveragePool(), "classifier": classifier}
