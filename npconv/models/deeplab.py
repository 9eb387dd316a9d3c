"""DeepLabv3: atrous spatial pyramid pooling on a network's last map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.resize import ALIGNMENTS
from ..kernels.sums import image_sums, rounded
from ..layers import Conv2D, Dense, GlobalAveragePool, Layer, PointwiseConv2D, Sequential
from ..layers.blocks import normalised
from ..layers.convolution import Linear
from ..layers.layer import positive_ints
from .features import block_strides
from .network import MobileNet
from .segmenter import Run, Segmenter, last_map
from .with_heads import trunk_of

FUNCTION = "deeplab_v3"
RATES = {16: (6, 12, 18), 8: (12, 24, 36)}  # the papers', by output stride


@dataclass(frozen=True)
class DeepLabV3Options:
    """The options of a `DeepLabV3`: all that it is built from besides its network."""

    classes: int
    rates: tuple[int, ...]
    filters: int
    high: str
    refine: bool
    align: str
    conventions: str
    batch_norm: Mapping[str, Any]


class DeepLabV3(Segmenter):
    """DeepLabv3's head, atrous spatial pyramid pooling, on a MobileNet. `deeplab_v3` builds it.

    `layers` are network, then the branches on its last map,

        pointwise: a 1×1 convolution
        atrous_1, atrous_2, …: 3×3 convolutions with a dilation each
        pool: the map's means and a 1×1 convolution of them, the same at each position

    and on the branches side by side

        project: a 1×1 convolution
        refine, where it is asked for: a 3×3 one
        scores: a 1×1 one with bias, to the classes

    All but the last have normalisation and ReLU. Side by side pool comes first, as in transformers' MobileNetV2; with
    conventions "torchvision" or "timm" it comes last, as in torchvision.

    Source: L.-C. Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation" (arXiv 1706.05587),
    section 3.3; the MobileNetV2 paper's section 6.3.
    """

    builder, unseen = FUNCTION, ("rates", "high", "align", "conventions")
    options: DeepLabV3Options

    def __init__(self, layers: Mapping[str, Layer], options: DeepLabV3Options) -> None:
        super().__init__(layers, options, ())

    @property
    def align(self) -> str:
        """The places of the logits' pixels among the images', as in `resize_bilinear`."""
        return self.options.align

    @property
    def branches(self) -> list[str]:
        """The names of the branches as their outputs stand side by side."""
        own = [name for name in self.layers if name == "pointwise" or name.startswith("atrous_")]
        return ["pool", *own] if self.options.conventions == "keras" else [*own, "pool"]

    def input_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shape that each layer takes, by its name: the network the images', the others a map's."""
        (high,) = self.map_shapes(input_shape)
        shapes = {"network": input_shape} | dict.fromkeys(self.branches, high)
        shapes["project"] = (*high[:3], self.options.filters * len(self.branches))
        shapes |= dict.fromkeys(("refine", "scores"), (*high[:3], self.options.filters))
        return {name: shapes[name] for name in self.layers}

    def _head(self, maps: Sequence[Array], run: Run) -> tuple[Array, tuple[int, ...]]:
        (high,) = maps
        filters = self.options.filters
        joined = np.empty((*high.shape[:3], filters * len(self.branches)), high.dtype)
        for number, name in enumerate(self.branches):
            branch = run(name, high)
            joined[..., number * filters : (number + 1) * filters] = branch[:, None, None] if name == "pool" else branch
        a = run("project", joined)
        if self.options.refine:
            a = run("refine", a)
        return run("scores", a), high.shape

    def _head_backward(self, dscores: Array, remembered: tuple[int, ...]) -> list[Array]:
        d = self.layers["scores"].backward(dscores)
        if self.options.refine:
            d = self.layers["refine"].backward(d)
        djoined = self.layers["project"].backward(d)
        dhigh = np.zeros(remembered, djoined.dtype)
        for part, name in zip(np.split(djoined, len(self.branches), axis=-1), self.branches, strict=True):
            dbranch = rounded(image_sums(part), part) if name == "pool" else np.ascontiguousarray(part)
            dhigh += self.layers[name].backward(dbranch)
        return [dhigh]


