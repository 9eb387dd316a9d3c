"""The networks that the article's Fig. 7 compares: the same layers, with ReLU6 or shortcuts in other places."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from ...kernels.activations import relu6, relu6_backward
from ...kernels.arguments import LARGEST_SEED, generator, integer, one_of
from ...layers import (
    Conv2D,
    Dense,
    DepthwiseSeparable,
    GlobalAveragePool,
    InvertedResidual,
    Layer,
    PointwiseConv2D,
    Sequential,
)
from ...layers.blocks import ActivatedSum, normalised
from ...layers.layer import positive_ints
from ...layers.normalization import check_options
from ...models.small import FEW_STEPS

VARIANTS = {
    "linear": "linear bottleneck, shortcut between bottlenecks",
    "relu6": "ReLU6 in the bottleneck, shortcut between bottlenecks",
    "expansions": "linear bottleneck, shortcut between expansions",
    "none": "linear bottleneck, no shortcut",
}
"""The networks by name. The first is both the linear one of Fig. 7(a) and the one between bottlenecks of Fig. 7(b)."""


MOST_BLOCKS = 1000  # as deep as any network that was trained


class ExpansionResidual(ActivatedSum):
    """From one expansion to the next, with a shortcut between the two: filter, project, expand, add the input, ReLU6.

    The layers are those that follow one another in inverted residuals, from the depthwise convolution of one to the
    expansion of the next. The shortcut joins the wide ends, as in a conventional residual block, and so the ReLU6 comes
    after the sum.
    """

    activation, activation_backward = relu6, relu6_backward


def variant_network(
    variant: str,
    *,
    blocks: int,
    channels: int = 6,
    expansion: int = 6,
    stem_channels: int = 16,
    last_channels: int = 64,
    classes: int = 10,
    in_channels: int = 1,
    batch_norm: Mapping[str, Any] | None = FEW_STEPS,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """One of the networks of Fig. 7, small: two layers of stride 2, then equal inverted residuals in a row.

    All variants have the same layers with the same first numbers, drawn in the same order; they differ in where a ReLU6
    or a shortcut is.

    Args:
        variant: a name of `VARIANTS`.
        blocks: how many inverted residuals of stride 1 with k = k′ follow one another.
        channels: k.
        expansion: t.
        stem_channels: of the first convolution, 3×3 of stride 2; a block of stride 2 without expansion follows it.
        last_channels: of the last pointwise convolution, before the pool.
        classes, in_channels: N of the logits, M of the images.
        batch_norm: options of `BatchNorm`; None for none.
        seed: of the kernels.
        dtype: of the parameters.

    Returns:
        A `Sequential`.

    Raises:
        TypeError: `blocks` or `seed` is not an int.
        ValueError: another variant, fewer than one block, or a seed below 0.

    Source: the article's Fig. 7, the MobileNetV2 paper's Fig. 6, which does not say how it joined the expansions.

    >>> variant_network("none", blocks=2).forward(np.ones((2, 12, 16, 1), np.float32)).shape
    (2, 10)
    """
    one_of("variant_network", "variant", variant, VARIANTS)
    check_options("variant_network", batch_norm)
    blocks = integer("variant_network", "blocks", blocks, most=MOST_BLOCKS)
    sizes = {"channels": channels, "expansion": expansion, "stem_channels": stem_channels, "classes": classes}
    channels, expansion, stem_channels, classes, last_channels, in_channels = positive_ints(
        "variant_network", **sizes, last_channels=last_channels, in_channels=in_channels
    )
    rng = np.random.default_rng(integer("variant_network", "seed", seed, 0, LARGEST_SEED))
    options: dict[str, Any] = {"batch_norm": batch_norm, "seed": rng, "dtype": dtype}
    bottleneck = "relu6" if variant == "relu6" else "linear"
    stem = Conv2D(in_channels, stem_channels, 3, stride=2, padding="same", seed=rng, dtype=dtype)
    layers = normalised("stem", stem, batch_norm, "relu6")
    layers["first"] = InvertedResidual(stem_channels, channels, 2, 1, bottleneck=bottleneck, **options)
    inner = {
        f"block_{number + 1}": InvertedResidual(
            channels, channels, 1, expansion, bottleneck=bottleneck, shortcut=variant != "none", **options
        )
        for number in range(blocks)
    }
    layers |= _joined_at_expansions(inner) if variant == "expansions" else inner
    last = PointwiseConv2D(channels, last_channels, seed=rng, dtype=dtype)
    layers |= normalised("last", last, batch_norm, "relu6")
    classifier = Dense(last_channels, classes, seed=rng, dtype=dtype)
    return Sequential(layers | {"pool": GlobalAveragePool(), "classifier": classifier})


def _joined_at_expansions(blocks: Mapping[str, Sequential]) -> dict[str, Layer]:
    """The layers of inverted residuals, in their order, cut at the expansions instead of at the bottlenecks."""
    steps = [(f"{name}_{step}", layer) for name, block in blocks.items() for step, layer in block.layers.items()]
    expansions = [i for i, (name, _) in enumerate(steps) if name.endswith("_expand_relu6")]
    layers: dict[str, Layer] = dict(steps[: expansions[0] + 1])
    for number, (start, end) in enumerate(pairwise(expansions)):
        layers[f"between_{number + 1}"] = ExpansionResidual(dict(steps[start + 1 : end]))
    return layers | dict(steps[expansions[-1] + 1 :])


def separable_network(
    *,
    blocks: int,
    channels: int,
    stem_channels: int = 16,
    classes: int = 10,
    in_channels: int = 1,
    batch_norm: Mapping[str, Any] | None = FEW_STEPS,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """A small network of depthwise separable convolutions, equally wide: no layer inside it is a narrow one.

    A standard 3×3 convolution of stride 2, a separable one of stride 2, then `blocks` equal separable ones from
    `channels` to `channels`, with ReLU6 after each half, the pool and the classifier. The classifier reads no more than
    `classes` - 1 directions of the last block (`classifier_directions`).

    Args:
        blocks: how many equal ones.
        channels: their M and N.
        stem_channels: of the first convolution.
        classes, in_channels, batch_norm, seed, dtype: as in `variant_network`.

    Returns:
        A `Sequential`.

    Raises:
        TypeError, ValueError: as `DepthwiseSeparable`; fewer than one block.

    Source: the article's "Depth-wise Separable Convolutions"; a short MobileNetV1.

    >>> separable_network(blocks=2, channels=8).forward(np.ones((2, 12, 16, 1), np.float32)).shape
    (2, 10)
    """
    blocks = integer("separable_network", "blocks", blocks, most=MOST_BLOCKS)
    rng = generator("separable_network", seed)
    options: dict[str, Any] = {"batch_norm": batch_norm, "seed": rng, "dtype": dtype}
    stem = Conv2D(in_channels, stem_channels, 3, stride=2, padding="same", seed=rng, dtype=dtype)
    layers = normalised("stem", stem, batch_norm, "relu6")
    layers["first"] = DepthwiseSeparable(stem_channels, channels, 2, **options)
    for number in range(blocks):
        layers[f"block_{number + 1}"] = DepthwiseSeparable(channels, channels, **options)
    classifier = Dense(channels, classes, seed=rng, dtype=dtype)
    return Sequential(layers | {"pool": GlobalAveragePool(), "classifier": classifier})
