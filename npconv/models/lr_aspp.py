"""LR-ASPP: a gated pointwise branch on a network's last map, and a finer map beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.resize import resize_bilinear, resize_bilinear_backward
from ..kernels.sums import image_sums, rounded, wider
from ..layers import Dense, GlobalAveragePool, Layer, PointwiseConv2D, Sequential, Sigmoid
from ..layers.blocks import normalised
from ..layers.layer import positive_ints
from .features import block_strides, layer_at
from .network import MobileNet
from .segmenter import Run, Segmenter, last_map
from .with_heads import trunk_of

FUNCTION = "lr_aspp"
LOW_STRIDE = 8  # of the finer map


@dataclass(frozen=True)
class LRASPPOptions:
    """The options of an `LRASPP`: all that it is built from besides its network."""

    classes: int
    filters: int
    low: str
    high: str
    conventions: str
    batch_norm: Mapping[str, Any]


class LRASPPStages(NamedTuple):
    """The stages of LR-ASPP's head between its layers."""

    reduced: Array  # (B, Dₕ, Dₕ, F), of the high map
    gate: Array  # (B, F), between 0 and 1
    gated: Array  # (B, Dₕ, Dₕ, F)
    size: tuple[int, int]  # Dₗ, of the low map


class LRASPP(Segmenter):
    """LR-ASPP, MobileNetV3's head for segmentation, on a MobileNet. `lr_aspp` builds it.

    `layers` are network, then

        reduce: a 1×1 convolution of the network's last map, the high one, with normalisation and ReLU
        gate: the high map's means, a 1×1 convolution without bias, sigmoid: a factor for each channel of `reduce`
        low_scores, high_scores: 1×1 convolutions with bias, of the low map, and of the product resized to its size

    and the scores are the sum of the last two.

    Source: the MobileNetV3 paper's section 6.4 and Fig. 10.
    """

    builder, unseen = FUNCTION, ("low", "high", "conventions")
    options: LRASPPOptions

    def __init__(self, layers: Mapping[str, Layer], options: LRASPPOptions) -> None:
        super().__init__(layers, options, (options.low,))

    def input_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shape that each layer takes, by its name: the network the images', the others a map's."""
        low, high = self.map_shapes(input_shape)
        gated = (*low[:3], self.options.filters)
        return {"network": input_shape, "reduce": high, "gate": high, "low_scores": low, "high_scores": gated}

    def _head(self, maps: Sequence[Array], run: Run) -> tuple[Array, LRASPPStages]:
        low, high = maps
        reduced, gate = run("reduce", high), run("gate", high)
        gated = reduced * gate[:, None, None, :]
        size = low.shape[1:3]
        scores = run("high_scores", gated if gated.shape[1:3] == size else resize_bilinear(gated, size))
        scores += run("low_scores", low)  # (B, Dₗ, Dₗ, C)
        return scores, LRASPPStages(reduced, gate, gated, size)

    def _head_backward(self, dscores: Array, remembered: LRASPPStages) -> list[Array]:
        reduced, gate, gated, size = remembered
        dlow = self.layers["low_scores"].backward(dscores)
        dgated = self.layers["high_scores"].backward(dscores)
        if gated.shape[1:3] != size:
            dgated = resize_bilinear_backward(dgated, gated, size)
        dgate = rounded(image_sums(wider(dgated) * reduced), gate)  # (B, F)
        dhigh = self.layers["reduce"].backward(dgated * gate[:, None, None, :])
        dhigh = dhigh + self.layers["gate"].backward(dgate)
        return [dlow, dhigh]

    def _sums(self, input_shape: tuple[int, ...]) -> int:
        batch, height, width, classes = self.score_shape(input_shape)
        return batch * height * width * classes


def lr_aspp(
    network: MobileNet,
    classes: int,
    filters: int = 128,
    *,
    low: str | int | None = None,
    high: str | int | None = None,
    conventions: str | None = None,
    batch_norm: Mapping[str, Any] | None = None,
    seed: int | np.random.Generator = 0,
    dtype: Any = None,
) -> LRASPP:
    """LR-ASPP on a MobileNet: MobileNetV3's segmentation network, which is also torchvision's.

    The network's last map goes through a 1×1 convolution whose channels are gated by the means of the whole map, is
    resized to a finer map's size, and both maps vote for each class.

    Args:
        network: a MobileNet, which the papers build with output_stride=16. Its layers up to the high map are taken, not
            copied; the others are left out.
        classes: C of the logits.
        filters: F, the channels of the gated branch.
        low: the finer map's layer, as `MobileNet.features` takes it. None is the paper's: the first block's output at
            stride 8.
        high: the last map's layer, likewise. None is the papers': V2's last block, without the convolution behind it,
            which serves the classifier; in V1 and V3 the last layer before the pool.
        conventions: of the head; None is the network's.
        batch_norm: options of `BatchNorm` in the head; None is the network's. torchvision's head has epsilon 1e-5 and
            keeps 0.9 of the running statistics.
        seed: an int or a generator, from which the head's kernels are drawn (He's normal).
        dtype: of their parameters; None is the network's.

    Returns:
        An `LRASPP`.

    Raises:
        TypeError: a network that is no MobileNet, sizes that are no ints.
        ValueError: sizes below 1, a layer that the network does not have, a low one that is not before the high one, or
            none at stride 8.

    Source: the MobileNetV3 paper's section 6.4.

    >>> from npconv.models import mobilenet_v3
    >>> network = lr_aspp(mobilenet_v3(conventions="torchvision", output_stride=16), 21)
    >>> network.options.low, network.options.high, network.cost((1, 512, 512, 3)).macs
    ('block_4', 'last_hard_swish', 1974665088)
    >>> lr_aspp(mobilenet_v3("small", 0.35), 3).forward(np.ones((2, 64, 96, 3), np.float32)).shape
    (2, 64, 96, 3)
    """
    trunk = trunk_of(FUNCTION, network, conventions, batch_norm, seed, dtype)
    classes, filters = positive_ints(FUNCTION, classes=classes, filters=filters)
    trunk, high = last_map(FUNCTION, trunk, high)
    low = _low_map(trunk.network, low, high)
    options = LRASPPOptions(classes, filters, low, high, trunk.conventions, trunk.batch_norm)
    last, shared = trunk.width(list(trunk.network.layers)[-1]), trunk.shared
    reduce = normalised("conv", PointwiseConv2D(last, filters, **shared), trunk.batch_norm, "relu")
    gate = {"pool": GlobalAveragePool(), "dense": Dense(last, filters, bias=False, **shared), "sigmoid": Sigmoid()}
    layers: dict[str, Layer] = {"network": trunk.network, "reduce": Sequential(reduce), "gate": Sequential(gate)}
    layers["low_scores"] = PointwiseConv2D(trunk.width(low), classes, bias=True, **shared)
    layers["high_scores"] = PointwiseConv2D(filters, classes, bias=True, **shared)
    return LRASPP(layers, options)


def _low_map(network: MobileNet, low: Any, high: str) -> str:
    """The name of the finer map's layer: the one that is asked for, or the paper's."""
    if low is None:
        strides = block_strides(network)
        low = next((name for name, stride in strides.items() if stride == LOW_STRIDE), None)
        if low is None:
            ends = ", ".join(map(str, dict.fromkeys(strides.values()))) or "no stride"
            raise ValueError(
                f"{FUNCTION}: low must be a layer's name or a stride if no block ends at stride {LOW_STRIDE}; "
                f"got None, blocks end at {ends}"
            )
    name = layer_at(FUNCTION, "low", network, low)
    if name == high or high.startswith(f"{name}."):
        raise ValueError(f"{FUNCTION}: low must be a layer before the high one, {high}; got {arguments.shown(low)}")
    return name
