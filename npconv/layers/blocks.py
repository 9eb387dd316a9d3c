"""The blocks as layers: the inverted residual, the depthwise separable convolution, the residual bottleneck.

Each is its layers in a row, with a shortcut around them where it has one.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..cost import Cost
from ..kernels.activations import relu, relu_backward
from ..kernels.arguments import boolean, generator, one_of, pair
from ..kernels.blocks import has_shortcut
from ..kernels.geometry import Array, Padding, Pair
from ..text import shape_text
from .convolution import Conv2D, DepthwiseConv2D, Linear, PointwiseConv2D
from .elementwise import Activation, HardSigmoid, HardSwish, ReLU, ReLU6, Sigmoid
from .layer import Layer, positive_ints
from .normalization import CONVENTIONS, BatchNorm, check_options
from .sequential import Sequential
from .squeeze import SqueezeExcite

KERAS = CONVENTIONS["keras"]
ACTIVATIONS: Mapping[str, type[Activation] | None] = MappingProxyType(
    {
        "relu": ReLU,
        "relu6": ReLU6,
        "linear": None,
        "hard_swish": HardSwish,
        "hard_sigmoid": HardSigmoid,
        "sigmoid": Sigmoid,
    }
)


def normalised(
    name: str, linear: Linear, batch_norm: Mapping[str, Any] | None, activation: str = "linear"
) -> dict[str, Layer]:
    """A convolution, its batch normalisation and its activation, named after the convolution.

    `batch_norm` are the options of `BatchNorm`, or None for none; `activation` is a word of
    `ACTIVATIONS`, "linear" for none.
    """
    one_of("normalised", "activation", activation, ACTIVATIONS)
    check_options("normalised", batch_norm)
    layers: dict[str, Layer] = {name: linear}
    if batch_norm is not None:
        kernel = linear.params["kernel"]
        layers[f"{name}_norm"] = BatchNorm(kernel.shape[-1], dtype=kernel.dtype, **batch_norm)
    kind = ACTIVATIONS[activation]
    if kind is not None:
        layers[f"{name}_{activation}"] = kind()
    return layers


def block_facts(block: Sequential) -> list[str]:
    """The words for a block's convolutions in `repr`: the channels from one to the next, kernel and geometry."""
    channels: list[Any] = []
    facts: list[str] = []
    for layer in block.layers.values():
        if isinstance(layer, Linear):
            *sides, after = layer.params["kernel"].shape
            before = getattr(layer, "in_channels", sides[-1])
            if before != after or not isinstance(layer, DepthwiseConv2D):
                channels += [after] if channels else [before, after]
            if layer.geometry:
                facts += [f"kernel {shape_text(sides[:2])}", *layer.geometry_facts()]
    return [f"channels {' → '.join(map(str, channels))}", *facts] if channels else facts


