"""Small networks of MobileNetV2's block, and of the same with MobileNetV3's additions, one by one and together."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernels.arguments import one_of
from ...layers import InvertedResidual, Layer, Sequential
from ...models.small import FEW_STEPS
from ..fig07.networks import variant_network

VARIANTS = {
    "relu6": "MobileNetV2's block: ReLU6",
    "hard_swish": "hard-swish in place of ReLU6",
    "squeeze": "ReLU6, and squeeze-and-excite",
    "both": "hard-swish and squeeze-and-excite",
}
"""The networks by name: what the inverted residuals in the row have. All else is the same in each."""

SQUEEZE = 4  # the expanded channels are as many times those of the gate's hidden layer


def block_network(
    variant: str,
    *,
    blocks: int,
    channels: int = 6,
    expansion: int = 6,
    batch_norm: Mapping[str, Any] | None = FEW_STEPS,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Sequential:
    """The network "linear" of Fig. 7, whose inverted residuals in the row have other activations, or a gate.

    The layers before and after the row keep their ReLU6. All arrays that two variants share begin with the same
    numbers; those of the gates are drawn from a generator of their own.

    Args:
        variant: a name of `VARIANTS`.
        blocks, channels, expansion, batch_norm, seed, dtype: as in `npconv.training.fig07.variant_network`. The hidden
            layer of a gate has a quarter of the expanded channels, as in MobileNetV3, rounded down, and at least one.

    Returns:
        A `Sequential`.

    Raises:
        TypeError, ValueError: another variant; as `variant_network`.

    Source: the MobileNetV3 paper's sections 5.2 and 5.3.

    >>> network = block_network("both", blocks=2)
    >>> list(network.layers["block_1"].layers)[4:7]
    ['depthwise_norm', 'depthwise_hard_swish', 'squeeze_excite']
    """
    one_of("block_network", "variant", variant, VARIANTS)
    sizes: dict[str, Any] = {"blocks": blocks, "channels": channels, "expansion": expansion}
    plain = variant_network("linear", **sizes, batch_norm=batch_norm, seed=seed, dtype=dtype)
    gates = np.random.default_rng([seed, 1])
    options: dict[str, Any] = {
        "activation": "hard_swish" if variant in ("hard_swish", "both") else "relu6",
        "squeeze": max(1, channels * expansion // SQUEEZE) if variant in ("squeeze", "both") else None,
    }
    layers: dict[str, Layer] = {}
    for name, layer in plain.layers.items():
        layers[name] = layer
        if name.startswith("block_"):
            block = InvertedResidual(
                channels, channels, 1, expansion, **options, batch_norm=batch_norm, seed=gates, dtype=dtype
            )
            for key, array in layer.params.items():
                block.params[key][...] = array
            layers[name] = block
    return Sequential(layers)
