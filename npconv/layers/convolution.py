"""Layers of one kernel each: the standard, the depthwise and the pointwise convolution, and the dense layer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..cost import Cost, conv2d_cost, dense_cost, depthwise_conv2d_cost, pointwise_conv2d_cost
from ..kernels.arguments import boolean, generator, pair
from ..kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ..kernels.geometry import Array, Padding, Pair
from ..kernels.pointwise import dense, dense_backward, pointwise_conv2d, pointwise_conv2d_backward
from ..kernels.standard import conv2d, conv2d_backward
from ..kernels.sums import channel_sums
from .initializers import Initializer, he_normal
from .layer import Layer, checked_geometry, positive_ints


class Linear(Layer):
    """A kernel of sums of products with its array, a bias where it has one, and its geometry."""

    operation: Callable[..., Array]
    operation_backward: Callable[..., tuple[Array, Array]]
    operation_cost: Callable[..., Cost]
    folded_epsilon: float | None = None  # of the batch normalisation that was folded into it

    def __init__(
        self, shape: tuple[int, ...], fans: tuple[int, int], bias: bool, seed: Any, dtype: Any, shared: int = 1
    ) -> None:  # shared: how many channels' kernels Keras counts as one's products
        super().__init__()
        boolean(type(self).__name__, "bias", bias)
        self.geometry: dict[str, Any] = {}
        self._fans = {"plain": fans, "keras": (shared * fans[0], fans[1])}
        self._parameter("kernel", shape, dtype)
        if bias:
            self._parameter("bias", shape[-1:], dtype)
        self._draw(generator(type(self).__name__, seed), he_normal, "plain")

    def forward(self, x: Array, training: bool = False) -> Array:
        """The kernel's output, plus the bias; the same in both modes."""
        y = type(self).operation(x, self.params["kernel"], **self.geometry)
        self._saved = x
        if "bias" in self.params:
            y += self.params["bias"]
        return y

    def backward(self, dy: Array) -> Array:
        """dx; `grads` get dkernel, and dbias, the sum of dy over batch and positions."""
        dx, self.grads["kernel"][...] = type(self).operation_backward(
            dy, self._remember(), self.params["kernel"], **self.geometry
        )
        if "bias" in self.params:
            self.grads["bias"][...] = channel_sums(dy)
        return dx

    def cost(self, input_shape: tuple[int, ...]) -> Cost:
        """The kernel's cost on an input of that shape; the bias counts its additions."""
        return type(self).operation_cost(
            input_shape, self.params["kernel"].shape, bias="bias" in self.params, **self.geometry
        )

    def with_arrays(self, kernel: Array, bias: Array, folded_epsilon: float | None = None) -> "Linear":
        """A copy with other numbers in its kernel, and with a bias, as batch normalisation is folded."""
        twin = self.copy()
        twin.folded_epsilon = folded_epsilon
        twin.params["kernel"][...] = kernel
        bias = bias.astype(twin.params["kernel"].dtype)
        twin.params["bias"], twin.grads["bias"] = bias, np.zeros_like(bias)
        return twin

    def geometry_facts(self) -> list[str]:
        """The words for its geometry in `repr`, dilation only where there is one."""
        own = self.geometry.items()
        return [f"{name} {value}" for name, value in own if name != "dilation" or value not in (1, (1, 1))]

    def _facts(self) -> list[str]:
        return super()._facts() + self.geometry_facts()

    def _draw(self, rng: np.random.Generator, initializer: Initializer, fans: str) -> None:
        self.params["kernel"][...] = initializer(rng, self.params["kernel"].shape, *self._fans[fans])
        if "bias" in self.params:
            self.params["bias"][...] = 0