class Residual(Sequential):
    """Layers in a row, the branch, with a shortcut around them: x is added to their output, which has its shape.

    Where `shortcut` is False nothing is added.
    """

    shortcut = True
    demand = "x is added, so the branch must keep its shape"

    def forward(self, x: Array, training: bool = False) -> Array:
        """The branch's output, plus x where there is a shortcut."""
        y = super().forward(x, training)
        if self.shortcut:
            self._check_shortcut(x.shape, y.shape)
            y = y + x
        return y

    def backward(self, dy: Array) -> Array:
        """dy back through the branch, plus dy itself where there is a shortcut."""
        dx = super().backward(dy)
        return dx + dy if self.shortcut else dx

    def cost(self, input_shape: tuple[int, ...]) -> Cost:
        """The branch's cost, and the shortcut's additions: one for every output value."""
        cost = super().cost(input_shape)
        if self.shortcut:
            self._check_shortcut(tuple(input_shape), cost.output_shape)
            cost = replace(cost, additions=cost.additions + math.prod(cost.output_shape))
        return cost

    def _facts(self) -> list[str]:
        return [*block_facts(self), "shortcut" if self.shortcut else "no shortcut"]

    def _check_shortcut(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
        if input_shape != output_shape:
            raise ValueError(
                f"{type(self).__name__}: {self.demand}; got x {input_shape}, and {output_shape} out of the branch"
            )


class InvertedResidual(Residual):
    """The inverted residual with its linear bottleneck, with batch normalisation: the article's layer.

    Expand (pointwise), ReLU6, filter (depthwise), ReLU6, project (pointwise), batch normalisation after each; the input
    is added exactly when the stride is 1 and the channels in and out are as many. MobileNetV3's block is the same with
    other options: expanded, activation and squeeze.

    Args:
        in_channels, out_channels: k and k′.
        stride: of the depthwise convolution.
        expansion: t; with 1 there is no expansion and no ReLU6 of it, as in the paper.
        expanded: the channels between the pointwise convolutions in place of t·k, where they are no whole multiple of
            k; with k there is no expansion.
        kernel_size, padding, dilation: of the depthwise convolution.
        activation: after the expansion and after the depthwise convolution: a word of `ACTIVATIONS`.
        squeeze: the hidden channels of a `SqueezeExcite` after the depthwise convolution's activation; None for none.
        batch_norm: options of `BatchNorm`, Keras's unless told; None for none, and then `forward` is the kernel
            `inverted_residual`, with ReLU6 and without squeeze.
        bottleneck: the activation after the projection: "linear", as in the article, or "relu6" (or "relu"), what it
            warns of.
        shortcut: False leaves the shortcut out.
        seed: an int or a generator, from which the kernels are drawn. Blocks of the same shape with the same int, or
            with none given, begin with the same kernels.
        dtype: of the parameters.

    Raises:
        TypeError, ValueError: sizes that are not whole numbers above 0, another activation, options that `BatchNorm`
            does not have, a seed below 0; in `forward`, as
            `inverted_residual`.

    Source: the article's "Inverted Residual and Linear Bottleneck Layer", Table 1 and Fig. 8(b).

    >>> block = InvertedResidual(4, 6, 2, 6)
    >>> block.forward(np.ones((2, 7, 6, 4), np.float32), training=True).shape, block.params["expand.kernel"].shape
    ((2, 4, 3, 6), (4, 24))
    >>> list(InvertedResidual(4, 4, expanded=10, activation="hard_swish", squeeze=3, batch_norm=None).layers)
    ['expand', 'expand_hard_swish', 'depthwise', 'depthwise_hard_swish', 'squeeze_excite', 'project']
    """

    demand = "at stride 1 with k = k′ the shortcut is added (unless shortcut=False), "
    demand += "so padding must keep x's height and width"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: Pair = 1,
        expansion: int = 6,
        *,
        expanded: int | None = None,
        kernel_size: Pair = 3,
        padding: Padding = "same",
        dilation: Pair = 1,
        activation: str = "relu6",
        squeeze: int | None = None,
        batch_norm: Mapping[str, Any] | None = KERAS,
        bottleneck: str = "linear",
        shortcut: bool = True,
        seed: int | np.random.Generator = 0,
        dtype: Any = np.float32,
    ) -> None:
        in_channels, out_channels, expansion = positive_ints(
            "InvertedResidual", in_channels=in_channels, out_channels=out_channels, expansion=expansion
        )
        (wide,) = positive_ints("InvertedResidual", expanded=in_channels * expansion if expanded is None else expanded)
        one_of("InvertedResidual", "activation", activation, ACTIVATIONS)
        one_of("InvertedResidual", "bottleneck", bottleneck, ACTIVATIONS)
        check_options("InvertedResidual", batch_norm)
        boolean("InvertedResidual", "shortcut", shortcut)
        rng = generator("InvertedResidual", seed)
        layers: dict[str, Layer] = {}
        if wide != in_channels:
            expand = PointwiseConv2D(in_channels, wide, seed=rng, dtype=dtype)
            layers |= normalised("expand", expand, batch_norm, activation)
        depthwise = DepthwiseConv2D(
            wide, kernel_size, stride=stride, padding=padding, dilation=dilation, seed=rng, dtype=dtype
        )
        layers |= normalised("depthwise", depthwise, batch_norm, activation)
        if squeeze is not None:
            (squeeze,) = positive_ints("InvertedResidual", squeeze=squeeze)
            layers["squeeze_excite"] = SqueezeExcite(wide, squeeze, seed=rng, dtype=dtype)
        project = PointwiseConv2D(wide, out_channels, seed=rng, dtype=dtype)
        super().__init__(layers | normalised("project", project, batch_norm, bottleneck))
        self.shortcut = shortcut and has_shortcut(pair("InvertedResidual", "stride", stride), in_channels, out_channels)


