"""MobileNetV1: the paper's table, the loop that turns it into layers, and its counterpart of full convolutions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.arguments import generator, one_of, positive
from ..kernels.geometry import Padding
from ..layers import Conv2D, Dense, DepthwiseSeparable, GlobalAveragePool, Layer, Sequential
from ..layers.blocks import normalised
from ..layers.layer import positive_ints
from ..layers.normalization import CONVENTIONS, check_options
from .conventions import check_conventions, padding as conventional_padding
from .network import MobileNet, Specification, recorded
from .table import SeparableRow, checked_rows, divisible, steps

MOBILENET_V1_ROWS = (
    SeparableRow(64, 1, 1),
    SeparableRow(128, 2, 2),
    SeparableRow(256, 2, 2),
    SeparableRow(512, 6, 2),
    SeparableRow(1024, 2, 2),
)
"""The paper's Table 1: c, n, s of its 13 blocks. Of the last it prints stride 2, with 7×7 in and out: it is 1."""

V1_KERAS = {"epsilon": 1e-3, "momentum": 0.99}
KINDS = ("separable", "standard")
ACTIVATIONS = ("relu6", "relu")


def mobilenet_v1(
    width: float = 1.0,
    classes: int = 1000,
    *,
    conventions: str = "keras",
    convolution: str = "separable",
    rows: Sequence[SeparableRow | tuple[int, int, int]] = MOBILENET_V1_ROWS,
    in_channels: int = 3,
    stem_channels: int = 32,
    activation: str = "relu6",
    output_stride: int | None = None,
    padding: Padding | None = None,
    batch_norm: Mapping[str, Any] | None = None,
    seed: int | np.random.Generator = 0,
    dtype: Any = np.float32,
) -> MobileNet:
    """MobileNetV1: a standard convolution, 13 depthwise separable ones, the pool, the classifier.

    Args:
        width: the width multiplier α; Keras takes the whole part of the channels, the others round by `divisible`.
        convolution: "separable", or "standard" for the paper's Conv MobileNet, in which each block is one full 3×3
            convolution of the same shape.
        rows: the table, (c, n, s) a row, at width 1.
        activation: "relu6", as in the published weights, or "relu", as in the paper.
        padding: of the blocks of stride 2, the conventions' unless told; "same" for the weights of transformers and
            TF-slim, whose V1 differs from Keras's where a side is odd.
        classes, conventions, in_channels, stem_channels, output_stride, batch_norm, seed, dtype: as in `mobilenet_v2`.

    Returns:
        A `MobileNet`: stem, block_1, …, block_13, pool, classifier, and the normalisation and activation of the stem.

    Raises:
        TypeError, ValueError: as `mobilenet_v2`, and for another convolution or activation.

    Source: the MobileNetV1 paper's Table 1; its Table 4 for the Conv MobileNet.

    >>> mobilenet_v1(0.25, 10).output_shape((2, 64, 96, 3))
    (2, 10)
    >>> mobilenet_v1(0.25, 10, convolution="standard").params["block_1.conv.kernel"].shape
    (3, 3, 8, 16)
    """
    given = dict(locals())
    function = "mobilenet_v1"
    check_conventions(function, conventions)
    check_options(function, batch_norm)
    multiplier = positive(function, "width", width)
    classes, in_channels, stem_channels = positive_ints(
        function, classes=classes, in_channels=in_channels, stem_channels=stem_channels
    )
    for name, value, known in (("convolution", convolution, KINDS), ("activation", activation, ACTIVATIONS)):
        one_of(function, name, value, known)

    def widened(channels: int) -> int:
        return max(1, int(channels * multiplier)) if conventions == "keras" else divisible(channels * multiplier)

    table = [row._replace(channels=widened(row.channels)) for row in checked_rows(function, rows, SeparableRow)]
    norm = (V1_KERAS if conventions == "keras" else CONVENTIONS[conventions]) if batch_norm is None else batch_norm
    rng, channels = generator(function, seed), widened(stem_channels)
    stem = Conv2D(in_channels, channels, 3, stride=2, padding=conventional_padding(conventions), seed=rng, dtype=dtype)
    layers = normalised("stem", stem, norm, activation)
    for number, (row, stride, rate) in enumerate(steps(function, table, 2, output_stride), 1):
        options: dict[str, Any] = {
            "stride": stride, "padding": _block_padding(conventions, stride, rate, padding), "dilation": rate,
            "seed": rng, "dtype": dtype,
        }  # fmt: skip
        layers[f"block_{number}"] = _block(convolution, channels, row.channels, norm, activation, options)
        channels = row.channels
    layers |= {"pool": GlobalAveragePool(), "classifier": Dense(channels, classes, seed=rng, dtype=dtype)}
    stages = tuple(row.blocks for row in table)
    return MobileNet(layers, Specification(function, conventions, tuple(table), output_stride, stages, recorded(given)))


def _block(
    convolution: str, channels: int, out_channels: int, norm: Mapping[str, Any], activation: str, options: Any
) -> Layer:
    if convolution == "separable":
        return DepthwiseSeparable(channels, out_channels, batch_norm=norm, activation=activation, **options)
    return Sequential(normalised("conv", Conv2D(channels, out_channels, 3, **options), norm, activation))


def _block_padding(conventions: str, stride: int, rate: int, told: Padding | None) -> Padding:
    """As in `padding`, but that Keras's V1 pads a block of stride 2 behind alone, whether the side is even or odd."""
    if stride == 2 and told is not None:
        return told
    return ((0, 1), (0, 1)) if conventions == "keras" and stride == 2 else conventional_padding(conventions, rate)