def deeplab_v3(
    network: MobileNet,
    classes: int,
    *,
    rates: Sequence[int] | None = None,
    filters: int = 256,
    high: str | int | None = None,
    refine: bool = False,
    align: str = "half_pixel",
    conventions: str | None = None,
    batch_norm: Mapping[str, Any] | None = None,
    seed: int | np.random.Generator = 0,
    dtype: Any = None,
) -> DeepLabV3:
    """DeepLabv3 on a MobileNet: convolutions of several dilations and the means of the whole map, side by side.

    Args:
        network: a MobileNet, which the papers build with output_stride=16 or 8. Its layers up to the high map are
            taken, not copied; the others are left out.
        classes: C of the logits.
        rates: the dilations of the 3×3 branches. None is (6, 12, 18) where the last map has stride 16 and (12, 24, 36)
            where it has 8; () is no such branch: the smaller head of the MobileNets' papers, also called R-ASPP.
            torchvision takes 12, 24 and 36 at stride 16.
        filters: the channels of each branch, and of project and refine.
        high: the last map's layer, as `MobileNet.features` takes it. None is the papers': V2's last block, without the
            convolution behind it, which serves the classifier; in V1 and V3 the last layer before the pool.
        refine: a 3×3 convolution in front of the last one, as torchvision has it.
        align: of the logits' resizing, as in `resize_bilinear`; TensorFlow's DeepLab has "corners".
        conventions: the family whose weights the head could take: the order of its branches; None is the network's.
        batch_norm: options of `BatchNorm` in the head; None is the network's. torchvision's and transformers' heads
            have epsilon 1e-5.
        seed: an int or a generator, from which the head's kernels are drawn (He's normal).
        dtype: of their parameters; None is the network's.

    Returns:
        A `DeepLabV3`.

    Raises:
        TypeError: a network that is no MobileNet, sizes that are no ints.
        ValueError: sizes below 1, a layer that the network does not have, another align, or no rates for a map of
            another stride than 8 and 16.

    Source: arXiv 1706.05587, section 3.3; the MobileNetV2 paper's section 6.3 and its Table 7.

    >>> from npconv.models import mobilenet_v2
    >>> network = deeplab_v3(mobilenet_v2(output_stride=16), 21, rates=())
    >>> network.cost((1, 513, 513, 3)).params, network.branches
    (2113557, ['pool', 'pointwise'])
    >>> deeplab_v3(mobilenet_v2(0.35, output_stride=8), 3, filters=8).forward(np.ones((2, 64, 96, 3), np.float32)).shape
    (2, 64, 96, 3)
    """
    trunk = trunk_of(FUNCTION, network, conventions, batch_norm, seed, dtype)
    classes, filters = positive_ints(FUNCTION, classes=classes, filters=filters)
    arguments.boolean(FUNCTION, "refine", refine)
    arguments.one_of(FUNCTION, "align", align, ALIGNMENTS)
    trunk, high = last_map(FUNCTION, trunk, high)
    options = DeepLabV3Options(
        classes, _checked_rates(trunk.network, rates), filters, high, bool(refine), align, trunk.conventions,
        trunk.batch_norm,
    )  # fmt: skip
    last, shared = trunk.width(list(trunk.network.layers)[-1]), trunk.shared

    def relu(conv: Linear) -> Layer:
        return Sequential(normalised("conv", conv, trunk.batch_norm, "relu"))

    layers: dict[str, Layer] = {"network": trunk.network, "pointwise": relu(PointwiseConv2D(last, filters, **shared))}
    for number, rate in enumerate(options.rates, 1):
        layers[f"atrous_{number}"] = relu(Conv2D(last, filters, 3, padding="same", dilation=rate, **shared))
    pool = normalised("dense", Dense(last, filters, bias=False, **shared), trunk.batch_norm, "relu")
    layers["pool"] = Sequential({"pool": GlobalAveragePool(), **pool})
    layers["project"] = relu(PointwiseConv2D((len(layers) - 1) * filters, filters, **shared))
    if refine:
        layers["refine"] = relu(Conv2D(filters, filters, 3, padding="same", **shared))
    layers["scores"] = PointwiseConv2D(filters, classes, bias=True, **shared)
    return DeepLabV3(layers, options)


def _checked_rates(network: MobileNet, rates: Any) -> tuple[int, ...]:
    """The dilations of the branches: those that are asked for, or the papers' for the last map's stride."""
    if rates is None:
        stride = [1, *block_strides(network).values()][-1]
        if stride not in RATES:
            raise ValueError(
                f"{FUNCTION}: rates must be a sequence of ints if the last map's stride is neither 8 nor 16; got None, "
                f"stride {stride}"
            )
        return RATES[stride]
    if isinstance(rates, str) or not isinstance(rates, Sequence | np.ndarray):
        raise TypeError(f"{FUNCTION}: rates must be a sequence of ints; got {arguments.shown(rates)}")
    return tuple(positive_ints(FUNCTION, **{f"rates[{number}]": rate for number, rate in enumerate(rates)}))