class DepthwiseSeparable(Sequential):
    """The depthwise separable convolution as MobileNetV1 has it: batch normalisation and ReLU after both halves.

    Args:
        in_channels, out_channels: M and N.
        stride: of the depthwise convolution.
        depth_multiplier: Q.
        activation: after both halves: "relu6" (as Keras and slim have it), "relu" (as the paper), or another word of
            `ACTIVATIONS`, "linear" for none.
        kernel_size, padding, dilation, batch_norm, seed, dtype: as in `InvertedResidual`. With batch_norm=None and a
            linear activation `forward` is the kernel `depthwise_separable_conv2d`.

    Raises:
        TypeError, ValueError: as `InvertedResidual`.

    Source: the article's "Depth-wise Separable Convolutions", Fig. 4; the MobileNetV1 paper's Fig. 3.

    >>> block = DepthwiseSeparable(4, 6, 2)
    >>> block.forward(np.ones((2, 7, 6, 4), np.float32), training=True).shape
    (2, 4, 3, 6)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: Pair = 1,
        *,
        kernel_size: Pair = 3,
        depth_multiplier: int = 1,
        padding: Padding = "same",
        dilation: Pair = 1,
        batch_norm: Mapping[str, Any] | None = KERAS,
        activation: str = "relu6",
        seed: int | np.random.Generator = 0,
        dtype: Any = np.float32,
    ) -> None:
        in_channels, out_channels, depth_multiplier = positive_ints(
            "DepthwiseSeparable", in_channels=in_channels, out_channels=out_channels, depth_multiplier=depth_multiplier
        )
        one_of("DepthwiseSeparable", "activation", activation, ACTIVATIONS)
        check_options("DepthwiseSeparable", batch_norm)
        rng = generator("DepthwiseSeparable", seed)
        depthwise = DepthwiseConv2D(
            in_channels, kernel_size, depth_multiplier=depth_multiplier, stride=stride, padding=padding,
            dilation=dilation, seed=rng, dtype=dtype,
        )  # fmt: skip
        pointwise = PointwiseConv2D(in_channels * depth_multiplier, out_channels, seed=rng, dtype=dtype)
        super().__init__(
            normalised("depthwise", depthwise, batch_norm, activation)
            | normalised("pointwise", pointwise, batch_norm, activation)
        )

    def _facts(self) -> list[str]:
        return block_facts(self)


class ActivatedSum(Residual):
    """A residual block with an activation after the sum, as conventional blocks have it; a subclass says which."""

    activation: Callable[..., Array]
    activation_backward: Callable[..., Array]

    def forward(self, x: Array, training: bool = False) -> Array:
        """The activation of the branch's output plus x, shaped like x."""
        y: Array = type(self).activation(super().forward(x, training))
        self._saved = y
        return y

    def backward(self, dy: Array) -> Array:
        """dy through the activation, then back through the branch, plus itself."""
        return super().backward(type(self).activation_backward(dy, self._remember()))


class ResidualBottleneck(ActivatedSum):
    """The conventional residual bottleneck, with batch normalisation: wide, narrow, wide, ReLU after the sum.

    Args:
        channels: M, in and out.
        bottleneck_channels: M′, of the convolution in the middle.
        kernel_size: of the convolution in the middle, which has "same" padding and stride 1.
        batch_norm, seed, dtype: as in `InvertedResidual`. With batch_norm=None `forward` is the kernel
            `residual_bottleneck`.

    Raises:
        TypeError, ValueError: as `InvertedResidual`.

    Source: the article's Fig. 8(a).

    >>> ResidualBottleneck(8, 2).forward(np.ones((2, 7, 6, 8), np.float32), training=True).shape
    (2, 7, 6, 8)
    """

    activation, activation_backward = relu, relu_backward

    def __init__(
        self,
        channels: int,
        bottleneck_channels: int,
        *,
        kernel_size: Pair = 3,
        batch_norm: Mapping[str, Any] | None = KERAS,
        seed: int | np.random.Generator = 0,
        dtype: Any = np.float32,
    ) -> None:
        channels, narrow = positive_ints(
            "ResidualBottleneck", channels=channels, bottleneck_channels=bottleneck_channels
        )
        check_options("ResidualBottleneck", batch_norm)
        rng = generator("ResidualBottleneck", seed)
        super().__init__(
            normalised("reduce", PointwiseConv2D(channels, narrow, seed=rng, dtype=dtype), batch_norm, "relu")
            | normalised(
                "spatial",
                Conv2D(narrow, narrow, kernel_size, padding="same", seed=rng, dtype=dtype),
                batch_norm,
                "relu",
            )
            | normalised("restore", PointwiseConv2D(narrow, channels, seed=rng, dtype=dtype), batch_norm)
        )