class Conv2D(Linear):
    """The standard convolution as a layer: `conv2d` with its kernel.

    Args:
        in_channels, out_channels: M and N.
        kernel_size: Dᵣ, an int or (height, width).
        stride, padding, dilation: as in `conv2d`.
        bias: whether a bias of N numbers is added; with batch normalisation behind it none is needed.
        seed: an int or a generator, from which the kernel is drawn (He's normal); `initialize` draws otherwise. Layers
            of the same shape with the same int, or with none given, begin with the same kernel.
        dtype: of the parameters.

    Raises:
        TypeError, ValueError: sizes that are not whole numbers above 0, geometry that `conv2d` does not take, a bias
            that is no bool, a seed below 0, a dtype that is not of real floats; in `forward` and `backward`, as
            `conv2d` and its backward.

    Source: the article's "Overview of Standard 2D Convolution".

    >>> layer = Conv2D(3, 8, 3, stride=2, padding="same")
    >>> layer.forward(np.ones((2, 7, 6, 3))).shape, layer.output_shape((2, 7, 6, 3))
    ((2, 4, 3, 8), (2, 4, 3, 8))
    """

    operation, operation_backward, operation_cost = conv2d, conv2d_backward, conv2d_cost

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair = 3,
        *,
        stride: Pair = 1,
        padding: Padding = "valid",
        dilation: Pair = 1,
        bias: bool = False,
        seed: int | np.random.Generator = 0,
        dtype: Any = np.float32,
    ) -> None:
        in_channels, out_channels = positive_ints("Conv2D", in_channels=in_channels, out_channels=out_channels)
        height, width = pair("Conv2D", "kernel_size", kernel_size)
        fans = (height * width * in_channels, height * width * out_channels)
        super().__init__((height, width, in_channels, out_channels), fans, bias, seed, dtype)
        self.geometry = checked_geometry("Conv2D", stride, padding, dilation)


class DepthwiseConv2D(Linear):
    """The depthwise convolution as a layer: `depthwise_conv2d` with its kernel.

    `channels` is M, `depth_multiplier` Q; the rest as in `Conv2D`. Source: the article's Fig. 4(b).

    >>> layer = DepthwiseConv2D(3, 3, depth_multiplier=2)
    >>> layer.forward(np.ones((2, 7, 6, 3))).shape
    (2, 5, 4, 6)
    """

    operation, operation_backward = depthwise_conv2d, depthwise_conv2d_backward
    operation_cost = depthwise_conv2d_cost

    def __init__(
        self,
        channels: int,
        kernel_size: Pair = 3,
        *,
        depth_multiplier: int = 1,
        stride: Pair = 1,
        padding: Padding = "valid",
        dilation: Pair = 1,
        bias: bool = False,
        seed: int | np.random.Generator = 0,
        dtype: Any = np.float32,
    ) -> None:
        channels, depth_multiplier = positive_ints(
            "DepthwiseConv2D", channels=channels, depth_multiplier=depth_multiplier
        )
        height, width = pair("DepthwiseConv2D", "kernel_size", kernel_size)
        fans = (height * width, height * width * depth_multiplier)
        super().__init__((height, width, channels * depth_multiplier), fans, bias, seed, dtype, shared=channels)
        self.in_channels = channels  # the kernel's shape has M·Q
        self.geometry = checked_geometry("DepthwiseConv2D", stride, padding, dilation)


class PointwiseConv2D(Linear):
    """The pointwise convolution as a layer: `pointwise_conv2d` with its kernel.

    `in_channels` is M, `out_channels` N; the rest as in `Conv2D`. Source: the article's Fig. 4(c).

    >>> PointwiseConv2D(3, 8).forward(np.ones((2, 7, 6, 3))).shape
    (2, 7, 6, 8)
    """

    operation, operation_backward = pointwise_conv2d, pointwise_conv2d_backward
    operation_cost = pointwise_conv2d_cost

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        bias: bool = False,
        seed: int | np.random.Generator = 0,
        dtype: Any = np.float32,
    ) -> None:
        in_channels, out_channels = positive_ints("PointwiseConv2D", in_channels=in_channels, out_channels=out_channels)
        super().__init__((in_channels, out_channels), (in_channels, out_channels), bias, seed, dtype)


class Dense(Linear):
    """The fully connected layer, (B, M) to (B, N): `dense` with its kernel and a bias.

    `in_channels` is M, `out_channels` N; the rest as in `Conv2D`, except that there is a bias unless bias=False.
    Source: the last row of the article's Fig. 9.

    >>> Dense(3, 5).forward(np.ones((2, 3))).shape
    (2, 5)
    """

    operation, operation_backward, operation_cost = dense, dense_backward, dense_cost

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        bias: bool = True,
        seed: int | np.random.Generator = 0,
        dtype: Any = np.float32,
    ) -> None:
        in_channels, out_channels = positive_ints("Dense", in_channels=in_channels, out_channels=out_channels)
        super().__init__((in_channels, out_channels), (in_channels, out_channels), bias, seed, dtype)
