"""A MobileNetV2 for small images: the paper's layers in the paper's order, a few rows of its table."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from ..kernels.arguments import generator
from ..layers import Conv2D, Sequential
from ..layers.blocks import normalised
from ..layers.layer import positive_ints
from ..layers.normalization import check_options
from .mobilenet_v2 import head, inverted_residual_rows
from .table import Row, checked_rows

FEW_STEPS = MappingProxyType({"epsilon": 1e-3, "momentum": 0.9})
"""Options of `BatchNorm` for a training of some hundred steps, which the frameworks' 0.999 would not keep up with."""


SMALL_ROWS = (Row(1, 16, 1, 1), Row(6, 24, 2, 2), Row(6, 32, 2, 2))


def small_mobilenet_v2(
    classes: int = 10,
    in_channels: int = 1,
    *,
    rows: Sequence[Row | tuple[int, int, int, int]] = SMALL_ROWS,
    stem_channels: int = 16,
    stem_stride: int = 2,
    last_channels: int = 128,
    batch_norm: Mapping[str, Any] | None = FEW_STEPS,
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
        batch_norm: options of `BatchNorm`; None for none.
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
    table = checked_rows("small_mobilenet_v2", rows, Row)
    check_options("small_mobilenet_v2", batch_norm)
    sizes = {"classes": classes, "in_channels": in_channels, "stem_channels": stem_channels}
    classes, in_channels, stem_channels, stem_stride, last_channels = positive_ints(
        "small_mobilenet_v2", **sizes, stem_stride=stem_stride, last_channels=last_channels
    )
    rng = generator("small_mobilenet_v2", seed)
    stem = Conv2D(in_channels, stem_channels, 3, stride=stem_stride, padding="same", seed=rng, dtype=dtype)
    layers = normalised("stem", stem, batch_norm, "relu6")
    layers |= inverted_residual_rows(
        "small_mobilenet_v2", table, stem_channels, batch_norm=batch_norm, seed=rng, dtype=dtype
    )
    channels = table[-1].channels if table else stem_channels
    return Sequential(layers | head(channels, last_channels, classes, batch_norm=batch_norm, seed=rng, dtype=dtype))
